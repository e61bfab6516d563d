//! Relief for the journal: messages that stay long in an old segment move into
//! the queue directory, so that it and the later ones can be used again.
//!
//! A message that is claimed moves as well. Its claim goes on to work with
//! what it has in memory, and is settled when the move is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::directory::FileKind;
use super::image;
use super::journal::RecordKind;
use super::keeper::{Keep, Kept};
use super::spool::{Inner, kind_of};
use super::state::Place;
use super::{Body, SpoolError};
use crate::base::QueueId;

/// Tells the journal, when the last message of a batch is dealt with.
struct Batch {
    inner: Arc<Inner>,
    /// Some have left.
    helped: AtomicBool,
}

impl Batch {
    fn helps(&self) {
        self.helped.store(true, Ordering::Relaxed);
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.inner.relieved(self.helped.load(Ordering::Relaxed));
    }
}

impl Inner {
    /// Moves messages out of the journal, or what is noted of them to its
    /// end.
    pub(super) fn relieve(self: &Arc<Self>, ids: &[QueueId]) {
        let batch = Arc::new(Batch {
            inner: Arc::clone(self),
            helped: AtomicBool::new(false),
        });
        for id in ids {
            let place = self.state().get(*id).map(|slot| slot.place.clone());
            match place {
                Some(Place::Directory) => {
                    self.note_again(*id);
                    batch.helps();
                }
                Some(Place::Journal { .. }) => self.move_away(*id, Arc::clone(&batch)),
                // The note that it is done is on its way.
                None => {}
            }
        }
    }

    /// What was noted of a message in the directory, noted anew.
    fn note_again(&self, id: QueueId) {
        let state = self.state();
        let outcomes = state.extras.get(&id).map(|extra| extra.outcomes.clone());
        drop(state);
        self.note(RecordKind::Moved, id, &[]);
        for outcome in outcomes.unwrap_or_default() {
            self.note(RecordKind::Outcome, id, &outcome);
        }
    }

    fn move_away(self: &Arc<Self>, id: QueueId, batch: Arc<Batch>) {
        let Some((keep, seen)) = self.prepare_move(id) else {
            return;
        };
        let kind = keep.kind;
        let inner = Arc::downgrade(self);
        let done = move |kept: Result<Kept, SpoolError>| {
            if kept.is_ok() {
                batch.helps();
            }
            if let Some(inner) = inner.upgrade() {
                inner.moved_away(id, kind, seen, kept);
            }
        };
        self.keeper.keep(keep, Box::new(done));
    }

    /// The files of a message that is in the journal, and how many of its
    /// outcomes they take in.
    fn prepare_move(&self, id: QueueId) -> Option<(Keep, usize)> {
        let (stored, body_in_file) = {
            let mut state = self.state();
            let slot = state.get(id).filter(|slot| !slot.moving)?;
            let Place::Journal {
                stored,
                body_in_file,
            } = &slot.place
            else {
                return None;
            };
            let found = (stored.clone(), *body_in_file);
            state.set_moving(id, true);
            found
        };
        let mut message = match self.read_journal(id, &stored, body_in_file) {
            Ok(message) => message,
            Err(error) => {
                self.log(Some(id), &error.to_string());
                self.end_move(id);
                return None;
            }
        };
        let mut seen = 0;
        if let Some(extra) = self.state().extras.get(&id) {
            seen = extra.outcomes.len();
            if let Some(envelope) = &extra.envelope {
                message.envelope = (**envelope).clone();
            }
            image::apply_outcomes(&mut message.envelope, &extra.outcomes);
        }
        if !message.envelope.is_pending() {
            // It is about to be settled.
            self.end_move(id);
            return None;
        }
        let data = match (&message.body, body_in_file) {
            (Body::Memory(bytes), false) => Some(bytes.clone()),
            _ => None,
        };
        let keep = Keep {
            id,
            kind: kind_of(&message.envelope),
            text: self.control_text(&message),
            data,
            fresh: true,
            lock: true,
            directory: Arc::clone(self.folders.at(id)),
        };
        Some((keep, seen))
    }

    fn moved_away(&self, id: QueueId, kind: FileKind, seen: usize, kept: Result<Kept, SpoolError>) {
        let Ok(lock) = kept else {
            // No room: it stays where it is.
            return self.end_move(id);
        };
        let mut state = self.state();
        state.move_to(id, Place::Directory);
        state.set_quarantined(id, kind == FileKind::Quarantined);
        let claimed = state.get(id).is_some_and(|slot| slot.claimed);
        let mut late = Vec::new();
        if let Some(extra) = state.extras.get_mut(&id) {
            extra.envelope = None;
            late = extra.outcomes.split_off(seen.min(extra.outcomes.len()));
            extra.outcomes.clone_from(&late);
            extra.noted = !late.is_empty();
        }
        if claimed {
            state.extras.entry(id).or_default().lock = lock;
        }
        drop(state);
        self.note(RecordKind::Moved, id, &[]);
        for outcome in late {
            self.note(RecordKind::Outcome, id, &outcome);
        }
        self.end_move(id);
    }

    fn end_move(&self, id: QueueId) {
        let mut state = self.state();
        state.set_moving(id, false);
        // The schedule may have come by while it could not be claimed.
        let due = state.get(id).filter(|slot| !slot.claimed);
        if let Some(due) = due.map(super::state::Slot::due) {
            state.release(id, due);
        }
        drop(state);
        self.moved.notify_waiters();
        self.wake();
    }

    /// Waits until a message has ended its way into the directory.
    pub(super) async fn until_moved(&self, id: QueueId) {
        loop {
            let moved = self.moved.notified();
            tokio::pin!(moved);
            // Listed before the look, so that no end is missed.
            moved.as_mut().enable();
            if !self.state().is_moving(id) {
                return;
            }
            moved.await;
        }
    }
}
