//! The directories of a queue: those of the default group (QueueDirectory,
//! perhaps a pattern such as `mqueue/q*`), and those of other queue groups.
//!
//! A message has its files in one of them. Where we choose, its id says which
//! one of the default group that is; where another program has chosen, that
//! is remembered.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bstr::BString;

use super::directory::{Directory, FileKind};
use crate::base::QueueId;
use crate::world::Disk;

/// One directory of a queue, and the group it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// The queue group.
    pub group: BString,
}

/// All directories of a queue.
pub(super) struct Folders {
    all: Vec<(Arc<Directory>, BString)>,
    /// The first so many are those of the default group.
    own: usize,
    /// Messages that are not where their id says.
    elsewhere: Mutex<HashMap<QueueId, u16>>,
}

impl Folders {
    /// The directories of the default group, at least one, and then others.
    pub(super) fn new(disk: &Arc<dyn Disk>, own: &[Folder], others: &[Folder], mode: u32) -> Self {
        let open = |folder: &Folder| {
            let directory = Directory::new(Arc::clone(disk), &folder.path, mode);
            (Arc::new(directory), folder.group.clone())
        };
        Self {
            all: own.iter().chain(others).map(open).collect(),
            own: own.len(),
            elsewhere: Mutex::default(),
        }
    }

    /// Where the files of a message are, or will be.
    pub(super) fn at(&self, id: QueueId) -> &Arc<Directory> {
        &self.all[self.place(id)].0
    }

    /// The queue group of a message.
    pub(super) fn group(&self, id: QueueId) -> &BString {
        &self.all[self.place(id)].1
    }

    /// Every directory with the messages that have a control file of this
    /// kind in it.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub(super) fn list(&self, kind: FileKind) -> std::io::Result<Vec<QueueId>> {
        let mut found = Vec::new();
        for (place, (directory, _)) in self.all.iter().enumerate() {
            let ids = directory.list(kind)?;
            self.remember(&ids, place);
            found.extend(ids);
        }
        Ok(found)
    }

    /// Every directory.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Directory>> {
        self.all.iter().map(|(directory, _)| directory)
    }

    /// A message is gone.
    pub(super) fn forget(&self, id: QueueId) {
        self.elsewhere().remove(&id);
    }

    /// Messages are in this directory, wherever they should be.
    fn remember(&self, ids: &[QueueId], place: usize) {
        let Ok(number) = u16::try_from(place) else {
            return;
        };
        let mut elsewhere = self.elsewhere();
        for id in ids {
            if self.usual(*id) == place {
                elsewhere.remove(id);
            } else {
                elsewhere.insert(*id, number);
            }
        }
    }

    fn place(&self, id: QueueId) -> usize {
        if self.all.len() == 1 {
            return 0;
        }
        let known = self.elsewhere().get(&id).copied();
        known.map_or_else(|| self.usual(id), usize::from)
    }

    /// Where we put a message ourselves.
    fn usual(&self, id: QueueId) -> usize {
        let text = id.as_str();
        crc32c::crc32c(text.as_bytes()) as usize % self.own.max(1)
    }

    fn elsewhere(&self) -> MutexGuard<'_, HashMap<QueueId, u16>> {
        self.elsewhere
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
