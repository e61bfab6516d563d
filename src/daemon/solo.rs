//! The services of a mail server in one process, for the modes of the command
//! line that work alone: submission, SMTP on standard input, runs of the
//! client queue.
//!
//! It has no journal (a daemon may own that) and no listeners; agents are
//! started as the parent would start them.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bstr::BString;
use tokio::sync::{mpsc, watch};

use super::configuration::Loaded;
use super::log::DaemonLog;
use super::parent::Agents;
use super::security::{ClientTls, Means};
use super::site::{self, Opened, Shared};
use super::spool::{queue_settings, queue_world};
use crate::base::maillog::Subject;
use crate::base::{Diagnostic, Place, QueueId};
use crate::deliver::agent::{AgentPool, AgentSource, NoAgent, Purpose};
use crate::deliver::delivery::{Deliverer, DeliveryParts};
use crate::deliver::{self, AgentLists};
use crate::envelope::{ListFiles, Recipient, RecipientState};
use crate::os::{
    Chance, KernelEntropy, LogTarget, SystemClock, SystemDial, SystemFiles, SystemUsers, time_zone,
};
use crate::queue::{
    BodyWriter, Claim, Message, Occasion, Queue, Selector, Settlement, Spool, SpoolError,
};
use crate::receive::{Daemon, Intake, Security, Service, ServiceParts};
use crate::route::Site;
use crate::world::{BoxFuture, Clock, Nothing, Resolver, SystemLog, Users};

/// A message that is deferred waits for the next run; one made by hand does
/// not ask how long ago the last was.
const RETRY_AFTER: Duration = Duration::from_secs(60);
/// Accepted messages that may wait for their delivery.
const WAITING_MAX: usize = 1000;

/// What a process that works alone is to be.
#[derive(Clone, Debug)]
pub struct SoloSettings {
    /// Where the site's files are.
    pub place: Place,
    /// Where the log goes.
    pub log: LogTarget,
    /// The tag of its lines.
    pub tag: BString,
    /// Failures are told to whoever submits, and no report is mailed
    /// (ErrorMode print, quiet).
    pub tells_failures: bool,
}

/// Why it cannot be.
#[derive(Debug)]
pub enum SoloError {
    /// The configuration has these faults.
    Configuration(Vec<Diagnostic>),
    /// The queue directory cannot be used.
    Queue(std::path::PathBuf, io::Error),
}

/// The services of one process.
pub struct Solo {
    /// The configuration.
    pub site: Arc<Site>,
    /// The log.
    pub log: Arc<DaemonLog>,
    resolver: Arc<dyn Resolver>,
    queue: Queue,
    front: Arc<Front>,
    deliverer: Arc<Deliverer>,
    accepted: Mutex<Option<mpsc::Receiver<Claim>>>,
    intake: Arc<Hand>,
    /// Never told: sessions end with their input.
    _stop: watch::Sender<bool>,
    stopping: watch::Receiver<bool>,
}

impl Solo {
    /// Makes everything ready. Must be called within a runtime.
    ///
    /// # Errors
    /// A configuration with faults, or a queue that cannot be used.
    pub fn open(loaded: Loaded, settings: SoloSettings) -> Result<Arc<Self>, SoloError> {
        let users: Arc<SystemUsers> = Arc::new(SystemUsers::new());
        let log = Arc::new(DaemonLog::new(settings.log, &settings.tag));
        let resolver = site::resolver(&loaded.config.options, &settings.place);
        let agents = Agents::new(SystemUsers::new(), &loaded.config.options, &settings.place);
        let shared = Shared {
            users: Arc::clone(&users) as Arc<dyn Users>,
            resolver: Arc::clone(&resolver),
            log: Arc::clone(&log) as _,
            files: Arc::new(SystemFiles),
        };
        let Opened { site, faults } = site::open(loaded, &shared);
        if faults.iter().any(Diagnostic::is_error) {
            return Err(SoloError::Configuration(faults));
        }
        log.follow(&site.config.options);
        let site = Arc::new(site);
        let mut queue_settings = queue_settings(&site);
        queue_settings.journal = None;
        queue_settings.threads = false;
        let directory = queue_settings.directory.clone();
        let queue = Queue::open(queue_settings, queue_world(Arc::clone(&log) as _))
            .map_err(|error| SoloError::Queue(directory, error))?;
        let front = Arc::new(Front {
            queue: queue.clone(),
            tells_failures: settings.tells_failures,
            failed: Mutex::default(),
        });
        let tls = Arc::new(ClientTls::default());
        let system_log: Arc<dyn SystemLog> = Arc::clone(&log) as _;
        let means = Means::own(
            Arc::clone(&shared.files),
            system_log,
            settings.place.clone(),
        );
        tls.follow(&site.config.options, &means);
        let source = OwnAgents(Mutex::new(agents));
        let deliverer = Deliverer::new(DeliveryParts {
            spool: Arc::clone(&front) as Arc<dyn Spool>,
            clock: Arc::new(SystemClock),
            dial: Arc::new(SystemDial::new(Arc::clone(&resolver))),
            entropy: Arc::new(Chance),
            users,
            security: deliver::Security {
                tls: Some(tls),
                https: None,
                files: Arc::new(SystemFiles),
                entropy: Some(Arc::new(KernelEntropy)),
                log: Arc::clone(&log) as _,
            },
            log: Arc::clone(&log) as _,
            agents: Arc::new(AgentPool::new(Arc::new(source))),
            place: settings.place,
            zone: time_zone(&site.config.options),
            state: None,
            retry_after: Some(RETRY_AFTER),
        });
        let (hand, accepted) = mpsc::channel(WAITING_MAX);
        let intake = Arc::new(Hand {
            accepted: hand,
            lists: deliverer.lists(&site, Subject::NoQueue),
        });
        let (stop, stopping) = watch::channel(false);
        Ok(Arc::new(Self {
            site,
            log,
            resolver,
            queue,
            front,
            deliverer,
            accepted: Mutex::new(Some(accepted)),
            intake,
            _stop: stop,
            stopping,
        }))
    }

