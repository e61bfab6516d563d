//! What maps need of the world, as one bundle of traits.

use std::sync::Arc;

use crate::world::{Clock, Dial, Entropy, Files, Programs, Resolver, SystemLog, Users};

/// The world as maps see it. Cloning shares.
///
/// Files are read by the maps themselves; everything that may take time, needs
/// rights or has an effect goes through here.
#[derive(Clone)]
pub struct MapWorld {
    /// Time, for noticing changed files and for timeouts.
    pub clock: Arc<dyn Clock>,
    /// Databases and text files, opened for reading.
    pub files: Arc<dyn Files>,
    /// Names: classes `host`, `dns`, `bestmx`.
    pub resolver: Arc<dyn Resolver>,
    /// Users: class `user`.
    pub users: Arc<dyn Users>,
    /// Programs: class `program`.
    pub programs: Arc<dyn Programs>,
    /// Connections: class `socket`.
    pub dial: Arc<dyn Dial>,
    /// The log: class `syslog`.
    pub log: Arc<dyn SystemLog>,
    /// Chance: class `arith`, operator `r`.
    pub entropy: Arc<dyn Entropy>,
}
