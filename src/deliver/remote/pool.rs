//! Connections that stay open between messages, and how many there may be to
//! one server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::Connection;
use crate::route::MailerId;
use crate::world::Endpoint;

/// Connections to one server at once.
const CONNECTIONS_MAX: usize = 20;
/// An idle connection is closed after this at the latest, whatever option
/// ConnectionCacheTimeout says: servers have other clients.
const IDLE_MAX: Duration = Duration::from_secs(15);
/// How often idle connections are looked at.
const SWEEP: Duration = Duration::from_secs(1);
/// How long a server may take to answer QUIT.
const QUIT_MAX: Duration = Duration::from_secs(2);

/// A server as one mailer speaks to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) mailer: MailerId,
    /// Which configuration the mailer is of.
    pub(super) site: usize,
    pub(super) endpoint: Endpoint,
}

/// Every server that mail goes to now, or went to lately.
#[derive(Default)]
pub(super) struct Pool {
    servers: Mutex<HashMap<Key, Arc<Server>>>,
    sweeping: Mutex<bool>,
}

/// One server.
struct Server {
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

/// Leave to use one connection to a server.
pub(super) struct Lease {
    server: Arc<Server>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    /// Waits for its turn at a server.
    pub(super) async fn lease(&self, key: &Key, single: bool) -> Lease {
        let server = {
            let mut servers = lock(&self.servers);
            let server = servers.entry(key.clone()).or_insert_with(|| {
                let count = if single { 1 } else { CONNECTIONS_MAX };
                Arc::new(Server {
                    permits: Arc::new(Semaphore::new(count)),
                    idle: Mutex::default(),
                })
            });
            Arc::clone(server)
        };
        loop {
            if let Ok(permit) = Arc::clone(&server.permits).acquire_owned().await {
                return Lease {
                    server,
                    _permit: permit,
                };
            }
            // The semaphore is never closed.
            tokio::task::yield_now().await;
        }
    }

    /// Keeps a connection for the next message, for `keep` at most.
    pub(super) fn give_back(self: &Arc<Self>, lease: Lease, connection: Connection, keep: bool) {
        if keep && connection.is_usable() {
            lock(&lease.server.idle).push(connection);
            self.start_sweeping();
        } else if connection.is_usable() {
            tokio::spawn(connection.close(QUIT_MAX));
        }
    }

    /// Closes what has been idle for long, until nothing is left.
    fn start_sweeping(self: &Arc<Self>) {
        let mut sweeping = lock(&self.sweeping);
        if std::mem::replace(&mut *sweeping, true) {
            return;
        }
        let pool = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                let Some(pool) = pool.upgrade() else { return };
                let (old, left) = pool.sweep(Instant::now());
                for connection in old {
                    tokio::spawn(connection.close(QUIT_MAX));
                }
                if !left {
                    return;
                }
            }
        });
    }

    /// Takes out old connections and unused servers; says whether any
    /// connection is left.
    fn sweep(&self, now: Instant) -> (Vec<Connection>, bool) {
        let mut sweeping = lock(&self.sweeping);
        let mut servers = lock(&self.servers);
        let mut old = Vec::new();
        servers.retain(|_, server| {
            let mut idle = lock(&server.idle);
            let mut at = 0;
            while at < idle.len() {
                if now.saturating_duration_since(idle[at].since) >= IDLE_MAX {
                    old.push(idle.swap_remove(at));
                } else {
                    at += 1;
                }
            }
            !idle.is_empty() || Arc::strong_count(server) > 1
        });
        let left = servers
            .values()
            .any(|server| !lock(&server.idle).is_empty());
        *sweeping = left;
        (old, left)
    }
}

impl Lease {
    /// A connection that is still good, the one used last first.
    pub(super) fn take_idle(&self, messages_max: u64) -> Option<Connection> {
        let mut idle = lock(&self.server.idle);
        while let Some(mut connection) = idle.pop() {
            let worn = messages_max > 0 && connection.messages >= messages_max;
            if !worn && !connection.is_stale() {
                return Some(connection);
            }
        }
        None
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
