//! The process of logins as the parent holds it: an id. Its line goes to the
//! engine, with which it lives and ends.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use crate::daemon::frame::{Start, ToEngine};
use crate::os::{Channel, start_role};

/// One that did not live for this long is not replaced at once.
const LIVED: Duration = Duration::from_secs(2);
/// But after this.
const PAUSE: Duration = Duration::from_secs(1);

/// The process of logins.
pub(super) enum Logins {
    /// There is an engine, and this process for it.
    Up { pid: u32, since: Instant },
    /// It has ended; another is to be started then.
    Due(Instant),
    /// There is no engine to serve.
    Unwanted,
}

impl Logins {
    /// Starts one; gives the engine's end of its line.
    pub(super) fn start(start: &Start, keep_stderr: bool) -> io::Result<(Self, OwnedFd)> {
        let (line, theirs) = Channel::pair()?;
        // It waits there until the process reads it.
        line.send(&ToEngine::Start(Box::new(start.clone())).encode(), &[])?;
        let arguments: [&str; 0] = [];
        let pid = start_role("logins", arguments, theirs.into_descriptor(), keep_stderr)?;
        let since = Instant::now();
        Ok((Self::Up { pid, since }, line.into_descriptor()))
    }

    /// Whether the child that ended was this one.
    pub(super) fn ended(&mut self, ended: u32) -> bool {
        match *self {
            Self::Up { pid, since } if pid == ended => {
                let now = Instant::now();
                let wait = if since.elapsed() < LIVED {
                    PAUSE
                } else {
                    Duration::ZERO
                };
                *self = Self::Due(now + wait);
                true
            }
            _ => false,
        }
    }

    /// When the next is to be started.
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Self::Due(then) => Some(*then),
            _ => None,
        }
    }
}
