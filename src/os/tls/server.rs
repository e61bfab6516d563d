//! TLS as a server: certificates that are swapped when their files change.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;
use webpki::KeyUsage;

use super::files::{Loaded, Watch, load};
use super::keys::{Keys, OwnKeys};
use super::peer::{AnyPeer, Judge, provider_of};
use super::variants::Variants;
use super::{TlsSettings, certificate, dane, reason};
use crate::world::{
    BoxFuture, Files, LogLevel, Secured, Stream, SystemLog, TlsFault, TlsFeatures, TlsServer,
};

/// A site's certificate, ready to be shown.
pub struct SystemTlsServer {
    settings: TlsSettings,
    files: Arc<dyn Files>,
    keys: Arc<dyn Keys>,
    log: Arc<dyn SystemLog>,
    state: Mutex<State>,
    /// The same as rules want it for some clients.
    variants: Variants<SystemTlsServer>,
}

struct State {
    ready: Option<Arc<Ready>>,
    watch: Watch,
}

/// What handshakes are done with.
struct Ready {
    asking: TlsAcceptor,
    silent: TlsAcceptor,
    judge: Judge,
    own: Arc<Shown>,
}

impl SystemTlsServer {
    /// Reads the certificate; one that cannot be used is logged, and may come
    /// later.
    pub fn new(settings: TlsSettings, files: Arc<dyn Files>, log: Arc<dyn SystemLog>) -> Self {
        let keys = Arc::new(OwnKeys(Arc::clone(&files)));
        Self::with_keys(settings, files, keys, log)
    }

    /// The same with keys that somebody else may keep.
    pub fn with_keys(
        settings: TlsSettings,
        files: Arc<dyn Files>,
        keys: Arc<dyn Keys>,
        log: Arc<dyn SystemLog>,
    ) -> Self {
        let watch = Watch::new(&settings, &*keys);
        let ready = prepare(&settings, &*files, &*keys, &*log).map_or_else(
            |why| {
                let line = format!("STARTTLS=server: {why}");
                log.log(LogLevel::Warning, line.as_bytes());
                None
            },
            |ready| Some(Arc::new(ready)),
        );
        Self {
            settings,
            files,
            keys,
            log,
            state: Mutex::new(State { ready, watch }),
            variants: Variants::default(),
        }
    }

    /// What rules want for one client.
    fn variant(&self, features: &TlsFeatures) -> Arc<Self> {
        self.variants.get(features, || {
            Self::with_keys(
                self.settings.with(features),
                Arc::clone(&self.files),
                Arc::clone(&self.keys),
                Arc::clone(&self.log),
            )
        })
    }

    /// What is ready now; when files have changed and are good, what they
    /// say, else what there was.
    fn ready(&self) -> Option<Arc<Ready>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.watch.has_changed(&*self.keys) {
            state.watch = Watch::new(&self.settings, &*self.keys);
            match prepare(&self.settings, &*self.files, &*self.keys, &*self.log) {
                Ok(ready) => {
                    state.ready = Some(Arc::new(ready));
                    let line = b"STARTTLS=server: new certificate files are in use";
                    self.log.log(LogLevel::Info, line);
                }
                Err(why) => {
                    let line = format!("STARTTLS=server: {why}; what was read before stays");
                    self.log.log(LogLevel::Warning, line.as_bytes());
                }
            }
        }
        state.ready.clone()
    }
}

fn prepare(
    settings: &TlsSettings,
    files: &dyn Files,
    keys: &dyn Keys,
    log: &dyn SystemLog,
) -> Result<Ready, String> {
    let Loaded {
        own,
        authorities,
        revoked,
        warnings,
    } = load(settings, files, keys)?;
    for warning in warnings {
        let line = format!("STARTTLS=server: {warning}");
        log.log(LogLevel::Warning, line.as_bytes());
    }
    if own.is_empty() {
        return Err("no certificate".to_owned());
    }
    let own = Arc::new(Shown(own));
    let verifier = Arc::new(AnyPeer::new(&authorities));
    Ok(Ready {
        asking: acceptor(settings, &own, Some(verifier))?,
        silent: acceptor(settings, &own, None)?,
        judge: Judge::new(&authorities, &revoked, settings.fingerprint)?,
        own,
    })
}

/// The certificates there are to show.
#[derive(Debug)]
struct Shown(Vec<Arc<CertifiedKey>>);

impl Shown {
    /// Those for the name that the client called us by, or else all.
    fn named(&self, name: Option<&str>) -> Vec<&Arc<CertifiedKey>> {
        let is_for = |own: &&Arc<CertifiedKey>| match (name, own.end_entity_cert()) {
            (Some(name), Ok(leaf)) => dane::is_for(leaf, &[name]).is_ok(),
            _ => false,
        };
        let named: Vec<_> = self.0.iter().filter(is_for).collect();
        match named.is_empty() {
            true => self.0.iter().collect(),
            false => named,
        }
    }

    /// What stands for the certificate in channel binding, when it is known
    /// which was shown.
    fn end_point(&self, name: Option<&str>) -> Option<Vec<u8>> {
        match self.named(name).as_slice() {
            [own] => certificate::end_point(own.end_entity_cert().ok()?),
            _ => None,
        }
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = self.named(hello.server_name());
        let can_sign = |own: &&&Arc<CertifiedKey>| {
            let schemes = hello.signature_schemes();
            own.key.choose_scheme(schemes).is_some()
        };
        let found = named.iter().find(can_sign).or(named.first())?;
        Some(Arc::clone(found))
    }
}

fn acceptor(
    settings: &TlsSettings,
    own: &Arc<Shown>,
    verifier: Option<Arc<AnyPeer>>,
) -> Result<TlsAcceptor, String> {
    let builder = ServerConfig::builder_with_provider(provider_of(&settings.suites))
        .with_protocol_versions(&settings.versions.list())
        .map_err(|error| error.to_string())?;
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(own) as _;
    Ok(TlsAcceptor::from(Arc::new(
        builder.with_cert_resolver(resolver),
    )))
}

impl TlsServer for SystemTlsServer {
    fn accept_as<'a>(
        &'a self,
        stream: Box<dyn Stream>,
        ask: bool,
        features: &'a TlsFeatures,
    ) -> BoxFuture<'a, Result<Secured, TlsFault>> {
        if features.is_usual() {
            return self.accept(stream, ask);
        }
        let variant = self.variant(features);
        Box::pin(async move { variant.accept(stream, ask).await })
    }

    fn is_ready(&self) -> bool {
        self.ready().is_some()
    }

    fn accept(
        &self,
        stream: Box<dyn Stream>,
        ask: bool,
    ) -> BoxFuture<'_, Result<Secured, TlsFault>> {
        Box::pin(async move {
            let ready = self.ready().ok_or_else(|| TlsFault {
                reason: "no certificate".to_owned(),
                is_ours: true,
            })?;
            let acceptor = if ask { &ready.asking } else { &ready.silent };
            let stream = acceptor.accept(stream).await.map_err(|error| TlsFault {
                reason: reason(&error),
                is_ours: false,
            })?;
            let state = stream.get_ref().1;
            let mut facts = ready.judge.facts(state, KeyUsage::client_auth(), ask);
            facts.end_point = ready.own.end_point(state.server_name());
            if facts.version == "TLSv1.3" {
                let label = b"EXPORTER-Channel-Binding";
                let exported = state.export_keying_material([0; 32], label, None);
                facts.exporter = exported.ok().map(|bytes: [u8; 32]| bytes.to_vec());
            }
            Ok((Box::new(stream) as Box<dyn Stream>, Arc::new(facts)))
        })
    }
}
