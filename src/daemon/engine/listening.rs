//! Accepting connections: a task per listener, a task per session.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use bstr::ByteSlice;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Engine;
use super::service::Services;
use super::sessions::{Pace, Session};
use crate::base::Reply;
use crate::base::maillog::Priority;
use crate::cf::Opt;
use crate::daemon::ports::{Family, Port};
use crate::receive::{Connection, Origin, Service};

/// A pause after the system could not give a connection: it lacks
/// descriptors or memory, and asking at once would only burn time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a refused client may take to read why.
const REFUSAL_PATIENCE: Duration = Duration::from_secs(5);

/// The listeners that are served.
pub(super) struct Listening {
    engine: Arc<Engine>,
    open: HashMap<u32, JoinHandle<()>>,
}

impl Listening {
    pub(super) fn new(engine: Arc<Engine>) -> Self {
        Self {
            engine,
            open: HashMap::new(),
        }
    }

    /// Serves a socket.
    pub(super) fn open(&mut self, index: u32, spec: &[u8], socket: OwnedFd) -> io::Result<()> {
        let index_of = usize::try_from(index).unwrap_or(usize::MAX);
        let port = Port::parse(spec.as_bstr(), index_of).map_err(io::Error::other)?;
        if port.family == Family::Local {
            return Err(io::Error::other("family local is not served yet"));
        }
        let listener = StdTcpListener::from(socket);
        listener.set_nonblocking(true)?;
        let listener = Listener {
            socket: TcpListener::from_std(listener)?,
            engine: Arc::clone(&self.engine),
            services: Arc::new(Services::new(&port)),
            port,
            count: Arc::default(),
        };
        let stopping = self.engine.stop.subscribe();
        let task = tokio::spawn(listener.accept(stopping));
        if let Some(before) = self.open.insert(index, task) {
            before.abort();
        }
        Ok(())
    }

    /// Closes all but these.
    pub(super) fn keep(&mut self, kept: &[u32]) {
        self.open.retain(|index, task| {
            let stays = kept.contains(index);
            if !stays {
                task.abort();
            }
            stays
        });
    }

    /// Closes all.
    pub(super) async fn drain(self) {
        for (_, task) in self.open {
            task.abort();
            let _ = task.await;
        }
    }
}

struct Listener {
    socket: TcpListener,
    engine: Arc<Engine>,
    port: Port,
    services: Arc<Services>,
    count: Arc<AtomicUsize>,
}

impl Listener {
    async fn accept(self, mut stopping: watch::Receiver<bool>) {
        let mut pace = Pace::new();
        loop {
            let accepted = tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => return,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    self.begin(stream, peer);
                    // sendmail: beyond the rate, connections wait in the
                    // system's queue for the next second.
                    if let Some(pause) = pace.next(self.rate_max(), Instant::now()) {
                        tokio::time::sleep(pause).await;
                    }
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    fn rate_max(&self) -> u64 {
        let site = self.engine.site();
        let rate = site.config.options.number(Opt::ConnectionRateThrottle);
        u64::try_from(rate).unwrap_or(0)
    }

    fn begin(&self, stream: TcpStream, peer: SocketAddr) {
        let site = self.engine.site();
        let max = site.config.options.number(Opt::MaxDaemonChildren);
        let max = usize::try_from(max).unwrap_or(0);
        let listener_max = usize::try_from(self.port.children).unwrap_or(0);
        let sessions = &self.engine.sessions;
        match sessions.begin(max, &self.count, listener_max) {
            Some(session) => {
                let service = self.services.now(&self.engine);
                tokio::spawn(serve(service, session, stream, peer));
            }
            None => {
                let text = format!(
                    "rejecting connections on daemon {}: {} children, max {max}",
                    self.port.name,
                    sessions.count()
                );
                self.engine.say(Priority::Info, text);
                let host = site.macros.text(b"j");
                tokio::spawn(refuse(stream, host.to_vec()));
            }
        }
    }
}

/// Tells a client that there are too many.
///
// departs: sendmail closes the listening socket instead, and the client sees
// its connection refused; a reply says that it may come back.
async fn refuse(mut stream: TcpStream, host: Vec<u8>) {
    let text = bstr::concat([&host[..], b" Too many open connections, try again later"]);
    let mut line = Vec::new();
    Reply::with(421, (4, 3, 2), text).write_to(&mut line);
    let _ = tokio::time::timeout(REFUSAL_PATIENCE, stream.write_all(&line)).await;
}

async fn serve(service: Arc<Service>, session: Session, stream: TcpStream, peer: SocketAddr) {
    let connection = Connection {
        origin: Origin::Tcp(peer),
        local: stream.local_addr().ok(),
    };
    // Replies are written whole; waiting to fill a segment only costs time.
    let _ = stream.set_nodelay(true);
    service.serve(stream, connection).await;
    drop(session);
}
