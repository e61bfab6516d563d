//! Btree files, and the trees that hold many duplicates of one key.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use super::super::source::{DbError, ReadAt};
use super::page::{Layout, Page, kind};
use super::{Bdb, META_BYTES, Visit, VisitPair, Walk};

/// Item types; the highest bit says that the item is deleted.
pub(super) mod item {
    pub(crate) const INLINE: u8 = 1;
    pub(crate) const DUPLICATES: u8 = 2;
    pub(crate) const OFF_PAGE: u8 = 3;
    pub(crate) const DELETED: u8 = 0x80;
}

/// No tree is deeper (the library's own limit is 255 too).
const DEPTH_MAX: usize = 255;

/// The number of the root page.
pub(super) fn read_root(meta: &[u8; META_BYTES], layout: Layout) -> Result<u32, DbError> {
    let flags = layout.u32(meta, 48)?;
    if flags & 0x02 != 0 {
        return Err(DbError::Unsupported("it is a record-number file"));
    }
    if flags & 0x20 != 0 {
        return Err(DbError::Unsupported("it holds several databases"));
    }
    if flags & 0x80 != 0 {
        return Err(DbError::Unsupported("it is compressed"));
    }
    layout.u32(meta, 88)
}

/// One item of a leaf.
enum Item<'p> {
    Inline(&'p [u8]),
    OffPage { first: u32, length: u32 },
    Duplicates { root: u32 },
}

/// Reads leaf item `index`, and whether it is deleted.
fn leaf_item<'p>(page: &'p Page<'_>, index: usize) -> Result<(Item<'p>, bool), DbError> {
    let at = page.offset(index)?;
    let layout = page.layout;
    let kind = *page
        .bytes()
        .get(at + 2)
        .ok_or(DbError::Damaged("an item lies outside its page"))?;
    let value = match kind & !item::DELETED {
        item::INLINE => {
            let length = usize::from(layout.u16(page.bytes(), at)?);
            let bytes = page.bytes().get(at + 3..at + 3 + length);
            Item::Inline(bytes.ok_or(DbError::Damaged("an item lies outside its page"))?)
        }
        item::OFF_PAGE => Item::OffPage {
            first: layout.u32(page.bytes(), at + 4)?,
            length: layout.u32(page.bytes(), at + 8)?,
        },
        item::DUPLICATES => Item::Duplicates {
            root: layout.u32(page.bytes(), at + 4)?,
        },
        _ => return Err(DbError::Damaged("an item is of an unknown type")),
    };
    Ok((value, kind & item::DELETED != 0))
}

impl<R: ReadAt> Bdb<R> {
    /// Calls `visit` with each value of `key`.
    pub(super) fn btree_find(
        &self,
        root: u32,
        key: &[u8],
        visit: &mut Visit<'_>,
    ) -> Result<(), DbError> {
        let mut walk = self.walk_one();
        let mut number = self.descend(root, key, &mut walk)?;
        while number != 0 {
            walk.step()?;
            let page = self.page(number)?;
            let pairs = leaf_entries(&page)? / 2;
            // Pairs below the key are passed over in halves.
            let (mut low, mut high) = (0, pairs);
            while low < high {
                let middle = low.midpoint(high);
                match self.compare_leaf(&page, 2 * middle, key, &mut walk)? {
                    Ordering::Less => low = middle + 1,
                    _ => high = middle,
                }
            }
            for pair in low..pairs {
                if self.compare_leaf(&page, 2 * pair, key, &mut walk)? != Ordering::Equal {
                    return Ok(());
                }
                let next = self.leaf_values(&page, 2 * pair + 1, visit, &mut walk)?;
                if next.is_break() {
                    return Ok(());
                }
            }
            number = page.next()?;
        }
        Ok(())
    }

    /// Calls `visit` with every pair, in the order of keys.
    pub(super) fn btree_each(&self, root: u32, visit: &mut VisitPair<'_>) -> Result<(), DbError> {
        let mut walk = self.walk_all();
        let mut number = self.first_leaf(root, &mut walk)?;
        while number != 0 {
            walk.step()?;
            let page = self.page(number)?;
            let (mut key, mut key_at) = (Vec::new(), None);
            for index in (0..leaf_entries(&page)?).step_by(2) {
                // Duplicates share one key: it is read once.
                if key_at != Some(page.offset(index)?) {
                    key = self.item_bytes(leaf_item(&page, index)?.0, &mut walk)?;
                    key_at = Some(page.offset(index)?);
                }
                let each = &mut |value: &[u8]| visit(&key, value);
                let next = self.leaf_values(&page, index + 1, each, &mut walk)?;
                if next.is_break() {
                    return Ok(());
                }
            }
            number = page.next()?;
        }
        Ok(())
    }

