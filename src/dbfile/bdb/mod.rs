//! Berkeley DB files: hash and btree, versions 8 to 10, either byte order.
//!
//! Read is what the library itself reads of them: inline and overflow items,
//! duplicates on the page and off it, checksummed pages (the checksum is not
//! computed). Refused are encryption, partitions, sub-databases, compression
//! and record-number files. The bucket of a key is found by the library's own
//! default hash function; a file made with another one is refused too.

mod btree;
mod btree_write;
mod build;
mod hash;
mod hash_write;
mod page;
mod tags;

use std::ops::ControlFlow;

use super::blocks::Blocks;
use super::source::{DbError, ReadAt};
use page::{Layout, Page};

pub use btree_write::{btree_records, write_btree};
pub(super) use hash::hash_key as key_hash;
pub use hash_write::{hash_records, write_hash};

const MAGIC_HASH: u32 = 0x0006_1561;
const MAGIC_BTREE: u32 = 0x0005_3162;

/// The bytes of a meta page that are looked at.
const META_BYTES: usize = 512;

/// Page sizes that the format allows.
const PAGE_BYTES: std::ops::RangeInclusive<u32> = 512..=65536;

/// What a walk calls for each value it finds.
pub type Visit<'v> = dyn FnMut(&[u8]) -> ControlFlow<()> + 'v;
/// What a walk calls for each pair of key and value.
pub type VisitPair<'v> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'v;

/// The two kinds of Berkeley DB file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Type `hash`.
    Hash,
    /// Type `btree`.
    Btree,
}

/// A Berkeley DB file, open for reading.
pub struct Bdb<R> {
    blocks: Blocks<R>,
    layout: Layout,
    duplicates: bool,
    index: Index,
    tags: tags::Tags,
}

/// How keys are found.
enum Index {
    Hash(hash::Meta),
    Btree { root: u32 },
}

impl<R: ReadAt> Bdb<R> {
    /// Reads the first page of a file of `length` bytes, and says what the
    /// file is. At most `kept_bytes_max` bytes of pages are kept in memory.
    pub fn open(source: R, length: u64, kept_bytes_max: usize) -> Result<Self, DbError> {
        let mut meta = [0; META_BYTES];
        if length < META_BYTES as u64 {
            return Err(DbError::NotDatabase);
        }
        source.read_exact_at(0, &mut meta)?;
        let (layout, kind) = read_layout(&meta, length)?;
        let index = match kind {
            Kind::Hash => Index::Hash(hash::Meta::read(&meta, layout)?),
            Kind::Btree => Index::Btree {
                root: btree::read_root(&meta, layout)?,
            },
        };
        let blocks = Blocks::new(source, length, layout.page_bytes, kept_bytes_max);
        Ok(Self {
            blocks,
            layout,
            // The flag is the same in both kinds of file.
            duplicates: layout.u32(&meta, 48)? & 1 != 0,
            index,
            tags: tags::Tags::default(),
        })
    }

    /// Whether it is a hash or a btree.
    pub fn kind(&self) -> Kind {
        match self.index {
            Index::Hash(_) => Kind::Hash,
            Index::Btree { .. } => Kind::Btree,
        }
    }

    /// Whether keys may have several values.
    pub fn has_duplicates(&self) -> bool {
        self.duplicates
    }

    /// What the file is read from.
    pub fn source(&self) -> &R {
        self.blocks.source()
    }

