//! Reading `.forward` files and `:include:` lists, with sendmail's checks.
//!
//! A list that somebody else could write is not followed, unless option
//! DontBlameSendmail says so: what it names would be done in its owner's
//! name.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use bstr::{BString, ByteSlice};
use nix::libc;

use super::wire::{Lenience, ListText, Response};
use crate::base::limits;
use crate::deliver::mailbox::words;

/// Candidates that are looked at (option ForwardPath).
const CANDIDATES_MAX: usize = 50;

/// Why a list is not read.
enum Fault {
    Missing,
    Unsafe(&'static str),
    Io(io::Error),
}

/// The first of `paths` that is there and safe.
pub(super) fn forward(paths: &[BString], owner: u32, lenience: Lenience) -> Response {
    let mut notes = Vec::new();
    for path in paths.iter().take(CANDIDATES_MAX) {
        match read(path, Some(owner), lenience) {
            Ok(list) => return Response::List(ListText { notes, ..list }),
            Err(Fault::Missing) => {}
            Err(Fault::Io(error)) if is_temporary(&error) => {
                return Response::ListRefused {
                    temporary: true,
                    reason: note(path, &words(&error)),
                };
            }
            Err(fault) => notes.push(note(path, &reason(&fault))),
        }
    }
    Response::NoList { notes }
}

/// A list that must be there.
pub(super) fn include(path: &BString, lenience: Lenience) -> Response {
    match read(path, None, lenience) {
        Ok(list) => Response::List(list),
        Err(fault) => Response::ListRefused {
            temporary: matches!(&fault, Fault::Io(error) if is_temporary(error)),
            reason: reason(&fault).into(),
        },
    }
}

fn note(path: &BString, reason: &str) -> BString {
    bstr::concat([path.as_bytes(), b": ", reason.as_bytes()]).into()
}

fn reason(fault: &Fault) -> String {
    match fault {
        Fault::Missing => "No such file or directory".to_owned(),
        Fault::Unsafe(what) => (*what).to_owned(),
        Fault::Io(error) => words(error),
    }
}

fn is_temporary(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, TooManyLinks};
    let loops = error.raw_os_error() == Some(libc::ELOOP);
    !loops && !matches!(error.kind(), PermissionDenied | TooManyLinks)
}

fn read(path: &BString, owner: Option<u32>, lenience: Lenience) -> Result<ListText, Fault> {
    let name = Path::new(OsStr::from_bytes(path));
    directories(name, lenience)?;
    let mut options = OpenOptions::new();
    // Not blocking: a pipe nobody writes into must not stop us.
    options.read(true).custom_flags(libc::O_NONBLOCK);
    let file = options.open(name).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Fault::Missing,
        _ => Fault::Io(error),
    })?;
    let meta = file.metadata().map_err(Fault::Io)?;
    let is_safe = check(&meta, owner, lenience)?;
    Ok(ListText {
        path: path.clone(),
        text: text(file)?.into(),
        owner: (meta.uid(), meta.gid()),
        is_safe,
        notes: Vec::new(),
    })
}

/// Whether nobody else can write the file; a fault when that is not
/// overlooked.
fn check(meta: &Metadata, owner: Option<u32>, lenience: Lenience) -> Result<bool, Fault> {
    if !meta.is_file() {
        return Err(Fault::Unsafe("Regular files only"));
    }
    let group = meta.mode() & 0o020 != 0;
    let world = meta.mode() & 0o002 != 0;
    if group && !lenience.group_writable_file {
        return Err(Fault::Unsafe("Group writable file"));
    }
    if world && !lenience.world_writable_file {
        return Err(Fault::Unsafe("World writable file"));
    }
    if owner.is_some_and(|owner| meta.uid() != owner && meta.uid() != 0) {
        return Err(Fault::Unsafe("Permission denied"));
    }
    Ok((!group && !world) || lenience.overlooked_may_run)
}

/// Looks at every directory on the way.
fn directories(path: &Path, lenience: Lenience) -> Result<(), Fault> {
    for directory in path.ancestors().skip(1) {
        let meta = match fs::metadata(directory) {
            Ok(meta) => meta,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Fault::Missing),
            Err(error) => return Err(Fault::Io(error)),
        };
        if lenience.trust_sticky && meta.mode() & 0o1000 != 0 {
            continue;
        }
        if meta.mode() & 0o002 != 0 && !lenience.world_writable_directory {
            return Err(Fault::Unsafe("World writable directory"));
        }
        if meta.mode() & 0o020 != 0 && !lenience.group_writable_directory {
            return Err(Fault::Unsafe("Group writable directory"));
        }
    }
    Ok(())
}

fn text(file: File) -> Result<Vec<u8>, Fault> {
    let mut text = Vec::new();
    let max = u64::try_from(limits::LIST_FILE_BYTES_MAX).unwrap_or(u64::MAX);
    file.take(max + 1)
        .read_to_end(&mut text)
        .map_err(Fault::Io)?;
    if text.len() > limits::LIST_FILE_BYTES_MAX {
        return Err(Fault::Unsafe("File too large"));
    }
    Ok(text)
}
