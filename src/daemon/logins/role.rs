//! The process of logins: it holds the secrets and answers the engine.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bstr::{BString, ByteSlice};
use tokio::sync::Semaphore;

use super::databases::Logins;
use super::wire::{FromLogins, ToLogins};
use crate::base::Sysexit;
use crate::cf::{Opt, Options};
use crate::daemon::configuration::{Source, load};
use crate::daemon::frame::ToEngine;
use crate::os::{Channel, KeptKeys, Keys, OwnKeys, SystemFiles};
use crate::receive::Said;
use crate::sasl::server::{Context, Failure, FailureKind};
use crate::sasl::{self, Mechanism, Secret};

/// Questions in hand at once; more wait in the channel.
const IN_HAND_MAX: usize = 128;
/// Exchanges that wait for their client.
const EXCHANGES_MAX: usize = 4096;
/// How long one may wait when there are too many.
const EXCHANGE_TIME: Duration = Duration::from_secs(300);

/// Runs the process on the channel it was started with.
pub fn logins() -> Sysexit {
    let first = |channel: &Channel| -> Option<Source> {
        let received = channel.receive().ok()??;
        match ToEngine::decode(&received.frame)? {
            ToEngine::Start(start) => Some(start.source),
            _ => None,
        }
    };
    let begun = Channel::from_stdin()
        .ok()
        .and_then(|channel| Some((first(&channel)?, channel)));
    let Some((source, channel)) = begun else {
        return Sysexit::Usage;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("logins")
        .build();
    let Ok(runtime) = runtime else {
        return Sysexit::OsErr;
    };
    let code = runtime.block_on(serve(Arc::new(Role::new(source)), channel));
    // An attempt that hangs must not hold the process.
    runtime.shutdown_background();
    code
}

/// Answers until the engine is gone, or talks nonsense.
async fn serve(role: Arc<Role>, channel: Channel) -> Sysexit {
    let Ok(channel) = channel.into_async() else {
        return Sysexit::OsErr;
    };
    let channel = Arc::new(channel);
    let room = Arc::new(Semaphore::new(IN_HAND_MAX));
    while let Ok(Some(received)) = channel.receive().await {
        let Some((id, question)) = ToLogins::decode(&Secret::from(received.frame)) else {
            return Sysexit::Protocol;
        };
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            break;
        };
        let (role, channel) = (Arc::clone(&role), Arc::clone(&channel));
        tokio::spawn(async move {
            if let Some(answer) = role.answer(question).await {
                let _ = channel.send(&answer.encode(id)).await;
            }
            drop(permit);
        });
    }
    Sysexit::Ok
}

struct Role {
    source: Source,
    site: RwLock<Site>,
    keys: KeptKeys,
    exchanges: Mutex<HashMap<u64, Held>>,
}

/// What the configuration says.
#[derive(Default)]
struct Site {
    logins: Option<Arc<Logins>>,
    faults: Vec<String>,
    /// Files of certificates and keys that it names, and the directories they
    /// are in: rules may name others beside them.
    named: HashSet<PathBuf>,
}

/// An exchange that waits for its client.
struct Held {
    exchange: Box<sasl::Server>,
    realm: BString,
    logins: Arc<Logins>,
    since: Instant,
}

impl Role {
    fn new(source: Source) -> Self {
        Self {
            site: RwLock::new(Site::read(&source)),
            source,
            keys: KeptKeys::default(),
            exchanges: Mutex::default(),
        }
    }

    async fn answer(self: &Arc<Self>, question: ToLogins) -> Option<FromLogins> {
        Some(match question {
            ToLogins::Offer => self.offer(),
            ToLogins::Begin {
                exchange,
                mechanism,
                context,
                initial,
            } => self.begin(exchange, mechanism, *context, initial).await,
            ToLogins::Step { exchange, message } => self.step(exchange, &message).await,
            ToLogins::End { exchange } => {
                self.exchanges().remove(&exchange);
                return None;
            }
            blocking => {
                let role = Arc::clone(self);
                let answered = tokio::task::spawn_blocking(move || role.at_leisure(blocking));
                answered
                    .await
                    .unwrap_or_else(|error| FromLogins::Refused(error.to_string().into()))
            }
        })
    }

    /// What reads files or signs.
    fn at_leisure(&self, question: ToLogins) -> FromLogins {
        let refused = |why: String| FromLogins::Refused(why.into());
        match question {
            ToLogins::Certificate {
                certificate,
                key,
                group_may_read,
            } => {
                if !self.is_named(&certificate) || !self.is_named(&key) {
                    return refused(format!("file {}: not named", key.display()));
                }
                self.keys
                    .load(&certificate, &key, group_may_read, &SystemFiles)
                    .map_or_else(refused, FromLogins::Certificate)
            }
            ToLogins::Stamp(path) => FromLogins::Stamp(
                self.is_named(&path)
                    .then(|| OwnKeys(Arc::new(SystemFiles)).stamp(&path))
                    .flatten(),
            ),
            ToLogins::Sign {
                number,
                scheme,
                message,
            } => self
                .keys
                .sign(number, scheme, &message)
                .map_or_else(refused, FromLogins::Signature),
            ToLogins::Reload => {
                let site = Site::read(&self.source);
                *self.site.write().unwrap_or_else(PoisonError::into_inner) = site;
                FromLogins::Done
            }
            ToLogins::Offer
            | ToLogins::Begin { .. }
            | ToLogins::Step { .. }
            | ToLogins::End { .. } => refused("out of place".to_owned()),
        }
    }

