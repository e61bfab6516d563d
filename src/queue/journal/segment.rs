//! One segment: a preallocated file that records are appended to.
//!
//! The first 4096 bytes say which segment it is:
//!
//! | bytes | holds |
//! | --- | --- |
//! | 0..8 | `GODWITJ1` |
//! | 8..16 | its number; a file whose name says otherwise is a spare one |
//! | 16..24 | its secret (see `record`) |
//! | 24..28 | CRC-32C of the bytes before |

use std::fmt;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::Spare;
use super::record::{self, RecordKind};
use crate::base::QueueId;
use crate::world::{Disk, DiskFile, OpenMode};

/// Where records begin.
pub(super) const START: u64 = 4096;

const MAGIC: &[u8; 8] = b"GODWITJ1";

/// Pieces in one write; the system takes 1024.
const PIECES_MAX: usize = 1023;

/// A segment that can be read.
pub struct Segment {
    number: u64,
    secret: u64,
    len: u64,
    filled: AtomicU64,
    file: Arc<dyn DiskFile>,
}

impl Segment {
    /// Opens a segment that is on the disk; `None` when the file is not the
    /// segment that its name says.
    pub(super) fn open(disk: &dyn Disk, path: &Path, number: u64) -> io::Result<Option<Self>> {
        let file = disk.open(path, OpenMode::Read)?;
        let mut header = [0; 28];
        let read = file.read_at(&mut header, 0)?;
        let crc = crc32c::crc32c(&header[..24]).to_le_bytes();
        if read < header.len() || header[..8] != *MAGIC || header[24..] != crc {
            return Ok(None);
        }
        let number_of = |at: usize| {
            let bytes = header[at..at + 8].iter().rev();
            bytes.fold(0, |sum, byte| sum << 8 | u64::from(*byte))
        };
        Ok((number_of(8) == number).then_some(Self {
            number,
            secret: number_of(16),
            len: file.facts()?.len,
            filled: AtomicU64::new(0),
            file,
        }))
    }

    /// Its number; later segments have higher ones.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// What seals its records.
    pub fn secret(&self) -> u64 {
        self.secret
    }

    /// Bytes in its file.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether its file is empty: never, but clippy asks.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How far its blocks have been written to.
    pub(super) fn filled(&self) -> u64 {
        self.filled.load(Ordering::Relaxed)
    }

    /// Reads some of it; fewer bytes only at its end.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {}", self.number)
    }
}

/// Where a message is in the journal: there until it is noted as done or
/// moved.
#[derive(Clone, Debug)]
pub struct Stored {
    pub(super) segment: Arc<Segment>,
    pub(super) offset: u64,
    pub(super) len: u32,
}

impl Stored {
    /// Reads the message back: the envelope's bytes, and the body's unless it
    /// is in a file of its own.
    ///
    /// # Errors
    /// What the disk said, or `InvalidData` when the bytes have changed.
    pub fn read(&self) -> io::Result<(Bytes, Option<Bytes>)> {
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "damaged journal record");
        let mut bytes = vec![0; self.len as usize];
        let read = self.segment.read_at(&mut bytes, self.offset)?;
        if read < bytes.len() {
            return Err(damaged());
        }
        let bytes = Bytes::from(bytes);
        let (mut envelope, mut body) = (None, None);
        let mut at = 0;
        while let Some((record, len)) = record::get(&bytes[at..], self.segment.secret) {
            let payload = bytes.slice_ref(record.payload);
            match record.kind {
                RecordKind::Envelope => envelope = Some(payload),
                RecordKind::Body => body = Some(payload),
                RecordKind::Commit => return Ok((envelope.ok_or_else(damaged)?, body)),
                _ => break,
            }
            at = (at + len).min(bytes.len());
        }
        Err(damaged())
    }

    /// The segment it is in.
    pub fn segment(&self) -> &Arc<Segment> {
        &self.segment
    }
}

