//! Accepting connections: a task per listener, a task per session.

use std::collections::HashMap;
use std::io;
use std::net::TcpListener as StdTcpListener;
use std::os::fd::OwnedFd;
use std::time::Duration;

use bstr::ByteSlice;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::daemon::ports::{Family, Port};

/// A pause after the system could not give a connection: it lacks
/// descriptors or memory, and asking at once would only burn time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The listeners that are served.
pub(super) struct Listening {
    open: HashMap<u32, JoinHandle<()>>,
    stopping: watch::Receiver<bool>,
}

impl Listening {
    pub(super) fn new(stopping: watch::Receiver<bool>) -> Self {
        Self {
            open: HashMap::new(),
            stopping,
        }
    }

    /// Serves a socket.
    pub(super) fn open(&mut self, index: u32, spec: &[u8], socket: OwnedFd) -> io::Result<()> {
        let port = Port::parse(spec.as_bstr(), usize::try_from(index).unwrap_or(usize::MAX))
            .map_err(io::Error::other)?;
        if port.family == Family::Local {
            return Err(io::Error::other("family local is not served yet"));
        }
        let listener = StdTcpListener::from(socket);
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let task = tokio::spawn(accept(listener, port, self.stopping.clone()));
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

async fn accept(listener: TcpListener, port: Port, mut stopping: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            _ = stopping.changed() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _peer)) => {
                tokio::spawn(session(stream, port.clone()));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn session(_stream: TcpStream, _port: Port) {}
