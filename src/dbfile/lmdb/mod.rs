//! LMDB files, as Postfix keeps its `lmdb` maps: format version 1 of 64-bit
//! machines, least significant byte first, one database, one value a key.
//!
//! Two meta pages stand first; the one of the later transaction names the
//! root of a tree of pages. Pages in use are never written to: whoever writes
//! such a file puts new pages beside them and then one of the meta pages. A
//! reader that sees one state of the file sees one state of the tree.
//!
//! Refused are named databases, several values a key, and other orders of
//! keys than that of their bytes.

mod write;

use std::cmp::Ordering;

use super::bdb::VisitPair;
use super::blocks::{Blocks, Piece};
use super::source::{DbError, ReadAt};

pub use write::{records, write};

const MAGIC: u32 = 0xBEEF_C0DE;
const VERSION: u32 = 1;

/// The number of no page.
const NO_PAGE: u64 = u64::MAX;

/// The bytes before a page's contents.
const HEADER_BYTES: usize = 16;
/// The bytes of a meta page that are looked at.
const META_BYTES: usize = 152;
/// The bytes before a node's key.
const NODE_BYTES: usize = 8;

/// Longer keys are refused by the library.
const KEY_BYTES_MAX: usize = 511;

/// Whether the format can hold this key: one of 1 to 511 bytes.
pub fn takes_key(key: &[u8]) -> bool {
    (1..=KEY_BYTES_MAX).contains(&key.len())
}

/// What is wrong with the others.
pub(crate) const BAD_KEY: DbError = DbError::TooBig("a key of lmdb has 1 to 511 bytes");

/// Levels of a tree: the library's own limit.
const DEPTH_MAX: u16 = 32;

/// Page sizes that the format allows.
const PAGE_BYTES: std::ops::RangeInclusive<u32> = 512..=65536;

/// What a page is.
mod page_kind {
    pub(super) const BRANCH: u16 = 0x01;
    pub(super) const LEAF: u16 = 0x02;
    pub(super) const OVERFLOW: u16 = 0x04;
    pub(super) const META: u16 = 0x08;
}

/// What a node of a leaf is.
mod node_kind {
    /// Its value is on pages of its own.
    pub(super) const BIG: u16 = 0x01;
    /// Its value is a database.
    pub(super) const DATABASE: u16 = 0x02;
    /// It has several values.
    pub(super) const SEVERAL: u16 = 0x04;
}

/// Where things are in a meta page.
mod meta_at {
    pub(super) const FLAGS: usize = 10;
    pub(super) const MAGIC: usize = 16;
    pub(super) const VERSION: usize = 20;
    pub(super) const MAP_BYTES: usize = 32;
    pub(super) const PAGE_BYTES: usize = 40;
    pub(super) const OPENED_WITH: usize = 44;
    /// The root of the list of free pages.
    pub(super) const FREE_ROOT: usize = 80;
    pub(super) const TREE_FLAGS: usize = 92;
    pub(super) const DEPTH: usize = 94;
    pub(super) const BRANCHES: usize = 96;
    pub(super) const LEAVES: usize = 104;
    pub(super) const OVERFLOWS: usize = 112;
    pub(super) const ENTRIES: usize = 120;
    pub(super) const ROOT: usize = 128;
    pub(super) const LAST_PAGE: usize = 136;
    pub(super) const TRANSACTION: usize = 144;
}

const OUTSIDE: DbError = DbError::Damaged("a number lies outside its page");

/// An LMDB file, open for reading.
pub struct Lmdb<R> {
    blocks: Blocks<R>,
    page_bytes: usize,
    meta: Meta,
}

/// What a meta page says.
#[derive(Clone, Copy)]
struct Meta {
    flags: u16,
    depth: u16,
    root: u64,
    last_page: u64,
    transaction: u64,
}

impl<R: ReadAt> Lmdb<R> {
    /// Reads the meta pages of a file of `length` bytes. At most
    /// `kept_bytes_max` bytes of it are kept in memory.
    pub fn open(source: R, length: u64, kept_bytes_max: usize) -> Result<Self, DbError> {
        if length < META_BYTES as u64 {
            return Err(DbError::NotDatabase);
        }
        let mut raw = [0; META_BYTES];
        source.read_exact_at(0, &mut raw)?;
        let (first, page_bytes) = Meta::read(&raw)?;
        if length < u64::from(page_bytes) + META_BYTES as u64 {
            return Err(DbError::Damaged("it ends before its second page"));
        }
        source.read_exact_at(u64::from(page_bytes), &mut raw)?;
        let (second, other_bytes) = match Meta::read(&raw) {
            Err(DbError::NotDatabase) => {
                return Err(DbError::Damaged("its second page is no meta page"));
            }
            read => read?,
        };
        if page_bytes != other_bytes {
            return Err(DbError::Damaged("its meta pages differ"));
        }
        let meta = match first.transaction < second.transaction {
            true => second,
            false => first,
        };
        if meta.flags != 0 {
            return Err(DbError::Unsupported(
                "it has several values a key, or another order",
            ));
        }
        if meta.depth > DEPTH_MAX || (meta.depth == 0) != (meta.root == NO_PAGE) {
            return Err(DbError::Damaged("its depth is impossible"));
        }
        let page_bytes = usize::try_from(page_bytes).map_err(|_| OUTSIDE)?;
        Ok(Self {
            blocks: Blocks::new(source, length, page_bytes, kept_bytes_max),
            page_bytes,
            meta,
        })
    }

