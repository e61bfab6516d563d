//! Numbers with fractions, as C reads and writes them.

use super::super::number::is_space;

/// What C's `strtod` makes of a text.
pub(super) struct Parsed {
    pub(super) value: f64,
    /// Bytes read; 0 when there is no number.
    pub(super) used: usize,
    /// Too large, or too small to be exact.
    pub(super) out_of_range: bool,
}

/// Reads a number: decimal, `0x…` with a binary exponent, `inf`, `nan`.
pub(super) fn parse(text: &[u8]) -> Parsed {
    let blanks = text.iter().take_while(|byte| is_space(**byte)).count();
    let sign = text.get(blanks).copied();
    let start = blanks + usize::from(matches!(sign, Some(b'+' | b'-')));
    let body = &text[start..];
    let mut parsed = magnitude(body);
    if parsed.used > 0 {
        parsed.used += start;
    }
    if sign == Some(b'-') {
        parsed.value = -parsed.value;
    }
    parsed
}

fn magnitude(body: &[u8]) -> Parsed {
    let word = |value, used| Parsed {
        value,
        used,
        out_of_range: false,
    };
    let begins = |with: &[u8]| {
        body.get(..with.len())
            .is_some_and(|front| front.eq_ignore_ascii_case(with))
    };
    if begins(b"infinity") {
        return word(f64::INFINITY, 8);
    }
    if begins(b"inf") {
        return word(f64::INFINITY, 3);
    }
    if begins(b"nan") {
        return word(f64::NAN, 3 + nan_tag(&body[3..]));
    }
    if begins(b"0x")
        && let Some(parsed) = hexadecimal(&body[2..])
    {
        return parsed;
    }
    decimal(body)
}

/// The length of `(tag)` after `nan`.
fn nan_tag(text: &[u8]) -> usize {
    let [b'(', tag @ ..] = text else {
        return 0;
    };
    let length = tag
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
        .count();
    if tag.get(length) == Some(&b')') {
        length + 2
    } else {
        0
    }
}

fn digits(text: &[u8], digit: impl Fn(&u8) -> bool) -> usize {
    text.iter().take_while(|byte| digit(byte)).count()
}

/// The length of an exponent, its letter included; 0 when it has no digits.
fn exponent_length(text: &[u8], letter: u8) -> usize {
    match text {
        [first, rest @ ..] if first.eq_ignore_ascii_case(&letter) => {
            let sign = usize::from(matches!(rest.first(), Some(b'+' | b'-')));
            match digits(&rest[sign..], u8::is_ascii_digit) {
                0 => 0,
                count => 1 + sign + count,
            }
        }
        _ => 0,
    }
}

/// The lengths of the digits before and after a point, and of all of it.
fn mantissa(text: &[u8], digit: impl Fn(&u8) -> bool + Copy) -> (usize, usize, usize) {
    let whole = digits(text, digit);
    if text.get(whole) != Some(&b'.') {
        return (whole, 0, whole);
    }
    let fraction = digits(&text[whole + 1..], digit);
    (whole, fraction, whole + 1 + fraction)
}

fn decimal(text: &[u8]) -> Parsed {
    let (whole, fraction, length) = mantissa(text, u8::is_ascii_digit);
    let none = Parsed {
        value: 0.0,
        used: 0,
        out_of_range: false,
    };
    if whole + fraction == 0 {
        return none;
    }
    let used = length + exponent_length(&text[length..], b'e');
    let number = std::str::from_utf8(&text[..used]).ok();
    let Some(value) = number.and_then(|number| number.parse::<f64>().ok()) else {
        return none;
    };
    let nonzero = text[..length]
        .iter()
        .any(|byte| matches!(byte, b'1'..=b'9'));
    Parsed {
        value,
        used,
        out_of_range: value.is_infinite() || (nonzero && !value.is_normal()),
    }
}

/// Reads what stands after `0x`.
fn hexadecimal(text: &[u8]) -> Option<Parsed> {
    let (whole, fraction, length) = mantissa(text, u8::is_ascii_hexdigit);
    if whole + fraction == 0 {
        return None;
    }
    let exponent_bytes = exponent_length(&text[length..], b'p');
    let exponent = text
        .get(length + 1..length + exponent_bytes)
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .map_or(0, |digits| {
            let huge = if digits.starts_with('-') {
                -100_000
            } else {
                100_000
            };
            digits.parse::<i32>().unwrap_or(huge)
        });
    let mut value = 0u64;
    let mut scale = exponent.clamp(-100_000, 100_000);
    let figures = text[..length].iter().filter(|byte| **byte != b'.');
    for (index, byte) in figures.enumerate() {
        let figure = u64::from(char::from(*byte).to_digit(16).unwrap_or(0));
        let after_point = index >= whole;
        if value >> 58 == 0 {
            value = value << 4 | figure;
            scale = scale.saturating_sub(if after_point { 4 } else { 0 });
        } else {
            // Beyond what a double holds; only whether it is zero matters.
            value |= u64::from(figure != 0);
            scale = scale.saturating_add(if after_point { 0 } else { 4 });
        }
    }
    let result = scaled(value, scale);
    Some(Parsed {
        value: result,
        used: 2 + length + exponent_bytes,
        out_of_range: result.is_infinite() || (value != 0 && result == 0.0),
    })
}

