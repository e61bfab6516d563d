//! Names of macros and classes: one character, or several in braces.

use bstr::BStr;

use crate::base::limits::MACRO_NAME_BYTES_MAX;

/// Whether a name (without braces) can be one.
///
/// # Errors
/// What is wrong, in the reference's words.
pub fn check(name: &[u8]) -> Result<(), String> {
    if name.is_empty() {
        return Err("Name required for macro/class".to_owned());
    }
    if name.len() > MACRO_NAME_BYTES_MAX {
        return Err(format!(
            "Macro/class name ({{{}}}) too long ({} chars max)",
            BStr::new(name),
            MACRO_NAME_BYTES_MAX
        ));
    }
    let bad = |byte: &u8| !(byte.is_ascii_alphanumeric() || *byte == b'_');
    if name.len() > 1 && name.iter().any(bad) {
        return Err(format!("Invalid macro/class character {}", BStr::new(name)));
    }
    Ok(())
}

/// Reads a name at the start of `text`: `x` or `{name}`. Gives the name
/// without braces and how many bytes it took; `None` when there is none.
pub fn split(text: &[u8]) -> Option<(&[u8], usize)> {
    match text.first()? {
        b'{' => {
            let end = memchr::memchr(b'}', text)?;
            Some((&text[1..end], end + 1))
        }
        _ => Some((&text[..1], 1)),
    }
}
