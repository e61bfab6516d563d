//! The journal: segments of records to which accepted mail is appended, many
//! messages to one sync.
//!
//! One owner at a time writes it; the lock is on `journal/lock`. A message is
//! an envelope record, a body record (unless its body is a file of its own)
//! and a commit record, written together. What became of it is told by later
//! records (`Outcome`, `Moved`, `Done`), which need no sync: losing one means
//! a second attempt, never a loss. Segments that no message lives in any more
//! are used again, oldest first: as long as one is kept, so are the later ones,
//! which say what became of its messages.
//!
//! This file has no thread and no clock; `committer` drives it.

pub mod record;
mod recovery;
mod segment;

use std::collections::{HashMap, VecDeque, hash_map};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::QueueId;
use crate::world::{Disk, DiskFile, Entropy, OpenMode};

pub use record::RecordKind;
pub use recovery::{Recovered, Recovery, look};
pub use segment::{Entry, Segment, Stored};

/// How large segments are, and where.
#[derive(Clone, Debug)]
pub struct JournalSettings {
    /// The directory, made when it is not there (mode 0700).
    pub directory: PathBuf,
    /// Length of a segment.
    pub segment_bytes: u64,
    /// How much is filled with zeros ahead of what is written. Blocks that
    /// were only reserved would make every sync write metadata as well.
    pub fill_bytes: u64,
}

impl JournalSettings {
    /// Segments of 64 MiB in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            segment_bytes: 64 << 20,
            fill_bytes: 1 << 20,
        }
    }
}

/// Emptied segments that are kept for reuse; more are removed.
const SPARES_MAX: usize = 2;

/// So many full segments are kept before messages are asked to leave them.
const CROWDED_SEGMENTS: usize = 3;

/// Why an append did not happen.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// There is no room.
    #[error("no space left for the journal")]
    Full,
    /// Something else.
    #[error("journal: {0}")]
    Io(#[source] io::Error),
}

impl AppendError {
    /// The same, for the next one that waits.
    fn again(&self) -> Self {
        match self {
            Self::Full => Self::Full,
            Self::Io(error) => Self::Io(io::Error::new(error.kind(), error.to_string())),
        }
    }
}

impl From<io::Error> for AppendError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

/// The write end of the journal.
pub struct Journal {
    disk: Arc<dyn Disk>,
    entropy: Arc<dyn Entropy>,
    settings: JournalSettings,
    /// Held for as long as this is the owner.
    _lock: Arc<dyn DiskFile>,
    /// The segment that is written to, if one has been begun.
    current: Option<segment::Writer>,
    /// Full or closed ones, oldest first; reused when nothing lives in them.
    older: VecDeque<Arc<Segment>>,
    /// The segment that each message lives in, by number: from its commit (or
    /// its first outcome) until it is noted as done or moved.
    homes: HashMap<QueueId, u64>,
    /// How many live in each segment.
    living: HashMap<u64, usize>,
    /// Files of emptied segments.
    spares: Vec<Spare>,
    /// Messages that were written and not accepted: a failed sync may have
    /// kept them, so they are declared done with the next append.
    void: Vec<QueueId>,
    /// The number of the next segment.
    next_number: u64,
}

impl Journal {
    /// Becomes the owner of the journal and reads what is in it; `None` when
    /// somebody else owns it.
    ///
    /// # Errors
    /// The directory cannot be made, read or locked.
    pub fn open(
        disk: Arc<dyn Disk>,
        entropy: Arc<dyn Entropy>,
        settings: JournalSettings,
    ) -> io::Result<Option<(Self, Recovery)>> {
        disk.make_directory(&settings.directory, 0o700)?;
        let lock = disk.open(
            &settings.directory.join("lock"),
            OpenMode::OpenOrCreate(0o600),
        )?;
        if !lock.try_lock()? {
            return Ok(None);
        }
        let recovery = recovery::read(&*disk, &settings.directory)?;
        let next_number = recovery.last_number + 1;
        let mut journal = Self {
            disk,
            entropy,
            settings,
            _lock: lock,
            current: None,
            older: recovery.segments.iter().cloned().collect(),
            homes: HashMap::new(),
            living: HashMap::new(),
            spares: recovery
                .spares
                .iter()
                .cloned()
                .map(Spare::unfilled)
                .collect(),
            void: Vec::new(),
            next_number,
        };
        for message in &recovery.messages {
            journal.settle_in(message.id, message.stored.segment().number());
        }
        for (id, number) in &recovery.outcome_homes {
            journal.settle_in(*id, *number);
        }
        Ok(Some((journal, recovery)))
    }

