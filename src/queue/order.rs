//! The order of a queue run (option QueueSortOrder) and how much of the queue
//! it looks at (MaxQueueRunSize).

use std::time::SystemTime;

use bstr::{BString, ByteSlice};

use super::directory::{FileKind, read_all};
use super::spool::Inner;
use super::state::Place;
use super::{Queue, control_file, image};
use crate::base::QueueId;
use crate::envelope::Envelope;
use crate::world::OpenMode;

/// A longer queue is run by age where control files would have to be read.
const READ_MAX: usize = 50_000;
/// A control file's length.
const CONTROL_BYTES_MAX: u64 = 16 << 20;

/// Option QueueSortOrder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortOrder {
    /// The least number first.
    #[default]
    Priority,
    /// The oldest first.
    Time,
    /// By the names of the files.
    Filename,
    /// By the host of the first recipient, then priority.
    Host,
    /// By the time the control file changed.
    Modified,
    /// By chance.
    Random,
    /// As they come.
    None,
}

impl SortOrder {
    /// Reads the option's value: its first letter counts.
    pub fn parse(text: &[u8]) -> Self {
        match text.first().map(u8::to_ascii_lowercase) {
            Some(b't') => Self::Time,
            Some(b'f') => Self::Filename,
            Some(b'h') => Self::Host,
            Some(b'm') => Self::Modified,
            Some(b'r') => Self::Random,
            Some(b'n') => Self::None,
            _ => Self::Priority,
        }
    }
}

impl Queue {
    /// Every message there is, in the order in which a run takes them, at most
    /// `max` of them. May read files.
    pub fn in_order(&self, order: SortOrder, max: Option<usize>) -> Vec<QueueId> {
        let mut ids = self.inner.in_order(order);
        ids.truncate(max.unwrap_or(usize::MAX));
        ids
    }

    /// A queue run begins: what waits for one is due now, in this order.
    pub fn begin_run_in(&self, order: SortOrder, max: Option<usize>) {
        let ids = self.in_order(order, max);
        let now = self.inner.now();
        self.inner.state().release_in_order(&ids, now);
        self.inner.wake();
    }
}

impl Inner {
    fn in_order(&self, order: SortOrder) -> Vec<QueueId> {
        // Ids begin with the time.
        let mut ids = self.state().ids();
        let reads = matches!(order, SortOrder::Priority | SortOrder::Host);
        if reads && ids.len() > READ_MAX {
            return ids;
        }
        match order {
            SortOrder::Time | SortOrder::Filename | SortOrder::None => {}
            SortOrder::Random => {
                ids.sort_by_cached_key(|_| self.world.entropy.random());
            }
            SortOrder::Modified => ids.sort_by_cached_key(|id| self.modified(*id)),
            SortOrder::Priority => {
                ids.sort_by_cached_key(|id| self.peek(*id).map_or(i64::MAX, |e| e.priority));
            }
            SortOrder::Host => ids.sort_by_cached_key(|id| match self.peek(*id) {
                Some(envelope) => (host(&envelope), envelope.priority),
                None => (BString::default(), i64::MAX),
            }),
        }
        ids
    }

    fn modified(&self, id: QueueId) -> Option<SystemTime> {
        let path = self.folders.at(id).file(FileKind::Control, id);
        let facts = self.world.disk.facts(&path).ok()?;
        Some(facts.modified)
    }

    /// The envelope of a message that nobody holds, as it was last kept.
    fn peek(&self, id: QueueId) -> Option<Envelope> {
        let place = self.state().get(id).map(|slot| slot.place.clone())?;
        if let Place::Journal { stored, .. } = place {
            let (text, _) = stored.read().ok()?;
            return image::read(&text).ok().map(|(envelope, _)| envelope);
        }
        let path = self.folders.at(id).file(FileKind::Control, id);
        let file = self.world.disk.open(&path, OpenMode::Read).ok()?;
        let len = file.facts().ok()?.len;
        let text = read_all(&*file, len, CONTROL_BYTES_MAX).ok()?;
        control_file::read(&text).ok().map(|file| file.envelope)
    }
}

/// The host of the first recipient that waits, from its end.
fn host(envelope: &Envelope) -> BString {
    let mut waiting = envelope.recipients.iter().filter(|r| r.is_pending());
    let shown = waiting.next().map(|r| r.shown()).unwrap_or_default();
    let host = match shown.rfind_byte(b'@') {
        Some(at) => shown[at + 1..].trim_end_with(|char| char == '>' || char == '.'),
        None => b"",
    };
    let mut host = BString::from(host.to_ascii_lowercase());
    host.reverse();
    host
}
