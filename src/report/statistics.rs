//! Counters by mailer, and the file that `mailstats` shows (StatusFile).
//!
//! The file is sendmail's version 4, so that either program's counters go on
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

use std::io::{self, IoSlice, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bstr::{BString, ByteSlice};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::world::{Counted, Disk, OpenMode};

/// Mailers that have counters: the first of the configuration.
pub const MAILERS: usize = 25;

/// Numbers before those of mailers.
const CONNECTIONS: usize = 3;

/// Kinds of numbers that each mailer has.
const KINDS: usize = 7;

const NUMBERS: usize = CONNECTIONS + KINDS * MAILERS;
const NUMBERS_AT: usize = 24;
const FILE_BYTES: usize = NUMBERS_AT + 8 * NUMBERS;
const MAGIC: u32 = 0x1B1DE;
const VERSION: u32 = 4;

/// What is wrong with a file of counters.
#[derive(Debug, thiserror::Error)]
pub enum StatisticsError {
    /// It is something else.
    #[error("incorrect magic number in {0}")]
    Magic(String),
    /// It is of another version.
    #[error("mailstats version ({VERSION}) incompatible with {0} version ({1})")]
    Version(String, u32),
    /// It is of another length.
    #[error("file size changed.")]
    Size,
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
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

    /// Adds what was counted since the last time to the file `path`, which
    /// must exist: a site that wants no counters has none.
    ///
    /// # Errors
    /// The file cannot be read, written or locked, or is something else; what
    /// was counted is kept for the next time.
    pub fn flush(
        &self,
        disk: &dyn Disk,
        path: &Path,
        now: SystemTime,
    ) -> Result<(), StatisticsError> {
        let counted: Vec<u64> = self
            .numbers
            .iter()
            .map(|number| number.swap(0, Ordering::Relaxed))
            .collect();
        if counted.iter().all(|number| *number == 0) {
            return Ok(());
        }
        let added = add_to_file(disk, path, &counted, now);
        if added.is_err() {
            for (number, counted) in self.numbers.iter().zip(&counted) {
                number.fetch_add(*counted, Ordering::Relaxed);
            }
        }
        added
    }
}

fn add_to_file(
    disk: &dyn Disk,
    path: &Path,
    counted: &[u64],
    now: SystemTime,
) -> Result<(), StatisticsError> {
    let file = disk.open(path, OpenMode::Write)?;
    if !file.try_lock()? {
        return Err(io::Error::from(io::ErrorKind::WouldBlock).into());
    }
    let mut bytes = vec![0; FILE_BYTES + 1];
    let read = file.read_at(&mut bytes, 0)?;
    let mut totals = Totals::parse(&bytes[..read], path, now)?;
    for (total, counted) in totals.numbers.iter_mut().zip(counted) {
        *total = total.saturating_add(*counted);
    }
    file.write_at(&[IoSlice::new(&totals.bytes())], 0)?;
    Ok(())
}

/// Counters as a file holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// When counting began, in seconds since 1970.
    began: u64,
    numbers: Vec<u64>,
}

impl Totals {
    /// Reads the file `path`; an empty one has counted nothing since `now`.
    ///
    /// # Errors
    /// See [`StatisticsError`].
    pub fn read(disk: &dyn Disk, path: &Path, now: SystemTime) -> Result<Self, StatisticsError> {
        let file = disk.open(path, OpenMode::Read)?;
        let mut bytes = vec![0; FILE_BYTES + 1];
        let read = file.read_at(&mut bytes, 0)?;
        Self::parse(&bytes[..read], path, now)
    }

