//! Messages under delivery: how many at once, and where they go.

use std::sync::{Arc, OnceLock, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Engine;
use crate::queue::Claim;

/// Messages under delivery at once. Those beyond wait in memory, each with
/// its claim; sessions feel it by the pace of the disk alone.
const DELIVERIES_MAX: usize = 500;

/// A place among the deliveries.
pub(super) type Place = OwnedSemaphorePermit;

/// Starts deliveries, never too many at once.
pub(super) struct Deliveries {
    places: Arc<Semaphore>,
    engine: OnceLock<Weak<Engine>>,
}

impl Deliveries {
    pub(super) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(DELIVERIES_MAX)),
            engine: OnceLock::new(),
        }
    }

    /// The engine they work for.
    pub(super) fn belong_to(&self, engine: &Arc<Engine>) {
        let _ = self.engine.set(Arc::downgrade(engine));
    }

    /// Waits for a place.
    pub(super) async fn place(&self) -> Option<Place> {
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// Delivers a message that has just come in, as soon as there is a place.
    pub(super) fn begin(&self, claim: Claim) {
        let Some(engine) = self.engine.get().and_then(Weak::upgrade) else {
            return;
        };
        let places = Arc::clone(&self.places);
        tokio::spawn(async move {
            if let Ok(_place) = places.acquire_owned().await {
                engine.deliver(claim).await;
            }
        });
    }

    /// Delivers a message in a place that was waited for.
    pub(super) fn begin_in(&self, place: Option<Place>, claim: Claim) {
        let Some(engine) = self.engine.get().and_then(Weak::upgrade) else {
            return;
        };
        tokio::spawn(async move {
            let _place = place;
            engine.deliver(claim).await;
        });
    }

    /// Waits until nothing is under delivery.
    pub(super) async fn drained(&self) {
        let all = u32::try_from(DELIVERIES_MAX).unwrap_or(u32::MAX);
        let _ = self.places.acquire_many(all).await;
    }
}
