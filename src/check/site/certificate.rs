//! Certificates and keys in PEM files: when a certificate holds, and whether
//! a key is its key.
//!
//! RSA keys are compared by their modulus, keys on curves by their public
//! point. A key that is encrypted, or that does not hold its public half
//! (Ed25519), cannot be compared. No signature is looked at.

use std::time::{Duration, SystemTime};

use bstr::ByteSlice;

use super::der::{
    BIT_STRING, CONTEXT_0, CONTEXT_1, Elements, GENERALIZED_TIME, INTEGER, OCTET_STRING, UTC_TIME,
};

/// What is read of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Certificate {
    /// From when it holds, in seconds since 1970.
    pub(super) not_before: u64,
    /// Until when.
    pub(super) not_after: u64,
    /// What tells its key from others.
    pub(super) key: Vec<u8>,
}

impl Certificate {
    /// The first certificate of a PEM file.
    pub(super) fn first(pem: &[u8]) -> Option<Self> {
        let der = block(
            pem,
            &["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"],
        )?;
        let mut signed = Elements::new(&der).sequence()?.sequence()?;
        if signed.peek() == Some(CONTEXT_0) {
            signed.next()?;
        }
        // Serial number, signature algorithm, issuer.
        for _ in 0..3 {
            signed.next()?;
        }
        let mut validity = signed.sequence()?;
        let (not_before, not_after) = (time(validity.next()?)?, time(validity.next()?)?);
        signed.next()?;
        let mut public = signed.sequence()?;
        public.next()?;
        let bits = public.expect(BIT_STRING)?.split_first()?.1;
        Some(Self {
            not_before,
            not_after,
            key: modulus(bits, 0).unwrap_or_else(|| bits.to_vec()),
        })
    }

    /// Whether `key` is the key of this certificate; `None` when nobody can
    /// tell.
    pub(super) fn is_of(&self, key: &[u8]) -> Option<bool> {
        Some(public_half(key)? == self.key)
    }

    /// Whether it holds at a time.
    pub(super) fn holds(&self, now: SystemTime) -> bool {
        let now = seconds(now);
        self.not_before <= now && now <= self.not_after
    }

    /// How long it holds from `now` on; zero when it has ended.
    pub(super) fn left(&self, now: SystemTime) -> Duration {
        Duration::from_secs(self.not_after.saturating_sub(seconds(now)))
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// What of a private key tells it from others.
fn public_half(pem: &[u8]) -> Option<Vec<u8>> {
    if let Some(der) = block(pem, &["RSA PRIVATE KEY"]) {
        return modulus(&der, 1);
    }
    if let Some(der) = block(pem, &["EC PRIVATE KEY"]) {
        return point(&der);
    }
    let der = block(pem, &["PRIVATE KEY"])?;
    let mut outer = Elements::new(&der).sequence()?;
    outer.expect(INTEGER)?;
    outer.next()?;
    let inner = outer.expect(OCTET_STRING)?;
    modulus(inner, 1).or_else(|| point(inner))
}

/// The modulus of an RSA key: the integer behind `before` others.
fn modulus(der: &[u8], before: usize) -> Option<Vec<u8>> {
    let mut numbers = Elements::new(der).sequence()?;
    for _ in 0..before {
        numbers.expect(INTEGER)?;
    }
    let modulus = numbers.expect(INTEGER)?;
    numbers.expect(INTEGER)?;
    Some(modulus.to_vec())
}

/// The public point that a key on a curve brings with it.
fn point(der: &[u8]) -> Option<Vec<u8>> {
    let mut key = Elements::new(der).sequence()?;
    key.expect(INTEGER)?;
    key.expect(OCTET_STRING)?;
    while let Some((tag, content)) = key.next() {
        if tag == CONTEXT_1 {
            let bits = Elements::new(content).expect(BIT_STRING)?;
            return Some(bits.split_first()?.1.to_vec());
        }
    }
    None
}

/// The bytes of the first block with one of these labels. A block with header
/// lines is encrypted, and gives none.
fn block(pem: &[u8], labels: &[&str]) -> Option<Vec<u8>> {
    for label in labels {
        let begin = format!("-----BEGIN {label}-----");
        let end = format!("-----END {label}-----");
        if let Some(at) = pem.find(&begin) {
            let body = &pem[at + begin.len()..];
            return base64(&body[..body.find(&end)?]);
        }
    }
    None
}

/// Reads base64 over several lines.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0);
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => break,
            _ if byte.is_ascii_whitespace() => continue,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from((bits >> held) & 0xff).unwrap_or(0));
        }
    }
    Some(out)
}

/// A time as certificates have it, in seconds since 1970 (RFC 5280, 4.1.2.5).
fn time((tag, text): (u8, &[u8])) -> Option<u64> {
    let digits = text.strip_suffix(b"Z")?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = digits.split_at_checked(2)?;
            let year = number(year)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = digits.split_at_checked(4)?;
            (number(year)?, rest)
        }
        _ => return None,
    };
    let mut parts = rest.chunks(2).map(number);
    let mut part = || parts.next().flatten();
    let (month, day, hour, minute, second) = (part()?, part()?, part()?, part()?, part()?);
    let days = days_since_1970(year, month, day)?;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.to_str().ok()?.parse().ok()
}

/// Days from the beginning of 1970 to a date of the Gregorian calendar.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    const BEFORE_MONTH: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let month_index = usize::try_from(month.checked_sub(1)?).ok()?;
    let before = *BEFORE_MONTH.get(month_index)?;
    let leap_day = u64::from(month > 2 && is_leap(year));
    let last = year.checked_sub(1)?;
    let leap_years = |year: u64| year / 4 - year / 100 + year / 400;
    let days = last * 365 + leap_years(last) + before + leap_day + day.checked_sub(1)?;
    // The days of the years 1 to 1969.
    days.checked_sub(719_162)
}
