//! Map classes that ask the name system: `host`, `dns`, `bestmx`; and `arpa`,
//! which only writes an address the way the name system wants it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bstr::{BString, ByteSlice};

use crate::world::{Mx, RecordKind, ResolveError};

use super::answer::{Lookup, Outcome, Scope};
use super::kline::{Common, KLine, Taken, flags};
use super::registry::{Ask, Backend, Maps, Opened, Opening};

/// EX_DATAERR: the key is no address.
const NO_ADDRESS: i32 = 65;
/// EX_UNAVAILABLE: the domain takes no mail (RFC 7505).
const NULL_MX: i32 = 69;

/// What a failed question to the name system means.
fn failed(error: ResolveError) -> Outcome {
    match error {
        ResolveError::NoSuchName | ResolveError::NoData => Outcome::NO_HOST,
        ResolveError::Temporary => Outcome::TempFail,
    }
}

/// The address in a key: bare, or in brackets as in mail addresses.
pub(crate) fn address_of(key: &[u8]) -> Option<IpAddr> {
    let key = key.to_str().ok()?;
    match key.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case("ipv6:") => {
            key[5..].parse::<Ipv6Addr>().ok().map(IpAddr::V6)
        }
        _ => key.parse().ok(),
    }
}

/// A name as it is asked: no dot behind it; none when it can be no name.
fn name_of(key: &[u8]) -> Option<String> {
    let key = key.strip_suffix(b".").unwrap_or(key);
    let sound = key.iter().all(|byte| byte.is_ascii_graphic()) && !key.is_empty();
    sound.then(|| String::from_utf8_lossy(key).into_owned())
}

/// Class `host`: canonical names.
struct Host {
    common: Common,
}

/// Opens a `host` map.
pub(crate) fn host(opening: &mut Opening<'_>) -> Opened {
    // sendmail: nothing is said about flags that it does not know.
    let line = KLine::parse_onto(opening.before.clone(), &opening.definition.arguments, b"");
    Opened {
        common: line.common.clone(),
        backend: Box::new(Host {
            common: line.common,
        }),
    }
}

impl Backend for Host {
    fn lookup<'a>(
        &'a self,
        maps: &'a Maps,
        ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        let key: BString = ask.key.into();
        let question = match key.strip_prefix(b"[") {
            Some(rest) => match rest.strip_suffix(b"]").and_then(address_of) {
                Some(address) => Question::Address(address),
                None => return Lookup::Ready(Outcome::NO_HOST),
            },
            None => match name_of(&key) {
                // An address without brackets is no name.
                Some(name) if name.parse::<Ipv4Addr>().is_err() => Question::Name(name),
                _ => return Lookup::Ready(Outcome::NO_HOST),
            },
        };
        let resolver = &maps.world().resolver;
        Lookup::Pending(Box::pin(async move {
            let found = match &question {
                Question::Name(name) => resolver.canonical(name).await,
                Question::Address(address) => resolver.name_of(*address).await,
            };
            match found {
                Ok(name) if self.common.match_only => {
                    let _ = name;
                    Outcome::Found(self.common.value(&key, None))
                }
                Ok(name) => Outcome::Found(self.common.value(name.as_bytes(), None)),
                Err(error) => failed(error),
            }
        }))
    }
}

/// What `host` asks.
enum Question {
    Name(String),
    Address(IpAddr),
}

/// Class `dns`: records of one type.
struct Dns {
    common: Common,
    kind: RecordKind,
    /// `-z`: all records, with this between them; without it the first.
    delimiter: Option<u8>,
    /// `-Z`: bytes of all together at most.
    bytes_max: usize,
    /// `-B`: put behind each name that is asked.
    base: BString,
}

/// Class `dns` with a type that is unknown or missing: nothing is found.
struct NoType;

impl Backend for NoType {
    fn lookup<'a>(
        &'a self,
        _maps: &'a Maps,
        _ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        Lookup::Ready(Outcome::NO_HOST)
    }
}

/// Opens a `dns` map: `-R` and the usual flags.
pub(crate) fn dns(opening: &mut Opening<'_>) -> Opened {
    let arguments = &opening.definition.arguments;
    // sendmail: nothing is said about flags that it does not know.
    let line = KLine::parse_onto(opening.before.clone(), arguments, b"RBZdr");
    let (mut kind, mut bytes_max, mut base) = (None, usize::MAX, BString::default());
    flags(arguments, |flag, value| match flag {
        b'R' => {
            kind = Some(BString::from(value));
            Taken::AlsoNextWord
        }
        b'B' => {
            base = value.into();
            Taken::AlsoNextWord
        }
        b'Z' => {
            let number = value.to_str().ok().and_then(|text| text.parse().ok());
            bytes_max = number.unwrap_or(bytes_max);
            Taken::AlsoNextWord
        }
        _ => Taken::ThisWord,
    });
    let name = &opening.definition.name;
    let Some(record) = kind.as_deref().and_then(|kind| record_kind(kind)) else {
        if let Some(kind) = &kind {
            let message = format!("dns map {name}: wrong type {kind}");
            opening.fault("map-dns-type", message);
        }
        let message = format!("dns map {name}: missing -R type");
        opening.fault("map-dns-type", message);
        return Opened {
            common: line.common,
            backend: Box::new(NoType),
        };
    };
    Opened {
        common: line.common.clone(),
        backend: Box::new(Dns {
            common: line.common,
            kind: record,
            delimiter: line.delimiter,
            bytes_max,
            base,
        }),
    }
}

