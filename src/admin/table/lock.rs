//! One writer at a time: whoever changes a table holds its lock from before
//! he reads it until the new text and its database are in place.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often a lock that somebody has is tried again.
const STEP: Duration = Duration::from_millis(5);

/// A lock; it ends with the value.
#[derive(Debug)]
pub struct Locked {
    _file: File,
}

/// Waits, at most `patience`, until nobody else changes `table`.
///
/// The lock is on a file beside it, `.NAME.lock`, that only its owner can
/// open: who may read a table cannot keep others from changing it.
///
/// # Errors
/// The file cannot be made, or somebody keeps the lock: then the kind is
/// `TimedOut`.
pub fn lock(table: &Path, patience: Duration) -> io::Result<Locked> {
    let mut name = std::ffi::OsString::from(".");
    name.push(table.file_name().unwrap_or_default());
    name.push(".lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(table.with_file_name(name))?;
    let end = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Locked { _file: file }),
            Err(std::fs::TryLockError::WouldBlock) if Instant::now() < end => {
                std::thread::sleep(STEP);
            }
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(error),
        }
    }
}
