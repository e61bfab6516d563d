//! The argument of XCLIENT: for whom another host speaks (Postfix,
//! XCLIENT_README).

use std::net::IpAddr;

use bstr::ByteSlice;

use super::xtext;

/// The client that the argument of XCLIENT names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Its address, if the proxy knows it.
    pub address: Option<IpAddr>,
    /// Its port, if the proxy knows it.
    pub port: Option<u16>,
}

impl Named {
    /// Reads `NAME=value …`; values are xtext.
    ///
    /// Names, protocols and greetings are taken for nothing; `None` for what
    /// makes no sense.
    pub fn parse(argument: &[u8]) -> Option<Self> {
        let mut named = Self::default();
        for attribute in argument.fields() {
            let (name, value) = attribute.split_once_str("=")?;
            let value = xtext::decode(value);
            let is_known = !value.starts_with(b"[UNAVAILABLE]") && value != "[TEMPUNAVAIL]";
            let text = value.to_str().ok()?;
            match name.to_ascii_uppercase().as_slice() {
                b"ADDR" if is_known => named.address = Some(address(text)?),
                b"PORT" if is_known => named.port = Some(text.parse().ok()?),
                b"ADDR" | b"PORT" | b"NAME" | b"PROTO" | b"HELO" => {}
                _ => return None,
            }
        }
        Some(named)
    }
}

/// `192.0.2.1` or `IPV6:2001:db8::1`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = match text.get(..5) {
        Some(prefix) if prefix.eq_ignore_ascii_case("IPV6:") => &text[5..],
        _ => text,
    };
    bare.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn attributes_are_read() {
        let named = Named::parse(b"NAME=x.example ADDR=192.0.2.1 PORT=99 PROTO=ESMTP HELO=y");
        let expected = Named {
            address: Some([192, 0, 2, 1].into()),
            port: Some(99),
        };
        assert_eq!(named, Some(expected));
        let six = Named::parse(b"addr=IPv6:2001:db8::1").and_then(|named| named.address);
        assert_eq!(six, "2001:db8::1".parse().ok());
        let nobody = Named::parse(b"ADDR=[UNAVAILABLE] NAME=[TEMPUNAVAIL]");
        assert_eq!(nobody, Some(Named::default()));
        for bad in ["ADDR", "ADDR=", "ADDR=host", "LOGIN=root", "PORT=x", "X=1"] {
            assert_eq!(Named::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(text: Vec<u8>) {
            Named::parse(&text);
        }
    }
}