/// The type that `-R` names.
fn record_kind(name: &[u8]) -> Option<RecordKind> {
    Some(match name.to_ascii_uppercase().as_slice() {
        b"A" => RecordKind::A,
        b"AAAA" => RecordKind::Aaaa,
        b"AFSDB" => RecordKind::Afsdb,
        b"CNAME" => RecordKind::Cname,
        b"MX" => RecordKind::Mx,
        b"NS" => RecordKind::Ns,
        b"PTR" => RecordKind::Ptr,
        b"SRV" => RecordKind::Srv,
        b"TXT" => RecordKind::Txt,
        _ => return None,
    })
}

impl Dns {
    /// What the records come to.
    fn value(&self, records: &[BString]) -> Option<BString> {
        let (first, rest) = records.split_first()?;
        let mut value = first.clone();
        if let Some(delimiter) = self.delimiter {
            for record in rest {
                if value.len() + 1 + record.len() > self.bytes_max {
                    break;
                }
                value.push(delimiter);
                value.extend_from_slice(record);
            }
        }
        Some(value)
    }
}

impl Backend for Dns {
    fn lookup<'a>(
        &'a self,
        maps: &'a Maps,
        ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        // With `-B` a key that ends with a dot makes a name with two.
        let full = match self.base.is_empty() {
            true => ask.key.to_vec(),
            false => bstr::concat([ask.key, b".", &self.base]),
        };
        let Some(mut name) = name_of(&full).filter(|name| !name.contains("..")) else {
            return Lookup::Ready(Outcome::NO_HOST);
        };
        if full.ends_with(b".") {
            // It is whole: no search list.
            name.push('.');
        }
        let key: BString = ask.key.into();
        let resolver = &maps.world().resolver;
        Lookup::Pending(Box::pin(async move {
            match resolver.records(&name, self.kind).await {
                Ok(records) => match self.value(&records) {
                    Some(_) if self.common.match_only => {
                        Outcome::Found(self.common.value(&key, None))
                    }
                    Some(value) => Outcome::Found(self.common.value(&value, Some(&[&key]))),
                    None => Outcome::NO_HOST,
                },
                Err(error) => failed(error),
            }
        }))
    }
}

/// Class `bestmx`: the hosts that take a domain's mail.
struct BestMx {
    common: Common,
    delimiter: Option<u8>,
}

/// Opens a `bestmx` map.
pub(crate) fn bestmx(opening: &mut Opening<'_>) -> Opened {
    let line = opening.line();
    Opened {
        common: line.common.clone(),
        backend: Box::new(BestMx {
            common: line.common,
            delimiter: line.delimiter,
        }),
    }
}

impl BestMx {
    /// The best host, or with `-z` all of them, best first, each with its dot.
    fn value(&self, mut records: Vec<Mx>) -> BString {
        records.sort_by_key(|mx| mx.preference);
        let count = if self.delimiter.is_some() {
            records.len()
        } else {
            1
        };
        let mut value = BString::default();
        for mx in records.iter().take(count) {
            if let (false, Some(delimiter)) = (value.is_empty(), self.delimiter) {
                value.push(delimiter);
            }
            value.extend_from_slice(mx.exchange.as_bytes());
            value.push(b'.');
        }
        value
    }
}

impl Backend for BestMx {
    fn lookup<'a>(
        &'a self,
        maps: &'a Maps,
        ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        if ask.key.starts_with(b"[") {
            return Lookup::Ready(Outcome::Found(self.common.value(ask.key, None)));
        }
        let Some(name) = name_of(ask.key) else {
            return Lookup::Ready(Outcome::NO_HOST);
        };
        let key: BString = ask.key.into();
        let resolver = &maps.world().resolver;
        Lookup::Pending(Box::pin(async move {
            let records = match resolver.mx(&name).await {
                Ok(records) if !records.is_empty() => records,
                // Without MX records the host itself takes its mail, if it is
                // one (RFC 5321, 5.1).
                Ok(_) | Err(ResolveError::NoData) => match resolver.addresses(&name).await {
                    Ok(_) => vec![Mx {
                        preference: 0,
                        exchange: name.to_ascii_lowercase(),
                    }],
                    Err(ResolveError::NoData) => return Outcome::ABSENT,
                    Err(error) => return failed(error),
                },
                Err(error) => return failed(error),
            };
            if records.iter().all(|mx| mx.exchange.is_empty()) {
                return Outcome::NotFound(NULL_MX);
            }
            if self.common.match_only {
                return Outcome::Found(self.common.value(&key, None));
            }
            Outcome::Found(self.common.value(&self.value(records), None))
        }))
    }
}

/// Class `arpa`: an address, its parts in the order of the name system.
struct Arpa {
    common: Common,
}

/// Opens an `arpa` map.
pub(crate) fn arpa(opening: &mut Opening<'_>) -> Opened {
    let line = KLine::parse_onto(opening.before.clone(), &opening.definition.arguments, b"");
    Opened {
        common: line.common.clone(),
        backend: Box::new(Arpa {
            common: line.common,
        }),
    }
}

impl Backend for Arpa {
    fn lookup<'a>(
        &'a self,
        _maps: &'a Maps,
        ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        let tagged = ask
            .key
            .get(..5)
            .is_some_and(|tag| tag.eq_ignore_ascii_case(b"ipv6:"));
        let labels: Vec<String> = match address_of(ask.key) {
            Some(IpAddr::V4(address)) => address.octets().iter().rev().map(u8::to_string).collect(),
            // Only with the tag that mail addresses have.
            Some(IpAddr::V6(address)) if tagged => address
                .octets()
                .iter()
                .rev()
                .flat_map(|byte| [byte & 15, byte >> 4])
                .map(|nibble| format!("{nibble:x}"))
                .collect(),
            _ => return Lookup::Ready(Outcome::NotFound(NO_ADDRESS)),
        };
        let value = labels.join(".");
        Lookup::Ready(Outcome::Found(self.common.value(value.as_bytes(), None)))
    }
}
