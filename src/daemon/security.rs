//! What the configuration says of logins and certificates, made ready.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use bstr::{BStr, ByteSlice};

use super::logins::Offer;
use crate::base::Place;
use crate::cf::{Opt, Options};
use crate::os::{
    Fingerprint, KernelEntropy, Keys, OwnKeys, SystemTlsClient, SystemTlsServer, TlsSettings,
    Versions, choose_suites,
};
use crate::receive::Security;
use crate::world::{
    BoxFuture, Files, LogLevel, Secured, Stream, SystemLog, TlsClient, TlsFault, TlsServer, Wanted,
};

/// Options of OpenSSL that have no meaning to rustls, and need none: it
/// speaks nothing old.
const NEEDLESS: [&[u8]; 12] = [
    b"SSL_OP_NO_SSLv2",
    b"SSL_OP_NO_SSLv3",
    b"SSL_OP_NO_TLSv1",
    b"SSL_OP_NO_TLSv1_1",
    b"SSL_OP_NO_COMPRESSION",
    b"SSL_OP_NO_RENEGOTIATION",
    b"SSL_OP_NO_TICKET",
    b"SSL_OP_CIPHER_SERVER_PREFERENCE",
    b"SSL_OP_SINGLE_DH_USE",
    b"SSL_OP_SINGLE_ECDH_USE",
    b"SSL_OP_TLSEXT_PADDING",
    b"SSL_OP_ALL",
];

/// What certificates and keys are read with.
#[derive(Clone)]
pub(super) struct Means {
    /// The site's files.
    pub(super) files: Arc<dyn Files>,
    /// Private keys, which another process may hold.
    pub(super) keys: Arc<dyn Keys>,
    /// The log.
    pub(super) log: Arc<dyn SystemLog>,
    /// Where the site's files are.
    pub(super) place: Place,
}

impl Means {
    /// Everything by this process itself.
    pub(super) fn own(files: Arc<dyn Files>, log: Arc<dyn SystemLog>, place: Place) -> Self {
        let keys = Arc::new(OwnKeys(Arc::clone(&files)));
        Self {
            files,
            keys,
            log,
            place,
        }
    }
}

/// Logins and certificates of a site's listeners.
pub(super) fn of(options: &Options, offer: Offer, means: &Means) -> Security {
    let warn = |text: &str| means.log.log(LogLevel::Warning, text.as_bytes());
    offer.faults.iter().for_each(|fault| warn(fault));
    let settings = TlsSettings {
        place: means.place.clone(),
        ..server_settings(options)
    };
    ineffective(options).iter().for_each(|text| warn(text));
    let tls = settings.certificate.is_some().then(|| {
        let Means {
            files, keys, log, ..
        } = means.clone();
        let server = SystemTlsServer::with_keys(settings, files, keys, log);
        Arc::new(server) as Arc<dyn TlsServer>
    });
    Security {
        authenticator: offer.authenticator,
        tls,
        entropy: Some(Arc::new(KernelEntropy)),
    }
}

/// Our side of TLS towards servers: that of the configuration that was read
/// last.
#[derive(Default)]
pub(super) struct ClientTls {
    current: RwLock<Option<Arc<SystemTlsClient>>>,
}

impl ClientTls {
    /// Takes what a configuration says.
    pub(super) fn follow(&self, options: &Options, means: &Means) {
        let settings = TlsSettings {
            place: means.place.clone(),
            ..client_settings(options)
        };
        let Means {
            files, keys, log, ..
        } = means.clone();
        let client = SystemTlsClient::with_keys(settings, files, keys, log);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Some(Arc::new(client));
    }
}

impl TlsClient for ClientTls {
    fn connect_as<'a>(
        &'a self,
        stream: Box<dyn Stream>,
        wanted: Wanted<'a>,
    ) -> BoxFuture<'a, Result<Secured, TlsFault>> {
        Box::pin(async move {
            let client = {
                let current = self.current.read();
                current.unwrap_or_else(PoisonError::into_inner).clone()
            };
            match client {
                Some(client) => client.connect_as(stream, wanted).await,
                None => Err(TlsFault {
                    reason: "no configuration".to_owned(),
                    is_ours: true,
                }),
            }
        })
    }
}

