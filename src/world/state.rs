//! State that one process owns and that can be rebuilt: what is known of
//! hosts, counters of rates. Keys and values are bytes, in tables with names.

use std::io;

/// A store of small values. Calls may block for as long as a disk does.
pub trait StateStore: Send + Sync {
    /// Keeps a value in the place of what was there. It need not be durable
    /// at once.
    ///
    /// # Errors
    /// What the store said.
    fn put(&self, table: &str, key: &[u8], value: &[u8]) -> io::Result<()>;

    /// Forgets a value.
    ///
    /// # Errors
    /// What the store said.
    fn remove(&self, table: &str, key: &[u8]) -> io::Result<()>;

    /// Shows every key of a table with its value, by key.
    ///
    /// # Errors
    /// What the store said; some may have been shown by then.
    fn scan(&self, table: &str, show: &mut dyn FnMut(&[u8], &[u8])) -> io::Result<()>;
}
