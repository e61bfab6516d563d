//! Files that the engine may not open itself and yet must read: databases and
//! lists of the site, which are often readable by root alone.
//!
//! Only what the configuration names is opened, read-only, and only when it
//! is a plain file.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use bstr::{BStr, ByteSlice};

use crate::base::Place;
use crate::base::is_full_path;
use crate::cf::{ClassSource, Config, Kind, OPTIONS, Opt};
use crate::daemon::logins::secrets;
use crate::os::SystemFiles;

/// What databases of a name end in.
const SUFFIXES: [&str; 5] = ["", ".db", ".cdb", ".lmdb", ".pag"];

/// The files that the configuration names.
#[derive(Default)]
pub(super) struct Files {
    named: HashSet<PathBuf>,
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

    /// Takes away what only the process of logins may read.
    pub(super) fn without_secrets(mut self, config: &Config, place: &Place) -> Self {
        for path in secrets(place, &SystemFiles) {
            self.named.remove(&path);
        }
        for opt in [Opt::ServerKeyFile, Opt::ClientKeyFile] {
            for word in config.options.text(opt).split(|byte| *byte == b',') {
                self.named.remove(Path::new(OsStr::from_bytes(word.trim())));
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Origin;
    use crate::cf::Origins;

    #[test]
    fn secrets_are_not_opened_for_the_engine() {
        let folder = tempfile::tempdir().unwrap();
        let name = |name: &str| folder.path().join(name);
        for file in ["srv.pem", "srv.key", "cli.key", "access"] {
            std::fs::write(name(file), "x").unwrap();
        }
        let at = folder.path().display();
        let text = format!(
            "V10/test\nO ServerCertFile={at}/srv.pem\nO ServerKeyFile={at}/srv.key\n\
             O ClientKeyFile={at}/cli.key\nKaccess hash {at}/access\n"
        );
        let origin = Origin::file_only("test.cf");
        let (config, _) = crate::cf::read(text.as_bytes(), Origins::File(&origin));
        let files = Files::named_by(&config).without_secrets(&config, &Place::default());
        let opens = |file: &str| files.open(name(file).as_os_str().as_bytes()).is_ok();
        assert!(opens("srv.pem") && opens("access"));
        assert!(!opens("srv.key") && !opens("cli.key"));
        assert!(files.open(b"/etc/sasldb2").is_err());
    }
}
