//! XCLIENT: a host that is trusted to do so says for whom it speaks.
//!
//! Hosts of class `{XclientHosts}` are offered it, and nobody else. The
//! address they give is looked up and checked as that of a client that
//! connects; the name they give is not believed, for ours leads back to the
//! address. What the session knew of its own client is forgotten.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bstr::ByteSlice;

use super::client::{Client, Connection, Origin};
use super::session::Session;
use crate::base::Reply;
use crate::smtp::server::{Features, Server};
use crate::smtp::xtext;

/// What XCLIENT said.
#[derive(Debug, Default, PartialEq, Eq)]
struct Named {
    address: Option<IpAddr>,
    port: Option<u16>,
}

impl Named {
    /// Reads `NAME=value …`; values are xtext.
    fn parse(argument: &[u8]) -> Option<Self> {
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

impl Session {
    /// Whether the host at the other end may say for whom it speaks.
    pub(super) fn may_stand_for_others(&self) -> bool {
        let Origin::Tcp(peer) = self.connection.origin else {
            return false;
        };
        let hosts = &self.service.site.xclient_hosts;
        hosts.iter().any(|hosts| hosts.contains(peer.ip()))
    }

    /// Becomes the session of the client that is named; false when that one
    /// is not let in.
    pub(super) async fn xclient(
        &mut self,
        server: &mut Server,
        argument: &[u8],
        out: &mut Vec<u8>,
    ) -> bool {
        let Some(named) = Named::parse(argument) else {
            let text = "Syntax error in XCLIENT parameters";
            server.say_reply(&Reply::with(501, (5, 5, 4), text), out);
            return true;
        };
        let service = Arc::clone(&self.service);
        let origin = match (named.address, &self.connection.origin) {
            (Some(address), _) => Origin::Tcp(SocketAddr::new(address, named.port.unwrap_or(0))),
            (None, origin) => origin.clone(),
        };
        let connection = Connection {
            origin,
            ..self.connection.clone()
        };
        self.forget();
        self.exchange = None;
        (self.discard, self.quarantine, self.is_refused) = (false, None, false);
        self.client = Client::look_up(&service, &connection).await;
        self.macros = Arc::new(self.client.macros(&service, &connection));
        server.restart(self.client.shown.clone());
        server.set_features(service.features_now());
        match self.connection_checks(server).await {
            Some(reply) if reply.code() == 421 => {
                server.say_reply(&reply, out);
                return false;
            }
            Some(reply) => self.refuse(server, reply),
            None => {}
        }
        server.set_mechanisms(self.mechanisms(server.features()));
        server.set_features(server.features().with(Features::XCLIENT));
        server.greet(&self.greeting(), out);
        true
    }
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
