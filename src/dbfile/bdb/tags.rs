//! One byte of each key's hash, for pages of a hash file that is kept in
//! memory: a lookup compares one key, not one at each step of a search that
//! goes to and fro over the page.
//!
//! They are made of a page when it is first asked, and are never wrong: the
//! bytes they were made of don't change, and a key that they name is compared.

use std::sync::OnceLock;

use super::super::source::DbError;
use super::hash::{bucket_entries, hash_key, item};
use super::page::Page;

/// The tags of a file's pages.
#[derive(Default)]
pub(super) struct Tags {
    pages: OnceLock<Box<[OnceLock<PageTags>]>>,
}

/// The tags of a page.
pub(super) enum PageTags {
    /// One a key, in the page's order.
    All(Box<[u8]>),
    /// Some keys stand elsewhere: the page has to be searched.
    Search,
}

/// The tag of a key with this hash: bits that do not name its bucket.
#[inline]
pub(super) fn tag_of(hash: u32) -> u8 {
    hash.to_be_bytes()[0]
}

impl Tags {
    /// The tags of page `number`, which is `page`, in a file with so many.
    #[inline]
    pub(super) fn of(
        &self,
        number: u32,
        page: &Page<'_>,
        last_page: u32,
    ) -> Result<&PageTags, DbError> {
        const NO_PAGE: DbError = DbError::Damaged("it points to a page it does not have");
        let pages = self
            .pages
            .get_or_init(|| (0..=last_page).map(|_| OnceLock::new()).collect());
        let place = pages.get(number as usize).ok_or(NO_PAGE)?;
        if let Some(tags) = place.get() {
            return Ok(tags);
        }
        let tags = PageTags::read(page)?;
        Ok(place.get_or_init(|| tags))
    }
}

impl PageTags {
    /// Makes the tags of a page.
    #[cold]
    fn read(page: &Page<'_>) -> Result<Self, DbError> {
        let entries = bucket_entries(page)?;
        let mut tags = Vec::with_capacity(entries / 2);
        for index in (0..entries).step_by(2) {
            match page.hash_item(index)? {
                [item::INLINE, key @ ..] => tags.push(tag_of(hash_key(key))),
                _ => return Ok(PageTags::Search),
            }
        }
        Ok(PageTags::All(tags.into_boxed_slice()))
    }
}
