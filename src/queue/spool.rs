//! The queue: journal and directory behind one [`Spool`].
//!
//! Accepted mail goes into the journal (or, when this process does not own
//! the journal, straight into the directory). What is delivered at once is
//! noted as done and leaves no file; what must wait moves into the directory.
//! Which of the two a message is in is nobody else's business.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use bstr::BString;
use tokio::sync::{Notify as Wake, oneshot};

use super::body::Incoming;
use super::committer::{Committer, Orphaned};
use super::control_file;
use super::directory::FileKind;
use super::folders::{Folder, Folders};
use super::ids::Ids;
use super::image;
use super::journal::{Entry, Journal, JournalSettings, RecordKind, Recovery, record};
use super::keeper::{Keep, Keeper};
use super::state::{Place, State, never};
use super::{Body, BodyWriter, Claim, Message, Occasion, Selector, Settlement, Spool, SpoolError};
use crate::base::QueueId;
use crate::base::maillog::{Event, Priority, Subject};
use crate::envelope::{Envelope, Recipient};
use crate::world::{BoxFuture, Clock, Disk, Entropy, Log};

/// How the queue is to work.
#[derive(Clone, Debug)]
pub struct QueueSettings {
    /// QueueDirectory, or what holds the directories that it names.
    pub directory: std::path::PathBuf,
    /// The directories of the default queue group; none when `directory` is
    /// the only one.
    pub own: Vec<Folder>,
    /// The directories of other queue groups.
    pub others: Vec<Folder>,
    /// The journal; `None` to work with the directory only.
    pub journal: Option<JournalSettings>,
    /// `$j`: completes addresses without a domain in control files.
    pub host_name: BString,
    /// Whether mail is synced before it is ours (SuperSafe True and
    /// PostMilter; Interactive, unless DeliveryMode is interactive as well).
    pub sync: bool,
    /// MinFreeBlocks, in bytes: with less than this nothing is taken in.
    pub free_bytes_min: u64,
    /// Bodies beyond this get a data file while they come in.
    pub memory_body_bytes: usize,
    /// QueueFileMode.
    pub file_mode: u32,
    /// MinQueueAge: a message is not tried again before.
    pub min_age: Duration,
    /// MaxQueueAge: when it is set, the rest between attempts begins at
    /// `min_age` and doubles up to this.
    pub max_age: Duration,
    /// Whether journal and directory have threads of their own.
    pub threads: bool,
    /// The process id that goes into queue ids.
    pub pid: u32,
}

impl QueueSettings {
    /// The defaults, for a queue in `directory` with a journal in it.
    pub fn new(directory: impl Into<std::path::PathBuf>, host_name: impl Into<BString>) -> Self {
        let directory = directory.into();
        Self {
            journal: Some(JournalSettings::new(directory.join("journal"))),
            directory,
            own: Vec::new(),
            others: Vec::new(),
            host_name: host_name.into(),
            sync: true,
            free_bytes_min: 0,
            memory_body_bytes: 256 << 10,
            file_mode: 0o600,
            min_age: Duration::ZERO,
            max_age: Duration::ZERO,
            threads: true,
            pid: std::process::id(),
        }
    }
}

/// What the queue needs of the world.
#[derive(Clone)]
pub struct QueueWorld {
    /// Files.
    pub disk: Arc<dyn Disk>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// For the journal's secrets and the first sequence number.
    pub entropy: Arc<dyn Entropy>,
    /// What is damaged or lost is logged.
    pub log: Arc<dyn Log>,
}

/// The queue of one directory. Clones share it.
#[derive(Clone)]
pub struct Queue {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) settings: QueueSettings,
    pub(super) world: QueueWorld,
    pub(super) folders: Folders,
    pub(super) keeper: Keeper,
    /// `None` when somebody else owns the journal.
    committer: Option<Committer>,
    state: Mutex<State>,
    ids: Mutex<Ids>,
    /// Something is due, perhaps earlier than before.
    changed: Wake,
    /// A message has moved from the journal into the directory.
    pub(super) moved: Wake,
}

