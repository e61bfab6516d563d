//! Files of a TLS configuration: read, and noticed when they change.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::TlsSettings;
use super::keys::Keys;
use crate::world::Files;

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Files read from a directory of authorities.
const DIRECTORY_FILES_MAX: usize = 2000;
/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What a file was when it was read: its device, inode, size, and time of
/// change.
pub type Stamp = Option<(u64, u64, u64, i64, i64)>;

/// Files that are watched.
pub(super) struct Watch {
    stamps: Vec<(PathBuf, Stamp)>,
    looked: Instant,
}

impl Watch {
    pub(super) fn new(settings: &TlsSettings, keys: &dyn Keys) -> Self {
        let paths = [
            &settings.certificate,
            &settings.key,
            &settings.authorities,
            &settings.authority_directory,
            &settings.revoked,
            &settings.revoked_directory,
        ];
        let stamp = |path: &PathBuf| (path.clone(), keys.stamp(path));
        Self {
            stamps: paths
                .into_iter()
                .flatten()
                .chain(&settings.more_authorities)
                .chain(settings.more.iter().flat_map(|(c, k)| [c, k]))
                .map(stamp)
                .collect(),
            looked: Instant::now(),
        }
    }

    /// Whether a file is another than it was; looks only now and then.
    pub(super) fn has_changed(&mut self, keys: &dyn Keys) -> bool {
        if self.looked.elapsed() < LOOK_EVERY {
            return false;
        }
        self.looked = Instant::now();
        self.stamps
            .iter()
            .any(|(path, stamp)| *stamp != keys.stamp(path))
    }
}

pub(super) fn stamp_of(path: &Path, files: &dyn Files) -> Stamp {
    let meta = std::fs::metadata(path)
        .or_else(|_| files.open(path).and_then(|file| file.metadata()))
        .ok()?;
    Some((
        meta.dev(),
        meta.ino(),
        meta.size(),
        meta.mtime(),
        meta.mtime_nsec(),
    ))
}

/// What was read.
pub(super) struct Loaded {
    /// The certificates with their keys that are shown.
    pub(super) own: Vec<Arc<CertifiedKey>>,
    /// Authorities, as certificates.
    pub(super) authorities: Vec<CertificateDer<'static>>,
    /// Revoked certificates.
    pub(super) revoked: Vec<CertificateRevocationListDer<'static>>,
    /// What is not as it should be, though it can be lived with.
    pub(super) warnings: Vec<String>,
}

/// Reads everything that the settings name.
///
/// # Errors
/// A sentence, when there is no certificate, or none that can be used.
pub(super) fn load(
    settings: &TlsSettings,
    files: &dyn Files,
    keys: &dyn Keys,
) -> Result<Loaded, String> {
    let mut warnings = Vec::new();
    let mut own = match (&settings.certificate, &settings.key) {
        (Some(certificate), Some(key)) => {
            vec![keys.certified(certificate, key, settings.group_may_read_key)?]
        }
        (None, None) => Vec::new(),
        (Some(_), None) => return Err("there is a certificate, but no key".to_owned()),
        (None, Some(_)) => return Err("there is a key, but no certificate".to_owned()),
    };
    for (certificate, key) in &settings.more {
        match keys.certified(certificate, key, settings.group_may_read_key) {
            Ok(more) => own.push(more),
            // The others are good.
            Err(why) => warnings.push(why),
        }
    }
    for own in &own {
        warnings.extend(own.end_entity_cert().ok().and_then(super::peer::expiry));
    }
    let authorities = authorities(settings, files, &mut warnings);
    let mut revoked = match &settings.revoked {
        None => Vec::new(),
        // Without its list, a revoked certificate would count again.
        Some(path) => {
            let text = read(path, files)?;
            let parsed: Result<Vec<_>, _> =
                CertificateRevocationListDer::pem_slice_iter(&text).collect();
            match parsed {
                Ok(lists) if !lists.is_empty() => lists,
                _ => return Err(format!("file {}: no revocation list", path.display())),
            }
        }
    };
    if let Some(directory) = &settings.revoked_directory {
        let entries = std::fs::read_dir(directory)
            .map_err(|error| format!("directory {}: {}", directory.display(), plain(&error)))?;
        for entry in entries.flatten().take(DIRECTORY_FILES_MAX) {
            if entry.path().is_file() {
                let text = read(&entry.path(), files)?;
                revoked.extend(CertificateRevocationListDer::pem_slice_iter(&text).flatten());
            }
        }
    }
    Ok(Loaded {
        own,
        authorities,
        revoked,
        warnings,
    })
}

pub(super) fn own_key(
    certificate: &Path,
    key: &Path,
    group_may_read: bool,
    files: &dyn Files,
) -> Result<Arc<CertifiedKey>, String> {
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(&read(certificate, files)?).collect();
    let chain = chain
        .ok()
        .filter(|chain| !chain.is_empty())
        .ok_or_else(|| format!("file {}: no certificate", certificate.display()))?;
    let unsafe_file = |error: String| format!("file {} unsafe: {error}", key.display());
    let file = files
        .open(key)
        .map_err(|error| unsafe_file(plain(&error)))?;
    let mode = file.metadata().map_or(0, |meta| meta.mode());
    if mode & 0o007 != 0 {
        return Err(unsafe_file("World readable file".to_owned()));
    }
    if mode & 0o070 != 0 && !group_may_read {
        return Err(unsafe_file("Group readable file".to_owned()));
    }
    let text = read_file(file).map_err(|error| unsafe_file(plain(&error)))?;
    let der = PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| format!("file {}: no private key", key.display()))?;
    let signer = rustls::crypto::ring::sign::any_supported_type(&der)
        .map_err(|error| format!("file {}: {error}", key.display()))?;
    let own = CertifiedKey::new(chain, signer);
    match own.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(Arc::new(own))
        }
        Err(_) => Err(format!(
            "file {}: the key is not that of {}",
            key.display(),
            certificate.display()
        )),
    }
}

/// Authorities; one that cannot be read is a warning, as it only makes fewer
/// certificates good.
fn authorities(
    settings: &TlsSettings,
    files: &dyn Files,
    warnings: &mut Vec<String>,
) -> Vec<CertificateDer<'static>> {
    let mut found: Vec<CertificateDer<'static>> = Vec::new();
    let mut add = |path: &Path| -> Result<(), String> {
        let text = read(path, files)?;
        for certificate in CertificateDer::pem_slice_iter(&text).flatten() {
            if !found.contains(&certificate) {
                found.push(certificate);
            }
        }
        Ok(())
    };
    for path in settings
        .authorities
        .iter()
        .chain(&settings.more_authorities)
    {
        warnings.extend(add(path).err());
    }
    if let Some(directory) = &settings.authority_directory {
        match std::fs::read_dir(directory) {
            Ok(entries) => {
                for entry in entries.flatten().take(DIRECTORY_FILES_MAX) {
                    let path = entry.path();
                    if path.is_file() {
                        warnings.extend(add(&path).err());
                    }
                }
            }
            Err(error) => {
                warnings.push(format!(
                    "directory {}: {}",
                    directory.display(),
                    plain(&error)
                ));
            }
        }
    }
    found
}

fn read(path: &Path, files: &dyn Files) -> Result<Vec<u8>, String> {
    files
        .open(path)
        .and_then(read_file)
        .map_err(|error| format!("file {} unsafe: {}", path.display(), plain(&error)))
}

fn read_file(file: File) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut text)?;
    Ok(text)
}

/// An error in the system's words, without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}
