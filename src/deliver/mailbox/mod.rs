//! Mailboxes and files that mail is put into, by a process that owns them.
//!
//! Nothing here is asynchronous: an agent or `mail.local` calls it and waits.
//! Every failure leaves the mailbox as it was, and says in an SMTP reply, as
//! `mail.local` would, whether another try may help.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bstr::BString;
use bytes::Bytes;

use crate::base::Reply;

mod file;
mod lock;
mod maildir;
mod mbox;

pub use file::{FileRules, append_to_file};
pub use maildir::{MaildirName, deliver as deliver_to_maildir};
pub(super) use mbox::FromEscaper;
pub use mbox::{MboxRules, append as append_to_mbox};

/// The text of a message as it is to be stored: lines end with LF.
#[derive(Debug)]
pub struct Text {
    /// The header with the empty line that ends it.
    pub head: Bytes,
    /// What follows.
    pub body: TextBody,
}

/// The body of a message to be stored.
#[derive(Debug)]
pub enum TextBody {
    /// In memory.
    Memory(Bytes),
    /// In a file, from its beginning, this many bytes.
    File(File, u64),
}

/// Bytes read from a body in one piece.
const PIECE_BYTES: usize = 64 << 10;

impl TextBody {
    /// The bytes from `at` on, at most `max`; empty at the end.
    ///
    /// # Errors
    /// Of the file.
    pub fn read_at(&self, at: u64, max: usize) -> io::Result<Vec<u8>> {
        let left = self.len().saturating_sub(at);
        let count = usize::try_from(left).map_or(max, |left| left.min(max));
        match self {
            TextBody::Memory(bytes) => {
                let start = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                Ok(bytes[start..start + count].to_vec())
            }
            TextBody::File(file, _) => {
                let mut piece = vec![0; count];
                let got = file.read_at(&mut piece, at)?;
                piece.truncate(got);
                Ok(piece)
            }
        }
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            TextBody::Memory(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            TextBody::File(_, len) => *len,
        }
    }

    /// Whether there is no body.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives the body piece by piece.
    ///
    /// # Errors
    /// Of the file, of `sink`, or when the file is shorter than it was.
    pub fn pieces(&self, sink: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let (file, len) = match self {
            TextBody::Memory(bytes) => return sink(bytes),
            TextBody::File(file, len) => (file, *len),
        };
        let mut piece = vec![0; PIECE_BYTES];
        let mut at = 0;
        while at < len {
            let want = usize::try_from(len - at).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
            let got = file.read_at(&mut piece[..want], at)?;
            if got == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            sink(&piece[..got])?;
            at += u64::try_from(got).unwrap_or(0);
        }
        Ok(())
    }
}

/// The line that begins a message in an mbox: `From SENDER Www Mmm dd hh:mm:ss
/// yyyy`, without line end. The null sender is `MAILER-DAEMON`.
pub fn from_line(sender: &[u8], time: jiff::civil::DateTime) -> BString {
    let sender = match sender {
        b"" => b"MAILER-DAEMON",
        sender => sender,
    };
    let date = time.strftime("%a %b %e %H:%M:%S %Y").to_string();
    bstr::concat([b"From ", sender, b" ", date.as_bytes()]).into()
}

/// What an error of the system amounts to: no room (452 for a quota, else
/// 450) and input and output wait; the rest is permanent.
fn failure(what: &str, path: &std::path::Path, error: &io::Error) -> Reply {
    let text = format!("{what} {}: {}", path.display(), words(error));
    match error.kind() {
        io::ErrorKind::QuotaExceeded => Reply::with(452, (4, 2, 2), text),
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::NotFound
        | io::ErrorKind::IsADirectory => Reply::with(550, (5, 2, 0), text),
        // A symbolic link where none is followed.
        _ if error.raw_os_error() == Some(nix::libc::ELOOP) => Reply::with(550, (5, 2, 0), text),
        _ => Reply::with(450, (4, 2, 0), text),
    }
}

/// The system's words for an error, without Rust's `(os error N)`.
pub(crate) fn words(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => nix::errno::Errno::from_raw(number).desc().to_owned(),
        None => error.to_string(),
    }
}
