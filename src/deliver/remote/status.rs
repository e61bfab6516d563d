//! What is known of hosts: how the last visit ended, and which are down.
//!
//! A host that did not answer twice, or made somebody wait for long, is left
//! alone for a while that doubles each time, up to `Timeout.hoststatus`; then
//! one message tries it for all. A message that was turned away here without
//! a try comes back when that is over. With option HostStatusDirectory the
//! ends of visits are kept in a store, where `hoststat` finds them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bstr::{BStr, BString, ByteSlice};

use crate::base::Enhanced;
use crate::deliver::result::Verdict;
use crate::world::{Entropy, StateStore};

/// The table of the store.
pub const TABLE: &str = "hosts";
/// How long a host is left alone the first time.
const REST_LEAST: Duration = Duration::from_secs(30);
/// A visit that fails after this has made others wait.
const SLOW: Duration = Duration::from_secs(5);
/// A probe that has not ended by then does not keep others from trying.
const PROBE_MAX: Duration = Duration::from_secs(600);
/// Hosts that are remembered.
const HOSTS_MAX: usize = 100_000;
/// A visit to a host that was well the last time is written down again after
/// this.
const WRITE_AGAIN: Duration = Duration::from_secs(10);

/// How a visit ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When.
    pub when: SystemTime,
    /// Its enhanced status.
    pub status: Enhanced,
    /// In words: the reply, or `Deferred: Connection refused`.
    pub text: BString,
}

impl Record {
    /// As it is kept.
    pub fn encode(&self) -> Vec<u8> {
        let seconds = self.when.duration_since(UNIX_EPOCH).unwrap_or_default();
        let head = format!("{} {} ", seconds.as_secs(), self.status);
        bstr::concat([head.as_bytes(), &self.text])
    }

    /// Reads it back.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut words = bytes.splitn_str(3, " ");
        let seconds = words.next()?.to_str().ok()?.parse().ok()?;
        let status = Enhanced::parse(words.next()?)?;
        Some(Self {
            when: UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?,
            status,
            text: words.next()?.into(),
        })
    }
}

/// What is known of all hosts.
pub(super) struct Hosts {
    known: Mutex<HashMap<BString, Known>>,
    store: Option<Arc<dyn StateStore>>,
    entropy: Arc<dyn Entropy>,
}

/// What is known of one.
struct Known {
    /// Visits in a row that failed.
    failures: u32,
    /// It is left alone.
    down: Option<Down>,
    written: Option<Instant>,
}

struct Down {
    until: Instant,
    /// What the last one who tried was told.
    verdict: Verdict,
    /// Somebody tries now.
    probed: Option<Instant>,
}

impl Hosts {
    pub(super) fn new(entropy: Arc<dyn Entropy>, store: Option<Arc<dyn StateStore>>) -> Self {
        Self {
            known: Mutex::default(),
            store,
            entropy,
        }
    }

    /// Leave to visit a host.
    ///
    /// # Errors
    /// It is down: what that means to the message.
    pub(super) fn ask(&self, host: &BStr, now: Instant) -> Result<(), Box<Verdict>> {
        let mut known = self.known();
        let Some(down) = known.get_mut(&key(host)).and_then(|k| k.down.as_mut()) else {
            return Ok(());
        };
        let probed = down.probed.is_some_and(|since| now < since + PROBE_MAX);
        if now < down.until || probed {
            let mut verdict = down.verdict.clone();
            let wait = down
                .until
                .saturating_duration_since(now)
                .max(REST_LEAST / 2);
            verdict.untried = Some(wait);
            return Err(Box::new(verdict));
        }
        down.probed = Some(now);
        Ok(())
    }

    /// A visit got an answer.
    pub(super) fn answered(&self, host: &BStr, verdict: &Verdict, now: Instant, time: SystemTime) {
        let write = {
            let mut known = self.known();
            let fresh = self.store.is_some();
            let Some(known) = entry(&mut known, host) else {
                return;
            };
            known.failures = 0;
            known.down = None;
            let write = fresh && known.written.is_none_or(|at| now > at + WRITE_AGAIN);
            if write {
                known.written = Some(now);
            }
            write
        };
        if write {
            self.write(host, verdict, time);
        }
    }

    /// A visit got none, after `took`. The host is left alone for `rest_max`
    /// at most.
    pub(super) fn failed(&self, host: &BStr, verdict: &Verdict, visit: &Visit) {
        {
            let mut known = self.known();
            let Some(known) = entry(&mut known, host) else {
                return;
            };
            known.failures = known.failures.saturating_add(1);
            known.written = None;
            let proved = known.failures > 1 || visit.took >= SLOW;
            known.down = proved.then(|| Down {
                until: visit.now + self.rest(known.failures, visit.rest_max),
                verdict: verdict.clone(),
                probed: None,
            });
        }
        self.write(host, verdict, visit.time);
    }

    /// A visit ended without telling anything of the host.
    pub(super) fn release(&self, host: &BStr) {
        let mut known = self.known();
        if let Some(down) = known.get_mut(&key(host)).and_then(|k| k.down.as_mut()) {
            down.probed = None;
        }
    }

    /// Every host may be tried once more, now.
    pub(super) fn forgive(&self, now: Instant) {
        for known in self.known().values_mut() {
            if let Some(down) = &mut known.down {
                down.until = down.until.min(now);
            }
        }
    }

    /// Doubles with each failure, give or take a quarter.
    fn rest(&self, failures: u32, max: Duration) -> Duration {
        let doublings = failures.saturating_sub(1).min(12);
        let rest = REST_LEAST.saturating_mul(1 << doublings).min(max);
        let share = u32::try_from(self.entropy.random() % 500).unwrap_or(0);
        rest * (750 + share) / 1000
    }

