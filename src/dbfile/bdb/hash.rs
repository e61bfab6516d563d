//! Hash files: linear hashing, a bucket is a chain of pages.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use super::super::source::{DbError, ReadAt};
use super::page::{Layout, Page, kind};
use super::tags::{PageTags, tag_of};
use super::{Bdb, META_BYTES, Visit, VisitPair, Walk};

/// What the library hashes to recognise its own hash function.
pub(super) const CHARKEY: &[u8] = b"%$sniglet^&\0";

/// Item types.
pub(super) mod item {
    pub(crate) const INLINE: u8 = 1;
    pub(crate) const DUPLICATES: u8 = 2;
    pub(crate) const OFF_PAGE: u8 = 3;
    pub(crate) const OFF_PAGE_DUPLICATES: u8 = 4;
}

/// The library's default hash function: FNV-1 that begins with zero.
#[inline]
pub(in crate::dbfile) fn hash_key(key: &[u8]) -> u32 {
    key.iter().fold(0u32, |hash, byte| {
        hash.wrapping_mul(16_777_619) ^ u32::from(*byte)
    })
}

/// The order of keys on a page. Of two keys where one begins with the other,
/// the longer one comes first: that is how the Berkeley library sorts.
#[inline]
pub(super) fn page_order(left: &[u8], right: &[u8]) -> Ordering {
    let shared = left.len().min(right.len());
    left[..shared]
        .cmp(&right[..shared])
        .then_with(|| right.len().cmp(&left.len()))
}

/// What finds a key's bucket.
pub(super) struct Meta {
    max_bucket: u32,
    high_mask: u32,
    low_mask: u32,
    spares: [u32; 32],
}

impl Meta {
    /// Reads the part of the meta page that hash files have.
    pub(super) fn read(meta: &[u8; META_BYTES], layout: Layout) -> Result<Self, DbError> {
        let flags = layout.u32(meta, 48)?;
        if flags & 2 != 0 {
            return Err(DbError::Unsupported("it holds several databases"));
        }
        if layout.u32(meta, 92)? != hash_key(CHARKEY) {
            return Err(DbError::Unsupported("it uses another hash function"));
        }
        let mut spares = [0; 32];
        for (index, spare) in spares.iter_mut().enumerate() {
            *spare = layout.u32(meta, 96 + 4 * index)?;
        }
        let meta = Self {
            max_bucket: layout.u32(meta, 72)?,
            high_mask: layout.u32(meta, 76)?,
            low_mask: layout.u32(meta, 80)?,
            spares,
        };
        // Each bucket has a page: more buckets than pages would let a walk run on.
        if meta.max_bucket > layout.last_page {
            return Err(DbError::Damaged("it has more buckets than pages"));
        }
        Ok(meta)
    }

    /// The bucket that holds the keys with this hash.
    #[inline]
    fn bucket_of(&self, hash: u32) -> u32 {
        let bucket = hash & self.high_mask;
        if bucket > self.max_bucket {
            bucket & self.low_mask
        } else {
            bucket
        }
    }

    /// The first page of a bucket.
    #[inline]
    fn page_of(&self, bucket: u32) -> Result<u32, DbError> {
        let spare = match bucket {
            0 => 0,
            _ => 32 - bucket.leading_zeros(),
        };
        self.spares
            .get(spare as usize)
            .and_then(|spare| bucket.checked_add(*spare))
            .ok_or(DbError::Damaged("a bucket has no page"))
    }
}

impl<R: ReadAt> Bdb<R> {
    /// Calls `visit` with each value of `key`.
    pub(super) fn hash_find(
        &self,
        meta: &Meta,
        key: &[u8],
        visit: &mut Visit<'_>,
    ) -> Result<(), DbError> {
        let hash = hash_key(key);
        let mut number = meta.page_of(meta.bucket_of(hash))?;
        let mut walk = self.walk_one();
        let kept = self.blocks.whole().is_some();
        while number != 0 {
            walk.step()?;
            let page = self.page(number)?;
            let index = match kept {
                true => self.tagged_index(number, &page, (key, hash), &mut walk)?,
                false => self.hash_index(&page, key, &mut walk)?,
            };
            if let Some(index) = index {
                // A key stands in its bucket once.
                return self
                    .hash_values(&page, index + 1, visit, &mut walk)
                    .map(drop);
            }
            number = page.next()?;
        }
        Ok(())
    }

    /// Where on a page that is kept the key item of `key` is.
    #[inline]
    fn tagged_index(
        &self,
        number: u32,
        page: &Page<'_>,
        (key, hash): (&[u8], u32),
        walk: &mut Walk,
    ) -> Result<Option<usize>, DbError> {
        let tags = match self.tags.of(number, page, self.layout.last_page)? {
            PageTags::All(tags) => tags,
            PageTags::Search => return self.hash_index(page, key, walk),
        };
        for place in memchr::memchr_iter(tag_of(hash), tags) {
            if let [item::INLINE, found @ ..] = page.hash_item(2 * place)?
                && found == key
            {
                return Ok(Some(2 * place));
            }
        }
        Ok(None)
    }