/// The queue group that every site has.
const DEFAULT_GROUP: &str = "mqueue";

/// A data file without a message is somebody's who is still writing, until it
/// is this old.
const ORPHAN_AGE: Duration = Duration::from_secs(7 * 86_400);

/// How long a message rests whose claim was dropped: what went wrong may go
/// wrong again.
const DROPPED_PAUSE: Duration = Duration::from_secs(30);

impl Queue {
    /// Opens the queue: recovers the journal if this process can own it, and
    /// lists what waits in the directory.
    ///
    /// # Errors
    /// Directory or journal cannot be read, or threads not started.
    pub fn open(settings: QueueSettings, world: QueueWorld) -> std::io::Result<Self> {
        let only = [Folder {
            path: settings.directory.clone(),
            group: DEFAULT_GROUP.into(),
        }];
        let own = match settings.own.as_slice() {
            [] => &only[..],
            own => own,
        };
        let mode = settings.file_mode;
        let folders = Folders::new(&world.disk, own, &settings.others, mode);
        let journal = match &settings.journal {
            Some(journal) => {
                let (disk, entropy) = (Arc::clone(&world.disk), Arc::clone(&world.entropy));
                Journal::open(disk, entropy, journal.clone())?
            }
            None => None,
        };
        let (journal, recovery) = journal.unzip();
        let committer = match journal {
            Some(journal) => Some(Committer::new(journal, settings.threads)?),
            None => None,
        };
        let ids = Ids::new(settings.pid, world.entropy.random());
        let inner = Inner {
            keeper: Keeper::new(settings.threads)?,
            folders,
            committer,
            state: Mutex::new(State::default()),
            ids: Mutex::new(ids),
            changed: Wake::new(),
            moved: Wake::new(),
            settings,
            world,
        };
        let queue = Self {
            inner: Arc::new(inner),
        };
        queue.rescan()?;
        if let Some(recovery) = recovery {
            queue.inner.take_over(recovery);
            queue.inner.remove_orphans();
        }
        queue.inner.offer_relief();
        Ok(queue)
    }

