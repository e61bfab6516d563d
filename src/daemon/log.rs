//! The mail log of one process of the daemon, at the site's level, and what
//! it counts for `mailstats`.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use bstr::{BString, ByteSlice};

use crate::base::maillog::Priority;
use crate::cf::{Opt, Options};
use crate::dbfile::statistics::{FILE_BYTES, Statistics, Taken, Totals};
use crate::os::{LogTarget, MailLog, SystemDisk};
use crate::world::{Counted, Disk, Log, OpenMode, SystemLog};

/// A log under a tag. The level follows the configuration.
pub struct DaemonLog {
    lines: MailLog,
    level: AtomicU8,
    statistics: Statistics,
    /// StatusFile; empty for none.
    status_file: Mutex<PathBuf>,
}

impl DaemonLog {
    /// A log that is opened when the first line comes.
    pub fn new(target: LogTarget, tag: &BString) -> Self {
        Self {
            lines: MailLog::new(target, tag.to_string()),
            // sendmail: LogLevel is 9 until the configuration says otherwise.
            level: AtomicU8::new(9),
            statistics: Statistics::default(),
            status_file: Mutex::default(),
        }
    }

    /// Takes the level of a configuration, and where its counters go.
    pub fn follow(&self, options: &Options) {
        let level = options.number(Opt::LogLevel).clamp(0, 255);
        let level = u8::try_from(level).unwrap_or(u8::MAX);
        self.level.store(level, Ordering::Relaxed);
        let file = options.text(Opt::StatusFile).to_path_lossy();
        let status_file = self.status_file.lock();
        *status_file.unwrap_or_else(PoisonError::into_inner) = file.into_owned();
    }

    /// Adds what was counted to the StatusFile, if the site has one. Blocks.
    ///
    /// sendmail: a file that is not there, or not to be written, is no reason
    /// to complain. What was counted is kept for the next time.
    pub fn flush_statistics(&self) {
        let file = self.status_file.lock();
        let file = file.unwrap_or_else(PoisonError::into_inner).clone();
        if file.as_os_str().is_empty() {
            return;
        }
        if let Some(taken) = self.statistics.take()
            && add_to_file(&file, &taken).is_err()
        {
            self.statistics.give_back(&taken);
        }
    }

    /// Writes a line about the daemon itself.
    pub fn say(&self, priority: Priority, text: impl AsRef<[u8]>) {
        self.lines.log(priority, text.as_ref());
    }
}

impl Log for DaemonLog {
    fn level(&self) -> u8 {
        self.level.load(Ordering::Relaxed)
    }

    fn line(&self, priority: Priority, line: &[u8]) {
        self.lines.log(priority, line);
    }

    fn count(&self, what: Counted) {
        self.statistics.count(what);
    }
}

impl SystemLog for DaemonLog {
    fn log(&self, level: Priority, text: &[u8]) {
        self.lines.log(level, text);
    }
}

fn add_to_file(path: &Path, taken: &Taken) -> io::Result<()> {
    let file = SystemDisk.open(path, OpenMode::Write)?;
    if !file.try_lock()? {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    let mut bytes = vec![0; FILE_BYTES];
    let read = file.read_at(&mut bytes, 0)?;
    let mut totals = Totals::parse(&bytes[..read], SystemTime::now()).map_err(io::Error::other)?;
    totals.add(taken);
    file.write_at(&[IoSlice::new(&totals.bytes())], 0)
}
