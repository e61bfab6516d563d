//! Map class `cidr`: networks in a text file, as Postfix's cidr_table(5)
//! writes them. The first line that has the address counts.
//!
//! ```text
//! 192.0.2.1        OK
//! 192.0.2.0/24     REJECT
//! !2001:db8::/32   outside
//! ```
//!
//! `#` begins a comment line, white space goes on with the line before. A line
//! that is no network is told in the log and passed over.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;

use bstr::{BString, ByteSlice};

use crate::dbfile::DbError;

use super::answer::{Lookup, Outcome, Scope};
use super::errno_text;
use super::fault::Faults;
use super::file::{FileFault, Guarded, Live};
use super::kline::KLine;
use super::names::address_of;
use super::registry::{Ask, Backend, Maps, OpenState, Opened, Opening};

/// A table is kept in memory whole.
const FILE_BYTES_MAX: usize = 256 << 20;

/// A network: its first bits, the others 0, as an IPv6 address has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Network {
    bits: u128,
    length: u8,
    six: bool,
}

impl Network {
    /// Reads `ADDRESS` or `ADDRESS/LENGTH`; bits behind the length must be 0.
    fn parse(text: &[u8]) -> Option<Self> {
        let (address, length) = match text.split_once_str("/") {
            Some((address, length)) => (address, Some(length.to_str().ok()?.parse().ok()?)),
            None => (text, None),
        };
        let address = address.strip_prefix(b"[").unwrap_or(address);
        let address = address.strip_suffix(b"]").unwrap_or(address);
        let address: IpAddr = address.to_str().ok()?.parse().ok()?;
        let most = if address.is_ipv6() { 128 } else { 32 };
        let length = length.unwrap_or(most);
        let network = Self::around(address, length);
        (length <= most && network.bits == bits_of(address)).then_some(network)
    }

    /// The network of this length that an address is in.
    fn around(address: IpAddr, length: u8) -> Self {
        let mask = match length {
            0 => 0,
            length => u128::MAX << (128 - u32::from(length.min(128))),
        };
        Self {
            bits: bits_of(address) & mask,
            length,
            six: address.is_ipv6(),
        }
    }
}

/// The bits of an address, the first one on top.
fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(four) => u128::from(u32::from(four)) << 96,
        IpAddr::V6(six) => six.into(),
    }
}

/// A table in memory.
struct Table {
    /// The place of the first line with each network.
    places: HashMap<Network, usize>,
    /// The lengths that there are, for IPv4 and for IPv6.
    lengths: [Vec<u8>; 2],
    /// Lines for all addresses outside a network.
    outside: Vec<(Network, usize)>,
    values: Vec<BString>,
    /// Lines that are no networks: their numbers.
    faults: Vec<usize>,
}

impl Table {
    fn load(file: Guarded) -> Result<Self, DbError> {
        Ok(Self::read(&file.read_all(FILE_BYTES_MAX)?))
    }

    fn read(text: &[u8]) -> Self {
        let mut table = Self {
            places: HashMap::new(),
            lengths: [Vec::new(), Vec::new()],
            outside: Vec::new(),
            values: Vec::new(),
            faults: Vec::new(),
        };
        let mut whole: Option<(usize, BString)> = None;
        for (number, line) in (1..).zip(text.lines()) {
            let goes_on = line.first().is_some_and(u8::is_ascii_whitespace);
            match (&mut whole, line.trim()) {
                (_, [] | [b'#', ..]) => {}
                (Some((_, before)), more) if goes_on => {
                    before.push(b' ');
                    before.extend_from_slice(more);
                }
                (_, line) => {
                    if let Some((number, line)) = whole.replace((number, line.into())) {
                        table.add(number, &line);
                    }
                }
            }
        }
        if let Some((number, line)) = whole {
            table.add(number, &line);
        }
        table
    }

    /// Takes one line in.
    fn add(&mut self, number: usize, line: &[u8]) {
        let end = line.find_byteset(b" \t").unwrap_or(line.len());
        let (pattern, value) = (&line[..end], line[end..].trim());
        let (negated, pattern) = match pattern.strip_prefix(b"!") {
            Some(pattern) => (true, pattern),
            None => (false, pattern),
        };
        let Some(network) = Network::parse(pattern).filter(|_| !value.is_empty()) else {
            self.faults.push(number);
            return;
        };
        let place = self.values.len();
        self.values.push(value.into());
        if negated {
            self.outside.push((network, place));
            return;
        }
        self.places.entry(network).or_insert(place);
        let lengths = &mut self.lengths[usize::from(network.six)];
        if !lengths.contains(&network.length) {
            lengths.push(network.length);
        }
    }

    /// The value of the first line that has `address`.
    fn find(&self, address: IpAddr) -> Option<&BString> {
        let lengths = &self.lengths[usize::from(address.is_ipv6())];
        let inside = lengths
            .iter()
            .filter_map(|length| self.places.get(&Network::around(address, *length)));
        let outside = self.outside.iter().filter(|(network, _)| {
            network.six == address.is_ipv6() && *network != Network::around(address, network.length)
        });
        let first = inside.chain(outside.map(|(_, place)| place)).min()?;
        self.values.get(*first)
    }
}

