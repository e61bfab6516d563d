//! Reading a journal back: which messages are ours and not done.
//!
//! Segments are read in order. A record that is not whole ends the newest
//! segment: that is how a crash leaves it, and nothing that was answered 250
//! can be behind it. All the same, what is whole behind it is kept: a message
//! too many is better than one too few. Anywhere else a damaged record is
//! reported.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bstr::BString;

use super::record::{self, HEADER_BYTES, RecordKind};
use super::segment::{self, START, Segment, Stored};
use super::segment_number;
use crate::base::QueueId;
use crate::world::Disk;

/// How much is read at a time.
const READ_BYTES: usize = 1 << 20;

/// A message that is ours.
#[derive(Clone, Debug)]
pub struct Recovered {
    /// Its queue id.
    pub id: QueueId,
    /// Where it is.
    pub stored: Stored,
    /// Whether its body is in a data file.
    pub body_in_file: bool,
    /// What outcome records say of its recipients, first to last.
    pub outcomes: Vec<BString>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Recovery {
    /// Messages that are not done, oldest first.
    pub messages: Vec<Recovered>,
    /// Outcomes for messages that live in the queue directory.
    pub outcomes: HashMap<QueueId, Vec<BString>>,
    /// The segment that the first of those is in, by number.
    pub(super) outcome_homes: HashMap<QueueId, u64>,
    /// Sentences on what was damaged, for the log.
    pub damage: Vec<String>,
    pub(super) segments: Vec<Arc<Segment>>,
    pub(super) spares: Vec<(PathBuf, u64)>,
    pub(super) last_number: u64,
}

/// Reads every segment of the journal in `directory`.
pub(super) fn read(disk: &dyn Disk, directory: &Path) -> io::Result<Recovery> {
    let mut recovery = Recovery::default();
    let mut numbers = Vec::new();
    for name in disk.list(directory)? {
        if let Some(number) = segment_number(&name) {
            numbers.push(number);
        } else if name.ends_with(".spare") {
            recovery.spare(disk, directory.join(name));
        }
    }
    numbers.sort_unstable();
    let mut found = Found::default();
    for (at, number) in numbers.iter().enumerate() {
        recovery.last_number = *number;
        let path = super::segment_path(directory, *number);
        let Some(segment) = Segment::open(disk, &path, *number)? else {
            // Begun, but never written to: a reused one still has the header
            // of its earlier life, a new one has none.
            recovery.spare(disk, path);
            continue;
        };
        let segment = Arc::new(segment);
        let is_newest = at + 1 == numbers.len();
        if let Some(damage) = found.scan(&segment, is_newest)? {
            recovery.damage.push(damage);
        }
        recovery.segments.push(segment);
    }
    found.finish(&mut recovery);
    Ok(recovery)
}

/// Only looks: which messages live in the journal now, while its owner may be
/// writing to it. What is damaged or half written is passed over.
///
/// # Errors
/// The directory or a segment cannot be read.
pub fn look(disk: &dyn Disk, directory: &Path) -> io::Result<Vec<Recovered>> {
    let names = disk.list(directory)?;
    let mut numbers: Vec<u64> = names.iter().filter_map(|n| segment_number(n)).collect();
    numbers.sort_unstable();
    let mut found = Found::default();
    for number in numbers {
        let path = super::segment_path(directory, number);
        match Segment::open(disk, &path, number) {
            Ok(Some(segment)) => {
                found.scan(&Arc::new(segment), true)?;
            }
            // Reused meanwhile: nothing lives in it.
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    let mut recovery = Recovery::default();
    found.finish(&mut recovery);
    Ok(recovery.messages)
}

impl Recovery {
    fn spare(&mut self, disk: &dyn Disk, path: PathBuf) {
        // One that cannot be looked at is not reused.
        if let Ok(facts) = disk.facts(&path) {
            self.spares.push((path, facts.len));
        }
    }
}

/// A message whose commit has not been seen yet.
struct Begun {
    id: QueueId,
    offset: u64,
    envelope_bytes: usize,
    body_bytes: Option<usize>,
}

/// What the records read so far say.
#[derive(Default)]
struct Found {
    committed: Vec<(QueueId, Stored, bool)>,
    gone: HashSet<QueueId>,
    outcomes: HashMap<QueueId, Vec<BString>>,
    outcome_homes: HashMap<QueueId, u64>,
    begun: Option<Begun>,
}

impl Found {
    /// Reads one segment. What is damaged in the middle is told in a sentence.
    fn scan(&mut self, segment: &Arc<Segment>, is_newest: bool) -> io::Result<Option<String>> {
        let mut window = Window::new(segment);
        let mut offset = START;
        let mut first_bad = None;
        let mut after_bad = 0u64;
        self.begun = None;
        while offset < segment.len() {
            let Some(len) = self.record(&mut window, offset)? else {
                first_bad.get_or_insert(offset);
                self.begun = None;
                match window.next_header(offset + 8)? {
                    Some(next) => offset = next,
                    None => break,
                }
                continue;
            };
            if len == 0 {
                return Ok(None);
            }
            after_bad += u64::from(first_bad.is_some());
            offset += len;
        }
        Ok(match first_bad {
            Some(at) if after_bad > 0 && !is_newest => Some(format!(
                "journal segment {}: damaged at byte {at}; {after_bad} records after it were read",
                segment.number()
            )),
            _ => None,
        })
    }

    /// Takes in the record at `offset`; its length, 0 for the end mark, `None`
    /// when there is no whole record.
    fn record(&mut self, window: &mut Window<'_>, offset: u64) -> io::Result<Option<u64>> {
        let secret = window.segment.secret();
        let header = window.bytes(offset, HEADER_BYTES)?;
        let Some(payload) = record::payload_bytes(header, secret) else {
            return Ok(None);
        };
        let bytes = window.bytes(offset, HEADER_BYTES + payload)?;
        let Some((record, len)) = record::get(bytes, secret) else {
            return Ok(None);
        };
        let len = len as u64;
        let id = record.id;
        match record.kind {
            RecordKind::Envelope => {
                self.begun = Some(Begun {
                    id,
                    offset,
                    envelope_bytes: record.payload.len(),
                    body_bytes: None,
                });
                return Ok(Some(len));
            }
            RecordKind::Body => {
                if let Some(begun) = self.begun.as_mut().filter(|begun| begun.id == id) {
                    begun.body_bytes = Some(record.payload.len());
                }
                return Ok(Some(len));
            }
            RecordKind::Commit => {
                let payload = record.payload.to_vec();
                self.commit(window.segment, id, &payload, offset + len);
            }
            RecordKind::Moved | RecordKind::Done => {
                self.gone.insert(id);
                // The control file that it moved to says what was done; later
                // outcomes are told of that.
                self.outcomes.remove(&id);
                self.outcome_homes.remove(&id);
            }
            RecordKind::Outcome => {
                let text = record.payload.into();
                let number = window.segment.number();
                self.outcome_homes.entry(id).or_insert(number);
                self.outcomes.entry(id).or_default().push(text);
            }
            RecordKind::End => return Ok(Some(0)),
        }
        self.begun = None;
        Ok(Some(len))
    }

    /// The message is ours if all of it stands right before its commit.
    fn commit(&mut self, segment: &Arc<Segment>, id: QueueId, payload: &[u8], end: u64) {
        let Some(begun) = self.begun.take().filter(|begun| begun.id == id) else {
            return;
        };
        if payload == segment::commit_payload(begun.envelope_bytes, begun.body_bytes) {
            let stored = Stored {
                segment: Arc::clone(segment),
                offset: begun.offset,
                len: u32::try_from(end - begun.offset).unwrap_or(u32::MAX),
            };
            self.committed
                .push((id, stored, begun.body_bytes.is_none()));
        }
    }

    fn finish(mut self, recovery: &mut Recovery) {
        for (id, stored, body_in_file) in self.committed {
            if self.gone.contains(&id) {
                continue;
            }
            recovery.messages.push(Recovered {
                id,
                stored,
                body_in_file,
                outcomes: self.outcomes.remove(&id).unwrap_or_default(),
            });
        }
        self.outcome_homes
            .retain(|id, _| self.outcomes.contains_key(id));
        recovery.outcomes = self.outcomes;
        recovery.outcome_homes = self.outcome_homes;
    }
}

/// A segment, read piece by piece.
struct Window<'a> {
    segment: &'a Arc<Segment>,
    start: u64,
    buffer: Vec<u8>,
}

impl<'a> Window<'a> {
    fn new(segment: &'a Arc<Segment>) -> Self {
        Self {
            segment,
            start: 0,
            buffer: Vec::new(),
        }
    }

    /// The bytes at `offset`, fewer only at the end of the segment.
    fn bytes(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        let held = offset.checked_sub(self.start).map(|at| at as usize);
        let inside = held.filter(|at| at + len <= self.buffer.len());
        let at = match inside {
            Some(at) => at,
            None => {
                let rest = usize::try_from(self.segment.len().saturating_sub(offset));
                let want = len.max(READ_BYTES).min(rest.unwrap_or(usize::MAX));
                self.buffer.resize(want, 0);
                let read = self.segment.read_at(&mut self.buffer, offset)?;
                self.buffer.truncate(read);
                self.start = offset;
                0
            }
        };
        let end = (at + len).min(self.buffer.len());
        Ok(&self.buffer[at..end])
    }

    /// Where the next header stands, from `offset` on, at a multiple of eight.
    fn next_header(&mut self, mut offset: u64) -> io::Result<Option<u64>> {
        let secret = self.segment.secret();
        while offset < self.segment.len() {
            let bytes = self.bytes(offset, READ_BYTES)?;
            let len = bytes.len();
            let found = (0..len.saturating_sub(HEADER_BYTES - 1))
                .step_by(8)
                .find(|at| record::payload_bytes(&bytes[*at..], secret).is_some());
            if let Some(at) = found {
                return Ok(Some(offset + at as u64));
            }
            if len <= HEADER_BYTES {
                return Ok(None);
            }
            // The last header may begin before the end of this piece.
            offset += (len - HEADER_BYTES) as u64 / 8 * 8 + 8;
        }
        Ok(None)
    }
}
