//! What senders are told after an attempt, and copies of messages for the
//! owners of lists.

use std::sync::Arc;
use std::time::SystemTime;

use bstr::BString;

use super::delivery::{Attempt, Deliverer};
use super::local::{self, Way};
use super::result::{Fate, Verdict};
use crate::base::maillog::Event;
use crate::base::{Enhanced, Sysexit};
use crate::cf::Opt;
use crate::dsn::{Action, Diagnostic};
use crate::envelope::expand::Refused;
use crate::envelope::{Envelope, Notify, RecipientState};
use crate::queue::reports::{self, Occasion, Outcome, ReportSettings};
use crate::queue::timeouts::{Due, PerClass, QueueTimeouts, what_is_due};
use crate::queue::{Body, Claim, Message, SpoolError};
use crate::route::Site;

/// What the age of a message asks for.
pub(super) fn due(
    site: &Site,
    message: &Message,
    attempts: &[Attempt],
    now: SystemTime,
) -> Occasion {
    let waits = attempts
        .iter()
        .any(|attempt| attempt.verdict.fate == Fate::Deferred);
    if !waits {
        return Occasion::Attempt;
    }
    let timeouts = timeouts(site);
    match what_is_due(&message.envelope, &message.header, now, &timeouts) {
        Due::Keep => Occasion::Attempt,
        Due::Warn { after, until } => Occasion::Warning { after, until },
        Due::Return { after } => Occasion::Expired(after),
    }
}

fn timeouts(site: &Site) -> QueueTimeouts {
    let options = &site.config.options;
    let class = |general: Opt, own: [Opt; 4]| {
        let [normal, urgent, non_urgent, dsn] = own.map(|own| {
            options
                .interval_or_unset(own)
                .unwrap_or_else(|| options.interval(general))
        });
        PerClass {
            normal,
            urgent,
            non_urgent,
            dsn,
        }
    };
    QueueTimeouts {
        warn: class(
            Opt::TimeoutQueuewarn,
            [
                Opt::TimeoutQueuewarnNormal,
                Opt::TimeoutQueuewarnUrgent,
                Opt::TimeoutQueuewarnNonUrgent,
                Opt::TimeoutQueuewarnDsn,
            ],
        ),
        give_up: class(
            Opt::TimeoutQueuereturn,
            [
                Opt::TimeoutQueuereturnNormal,
                Opt::TimeoutQueuereturnUrgent,
                Opt::TimeoutQueuereturnNonUrgent,
                Opt::TimeoutQueuereturnDsn,
            ],
        ),
    }
}

fn settings(site: &Site, deliverer: &Deliverer) -> ReportSettings {
    let options = &site.config.options;
    let words = options.words(Opt::PrivacyOptions);
    let has = |word: &str| {
        words
            .iter()
            .any(|w| w.eq_ignore_ascii_case(word.as_bytes()))
    };
    let goaway = has("goaway");
    let version = [site.macros.text(b"v"), site.macros.text(b"Z")];
    ReportSettings {
        host_name: site.macros.text(b"j"),
        version: bstr::join("/", version).into(),
        zone: deliverer.zone.clone(),
        mime: options.flag(Opt::SendMimeErrors),
        double_bounce: site.option_text(Opt::DoubleBounceAddress),
        postmaster_copy: site.option_text(Opt::PostmasterCopy),
        no_receipts: has("noreceipts") || goaway,
        no_body_return: has("nobodyreturn"),
        no_actual_recipient: has("noactualrecipient"),
        recipient_factor: options.number(Opt::RecipientFactor),
    }
}

/// Whether a report failed that was to tell the postmaster of another that
/// failed: there is nobody left to tell.
pub(super) fn is_hopeless(site: &Site, envelope: &Envelope) -> bool {
    let double_bounce = site.option_text(Opt::DoubleBounceAddress);
    envelope.is_report
        && !double_bounce.is_empty()
        && envelope.recipients.iter().any(|recipient| {
            // A report to a sender asks to be told of its failure.
            recipient.state == RecipientState::Failed && recipient.notify == Notify::NEVER
        })
}

/// What a report says of each recipient. One that was passed on to a host
/// that reports itself is left out.
fn outcomes(site: &Site, attempts: &[Attempt], now: SystemTime) -> Vec<Outcome> {
    attempts
        .iter()
        .filter_map(|attempt| {
            let verdict = &attempt.verdict;
            let remote = attempt
                .mailer
                .is_some_and(|id| local::way(site.mailer(id)) == Way::Network);
            let action = match verdict.fate {
                Fate::Failed => Action::Failed,
                Fate::Deferred => Action::Delayed,
                Fate::Sent if remote && verdict.passed_on_dsn => return None,
                Fate::Sent if remote => Action::Relayed,
                Fate::Sent => Action::Delivered,
            };
            Some(Outcome {
                recipient: attempt.recipient,
                action,
                status: verdict.report_status(),
                remote: verdict.host.as_ref().filter(|_| remote).map(trimmed),
                diagnostic: diagnostic(verdict),
                reason: reason(verdict),
                actual: None,
                last_attempt: now,
            })
        })
        .collect()
}

/// A host's name as a report has it: without the dot of a full name.
fn trimmed(host: &BString) -> BString {
    host.strip_suffix(b".").unwrap_or(host).into()
}

