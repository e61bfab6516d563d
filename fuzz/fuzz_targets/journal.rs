//! Recovery: a segment of records that were cut, mixed and damaged.
//!
//! The input is a list of records (kind, which message, payload) and then of
//! places to damage; so most of it is well formed, and recovery gets far.

#![no_main]

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use godwit::base::QueueId;
use godwit::queue::journal::{RecordKind, look, record};
use godwit::world::{Disk, DiskFile, FileFacts, OpenMode};
use libfuzzer_sys::fuzz_target;

const SECRET: u64 = 0x0123_4567_89ab_cdef;

/// Files that can be read.
struct Memory(HashMap<PathBuf, Arc<Vec<u8>>>);

struct MemoryFile(Arc<Vec<u8>>);

fn no<T>() -> io::Result<T> {
    Err(io::ErrorKind::Unsupported.into())
}

fn facts(bytes: &[u8]) -> FileFacts {
    FileFacts {
        len: bytes.len() as u64,
        device: (0, 0),
        inode: 1,
        uid: 0,
        mode: 0o100_600,
        modified: SystemTime::UNIX_EPOCH,
        links: 1,
    }
}

impl DiskFile for MemoryFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let start = (offset as usize).min(self.0.len());
        let len = buffer.len().min(self.0.len() - start);
        buffer[..len].copy_from_slice(&self.0[start..start + len]);
        Ok(len)
    }
    fn write_at(&self, _: &[IoSlice<'_>], _: u64) -> io::Result<()> {
        no()
    }
    fn sync(&self) -> io::Result<()> {
        no()
    }
    fn allocate(&self, _: u64) -> io::Result<()> {
        no()
    }
    fn facts(&self) -> io::Result<FileFacts> {
        Ok(facts(&self.0))
    }
    fn try_lock(&self) -> io::Result<bool> {
        Ok(true)
    }
    fn descriptor(&self) -> io::Result<File> {
        no()
    }
}

impl Disk for Memory {
    fn open(&self, path: &Path, _: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        match self.0.get(path) {
            Some(bytes) => Ok(Arc::new(MemoryFile(Arc::clone(bytes)))),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        no()
    }
    fn remove(&self, _: &Path) -> io::Result<()> {
        no()
    }
    fn list(&self, _: &Path) -> io::Result<Vec<String>> {
        Ok(vec!["00000001.seg".into(), "lock".into()])
    }
    fn make_directory(&self, _: &Path, _: u32) -> io::Result<()> {
        no()
    }
    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        no()
    }
    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        self.0.get(path).map_or_else(no, |bytes| Ok(facts(bytes)))
    }
    fn bytes_free(&self, _: &Path) -> io::Result<u64> {
        no()
    }
}

const KINDS: [RecordKind; 7] = [
    RecordKind::Envelope,
    RecordKind::Body,
    RecordKind::Commit,
    RecordKind::Outcome,
    RecordKind::Moved,
    RecordKind::Done,
    RecordKind::End,
];

fuzz_target!(|input: &[u8]| {
    let mut segment = b"GODWITJ1".to_vec();
    segment.extend_from_slice(&1u64.to_le_bytes());
    segment.extend_from_slice(&SECRET.to_le_bytes());
    segment.extend_from_slice(&crc32c::crc32c(&segment).to_le_bytes());
    segment.resize(4096, 0);
    let mut rest = input;
    while let [kind, which, len, tail @ ..] = rest {
        let (payload, after) = tail.split_at(usize::from(*len).min(tail.len()));
        rest = after;
        let id = format!("7AAbCdEf{:06}", which % 8);
        let Some(id) = QueueId::parse(id.as_bytes()) else {
            return;
        };
        let at = segment.len();
        record::put(&mut segment, KINDS[usize::from(kind % 7)], id, payload);
        record::seal(&mut segment, at, SECRET);
        if kind & 0x80 != 0 {
            let place = at + usize::from(*which) % (segment.len() - at);
            segment[place] ^= kind | 1;
        }
    }
    segment.resize(segment.len() + 64, 0);
    let files = HashMap::from([(PathBuf::from("/j/00000001.seg"), Arc::new(segment))]);
    let found = look(&Memory(files), Path::new("/j")).expect("nothing fails to be read");
    for message in found {
        // What was found whole can be read, or has been damaged since.
        let _ = message.stored.read();
    }
});
