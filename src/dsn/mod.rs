//! Delivery reports (RFC 3461 to 3464) in sendmail's form: failure, delay and
//! success, as messages.
//!
//! Pure: what happened goes in, header fields and the text around the
//! returned message come out. Who gets a report is decided in `queue`.

mod interval;
mod status;
mod text;

use std::time::{Duration, SystemTime};

use bstr::{BStr, BString, ByteSlice};
use jiff::tz::TimeZone;

use crate::base::{Enhanced, QueueId};
use crate::message::{Field, Header, date};

pub use interval::words;

/// What a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// Some recipients failed; to the sender.
    Failure {
        /// Timeout.queuereturn, when that is why.
        expired: Option<Duration>,
    },
    /// The same, to the postmaster.
    Postmaster {
        /// Timeout.queuereturn, when that is why.
        expired: Option<Duration>,
    },
    /// Some recipients wait for longer than Timeout.queuewarn.
    Warning {
        /// Timeout.queuewarn.
        after: Duration,
        /// Timeout.queuereturn.
        until: Duration,
    },
    /// Nothing failed, and success was to be reported.
    Receipt,
}

impl ReportKind {
    /// The value of `Subject:`.
    pub fn subject(&self) -> String {
        match self {
            ReportKind::Failure { .. } => "Returned mail: see transcript for details".into(),
            ReportKind::Postmaster { .. } => "Postmaster notify: see transcript for details".into(),
            ReportKind::Warning { after, .. } => {
                format!("Warning: could not send message for past {}", words(*after))
            }
            ReportKind::Receipt => "Return receipt".into(),
        }
    }

    /// What stands in parentheses in `Auto-Submitted:`.
    fn auto_submitted(&self) -> &'static str {
        match self {
            ReportKind::Failure { .. } => "failure",
            ReportKind::Postmaster { .. } => "postmaster-notification",
            ReportKind::Warning { .. } => "warning-timeout",
            ReportKind::Receipt => "return-receipt",
        }
    }

    fn expired(&self) -> Option<Duration> {
        match self {
            ReportKind::Failure { expired } | ReportKind::Postmaster { expired } => *expired,
            _ => None,
        }
    }
}

/// What became of one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It will not be delivered.
    Failed,
    /// It waits.
    Delayed,
    /// It is in a mailbox.
    Delivered,
    /// It was handed to a host that will not report on it.
    Relayed,
}

/// What the one who refused or took it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Diagnostic {
    /// An SMTP reply: `550 5.1.1 no such user here`.
    Smtp(BString),
    /// A program's exit status.
    Unix(i32),
}

/// Where a message really went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actual {
    /// A mail address, with its domain.
    Address(BString),
    /// A program (with its `|`) or a file.
    Unix(BString),
}

/// One recipient of a report's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientStatus {
    /// The address as it is shown: in the brackets it came in.
    pub shown: BString,
    /// `ORCPT` as given (`type;xtext`).
    pub orcpt: Option<BString>,
    /// The address as RCPT gave it, with its domain.
    pub final_recipient: BString,
    /// Where it went, unless PrivacyOptions=noactualrecipient.
    pub actual: Option<Actual>,
    /// What expansion replaced by this recipient.
    pub expanded_from: Option<BString>,
    /// What became of it.
    pub action: Action,
    /// Its enhanced status.
    pub status: Enhanced,
    /// The host that said so.
    pub remote: Option<BString>,
    /// What was said.
    pub diagnostic: Option<Diagnostic>,
    /// What follows `reason: `, when it is not the SMTP reply.
    pub reason: Option<BString>,
    /// When it was tried last.
    pub last_attempt: SystemTime,
}

/// The message that is reported on.
#[derive(Clone, Copy, Debug)]
pub struct Original<'a> {
    /// Its queue id.
    pub id: QueueId,
    /// Its sender, without brackets; empty for the null sender.
    pub sender: &'a BStr,
    /// Whether it is a report itself.
    pub is_report: bool,
    /// When it came.
    pub arrival: SystemTime,
    /// Who gave it: `$_`.
    pub relay: &'a BStr,
    /// `ENVID` as given (xtext).
    pub envid: Option<&'a BStr>,
    /// Its fields.
    pub header: &'a Header,
    /// Whether header or body hold bytes above 127.
    pub has_8bit: bool,
    /// Whether `Bcc:` fields go (else they are emptied).
    pub delete_bcc: bool,
}

