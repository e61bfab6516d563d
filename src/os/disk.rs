//! The disk of this machine.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

use nix::fcntl::{FallocateFlags, OFlag, fallocate};
use nix::sys::uio::pwritev;

use crate::world::{Disk, DiskFile, FileFacts, OpenMode};

/// From so many files on, one sync of their file system is cheaper than one
/// of each.
const SYNC_TOGETHER: usize = 8;

/// Files and directories of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

#[derive(Debug)]
struct SystemFile(File);

fn facts(metadata: &std::fs::Metadata) -> io::Result<FileFacts> {
    Ok(FileFacts {
        len: metadata.len(),
        device: (
            nix::sys::stat::major(metadata.dev()),
            nix::sys::stat::minor(metadata.dev()),
        ),
        inode: metadata.ino(),
        uid: metadata.uid(),
        mode: metadata.mode(),
        modified: metadata.modified()?,
        links: metadata.nlink(),
    })
}

/// The system's offsets are signed.
fn offset(at: u64) -> io::Result<i64> {
    i64::try_from(at).map_err(|_| io::ErrorKind::InvalidInput.into())
}

impl DiskFile for SystemFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match self.0.read_at(&mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, pieces: &[IoSlice<'_>], at: u64) -> io::Result<()> {
        let total: usize = pieces.iter().map(|piece| piece.len()).sum();
        let mut written = 0;
        while written == 0 && total > 0 {
            match pwritev(&self.0, pieces, offset(at)?) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => written = n,
                Err(nix::Error::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // A write is cut short when the disk fills up or a signal comes: the
        // rest, piece by piece.
        let mut start = 0;
        for piece in pieces {
            let done = written.saturating_sub(start).min(piece.len());
            if done < piece.len() {
                let to = at + (start + done) as u64;
                self.0.write_all_at(&piece[done..], to)?;
            }
            start += piece.len();
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        match fallocate(&self.0, FallocateFlags::empty(), 0, offset(len)?) {
            // Not every file system can reserve; then the length must do.
            Err(nix::Error::EOPNOTSUPP) => self.0.set_len(len),
            done => Ok(done?),
        }
    }

    fn facts(&self) -> io::Result<FileFacts> {
        facts(&self.0.metadata()?)
    }

    fn try_lock(&self) -> io::Result<bool> {
        match self.0.try_lock() {
            Ok(()) => Ok(true),
            Err(std::fs::TryLockError::WouldBlock) => Ok(false),
            Err(std::fs::TryLockError::Error(error)) => Err(error),
        }
    }

    fn descriptor(&self) -> io::Result<File> {
        self.0.try_clone()
    }
}

impl Disk for SystemDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(mode != OpenMode::Read);
        options.custom_flags((OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW).bits());
        match mode {
            OpenMode::Read | OpenMode::Write => {}
            OpenMode::Create(mode) => {
                options.create_new(true).mode(mode);
            }
            OpenMode::OpenOrCreate(mode) => {
                options.create(true).mode(mode);
            }
        }
        Ok(Arc::new(SystemFile(options.open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(directory)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn make_directory(&self, path: &Path, mode: u32) -> io::Result<()> {
        let made = std::fs::DirBuilder::new().mode(mode).create(path);
        match made {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        }
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn sync_many(&self, files: &[Arc<dyn DiskFile>]) -> io::Result<()> {
        if files.len() < SYNC_TOGETHER {
            return files.iter().try_for_each(|file| file.sync());
        }
        // Data that failed to reach the disk is reported here as well (Linux
        // 5.8 and later).
        match files.first() {
            Some(file) => Ok(nix::unistd::syncfs(file.descriptor()?)?),
            None => Ok(()),
        }
    }

    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        facts(&std::fs::metadata(path)?)
    }

    fn bytes_free(&self, path: &Path) -> io::Result<u64> {
        let statistics = nix::sys::statvfs::statvfs(path)?;
        Ok(statistics.blocks_available() * statistics.fragment_size())
    }
}

/// Bytes of one block, in which MinFreeBlocks counts, on the file system of
/// `path`; the usual 4096 when it cannot be asked.
pub fn block_bytes(path: &std::path::Path) -> u64 {
    rustix::fs::statvfs(path).map_or(4096, |stat| stat.f_frsize)
}
