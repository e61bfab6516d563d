//! A file in blocks of one size, some of them kept in memory.
//!
//! Blocks are kept as they are first asked for, up to a limit; after that the
//! others are read anew each time. Nothing is thrown out: what is asked often
//! is asked early, and a reader without bookkeeping needs no lock. A block is
//! kept only when reading it succeeded, so a [`ReadAt`] that checks the
//! file's identity after each read keeps the whole cache of one identity.

use std::ops::Deref;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::source::{DbError, ReadAt};

/// Blocks whose places are kept in one allocation.
const GROUP: usize = 512;

/// One kept block.
type Slot = OnceLock<Box<[u8]>>;

/// A file in blocks.
pub struct Blocks<R> {
    source: R,
    length: u64,
    block_bytes: usize,
    groups: Box<[OnceLock<Box<[Slot]>>]>,
    kept_bytes: AtomicUsize,
    kept_bytes_max: usize,
}

/// One block: kept, or read for this one use.
pub enum Block<'a> {
    /// It stays in memory.
    Kept(&'a [u8]),
    /// It goes with its user.
    Own(Box<[u8]>),
}

impl Deref for Block<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Block::Kept(bytes) => bytes,
            Block::Own(bytes) => bytes,
        }
    }
}

impl<R: ReadAt> Blocks<R> {
    /// The file behind `source`, `length` bytes long, in blocks of
    /// `block_bytes`; at most `kept_bytes_max` bytes are kept.
    pub fn new(source: R, length: u64, block_bytes: usize, kept_bytes_max: usize) -> Self {
        assert!(block_bytes > 0, "a block has a size");
        let blocks = length.div_ceil(block_bytes as u64);
        let groups = usize::try_from(blocks.div_ceil(GROUP as u64)).unwrap_or(0);
        Self {
            source,
            length,
            block_bytes,
            groups: (0..groups).map(|_| OnceLock::new()).collect(),
            kept_bytes: AtomicUsize::new(0),
            kept_bytes_max,
        }
    }

    /// The length of the file in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// What the blocks are read from.
    pub fn source(&self) -> &R {
        &self.source
    }

    /// Block `number`, from 0. The last one may be shorter than the others.
    #[inline]
    pub fn get(&self, number: u64) -> Result<Block<'_>, DbError> {
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        let kept = self
            .groups
            .get(place / GROUP)
            .and_then(OnceLock::get)
            .and_then(|group| group.get(place % GROUP))
            .and_then(Slot::get);
        match kept {
            Some(bytes) => Ok(Block::Kept(bytes)),
            None => self.read(number, place),
        }
    }

    /// Reads a block, and keeps it while there is room.
    #[cold]
    fn read(&self, number: u64, place: usize) -> Result<Block<'_>, DbError> {
        let offset = number
            .checked_mul(self.block_bytes as u64)
            .filter(|offset| *offset < self.length)
            .ok_or(DbError::Damaged("it points behind its end"))?;
        let left = usize::try_from(self.length - offset).unwrap_or(usize::MAX);
        let mut bytes = vec![0; self.block_bytes.min(left)].into_boxed_slice();
        self.source.read_exact_at(offset, &mut bytes)?;
        let slot = self.groups.get(place / GROUP).map(|group| {
            let group = group.get_or_init(|| (0..GROUP).map(|_| Slot::new()).collect());
            &group[place % GROUP]
        });
        let size = bytes.len();
        match slot {
            Some(slot) if self.make_room(size) => Ok(Block::Kept(slot.get_or_init(|| bytes))),
            _ => Ok(Block::Own(bytes)),
        }
    }

    /// Whether `size` more bytes may be kept.
    fn make_room(&self, size: usize) -> bool {
        let before = self.kept_bytes.fetch_add(size, Ordering::Relaxed);
        let room = before.saturating_add(size) <= self.kept_bytes_max;
        if !room {
            self.kept_bytes.fetch_sub(size, Ordering::Relaxed);
        }
        room
    }

    /// The bytes `offset..offset + length`, appended to `out`.
    pub fn copy(&self, offset: u64, length: usize, out: &mut Vec<u8>) -> Result<(), DbError> {
        self.pieces(offset, length, |piece| {
            out.extend_from_slice(piece);
            true
        })
        .map(drop)
    }

    /// Whether the bytes at `offset` are `expected`.
    #[inline]
    pub fn equals(&self, offset: u64, expected: &[u8]) -> Result<bool, DbError> {
        let mut rest = expected;
        self.pieces(offset, expected.len(), |piece| {
            let (head, tail) = rest.split_at(piece.len());
            rest = tail;
            head == piece
        })
    }

    /// Calls `visit` with each piece of `offset..offset + length` until it
    /// says no, and gives its last word.
    fn pieces(
        &self,
        offset: u64,
        length: usize,
        mut visit: impl FnMut(&[u8]) -> bool,
    ) -> Result<bool, DbError> {
        let behind = DbError::Damaged("it points behind its end");
        if offset
            .checked_add(length as u64)
            .is_none_or(|end| end > self.length)
        {
            return Err(behind);
        }
        let size = self.block_bytes as u64;
        let (mut offset, mut left) = (offset, length);
        while left > 0 {
            let block = self.get(offset / size)?;
            let start = usize::try_from(offset % size).unwrap_or(usize::MAX);
            let Some(rest) = block.get(start..).filter(|rest| !rest.is_empty()) else {
                return Err(behind);
            };
            let piece = &rest[..rest.len().min(left)];
            if !visit(piece) {
                return Ok(false);
            }
            offset += piece.len() as u64;
            left -= piece.len();
        }
        Ok(true)
    }
}
