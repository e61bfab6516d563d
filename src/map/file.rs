//! A file that may change under us, open for reading.
//!
//! What is read belongs to one [`Identity`] of the file, whole: after each
//! read the identity is compared, and a file that was rewritten in place (as
//! the reference's makemap does, under a lock) is read anew from its
//! beginning. Twice a second at most the name is looked at, to notice a file
//! that was put in its place. Nothing is mapped into memory: a map of a file
//! that somebody truncates would kill us.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use crate::dbfile::{DbError, ReadAt};
use crate::world::{Clock, Files};

use super::safety::{Sticky, writable_directory};
use super::world::MapWorld;

/// How long a name is believed without looking.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// A file changed so recently may change again without its times telling.
const SETTLED: Duration = Duration::from_millis(50);

/// How often a lookup begins anew because the file changed under it.
const ATTEMPTS: usize = 8;

/// What tells one state of a file from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether it has been like this long enough for its times to tell.
    fn settled(&self, now: SystemTime) -> bool {
        let seconds = u64::try_from(self.changed.0).unwrap_or(0);
        let nanos = u32::try_from(self.changed.1).unwrap_or(0);
        let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
        let between = now
            .duration_since(changed)
            .unwrap_or_else(|early| early.duration());
        between > SETTLED
    }
}

/// Why a file gives no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileFault {
    /// Somebody is writing it: try again soon.
    #[error("being rewritten")]
    Busy,
    /// There is no such file, or it cannot be opened.
    #[error("{0}")]
    Missing(io::Error),
    /// It is not a file to be trusted; the reason in the reference's words.
    #[error("{0}")]
    Unsafe(&'static str),
    /// It is no sound file of its kind.
    #[error("{0}")]
    Bad(DbError),
}

/// An open file of one identity.
pub(crate) struct Guarded {
    file: File,
    identity: Identity,
}

impl Guarded {
    /// Its length.
    pub(crate) fn length(&self) -> u64 {
        self.identity.size
    }

    /// All of it, if it is not longer than `bytes_max`.
    pub(crate) fn read_all(&self, bytes_max: usize) -> Result<Vec<u8>, DbError> {
        let size = usize::try_from(self.identity.size)
            .ok()
            .filter(|size| *size <= bytes_max)
            .ok_or(DbError::TooBig("the file is too long to be kept in memory"))?;
        let mut bytes = vec![0; size];
        self.read_exact_at(0, &mut bytes)?;
        Ok(bytes)
    }

    /// Whether the file is still what it was.
    fn check(&self) -> io::Result<()> {
        let metadata = self.file.metadata()?;
        let mut now = Identity::of(&metadata);
        if metadata.nlink() == 0 {
            // Its name was given to another file; that changes this time only.
            now.changed = self.identity.changed;
        }
        if now == self.identity {
            Ok(())
        } else {
            Err(io::Error::other(Stale))
        }
    }
}

impl ReadAt for Guarded {
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let read = self.file.read_exact_at(buffer, offset);
        // A file cut off while we read is a changed file, not a damaged one.
        self.check()?;
        read
    }
}

/// The file was changed since it was opened.
#[derive(Debug, thiserror::Error)]
#[error("the file was changed")]
struct Stale;

/// Whether an error says that the file was changed.
fn is_stale(error: &DbError) -> bool {
    let DbError::Io(error) = error else {
        return false;
    };
    error.get_ref().is_some_and(|inner| inner.is::<Stale>())
}

/// What is made of an open file.
struct Snapshot<T> {
    identity: Identity,
    value: T,
}

/// What was last seen of the file.
enum State<T> {
    Unknown,
    Open(Arc<Snapshot<T>>),
    Faulty(Arc<FileFault>),
}

/// A file that is looked at again and again.
pub(crate) struct Live<T> {
    path: PathBuf,
    load: fn(Guarded) -> Result<T, DbError>,
    /// Refuse files in directories that others may write to.
    strict: bool,
    files: Arc<dyn Files>,
    state: RwLock<State<T>>,
    /// One opens at a time, so that what is opened first is kept first.
    opening: Mutex<()>,
    /// How often the file was opened.
    opened: AtomicU64,
    born: Instant,
    /// When the name was last looked at: nanoseconds after `born`, plus one.
    looked: AtomicU64,
}

impl<T> Live<T> {
    /// A file that is opened when it is first asked.
    pub(crate) fn new(
        path: PathBuf,
        strict: bool,
        world: &MapWorld,
        load: fn(Guarded) -> Result<T, DbError>,
    ) -> Self {
        Self {
            path,
            load,
            strict,
            files: Arc::clone(&world.files),
            state: RwLock::new(State::Unknown),
            opening: Mutex::new(()),
            opened: AtomicU64::new(0),
            born: world.clock.instant(),
            looked: AtomicU64::new(0),
        }
    }