    /// Calls `visit` with each value of the tree of duplicates at `root`.
    pub(super) fn duplicates_each(
        &self,
        root: u32,
        visit: &mut Visit<'_>,
        walk: &mut Walk,
    ) -> Result<ControlFlow<()>, DbError> {
        let mut number = self.first_leaf(root, walk)?;
        while number != 0 {
            walk.step()?;
            let page = self.page(number)?;
            if !matches!(page.kind(), kind::RECNO_LEAF | kind::DUPLICATES_LEAF) {
                return Err(DbError::Damaged("duplicates lead to another type of page"));
            }
            for index in 0..page.entries()? {
                let (item, deleted) = leaf_item(&page, index)?;
                if !deleted && visit(&self.item_bytes(item, walk)?).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            number = page.next()?;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Calls `visit` with each value of the data item `index`.
    fn leaf_values(
        &self,
        page: &Page<'_>,
        index: usize,
        visit: &mut Visit<'_>,
        walk: &mut Walk,
    ) -> Result<ControlFlow<()>, DbError> {
        // The delete mark that counts is the data item's.
        match leaf_item(page, index)? {
            (_, true) => Ok(ControlFlow::Continue(())),
            (Item::Inline(value), _) => Ok(visit(value)),
            (Item::OffPage { first, length }, _) => Ok(visit(&self.overflow(first, length, walk)?)),
            (Item::Duplicates { root }, _) => self.duplicates_each(root, visit, walk),
        }
    }

    /// The bytes of an item that is no tree.
    fn item_bytes(&self, item: Item<'_>, walk: &mut Walk) -> Result<Vec<u8>, DbError> {
        match item {
            Item::Inline(bytes) => Ok(bytes.to_vec()),
            Item::OffPage { first, length } => self.overflow(first, length, walk),
            Item::Duplicates { .. } => Err(DbError::Damaged("a tree stands where a key should")),
        }
    }

    /// How the key item `index` of a leaf compares with `key`.
    fn compare_leaf(
        &self,
        page: &Page<'_>,
        index: usize,
        key: &[u8],
        walk: &mut Walk,
    ) -> Result<Ordering, DbError> {
        Ok(match leaf_item(page, index)?.0 {
            Item::Inline(bytes) => bytes.cmp(key),
            item => self.item_bytes(item, walk)?.as_slice().cmp(key),
        })
    }

    /// The leaf where `key` begins, if it is anywhere.
    fn descend(&self, root: u32, key: &[u8], walk: &mut Walk) -> Result<u32, DbError> {
        let mut number = root;
        for _ in 0..DEPTH_MAX {
            let page = self.page(number)?;
            if page.kind() == kind::BTREE_LEAF {
                return Ok(number);
            }
            if page.kind() != kind::BTREE_INTERNAL {
                return Err(DbError::Damaged("the tree leads to another type of page"));
            }
            // Entry 0 is below every key. Equal keys may begin on the page
            // before, so only strictly smaller ones are followed.
            let (mut low, mut high) = (1, page.entries()?);
            while low < high {
                let middle = low.midpoint(high);
                if self.compare_internal(&page, middle, key, walk)? == Ordering::Less {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            number = child(&page, low - 1)?;
        }
        Err(DbError::Damaged("the tree is too deep"))
    }

    /// How the key of entry `index` of an internal page compares with `key`.
    fn compare_internal(
        &self,
        page: &Page<'_>,
        index: usize,
        key: &[u8],
        walk: &mut Walk,
    ) -> Result<Ordering, DbError> {
        let at = page.offset(index)?;
        let length = usize::from(page.layout.u16(page.bytes(), at)?);
        let bytes = page
            .bytes()
            .get(at + 12..at + 12 + length)
            .ok_or(DbError::Damaged("an item lies outside its page"))?;
        match page.bytes()[at + 2] & !item::DELETED {
            item::INLINE => Ok(bytes.cmp(key)),
            item::OFF_PAGE => {
                let (first, length) = (page.layout.u32(bytes, 4)?, page.layout.u32(bytes, 8)?);
                Ok(self.overflow(first, length, walk)?.as_slice().cmp(key))
            }
            _ => Err(DbError::Damaged("an item is of an unknown type")),
        }
    }

    /// The first leaf of any tree.
    fn first_leaf(&self, root: u32, walk: &mut Walk) -> Result<u32, DbError> {
        let mut number = root;
        for _ in 0..DEPTH_MAX {
            let page = self.page(number)?;
            if !matches!(page.kind(), kind::BTREE_INTERNAL | kind::RECNO_INTERNAL) {
                return Ok(number);
            }
            walk.step()?;
            number = child(&page, 0)?;
        }
        Err(DbError::Damaged("the tree is too deep"))
    }
}

/// The page below entry `index` of an internal page.
fn child(page: &Page<'_>, index: usize) -> Result<u32, DbError> {
    if index >= page.entries()? {
        return Err(DbError::Damaged("an internal page is empty"));
    }
    let at = page.offset(index)?;
    match page.kind() {
        kind::RECNO_INTERNAL => page.layout.u32(page.bytes(), at),
        _ => page.layout.u32(page.bytes(), at + 4),
    }
}

/// How many items a leaf has: pairs.
fn leaf_entries(page: &Page<'_>) -> Result<usize, DbError> {
    let entries = page.entries()?;
    if page.kind() != kind::BTREE_LEAF || entries % 2 != 0 {
        return Err(DbError::Damaged("the tree leads to another type of page"));
    }
    Ok(entries)
}
