//! Turns at a mailbox or at a user's programs: who comes when all are taken
//! waits in line; who comes when the line is long is told when to come back.
//!
//! A delivery agent that others have written (procmail, maildrop) locks its
//! mailbox and sleeps when it finds the lock taken. So there is one at a time
//! to a mailbox, and the rest waits here without a process, or in the queue
//! without anything.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bstr::BString;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Messages that wait in one line.
const LINE_MAX: usize = 48;
/// One that has just come in leaves so many places to those that come back.
const RESERVED: usize = 16;
/// A line is left after this: the message takes less room in the queue.
const PATIENCE: Duration = Duration::from_secs(20);
/// Who is sent away comes back after this at the earliest …
const AWAY_MIN: Duration = Duration::from_millis(200);
/// … and at the latest.
const AWAY_MAX: Duration = Duration::from_secs(300);
/// Lines that are kept in mind although nobody stands in them.
const LINES_MAX: usize = 4096;

/// Every line there is.
pub(super) struct Turns {
    lines: Mutex<HashMap<BString, Arc<Line>>>,
    patience: Duration,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            lines: Mutex::default(),
            patience: PATIENCE,
        }
    }
}

/// One line: at a mailbox, or at a user's programs.
struct Line {
    turns: Arc<Semaphore>,
    state: Mutex<State>,
}

struct State {
    waiting: usize,
    /// What one turn takes, lately.
    pace: Duration,
    /// Until when those who were sent away have been told to come.
    booked: Instant,
}

/// Leave to deliver; the next may when it is dropped.
pub(super) struct Turn {
    line: Arc<Line>,
    began: Instant,
    at_once: u32,
    _permit: OwnedSemaphorePermit,
}

/// The line is too long: come back after this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Later(pub(super) Duration);

impl Turns {
    /// Waits for a turn at `what`, of which there are `at_once`. `again` says
    /// that the message has been here before.
    pub(super) async fn take(&self, what: &[u8], at_once: u32, again: bool) -> Result<Turn, Later> {
        let line = self.line(what, at_once);
        let turn = |permit| Turn {
            line: Arc::clone(&line),
            began: Instant::now(),
            at_once,
            _permit: permit,
        };
        if let Ok(permit) = Arc::clone(&line.turns).try_acquire_owned() {
            return Ok(turn(permit));
        }
        let _place = line.line_up(at_once, again)?;
        let wait = Arc::clone(&line.turns).acquire_owned();
        match timeout(self.patience, wait).await {
            Ok(Ok(permit)) => Ok(turn(permit)),
            Ok(Err(_)) | Err(_) => Err(line.book(at_once)),
        }
    }

    fn line(&self, what: &[u8], at_once: u32) -> Arc<Line> {
        let mut lines = lock(&self.lines);
        if let Some(line) = lines.get(what) {
            return Arc::clone(line);
        }
        if lines.len() >= LINES_MAX {
            lines.retain(|_, line| Arc::strong_count(line) > 1);
        }
        let count = usize::try_from(at_once).unwrap_or(1);
        let line = Arc::new(Line {
            turns: Arc::new(Semaphore::new(count)),
            state: Mutex::new(State {
                waiting: 0,
                pace: Duration::from_millis(20),
                booked: Instant::now(),
            }),
        });
        lines.insert(what.into(), Arc::clone(&line));
        line
    }
}

/// A place in a line.
struct InLine<'a>(&'a Line);

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        lock(&self.0.state).waiting -= 1;
    }
}

impl Line {
    /// A place in the line. Those who come back find places that others may
    /// not have: nobody is sent away for ever.
    fn line_up(&self, at_once: u32, again: bool) -> Result<InLine<'_>, Later> {
        let max = if again { LINE_MAX } else { LINE_MAX - RESERVED };
        {
            let mut state = lock(&self.state);
            if state.waiting < max {
                state.waiting += 1;
                return Ok(InLine(self));
            }
        }
        Err(self.book(at_once))
    }

    /// When to come back: after everybody who waits or was sent away before.
    fn book(&self, at_once: u32) -> Later {
        let mut state = lock(&self.state);
        let now = Instant::now();
        let one = state.pace / at_once.max(1);
        let line = one.saturating_mul(u32::try_from(state.waiting).unwrap_or(u32::MAX) / 2);
        let due = state.booked.max(now + line) + one;
        let away = due.saturating_duration_since(now);
        if away <= AWAY_MAX {
            state.booked = due;
        }
        Later(away.clamp(AWAY_MIN, AWAY_MAX))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        let mut state = lock(&self.line.state);
        state.pace = (state.pace * 7 + took) / 8;
        // What was quick has its time back, so that the line does not stand
        // empty while others are still away.
        if state.waiting == 0 {
            let soon = Instant::now() + state.pace / self.at_once.max(1);
            state.booked = state.booked.min(soon);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
