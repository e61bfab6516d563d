//! When to commit: at once for a lone session, together for a crowd.
//!
//! While a commit is written, others arrive and are the next batch; on a slow
//! disk that is all there is to group commit. On a fast one a sync takes less
//! time than the next message needs to come, and every message would pay its
//! own. So when the last commits had company, the next one waits for as much
//! of it as came before, but never longer than [`PERIOD`] after the last; and
//! one who waited in vain does not wait again.

use std::time::Duration;

/// Commits in company are no closer than this.
const PERIOD: Duration = Duration::from_micros(2000);

/// The most that is waited for.
const COMPANY_MAX: f32 = 200.0;

/// Remembers how much company the last commits had.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Messages that came together, smoothed.
    company: f32,
    /// How long the last commit took.
    last: Duration,
}

impl Pace {
    /// How many to wait for, and how long, when one has arrived; `None` to
    /// commit at once.
    pub(super) fn plan(&self, waiting: usize) -> Option<(usize, Duration)> {
        let target = self.company.round().clamp(0.0, COMPANY_MAX) as usize;
        let patience = PERIOD.saturating_sub(self.last);
        (target > waiting && !patience.is_zero()).then_some((target, patience))
    }

    /// A commit of `batch` messages took `took`, and `arrived` more came while
    /// it was written.
    pub(super) fn observe(&mut self, batch: usize, arrived: usize, took: Duration) {
        let together = (batch + arrived).min(COMPANY_MAX as usize) as f32;
        self.company += (together - self.company) / 2.0;
        self.last = took;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Duration = Duration::from_micros(130);

    #[test]
    fn a_lone_session_never_waits() {
        let mut pace = Pace::default();
        for _ in 0..100 {
            assert_eq!(pace.plan(1), None);
            pace.observe(1, 0, FAST);
        }
    }

    #[test]
    fn a_crowd_gathers_and_a_forsaken_one_soon_stops_waiting() {
        let mut pace = Pace::default();
        for _ in 0..10 {
            pace.observe(9, 3, FAST);
        }
        let (target, patience) = pace.plan(1).unwrap();
        assert!(target >= 11 && patience < PERIOD, "{target} {patience:?}");
        assert_eq!(pace.plan(12), None, "enough are here");
        let waits = (0..20).filter(|_| {
            let waits = pace.plan(1).is_some();
            pace.observe(1, 0, FAST);
            waits
        });
        assert!(waits.count() <= 5);
    }

    #[test]
    fn a_slow_disk_gathers_by_itself() {
        let mut pace = Pace::default();
        pace.observe(10, 10, Duration::from_millis(5));
        assert_eq!(pace.plan(1), None);
    }
}
