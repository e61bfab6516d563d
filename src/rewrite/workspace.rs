//! Tokens as text again: for values, and for people.

use bstr::BString;

use super::chars::CharTable;

/// Joins tokens, of each of which it is said whether it is an operator:
/// between two words that meet stands `space`.
pub(super) fn join<'t>(
    tokens: impl Iterator<Item = (&'t [u8], bool)>,
    table: &CharTable,
    space: u8,
    out: &mut Vec<u8>,
) {
    let mut after_atom = false;
    for (text, operator) in tokens {
        let atom = !operator && text.first().is_some_and(|&byte| table.is_atom(byte));
        if atom && after_atom {
            out.push(space);
        }
        after_atom = atom;
        out.extend_from_slice(text);
    }
}

/// Appends text as the reference shows it: a few control characters by name,
/// the others left out, 8-bit characters as `M-` and their lower half.
// sendmail: a byte that stands for an operator in its rules is shown as one
// wherever it comes from, such as class `regex` with several substrings.
pub fn show(text: &[u8], out: &mut BString) {
    if text.iter().all(|byte| (b' '..=b'~').contains(byte)) {
        out.extend_from_slice(text);
        return;
    }
    let mut before = 0;
    for &byte in text {
        let quoted = std::mem::replace(&mut before, byte) == 0xff;
        if byte == 0xff {
            continue;
        }
        if let Some(operator) = operator(byte).filter(|_| !quoted) {
            out.extend_from_slice(operator);
            continue;
        }
        if byte >= 0x80 {
            out.extend_from_slice(b"M-");
        }
        match byte & 0x7f {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..=0x1f | 0x7f => {}
            plain => out.push(plain),
        }
    }
}

/// The operator that a byte stands for in the reference's rules.
fn operator(byte: u8) -> Option<&'static [u8]> {
    const FROM_90: [&[u8]; 15] = [
        b"$*", b"$+", b"$-", b"$=", b"$~", b"$", b"$#", b"$@", b"$:", b"$>", b"$?", b"$|", b"$.",
        b"$[", b"$]",
    ];
    match byte {
        0x81 => Some(b"$"),
        0x82 => Some(b"$&"),
        0x85 => Some(b"$("),
        0x86 => Some(b"$)"),
        0x90..=0x9e => Some(FROM_90[usize::from(byte - 0x90)]),
        _ => None,
    }
}

/// The text without its quotes; a backslash goes and keeps what follows it.
pub(super) fn unquoted(text: &[u8]) -> BString {
    let mut out = Vec::with_capacity(text.len());
    let mut escaped = false;
    for &byte in text {
        match byte {
            _ if escaped => {
                escaped = false;
                out.push(byte);
            }
            b'\\' => escaped = true,
            b'"' => {}
            _ => out.push(byte),
        }
    }
    out.into()
}
