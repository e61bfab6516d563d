//! Taking messages out to be worked on, and what becomes of them.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bstr::{BString, ByteSlice};
use bytes::Bytes;
use tokio::sync::oneshot;

use super::directory::{FileKind, LoadError, Loaded, read_all};
use super::image;
use super::journal::{RecordKind, Stored};
use super::keeper::Keep;
use super::spool::{Inner, kind_of};
use super::state::{Place, Slot, never};
use super::{Body, Claim, Message, Occasion, Selector, Settlement, SpoolError, control_file};
use crate::base::QueueId;
use crate::base::maillog::Priority;
use crate::envelope::{Envelope, RecipientState};
use crate::world::DiskFile;

/// When a message is looked at again that somebody else works on, or that the
/// disk could not give.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Bodies up to this size are read into memory when they are claimed.
const CLAIMED_MEMORY_BYTES: u64 = 64 << 10;

impl Inner {
    pub(super) fn claim_due(
        self: &Arc<Self>,
        now: SystemTime,
        selector: &Selector,
        max: usize,
    ) -> Vec<Claim> {
        let mut claims = Vec::new();
        if !selector.even_if_not_due && selector.is_empty() {
            while claims.len() < max {
                let Some(id) = self.state().claim_due(now) else {
                    break;
                };
                claims.extend(self.take(id, now, selector));
            }
            return claims;
        }
        let ids = self.state().ids();
        for id in ids.into_iter().filter(|id| selector.wants_id(*id)) {
            if claims.len() >= max {
                break;
            }
            if self.may_take(id, selector) {
                claims.extend(self.take(id, now, selector));
            }
        }
        claims
    }

    /// Claims one message for a queue run.
    pub(super) fn claim_one(
        self: &Arc<Self>,
        id: QueueId,
        now: SystemTime,
        selector: &Selector,
    ) -> Option<Claim> {
        if !selector.wants_id(id) || !self.may_take(id, selector) {
            return None;
        }
        self.take(id, now, selector)
    }

    /// Claims one message, unless it is held or on the other side of
    /// quarantine.
    fn may_take(&self, id: QueueId, selector: &Selector) -> bool {
        let mut state = self.state();
        let held = state.get(id).is_some_and(|slot| slot.quarantined);
        let group = selector.group.as_ref();
        held == selector.quarantine.is_some()
            && group.is_none_or(|group| self.folders.group(id) == group)
            && state.claim(id).is_some()
    }

    /// Reads a message that has just been claimed; `None`, with the message
    /// given back, when it is not to be worked on now.
    fn take(self: &Arc<Self>, id: QueueId, now: SystemTime, selector: &Selector) -> Option<Claim> {
        match self.read(id) {
            // A crash came between the last outcome and the note that all is
            // done.
            Ok(message) if !message.envelope.is_pending() => {
                self.forget(message);
                None
            }
            Ok(message) => {
                if !selector.wants(&message) {
                    // It was looked at for a run on demand only.
                    let due = self.state().get(id).map_or(now, Slot::due);
                    self.give_back(id, due);
                    return None;
                }
                let rest = self.rest(message.envelope.attempts);
                let next = message.envelope.last_attempt.map(|last| last + rest);
                let early = next.filter(|next| *next > now && !selector.even_if_not_due);
                if let Some(next) = early {
                    self.give_back(id, next);
                    return None;
                }
                let occasion = match selector.is_empty() {
                    true => Occasion::Run,
                    false => Occasion::Selected,
                };
                Some(self.claim(message, occasion))
            }
            Err(error) => {
                self.refuse(id, now, &error);
                None
            }
        }
    }

    /// How long a message rests between two attempts: MinQueueAge, doubled
    /// with each attempt up to MaxQueueAge when that is set.
    fn rest(&self, attempts: u32) -> Duration {
        let (min, max) = (self.settings.min_age, self.settings.max_age);
        if max.is_zero() {
            return min;
        }
        let doublings = attempts.saturating_sub(1).min(16);
        min.saturating_mul(1 << doublings).min(max.max(min))
    }

