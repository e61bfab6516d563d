//! A file in blocks of one size, some of them kept in memory.
//!
//! Blocks are kept as they are first asked for, up to a limit; after that the
//! others are read anew each time. Nothing is thrown out: what is asked often
//! is asked early, and a reader without bookkeeping needs no lock. When a
//! quarter of a file that may be kept whole has been asked for, the rest is
//! read at once: bytes in one piece are found without a detour.
//!
//! Bytes are kept only when reading them succeeded, so a [`ReadAt`] that
//! checks the file's identity after each read keeps bytes of one identity.

use std::ops::Deref;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::source::{DbError, ReadAt};

/// The bytes of a block: several pages, so that a file of gigabytes has few
/// enough blocks to make a place for each when it is opened.
const BLOCK_BYTES: usize = 16 << 10;

/// The share of a file that is read in blocks before it is read whole.
const WHOLE_AFTER: u64 = 4;

/// One kept block.
type Slot = OnceLock<Box<[u8]>>;

/// A file in blocks.
pub struct Blocks<R> {
    source: R,
    length: u64,
    block_bytes: usize,
    /// The file in one piece.
    whole: OnceLock<Box<[u8]>>,
    becomes_whole: AtomicBool,
    slots: Box<[Slot]>,
    kept_bytes: AtomicUsize,
    kept_bytes_max: usize,
}

/// Bytes from some offset on: to the end of their block, or of the file.
pub enum Piece<'a> {
    /// They stay in memory.
    Kept(&'a [u8]),
    /// They go with their user: a block, and where in it they begin.
    Own(Box<[u8]>, usize),
}

impl Deref for Piece<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Piece::Kept(bytes) => bytes,
            Piece::Own(bytes, start) => &bytes[*start..],
        }
    }
}

impl<R: ReadAt> Blocks<R> {
    /// The file behind `source`, `length` bytes long, in blocks of
    /// `BLOCK_BYTES`, or of `least_bytes` where that is more; at most
    /// `kept_bytes_max` bytes are kept.
    pub fn new(source: R, length: u64, least_bytes: usize, kept_bytes_max: usize) -> Self {
        let block_bytes = least_bytes.max(BLOCK_BYTES);
        let blocks = length.div_ceil(block_bytes as u64);
        let slots = match kept_bytes_max {
            0 => 0,
            _ => usize::try_from(blocks).unwrap_or(0),
        };
        Self {
            source,
            length,
            block_bytes,
            whole: OnceLock::new(),
            becomes_whole: AtomicBool::new(false),
            slots: (0..slots).map(|_| Slot::new()).collect(),
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

    /// The file in one piece, if it is kept so by now.
    #[inline]
    pub fn whole(&self) -> Option<&[u8]> {
        self.whole.get().map(|whole| &**whole)
    }

    /// The bytes from `offset` on, at least one.
    ///
    /// What lies within a power of two bytes not greater than a block is
    /// given in one piece if it begins at a multiple of them.
    #[inline]
    pub fn at(&self, offset: u64) -> Result<Piece<'_>, DbError> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        if let Some(whole) = self.whole.get() {
            return match whole.get(start..) {
                Some(bytes) if !bytes.is_empty() => Ok(Piece::Kept(bytes)),
                _ => Err(BEHIND_ITS_END),
            };
        }
        let (place, start) = (start / self.block_bytes, start % self.block_bytes);
        match self.slots.get(place).and_then(Slot::get) {
            Some(bytes) if start < bytes.len() => Ok(Piece::Kept(&bytes[start..])),
            Some(_) => Err(BEHIND_ITS_END),
            None => self.read(place, start),
        }
    }

    /// Reads a block, and keeps it while there is room.
    #[cold]
    #[inline(never)]
    fn read(&self, place: usize, start: usize) -> Result<Piece<'_>, DbError> {
        let offset = place as u64 * self.block_bytes as u64;
        if offset.saturating_add(start as u64) >= self.length {
            return Err(BEHIND_ITS_END);
        }
        if let Some(whole) = self.make_whole()? {
            let from = usize::try_from(offset).unwrap_or(usize::MAX) + start;
            return Ok(Piece::Kept(&whole[from..]));
        }
        let left = usize::try_from(self.length - offset).unwrap_or(usize::MAX);
        let bytes = self.read_new(offset, self.block_bytes.min(left))?;
        let size = bytes.len();
        match self.slots.get(place) {
            Some(slot) if self.make_room(size) => {
                Ok(Piece::Kept(&slot.get_or_init(|| bytes)[start..]))
            }
            _ => Ok(Piece::Own(bytes, start)),
        }
    }

    /// Reads bytes into memory of their own.
    fn read_new(&self, offset: u64, length: usize) -> Result<Box<[u8]>, DbError> {
        let mut bytes = vec![0; length].into_boxed_slice();
        self.source.read_exact_at(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// The file in one piece, if it is time to have it so.
    fn make_whole(&self) -> Result<Option<&[u8]>, DbError> {
        if self.length > self.kept_bytes_max as u64 {
            return Ok(None);
        }
        let read = self.kept_bytes.load(Ordering::Relaxed) as u64 + self.block_bytes as u64;
        if read * WHOLE_AFTER < self.length || self.becomes_whole.swap(true, Ordering::Relaxed) {
            return Ok(self.whole());
        }
        let length = usize::try_from(self.length).unwrap_or(usize::MAX);
        let bytes = self.read_new(0, length)?;
        Ok(Some(self.whole.get_or_init(|| bytes)))
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
        if offset
            .checked_add(length as u64)
            .is_none_or(|end| end > self.length)
        {
            return Err(BEHIND_ITS_END);
        }
        let (mut offset, mut left) = (offset, length);
        while left > 0 {
            let rest = self.at(offset)?;
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

/// What a damaged file asks for.
const BEHIND_ITS_END: DbError = DbError::Damaged("it points behind its end");
