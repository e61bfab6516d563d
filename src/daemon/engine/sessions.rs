//! How many sessions there are, and whether one more may be.
//!
//! Options MaxDaemonChildren and ConnectionRateThrottle, and `children` of a
//! listener. The limits are asked at each connection, so that a reload holds
//! at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Sessions at once when the configuration sets no limit: descriptors are
/// finite even where nobody says so.
const SESSIONS_MAX: usize = 60_000;

/// The sessions of all listeners.
#[derive(Default)]
pub(super) struct Sessions {
    count: AtomicUsize,
    ended: Notify,
}

/// One session that is counted while this lives.
pub(super) struct Session {
    sessions: Arc<Sessions>,
    of_listener: Arc<AtomicUsize>,
}

impl Sessions {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Counts one more, if neither limit is reached; 0 is no limit.
    pub(super) fn begin(
        self: &Arc<Self>,
        max: usize,
        of_listener: &Arc<AtomicUsize>,
        listener_max: usize,
    ) -> Option<Session> {
        let limit = |max: usize| if max == 0 { SESSIONS_MAX } else { max };
        if !up(&self.count, limit(max)) {
            return None;
        }
        if !up(of_listener, limit(listener_max)) {
            self.count.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Session {
            sessions: Arc::clone(self),
            of_listener: Arc::clone(of_listener),
        })
    }

    /// Waits until there are none.
    pub(super) async fn drained(&self) {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            // Listed before the count is read, so that no end is missed.
            ended.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            ended.await;
        }
    }
}

/// Adds one unless the limit is reached.
fn up(count: &AtomicUsize, max: usize) -> bool {
    count
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
            (n < max).then_some(n + 1)
        })
        .is_ok()
}

impl Drop for Session {
    fn drop(&mut self) {
        self.of_listener.fetch_sub(1, Ordering::Relaxed);
        if self.sessions.count.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.sessions.ended.notify_waiters();
        }
    }
}

/// New connections of one listener in the second that runs.
pub(super) struct Pace {
    second: Instant,
    count: u64,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self {
            second: Instant::now(),
            count: 0,
        }
    }

    /// Counts a connection; when the second has had its share (`per_second`,
    /// 0 for no limit), says how long the next one has to wait.
    pub(super) fn next(&mut self, per_second: u64, now: Instant) -> Option<Duration> {
        let elapsed = now.saturating_duration_since(self.second);
        if elapsed >= Duration::from_secs(1) {
            self.second = now;
            self.count = 0;
        }
        self.count += 1;
        (per_second > 0 && self.count >= per_second)
            .then(|| Duration::from_secs(1).saturating_sub(elapsed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_for_all_and_for_each_listener() {
        let sessions = Arc::new(Sessions::default());
        let (a, b) = (Arc::default(), Arc::default());
        let one = sessions.begin(3, &a, 1);
        assert!(one.is_some());
        assert!(sessions.begin(3, &a, 1).is_none(), "one for a");
        let two = sessions.begin(3, &b, 0);
        let three = sessions.begin(3, &b, 0);
        assert!(two.is_some() && three.is_some());
        assert!(sessions.begin(3, &b, 0).is_none(), "three in all");
        drop(one);
        assert_eq!(sessions.count(), 2);
        assert!(sessions.begin(3, &a, 1).is_some());
    }

    #[test]
    fn a_second_has_its_share() {
        let start = Instant::now();
        let mut pace = Pace::new();
        assert_eq!(pace.next(2, start), None);
        assert!(pace.next(2, start).is_some());
        assert_eq!(pace.next(2, start + Duration::from_secs(2)), None);
        assert_eq!(pace.next(0, start + Duration::from_secs(2)), None);
    }
}
