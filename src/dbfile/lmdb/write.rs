//! Writing an LMDB file whole: leaves in the order of keys, then the levels
//! above them, then both meta pages.
//!
//! Both meta pages name the same tree: whichever of them a program takes,
//! because a lock file beside the database counts the transactions of the one
//! that stood here before, it is the right one.

use super::super::bdb::key_hash;
use super::super::records::{Record, Records};
use super::super::source::{DbError, Run, WriteAt};
use super::{
    BAD_KEY, HEADER_BYTES, MAGIC, NO_PAGE, NODE_BYTES, VERSION, meta_at, node_kind, page_kind,
    takes_key,
};

/// Bytes in a page that is written.
const PAGE_BYTES: usize = 4096;

/// Longer nodes leave their leaf, so that a page holds at least two: the
/// library's own limit.
const NODE_BYTES_MAX: usize = (((PAGE_BYTES - HEADER_BYTES) / 2) & !1) - 2;

/// What Postfix opens its files with (a file, not a directory), and that the
/// list of free pages has numbers for keys.
const OPENED_WITH: u16 = 0x4008;

/// The size of a small file's map in memory, as Postfix has it.
const MAP_BYTES_MIN: u64 = 16 << 20;

/// A value's length has 32 bits, and the library takes one fewer.
const VALUE_BYTES_MAX: usize = 0x7fff_ffff;

/// Page numbers have 48 bits in a branch.
const PAGES_MAX: u64 = 1 << 48;

/// Entries of an LMDB file to be written with [`write()`].
pub fn records() -> Records {
    Records::with_hash(key_hash, false)
}

/// Writes an LMDB file with all of `records`.
pub fn write(records: &Records, out: &mut dyn WriteAt) -> Result<(), DbError> {
    let mut sorted: Vec<Record<'_>> = records.iter().collect();
    sorted.sort_unstable_by(|left, right| left.key.cmp(right.key));
    let mut file = Pages {
        run: Run::at(2 * PAGE_BYTES as u64),
        next: 2,
        out,
    };
    let (leaves, overflows) = leaves(&sorted, &mut file)?;
    let mut tree = Tree {
        leaves: leaves.len() as u64,
        overflows,
        entries: sorted.len() as u64,
        ..Tree::default()
    };
    tree.levels(leaves, &mut file)?;
    let last_page = file.next - 1;
    file.run.flush(file.out)?;
    let out = file.out;
    for number in [0, 1] {
        let page = tree.meta(number, last_page);
        out.write_all_at(number * PAGE_BYTES as u64, &page)?;
    }
    Ok(())
}

/// The pages behind the meta pages, one after the other.
struct Pages<'o> {
    run: Run,
    next: u64,
    out: &'o mut dyn WriteAt,
}

impl Pages<'_> {
    /// Adds a page, and gives its number.
    fn push(&mut self, page: &mut Draft) -> Result<u64, DbError> {
        let number = self.number(1)?;
        self.run.push(page.finish(number), self.out)?;
        page.clear();
        Ok(number)
    }

    /// Adds a long value, and gives its first page and how many it takes.
    fn overflow(&mut self, value: &[u8]) -> Result<(u64, u64), DbError> {
        let pages = (HEADER_BYTES + value.len()).div_ceil(PAGE_BYTES);
        let count = u32::try_from(pages).map_err(|_| TOO_LONG)?;
        let number = self.number(u64::from(count))?;
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(&number.to_le_bytes());
        header[10..12].copy_from_slice(&page_kind::OVERFLOW.to_le_bytes());
        header[12..].copy_from_slice(&count.to_le_bytes());
        self.run.push(&header, self.out)?;
        self.run.push(value, self.out)?;
        let rest = pages * PAGE_BYTES - HEADER_BYTES - value.len();
        self.run.push(&[0; PAGE_BYTES][..rest], self.out)?;
        Ok((number, u64::from(count)))
    }

    /// Takes the next `count` numbers.
    fn number(&mut self, count: u64) -> Result<u64, DbError> {
        let number = self.next;
        self.next += count;
        if self.next > PAGES_MAX {
            return Err(DbError::TooBig("too many pages"));
        }
        Ok(number)
    }
}

