//! The engine: everything that reads from the network.
//!
//! It starts with one channel and nothing else, reads the configuration,
//! becomes an unprivileged user, and then takes what the parent gives it:
//! the queue, listening sockets, agents. When the channel ends, the parent is
//! gone, and so is the engine.

use std::io;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::configuration::{Loaded, load};
use super::frame::{Start, ToEngine, ToParent};
use super::run_as::run_as;
use crate::base::Sysexit;
use crate::base::maillog::Priority;
use crate::os::{Channel, MailLog, Received, SystemUsers, is_root};
use crate::world::SystemLog;

mod listening;

use listening::Listening;

/// Frames to the parent that may wait to be sent.
const OUTBOX_MAX: usize = 1024;

/// Runs the engine on the channel it was started with; gives its exit code.
pub fn engine() -> Sysexit {
    match Channel::from_stdin().and_then(begin) {
        Ok((channel, start)) => run(channel, start),
        Err(_) => Sysexit::Usage,
    }
}

/// Reads the first frame.
fn begin(channel: Channel) -> io::Result<(Channel, Start)> {
    let received = channel.receive()?.ok_or(io::ErrorKind::UnexpectedEof)?;
    match ToEngine::decode(&received.frame) {
        Some(ToEngine::Start(start)) => Ok((channel, *start)),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn run(channel: Channel, start: Start) -> Sysexit {
    let loaded = match prepare(&start) {
        Ok(loaded) => loaded,
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
    let code = runtime.block_on(serve(channel, start, loaded));
    // Blocking lookups that hang must not hold the process.
    runtime.shutdown_background();
    code
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

/// The two ends of the channel as the engine uses them.
struct ParentLine {
    inbox: mpsc::Receiver<(ToEngine, Received)>,
    outbox: mpsc::Sender<ToParent>,
}

async fn serve(channel: Channel, start: Start, _loaded: Loaded) -> Sysexit {
    let log = Arc::new(MailLog::new(
        start.log.clone(),
        nix::unistd::gethostname().map_or_else(
            |_| "localhost".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        ),
        start.tag.to_string(),
    ));
    let Ok(mut line) = connect(channel) else {
        return Sysexit::OsErr;
    };
    if line.outbox.send(ToParent::Loaded).await.is_err() {
        return Sysexit::OsErr;
    }
    let (stop, stopping) = watch::channel(false);
    let mut listening = Listening::new(stopping);
    while let Some((frame, mut received)) = line.inbox.recv().await {
        match frame {
            ToEngine::Go => {
                let _ = line.outbox.send(ToParent::Ready).await;
            }
            ToEngine::Listener { index, spec } => {
                if let Some(socket) = received.descriptors.pop()
                    && let Err(error) = listening.open(index, &spec, socket)
                {
                    log.log(Priority::Error, format!("listener: {error}").as_bytes());
                }
            }
            ToEngine::KeepListeners(kept) => listening.keep(&kept),
            ToEngine::Stop => break,
            ToEngine::Start(_)
            | ToEngine::Control
            | ToEngine::Agent { .. }
            | ToEngine::NoAgent { .. }
            | ToEngine::File { .. }
            | ToEngine::NoFile { .. }
            | ToEngine::Reload => {}
        }
    }
    let _ = stop.send(true);
    listening.drain().await;
    Sysexit::Ok
}

/// Puts the channel under two tasks: one reads, one writes.
fn connect(channel: Channel) -> io::Result<ParentLine> {
    let channel = Arc::new(channel.into_async()?);
    let (incoming, inbox) = mpsc::channel(OUTBOX_MAX);
    let (outbox, mut outgoing) = mpsc::channel::<ToParent>(OUTBOX_MAX);
    let reading = Arc::clone(&channel);
    tokio::spawn(async move {
        while let Ok(Some(received)) = reading.receive().await {
            // A frame of another version is refused by ending: the parent
            // starts an engine of its own version.
            let Some(frame) = ToEngine::decode(&received.frame) else {
                return;
            };
            if incoming.send((frame, received)).await.is_err() {
                return;
            }
        }
    });
    tokio::spawn(async move {
        while let Some(frame) = outgoing.recv().await {
            if channel.send(&frame.encode()).await.is_err() {
                return;
            }
        }
    });
    Ok(ParentLine { inbox, outbox })
}
