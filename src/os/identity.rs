//! The names and addresses of this host, from the system.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use super::hosts::Hosts;
use crate::world::HostIdentity;

/// Asks the system who this host is. No name server is asked: the full name
/// comes from the node name, or from the line of the hosts file that has it.
pub fn identity(hosts_file: &Path, probe_interfaces: bool) -> HostIdentity {
    let node = nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "localhost".to_owned())
        .to_ascii_lowercase();
    let text = std::fs::read(hosts_file).unwrap_or_default();
    let hosts = Hosts::parse(&String::from_utf8_lossy(&text));
    let line = hosts.names_with(&node);
    let full = std::iter::once(node.as_str())
        .chain(line.iter().map(String::as_str))
        .find(|name| name.contains('.') && *name != "localhost.localdomain")
        .unwrap_or(&node)
        .to_owned();
    // The addresses of the name count whether interfaces are probed or not.
    let mut addresses: Vec<IpAddr> = hosts.addresses(&full).unwrap_or_default().to_vec();
    if probe_interfaces {
        for address in interface_addresses() {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    let mut aliases: BTreeSet<String> = line.into_iter().filter(|name| *name != full).collect();
    for address in &addresses {
        let name = hosts.name_of(*address).map(str::to_owned);
        aliases.extend(name.filter(|name| *name != full));
    }
    HostIdentity {
        node,
        full,
        aliases: aliases.into_iter().collect(),
        addresses,
    }
}

/// Addresses of the interfaces that are there, in the order of the system.
fn interface_addresses() -> Vec<IpAddr> {
    let mut found = Vec::new();
    for interface in nix::ifaddrs::getifaddrs().into_iter().flatten() {
        let Some(storage) = interface.address else {
            continue;
        };
        let address = storage
            .as_sockaddr_in()
            .map(|v4| IpAddr::V4(v4.ip()))
            .or_else(|| storage.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
            // sendmail: `::1` is nobody's name.
            .filter(|address| address.is_ipv4() || !address.is_loopback());
        if let Some(address) = address
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}