    /// Its name.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Asks the file; when it changes meanwhile, asks it again.
    pub(crate) fn ask<R>(
        &self,
        clock: &dyn Clock,
        question: impl Fn(&T) -> Result<R, DbError>,
    ) -> Result<R, Arc<FileFault>> {
        for _ in 0..ATTEMPTS {
            let snapshot = self.current(clock)?;
            match question(&snapshot.value) {
                Ok(answer) => return Ok(answer),
                Err(error) if is_stale(&error) => self.forget(&snapshot),
                Err(error) => return Err(Arc::new(FileFault::Bad(error))),
            }
        }
        Err(Arc::new(FileFault::Busy))
    }

    /// The file as it is now, or as it was half a second ago.
    fn current(&self, clock: &dyn Clock) -> Result<Arc<Snapshot<T>>, Arc<FileFault>> {
        let fresh = !self.time_to_look(clock);
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(snapshot) if fresh => return Ok(Arc::clone(snapshot)),
            State::Faulty(fault) if fresh => return Err(Arc::clone(fault)),
            State::Open(snapshot) => match std::fs::metadata(&self.path) {
                Ok(metadata) if Identity::of(&metadata) == snapshot.identity => {
                    return Ok(Arc::clone(snapshot));
                }
                // Between two names it has none: the old one is still good.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok(Arc::clone(snapshot));
                }
                _ => {}
            },
            _ => {}
        }
        self.reopen(clock)
    }

    /// Whether the name is to be looked at; one caller in half a second is
    /// told so.
    fn time_to_look(&self, clock: &dyn Clock) -> bool {
        let since = clock.instant().saturating_duration_since(self.born);
        let now = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        let looked = self.looked.load(Ordering::Relaxed);
        let due = looked.saturating_add(LOOK_AGAIN.as_nanos() as u64);
        if looked != 0 && now < due {
            return false;
        }
        self.looked
            .compare_exchange(looked, now.max(1), Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    /// Opens the file anew.
    fn reopen(&self, clock: &dyn Clock) -> Result<Arc<Snapshot<T>>, Arc<FileFault>> {
        let before = self.opened.load(Ordering::Acquire);
        let _turn = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if self.opened.load(Ordering::Acquire) != before {
            // Somebody did it while we waited.
            match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
                State::Open(snapshot) => return Ok(Arc::clone(snapshot)),
                State::Faulty(fault) => return Err(Arc::clone(fault)),
                State::Unknown => {}
            }
        }
        let (opened, keep) = match self.open(clock) {
            Ok((snapshot, settled)) => (Ok(Arc::new(snapshot)), settled),
            Err(fault) => {
                let keep = !matches!(fault, FileFault::Busy);
                (Err(Arc::new(fault)), keep)
            }
        };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        *state = match &opened {
            Ok(snapshot) if keep => State::Open(Arc::clone(snapshot)),
            Err(fault) if keep => State::Faulty(Arc::clone(fault)),
            _ => State::Unknown,
        };
        self.opened.fetch_add(1, Ordering::Release);
        opened
    }

    /// Opens the file, and says whether what was read of it may be kept.
    ///
    /// Those who rewrite a file in place hold a lock on it: a file that
    /// cannot be locked is half written. One that changed a moment ago stays
    /// locked by us until the question is answered, because its times would
    /// not show the next change.
    fn open(&self, clock: &dyn Clock) -> Result<(Snapshot<T>, bool), FileFault> {
        // departs: the reference refuses files below sticky directories and
        // in users' own directories, too.
        if self.strict
            && let Some(found) = writable_directory(&self.path, Sticky::IsFine)
            && found.system
        {
            return Err(FileFault::Unsafe(found.writers.as_str()));
        }
        let file = self.files.open(&self.path).map_err(FileFault::Missing)?;
        let metadata = file.metadata().map_err(FileFault::Missing)?;
        if !metadata.is_file() {
            return Err(FileFault::Unsafe("Regular files only"));
        }
        match file.try_lock_shared() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(FileFault::Busy),
            // A file system without locks: nobody holds one.
            Err(std::fs::TryLockError::Error(_)) => {}
        }
        let metadata = file.metadata().map_err(FileFault::Missing)?;
        let identity = Identity::of(&metadata);
        let settled = identity.settled(clock.now());
        if settled {
            // An error leaves the lock until the file is closed: no harm.
            let _ = file.unlock();
        }
        let value = (self.load)(Guarded { file, identity }).map_err(|error| {
            if is_stale(&error) {
                FileFault::Busy
            } else {
                FileFault::Bad(error)
            }
        })?;
        Ok((Snapshot { identity, value }, settled))
    }

    /// Lets go of a snapshot that turned out to be old.
    fn forget(&self, old: &Arc<Snapshot<T>>) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(&*state, State::Open(kept) if Arc::ptr_eq(kept, old)) {
            *state = State::Unknown;
        }
    }
}
