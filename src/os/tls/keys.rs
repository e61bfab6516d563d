//! Private keys: read by one process, used by another.
//!
//! Whoever reads from the network need not hold a key: it names two files and
//! gets the certificates of the one, and of the key in the other what it can
//! sign with, and a number. [`KeptKeys`] holds the keys and signs;
//! [`FarKey`] is a key that is only a number, and has signatures made.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};

use super::files::{self, Stamp};
use crate::world::Files;

/// Keys that are kept for handshakes under way after their files were
/// replaced.
const KEPT_MAX: usize = 64;

/// Every way to sign that the library has.
const SCHEMES: [SignatureScheme; 9] = [
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ED25519,
];

/// Where certificates with their keys come from.
pub trait Keys: Send + Sync {
    /// The chain of a file with the key of another, ready to be shown.
    ///
    /// # Errors
    /// A sentence, in the reference's words.
    fn certified(
        &self,
        certificate: &Path,
        key: &Path,
        group_may_read: bool,
    ) -> Result<Arc<CertifiedKey>, String>;
    /// What a file is now; another when it was replaced.
    fn stamp(&self, path: &Path) -> Stamp;
}

/// Keys that this process reads itself.
pub struct OwnKeys(pub Arc<dyn Files>);

impl Keys for OwnKeys {
    fn certified(
        &self,
        certificate: &Path,
        key: &Path,
        group_may_read: bool,
    ) -> Result<Arc<CertifiedKey>, String> {
        files::own_key(certificate, key, group_may_read, &*self.0)
    }

    fn stamp(&self, path: &Path) -> Stamp {
        files::stamp_of(path, &*self.0)
    }
}

/// What is told of a key that somebody else keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFacts {
    /// Its number there.
    pub number: u64,
    /// The certificates, in DER, the site's own first.
    pub chain: Vec<Vec<u8>>,
    /// The public half (SubjectPublicKeyInfo, DER).
    pub public: Vec<u8>,
    /// The schemes it signs by, as TLS numbers them.
    pub schemes: Vec<u16>,
}

/// The keys of a process that others ask for signatures.
#[derive(Default)]
pub struct KeptKeys {
    kept: Mutex<(u64, Vec<Kept>)>,
}

struct Kept {
    number: u64,
    facts: KeyFacts,
    key: Arc<CertifiedKey>,
}

impl KeptKeys {
    /// Reads a certificate and its key. The same two give the same number.
    ///
    /// # Errors
    /// A sentence, in the reference's words.
    pub fn load(
        &self,
        certificate: &Path,
        key: &Path,
        group_may_read: bool,
        files: &dyn Files,
    ) -> Result<KeyFacts, String> {
        let key = files::own_key(certificate, key, group_may_read, files)?;
        let schemes = SCHEMES
            .into_iter()
            .filter(|scheme| key.key.choose_scheme(&[*scheme]).is_some());
        let mut facts = KeyFacts {
            number: 0,
            chain: key.cert.iter().map(|der| der.to_vec()).collect(),
            public: key
                .key
                .public_key()
                .map(|der| der.to_vec())
                .unwrap_or_default(),
            schemes: schemes.map(u16::from).collect(),
        };
        let mut guard = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, kept) = &mut *guard;
        let known = kept.iter().find(|kept| {
            let known = &kept.facts;
            (&known.chain, &known.public, &known.schemes)
                == (&facts.chain, &facts.public, &facts.schemes)
        });
        if let Some(known) = known {
            return Ok(known.facts.clone());
        }
        *last += 1;
        facts.number = *last;
        if kept.len() >= KEPT_MAX {
            kept.remove(0);
        }
        kept.push(Kept {
            number: *last,
            facts: facts.clone(),
            key,
        });
        Ok(facts)
    }

    /// Signs.
    ///
    /// # Errors
    /// A sentence, when there is no such key, or it cannot.
    pub fn sign(&self, number: u64, scheme: u16, message: &[u8]) -> Result<Vec<u8>, String> {
        let key = {
            let guard = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let found = guard.1.iter().find(|kept| kept.number == number);
            Arc::clone(&found.ok_or("no such key")?.key)
        };
        let signer = key.key.choose_scheme(&[SignatureScheme::from(scheme)]);
        let signer = signer.ok_or("the key cannot sign so")?;
        signer.sign(message).map_err(|error| error.to_string())
    }
}

/// Has a signature made: by which key, by which scheme, of what. May block,
/// for a bounded time.
pub type Sign = Arc<dyn Fn(u64, u16, &[u8]) -> Result<Vec<u8>, String> + Send + Sync>;

/// A certificate whose key somebody else keeps.
///
/// # Errors
/// When the facts make no sense.
pub fn far_certificate(facts: KeyFacts, sign: Sign) -> Result<Arc<CertifiedKey>, String> {
    let schemes: Vec<SignatureScheme> = facts
        .schemes
        .iter()
        .map(|number| SignatureScheme::from(*number))
        .collect();
    let algorithm = schemes.first().map(|scheme| algorithm(*scheme));
    let algorithm = algorithm.ok_or("the key can sign nothing")?;
    let key = FarKey {
        number: facts.number,
        schemes,
        algorithm,
        public: SubjectPublicKeyInfoDer::from(facts.public),
        sign,
    };
    let chain = facts.chain.into_iter().map(CertificateDer::from).collect();
    Ok(Arc::new(CertifiedKey::new(chain, Arc::new(key))))
}

fn algorithm(scheme: SignatureScheme) -> SignatureAlgorithm {
    match scheme {
        SignatureScheme::ED25519 => SignatureAlgorithm::ED25519,
        SignatureScheme::ECDSA_NISTP256_SHA256 | SignatureScheme::ECDSA_NISTP384_SHA384 => {
            SignatureAlgorithm::ECDSA
        }
        _ => SignatureAlgorithm::RSA,
    }
}

/// A key that somebody else keeps.
struct FarKey {
    number: u64,
    schemes: Vec<SignatureScheme>,
    algorithm: SignatureAlgorithm,
    public: SubjectPublicKeyInfoDer<'static>,
    sign: Sign,
}

impl std::fmt::Debug for FarKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "FarKey({})", self.number)
    }
}

impl SigningKey for FarKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let scheme = self
            .schemes
            .iter()
            .find(|scheme| offered.contains(scheme))?;
        Some(Box::new(FarSigner {
            number: self.number,
            scheme: *scheme,
            sign: Arc::clone(&self.sign),
        }))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        (!self.public.is_empty()).then(|| self.public.clone())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }
}

struct FarSigner {
    number: u64,
    scheme: SignatureScheme,
    sign: Sign,
}

impl std::fmt::Debug for FarSigner {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "FarSigner({}, {:?})", self.number, self.scheme)
    }
}

impl Signer for FarSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        (self.sign)(self.number, self.scheme.into(), message).map_err(rustls::Error::General)
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}