    /// Looks into the directory for messages that other programs have put
    /// there or taken away. Those that are new wait for a queue run.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn rescan(&self) -> std::io::Result<()> {
        let directory = &self.inner.folders;
        let waiting = directory.list(FileKind::Control)?;
        let quarantined: HashSet<QueueId> =
            directory.list(FileKind::Quarantined)?.into_iter().collect();
        let mut state = self.inner.state();
        let gone: Vec<QueueId> = {
            let there: HashSet<&QueueId> = waiting.iter().chain(&quarantined).collect();
            let ids = state.ids();
            let gone = ids.into_iter().filter(|id| {
                let slot = state.get(*id);
                slot.is_some_and(|slot| matches!(slot.place, Place::Directory) && !slot.claimed)
                    && !there.contains(id)
            });
            gone.collect()
        };
        for id in gone {
            state.remove(id);
        }
        for id in waiting.into_iter().chain(quarantined.iter().copied()) {
            let held = quarantined.contains(&id);
            match state.get(id) {
                None => {
                    state.insert(id, Place::Directory, None);
                    state.set_quarantined(id, held);
                    state.release(id, never());
                }
                // Another program has put it into quarantine, or released it.
                Some(slot) if slot.quarantined != held && !slot.claimed => {
                    if matches!(slot.place, Place::Directory) {
                        state.set_quarantined(id, held);
                        state.release(id, never());
                    }
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Resolves when something may be due earlier than [`Spool::next_due`]
    /// last said.
    pub async fn changed(&self) {
        self.inner.changed.notified().await;
    }

    /// Every message there is, oldest first, whoever works on it.
    pub fn ids(&self) -> Vec<QueueId> {
        let mut ids = self.inner.state().ids();
        ids.sort_unstable();
        ids
    }

    /// Takes one message for a queue run, whenever it is due, unless somebody
    /// works on it, the selector does not want it, or it was tried a moment
    /// ago (MinQueueAge, which `even_if_not_due` overrules).
    pub fn claim(&self, id: QueueId, now: SystemTime, selector: &Selector) -> Option<Claim> {
        self.inner.claim_one(id, now, selector)
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.inner.state().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether this process owns the journal. One that does not works with
    /// the directory only.
    pub fn owns_journal(&self) -> bool {
        self.inner.committer.is_some()
    }

    /// Writes what is left and gives up the journal. Accepts nothing more.
    pub fn close(&self) {
        if let Some(committer) = &self.inner.committer {
            committer.close();
        }
    }
}

impl Inner {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> SystemTime {
        self.world.clock.now()
    }

    pub(super) fn wake(&self) {
        self.changed.notify_one();
    }

    /// A finished data file waits for its message to be accepted.
    pub(super) fn lay_aside(&self, id: QueueId) {
        self.state().loose.insert(id, ());
    }

    pub(super) fn note(&self, kind: RecordKind, id: QueueId, payload: &[u8]) {
        if let Some(committer) = &self.committer {
            committer.note(kind, id, payload);
        }
    }

    pub(super) fn log(&self, id: Option<QueueId>, text: &str) {
        let subject = id.map_or(Subject::NoQueue, Subject::Message);
        let event = Event::SystemError {
            user: b"root",
            text: text.as_bytes(),
        };
        self.world.log.event(subject, &event);
    }

    /// Logs a line as it is.
    pub(super) fn log_line(&self, priority: Priority, line: &[u8]) {
        self.world.log.line(priority, line);
    }

    /// Messages that the journal holds become due.
    fn take_over(self: &Arc<Self>, recovery: Recovery) {
        for sentence in &recovery.damage {
            self.log(None, sentence);
        }
        let now = self.now();
        let mut moved = Vec::new();
        let mut state = self.state();
        for message in recovery.messages {
            let id = message.id;
            let has_data = message.body_in_file || state.contains(id);
            let data = self.folders.at(id).file(FileKind::Data, id);
            // What the disk cannot say now is taken to be there.
            let missing = |error: std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
            let data_there = has_data && !self.world.disk.facts(&data).is_err_and(missing);
            if state.contains(id) && data_there {
                // It had moved, and the note of it was lost.
                moved.push((id, RecordKind::Moved));
                continue;
            }
            if message.body_in_file && !data_there {
                // A data file goes only when the message is done.
                moved.push((id, RecordKind::Done));
                continue;
            }
            let place = Place::Journal {
                stored: message.stored,
                body_in_file: message.body_in_file,
            };
            state.insert(id, place, Some(now));
            if !message.outcomes.is_empty() {
                state.extras.entry(id).or_default().outcomes = message.outcomes;
            }
        }
        for (id, outcomes) in recovery.outcomes {
            if state.contains(id) {
                let extra = state.extras.entry(id).or_default();
                extra.outcomes = outcomes;
                extra.noted = true;
            } else {
                moved.push((id, RecordKind::Done));
            }
        }
        drop(state);
        for (id, kind) in moved {
            self.note(kind, id, &[]);
        }
        self.wake();
    }

    /// Data files that no message has are removed when they are old: a crash
    /// left them before anything was accepted.
    fn remove_orphans(&self) {
        let now = self.now();
        for directory in self.folders.all() {
            // What cannot be listed now is at the next start.
            let data = directory.list_data().unwrap_or_default();
            let lost = directory.list(FileKind::Lost).unwrap_or_default();
            let lost: HashSet<QueueId> = lost.into_iter().collect();
            let old = |modified: SystemTime| {
                now.duration_since(modified)
                    .is_ok_and(|age| age > ORPHAN_AGE)
            };
            for (id, modified) in data {
                if old(modified) && !lost.contains(&id) && !self.state().contains(id) {
                    // It costs room and nothing else.
                    let _ = directory.remove(FileKind::Data, id);
                }
            }
        }
    }

    /// A claim that gives the message back when it is dropped.
    pub(super) fn claim(self: &Arc<Self>, message: Message, occasion: Occasion) -> Claim {
        let inner: Weak<Self> = Arc::downgrade(self);
        Claim::new(message, occasion, move |id, due| {
            if let Some(inner) = inner.upgrade() {
                let due = due.unwrap_or_else(|| inner.now() + DROPPED_PAUSE);
                inner.give_back(id, due);
            }
        })
    }

    /// The journal tells which messages keep old segments from being used
    /// again.
    fn offer_relief(self: &Arc<Self>) {
        if let Some(committer) = &self.committer {
            let inner = Arc::downgrade(self);
            committer.on_crowded(Box::new(move |ids| {
                if let Some(inner) = inner.upgrade() {
                    inner.relieve(&ids);
                }
            }));
        }
    }

    /// What the journal was crowded with has been dealt with; whether any
    /// of it has left.
    pub(super) fn relieved(&self, helped: bool) {
        if let Some(committer) = &self.committer {
            committer.relieved(helped);
        }
    }

    /// The message is claimed no longer.
    pub(super) fn give_back(&self, id: QueueId, due: SystemTime) {
        let mut state = self.state();
        if let Some(extra) = state.extras.get_mut(&id) {
            extra.lock = None;
            if extra.envelope.is_none() && extra.outcomes.is_empty() && !extra.noted {
                state.extras.remove(&id);
            }
        }
        state.release(id, due);
        drop(state);
        self.wake();
    }

    async fn accept(self: &Arc<Self>, message: Message) -> Result<Claim, SpoolError> {
        let (id, body) = (message.id, message.body.clone());
        let image = image::write(&message.envelope, &message.header, &self.settings.host_name);
        let body_in_file = matches!(body, Body::File(..));
        let fits = image.len() <= record::PAYLOAD_BYTES_MAX
            && (body_in_file || body.len() <= record::PAYLOAD_BYTES_MAX as u64);
        let place = match &self.committer {
            Some(committer) if fits => {
                let bytes = match &body {
                    Body::Memory(bytes) => Some(bytes.clone()),
                    Body::File(..) => None,
                };
                let entry = Entry::message(id, &image, bytes);
                let orphaned = self.adopt_orphan(id, body_in_file);
                let landed = committer.commit(entry, self.settings.sync, orphaned);
                let Some(stored) = landed.await?.take() else {
                    return Err(SpoolError::Closing);
                };
                Place::Journal {
                    stored,
                    body_in_file,
                }
            }
            _ => {
                self.keep_accepted(&message).await?;
                Place::Directory
            }
        };
        let mut state = self.state();
        state.loose.remove(&id);
        state.insert(id, place, None);
        drop(state);
        Ok(self.claim(message, Occasion::Accepted))
    }

    /// A message is ours, but its session went away before it knew: it is due
    /// at once.
    fn adopt_orphan(self: &Arc<Self>, id: QueueId, body_in_file: bool) -> Orphaned {
        let inner = Arc::downgrade(self);
        Box::new(move |stored| {
            let Some(inner) = inner.upgrade() else {
                return;
            };
            let place = Place::Journal {
                stored,
                body_in_file,
            };
            let mut state = inner.state();
            state.loose.remove(&id);
            state.insert(id, place, Some(inner.now()));
            drop(state);
            inner.wake();
        })
    }

    /// Puts a new message straight into the directory, and holds its lock.
    async fn keep_accepted(&self, message: &Message) -> Result<(), SpoolError> {
        let id = message.id;
        let data = match &message.body {
            Body::Memory(bytes) => Some(bytes.clone()),
            Body::File(..) => None,
        };
        let keep = Keep {
            id,
            kind: kind_of(&message.envelope),
            text: self.control_text(message),
            data,
            fresh: true,
            lock: true,
            directory: Arc::clone(self.folders.at(id)),
        };
        let (answer, answered) = oneshot::channel();
        let done = move |kept| drop(answer.send(kept));
        self.keeper.keep(keep, Box::new(done));
        // Should this session go away meanwhile, the lock is given up, and
        // the next look into the directory finds the message.
        let lock = answered.await.unwrap_or(Err(SpoolError::Closing))?;
        self.state().extras.entry(id).or_default().lock = lock;
        Ok(())
    }

    /// The control file of a message, with the facts of its data file when it
    /// has been in the directory before.
    pub(super) fn control_text(&self, message: &Message) -> Vec<u8> {
        let known = message.envelope.attempts > 0;
        let facts = match known {
            true => {
                let path = self.folders.at(message.id).file(FileKind::Data, message.id);
                self.world.disk.facts(&path).ok()
            }
            false => None,
        };
        control_file::write(
            &message.envelope,
            &message.header,
            &self.settings.host_name,
            facts.as_ref(),
        )
    }
}

/// The kind of control file that an envelope belongs in.
pub(super) fn kind_of(envelope: &Envelope) -> FileKind {
    match envelope.quarantine {
        Some(_) => FileKind::Quarantined,
        None => FileKind::Control,
    }
}

impl Spool for Queue {
    fn new_id(&self) -> QueueId {
        let now = self.inner.now();
        let mut ids = self
            .inner
            .ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let state = self.inner.state();
        loop {
            let id = ids.next(now);
            // A process of the same number may have made it, with the clock
            // set back since.
            if !state.contains(id) {
                return id;
            }
        }
    }

    fn body_writer(&self, id: QueueId) -> Result<Box<dyn BodyWriter>, SpoolError> {
        let min = self.inner.settings.free_bytes_min;
        if min > 0 {
            let free = self
                .inner
                .world
                .disk
                .bytes_free(&self.inner.settings.directory);
            if free.is_ok_and(|free| free < min) {
                return Err(SpoolError::Full);
            }
        }
        Ok(Box::new(Incoming::new(Arc::clone(&self.inner), id)))
    }

    fn bytes_free(&self) -> Option<u64> {
        let inner = &self.inner;
        let free = inner
            .world
            .disk
            .bytes_free(&inner.settings.directory)
            .ok()?;
        Some(free.saturating_sub(inner.settings.free_bytes_min))
    }

    fn accept(&self, message: Message) -> BoxFuture<'_, Result<Claim, SpoolError>> {
        Box::pin(self.inner.accept(message))
    }

    fn discard(&self, id: QueueId) {
        if self.inner.state().loose.remove(&id).is_some() {
            // An orphan costs room and nothing else.
            let _ = self.inner.folders.at(id).remove(FileKind::Data, id);
        }
    }

    fn claim_due(&self, now: SystemTime, selector: &Selector, max: usize) -> Vec<Claim> {
        self.inner.claim_due(now, selector, max)
    }

    fn note(&self, id: QueueId, recipient: &Recipient) {
        let payload = image::outcome(recipient);
        let mut state = self.inner.state();
        let in_directory = match state.get(id) {
            Some(slot) => matches!(slot.place, Place::Directory),
            None => return,
        };
        // Should the claim be dropped, the next one must know.
        let extra = state.extras.entry(id).or_default();
        extra.noted |= in_directory;
        extra.outcomes.push(payload.clone().into());
        drop(state);
        self.inner.note(RecordKind::Outcome, id, &payload);
    }

    fn settle(&self, claim: Claim, outcome: Settlement) -> BoxFuture<'_, Result<(), SpoolError>> {
        Box::pin(self.inner.settle(claim, outcome))
    }

    fn next_due(&self) -> Option<SystemTime> {
        self.inner.state().next_due()
    }
}
