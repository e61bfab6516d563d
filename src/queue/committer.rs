//! The committer: one thread that owns the journal's write end, and turns what
//! arrives while it syncs into the next batch.
//!
//! A session hands over its finished message and waits for one answer. Notes
//! (`Outcome`, `Moved`, `Done`) wait for nobody: they ride with the next
//! commit, or are written when there has been none for a while.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::SpoolError;
use super::journal::{AppendError, Entry, Journal, RecordKind, Stored};
use super::pace::Pace;
use crate::base::QueueId;

/// How long notes wait for a commit to ride with.
const NOTES_WAIT: Duration = Duration::from_millis(20);

/// The most messages in one batch: what one write can take.
const BATCH_MAX: usize = 340;

/// The most messages that are asked to leave a crowded journal at once.
const RELIEF_MAX: usize = 256;

/// Old segments that cannot be moved out of are looked at again after this.
const RELIEF_PAUSE: Duration = Duration::from_secs(1);

/// Called with messages that should leave the journal.
pub(super) type Crowded = Box<dyn Fn(Vec<QueueId>) + Send + Sync>;

/// Called when a message is ours and nobody is left to take its place.
pub(super) type Orphaned = Box<dyn FnOnce(Stored) + Send>;

/// A message that is in the journal. One that is dropped without being taken
/// is reported as orphaned: its session went away while it was written.
pub(super) struct Landed {
    stored: Option<Stored>,
    orphaned: Option<Orphaned>,
}

impl Landed {
    pub(super) fn take(mut self) -> Option<Stored> {
        self.stored.take()
    }
}

impl Drop for Landed {
    fn drop(&mut self) {
        if let (Some(stored), Some(orphaned)) = (self.stored.take(), self.orphaned.take()) {
            orphaned(stored);
        }
    }
}

/// A message on its way into the journal.
struct Job {
    entry: Entry,
    sync: bool,
    orphaned: Orphaned,
    answer: oneshot::Sender<Result<Landed, SpoolError>>,
}

/// What has arrived.
struct Inbox {
    jobs: Vec<Job>,
    notes: Entry,
    /// How many jobs wake the committer; nobody else need.
    wake_at: usize,
    /// Whether a note wakes it.
    wake_for_notes: bool,
    closing: bool,
}

struct Shared {
    inbox: Mutex<Inbox>,
    arrived: Condvar,
    crowded: OnceLock<Crowded>,
    relief: Mutex<Relief>,
}

/// Whether messages are leaving the journal.
#[derive(Clone, Copy)]
enum Relief {
    /// They are.
    Running,
    /// They are not; when they could not the last time, that was then.
    Done(Option<Instant>),
}

impl Shared {
    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn relief(&self) -> MutexGuard<'_, Relief> {
        self.relief.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The messages that should leave the journal now, if any.
    fn crowded(&self, journal: &Journal) -> Vec<QueueId> {
        let mut relief = self.relief();
        let rests = match *relief {
            Relief::Running => true,
            Relief::Done(when) => when.is_some_and(|when| when.elapsed() < RELIEF_PAUSE),
        };
        if rests || self.crowded.get().is_none() {
            return Vec::new();
        }
        let ids = journal.crowded(RELIEF_MAX);
        if !ids.is_empty() {
            *relief = Relief::Running;
        }
        ids
    }

    /// Asks them to. Nothing of the journal may be locked.
    fn relieve(&self, ids: Vec<QueueId>) {
        if let Some(crowded) = self.crowded.get().filter(|_| !ids.is_empty()) {
            crowded(ids);
        }
    }
}

/// The way into the journal.
pub(super) struct Committer {
    shared: Arc<Shared>,
    owner: Mutex<Owner>,
}

/// Who writes.
enum Owner {
    /// A thread of its own.
    Thread(JoinHandle<()>),
    /// Whoever commits: for programs that do one thing, and for simulations.
    Caller(Box<Journal>),
    /// Nobody any more.
    Closed,
}

