//! The schedule in memory: which messages there are, where, and when each is
//! due. No IO.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bstr::BString;

use super::journal::Stored;
use crate::base::QueueId;
use crate::envelope::Envelope;
use crate::world::DiskFile;

/// A time that never comes: the message waits for a run on demand.
pub fn never() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(253_402_300_799)
}

/// Where a message is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In the journal; its body perhaps in a data file.
    Journal { stored: Stored, body_in_file: bool },
    /// In the queue directory.
    Directory,
}

/// One message. A million of them cost less than 200 bytes each, the schedule
/// included.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) place: Place,
    /// Milliseconds since 1970.
    due: u64,
    pub(super) quarantined: bool,
    pub(super) claimed: bool,
    /// It is on its way from the journal into the directory.
    pub(super) moving: bool,
}

impl Slot {
    /// When it is due, or was when it was claimed.
    pub(super) fn due(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.due)
    }
}

/// What goes with a claimed message, or with one that the disk had no room
/// for.
#[derive(Default)]
pub(super) struct Extra {
    /// The lock on its control file.
    pub(super) lock: Option<Arc<dyn DiskFile>>,
    /// What changed, when it could not be written.
    pub(super) envelope: Option<Box<Envelope>>,
    /// What outcome records said of it.
    pub(super) outcomes: Vec<BString>,
    /// The journal holds outcomes of it, though it lives in the directory.
    pub(super) noted: bool,
}

/// All messages.
#[derive(Default)]
pub(super) struct State {
    slots: HashMap<QueueId, Slot>,
    /// By time; an entry whose time is not that of its slot is void.
    due: BinaryHeap<Reverse<(u64, QueueId)>>,
    pub(super) extras: HashMap<QueueId, Extra>,
    /// Data files that were finished, and whose messages were not accepted
    /// yet.
    pub(super) loose: HashMap<QueueId, ()>,
}

impl State {
    /// How many messages there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn contains(&self, id: QueueId) -> bool {
        self.slots.contains_key(&id)
    }

    pub(super) fn get(&self, id: QueueId) -> Option<&Slot> {
        self.slots.get(&id)
    }

    /// All ids, oldest first.
    pub(super) fn ids(&self) -> Vec<QueueId> {
        let mut ids: Vec<QueueId> = self.slots.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// Adds a message, claimed or due at a time.
    pub(super) fn insert(&mut self, id: QueueId, place: Place, due: Option<SystemTime>) {
        let slot = Slot {
            place,
            due: 0,
            quarantined: false,
            claimed: true,
            moving: false,
        };
        self.slots.insert(id, slot);
        if let Some(due) = due {
            self.release(id, due);
        }
    }

    /// Forgets a message.
    pub(super) fn remove(&mut self, id: QueueId) -> Option<Slot> {
        self.extras.remove(&id);
        self.slots.remove(&id)
    }

    /// The message is claimed no longer and due at a time.
    pub(super) fn release(&mut self, id: QueueId, due: SystemTime) {
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        slot.claimed = false;
        slot.due = millis(due);
        // What waits for a run is found by the run.
        if !slot.quarantined && slot.due < millis(never()) {
            self.due.push(Reverse((slot.due, id)));
        }
        self.tidy();
    }

    /// What waits for a queue run, of these, is due, one after the other.
    pub(super) fn release_in_order(&mut self, ids: &[QueueId], now: SystemTime) {
        let (never, now) = (millis(never()), millis(now));
        let count = u64::try_from(ids.len()).unwrap_or(0);
        for (rank, id) in (0_u64..).zip(ids) {
            let Some(slot) = self.slots.get_mut(id) else {
                continue;
            };
            if slot.due == never && !slot.claimed && !slot.quarantined {
                slot.due = now.saturating_sub(count - rank);
                self.due.push(Reverse((slot.due, *id)));
            }
        }
        self.tidy();
    }

    /// Whether a message is on its way into the directory.
    pub(super) fn is_moving(&self, id: QueueId) -> bool {
        self.slots.get(&id).is_some_and(|slot| slot.moving)
    }

    /// A message begins its way into the directory, or has ended it.
    pub(super) fn set_moving(&mut self, id: QueueId, moving: bool) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.moving = moving;
        }
    }

    /// Changes where a message is.
    pub(super) fn move_to(&mut self, id: QueueId, place: Place) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.place = place;
        }
    }

    /// A message in quarantine is never due.
    pub(super) fn set_quarantined(&mut self, id: QueueId, quarantined: bool) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.quarantined = quarantined;
        }
    }

    /// Claims a message that nobody holds.
    pub(super) fn claim(&mut self, id: QueueId) -> Option<&Slot> {
        let free = |slot: &&mut Slot| !slot.claimed && !slot.moving;
        let slot = self.slots.get_mut(&id).filter(free)?;
        slot.claimed = true;
        Some(slot)
    }

    /// Claims the message that is due first, if one is due at `now`.
    pub(super) fn claim_due(&mut self, now: SystemTime) -> Option<QueueId> {
        let now = millis(now);
        while let Some(Reverse((due, id))) = self.due.peek().copied() {
            let valid = self.is_valid(due, id);
            if valid && due > now {
                return None;
            }
            self.due.pop();
            if valid && let Some(slot) = self.slots.get_mut(&id) {
                slot.claimed = true;
                return Some(id);
            }
        }
        None
    }

    /// When the next message is due.
    pub(super) fn next_due(&mut self) -> Option<SystemTime> {
        while let Some(Reverse((due, id))) = self.due.peek().copied() {
            if self.is_valid(due, id) {
                let time = UNIX_EPOCH + Duration::from_millis(due);
                return (time < never()).then_some(time);
            }
            self.due.pop();
        }
        None
    }

    fn is_valid(&self, due: u64, id: QueueId) -> bool {
        let slot = self.slots.get(&id);
        slot.is_some_and(|slot| {
            !slot.claimed && !slot.moving && !slot.quarantined && slot.due == due
        })
    }

    /// Void entries of the schedule must not outgrow the rest.
    fn tidy(&mut self) {
        if self.due.len() < 2 * self.slots.len() + 1024 {
            return;
        }
        let due = std::mem::take(&mut self.due);
        let valid = due
            .into_iter()
            .filter(|Reverse((due, id))| self.is_valid(*due, *id));
        let mut valid: Vec<_> = valid.collect();
        valid.sort_unstable();
        valid.dedup();
        self.due = valid.into();
    }
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
