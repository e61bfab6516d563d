//! Files of the site that only root may read, opened by the parent.
//!
//! The engine tries for itself first. The question and the answer go over a
//! channel of their own and block, because maps are asked where nothing may
//! be awaited; the parent only opens and answers, which takes microseconds,
//! and happens when a file is new or has changed.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::daemon::frame::{FileAnswer, WantFile};
use crate::os::Channel;
use crate::world::Files;

/// Opens files itself, and asks the parent for those it may not open.
pub(super) struct ParentFiles {
    channel: Mutex<Channel>,
}

impl ParentFiles {
    pub(super) fn new(channel: Channel) -> Self {
        Self {
            channel: Mutex::new(channel),
        }
    }

    fn ask(&self, path: &Path) -> io::Result<File> {
        let want = WantFile {
            path: path.as_os_str().as_bytes().into(),
        };
        let channel = self.channel.lock().unwrap_or_else(PoisonError::into_inner);
        channel.send(&want.encode(), &[])?;
        let mut received = channel.receive()?.ok_or(io::ErrorKind::BrokenPipe)?;
        let answer = FileAnswer::decode(&received.frame).ok_or(io::ErrorKind::InvalidData)?;
        match (answer.errno, received.descriptors.pop()) {
            (0, Some(file)) => Ok(file.into()),
            (0, None) => Err(io::ErrorKind::InvalidData.into()),
            (errno, _) => {
                let errno = i32::try_from(errno).map_err(|_| io::ErrorKind::InvalidData)?;
                Err(io::Error::from_raw_os_error(errno))
            }
        }
    }
}

impl Files for ParentFiles {
    fn open(&self, path: &Path) -> io::Result<File> {
        match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => self.ask(path),
            result => result,
        }
    }
}
