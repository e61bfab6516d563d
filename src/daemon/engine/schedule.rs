//! The schedule: messages are delivered when they fall due, whoever put them
//! there: a crash that left them in the journal, deliveries that had no place
//! for them, a queue run, the end of their pause.

use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use crate::queue::{Selector, Spool};

/// The clock of the day is looked at again after this: it may be set.
const LOOK_MAX: Duration = Duration::from_secs(60);
/// Messages that are taken out together.
const TOGETHER_MAX: usize = 32;

/// Delivers what falls due until the engine stops.
pub(super) async fn run(engine: Arc<Engine>) {
    let mut stopping = engine.stop.subscribe();
    loop {
        tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => return,
            () = next(&engine) => {}
        }
    }
}

/// Waits until something is due and can be delivered, and begins that.
async fn next(engine: &Arc<Engine>) {
    until_due(engine).await;
    let mut places = engine.deliveries.places(TOGETHER_MAX).await;
    let (queue, max) = (engine.queue.clone(), places.len());
    let now = engine.clock.now();
    // Claiming reads files.
    let claiming =
        tokio::task::spawn_blocking(move || queue.claim_due(now, &Selector::default(), max));
    for claim in claiming.await.unwrap_or_default() {
        engine.deliveries.begin_in(places.pop(), claim);
    }
}

async fn until_due(engine: &Engine) {
    loop {
        let now = engine.clock.now();
        let pause = match engine.queue.next_due() {
            Some(due) if due <= now => return,
            Some(due) => due.duration_since(now).unwrap_or_default().min(LOOK_MAX),
            None => LOOK_MAX,
        };
        // Either way it is looked at again.
        let _ = tokio::time::timeout(pause, engine.queue.changed()).await;
    }
}
