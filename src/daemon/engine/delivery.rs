//! Delivery as the engine does it: agents from the parent, the rest from the
//! system.

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::line::Line;
use crate::base::Place;
use crate::deliver;
use crate::deliver::agent::AgentPool;
use crate::deliver::delivery::{Deliverer, DeliveryParts};
use crate::os::{Chance, KernelEntropy};
use crate::queue::Spool;
use crate::world::{Clock, Dial, Files, Https, Log, StateStore, TlsClient, Users};

/// What the engine has for delivery.
pub(super) struct Means {
    pub(super) line: Line,
    pub(super) spool: Arc<dyn Spool>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) dial: Arc<dyn Dial>,
    pub(super) https: Arc<dyn Https>,
    pub(super) files: Arc<dyn Files>,
    pub(super) users: Arc<dyn Users>,
    pub(super) log: Arc<dyn Log>,
    pub(super) tls: Arc<dyn TlsClient>,
    pub(super) place: Place,
    pub(super) zone: TimeZone,
    pub(super) state: Option<Arc<dyn StateStore>>,
    pub(super) retry_after: Option<std::time::Duration>,
}

/// Puts delivery together.
pub(super) fn deliverer(means: Means) -> Arc<Deliverer> {
    Deliverer::new(DeliveryParts {
        spool: means.spool,
        clock: means.clock,
        dial: means.dial,
        entropy: Arc::new(Chance),
        users: means.users,
        security: deliver::Security {
            tls: Some(means.tls),
            https: Some(means.https),
            files: means.files,
            entropy: Some(Arc::new(KernelEntropy)),
            log: Arc::clone(&means.log),
        },
        log: means.log,
        agents: Arc::new(AgentPool::new(Arc::new(means.line))),
        place: means.place,
        zone: means.zone,
        state: means.state,
        retry_after: means.retry_after,
    })
}
