//! The rules of `hosts.allow` and `hosts.deny` (hosts_access(5),
//! hosts_options(5)): which clients a daemon serves.
//!
//! Patterns that would have to ask somebody else (NIS netgroups, user names)
//! never match; commands (`spawn`, `twist`) are never run. A list that cannot
//! be read stands for nobody.

use std::net::IpAddr;

use bstr::ByteSlice;

use crate::base::Network;

/// Lines of one file that count.
const LINES_MAX: usize = 10_000;
/// Steps of one comparison with `*`.
const WILDCARD_STEPS_MAX: usize = 10_000;
/// Words behind one another with EXCEPT.
const EXCEPT_DEPTH_MAX: usize = 8;

/// Who connects.
pub(super) struct Client<'a> {
    /// The name, when it leads back to the address.
    pub(super) name: Option<&'a [u8]>,
    pub(super) address: IpAddr,
}

/// One file.
#[derive(Default)]
pub(super) struct Rules(Vec<Rule>);

struct Rule {
    daemons: Vec<Vec<u8>>,
    clients: Vec<Vec<u8>>,
    allows: bool,
}

impl Rules {
    /// Reads a file whose lines mean `allows` unless they say otherwise.
    pub(super) fn parse(text: &[u8], allows: bool) -> Self {
        let text = text.replace("\\\n", "");
        let lines = text.lines().take(LINES_MAX).map(<[u8]>::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with(b"#"));
        Self(lines.filter_map(|line| Rule::parse(line, allows)).collect())
    }

    /// What the first line says that is about this daemon and this client.
    pub(super) fn verdict(&self, daemon: &[u8], client: &Client<'_>) -> Option<bool> {
        let is_daemon =
            |pattern: &[u8]| pattern == b"ALL" || pattern.split_str("@").next() == Some(daemon);
        self.0
            .iter()
            .find(|rule| {
                holds(&rule.daemons, &is_daemon, EXCEPT_DEPTH_MAX)
                    && holds(&rule.clients, &|p| is_client(p, client), EXCEPT_DEPTH_MAX)
            })
            .map(|rule| rule.allows)
    }
}

impl Rule {
    fn parse(line: &[u8], allows: bool) -> Option<Self> {
        let mut parts = fields(line).into_iter();
        let (daemons, clients) = (words(&parts.next()?), words(&parts.next()?));
        let mut rule = Self {
            daemons,
            clients,
            allows,
        };
        for option in parts {
            match option.trim() {
                word if word.eq_ignore_ascii_case(b"allow") => rule.allows = true,
                word if word.eq_ignore_ascii_case(b"deny") => rule.allows = false,
                _ => {}
            }
        }
        Some(rule)
    }
}

/// The parts between colons; those inside brackets and after a backslash
/// divide nothing.
fn fields(line: &[u8]) -> Vec<Vec<u8>> {
    let mut fields = vec![Vec::new()];
    let mut in_brackets = false;
    let mut bytes = line.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b':' if !in_brackets => {
                fields.push(Vec::new());
                continue;
            }
            b'[' => in_brackets = true,
            b']' => in_brackets = false,
            _ => {}
        }
        let byte = match (byte, bytes.as_slice()) {
            (b'\\', [b':', ..]) => {
                bytes.next();
                b':'
            }
            _ => byte,
        };
        if let Some(last) = fields.last_mut() {
            last.push(byte);
        }
    }
    fields
}

