//! The part that people read, and the returned message around its body.

use bstr::{BString, ByteSlice};

use super::{Action, Diagnostic, RecipientStatus, Report, ReportKind, Reporter, status, words};
use crate::message::{Field, date};

const WARNING: &str = "    **********************************************
    **      THIS IS A WARNING MESSAGE ONLY      **
    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **
    **********************************************

";

/// What comes before the returned body, and after it.
pub(super) fn write(
    report: &Report<'_>,
    reporter: &Reporter<'_>,
    boundary: &str,
) -> (Vec<u8>, Vec<u8>) {
    let mut head = Vec::with_capacity(4096);
    if reporter.mime {
        let intro = "This is a MIME-encapsulated message\n\n--";
        head.extend_from_slice(format!("{intro}{boundary}\n\n").as_bytes());
    }
    introduction(&mut head, report, reporter);
    sections(&mut head, report);
    transcript(&mut head, report);
    if reporter.mime {
        head.extend_from_slice(format!("--{boundary}\n").as_bytes());
        status::put(&mut head, report, reporter);
        head.extend_from_slice(format!("--{boundary}\n").as_bytes());
        let kind = match report.returns_body {
            true => "message/rfc822",
            false => "text/rfc822-headers",
        };
        head.extend_from_slice(format!("Content-Type: {kind}\n").as_bytes());
        if report.original.has_8bit {
            head.extend_from_slice(b"Content-Transfer-Encoding: 8bit\n");
        }
        head.push(b'\n');
    } else {
        let words: &[u8] = match report.returns_body {
            true => b"   ----- Original message follows -----\n\n",
            false => b"   ----- Message header follows -----\n\n",
        };
        head.extend_from_slice(words);
    }
    returned_header(&mut head, report);
    if report.returns_body {
        head.push(b'\n');
    }
    (head, tail(report, reporter, boundary))
}

fn tail(report: &Report<'_>, reporter: &Reporter<'_>, boundary: &str) -> Vec<u8> {
    if reporter.mime {
        return format!("\n--{boundary}--\n\n").into_bytes();
    }
    match report.returns_body {
        true => b"\n".to_vec(),
        false => b"\n   ----- Message body suppressed -----\n\n".to_vec(),
    }
}

fn introduction(out: &mut Vec<u8>, report: &Report<'_>, reporter: &Reporter<'_>) {
    if let ReportKind::Warning { .. } = report.kind {
        out.extend_from_slice(WARNING.as_bytes());
    }
    let original = &report.original;
    let arrival = date::rfc5322(original.arrival, reporter.zone);
    let received = format!("The original message was received at {arrival}\nfrom ");
    out.extend_from_slice(received.as_bytes());
    put_line(out, original.relay);
    if let ReportKind::Postmaster { .. } = report.kind {
        out.extend_from_slice(format!("with id {}\n", original.id).as_bytes());
    }
    out.push(b'\n');
}

/// Which recipients failed, and which did not.
fn sections(out: &mut Vec<u8>, report: &Report<'_>) {
    let failed = |r: &&RecipientStatus| r.action == Action::Failed;
    let succeeded = |r: &&RecipientStatus| matches!(r.action, Action::Delivered | Action::Relayed);
    if report.recipients.iter().any(|r| failed(&r)) {
        title(out, "The following addresses had permanent fatal errors");
        for recipient in report.recipients.iter().filter(failed) {
            put_line(out, &recipient.shown);
            let reply = match &recipient.diagnostic {
                Some(Diagnostic::Smtp(reply)) => Some(reply),
                _ => None,
            };
            if let Some(reason) = recipient.reason.as_ref().or(reply) {
                note(out, "reason: ", reason);
            }
            expanded(out, recipient);
        }
        out.push(b'\n');
    }
    if report.recipients.iter().any(|r| succeeded(&r)) {
        title(
            out,
            "The following addresses had successful delivery notifications",
        );
        for recipient in report.recipients.iter().filter(succeeded) {
            out.extend_from_slice(&one_line(&recipient.shown));
            out.extend_from_slice(match recipient.action {
                Action::Relayed => b"  (relayed to non-DSN-aware mailer)\n",
                _ => b"  (successfully delivered to mailbox)\n",
            });
            expanded(out, recipient);
        }
        out.push(b'\n');
    }
}

fn title(out: &mut Vec<u8>, title: &str) {
    out.extend_from_slice(format!("   ----- {title} -----\n").as_bytes());
}

fn expanded(out: &mut Vec<u8>, recipient: &RecipientStatus) {
    if let Some(from) = &recipient.expanded_from {
        note(out, "expanded from: ", from);
    }
}

fn note(out: &mut Vec<u8>, name: &str, value: &BString) {
    out.extend_from_slice(b"    (");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(&one_line(value));
    out.extend_from_slice(b")\n");
}

/// What was said, and what the queue has to say to it.
fn transcript(out: &mut Vec<u8>, report: &Report<'_>) {
    let mut lines: Vec<BString> = report.transcript.to_vec();
    if let ReportKind::Warning { after, until } = report.kind {
        let after = words(after);
        lines.push(format!("Warning: message still undelivered after {after}").into());
        lines.push(format!("Will keep trying until message is {} old", words(until)).into());
    }
    if let Some(expired) = report.kind.expired() {
        let expired = words(expired);
        lines.push(format!("Message could not be delivered for {expired}").into());
        lines.push("Message will be deleted from queue".into());
    }
    if lines.is_empty() {
        return;
    }
    title(out, "Transcript of session follows");
    for line in &lines {
        put_line(out, line);
    }
    out.push(b'\n');
}

/// The header of the returned message, as its delivery would have shown it.
fn returned_header(out: &mut Vec<u8>, report: &Report<'_>) {
    let original = &report.original;
    let has_return_path = original.header.fields().iter().any(|f| f.is_template);
    for field in original.header.fields() {
        let is_bcc = field.is("Bcc") || field.is("Resent-Bcc");
        let dropped = field.flags == "x"
            || (is_bcc && original.delete_bcc)
            || (field.is("Return-Path") && !field.is_template && has_return_path);
        if dropped {
            continue;
        }
        out.extend_from_slice(&field.name);
        out.push(b':');
        if !is_bcc {
            put_value(out, field, report);
        }
        out.push(b'\n');
    }
}

fn put_value(out: &mut Vec<u8>, field: &Field, report: &Report<'_>) {
    let value = match field.is_template {
        true => field.value.replace(b"$g", report.original.return_path()),
        false => field.value.to_vec(),
    };
    out.extend_from_slice(value.trim_end_with(|c| c == '\n'));
}

fn put_line(out: &mut Vec<u8>, line: &[u8]) {
    out.extend_from_slice(&one_line(line));
    out.push(b'\n');
}

/// Line ends in what somebody said do not make new lines here.
fn one_line(text: &[u8]) -> Vec<u8> {
    text.iter()
        .map(|byte| match byte {
            b'\n' | b'\r' | 0 => b' ',
            byte => *byte,
        })
        .collect()
}
