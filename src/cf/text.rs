//! Small readings that several lines of the language share.

use std::borrow::Cow;

use bstr::BString;

/// Bytes as characters U+0000 to U+00FF, for the grammar.
pub(super) fn latin1(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if bytes.is_ascii() => Cow::Borrowed(text),
        _ => Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()),
    }
}

/// The way back from [`latin1`].
pub(super) fn to_bytes(text: &str) -> BString {
    if text.is_ascii() {
        return text.into();
    }
    text.chars()
        .map(|char| u8::try_from(char).unwrap_or(b'?'))
        .collect::<Vec<u8>>()
        .into()
}

/// Reads a value: quotes are taken off, `\` escapes resolved.
pub(super) fn munch(text: &[u8]) -> BString {
    munch_until(text, None).0
}

/// Reads a value up to an unquoted `delimiter`, and says how many bytes it
/// took, the delimiter not counted.
pub(super) fn munch_until(text: &[u8], delimiter: Option<u8>) -> (BString, usize) {
    let mut out = Vec::with_capacity(text.len());
    let mut quoted = false;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\\' => {
                at += 1;
                let Some(&escaped) = text.get(at) else { break };
                match escaped {
                    b'b' => out.push(8),
                    b'f' => out.push(12),
                    b'n' => out.push(b'\n'),
                    b'r' => out.push(b'\r'),
                    other => out.push(other),
                }
            }
            b'"' => quoted = !quoted,
            _ if !quoted && Some(byte) == delimiter => break,
            _ => out.push(byte),
        }
        at += 1;
    }
    (out.into(), at)
}

/// The number a text begins with, as C's `atoi` reads it.
pub(super) fn leading_number(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (sign, digits) = match text.first() {
        Some(b'-') => (-1, &text[1..]),
        Some(b'+') => (1, &text[1..]),
        _ => (1, text),
    };
    let number = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0_i64, |sum, byte| {
            sum.saturating_mul(10)
                .saturating_add(i64::from(byte - b'0'))
        });
    sign * number
}
