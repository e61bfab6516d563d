//! The mail log of one process of the daemon, at the site's level.

use std::sync::atomic::{AtomicU8, Ordering};

use bstr::BString;

use crate::base::maillog::Priority;
use crate::cf::{Opt, Options};
use crate::os::{LogTarget, MailLog};
use crate::world::{Log, SystemLog};

/// A log under a tag. The level follows the configuration.
pub struct DaemonLog {
    lines: MailLog,
    level: AtomicU8,
}

impl DaemonLog {
    /// A log that is opened when the first line comes.
    pub fn new(target: LogTarget, tag: &BString) -> Self {
        let host = nix::unistd::gethostname().map_or_else(
            |_| "localhost".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        );
        Self {
            lines: MailLog::new(target, host, tag.to_string()),
            // sendmail: LogLevel is 9 until the configuration says otherwise.
            level: AtomicU8::new(9),
        }
    }

    /// Takes the level of a configuration.
    pub fn follow(&self, options: &Options) {
        let level = options.number(Opt::LogLevel).clamp(0, 255);
        let level = u8::try_from(level).unwrap_or(u8::MAX);
        self.level.store(level, Ordering::Relaxed);
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
}

impl SystemLog for DaemonLog {
    fn log(&self, level: Priority, text: &[u8]) {
        self.lines.log(level, text);
    }
}