fn words(text: &[u8]) -> Vec<Vec<u8>> {
    text.split(|byte| b" \t,".contains(byte))
        .filter(|word| !word.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

/// Whether a list holds: one of its words does, and none after EXCEPT.
fn holds(list: &[Vec<u8>], is_match: &dyn Fn(&[u8]) -> bool, depth: usize) -> bool {
    let except = list.iter().position(|word| word == b"EXCEPT");
    let (list, but) = match except {
        Some(at) => (&list[..at], &list[at + 1..]),
        None => (list, &[][..]),
    };
    depth > 0
        && list.iter().any(|word| is_match(word))
        && (but.is_empty() || !holds(but, is_match, depth - 1))
}

fn is_client(pattern: &[u8], client: &Client<'_>) -> bool {
    let address = client.address.to_canonical();
    match pattern {
        b"ALL" => return true,
        b"KNOWN" => return client.name.is_some(),
        b"UNKNOWN" => return client.name.is_none(),
        // A name that does not lead back is no name here.
        b"PARANOID" => return false,
        b"LOCAL" => return client.name.is_some_and(|name| !name.contains(&b'.')),
        _ => {}
    }
    if pattern.starts_with(b"@") || pattern.contains(&b'@') {
        return false;
    }
    if let Some(path) = pattern.strip_prefix(b"/") {
        return in_file(path, client);
    }
    if let Some(network) = pattern.to_str().ok().and_then(Network::parse) {
        return network.contains(address);
    }
    let shown = address.to_string();
    let is_wild = pattern.contains(&b'*') || pattern.contains(&b'?');
    if pattern.starts_with(b".") {
        return client.name.is_some_and(|name| ends_with(name, pattern));
    }
    if pattern.ends_with(b".") {
        return shown.as_bytes().starts_with(pattern);
    }
    let matches = |text: &[u8]| match is_wild {
        true => is_wildcard_match(pattern, text),
        false => text.eq_ignore_ascii_case(pattern),
    };
    client.name.is_some_and(matches) || matches(shown.as_bytes())
}

fn ends_with(name: &[u8], end: &[u8]) -> bool {
    name.len()
        .checked_sub(end.len())
        .is_some_and(|at| name[at..].eq_ignore_ascii_case(end))
}

/// A file of patterns.
fn in_file(path: &[u8], client: &Client<'_>) -> bool {
    let path = bstr::concat([b"/".as_slice(), path]);
    let Ok(text) = std::fs::read(path.to_path_lossy()) else {
        return false;
    };
    text.lines()
        .take(LINES_MAX)
        .flat_map(words)
        .any(|word| !word.starts_with(b"/") && is_client(&word, client))
}

/// `*` any text, `?` any one byte.
fn is_wildcard_match(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    for _ in 0..WILDCARD_STEPS_MAX {
        match (pattern.get(at), text.get(from)) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                star = Some((at + 1, from));
                at += 1;
            }
            (Some(p), Some(t)) if *p == b'?' || p.eq_ignore_ascii_case(t) => {
                at += 1;
                from += 1;
            }
            _ => match star {
                Some((after, taken)) if taken < text.len() => {
                    star = Some((after, taken + 1));
                    (at, from) = (after, taken + 1);
                }
                _ => return false,
            },
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(rules: &str, name: Option<&str>, address: &str, expected: Option<bool>) {
        let rules_read = Rules::parse(rules.as_bytes(), true);
        let client = Client {
            name: name.map(str::as_bytes),
            address: address.parse().expect("an address"),
        };
        let verdict = rules_read.verdict(b"sendmail", &client);
        assert_eq!(verdict, expected, "{rules} {name:?} {address}");
    }

    #[test]
    fn lines_as_the_manual_has_them() {
        let host = Some("mail.example.org");
        check("ALL: ALL\n", None, "192.0.2.1", Some(true));
        check("ALL: ALL : deny\n", None, "192.0.2.1", Some(false));
        check("sshd: ALL\n", None, "192.0.2.1", None);
        check("sshd, sendmail: ALL\n", None, "192.0.2.1", Some(true));
        check("ALL EXCEPT sendmail: ALL\n", None, "192.0.2.1", None);
        check("sendmail: .example.org\n", host, "192.0.2.1", Some(true));
        check("sendmail: .example.org\n", None, "192.0.2.1", None);
        check("sendmail: 192.0.\n", None, "192.0.2.1", Some(true));
        check("sendmail: 192.0.\n", None, "192.10.2.1", None);
        check(
            "sendmail: 192.0.2.0/255.255.255.0\n",
            None,
            "192.0.2.7",
            Some(true),
        );
        check(
            "sendmail: [2001:db8::]/32\n",
            None,
            "2001:db8::7",
            Some(true),
        );
        check(
            "sendmail: [2001:db8::]/32 : DENY\n",
            None,
            "2001:db8::7",
            Some(false),
        );
        check("sendmail: KNOWN\n", host, "192.0.2.1", Some(true));
        check("sendmail: UNKNOWN\n", host, "192.0.2.1", None);
        check("sendmail: LOCAL\n", Some("box"), "192.0.2.1", Some(true));
        check(
            "sendmail: mail*.example.org\n",
            host,
            "192.0.2.1",
            Some(true),
        );
        check("sendmail: 192.0.2.?\n", None, "192.0.2.1", Some(true));
        check(
            "ALL: .example.org EXCEPT mail.example.org\n",
            host,
            "192.0.2.1",
            None,
        );
        check(
            "ALL: ALL EXCEPT .example.org EXCEPT mail.example.org\n",
            host,
            "192.0.2.1",
            Some(true),
        );
        check(
            "# ALL: ALL\nsendmail: \\\n 192.0.2.1\n",
            None,
            "192.0.2.1",
            Some(true),
        );
        check(
            "sendmail: 192.0.2.1: spawn (echo x) &: deny",
            None,
            "192.0.2.1",
            Some(false),
        );
        check("nonsense\n", None, "192.0.2.1", None);
    }

    proptest! {
        #[test]
        fn any_file_can_be_asked(text: Vec<u8>, name: Vec<u8>) {
            let client = Client {
                name: Some(&name),
                address: [192, 0, 2, 1].into(),
            };
            Rules::parse(&text, true).verdict(b"sendmail", &client);
        }
    }
}