    /// What happens to a message that cannot be read.
    fn refuse(&self, id: QueueId, now: SystemTime, error: &LoadError) {
        let held = self.state().get(id).is_some_and(|slot| slot.quarantined);
        let kind = control_kind(held);
        let losing = match error {
            LoadError::Gone => {
                self.state().remove(id);
                return;
            }
            LoadError::Locked => None,
            LoadError::Bogus { .. } => Some("bogus file uid/gid in mqueue"),
            LoadError::Bad(bad) => bad.losing(),
            LoadError::Io(_) => None,
        };
        if !matches!(error, LoadError::Locked) {
            self.log(Some(id), &error.to_string());
        }
        let Some(reason) = losing else {
            self.give_back(id, now + LOOK_AGAIN);
            return;
        };
        self.log_line(Priority::Alert, &losing_line(id, reason));
        match self.folders.at(id).turn(kind, FileKind::Lost, id) {
            Ok(()) => drop(self.state().remove(id)),
            Err(_) => self.give_back(id, now + LOOK_AGAIN),
        }
    }

    /// Reads a claimed message from where it is.
    fn read(&self, id: QueueId) -> Result<Message, LoadError> {
        let (place, quarantined) = match self.state().get(id) {
            Some(slot) => (slot.place.clone(), slot.quarantined),
            None => return Err(LoadError::Gone),
        };
        let mut message = match place {
            Place::Journal {
                stored,
                body_in_file,
            } => self.read_journal(id, &stored, body_in_file)?,
            Place::Directory => self.read_directory(id, control_kind(quarantined))?,
        };
        let state = self.state();
        if let Some(extra) = state.extras.get(&id) {
            if let Some(envelope) = &extra.envelope {
                message.envelope = (**envelope).clone();
            }
            image::apply_outcomes(&mut message.envelope, &extra.outcomes);
        }
        Ok(message)
    }

    pub(super) fn read_journal(
        &self,
        id: QueueId,
        stored: &Stored,
        body_in_file: bool,
    ) -> Result<Message, LoadError> {
        let (image, body) = stored.read()?;
        let body = match (body, body_in_file) {
            (Some(bytes), _) => Body::Memory(bytes),
            (None, _) => {
                let path = self.folders.at(id).file(FileKind::Data, id);
                let data = self.world.disk.open(&path, crate::world::OpenMode::Read)?;
                body_of(&*data)?
            }
        };
        Ok(image::message(id, &image, body, &[])?)
    }

    fn read_directory(&self, id: QueueId, kind: FileKind) -> Result<Message, LoadError> {
        let Loaded {
            file, data, lock, ..
        } = self.folders.at(id).load(kind, id)?;
        let body = match data {
            Some(data) => body_of(&*data)?,
            None => {
                // sendmail: a message without its body goes on without it.
                let text = format!("readqf: cannot open ./df{id}: No such file or directory");
                self.log(None, &text);
                Body::Memory(Bytes::new())
            }
        };
        let mut envelope = file.envelope;
        envelope.size = body.len();
        self.state().extras.entry(id).or_default().lock = Some(lock);
        Ok(Message {
            id,
            envelope,
            header: file.header,
            body,
        })
    }

    pub(super) async fn settle(
        self: &Arc<Self>,
        mut claim: Claim,
        outcome: Settlement,
    ) -> Result<(), SpoolError> {
        claim.disarm();
        self.until_moved(claim.message.id).await;
        match outcome {
            Settlement::Done => {
                self.forget(claim.message.clone());
                Ok(())
            }
            Settlement::Keep { envelope, next_try } => {
                claim.message.envelope = *envelope;
                let (answer, answered) = oneshot::channel();
                let kind = kind_of(&claim.message.envelope);
                self.keep(&claim.message, kind, next_try, answer);
                answered.await.unwrap_or(Err(SpoolError::Closing))
            }
            Settlement::Lost { envelope } => {
                claim.message.envelope = *envelope;
                let line = losing_line(claim.message.id, "savemail panic");
                self.log_line(Priority::Alert, &line);
                let (answer, answered) = oneshot::channel();
                self.keep(&claim.message, FileKind::Lost, never(), answer);
                answered.await.unwrap_or(Err(SpoolError::Closing))
            }
        }
    }

