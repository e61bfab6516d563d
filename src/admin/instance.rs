//! Makes a private instance: the directories of a site and the files of a new
//! `/etc/mail`, under one directory.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::replace_file;
use crate::base::Place;
use crate::mc::embedded;

/// The directories of a site, with their modes.
const DIRECTORIES: [(&str, u32); 8] = [
    ("/etc/mail", 0o755),
    ("/etc/mail/smrsh", 0o755),
    ("/var/mail", 0o1777),
    ("/var/spool/mqueue", 0o700),
    ("/var/spool/clientmqueue", 0o700),
    ("/var/log", 0o755),
    ("/var/run", 0o755),
    ("/var/lib/godwit", 0o700),
];

/// Makes what is missing; gives the files that were made. What is there stays
/// as it is, so that the next start finds everything as it was.
///
/// # Errors
/// What the system said, with the path it was about.
pub fn make_instance(place: &Place) -> io::Result<Vec<PathBuf>> {
    for (directory, mode) in DIRECTORIES {
        let path = place.path(directory);
        if !path.is_dir() {
            make_directory(&path, mode).map_err(|error| about(&path, &error))?;
        }
    }
    let mut made = Vec::new();
    if place.path("/etc/mail/sendmail.mc").exists() {
        return Ok(made);
    }
    for (name, bytes) in embedded::etc_mail() {
        let path = place.path(Path::new("/etc/mail").join(name));
        if path.exists() {
            continue;
        }
        replace_file(&path, bytes, 0o644).map_err(|error| about(&path, &error))?;
        made.push(path);
    }
    // Counters are kept in a file that is there.
    let statistics = place.path("/etc/mail/statistics");
    if !statistics.exists() {
        replace_file(&statistics, b"", 0o644).map_err(|error| about(&statistics, &error))?;
    }
    Ok(made)
}

fn make_directory(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(path)?;
    // The mode exactly, whatever the umask is.
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

fn about(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
