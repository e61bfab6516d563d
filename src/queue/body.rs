//! Bodies while they come in: in memory, then in a data file.

use std::io::IoSlice;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::directory::{Directory, FileKind};
use super::spool::Inner;
use super::{Body, BodyWriter, SpoolError};
use crate::base::QueueId;
use crate::world::{BoxFuture, DiskFile, OpenMode};

/// How much is gathered before it is written to the file.
const CHUNK_BYTES: usize = 256 << 10;

/// Takes a body in.
pub(super) struct Incoming {
    inner: Arc<Inner>,
    id: QueueId,
    /// What is not in the file.
    buffer: BytesMut,
    /// Beyond this many bytes it gets a file.
    memory_bytes_max: usize,
    file: Option<DataFile>,
}

/// A data file that nobody has accepted yet: removed when it is dropped.
struct DataFile {
    directory: Arc<Directory>,
    id: QueueId,
    file: Arc<dyn DiskFile>,
    len: u64,
    accepted: bool,
}

impl Drop for DataFile {
    fn drop(&mut self) {
        if !self.accepted {
            // An orphan costs room and nothing else.
            let _ = self.directory.remove(FileKind::Data, self.id);
        }
    }
}

impl Incoming {
    pub(super) fn new(inner: Arc<Inner>, id: QueueId) -> Self {
        let memory_bytes_max = inner.settings.memory_body_bytes;
        Self {
            inner,
            id,
            buffer: BytesMut::new(),
            memory_bytes_max,
            file: None,
        }
    }

    /// Moves the buffer into the file.
    fn spill(&mut self) -> Result<(), SpoolError> {
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let directory = Arc::clone(self.inner.folders.at(self.id));
                let file = directory.begin_data(self.id)?;
                self.file.insert(DataFile {
                    directory,
                    id: self.id,
                    file,
                    len: 0,
                    accepted: false,
                })
            }
        };
        file.file
            .write_at(&[IoSlice::new(&self.buffer)], file.len)?;
        file.len += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

impl BodyWriter for Incoming {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        self.buffer.extend_from_slice(bytes);
        let max = match self.file {
            Some(_) => CHUNK_BYTES,
            None => self.memory_bytes_max,
        };
        if self.buffer.len() > max {
            let written = self.spill();
            if written.is_err() {
                self.file = None;
                self.buffer = BytesMut::new();
            }
            return written;
        }
        Ok(())
    }

    fn len(&self) -> u64 {
        self.file.as_ref().map_or(0, |file| file.len) + self.buffer.len() as u64
    }

    fn finish(mut self: Box<Self>) -> BoxFuture<'static, Result<Body, SpoolError>> {
        Box::pin(async move {
            if self.file.is_none() {
                return Ok(Body::Memory(Bytes::from(std::mem::take(&mut self.buffer))));
            }
            self.spill()?;
            let Some(mut data) = self.file.take() else {
                return Err(SpoolError::Closing);
            };
            let directory = Arc::clone(&data.directory);
            let file = Arc::clone(&data.file);
            self.inner.keeper.sync(file, directory).await?;
            let path = data.directory.file(FileKind::Data, self.id);
            // Whoever gets it may read and no more.
            let disk = data.directory.disk();
            let file = disk.open(&path, OpenMode::Read)?.descriptor()?;
            self.inner.lay_aside(self.id);
            data.accepted = true;
            Ok(Body::File(Arc::new(file), data.len))
        })
    }
}
