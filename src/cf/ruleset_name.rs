//! Names and numbers of rulesets.
//!
//! Six numbers have names of their own, which the reference shows instead.

use bstr::{BStr, BString};

use crate::base::limits::RULESETS_MAX;

/// The rulesets that have both a number and a fixed name.
const FIXED: [&str; 6] = [
    "parse",
    "sender",
    "recipient",
    "canonify",
    "final",
    "localaddr",
];

/// The name of the ruleset with this number.
pub fn of_number(number: u32) -> BString {
    usize::try_from(number)
        .ok()
        .and_then(|index| FIXED.get(index))
        .map_or_else(|| number.to_string().into(), |&name| name.into())
}

/// Reads what stands after `S`, `$>` or in `S=`: a name, a number, or
/// `name=number`; gives the name and the number, if it has one.
///
/// # Errors
/// What is wrong, in the reference's words.
pub fn parse(text: &[u8]) -> Result<(BString, Option<u32>), String> {
    let text = text.trim_ascii();
    let end = text
        .iter()
        .position(|&byte| byte == b'=' || byte.is_ascii_whitespace())
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let wrong = || format!("invalid ruleset name: \"{}\"", BStr::new(text));
    if name.is_empty() {
        return Err(wrong());
    }
    if name.iter().all(u8::is_ascii_digit) {
        let number = number(name)
            .ok_or_else(|| format!("bad ruleset {} ({RULESETS_MAX} max)", BStr::new(name)))?;
        return Ok((of_number(number), Some(number)));
    }
    if !name
        .iter()
        .all(|&byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        return Err(wrong());
    }
    let given = rest
        .trim_ascii()
        .strip_prefix(b"=")
        .map(|digits| {
            number(digits.trim_ascii()).ok_or_else(|| {
                format!(
                    "bad ruleset definition \"{}\" (number required after `=')",
                    BStr::new(text)
                )
            })
        })
        .transpose()?;
    let fixed = FIXED
        .iter()
        .position(|fixed| fixed.as_bytes() == name)
        .and_then(|index| u32::try_from(index).ok());
    Ok((name.into(), given.or(fixed)))
}

fn number(digits: &[u8]) -> Option<u32> {
    let number: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (usize::try_from(number).ok()? < RULESETS_MAX).then_some(number)
}
