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

/// A name as the reference reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mended {
    /// The name without what cannot be in one, and how many bytes it took;
    /// `None` when there is none.
    pub name: Option<(Vec<u8>, usize)>,
    /// What is wrong with it, in the reference's words.
    pub wrong: Vec<Vec<u8>>,
}

/// Reads a name at the start of `text` as the reference does, mending what is
/// wrong: characters that cannot be in a name are left out.
pub fn mended(text: &[u8]) -> Mended {
    let nameless = b"Name required for macro/class".to_vec();
    let (inside, taken) = match text.first() {
        None => {
            return Mended {
                name: None,
                wrong: vec![nameless],
            };
        }
        Some(b'{') => match memchr::memchr(b'}', text) {
            Some(end) => (&text[1..end], Some(end + 1)),
            None => (&text[1..], None),
        },
        Some(_) => {
            return Mended {
                name: Some((text[..1].to_vec(), 1)),
                wrong: Vec::new(),
            };
        }
    };
    let belongs = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let (mut name, others): (Vec<u8>, Vec<u8>) = inside.iter().copied().partition(belongs);
    let mut wrong: Vec<Vec<u8>> = others
        .into_iter()
        .map(|byte| [b"Invalid macro/class character ".as_slice(), &[byte]].concat())
        .collect();
    let long = name.len() > MACRO_NAME_BYTES_MAX;
    if long {
        name.truncate(MACRO_NAME_BYTES_MAX);
        let max = format!("}}) too long ({MACRO_NAME_BYTES_MAX} chars max)");
        wrong.push([b"Macro/class name ({", name.as_slice(), max.as_bytes()].concat());
    } else if taken.is_none() {
        wrong.push([b"Unbalanced { on ", name.as_slice()].concat());
    }
    if long || taken.is_none() {
        wrong.push(b"Unable to assign macro/class ID (mid = 0xffffffff)".to_vec());
        return Mended { name: None, wrong };
    }
    if name.is_empty() {
        wrong.push(nameless);
        return Mended { name: None, wrong };
    }
    Mended {
        name: taken.map(|taken| (name, taken)),
        wrong,
    }
}
