//! A copy of a site's files under one directory, where nothing that is done
//! to them touches the site.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bstr::{BStr, BString, ByteSlice};

use crate::base::Place;
use crate::m4::{Found, Host, HostError, Message};

/// Directories below one another that are copied.
const DEPTH_MAX: usize = 8;
/// Files that are copied.
const FILES_MAX: usize = 1_000_000;

/// What is copied, from a copy of a whole system.
const PARTS: [&str; 6] = [
    "etc/mail",
    "etc/aliases",
    "etc/sysconfig/sendmail",
    "etc/default/sendmail",
    "var/spool/mqueue",
    "var/spool/clientmqueue",
];

/// A staged site.
#[derive(Clone, Debug)]
pub struct Staged {
    /// Where it is.
    pub place: Place,
    /// Its `/etc/mail`.
    pub mail: PathBuf,
    /// How many files were copied.
    pub files: usize,
}

/// Copies a site from `from` to `to`, which must be empty or not there: a
/// copy of `/etc/mail`, or of a system with `etc/mail` in it.
///
/// # Errors
/// What the system said, with the path it was about.
pub fn stage(from: &Path, to: &Path) -> io::Result<Staged> {
    if fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(io::Error::other(format!("{}: is not empty", to.display())));
    }
    fs::create_dir_all(to)?;
    let to = to.canonicalize()?;
    let mut left = FILES_MAX;
    if from.join("etc/mail").is_dir() {
        for part in PARTS {
            let source = from.join(part);
            if source.exists() {
                copy(&source, &to.join(part), DEPTH_MAX, &mut left)?;
            }
        }
    } else {
        copy(from, &to.join("etc/mail"), DEPTH_MAX, &mut left)?;
    }
    for directory in [
        "var/spool/mqueue",
        "var/spool/clientmqueue",
        "var/mail",
        "var/log",
        "var/run",
    ] {
        fs::create_dir_all(to.join(directory))?;
    }
    Ok(Staged {
        mail: to.join("etc/mail"),
        place: Place::under(to),
        files: FILES_MAX - left,
    })
}

/// Copies a file or directory with its modes. What is neither is left out;
/// links are followed where they lead to something.
fn copy(from: &Path, to: &Path, depth: usize, left: &mut usize) -> io::Result<()> {
    let about =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", from.display()));
    let Ok(facts) = fs::metadata(from) else {
        return Ok(());
    };
    if facts.is_dir() {
        if depth == 0 {
            return Ok(());
        }
        fs::create_dir_all(to).map_err(about)?;
        for entry in fs::read_dir(from).map_err(about)? {
            let entry = entry.map_err(about)?;
            copy(&entry.path(), &to.join(entry.file_name()), depth - 1, left)?;
        }
        return fs::set_permissions(to, facts.permissions()).map_err(about);
    }
    if !facts.is_file() {
        return Ok(());
    }
    *left = left
        .checked_sub(1)
        .ok_or_else(|| io::Error::other("too many files"))?;
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(about)?;
    }
    fs::copy(from, to).map(drop).map_err(about)
}

/// The files that a staged `.mc` includes: its own from the stage, and those
/// that are nowhere as empty ones, so that the rest can be compiled.
pub struct SiteHost<'s> {
    staged: &'s Staged,
    /// Files that were included and are not there.
    pub missing: Vec<BString>,
}

impl<'s> SiteHost<'s> {
    /// For a staged site.
    pub fn new(staged: &'s Staged) -> Self {
        Self {
            staged,
            missing: Vec::new(),
        }
    }
}

impl Host for SiteHost<'_> {
    fn read(&mut self, name: &[u8]) -> Result<Found, HostError> {
        let moved = self.staged.place.text(BStr::new(name));
        let path = self.staged.mail.join(moved.to_path_lossy());
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(_) => {
                self.missing.push(name.into());
                Vec::new()
            }
        };
        Ok(Found {
            path: name.into(),
            bytes,
        })
    }

    fn message(&mut self, _message: &Message) {}
}
