//! What both writers need: pages put together, overflow chains, and the trees
//! that hold many values of one key.
//!
//! Files are written as the library itself writes them on a little-endian
//! machine: version 9, pages of 4096 bytes, no checksums, no log numbers.

use std::io;

use super::super::source::{DbError, Run, WriteAt};
use super::page::{HEADER_BYTES, kind};

/// The size of the pages that are written.
pub(super) const PAGE_BYTES: usize = 4096;
/// The version that is written: what libdb 4.x and 5.x have.
const VERSION: u32 = 9;

/// Pages are numbered with 32 bits.
pub(super) const TOO_MANY_PAGES: DbError = DbError::TooBig("more pages than can be numbered");

/// A page that is being filled: offsets from the front, items from the end.
pub(super) struct Draft {
    bytes: Vec<u8>,
    entries: usize,
    free_end: usize,
}

impl Draft {
    /// An empty page of this type and level.
    pub(super) fn new(kind: u8, level: u8) -> Self {
        let mut draft = Self {
            bytes: vec![0; PAGE_BYTES],
            entries: 0,
            free_end: PAGE_BYTES,
        };
        draft.clear();
        draft.bytes[24] = level;
        draft.bytes[25] = kind;
        draft
    }

    /// Takes everything off the page but its type and level.
    pub(super) fn clear(&mut self) {
        self.bytes[..24].fill(0);
        self.bytes[HEADER_BYTES..].fill(0);
        // An unlogged file has the log number 0/1 everywhere.
        self.bytes[4] = 1;
        self.entries = 0;
        self.free_end = PAGE_BYTES;
    }

    /// How many items there are.
    pub(super) fn entries(&self) -> usize {
        self.entries
    }

    /// The bytes left for items and their offsets.
    pub(super) fn room(&self) -> usize {
        self.free_end - HEADER_BYTES - 2 * self.entries
    }

    /// Adds an item of two parts. The caller has looked for room.
    #[inline]
    pub(super) fn push(&mut self, head: &[u8], body: &[u8]) {
        self.free_end -= head.len() + body.len();
        let middle = self.free_end + head.len();
        self.bytes[self.free_end..middle].copy_from_slice(head);
        self.bytes[middle..middle + body.len()].copy_from_slice(body);
        self.push_offset(self.free_end);
    }

    /// Adds an item whose end lies on a multiple of four.
    pub(super) fn push_aligned(&mut self, head: &[u8], body: &[u8]) {
        let size = head.len() + body.len();
        self.free_end -= size.next_multiple_of(4) - size;
        self.push(head, body);
    }

    /// Adds one more reference to item `index`.
    pub(super) fn push_again(&mut self, index: usize) {
        let at = HEADER_BYTES + 2 * index;
        let again = [self.bytes[at], self.bytes[at + 1]];
        let at = HEADER_BYTES + 2 * self.entries;
        self.bytes[at..at + 2].copy_from_slice(&again);
        self.entries += 1;
    }

    /// Notes where the next item is.
    fn push_offset(&mut self, offset: usize) {
        let at = HEADER_BYTES + 2 * self.entries;
        self.bytes[at..at + 2].copy_from_slice(&(offset as u16).to_le_bytes());
        self.entries += 1;
    }

    /// Gives the page its place, and its bytes.
    pub(super) fn finish(&mut self, number: u32, previous: u32, next: u32) -> &[u8] {
        put_u32(&mut self.bytes, 8, number);
        put_u32(&mut self.bytes, 12, previous);
        put_u32(&mut self.bytes, 16, next);
        self.bytes[20..22].copy_from_slice(&(self.entries as u16).to_le_bytes());
        self.bytes[22..24].copy_from_slice(&(self.free_end as u16).to_le_bytes());
        &self.bytes
    }
}

/// Puts a number into a page.
pub(super) fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// The pages that come one after the other at the end of the file.
pub(super) struct Tail<'o> {
    out: &'o mut dyn WriteAt,
    run: Run,
    next: u32,
}

