//! Names and numbers of rulesets.

use bstr::{BStr, BString};

use crate::base::limits::RULESET_NUMBERS;

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

/// Reads a name, a number, or `name=number`, as far as it goes: what follows
/// is not looked at.
///
/// # Errors
/// What is wrong, in the reference's words.
pub fn parse(text: &[u8]) -> Result<RulesetName, String> {
    let text = text.trim_ascii();
    let digits = leading(text, u8::is_ascii_digit);
    if !digits.is_empty() {
        let number = value(digits);
        if number >= RULESET_NUMBERS {
            return Err(format!("bad ruleset {number} ({RULESET_NUMBERS} max)"));
        }
        return Ok(RulesetName::Number(number));
    }
    let name = leading(text, |byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    if !name.first().is_some_and(u8::is_ascii_alphabetic) {
        return Err(format!("invalid ruleset name: \"{}\"", BStr::new(text)));
    }
    let rest = text[name.len()..].trim_ascii();
    let number = match rest.strip_prefix(b"=") {
        None => None,
        Some(rest) => Some(own_number(rest.trim_ascii(), text)?),
    };
    Ok(RulesetName::Name {
        name: name.into(),
        number,
    })
}

/// The number after `=`.
fn own_number(rest: &[u8], text: &[u8]) -> Result<u32, String> {
    let text = BStr::new(text);
    let digits = leading(rest, u8::is_ascii_digit);
    if digits.is_empty() {
        let needed = "number required after `='";
        return Err(format!("bad ruleset definition \"{text}\" ({needed})"));
    }
    let number = value(digits);
    if number >= RULESET_NUMBERS {
        return Err(format!(
            "bad ruleset number {number} in \"{text}\" ({RULESET_NUMBERS} max)"
        ));
    }
    Ok(number)
}

fn leading(text: &[u8], belongs: impl Fn(&u8) -> bool) -> &[u8] {
    let end = text.iter().position(|byte| !belongs(byte));
    &text[..end.unwrap_or(text.len())]
}

/// The value of digits; the greatest there is when it is greater.
fn value(digits: &[u8]) -> u32 {
    digits.iter().fold(0_u32, |number, digit| {
        let next = number.saturating_mul(10);
        next.saturating_add(u32::from(digit - b'0'))
    })
}