    /// The value of `key`; of several the first.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DbError> {
        let mut found = None;
        self.find(key, &mut |value| {
            found = Some(value.to_vec());
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    /// Calls `visit` with each value of `key`, in the file's order.
    pub fn find(&self, key: &[u8], visit: &mut Visit<'_>) -> Result<(), DbError> {
        match &self.index {
            Index::Hash(meta) => self.hash_find(meta, key, visit),
            Index::Btree { root } => self.btree_find(*root, key, visit),
        }
    }

    /// Calls `visit` with every pair, in the file's order.
    pub fn each(&self, visit: &mut VisitPair<'_>) -> Result<(), DbError> {
        match &self.index {
            Index::Hash(meta) => self.hash_each(meta, visit),
            Index::Btree { root } => self.btree_each(*root, visit),
        }
    }

    /// Page `number`; the meta page is not asked for.
    #[inline]
    fn page(&self, number: u32) -> Result<Page<'_>, DbError> {
        if number == 0 || number > self.layout.last_page {
            return Err(DbError::Damaged("it points to a page it does not have"));
        }
        let offset = u64::from(number) * self.layout.page_bytes as u64;
        Page::new(self.blocks.at(offset)?, self.layout)
    }

    /// An overflow item: `length` bytes in a chain that begins at `first`.
    fn overflow(&self, first: u32, length: u32, walk: &mut Walk) -> Result<Vec<u8>, DbError> {
        if u64::from(length) > self.blocks.length() {
            return Err(DbError::Damaged("an item is longer than the file"));
        }
        let mut out = Vec::new();
        let mut number = first;
        while number != 0 {
            walk.step()?;
            let page = self.page(number)?;
            out.extend_from_slice(page.overflow_data()?);
            if out.len() as u64 > u64::from(length) {
                return Err(DbError::Damaged("an overflow chain is too long"));
            }
            number = page.next()?;
        }
        if out.len() as u64 != u64::from(length) {
            return Err(DbError::Damaged("an overflow chain ends too early"));
        }
        Ok(out)
    }

    /// Fuel for a walk over the whole file: each page has its turn once,
    /// except that a page of a btree is met again on the way down.
    fn walk_all(&self) -> Walk {
        Walk {
            left: 2 * (u64::from(self.layout.last_page) + 1),
        }
    }

    /// Fuel for finding one key: keys that lie off the page may be compared
    /// several times.
    fn walk_one(&self) -> Walk {
        Walk {
            left: 16 * (u64::from(self.layout.last_page) + 1) + 4096,
        }
    }
}

/// Fuel for a walk along pages: one that needs more is a circle.
struct Walk {
    left: u64,
}

impl Walk {
    /// One page more.
    #[inline]
    fn step(&mut self) -> Result<(), DbError> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or(DbError::Damaged("its pages form a circle"))?;
        Ok(())
    }
}

/// Reads what hash and btree meta pages have in common.
fn read_layout(meta: &[u8; META_BYTES], length: u64) -> Result<(Layout, Kind), DbError> {
    let mut layout = Layout {
        big_endian: false,
        checksum: false,
        page_bytes: META_BYTES,
        last_page: 0,
    };
    let kind = [false, true].into_iter().find_map(|big_endian| {
        layout.big_endian = big_endian;
        match layout.u32(meta, 12).ok()? {
            MAGIC_HASH => Some(Kind::Hash),
            MAGIC_BTREE => Some(Kind::Btree),
            _ => None,
        }
    });
    let kind = kind.ok_or(DbError::NotDatabase)?;
    if !(8..=10).contains(&layout.u32(meta, 16)?) {
        return Err(DbError::Unsupported("its version is not 8, 9 or 10"));
    }
    let page_bytes = layout.u32(meta, 20)?;
    if !PAGE_BYTES.contains(&page_bytes) || !page_bytes.is_power_of_two() {
        return Err(DbError::Damaged("its page size is impossible"));
    }
    if meta[24] != 0 {
        return Err(DbError::Unsupported("it is encrypted"));
    }
    if meta[26] & 6 != 0 || layout.u32(meta, 36)? != 0 {
        return Err(DbError::Unsupported("it is partitioned"));
    }
    layout.checksum = meta[26] & 1 != 0;
    layout.page_bytes =
        usize::try_from(page_bytes).map_err(|_| DbError::Damaged("its page size is impossible"))?;
    layout.last_page = layout.u32(meta, 32)?;
    if (u64::from(layout.last_page) + 1) * u64::from(page_bytes) > length {
        return Err(DbError::Damaged("it is shorter than it says"));
    }
    Ok((layout, kind))
}
