//! The engine: everything that reads from the network.
//!
//! It starts with a line to the parent and nothing else, reads the
//! configuration, becomes an unprivileged user, and then takes what the parent
//! gives it: the queue, listening sockets, agents. When the line ends, the
//! parent is gone, and so is the engine.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;

use super::frame::{Start, ToEngine, ToParent};
use super::hosts;
use super::log::DaemonLog;
use super::logins::Desk;
use super::spool::{queue_settings, queue_world};
use crate::base::Sysexit;
use crate::base::maillog::Priority;
use crate::deliver::agent::NoAgent;
use crate::deliver::delivery::Deliverer;
use crate::os::{Channel, SystemClock, SystemDial, SystemHost, raise_descriptor_limit, time_zone};
use crate::queue::{Claim, Queue};
use crate::receive::Security;
use crate::route::Site;
use crate::world::{Clock, Dial, Https, LocalHost, Resolver, StateStore};

mod admission;
mod control;
mod deliveries;
mod delivery;
mod files;
mod intake;
mod line;
mod listening;
mod proxy;
mod rates;
mod runner;
mod schedule;
mod service;
mod sessions;
mod world;

use deliveries::Deliveries;
use delivery::Means;
use files::ParentFiles;
use line::{Inbox, Line};
use listening::Listening;
use rates::Rates;
use runner::Runner;
use sessions::Sessions;
use world::World;

/// Runs the engine on the channel it was started with; gives its exit code.
pub fn engine() -> Sysexit {
    match Channel::from_stdin().and_then(begin) {
        Ok(beginning) => beginning.run(),
        Err(_) => Sysexit::Usage,
    }
}

/// What the engine begins with.
struct Beginning {
    channel: Channel,
    files: ParentFiles,
    desk: Arc<Desk>,
    start: Start,
}