/// Something to append: a message, or notes about messages.
#[derive(Debug)]
pub struct Entry {
    /// Records, the last of them perhaps without its payload …
    head: Vec<u8>,
    /// … which is this …
    body: Bytes,
    /// … and what follows it.
    tail: Vec<u8>,
    /// Where record headers start, counted through `head` and `tail`.
    headers: Vec<usize>,
    /// The message that this makes ours.
    commits: Option<QueueId>,
    /// What is noted, of which messages.
    noted: Vec<(RecordKind, QueueId)>,
}

impl Entry {
    /// A message; without `body` when that is in a file of its own.
    pub fn message(id: QueueId, envelope: &[u8], body: Option<Bytes>) -> Self {
        let mut head = Vec::with_capacity(envelope.len() + 2 * record::HEADER_BYTES + 8);
        let mut headers = vec![0];
        record::put(&mut head, RecordKind::Envelope, id, envelope);
        if let Some(body) = &body {
            headers.push(head.len());
            record::put_header(&mut head, RecordKind::Body, id, &[body]);
        }
        let has_body = body.is_some();
        let body = body.unwrap_or_default();
        let mut tail = vec![0; record::padding(body.len())];
        headers.push(head.len() + tail.len());
        let commit = commit_payload(envelope.len(), has_body.then_some(body.len()));
        record::put(&mut tail, RecordKind::Commit, id, &commit);
        Self {
            head,
            body,
            tail,
            headers,
            commits: Some(id),
            noted: Vec::new(),
        }
    }

    /// The same kind of note on several messages.
    pub fn notes(kind: RecordKind, ids: &[QueueId]) -> Self {
        let mut entry = Self::empty();
        ids.iter().for_each(|id| entry.note(kind, *id, &[]));
        entry
    }

    /// Nothing yet: for [`Entry::note`].
    pub fn empty() -> Self {
        Self {
            head: Vec::new(),
            body: Bytes::new(),
            tail: Vec::new(),
            headers: Vec::new(),
            commits: None,
            noted: Vec::new(),
        }
    }

    /// Adds a note on a message.
    pub fn note(&mut self, kind: RecordKind, id: QueueId, payload: &[u8]) {
        assert!(self.commits.is_none(), "notes and messages stay apart");
        self.headers.push(self.head.len());
        self.noted.push((kind, id));
        record::put(&mut self.head, kind, id, payload);
    }

    /// The mark of a stop in good order.
    pub(super) fn end() -> Self {
        let mut entry = Self::empty();
        if let Some(id) = QueueId::parse(b"00000000") {
            entry.note(RecordKind::End, id, &[]);
        }
        entry
    }

    /// Bytes it takes.
    pub fn len(&self) -> u64 {
        (self.head.len() + self.body.len() + self.tail.len()) as u64
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.head.is_empty()
    }

    /// The message that it makes ours, if any.
    pub fn commits(&self) -> Option<QueueId> {
        self.commits
    }

    /// What it notes, of which messages.
    pub(super) fn noted(&self) -> &[(RecordKind, QueueId)] {
        &self.noted
    }

    fn seal(&mut self, secret: u64) {
        for at in &self.headers {
            match at.checked_sub(self.head.len()) {
                Some(at) => record::seal(&mut self.tail, at, secret),
                None => record::seal(&mut self.head, *at, secret),
            }
        }
    }
}

/// What a commit says of its message: length of the envelope and of the body
/// (all ones when it is in a file of its own).
pub(super) fn commit_payload(envelope_bytes: usize, body_bytes: Option<usize>) -> [u8; 16] {
    let mut payload = [0xff; 16];
    payload[..8].copy_from_slice(&(envelope_bytes as u64).to_le_bytes());
    if let Some(len) = body_bytes {
        payload[8..].copy_from_slice(&(len as u64).to_le_bytes());
    }
    payload
}

/// How to begin a segment.
pub(super) struct Begin<'a> {
    pub(super) path: &'a Path,
    pub(super) spare: Option<Spare>,
    pub(super) number: u64,
    pub(super) secret: u64,
    pub(super) len: u64,
    pub(super) fill_bytes: u64,
}