    fn write(&self, host: &BStr, verdict: &Verdict, when: SystemTime) {
        let Some(store) = &self.store else {
            return;
        };
        let record = Record {
            when,
            status: verdict.status,
            text: match &verdict.secured {
                Some(tls) => format!("{} ({tls})", said(verdict)).into(),
                None => said(verdict),
            },
        };
        // What cannot be kept is known in memory.
        let _ = store.put(TABLE, &key(host), &record.encode());
    }

    fn known(&self) -> MutexGuard<'_, HashMap<BString, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A visit that got no answer.
pub(super) struct Visit {
    pub(super) now: Instant,
    pub(super) time: SystemTime,
    pub(super) took: Duration,
    /// `Timeout.hoststatus`
    pub(super) rest_max: Duration,
}

/// The entry of a host; `None` when there are too many.
fn entry<'a>(known: &'a mut HashMap<BString, Known>, host: &BStr) -> Option<&'a mut Known> {
    if known.len() >= HOSTS_MAX {
        known.retain(|_, known| known.down.is_some());
        if known.len() >= HOSTS_MAX {
            return None;
        }
    }
    Some(match known.entry(key(host)) {
        Entry::Occupied(entry) => entry.into_mut(),
        Entry::Vacant(entry) => entry.insert(Known {
            failures: 0,
            down: None,
            written: None,
        }),
    })
}

/// What the host said, as the reference keeps it.
fn said(verdict: &Verdict) -> BString {
    if let Some(reply) = &verdict.reply {
        return reply.clone();
    }
    let text = verdict.stat.strip_prefix(b"Sent (");
    match text.and_then(|text| text.strip_suffix(b")")) {
        Some(text) => format!("250 {} {}", verdict.status, text.as_bstr()).into(),
        None => without_name(&verdict.stat),
    }
}

/// `Deferred: Connection refused by HOST` without the host, as the reference
/// keeps it.
fn without_name(stat: &BString) -> BString {
    let is_connection = stat.starts_with(b"Deferred: Connection ");
    let ends = [b" by ".as_slice(), b" with "];
    let end = ends
        .iter()
        .filter(|_| is_connection)
        .find_map(|word| stat.find(word));
    stat[..end.unwrap_or(stat.len())].into()
}

/// A host's name without case, brackets, and the dot at its end.
fn key(host: &BStr) -> BString {
    let name = host.strip_suffix(b".").unwrap_or(host);
    let inner = name.strip_prefix(b"[").and_then(|n| n.strip_suffix(b"]"));
    inner.unwrap_or(name).to_ascii_lowercase().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::result::Fate;
    use crate::world::Nothing;

    struct Try {
        hosts: Hosts,
        start: Instant,
    }

    impl Try {
        fn new() -> Self {
            Self {
                hosts: Hosts::new(Arc::new(Nothing), None),
                start: Instant::now(),
            }
        }

        fn at(&self, seconds: u64) -> Instant {
            self.start + Duration::from_secs(seconds)
        }

        fn may(&self, seconds: u64) -> bool {
            let asked = self.hosts.ask("MX.example.".into(), self.at(seconds));
            if let Err(verdict) = &asked {
                assert_eq!(verdict.fate, Fate::Deferred);
                assert!(verdict.untried.is_some());
            }
            asked.is_ok()
        }

        fn fails(&self, seconds: u64, took: u64) {
            let verdict = Verdict::deferred(Enhanced::new(4, 4, 1), b"Connection refused by x");
            let visit = Visit {
                now: self.at(seconds),
                time: UNIX_EPOCH,
                took: Duration::from_secs(took),
                rest_max: Duration::from_secs(300),
            };
            self.hosts.failed("mx.example".into(), &verdict, &visit);
        }
    }

    #[test]
    fn a_host_is_left_alone_for_longer_and_longer() {
        let hosts = Try::new();
        assert!(hosts.may(0));
        hosts.fails(0, 0);
        assert!(hosts.may(1), "once may be by accident");
        hosts.fails(1, 0);
        assert!(!hosts.may(2));
        // Nothing's chance is 0: three quarters of 60, 120, 240, 300 seconds.
        let mut now = 1;
        for rest in [45, 90, 180, 225, 225] {
            assert!(!hosts.may(now + rest - 1), "{rest}");
            assert!(hosts.may(now + rest), "{rest}");
            assert!(!hosts.may(now + rest), "one tries for all");
            now += rest;
            hosts.fails(now, 0);
        }
    }

    #[test]
    fn one_answer_is_enough() {
        let hosts = Try::new();
        hosts.fails(0, 60);
        assert!(!hosts.may(1), "it made somebody wait");
        assert!(hosts.may(30));
        let verdict = Verdict::deferred(Enhanced::new(4, 5, 0), b"later");
        let host = "mx.example".into();
        hosts
            .hosts
            .answered(host, &verdict, hosts.at(31), UNIX_EPOCH);
        assert!(hosts.may(31) && hosts.may(31));
    }

    #[test]
    fn a_run_on_demand_tries_all_once() {
        let hosts = Try::new();
        hosts.fails(0, 60);
        assert!(!hosts.may(1));
        hosts.hosts.forgive(hosts.at(2));
        assert!(hosts.may(2));
        assert!(!hosts.may(2));
    }

    #[test]
    fn records_are_read_back() {
        let record = Record {
            when: UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            status: Enhanced::new(4, 4, 1),
            text: "Deferred: Connection refused by x".into(),
        };
        assert_eq!(Record::decode(&record.encode()), Some(record));
        for bad in ["", "x", "1 2.0.0", "1 2.0 x"] {
            assert_eq!(Record::decode(bad.as_bytes()), None, "{bad}");
        }
    }
}