/// Reads the first frame.
fn begin(channel: Channel) -> io::Result<Beginning> {
    let received = channel.receive()?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let beside = <[OwnedFd; 2]>::try_from(received.descriptors);
    match (ToEngine::decode(&received.frame), beside) {
        (Some(ToEngine::Start(start)), Ok([files, logins])) => Ok(Beginning {
            channel,
            files: ParentFiles::new(Channel::from_descriptor(files)),
            desk: Arc::new(Desk::new(logins)?),
            start: *start,
        }),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

impl Beginning {
    fn run(self) -> Sysexit {
        let Self {
            channel,
            files,
            desk,
            start,
        } = self;
        raise_descriptor_limit();
        let world = World::new(&start, files, desk);
        let snapshot = match world.prepare(&start) {
            Ok(snapshot) => snapshot,
            Err((code, reason)) => {
                let failed = ToParent::Failed {
                    code: code.code(),
                    reason: reason.into(),
                };
                let _ = channel.send(&failed.encode(), &[]);
                return code;
            }
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("engine")
            .build();
        let Ok(runtime) = runtime else {
            return Sysexit::OsErr;
        };
        let code = runtime.block_on(async {
            match Line::open(channel) {
                Ok((line, inbox)) => work(start, world, snapshot, line, inbox).await,
                Err(_) => Sysexit::OsErr,
            }
        });
        // Blocking lookups that hang must not hold the process.
        runtime.shutdown_background();
        code
    }
}

/// Waits for leave to open the queue, opens it, and serves.
async fn work(
    start: Start,
    world: World,
    snapshot: Snapshot,
    line: Line,
    mut inbox: Inbox,
) -> Sysexit {
    line.say(ToParent::Loaded).await;
    match inbox.recv().await {
        Some((ToEngine::Go, _)) => {}
        _ => return Sysexit::Ok,
    }
    let settings = queue_settings(&snapshot.site);
    let directory = settings.directory.clone();
    let log = Arc::clone(&world.log);
    let opened = tokio::task::spawn_blocking(move || Queue::open(settings, queue_world(log)));
    let queue = match opened
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
    {
        Ok(queue) => queue,
        Err(error) => {
            line.last_word(ToParent::Failed {
                code: Sysexit::OsFile.code(),
                reason: format!("{}: {error}", directory.display()).into(),
            })
            .await;
            return Sysexit::OsFile;
        }
    };
    let state = hosts::store(&snapshot.site.config.options).unwrap_or_else(|error| {
        let text = format!("Warning: {error}");
        world.log.say(Priority::Warning, text);
        None
    });
    let every = start.queue_interval;
    let once = start.once.clone();
    let (runner, wishes) = Runner::new();
    // For endpoints that are names: hosts of mail are looked up before.
    let dial: Arc<dyn Dial> = Arc::new(SystemDial::new(Arc::clone(&snapshot.resolver)));
    let https: Arc<dyn Https> = Arc::new(world.https(&snapshot, &dial));
    let deliverer = delivery::deliverer(Means {
        line: line.clone(),
        spool: Arc::new(queue.clone()),
        clock: Arc::new(SystemClock),
        dial,
        https,
        files: world.files(),
        users: Arc::clone(&world.users) as _,
        log: Arc::clone(&world.log) as _,
        tls: Arc::clone(&world.tls) as _,
        place: start.source.place.clone(),
        zone: time_zone(&snapshot.site.config.options),
        state: state.clone(),
        retry_after: every,
    });
    let engine = Arc::new(Engine {
        local_host: Arc::new(SystemHost::new(&start.source.place)),
        rates: Arc::new(Rates::new()),
        start,
        world,
        line,
        snapshot: RwLock::new(snapshot),
        clock: Arc::new(SystemClock),
        queue,
        runner,
        deliveries: Deliveries::new(),
        deliverer,
        state,
        sessions: Arc::default(),
        stop: watch::Sender::new(false),
    });
    engine.deliveries.belong_to(&engine);
    let counting = tokio::spawn(keep_counters(Arc::clone(&engine.world.log)));
    let running = tokio::spawn(runner::run(Arc::clone(&engine), wishes, every));
    let scheduled = tokio::spawn(schedule::run(Arc::clone(&engine)));
    engine.line.say(ToParent::Ready).await;
    if let Some(words) = once {
        let engine = Arc::clone(&engine);
        tokio::spawn(async move {
            let wish = runner::Wish::of_words(&words).unwrap_or_default();
            runner::once(&engine, &wish).await;
            engine.deliveries.drained().await;
            engine.line.say(ToParent::WantStop).await;
        });
    }
    engine.serve(inbox).await;
    let _ = running.await;
    let _ = scheduled.await;
    engine.deliveries.drained().await;
    counting.abort();
    let (queue, log) = (engine.queue.clone(), Arc::clone(&engine.world.log));
    let _ = tokio::task::spawn_blocking(move || {
        queue.close();
        log.flush_statistics();
    })
    .await;
    Sysexit::Ok
}

/// How often counters go to their file.
const COUNTERS_EVERY: Duration = Duration::from_secs(1);

/// Adds what is counted to the site's StatusFile now and then.
async fn keep_counters(log: Arc<DaemonLog>) {
    loop {
        tokio::time::sleep(COUNTERS_EVERY).await;
        let log = Arc::clone(&log);
        let _ = tokio::task::spawn_blocking(move || log.flush_statistics()).await;
    }
}

/// A configuration, ready, with the names as it wants them looked up.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) site: Arc<Site>,
    pub(super) resolver: Arc<dyn Resolver>,
    /// Logins and certificates of its listeners.
    pub(super) security: Security,
}

/// The engine at work.
pub(super) struct Engine {
    start: Start,
    world: World,
    line: Line,
    /// The configuration that new sessions and deliveries begin with.
    snapshot: RwLock<Snapshot>,
    clock: Arc<dyn Clock>,
    queue: Queue,
    runner: Runner,
    deliveries: Deliveries,
    deliverer: Arc<Deliverer>,
    /// What became of hosts, if the configuration wants it kept.
    state: Option<Arc<dyn StateStore>>,
    sessions: Arc<Sessions>,
    rates: Arc<Rates>,
    local_host: Arc<dyn LocalHost>,
    stop: watch::Sender<bool>,
}

/// How a reload went.
pub(super) struct Reload {
    /// Whether the new configuration holds.
    pub(super) good: bool,
    /// What there is to say about it, line by line.
    pub(super) report: String,
}

impl Engine {
    /// The configuration of this moment.
    pub(super) fn snapshot(&self) -> Snapshot {
        let snapshot = self.snapshot.read();
        snapshot.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same, without the names.
    pub(super) fn site(&self) -> Arc<Site> {
        let snapshot = self.snapshot.read();
        Arc::clone(&snapshot.unwrap_or_else(PoisonError::into_inner).site)
    }

    /// Reads the configuration aside; a good one takes the place of the old,
    /// under which running sessions end.
    pub(super) async fn reload(self: &Arc<Self>) -> Reload {
        let engine = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || engine.world.open_site(&engine.start));
        let (snapshot, report) = match read.await {
            Ok(read) => read,
            Err(error) => (None, format!("{error}\n")),
        };
        for line in report.lines() {
            self.world.log.say(Priority::Error, line);
        }
        let good = snapshot.is_some();
        if let Some(snapshot) = snapshot {
            *self
                .snapshot
                .write()
                .unwrap_or_else(PoisonError::into_inner) = snapshot;
            self.world.users.clear();
            self.line.say(ToParent::Reloaded).await;
            self.say(Priority::Info, "configuration reloaded");
        } else {
            self.say(
                Priority::Error,
                "configuration not reloaded: the old one stays",
            );
        }
        Reload { good, report }
    }

    /// Writes a line about the daemon to the log.
    pub(super) fn say(&self, priority: Priority, text: impl AsRef<[u8]>) {
        self.world.log.say(priority, text);
    }

    /// Tries to deliver what is claimed; gives the messages that this caused.
    pub(super) async fn attempt(&self, claim: Claim) -> Vec<Claim> {
        let Snapshot { site, resolver, .. } = self.snapshot();
        self.deliverer.attempt(&site, &*resolver, claim).await
    }

    /// Does what the parent says until it says stop, or is gone.
    async fn serve(self: &Arc<Self>, mut inbox: Inbox) {
        let mut listening = Listening::new(Arc::clone(self));
        while let Some((frame, mut received)) = inbox.recv().await {
            if frame == ToEngine::Stop {
                break;
            }
            self.obey(frame, received.descriptors.pop(), &mut listening);
        }
        self.stop.send_replace(true);
        listening.drain().await;
        self.sessions.drained().await;
    }

    fn obey(
        self: &Arc<Self>,
        frame: ToEngine,
        descriptor: Option<OwnedFd>,
        listening: &mut Listening,
    ) {
        match (frame, descriptor) {
            (ToEngine::Listener { index, spec }, Some(socket)) => {
                if let Err(error) = listening.open(index, &spec, socket) {
                    self.say(Priority::Error, format!("listener: {error}"));
                }
            }
            (ToEngine::KeepListeners(kept), _) => listening.keep(&kept),
            (ToEngine::Control, Some(socket)) => {
                if let Err(error) = control::serve(self, socket) {
                    self.say(Priority::Error, format!("control socket: {error}"));
                }
            }
            (ToEngine::Agent { request }, Some(socket)) => self.line.answered(request, Ok(socket)),
            (
                ToEngine::NoAgent {
                    request,
                    temporary,
                    reason,
                },
                _,
            ) => self
                .line
                .answered(request, Err(NoAgent { temporary, reason })),
            (ToEngine::Logins, Some(socket)) => {
                if let Err(error) = self.world.desk.moved(socket) {
                    self.say(Priority::Error, format!("logins: {error}"));
                }
            }
            (ToEngine::Reload, _) => {
                let engine = Arc::clone(self);
                tokio::spawn(async move { engine.reload().await });
            }
            // A frame without the descriptor that belongs to it, or one that
            // has its time elsewhere.
            _ => {}
        }
    }
}
