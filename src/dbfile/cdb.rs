//! cdb files: D. J. Bernstein's constant database, as tinycdb and Postfix
//! read and write it. At most 4 GiB.
//!
//! 256 tables, each named by position and number of slots at the front; then
//! the records; then the tables. A key's hash gives the table (low 8 bits)
//! and the first slot (the rest); slots are tried one after the other until
//! an empty one.

use std::ops::ControlFlow;

use super::bdb::{Visit, VisitPair};
use super::blocks::Blocks;
use super::records::Records;
use super::source::{DbError, ReadAt, Run, WriteAt};

/// The tables.
const TABLES: usize = 256;
/// The bytes before the first record.
const HEADER_BYTES: usize = 8 * TABLES;

/// The hash function of cdb.
#[inline]
pub(crate) fn hash_key(key: &[u8]) -> u32 {
    key.iter().fold(5381u32, |hash, byte| {
        hash.wrapping_mul(33) ^ u32::from(*byte)
    })
}

/// Entries of a cdb to be written with [`write()`]; keys may have `several`
/// values.
pub fn records(several: bool) -> Records {
    Records::with_hash(hash_key, several)
}

/// A cdb file, open for reading.
pub struct Cdb<R> {
    blocks: Blocks<R>,
    tables: Box<[Table; TABLES]>,
}

/// One table of slots.
#[derive(Clone, Copy, Default)]
struct Table {
    at: u32,
    slots: u32,
}

impl<R: ReadAt> Cdb<R> {
    /// Reads the front of a file of `length` bytes. At most `kept_bytes_max`
    /// bytes of it are kept in memory.
    pub fn open(source: R, length: u64, kept_bytes_max: usize) -> Result<Self, DbError> {
        // The format has no mark: what it says of itself must fit.
        if length < HEADER_BYTES as u64 {
            return Err(DbError::NotDatabase);
        }
        let mut header = [0; HEADER_BYTES];
        source.read_exact_at(0, &mut header)?;
        let mut tables = Box::new([Table::default(); TABLES]);
        for (table, raw) in tables.iter_mut().zip(header.chunks_exact(8)) {
            *table = Table {
                at: number(raw, 0),
                slots: number(raw, 4),
            };
            let end = u64::from(table.at) + 8 * u64::from(table.slots);
            if end > length || (table.at as usize) < HEADER_BYTES {
                return Err(DbError::Damaged("a table lies outside the file"));
            }
        }
        let blocks = Blocks::new(source, length, 0, kept_bytes_max);
        Ok(Self { blocks, tables })
    }

    /// What the file is read from.
    pub fn source(&self) -> &R {
        self.blocks.source()
    }

