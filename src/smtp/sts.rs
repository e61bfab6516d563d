//! MTA-STS (RFC 8461): a domain says over HTTPS that its mail goes under TLS,
//! and to which hosts. Here are its two texts; fetching and keeping them is
//! delivery's.

use std::time::Duration;

use bstr::ByteSlice;

/// The longest time that a policy holds: a year (section 3.2).
const MAX_AGE: u64 = 31_557_600;
/// Patterns of hosts that are taken.
const PATTERNS_MAX: usize = 100;
/// The longest policy that is read (section 3.3 asks for 64 KiB at most).
pub const POLICY_BYTES_MAX: usize = 64 << 10;

/// What is to happen when the policy cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The message waits.
    Enforce,
    /// It goes, and is reported.
    Testing,
    /// There is no policy any more.
    None,
}

impl Mode {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        }
    }
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How strict it is.
    pub mode: Mode,
    /// The hosts: names, or `*.` and a name.
    pub hosts: Vec<String>,
    /// How long it holds.
    pub max_age: Duration,
}

impl Policy {
    /// Reads `version: STSv1`, `mode:`, `mx:` (any number) and `max_age:`,
    /// each on a line of its own; what else there is means nothing.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (mut version, mut mode, mut age) = (false, None, None);
        let mut hosts = Vec::new();
        for line in text.lines() {
            let Some((key, value)) = line.split_once_str(":") else {
                continue;
            };
            let value = value.trim().to_str().ok()?;
            match key.trim() {
                b"version" => version |= value == "STSv1",
                // The first of several counts.
                b"mode" => mode = mode.or(Some(parse_mode(value)?)),
                b"max_age" => age = age.or(Some(value.parse::<u64>().ok()?.min(MAX_AGE))),
                b"mx" if hosts.len() < PATTERNS_MAX => hosts.push(value.to_ascii_lowercase()),
                _ => {}
            }
        }
        let mode = mode?;
        let is_whole = version && (mode == Mode::None || !hosts.is_empty());
        is_whole.then_some(Self {
            mode,
            hosts,
            max_age: Duration::from_secs(age?),
        })
    }

    /// The policy as its text.
    pub fn to_text(&self) -> String {
        let hosts: String = self.hosts.iter().map(|h| format!("mx: {h}\n")).collect();
        format!(
            "version: STSv1\nmode: {}\n{hosts}max_age: {}\n",
            self.mode.as_str(),
            self.max_age.as_secs()
        )
    }

    /// Whether a host may take the domain's mail. A `*` stands for one label.
    pub fn names(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.hosts
            .iter()
            .any(|pattern| match pattern.strip_prefix("*.") {
                Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
                None => *pattern == host,
            })
    }
}

fn parse_mode(word: &str) -> Option<Mode> {
    match word {
        "enforce" => Some(Mode::Enforce),
        "testing" => Some(Mode::Testing),
        "none" => Some(Mode::None),
        _ => None,
    }
}

/// The id in the TXT records of `_mta-sts.DOMAIN`: another id, another
/// policy. `None` unless there is exactly one such record.
pub fn record_id<'a>(records: impl IntoIterator<Item = &'a [u8]>) -> Option<String> {
    let mut ours = records
        .into_iter()
        .filter(|record| record.starts_with(b"v=STSv1"));
    let record = ours.next()?;
    if ours.next().is_some() {
        return None;
    }
    let id = record.split(|byte| *byte == b';').find_map(|field| {
        let (key, value) = field.split_once_str("=")?;
        (key.trim() == b"id").then(|| value.trim())
    })?;
    let is_sane = (1..=32).contains(&id.len()) && id.iter().all(u8::is_ascii_alphanumeric);
    is_sane.then(|| id.to_str_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn policies() {
        let text = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\n\
                    mx: *.Example.net\r\nmax_age: 604800\r\nnew: thing\r\n";
        let policy = Policy::parse(text.as_bytes()).unwrap();
        assert_eq!(policy.mode, Mode::Enforce);
        assert_eq!(policy.max_age, Duration::from_secs(604_800));
        assert_eq!(
            Policy::parse(policy.to_text().as_bytes()),
            Some(policy.clone())
        );
        for (host, wanted) in [
            ("mail.example.com.", true),
            ("MX.example.net", true),
            ("example.net", false),
            ("a.b.example.net", false),
            ("mail.example.org", false),
        ] {
            assert_eq!(policy.names(host), wanted, "{host}");
        }
        for broken in [
            "mode: enforce\nmx: a\nmax_age: 1\n",
            "version: STSv1\nmode: enforce\nmax_age: 1\n",
            "version: STSv1\nmode: strict\nmx: a\nmax_age: 1\n",
            "version: STSv1\nmode: enforce\nmx: a\n",
            "version: STSv1\nmode: enforce\nmx: a\nmax_age: -1\n",
        ] {
            assert_eq!(Policy::parse(broken.as_bytes()), None, "{broken}");
        }
        let none = Policy::parse(b"version: STSv1\nmode: none\nmax_age: 86400\n");
        assert_eq!(none.unwrap().mode, Mode::None);
    }

    #[test]
    fn records() {
        let id = |records: &[&str]| record_id(records.iter().map(|r| r.as_bytes()));
        assert_eq!(
            id(&["v=spf1 -all", "v=STSv1; id=2026a;"]).as_deref(),
            Some("2026a")
        );
        assert_eq!(id(&["v=STSv1; id=1", "v=STSv1; id=2"]), None);
        assert_eq!(id(&["v=STSv1;"]), None);
        assert_eq!(id(&["v=STSv1; id=a b"]), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_not(text in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Some(policy) = Policy::parse(&text) {
                prop_assert!(policy.max_age.as_secs() <= MAX_AGE);
            }
            let _ = record_id([text.as_slice()]);
        }
    }
}
