//! The engine's process as the parent holds it: two channels and an id.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use nix::sys::signal::Signal;

use super::files::Files;
use crate::daemon::frame::{FileAnswer, Start, ToEngine, ToParent, WantFile};
use crate::os::{Channel, signal, start_role};

/// Questions for files answered before anything else is looked at.
const FILES_MAX: usize = 64;

pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) since: Instant,
    /// Closed when the engine has closed it; its end is told by the system,
    /// with the exit code.
    channel: Option<Channel>,
    files: Option<Channel>,
}

/// What came over the channel.
pub(super) enum Heard {
    Nothing,
    Frame(ToParent),
    Nonsense,
}

impl Process {
    /// Starts an engine and tells it how to begin; `logins` is its line to the
    /// process of logins.
    pub(super) fn start(
        start: Start,
        logins: BorrowedFd<'_>,
        keep_stderr: bool,
    ) -> io::Result<Self> {
        let (channel, theirs) = Channel::pair()?;
        let (files, their_files) = Channel::pair()?;
        channel.set_nonblocking()?;
        files.set_nonblocking()?;
        let arguments: [&str; 0] = [];
        let pid = start_role("engine", arguments, theirs.into_descriptor(), keep_stderr)?;
        let process = Self {
            pid,
            since: Instant::now(),
            channel: Some(channel),
            files: Some(files),
        };
        let start = ToEngine::Start(Box::new(start));
        if let Err(error) = process.send(&start, &[their_files.as_fd(), logins]) {
            process.kill();
            return Err(error);
        }
        Ok(process)
    }

    /// The ends that something may still come from.
    pub(super) fn open(&self) -> impl Iterator<Item = &Channel> {
        self.channel.iter().chain(&self.files)
    }

    pub(super) fn send(&self, frame: &ToEngine, beside: &[BorrowedFd<'_>]) -> io::Result<()> {
        match &self.channel {
            Some(channel) => channel.send(&frame.encode(), beside),
            None => Ok(()),
        }
    }

    /// The next frame.
    pub(super) fn next(&mut self) -> Heard {
        let Some(channel) = &self.channel else {
            return Heard::Nothing;
        };
        match channel.receive() {
            Ok(Some(received)) => {
                ToParent::decode(&received.frame).map_or(Heard::Nonsense, Heard::Frame)
            }
            Ok(None) => {
                self.channel = None;
                Heard::Nothing
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Heard::Nothing,
            Err(_) => Heard::Nonsense,
        }
    }

    /// Answers the questions for files that have come.
    pub(super) fn serve_files(&mut self, named: &Files) {
        for _ in 0..FILES_MAX {
            let Some(channel) = &self.files else { return };
            let want = match channel.receive() {
                Ok(Some(received)) => WantFile::decode(&received.frame),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(None) | Err(_) => None,
            };
            let answered = want.is_some_and(|want| match named.open(&want.path) {
                Ok(file) => channel
                    .send(&FileAnswer { errno: 0 }.encode(), &[file.as_fd()])
                    .is_ok(),
                Err(error) => {
                    let errno = error.raw_os_error().unwrap_or(nix::libc::EIO);
                    let errno = errno.unsigned_abs().max(1);
                    channel.send(&FileAnswer { errno }.encode(), &[]).is_ok()
                }
            });
            if !answered {
                self.files = None;
            }
        }
    }

    pub(super) fn kill(&self) {
        let _ = signal(self.pid, Signal::SIGKILL);
    }
}
