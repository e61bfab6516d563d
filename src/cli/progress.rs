//! A line that counts while work goes on, on a terminal, once it takes longer
//! than a second.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Nothing is shown before this.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the line changes.
const EVERY: Duration = Duration::from_millis(200);
/// Steps between looks at the clock.
const STEPS: u64 = 4096;

/// A count that is shown.
pub(super) struct Progress {
    program: &'static str,
    what: &'static str,
    on: bool,
    count: u64,
    next: Instant,
    shown: bool,
}

impl Progress {
    /// Counts `what`s for `program`.
    pub(super) fn new(program: &'static str, what: &'static str) -> Self {
        Self {
            program,
            what,
            on: std::io::stderr().is_terminal(),
            count: 0,
            next: Instant::now() + PATIENCE,
            shown: false,
        }
    }

    /// One more.
    pub(super) fn step(&mut self) {
        self.count += 1;
        if self.on && self.count.is_multiple_of(STEPS) && Instant::now() >= self.next {
            self.next += EVERY;
            self.shown = true;
            let mut err = std::io::stderr().lock();
            let _ = write!(err, "\r{}: {} {}", self.program, self.count, self.what);
            let _ = err.flush();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            // The line goes, and what is said next begins at its start.
            let _ = std::io::stderr().lock().write_all(b"\r\x1b[K");
        }
    }
}
