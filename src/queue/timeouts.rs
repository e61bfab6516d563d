//! When a waiting message is warned of, and when it is returned.

use std::time::{Duration, SystemTime};

use crate::envelope::Envelope;
use crate::message::Header;

/// The class of a message, as `Timeout.queuewarn` and `Timeout.queuereturn`
/// tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Nothing is said.
    Normal,
    /// `Priority: urgent`.
    Urgent,
    /// `Priority: non-urgent`.
    NonUrgent,
    /// A report of ours.
    Report,
}

impl Urgency {
    /// The class of a message.
    pub fn of(envelope: &Envelope, header: &Header) -> Self {
        if envelope.is_report {
            return Urgency::Report;
        }
        // departs: the reference does not see a word that follows a space,
        // and so never sees it; the documented meaning is what is wanted.
        let word = header.get("Priority").map(|field| field.text());
        match word {
            Some(word) if word.eq_ignore_ascii_case(b"urgent") => Urgency::Urgent,
            Some(word) if word.eq_ignore_ascii_case(b"non-urgent") => Urgency::NonUrgent,
            _ => Urgency::Normal,
        }
    }
}

/// One timeout for each class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerClass {
    /// `.normal`
    pub normal: Duration,
    /// `.urgent`
    pub urgent: Duration,
    /// `.non-urgent`
    pub non_urgent: Duration,
    /// `.dsn`
    pub dsn: Duration,
}

impl PerClass {
    /// The same for all.
    pub const fn all(time: Duration) -> Self {
        Self {
            normal: time,
            urgent: time,
            non_urgent: time,
            dsn: time,
        }
    }

    fn of(&self, urgency: Urgency) -> Duration {
        match urgency {
            Urgency::Normal => self.normal,
            Urgency::Urgent => self.urgent,
            Urgency::NonUrgent => self.non_urgent,
            Urgency::Report => self.dsn,
        }
    }
}

/// `Timeout.queuewarn` and `Timeout.queuereturn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueTimeouts {
    /// A warning after this long; zero for none.
    pub warn: PerClass,
    /// Back to the sender after this long.
    pub give_up: PerClass,
}

impl Default for QueueTimeouts {
    /// Four hours and five days.
    fn default() -> Self {
        Self {
            warn: PerClass::all(Duration::from_secs(4 * 3600)),
            give_up: PerClass::all(Duration::from_secs(5 * 86_400)),
        }
    }
}

/// What is to be done about a message that still waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing yet.
    Keep,
    /// Its sender is to be warned.
    Warn {
        /// The time after which that is done.
        after: Duration,
        /// The time after which it is returned.
        until: Duration,
    },
    /// It goes back to its sender.
    Return {
        /// The time after which that is done.
        after: Duration,
    },
}

/// What is due for a message after an attempt that left recipients waiting.
pub fn what_is_due(
    envelope: &Envelope,
    header: &Header,
    now: SystemTime,
    timeouts: &QueueTimeouts,
) -> Due {
    let urgency = Urgency::of(envelope, header);
    // A clock that was set back makes nobody wait longer than from now on.
    let age = now.duration_since(envelope.created).unwrap_or_default();
    let until = timeouts.give_up.of(urgency);
    // sendmail: a message that asked to be returned by a time is (RFC 2852).
    if let Some((by, true)) = envelope.deliver_by
        && age > by
    {
        return Due::Return { after: by };
    }
    if age > until {
        return Due::Return { after: until };
    }
    let notify_by = envelope.deliver_by.filter(|(_, returns)| !returns);
    let after = notify_by.map_or(timeouts.warn.of(urgency), |(by, _)| by);
    let wanted = !envelope.warned
        && !after.is_zero()
        && age > after
        && !envelope.is_report
        && !envelope.sender.is_empty()
        && envelope.class >= 0
        && envelope
            .recipients
            .iter()
            .any(|r| r.is_pending() && r.notify.on_delay());
    match wanted {
        true => Due::Warn { after, until },
        false => Due::Keep,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{Notify, Recipient};
    use crate::message::Field;

    const HOUR: u64 = 3600;

    fn due(hours: u64, change: impl FnOnce(&mut Envelope, &mut Header)) -> Due {
        let created = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let mut envelope = Envelope::new("a@b", created);
        envelope.recipients.push(Recipient::mailbox("c@d"));
        let mut header = Header::new();
        change(&mut envelope, &mut header);
        let mut timeouts = QueueTimeouts::default();
        timeouts.warn.urgent = Duration::from_secs(HOUR);
        timeouts.give_up.non_urgent = Duration::from_secs(24 * HOUR);
        let now = created + Duration::from_secs(hours * HOUR + 1);
        what_is_due(&envelope, &header, now, &timeouts)
    }

    fn warns(due: Due) -> bool {
        matches!(due, Due::Warn { .. })
    }

    fn returns(due: Due) -> bool {
        matches!(due, Due::Return { .. })
    }

    #[test]
    fn a_message_is_warned_of_once_and_returned_at_last() {
        assert_eq!(due(3, |_, _| {}), Due::Keep);
        assert!(warns(due(4, |_, _| {})));
        assert_eq!(due(5, |e, _| e.warned = true), Due::Keep);
        assert!(returns(due(120, |e, _| e.warned = true)));
    }

    #[test]
    fn classes_have_their_own_times() {
        let priority = |value: &str| {
            let field = Field::new("Priority", format!(" {value}"));
            move |_: &mut Envelope, header: &mut Header| header.push(field)
        };
        assert!(warns(due(1, priority("Urgent"))));
        assert_eq!(due(1, priority("normal")), Due::Keep);
        assert!(returns(due(24, priority("non-urgent"))));
    }

    #[test]
    fn nobody_is_warned_who_does_not_want_to_be() {
        assert_eq!(due(5, |e, _| e.sender.clear()), Due::Keep);
        assert_eq!(due(5, |e, _| e.is_report = true), Due::Keep);
        assert_eq!(due(5, |e, _| e.class = -60), Due::Keep);
        let never = |e: &mut Envelope, _: &mut Header| e.recipients[0].notify = Notify::NEVER;
        assert_eq!(due(5, never), Due::Keep);
    }

    #[test]
    fn deliver_by_goes_before() {
        let by = Duration::from_secs(HOUR);
        assert!(returns(due(1, |e, _| e.deliver_by = Some((by, true)))));
        assert!(warns(due(1, |e, _| e.deliver_by = Some((by, false)))));
    }
}