/// The site that reports, and how.
#[derive(Clone, Copy, Debug)]
pub struct Reporter<'a> {
    /// `$j`.
    pub host_name: &'a BStr,
    /// `$v/$Z`: version of the program and of the configuration.
    pub version: &'a BStr,
    /// For dates.
    pub zone: &'a TimeZone,
    /// SendMimeErrors.
    pub mime: bool,
}

/// A report to be written.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// Its own queue id.
    pub id: QueueId,
    /// When it is made.
    pub now: SystemTime,
    /// To whom: the value of `To:`.
    pub to: &'a BStr,
    /// What it is about.
    pub kind: ReportKind,
    /// Whether it returns the body, or the header only.
    pub returns_body: bool,
    /// The message.
    pub original: Original<'a>,
    /// Those recipients that it speaks of.
    pub recipients: &'a [RecipientStatus],
    /// Lines of the dialogue that led here.
    pub transcript: &'a [BString],
}

/// A written report: its header, and its body around the returned message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The fields, ours first.
    pub header: Header,
    /// What comes before the returned body; the returned header is in it.
    pub head: Vec<u8>,
    /// What comes after it.
    pub tail: Vec<u8>,
}

impl Report<'_> {
    /// Writes the report.
    pub fn write(&self, reporter: &Reporter<'_>) -> Written {
        let boundary = self.boundary(reporter);
        let mut header = Header::new();
        self.standard_fields(reporter, &mut header);
        self.own_fields(reporter, &boundary, &mut header);
        let (head, tail) = text::write(self, reporter, &boundary);
        Written { header, head, tail }
    }

    /// From id and time: no two reports have the same, and no message that is
    /// returned can hold it.
    fn boundary(&self, reporter: &Reporter<'_>) -> String {
        let since = self.now.duration_since(SystemTime::UNIX_EPOCH);
        let seconds = since.map_or(0, |since| since.as_secs());
        format!("{}.{seconds}/{}", self.id, reporter.host_name)
    }

    /// The fields that a configuration's `H` lines give a message of ours.
    fn standard_fields(&self, reporter: &Reporter<'_>, header: &mut Header) {
        let Reporter {
            host_name,
            version,
            zone,
            ..
        } = reporter;
        let now = date::rfc5322(self.now, zone);
        let mut push = |flags: &str, name: &str, value: String| {
            let mut field = Field::new(name, value);
            field.flags = flags.into();
            field.is_template = name == "Return-Path";
            header.push(field);
        };
        push("P", "Return-Path", " <$g>".into());
        let received = format!(
            " from localhost (localhost)\n\tby {host_name} ({version}) id {};\n\t{now}",
            self.id
        );
        push("", "Received", received);
        push("D", "Date", format!(" {now}"));
        let name = "Mail Delivery Subsystem";
        push("F", "From", format!(" {name} <MAILER-DAEMON>"));
        push("x", "Full-Name", format!(" {name}"));
        let minutes = date::minutes(self.now, &TimeZone::UTC);
        push(
            "M",
            "Message-Id",
            format!(" <{minutes}.{}@{host_name}>", self.id),
        );
    }

    fn own_fields(&self, reporter: &Reporter<'_>, boundary: &str, header: &mut Header) {
        let mut push = |name: &str, value: &[u8]| {
            header.push(Field::new(name, bstr::concat([b" ".as_slice(), value])));
        };
        push("To", self.to);
        if reporter.mime {
            push("MIME-Version", b"1.0");
            let kind = format!(
                "multipart/report; report-type=delivery-status;\n\tboundary=\"{boundary}\""
            );
            push("Content-Type", kind.as_bytes());
            if self.original.has_8bit {
                push("Content-Transfer-Encoding", b"8bit");
            }
        }
        push("Subject", self.kind.subject().as_bytes());
        let auto = format!("auto-generated ({})", self.kind.auto_submitted());
        push("Auto-Submitted", auto.as_bytes());
    }
}

impl Original<'_> {
    /// The host it came from, if it came by the net: `host` out of
    /// `user@host [address]`.
    fn received_from(&self) -> Option<&BStr> {
        let bracket = self.relay.find_byte(b'[')?;
        let host = self.relay[..bracket].trim_end();
        let host = host.rsplit_str("@").next().unwrap_or(host);
        Some(match host.is_empty() {
            true => self.relay[bracket..].as_bstr(),
            false => host.as_bstr(),
        })
    }

    /// What `$g` is in its header.
    fn return_path(&self) -> &BStr {
        match self.is_report && self.sender.is_empty() {
            true => "MAILER-DAEMON".into(),
            false => self.sender,
        }
    }
}
