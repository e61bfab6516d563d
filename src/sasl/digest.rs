//! DIGEST-MD5 (RFC 2831): its lists of `name=value`, and its digests.
//!
//! Only `qop=auth` is spoken: TLS is the security layer.

use super::hash::{hex, md5};

/// Directives in one message; more are no honest message.
const DIRECTIVES_MAX: usize = 32;

/// A list of directives.
#[derive(Debug, Default)]
pub(super) struct Directives(Vec<(Vec<u8>, Vec<u8>)>);

impl Directives {
    /// Reads `name=value,name="value",…`.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let mut found = Self::default();
        let mut rest = text;
        loop {
            rest = skip(rest, |b| b == b',' || b.is_ascii_whitespace());
            if rest.is_empty() {
                return Some(found);
            }
            let end = rest.iter().position(|b| *b == b'=')?;
            let name = rest[..end].trim_ascii().to_ascii_lowercase();
            let (value, after) = value(skip(&rest[end + 1..], |b| b.is_ascii_whitespace()))?;
            if found.0.len() == DIRECTIVES_MAX {
                return None;
            }
            found.0.push((name, value));
            rest = after;
        }
    }

    /// The value of a directive that may stand once; empty without it.
    pub(super) fn get(&self, name: &str) -> &[u8] {
        let found = self.0.iter().find(|(known, _)| known == name.as_bytes());
        found.map(|(_, value)| value.as_slice()).unwrap_or_default()
    }

    /// Whether it stands more than once.
    pub(super) fn is_repeated(&self, name: &str) -> bool {
        self.0.iter().filter(|(n, _)| n == name.as_bytes()).count() > 1
    }
}

fn skip(text: &[u8], what: impl Fn(u8) -> bool) -> &[u8] {
    let end = text.iter().position(|b| !what(*b)).unwrap_or(text.len());
    &text[end..]
}

/// A token or a quoted string, and what follows it.
fn value(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|b| *b == b',').unwrap_or(text.len());
        return Some((text[..end].trim_ascii().to_vec(), &text[end..]));
    };
    let mut out = Vec::new();
    let mut bytes = quoted.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return Some((out, &quoted[at + 1..])),
            b'\\' => out.push(*bytes.next()?.1),
            byte => out.push(*byte),
        }
    }
    None
}

/// Text inside quotes.
pub(super) fn quote(text: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
    out
}

/// Everything that goes into a response.
pub(super) struct Parts<'a> {
    pub(super) user: &'a [u8],
    pub(super) realm: &'a [u8],
    pub(super) password: &'a [u8],
    pub(super) nonce: &'a [u8],
    pub(super) cnonce: &'a [u8],
    pub(super) uri: &'a [u8],
    pub(super) authorize: &'a [u8],
    /// `charset=utf-8` was given.
    pub(super) utf8: bool,
}

impl Parts<'_> {
    /// The client's `response`.
    pub(super) fn response(&self) -> String {
        self.value(b"AUTHENTICATE:")
    }

    /// The server's `rspauth`.
    pub(super) fn rspauth(&self) -> String {
        self.value(b":")
    }

    fn value(&self, method: &[u8]) -> String {
        let secret = md5(&[
            &self.latin(self.user),
            b":",
            &self.latin(self.realm),
            b":",
            &self.latin(self.password),
        ]);
        let colon: &[u8] = if self.authorize.is_empty() { b"" } else { b":" };
        let a1 = md5(&[
            &secret,
            b":",
            self.nonce,
            b":",
            self.cnonce,
            colon,
            self.authorize,
        ]);
        let a2 = md5(&[method, self.uri]);
        hex(&md5(&[
            hex(&a1).as_bytes(),
            b":",
            self.nonce,
            b":00000001:",
            self.cnonce,
            b":auth:",
            hex(&a2).as_bytes(),
        ]))
    }

    /// RFC 2831, section 2.1.2.1: UTF-8 that fits into ISO 8859-1 is hashed
    /// so.
    fn latin(&self, text: &[u8]) -> Vec<u8> {
        let narrow = |text: &str| text.chars().map(|c| u8::try_from(c).ok()).collect();
        let narrowed: Option<Vec<u8>> = match std::str::from_utf8(text) {
            Ok(text) if self.utf8 => narrow(text),
            _ => None,
        };
        narrowed.unwrap_or_else(|| text.to_vec())
    }
}