    /// Where on a page the key item of `key` is.
    #[inline]
    fn hash_index(
        &self,
        page: &Page<'_>,
        key: &[u8],
        walk: &mut Walk,
    ) -> Result<Option<usize>, DbError> {
        let entries = bucket_entries(page)?;
        if page.kind() == kind::HASH_UNSORTED {
            for index in (0..entries).step_by(2) {
                if self.hash_compare(page.hash_item(index)?, key, walk)? == Ordering::Equal {
                    return Ok(Some(index));
                }
            }
            return Ok(None);
        }
        let (mut low, mut high) = (0, entries / 2);
        while low < high {
            let middle = low.midpoint(high);
            match self.hash_compare(page.hash_item(2 * middle)?, key, walk)? {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Ok(Some(2 * middle)),
            }
        }
        Ok(None)
    }

    /// Calls `visit` with every pair.
    pub(super) fn hash_each(&self, meta: &Meta, visit: &mut VisitPair<'_>) -> Result<(), DbError> {
        let mut walk = self.walk_all();
        for bucket in 0..=meta.max_bucket {
            let mut number = meta.page_of(bucket)?;
            while number != 0 {
                walk.step()?;
                let page = self.page(number)?;
                for index in (0..bucket_entries(&page)?).step_by(2) {
                    let key = self.hash_key_bytes(page.hash_item(index)?, &mut walk)?;
                    let each = &mut |value: &[u8]| visit(&key, value);
                    if self
                        .hash_values(&page, index + 1, each, &mut walk)?
                        .is_break()
                    {
                        return Ok(());
                    }
                }
                number = page.next()?;
            }
        }
        Ok(())
    }

    /// How a key item compares with `key`.
    #[inline]
    fn hash_compare(&self, raw: &[u8], key: &[u8], walk: &mut Walk) -> Result<Ordering, DbError> {
        match raw {
            [item::INLINE, inline @ ..] => Ok(page_order(inline, key)),
            _ => Ok(page_order(&self.hash_key_bytes(raw, walk)?, key)),
        }
    }

    /// The bytes of a key item.
    fn hash_key_bytes(&self, raw: &[u8], walk: &mut Walk) -> Result<Vec<u8>, DbError> {
        let layout = self.layout;
        match raw {
            [item::INLINE, inline @ ..] => Ok(inline.to_vec()),
            [item::OFF_PAGE, ..] => self.overflow(layout.u32(raw, 4)?, layout.u32(raw, 8)?, walk),
            _ => Err(DbError::Damaged("a key is of an unknown type")),
        }
    }

    /// Calls `visit` with each value of the data item `index`.
    fn hash_values(
        &self,
        page: &Page<'_>,
        index: usize,
        visit: &mut Visit<'_>,
        walk: &mut Walk,
    ) -> Result<ControlFlow<()>, DbError> {
        let raw = page.hash_item(index)?;
        let layout = page.layout;
        match raw {
            [item::INLINE, inline @ ..] => Ok(visit(inline)),
            [item::DUPLICATES, duplicates @ ..] => {
                let mut rest = duplicates;
                while !rest.is_empty() {
                    let length = usize::from(layout.u16(rest, 0)?);
                    let value = rest
                        .get(2..2 + length)
                        .ok_or(DbError::Damaged("a duplicate lies outside its item"))?;
                    if visit(value).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                    // The length stands behind the value once more.
                    rest = rest
                        .get(length + 4..)
                        .ok_or(DbError::Damaged("a duplicate lies outside its item"))?;
                }
                Ok(ControlFlow::Continue(()))
            }
            [item::OFF_PAGE, ..] => {
                let value = self.overflow(layout.u32(raw, 4)?, layout.u32(raw, 8)?, walk)?;
                Ok(visit(&value))
            }
            [item::OFF_PAGE_DUPLICATES, ..] => {
                self.duplicates_each(layout.u32(raw, 4)?, visit, walk)
            }
            _ => Err(DbError::Damaged("a value is of an unknown type")),
        }
    }
}

/// How many items a bucket's page has: pairs, or none on a page never used.
#[inline]
pub(super) fn bucket_entries(page: &Page<'_>) -> Result<usize, DbError> {
    let entries = page.entries()?;
    match page.kind() {
        kind::HASH | kind::HASH_UNSORTED if entries % 2 == 0 => Ok(entries),
        kind::UNUSED if entries == 0 => Ok(0),
        _ => Err(DbError::Damaged("a bucket leads to another type of page")),
    }
}
