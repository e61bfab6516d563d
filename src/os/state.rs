//! State in an embedded database (sled), which one process has open.
//!
//! What is in it can be rebuilt: a database that does not open is put aside
//! and begun anew.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::world::StateStore;

/// How long what was kept may stay in memory only, in milliseconds.
const FLUSH_EVERY_MS: u64 = 2000;
/// Memory for what was read.
const CACHE_BYTES: u64 = 8 << 20;
/// Another process that is just ending may still have it open.
const TRIES: u32 = 10;
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// A sled database.
pub struct SledStore(sled::Db);

impl SledStore {
    /// Opens the database in this directory, or makes it.
    ///
    /// # Errors
    /// Another process has it open, or the system refused.
    pub fn open(path: &Path) -> io::Result<Self> {
        let open = || {
            sled::Config::new()
                .path(path)
                .cache_capacity(CACHE_BYTES)
                .flush_every_ms(Some(FLUSH_EVERY_MS))
                .open()
                .map_err(io_error)
        };
        let mut opened = open();
        for _ in 1..TRIES {
            match &opened {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    std::thread::sleep(PAUSE);
                    opened = open();
                }
                _ => break,
            }
        }
        match opened {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let aside = path.with_extension("damaged");
                if aside.exists() {
                    std::fs::remove_dir_all(&aside)?;
                }
                std::fs::rename(path, aside)?;
                open().map(Self)
            }
            opened => opened.map(Self),
        }
    }
}

impl StateStore for SledStore {
    fn put(&self, table: &str, key: &[u8], value: &[u8]) -> io::Result<()> {
        let table = self.0.open_tree(table).map_err(io_error)?;
        table.insert(key, value).map_err(io_error)?;
        Ok(())
    }

    fn remove(&self, table: &str, key: &[u8]) -> io::Result<()> {
        let table = self.0.open_tree(table).map_err(io_error)?;
        table.remove(key).map_err(io_error)?;
        Ok(())
    }

    fn scan(&self, table: &str, show: &mut dyn FnMut(&[u8], &[u8])) -> io::Result<()> {
        let table = self.0.open_tree(table).map_err(io_error)?;
        for entry in &table {
            let (key, value) = entry.map_err(io_error)?;
            show(&key, &value);
        }
        Ok(())
    }
}

fn io_error(error: sled::Error) -> io::Error {
    match error {
        // A lock that somebody else holds is told in words only.
        sled::Error::Io(error) if error.to_string().contains("could not acquire lock") => {
            io::Error::new(io::ErrorKind::WouldBlock, error)
        }
        sled::Error::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, other.to_string()),
    }
}

#[cfg(test)]
mod tests;