    /// The way messages come in.
    pub fn service(&self) -> Arc<Service> {
        Service::new(ServiceParts {
            site: Arc::clone(&self.site),
            spool: Arc::clone(&self.front) as Arc<dyn Spool>,
            clock: Arc::new(SystemClock),
            resolver: Arc::clone(&self.resolver),
            local_host: Arc::new(Nothing),
            log: Arc::clone(&self.log) as _,
            intake: Arc::clone(&self.intake) as Arc<dyn Intake>,
            daemon: Daemon::default(),
            zone: time_zone(&self.site.config.options),
            security: Security::default(),
            stopping: self.stopping.clone(),
        })
    }

    /// The messages that sessions of [`Solo::service`] accept; gives them
    /// once.
    pub fn accepted(&self) -> Option<mpsc::Receiver<Claim>> {
        let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        accepted.take()
    }

    /// Tries to deliver a message, now.
    pub async fn deliver(&self, claim: Claim) {
        let (site, resolver) = (Arc::clone(&self.site), Arc::clone(&self.resolver));
        self.deliverer.deliver(site, resolver, claim).await;
    }

    /// Leaves a message to queue runs, and says so in the log.
    pub async fn leave(&self, claim: Claim) {
        let resolver = &*self.resolver;
        self.deliverer
            .say_queued(&self.site, resolver, &claim.message)
            .await;
    }

    /// Tries every message of the queue that the selector wants, one after
    /// the other, oldest first.
    pub async fn run_queue(&self, selector: &Selector) {
        for id in self.queue.ids() {
            if let Some(claim) = self.queue.claim(id, SystemClock.now(), selector) {
                self.deliver(claim).await;
            }
        }
    }

    /// The recipients that failed and whose failure was not mailed.
    pub fn failed(&self) -> Vec<BString> {
        self.front.failed().clone()
    }

    /// The lists of this site, read by agents.
    pub fn lists(&self) -> &dyn ListFiles {
        &self.intake.lists
    }
}

/// The queue as submission sees it: a report of a failure that is told at
/// once is not mailed as well.
struct Front {
    queue: Queue,
    tells_failures: bool,
    failed: Mutex<Vec<BString>>,
}

impl Front {
    fn failed(&self) -> std::sync::MutexGuard<'_, Vec<BString>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spool for Front {
    fn new_id(&self) -> QueueId {
        self.queue.new_id()
    }

    fn body_writer(&self, id: QueueId) -> Result<Box<dyn BodyWriter>, SpoolError> {
        self.queue.body_writer(id)
    }

    fn accept(&self, mut message: Message) -> BoxFuture<'_, Result<Claim, SpoolError>> {
        if !(self.tells_failures && message.envelope.is_report) {
            return self.queue.accept(message);
        }
        self.queue.discard(message.id);
        // In quarantine nobody delivers it; it ends with its claim.
        message.envelope.quarantine = Some("told to the sender".into());
        Box::pin(std::future::ready(Ok(Claim::new(
            message,
            Occasion::Accepted,
            |_, _| {},
        ))))
    }

    fn discard(&self, id: QueueId) {
        self.queue.discard(id);
    }

    fn claim_due(&self, now: SystemTime, selector: &Selector, max: usize) -> Vec<Claim> {
        self.queue.claim_due(now, selector, max)
    }

    fn note(&self, id: QueueId, recipient: &Recipient) {
        self.queue.note(id, recipient);
    }

    fn settle(&self, claim: Claim, outcome: Settlement) -> BoxFuture<'_, Result<(), SpoolError>> {
        let recipients = match &outcome {
            Settlement::Done => &claim.message.envelope.recipients,
            Settlement::Keep { envelope, .. } | Settlement::Lost { envelope } => {
                &envelope.recipients
            }
        };
        if self.tells_failures {
            let failed = recipients
                .iter()
                .filter(|recipient| recipient.state == RecipientState::Failed)
                .map(|recipient| recipient.address.clone());
            self.failed().extend(failed);
        }
        self.queue.settle(claim, outcome)
    }

    fn next_due(&self) -> Option<SystemTime> {
        self.queue.next_due()
    }
}

/// Hands accepted messages on to whoever delivers them.
struct Hand {
    accepted: mpsc::Sender<Claim>,
    lists: AgentLists,
}

impl Intake for Hand {
    fn deliver(&self, claim: Claim, _mode: Option<u8>) {
        // One too many stays in the queue.
        let _ = self.accepted.try_send(claim);
    }

    fn run_queue(&self, _selector: Selector) {}

    fn lists(&self) -> &dyn ListFiles {
        &self.lists
    }
}

/// Agents started by this process itself.
struct OwnAgents(Mutex<Agents>);

impl AgentSource for OwnAgents {
    fn agent<'a>(
        &'a self,
        user: &'a [u8],
        purpose: Purpose,
    ) -> BoxFuture<'a, Result<UnixStream, NoAgent>> {
        let mut agents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let started = agents.start(user, purpose == Purpose::Mailbox, false);
        let answer = started.map(UnixStream::from).map_err(|refusal| NoAgent {
            temporary: refusal.temporary,
            reason: refusal.reason.into(),
        });
        Box::pin(std::future::ready(answer))
    }
}
