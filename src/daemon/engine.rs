//! The engine: everything that reads from the network.
//!
//! It starts with a line to the parent and nothing else, reads the
//! configuration, becomes an unprivileged user, and then takes what the parent
//! gives it: the queue, listening sockets, agents. When the line ends, the
//! parent is gone, and so is the engine.

use std::io;
use std::sync::Arc;

use tokio::sync::watch;

use super::configuration::{Loaded, load};
use super::frame::{Start, ToEngine, ToParent};
use super::run_as::run_as;
use crate::base::Sysexit;
use crate::base::maillog::Priority;
use crate::os::{Channel, MailLog, SystemUsers, is_root};
use crate::world::SystemLog;

mod files;
mod line;
mod listening;

use files::ParentFiles;
use line::{Line, NoAgent};
use listening::Listening;

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
        let loaded = match prepare(&self.start) {
            Ok(loaded) => loaded,
            Err((code, reason)) => {
                let failed = ToParent::Failed {
                    code: code.code(),
                    reason: reason.into(),
                };
                let _ = self.channel.send(&failed.encode(), &[]);
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
        let code = runtime.block_on(self.serve(loaded));
        // Blocking lookups that hang must not hold the process.
        runtime.shutdown_background();
        code
    }

    async fn serve(self, _loaded: Loaded) -> Sysexit {
        let start = self.start;
        let _files = Arc::new(self.files);
        let log = Arc::new(MailLog::new(
            start.log.clone(),
            nix::unistd::gethostname().map_or_else(
                |_| "localhost".to_owned(),
                |name| name.to_string_lossy().into_owned(),
            ),
            start.tag.to_string(),
        ));
        let Ok((line, mut inbox)) = Line::open(self.channel) else {
            return Sysexit::OsErr;
        };
        line.say(ToParent::Loaded).await;
        let (stop, stopping) = watch::channel(false);
        let mut listening = Listening::new(stopping);
        while let Some((frame, mut received)) = inbox.recv().await {
            let descriptor = received.descriptors.pop();
            match (frame, descriptor) {
                (ToEngine::Go, _) => line.say(ToParent::Ready).await,
                (ToEngine::Listener { index, spec }, Some(socket)) => {
                    if let Err(error) = listening.open(index, &spec, socket) {
                        log.log(Priority::Error, format!("listener: {error}").as_bytes());
                    }
                }
                (ToEngine::KeepListeners(kept), _) => listening.keep(&kept),
                (ToEngine::Agent { request }, Some(socket)) => line.answered(request, Ok(socket)),
                (
                    ToEngine::NoAgent {
                        request,
                        temporary,
                        reason,
                    },
                    _,
                ) => line.answered(request, Err(NoAgent { temporary, reason })),
                (ToEngine::Stop, _) => break,
                _ => {}
            }
        }
        let _ = stop.send(true);
        listening.drain().await;
        Sysexit::Ok
    }
}

/// Reads the configuration and becomes the engine's user; from here on this
/// process has no privileges.
fn prepare(start: &Start) -> Result<Loaded, (Sysexit, String)> {
    let loaded = load(&start.source).map_err(|error| {
        let text = format!("{}: {error}", start.source.file.display());
        (Sysexit::OsFile, text)
    })?;
    if is_root() {
        let users = SystemUsers::new();
        let identity =
            run_as(&loaded.config.options, &users).map_err(|text| (Sysexit::Config, text))?;
        identity.become_for_good(true, &[]).map_err(|error| {
            (
                Sysexit::NoPerm,
                format!("become {}: {error}", identity.name),
            )
        })?;
    }
    Ok(loaded)
}
