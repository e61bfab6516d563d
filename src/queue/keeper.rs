//! The keeper: one thread that puts messages into the queue directory, many
//! at once, so that they share the syncs.
//!
//! Data and control files are written aside, all of them synced, the control
//! files renamed, and the directory synced once. Only then is anybody told.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::SpoolError;
use super::directory::{Directory, FileKind};
use crate::base::QueueId;
use crate::world::DiskFile;

/// The most messages that share one directory sync.
const BATCH_MAX: usize = 256;

/// A message to keep.
pub(super) struct Keep {
    pub(super) id: QueueId,
    /// The control file: what kind, and its text.
    pub(super) kind: FileKind,
    pub(super) text: Vec<u8>,
    /// The body, unless its data file is there already.
    pub(super) data: Option<Bytes>,
    /// Whether the message has not been in the directory before: then it is
    /// not there either when this fails.
    pub(super) fresh: bool,
    /// Whether the caller goes on holding the message.
    pub(super) lock: bool,
    /// Where to.
    pub(super) directory: Arc<Directory>,
}

/// The lock on the new control file, when it was asked for.
pub(super) type Kept = Option<Arc<dyn DiskFile>>;

/// Called when a message has been kept, or could not be: whoever waits may be
/// gone, but what became of it must be remembered.
pub(super) type Done = Box<dyn FnOnce(Result<Kept, SpoolError>) + Send>;

enum Work {
    Keep(Keep, Done),
    /// A data file that was written elsewhere, to be made durable.
    Sync(
        Arc<dyn DiskFile>,
        Arc<Directory>,
        oneshot::Sender<Result<(), SpoolError>>,
    ),
}

/// The way into the queue directory.
pub(super) struct Keeper {
    /// `None` without a thread: the caller does the work.
    way_in: Mutex<Option<Sender<Work>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Keeper {
    /// With a thread of its own or without.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn new(thread: bool) -> io::Result<Self> {
        let mut keeper = Self {
            way_in: Mutex::new(None),
            thread: Mutex::new(None),
        };
        if thread {
            let (way_in, work) = channel();
            let builder = std::thread::Builder::new().name("queue".into());
            let thread = builder.spawn(move || run(&work))?;
            keeper.way_in = Mutex::new(Some(way_in));
            keeper.thread = Mutex::new(Some(thread));
        }
        Ok(keeper)
    }

    /// Puts a message into the directory, durably; then calls `done`.
    pub(super) fn keep(&self, keep: Keep, done: Done) {
        self.give(Work::Keep(keep, done));
    }

    /// Makes a new data file durable.
    pub(super) async fn sync(
        &self,
        file: Arc<dyn DiskFile>,
        directory: Arc<Directory>,
    ) -> Result<(), SpoolError> {
        let (answer, answered) = oneshot::channel();
        self.give(Work::Sync(file, directory, answer));
        answered.await.unwrap_or(Err(SpoolError::Closing))
    }

    fn give(&self, work: Work) {
        let way_in = self.way_in.lock().unwrap_or_else(PoisonError::into_inner);
        match &*way_in {
            // A thread that is gone drops the answer.
            Some(way_in) => drop(way_in.send(work)),
            None => do_batch(vec![work]),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let way_in = self.way_in.get_mut();
        drop(way_in.unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.get_mut();
        if let Some(thread) = thread.unwrap_or_else(PoisonError::into_inner).take()
            // The last one to let go may be the thread itself.
            && thread.thread().id() != std::thread::current().id()
        {
            // What it had begun it has ended by now, or given up.
            let _ = thread.join();
        }
    }
}

fn run(work: &Receiver<Work>) {
    while let Ok(first) = work.recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH_MAX
            && let Ok(more) = work.try_recv()
        {
            batch.push(more);
        }
        do_batch(batch);
    }
}

/// A message whose files have been written, not synced.
struct Written {
    keep: Keep,
    temporary: Arc<dyn DiskFile>,
    done: Done,
}

/// The directories of a batch, each once.
#[derive(Default)]
struct Touched(Vec<Arc<Directory>>);

impl Touched {
    fn add(&mut self, directory: &Arc<Directory>) {
        if !self.0.iter().any(|known| Arc::ptr_eq(known, directory)) {
            self.0.push(Arc::clone(directory));
        }
    }

