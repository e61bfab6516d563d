//! The entries of a database that is being built, in memory.
//!
//! Each record is kept as cdb has it (two lengths, key, value), so that a cdb
//! file is these bytes in this order; the hash writer brings them into the
//! order of its buckets. A million entries of 70 bytes take about 110 MB.

use super::source::DbError;

/// What happens to an entry whose key is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duplicates {
    /// It is refused (makemap without flags).
    Refuse,
    /// It takes the place of the first (`-r`).
    Replace,
    /// Both stay (`-d`).
    Keep,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is in.
    New,
    /// It is in, and another one with its key went.
    Replaced,
    /// It was refused: its key is there already.
    Refused,
}

/// Bytes of records in one allocation.
const CHUNK_BYTES: usize = 1 << 20;

/// A place in the table of keys that nobody has.
const FREE: u32 = u32::MAX;

/// Entries in the order they came.
pub struct Records {
    hash: fn(&[u8]) -> u32,
    several: bool,
    chunks: Vec<Vec<u8>>,
    entries: Vec<Entry>,
    /// Where entries are, by hash: an open table, never more than half full.
    table: Vec<u32>,
    /// Places of the table that are taken, by live entries or dead ones.
    taken: usize,
    live: usize,
}

/// Where one record is.
#[derive(Clone, Copy)]
struct Entry {
    hash: u32,
    chunk: u32,
    /// Within its chunk; [`GONE`] when it was replaced or removed.
    at: u32,
}

/// The place of an entry that is no more.
const GONE: u32 = u32::MAX;

/// One record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'r> {
    /// The hash of its key, of the format's own hash function.
    pub(super) hash: u32,
    /// The two lengths, key and value, as cdb has them.
    pub(super) raw: &'r [u8],
    pub(super) key: &'r [u8],
    pub(super) value: &'r [u8],
}

impl Records {
    /// Entries for a format whose hash function is `hash`; keys may have
    /// `several` values.
    pub(super) fn with_hash(hash: fn(&[u8]) -> u32, several: bool) -> Self {
        Self {
            hash,
            several,
            chunks: Vec::new(),
            entries: Vec::new(),
            table: Vec::new(),
            taken: 0,
            live: 0,
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Whether keys may have several values.
    pub(super) fn several(&self) -> bool {
        self.several
    }

    /// Adds an entry. Where keys may have several values, none is ever
    /// replaced: `Replace` adds one, as Berkeley DB does.
    pub fn insert(
        &mut self,
        key: &[u8],
        value: &[u8],
        duplicates: Duplicates,
    ) -> Result<Inserted, DbError> {
        let hash = (self.hash)(key);
        self.grow();
        let place = self.place(hash, key);
        let old = self.entry_at(place);
        let mut inserted = Inserted::New;
        if let Some(old) = old {
            match duplicates {
                Duplicates::Refuse => return Ok(Inserted::Refused),
                Duplicates::Replace if !self.several => {
                    self.entries[old].at = GONE;
                    self.live -= 1;
                    inserted = Inserted::Replaced;
                }
                Duplicates::Replace | Duplicates::Keep => {}
            }
        }
        let entry = self.store(hash, key, value)?;
        let number = u32::try_from(self.entries.len())
            .ok()
            .filter(|number| *number != FREE)
            .ok_or(DbError::TooBig("more than four thousand million entries"))?;
        self.entries.push(entry);
        self.live += 1;
        // Of several entries the table knows the first.
        if old.is_none() || inserted == Inserted::Replaced {
            self.table[place] = number;
            self.taken += usize::from(old.is_none());
        }
        Ok(inserted)
    }

    /// The value of a key; of several the first.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        if self.table.is_empty() {
            return None;
        }
        let place = self.place((self.hash)(key), key);
        self.entry_at(place)
            .map(|number| self.record(self.entries[number]).value)
    }