const TOO_LONG: DbError = DbError::TooBig("a value of lmdb ends at 2 GiB");

/// A page, and the first key on it or below it.
type Child<'r> = (u64, &'r [u8]);

/// Writes the leaves, and gives them and the number of overflow pages.
fn leaves<'r>(
    sorted: &[Record<'r>],
    file: &mut Pages<'_>,
) -> Result<(Vec<Child<'r>>, u64), DbError> {
    let mut leaves: Vec<Child<'r>> = Vec::new();
    let mut overflows = 0;
    let mut page = Draft::new(page_kind::LEAF);
    let mut first: &[u8] = &[];
    for record in sorted {
        let (key, value) = (record.key, record.value);
        if !takes_key(key) {
            return Err(BAD_KEY);
        }
        if value.len() > VALUE_BYTES_MAX {
            return Err(TOO_LONG);
        }
        let place;
        let (flags, body) = if NODE_BYTES + key.len() + value.len() > NODE_BYTES_MAX {
            let (number, pages) = file.overflow(value)?;
            overflows += pages;
            place = number.to_le_bytes();
            (node_kind::BIG, &place[..])
        } else {
            (0, value)
        };
        if !page.has_room(key.len() + body.len()) {
            leaves.push((file.push(&mut page)?, first));
        }
        if page.entries == 0 {
            first = key;
        }
        page.add(value.len() as u64, flags, key, body);
    }
    if page.entries > 0 {
        leaves.push((file.push(&mut page)?, first));
    }
    Ok((leaves, overflows))
}

/// What the meta pages say of the tree.
#[derive(Default)]
struct Tree {
    depth: u16,
    branches: u64,
    leaves: u64,
    overflows: u64,
    entries: u64,
    root: Option<u64>,
}

impl Tree {
    /// Writes the levels above the leaves.
    fn levels(&mut self, mut below: Vec<Child<'_>>, file: &mut Pages<'_>) -> Result<(), DbError> {
        self.depth = u16::from(!below.is_empty());
        while below.len() > 1 {
            let mut above: Vec<Child<'_>> = Vec::new();
            let mut page = Draft::new(page_kind::BRANCH);
            let mut rest = below.as_slice();
            for count in widths(&below) {
                let (mine, others) = rest.split_at(count);
                rest = others;
                for (number, key) in mine {
                    // The first entry of a page is below everything: no key.
                    let key = if page.entries == 0 { &[] } else { *key };
                    page.add(*number, 0, key, &[]);
                }
                above.push((file.push(&mut page)?, mine[0].1));
            }
            self.branches += above.len() as u64;
            self.depth += 1;
            below = above;
        }
        self.root = below.first().map(|(number, _)| *number);
        Ok(())
    }

    /// Meta page `number`, which is also its transaction.
    fn meta(&self, number: u64, last_page: u64) -> Vec<u8> {
        let mut page = vec![0; PAGE_BYTES];
        let mut put = |at: usize, bytes: &[u8]| page[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &number.to_le_bytes());
        put(meta_at::FLAGS, &page_kind::META.to_le_bytes());
        put(meta_at::MAGIC, &MAGIC.to_le_bytes());
        put(meta_at::VERSION, &VERSION.to_le_bytes());
        // Room to grow in: what a program that changes the file begins with.
        let bytes = (2 * (last_page + 1) * PAGE_BYTES as u64).max(MAP_BYTES_MIN);
        put(meta_at::MAP_BYTES, &bytes.to_le_bytes());
        put(meta_at::PAGE_BYTES, &(PAGE_BYTES as u32).to_le_bytes());
        put(meta_at::OPENED_WITH, &OPENED_WITH.to_le_bytes());
        put(meta_at::FREE_ROOT, &NO_PAGE.to_le_bytes());
        put(meta_at::DEPTH, &self.depth.to_le_bytes());
        put(meta_at::BRANCHES, &self.branches.to_le_bytes());
        put(meta_at::LEAVES, &self.leaves.to_le_bytes());
        put(meta_at::OVERFLOWS, &self.overflows.to_le_bytes());
        put(meta_at::ENTRIES, &self.entries.to_le_bytes());
        put(meta_at::ROOT, &self.root.unwrap_or(NO_PAGE).to_le_bytes());
        put(meta_at::LAST_PAGE, &last_page.to_le_bytes());
        put(meta_at::TRANSACTION, &(number + 1).to_le_bytes());
        page
    }
}

