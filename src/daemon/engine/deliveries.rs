//! Messages under delivery: how many at once, and where they go.
//!
//! A delivery has a place. One that takes long gives its place up for one
//! among the slow, of which there are many, bounded by the memory that their
//! messages take: so slow hosts do not hold up the rest. What finds no place
//! goes back to the queue, which has it in any case, and is due at once: the
//! schedule takes it up again when there is room.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Engine;
use crate::queue::{Body, Claim};

/// Deliveries that have not been found to be slow.
const DELIVERIES_MAX: usize = 500;
/// A delivery that takes longer is slow.
const SLOW_AFTER: Duration = Duration::from_secs(5);
/// What all slow deliveries may hold in memory, in KiB.
const SLOW_KIB_MAX: usize = 128 << 10;
/// What a slow delivery holds beside its body.
const SLOW_KIB_LEAST: u64 = 24;

/// A place among the deliveries.
pub(super) type Place = OwnedSemaphorePermit;

/// Starts deliveries, never too many at once.
pub(super) struct Deliveries {
    places: Arc<Semaphore>,
    slow: Arc<Semaphore>,
    engine: OnceLock<Weak<Engine>>,
}

impl Deliveries {
    pub(super) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(DELIVERIES_MAX)),
            slow: Arc::new(Semaphore::new(SLOW_KIB_MAX)),
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

    /// Waits for a place, and takes as many more as there are at once, up to
    /// `max` in all.
    pub(super) async fn places(&self, max: usize) -> Vec<Place> {
        let mut places: Vec<Place> = self.place().await.into_iter().collect();
        while places.len() < max
            && let Ok(place) = Arc::clone(&self.places).try_acquire_owned()
        {
            places.push(place);
        }
        places
    }

    /// Delivers a message that has just come in, if there is a place for it.
    pub(super) fn begin(&self, claim: Claim) {
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => self.begin_in(Some(place), claim),
            Err(_) => {
                if let Some(engine) = self.engine.get().and_then(Weak::upgrade) {
                    claim.give_back(engine.clock.now());
                }
            }
        }
    }

    /// Delivers a message in a place that was waited for.
    pub(super) fn begin_in(&self, place: Option<Place>, claim: Claim) {
        let Some(engine) = self.engine.get().and_then(Weak::upgrade) else {
            return;
        };
        let slow = Arc::clone(&self.slow);
        tokio::spawn(async move {
            let weight = weight(&claim);
            let attempt = engine.attempt(claim);
            tokio::pin!(attempt);
            let children = match tokio::time::timeout(SLOW_AFTER, &mut attempt).await {
                Ok(children) => children,
                Err(_) => {
                    // Without a place among the slow it keeps its own.
                    let slow_place = slow.try_acquire_many_owned(weight).ok();
                    let _place = place.filter(|_| slow_place.is_none());
                    attempt.await
                }
            };
            for child in children {
                engine.deliveries.begin(child);
            }
        });
    }

    /// Waits until nothing is under delivery.
    pub(super) async fn drained(&self) {
        for (semaphore, all) in [(&self.places, DELIVERIES_MAX), (&self.slow, SLOW_KIB_MAX)] {
            let all = u32::try_from(all).unwrap_or(u32::MAX);
            let _ = semaphore.acquire_many(all).await;
        }
    }
}

/// What a message holds in memory, in KiB.
fn weight(claim: &Claim) -> u32 {
    let body = match &claim.message.body {
        Body::Memory(bytes) => bytes.len() as u64,
        Body::File(..) => 0,
    };
    u32::try_from(SLOW_KIB_LEAST + body / 1024).unwrap_or(u32::MAX)
}
