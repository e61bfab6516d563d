//! TLS by rustls, as server and as client.
//!
//! Certificates, keys and lists are read through `Files`, so that those only
//! root may read can be asked for, and read again when they change. Whatever
//! certificate the other side shows, the handshake goes on: what it is worth
//! is found out afterwards and is the rules' business (`${verify}`), as with
//! the reference. TLS 1.2 and 1.3 are spoken, nothing older.

mod certificate;
mod client;
mod dane;
mod files;
mod keys;
mod peer;
mod server;
mod suite;
mod variants;

pub use certificate::facts as certificate_facts;
pub use client::SystemTlsClient;
pub use files::Stamp;
pub use keys::{KeptKeys, KeyFacts, Keys, OwnKeys, Sign, far_certificate};
pub use server::SystemTlsServer;
pub use suite::choose as choose_suites;

use std::path::PathBuf;

use bstr::{BStr, ByteSlice};

use crate::base::Place;
use crate::world::TlsFeatures;

/// Where a side's certificates are, and what it may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// The certificate that is shown, with the chain above it.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
    /// More certificates, each with its key: the client's word for our name
    /// (SNI) and the signatures it takes decide which is shown.
    pub more: Vec<(PathBuf, PathBuf)>,
    /// Authorities, in one file.
    pub authorities: Option<PathBuf>,
    /// Authorities, each in a file of this directory.
    pub authority_directory: Option<PathBuf>,
    /// More files of authorities.
    pub more_authorities: Vec<PathBuf>,
    /// Revoked certificates.
    pub revoked: Option<PathBuf>,
    /// Revoked certificates, each list in a file of this directory.
    pub revoked_directory: Option<PathBuf>,
    /// Which cipher suites may be spoken; all when it is empty.
    pub suites: Vec<rustls::CipherSuite>,
    /// Where absolute paths of rules are.
    pub place: Place,
    /// Which versions may be spoken.
    pub versions: Versions,
    /// A key that its group may read is taken
    /// (`DontBlameSendmail=GroupReadableKeyFile`).
    pub group_may_read_key: bool,
    /// The digest of `${cert_fp}`.
    pub fingerprint: Fingerprint,
}

/// Versions of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// 1.2 and 1.3.
    #[default]
    Both,
    /// 1.3 alone.
    Only13,
    /// 1.2 alone.
    Only12,
}

/// Digests of certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fingerprint {
    /// MD5, the reference's default; a name, not a proof.
    #[default]
    Md5,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl TlsSettings {
    /// The same as rules want it for one other side.
    fn with(&self, features: &TlsFeatures) -> Self {
        let mut settings = self.clone();
        if !features.certificate.is_empty() {
            let path = |text: &BStr| self.place.text(text).to_path_lossy().into_owned();
            settings.certificate = Some(path(features.certificate.as_ref()));
            settings.key = Some(path(features.key.as_ref()));
            settings.more.clear();
        }
        if !features.options.is_empty() {
            let words = features.options.fields_with(|c| c == ',' || c == ' ');
            settings.versions = Versions::of(words);
        }
        if !features.ciphers.is_empty() || !features.suites.is_empty() {
            settings.suites = choose_suites(&features.ciphers, &features.suites).0;
        }
        settings
    }
}

impl Versions {
    /// What OpenSSL's words leave: `+SSL_OP_NO_TLSv1_2` or without the `+`.
    pub fn of<'w>(words: impl Iterator<Item = &'w [u8]>) -> Self {
        let (mut no12, mut no13) = (false, false);
        for word in words {
            match word.strip_prefix(b"+").unwrap_or(word) {
                b"SSL_OP_NO_TLSv1_2" => no12 = true,
                b"SSL_OP_NO_TLSv1_3" => no13 = true,
                _ => {}
            }
        }
        match (no12, no13) {
            (true, false) => Self::Only13,
            (false, true) => Self::Only12,
            _ => Self::Both,
        }
    }

    fn list(self) -> Vec<&'static rustls::SupportedProtocolVersion> {
        use rustls::version::{TLS12, TLS13};
        match self {
            Self::Both => vec![&TLS13, &TLS12],
            Self::Only13 => vec![&TLS13],
            Self::Only12 => vec![&TLS12],
        }
    }
}

/// The words for a handshake that failed.
fn reason(error: &std::io::Error) -> String {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        // OpenSSL's words, which log readers know.
        Some(rustls::Error::InvalidMessage(_)) => "wrong version number".to_owned(),
        Some(rustls::Error::AlertReceived(alert)) => format!("alert {alert:?}"),
        Some(other) => other.to_string().replace(['\n', '\r'], " "),
        None if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "unexpected eof while reading".to_owned()
        }
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
