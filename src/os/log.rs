//! The mail log: lines in syslog's form to the system's log, a file or
//! standard error.
//!
//! The form is RFC 3164 with the mail facility, because that is what reads
//! `/dev/log`, and what log readers know from files. A line never holds
//! control characters, so nobody can forge another line.

mod events;

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;

use self::events::Events;
use super::zone::usual_zone;
use crate::world::{LogLevel, SystemLog};

/// The mail facility (RFC 3164, table 1), shifted to its place.
const FACILITY_MAIL: u8 = 2 << 3;
/// The longest line that is written; the rest is cut.
const LINE_BYTES_MAX: usize = 8 << 10;

/// How long a file may be written to after it was renamed away.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// The system's log at this socket, usually `/dev/log`.
    Socket(PathBuf),
    /// A file, appended to; opened again when it has been renamed away.
    File(PathBuf),
    /// Standard error.
    Stderr,
}

/// A log under one tag (`sendmail`, or what `-L` says).
pub struct MailLog {
    /// The same as JSON, where that is wanted.
    events: Events,
    target: LogTarget,
    host: String,
    tag: String,
    zone: TimeZone,
    sink: Mutex<Sink>,
}

enum Sink {
    Closed,
    Socket(UnixDatagram),
    File {
        file: File,
        inode: (u64, u64),
        /// When its name was last seen to be this file.
        seen: Instant,
    },
}

impl MailLog {
    /// A log that opens its target when the first line comes. The name of the
    /// machine is shown
    /// in files and on standard error, where no log daemon adds it.
    pub fn new(target: LogTarget, tag: impl Into<String>) -> Self {
        Self {
            events: Events::beside(&target),
            target,
            host: own_host(),
            tag: tag.into(),
            zone: usual_zone(),
            sink: Mutex::new(Sink::Closed),
        }
    }

    /// One line: to the log as it stands, and if that fails, to it opened
    /// anew; then it is lost, as a full or absent log must not stop mail.
    fn write(&self, line: &[u8]) {
        if self.target == LogTarget::Stderr {
            let _ = io::stderr().write_all(line);
            return;
        }
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..2 {
            if self.is_stale(&mut sink) {
                match open(&self.target) {
                    Ok(opened) => *sink = opened,
                    Err(_) => return,
                }
            }
            let written = match &mut *sink {
                Sink::Socket(socket) => socket.send(line).map(|_| ()),
                Sink::File { file, .. } => file.write_all(line),
                Sink::Closed => return,
            };
            match written {
                Ok(()) => return,
                Err(_) => *sink = Sink::Closed,
            }
        }
    }

    /// Whether the log must be opened anew. A file's name is looked at now and
    /// then only: a line costs one call.
    fn is_stale(&self, sink: &mut Sink) -> bool {
        match (sink, &self.target) {
            (Sink::Closed, _) => true,
            (Sink::File { inode, seen, .. }, LogTarget::File(path)) => {
                use std::os::unix::fs::MetadataExt;
                if seen.elapsed() < LOOK_AGAIN_AFTER {
                    return false;
                }
                *seen = Instant::now();
                std::fs::metadata(path)
                    .map(|meta| (meta.dev(), meta.ino()))
                    .ok()
                    != Some(*inode)
            }
            _ => false,
        }
    }

    fn line(&self, level: LogLevel, text: &[u8]) -> Vec<u8> {
        let now = jiff::Timestamp::now().to_zoned(self.zone.clone());
        let stamp = now.strftime("%b %e %H:%M:%S");
        let pid = std::process::id();
        let mut line = Vec::with_capacity(text.len() + 64);
        let head = match self.target {
            LogTarget::Socket(_) => {
                let priority = FACILITY_MAIL | level as u8;
                format!("<{priority}>{stamp} {}[{pid}]: ", self.tag)
            }
            _ => format!("{stamp} {} {}[{pid}]: ", self.host, self.tag),
        };
        line.extend_from_slice(head.as_bytes());
        let text = &text[..text.len().min(LINE_BYTES_MAX)];
        line.extend(text.iter().map(|byte| match byte {
            0..=31 | 127 => b' ',
            other => *other,
        }));
        if !matches!(self.target, LogTarget::Socket(_)) {
            line.push(b'\n');
        }
        line
    }
}

impl SystemLog for MailLog {
    fn log(&self, level: LogLevel, text: &[u8]) {
        self.write(&self.line(level, text));
        self.events.write(&self.host, &self.tag, level, text);
    }
}

fn open(target: &LogTarget) -> io::Result<Sink> {
    match target {
        LogTarget::Socket(path) => {
            let socket = UnixDatagram::unbound()?;
            socket.connect(path)?;
            Ok(Sink::Socket(socket))
        }
        LogTarget::File(path) => {
            use std::os::unix::fs::MetadataExt;
            let file = OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o640)
                .open(path)?;
            let meta = file.metadata()?;
            Ok(Sink::File {
                file,
                inode: (meta.dev(), meta.ino()),
                seen: Instant::now(),
            })
        }
        LogTarget::Stderr => Ok(Sink::Closed),
    }
}

/// The name of this machine, as the system's log would write it.
fn own_host() -> String {
    nix::unistd::gethostname().map_or_else(
        |_| "localhost".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

#[cfg(test)]
mod tests;
