//! The queue directory: control and data files as sendmail keeps them.
//!
//! A message is here when its control file (`qf…`, `hf…` in quarantine) is;
//! that is written aside (`tf…`), synced, and renamed. The data file (`df…`)
//! is durable before that. Whoever works on a message holds the lock (flock)
//! on its control file, so that sendmail's queue runs and ours respect each
//! other. Files may live in sub-directories `qf`, `df` and `xf`.
//!
//! Everything here blocks.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use super::control_file::{self, ControlFile, ControlFileError};
use crate::base::{QueueId, limits};
use crate::world::{Disk, DiskFile, FileFacts, OpenMode};

/// What the first letter of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `qf`: a control file.
    Control,
    /// `hf`: a control file in quarantine.
    Quarantined,
    /// `Qf`: a control file that could not be used.
    Lost,
    /// `tf`: a control file that is being written.
    Temporary,
    /// `df`: a body.
    Data,
}

impl FileKind {
    /// What the names of such files begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            FileKind::Control => "qf",
            FileKind::Quarantined => "hf",
            FileKind::Lost => "Qf",
            FileKind::Temporary => "tf",
            FileKind::Data => "df",
        }
    }

    /// Kind and id of a queue file's name; `None` for other names.
    pub fn parse(name: &str) -> Option<(Self, QueueId)> {
        let kind = match name.get(..2)? {
            "qf" => FileKind::Control,
            "hf" => FileKind::Quarantined,
            "Qf" => FileKind::Lost,
            "tf" => FileKind::Temporary,
            "df" => FileKind::Data,
            _ => return None,
        };
        Some((kind, QueueId::parse(name.get(2..)?.as_bytes())?))
    }
}

/// A control file that was locked and read.
pub struct Loaded {
    /// What it says.
    pub file: ControlFile,
    /// Its data file, open for reading; `None` when it is missing.
    pub data: Option<Arc<dyn DiskFile>>,
    /// What is known of the data file.
    pub data_facts: Option<FileFacts>,
    /// Holds the lock.
    pub lock: Arc<dyn DiskFile>,
}

