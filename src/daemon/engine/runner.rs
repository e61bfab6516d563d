//! Queue runs: at every interval, and on demand.
//!
//! A run at an interval makes due what waits for one; the schedule does the
//! rest. A run on demand goes through the queue in its order and hands each
//! message that it wants to the deliveries, never more at once than they
//! take. Runs do not overlap; wishes that come meanwhile are the next run.

use std::sync::Arc;
use std::time::Duration;

use bstr::BString;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{Engine, Snapshot};
use crate::base::maillog::{Event, Priority};
use crate::cf::Opt;
use crate::daemon::control::{holding, returning, selector};
use crate::queue::{Claim, Selector, SortOrder};
use crate::world::Log;

/// Wishes that may wait.
const WISHES_MAX: usize = 64;

/// What a run is to look at.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    pub(super) selector: Selector,
    /// Not to be delivered, but put into quarantine for this reason, or
    /// released.
    hold: Option<Option<BString>>,
    /// To be given back to their senders, for this reason.
    give_back: Option<BString>,
}

impl Wish {
    /// A run on demand: whatever the schedule says.
    pub(super) fn of(mut selector: Selector) -> Self {
        selector.even_if_not_due = true;
        Self {
            selector,
            hold: None,
            give_back: None,
        }
    }

    /// The same, of words as the control socket takes them.
    pub(super) fn of_words(words: &[BString]) -> Option<Self> {
        let mut wish = Self::of(selector(words)?);
        wish.hold = words.iter().find_map(|word| holding(word));
        wish.give_back = words.iter().find_map(|word| returning(word));
        Some(wish)
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
                    Some(wish) => once(&engine, wish).await,
                    None => {
                        rescan(&engine).await;
                        let (queue, (order, max)) = (engine.queue.clone(), order(&engine));
                        let begun = move || queue.begin_run_in(order, max);
                        // What it misses is the next run's.
                        let _ = tokio::task::spawn_blocking(begun).await;
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

/// The order of a run, and how many messages it looks at.
fn order(engine: &Engine) -> (SortOrder, Option<usize>) {
    let site = engine.site();
    let options = &site.config.options;
    let max = usize::try_from(options.number(Opt::MaxQueueRunSize)).unwrap_or(0);
    let order = SortOrder::parse(options.text(Opt::QueueSortOrder));
    (order, (max > 0).then_some(max))
}

/// One run on demand.
pub(super) async fn once(engine: &Arc<Engine>, wish: &Wish) {
    rescan(engine).await;
    engine.deliverer.forgive_hosts();
    let (queue, (order, max)) = (engine.queue.clone(), order(engine));
    // Messages that the selection does not want do not count.
    let delivers = wish.hold.is_none() && wish.give_back.is_none();
    let max = max.filter(|_| delivers && wish.selector.is_empty());
    let ids = tokio::task::spawn_blocking(move || queue.in_order(order, max));
    for id in ids.await.unwrap_or_default() {
        let place = engine.deliveries.place().await;
        let (queue, selector) = (engine.queue.clone(), wish.selector.clone());
        let now = engine.clock.now();
        // Claiming reads a file.
        let claim = tokio::task::spawn_blocking(move || queue.claim(id, now, &selector)).await;
        let Ok(Some(claim)) = claim else {
            continue;
        };
        match (&wish.give_back, &wish.hold) {
            (Some(reason), _) => engine.give_up(claim, reason).await,
            (None, None) => engine.deliveries.begin_in(place, claim),
            (None, Some(reason)) => hold(engine, claim, reason.clone()).await,
        }
    }
}

impl Engine {
    /// Gives a message back to its sender.
    async fn give_up(self: &Arc<Self>, claim: Claim, reason: &BString) {
        let Snapshot { site, resolver, .. } = self.snapshot();
        let reports = self
            .deliverer
            .give_up(&site, &*resolver, claim, reason)
            .await;
        for report in reports {
            self.deliveries.begin(report);
        }
    }
}

/// Puts a message into quarantine, or releases it.
async fn hold(engine: &Engine, mut claim: Claim, reason: Option<BString>) {
    let text = match &reason {
        Some(reason) => bstr::concat([b"quarantine=".as_slice(), reason]),
        None => b"unquarantine".to_vec(),
    };
    let id = claim.message.id;
    let event = Event::Other(Priority::Info, 8, &text);
    claim.message.envelope.quarantine = reason;
    engine.deliverer.put_by(claim).await;
    engine.world.log.event(id.into(), &event);
}
