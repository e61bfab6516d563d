//! The queue: what was answered 250 is here until every recipient has an
//! outcome.
//!
//! What `receive` and `deliver` see of it is [`Spool`]; where messages live
//! (journal, queue directory) is nobody else's business.

mod body;
mod claims;
mod committer;
pub mod control_file;
pub mod directory;
mod folders;
mod ids;
mod image;
pub mod journal;
mod keeper;
mod order;
mod pace;
mod relief;
pub mod reports;
mod spool;
mod state;
pub mod timeouts;

pub use folders::Folder;
pub use image::{JournalEntry, journal_entries};
pub use order::SortOrder;
pub use spool::{Queue, QueueSettings, QueueWorld};
pub use state::never;

use std::fs::File;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use crate::base::QueueId;
use crate::envelope::{Envelope, Recipient};
use crate::message::Header;
use crate::world::BoxFuture;

/// The body of a message: small ones in memory, large ones in a file.
#[derive(Clone, Debug)]
pub enum Body {
    /// All of it, lines ended by LF, no dot stuffing.
    Memory(Bytes),
    /// A file that holds it in the same form, and its length in bytes.
    File(Arc<File>, u64),
}

impl Body {
    /// Length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Body::Memory(bytes) => bytes.len() as u64,
            Body::File(_, len) => *len,
        }
    }

    /// Whether there is no body at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A message as the queue keeps it.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its queue id.
    pub id: QueueId,
    /// Who sends it to whom.
    pub envelope: Envelope,
    /// Its header, repaired, with our Received field.
    pub header: Header,
    /// Its body.
    pub body: Body,
}

/// Takes a body while it comes in, in memory at first, in a file when it
/// grows.
pub trait BodyWriter: Send + Sync {
    /// Appends bytes (LF line ends, no dot stuffing).
    ///
    /// # Errors
    /// [`SpoolError::Full`] when there is no room; the writer is then of no
    /// further use and frees what it had.
    fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError>;
    /// Bytes so far.
    fn len(&self) -> u64;
    /// Whether nothing was written yet.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The whole body; a file is synced by then.
    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Body, SpoolError>>;
}

/// Why the queue could not do it. Nothing was accepted, nothing was lost.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpoolError {
    /// No room on the disk, or less than MinFreeBlocks: answer 452.
    #[error("insufficient disk space; try again later")]
    Full,
    /// Reading or writing failed: answer 451.
    #[error("queue: {0}")]
    Io(String),
    /// The queue is being shut down: answer 421.
    #[error("queue is closing")]
    Closing,
}

/// What became of a claimed message.
#[derive(Clone, Debug)]
pub enum Settlement {
    /// Every recipient has its outcome: forget the message.
    Done,
    /// Some recipients wait: keep `envelope` (states and reasons inside) and
    /// try again at `next_try`.
    Keep {
        /// The envelope with what has changed.
        envelope: Box<Envelope>,
        /// When it is due again.
        next_try: SystemTime,
    },
    /// Nobody can be told that it failed: keep it aside (`Qf…`), where an
    /// administrator finds it.
    Lost {
        /// The envelope with what has changed.
        envelope: Box<Envelope>,
    },
}

/// Why a message is worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// It has just been accepted.
    Accepted,
    /// Its time has come, or a queue run came by.
    Run,
    /// A run on demand named it (`-qI`, `-qR`, `-qS`, ETRN).
    Selected,
}

/// A message that one party holds and nobody else may deliver, until it is
/// settled. One that is dropped unsettled is due again after a pause.
pub struct Claim {
    /// The message, to be read and worked on.
    pub message: Message,
    /// Why it is worked on.
    pub occasion: Occasion,
    /// Gives the message back to its queue when the claim is dropped.
    release: Option<Release>,
}

/// What a claim that is given back calls, with the time when it is due if
/// that was said.
type Release = Box<dyn FnOnce(QueueId, Option<SystemTime>) + Send>;

impl Claim {
    /// A claim that calls `release` when it is given back or dropped
    /// unsettled.
    pub fn new(
        message: Message,
        occasion: Occasion,
        release: impl FnOnce(QueueId, Option<SystemTime>) + Send + 'static,
    ) -> Self {
        Self {
            message,
            occasion,
            release: Some(Box::new(release)),
        }
    }

    /// Gives the message back as it was, to be due again at a time. Nothing
    /// is written for that.
    pub fn give_back(mut self, due: SystemTime) {
        if let Some(release) = self.release.take() {
            release(self.message.id, Some(due));
        }
    }

    /// The message has been settled: nothing is to be given back.
    pub fn disarm(&mut self) {
        self.release = None;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            release(self.message.id, None);
        }
    }
}

/// Which queued messages to look at or to run (`mailq -qI…`, `sendmail -qR…`).
/// Each entry is a part of the text to look for, and whether it must be there
/// (else: must not).
#[derive(Clone, Debug, Default)]
pub struct Selector {
    /// Part of the id (`-qI`).
    pub id: Option<(Vec<u8>, bool)>,
    /// Part of the sender (`-qS`).
    pub sender: Option<(Vec<u8>, bool)>,
    /// Part of a recipient (`-qR`).
    pub recipient: Option<(Vec<u8>, bool)>,
    /// Part of the quarantine reason (`-qQ`).
    pub quarantine: Option<(Vec<u8>, bool)>,
    /// The queue group (`-qG`).
    pub group: Option<Vec<u8>>,
    /// Ignore the time of the next try: a run on demand.
    pub even_if_not_due: bool,
}

/// All that `receive` and `deliver` may know of the queue.
pub trait Spool: Send + Sync {
    /// A fresh queue id.
    fn new_id(&self) -> QueueId;

    /// A place for the body of message `id`.
    ///
    /// # Errors
    /// [`SpoolError::Full`] when the disk has less than its reserve.
    fn body_writer(&self, id: QueueId) -> Result<Box<dyn BodyWriter>, SpoolError>;

    /// Bytes that are free for messages, the reserve not counted; `None` when
    /// nobody knows.
    fn bytes_free(&self) -> Option<u64> {
        None
    }

    /// Makes `message` durable. When this resolves to `Ok`, the message is
    /// ours and may be answered 250; the caller holds the claim on it and
    /// either delivers at once or drops it.
    fn accept(&self, message: Message) -> BoxFuture<'_, Result<Claim, SpoolError>>;

    /// Gives up a body that was finished, when its message is not accepted
    /// after all.
    fn discard(&self, _id: QueueId) {}

    /// Takes the next messages that are due at `now`, at most `max`.
    fn claim_due(&self, now: SystemTime, selector: &Selector, max: usize) -> Vec<Claim>;

    /// Notes that one recipient of a claimed message is done (its state says
    /// how), so that a crash before [`Spool::settle`] does not send to it
    /// again. Costs no sync. A failed recipient is noted only when the report
    /// on it has been accepted.
    fn note(&self, _id: QueueId, _recipient: &Recipient) {}

    /// Records what became of a claimed message. New messages that it caused
    /// (reports) are accepted before this is called, so that nothing is lost
    /// between.
    ///
    /// # Errors
    /// The message is claimed no longer and will be tried again.
    fn settle(&self, claim: Claim, outcome: Settlement) -> BoxFuture<'_, Result<(), SpoolError>>;

    /// When the next message falls due, if any waits.
    fn next_due(&self) -> Option<SystemTime>;
}