impl<'o> Tail<'o> {
    /// Pages from `first` on.
    pub(super) fn new(first: u32, out: &'o mut dyn WriteAt) -> Self {
        Self {
            out,
            run: Run::at(u64::from(first) * PAGE_BYTES as u64),
            next: first,
        }
    }

    /// The number of the next page.
    pub(super) fn next(&self) -> u32 {
        self.next
    }

    /// Adds the next page.
    pub(super) fn push(&mut self, page: &[u8]) -> Result<(), DbError> {
        self.next = self.next.checked_add(1).ok_or(TOO_MANY_PAGES)?;
        Ok(self.run.push(page, self.out)?)
    }

    /// Puts other bytes where a page was pushed before.
    pub(super) fn replace(&mut self, at: u64, page: &[u8]) -> io::Result<()> {
        if self.run.replace(at, page) {
            return Ok(());
        }
        self.out.write_all_at(at, page)
    }

    /// Writes what is collected, and gives the file back.
    pub(super) fn finish(mut self) -> Result<&'o mut dyn WriteAt, DbError> {
        self.run.flush(self.out)?;
        Ok(self.out)
    }

    /// The file, for a write elsewhere.
    pub(super) fn out(&mut self) -> &mut dyn WriteAt {
        self.out
    }

    /// Writes an overflow chain, and gives its first page and its length.
    pub(super) fn overflow(&mut self, bytes: &[u8]) -> Result<(u32, u32), DbError> {
        let length = u32::try_from(bytes.len())
            .map_err(|_| DbError::TooBig("an item of four thousand million bytes"))?;
        let first = self.next;
        let mut page = vec![0; PAGE_BYTES];
        let mut pieces = bytes.chunks(PAGE_BYTES - HEADER_BYTES).peekable();
        let mut previous = 0;
        while let Some(piece) = pieces.next() {
            let number = self.next;
            let next = match pieces.peek() {
                Some(_) => number.checked_add(1).ok_or(TOO_MANY_PAGES)?,
                None => 0,
            };
            page.fill(0);
            page[4] = 1;
            put_u32(&mut page, 8, number);
            put_u32(&mut page, 12, previous);
            put_u32(&mut page, 16, next);
            page[20] = 1; // One item refers to the chain.
            page[22..24].copy_from_slice(&(piece.len() as u16).to_le_bytes());
            page[25] = kind::OVERFLOW;
            page[HEADER_BYTES..HEADER_BYTES + piece.len()].copy_from_slice(piece);
            self.push(&page)?;
            previous = number;
        }
        Ok((first, length))
    }

    /// Writes a tree of values in the order they came, and gives its root.
    pub(super) fn duplicates(&mut self, values: &[&[u8]]) -> Result<u32, DbError> {
        // What is too long for a leaf goes first: then leaves follow one another.
        let mut items = Vec::with_capacity(values.len());
        for value in values {
            items.push(self.leaf_item(value)?);
        }
        let mut below: Vec<(u32, u32)> = Vec::new();
        let mut page = Draft::new(kind::RECNO_LEAF, 1);
        let mut previous = 0;
        for item in &items {
            if page.room() < item.size() + 2 {
                let number = self.next;
                below.push((number, page.entries() as u32));
                self.push(page.finish(number, previous, number + 1))?;
                previous = number;
                page.clear();
            }
            item.put(&mut page);
        }
        let number = self.next;
        below.push((number, page.entries() as u32));
        self.push(page.finish(number, previous, 0))?;
        self.count_tree(below)
    }

    /// Writes the levels above leaves of (page, number of values), and gives
    /// the root.
    fn count_tree(&mut self, mut below: Vec<(u32, u32)>) -> Result<u32, DbError> {
        const WIDTH: usize = (PAGE_BYTES - HEADER_BYTES) / 10;
        let mut level = 2;
        while below.len() > 1 {
            let mut above = Vec::with_capacity(below.len() / WIDTH + 1);
            let root = below.len() <= WIDTH;
            for group in below.chunks(WIDTH) {
                let mut page = Draft::new(kind::RECNO_INTERNAL, level);
                for (number, count) in group {
                    page.push_aligned(&number.to_le_bytes(), &count.to_le_bytes());
                }
                let count = group.iter().map(|(_, count)| count).sum();
                let number = self.next;
                above.push((number, count));
                // The root has the number of all values where others have
                // the page before.
                self.push(page.finish(number, if root { count } else { 0 }, 0))?;
            }
            below = above;
            level += 1;
        }
        below
            .first()
            .map(|(root, _)| *root)
            .ok_or(DbError::Damaged("a tree of no values"))
    }

    /// What a leaf holds of `bytes`: all of them, or where they are.
    pub(super) fn leaf_item<'b>(&mut self, bytes: &'b [u8]) -> Result<LeafItem<'b>, DbError> {
        if bytes.len() <= LEAF_ITEM_MAX {
            return Ok(LeafItem::Inline(bytes));
        }
        let (first, length) = self.overflow(bytes)?;
        Ok(LeafItem::OffPage { first, length })
    }
}

