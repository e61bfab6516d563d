//! TLS as trait: a stream goes in, a stream comes out, with what is known of
//! the other side.

use std::sync::Arc;

use bstr::BString;

use super::{BoxFuture, Stream, Tlsa};

/// How the other side's certificate was found (`${verify}`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// It leads to an authority that is trusted.
    Ok,
    /// There is none.
    #[default]
    No,
    /// None was asked for.
    Not,
    /// It does not lead to an authority that is trusted, or has expired.
    Fail,
    /// The TLSA records of the server vouch for it (RFC 7672).
    Trusted,
    /// They speak of another certificate.
    DaneFail,
}

impl Verify {
    /// The word in rules and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Not => "NOT",
            Self::Fail => "FAIL",
            Self::Trusted => "TRUSTED",
            Self::DaneFail => "DANE_FAIL",
        }
    }

    /// Whether the name in the certificate may be believed.
    pub const fn is_trusted(self) -> bool {
        matches!(self, Self::Ok | Self::Trusted)
    }
}

/// A certificate, as macros show it: what rules cannot bear is written as
/// `+` and two hexadecimal digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateFacts {
    /// `${cert_subject}`: `/O=Example/CN=host.example.com`.
    pub subject: BString,
    /// `${cert_issuer}`
    pub issuer: BString,
    /// `${cn_subject}`
    pub subject_name: BString,
    /// `${cn_issuer}`
    pub issuer_name: BString,
    /// `${cert_fp}` or `${cert_md5}`: its digest.
    pub fingerprint: BString,
    /// The DNS names it is for.
    pub names: Vec<BString>,
}

/// What a handshake came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFacts {
    /// `${tls_version}`: `TLSv1.3`.
    pub version: &'static str,
    /// `${cipher}`, by OpenSSL's name.
    pub cipher: BString,
    /// `${cipher_bits}`
    pub bits: u32,
    /// `${verify}`
    pub verify: Verify,
    /// Why it is so, for the log.
    pub verify_message: String,
    /// The certificate is for the name that was wanted.
    pub is_named: bool,
    /// The other side's certificate.
    pub certificate: Option<CertificateFacts>,
    /// Channel binding `tls-exporter` (RFC 9266); only TLS 1.3 has it here.
    pub exporter: Option<Vec<u8>>,
    /// Channel binding `tls-server-end-point` (RFC 5929).
    pub end_point: Option<Vec<u8>>,
}

/// Why there is no TLS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct TlsFault {
    /// One sentence for the log, in the TLS library's words.
    pub reason: String,
    /// It is our own configuration, not the other side.
    pub is_ours: bool,
}

/// A stream under TLS, and what is known of it.
pub type Secured = (Box<dyn Stream>, Arc<TlsFacts>);

/// Our side of TLS as a server, as a configuration sets it.
pub trait TlsServer: Send + Sync {
    /// Whether there is a certificate to show now. Asked before STARTTLS is
    /// offered, so it answers at once.
    fn is_ready(&self) -> bool;
    /// Does the handshake. `ask` says whether the client is asked for a
    /// certificate.
    fn accept(
        &self,
        stream: Box<dyn Stream>,
        ask: bool,
    ) -> BoxFuture<'_, Result<Secured, TlsFault>>;
    /// The same as rules want it for this client.
    fn accept_as<'a>(
        &'a self,
        stream: Box<dyn Stream>,
        ask: bool,
        _features: &'a TlsFeatures,
    ) -> BoxFuture<'a, Result<Secured, TlsFault>> {
        self.accept(stream, ask)
    }
}

/// What rules say of TLS with one other side (`tls_srv_features`,
/// `tls_clt_features`); what is empty is as the options have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TlsFeatures {
    /// `CertFile=`
    pub certificate: BString,
    /// `KeyFile=`
    pub key: BString,
    /// `Options=`: words of OpenSSL.
    pub options: BString,
    /// `CipherList=`
    pub ciphers: BString,
    /// `CipherSuites=`
    pub suites: BString,
    /// `Flags=`
    pub flags: BString,
}

impl TlsFeatures {
    /// Whether there is anything that a handshake is done otherwise for.
    pub fn is_usual(&self) -> bool {
        let parts = [
            &self.certificate,
            &self.options,
            &self.ciphers,
            &self.suites,
        ];
        parts.into_iter().all(|part| part.is_empty())
    }
}

/// What a server is to be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// What rules say of it.
    pub features: Option<&'a TlsFeatures>,
    /// The name it is called by, in the handshake, too.
    pub name: &'a str,
    /// Another name that its certificate may be for: the domain's.
    pub domain: &'a str,
    /// The TLSA records of it; without any, authorities are believed.
    pub tlsa: &'a [Tlsa],
}

/// Our side of TLS as a client.
pub trait TlsClient: Send + Sync {
    /// Does the handshake with a server; whether to go on with a certificate
    /// that is not trusted is the caller's decision. TLSA records are compared,
    /// and [`TlsFacts::is_named`] says whether the certificate is for it.
    fn connect_as<'a>(
        &'a self,
        stream: Box<dyn Stream>,
        wanted: Wanted<'a>,
    ) -> BoxFuture<'a, Result<Secured, TlsFault>>;

    /// The same with the server called `name`, of which nothing else is known.
    fn connect<'a>(
        &'a self,
        stream: Box<dyn Stream>,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Secured, TlsFault>> {
        let wanted = Wanted {
            name,
            ..Wanted::default()
        };
        self.connect_as(stream, wanted)
    }
}
