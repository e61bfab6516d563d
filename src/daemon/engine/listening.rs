//! Accepting connections: a task per listener, a task per session.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener as StdTcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener as StdUnixListener;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use bstr::ByteSlice;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Engine;
use super::admission::{Admission, Limits};
use super::proxy;
use super::rates::Open;
use super::service::Services;
use super::sessions::{Pace, Session};
use crate::base::Reply;
use crate::base::maillog::Priority;
use crate::cf::Opt;
use crate::daemon::ports::{Family, Port};
use crate::receive::{Connection, Counts, Origin, Service};

/// A pause after the system could not give a connection: it lacks
/// descriptors or memory, and asking at once would only burn time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long each new connection waits under a load of DelayLA and more.
const LOAD_PAUSE: Duration = Duration::from_secs(1);

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
        let listener = Listener {
            socket: Socket::new(&port, socket)?,
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

/// A listening socket of either kind.
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A connection of either kind.
enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Socket {
    fn new(port: &Port, socket: OwnedFd) -> io::Result<Self> {
        if port.family == Family::Local {
            let socket = StdUnixListener::from(socket);
            socket.set_nonblocking(true)?;
            return UnixListener::from_std(socket).map(Self::Unix);
        }
        let socket = StdTcpListener::from(socket);
        socket.set_nonblocking(true)?;
        TcpListener::from_std(socket).map(Self::Tcp)
    }

    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(socket) => {
                let (stream, peer) = socket.accept().await?;
                Ok(Accepted::Tcp(stream, peer))
            }
            Self::Unix(socket) => Ok(Accepted::Unix(socket.accept().await?.0)),
        }
    }
}

struct Listener {
    socket: Socket,
    engine: Arc<Engine>,
    port: Port,
    services: Arc<Services>,
    count: Arc<AtomicUsize>,
}

impl Listener {
    async fn accept(self, mut stopping: watch::Receiver<bool>) {
        let mut pace = Pace::new();
        let mut admission = Admission::new(self.port.name.clone());
        loop {
            let accepted = tokio::select! {
                _ = stopping.wait_for(|stop| *stop) => return,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok(accepted) => {
                    let site = self.engine.site();
                    let limits = Limits::of(&site.config.options, &self.port);
                    if let Some(wait) = self.begin(accepted, &limits, &mut admission) {
                        tokio::time::sleep(wait).await;
                    }
                    // sendmail: beyond the rate, connections wait in the
                    // system's queue for the next second.
                    if let Some(pause) = pace.next(limits.rate_max, Instant::now()) {
                        tokio::time::sleep(pause).await;
                    }
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    /// Serves or refuses a connection; how long the next one has to wait.
    fn begin(
        &self,
        accepted: Accepted,
        limits: &Limits,
        admission: &mut Admission,
    ) -> Option<Duration> {
        let (sessions, now) = (&self.engine.sessions, Instant::now());
        let load = self.engine.local_host.load();
        let session = match limits.refuse(load) {
            Some(why) => Err(why),
            None => sessions
                .begin(limits.sessions_max, &self.count, limits.listener_max)
                .ok_or_else(|| limits.full(sessions.count())),
        };
        let is_slow = limits.is_slow(load);
        let said = match &session {
            Ok(_) => admission.accepting(),
            Err(why) => admission.refusing(*why, limits.log_every, now),
        };
        let delayed = admission.delaying(is_slow.then_some((load, limits.delay_load)));
        for (priority, line) in said.into_iter().chain(delayed) {
            self.engine.say(priority, line);
        }
        match session {
            Ok(session) => self.serve(accepted, session),
            Err(why) => self.refuse(accepted, why.text()),
        }
        is_slow.then_some(LOAD_PAUSE)
    }

    fn serve(&self, accepted: Accepted, session: Session) {
        let service = self.services.now(&self.engine);
        match accepted {
            Accepted::Tcp(stream, peer) => {
                let engine = Arc::clone(&self.engine);
                tokio::spawn(serve_tcp(engine, service, session, stream, peer));
            }
            Accepted::Unix(stream) => {
                let connection = Connection {
                    origin: Origin::Socket,
                    local: None,
                    counts: Counts::default(),
                };
                tokio::spawn(serve(service, (session, None), stream, connection));
            }
        }
    }

    /// Tells a client that it cannot be served now.
    ///
    // departs: sendmail closes the listening socket instead, and the client
    // sees its connection refused; a reply says that it may come back.
    fn refuse(&self, accepted: Accepted, why: &str) {
        use std::io::Write;
        let host = self.engine.site().macros.text(b"j");
        let text = bstr::concat([&host[..], b" ", why.as_bytes()]);
        let mut line = Vec::new();
        Reply::with(421, (4, 3, 2), text).write_to(&mut line);
        // It fits the buffer of a new connection, so nobody waits; a client
        // that is gone needs no words.
        let _ = match accepted {
            Accepted::Tcp(stream, _) => stream.into_std().and_then(|mut s| s.write(&line)),
            Accepted::Unix(stream) => stream.into_std().and_then(|mut s| s.write(&line)),
        };
    }
}

/// Counts and serves a TCP connection, for the client that a balancer names
/// if it comes from one.
async fn serve_tcp(
    engine: Arc<Engine>,
    service: Arc<Service>,
    session: Session,
    mut stream: TcpStream,
    mut peer: SocketAddr,
) {
    // Replies are written whole; waiting to fill a segment only costs time.
    let _ = stream.set_nodelay(true);
    let mut local = stream.local_addr().ok();
    let site = engine.site();
    if site
        .proxy_hosts
        .iter()
        .any(|hosts| hosts.contains(peer.ip()))
    {
        match proxy::client(&mut stream, peer, local).await {
            Ok(named) => (peer, local) = named,
            Err(error) => {
                let text = format!("proxy {}: no client is named: {error}", peer.ip());
                engine.say(Priority::Warning, text);
                return;
            }
        }
    }
    let window = site.config.options.interval(Opt::ConnectionRateWindowSize);
    drop(site);
    let (counts, open) = engine.rates.count(peer.ip(), window, Instant::now());
    drop(engine);
    let connection = Connection {
        origin: Origin::Tcp(peer),
        local,
        counts,
    };
    serve(service, (session, Some(open)), stream, connection).await;
}

async fn serve<S>(
    service: Arc<Service>,
    counted: (Session, Option<Open>),
    stream: S,
    connection: Connection,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    service.serve(stream, connection).await;
    drop(counted);
}