fn diagnostic(verdict: &Verdict) -> Option<Diagnostic> {
    if verdict.fate == Fate::Sent {
        return None;
    }
    match (&verdict.reply, verdict.program_status) {
        (Some(reply), _) => Some(Diagnostic::Smtp(reply.clone())),
        (None, Some(status)) => Some(Diagnostic::Unix(status)),
        (None, None) if verdict.exit == Sysexit::CantCreat => {
            Some(Diagnostic::Unix(verdict.exit.code().into()))
        }
        (None, None) => None,
    }
}

/// What stands after `reason:` where no server said anything.
fn reason(verdict: &Verdict) -> Option<BString> {
    if verdict.fate != Fate::Failed || verdict.reply.is_some() {
        return None;
    }
    match verdict.program_status {
        Some(status) if Sysexit::from_code(status).is_none() => Some(status.to_string().into()),
        Some(_) => Some(verdict.exit.text().into()),
        None if verdict.exit == Sysexit::CantCreat => Some(verdict.exit.text().into()),
        None => None,
    }
}

/// The dialogue that led to a report, line by line.
fn transcript(message: &Message, attempts: &[Attempt]) -> Vec<BString> {
    let shown = |attempt: &Attempt| {
        let recipient = message.envelope.recipients.get(attempt.recipient);
        recipient.map(|r| r.shown()).unwrap_or_default()
    };
    let mut lines = Vec::new();
    let mut at = 0;
    while let Some(attempt) = attempts.get(at) {
        let verdict = &attempt.verdict;
        let alike = attempts[at..]
            .iter()
            .take_while(|other| !verdict.alone && same(&other.verdict, verdict))
            .count()
            .max(1);
        let group = &attempts[at..at + alike];
        at += alike;
        for attempt in group {
            lines.extend(attempt.verdict.transcript.iter().cloned());
        }
        match verdict.fate {
            Fate::Sent => {}
            Fate::Deferred => {
                let names = bstr::join(",", group.iter().map(shown));
                lines.push(bstr::concat([names.as_slice(), b"... ", &verdict.stat]).into());
            }
            Fate::Failed => match &attempt.place {
                Some(line) => lines.push(line.clone()),
                // A line that names nobody is said once for all.
                None => {
                    let mut closing: Vec<BString> = group
                        .iter()
                        .map(|attempt| attempt.verdict.closing_line(&shown(attempt)))
                        .collect();
                    closing.dedup();
                    lines.extend(closing);
                }
            },
        }
    }
    lines
}

/// Whether two recipients fared alike, whatever the transcript says.
fn same(a: &Verdict, b: &Verdict) -> bool {
    (a.fate, a.status, &a.stat, &a.reply, &a.relay)
        == (b.fate, b.status, &b.stat, &b.reply, &b.relay)
}

/// What a refusal by the rules or by expansion amounts to.
pub(super) fn refused(refused: &Refused, message: &Message) -> Attempt {
    let mut verdict = Verdict::of_reply(&refused.reply);
    let text = bstr::join(" ", refused.reply.lines());
    let mut place = None;
    if verdict.fate == Fate::Failed {
        verdict.stat = text.clone().into();
        let recipient = message.envelope.recipients.get(refused.recipient);
        let shown = recipient.map(|r| r.shown()).unwrap_or_default();
        let status = refused.reply.enhanced().unwrap_or(Enhanced::new(5, 0, 0));
        let line = format!("{} {status} {}", refused.reply.code(), refused.place);
        place = Some(bstr::concat([line.as_bytes(), &shown, b"... ", &text]).into());
    }
    Attempt {
        recipient: refused.recipient,
        mailer: refused.mailer,
        verdict,
        place,
    }
}

/// Makes a copy of a message for some of its recipients, sent by the owner of
/// the list they stand on.
pub(super) async fn clone_for_owner(
    deliverer: &Deliverer,
    message: &Message,
    owner: &BString,
    places: &[usize],
) -> Result<Claim, SpoolError> {
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
    Ok(claim)
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
    /// Makes the reports that an attempt asks for, durably; their claims are
    /// to be delivered once the message is settled.
    ///
    /// # Errors
    /// When one could not be made durable: nothing must be forgotten then.
    pub(super) async fn send_reports(
        &self,
        site: &Arc<Site>,
        message: &Message,
        attempts: &[Attempt],
        occasion: Occasion,
        now: SystemTime,
    ) -> Result<Vec<Claim>, SpoolError> {
        let settings = settings(site, self);
        let outcomes = outcomes(site, attempts, now);
        let planned = reports::plan(message, &outcomes, occasion, &settings);
        if planned.is_empty() {
            return Ok(Vec::new());
        }
        let transcript = transcript(message, attempts);
        let status = attempts
            .iter()
            .rev()
            .find(|attempt| attempt.verdict.fate == Fate::Failed)
            .map(|attempt| attempt.verdict.stat.clone());
        let mut claims = Vec::with_capacity(planned.len());
        for report in &planned {
            let spool = &*self.spool;
            let claim = reports::send(spool, message, report, &transcript, now, &settings).await?;
            let text = reports::log_text(report, status.as_ref());
            let event = Event::Child {
                id: claim.message.id,
                what: report.log_word.as_bytes(),
                text: &text,
            };
            self.log.event(message.id.into(), &event);
            claims.push(claim);
        }
        Ok(claims)
    }
}
