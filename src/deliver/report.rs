//! What senders are told: which reports are due after an attempt, and copies
//! of messages for the owners of lists.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bstr::BString;

use super::delivery::{Attempt, Deliverer};
use super::result::{Fate, Verdict};
use crate::base::Sysexit;
use crate::base::maillog::Event;
use crate::cf::Opt;
use crate::envelope::expand::Refused;
use crate::envelope::{Envelope, RecipientState};
use crate::queue::{Body, Message, SpoolError};
use crate::route::Site;

/// What kind of report the age of a message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// Only what failed.
    Usual,
    /// What waits has waited for long: a warning.
    Warning,
    /// What waits has waited for too long: it fails.
    Return,
}

/// What the age of a message asks for.
pub(super) fn due(
    _deliverer: &Deliverer,
    site: &Arc<Site>,
    message: &Message,
    attempts: &[Attempt],
    now: SystemTime,
) -> Sending {
    let waits = attempts
        .iter()
        .any(|attempt| attempt.verdict.fate == Fate::Deferred);
    if !waits {
        return Sending::Usual;
    }
    let age = now
        .duration_since(message.envelope.created)
        .unwrap_or_default();
    let limits = Limits::of(site, message);
    if age > limits.give_up {
        Sending::Return
    } else if !message.envelope.warned && limits.warn.is_some_and(|warn| age > warn) {
        Sending::Warning
    } else {
        Sending::Usual
    }
}

/// How long a message may wait.
struct Limits {
    give_up: Duration,
    warn: Option<Duration>,
}

impl Limits {
    /// `Timeout.queuereturn` and `Timeout.queuewarn` for the class of the
    /// message: reports, or what `Priority:` says.
    fn of(site: &Site, message: &Message) -> Self {
        let options = &site.config.options;
        let priority = message.header.get("Priority").map(|field| field.text());
        let says = |word: &str| priority.is_some_and(|p| p.eq_ignore_ascii_case(word.as_bytes()));
        let (give_up, warn) = if message.envelope.is_report {
            (Opt::TimeoutQueuereturnDsn, Opt::TimeoutQueuewarnDsn)
        } else if says("urgent") {
            (Opt::TimeoutQueuereturnUrgent, Opt::TimeoutQueuewarnUrgent)
        } else if says("non-urgent") {
            (
                Opt::TimeoutQueuereturnNonUrgent,
                Opt::TimeoutQueuewarnNonUrgent,
            )
        } else {
            (Opt::TimeoutQueuereturnNormal, Opt::TimeoutQueuewarnNormal)
        };
        let warn = options
            .interval_or_unset(warn)
            .unwrap_or_else(|| options.interval(Opt::TimeoutQueuewarn));
        Self {
            give_up: options
                .interval_or_unset(give_up)
                .unwrap_or_else(|| options.interval(Opt::TimeoutQueuereturn)),
            warn: Some(warn).filter(|warn| !warn.is_zero()),
        }
    }
}

/// What a refusal by the rules or by expansion amounts to.
pub(super) fn refused(refused: &Refused) -> Verdict {
    let mut verdict = Verdict::of_reply(&refused.reply);
    let text = bstr::join(" ", refused.reply.lines());
    if verdict.fate == Fate::Failed && verdict.exit != Sysexit::NoUser {
        verdict.stat = text.into();
    }
    verdict
}

/// Makes a copy of a message for some of its recipients, sent by the owner of
/// the list they stand on.
pub(super) async fn clone_for_owner(
    deliverer: &Deliverer,
    _site: &Arc<Site>,
    message: &Message,
    owner: &BString,
    places: &[usize],
) -> Result<(), SpoolError> {
    let id = deliverer.spool.new_id();
    let envelope = Envelope {
        sender: owner.clone(),
        sender_bracketed: false,
        recipients: places
            .iter()
            .filter_map(|place| message.envelope.recipients.get(*place))
            .cloned()
            .map(|mut recipient| {
                recipient.state = RecipientState::Queued { reason: None };
                recipient
            })
            .collect(),
        ..message.envelope.clone()
    };
    let copy = Message {
        id,
        envelope,
        header: message.header.clone(),
        body: copy_body(deliverer, id, &message.body).await?,
    };
    let claim = deliverer.spool.accept(copy).await?;
    let text = bstr::concat([b"owner=".as_slice(), owner]);
    let event = Event::Child {
        id,
        what: b"clone",
        text: &text,
    };
    deliverer.log.event(message.id.into(), &event);
    // Dropped, the claim makes the copy due at once.
    drop(claim);
    Ok(())
}

/// A body of its own for another message.
pub(super) async fn copy_body(
    deliverer: &Deliverer,
    id: crate::base::QueueId,
    body: &Body,
) -> Result<Body, SpoolError> {
    let (file, len) = match body {
        Body::Memory(bytes) => return Ok(Body::Memory(bytes.clone())),
        Body::File(file, len) => (file, *len),
    };
    use std::os::unix::fs::FileExt;
    let mut writer = deliverer.spool.body_writer(id)?;
    let mut piece = vec![0; 256 << 10];
    let mut at = 0;
    while at < len {
        let got = file
            .read_at(&mut piece, at)
            .map_err(|error| SpoolError::Io(error.to_string()))?;
        if got == 0 {
            return Err(SpoolError::Io("a body is shorter than it was".to_owned()));
        }
        writer.write(&piece[..got])?;
        at += u64::try_from(got).unwrap_or(0);
    }
    writer.finish().await
}

impl Deliverer {
    /// Makes the reports that an attempt asks for, durably.
    ///
    /// # Errors
    /// When one could not be made durable: nothing must be forgotten then.
    pub(super) async fn send_reports(
        &self,
        _site: &Arc<Site>,
        _message: &Message,
        attempts: &[Attempt],
        _sending: &Sending,
    ) -> Result<(), SpoolError> {
        let failed = attempts
            .iter()
            .any(|attempt| attempt.verdict.fate == Fate::Failed);
        if failed {
            return Err(SpoolError::Io("reports cannot be made yet".to_owned()));
        }
        Ok(())
    }
}