    /// Writes `entries` and, when `sync` is set, makes them durable. Says for
    /// each where it is.
    ///
    /// # Errors
    /// For those entries that could not be written; none of them may be taken
    /// as accepted. After a failed sync the segment is not written to again.
    pub fn append(
        &mut self,
        entries: &mut [Entry],
        sync: bool,
    ) -> Vec<Result<Stored, AppendError>> {
        self.declare_void(sync);
        let mut results = Vec::with_capacity(entries.len());
        let mut rest = entries;
        while !rest.is_empty() {
            let fitting = match self.writer(rest[0].len()) {
                Ok(writer) => writer.fitting(rest),
                Err(error) => {
                    // What has no room for one has none for the next.
                    results.extend(rest.iter().map(|_| Err(error.again())));
                    break;
                }
            };
            let (batch, others) = rest.split_at_mut(fitting);
            rest = others;
            let Some(writer) = self.current.as_mut() else {
                break;
            };
            match writer.append(batch, sync) {
                Ok(stored) => {
                    let number = writer.number();
                    batch
                        .iter()
                        .for_each(|entry| self.keep_account(entry, number));
                    results.extend(stored.into_iter().map(Ok));
                }
                Err(error) => {
                    self.close_current();
                    self.void.extend(batch.iter().filter_map(Entry::commits));
                    let error = AppendError::from(error);
                    results.extend(batch.iter().map(|_| Err(error.again())));
                }
            }
        }
        results
    }

    /// What was written moves messages in and out.
    fn keep_account(&mut self, entry: &Entry, number: u64) {
        if let Some(id) = entry.commits() {
            self.settle_in(id, number);
        }
        for (kind, id) in entry.noted() {
            match kind {
                RecordKind::Outcome => self.settle_in(*id, number),
                _ => self.move_out(*id),
            }
        }
    }

    fn settle_in(&mut self, id: QueueId, number: u64) {
        if let hash_map::Entry::Vacant(home) = self.homes.entry(id) {
            home.insert(number);
            *self.living.entry(number).or_default() += 1;
        }
    }

    fn move_out(&mut self, id: QueueId) {
        let Some(number) = self.homes.remove(&id) else {
            return;
        };
        if let hash_map::Entry::Occupied(mut living) = self.living.entry(number) {
            *living.get_mut() -= 1;
            if *living.get() == 0 {
                living.remove();
            }
        }
    }

    /// The writer of a segment with room for `bytes`.
    fn writer(&mut self, bytes: u64) -> Result<&mut segment::Writer, AppendError> {
        let room = self.current.as_ref().is_some_and(|w| w.has_room(bytes));
        if !room {
            self.close_current();
            let writer = self.begin(bytes)?;
            self.current = Some(writer);
        }
        self.current.as_mut().ok_or(AppendError::Full)
    }

    fn close_current(&mut self) {
        if let Some(writer) = self.current.take() {
            self.older.push_back(writer.into_segment());
        }
    }

    /// Writes that messages of a failed append are not ours.
    fn declare_void(&mut self, sync: bool) {
        if self.void.is_empty() {
            return;
        }
        let mut entry = [Entry::notes(RecordKind::Done, &self.void)];
        let written = self.writer(entry[0].len()).is_ok_and(|_| true)
            && self
                .current
                .as_mut()
                .is_some_and(|writer| writer.append(&mut entry, sync).is_ok());
        if written {
            self.void.clear();
        } else {
            self.close_current();
        }
    }

