//! A file that is written beside the one it will replace.
//!
//! Readers see the old file or the new one, whole: the new one is written
//! under another name in the same directory, synced, given its name by one
//! rename, and the directory is synced. A run that fails leaves nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::dbfile::WriteAt;

/// Names that are tried for the file.
const NAMES_MAX: u32 = 100;

/// Who owns a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// The group; as it comes without.
    pub gid: Option<u32>,
}

/// A file being written.
pub struct Aside {
    file: File,
    temporary: PathBuf,
    target: PathBuf,
    done: bool,
}

impl Aside {
    /// Begins a file that is to become `target`. It has the mode and owner of
    /// the file that it replaces, or else `mode` (less the umask) and `owner`.
    pub fn begin(target: &Path, mode: u32, owner: Option<Owner>) -> io::Result<Self> {
        let (directory, name) = match (target.parent(), target.file_name()) {
            (Some(directory), Some(name)) => (directory, name),
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        };
        let mut found = None;
        for number in 0..NAMES_MAX {
            let mut temporary = std::ffi::OsString::from(".");
            temporary.push(name);
            temporary.push(format!(".{}.{number}", std::process::id()));
            let temporary = directory.join(temporary);
            let opened = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(mode)
                .open(&temporary);
            match opened {
                Ok(file) => {
                    found = Some((file, temporary));
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        let Some((file, temporary)) = found else {
            return Err(io::ErrorKind::AlreadyExists.into());
        };
        let aside = Self {
            file,
            temporary,
            target: target.to_owned(),
            done: false,
        };
        aside.take_over(owner)?;
        Ok(aside)
    }

    /// Gives the file the owner and mode of the one it replaces.
    fn take_over(&self, owner: Option<Owner>) -> io::Result<()> {
        let mine = self.file.metadata()?;
        let change = |uid: u32, gid: Option<u32>| {
            if uid != mine.uid() || gid.is_some_and(|gid| gid != mine.gid()) {
                std::os::unix::fs::fchown(&self.file, Some(uid), gid)
            } else {
                Ok(())
            }
        };
        match fs::symlink_metadata(&self.target) {
            Ok(old) => {
                // Whoever may write the file but not give it away keeps it.
                let _ = change(old.uid(), Some(old.gid()));
                let mode = fs::Permissions::from_mode(old.permissions().mode() & 0o7777);
                self.file.set_permissions(mode)
            }
            Err(_) => match owner {
                Some(owner) => change(owner.uid, owner.gid),
                None => Ok(()),
            },
        }
    }

    /// Twenty bytes that no other file of this machine has: its place and its
    /// time of birth.
    pub(crate) fn file_id(&self) -> io::Result<[u8; 20]> {
        let metadata = self.file.metadata()?;
        let mut id = [0; 20];
        id[..8].copy_from_slice(&metadata.ino().to_le_bytes());
        id[8..16].copy_from_slice(&metadata.mtime().to_le_bytes());
        let rest = metadata.mtime_nsec() ^ metadata.dev().rotate_left(16).cast_signed();
        id[16..].copy_from_slice(&rest.to_le_bytes()[..4]);
        Ok(id)
    }

    /// Puts the file in place of the old one.
    pub fn commit(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.temporary, &self.target)?;
        self.done = true;
        let directory = match self.target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        File::open(directory)?.sync_all()
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.done {
            // Nothing can be done about a name that stays behind.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

impl WriteAt for Aside {
    fn write_all_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }
}

impl Write for Aside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
