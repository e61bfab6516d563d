//! What a configuration names outside itself: databases, class files,
//! programs, the access table, keys and certificates; and whom it lets in.

mod access;
mod certificate;
mod der;
mod files;
mod relay;
mod tls;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bstr::{BStr, ByteSlice};

use super::source::Features;
use crate::base::{Diagnostic, Place};
use crate::cf::Config;
use crate::world::{Files, Users};

/// The largest table that is read, in bytes.
const TABLE_BYTES_MAX: u64 = 64 << 20;

/// The host whose files a configuration names.
#[derive(Clone)]
pub struct Surroundings {
    /// Its files.
    pub files: Arc<dyn Files>,
    /// Its users.
    pub users: Arc<dyn Users>,
    /// Where the site's paths are.
    pub place: Place,
    /// The time of day.
    pub now: SystemTime,
}

/// A file as far as the checks want to know.
struct Facts {
    modified: SystemTime,
    mode: u32,
}

/// What asking for a file gave.
enum Found {
    /// It is there.
    File(Facts),
    /// It is not.
    Missing,
    /// Nobody can tell: no rights, or no file.
    Unknown,
}

impl Surroundings {
    /// Where a path of the configuration is.
    fn path(&self, path: &[u8]) -> PathBuf {
        let placed = self.place.text(BStr::new(path));
        placed.to_path_lossy().into_owned()
    }

    /// Looks at a file.
    fn look(&self, path: &Path) -> Found {
        use std::os::unix::fs::MetadataExt;
        let file = match self.files.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Found::Missing,
            Err(_) => return Found::Unknown,
        };
        match file.metadata() {
            Ok(metadata) => match metadata.modified() {
                Ok(modified) if metadata.is_file() => Found::File(Facts {
                    modified,
                    mode: metadata.mode(),
                }),
                _ => Found::Unknown,
            },
            Err(_) => Found::Unknown,
        }
    }

    /// Reads a file up to a limit; `None` when it cannot be read.
    fn read(&self, path: &Path) -> Option<Vec<u8>> {
        let file = self.files.open(path).ok()?;
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        file.take(TABLE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }
}

/// What lets strangers in by the configuration alone.
pub(super) fn openings(config: &Config, features: &Features, name: &str) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    relay::features(features, name, &mut faults);
    relay::classes(config, &mut faults);
    relay::notes(config, &mut faults);
    faults
}

/// What is wrong with the files that a configuration names.
pub(super) fn faults(config: &Config, world: &Surroundings) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    files::maps(config, world, &mut faults);
    files::switches(config, world, &mut faults);
    files::classes(config, world, &mut faults);
    files::mailers(config, world, &mut faults);
    access::faults(config, world, &mut faults);
    tls::faults(config, world, &mut faults);
    faults
}

#[cfg(test)]
mod tests;
