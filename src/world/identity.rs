//! Who this host is: its names and addresses.

use std::net::IpAddr;

/// The names and addresses of this host, as the system tells them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostIdentity {
    /// What `uname -n` says.
    pub node: String,
    /// The fully qualified name (`mail.example.org`); the node name when
    /// nothing better is known.
    pub full: String,
    /// Other names of this host.
    pub aliases: Vec<String>,
    /// Addresses of its interfaces; empty when they were not asked for
    /// (option DontProbeInterfaces).
    pub addresses: Vec<IpAddr>,
}

impl HostIdentity {
    /// The first part of the name (`mail`).
    pub fn short(&self) -> &str {
        self.full.split('.').next().unwrap_or_default()
    }

    /// What follows the first dot (`example.org`); empty without one.
    pub fn domain(&self) -> &str {
        self.full.split_once('.').map_or("", |(_, domain)| domain)
    }
}
