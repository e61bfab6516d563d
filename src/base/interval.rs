//! Time intervals as sendmail writes them: `4h`, `5d`, `1h30m`, `90`.

use std::time::Duration;

/// What is wrong with an interval.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntervalError {
    /// No digit where a number should start.
    #[error("invalid time unit or missing number in \"{0}\"")]
    Number(String),
    /// A letter that is none of `w d h m s`.
    #[error("invalid time unit `{1}' in \"{0}\"")]
    Unit(String, char),
    /// More seconds than fit.
    #[error("time \"{0}\" is too long")]
    Overflow(String),
}

/// Reads an interval: numbers, each with a unit `w d h m s` or, without one,
/// `default_unit` (one of the same letters).
///
/// # Errors
/// An [`IntervalError`] that quotes the text; empty text is an error too.
pub fn parse(text: &str, default_unit: char) -> Result<Duration, IntervalError> {
    let bad = || IntervalError::Number(text.to_owned());
    let overflow = || IntervalError::Overflow(text.to_owned());
    let mut rest = text.trim();
    let mut total: u64 = 0;
    loop {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return Err(bad());
        }
        let number: u64 = rest[..digits].parse().map_err(|_| overflow())?;
        rest = &rest[digits..];
        let unit = rest.chars().next();
        rest = &rest[unit.map_or(0, char::len_utf8)..];
        let unit = unit.unwrap_or(default_unit);
        let scale = seconds_in(unit).ok_or_else(|| IntervalError::Unit(text.to_owned(), unit))?;
        total = number
            .checked_mul(scale)
            .and_then(|n| n.checked_add(total))
            .ok_or_else(overflow)?;
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(Duration::from_secs(total));
        }
    }
}

fn seconds_in(unit: char) -> Option<u64> {
    Some(match unit.to_ascii_lowercase() {
        'w' => 7 * 24 * 3600,
        'd' => 24 * 3600,
        'h' => 3600,
        'm' => 60,
        's' => 1,
        _ => return None,
    })
}

/// Writes an interval as sendmail's logs do: `hh:mm:ss`, or `d+hh:mm:ss`
/// from one day on.
pub fn clock(interval: Duration) -> String {
    let total = interval.as_secs();
    let (days, rest) = (total / 86_400, total % 86_400);
    let (hours, minutes, seconds) = (rest / 3600, rest / 60 % 60, rest % 60);
    if days > 0 {
        format!("{days}+{hours:02}:{minutes:02}:{seconds:02}")
    } else {
        format!("{hours:02}:{minutes:02}:{seconds:02}")
    }
}
