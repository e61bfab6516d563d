//! `sendmail -bd`: the daemon as a process of its own, and word of how its
//! start went.
//!
//! The process that was called starts the parent anew, waits until sessions
//! are served or cannot be, and exits accordingly. So whoever starts the
//! daemon learns of every fault, and a script that goes on after it finds a
//! server that answers.

use std::ffi::OsStr;

use crate::base::Sysexit;
use crate::os::{Channel, leave_session, leave_terminal, start_successor};

use super::parent::Stopped;

/// Starts the parent with these arguments and waits for its word.
///
/// # Errors
/// What the parent said, or that it ended without a word.
pub fn launch<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Result<(), Stopped> {
    let failed = |error: std::io::Error| Stopped::new(Sysexit::OsErr, error.to_string());
    let (ours, theirs) = Channel::pair().map_err(failed)?;
    start_successor("parent", arguments, theirs.into_descriptor()).map_err(failed)?;
    match ours.receive() {
        Ok(Some(word)) => match word.frame.split_first() {
            Some((0, _)) => Ok(()),
            Some((code, text)) => {
                let code = Sysexit::from_code(i32::from(*code)).unwrap_or(Sysexit::Software);
                Err(Stopped::new(code, String::from_utf8_lossy(text)))
            }
            None => Err(Stopped::new(Sysexit::Software, "the daemon said nothing")),
        },
        _ => Err(Stopped::new(
            Sysexit::Software,
            "the daemon ended while it started",
        )),
    }
}

/// The parent's end: somebody waits for its word.
pub struct Launcher {
    channel: Channel,
}

impl Launcher {
    /// Takes the end that this process was started with, and leaves the
    /// caller's session.
    ///
    /// # Errors
    /// When there is none.
    pub fn take() -> std::io::Result<Self> {
        let channel = Channel::from_stdin()?;
        leave_session();
        Ok(Self { channel })
    }

    /// Sessions are served.
    pub fn started(self) {
        // Whoever waited may be gone; the daemon runs all the same.
        let _ = leave_terminal();
        let _ = self.channel.send(&[0], &[]);
    }

    /// It could not start.
    pub fn failed(self, stopped: &Stopped) {
        let mut word = vec![stopped.code.code().max(1)];
        word.extend_from_slice(&stopped.text.as_bytes()[..stopped.text.len().min(8192)]);
        let _ = self.channel.send(&word, &[]);
    }
}
