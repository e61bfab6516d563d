//! Address lists as aliases, lists and `.forward` files hold them.
//!
//! A list is split at commas that stand outside quotes, comments and angle
//! brackets. What an item is (mailbox, program, file, list) is decided here
//! and only here: nothing from the network comes this way.

use bstr::{BString, ByteSlice};

pub use crate::message::quoting::unquote;

use super::Kind;

/// One entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The text as written, without surrounding white space; quotes stay.
    pub text: BString,
    /// What it asks for.
    pub kind: Kind,
}

/// Splits `text` into its entries; empty ones are left out.
///
/// A program that holds commas or spaces is quoted: `"|/usr/bin/prog -x, y"`.
pub fn split(text: &[u8]) -> Vec<Item> {
    let mut items = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = item_end(rest);
        push(&mut items, &rest[..end]);
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    items
}

/// The entries of a list file: one list a line; empty lines and lines that
/// start with `#` say nothing. Each comes with its line number, from 1.
pub fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    text.lines()
        .enumerate()
        .map(|(n, line)| (n + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && line[0] != b'#')
}

/// What an entry asks for, by its first characters (after a quote).
pub fn kind_of(text: &[u8]) -> Kind {
    let bare = text.strip_prefix(b"\"").unwrap_or(text);
    if bare.starts_with(b"|") {
        Kind::Program
    } else if bare.starts_with(b"/") && !looks_like_x400(bare) {
        Kind::File
    } else if bare.len() >= 9 && bare[..9].eq_ignore_ascii_case(b":include:") {
        Kind::Include
    } else {
        Kind::Mailbox
    }
}

/// `/C=de/A=…/S=name/@gateway` is an X.400 address and no file: it has a
/// domain.
fn looks_like_x400(text: &[u8]) -> bool {
    text.contains(&b'=') && text.contains(&b'@')
}

fn push(items: &mut Vec<Item>, text: &[u8]) {
    let text = text.trim();
    if !text.is_empty() {
        items.push(Item {
            text: text.into(),
            kind: kind_of(text),
        });
    }
}

/// The length of the first entry: up to a comma outside quotes, comments and
/// angle brackets, or the end.
fn item_end(text: &[u8]) -> usize {
    let (mut quoted, mut comment, mut angle) = (false, 0usize, 0usize);
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 1,
            b'"' if comment == 0 => quoted = !quoted,
            _ if quoted => {}
            b'(' => comment += 1,
            b')' => comment = comment.saturating_sub(1),
            _ if comment > 0 => {}
            b'<' => angle += 1,
            b'>' => angle = angle.saturating_sub(1),
            b',' if angle == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, Kind)]) {
        let got = split(text.as_bytes());
        let got: Vec<_> = got
            .iter()
            .map(|i| (i.text.to_str().unwrap_or("?"), i.kind))
            .collect();
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn lists_split_at_bare_commas_only() {
        use Kind::*;
        check("", &[]);
        check(" , ,", &[]);
        check("a, b,c", &[("a", Mailbox), ("b", Mailbox), ("c", Mailbox)]);
        check(
            "\"a, b\"@c (x, y), <@r,@s:u@h>",
            &[("\"a, b\"@c (x, y)", Mailbox), ("<@r,@s:u@h>", Mailbox)],
        );
        check(
            "\"|/bin/p -x, y\", |/bin/q, /var/f, :include:/l, :INCLUDE:/m",
            &[
                ("\"|/bin/p -x, y\"", Program),
                ("|/bin/q", Program),
                ("/var/f", File),
                (":include:/l", Include),
                (":INCLUDE:/m", Include),
            ],
        );
        check("/C=de/S=x/@gw", &[("/C=de/S=x/@gw", Mailbox)]);
        check("\\alice, \\\\", &[("\\alice", Mailbox), ("\\\\", Mailbox)]);
    }

    #[test]
    fn unbalanced_marks_end_with_the_text() {
        check("\"a, b", &[("\"a, b", Kind::Mailbox)]);
        check("(a, b", &[("(a, b", Kind::Mailbox)]);
        check("a\\", &[("a\\", Kind::Mailbox)]);
    }

    #[test]
    fn quotes_come_off_in_pairs() {
        assert_eq!(unquote(b"\"|p \\\"q\\\"\""), "|p \"q\"");
        assert_eq!(unquote(b"|p"), "|p");
        assert_eq!(unquote(b"\"|p"), "\"|p");
    }
}