    /// What the file is read from.
    pub fn source(&self) -> &R {
        self.blocks.source()
    }

    /// The value of `key`.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DbError> {
        if self.meta.root == NO_PAGE {
            return Ok(None);
        }
        let mut number = self.meta.root;
        for _ in 1..self.meta.depth {
            let page = self.page(number, page_kind::BRANCH)?;
            // The first entry of a page is below everything, whatever its key.
            let above = page.search(1, key)?;
            let index = above.unwrap_or_else(|index| index - 1);
            number = page.node(index)?.child;
        }
        let leaf = self.page(number, page_kind::LEAF)?;
        let Ok(index) = leaf.search(0, key)? else {
            return Ok(None);
        };
        let mut value = Vec::new();
        self.value(&leaf.node(index)?, &mut value)?;
        Ok(Some(value))
    }

    /// Calls `visit` with every pair, in the order of keys.
    pub fn each(&self, visit: &mut VisitPair<'_>) -> Result<(), DbError> {
        if self.meta.root == NO_PAGE {
            return Ok(());
        }
        let mut value = Vec::new();
        // Each page has one above it: a walk that meets more is in a circle.
        let mut left = self.meta.last_page;
        let mut ahead = vec![(self.meta.root, 1)];
        while let Some((number, level)) = ahead.pop() {
            left = left
                .checked_sub(1)
                .ok_or(DbError::Damaged("its pages form a circle"))?;
            if level < self.meta.depth {
                let page = self.page(number, page_kind::BRANCH)?;
                for index in (0..page.entries).rev() {
                    ahead.push((page.node(index)?.child, level + 1));
                }
                continue;
            }
            let leaf = self.page(number, page_kind::LEAF)?;
            for index in 0..leaf.entries {
                let node = leaf.node(index)?;
                value.clear();
                self.value(&node, &mut value)?;
                if visit(node.key, &value).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The bytes of a page of the tree.
    fn page(&self, number: u64, wanted: u16) -> Result<Page<'_>, DbError> {
        let piece = self.blocks.at(self.offset(number)?)?;
        if piece.len() < self.page_bytes {
            return Err(DbError::Damaged("its last page is cut off"));
        }
        let bytes = &piece[..self.page_bytes];
        let lower = usize::from(u16_at(bytes, 12)?);
        if u64_at(bytes, 0)? != number || u16_at(bytes, 10)? & 0xf != wanted {
            return Err(DbError::Damaged("it points to another type of page"));
        }
        if lower < HEADER_BYTES || lower > usize::from(u16_at(bytes, 14)?) {
            return Err(DbError::Damaged("a page has more items than room"));
        }
        let entries = (lower - HEADER_BYTES) / 2;
        if entries == 0 {
            return Err(DbError::Damaged("a page is empty"));
        }
        Ok(Page {
            piece,
            page_bytes: self.page_bytes,
            entries,
        })
    }

    /// Where a page begins.
    fn offset(&self, number: u64) -> Result<u64, DbError> {
        if number < 2 || number > self.meta.last_page {
            return Err(DbError::Damaged("it points to a page it does not have"));
        }
        number
            .checked_mul(self.page_bytes as u64)
            .ok_or(DbError::Damaged("it points to a page it does not have"))
    }

    /// The value of a node of a leaf.
    fn value(&self, node: &Node<'_>, out: &mut Vec<u8>) -> Result<(), DbError> {
        if node.flags & node_kind::SEVERAL != 0 {
            return Err(DbError::Unsupported("it has several values a key"));
        }
        if node.flags & node_kind::DATABASE != 0 {
            return Err(DbError::Unsupported("it holds several databases"));
        }
        let size = node.size;
        if node.flags & node_kind::BIG == 0 {
            out.extend_from_slice(node.data.get(..size).ok_or(OUTSIDE)?);
            return Ok(());
        }
        let number = u64_at(node.data, 0)?;
        let offset = self.offset(number)?;
        let header = self.blocks.at(offset)?;
        if u64_at(&header, 0)? != number || u16_at(&header, 10)? & page_kind::OVERFLOW == 0 {
            return Err(DbError::Damaged("it points to another type of page"));
        }
        let pages = u64::from(u32_at(&header, 12)?);
        if (HEADER_BYTES + size) as u64 > pages.saturating_mul(self.page_bytes as u64) {
            return Err(DbError::Damaged("a value is longer than its pages"));
        }
        self.blocks.copy(offset + HEADER_BYTES as u64, size, out)
    }
}

impl Meta {
    /// Reads a meta page, and the size of pages.
    fn read(raw: &[u8; META_BYTES]) -> Result<(Self, u32), DbError> {
        // On other machines the numbers before it are shorter, or turned.
        let turned = u32_at(raw, meta_at::MAGIC)? == MAGIC.swap_bytes();
        if turned || u32_at(raw, 12)? == MAGIC {
            return Err(DbError::Unsupported("another kind of machine made it"));
        }
        let kind = u16_at(raw, meta_at::FLAGS)?;
        if u32_at(raw, meta_at::MAGIC)? != MAGIC || kind & page_kind::META == 0 {
            return Err(DbError::NotDatabase);
        }
        if u32_at(raw, meta_at::VERSION)? != VERSION {
            return Err(DbError::Unsupported("its version is not 1"));
        }
        let page_bytes = u32_at(raw, meta_at::PAGE_BYTES)?;
        if !PAGE_BYTES.contains(&page_bytes) || !page_bytes.is_power_of_two() {
            return Err(DbError::Damaged("its page size is impossible"));
        }
        let meta = Self {
            flags: u16_at(raw, meta_at::TREE_FLAGS)?,
            depth: u16_at(raw, meta_at::DEPTH)?,
            root: u64_at(raw, meta_at::ROOT)?,
            last_page: u64_at(raw, meta_at::LAST_PAGE)?,
            transaction: u64_at(raw, meta_at::TRANSACTION)?,
        };
        Ok((meta, page_bytes))
    }
}

/// A page of the tree.
struct Page<'a> {
    piece: Piece<'a>,
    page_bytes: usize,
    entries: usize,
}

