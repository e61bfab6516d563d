//! The disk as a trait, so that the queue can be run on one that loses
//! unsynced writes, tears them, fills up and fails.
//!
//! Calls block. A name is durable only after [`Disk::sync_directory`], bytes
//! only after [`DiskFile::sync`].

use std::fs::File;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// How to open a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// It must exist; for reading only.
    Read,
    /// It must exist; for reading and writing.
    Write,
    /// It must not exist; made with these permission bits, for reading and
    /// writing. A symbolic link in its place is not followed.
    Create(u32),
    /// Made with these permission bits when it does not exist; for reading
    /// and writing.
    OpenOrCreate(u32),
}

/// What is known of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// Bytes in it.
    pub len: u64,
    /// Its device, as major and minor number.
    pub device: (u64, u64),
    /// Its inode number.
    pub inode: u64,
    /// Who owns it.
    pub uid: u32,
    /// Type and permission bits, as `st_mode` has them.
    pub mode: u32,
    /// When its bytes last changed.
    pub modified: SystemTime,
    /// Names it has; 0 when it has been removed since it was opened.
    pub links: u64,
}

/// An open file. Dropping it closes it and gives up its lock.
pub trait DiskFile: Send + Sync {
    /// Reads at `offset` into `buffer`; fewer bytes than asked for only at
    /// the end of the file.
    ///
    /// # Errors
    /// What the system said.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `pieces`, one after the other, from `offset` on.
    ///
    /// # Errors
    /// What the system said; any part may have been written by then.
    fn write_at(&self, pieces: &[IoSlice<'_>], offset: u64) -> io::Result<()>;

    /// Makes durable what was written, and the length of the file.
    ///
    /// # Errors
    /// What the system said; what was written before may be lost, and calling
    /// this again proves nothing.
    fn sync(&self) -> io::Result<()>;

    /// Reserves room up to `len` bytes and makes the file that long.
    ///
    /// # Errors
    /// What the system said; no room is the kind `StorageFull`.
    fn allocate(&self, len: u64) -> io::Result<()>;

    /// What is known of it.
    ///
    /// # Errors
    /// What the system said.
    fn facts(&self) -> io::Result<FileFacts>;

    /// Takes the exclusive lock (flock, as sendmail locks its queue files)
    /// without waiting; `false` when somebody else has it.
    ///
    /// # Errors
    /// What the system said.
    fn try_lock(&self) -> io::Result<bool>;

    /// A descriptor for reading it, to be handed to whoever needs one.
    ///
    /// # Errors
    /// What the system said.
    fn descriptor(&self) -> io::Result<File>;
}

/// Files and directories.
pub trait Disk: Send + Sync {
    /// Opens a file.
    ///
    /// # Errors
    /// What the system said.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>>;

    /// Gives a file another name, replacing what had it.
    ///
    /// # Errors
    /// What the system said.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the system said.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// The names in a directory, in no order, without `.` and `..`. Names
    /// that are not UTF-8 are left out.
    ///
    /// # Errors
    /// What the system said.
    fn list(&self, directory: &Path) -> io::Result<Vec<String>>;

    /// Makes a directory with these permission bits, unless it is there.
    ///
    /// # Errors
    /// What the system said.
    fn make_directory(&self, path: &Path, mode: u32) -> io::Result<()>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// What the system said.
    fn sync_directory(&self, path: &Path) -> io::Result<()>;

    /// Makes these files durable: as [`DiskFile::sync`] on each, but perhaps
    /// cheaper for many.
    ///
    /// # Errors
    /// What the system said of any of them.
    fn sync_many(&self, files: &[Arc<dyn DiskFile>]) -> io::Result<()> {
        files.iter().try_for_each(|file| file.sync())
    }

    /// Facts of a file that is not open.
    ///
    /// # Errors
    /// What the system said.
    fn facts(&self, path: &Path) -> io::Result<FileFacts>;

    /// Bytes that may still be written where `path` is.
    ///
    /// # Errors
    /// What the system said.
    fn bytes_free(&self, path: &Path) -> io::Result<u64>;
}
