//! Writing a btree file whole: leaves in the order of keys, then the levels
//! above them.

use super::super::records::{Record, Records};
use super::super::source::{DbError, WriteAt};
use super::MAGIC_BTREE;
use super::build::{
    Draft, LEAF_ITEM_MAX, LeafItem, Meta, PAGE_BYTES, Tail, put_u32, reference, write_meta,
};
use super::hash::hash_key;
use super::page::kind;

/// A key's values stand on its leaf while they take no more than this.
const VALUES_BYTES_MAX: usize = PAGE_BYTES / 4;

/// The page of the root: the library wants it there.
const ROOT: u32 = 1;

/// Entries of a btree file to be written with [`write_btree`]; keys may
/// have `several` values.
pub fn btree_records(several: bool) -> Records {
    Records::with_hash(hash_key, several)
}

/// Writes a btree file with all of `records`.
pub fn write_btree(
    records: &Records,
    file_id: [u8; 20],
    out: &mut dyn WriteAt,
) -> Result<(), DbError> {
    let mut sorted: Vec<Record<'_>> = records.iter().collect();
    // Stable: the values of one key stay in the order they came.
    sorted.sort_by(|left, right| left.key.cmp(right.key));
    let mut tree = Tree {
        tail: Tail::new(1, out),
        page: Draft::new(kind::BTREE_LEAF, 1),
        number: 0,
        previous: 0,
        leaves: Vec::new(),
        last_key: &[],
    };
    // The root is page 1, be it the only leaf or an internal page.
    tree.number = tree.reserve()?;
    tree.leaves.push((tree.number, Vec::new()));
    for group in sorted.chunk_by(|left, right| left.key == right.key) {
        tree.add(group)?;
    }
    tree.close(0)?;
    let Tree {
        mut tail, leaves, ..
    } = tree;
    levels(leaves, &mut tail)?;
    let last_page = tail.next() - 1;
    let out = tail.finish()?;
    let mut meta = Meta {
        magic: MAGIC_BTREE,
        kind: 9,
        last_page,
        duplicates: records.several(),
        file_id,
    }
    .page();
    put_u32(&mut meta, 76, 2);
    put_u32(&mut meta, 84, u32::from(b' '));
    put_u32(&mut meta, 88, ROOT);
    write_meta(out, &meta)?;
    Ok(())
}

/// The leaves being written.
struct Tree<'r, 'o> {
    tail: Tail<'o>,
    page: Draft,
    /// The number of the leaf that is being filled.
    number: u32,
    previous: u32,
    /// Each leaf, and a key that is above all before it and not above its
    /// first.
    leaves: Vec<(u32, Vec<u8>)>,
    last_key: &'r [u8],
}

impl<'r> Tree<'r, '_> {
    /// Takes the next page for a leaf that is written later.
    fn reserve(&mut self) -> Result<u32, DbError> {
        let number = self.tail.next();
        self.tail.push(&[0; PAGE_BYTES])?;
        Ok(number)
    }

    /// Adds a key with all its values.
    fn add(&mut self, group: &[Record<'r>]) -> Result<(), DbError> {
        let key = group[0].key;
        let key_item = self.tail.leaf_item(key)?;
        let total: usize = group.iter().map(|record| record.value.len() + 8).sum();
        let mut values = Vec::with_capacity(group.len());
        if group.len() > 1 && total > VALUES_BYTES_MAX {
            let all: Vec<&[u8]> = group.iter().map(|record| record.value).collect();
            let root = self.tail.duplicates(&all)?;
            values.push(LeafItem::Tree { root });
        } else {
            for record in group {
                values.push(self.tail.leaf_item(record.value)?);
            }
        }
        let size = key_item.size() + values.iter().map(|value| value.size() + 4).sum::<usize>();
        if self.page.room() < size {
            if self.leaves.len() == 1 {
                self.number = self.reserve()?;
                self.leaves[0].0 = self.number;
            }
            let next = self.reserve()?;
            self.close(next)?;
            self.leaves.push((next, separator(self.last_key, key)));
            self.previous = self.number;
            self.number = next;
            self.page.clear();
        }
        let first = self.page.entries();
        key_item.put(&mut self.page);
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                self.page.push_again(first);
            }
            value.put(&mut self.page);
        }
        self.last_key = key;
        Ok(())
    }

    /// Writes the leaf to its page.
    fn close(&mut self, next: u32) -> Result<(), DbError> {
        let at = u64::from(self.number) * PAGE_BYTES as u64;
        let bytes = self.page.finish(self.number, self.previous, next);
        Ok(self.tail.replace(at, bytes)?)
    }
}

/// The shortest key that is above `left` and not above `right`.
fn separator(left: &[u8], right: &[u8]) -> Vec<u8> {
    let same = left
        .iter()
        .zip(right)
        .take_while(|(left, right)| left == right)
        .count();
    right[..right.len().min(same + 1)].to_vec()
}

/// Writes the levels above the leaves, the last one to the root's page.
fn levels(mut below: Vec<(u32, Vec<u8>)>, tail: &mut Tail<'_>) -> Result<(), DbError> {
    let mut level = 2;
    while below.len() > 1 {
        let mut above = Vec::new();
        let mut page = Draft::new(kind::BTREE_INTERNAL, level);
        let mut first_key = Vec::new();
        for (number, key) in below {
            let body = if key.len() > LEAF_ITEM_MAX {
                12
            } else {
                key.len()
            };
            if page.entries() > 0 && page.room() < (12 + body).next_multiple_of(4) + 2 {
                let at = tail.next();
                above.push((at, std::mem::take(&mut first_key)));
                tail.push(page.finish(at, 0, 0))?;
                page.clear();
            }
            if page.entries() == 0 {
                // The first entry of a page is below everything: no key.
                page.push_aligned(&entry(number, &[], tail)?, &[]);
                first_key = key;
            } else {
                page.push_aligned(&entry(number, &key, tail)?, &[]);
            }
        }
        if above.is_empty() {
            let at = u64::from(ROOT) * PAGE_BYTES as u64;
            return Ok(tail.replace(at, page.finish(ROOT, 0, 0))?);
        }
        let at = tail.next();
        above.push((at, first_key));
        tail.push(page.finish(at, 0, 0))?;
        below = above;
        level += 1;
    }
    Ok(())
}

/// An entry of an internal page.
fn entry(page: u32, key: &[u8], tail: &mut Tail<'_>) -> Result<Vec<u8>, DbError> {
    let reference_to;
    let (kind, body) = if key.len() > LEAF_ITEM_MAX {
        let (first, length) = tail.overflow(key)?;
        reference_to = reference(3, first, length);
        (3, &reference_to[..])
    } else {
        (1, key)
    };
    let mut bytes = Vec::with_capacity(12 + body.len());
    bytes.extend_from_slice(&(body.len() as u16).to_le_bytes());
    bytes.extend_from_slice(&[kind, 0]);
    bytes.extend_from_slice(&page.to_le_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(body);
    Ok(bytes)
}
