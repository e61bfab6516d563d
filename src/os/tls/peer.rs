//! What the other side's certificate is worth.

use std::sync::Arc;
use std::time::SystemTime;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, TrustAnchor, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CommonState, DigitallySignedStruct, DistinguishedName, SignatureScheme};
use webpki::{
    EndEntityCert, KeyUsage, OwnedCertRevocationList, RevocationOptionsBuilder,
    anchor_from_trusted_cert,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{Fingerprint, certificate, suite};
use crate::world::{TlsFacts, Verify};

/// Days before its end from which on a certificate is worth a warning.
const EXPIRES_SOON_DAYS: i64 = 7;

/// The provider of ciphers.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The same with these suites alone; all when there are none.
pub(super) fn provider_of(suites: &[rustls::CipherSuite]) -> Arc<CryptoProvider> {
    let mut provider = rustls::crypto::ring::default_provider();
    if !suites.is_empty() {
        let is_chosen = |suite: &rustls::SupportedCipherSuite| suites.contains(&suite.suite());
        provider.cipher_suites.retain(is_chosen);
    }
    Arc::new(provider)
}

/// Authorities and revoked certificates.
pub(super) struct Judge {
    anchors: Vec<TrustAnchor<'static>>,
    revoked: Vec<OwnedCertRevocationList>,
    fingerprint: Fingerprint,
}

impl Judge {
    pub(super) fn new(
        authorities: &[CertificateDer<'static>],
        revoked: &[CertificateRevocationListDer<'static>],
        fingerprint: Fingerprint,
    ) -> Result<Self, String> {
        let revoked: Result<Vec<_>, _> = revoked
            .iter()
            .map(|list| OwnedCertRevocationList::from_der(list))
            .collect();
        Ok(Self {
            anchors: authorities
                .iter()
                .filter_map(|der| Some(anchor_from_trusted_cert(der).ok()?.to_owned()))
                .collect(),
            revoked: revoked.map_err(|error| format!("revocation list: {error}"))?,
            fingerprint,
        })
    }

    /// What is known of a finished handshake. `usage` is what the peer's
    /// certificate must be good for.
    pub(super) fn facts(&self, state: &CommonState, usage: KeyUsage, was_asked: bool) -> TlsFacts {
        let suite = state.negotiated_cipher_suite().map(|suite| suite.suite());
        let (cipher, bits) = suite.map_or(("", 0), suite::named);
        let chain = state.peer_certificates().unwrap_or_default();
        let (verify, message) = match chain.split_first() {
            None if was_asked => (Verify::No, "ok".to_owned()),
            None => (Verify::Not, "ok".to_owned()),
            Some((leaf, rest)) => match self.verify(leaf, rest, usage) {
                Ok(()) => (Verify::Ok, "ok".to_owned()),
                Err(message) => (Verify::Fail, message),
            },
        };
        TlsFacts {
            version: match state.protocol_version() {
                Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
                _ => "TLSv1.2",
            },
            cipher: cipher.into(),
            bits,
            verify,
            verify_message: message,
            certificate: chain
                .first()
                .map(|leaf| certificate::facts(leaf, self.fingerprint)),
            exporter: None,
            end_point: None,
            is_named: false,
        }
    }

    fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        usage: KeyUsage,
    ) -> Result<(), String> {
        let now = UnixTime::since_unix_epoch(
            SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default(),
        );
        let lists: Vec<webpki::CertRevocationList<'_>> = self
            .revoked
            .iter()
            .cloned()
            .map(webpki::CertRevocationList::from)
            .collect();
        let lists: Vec<&webpki::CertRevocationList<'_>> = lists.iter().collect();
        let revocation = match lists.is_empty() {
            true => None,
            // What no list speaks of is not revoked.
            false => RevocationOptionsBuilder::new(&lists).ok().map(|builder| {
                builder
                    .with_status_policy(webpki::UnknownStatusPolicy::Allow)
                    .build()
            }),
        };
        let end = EndEntityCert::try_from(leaf).map_err(|error| words(&error))?;
        let algorithms = provider().signature_verification_algorithms.all;
        end.verify_for_usage(
            algorithms,
            &self.anchors,
            rest,
            now,
            usage,
            revocation,
            None,
        )
        .map(|_| ())
        .map_err(|error| words(&error))
    }
}

/// OpenSSL's words, where it has some.
pub(super) fn words(error: &webpki::Error) -> String {
    use webpki::Error;
    match error {
        // One that ends before it begins, too.
        Error::CertExpired { .. } | Error::InvalidCertValidity => {
            "certificate has expired".to_owned()
        }
        Error::CertNotValidYet { .. } => "certificate is not yet valid".to_owned(),
        Error::CertRevoked => "certificate revoked".to_owned(),
        Error::UnknownIssuer => "unable to get local issuer certificate".to_owned(),
        Error::CaUsedAsEndEntity => "self-signed certificate".to_owned(),
        Error::RequiredEkuNotFoundContext(_) => "unsuitable certificate purpose".to_owned(),
        other => other.to_string(),
    }
}

/// A sentence when a certificate of ours has expired, or soon will.
pub(super) fn expiry(der: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let end = certificate.validity().not_after.timestamp();
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()?
        .as_secs();
    let left = end.saturating_sub(i64::try_from(now).ok()?);
    let date = certificate.validity().not_after;
    if left < 0 {
        Some(format!("our certificate has expired on {date}"))
    } else if left < EXPIRES_SOON_DAYS * 86_400 {
        Some(format!("our certificate expires on {date}"))
    } else {
        None
    }
}

/// Lets every certificate pass, as long as the peer has its key.
#[derive(Debug)]
pub(super) struct AnyPeer {
    provider: Arc<CryptoProvider>,
    /// Names of authorities that clients are told.
    hints: Vec<DistinguishedName>,
}

impl AnyPeer {
    pub(super) fn new(authorities: &[CertificateDer<'_>]) -> Self {
        let hint = |der: &CertificateDer<'_>| {
            let anchor = anchor_from_trusted_cert(der).ok()?;
            Some(DistinguishedName::in_sequence(anchor.subject.as_ref()))
        };
        Self {
            provider: provider(),
            hints: authorities.iter().filter_map(hint).collect(),
        }
    }

    fn signature12(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn signature13(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

impl ClientCertVerifier for AnyPeer {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _rest: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signature12(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signature13(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

impl rustls::client::danger::ServerCertVerifier for AnyPeer {
    fn verify_server_cert(
        &self,
        _leaf: &CertificateDer<'_>,
        _rest: &[CertificateDer<'_>],
        _name: &rustls::pki_types::ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signature12(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signature13(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}
