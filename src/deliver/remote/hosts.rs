//! Where mail for a host goes: MX records, their order, what to do without.
//!
//! RFC 5321 section 5.1, RFC 7505 (null MX). Equal preferences are tried in
//! random order; a list that this host stands in is cut off at this host.

use std::net::IpAddr;

use bstr::{BStr, BString, ByteSlice};

use crate::world::{Entropy, Mx, ResolveError, Resolver};

/// One host to be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    /// Its name as logs show it: with a final dot when it came from the
    /// domain name system, in brackets when it was given so.
    pub(super) shown: BString,
    /// How to find its addresses.
    pub(super) find: Find,
}

/// How to find a host's addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Find {
    /// It is one.
    Address(IpAddr),
    /// By this name.
    Name(String),
}

/// There is no host to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoHosts {
    /// The domain says that it takes no mail.
    NullMx,
    /// This host is the best that its MX records name: which name.
    PointsBack(BString),
    /// It does not exist, or has no address.
    Unknown(ResolveError),
    /// Nobody could say.
    Later,
}

/// What is needed to look hosts up.
pub(super) struct Lookup<'a> {
    pub(super) resolver: &'a dyn Resolver,
    pub(super) entropy: &'a dyn Entropy,
    /// Whether a name is one of ours (class `w`).
    pub(super) is_own: &'a (dyn Fn(&[u8]) -> bool + Sync),
    /// Flag `0`: the name itself, not its MX.
    pub(super) without_mx: bool,
    /// Option TryNullMXList: connect to a host whose best MX we are.
    pub(super) try_null_list: bool,
}

impl Lookup<'_> {
    /// The hosts that take mail for `host`, best first.
    pub(super) async fn hosts(&self, host: &BStr) -> Result<Vec<Host>, NoHosts> {
        if let Some(inner) = bracketed(host) {
            return Ok(vec![literal(host, inner)]);
        }
        let name = host.to_str_lossy();
        let name = name.trim_end_matches('.');
        let itself = || {
            vec![Host {
                shown: host.into(),
                find: Find::Name(name.to_owned()),
            }]
        };
        if self.without_mx {
            return Ok(itself());
        }
        match self.resolver.mx(name).await {
            Ok(records) if records.iter().any(|mx| mx.exchange.is_empty()) => Err(NoHosts::NullMx),
            Ok(records) if !records.is_empty() => match self.order(records) {
                (hosts, _) if !hosts.is_empty() => Ok(hosts),
                (_, Some(own)) if !self.try_null_list => Err(NoHosts::PointsBack(own)),
                _ => Ok(itself()),
            },
            // A name without MX is its own (RFC 5321, 5.1); whether it exists
            // shows when its address is asked for.
            Ok(_) | Err(ResolveError::NoData | ResolveError::NoSuchName) => Ok(itself()),
            Err(ResolveError::Temporary) => Err(NoHosts::Later),
        }
    }

    /// The records by preference, cut off where we stand; and our name there.
    fn order(&self, records: Vec<Mx>) -> (Vec<Host>, Option<BString>) {
        let mut order: Vec<(u16, u64, String)> = records
            .into_iter()
            .map(|mx| (mx.preference, self.entropy.random(), mx.exchange))
            .collect();
        order.sort();
        let own = order
            .iter()
            .find(|(_, _, name)| (self.is_own)(name.as_bytes()))
            .map(|(preference, _, name)| (*preference, BString::from(name.as_str())));
        let hosts = order
            .into_iter()
            .filter(|(preference, _, _)| own.as_ref().is_none_or(|(own, _)| preference < own))
            .map(|(_, _, name)| Host {
                shown: format!("{name}.").into(),
                find: Find::Name(name),
            })
            .collect();
        (hosts, own.map(|(_, name)| name))
    }

    /// The addresses of a host.
    pub(super) async fn addresses(&self, host: &Host) -> Result<Vec<IpAddr>, NoHosts> {
        match &host.find {
            Find::Address(address) => Ok(vec![*address]),
            Find::Name(name) => match self.resolver.addresses(name).await {
                Ok(addresses) if !addresses.is_empty() => Ok(addresses),
                Ok(_) => Err(NoHosts::Unknown(ResolveError::NoData)),
                Err(ResolveError::Temporary) => Err(NoHosts::Later),
                Err(error) => Err(NoHosts::Unknown(error)),
            },
        }
    }
}

/// The text in `[…]`.
fn bracketed(host: &BStr) -> Option<&BStr> {
    let inner = host.strip_prefix(b"[")?.strip_suffix(b"]")?;
    Some(inner.as_bstr())
}

/// A host in brackets: an address, or a name that has no MX looked up.
fn literal(host: &BStr, inner: &BStr) -> Host {
    let text = inner.to_str_lossy();
    let is_v6 = text
        .get(..5)
        .is_some_and(|tag| tag.eq_ignore_ascii_case("ipv6:"));
    let address = if is_v6 { &text[5..] } else { &text[..] };
    match address.parse() {
        Ok(address) => Host {
            shown: host.into(),
            find: Find::Address(address),
        },
        Err(_) => Host {
            shown: host.into(),
            find: Find::Name(text.trim_end_matches('.').to_owned()),
        },
    }
}

/// The hosts of a list divided by colons, brackets kept whole.
pub(super) fn split_list(list: &BStr) -> Vec<&BStr> {
    let mut hosts = Vec::new();
    let (mut start, mut depth) = (0, 0usize);
    for (at, byte) in list.iter().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b':' if depth == 0 => {
                hosts.push(list[start..at].trim().as_bstr());
                start = at + 1;
            }
            _ => {}
        }
    }
    hosts.push(list[start..].trim().as_bstr());
    hosts.retain(|host| !host.is_empty());
    hosts
}

/// An address as logs show it: IPv6 in all its eight parts.
pub(super) fn shown_address(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => format!("[{v4}]"),
        IpAddr::V6(v6) => {
            let parts: Vec<String> = v6
                .segments()
                .iter()
                .map(|part| format!("{part:x}"))
                .collect();
            format!("[IPv6:{}]", parts.join(":"))
        }
    }
}
