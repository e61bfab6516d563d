//! Mailboxes in mbox form, as `mail.local` makes and fills them.
//!
//! Several messages share one lock and one sync. What cannot be written whole
//! is cut off again.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::Path;
use std::time::Duration;

use memchr::memchr;
use nix::libc;

use super::{Text, failure, lock};
use crate::base::Reply;

/// How a mailbox is to be treated.
#[derive(Clone, Copy, Debug)]
pub struct MboxRules {
    /// Its owner must be this user.
    pub uid: u32,
    /// Group that a new mailbox gets, if it may be given.
    pub group: Option<u32>,
    /// Add a `Content-Length` field.
    pub content_length: bool,
    /// How long a lock is waited for.
    pub lock_wait: Duration,
}

/// Text is gathered up to this much before it is written.
const WRITE_BYTES: usize = 256 << 10;

/// Appends messages, each with its `From ` line (without line end); gives one
/// reply for each. `user` is the name in the replies.
pub fn append(
    path: &Path,
    user: &str,
    rules: &MboxRules,
    messages: &[(&[u8], &Text)],
) -> Vec<Reply> {
    let opened = lock::dot_lock(path, rules.lock_wait)
        .map_err(|error| failure("Lock", path, &error))
        .and_then(|dot| open(path, rules).map(|file| (dot, file)));
    let (_dot, mut file) = match opened {
        Ok(opened) => opened,
        Err(reply) => return vec![reply; messages.len()],
    };
    let mut replies = Vec::with_capacity(messages.len());
    let mut start = None;
    for (from_line, text) in messages {
        let end = file.metadata().map(|meta| meta.len());
        let written = end.and_then(|end| {
            start.get_or_insert(end);
            write_one(&mut file, from_line, text, rules.content_length).inspect_err(|_| {
                // Readers never see half a message.
                let _ = file.set_len(end);
            })
        });
        replies.push(match written {
            Ok(()) => Reply::with(250, (2, 1, 5), format!("{user} Ok")),
            Err(error) => failure("Write", path, &error),
        });
    }
    if replies.iter().any(Reply::is_success)
        && let Err(error) = file.sync_all()
    {
        if let Some(start) = start {
            let _ = file.set_len(start);
        }
        return vec![failure("Sync", path, &error); messages.len()];
    }
    replies
}

/// Opens the mailbox for appending, made if need be, locked and checked.
fn open(path: &Path, rules: &MboxRules) -> Result<File, Reply> {
    let refused = |what: String| {
        let text = format!("{}: {what}", path.display());
        Reply::with(550, (5, 2, 0), text)
    };
    let mut options = OpenOptions::new();
    options
        .append(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let before = match fs::symlink_metadata(path) {
        Ok(meta) => Some(meta),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failure("Stat", path, &error)),
    };
    let file = match &before {
        Some(meta) => {
            check(meta, rules.uid).map_err(refused)?;
            options
                .open(path)
                .map_err(|error| failure("Open", path, &error))?
        }
        None => {
            let file = options
                .create_new(true)
                .mode(0o600)
                .open(path)
                .map_err(|error| failure("Create", path, &error))?;
            if let Some(group) = rules.group {
                // A directory that gives its own group keeps its right to.
                let _ = fchown(&file, None, Some(group));
            }
            file
        }
    };
    lock::fcntl_lock(&file, rules.lock_wait).map_err(|error| failure("Lock", path, &error))?;
    let after = file
        .metadata()
        .map_err(|error| failure("Stat", path, &error))?;
    check(&after, rules.uid).map_err(refused)?;
    if before.is_some_and(|before| (before.dev(), before.ino()) != (after.dev(), after.ino())) {
        let text = format!("{}: changed while it was opened", path.display());
        return Err(Reply::with(450, (4, 2, 0), text));
    }
    Ok(file)
}

/// What is wrong with a mailbox, in the words of `mail.local`.
fn check(meta: &Metadata, uid: u32) -> Result<(), String> {
    if meta.nlink() != 1 {
        Err("too many links".to_owned())
    } else if !meta.is_file() {
        Err("irregular file".to_owned())
    } else if meta.uid() != uid {
        Err(format!("wrong ownership ({})", meta.uid()))
    } else {
        Ok(())
    }
}

fn write_one(
    file: &mut File,
    from_line: &[u8],
    text: &Text,
    content_length: bool,
) -> io::Result<()> {
    let mut out = Vec::with_capacity(WRITE_BYTES.min(4096 + text.head.len()));
    out.extend_from_slice(from_line);
    out.push(b'\n');
    push_head(&mut out, text, content_length)?;
    let mut escaper = FromEscaper::new();
    text.body.pieces(&mut |piece| {
        escaper.escape(piece, &mut out);
        if out.len() >= WRITE_BYTES {
            file.write_all(&out)?;
            out.clear();
        }
        Ok(())
    })?;
    escaper.finish(&mut out);
    out.push(b'\n');
    file.write_all(&out)
}

/// The header, with `Content-Length` as its last field if one is wanted.
fn push_head(out: &mut Vec<u8>, text: &Text, content_length: bool) -> io::Result<()> {
    if !content_length {
        out.extend_from_slice(&text.head);
        return Ok(());
    }
    let fields = text.head.strip_suffix(b"\n").unwrap_or(&text.head);
    let mut keep = true;
    for line in fields.split_inclusive(|byte| *byte == b'\n') {
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = line.get(..15).unwrap_or_default();
            keep = !name.eq_ignore_ascii_case(b"content-length:");
        }
        if keep {
            out.extend_from_slice(line);
        }
    }
    let mut length: u64 = 0;
    let mut escaper = FromEscaper::new();
    let mut scratch = Vec::new();
    text.body.pieces(&mut |piece| {
        scratch.clear();
        escaper.escape(piece, &mut scratch);
        length += u64::try_from(scratch.len()).unwrap_or(0);
        Ok(())
    })?;
    scratch.clear();
    escaper.finish(&mut scratch);
    length += u64::try_from(scratch.len()).unwrap_or(0);
    out.extend_from_slice(format!("Content-Length: {length}\n\n").as_bytes());
    Ok(())
}

/// Puts `>` before each line that begins with `From `, and completes the last
/// line. Fed in pieces of any size.
#[derive(Debug)]
pub(in crate::deliver) struct FromEscaper {
    at_line_start: bool,
    /// Bytes of `From ` that begin this line and are not written yet.
    held: usize,
}

const FROM: &[u8] = b"From ";

impl FromEscaper {
    pub(in crate::deliver) fn new() -> Self {
        Self {
            at_line_start: true,
            held: 0,
        }
    }

    pub(in crate::deliver) fn escape(&mut self, mut rest: &[u8], out: &mut Vec<u8>) {
        while !rest.is_empty() {
            if self.at_line_start {
                while self.held < FROM.len() && rest.first() == Some(&FROM[self.held]) {
                    self.held += 1;
                    rest = &rest[1..];
                }
                if self.held == FROM.len() {
                    out.push(b'>');
                } else if rest.is_empty() {
                    return;
                }
                out.extend_from_slice(&FROM[..self.held]);
                self.held = 0;
                self.at_line_start = false;
            }
            let end = memchr(b'\n', rest).map(|end| end + 1);
            self.at_line_start = end.is_some();
            let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
            out.extend_from_slice(line);
            rest = after;
        }
    }

    pub(in crate::deliver) fn finish(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&FROM[..self.held]);
        if !self.at_line_start || self.held > 0 {
            out.push(b'\n');
        }
        *self = Self::new();
    }
}