/// Why a message in the directory cannot be worked on.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is gone: somebody else has delivered it.
    #[error("no control file")]
    Gone,
    /// Somebody else works on it.
    #[error("locked")]
    Locked,
    /// Its permissions let others write to it: it is put aside.
    #[error("bogus queue file, uid={uid}, mode={mode:o}")]
    Bogus {
        /// Its owner.
        uid: u32,
        /// Its type and permission bits.
        mode: u32,
    },
    /// It cannot be understood: it is put aside, unless it is incomplete.
    #[error("{0}")]
    Bad(#[from] ControlFileError),
    /// The disk said no.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// One queue directory.
#[derive(Clone)]
pub struct Directory {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    control: PathBuf,
    data: PathBuf,
    /// QueueFileMode: permission bits of what is made here.
    file_mode: u32,
}

impl Directory {
    /// The directory `path`, with its sub-directories if it has them.
    pub fn new(disk: Arc<dyn Disk>, path: impl Into<PathBuf>, file_mode: u32) -> Self {
        let path = path.into();
        let within = |name: &str| {
            let inner = path.join(name);
            let facts = disk.facts(&inner);
            match facts.is_ok_and(|facts| facts.mode & 0o170_000 == 0o040_000) {
                true => inner,
                false => path.clone(),
            }
        };
        let (control, data) = (within("qf"), within("df"));
        Self {
            disk,
            path,
            control,
            data,
            file_mode,
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where control files are.
    pub fn control_path(&self) -> &Path {
        &self.control
    }

    /// Where data files are: what `mailq` names.
    pub fn data_path(&self) -> &Path {
        &self.data
    }

    /// The disk it is on.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// The path of a file of a message.
    pub fn file(&self, kind: FileKind, id: QueueId) -> PathBuf {
        let folder = match kind {
            FileKind::Data => &self.data,
            _ => &self.control,
        };
        folder.join(format!("{}{id}", kind.prefix()))
    }

    /// The messages that have a control file of this kind.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn list(&self, kind: FileKind) -> io::Result<Vec<QueueId>> {
        let names = self.disk.list(&self.control)?;
        Ok(names
            .iter()
            .filter_map(|name| FileKind::parse(name))
            .filter(|(found, _)| *found == kind)
            .map(|(_, id)| id)
            .collect())
    }

    /// The messages that have a data file, and when that was written last.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn list_data(&self) -> io::Result<Vec<(QueueId, SystemTime)>> {
        let names = self.disk.list(&self.data)?;
        let parsed = names.iter().filter_map(|name| FileKind::parse(name));
        let data = parsed.filter(|(kind, _)| *kind == FileKind::Data);
        let dated = data.filter_map(|(kind, id)| {
            let facts = self.disk.facts(&self.file(kind, id)).ok()?;
            Some((id, facts.modified))
        });
        Ok(dated.collect())
    }

    /// Locks and reads a control file.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(&self, kind: FileKind, id: QueueId) -> Result<Loaded, LoadError> {
        let lock = match self.disk.open(&self.file(kind, id), OpenMode::Write) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(LoadError::Gone),
            Err(error) => return Err(error.into()),
        };
        if !lock.try_lock()? {
            return Err(LoadError::Locked);
        }
        let facts = lock.facts()?;
        // It was replaced or removed between open and lock.
        let now = self.disk.facts(&self.file(kind, id));
        if facts.links == 0 || !now.is_ok_and(|now| now.inode == facts.inode) {
            return Err(LoadError::Gone);
        }
        if facts.mode & 0o022 & !self.file_mode != 0 {
            return Err(LoadError::Bogus {
                uid: facts.uid,
                mode: facts.mode,
            });
        }
        let text = read_all(&*lock, facts.len, limits::CONTROL_FILE_BYTES_MAX)?;
        let file = control_file::read(&text)?;
        let path = match &file.data_directory {
            Some(folder) => self.data_elsewhere(folder, id),
            None => self.file(FileKind::Data, id),
        };
        let (data, data_facts) = match self.disk.open(&path, OpenMode::Read) {
            Ok(data) => {
                let facts = data.facts()?;
                (Some(data), Some(facts))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => (None, None),
            Err(error) => return Err(error.into()),
        };
        Ok(Loaded {
            file,
            data,
            data_facts,
            lock,
        })
    }

    /// `d` lines name a directory of the same queue.
    fn data_elsewhere(&self, folder: &[u8], id: QueueId) -> PathBuf {
        let folder = String::from_utf8_lossy(folder);
        self.path.join(&*folder).join(format!("df{id}"))
    }

    /// Begins a data file. One that a crash left is replaced.
    ///
    /// # Errors
    /// What the disk said.
    pub fn begin_data(&self, id: QueueId) -> io::Result<Arc<dyn DiskFile>> {
        self.begin(&self.file(FileKind::Data, id))
    }

    /// Writes a data file, not yet synced.
    ///
    /// # Errors
    /// What the disk said; the file is removed again.
    pub fn write_data(&self, id: QueueId, body: &Bytes) -> io::Result<Arc<dyn DiskFile>> {
        self.write(&self.file(FileKind::Data, id), body)
    }

    /// Writes a control file aside, not yet synced.
    ///
    /// # Errors
    /// What the disk said; the file is removed again.
    pub fn write_temporary(&self, id: QueueId, text: &[u8]) -> io::Result<Arc<dyn DiskFile>> {
        self.write(&self.file(FileKind::Temporary, id), text)
    }

    fn begin(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        match self.disk.open(path, OpenMode::Create(self.file_mode)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.disk.remove(path)?;
                self.disk.open(path, OpenMode::Create(self.file_mode))
            }
            opened => opened,
        }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.begin(path)?;
        if let Err(error) = file.write_at(&[IoSlice::new(bytes)], 0) {
            // The room it took is given back; the error is what matters.
            let _ = self.disk.remove(path);
            return Err(error);
        }
        Ok(file)
    }

    /// The commit point: the control file that was written aside and synced
    /// gets its name.
    ///
    /// # Errors
    /// What the disk said.
    pub fn adopt(&self, kind: FileKind, id: QueueId) -> io::Result<()> {
        let (from, to) = (self.file(FileKind::Temporary, id), self.file(kind, id));
        self.disk.rename(&from, &to)
    }

    /// Makes names of data files durable, when they have a directory of their
    /// own.
    ///
    /// # Errors
    /// What the disk said.
    pub fn sync_data_names(&self) -> io::Result<()> {
        if self.data == self.control {
            return Ok(());
        }
        self.disk.sync_directory(&self.data)
    }

    /// Makes names of control files durable.
    ///
    /// # Errors
    /// What the disk said.
    pub fn sync_names(&self) -> io::Result<()> {
        self.disk.sync_directory(&self.control)
    }

    /// Removes a file of a message; one that is not there is no error.
    ///
    /// # Errors
    /// What the disk said.
    pub fn remove(&self, kind: FileKind, id: QueueId) -> io::Result<()> {
        match self.disk.remove(&self.file(kind, id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Gives a control file another kind: into quarantine and out of it, or
    /// aside when it cannot be used.
    ///
    /// # Errors
    /// What the disk said.
    pub fn turn(&self, from: FileKind, to: FileKind, id: QueueId) -> io::Result<()> {
        self.disk.rename(&self.file(from, id), &self.file(to, id))
    }
}

/// Reads a whole file of at most `max` bytes.
pub(super) fn read_all(file: &dyn DiskFile, len: u64, max: u64) -> io::Result<Vec<u8>> {
    if len > max {
        let text = format!("{len} bytes are too many for a queue file");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
    }
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}
