//! Writing a hash file whole: every bucket filled once, in order.
//!
//! The number of buckets is a power of two, and bucket `b` has page `b + 1`;
//! what does not fit there follows behind all buckets, as do long items.

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::super::records::{Record, Records};
use super::super::source::{DbError, Run, WriteAt};
use super::MAGIC_HASH;
use super::build::{Draft, Meta, PAGE_BYTES, TOO_MANY_PAGES, Tail, put_u32, write_meta};
use super::hash::{CHARKEY, hash_key, item, page_order};
use super::page::{HEADER_BYTES, kind};

/// How full buckets are at most, on the average: few need a second page, and
/// a lookup reads one.
const FILL_PERCENT: u64 = 85;

/// Longer items leave their page (the library's own limit).
const ITEM_MAX: usize = PAGE_BYTES / 4;

/// The most buckets: their pages must be numbered, and some must follow.
const BUCKETS_MAX: u32 = 1 << 30;

/// Entries of a hash file to be written with [`write_hash`]; keys may
/// have `several` values.
pub fn hash_records(several: bool) -> Records {
    Records::with_hash(hash_key, several)
}

/// Writes a hash file with all of `records`.
pub fn write_hash(
    records: &Records,
    file_id: [u8; 20],
    out: &mut dyn WriteAt,
) -> Result<(), DbError> {
    let buckets = bucket_count(records)?;
    let order = by_bucket(records, buckets);
    let mut tail = Tail::new(buckets + 1, out);
    let mut head = Run::at(PAGE_BYTES as u64);
    let mut page = Draft::new(kind::HASH, 0);
    let mut rest = order.numbers.as_slice();
    let mut keys = 0u32;
    let mut sorted: Vec<Sorted<'_>> = Vec::new();
    for bucket in 0..buckets {
        let (mine, others) = rest.split_at(order.counts[bucket as usize] as usize);
        rest = others;
        sorted.clear();
        sorted.extend(
            mine.iter()
                .map(|number| Sorted::new(records.by_number(*number))),
        );
        // Stable: the values of one key stay in the order they came.
        sorted.sort_by(Sorted::compare);
        let pairs = pairs_of(&sorted, &mut tail)?;
        keys += pairs.len() as u32;
        fill_bucket(bucket, &pairs, &mut page, &mut head, &mut tail)?;
    }
    head.flush(tail.out())?;
    let last_page = tail.next() - 1;
    let out = tail.finish()?;
    let mut meta = Meta {
        magic: MAGIC_HASH,
        kind: 8,
        last_page,
        duplicates: records.several(),
        file_id,
    }
    .page();
    put_u32(&mut meta, 72, buckets - 1);
    put_u32(&mut meta, 76, buckets - 1);
    put_u32(&mut meta, 80, buckets / 2 - 1);
    put_u32(&mut meta, 88, keys);
    put_u32(&mut meta, 92, hash_key(CHARKEY));
    for spare in 0..=buckets.trailing_zeros() as usize {
        put_u32(&mut meta, 96 + 4 * spare, 1);
    }
    write_meta(out, &meta)?;
    Ok(())
}

/// How many buckets there are to be.
fn bucket_count(records: &Records) -> Result<u32, DbError> {
    let size = |bytes: usize| if bytes > ITEM_MAX { 12 } else { bytes + 1 } as u64 + 2;
    let total: u64 = records
        .iter()
        .map(|record| size(record.key.len()) + size(record.value.len()))
        .sum();
    let room = (PAGE_BYTES - HEADER_BYTES) as u64 * FILL_PERCENT / 100;
    let wanted = total.div_ceil(room).next_power_of_two().max(2);
    u32::try_from(wanted)
        .ok()
        .filter(|count| *count <= BUCKETS_MAX)
        .ok_or(TOO_MANY_PAGES)
}

/// The numbers of records, ordered by bucket, and how many each bucket has.
struct Order {
    numbers: Vec<u32>,
    counts: Vec<u32>,
}

/// Brings records into the order of their buckets; within one they stay in
/// the order they came.
fn by_bucket(records: &Records, buckets: u32) -> Order {
    let mask = buckets - 1;
    let mut counts = vec![0u32; buckets as usize];
    for (_, hash) in records.hashes() {
        counts[(hash & mask) as usize] += 1;
    }
    let mut next = Vec::with_capacity(counts.len());
    let mut sum = 0;
    for count in &counts {
        next.push(sum);
        sum += *count as usize;
    }
    let mut numbers = vec![0u32; sum];
    for (number, hash) in records.hashes() {
        let place = &mut next[(hash & mask) as usize];
        numbers[*place] = number;
        *place += 1;
    }
    Order { numbers, counts }
}

