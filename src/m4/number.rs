//! Numbers in arguments, as GNU m4 reads them.

use super::message::text;
use super::{M4, Stop};

/// What C's `strtol` makes of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    /// The value, held at the ends of 64 bits.
    pub(super) value: i64,
    /// Bytes read; 0 when there is no number.
    pub(super) used: usize,
    /// It did not fit.
    pub(super) overflow: bool,
}

/// Reads a decimal number: white space, a sign, digits.
pub(super) fn decimal(text: &[u8]) -> Decimal {
    let blanks = text.iter().take_while(|byte| is_space(**byte)).count();
    let sign = text.get(blanks).copied();
    let signs = usize::from(matches!(sign, Some(b'+' | b'-')));
    let start = blanks + signs;
    let digits = text[start..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits == 0 {
        return Decimal {
            value: 0,
            used: 0,
            overflow: false,
        };
    }
    let negative = sign == Some(b'-');
    let value = text[start..start + digits]
        .iter()
        .try_fold(0i64, |value, digit| {
            let digit = i64::from(digit - b'0');
            let value = value.checked_mul(10)?;
            if negative {
                value.checked_sub(digit)
            } else {
                value.checked_add(digit)
            }
        });
    let limit = if negative { i64::MIN } else { i64::MAX };
    Decimal {
        value: value.unwrap_or(limit),
        used: start + digits,
        overflow: value.is_none(),
    }
}

/// C's `isspace`.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// The low 32 bits of a number, as GNU m4 keeps it.
pub(super) fn low(value: i64) -> i32 {
    value as i32
}

impl M4<'_> {
    /// The number in an argument; nothing, after a message, when there is
    /// none.
    pub(super) fn number(&mut self, builtin: &[u8], argument: &[u8]) -> Result<Option<i32>, Stop> {
        if argument.is_empty() {
            self.fault(text!(
                "empty string treated as 0 in builtin `",
                builtin,
                "'"
            ))?;
            return Ok(Some(0));
        }
        let number = decimal(argument);
        if number.used < argument.len() {
            self.fault(text!("non-numeric argument to builtin `", builtin, "'"))?;
            return Ok(None);
        }
        if is_space(argument[0]) {
            self.fault(text!(
                "leading whitespace ignored in builtin `",
                builtin,
                "'"
            ))?;
        } else if number.overflow {
            self.fault(text!(
                "numeric overflow detected in builtin `",
                builtin,
                "'"
            ))?;
        }
        Ok(Some(low(number.value)))
    }
}
