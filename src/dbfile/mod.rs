//! Database files over bytes: Berkeley DB hash and btree, cdb, LMDB, ndbm, and
//! sendmail's counters.
//!
//! Readers ask for blocks of a file through [`ReadAt`] and keep some of them
//! ([`Blocks`]); writers give a file in the order of its bytes, and what they
//! must keep of it until the end is bounded by the entries, not by the file.
//! Nothing here opens or names a file. Every number in a file is foreign:
//! offsets are checked, chains and trees have limits, and a damaged file is
//! an error ([`DbError`]), never a panic or an endless walk.

pub mod bdb;
mod blocks;
pub mod cdb;
pub mod lmdb;
pub mod ndbm;
mod records;
mod source;
pub mod statistics;

pub use blocks::{Blocks, Piece};
pub use records::{Duplicates, Inserted, Records};
pub use source::{DbError, ReadAt, WriteAt};
