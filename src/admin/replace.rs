//! Replaces a file as a whole: readers see the old one or the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// Attempts to find a name that is not taken.
const NAMES_MAX: u32 = 100;

/// Writes `bytes` to `path`: aside in the same directory, synced, renamed,
/// and the directory synced. The mode and owner of an old file are kept; a
/// new one gets `mode`.
///
/// # Errors
/// What the system said; the old file is then untouched.
pub fn replace_file(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let old = match fs::symlink_metadata(path) {
        // A link is followed to the file that it names, and stays.
        Ok(found) if found.file_type().is_symlink() => {
            return replace_file(&fs::canonicalize(path)?, bytes, mode);
        }
        Ok(found) if !found.is_file() => {
            return Err(io::Error::other("not a regular file"));
        }
        Ok(found) => Some(found),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mode = old.as_ref().map_or(mode, |old| old.mode() & 0o7777);
    let (aside, mut file) = create_aside(path)?;
    let written = (|| {
        file.write_all(bytes)?;
        if let Some(old) = &old {
            // Only root may give a file away; for others it is theirs anyway.
            let _ = fchown(&file, Some(old.uid()), Some(old.gid()));
        }
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.sync_all()?;
        fs::rename(&aside, path)?;
        File::open(directory_of(path))?.sync_all()
    })();
    if written.is_err() {
        let _ = fs::remove_file(&aside);
    }
    written
}

/// Makes a new file beside `path` that nobody else can have opened.
fn create_aside(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut number = std::process::id();
    for _ in 0..NAMES_MAX {
        let aside = directory_of(path).join(format!(".{name}.{number}"));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&aside);
        match file {
            Ok(file) => return Ok((aside, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                number = number.wrapping_add(7919);
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
