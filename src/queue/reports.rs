//! Reports to senders: who gets one, about whom, and how it becomes a message
//! of its own.
//!
//! A report is accepted like any other message, before the message that it is
//! about is settled, so that nothing is lost between. No report is ever made
//! of a report: that goes to the DoubleBounceAddress.

use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, SystemTime};

use bstr::{BString, ByteSlice};
use jiff::tz::TimeZone;

use super::{Body, BodyWriter, Claim, Message, Spool, SpoolError, control_file};
use crate::base::Enhanced;
use crate::dsn::{
    Action, Actual, Diagnostic, Original, RecipientStatus, Report, ReportKind, Reporter,
};
use crate::envelope::{Envelope, Kind, Notify, Recipient, Ret, list};

/// How the site reports.
#[derive(Clone, Debug)]
pub struct ReportSettings {
    /// `$j`.
    pub host_name: BString,
    /// `$v/$Z`.
    pub version: BString,
    /// For dates.
    pub zone: TimeZone,
    /// SendMimeErrors.
    pub mime: bool,
    /// DoubleBounceAddress; empty for nobody.
    pub double_bounce: BString,
    /// PostmasterCopy; empty for nobody.
    pub postmaster_copy: BString,
    /// PrivacyOptions=noreceipts.
    pub no_receipts: bool,
    /// PrivacyOptions=nobodyreturn.
    pub no_body_return: bool,
    /// PrivacyOptions=noactualrecipient.
    pub no_actual_recipient: bool,
    /// RecipientFactor.
    pub recipient_factor: i64,
}

/// What became of a recipient in this attempt, or at last.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its place in the envelope.
    pub recipient: usize,
    /// What became of it.
    pub action: Action,
    /// Its enhanced status.
    pub status: Enhanced,
    /// The host that said so, when there was one.
    pub remote: Option<BString>,
    /// What it said.
    pub diagnostic: Option<Diagnostic>,
    /// In words, when there was no reply: `Service unavailable`.
    pub reason: Option<BString>,
    /// The address that it went to, when rewriting changed it.
    pub actual: Option<BString>,
    /// When it was tried.
    pub last_attempt: SystemTime,
}

/// Why a report is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// After an attempt: what failed and what succeeded in it.
    Attempt,
    /// What still waits fails, since it has waited for this long.
    Expired(Duration),
    /// It has waited for `after`, and will wait until `until`.
    Warning {
        /// Timeout.queuewarn.
        after: Duration,
        /// Timeout.queuereturn.
        until: Duration,
    },
}

/// A report that is to be made.
#[derive(Clone, Debug)]
pub struct Planned {
    /// To whom, as shown.
    pub to: BString,
    /// The same as an address.
    recipient: Recipient,
    /// What kind it is.
    pub kind: ReportKind,
    /// The words of the log line: `DSN`, `sender notify`, ….
    pub log_word: &'static str,
    returns_body: bool,
    recipients: Vec<RecipientStatus>,
}