/// The segment that is written to.
pub(super) struct Writer {
    segment: Arc<Segment>,
    /// Where the next record goes.
    head: u64,
    /// Blocks before this have been written to: a sync of them need not write
    /// metadata.
    filled: u64,
    fill_bytes: u64,
}

impl Writer {
    /// Begins a segment. Its name is durable only when the directory has been
    /// synced.
    pub(super) fn begin(disk: &dyn Disk, begin: Begin<'_>) -> io::Result<Self> {
        let (file, len, filled) = match &begin.spare {
            Some(spare) => {
                disk.rename(&spare.path, begin.path)?;
                let file = disk.open(begin.path, OpenMode::Write)?;
                (file, spare.len, spare.filled)
            }
            None => {
                let file = disk.open(begin.path, OpenMode::Create(0o600))?;
                if let Err(error) = file.allocate(begin.len) {
                    // The room that it did get is given back.
                    let _ = disk.remove(begin.path);
                    return Err(error);
                }
                (file, begin.len, 0)
            }
        };
        let mut header = Vec::with_capacity(START as usize);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&begin.number.to_le_bytes());
        header.extend_from_slice(&begin.secret.to_le_bytes());
        header.extend_from_slice(&crc32c::crc32c(&header).to_le_bytes());
        header.resize(START as usize, 0);
        file.write_at(&[IoSlice::new(&header)], 0)?;
        Ok(Self {
            segment: Arc::new(Segment {
                number: begin.number,
                secret: begin.secret,
                len,
                filled: AtomicU64::new(filled),
                file,
            }),
            head: START,
            filled: filled.max(START),
            fill_bytes: begin.fill_bytes,
        })
    }

    pub(super) fn number(&self) -> u64 {
        self.segment.number
    }

    pub(super) fn has_room(&self, bytes: u64) -> bool {
        self.head + bytes <= self.segment.len
    }

    /// How many of `entries` fit.
    pub(super) fn fitting(&self, entries: &[Entry]) -> usize {
        let mut end = self.head;
        entries
            .iter()
            .take_while(|entry| {
                end += entry.len();
                end <= self.segment.len
            })
            .count()
    }

    /// Writes entries that fit, and syncs them when asked to.
    pub(super) fn append(&mut self, entries: &mut [Entry], sync: bool) -> io::Result<Vec<Stored>> {
        let start = self.head;
        let mut stored = Vec::with_capacity(entries.len());
        for entry in entries.iter_mut() {
            entry.seal(self.segment.secret);
            stored.push(Stored {
                segment: Arc::clone(&self.segment),
                offset: self.head,
                len: u32::try_from(entry.len()).unwrap_or(u32::MAX),
            });
            self.head += entry.len();
        }
        let pieces: Vec<IoSlice<'_>> = entries
            .iter()
            .flat_map(|entry| [&entry.head[..], &entry.body[..], &entry.tail[..]])
            .filter(|piece| !piece.is_empty())
            .map(IoSlice::new)
            .collect();
        let mut at = start;
        for pieces in pieces.chunks(PIECES_MAX) {
            self.segment.file.write_at(pieces, at)?;
            at += pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
        }
        self.fill()?;
        if sync {
            self.segment.file.sync()?;
        }
        Ok(stored)
    }

    /// Writes zeros ahead when the head has come past what was filled.
    fn fill(&mut self) -> io::Result<()> {
        if self.head <= self.filled {
            return Ok(());
        }
        let step = self.fill_bytes.max(1);
        let end = (self.head.div_ceil(step) * step).min(self.segment.len);
        let zeros = vec![0; usize::try_from(end.saturating_sub(self.head)).unwrap_or(0)];
        if !zeros.is_empty() {
            self.segment
                .file
                .write_at(&[IoSlice::new(&zeros)], self.head)?;
        }
        self.filled = end.max(self.head);
        Ok(())
    }

    /// No more is written to it.
    pub(super) fn into_segment(self) -> Arc<Segment> {
        self.segment.filled.store(self.filled, Ordering::Relaxed);
        self.segment
    }
}
