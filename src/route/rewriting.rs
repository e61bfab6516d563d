//! How addresses look on leaving: sender and recipient, envelope and header,
//! rewritten for the mailer that takes them.

use bstr::{BString, ByteSlice};

use super::{MailerId, Site};
use crate::rewrite::{Machine, MacroTable, NoTrace, Status, Trace};

/// Which of a mailer's rulesets an address goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The sender of the envelope.
    EnvelopeSender,
    /// `From:`, `Sender:`, `Reply-To:`, `Errors-To:` and their kin.
    HeaderSender,
    /// A recipient of the envelope.
    EnvelopeRecipient,
    /// `To:`, `Cc:` and their kin.
    HeaderRecipient,
}

impl Role {
    fn is_header(self) -> bool {
        matches!(self, Role::HeaderSender | Role::HeaderRecipient)
    }

    /// The macro `{addr_type}` while its rules run.
    fn addr_type(self) -> &'static str {
        match self {
            Role::EnvelopeSender => "e s",
            Role::HeaderSender => "h s",
            Role::EnvelopeRecipient => "e r",
            Role::HeaderRecipient => "h r",
        }
    }
}

/// A rewritten address, and whether a map failed on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// The address, with the comments and the name it had (header only).
    pub text: BString,
    /// A map could not be asked: the text must not be relied on.
    pub temporary: bool,
}

impl Site {
    /// Rewrites one address for a mailer.
    ///
    /// `origin` is the domain that flag `C` of the sender's mailer appends to
    /// a header address without one.
    pub async fn rewrite_address(
        &self,
        mailer: MailerId,
        address: &[u8],
        role: Role,
        origin: Option<&[u8]>,
        macros: &mut MacroTable,
    ) -> Rewritten {
        self.rewrite_traced(mailer, address, role, origin, macros, NoTrace)
            .await
    }

    /// The same, and `trace` is told how ([`Recorder`](crate::rewrite::Recorder)
    /// keeps it).
    pub async fn rewrite_traced<T: Trace>(
        &self,
        mailer: MailerId,
        address: &[u8],
        role: Role,
        origin: Option<&[u8]>,
        macros: &mut MacroTable,
        trace: T,
    ) -> Rewritten {
        let strips = self.mailer(mailer).flags.has(b'c');
        let cracked = if role.is_header() && !strips {
            crack(address, &self.must_quote)
        } else {
            Cracked::bare(address)
        };
        let mut machine = self.machine(trace);
        if machine.load(cracked.address, machine.style()).failed() {
            return Rewritten {
                text: address.into(),
                temporary: false,
            };
        }
        macros.set(b"addr_type", role.addr_type());
        let mut temporary = self.tried(&mut machine, self.core.canonify, macros).await;
        if let Some(domain) = origin
            && !machine.workspace().tokens().any(|token| token == "@")
        {
            let full = bstr::concat([machine.workspace().text().as_slice(), b"@", domain]);
            let _ = machine.load(&full, machine.style());
            temporary |= self.tried(&mut machine, self.core.canonify, macros).await;
        }
        let rules = self.mailer_rules(mailer);
        let (general, own) = match role {
            Role::EnvelopeSender => (self.core.sender, rules.sender_envelope),
            Role::HeaderSender => (self.core.sender, rules.sender_header),
            Role::EnvelopeRecipient => (self.core.recipient, rules.recipient_envelope),
            Role::HeaderRecipient => (self.core.recipient, rules.recipient_header),
        };
        for ruleset in [general, own, self.core.last] {
            temporary |= self.tried(&mut machine, ruleset, macros).await;
        }
        let text = machine.workspace().text();
        self.done(machine);
        Rewritten {
            text: cracked.around(&text),
            temporary,
        }
    }

    async fn tried<T: Trace>(
        &self,
        machine: &mut Machine<'_, T>,
        ruleset: Option<crate::rewrite::RulesetId>,
        macros: &mut MacroTable,
    ) -> bool {
        self.run(machine, ruleset, macros).await == Status::TempFail
    }
}

/// An address taken out of the text around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cracked<'a> {
    /// What stands before: a name and `<`, a comment.
    pub before: BString,
    /// The address itself.
    pub address: &'a [u8],
    /// What stands after.
    pub after: BString,
}

impl<'a> Cracked<'a> {
    /// An address with nothing around it.
    fn bare(address: &'a [u8]) -> Self {
        Self {
            before: BString::default(),
            address,
            after: BString::default(),
        }
    }

