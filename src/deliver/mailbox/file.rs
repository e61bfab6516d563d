//! Files that aliases and `.forward` entries name: mail is appended.
//!
//! The process is the user who answers for the entry, so the system decides
//! what may be written; on top of that come sendmail's own checks of links
//! and directories (option DontBlameSendmail) and `SafeFileEnvironment`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use bstr::ByteSlice;
use nix::libc;

use super::mbox::FromEscaper;
use super::{Text, failure, lock};
use crate::base::Reply;

/// How a file is to be treated.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileRules<'a> {
    /// `From ` line, without line end; empty for none.
    pub from_line: &'a [u8],
    /// Put `>` before `From ` in the text.
    pub escape_from: bool,
    /// The file must be below this directory; empty for anywhere.
    pub safe_root: &'a [u8],
    /// It may be a symbolic link.
    pub symbolic_link: bool,
    /// It may have several names.
    pub hard_link: bool,
    /// How long a lock is waited for.
    pub lock_wait: Duration,
}

/// Appends a message to a file, made with mode 0600 when it is missing.
///
/// The reply is 250, 450 (try again) or 550 5.0.0 `Can't create output`.
pub fn append_to_file(path: &Path, rules: &FileRules<'_>, text: &Text) -> Reply {
    let Some((mut file, is_regular)) = open(path, rules) else {
        return Reply::with(550, (5, 0, 0), "Can't create output");
    };
    if is_regular && let Err(error) = lock::fcntl_lock(&file, rules.lock_wait) {
        return failure("Lock", path, &error);
    }
    let end = match file.metadata() {
        Ok(meta) => meta.len(),
        Err(error) => return failure("Stat", path, &error),
    };
    let written = write(&mut file, rules, text).and_then(|()| match is_regular {
        true => file.sync_all(),
        false => Ok(()),
    });
    match written {
        Ok(()) => Reply::with(250, (2, 0, 0), "Sent"),
        Err(error) => {
            if is_regular {
                let _ = file.set_len(end);
            }
            failure("Write", path, &error)
        }
    }
}

/// Opens the file if that is safe; says whether it is a regular one.
fn open(path: &Path, rules: &FileRules<'_>) -> Option<(File, bool)> {
    if !is_inside(path, rules.safe_root) {
        return None;
    }
    let before = match fs::symlink_metadata(path) {
        Ok(meta) => Some(meta),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(_) => return None,
    };
    let mut options = OpenOptions::new();
    options.append(true).mode(0o600);
    let mut flags = libc::O_NONBLOCK;
    if !rules.symbolic_link {
        flags |= libc::O_NOFOLLOW;
    }
    options.custom_flags(flags);
    if before.is_none() {
        options.create_new(true);
    }
    let file = options.open(path).ok()?;
    let meta = file.metadata().ok()?;
    // Devices such as /dev/null take mail; pipes, sockets and terminals of
    // others do not.
    let kind = meta.file_type();
    let good = kind.is_file() || kind.is_char_device();
    // sendmail: a file that may be executed or runs as somebody is no mailbox.
    let program = kind.is_file() && meta.mode() & 0o6111 != 0;
    let links = kind.is_file() && meta.nlink() != 1 && !rules.hard_link;
    (good && !program && !links).then_some((file, kind.is_file()))
}

/// Whether `path` is below `root`, links on the way followed.
fn is_inside(path: &Path, root: &[u8]) -> bool {
    if root.is_empty() {
        return true;
    }
    let real = |path: &Path| fs::canonicalize(path).ok();
    let root = root.to_path().ok().and_then(real);
    match (root, path.parent().and_then(real)) {
        (Some(root), Some(directory)) => directory.starts_with(root),
        _ => false,
    }
}

fn write(file: &mut File, rules: &FileRules<'_>, text: &Text) -> io::Result<()> {
    let mut out = Vec::new();
    if !rules.from_line.is_empty() {
        out.extend_from_slice(rules.from_line);
        out.push(b'\n');
    }
    out.extend_from_slice(&text.head);
    let mut escaper = FromEscaper::new();
    let mut last = None;
    text.body.pieces(&mut |piece| {
        if rules.escape_from {
            escaper.escape(piece, &mut out);
        } else {
            out.extend_from_slice(piece);
        }
        last = piece.last().copied().or(last);
        file.write_all(&out)?;
        out.clear();
        Ok(())
    })?;
    if rules.escape_from {
        escaper.finish(&mut out);
    } else if last.is_some_and(|last| last != b'\n') {
        out.push(b'\n');
    }
    if !rules.from_line.is_empty() {
        out.push(b'\n');
    }
    file.write_all(&out)
}
