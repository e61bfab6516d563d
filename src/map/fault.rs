//! What a map says in the log about its own faults: once, not once a lookup.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::world::LogLevel;

use super::world::MapWorld;

/// The same fault is told again after this long.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// The faults that one map tells.
#[derive(Default)]
pub(crate) struct Faults {
    last: Mutex<Option<(String, Instant)>>,
}

impl Faults {
    /// Logs a fault as the reference logs it, unless it was told a moment
    /// ago: a map that every message asks must not fill the log.
    pub(crate) fn tell(&self, world: &MapWorld, text: &str) {
        let now = world.clock.instant();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((told, at)) = &*last
            && told == text
            && now.saturating_duration_since(*at) < TELL_AGAIN
        {
            return;
        }
        *last = Some((text.to_owned(), now));
        let line = format!("NOQUEUE: SYSERR(root): {text}");
        world.log.log(LogLevel::Critical, line.as_bytes());
    }
}
