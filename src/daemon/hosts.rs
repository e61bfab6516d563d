//! Where the status of hosts is kept: a store in option HostStatusDirectory.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use bstr::{BString, ByteSlice};

use super::spool::queue_directory;
use crate::cf::{Opt, Options};
use crate::deliver::{HOST_TABLE, HostRecord};
use crate::os::SledStore;
use crate::world::StateStore;

/// The store within the directory.
const STORE: &str = "godwit";

/// Why there is no store.
#[derive(Debug, thiserror::Error)]
pub enum HostsError {
    /// The directory cannot be used.
    #[error("HostStatusDirectory {}: {}", .0.display(), .1)]
    Directory(PathBuf, #[source] io::Error),
    /// The store cannot.
    #[error("status of hosts: {0}")]
    Store(#[source] io::Error),
}

/// The directory of option HostStatusDirectory; a relative one is within the
/// queue directory.
fn directory(options: &Options) -> Option<PathBuf> {
    let path = options.text(Opt::HostStatusDirectory);
    let queue = queue_directory(options.text(Opt::QueueDirectory));
    (!path.is_empty()).then(|| queue.join(path.to_path_lossy()))
}

/// The store, when the configuration wants one.
///
/// # Errors
/// See [`HostsError`].
pub(super) fn store(options: &Options) -> Result<Option<Arc<dyn StateStore>>, HostsError> {
    let Some(directory) = directory(options) else {
        return Ok(None);
    };
    if let Err(error) = std::fs::metadata(&directory) {
        return Err(HostsError::Directory(directory, error));
    }
    let store = SledStore::open(&directory.join(STORE)).map_err(HostsError::Store)?;
    Ok(Some(Arc::new(store)))
}

/// Every host and its record as text, a line each; or nothing, when those
/// beyond `Timeout.hoststatus` are to be forgotten.
///
/// # Errors
/// What the store said.
pub(super) fn answer(
    store: &dyn StateStore,
    options: &Options,
    purge: bool,
) -> io::Result<BString> {
    let mut text = BString::default();
    let mut old: Vec<BString> = Vec::new();
    let now = SystemTime::now();
    let age_max = options.interval(Opt::TimeoutHoststatus);
    store.scan(HOST_TABLE, &mut |host, record| {
        let when = HostRecord::decode(record).map(|record| record.when);
        let age = when.and_then(|when| now.duration_since(when).ok());
        if purge && age.is_none_or(|age| age > age_max) {
            old.push(host.into());
        }
        if !purge && !record.contains(&b'\n') {
            text.extend_from_slice(host);
            text.push(b'\t');
            text.extend_from_slice(record);
            text.push(b'\n');
        }
    })?;
    for host in old {
        store.remove(HOST_TABLE, &host)?;
    }
    Ok(text)
}

/// The same without a daemon.
///
/// # Errors
/// See [`HostsError`].
pub fn hosts(options: &Options, purge: bool) -> Result<BString, HostsError> {
    match store(options)? {
        Some(store) => answer(&*store, options, purge).map_err(HostsError::Store),
        None => Ok(BString::default()),
    }
}
