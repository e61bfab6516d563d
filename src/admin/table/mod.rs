//! The texts that tables are made of, edited in place: aliases, lines of keys
//! and values, lists of words.
//!
//! Everything that is not the entry in question stays as it is, byte for
//! byte: comments, order, blank lines, how things are aligned.

mod check;
mod lock;
mod text;

pub use check::{Kind, Known, check};
pub use lock::{Locked, lock};
pub use text::{Change, Entry, Form, TableText};

#[cfg(test)]
mod tests;
