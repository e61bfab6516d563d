//! Queue ids, as sendmail 8.10 and later makes them.

use std::fmt;

/// The id of a message in the queue: `YMDhmsNNpppppp`.
///
/// Year, month, day, hour, minute and second are one character each out of
/// `0-9A-Za-x`, `NN` a sequence number of two such characters, then the
/// process id in decimal, at least five digits. So ids sort by time and fit
/// into a file name. Invariant: 8 to 20 ASCII letters and digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueId {
    bytes: [u8; 20],
    len: u8,
}

/// The characters of the time and sequence fields; their number is the base.
const DIGITS: &[u8; 60] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwx";

impl QueueId {
    /// Makes the id for a moment (UTC or local time, as the site logs), a
    /// sequence number (modulo 3600) and a process id.
    pub fn new(time: jiff::civil::DateTime, sequence: u32, pid: u32) -> Self {
        let sequence = sequence % 3600;
        let fields = [
            (time.year() - 1900).rem_euclid(60) as u32,
            time.month() as u32 - 1,
            time.day() as u32,
            time.hour() as u32,
            time.minute() as u32,
            time.second() as u32,
            sequence / 60,
            sequence % 60,
        ];
        let mut bytes = [0; 20];
        for (byte, field) in bytes.iter_mut().zip(fields) {
            *byte = DIGITS[field as usize % 60];
        }
        let digits = format!("{pid:06}");
        bytes[8..8 + digits.len()].copy_from_slice(digits.as_bytes());
        Self {
            bytes,
            len: 8 + digits.len() as u8,
        }
    }

    /// Reads an id, such as the part of a queue file's name after `qf`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if !(8..=20).contains(&text.len()) || !text.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        let mut bytes = [0; 20];
        bytes[..text.len()].copy_from_slice(text);
        Some(Self {
            bytes,
            len: text.len() as u8,
        })
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        // Invariant of the type: ASCII letters and digits only.
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
