//! One page of a Berkeley DB file, every number checked.

use super::super::blocks::Piece;
use super::super::source::DbError;

/// Page types that a reader meets.
pub(super) mod kind {
    pub(crate) const UNUSED: u8 = 0;
    pub(crate) const HASH_UNSORTED: u8 = 2;
    pub(crate) const BTREE_INTERNAL: u8 = 3;
    pub(crate) const RECNO_INTERNAL: u8 = 4;
    pub(crate) const BTREE_LEAF: u8 = 5;
    pub(crate) const RECNO_LEAF: u8 = 6;
    pub(crate) const OVERFLOW: u8 = 7;
    pub(crate) const DUPLICATES_LEAF: u8 = 12;
    pub(crate) const HASH: u8 = 13;
}

/// The bytes of a page header, without a checksum and with one.
pub(super) const HEADER_BYTES: usize = 26;
const HEADER_BYTES_CHECKSUM: usize = 32;

/// How the numbers of a file are to be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Most significant byte first.
    pub(super) big_endian: bool,
    /// Pages carry a checksum.
    pub(super) checksum: bool,
    /// Bytes in a page.
    pub(super) page_bytes: usize,
    /// The number of the last page.
    pub(super) last_page: u32,
}

impl Layout {
    /// A 16-bit number at `at`.
    #[inline]
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> Result<u16, DbError> {
        let raw = bytes
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .ok_or(DbError::Damaged("a number lies outside its page"))?;
        Ok(if self.big_endian {
            u16::from_be_bytes(*raw)
        } else {
            u16::from_le_bytes(*raw)
        })
    }

    /// A 32-bit number at `at`.
    #[inline]
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> Result<u32, DbError> {
        let raw = bytes
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .ok_or(DbError::Damaged("a number lies outside its page"))?;
        Ok(if self.big_endian {
            u32::from_be_bytes(*raw)
        } else {
            u32::from_le_bytes(*raw)
        })
    }

    /// Where a page's offsets begin.
    #[inline]
    pub(super) fn header_bytes(self) -> usize {
        if self.checksum {
            HEADER_BYTES_CHECKSUM
        } else {
            HEADER_BYTES
        }
    }
}

/// One page.
pub(super) struct Page<'a> {
    piece: Piece<'a>,
    pub(super) layout: Layout,
}

impl<'a> Page<'a> {
    /// The page that begins with `piece`.
    #[inline]
    pub(super) fn new(piece: Piece<'a>, layout: Layout) -> Result<Self, DbError> {
        if piece.len() < layout.page_bytes {
            return Err(DbError::Damaged("its last page is cut off"));
        }
        Ok(Self { piece, layout })
    }

    /// The bytes of the page.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.piece[..self.layout.page_bytes]
    }

    /// The next page of the chain; 0 ends it.
    #[inline]
    pub(super) fn next(&self) -> Result<u32, DbError> {
        self.layout.u32(self.bytes(), 16)
    }

    /// The type.
    #[inline]
    pub(super) fn kind(&self) -> u8 {
        self.bytes().get(25).copied().unwrap_or(kind::UNUSED)
    }

    /// How many items there are; never more than offsets fit on the page.
    #[inline]
    pub(super) fn entries(&self) -> Result<usize, DbError> {
        let count = usize::from(self.layout.u16(self.bytes(), 20)?);
        let room = self
            .bytes()
            .len()
            .saturating_sub(self.layout.header_bytes())
            / 2;
        if count > room {
            return Err(DbError::Damaged("a page has more items than room"));
        }
        Ok(count)
    }

    /// Where item `index` begins.
    #[inline]
    pub(super) fn offset(&self, index: usize) -> Result<usize, DbError> {
        let at = self.layout.header_bytes() + 2 * index;
        Ok(usize::from(self.layout.u16(self.bytes(), at)?))
    }

    /// The bytes of hash item `index`: it ends where the one before begins.
    #[inline]
    pub(super) fn hash_item(&self, index: usize) -> Result<&[u8], DbError> {
        let end = match index {
            0 => self.bytes().len(),
            _ => self.offset(index - 1)?,
        };
        self.bytes()
            .get(self.offset(index)?..end)
            .filter(|item| !item.is_empty())
            .ok_or(DbError::Damaged("an item lies outside its page"))
    }

    /// The data of an overflow page.
    pub(super) fn overflow_data(&self) -> Result<&[u8], DbError> {
        if self.kind() != kind::OVERFLOW {
            return Err(DbError::Damaged("a chain leads to another type of page"));
        }
        let length = usize::from(self.layout.u16(self.bytes(), 22)?);
        let start = self.layout.header_bytes();
        self.bytes()
            .get(start..start + length)
            .ok_or(DbError::Damaged("an overflow page is too full"))
    }
}