    /// Every recipient has its outcome.
    fn forget(&self, message: Message) {
        let id = message.id;
        let (place, quarantined, noted) = {
            let state = self.state();
            let Some(slot) = state.get(id) else {
                return;
            };
            let noted = state.extras.get(&id).is_some_and(|extra| extra.noted);
            (slot.place.clone(), slot.quarantined, noted)
        };
        let removed = match place {
            Place::Journal { body_in_file, .. } => {
                self.note(RecordKind::Done, id, &[]);
                match body_in_file {
                    true => self.folders.at(id).remove(FileKind::Data, id),
                    false => Ok(()),
                }
            }
            // The control file first: what is left without it is no message.
            Place::Directory => {
                let control = self.folders.at(id).remove(control_kind(quarantined), id);
                if control.is_ok() && noted {
                    self.note(RecordKind::Done, id, &[]);
                }
                if let Err(error) = control {
                    self.log(Some(id), &format!("cannot remove queue file: {error}"));
                    return self.forget_later(message);
                }
                self.folders.at(id).remove(FileKind::Data, id)
            }
        };
        if let Err(error) = removed {
            self.log(Some(id), &format!("cannot remove data file: {error}"));
        }
        self.state().remove(id);
        self.folders.forget(id);
    }

    /// The control file cannot be removed now. The message is done all the
    /// same, and that is remembered until it can.
    fn forget_later(&self, mut message: Message) {
        for recipient in &mut message.envelope.recipients {
            recipient.state = RecipientState::Sent;
        }
        let id = message.id;
        let mut state = self.state();
        let extra = state.extras.entry(id).or_default();
        extra.envelope = Some(Box::new(message.envelope));
        drop(state);
        self.give_back(id, self.now() + LOOK_AGAIN);
    }

    /// Some recipients wait. What becomes of it is remembered even if nobody
    /// waits for the answer.
    fn keep(
        self: &Arc<Self>,
        message: &Message,
        kind: FileKind,
        next_try: SystemTime,
        answer: oneshot::Sender<Result<(), SpoolError>>,
    ) {
        let id = message.id;
        let Some(place) = self.state().get(id).map(|slot| slot.place.clone()) else {
            drop(answer.send(Ok(())));
            return;
        };
        let (fresh, in_file) = match &place {
            Place::Journal { body_in_file, .. } => (true, *body_in_file),
            Place::Directory => (false, true),
        };
        let data = match (&message.body, in_file) {
            (Body::Memory(bytes), false) => Some(bytes.clone()),
            _ => None,
        };
        let keep = Keep {
            id,
            kind,
            text: self.control_text(message),
            data,
            fresh,
            lock: false,
            directory: Arc::clone(self.folders.at(id)),
        };
        let inner = Arc::downgrade(self);
        let envelope = message.envelope.clone();
        let done = move |kept: Result<_, SpoolError>| {
            let Some(inner) = inner.upgrade() else {
                return;
            };
            let result = match kept {
                Ok(_) => inner.kept(id, kind, fresh, next_try),
                Err(error) => {
                    inner.not_kept(id, envelope, next_try);
                    Err(error)
                }
            };
            let _ = answer.send(result);
        };
        self.keeper.keep(keep, Box::new(done));
    }

    /// The disk had no room for what changed: it is remembered here, and told
    /// to the journal.
    fn not_kept(&self, id: QueueId, envelope: Envelope, next_try: SystemTime) {
        for recipient in &envelope.recipients {
            if !recipient.is_pending() {
                self.note(RecordKind::Outcome, id, &image::outcome(recipient));
            }
        }
        let mut state = self.state();
        let in_directory = state
            .get(id)
            .is_some_and(|slot| matches!(slot.place, Place::Directory));
        let extra = state.extras.entry(id).or_default();
        extra.envelope = Some(Box::new(envelope));
        extra.noted |= in_directory;
        drop(state);
        self.give_back(id, next_try);
    }

