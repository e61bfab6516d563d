//! Commands that ask for names: `/mx` and `/canon`; and users and groups.

use std::net::IpAddr;

use bstr::{BStr, ByteSlice};

use super::AddressTest;
use crate::world::{Mx, RecordKind, ResolveError, Users};

impl AddressTest {
    /// `/mx host`
    pub(super) fn mx(&mut self, host: &[u8]) {
        if host.is_empty() {
            self.sink.text("Usage: /mx address\n");
            return;
        }
        let host = BStr::new(host).to_string();
        self.sink.text(format!("getmxrr({host}) returns "));
        match self.exchanges(&host) {
            Ok(found) if found.iter().any(|name| name.is_empty()) => {
                self.sink.text("null MX (See RFC7505)\n");
            }
            Ok(found) => {
                self.sink.text(format!("{} value(s):\n", found.len()));
                for name in found {
                    // An address stands as it is.
                    let dot = if name.ends_with(']') { "" } else { "." };
                    self.sink.text(format!("\t{name}{dot}\n"));
                }
            }
            Err(()) => self.sink.text("-1 value(s):\n"),
        }
    }

    /// The hosts that take mail for a name, best first: its MX hosts; without
    /// any, the host itself if it is there.
    fn exchanges(&self, host: &str) -> Result<Vec<String>, ()> {
        let resolver = &self.resolver;
        if let Some(inner) = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            && !inner.is_empty()
        {
            let number = inner.strip_prefix("IPv6:").unwrap_or(inner);
            if number.parse::<IpAddr>().is_ok() {
                return Ok(vec![host.to_owned()]);
            }
            let own = self.runtime.block_on(resolver.canonical(inner));
            return Ok(own.ok().into_iter().collect());
        }
        match self.runtime.block_on(resolver.mx(host)) {
            Ok(mut found) => {
                found.sort_by_key(|mx: &Mx| mx.preference);
                Ok(found.into_iter().map(|mx| mx.exchange).collect())
            }
            Err(ResolveError::Temporary) => Err(()),
            Err(error) => {
                let own = self.runtime.block_on(resolver.canonical(host));
                // sendmail: an alias without MX counts as no host at all.
                let alias = error == ResolveError::NoData
                    && host.contains('.')
                    && own
                        .as_ref()
                        .is_ok_and(|name| !name.eq_ignore_ascii_case(host));
                Ok(own.ok().filter(|_| !alias).into_iter().collect())
            }
        }
    }

    /// `/canon host`
    pub(super) fn canon(&mut self, host: &[u8]) {
        if host.is_empty() {
            self.sink.text("Usage: /canon address\n");
            return;
        }
        let host = BStr::new(host).to_string();
        if host.len() > HOST_BYTES_MAX {
            self.sink.text("Name too long\n");
            return;
        }
        let name = match host.as_str() {
            "." => String::new(),
            host => self.runtime.block_on(self.canonical(host)),
        };
        self.sink
            .text(format!("getcanonname({host}) returns {name}\n"));
    }
}

/// The longest name that is asked for.
const HOST_BYTES_MAX: usize = 255;

/// The longest chain of aliases that is followed.
const ALIASES_MAX: usize = 10;

impl AddressTest {
    /// The canonical name; the end of the chain when that is not there.
    async fn canonical(&self, host: &str) -> String {
        if let Ok(name) = self.resolver.canonical(host).await {
            return match name.eq_ignore_ascii_case(host) {
                true => host.to_owned(),
                false => name,
            };
        }
        let mut name = host.to_owned();
        for _ in 0..ALIASES_MAX {
            match self
                .resolver
                .records(&format!("{name}."), RecordKind::Cname)
                .await
            {
                Ok(found) if !found.is_empty() => {
                    name = found[0]
                        .trim_end_with(|char| char == '.')
                        .as_bstr()
                        .to_string();
                }
                _ => break,
            }
        }
        name
    }
}

/// The id of a user, by name or number, and his group.
pub(super) fn user_id(name: &[u8], users: &dyn Users) -> Option<(u32, Option<u32>)> {
    if let Some(number) = number(name) {
        return Some((number, None));
    }
    let user = users.user(name).ok().flatten()?;
    Some((user.uid, Some(user.gid)))
}

/// The id of a group, by name or number.
pub(super) fn group_id(name: &[u8], users: &dyn Users) -> Option<u32> {
    number(name).or_else(|| users.group(name).ok().flatten())
}

fn number(text: &[u8]) -> Option<u32> {
    text.to_str().ok()?.parse().ok()
}
