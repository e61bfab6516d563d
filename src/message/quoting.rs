//! Quoted strings (RFC 5322, section 3.2.4).

use bstr::BString;

/// The text without one pair of surrounding quotes and the backslashes
/// inside them: what a program, file or list name really is.
pub fn unquote(text: &[u8]) -> BString {
    let Some(inner) = text.strip_prefix(b"\"").and_then(|t| t.strip_suffix(b"\"")) else {
        return text.into();
    };
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        match (byte, bytes.as_slice().first()) {
            (b'\\', Some(&next)) => {
                out.push(next);
                bytes.next();
            }
            _ => out.push(byte),
        }
    }
    out.into()
}