/// Which reports are to be made about a message.
pub fn plan(
    message: &Message,
    outcomes: &[Outcome],
    occasion: Occasion,
    settings: &ReportSettings,
) -> Vec<Planned> {
    let envelope = &message.envelope;
    let to_nobody = envelope.sender.is_empty();
    let wanted = outcomes.iter().filter(|outcome| {
        let recipient = envelope.recipients.get(outcome.recipient);
        recipient.is_some_and(|r| wants(r, outcome, occasion, to_nobody, settings))
    });
    let recipients: Vec<RecipientStatus> = wanted
        .filter_map(|outcome| status_of(envelope, outcome, occasion, settings))
        .collect();
    if recipients.is_empty() {
        return Vec::new();
    }
    let failed = recipients.iter().any(|r| r.action == Action::Failed);
    let expired = match occasion {
        Occasion::Expired(after) => Some(after),
        _ => None,
    };
    let returns_body =
        !(settings.no_body_return || envelope.no_body_return || envelope.ret == Some(Ret::Headers));
    let mut planned = Vec::new();
    if to_nobody {
        let kind = ReportKind::Postmaster { expired };
        let word = match envelope.is_report {
            true => "return to sender",
            false => "postmaster notify",
        };
        planned.extend(to_address(
            &settings.double_bounce,
            kind,
            word,
            returns_body,
        ));
    } else {
        let (kind, word) = match (occasion, failed) {
            (Occasion::Warning { after, until }, _) => {
                (ReportKind::Warning { after, until }, "sender notify")
            }
            (_, true) if envelope.warned => (ReportKind::Failure { expired }, "sender notify"),
            (_, true) => (ReportKind::Failure { expired }, "DSN"),
            (_, false) => (ReportKind::Receipt, "DSN"),
        };
        let mut recipient = Recipient::mailbox(envelope.sender.clone());
        recipient.bracketed = envelope.sender_bracketed;
        planned.push(Planned {
            to: envelope.shown_sender(),
            recipient,
            kind,
            log_word: word,
            returns_body: returns_body && kind != ReportKind::Receipt,
            recipients: Vec::new(),
        });
        if failed {
            let kind = ReportKind::Postmaster { expired };
            let word = "postmaster notify";
            planned.extend(to_address(&settings.postmaster_copy, kind, word, false));
        }
    }
    for report in &mut planned {
        report.recipients = recipients.clone();
    }
    planned
}

fn to_address(
    address: &BString,
    kind: ReportKind,
    log_word: &'static str,
    returns_body: bool,
) -> Option<Planned> {
    (!address.is_empty()).then(|| Planned {
        to: address.clone(),
        recipient: Recipient::mailbox(address.clone()),
        kind,
        log_word,
        returns_body,
        recipients: Vec::new(),
    })
}

/// Whether this recipient belongs in a report.
fn wants(
    recipient: &Recipient,
    outcome: &Outcome,
    occasion: Occasion,
    to_nobody: bool,
    settings: &ReportSettings,
) -> bool {
    let notify = recipient.notify;
    match (occasion, outcome.action) {
        (Occasion::Warning { .. }, Action::Delayed) => !to_nobody && notify.on_delay(),
        (Occasion::Warning { .. }, _) => false,
        (Occasion::Expired(_), Action::Delayed) | (_, Action::Failed) => notify.on_failure(),
        (Occasion::Attempt, Action::Delayed) => false,
        (_, Action::Delivered | Action::Relayed) => {
            !to_nobody && !settings.no_receipts && notify.success
        }
    }
}

fn status_of(
    envelope: &Envelope,
    outcome: &Outcome,
    occasion: Occasion,
    settings: &ReportSettings,
) -> Option<RecipientStatus> {
    let recipient = envelope.recipients.get(outcome.recipient)?;
    let expired = matches!(occasion, Occasion::Expired(_)) && outcome.action == Action::Delayed;
    let (action, status) = match expired {
        true => (Action::Failed, Enhanced::new(4, 4, 7)),
        false => (outcome.action, outcome.status),
    };
    let with_domain = |address: &BString| match address.contains(&b'@') {
        true => address.clone(),
        false => bstr::concat([address.as_slice(), b"@", &settings.host_name]).into(),
    };
    let actual = match recipient.kind {
        Kind::Mailbox => {
            let address = outcome.actual.as_ref().unwrap_or(&recipient.address);
            Actual::Address(with_domain(address))
        }
        _ => Actual::Unix(list::unquote(&recipient.address)),
    };
    let final_recipient = recipient.final_recipient.as_ref();
    Some(RecipientStatus {
        shown: control_file::shown(recipient),
        orcpt: recipient.orcpt.clone(),
        final_recipient: with_domain(final_recipient.unwrap_or(&recipient.address)),
        actual: (!settings.no_actual_recipient).then_some(actual),
        expanded_from: recipient.expanded_from.clone(),
        action,
        status,
        remote: outcome.remote.clone(),
        diagnostic: outcome.diagnostic.clone(),
        reason: outcome.reason.clone(),
        last_attempt: outcome.last_attempt,
    })
}