    /// Takes a key out with all its values; false when it is not there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        if self.table.is_empty() {
            return false;
        }
        let place = self.place((self.hash)(key), key);
        let Some(first) = self.entry_at(place) else {
            return false;
        };
        self.entries[first].at = GONE;
        self.live -= 1;
        for number in first + 1..self.entries.len() * usize::from(self.several) {
            let entry = self.entries[number];
            if entry.at != GONE && self.record(entry).key == key {
                self.entries[number].at = GONE;
                self.live -= 1;
            }
        }
        true
    }

    /// The live records in the order they came.
    pub(super) fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        self.entries
            .iter()
            .filter(|entry| entry.at != GONE)
            .map(|entry| self.record(*entry))
    }

    /// The hashes of the live records with their numbers.
    pub(super) fn hashes(&self) -> impl Iterator<Item = (u32, u32)> {
        (0..)
            .zip(&self.entries)
            .filter(|(_, entry)| entry.at != GONE)
            .map(|(number, entry)| (number, entry.hash))
    }

    /// The record of a number from [`Records::hashes`].
    pub(super) fn by_number(&self, number: u32) -> Record<'_> {
        self.record(self.entries[number as usize])
    }

    /// The record of an entry.
    fn record(&self, entry: Entry) -> Record<'_> {
        let chunk = &self.chunks[entry.chunk as usize][entry.at as usize..];
        // `store` wrote these bytes: two lengths and as many bytes.
        let length = |at: usize| {
            let mut raw = [0; 4];
            raw.copy_from_slice(&chunk[at..at + 4]);
            u32::from_le_bytes(raw) as usize
        };
        let key_end = 8 + length(0);
        let end = key_end + length(4);
        Record {
            hash: entry.hash,
            raw: &chunk[..end],
            key: &chunk[8..key_end],
            value: &chunk[key_end..end],
        }
    }

    /// Puts a record's bytes away.
    fn store(&mut self, hash: u32, key: &[u8], value: &[u8]) -> Result<Entry, DbError> {
        let too_big = DbError::TooBig("an entry of four thousand million bytes");
        let (Ok(key_bytes), Ok(value_bytes)) =
            (u32::try_from(key.len()), u32::try_from(value.len()))
        else {
            return Err(too_big);
        };
        let size = 8 + key.len() + value.len();
        let full = self
            .chunks
            .last()
            .is_none_or(|chunk| chunk.len() + size > chunk.capacity());
        if full {
            self.chunks.push(Vec::with_capacity(size.max(CHUNK_BYTES)));
        }
        let number = self.chunks.len() - 1;
        let chunk = &mut self.chunks[number];
        let entry = Entry {
            hash,
            chunk: u32::try_from(number).map_err(|_| DbError::TooBig("too many bytes"))?,
            at: u32::try_from(chunk.len()).map_err(|_| DbError::TooBig("too many bytes"))?,
        };
        chunk.extend_from_slice(&key_bytes.to_le_bytes());
        chunk.extend_from_slice(&value_bytes.to_le_bytes());
        chunk.extend_from_slice(key);
        chunk.extend_from_slice(value);
        Ok(entry)
    }

    /// The entry that a place of the table names.
    fn entry_at(&self, place: usize) -> Option<usize> {
        match self.table[place] {
            FREE => None,
            number => Some(number as usize),
        }
    }

    /// The place of `key` in the table: where it is, or where it would go.
    fn place(&self, hash: u32, key: &[u8]) -> usize {
        let mask = self.table.len() - 1;
        let mut place = spread(hash) & mask;
        loop {
            let number = self.table[place];
            if number == FREE {
                return place;
            }
            let entry = self.entries[number as usize];
            if entry.hash == hash && entry.at != GONE && self.record(entry).key == key {
                return place;
            }
            place = (place + 1) & mask;
        }
    }

    /// Makes room in the table for one more.
    fn grow(&mut self) {
        if self.taken * 2 < self.table.len() {
            return;
        }
        let size = (self.live * 4).next_power_of_two().max(1024);
        self.table.clear();
        self.table.resize(size, FREE);
        self.taken = self.live;
        for number in 0..self.entries.len() {
            let entry = self.entries[number];
            if entry.at == GONE {
                continue;
            }
            let place = if self.several {
                // The first of equal keys has the place.
                let record = self.record(entry);
                let place = self.place(entry.hash, record.key);
                if self.table[place] != FREE {
                    continue;
                }
                place
            } else {
                let mut place = spread(entry.hash) & (size - 1);
                while self.table[place] != FREE {
                    place = (place + 1) & (size - 1);
                }
                place
            };
            // `insert` has seen to it that numbers fit.
            self.table[place] = number as u32;
        }
    }
}

/// A format's hash may be weak in its low bits; this brings the high ones in.
#[inline]
fn spread(hash: u32) -> usize {
    (u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize
}
