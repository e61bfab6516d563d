//! Connections that stay open between messages, and how many there may be to
//! one server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::Connection;
use super::policy::Demand;
use crate::route::MailerId;
use crate::world::Endpoint;

/// Connections to one server at once.
const CONNECTIONS_MAX: usize = 20;
/// Messages that wait for a turn at one server, when it gives none.
const WAITING_MAX: usize = 100;
/// A line in which nobody has got a turn for this long stands still.
const STANDSTILL: Duration = Duration::from_secs(5);
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
    /// What the way there must be.
    pub(super) demand: Arc<Demand>,
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
    queue: Mutex<Waiting>,
}

/// Messages that wait for their turn at a server.
struct Waiting {
    count: usize,
    /// When a turn was last given.
    moved: Instant,
}

/// A message on its way to a turn.
struct InLine<'a>(&'a Server);

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        lock(&self.0.queue).count -= 1;
    }
}

impl Server {
    fn new(connections: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(connections)),
            idle: Mutex::default(),
            queue: Mutex::new(Waiting {
                count: 0,
                moved: Instant::now(),
            }),
        }
    }

    /// A place in the line, unless that is long and does not move.
    fn line_up(&self) -> Option<InLine<'_>> {
        let mut queue = lock(&self.queue);
        let stands = queue.moved.elapsed() > STANDSTILL;
        if queue.count >= WAITING_MAX && stands {
            return None;
        }
        if queue.count == 0 {
            queue.moved = Instant::now();
        }
        queue.count += 1;
        Some(InLine(self))
    }
}

/// Leave to use one connection to a server.
pub(super) struct Lease {
    server: Arc<Server>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    /// Waits for its turn at a server; `None` when too many wait already and
    /// none gets a turn.
    pub(super) async fn lease(&self, key: &Key, single: bool) -> Option<Lease> {
        let server = {
            let mut servers = lock(&self.servers);
            let server = servers.entry(key.clone()).or_insert_with(|| {
                let count = if single { 1 } else { CONNECTIONS_MAX };
                Arc::new(Server::new(count))
            });
            Arc::clone(server)
        };
        let permit = {
            let _place = server.line_up()?;
            // The semaphore is never closed.
            Arc::clone(&server.permits).acquire_owned().await.ok()?
        };
        lock(&server.queue).moved = Instant::now();
        Some(Lease {
            server,
            _permit: permit,
        })
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
