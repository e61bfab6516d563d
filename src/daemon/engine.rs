//! The engine: everything that reads from the network.
//!
//! It starts with a line to the parent and nothing else, reads the
//! configuration, becomes an unprivileged user, and then takes what the parent
//! gives it: the queue, listening sockets, agents. When the line ends, the
//! parent is gone, and so is the engine.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use super::configuration::load;
use super::frame::{Start, ToEngine, ToParent};
use super::log::DaemonLog;
use super::run_as::run_as;
use super::site::{self, Opened, Shared};
use crate::base::maillog::Priority;
use crate::base::{Diagnostic, Sysexit};
use crate::os::{Channel, SystemUsers, is_root};
use crate::route::Site;
use crate::world::Users;

mod control;
mod files;
mod line;
mod listening;
mod sessions;

use files::ParentFiles;
use line::{Inbox, Line, NoAgent};
use listening::Listening;
use sessions::Sessions;

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
    start: Start,
}

/// Reads the first frame.
fn begin(channel: Channel) -> io::Result<Beginning> {
    let mut received = channel.receive()?.ok_or(io::ErrorKind::UnexpectedEof)?;
    match (
        ToEngine::decode(&received.frame),
        received.descriptors.pop(),
    ) {
        (Some(ToEngine::Start(start)), Some(files)) => Ok(Beginning {
            channel,
            files: ParentFiles::new(Channel::from_descriptor(files)),
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
            start,
        } = self;
        let world = World::new(&start, files);
        let site = match world.prepare(&start) {
            Ok(site) => site,
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
            let Ok((line, inbox)) = Line::open(channel) else {
                return Sysexit::OsErr;
            };
            Engine::new(start, world, line, site).serve(inbox).await
        });
        // Blocking lookups that hang must not hold the process.
        runtime.shutdown_background();
        code
    }
}

/// What the engine keeps of the world over all its configurations.
struct World {
    users: Arc<SystemUsers>,
    files: Arc<ParentFiles>,
    log: Arc<DaemonLog>,
}

impl World {
    fn new(start: &Start, files: ParentFiles) -> Self {
        Self {
            users: Arc::new(SystemUsers::new()),
            files: Arc::new(files),
            log: Arc::new(DaemonLog::new(start.log.clone(), &start.tag)),
        }
    }

    /// Reads the configuration and becomes the engine's user, in this order
    /// that the options can name it; from then on this process has no
    /// privileges. The rest of the site is read without any, so that a reload
    /// finds what the start found.
    fn prepare(&self, start: &Start) -> Result<Arc<Site>, (Sysexit, String)> {
        if is_root() {
            let loaded = load(&start.source).map_err(|error| {
                let text = format!("{}: {error}", start.source.file.display());
                (Sysexit::OsFile, text)
            })?;
            let identity = run_as(&loaded.config.options, &*self.users)
                .map_err(|text| (Sysexit::Config, text))?;
            identity.become_for_good(true, &[]).map_err(|error| {
                (
                    Sysexit::NoPerm,
                    format!("become {}: {error}", identity.name),
                )
            })?;
        }
        let (site, report) = self.open_site(start);
        site.ok_or((Sysexit::Config, report))
    }

    /// Reads a configuration and makes it ready. Without a site when it
    /// cannot be used; the report says why, or what is suspicious.
    fn open_site(&self, start: &Start) -> (Option<Arc<Site>>, String) {
        let loaded = match load(&start.source) {
            Ok(loaded) => loaded,
            Err(error) => {
                return (None, format!("{}: {error}\n", start.source.file.display()));
            }
        };
        let options = &loaded.config.options;
        let shared = Shared {
            users: Arc::clone(&self.users) as Arc<dyn Users>,
            resolver: site::resolver(options, &start.source.place),
            log: Arc::clone(&self.log) as _,
            files: Arc::clone(&self.files) as _,
        };
        let Opened { site, faults } = site::open(loaded, &shared);
        let report: String = faults.iter().map(|fault| format!("{fault}\n")).collect();
        if faults.iter().any(Diagnostic::is_error) {
            return (None, report);
        }
        self.log.follow(&site.config.options);
        (Some(Arc::new(site)), report)
    }
}

/// The engine at work.
pub(super) struct Engine {
    start: Start,
    world: World,
    line: Line,
    /// The configuration that new sessions and deliveries begin with.
    site: RwLock<Arc<Site>>,
    sessions: Arc<Sessions>,
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
    fn new(start: Start, world: World, line: Line, site: Arc<Site>) -> Arc<Self> {
        Arc::new(Self {
            start,
            world,
            line,
            site: RwLock::new(site),
            sessions: Arc::default(),
            stop: watch::Sender::new(false),
        })
    }

    /// The configuration of this moment.
    pub(super) fn site(&self) -> Arc<Site> {
        Arc::clone(&self.site.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the configuration aside; a good one takes the place of the old,
    /// under which running sessions end.
    pub(super) async fn reload(self: &Arc<Self>) -> Reload {
        let engine = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || engine.world.open_site(&engine.start));
        let (site, report) = match read.await {
            Ok(read) => read,
            Err(error) => (None, format!("{error}\n")),
        };
        for line in report.lines() {
            self.world.log.say(Priority::Error, line);
        }
        let good = site.is_some();
        if let Some(site) = site {
            *self.site.write().unwrap_or_else(PoisonError::into_inner) = site;
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

    async fn serve(self: Arc<Self>, mut inbox: Inbox) -> Sysexit {
        self.line.say(ToParent::Loaded).await;
        let mut listening = Listening::new(Arc::clone(&self));
        while let Some((frame, mut received)) = inbox.recv().await {
            let descriptor = received.descriptors.pop();
            match (frame, descriptor) {
                (ToEngine::Go, _) => self.line.say(ToParent::Ready).await,
                (ToEngine::Listener { index, spec }, Some(socket)) => {
                    if let Err(error) = listening.open(index, &spec, socket) {
                        self.say(Priority::Error, format!("listener: {error}"));
                    }
                }
                (ToEngine::KeepListeners(kept), _) => listening.keep(&kept),
                (ToEngine::Control, Some(socket)) => {
                    if let Err(error) = control::serve(&self, socket) {
                        self.say(Priority::Error, format!("control socket: {error}"));
                    }
                }
                (ToEngine::Agent { request }, Some(socket)) => {
                    self.line.answered(request, Ok(socket));
                }
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
                (ToEngine::Reload, _) => {
                    let engine = Arc::clone(&self);
                    tokio::spawn(async move { engine.reload().await });
                }
                (ToEngine::Stop, _) => break,
                _ => {}
            }
        }
        self.stop.send_replace(true);
        listening.drain().await;
        self.sessions.drained().await;
        Sysexit::Ok
    }
}