/// A record with the beginning of its key at hand.
struct Sorted<'r> {
    prefix: u64,
    record: Record<'r>,
}

impl<'r> Sorted<'r> {
    fn new(record: Record<'r>) -> Self {
        // Filled up with what sorts last: of two keys with one beginning, the
        // longer one comes first.
        let mut prefix = [0xff; 8];
        let length = record.key.len().min(8);
        prefix[..length].copy_from_slice(&record.key[..length]);
        Self {
            prefix: u64::from_be_bytes(prefix),
            record,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.prefix
            .cmp(&other.prefix)
            .then_with(|| page_order(self.record.key, other.record.key))
    }
}

/// An item as it stands on the page: its type, and its bytes.
enum Item<'r> {
    Inline(&'r [u8]),
    Duplicates(Vec<u8>),
    Elsewhere([u8; 12]),
}

impl Item<'_> {
    fn size(&self) -> usize {
        match self {
            Item::Inline(bytes) => 1 + bytes.len(),
            Item::Duplicates(bytes) => 1 + bytes.len(),
            Item::Elsewhere(bytes) => bytes.len(),
        }
    }

    fn put(&self, page: &mut Draft) {
        match self {
            Item::Inline(bytes) => page.push(&[item::INLINE], bytes),
            Item::Duplicates(bytes) => page.push(&[item::DUPLICATES], bytes),
            Item::Elsewhere(bytes) => page.push(bytes, &[]),
        }
    }
}

/// The pairs of one bucket, what is long written to the end of the file.
fn pairs_of<'r>(
    sorted: &[Sorted<'r>],
    tail: &mut Tail<'_>,
) -> Result<SmallVec<[(Item<'r>, Item<'r>); 64]>, DbError> {
    let mut pairs = SmallVec::new();
    for group in sorted.chunk_by(|left, right| left.record.key == right.record.key) {
        let key = inline_or_not(group[0].record.key, tail)?;
        let value = match group {
            [one] => inline_or_not(one.record.value, tail)?,
            several => {
                let values: Vec<&[u8]> = several.iter().map(|one| one.record.value).collect();
                duplicates(&values, tail)?
            }
        };
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// An item for `bytes`.
fn inline_or_not<'r>(bytes: &'r [u8], tail: &mut Tail<'_>) -> Result<Item<'r>, DbError> {
    if bytes.len() <= ITEM_MAX {
        return Ok(Item::Inline(bytes));
    }
    let (first, length) = tail.overflow(bytes)?;
    Ok(Item::Elsewhere(elsewhere(item::OFF_PAGE, first, length)))
}

/// An item for several values of one key.
fn duplicates<'r>(values: &[&[u8]], tail: &mut Tail<'_>) -> Result<Item<'r>, DbError> {
    let size: usize = values.iter().map(|value| value.len() + 4).sum();
    if size > ITEM_MAX {
        let root = tail.duplicates(values)?;
        return Ok(Item::Elsewhere(elsewhere(
            item::OFF_PAGE_DUPLICATES,
            root,
            0,
        )));
    }
    let mut bytes = Vec::with_capacity(size);
    for value in values {
        // Shorter than a quarter of a page: two bytes hold it.
        let length = (value.len() as u16).to_le_bytes();
        bytes.extend_from_slice(&length);
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(&length);
    }
    Ok(Item::Duplicates(bytes))
}

/// The twelve bytes that stand for what lies elsewhere.
fn elsewhere(kind: u8, page: u32, length: u32) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[0] = kind;
    put_u32(&mut bytes, 4, page);
    put_u32(&mut bytes, 8, length);
    bytes
}

/// Writes the pages of one bucket: the first among the buckets, the others at
/// the end.
fn fill_bucket(
    bucket: u32,
    pairs: &[(Item<'_>, Item<'_>)],
    page: &mut Draft,
    head: &mut Run,
    tail: &mut Tail<'_>,
) -> Result<(), DbError> {
    page.clear();
    let (mut number, mut previous) = (bucket + 1, 0);
    for (key, value) in pairs {
        if page.room() < key.size() + value.size() + 4 {
            let next = tail.next() + u32::from(number > bucket + 1);
            let bytes = page.finish(number, previous, next);
            if number == bucket + 1 {
                head.push(bytes, tail.out())?;
            } else {
                tail.push(bytes)?;
            }
            (previous, number) = (number, next);
            page.clear();
        }
        key.put(page);
        value.put(page);
    }
    let bytes = page.finish(number, previous, 0);
    if number == bucket + 1 {
        head.push(bytes, tail.out())?;
    } else {
        tail.push(bytes)?;
    }
    Ok(())
}
