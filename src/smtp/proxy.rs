//! The PROXY protocol, versions 1 and 2: what a load balancer says of the
//! client before it lets it speak (haproxy's proxy-protocol.txt).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The first bytes of version 2.
pub const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The longest header of version 1, its line end included.
pub const LINE_BYTES_MAX: usize = 107;
/// The longest addresses and additions of version 2 that are read.
pub const BLOCK_BYTES_MAX: usize = 4096;

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Whoever holds it: the balancer itself, or nobody it knows.
    Itself,
    /// A client.
    Client {
        /// Where it comes from.
        peer: SocketAddr,
        /// Where it connected to.
        local: SocketAddr,
    },
}

/// Reads a header of version 1, without its line end.
pub fn line(text: &[u8]) -> Option<Source> {
    let text = std::str::from_utf8(text).ok()?;
    let mut words = text.split(' ');
    if words.next()? != "PROXY" {
        return None;
    }
    let family = words.next()?;
    if family == "UNKNOWN" {
        return Some(Source::Itself);
    }
    let mut address = || -> Option<IpAddr> {
        let word = words.next()?;
        match family {
            "TCP4" => word.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
            "TCP6" => word.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            _ => None,
        }
    };
    let (from, to) = (address()?, address()?);
    let mut port = || words.next()?.parse::<u16>().ok();
    let (from_port, to_port) = (port()?, port()?);
    words.next().is_none().then_some(Source::Client {
        peer: SocketAddr::new(from, from_port),
        local: SocketAddr::new(to, to_port),
    })
}

/// Reads the four bytes behind [`SIGNATURE`]: command, family, and how many
/// bytes follow.
pub fn head(head: [u8; 4]) -> Option<(u8, u8, usize)> {
    let [command, family, high, low] = head;
    let length = usize::from(u16::from_be_bytes([high, low]));
    (matches!(command, 0x20 | 0x21) && length <= BLOCK_BYTES_MAX)
        .then_some((command, family, length))
}

/// Reads the addresses of version 2; what stands behind them is left out.
pub fn block(command: u8, family: u8, block: &[u8]) -> Option<Source> {
    if command == 0x20 {
        return Some(Source::Itself);
    }
    let (peer, local) = match family {
        0x11 => {
            let (from, rest) = block.split_first_chunk::<4>()?;
            let (to, ports) = rest.split_first_chunk::<4>()?;
            let (from_port, to_port) = both(ports)?;
            (
                SocketAddr::new(Ipv4Addr::from(*from).into(), from_port),
                SocketAddr::new(Ipv4Addr::from(*to).into(), to_port),
            )
        }
        0x21 => {
            let (from, rest) = block.split_first_chunk::<16>()?;
            let (to, ports) = rest.split_first_chunk::<16>()?;
            let (from_port, to_port) = both(ports)?;
            (
                SocketAddr::new(Ipv6Addr::from(*from).into(), from_port),
                SocketAddr::new(Ipv6Addr::from(*to).into(), to_port),
            )
        }
        // Unix sockets, datagrams, what is not said.
        _ => return Some(Source::Itself),
    };
    Some(Source::Client { peer, local })
}

fn both(ports: &[u8]) -> Option<(u16, u16)> {
    let [a, b, c, d, ..] = *ports else {
        return None;
    };
    Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn client(peer: &str, local: &str) -> Option<Source> {
        Some(Source::Client {
            peer: peer.parse().expect(peer),
            local: local.parse().expect(local),
        })
    }

    #[test]
    fn version_one_is_a_line() {
        assert_eq!(
            line(b"PROXY TCP4 192.0.2.1 198.51.100.1 5000 25"),
            client("192.0.2.1:5000", "198.51.100.1:25")
        );
        assert_eq!(
            line(b"PROXY TCP6 2001:db8::1 2001:db8::2 5000 25"),
            client("[2001:db8::1]:5000", "[2001:db8::2]:25")
        );
        assert_eq!(line(b"PROXY UNKNOWN"), Some(Source::Itself));
        assert_eq!(line(b"PROXY UNKNOWN x y"), Some(Source::Itself));
        for bad in [
            "",
            "PROXY",
            "EHLO x",
            "PROXY TCP4 192.0.2.1",
            "PROXY TCP4 2001:db8::1 192.0.2.1 1 2",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 70000",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3",
            "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2",
        ] {
            assert_eq!(line(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn version_two_is_a_block() {
        assert_eq!(head([0x21, 0x11, 0, 12]), Some((0x21, 0x11, 12)));
        assert_eq!(head([0x11, 0x11, 0, 12]), None, "another version");
        assert_eq!(head([0x22, 0x11, 0, 12]), None, "another command");
        assert_eq!(head([0x21, 0x11, 0xff, 0xff]), None, "too long");
        let four = [192, 0, 2, 1, 198, 51, 100, 1, 0x13, 0x88, 0, 25, 1, 2];
        assert_eq!(
            block(0x21, 0x11, &four),
            client("192.0.2.1:5000", "198.51.100.1:25")
        );
        assert_eq!(block(0x21, 0x11, &four[..11]), None);
        assert_eq!(block(0x20, 0x11, &four), Some(Source::Itself));
        assert_eq!(block(0x21, 0x31, &four), Some(Source::Itself));
        let mut six = [0; 36];
        (six[15], six[31], six[33], six[35]) = (1, 2, 99, 25);
        assert_eq!(block(0x21, 0x21, &six), client("[::1]:99", "[::2]:25"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(text: Vec<u8>, command: u8, family: u8) {
            line(&text);
            block(command, family, &text);
        }
    }
}
