//! Where connections to other hosts come from: option ClientPortOptions.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bstr::ByteSlice;

use crate::cf::Opt;
use crate::route::Site;
use crate::world::Endpoint;

/// Our own address for a connection to `endpoint`, if the site names one for
/// its family.
pub(super) fn source(site: &Site, endpoint: &Endpoint) -> Option<SocketAddr> {
    let Endpoint::Inet { host, .. } = endpoint else {
        return None;
    };
    let to: IpAddr = host.parse().ok()?;
    let options = site.config.options.all(Opt::ClientPortOptions);
    options
        .iter()
        .filter_map(|value| parse(&value.text))
        .find(|source| source.is_ipv6() == to.is_ipv6())
}

/// Reads `Family=inet, Addr=192.0.2.1, Port=0, …`. Without address and port
/// there is nothing to say; what is no address is none.
fn parse(text: &[u8]) -> Option<SocketAddr> {
    let (mut six, mut address, mut port) = (false, None, None);
    for part in text.split(|byte| *byte == b',') {
        let (key, value) = part.split_once_str("=")?;
        let value = value.trim().to_str().ok()?;
        match key.trim().first()?.to_ascii_uppercase() {
            b'F' => six = value.eq_ignore_ascii_case("inet6"),
            b'A' => {
                let bare = value.trim_start_matches("IPv6:");
                address = Some(bare.trim_matches(['[', ']']).parse::<IpAddr>().ok()?);
            }
            b'P' => port = value.parse::<u16>().ok(),
            _ => {}
        }
    }
    if address.is_none() && port.is_none() {
        return None;
    }
    let any = match six {
        true => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        false => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    Some(SocketAddr::new(address.unwrap_or(any), port.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_name_a_source() {
        let read = |text: &str| parse(text.as_bytes()).map(|source| source.to_string());
        let four = read("Family=inet, Address=192.0.2.1");
        assert_eq!(four.as_deref(), Some("192.0.2.1:0"));
        let six = read("Family=inet6, Addr=IPv6:2001:db8::1, Port=2525");
        assert_eq!(six.as_deref(), Some("[2001:db8::1]:2525"));
        assert_eq!(read("Family=inet, Modify=h"), None);
        assert_eq!(read("Family=inet, Addr=nonsense"), None);
        assert_eq!(read("Port=1024").as_deref(), Some("0.0.0.0:1024"));
    }
}