/// Writes a planned report and makes it durable.
///
/// # Errors
/// The spool's; the message must not be settled then.
pub async fn send(
    spool: &dyn Spool,
    message: &Message,
    planned: &Planned,
    transcript: &[BString],
    now: SystemTime,
    settings: &ReportSettings,
) -> Result<Claim, SpoolError> {
    let id = spool.new_id();
    let envelope = &message.envelope;
    let relay = envelope.macro_value("_").cloned().unwrap_or_default();
    let written = Report {
        id,
        now,
        to: planned.to.as_bstr(),
        kind: planned.kind,
        returns_body: planned.returns_body,
        original: Original {
            id: message.id,
            sender: envelope.sender.as_bstr(),
            is_report: envelope.is_report,
            arrival: envelope.created,
            relay: relay.as_bstr(),
            envid: envelope.envid.as_ref().map(|envid| envid.as_bstr()),
            header: &message.header,
            has_8bit: envelope.has_8bit,
            delete_bcc: envelope.delete_bcc,
        },
        recipients: &planned.recipients,
        transcript,
    }
    .write(&Reporter {
        host_name: settings.host_name.as_bstr(),
        version: settings.version.as_bstr(),
        zone: &settings.zone,
        mime: settings.mime,
    });
    let mut writer = spool.body_writer(id)?;
    writer.write(&written.head)?;
    if planned.returns_body {
        copy_body(&message.body, &mut *writer)?;
    }
    writer.write(&written.tail)?;
    let report = Message {
        id,
        envelope: envelope_of(message, planned, now, settings),
        header: written.header,
        body: writer.finish().await?,
    };
    let accepted = spool.accept(report).await;
    if accepted.is_err() {
        spool.discard(id);
    }
    accepted
}

/// The envelope of a report, as the reference makes it.
fn envelope_of(
    message: &Message,
    planned: &Planned,
    now: SystemTime,
    settings: &ReportSettings,
) -> Envelope {
    let mut envelope = Envelope::new("", now);
    let mut recipient = planned.recipient.clone();
    recipient.notify = match planned.kind {
        // What comes of a report that could not be returned is told to nobody:
        // else an address that fails would be reported to itself for ever.
        ReportKind::Postmaster { .. } => Notify::NEVER,
        _ => Notify {
            failure: true,
            ..Notify::default()
        },
    };
    envelope.recipients.push(recipient);
    envelope.is_report = true;
    envelope.has_8bit = message.envelope.has_8bit;
    if planned.returns_body {
        // sendmail: the size that was taken in, and some for the rest.
        envelope.size = message.envelope.size + 1024;
    }
    let size = i64::try_from(envelope.size).unwrap_or(i64::MAX);
    envelope.priority = size.saturating_add(settings.recipient_factor);
    envelope.macros = [
        ("_", "localhost"),
        ("r", ""),
        ("s", "localhost"),
        ("{daemon_flags}", "c u"),
    ]
    .map(|(name, value)| (name.into(), value.into()))
    .to_vec();
    envelope
}

/// How much of a file is copied at a time.
const COPY_BYTES: usize = 64 << 10;

fn copy_body(body: &Body, writer: &mut dyn BodyWriter) -> Result<(), SpoolError> {
    let (file, len) = match body {
        Body::Memory(bytes) => return writer.write(bytes),
        Body::File(file, len) => (file, *len),
    };
    let mut buffer = vec![0; COPY_BYTES];
    let mut at = 0;
    while at < len {
        let read = match file.read_at(&mut buffer, at) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        writer.write(&buffer[..read])?;
        at += read as u64;
    }
    Ok(())
}

/// The text of the log line on a report: what it says of the message.
pub fn log_text(planned: &Planned, status: Option<&BString>) -> BString {
    match planned.kind {
        ReportKind::Warning { .. } => planned.kind.subject().into(),
        ReportKind::Receipt => "Return receipt".into(),
        ReportKind::Failure {
            expired: Some(after),
        }
        | ReportKind::Postmaster {
            expired: Some(after),
        } => format!("Cannot send message for {}", crate::dsn::words(after)).into(),
        _ => status
            .cloned()
            .unwrap_or_else(|| "Unable to deliver mail".into()),
    }
}
