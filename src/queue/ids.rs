//! Fresh queue ids.

use std::time::SystemTime;

use crate::base::QueueId;

/// Ids in one second before the last field has to tell them apart.
const SEQUENCES: u32 = 3600;

/// Makes ids that no other process makes, and none twice.
#[derive(Debug)]
pub(super) struct Ids {
    pid: u32,
    second: i64,
    sequence: u32,
    /// Ids made in this second.
    made: u32,
}

impl Ids {
    pub(super) fn new(pid: u32, random: u64) -> Self {
        Self {
            pid,
            second: 0,
            // A process that follows one of the same number begins elsewhere.
            sequence: u32::try_from(random % u64::from(SEQUENCES)).unwrap_or(0),
            made: 0,
        }
    }

    /// The next id at this time. Time that goes back does not repeat ids that
    /// this process made: the second stays until time has caught up.
    pub(super) fn next(&mut self, now: SystemTime) -> QueueId {
        let now = jiff::Timestamp::try_from(now).unwrap_or_default();
        if now.as_second() > self.second {
            self.second = now.as_second();
            self.made = 0;
        }
        let rounds = self.made / SEQUENCES;
        self.made += 1;
        self.sequence = (self.sequence + 1) % SEQUENCES;
        let time = jiff::Timestamp::from_second(self.second).unwrap_or_default();
        let time = time.to_zoned(jiff::tz::TimeZone::UTC).datetime();
        // departs: a busy second needs more ids than the sequence has; the
        // process number gets digits in front then.
        let pid = match rounds {
            0 => self.pid,
            rounds => self.pid % 10_000_000 + rounds % 400 * 10_000_000,
        };
        QueueId::new(time, self.sequence, pid)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn no_id_comes_twice_whatever_the_clock_does() {
        let mut ids = Ids::new(4711, 3599);
        let start = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let mut seen = HashSet::new();
        for n in 0..50_000u64 {
            let back = Duration::from_secs(if n % 7 == 0 { 3600 } else { 0 });
            let now = start + Duration::from_micros(n * 40) - back;
            assert!(seen.insert(ids.next(now)), "{n}");
        }
    }

    #[test]
    fn ids_look_as_sendmails_do() {
        let mut ids = Ids::new(4711, 0);
        let id = ids.next(UNIX_EPOCH + Duration::from_secs(1_795_333_327));
        assert_eq!(id.to_string(), "6AM7g701004711");
    }
}
