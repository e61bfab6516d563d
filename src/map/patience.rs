//! Lookups that wait for a file: somebody rewrites it in place, or has not
//! finished making it (option AliasWait).

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bstr::BString;

use super::answer::{Lookup, Outcome};
use super::fault::Faults;
use super::registry::{Ask, Maps};

/// How long a lookup waits for somebody who rewrites the file in place.
const BUSY_MAX: Duration = Duration::from_secs(10);
/// How often it looks meanwhile.
const BUSY_STEP: Duration = Duration::from_millis(20);
/// How often it looks whether an alias database is finished.
const UNFINISHED_STEP: Duration = Duration::from_millis(500);

/// Why there is no answer yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// The file is locked by whoever writes it.
    Busy,
    /// An alias database without its last entry.
    Unfinished,
}

/// A map that may have to wait for its file.
pub(crate) trait Patient: Send + Sync {
    /// Asks once. Only with `patience` may there be a pause instead of an
    /// outcome.
    fn attempt(&self, maps: &Maps, ask: Ask<'_>, patience: bool) -> Result<Outcome, Pause>;
}

/// Asks a map until it answers or patience ends; at once when it can.
pub(crate) fn patiently<'a, M: Patient>(
    map: &'a M,
    maps: &'a Maps,
    ask: Ask<'_>,
) -> Lookup<'a, Outcome> {
    let mut pause = match map.attempt(maps, ask, true) {
        Ok(outcome) => return Lookup::Ready(outcome),
        Err(pause) => pause,
    };
    let key: BString = ask.key.into();
    let arguments: Vec<BString> = ask.arguments.iter().map(|text| (*text).into()).collect();
    Lookup::Pending(Box::pin(async move {
        let arguments: Vec<&[u8]> = arguments.iter().map(|text| text.as_slice()).collect();
        let ask = Ask {
            key: &key,
            arguments: &arguments,
        };
        let mut busy = Duration::ZERO;
        loop {
            // An unfinished database sets its own limit.
            let step = match pause {
                Pause::Busy => BUSY_STEP,
                Pause::Unfinished => UNFINISHED_STEP,
            };
            tokio::time::sleep(step).await;
            if pause == Pause::Busy {
                busy += step;
            }
            match map.attempt(maps, ask, busy < BUSY_MAX) {
                Ok(outcome) => return outcome,
                Err(again) => pause = again,
            }
        }
    }))
}

/// How long an alias map waits for a database to be finished.
#[derive(Default)]
pub(crate) struct AliasWait {
    time_max: Duration,
    /// Since when the file lacks its last entry.
    since: Mutex<Option<Instant>>,
}

impl AliasWait {
    /// Waits this long; without a time, not at all.
    pub(crate) fn new(time_max: Duration) -> Self {
        Self {
            time_max,
            since: Mutex::default(),
        }
    }

    /// Whether it never waits.
    pub(crate) fn is_off(&self) -> bool {
        self.time_max.is_zero()
    }

    /// Whether to wait for a database that is `finished` or not. When the time
    /// is over it is used as it is, and the log hears of it.
    pub(crate) fn waits(&self, maps: &Maps, finished: bool, file: &str, faults: &Faults) -> bool {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        if finished {
            *since = None;
            return false;
        }
        let now = maps.world().clock.instant();
        let begun = *since.get_or_insert(now);
        if now.saturating_duration_since(begun) < self.time_max {
            return true;
        }
        faults.tell(
            maps.world(),
            &format!("Warning: alias database {file} out of date"),
        );
        false
    }
}
