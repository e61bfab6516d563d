//! The hosts file: names and addresses that need no name server (hosts(5)).

use std::collections::HashMap;
use std::net::IpAddr;

/// Lines of a hosts file that are read; the rest is left out.
const HOSTS_LINES_MAX: usize = 200_000;

/// A hosts file as read. Names are in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hosts {
    addresses: HashMap<String, Vec<IpAddr>>,
    canonical: HashMap<String, String>,
    names: HashMap<IpAddr, String>,
}

impl Hosts {
    /// Reads the text; lines that make no sense are left out, as the system's
    /// own reader does.
    pub(super) fn parse(text: &str) -> Self {
        let mut hosts = Self::default();
        for line in text.lines().take(HOSTS_LINES_MAX) {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            let Some(Ok(address)) = words.next().map(str::parse::<IpAddr>) else {
                continue;
            };
            let names: Vec<String> = words.map(str::to_ascii_lowercase).collect();
            let Some(first) = names.first() else { continue };
            hosts.names.entry(address).or_insert_with(|| first.clone());
            for name in &names {
                let known = hosts.addresses.entry(name.clone()).or_default();
                if !known.contains(&address) {
                    known.push(address);
                }
                hosts
                    .canonical
                    .entry(name.clone())
                    .or_insert_with(|| first.clone());
            }
        }
        hosts
    }

    /// The addresses of a name.
    pub(super) fn addresses(&self, name: &str) -> Option<&[IpAddr]> {
        self.addresses
            .get(&name.to_ascii_lowercase())
            .map(Vec::as_slice)
    }

    /// The first name on the line of a name.
    pub(super) fn canonical(&self, name: &str) -> Option<&str> {
        self.canonical
            .get(&name.to_ascii_lowercase())
            .map(String::as_str)
    }

    /// Every name on the lines that begin with the canonical name of `name`,
    /// that one first; empty when there is none.
    pub(super) fn names_with(&self, name: &str) -> Vec<String> {
        let Some(canonical) = self.canonical(name) else {
            return Vec::new();
        };
        let mut others: Vec<String> = self
            .canonical
            .iter()
            .filter(|(other, first)| *first == canonical && *other != canonical)
            .map(|(other, _)| other.clone())
            .collect();
        others.sort();
        others.insert(0, canonical.to_owned());
        others
    }

    /// The first name of an address.
    pub(super) fn name_of(&self, address: IpAddr) -> Option<&str> {
        self.names.get(&address).map(String::as_str)
    }
}

/// Where host names are looked up, in order: the `hosts` line of
/// nsswitch.conf(5) or of sendmail's service switch file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// The hosts file.
    Files,
    /// Name servers.
    Dns,
}

/// Reads the order; services that are not known here are left out, and
/// without any that is, files come before name servers.
pub(super) fn switch(text: &str) -> Vec<Service> {
    let mut order = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        // nsswitch.conf has a colon, sendmail's own file has none.
        let (name, services) = match line.split_once(':') {
            Some(parts) => parts,
            None => line.trim().split_once([' ', '\t']).unwrap_or_default(),
        };
        if name.trim() != "hosts" {
            continue;
        }
        for word in services.split_ascii_whitespace() {
            let service = match word {
                "files" => Service::Files,
                "dns" | "resolve" => Service::Dns,
                _ => continue,
            };
            if !order.contains(&service) {
                order.push(service);
            }
        }
    }
    if order.is_empty() {
        order = vec![Service::Files, Service::Dns];
    }
    order
}

#[cfg(test)]
mod tests;
