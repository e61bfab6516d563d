//! Mailbox locks that mail readers know: a dot lock and an `fcntl` lock.
//!
//! Both are polled, never waited for in the kernel, so that a mailbox that is
//! locked for hours costs a bounded wait and a deferral.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

/// A dot lock older than this belongs to nobody (as `mail.local` has it).
const STALE_AFTER: Duration = Duration::from_secs(300);
/// The first and the longest pause between two tries.
const PAUSE_MIN: Duration = Duration::from_millis(2);
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// The file `MAILBOX.lock`, taken away when dropped.
#[derive(Debug)]
pub(super) struct DotLock(Option<PathBuf>);

impl Drop for DotLock {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // Left behind, it is stale in five minutes.
            let _ = fs::remove_file(path);
        }
    }
}

/// Makes the dot lock of a mailbox. In a directory where we may make no
/// files, there is none, and the `fcntl` lock has to do.
pub(super) fn dot_lock(mailbox: &Path, wait_max: Duration) -> io::Result<DotLock> {
    let mut name = mailbox.as_os_str().to_owned();
    name.push(".lock");
    let path = PathBuf::from(name);
    let mut pauses = Pauses::new(wait_max);
    loop {
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o444)
            .open(&path);
        match made {
            Ok(mut file) => {
                // Readers show who holds it; nothing depends on the text.
                let _ = write!(file, "{}", std::process::id());
                return Ok(DotLock(Some(path)));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if is_stale(&path) {
                    let _ = fs::remove_file(&path);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Ok(DotLock(None));
            }
            Err(error) => return Err(error),
        }
        pauses.pause()?;
    }
}

fn is_stale(lock: &Path) -> bool {
    let changed = fs::symlink_metadata(lock).and_then(|meta| meta.modified());
    changed.is_ok_and(|changed| {
        SystemTime::now()
            .duration_since(changed)
            .is_ok_and(|age| age > STALE_AFTER)
    })
}

/// Locks a whole file for writing, for as long as it is open.
pub(super) fn fcntl_lock(file: &File, wait_max: Duration) -> io::Result<()> {
    let whole = libc::flock {
        l_type: i16::try_from(libc::F_WRLCK).unwrap_or(1),
        l_whence: i16::try_from(libc::SEEK_SET).unwrap_or(0),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    let mut pauses = Pauses::new(wait_max);
    loop {
        match fcntl(file, FcntlArg::F_SETLK(&whole)) {
            Ok(_) => return Ok(()),
            Err(nix::Error::EACCES | nix::Error::EAGAIN) => pauses.pause()?,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Pauses that grow, until the time is over.
struct Pauses {
    until: Instant,
    next: Duration,
}

impl Pauses {
    fn new(wait_max: Duration) -> Self {
        Self {
            until: Instant::now() + wait_max,
            next: PAUSE_MIN,
        }
    }

    fn pause(&mut self) -> io::Result<()> {
        if Instant::now() >= self.until {
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::sleep(self.next);
        self.next = (self.next * 2).min(PAUSE_MAX);
        Ok(())
    }
}