/// An entry of a page.
struct Node<'p> {
    /// In a leaf: the length of the value.
    size: usize,
    /// In a leaf: what the value is.
    flags: u16,
    /// In a branch: the page below.
    child: u64,
    key: &'p [u8],
    /// What follows the key, to the end of the page.
    data: &'p [u8],
}

impl Page<'_> {
    fn bytes(&self) -> &[u8] {
        &self.piece[..self.page_bytes]
    }

    /// Entry `index`.
    fn node(&self, index: usize) -> Result<Node<'_>, DbError> {
        let at = usize::from(u16_at(self.bytes(), HEADER_BYTES + 2 * index)?);
        let raw = self.bytes().get(at..).ok_or(OUTSIDE)?;
        let low = u32_at(raw, 0)?;
        let flags = u16_at(raw, 4)?;
        let key_end = NODE_BYTES + usize::from(u16_at(raw, 6)?);
        Ok(Node {
            size: usize::try_from(low).map_err(|_| OUTSIDE)?,
            flags,
            child: u64::from(low) | u64::from(flags) << 32,
            key: raw.get(NODE_BYTES..key_end).ok_or(OUTSIDE)?,
            data: &raw[key_end..],
        })
    }

    /// The entry of `key` among those from `first` on, or the one after it.
    fn search(&self, first: usize, key: &[u8]) -> Result<Result<usize, usize>, DbError> {
        let (mut low, mut high) = (first, self.entries);
        while low < high {
            let middle = low.midpoint(high);
            match self.node(middle)?.key.cmp(key) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok(Ok(middle)),
                Ordering::Greater => high = middle,
            }
        }
        Ok(Err(low))
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, DbError> {
    let raw = bytes.get(at..).and_then(|rest| rest.first_chunk());
    raw.map(|raw| u16::from_le_bytes(*raw)).ok_or(OUTSIDE)
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, DbError> {
    let raw = bytes.get(at..).and_then(|rest| rest.first_chunk());
    raw.map(|raw| u32::from_le_bytes(*raw)).ok_or(OUTSIDE)
}

fn u64_at(bytes: &[u8], at: usize) -> Result<u64, DbError> {
    let raw = bytes.get(at..).and_then(|rest| rest.first_chunk());
    raw.map(|raw| u64::from_le_bytes(*raw)).ok_or(OUTSIDE)
}
