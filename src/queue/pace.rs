//! When to commit: at once for a lone session, together for a crowd.
//!
//! While a commit is written, others arrive and are the next batch; on a slow
//! disk that is all there is to group commit. On a fast one a sync takes less
//! time than the next message needs to come, and every message would pay its
//! own. So a commit waits for company, for as much of it as there has been
//! lately and a little more, and for [`PATIENCE`] at most. Whoever waited in
//! vain has seen how large the crowd is; more than that is not waited for
//! again for a while, and a lone session never waits.

use std::time::Duration;

/// Company is waited for as long as this.
const PATIENCE: Duration = Duration::from_millis(4);

/// More company than this gains nothing.
const COMPANY_MAX: usize = 64;

/// So many commits pass before more company than last time is hoped for.
const CALM: u32 = 40;

/// Remembers how much company there was.
#[derive(Debug)]
pub(super) struct Pace {
    /// How many messages to wait for.
    target: usize,
    /// No more than this came when it was waited for …
    ceiling: usize,
    /// … so many commits ago, counted down from [`CALM`].
    calm: u32,
    /// How long the last commit took.
    last: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            target: 1,
            ceiling: COMPANY_MAX,
            calm: 0,
            last: Duration::ZERO,
        }
    }
}

impl Pace {
    /// How many to wait for, and how long, when some are waiting; `None` to
    /// commit at once.
    pub(super) fn plan(&self, waiting: usize) -> Option<(usize, Duration)> {
        // A disk that takes this long gathers company by itself.
        (self.target > waiting && self.last < PATIENCE).then_some((self.target, PATIENCE))
    }

    /// A commit of `batch` messages took `took`, and `arrived` more came while
    /// it was written.
    pub(super) fn observe(&mut self, batch: usize, arrived: usize, took: Duration) {
        self.last = took;
        self.calm = self.calm.saturating_sub(1);
        if batch < self.target {
            self.target = batch.max(1 + arrived).min(COMPANY_MAX);
            self.ceiling = self.target;
            self.calm = CALM;
            return;
        }
        if self.calm == 0 {
            self.ceiling = COMPANY_MAX;
        }
        let met = batch.max(1 + arrived);
        let hoped = match met {
            1 => 1,
            met => met + met / 4 + 1,
        };
        self.target = hoped.min(self.ceiling.max(met)).min(COMPANY_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Duration = Duration::from_micros(130);

    /// Commits of a crowd of `size` sessions that all come back in time; how
    /// many messages there were to a commit, and how many waited in vain.
    fn crowd(pace: &mut Pace, size: usize, commits: usize) -> (f64, usize) {
        let (mut messages, mut vain) = (0, 0);
        for _ in 0..commits {
            let batch = pace.plan(1).map_or(1, |(target, _)| target.min(size));
            vain += usize::from(pace.plan(1).is_some_and(|(target, _)| target > size));
            messages += batch;
            pace.observe(batch, 0, FAST);
        }
        (messages as f64 / commits as f64, vain)
    }

    #[test]
    fn a_lone_session_never_waits() {
        let mut pace = Pace::default();
        for _ in 0..100 {
            assert_eq!(pace.plan(1), None);
            pace.observe(1, 0, FAST);
        }
    }

    #[test]
    fn a_crowd_gathers_and_seldom_waits_in_vain() {
        let mut pace = Pace::default();
        pace.observe(1, 1, FAST);
        let (mean, vain) = crowd(&mut pace, 20, 200);
        assert!(mean > 15.0, "{mean}");
        assert!(vain < 200 / 20, "{vain}");
    }

    #[test]
    fn a_forsaken_one_waits_once() {
        let mut pace = Pace::default();
        pace.observe(5, 5, FAST);
        let waits = (0..200).filter(|_| {
            let waits = pace.plan(1).is_some();
            pace.observe(1, 0, FAST);
            waits
        });
        assert_eq!(waits.count(), 1);
    }

    #[test]
    fn a_slow_disk_gathers_by_itself() {
        let mut pace = Pace::default();
        pace.observe(10, 10, Duration::from_millis(5));
        assert_eq!(pace.plan(1), None);
    }
}