/// `value` times two to the power of `scale`.
fn scaled(value: u64, scale: i32) -> f64 {
    let mut result = value as f64;
    let mut left = scale;
    while left != 0 && result != 0.0 && result.is_finite() {
        let step = left.clamp(-1000, 1000);
        result *= 2f64.powi(step);
        left -= step;
    }
    result
}

/// How a number is to be written.
pub(super) struct Style {
    /// One of `aAeEfFgG`.
    pub(super) conversion: u8,
    pub(super) precision: Option<usize>,
    /// `#`: with a point and with trailing zeros.
    pub(super) alternative: bool,
}

impl Style {
    /// Writes a number without its sign: what stands before padding zeros,
    /// and what after.
    pub(super) fn write(&self, value: f64) -> (&'static [u8], Vec<u8>) {
        let upper = self.conversion.is_ascii_uppercase();
        let value = value.abs();
        let (prefix, text): (&'static [u8], String) = if value.is_nan() {
            (b"", "nan".to_owned())
        } else if value.is_infinite() {
            (b"", "inf".to_owned())
        } else {
            match self.conversion.to_ascii_lowercase() {
                b'f' => (b"", self.fixed(value, self.precision.unwrap_or(6))),
                b'e' => (b"", self.scientific(value, self.precision.unwrap_or(6))),
                b'g' => (b"", self.general(value)),
                _ => (if upper { b"0X" } else { b"0x" }, self.hexadecimal(value)),
            }
        };
        let mut bytes = text.into_bytes();
        if upper {
            bytes.make_ascii_uppercase();
        }
        (prefix, bytes)
    }

    fn fixed(&self, value: f64, precision: usize) -> String {
        let point = if self.alternative && precision == 0 {
            "."
        } else {
            ""
        };
        format!("{value:.precision$}{point}")
    }

    fn scientific(&self, value: f64, precision: usize) -> String {
        let (mantissa, exponent) = scientific(value, precision);
        let point = if self.alternative && precision == 0 {
            "."
        } else {
            ""
        };
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{mantissa}{point}e{sign}{:02}", exponent.unsigned_abs())
    }

    fn general(&self, value: f64) -> String {
        let figures = self.precision.unwrap_or(6).max(1);
        let (mantissa, exponent) = scientific(value, figures - 1);
        let places = i64::try_from(figures).unwrap_or(i64::MAX) - 1 - i64::from(exponent);
        if exponent < -4 || places < 0 {
            let mantissa = self.stripped(&mantissa);
            let sign = if exponent < 0 { '-' } else { '+' };
            return format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs());
        }
        let places = usize::try_from(places).unwrap_or(0);
        self.stripped(&format!("{value:.places$}"))
    }

    /// Without zeros at the end of a fraction, or with a point at least.
    fn stripped(&self, text: &str) -> String {
        match (self.alternative, text.contains('.')) {
            (true, true) => text.to_owned(),
            (true, false) => format!("{text}."),
            (false, true) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            (false, false) => text.to_owned(),
        }
    }

    fn hexadecimal(&self, value: f64) -> String {
        let bits = value.to_bits();
        let fraction = bits & ((1 << 52) - 1);
        let (mut lead, exponent) = match (bits >> 52, fraction) {
            (0, 0) => (0, 0),
            (0, _) => (0, -1022),
            (biased, _) => (1, i64::try_from(biased).unwrap_or(0) - 1023),
        };
        let mut figures = format!("{fraction:013x}");
        match self.precision {
            None => figures.truncate(figures.trim_end_matches('0').len()),
            Some(places) if places >= 13 => {
                figures.extend(std::iter::repeat_n('0', places - 13));
            }
            Some(places) => {
                let dropped = 52 - 4 * places;
                let whole = lead << 52 | fraction;
                let half = 1u64 << (dropped - 1);
                let rest = whole & ((1 << dropped) - 1);
                let mut kept = whole >> dropped;
                // To the nearest, and to even when both are as near.
                kept += u64::from(rest > half || (rest == half && kept & 1 == 1));
                lead = kept >> (4 * places);
                figures = if places == 0 {
                    String::new()
                } else {
                    format!("{:0places$x}", kept & ((1 << (4 * places)) - 1))
                };
            }
        }
        let point = if figures.is_empty() && !self.alternative {
            ""
        } else {
            "."
        };
        format!("{lead:x}{point}{figures}p{exponent:+}")
    }
}

/// A mantissa with so many places, and its decimal exponent.
fn scientific(value: f64, places: usize) -> (String, i32) {
    let text = format!("{value:.places$e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => (mantissa.to_owned(), exponent.parse().unwrap_or(0)),
        None => (text, 0),
    }
}
