//! ndbm files, as `dbm` maps of older systems have them: `NAME.pag`, blocks of
//! 1024 bytes. Only read.
//!
//! Which block a key is in depends on a hash function and a bitmap that differ
//! from system to system; every block says by itself what is in it. So the
//! blocks are read one after the other and the pairs kept in memory. That also
//! reads the files of sdbm, which are the same but for the hash function.

use std::collections::HashMap;

use super::bdb::VisitPair;
use super::source::{DbError, ReadAt};

/// The bytes of a block.
const BLOCK_BYTES: usize = 1024;

/// Pairs are kept in memory: longer files are refused.
const FILE_BYTES_MAX: u64 = 160 << 20;

/// What a gdbm file begins with, which some systems give the same name.
const GDBM_MAGIC: [u32; 6] = [
    0x1357_9ace,
    0x1357_9acd,
    0x1357_9acf,
    0x1357_9ad0,
    0x1357_9ad1,
    0x1357_9add,
];

/// The pairs of an ndbm file.
pub struct Ndbm {
    pairs: HashMap<Box<[u8]>, Box<[u8]>>,
}

impl Ndbm {
    /// Reads a file of `length` bytes.
    pub fn open(source: &dyn ReadAt, length: u64) -> Result<Self, DbError> {
        if length > FILE_BYTES_MAX {
            return Err(DbError::TooBig("an ndbm file of more than 160 MiB"));
        }
        let mut pairs = HashMap::new();
        let mut block = [0; BLOCK_BYTES];
        let mut big_endian = None;
        for number in 0..length.div_ceil(BLOCK_BYTES as u64) {
            let offset = number * BLOCK_BYTES as u64;
            // The last block may end early: what is not there is empty.
            let there = usize::try_from(length - offset).unwrap_or(BLOCK_BYTES);
            block.fill(0);
            source.read_exact_at(offset, &mut block[..there.min(BLOCK_BYTES)])?;
            if number == 0 && is_gdbm(&block) {
                return Err(DbError::Unsupported("it is a gdbm file"));
            }
            if block[..2] == [0, 0] {
                continue;
            }
            // The first block in use tells the order of bytes.
            let big = *big_endian.get_or_insert_with(|| !is_sound(&block, false));
            if !is_sound(&block, big) {
                return Err(match pairs.is_empty() {
                    true => DbError::NotDatabase,
                    false => DbError::Damaged("a block contradicts itself"),
                });
            }
            take(&block, big, &mut pairs);
        }
        Ok(Self { pairs })
    }

    /// The value of `key`.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.pairs.get(key).map(|value| &**value)
    }

    /// Calls `visit` with every pair, in no order.
    pub fn each(&self, visit: &mut VisitPair<'_>) {
        for (key, value) in &self.pairs {
            if visit(key, value).is_break() {
                return;
            }
        }
    }
}

/// Whether a file begins as those of gdbm do.
fn is_gdbm(block: &[u8; BLOCK_BYTES]) -> bool {
    let first = [block[0], block[1], block[2], block[3]];
    GDBM_MAGIC.contains(&u32::from_le_bytes(first))
        || GDBM_MAGIC.contains(&u32::from_be_bytes(first))
}

/// A number of a block: how many offsets there are, or one of them.
fn number(block: &[u8; BLOCK_BYTES], index: usize, big_endian: bool) -> usize {
    let bytes = [block[2 * index], block[2 * index + 1]];
    usize::from(match big_endian {
        true => u16::from_be_bytes(bytes),
        false => u16::from_le_bytes(bytes),
    })
}

/// Whether the offsets of a block are possible: in pairs, each before the one
/// before it, none among the offsets themselves.
fn is_sound(block: &[u8; BLOCK_BYTES], big_endian: bool) -> bool {
    let count = number(block, 0, big_endian);
    if !count.is_multiple_of(2) || 2 * (count + 1) > BLOCK_BYTES {
        return false;
    }
    let mut end = BLOCK_BYTES;
    (1..=count).all(|index| {
        let at = number(block, index, big_endian);
        let fits = at <= end && at >= 2 * (count + 1);
        end = at;
        fits
    })
}

/// Takes the pairs of a sound block: each key ends where what is before it
/// begins, and its value follows towards the front.
fn take(block: &[u8; BLOCK_BYTES], big_endian: bool, into: &mut HashMap<Box<[u8]>, Box<[u8]>>) {
    let mut end = BLOCK_BYTES;
    for index in (1..=number(block, 0, big_endian)).step_by(2) {
        let key_at = number(block, index, big_endian);
        let value_at = number(block, index + 1, big_endian);
        into.insert(block[key_at..end].into(), block[value_at..key_at].into());
        end = value_at;
    }
}
