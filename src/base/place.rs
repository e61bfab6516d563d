//! Where a site's files are: everywhere as usual, or all under one directory.
//!
//! With `--root DIR`, default paths and the usual absolute paths that a
//! configuration names (`/etc/mail/…`, `/etc/aliases`, `/var/…`) are taken
//! under `DIR`; all others (`/usr/lib/…`, home directories, `/dev/null`) stay
//! as they are. So the same `.cf` file works in a private instance and on the
//! system.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use bstr::{BStr, BString};

/// Directories and files that belong to a site.
const SITE_PATHS: [&str; 3] = ["/etc/mail", "/etc/aliases", "/var"];

/// The place of a site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    root: Option<PathBuf>,
}

impl Place {
    /// Everything under `root`: an absolute path, or `.` when the working
    /// directory of every process is the root.
    pub fn under(root: impl Into<PathBuf>) -> Self {
        Self {
            root: Some(root.into()),
        }
    }

    /// The directory of a private instance.
    pub fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// Where a usual absolute path is.
    pub fn path(&self, usual: impl AsRef<Path>) -> PathBuf {
        let usual = usual.as_ref();
        match &self.root {
            Some(root) => root.join(usual.strip_prefix("/").unwrap_or(usual)),
            None => usual.to_owned(),
        }
    }

    /// The configuration of the daemon.
    pub fn sendmail_cf(&self) -> PathBuf {
        self.path("/etc/mail/sendmail.cf")
    }

    /// The configuration of submission from the command line.
    pub fn submit_cf(&self) -> PathBuf {
        self.path("/etc/mail/submit.cf")
    }

    /// Puts the site's paths in a configuration value under the root: each
    /// that starts the text or follows a blank or one of `: , =`.
    pub fn text(&self, value: &BStr) -> BString {
        let Some(root) = &self.root else {
            return value.into();
        };
        let mut out = BString::default();
        for (at, &byte) in value.iter().enumerate() {
            let starts = at == 0 || matches!(value[at - 1], b' ' | b'\t' | b':' | b',' | b'=');
            if byte == b'/' && starts && is_site_path(&value[at..]) && !self.holds(&value[at..]) {
                out.extend_from_slice(root.as_os_str().as_bytes());
            }
            out.push(byte);
        }
        out
    }

    /// Whether the path is under the root already.
    fn holds(&self, path: &[u8]) -> bool {
        self.root
            .as_ref()
            .is_some_and(|root| path.starts_with(root.as_os_str().as_bytes()))
    }
}

/// Whether a path says where it begins: at the root of the file system, or at
/// that of a private instance whose processes stay in it (`./`).
pub fn is_full_path(path: &[u8]) -> bool {
    path.starts_with(b"/") || path.starts_with(b"./")
}

fn is_site_path(path: &[u8]) -> bool {
    SITE_PATHS.iter().any(|prefix| {
        path.strip_prefix(prefix.as_bytes())
            .is_some_and(|rest| rest.first().is_none_or(|byte| b"/ .,:\t".contains(byte)))
    })
}

#[cfg(test)]
mod tests;