impl Committer {
    /// Takes over the journal; with a thread of its own or without.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn new(journal: Journal, thread: bool) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            inbox: Mutex::new(Inbox {
                jobs: Vec::new(),
                notes: Entry::empty(),
                wake_at: 1,
                wake_for_notes: true,
                closing: false,
            }),
            arrived: Condvar::new(),
            crowded: OnceLock::new(),
            relief: Mutex::new(Relief::Done(None)),
        });
        let owner = if thread {
            let shared = Arc::clone(&shared);
            let builder = std::thread::Builder::new().name("journal".into());
            Owner::Thread(builder.spawn(move || run(journal, &shared))?)
        } else {
            Owner::Caller(Box::new(journal))
        };
        Ok(Self {
            shared,
            owner: Mutex::new(owner),
        })
    }

    /// Sets what is called when messages should leave the journal.
    pub(super) fn on_crowded(&self, crowded: Crowded) {
        let _ = self.shared.crowded.set(crowded);
    }

    /// Those that were asked to leave have (`helped`), or cannot.
    pub(super) fn relieved(&self, helped: bool) {
        *self.shared.relief() = Relief::Done((!helped).then(Instant::now));
    }

    /// Writes a message, durably if `sync` is set.
    pub(super) async fn commit(
        &self,
        entry: Entry,
        sync: bool,
        orphaned: Orphaned,
    ) -> Result<Landed, SpoolError> {
        let (answered, crowded) = match &mut *self.owner() {
            Owner::Caller(journal) => self.commit_here(journal, entry, sync, orphaned),
            _ => (self.give(entry, sync, orphaned), Vec::new()),
        };
        self.shared.relieve(crowded);
        match answered {
            Answered::Now(result) => result,
            Answered::Later(answered) => answered.await.unwrap_or(Err(SpoolError::Closing)),
        }
    }

    /// Writes a message by the hand of the caller; also gives the messages
    /// that should leave the journal.
    fn commit_here(
        &self,
        journal: &mut Journal,
        mut entry: Entry,
        sync: bool,
        orphaned: Orphaned,
    ) -> (Answered, Vec<QueueId>) {
        let notes = std::mem::replace(&mut self.shared.inbox().notes, Entry::empty());
        if !notes.is_empty() {
            write_notes(journal, notes);
        }
        let mut results = journal.append(std::slice::from_mut(&mut entry), sync);
        let result = match results.pop() {
            Some(result) => landed(result, orphaned),
            None => Err(SpoolError::Closing),
        };
        (Answered::Now(result), self.shared.crowded(journal))
    }

    /// Gives a message to the thread.
    fn give(&self, entry: Entry, sync: bool, orphaned: Orphaned) -> Answered {
        let (answer, answered) = oneshot::channel();
        {
            let mut inbox = self.shared.inbox();
            if inbox.closing {
                return Answered::Now(Err(SpoolError::Closing));
            }
            inbox.jobs.push(Job {
                entry,
                sync,
                orphaned,
                answer,
            });
            if inbox.jobs.len() >= inbox.wake_at {
                inbox.wake_at = usize::MAX;
                self.shared.arrived.notify_one();
            }
        }
        Answered::Later(answered)
    }

    /// Notes something about a message, soon but not now.
    pub(super) fn note(&self, kind: RecordKind, id: QueueId, payload: &[u8]) {
        let mut inbox = self.shared.inbox();
        inbox.notes.note(kind, id, payload);
        if inbox.wake_for_notes {
            inbox.wake_for_notes = false;
            self.shared.arrived.notify_one();
        }
    }

    /// Writes what is left and gives up the journal.
    pub(super) fn close(&self) {
        {
            let mut inbox = self.shared.inbox();
            inbox.closing = true;
            self.shared.arrived.notify_one();
        }
        let owner = std::mem::replace(&mut *self.owner(), Owner::Closed);
        match owner {
            // The last one to let go may be the thread itself; it ends by
            // itself then.
            Owner::Thread(thread) if thread.thread().id() == std::thread::current().id() => {}
            // A thread that panicked has left the journal as a crash does.
            Owner::Thread(thread) => drop(thread.join()),
            Owner::Caller(journal) => {
                let notes = std::mem::replace(&mut self.shared.inbox().notes, Entry::empty());
                finish(*journal, notes);
            }
            Owner::Closed => {}
        }
    }

    fn owner(&self) -> MutexGuard<'_, Owner> {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.close();
    }
}

impl From<AppendError> for SpoolError {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Full => SpoolError::Full,
            AppendError::Io(error) => SpoolError::Io(error.to_string()),
        }
    }
}

