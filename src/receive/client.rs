//! Who is at the other end: address, name, and what is said of both.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use bstr::BString;

use super::service::Service;
use crate::rewrite::MacroTable;
use crate::world::ResolveError;

/// Where a session comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A TCP connection from this address.
    Tcp(SocketAddr),
    /// A Unix socket of this host: whoever may open it.
    Socket,
    /// A program of this host, run by this user (`-bs`).
    Local {
        /// The user's login name.
        user: BString,
    },
}

/// How often a client connects: what `ratecontrol` and `conncontrol` go by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// `${client_rate}`: its connections within the window, this one
    /// included.
    pub client_rate: u32,
    /// `${client_connections}`: those that are open.
    pub client_connections: u32,
    /// `${total_rate}`: connections of all clients within the window.
    pub total_rate: u32,
}

/// One connection as the listener hands it over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The client.
    pub origin: Origin,
    /// Our own end, when it is an address.
    pub local: Option<SocketAddr>,
    /// How often the client connects.
    pub counts: Counts,
}

/// A client that has been looked up.
#[derive(Clone, Debug)]
pub(super) struct Client {
    /// `${client_name}`: the name, or the address in brackets.
    pub(super) name: BString,
    /// `${client_addr}`: the address; empty for a local program.
    pub(super) address: BString,
    /// `$_`: as logs and Received fields show it.
    pub(super) shown: BString,
    /// Whether it is a program of this host.
    pub(super) is_local: bool,
    ip: Option<IpAddr>,
    port: u16,
    pointer: BString,
    resolve: &'static str,
    /// `${if_name}`: the name of our own end.
    interface: BString,
}

impl Client {
    /// Looks up a client's name, and whether the name leads back to it.
    pub(super) async fn look_up(service: &Service, connection: &Connection) -> Self {
        let peer = match &connection.origin {
            Origin::Local { user } => return Self::local(user),
            Origin::Socket => return Self::socket(),
            Origin::Tcp(peer) => *peer,
        };
        let compressed = service.compressed_ipv6();
        let ip = canonical(peer.ip());
        let address = address_text(ip, compressed);
        let bracketed = BString::from(format!("[{address}]"));
        let mut client = Self {
            name: bracketed.clone(),
            address: address.into(),
            shown: bracketed.clone(),
            is_local: false,
            ip: Some(ip),
            port: peer.port(),
            pointer: bracketed,
            resolve: "FAIL",
            interface: match connection.local {
                Some(local) => service.interface_name(canonical(local.ip())).await,
                None => BString::default(),
            },
        };
        let name = match service.resolver.name_of(ip).await {
            Ok(name) => name,
            Err(error) => {
                client.resolve = of_error(error);
                return client;
            }
        };
        client.pointer = name.clone().into();
        let back = service.resolver.addresses(&name).await;
        let leads_back = matches!(&back, Ok(found) if found.iter().any(|a| canonical(*a) == ip));
        if leads_back {
            client.resolve = "OK";
            client.shown = format!("{name} {}", client.shown).into();
            client.name = name.into();
        } else {
            client.resolve = match back {
                Err(ResolveError::Temporary) => "TEMP",
                _ => "FORGED",
            };
            client.shown = format!("{name} {} (may be forged)", client.shown).into();
        }
        client
    }

    /// Whoever may open a Unix socket of ours.
    fn socket() -> Self {
        Self {
            name: "localhost".into(),
            address: "[UNIX: localhost]".into(),
            shown: "localhost [[UNIX: localhost]]".into(),
            is_local: false,
            pointer: "localhost".into(),
            resolve: "OK",
            ..Self::local(b"")
        }
    }

    /// A program that `user` runs.
    pub(super) fn local(user: &[u8]) -> Self {
        Self {
            name: "localhost".into(),
            // sendmail: rules know a local program by this address.
            address: "0".into(),
            shown: bstr::concat([user, b"@localhost"]).into(),
            is_local: true,
            ip: None,
            port: 0,
            pointer: BString::default(),
            resolve: "",
            interface: BString::default(),
        }
    }

    /// The macros of a session with this client, over those of the listener.
    pub(super) fn macros(&self, service: &Service, connection: &Connection) -> MacroTable {
        let mut macros = MacroTable::over(std::sync::Arc::clone(&service.macros));
        macros.set(b"_", self.shown.clone());
        macros.set(b"s", self.name.clone());
        macros.set(b"r", "SMTP");
        macros.set(b"client_addr", self.address.clone());
        if !self.is_local {
            macros.set(b"client_name", self.name.clone());
        }
        macros.set(b"client_ptr", self.pointer.clone());
        macros.set(b"client_resolve", self.resolve);
        macros.set(b"client_port", self.port.to_string());
        if !self.is_local {
            let counts = connection.counts;
            macros.set(b"client_rate", counts.client_rate.to_string());
            macros.set(b"client_connections", counts.client_connections.to_string());
            macros.set(b"total_rate", counts.total_rate.to_string());
            macros.set(b"load_avg", service.local_host.load().to_string());
        }
        if let Some(local) = connection.local {
            let ip = canonical(local.ip());
            macros.set(b"if_name", self.interface.clone());
            // sendmail: an address that only this machine can reach says
            // nothing.
            if !ip.is_loopback() {
                macros.set(b"if_addr", address_text(ip, service.compressed_ipv6()));
                macros.set(b"if_family", if ip.is_ipv4() { "2" } else { "10" });
            }
        }
        macros
    }

    /// The name, when it leads back to the address.
    pub(super) fn proved_name(&self) -> Option<&[u8]> {
        (self.resolve == "OK").then_some(self.name.as_slice())
    }

    /// Where it comes from.
    pub(super) fn ip(&self) -> Option<IpAddr> {
        self.ip
    }
}

fn of_error(error: ResolveError) -> &'static str {
    match error {
        ResolveError::Temporary => "TEMP",
        ResolveError::NoSuchName | ResolveError::NoData => "FAIL",
    }
}

/// An IPv4 address that came over an IPv6 socket is an IPv4 address.
fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}

/// An address as sendmail writes it: `192.0.2.1`,
/// `IPv6:2001:db8:0:0:0:0:0:1`, or with UseCompressedIPv6Addresses
/// `IPv6:2001:db8::1`.
pub(super) fn address_text(ip: IpAddr, compressed: bool) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) if compressed => format!("IPv6:{ip}"),
        IpAddr::V6(ip) => format!("IPv6:{}", uncompressed(ip)),
    }
}

fn uncompressed(ip: Ipv6Addr) -> String {
    ip.segments().map(|group| format!("{group:x}")).join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_the_reference_writes_them() {
        let six: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(address_text(six, false), "IPv6:2001:db8:0:0:0:0:0:1");
        assert_eq!(address_text(six, true), "IPv6:2001:db8::1");
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert_eq!(address_text(canonical(mapped), false), "192.0.2.1");
    }
}
