//! Queue runs: at every interval, and on demand.
//!
//! A run at an interval makes due what waits for one; the schedule does the
//! rest. A run on demand goes through the queue oldest first and hands each
//! message that it wants to the deliveries, never more at once than they
//! take. Runs do not overlap; wishes that come meanwhile are the next run.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::Engine;
use crate::base::maillog::Priority;
use crate::queue::Selector;

/// Wishes that may wait.
const WISHES_MAX: usize = 64;

/// What a run is to look at.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    pub(super) selector: Selector,
}

impl Wish {
    /// A run on demand: whatever the schedule says.
    pub(super) fn of(mut selector: Selector) -> Self {
        selector.even_if_not_due = true;
        Self { selector }
    }
}

/// The end that wishes are given to.
#[derive(Clone)]
pub(super) struct Runner {
    wishes: mpsc::Sender<Wish>,
}

/// The end that they come from.
pub(super) type Wishes = mpsc::Receiver<Wish>;

impl Runner {
    pub(super) fn new() -> (Self, Wishes) {
        let (wishes, inbox) = mpsc::channel(WISHES_MAX);
        (Self { wishes }, inbox)
    }

    /// Wishes for a run soon; false when too many are waiting already.
    pub(super) fn wish(&self, wish: Wish) -> bool {
        self.wishes.try_send(wish).is_ok()
    }
}

/// Runs the queue until the engine stops.
pub(super) async fn run(engine: Arc<Engine>, mut wishes: Wishes, every: Option<Duration>) {
    let mut stopping = engine.stop.subscribe();
    // sendmail: the first run is at once, then one at every interval.
    let mut ticks = every.map(|every| {
        let mut ticks = interval_at(Instant::now(), every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    });
    loop {
        let tick = async {
            match &mut ticks {
                Some(ticks) => {
                    ticks.tick().await;
                }
                None => std::future::pending().await,
            }
        };
        let wish = tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            wish = wishes.recv() => match wish {
                Some(wish) => Some(wish),
                None => return,
            },
            () = tick => None,
        };
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            () = async {
                match &wish {
                    Some(wish) => once(&engine, &wish.selector).await,
                    None => {
                        rescan(&engine).await;
                        engine.queue.begin_run();
                    }
                }
            } => {}
        }
    }
}

/// Other programs may have put messages into the queue.
async fn rescan(engine: &Engine) {
    let queue = engine.queue.clone();
    if let Ok(Err(error)) = tokio::task::spawn_blocking(move || queue.rescan()).await {
        engine.say(Priority::Error, format!("queue run: {error}"));
    }
}

/// One run on demand.
pub(super) async fn once(engine: &Arc<Engine>, selector: &Selector) {
    rescan(engine).await;
    for id in engine.queue.ids() {
        let place = engine.deliveries.place().await;
        let (queue, selector) = (engine.queue.clone(), selector.clone());
        let now = engine.clock.now();
        // Claiming reads a file.
        let claim = tokio::task::spawn_blocking(move || queue.claim(id, now, &selector)).await;
        if let Ok(Some(claim)) = claim {
            engine.deliveries.begin_in(place, claim);
        }
    }
}
