//! Names and numbers of rulesets.

use bstr::{BStr, BString};

use crate::base::limits::RULESETS_MAX;

/// What stands after `S`, `$>`, or in `S=` of a mailer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RulesetName {
    /// Only a number.
    Number(u32),
    /// A name, which may be given a number.
    Name {
        /// The name.
        name: BString,
        /// What follows `=`.
        number: Option<u32>,
    },
}

/// Reads a name, a number, or `name=number`.
///
/// # Errors
/// What is wrong, in the reference's words.
pub fn parse(text: &[u8]) -> Result<RulesetName, String> {
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
        return Ok(RulesetName::Number(number));
    }
    if !name
        .iter()
        .all(|&byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        return Err(wrong());
    }
    let number = rest
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
    Ok(RulesetName::Name {
        name: name.into(),
        number,
    })
}

fn number(digits: &[u8]) -> Option<u32> {
    let number: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (usize::try_from(number).ok()? < RULESETS_MAX).then_some(number)
}
