//! TLS as a client.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::ClientConfig;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::TlsConnector;
use webpki::KeyUsage;

use super::files::{Loaded, Watch, load};
use super::keys::{Keys, OwnKeys};
use super::peer::{AnyPeer, Judge, provider_of};
use super::variants::Variants;
use super::{TlsSettings, certificate, dane, reason};
use crate::world::{
    BoxFuture, Files, LogLevel, Secured, Stream, SystemLog, TlsClient, TlsFault, TlsFeatures,
    Verify, Wanted,
};

/// Our side of connections to servers.
pub struct SystemTlsClient {
    settings: TlsSettings,
    files: Arc<dyn Files>,
    keys: Arc<dyn Keys>,
    log: Arc<dyn SystemLog>,
    state: Mutex<State>,
    /// The same as rules want it for some servers.
    variants: Variants<SystemTlsClient>,
}

struct State {
    ready: Result<Arc<Ready>, String>,
    watch: Watch,
}

struct Ready {
    connector: TlsConnector,
    judge: Judge,
}

impl SystemTlsClient {
    /// Reads authorities, and a certificate if there is one to show; trouble
    /// with them is logged, and may pass.
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
        let state = State {
            watch: Watch::new(&settings, &*keys),
            ready: prepare(&settings, &*files, &*keys, &*log),
        };
        Self {
            settings,
            files,
            keys,
            log,
            state: Mutex::new(state),
            variants: Variants::default(),
        }
    }

    /// What rules want for one server.
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

    fn ready(&self) -> Result<Arc<Ready>, String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.watch.has_changed(&*self.keys) {
            state.watch = Watch::new(&self.settings, &*self.keys);
            let prepared = prepare(&self.settings, &*self.files, &*self.keys, &*self.log);
            if prepared.is_ok() || state.ready.is_err() {
                state.ready = prepared;
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
) -> Result<Arc<Ready>, String> {
    let warn = |why: &str| {
        let line = format!("STARTTLS=client: {why}");
        log.log(LogLevel::Warning, line.as_bytes());
    };
    let loaded = load(settings, files, keys).or_else(|why| {
        warn(&why);
        // Without a certificate of our own we can still encrypt.
        let without = TlsSettings {
            certificate: None,
            key: None,
            revoked: None,
            ..settings.clone()
        };
        load(&without, files, keys)
    })?;
    let Loaded {
        own,
        authorities,
        revoked,
        warnings,
    } = loaded;
    warnings.iter().for_each(|warning| warn(warning));
    let builder = ClientConfig::builder_with_provider(provider_of(&settings.suites))
        .with_protocol_versions(&settings.versions.list())
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyPeer::new(&[])));
    let config = match own.into_iter().next() {
        Some(own) => builder.with_client_cert_resolver(resolver(own)),
        None => builder.with_no_client_auth(),
    };
    Ok(Arc::new(Ready {
        connector: TlsConnector::from(Arc::new(config)),
        judge: Judge::new(&authorities, &revoked, settings.fingerprint)?,
    }))
}

fn resolver(own: Arc<CertifiedKey>) -> Arc<dyn ResolvesClientCert> {
    Arc::new(SingleCertAndKey::from(own))
}

impl TlsClient for SystemTlsClient {
    fn connect_as<'a>(
        &'a self,
        stream: Box<dyn Stream>,
        wanted: Wanted<'a>,
    ) -> BoxFuture<'a, Result<Secured, TlsFault>> {
        Box::pin(async move {
            if let Some(features) = wanted.features.filter(|features| !features.is_usual()) {
                let wanted = Wanted {
                    features: None,
                    ..wanted
                };
                return self.variant(features).connect_as(stream, wanted).await;
            }
            let name = wanted.name;
            let ours = |reason: String| TlsFault {
                reason,
                is_ours: true,
            };
            let ready = self.ready().map_err(ours)?;
            let bare = name.trim_matches(['[', ']']).trim_end_matches('.');
            let server = ServerName::try_from(bare.to_owned())
                .map_err(|_| ours(format!("{name}: no name for TLS")))?;
            let connecting = ready.connector.connect(server, stream);
            let stream = connecting.await.map_err(|error| TlsFault {
                reason: reason(&error),
                is_ours: false,
            })?;
            let state = stream.get_ref().1;
            let mut facts = ready.judge.facts(state, KeyUsage::server_auth(), true);
            let chain = state.peer_certificates().unwrap_or_default();
            let leaf = chain.first();
            facts.is_named = leaf.is_some_and(|leaf| dane::is_for(leaf, &[bare]).is_ok());
            if !wanted.tlsa.is_empty() {
                let now = UnixTime::now();
                match dane::verify(chain, wanted.tlsa, &[bare, wanted.domain], now) {
                    Ok(()) => (facts.verify, facts.verify_message) = (Verify::Trusted, "ok".into()),
                    Err(why) => (facts.verify, facts.verify_message) = (Verify::DaneFail, why),
                }
            }
            facts.end_point = leaf.and_then(|der| certificate::end_point(der));
            if facts.version == "TLSv1.3" {
                let label = b"EXPORTER-Channel-Binding";
                let exported = state.export_keying_material([0; 32], label, None);
                facts.exporter = exported.ok().map(|bytes: [u8; 32]| bytes.to_vec());
            }
            Ok((Box::new(stream) as Box<dyn Stream>, Arc::new(facts)))
        })
    }
}