    /// The text with another address in the place of the first.
    pub fn around(&self, address: &[u8]) -> BString {
        bstr::concat([self.before.as_slice(), address, &self.after]).into()
    }
}

/// Takes an address out of a header's text: `Name <address> (comment)`,
/// `address (comment)`. A name that holds one of `must_quote` outside quotes
/// is put in quotes (option MustQuoteChars, RFC 5322 section 3.2.3).
pub fn crack<'a>(text: &'a [u8], must_quote: &[u8]) -> Cracked<'a> {
    let text = text.trim();
    match angle(text) {
        Some((open, close)) => {
            let name = text[..open].trim_end();
            let mut before = quoted_name(name, must_quote);
            if !before.is_empty() {
                before.push(b' ');
            }
            before.push(b'<');
            Cracked {
                before,
                address: text[open + 1..close].trim(),
                after: text[close..].into(),
            }
        }
        None => {
            let (start, end) = outside_comments(text);
            Cracked {
                before: text[..start].into(),
                address: &text[start..end],
                after: text[end..].into(),
            }
        }
    }
}

/// Where `<` and its `>` stand, outside quotes and comments.
fn angle(text: &[u8]) -> Option<(usize, usize)> {
    let mut open = None;
    for (at, byte) in significant(text) {
        match byte {
            b'<' if open.is_none() => open = Some(at),
            b'>' => return open.map(|open| (open, at)),
            _ => {}
        }
    }
    None
}

/// From the first to the last byte that stands in no comment, blanks at the
/// ends left out.
fn outside_comments(text: &[u8]) -> (usize, usize) {
    let (mut quoted, mut comment, mut escaped) = (false, 0usize, false);
    let mut span: Option<(usize, usize)> = None;
    for (at, &byte) in text.iter().enumerate() {
        let opens = byte == b'(' && !quoted && !escaped;
        let outside = comment == 0 && !opens && !byte.is_ascii_whitespace();
        if outside {
            span = Some((span.map_or(at, |(start, _)| start), at + 1));
        }
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' if comment == 0 => quoted = !quoted,
            b'(' if opens => comment += 1,
            b')' if !quoted => comment = comment.saturating_sub(1),
            _ => {}
        }
    }
    span.unwrap_or((0, text.len()))
}

/// The bytes that stand outside quotes and comments, escapes skipped; an
/// opening quote itself is among them.
fn significant(text: &[u8]) -> impl Iterator<Item = (usize, u8)> + '_ {
    let (mut quoted, mut comment, mut escaped) = (false, 0usize, false);
    text.iter().enumerate().filter_map(move |(at, &byte)| {
        if std::mem::take(&mut escaped) {
            return None;
        }
        let inside = quoted || comment > 0;
        match byte {
            b'\\' => {
                escaped = true;
                return None;
            }
            b'"' if comment == 0 => quoted = !quoted,
            _ if quoted => {}
            b'(' => comment += 1,
            b')' => comment = comment.saturating_sub(1),
            _ => {}
        }
        (!inside).then_some((at, byte))
    })
}

/// A name as it may stand before an address.
fn quoted_name(name: &[u8], must_quote: &[u8]) -> BString {
    let needs = significant(name).any(|(_, byte)| byte != b'"' && must_quote.contains(&byte));
    if !needs || name.is_empty() {
        return name.into();
    }
    let mut out = BString::from("\"");
    for &byte in name {
        if byte != b'"' {
            out.push(byte);
        }
    }
    out.push(b'"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let cracked = crack(text.as_bytes(), b"@,;:\\()[].");
        assert_eq!(cracked.around(b"X"), expected, "{text}");
    }

    #[test]
    fn an_address_is_taken_out_of_what_stands_around_it() {
        check("a@b", "X");
        check(" a@b (Some One) ", "X (Some One)");
        check("(Some One) a@b", "(Some One) X");
        check("Some One <a@b>", "Some One <X>");
        check("Some Q. One <a@b> (x)", "\"Some Q. One\" <X> (x)");
        check("\"Some Q. One\" <a@b>", "\"Some Q. One\" <X>");
        check("<a@b>", "<X>");
        check("\"a b\"@c", "X");
        check("", "X");
        check("\"<odd>\" <a@b>", "\"<odd>\" <X>");
    }
}
