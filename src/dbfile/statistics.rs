//! The counters that `mailstats` shows, and their file (StatusFile).
//!
//! Pure: bytes in, bytes out. The file is sendmail's version 4, so that either program's counters go on
//! from the other's. Numbers are as the machine has them (here:
//! little-endian), 64 bits unless said otherwise:
//!
//! | bytes | holds |
//! | --- | --- |
//! | 0..4 | `0x1B1DE` |
//! | 4..8 | version |
//! | 8..16 | when counting began |
//! | 16..18 | length of the file |
//! | 24..48 | connections in, out, refused |
//! | 48..1448 | for each of 25 mailers: messages in, kilobytes in, messages out, kilobytes out, refused, discarded, in quarantine; 25 numbers of each |

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::base::Counted;

/// Mailers that have counters: the first of the configuration.
pub const MAILERS: usize = 25;

/// Numbers before those of mailers.
const CONNECTIONS: usize = 3;

/// Kinds of numbers that each mailer has.
pub const KINDS: usize = 7;

const NUMBERS: usize = CONNECTIONS + KINDS * MAILERS;
const NUMBERS_AT: usize = 24;
/// Length of the file.
pub const FILE_BYTES: usize = NUMBERS_AT + 8 * NUMBERS;
const MAGIC: u32 = 0x1B1DE;
/// The version of the file.
pub const VERSION: u32 = 4;

/// What is wrong with a file of counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TotalsError {
    /// It is something else.
    #[error("incorrect magic number")]
    Magic,
    /// It is of another version.
    #[error("version {0}")]
    Version(u32),
    /// It is of another length.
    #[error("file size changed")]
    Size,
}

/// Counters while they count.
#[derive(Debug)]
pub struct Statistics {
    numbers: [AtomicU64; NUMBERS],
}

impl Default for Statistics {
    fn default() -> Self {
        Self {
            numbers: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Statistics {
    /// Counts something.
    pub fn count(&self, what: Counted) {
        // sendmail: a kilobyte that has been begun counts as one.
        let kilobytes = |bytes: u64| bytes.div_ceil(1024);
        match what {
            Counted::ConnectionIn => self.add(0, 1),
            Counted::ConnectionOut => self.add(1, 1),
            Counted::ConnectionRejected => self.add(2, 1),
            Counted::From { mailer, size_bytes } => {
                self.add_for(mailer, 0, 1);
                self.add_for(mailer, 1, kilobytes(size_bytes));
            }
            Counted::To { mailer, size_bytes } => {
                self.add_for(mailer, 2, 1);
                self.add_for(mailer, 3, kilobytes(size_bytes));
            }
            Counted::Rejected { mailer } => self.add_for(mailer, 4, 1),
            Counted::Discarded { mailer } => self.add_for(mailer, 5, 1),
            Counted::Quarantined { mailer } => self.add_for(mailer, 6, 1),
        }
    }

    fn add(&self, at: usize, n: u64) {
        self.numbers[at].fetch_add(n, Ordering::Relaxed);
    }

    /// Mailers beyond the first ones are not counted: the file has no room.
    fn add_for(&self, mailer: usize, kind: usize, n: u64) {
        if mailer < MAILERS {
            self.add(CONNECTIONS + kind * MAILERS + mailer, n);
        }
    }

    /// What was counted since the last time, to be added to the file; `None`
    /// when there is nothing.
    pub fn take(&self) -> Option<Taken> {
        let numbers: Vec<u64> = self
            .numbers
            .iter()
            .map(|number| number.swap(0, Ordering::Relaxed))
            .collect();
        let any = numbers.iter().any(|number| *number > 0);
        any.then_some(Taken(numbers))
    }

    /// Counts again what could not be added to the file.
    pub fn give_back(&self, taken: &Taken) {
        for (number, taken) in self.numbers.iter().zip(&taken.0) {
            number.fetch_add(*taken, Ordering::Relaxed);
        }
    }
}

/// What was counted in a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken(Vec<u64>);

/// Counters as a file holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// When counting began, in seconds since 1970.
    began: u64,
    numbers: Vec<u64>,
}

impl Totals {
    /// Reads the bytes of a file; an empty one has counted nothing since `now`.
    ///
    /// sendmail: what follows the numbers does not matter.
    ///
    /// # Errors
    /// See [`TotalsError`].
    pub fn parse(bytes: &[u8], now: SystemTime) -> Result<Self, TotalsError> {
        if bytes.is_empty() {
            let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
            return Ok(Self {
                began: since.as_secs(),
                numbers: vec![0; NUMBERS],
            });
        }
        let field = |at: usize, len: usize| -> u64 {
            let bytes = bytes.get(at..at + len).unwrap_or_default();
            bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))
        };
        if field(0, 4) != u64::from(MAGIC) {
            return Err(TotalsError::Magic);
        }
        if field(4, 4) != u64::from(VERSION) {
            let version = u32::try_from(field(4, 4)).unwrap_or(u32::MAX);
            return Err(TotalsError::Version(version));
        }
        if field(16, 2) != FILE_BYTES as u64 || bytes.len() < FILE_BYTES {
            return Err(TotalsError::Size);
        }
        Ok(Self {
            began: field(8, 8),
            numbers: (0..NUMBERS).map(|n| field(NUMBERS_AT + 8 * n, 8)).collect(),
        })
    }

    /// Adds what was counted.
    pub fn add(&mut self, taken: &Taken) {
        for (total, taken) in self.numbers.iter_mut().zip(&taken.0) {
            *total = total.saturating_add(*taken);
        }
    }

    /// The file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FILE_BYTES);
        bytes.extend_from_slice(&MAGIC.to_le_bytes());
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.began.to_le_bytes());
        bytes.extend_from_slice(&(FILE_BYTES as u64).to_le_bytes());
        for number in &self.numbers {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// When counting began, in seconds since 1970.
    pub fn began(&self) -> u64 {
        self.began
    }

    /// Connections: in, out, refused.
    pub fn connections(&self) -> [u64; CONNECTIONS] {
        std::array::from_fn(|at| self.numbers[at])
    }

    /// One number of a mailer: messages in, kilobytes in, messages out,
    /// kilobytes out, refused, discarded, in quarantine.
    pub fn of(&self, kind: usize, mailer: usize) -> u64 {
        let at = CONNECTIONS + kind * MAILERS + mailer;
        self.numbers.get(at).copied().unwrap_or_default()
    }

    /// The same, of all mailers.
    pub fn sum(&self, kind: usize) -> u64 {
        (0..MAILERS).map(|mailer| self.of(kind, mailer)).sum()
    }
}