/// What rustls does otherwise than the options say; said once.
fn ineffective(options: &Options) -> Vec<String> {
    let refused = [Opt::DhParameters, Opt::SslEngine, Opt::SslEnginePath];
    let is_set = |opt: &Opt| !options.text(*opt).is_empty();
    let mut out: Vec<String> = refused
        .into_iter()
        .filter(is_set)
        .map(|opt| {
            let name = opt.row().name;
            format!("STARTTLS: option {name} has no effect: the TLS library has no such thing")
        })
        .collect();
    let lists = [Opt::CipherList, Opt::CipherSuites].map(|opt| options.text(opt));
    for word in choose_suites(lists[0], lists[1]).1 {
        let text =
            format!("STARTTLS: cipher {word} is not spoken: the TLS library has only strong ones");
        out.push(text);
    }
    for opt in [Opt::ServerSslOptions, Opt::ClientSslOptions] {
        for word in options.words(opt) {
            let bare = word.trim_start_with(|c| matches!(c, '+' | '-'));
            let known = NEEDLESS.contains(&bare)
                || matches!(bare, b"SSL_OP_NO_TLSv1_2" | b"SSL_OP_NO_TLSv1_3");
            if !known && !bare.is_empty() {
                let name = opt.row().name;
                let bare = bare.as_bstr();
                out.push(format!("STARTTLS: option {name}: {bare} has no effect"));
            }
        }
    }
    out
}

fn server_settings(options: &Options) -> TlsSettings {
    TlsSettings {
        certificate: path(options, Opt::ServerCertFile),
        key: path(options, Opt::ServerKeyFile),
        more: more(options, Opt::ServerCertFile, Opt::ServerKeyFile),
        versions: versions(options, Opt::ServerSslOptions),
        ..common(options)
    }
}

/// Our side of connections to servers.
pub(super) fn client_settings(options: &Options) -> TlsSettings {
    let common = common(options);
    TlsSettings {
        certificate: path(options, Opt::ClientCertFile),
        key: path(options, Opt::ClientKeyFile),
        authorities: path(options, Opt::ClientCaCertFile).or_else(|| common.authorities.clone()),
        authority_directory: path(options, Opt::ClientCaCertPath)
            .or_else(|| common.authority_directory.clone()),
        versions: versions(options, Opt::ClientSslOptions),
        ..common
    }
}

fn common(options: &Options) -> TlsSettings {
    let blame = options.words(Opt::DontBlameSendmail);
    let is_blamed = |word: &BStr| word.eq_ignore_ascii_case(b"groupreadablekeyfile");
    let algorithm = options.text(Opt::CertFingerprintAlgorithm);
    TlsSettings {
        authorities: path(options, Opt::CaCertFile),
        authority_directory: path(options, Opt::CaCertPath),
        revoked: path(options, Opt::CrlFile),
        revoked_directory: path(options, Opt::CrlPath),
        suites: choose_suites(
            options.text(Opt::CipherList),
            options.text(Opt::CipherSuites),
        )
        .0,
        group_may_read_key: blame.into_iter().any(|word| is_blamed(word.as_bstr())),
        fingerprint: match algorithm.to_ascii_lowercase().as_slice() {
            b"sha1" => Fingerprint::Sha1,
            b"sha256" => Fingerprint::Sha256,
            _ => Fingerprint::Md5,
        },
        ..TlsSettings::default()
    }
}

/// The certificates beyond the first, each with its key.
fn more(options: &Options, certificates: Opt, keys: Opt) -> Vec<(PathBuf, PathBuf)> {
    let rest = |opt: Opt| -> Vec<PathBuf> {
        let words = options.text(opt).split(|byte| *byte == b',').skip(1);
        let named = words
            .map(|word| word.trim())
            .filter(|word| !word.is_empty());
        named
            .map(|word| word.to_path_lossy().into_owned())
            .collect()
    };
    rest(certificates).into_iter().zip(rest(keys)).collect()
}

fn path(options: &Options, opt: Opt) -> Option<PathBuf> {
    let text = options.text(opt);
    // Others may follow after commas.
    let first = text.split(|byte| *byte == b',').next().unwrap_or_default();
    (!first.is_empty()).then(|| first.to_path_lossy().into_owned())
}

fn versions(options: &Options, opt: Opt) -> Versions {
    let words = options.words(opt);
    Versions::of(words.iter().map(|word| word.as_bytes()))
}