    fn offer(&self) -> FromLogins {
        let site = self.site.read().unwrap_or_else(PoisonError::into_inner);
        let can = |mechanism: &Mechanism| site.logins.as_ref().is_some_and(|l| l.can(*mechanism));
        FromLogins::Offer {
            mechanisms: Mechanism::ALL
                .into_iter()
                .filter(can)
                .map(|mechanism| mechanism.name().into())
                .collect(),
            faults: site.faults.iter().map(|f| f.as_str().into()).collect(),
        }
    }

    async fn begin(
        &self,
        number: u64,
        mechanism: Mechanism,
        context: Context,
        initial: Option<Secret>,
    ) -> FromLogins {
        let logins = {
            let site = self.site.read().unwrap_or_else(PoisonError::into_inner);
            site.logins.clone()
        };
        let Some(logins) = logins.filter(|logins| logins.can(mechanism)) else {
            return unavailable("no user database");
        };
        let mut held = Held {
            realm: context.realm.clone(),
            exchange: Box::new(sasl::Server::new(mechanism, context)),
            logins,
            since: Instant::now(),
        };
        let reply = held.exchange.begin(initial.as_deref());
        self.goes_on(number, held, reply).await
    }

    async fn step(&self, number: u64, message: &[u8]) -> FromLogins {
        let held = self.exchanges().remove(&number);
        let Some(mut held) = held else {
            return unavailable("the exchange was given up");
        };
        let reply = held.exchange.step(message);
        self.goes_on(number, held, reply).await
    }

    async fn goes_on(&self, number: u64, mut held: Held, reply: sasl::Reply) -> FromLogins {
        let logins = Arc::clone(&held.logins);
        let said = logins
            .drive(&mut held.exchange, reply, held.realm.as_bstr())
            .await;
        match said {
            Said::Challenge(text) => {
                let mut exchanges = self.exchanges();
                if exchanges.len() >= EXCHANGES_MAX {
                    exchanges.retain(|_, held| held.since.elapsed() < EXCHANGE_TIME);
                }
                if exchanges.len() >= EXCHANGES_MAX {
                    return unavailable("too many exchanges");
                }
                exchanges.insert(number, held);
                FromLogins::Challenge(text)
            }
            Said::Success(identity) => FromLogins::Success(identity),
            Said::Failure(failure) => FromLogins::Failure(failure),
        }
    }

    /// Whether the configuration names a file, or it lies beside one that it
    /// names.
    fn is_named(&self, path: &Path) -> bool {
        let site = self.site.read().unwrap_or_else(PoisonError::into_inner);
        let beside = |path: &Path| path.parent().is_some_and(|d| site.named.contains(d));
        let is_plain =
            path.is_absolute() && !path.components().any(|part| part.as_os_str() == "..");
        site.named.contains(path) || is_plain && beside(path)
    }

    fn exchanges(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Held>> {
        self.exchanges
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn unavailable(why: &str) -> FromLogins {
    FromLogins::Failure(Failure {
        kind: FailureKind::Unavailable,
        detail: why.to_owned(),
        user: BString::default(),
    })
}

impl Site {
    fn read(source: &Source) -> Self {
        let (logins, faults) = Logins::open(&source.place, Arc::new(SystemFiles));
        let named = load(source).map(|loaded| named(&loaded.config.options));
        Self {
            logins,
            faults,
            named: named.unwrap_or_default(),
        }
    }
}

/// Options that name certificates, keys and what they are judged by.
const FILES: [Opt; 11] = [
    Opt::ServerCertFile,
    Opt::ServerKeyFile,
    Opt::ClientCertFile,
    Opt::ClientKeyFile,
    Opt::CaCertFile,
    Opt::CaCertPath,
    Opt::ClientCaCertFile,
    Opt::ClientCaCertPath,
    Opt::CrlFile,
    Opt::CrlPath,
    Opt::DhParameters,
];

fn named(options: &Options) -> HashSet<PathBuf> {
    let mut named = HashSet::new();
    for (at, opt) in FILES.into_iter().enumerate() {
        let text = options.text(opt);
        for word in text.split(|byte| *byte == b',').map(|word| word.trim()) {
            if word.starts_with(b"/") {
                let path = word.to_path_lossy().into_owned();
                // Those of certificates and keys alone.
                if at < 4 {
                    named.extend(path.parent().map(Path::to_owned));
                }
                named.insert(path);
            }
        }
    }
    named
}