/// Longer items leave their leaf, so that a page holds at least two pairs.
pub(super) const LEAF_ITEM_MAX: usize = (PAGE_BYTES - HEADER_BYTES) / 4 - 10;

/// An item of a leaf.
#[derive(Clone, Copy)]
pub(super) enum LeafItem<'b> {
    Inline(&'b [u8]),
    OffPage { first: u32, length: u32 },
    Tree { root: u32 },
}

impl LeafItem<'_> {
    /// The bytes it takes on a page, its offset not counted.
    pub(super) fn size(&self) -> usize {
        match self {
            LeafItem::Inline(bytes) => (3 + bytes.len()).next_multiple_of(4),
            _ => 12,
        }
    }

    /// Puts it onto a page.
    pub(super) fn put(&self, page: &mut Draft) {
        match *self {
            LeafItem::Inline(bytes) => {
                let [low, high] = (bytes.len() as u16).to_le_bytes();
                page.push_aligned(&[low, high, 1], bytes);
            }
            LeafItem::OffPage { first, length } => {
                page.push_aligned(&reference(3, first, length), &[]);
            }
            LeafItem::Tree { root } => page.push_aligned(&reference(2, root, 0), &[]),
        }
    }
}

/// The twelve bytes that stand for what lies elsewhere.
pub(super) fn reference(kind: u8, page: u32, length: u32) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[2] = kind;
    put_u32(&mut bytes, 4, page);
    put_u32(&mut bytes, 8, length);
    bytes
}

/// The part of a meta page that hash and btree share.
pub(super) struct Meta {
    pub(super) magic: u32,
    pub(super) kind: u8,
    pub(super) last_page: u32,
    pub(super) duplicates: bool,
    /// 20 bytes that differ from file to file: the library knows files by it.
    pub(super) file_id: [u8; 20],
}

impl Meta {
    /// A page with it.
    pub(super) fn page(&self) -> Vec<u8> {
        let mut page = vec![0; PAGE_BYTES];
        page[4] = 1;
        put_u32(&mut page, 12, self.magic);
        put_u32(&mut page, 16, VERSION);
        put_u32(&mut page, 20, PAGE_BYTES as u32);
        page[25] = self.kind;
        put_u32(&mut page, 32, self.last_page);
        put_u32(&mut page, 48, u32::from(self.duplicates));
        page[52..72].copy_from_slice(&self.file_id);
        page
    }
}

/// Writes the meta page.
pub(super) fn write_meta(out: &mut dyn WriteAt, page: &[u8]) -> io::Result<()> {
    out.write_all_at(0, page)
}
