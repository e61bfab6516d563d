//! The part that programs read: `message/delivery-status` (RFC 3464).

use bstr::{BStr, BString, ByteSlice};

use super::{Action, Actual, Diagnostic, RecipientStatus, Report, ReportKind, Reporter};
use crate::message::date;
use crate::smtp::xtext;

/// Appends the whole part, from its content type on.
pub(super) fn put(out: &mut Vec<u8>, report: &Report<'_>, reporter: &Reporter<'_>) {
    line(out, "Content-Type: message/delivery-status", b"");
    out.push(b'\n');
    let original = &report.original;
    if let Some(envid) = original.envid {
        line(out, "Original-Envelope-Id: ", &xtext::decode(envid));
    }
    line(out, "Reporting-MTA: dns; ", reporter.host_name);
    if let Some(host) = original.received_from() {
        line(out, "Received-From-MTA: DNS; ", host);
    }
    let arrival = date::rfc5322(original.arrival, reporter.zone);
    line(out, "Arrival-Date: ", arrival.as_bytes());
    out.push(b'\n');
    for recipient in report.recipients {
        put_recipient(out, recipient, report, reporter);
        out.push(b'\n');
    }
}

fn put_recipient(
    out: &mut Vec<u8>,
    recipient: &RecipientStatus,
    report: &Report<'_>,
    reporter: &Reporter<'_>,
) {
    if let Some(orcpt) = &recipient.orcpt {
        line(out, "Original-Recipient: ", &decoded(orcpt.as_bstr()));
    }
    line(out, "Final-Recipient: ", &typed(&recipient.final_recipient));
    match &recipient.actual {
        Some(Actual::Address(address)) => line(out, "X-Actual-Recipient: rfc822; ", address),
        Some(Actual::Unix(name)) => line(out, "X-Actual-Recipient: X-Unix; ", name),
        None => {}
    }
    let action = match recipient.action {
        Action::Failed => "failed",
        Action::Delayed => "delayed",
        Action::Delivered => "delivered (to mailbox)",
        Action::Relayed => "relayed (to non-DSN-aware mailer)",
    };
    line(out, "Action: ", action.as_bytes());
    let status = recipient.status.to_string();
    line(out, "Status: ", status.as_bytes());
    if let Some(remote) = &recipient.remote {
        line(out, "Remote-MTA: DNS; ", remote);
    }
    match &recipient.diagnostic {
        Some(Diagnostic::Smtp(reply)) => line(out, "Diagnostic-Code: SMTP; ", reply),
        Some(Diagnostic::Unix(exit)) => {
            line(
                out,
                "Diagnostic-Code: X-Unix; ",
                exit.to_string().as_bytes(),
            );
        }
        None => {}
    }
    let last = date::rfc5322(recipient.last_attempt, reporter.zone);
    line(out, "Last-Attempt-Date: ", last.as_bytes());
    if let (ReportKind::Warning { until, .. }, None) = (report.kind, &recipient.diagnostic) {
        // sendmail: not said when the other side has answered.
        let until = date::rfc5322(report.original.arrival + until, reporter.zone);
        line(out, "Will-Retry-Until: ", until.as_bytes());
    }
}

/// The address of an `ORCPT` is xtext, its type is not.
fn decoded(orcpt: &BStr) -> BString {
    match orcpt.find_byte(b';') {
        Some(end) => {
            let (kind, address) = orcpt.split_at(end + 1);
            bstr::concat([kind, &xtext::decode(address)]).into()
        }
        None => orcpt.into(),
    }
}

/// An address with its type; one that has it already keeps it.
fn typed(address: &BString) -> BString {
    let kind = address.find(b"; ").map(|end| &address[..end]);
    let plain = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-';
    match kind {
        Some(kind) if !kind.is_empty() && kind.iter().all(plain) => address.clone(),
        _ => bstr::concat([b"RFC822; ".as_slice(), address]).into(),
    }
}

/// One line; line ends in the value become spaces, so that it stays one.
fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend(value.iter().map(|byte| match byte {
        b'\n' | b'\r' | 0 => b' ',
        byte => *byte,
    }));
    out.push(b'\n');
}