    fn each(&self, does: impl Fn(&Directory) -> io::Result<()>) -> io::Result<()> {
        self.0.iter().try_for_each(|directory| does(directory))
    }

    /// Makes these files durable.
    fn sync(&self, files: &[Arc<dyn DiskFile>]) -> io::Result<()> {
        match self.0.as_slice() {
            [] => Ok(()),
            [directory] => directory.disk().sync_many(files),
            // They may be on several disks.
            _ => files.iter().try_for_each(|file| file.sync()),
        }
    }
}

fn do_batch(batch: Vec<Work>) {
    let mut touched = Touched::default();
    let mut files = Vec::new();
    let mut written = Vec::new();
    let mut syncs = Vec::new();
    for work in batch {
        match work {
            Work::Sync(file, directory, answer) => {
                touched.add(&directory);
                files.push(file);
                syncs.push(answer);
            }
            Work::Keep(keep, done) => match write(&keep, &mut files) {
                Ok(temporary) => {
                    touched.add(&keep.directory);
                    written.push(Written {
                        keep,
                        temporary,
                        done,
                    });
                }
                Err(error) => done(Err(error.into())),
            },
        }
    }
    let synced = touched
        .sync(&files)
        .and_then(|()| touched.each(Directory::sync_data_names));
    // Whoever is told must find no lock of ours.
    drop(files);
    let adopted = synced.map(|()| adopt(written.iter()));
    // Names of data files alone are synced too: they may be all there is.
    let names = adopted.and_then(|adopted| touched.each(Directory::sync_names).map(|()| adopted));
    match names {
        Ok(adopted) => {
            syncs
                .into_iter()
                .for_each(|answer| drop(answer.send(Ok(()))));
            for (written, adopted) in written.into_iter().zip(adopted) {
                let lock = written.keep.lock.then_some(written.temporary);
                (written.done)(adopted.map(|()| lock).map_err(Into::into));
            }
        }
        Err(error) => {
            let error = SpoolError::from(error);
            for answer in syncs {
                let _ = answer.send(Err(error.clone()));
            }
            for written in written {
                give_up(&written.keep);
                (written.done)(Err(error.clone()));
            }
        }
    }
}

/// Writes the files of one message; those to be synced are added to `files`.
fn write(keep: &Keep, files: &mut Vec<Arc<dyn DiskFile>>) -> io::Result<Arc<dyn DiskFile>> {
    let directory = &keep.directory;
    let data = match &keep.data {
        Some(body) => Some(directory.write_data(keep.id, body)?),
        None => None,
    };
    let temporary = directory
        .write_temporary(keep.id, &keep.text)
        .and_then(|file| {
            if keep.lock {
                file.try_lock()?;
            }
            Ok(file)
        });
    match temporary {
        Ok(temporary) => {
            files.extend(data);
            files.push(Arc::clone(&temporary));
            Ok(temporary)
        }
        Err(error) => {
            give_up(keep);
            Err(error)
        }
    }
}

fn adopt<'a>(written: impl Iterator<Item = &'a Written>) -> Vec<io::Result<()>> {
    written
        .map(|written| {
            let keep = &written.keep;
            let adopted = keep.directory.adopt(keep.kind, keep.id);
            if adopted.is_err() {
                give_up(keep);
            }
            adopted
        })
        .collect()
}

/// Frees what a message took that could not be kept. Where it was before, it
/// still is.
fn give_up(keep: &Keep) {
    let directory = &keep.directory;
    // What cannot be removed is replaced when the message is kept again. The
    // control file goes first: none may point at a body that is gone.
    let _ = directory.remove(FileKind::Temporary, keep.id);
    if keep.fresh && directory.remove(keep.kind, keep.id).is_err() {
        return;
    }
    if keep.data.is_some() {
        let _ = directory.remove(FileKind::Data, keep.id);
    }
}

impl From<io::Error> for SpoolError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => SpoolError::Full,
            _ => SpoolError::Io(error.to_string()),
        }
    }
}