/// A map of networks.
struct Cidr {
    name: BString,
    line: KLine,
    file: Live<Table>,
    faults: Faults,
}

/// Opens a `cidr` map.
pub(crate) fn open(opening: &mut Opening<'_>) -> Option<Opened> {
    let line = opening.line();
    if line.file.is_empty() {
        opening.no_file();
        return Some(Opened::unusable(line.common));
    }
    let file = Live::new(
        PathBuf::from(line.file.to_os_str_lossy().into_owned()),
        opening.settings.strict_directories,
        opening.world,
        Table::load,
    );
    Some(Opened {
        common: line.common.clone(),
        backend: Box::new(Cidr {
            name: opening.definition.name.clone(),
            line,
            file,
            faults: Faults::default(),
        }),
    })
}

impl Cidr {
    /// What is said of a fault of the file.
    fn complaint(&self, fault: &FileFault) -> String {
        let (name, path) = (&self.name, self.file.path().display());
        match fault {
            FileFault::Missing(error) => {
                let error = errno_text(error);
                format!("cidr map \"{name}\": missing map file {path}: {error}")
            }
            fault => format!("cidr map \"{name}\": {path}: {fault}"),
        }
    }
}

impl Backend for Cidr {
    fn lookup<'a>(
        &'a self,
        maps: &'a Maps,
        ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        let key = ask.key.strip_prefix(b"[").unwrap_or(ask.key);
        let Some(address) = address_of(key.strip_suffix(b"]").unwrap_or(key)) else {
            return Lookup::Ready(Outcome::ABSENT);
        };
        let found = self.file.ask(&*maps.world().clock, |table| {
            Ok((table.find(address).cloned(), table.faults.first().copied()))
        });
        Lookup::Ready(match found {
            Ok((value, bad_line)) => {
                if let Some(number) = bad_line {
                    let path = self.file.path().display();
                    let text = format!("{path}: line {number}: no network and value");
                    self.faults.tell(maps.world(), &text);
                }
                match value {
                    Some(value) => Outcome::Found(self.line.common.result(ask, value.into())),
                    None => Outcome::ABSENT,
                }
            }
            Err(_) if self.line.common.optional => Outcome::ABSENT,
            Err(fault) => {
                self.faults.tell(maps.world(), &self.complaint(&fault));
                Outcome::TempFail
            }
        })
    }

    fn open_state(&self, maps: &Maps) -> OpenState {
        match self.file.ask(&*maps.world().clock, |_| Ok(())) {
            Ok(()) => OpenState::Open,
            Err(_) if self.line.common.optional => OpenState::NotOpen,
            Err(fault) => OpenState::Faulty(self.complaint(&fault)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(table: &Table, address: &str, expected: Option<&str>) {
        let address = address.parse().expect("an address");
        let found = table.find(address).map(ToString::to_string);
        assert_eq!(found.as_deref(), expected, "{address}");
    }

    #[test]
    fn the_first_line_that_has_the_address_counts() {
        let table = Table::read(
            b"# c\n192.0.2.1 one\n192.0.2.0/24\tnet two\n  more\n192.0.2.2 never\n10.0.0.0/7 low\n\
              2001:db8::/32 six\n[2001:db9::1] bracket\n192.0.3.1/24 bad\nx y\n10.1.1.1\n\
              !172.16.0.0/12 other\n0.0.0.0/0 any\n",
        );
        check(&table, "192.0.2.1", Some("one"));
        check(&table, "192.0.2.2", Some("net two more"));
        check(&table, "11.255.0.1", Some("low"));
        check(&table, "12.0.0.1", Some("other"));
        check(&table, "172.17.0.1", Some("any"));
        check(&table, "2001:db8::5", Some("six"));
        check(&table, "2001:db9::1", Some("bracket"));
        check(&table, "2001:db9::2", None);
        assert_eq!(table.faults, [9, 10, 11]);
    }

    proptest! {
        #[test]
        fn any_table_is_read_and_found_in_order(
            lines in proptest::collection::vec((any::<u32>(), 0u8..=32, any::<bool>()), 0..20),
            address: u32,
        ) {
            let mut text = String::new();
            let mut expected = None;
            for (number, (bits, length, negated)) in lines.iter().enumerate() {
                let mask = if *length == 0 { 0 } else { u32::MAX << (32 - length) };
                let network = std::net::Ipv4Addr::from(bits & mask);
                let mark = if *negated { "!" } else { "" };
                text.push_str(&format!("{mark}{network}/{length} v{number}\n"));
                if ((bits & mask) == (address & mask)) != *negated {
                    expected = expected.or(Some(format!("v{number}")));
                }
            }
            let table = Table::read(text.as_bytes());
            let found = table.find(IpAddr::V4(address.into())).map(ToString::to_string);
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>) {
            Table::read(&bytes);
        }
    }
}
