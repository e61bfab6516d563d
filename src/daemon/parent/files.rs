//! Files that the engine may not open itself and yet must read: databases and
//! lists of the site, which are often readable by root alone.
//!
//! Only what the configuration names is opened, read-only, and only when it
//! is a plain file.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use bstr::{BStr, ByteSlice};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::base::Place;
use crate::base::is_full_path;
use crate::cf::{ClassSource, Config, Kind, OPTIONS};
use crate::daemon::logins::needs;
use crate::os::SystemFiles;

/// What databases of a name end in.
const SUFFIXES: [&str; 4] = ["", ".db", ".cdb", ".pag"];

/// The files that the configuration names.
#[derive(Default)]
pub(super) struct Files {
    named: HashSet<PathBuf>,
    /// The socket of `saslauthd`, which may stand where only root may go.
    sockets: HashSet<PathBuf>,
}

impl Files {
    /// Every absolute path in options, class files and maps.
    pub(super) fn named_by(config: &Config) -> Self {
        let mut files = Self::default();
        for row in OPTIONS {
            if matches!(row.kind, Kind::Path | Kind::Text | Kind::Words) {
                files.add(config.options.text(row.opt));
                for value in config.options.all(row.opt) {
                    files.add(BStr::new(&value.text));
                }
            }
        }
        for class in &config.classes {
            match &class.source {
                ClassSource::File { path, .. } => files.add(BStr::new(path)),
                ClassSource::Map { spec, .. } => files.add(BStr::new(spec)),
                ClassSource::Words(_) | ClassSource::Program { .. } => {}
            }
        }
        for map in &config.maps {
            files.add(BStr::new(&map.args));
        }
        files
    }

    /// Adds what logins are checked against.
    pub(super) fn with_logins(mut self, place: &Place) -> Self {
        let (paths, socket) = needs(place, &SystemFiles);
        self.named.extend(paths);
        self.sockets.insert(socket);
        self
    }

    /// Adds each path that stands in a value.
    fn add(&mut self, value: &BStr) {
        let words = value.split(|byte| matches!(byte, b' ' | b'\t' | b',' | b':' | b'='));
        for word in words.filter(|word| is_full_path(word)) {
            for suffix in SUFFIXES {
                let mut path = OsStr::from_bytes(word.trim()).to_owned();
                path.push(suffix);
                self.named.insert(path.into());
            }
        }
    }

    /// Opens a named file.
    pub(super) fn open(&self, path: &[u8]) -> io::Result<File> {
        let path = Path::new(OsStr::from_bytes(path));
        if self.sockets.contains(path) {
            return connect(path);
        }
        if !self.named.contains(path) {
            return Err(io::Error::from_raw_os_error(nix::libc::EACCES));
        }
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY)
            .open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::from_raw_os_error(nix::libc::EACCES));
        }
        Ok(file)
    }
}

/// Connects to a Unix socket without waiting: a daemon that does not take
/// connections must not hold this process up.
fn connect(path: &Path) -> io::Result<File> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)?;
    Ok(OwnedFd::from(socket).into())
}
