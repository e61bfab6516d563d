//! A range of addresses: `192.0.2.0/24`, `2001:db8::/32`, `192.0.2.0/255.255.255.0`,
//! or a single address, IPv6 ones also in brackets or after `IPv6:`.

use std::net::IpAddr;

/// Addresses whose first bits agree. An IPv4 address that came over IPv6
/// counts as the IPv4 address it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// How many bits count.
    bits: u32,
}

impl Network {
    /// Reads a range.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        // `[2001:db8::]/32` and `[2001:db8::/32]` are both written.
        let address = address.trim_start_matches('[').trim_end_matches(']');
        let address = address
            .strip_prefix("IPv6:")
            .unwrap_or(address)
            .parse::<IpAddr>()
            .ok()?
            .to_canonical();
        let most = width(address);
        let bits = match bits.map(|bits| bits.trim_end_matches(']')) {
            None => most,
            Some(bits) => bits.parse().ok().or_else(|| mask(bits, address))?,
        };
        (bits <= most).then_some(Self { address, bits })
    }

    /// Whether an address is in the range.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        width(address) == width(self.address)
            && leading(address, self.bits) == leading(self.address, self.bits)
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The first bits of an address, as a number.
fn leading(address: IpAddr, bits: u32) -> u128 {
    let number = match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    number.checked_shr(width(address) - bits).unwrap_or(0)
}

/// How many bits a mask like `255.255.255.0` has.
fn mask(text: &str, address: IpAddr) -> Option<u32> {
    let IpAddr::V4(mask) = text.parse().ok()? else {
        return None;
    };
    let number = mask.to_bits();
    (address.is_ipv4() && number.leading_ones() == number.count_ones())
        .then(|| number.leading_ones())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in(network: &str, address: &str) -> bool {
        let network = Network::parse(network).expect(network);
        network.contains(address.parse().expect(address))
    }

    #[test]
    fn ranges_hold_what_they_say() {
        assert!(is_in("192.0.2.1", "192.0.2.1"));
        assert!(!is_in("192.0.2.1", "192.0.2.2"));
        assert!(is_in("192.0.2.0/24", "192.0.2.255"));
        assert!(!is_in("192.0.2.0/24", "192.0.3.0"));
        assert!(is_in("192.0.2.0/255.255.255.0", "192.0.2.9"));
        assert!(is_in("0.0.0.0/0", "203.0.113.1"));
        assert!(!is_in("0.0.0.0/0", "::1"));
        assert!(is_in("2001:db8::/32", "2001:db8:1::1"));
        assert!(is_in("IPv6:2001:db8::1", "2001:db8::1"));
        assert!(is_in("[2001:db8::]/32", "2001:db8::1"));
        assert!(is_in("::/0", "2001:db8::1"));
        assert!(is_in("192.0.2.0/24", "::ffff:192.0.2.1"));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            "192.0.2",
            "192.0.2.0/33",
            "::1/129",
            "192.0.2.0/255.0.255.0",
            "192.0.2.0/",
            "host.example",
            "::1/255.0.0.0",
        ] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
