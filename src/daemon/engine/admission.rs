//! Whether a listener takes connections now, and what is logged when that
//! changes: options RefuseLA, DelayLA, MaxDaemonChildren,
//! ConnectionRateThrottle, RejectLogInterval, and the keys of a listener that
//! go before them.

use std::time::Duration;

use bstr::BString;
use tokio::time::Instant;

use crate::base::maillog::Priority;
use crate::cf::{Opt, Options};
use crate::daemon::ports::Port;

/// A listener that begins to refuse again within this time says nothing: the
/// reference looks at most this often.
const QUIET: Duration = Duration::from_secs(15);

/// What one listener may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Sessions of all listeners; 0 for no limit.
    pub(super) sessions_max: usize,
    /// Sessions of this one; 0 for no limit of its own.
    pub(super) listener_max: usize,
    /// Connections a second; 0 for no limit.
    pub(super) rate_max: u64,
    /// The load from which connections are refused; 0 for never.
    refuse_load: u32,
    /// The load from which connections are delayed; 0 for never.
    pub(super) delay_load: u32,
    /// How often an ongoing refusal is logged.
    pub(super) log_every: Duration,
}

/// Why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Load(u32),
    Sessions { count: usize, max: usize },
}

impl Limits {
    pub(super) fn of(options: &Options, port: &Port) -> Self {
        let number = |opt| usize::try_from(options.number(opt)).unwrap_or(0);
        Self {
            sessions_max: number(Opt::MaxDaemonChildren),
            listener_max: usize::try_from(port.children).unwrap_or(0),
            rate_max: u64::try_from(options.number(Opt::ConnectionRateThrottle)).unwrap_or(0),
            refuse_load: port
                .refuse_load
                .unwrap_or_else(|| load(options, Opt::RefuseLa, 12)),
            delay_load: port
                .delay_load
                .unwrap_or_else(|| load(options, Opt::DelayLa, 0)),
            log_every: options.interval(Opt::RejectLogInterval),
        }
    }

    pub(super) fn refuse(&self, load: u32) -> Option<Why> {
        (self.refuse_load > 0 && load >= self.refuse_load).then_some(Why::Load(load))
    }

    /// Why there is no place for one more of `count`.
    pub(super) fn full(&self, count: usize) -> Why {
        let max = match (self.listener_max, self.sessions_max) {
            (0, max) | (max, 0) => max,
            (one, all) => one.min(all),
        };
        Why::Sessions { count, max }
    }

    pub(super) fn is_slow(&self, load: u32) -> bool {
        self.delay_load > 0 && load >= self.delay_load
    }
}

/// A load that an option sets; without it so much for each processor.
pub(super) fn load(options: &Options, opt: Opt, per_processor: u32) -> u32 {
    match options.number_or_unset(opt) {
        Some(number) => u32::try_from(number).unwrap_or(0),
        None => {
            let processors = std::thread::available_parallelism();
            let processors = processors.map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX));
            processors.saturating_mul(per_processor)
        }
    }
}

impl Why {
    /// What a client hears.
    pub(super) fn text(&self) -> &'static str {
        match self {
            Self::Load(_) => "Too busy, try again later",
            Self::Sessions { .. } => "Too many open connections, try again later",
        }
    }
}

/// A line for the log.
pub(super) type Said = Option<(Priority, String)>;

/// How a listener has been doing.
pub(super) struct Admission {
    name: BString,
    /// Since when it refuses, as the log knows it.
    refusing: Option<Instant>,
    /// When that was logged last.
    logged: Option<Instant>,
    delays: bool,
}

impl Admission {
    pub(super) fn new(name: BString) -> Self {
        Self {
            name,
            refusing: None,
            logged: None,
            delays: false,
        }
    }

    /// A connection was taken.
    pub(super) fn accepting(&mut self) -> Said {
        self.refusing.take()?;
        let line = format!("accepting connections again for daemon {}", self.name);
        Some((Priority::Info, line))
    }

    /// A connection was refused.
    pub(super) fn refusing(&mut self, why: Why, every: Duration, now: Instant) -> Said {
        let since = |then: Instant| now.saturating_duration_since(then);
        let is_due = match self.refusing {
            Some(_) => self
                .logged
                .is_some_and(|then| since(then) >= every.max(QUIET)),
            None => self.logged.is_none_or(|then| since(then) >= QUIET),
        };
        if !is_due {
            return None;
        }
        self.refusing.get_or_insert(now);
        self.logged = Some(now);
        let name = &self.name;
        Some(match why {
            Why::Load(load) => (
                Priority::Notice,
                format!("rejecting connections on daemon {name}: load average: {load}"),
            ),
            Why::Sessions { count, max } => (
                Priority::Info,
                format!("rejecting connections on daemon {name}: {count} children, max {max}"),
            ),
        })
    }

    /// Connections are delayed under this load, because of that limit; or
    /// not.
    pub(super) fn delaying(&mut self, load: Option<(u32, u32)>) -> Said {
        let before = std::mem::replace(&mut self.delays, load.is_some());
        let (load, limit) = load.filter(|_| !before)?;
        let name = &self.name;
        let line = format!("delaying connections on daemon {name}: load average={load} >= {limit}");
        Some((Priority::Info, line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(said: Said) -> String {
        said.map(|(_, line)| line).unwrap_or_default()
    }

    #[test]
    fn a_change_is_logged_once_and_a_long_refusal_now_and_then() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let hours = Duration::from_secs(3 * 3600);
        let mut admission = Admission::new("MTA".into());
        assert_eq!(admission.accepting(), None);
        let first = text(admission.refusing(Why::Load(11), hours, at(0)));
        assert_eq!(
            first,
            "rejecting connections on daemon MTA: load average: 11"
        );
        assert_eq!(admission.refusing(Why::Load(12), hours, at(60)), None);
        let again = text(admission.refusing(Why::Load(12), hours, at(3 * 3600)));
        assert!(again.ends_with("load average: 12"), "{again}");
        assert_eq!(
            text(admission.accepting()),
            "accepting connections again for daemon MTA"
        );
        let full = Why::Sessions { count: 1, max: 1 };
        assert_eq!(
            text(admission.refusing(full, hours, at(12_000))),
            "rejecting connections on daemon MTA: 1 children, max 1"
        );
        assert!(admission.accepting().is_some());
        assert_eq!(
            admission.refusing(full, hours, at(12_002)),
            None,
            "no flapping"
        );
        assert_eq!(admission.accepting(), None);
    }

    #[test]
    fn delay_is_logged_when_it_begins() {
        let mut admission = Admission::new("MTA".into());
        assert_eq!(admission.delaying(None), None);
        assert_eq!(
            text(admission.delaying(Some((11, 1)))),
            "delaying connections on daemon MTA: load average=11 >= 1"
        );
        assert_eq!(admission.delaying(Some((12, 1))), None);
        assert_eq!(admission.delaying(None), None);
        assert!(admission.delaying(Some((12, 1))).is_some());
    }
}