    /// The value of `key`; of several the first.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DbError> {
        if let Some(whole) = self.blocks.whole() {
            let hash = hash_key(key);
            let table = self.tables[(hash & 0xff) as usize];
            return Ok(first_in(whole, table, hash, key)?.map(<[u8]>::to_vec));
        }
        let mut found = None;
        self.search(key, |value| {
            found = Some(value.to_vec());
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    /// Calls `visit` with each value of `key`, in the file's order.
    pub fn find(&self, key: &[u8], visit: &mut Visit<'_>) -> Result<(), DbError> {
        self.search(key, visit)
    }

    /// The same for any visitor.
    #[inline]
    fn search(
        &self,
        key: &[u8],
        mut visit: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), DbError> {
        let hash = hash_key(key);
        let table = self.tables[(hash & 0xff) as usize];
        if table.slots == 0 {
            return Ok(());
        }
        let mut slot = (hash >> 8) % table.slots;
        for _ in 0..table.slots {
            let at = u64::from(table.at) + 8 * u64::from(slot);
            let raw = self.pair(at)?;
            let (slot_hash, record) = (raw.0, u64::from(raw.1));
            if record == 0 {
                return Ok(());
            }
            if slot_hash == hash && self.visit_if(record, key, &mut visit)?.is_break() {
                return Ok(());
            }
            slot += 1;
            if slot == table.slots {
                slot = 0;
            }
        }
        Ok(())
    }

    /// Calls `visit` with every pair, in the file's order.
    pub fn each(&self, visit: &mut VisitPair<'_>) -> Result<(), DbError> {
        let end = u64::from(self.tables[0].at);
        let mut at = HEADER_BYTES as u64;
        let (mut key, mut value) = (Vec::new(), Vec::new());
        while at < end {
            let (key_bytes, value_bytes) = self.pair(at)?;
            let next = at + 8 + u64::from(key_bytes) + u64::from(value_bytes);
            if next > end {
                return Err(DbError::Damaged("a record lies outside the file"));
            }
            key.clear();
            value.clear();
            self.blocks.copy(at + 8, key_bytes as usize, &mut key)?;
            let value_at = at + 8 + u64::from(key_bytes);
            self.blocks
                .copy(value_at, value_bytes as usize, &mut value)?;
            if visit(&key, &value).is_break() {
                return Ok(());
            }
            at = next;
        }
        Ok(())
    }

    /// Visits the value of the record at `at` if its key is `key`.
    #[inline]
    fn visit_if(
        &self,
        at: u64,
        key: &[u8],
        visit: &mut impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, DbError> {
        // Nearly always the record lies within one block: one look at it.
        let record = self.blocks.at(at)?;
        if record.len() >= 8 {
            let key_bytes = number(&record, 0) as usize;
            if key_bytes != key.len() {
                return Ok(ControlFlow::Continue(()));
            }
            let value_bytes = number(&record, 4) as usize;
            let rest = &record[8..];
            if let Some(found) = rest.get(..key_bytes) {
                if found != key {
                    return Ok(ControlFlow::Continue(()));
                }
                if let Some(value) = rest.get(key_bytes..key_bytes + value_bytes) {
                    return Ok(visit(value));
                }
            }
        }
        self.visit_split(at, key, visit)
    }

    /// The same for a record that lies in several blocks.
    #[cold]
    fn visit_split(
        &self,
        at: u64,
        key: &[u8],
        visit: &mut impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, DbError> {
        let (key_bytes, value_bytes) = self.pair(at)?;
        if key_bytes as usize != key.len() || !self.blocks.equals(at + 8, key)? {
            return Ok(ControlFlow::Continue(()));
        }
        let mut value = Vec::new();
        let value_at = at + 8 + u64::from(key_bytes);
        self.blocks
            .copy(value_at, value_bytes as usize, &mut value)?;
        Ok(visit(&value))
    }

    /// The two numbers at `at`.
    #[inline]
    fn pair(&self, at: u64) -> Result<(u32, u32), DbError> {
        let bytes = self.blocks.at(at)?;
        if bytes.len() >= 8 {
            return Ok((number(&bytes, 0), number(&bytes, 4)));
        }
        let mut raw = Vec::with_capacity(8);
        self.blocks.copy(at, 8, &mut raw)?;
        Ok((number(&raw, 0), number(&raw, 4)))
    }
}

/// The first value of `key` in a file in one piece.
#[inline]
fn first_in<'f>(
    file: &'f [u8],
    table: Table,
    hash: u32,
    key: &[u8],
) -> Result<Option<&'f [u8]>, DbError> {
    const CUT: DbError = DbError::Damaged("it points behind its end");
    if table.slots == 0 {
        return Ok(None);
    }
    // `open` has seen that tables lie within the file.
    let slots = &file[table.at as usize..][..8 * table.slots as usize];
    let mut slot = ((hash >> 8) % table.slots) as usize;
    for _ in 0..table.slots {
        let raw = &slots[8 * slot..8 * slot + 8];
        let at = number(raw, 4) as usize;
        if at == 0 {
            return Ok(None);
        }
        if number(raw, 0) == hash {
            let record = file
                .get(at..)
                .filter(|record| record.len() >= 8)
                .ok_or(CUT)?;
            let (key_bytes, value_bytes) = (number(record, 0) as usize, number(record, 4) as usize);
            if key_bytes == key.len() {
                let rest = &record[8..];
                if rest.get(..key_bytes).ok_or(CUT)? == key {
                    let value = rest.get(key_bytes..key_bytes + value_bytes);
                    return value.ok_or(CUT).map(Some);
                }
            }
        }
        slot += 1;
        if slot == table.slots as usize {
            slot = 0;
        }
    }
    Ok(None)
}

/// The number at `at` of `raw`, which is long enough.
#[inline]
fn number(raw: &[u8], at: usize) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&raw[at..at + 4]);
    u32::from_le_bytes(bytes)
}

/// Writes a cdb with all of `records`.
pub fn write(records: &Records, out: &mut dyn WriteAt) -> Result<(), DbError> {
    const FULL: DbError = DbError::TooBig("a cdb ends at 4 GiB");
    let mut run = Run::at(HEADER_BYTES as u64);
    let mut slots: Vec<(u32, u32)> = Vec::with_capacity(records.len());
    for record in records.iter() {
        let at = u32::try_from(run.position()).map_err(|_| FULL)?;
        slots.push((record.hash, at));
        run.push(record.raw, out)?;
    }
    // By table, and within a table in the order they came: of several values
    // the first is found first.
    slots.sort_by_key(|(hash, _)| hash & 0xff);
    let mut header = Vec::with_capacity(HEADER_BYTES);
    let mut rest = slots.as_slice();
    let mut table: Vec<(u32, u32)> = Vec::new();
    for index in 0..TABLES as u32 {
        let count = rest.partition_point(|(hash, _)| hash & 0xff <= index);
        let (mine, others) = rest.split_at(count);
        rest = others;
        let at = u32::try_from(run.position()).map_err(|_| FULL)?;
        let size = u32::try_from(2 * count).map_err(|_| FULL)?;
        header.extend_from_slice(&at.to_le_bytes());
        header.extend_from_slice(&size.to_le_bytes());
        table.clear();
        table.resize(2 * count, (0, 0));
        for (hash, record) in mine {
            let mut slot = ((hash >> 8) % size) as usize;
            while table[slot].1 != 0 {
                slot = (slot + 1) % table.len();
            }
            table[slot] = (*hash, *record);
        }
        for (hash, record) in &table {
            run.push(&hash.to_le_bytes(), out)?;
            run.push(&record.to_le_bytes(), out)?;
        }
    }
    u32::try_from(run.position()).map_err(|_| FULL)?;
    run.flush(out)?;
    out.write_all_at(0, &header)?;
    Ok(())
}