    /// sendmail: what follows the numbers does not matter.
    fn parse(bytes: &[u8], path: &Path, now: SystemTime) -> Result<Self, StatisticsError> {
        if bytes.is_empty() {
            let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
            return Ok(Self {
                began: since.as_secs(),
                numbers: vec![0; NUMBERS],
            });
        }
        let name = || path.display().to_string();
        let field = |at: usize, len: usize| -> u64 {
            let bytes = bytes.get(at..at + len).unwrap_or_default();
            bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))
        };
        if field(0, 4) != u64::from(MAGIC) {
            return Err(StatisticsError::Magic(name()));
        }
        if field(4, 4) != u64::from(VERSION) {
            let version = u32::try_from(field(4, 4)).unwrap_or(u32::MAX);
            return Err(StatisticsError::Version(name(), version));
        }
        if field(16, 2) != FILE_BYTES as u64 || bytes.len() < FILE_BYTES {
            return Err(StatisticsError::Size);
        }
        Ok(Self {
            began: field(8, 8),
            numbers: (0..NUMBERS).map(|n| field(NUMBERS_AT + 8 * n, 8)).collect(),
        })
    }

    /// The file's bytes.
    fn bytes(&self) -> Vec<u8> {
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

    fn of(&self, kind: usize, mailer: usize) -> u64 {
        self.numbers[CONNECTIONS + kind * MAILERS + mailer]
    }

    fn sum(&self, kind: usize) -> u64 {
        (0..MAILERS).map(|mailer| self.of(kind, mailer)).sum()
    }

    /// What `mailstats` prints: for people, with the names of mailers unless
    /// `-o` was given.
    pub fn table(&self, mailers: &[BString], names: bool, zone: &TimeZone) -> Vec<u8> {
        let began = Timestamp::try_from(UNIX_EPOCH + Duration::from_secs(self.began.min(1 << 37)));
        let began = began.unwrap_or_default().to_zoned(zone.clone());
        let began = began.strftime("%a %b %e %H:%M:%S %Y");
        let mut out = Vec::new();
        // Writing to memory does not fail.
        let _ = writeln!(out, "Statistics from {began}");
        let _ = write!(
            out,
            " M   msgsfr  bytes_from   msgsto    bytes_to  msgsrej msgsdis msgsqur"
        );
        let _ = writeln!(out, "{}", if names { "  Mailer" } else { "" });
        self.rows(&mut out, mailers, names, "K");
        out.extend_from_slice(&[b'='; 69]);
        out.push(b'\n');
        self.row(&mut out, " T", "K", |kind| self.sum(kind));
        out.push(b'\n');
        let [from, to, refused] = [0, 1, 2].map(|at: usize| self.numbers[at]);
        let _ = writeln!(
            out,
            " C {from:>8} {:>11} {to:>8} {:>11}   {refused:>6}",
            "", ""
        );
        out
    }

    /// What `mailstats -p` and `-P` print: for programs.
    pub fn plain(&self, mailers: &[BString], names: bool, now: SystemTime) -> Vec<u8> {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut out = Vec::new();
        let _ = writeln!(out, "{} {}", self.began, since.as_secs());
        self.rows(&mut out, mailers, names, "");
        self.row(&mut out, " T", "", |kind| self.sum(kind));
        out.push(b'\n');
        let [from, to, refused] = [0, 1, 2].map(|at: usize| self.numbers[at]);
        let _ = writeln!(out, " C {from:>8} {to:>8} {refused:>6}");
        out
    }

    fn rows(&self, out: &mut Vec<u8>, mailers: &[BString], names: bool, unit: &str) {
        for mailer in 0..MAILERS {
            if (0..KINDS).all(|kind| self.of(kind, mailer) == 0) {
                continue;
            }
            let head = format!("{mailer:>2}");
            self.row(out, &head, unit, |kind| self.of(kind, mailer));
            if names {
                let name = mailers.get(mailer).map_or(b"".as_slice(), |name| name);
                let _ = write!(out, "  {}", name.as_bstr());
            }
            out.push(b'\n');
        }
    }

    fn row(&self, out: &mut Vec<u8>, head: &str, unit: &str, of: impl Fn(usize) -> u64) {
        let _ = write!(
            out,
            "{head} {:>8} {:>10}{unit} {:>8} {:>10}{unit}   {:>6}  {:>6}  {:>6}",
            of(0),
            of(1),
            of(2),
            of(3),
            of(4),
            of(5),
            of(6)
        );
    }
}
