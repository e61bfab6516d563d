//! The mail log and the counters behind `mailstats`, as one sink.

use crate::base::maillog::{Event, Priority, Subject};

pub use crate::base::Counted;

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
