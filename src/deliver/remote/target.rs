//! Where a network mailer's `A=` leads: hosts and a port, or a socket.

use bstr::{BString, ByteSlice};

use crate::cf::{FlagSet, MailerDef};
use crate::rewrite::{MacroTable, expand};

/// What a mailer's definition says of the way.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The way.
    pub(crate) to: Where,
    /// The mailer's flags.
    pub(crate) flags: FlagSet,
    /// `m=`: messages per connection; 0 for no limit.
    pub(crate) messages_max: u64,
}

/// The way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    /// `TCP hosts port`
    Hosts {
        /// Hosts, divided by colons.
        list: BString,
        /// The port.
        port: u16,
    },
    /// `FILE path`
    Socket(BString),
}

/// The ports of the services that mail uses, where no service database says.
const SERVICES: [(&str, u16); 5] = [
    ("smtp", 25),
    ("lmtp", 24),
    ("submission", 587),
    ("smtps", 465),
    ("mailhost", 25),
];

impl Target {
    /// Reads `A=` with the macros of a job (`$h` the host).
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn of(mailer: &MailerDef, macros: &MacroTable) -> Result<Self, String> {
        let words: Vec<BString> = mailer
            .argv
            .iter()
            .map(|word| expand(word, macros))
            .collect();
        let first = words.get(1).cloned().unwrap_or_default();
        let to = if words.first().is_some_and(|word| word == "FILE") {
            Where::Socket(first)
        } else {
            let port = match words.get(2) {
                None => default_port(mailer),
                Some(word) => port(&word.to_str_lossy())?,
            };
            Where::Hosts { list: first, port }
        };
        Ok(Self {
            to,
            flags: mailer.flags,
            messages_max: mailer.messages_max,
        })
    }
}

fn default_port(mailer: &MailerDef) -> u16 {
    // sendmail: LMTP over TCP has no port of its own either.
    if mailer.flags.has(b'z') { 24 } else { 25 }
}

/// A number, or the name of a service.
fn port(word: &str) -> Result<u16, String> {
    if let Ok(number) = word.parse() {
        return Ok(number);
    }
    SERVICES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word))
        .map(|(_, port)| *port)
        .or_else(|| from_database(word))
        .ok_or_else(|| format!("no service named {word}"))
}

/// `/etc/services`: `name port/tcp alias…`.
fn from_database(word: &str) -> Option<u16> {
    let text = std::fs::read_to_string("/etc/services").ok()?;
    text.lines().find_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut fields = line.split_whitespace();
        let name = fields.next()?;
        let port = fields.next()?.strip_suffix("/tcp")?;
        let named = name == word || fields.any(|alias| alias == word);
        named.then(|| port.parse().ok()).flatten()
    })
}
