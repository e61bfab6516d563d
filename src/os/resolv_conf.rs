//! resolv.conf(5): which name servers are asked, and which domains are tried.
//!
//! Read by ourselves, because a missing or empty file means the server on
//! this host, and because `[ADDRESS]:PORT` names a server on another port,
//! as OpenBSD writes it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Servers and domains beyond these are left out (resolv.conf(5): 3 and 6;
/// newer systems have no limit on domains).
const SERVERS_MAX: usize = 3;
const SEARCH_MAX: usize = 32;

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResolvConf {
    pub(super) servers: Vec<SocketAddr>,
    /// Domains to try, without trailing dots.
    pub(super) search: Vec<String>,
    pub(super) timeout: Duration,
    pub(super) attempts: usize,
    /// Servers elsewhere are believed when they say that they have validated
    /// an answer (`options trust-ad`).
    pub(super) trusts_ad: bool,
}

impl Default for ResolvConf {
    fn default() -> Self {
        Self {
            servers: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 53))],
            search: Vec::new(),
            timeout: Duration::from_secs(5),
            attempts: 2,
            trusts_ad: false,
        }
    }
}

impl ResolvConf {
    /// Reads the text; what makes no sense is left out.
    pub(super) fn parse(text: &str) -> Self {
        let mut conf = Self::default();
        let mut servers = Vec::new();
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => servers.extend(words.next().and_then(server)),
                // The last of `domain` and `search` holds.
                Some("domain") => conf.search = words.take(1).map(domain).collect(),
                Some("search") => conf.search = words.take(SEARCH_MAX).map(domain).collect(),
                Some("options") => words.for_each(|word| conf.option(word)),
                _ => {}
            }
        }
        servers.truncate(SERVERS_MAX);
        if !servers.is_empty() {
            conf.servers = servers;
        }
        conf.search.retain(|name| !name.is_empty());
        conf
    }

    fn option(&mut self, word: &str) {
        self.trusts_ad |= word == "trust-ad";
        let Some((name, value)) = word.split_once(':') else {
            return;
        };
        let Ok(value) = value.parse::<u8>() else {
            return;
        };
        match name {
            "timeout" => self.timeout = Duration::from_secs(u64::from(value.clamp(1, 30))),
            "attempts" => self.attempts = usize::from(value.clamp(1, 5)),
            _ => {}
        }
    }
}

fn server(word: &str) -> Option<SocketAddr> {
    if let Some((address, port)) = word.strip_prefix('[').and_then(|w| w.split_once("]:")) {
        return Some(SocketAddr::new(address.parse().ok()?, port.parse().ok()?));
    }
    // A zone (`fe80::1%eth0`) cannot be used without its interface.
    word.parse::<IpAddr>()
        .ok()
        .map(|address| SocketAddr::new(address, 53))
}

fn domain(word: &str) -> String {
    word.trim_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
