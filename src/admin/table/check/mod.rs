//! Whether an entry of a table is what it should be: wrong ones are refused
//! before they are written.

mod access;
mod alias;
mod others;

use bstr::{BString, ByteSlice};

use super::Form;
use crate::base::{Diagnostic, Origin};

/// The tables of a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Who may send and relay.
    Access,
    /// Names that are not users.
    Alias,
    /// Addresses of virtual domains.
    Virtuser,
    /// Names that users show.
    Generics,
    /// Ways that are not the MX's.
    Mailer,
    /// Domains that have other names.
    Domain,
    /// Names of this host.
    LocalHost,
    /// Domains that may relay.
    Relay,
}

impl Kind {
    /// How its text is written.
    pub fn form(self) -> Form {
        match self {
            Kind::Alias => Form::Aliases,
            Kind::LocalHost | Kind::Relay => Form::Words,
            _ => Form::Pairs,
        }
    }
}

/// What a check asks of the site.
pub trait Known {
    /// Whether there is such a user.
    fn user(&self, name: &[u8]) -> bool;
    /// What a name is an alias for.
    fn alias(&self, name: &[u8]) -> Option<BString>;
    /// Whether mail for a domain is local, or looked up in the virtual users.
    fn is_local_domain(&self, domain: &[u8]) -> bool;
    /// The names of the mailers.
    fn mailers(&self) -> Vec<String>;
}

/// What is wrong with an entry, at `origin`.
pub fn check(
    kind: Kind,
    key: &[u8],
    value: &[u8],
    origin: &Origin,
    known: &dyn Known,
) -> Vec<Diagnostic> {
    let mut faults = Faults {
        origin,
        found: Vec::new(),
    };
    if key.is_empty() || key.iter().any(u8::is_ascii_control) {
        faults.error("map-key", "a key is one word", "");
    } else if kind.form() != Form::Aliases && key.find_byteset(b" \t").is_some() {
        faults.error("map-key", "a key has no blanks", "");
    } else if key.starts_with(b"#") {
        faults.error("map-key", "a line that begins with # is a comment", "");
    } else if kind.form() != Form::Words && value.is_empty() {
        faults.error("map-no-value", "there is no value", "");
    } else if value.contains(&0) || kind.form() == Form::Pairs && value.contains(&b'\n') {
        faults.error("map-value", "a value stands on one line", "");
    } else {
        match kind {
            Kind::Access => access::check(key, value, &mut faults),
            Kind::Alias => alias::check(key, value, known, &mut faults),
            Kind::Virtuser => others::virtuser(key, value, known, &mut faults),
            Kind::Generics => others::generics(key, value, &mut faults),
            Kind::Mailer => others::mailer(key, value, known, &mut faults),
            Kind::Domain => others::domain(key, value, &mut faults),
            Kind::LocalHost => others::local_host(key, &mut faults),
            Kind::Relay => access::client(key, &mut faults),
        }
    }
    faults.found
}

/// What was found, all about one line.
struct Faults<'o> {
    origin: &'o Origin,
    found: Vec<Diagnostic>,
}

impl Faults<'_> {
    fn error(&mut self, code: &'static str, text: impl Into<String>, help: impl Into<String>) {
        let fault = Diagnostic::error(code, self.origin.clone(), text);
        self.found.push(fault.help(help));
    }

    fn warning(&mut self, code: &'static str, text: impl Into<String>, help: impl Into<String>) {
        let fault = Diagnostic::warning(code, self.origin.clone(), text);
        self.found.push(fault.help(help));
    }
}

/// Whether a text can be the name of a host or domain: letters, digits, `-`,
/// `_` and dots, none of them doubled.
fn is_domain(text: &[u8]) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && text.split(|byte| *byte == b'.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with(b"-")
                && label.iter().all(|byte| {
                    byte.is_ascii_alphanumeric() || b"-_".contains(byte) || *byte >= 128
                })
        })
}

/// An `error:` value: what is wrong with its codes.
fn error_text(text: &[u8]) -> Option<String> {
    let (status, rest) = match crate::base::Enhanced::parse_prefix(&first_part(text)) {
        Some((status, _)) => (Some(status), &text[first_part(text).len()..]),
        None => (None, text),
    };
    let rest = rest.strip_prefix(b":").unwrap_or(rest).trim_start();
    let rest = rest.strip_prefix(b"\"").unwrap_or(rest);
    let code = rest
        .get(..3)
        .filter(|code| code.iter().all(u8::is_ascii_digit));
    let class = code.map(|code| code[0] - b'0');
    if let Some(class) = class
        && class != 4
        && class != 5
    {
        return Some(format!(
            "a refusal begins with 4 or 5, not {}",
            rest[..3].as_bstr()
        ));
    }
    match (status, class) {
        (Some(status), Some(class)) if status.class() != class => Some(format!(
            "the codes disagree: {} and {}",
            first_part(text).as_bstr(),
            rest[..3].as_bstr()
        )),
        _ => None,
    }
}

/// What stands before the first colon or blank.
fn first_part(text: &[u8]) -> Vec<u8> {
    let end = text.find_byteset(b": \t").unwrap_or(text.len());
    text[..end].to_vec()
}
