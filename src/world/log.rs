//! The mail log and the counters behind `mailstats`, as one sink.

use crate::base::maillog::{Event, Priority, Subject};

/// Something that `mailstats` counts, by the number of its mailer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// A message came from the sender's mailer.
    From {
        /// Index of the mailer in the configuration.
        mailer: usize,
        /// Size of the message.
        size_bytes: u64,
    },
    /// A message went to one recipient by this mailer.
    To {
        /// Index of the mailer in the configuration.
        mailer: usize,
        /// Size of the message.
        size_bytes: u64,
    },
    /// A sender or recipient was refused.
    Rejected {
        /// Index of the mailer in the configuration.
        mailer: usize,
    },
    /// A message was thrown away by a check.
    Discarded {
        /// Index of the mailer in the configuration.
        mailer: usize,
    },
    /// A message went into quarantine.
    Quarantined {
        /// Index of the mailer in the configuration.
        mailer: usize,
    },
    /// A connection came in.
    ConnectionIn,
    /// A connection was made.
    ConnectionOut,
    /// A connection was refused.
    ConnectionRejected,
}

/// The mail log and the counters.
pub trait Log: Send + Sync {
    /// The site's `LogLevel`: events above it are not written.
    fn level(&self) -> u8;
    /// Takes one line, without line end (see [`Event::write`]).
    fn line(&self, priority: Priority, line: &[u8]);
    /// Counts something for `mailstats`.
    fn count(&self, _what: Counted) {}

    /// Writes `event` if the site wants it.
    fn event(&self, subject: Subject, event: &Event<'_>) {
        if event.log_level() <= self.level() {
            let priority = event.priority();
            event.write(subject, &mut Vec::new(), |line| self.line(priority, line));
        }
    }
}