/// How many of the pages below go to each page of a level: two at least, for
/// the library refuses a level that decides nothing.
fn widths(below: &[Child<'_>]) -> Vec<usize> {
    let mut widths = Vec::new();
    let (mut count, mut room) = (0, 0);
    for (_, key) in below {
        let size = node_bytes(key.len()) + 2;
        if room < size {
            widths.push(0);
            (count, room) = (0, PAGE_BYTES - HEADER_BYTES);
        }
        room -= if count == 0 { node_bytes(0) + 2 } else { size };
        count += 1;
        if let Some(last) = widths.last_mut() {
            *last = count;
        }
    }
    // No key fills a third of a page: whoever gives one keeps two.
    if let [.., before, last @ 1] = widths.as_mut_slice() {
        *before -= 1;
        *last = 2;
    }
    widths
}

/// A page being filled.
struct Draft {
    bytes: Vec<u8>,
    kind: u16,
    entries: usize,
    free_end: usize,
}

impl Draft {
    fn new(kind: u16) -> Self {
        Self {
            bytes: vec![0; PAGE_BYTES],
            kind,
            entries: 0,
            free_end: PAGE_BYTES,
        }
    }

    fn clear(&mut self) {
        self.bytes.fill(0);
        self.entries = 0;
        self.free_end = PAGE_BYTES;
    }

    /// The bytes left for nodes and their offsets.
    fn room(&self) -> usize {
        self.free_end - HEADER_BYTES - 2 * self.entries
    }

    /// Whether a node of so many bytes has room.
    fn has_room(&self, bytes: usize) -> bool {
        self.room() >= node_bytes(bytes) + 2
    }

    /// Adds a node: 48 bits, of which a leaf has `flags` for the last 16.
    fn add(&mut self, number: u64, flags: u16, key: &[u8], body: &[u8]) {
        self.free_end -= node_bytes(key.len() + body.len());
        let at = HEADER_BYTES + 2 * self.entries;
        self.bytes[at..at + 2].copy_from_slice(&(self.free_end as u16).to_le_bytes());
        let number = number | u64::from(flags) << 32;
        let node = &mut self.bytes[self.free_end..];
        node[..6].copy_from_slice(&number.to_le_bytes()[..6]);
        node[6..8].copy_from_slice(&(key.len() as u16).to_le_bytes());
        let key_end = NODE_BYTES + key.len();
        node[NODE_BYTES..key_end].copy_from_slice(key);
        node[key_end..key_end + body.len()].copy_from_slice(body);
        self.entries += 1;
    }

    /// Gives the page its number, and its bytes.
    fn finish(&mut self, number: u64) -> &[u8] {
        let lower = HEADER_BYTES + 2 * self.entries;
        self.bytes[..8].copy_from_slice(&number.to_le_bytes());
        self.bytes[10..12].copy_from_slice(&self.kind.to_le_bytes());
        self.bytes[12..14].copy_from_slice(&(lower as u16).to_le_bytes());
        self.bytes[14..16].copy_from_slice(&(self.free_end as u16).to_le_bytes());
        &self.bytes
    }
}

/// The bytes of a node whose key and body have so many: nodes begin at even
/// places.
fn node_bytes(bytes: usize) -> usize {
    (NODE_BYTES + bytes).next_multiple_of(2)
}