    /// A message is in the directory, durably.
    fn kept(
        &self,
        id: QueueId,
        kind: FileKind,
        fresh: bool,
        next_try: SystemTime,
    ) -> Result<(), SpoolError> {
        let quarantined = kind == FileKind::Quarantined;
        let mut state = self.state();
        let was = state.get(id).is_some_and(|slot| slot.quarantined);
        let noted = state.extras.get(&id).is_some_and(|extra| extra.noted);
        state.extras.remove(&id);
        state.move_to(id, Place::Directory);
        state.set_quarantined(id, quarantined);
        state.release(id, next_try);
        drop(state);
        if fresh || noted {
            self.note(RecordKind::Moved, id, &[]);
        }
        self.wake();
        if kind == FileKind::Lost {
            self.state().remove(id);
        }
        if !fresh && control_kind(was) != kind {
            self.folders.at(id).remove(control_kind(was), id)?;
        }
        Ok(())
    }
}

/// The log line on a message that is put aside.
fn losing_line(id: QueueId, reason: &str) -> Vec<u8> {
    let name = format!("qf{id}");
    let mut line = format!("{id}: ").into_bytes();
    line.extend_from_slice(&control_file::losing_line(
        name.as_bytes().as_bstr(),
        reason,
    ));
    line
}

pub(super) fn control_kind(quarantined: bool) -> FileKind {
    match quarantined {
        true => FileKind::Quarantined,
        false => FileKind::Control,
    }
}

/// The body in a data file: small ones are read.
fn body_of(data: &dyn DiskFile) -> io::Result<Body> {
    let len = data.facts()?.len;
    if len <= CLAIMED_MEMORY_BYTES {
        let bytes = read_all(data, len, CLAIMED_MEMORY_BYTES)?;
        return Ok(Body::Memory(bytes.into()));
    }
    Ok(Body::File(Arc::new(data.descriptor()?), len))
}

impl Selector {
    /// Whether it selects nothing in particular.
    pub fn is_empty(&self) -> bool {
        self.id.is_none()
            && self.sender.is_none()
            && self.recipient.is_none()
            && self.quarantine.is_none()
            && self.group.is_none()
    }

    fn wants_id(&self, id: QueueId) -> bool {
        // sendmail: ids are compared in the case they have.
        part_of(self.id.as_ref(), |part| {
            id.as_str().as_bytes().contains_str(part)
        })
    }

    /// Whether a message is among those selected.
    pub fn wants(&self, message: &Message) -> bool {
        let envelope = &message.envelope;
        let sender = envelope.shown_sender();
        self.wants_id(message.id)
            && part_of(self.sender.as_ref(), |part| contains(&sender, part))
            && self.recipient.as_ref().is_none_or(|(part, must)| {
                // sendmail: any recipient will do, also for what must not be
                // there.
                let mut pending = envelope.recipients.iter().filter(|r| r.is_pending());
                pending.any(|r| contains(&r.shown(), part) == *must)
            })
            && part_of(self.quarantine.as_ref(), |part| {
                let reason = envelope.quarantine.clone().unwrap_or_default();
                contains(&reason, part)
            })
    }
}

/// Whether a text holds a part, or must not and does not.
fn part_of(wanted: Option<&(Vec<u8>, bool)>, holds: impl FnOnce(&[u8]) -> bool) -> bool {
    wanted.is_none_or(|(part, must)| holds(part) == *must)
}

/// Whether `text` holds `part`, in any case.
fn contains(text: &BString, part: &[u8]) -> bool {
    let (text, part) = (text.to_ascii_lowercase(), part.to_ascii_lowercase());
    text.contains_str(part)
}