    /// Begins a segment, in an emptied file when there is one.
    fn begin(&mut self, bytes: u64) -> Result<segment::Writer, AppendError> {
        self.collect()?;
        let path = segment_path(&self.settings.directory, self.next_number);
        let fits = |spare: &Spare| spare.len >= bytes + segment::START;
        let spare = match self.spares.iter().position(fits) {
            Some(at) => Some(self.spares.swap_remove(at)),
            None => None,
        };
        let begun = segment::Writer::begin(
            &*self.disk,
            segment::Begin {
                path: &path,
                spare,
                number: self.next_number,
                secret: self.entropy.random(),
                len: self.settings.segment_bytes.max(bytes + segment::START),
                fill_bytes: self.settings.fill_bytes,
            },
        );
        self.next_number += 1;
        let writer = begun?;
        self.disk.sync_directory(&self.settings.directory)?;
        Ok(writer)
    }

    /// Puts aside the oldest segments that nothing lives in any more: the
    /// name goes first, and durably, before a later segment, which tells that
    /// their messages are done, can be overwritten.
    fn collect(&mut self) -> io::Result<()> {
        let mut renamed = false;
        while let Some(oldest) = self.older.front() {
            if self.living.contains_key(&oldest.number()) {
                break;
            }
            let directory = &self.settings.directory;
            let path = segment_path(directory, oldest.number());
            if self.spares.len() < SPARES_MAX && oldest.len() == self.settings.segment_bytes {
                let spare = directory.join(format!("{:08}.spare", oldest.number()));
                self.disk.rename(&path, &spare)?;
                self.spares.push(Spare {
                    path: spare,
                    len: oldest.len(),
                    filled: oldest.filled(),
                });
            } else {
                self.disk.remove(&path)?;
            }
            renamed = true;
            self.older.pop_front();
        }
        for spare in self.spares.drain(SPARES_MAX.min(self.spares.len())..) {
            self.disk.remove(&spare.path)?;
        }
        if renamed {
            self.disk.sync_directory(&self.settings.directory)?;
        }
        Ok(())
    }

    /// Stops in good order: what is not synced yet is, and the next start need
    /// not search for a torn tail.
    ///
    /// # Errors
    /// What the disk said; the journal is as after a crash then.
    pub fn close(mut self) -> io::Result<()> {
        if let Some(writer) = self.current.as_mut() {
            let mut end = [Entry::end()];
            if writer.has_room(end[0].len()) {
                writer.append(&mut end, true)?;
            }
        }
        Ok(())
    }

    /// Messages, at most `max`, that should live elsewhere: they keep the
    /// oldest segment, and with it the later ones, from being used again.
    pub fn crowded(&self, max: usize) -> Vec<QueueId> {
        if self.older.len() < CROWDED_SEGMENTS {
            return Vec::new();
        }
        let oldest = self.older.front().map(|segment| segment.number());
        let here = self.homes.iter().filter(|(_, home)| Some(**home) == oldest);
        here.map(|(id, _)| *id).take(max).collect()
    }

    /// How many segments hold messages or are being written.
    pub fn segments(&self) -> usize {
        self.older.len() + usize::from(self.current.is_some())
    }
}

/// The file of an emptied segment.
#[derive(Clone, Debug)]
struct Spare {
    path: PathBuf,
    len: u64,
    /// How far its blocks have been written to.
    filled: u64,
}

impl Spare {
    /// One that was found: nobody knows how far it was filled.
    fn unfilled((path, len): (PathBuf, u64)) -> Self {
        Self {
            path,
            len,
            filled: 0,
        }
    }
}

fn segment_path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:08}.seg"))
}

/// The number in a segment's file name.
fn segment_number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    let plain = digits.len() >= 8 && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}
