//! The control socket's end in the engine.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener as StdUnixListener;
use std::sync::Arc;
use std::time::Duration;

use bstr::ByteSlice;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::Engine;
use super::runner::Wish;
use crate::cf::Opt;
use crate::daemon::control::{HELP, REQUEST_BYTES_MAX, Request};
use crate::daemon::frame::ToParent;
use crate::daemon::hosts;
use crate::os::peer_of;

/// How long a client may take to ask, and to read.
const PATIENCE: Duration = Duration::from_secs(10);
/// A pause after the system could not give a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Clients at once; more wait.
const CLIENTS_MAX: usize = 16;

/// Serves the socket until the engine stops.
pub(super) fn serve(engine: &Arc<Engine>, socket: OwnedFd) -> io::Result<()> {
    let socket = StdUnixListener::from(socket);
    socket.set_nonblocking(true)?;
    let socket = UnixListener::from_std(socket)?;
    let engine = Arc::clone(engine);
    let mut stopping = engine.stop.subscribe();
    let places = Arc::new(tokio::sync::Semaphore::new(CLIENTS_MAX));
    tokio::spawn(async move {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            let accepted = tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => return,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let engine = Arc::clone(&engine);
                    tokio::spawn(async move {
                        let _ = client(&engine, stream).await;
                        drop(place);
                    });
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    });
    Ok(())
}

async fn client(engine: &Arc<Engine>, stream: UnixStream) -> io::Result<()> {
    let (uid, _) = peer_of(&stream)?;
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    let limit = REQUEST_BYTES_MAX as u64;
    let mut asked = (&mut stream).take(limit);
    tokio::time::timeout(PATIENCE, asked.read_until(b'\n', &mut line)).await??;
    let answer = match Request::parse(line.trim()) {
        None => "Bad command; help lists them\n".to_owned(),
        Some(request) if request.is_restricted() && !engine.may_command(uid) => {
            "Permission denied\n".to_owned()
        }
        Some(request) => engine.answer(request).await,
    };
    let stream = stream.get_mut();
    tokio::time::timeout(PATIENCE, stream.write_all(answer.as_bytes())).await??;
    stream.shutdown().await
}

impl Engine {
    /// Root, the user this runs as, and option TrustedUser.
    fn may_command(&self, uid: u32) -> bool {
        let own = nix::unistd::geteuid().as_raw();
        if uid == 0 || uid == own {
            return true;
        }
        let site = self.site();
        let trusted = site.config.options.text(Opt::TrustedUser);
        crate::daemon::run_as::named(trusted, &*self.world.users)
            .is_some_and(|identity| identity.uid == uid)
    }

    async fn answer(self: &Arc<Self>, request: Request) -> String {
        match request {
            Request::Help => HELP.to_owned(),
            Request::Status => format!(
                "Daemon Status: (process {}) Accepting connections, {} sessions\n",
                std::process::id(),
                self.sessions.count()
            ),
            Request::Numbers => format!("sessions={}\n", self.sessions.count()),
            Request::Memory => memory(),
            Request::Hosts(purge) => self.host_status(purge).await,
            Request::Reload => {
                let reload = self.reload().await;
                let word = if reload.good {
                    "reloaded"
                } else {
                    "not reloaded: the old configuration stays"
                };
                format!("{}{word}\n", reload.report)
            }
            Request::Shutdown => {
                self.line.say(ToParent::WantStop).await;
                "stopping\n".to_owned()
            }
            Request::Run(words) => match Wish::of_words(&words) {
                Some(wish) => match self.runner.wish(wish) {
                    true => "queue run started\n".to_owned(),
                    false => "queue runs are waiting already\n".to_owned(),
                },
                None => {
                    "run: Itext, Rtext, Stext or Qtext, each perhaps after !, or Gname\n".to_owned()
                }
            },
        }
    }
}

impl Engine {
    async fn host_status(self: &Arc<Self>, purge: bool) -> String {
        let engine = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || {
            let store = engine.state.as_deref()?;
            hosts::answer(store, &engine.site().config.options, purge).ok()
        });
        let text = read.await.ok().flatten().unwrap_or_default();
        text.to_str_lossy().into_owned()
    }
}

/// What the system says of this process's memory.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .filter(|line| line.starts_with("Vm") || line.starts_with("Rss"))
        .map(|line| format!("{line}\n"))
        .collect()
}