/// The answer to a commit, or where it will come.
enum Answered {
    Now(Result<Landed, SpoolError>),
    Later(oneshot::Receiver<Result<Landed, SpoolError>>),
}

/// What the committer has to do next.
enum Work {
    Commit(Vec<Job>, Entry),
    Notes(Entry),
    Close(Entry),
}

fn run(mut journal: Journal, shared: &Shared) {
    let mut pace = Pace::default();
    loop {
        match next(shared, &pace) {
            Work::Commit(jobs, notes) => {
                let batch = jobs.len();
                let begun = Instant::now();
                let answers = commit(&mut journal, jobs, notes);
                let took = begun.elapsed();
                // Counted before anybody is answered: who is may be back at
                // once.
                pace.observe(batch, shared.inbox().jobs.len(), took);
                for (answer, result) in answers {
                    // A session that is gone drops what it gets: see Landed.
                    let _ = answer.send(result);
                }
            }
            Work::Notes(notes) => write_notes(&mut journal, notes),
            Work::Close(notes) => return finish(journal, notes),
        }
        shared.relieve(shared.crowded(&journal));
    }
}

/// Waits for something to do.
fn next(shared: &Shared, pace: &Pace) -> Work {
    let mut inbox = shared.inbox();
    while inbox.jobs.is_empty() {
        if inbox.closing {
            return Work::Close(std::mem::replace(&mut inbox.notes, Entry::empty()));
        }
        inbox.wake_at = 1;
        inbox.wake_for_notes = inbox.notes.is_empty();
        if inbox.wake_for_notes {
            inbox = shared
                .arrived
                .wait(inbox)
                .unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        let (back, timeout) = shared
            .arrived
            .wait_timeout(inbox, NOTES_WAIT)
            .unwrap_or_else(PoisonError::into_inner);
        inbox = back;
        if timeout.timed_out() && inbox.jobs.is_empty() {
            return Work::Notes(std::mem::replace(&mut inbox.notes, Entry::empty()));
        }
    }
    if let Some((target, patience)) = pace.plan(inbox.jobs.len()) {
        let deadline = Instant::now() + patience;
        inbox.wake_at = target;
        while inbox.jobs.len() < target && !inbox.closing {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            inbox = shared
                .arrived
                .wait_timeout(inbox, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
    inbox.wake_at = usize::MAX;
    inbox.wake_for_notes = false;
    let many = inbox.jobs.len().min(BATCH_MAX);
    let jobs = inbox.jobs.drain(..many).collect();
    let notes = std::mem::replace(&mut inbox.notes, Entry::empty());
    Work::Commit(jobs, notes)
}

/// Who waits for an answer, and the answer.
type Answer = (
    oneshot::Sender<Result<Landed, SpoolError>>,
    Result<Landed, SpoolError>,
);

fn landed(result: Result<Stored, AppendError>, orphaned: Orphaned) -> Result<Landed, SpoolError> {
    Ok(Landed {
        stored: Some(result?),
        orphaned: Some(orphaned),
    })
}

/// Writes a batch, and says what to answer.
fn commit(journal: &mut Journal, jobs: Vec<Job>, notes: Entry) -> Vec<Answer> {
    let sync = jobs.iter().any(|job| job.sync);
    let mut entries = Vec::with_capacity(jobs.len() + 1);
    let mut answers = Vec::with_capacity(jobs.len());
    let has_notes = !notes.is_empty();
    if has_notes {
        entries.push(notes);
    }
    for job in jobs {
        entries.push(job.entry);
        answers.push((job.answer, job.orphaned));
    }
    let results = journal.append(&mut entries, sync);
    let results = results.into_iter().skip(usize::from(has_notes));
    let answers = answers.into_iter().zip(results);
    let answers = answers.map(|((answer, orphaned), result)| (answer, landed(result, orphaned)));
    answers.collect()
}

/// Notes need no sync, and one that cannot be written costs a second attempt
/// after a crash at worst.
fn write_notes(journal: &mut Journal, notes: Entry) {
    let _ = journal.append(&mut [notes], false);
}

fn finish(mut journal: Journal, notes: Entry) {
    if !notes.is_empty() {
        write_notes(&mut journal, notes);
    }
    // What was not closed is recovered like after a crash.
    let _ = journal.close();
}
