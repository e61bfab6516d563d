//! Where the bytes come from, and what can be wrong with them.

use std::io;

/// Bytes at offsets: a file, or a slice.
pub trait ReadAt: Send + Sync {
    /// Fills `buffer` from `offset` on. Too few bytes are an error
    /// (`UnexpectedEof`).
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;
}

impl ReadAt for [u8] {
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).ok();
        let found = start
            .and_then(|start| self.get(start..))
            .and_then(|rest| rest.get(..buffer.len()))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(found);
        Ok(())
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        (**self).read_exact_at(offset, buffer)
    }
}

impl ReadAt for Vec<u8> {
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.as_slice().read_exact_at(offset, buffer)
    }
}

/// A file that is being written: mostly from front to back.
pub trait WriteAt {
    /// Writes all of `bytes` from `offset` on; a gap is left as zeros.
    fn write_all_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
}

impl WriteAt for Vec<u8> {
    fn write_all_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let end = start + bytes.len();
        if self.len() < end {
            self.resize(end, 0);
        }
        self[start..end].copy_from_slice(bytes);
        Ok(())
    }
}

/// Bytes collected before they are written.
const WRITE_BYTES: usize = 1 << 20;

/// Collects what goes to one place after another into long writes.
pub(super) struct Run {
    begin: u64,
    bytes: Vec<u8>,
}

impl Run {
    /// Nothing collected yet; the first bytes go to `begin`.
    pub(super) fn at(begin: u64) -> Self {
        Self {
            begin,
            bytes: Vec::new(),
        }
    }

    /// Where the next bytes go.
    pub(super) fn position(&self) -> u64 {
        self.begin + self.bytes.len() as u64
    }

    /// Adds bytes.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut dyn WriteAt) -> io::Result<()> {
        if self.bytes.len() + bytes.len() > WRITE_BYTES {
            self.flush(out)?;
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Replaces bytes that are still here; false when they are written.
    pub(super) fn replace(&mut self, at: u64, bytes: &[u8]) -> bool {
        let start = at
            .checked_sub(self.begin)
            .and_then(|start| usize::try_from(start).ok());
        let place = start.and_then(|start| self.bytes.get_mut(start..start + bytes.len()));
        match place {
            Some(place) => {
                place.copy_from_slice(bytes);
                true
            }
            None => false,
        }
    }

    /// Writes what is collected.
    pub(super) fn flush(&mut self, out: &mut dyn WriteAt) -> io::Result<()> {
        out.write_all_at(self.begin, &self.bytes)?;
        self.begin = self.position();
        self.bytes.clear();
        Ok(())
    }
}

/// Why a database gives no answer. The caller knows the file's name and puts
/// it in front.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The bytes could not be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The file is of no kind that is read here.
    #[error("not a database file")]
    NotDatabase,
    /// The file uses something that is not read here.
    #[error("unsupported database file: {0}")]
    Unsupported(&'static str),
    /// The file contradicts itself.
    #[error("damaged database file: {0}")]
    Damaged(&'static str),
    /// The entries don't fit the format.
    #[error("too big for this type of database: {0}")]
    TooBig(&'static str),
}
