//! Maildirs: one file a message, no locks.
//!
//! A file is written and synced in `tmp`, then renamed into `new`: a reader
//! sees whole messages only, and a crash leaves nothing but litter in `tmp`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Text, failure};
use crate::base::Reply;

/// Syncs of one batch that run at once.
const SYNCS_AT_ONCE: usize = 16;

/// Makes names that no other file of the Maildir has.
#[derive(Debug)]
pub struct MaildirName {
    host: String,
    count: u64,
}

impl MaildirName {
    /// For this host's name; what cannot stand in a file name is left out.
    pub fn new(host: &[u8]) -> Self {
        let host = host
            .iter()
            .filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
            .map(|byte| char::from(*byte))
            .take(200)
            .collect();
        Self { host, count: 0 }
    }

    /// `SECONDS.MmicrosecondsPpidQcount.host`.
    fn next(&mut self) -> String {
        self.count += 1;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        format!(
            "{}.M{}P{}Q{}.{}",
            now.as_secs(),
            now.subsec_micros(),
            std::process::id(),
            self.count,
            self.host
        )
    }
}

/// Puts messages into the Maildir `path`, which is made when it is missing;
/// gives one reply for each. `user` is the name in the replies.
pub fn deliver(path: &Path, user: &str, names: &mut MaildirName, messages: &[&Text]) -> Vec<Reply> {
    if let Err(error) = make(path) {
        return vec![failure("Create", path, &error); messages.len()];
    }
    let written: Vec<Result<Written, io::Error>> = messages
        .iter()
        .map(|text| write(path, &names.next(), text))
        .collect();
    let synced = sync(&written);
    let mut any = false;
    let stored: Vec<Result<PathBuf, io::Error>> = written
        .into_iter()
        .zip(synced)
        .map(|(written, synced)| {
            let Written { tmp, new, .. } = written?;
            synced
                .and_then(|()| fs::rename(&tmp, &new))
                .inspect_err(|_| drop(fs::remove_file(&tmp)))?;
            any = true;
            Ok(new)
        })
        .collect();
    if any && let Err(error) = File::open(path.join("new")).and_then(|dir| dir.sync_all()) {
        stored.iter().flatten().for_each(|new| {
            // Deferred: the next attempt must not find it twice.
            let _ = fs::remove_file(new);
        });
        return vec![failure("Sync", path, &error); messages.len()];
    }
    stored
        .into_iter()
        .map(|stored| match stored {
            Ok(_) => Reply::with(250, (2, 1, 5), format!("{user} Ok")),
            Err(error) => failure("Write", path, &error),
        })
        .collect()
}

/// Syncs every file that was written. Several at a time: a file system that
/// has a journal writes it once for all that wait together.
fn sync(written: &[Result<Written, io::Error>]) -> Vec<io::Result<()>> {
    let one = |written: &Result<Written, io::Error>| match written {
        Ok(written) => written.file.sync_all(),
        // It has an error of its own.
        Err(_) => Ok(()),
    };
    if written.len() < 2 {
        return written.iter().map(one).collect();
    }
    let share = written.len().div_ceil(SYNCS_AT_ONCE);
    std::thread::scope(|scope| {
        let parts: Vec<_> = written
            .chunks(share)
            .map(|part| {
                let work = scope.spawn(move || part.iter().map(one).collect::<Vec<_>>());
                (work, part.len())
            })
            .collect();
        let parts = parts.into_iter().flat_map(|(work, count)| {
            let broken = || (0..count).map(|_| Err(io::ErrorKind::Other.into()));
            work.join().unwrap_or_else(|_| broken().collect())
        });
        parts.collect()
    })
}

/// A message in `tmp`, not synced yet.
struct Written {
    file: File,
    tmp: PathBuf,
    new: PathBuf,
}

fn write(path: &Path, name: &str, text: &Text) -> io::Result<Written> {
    let tmp = path.join("tmp").join(name);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&tmp)?;
    let mut size = 0;
    let written = fill(&mut file, text, &mut size);
    if let Err(error) = written {
        let _ = fs::remove_file(&tmp);
        return Err(error);
    }
    // `S=`: readers and quotas need not ask for the size.
    let new = path.join("new").join(format!("{name},S={size}"));
    Ok(Written { file, tmp, new })
}

fn fill(file: &mut File, text: &Text, size: &mut usize) -> io::Result<()> {
    let mut out = text.head.to_vec();
    text.body.pieces(&mut |piece| {
        out.extend_from_slice(piece);
        *size += out.len();
        file.write_all(&out)?;
        out.clear();
        Ok(())
    })?;
    *size += out.len();
    file.write_all(&out)
}

fn make(path: &Path) -> io::Result<()> {
    if path.join("new").is_dir() && path.join("tmp").is_dir() {
        return Ok(());
    }
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    for part in [
        path.to_owned(),
        path.join("cur"),
        path.join("new"),
        path.join("tmp"),
    ] {
        match builder.create(&part) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
