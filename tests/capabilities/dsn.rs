//! Delivery reports, byte for byte as the reference made them.
//!
//! Each file in tests/data/dsn is a report that the reference delivered. Its
//! facts are read out of it, and the report is written again from them.

use std::path::Path;
use std::time::{Duration, SystemTime};

use bstr::{BStr, BString, ByteSlice};
use godwit::base::{Enhanced, QueueId};
use godwit::dsn::{
    Action, Actual, Diagnostic, Original, RecipientStatus, Report, ReportKind, Reporter,
};
use godwit::message::{Field, Header, block, date};
use jiff::tz::TimeZone;

fn parse_date(text: &str) -> SystemTime {
    let text = text.trim().replace("GMT", "+0000");
    date::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text:?} is a date"))
}

/// `1 hour, 30 minutes` as seconds.
fn parse_words(text: &str) -> Duration {
    let seconds = text.split(", ").map(|part| {
        let (count, unit) = part.split_once(' ').unwrap();
        let scale = match unit.trim_end_matches('s') {
            "week" => 7 * 86_400,
            "day" => 86_400,
            "hour" => 3600,
            "minute" => 60,
            _ => 1,
        };
        count.parse::<u64>().unwrap() * scale
    });
    Duration::from_secs(seconds.sum())
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let at = text
        .find(start)
        .unwrap_or_else(|| panic!("{start:?} in {text}"))
        + start.len();
    &text[at..at + text[at..].find(end).unwrap_or(text.len() - at)]
}

/// Latin-1 keeps every byte.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|b| char::from(*b)).collect()
}

fn bytes(text: &str) -> BString {
    text.chars().map(|c| c as u8).collect::<Vec<u8>>().into()
}

/// A recipient of which only the part for people has been read.
struct Listed {
    shown: BString,
    reason: Option<BString>,
    expanded_from: Option<BString>,
    action: Action,
}

fn listed(text: &str) -> Vec<Listed> {
    let mut list: Vec<Listed> = Vec::new();
    let mut action = None;
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("   ----- ") {
            action = match title {
                title if title.starts_with("The following addresses had perm") => {
                    Some(Action::Failed)
                }
                title if title.starts_with("The following addresses had succ") => {
                    Some(Action::Delivered)
                }
                _ => None,
            };
        } else if let (Some(action), false) = (action, line.is_empty()) {
            let note = |name: &str| {
                let inner = line.strip_prefix(&format!("    ({name}: "))?;
                Some(bytes(inner.strip_suffix(')')?))
            };
            if let Some(reason) = note("reason") {
                list.last_mut().unwrap().reason = Some(reason);
            } else if let Some(from) = note("expanded from") {
                list.last_mut().unwrap().expanded_from = Some(from);
            } else {
                let (shown, relayed) = match line.split_once("  (") {
                    Some((shown, how)) => (shown, how.starts_with("relayed")),
                    None => (line, false),
                };
                list.push(Listed {
                    shown: bytes(shown),
                    reason: None,
                    expanded_from: None,
                    action: if relayed { Action::Relayed } else { action },
                });
            }
        }
    }
    list
}

fn transcript(text: &str) -> Vec<BString> {
    let title = "   ----- Transcript of session follows -----\n";
    if !text.contains(title) {
        return Vec::new();
    }
    between(text, title, "\n\n")
        .lines()
        .filter(|line| {
            ![
                "Warning: message still",
                "Will keep trying",
                "Message could not be",
                "Message will be",
            ]
            .iter()
            .any(|start| line.starts_with(start))
        })
        .map(bytes)
        .collect()
}

/// The recipients, the part for people and the part for programs together.
fn recipients(
    people: &str,
    programs: &str,
    arrival: SystemTime,
) -> (Vec<RecipientStatus>, Option<Duration>) {
    let mut lists = listed(people);
    let mut until = None;
    let mut recipients = Vec::new();
    for group in programs
        .split("\n\n")
        .skip(1)
        .filter(|g| g.contains("Action: "))
    {
        let value = |name: &str| {
            let line = group
                .lines()
                .find(|l| l.starts_with(&format!("{name}: ")))?;
            Some(line[name.len() + 2..].to_owned())
        };
        let action = match value("Action").unwrap().as_str() {
            "failed" => Action::Failed,
            "delayed" => Action::Delayed,
            "delivered (to mailbox)" => Action::Delivered,
            _ => Action::Relayed,
        };
        let at = lists.iter().position(|l| l.action == action);
        let listed = at.map(|at| lists.remove(at));
        let diagnostic =
            value("Diagnostic-Code").map(|code| match code.split_once("; ").unwrap() {
                ("X-Unix", exit) => Diagnostic::Unix(exit.parse().unwrap()),
                (_, reply) => Diagnostic::Smtp(bytes(reply)),
            });
        let (shown, reason, expanded_from) = match listed {
            Some(l) => (l.shown, l.reason, l.expanded_from),
            None => ("nobody".into(), None, None),
        };
        let reason = match &diagnostic {
            Some(Diagnostic::Smtp(reply)) if reason.as_ref() == Some(reply) => None,
            _ => reason,
        };
        if let Some(date) = value("Will-Retry-Until") {
            until = parse_date(&date).duration_since(arrival).ok();
        }
        let status = value("Status").unwrap();
        recipients.push(RecipientStatus {
            shown,
            orcpt: value("Original-Recipient").map(|text| bytes(&text.replace('+', "+2B"))),
            final_recipient: bytes(&value("Final-Recipient").unwrap()),
            actual: value("X-Actual-Recipient").map(|text| match text.split_once("; ").unwrap() {
                ("X-Unix", name) => Actual::Unix(bytes(name)),
                (_, address) => Actual::Address(bytes(address)),
            }),
            expanded_from,
            action,
            status: Enhanced::parse_prefix(status.as_bytes()).unwrap().0,
            remote: value("Remote-MTA").map(|text| bytes(&text[5..])),
            diagnostic,
            reason,
            last_attempt: parse_date(&value("Last-Attempt-Date").unwrap()),
        });
    }
    // A report without the part for programs has its list only.
    let left = lists.into_iter().map(|l| RecipientStatus {
        shown: l.shown,
        orcpt: None,
        final_recipient: "x@y".into(),
        actual: None,
        expanded_from: l.expanded_from,
        action: l.action,
        status: Enhanced::new(5, 0, 0),
        remote: None,
        diagnostic: None,
        reason: l.reason,
        last_attempt: arrival,
    });
    recipients.extend(left);
    (recipients, until)
}

fn check(path: &Path) {
    let golden = latin1(&std::fs::read(path).unwrap());
    let (top, body) = golden.split_once("\n\n").unwrap();
    let mime = top.contains("MIME-Version");
    let id = QueueId::parse(between(top, " id ", ";").as_bytes()).unwrap();
    let host = between(top, "\tby ", " (");
    let version = between(top, &format!("{host} ("), ")");
    let now = parse_date(between(top, "Date: ", "\n"));
    let subject = between(top, "Subject: ", "\n");
    let (people, programs, returned) = if mime {
        let mark = format!("--{}\n", between(top, "boundary=\"", "\""));
        let mut parts = body.splitn(4, &mark);
        let mut part = || parts.next().unwrap();
        part();
        (part(), part(), part())
    } else {
        let at = body.rfind("   ----- ").unwrap();
        let at = match body[at..].contains("suppressed") {
            true => body[..at].rfind("   ----- ").unwrap(),
            false => at,
        };
        (&body[..at], "", &body[at..])
    };
    let arrival = parse_date(between(people, "was received at ", "\n"));
    let (recipients, until) = recipients(people, programs, arrival);
    let expired = people
        .contains("Message could not be delivered for ")
        .then(|| parse_words(between(people, "Message could not be delivered for ", "\n")));
    let kind = match subject {
        s if s.starts_with("Warning") => ReportKind::Warning {
            after: parse_words(between(people, "still undelivered after ", "\n")),
            until: until
                .unwrap_or_else(|| parse_words(between(people, "until message is ", " old"))),
        },
        s if s.starts_with("Postmaster") => ReportKind::Postmaster { expired },
        s if s.starts_with("Return receipt") => ReportKind::Receipt,
        _ => ReportKind::Failure { expired },
    };
    let returns_body = returned.contains("message/rfc822") || returned.contains("Original message");
    let (_, message) = returned.split_once("\n\n").unwrap();
    let (mut header, rest) = message.split_once("\n\n").unwrap();
    if !header.starts_with("Return-Path") {
        header = message.trim_start();
    }
    let mut fields: Header = block::parse(&bytes(&format!("{header}\n")));
    let sender = fields.get("Return-Path").unwrap().text().to_owned();
    let sender = BString::from(sender.trim_with(|c| c == '<' || c == '>'));
    let is_report = sender == b"MAILER-DAEMON";
    fields.fields_mut()[0] = Field {
        value: " <$g>".into(),
        is_template: true,
        flags: "P".into(),
        ..fields.fields()[0].clone()
    };
    let mut hidden = Field::new("Full-Name", " Somebody");
    hidden.flags = "x".into();
    fields.push(hidden);
    let envid = programs
        .contains("Original-Envelope-Id")
        .then(|| bytes(&between(programs, "Original-Envelope-Id: ", "\n").replace('+', "+2B")));
    let original_id = match people.contains("with id ") {
        true => QueueId::parse(between(people, "with id ", "\n").as_bytes()).unwrap(),
        false => id,
    };
    let relay = bytes(between(people, "\nfrom ", "\n"));
    let to = bytes(between(top, "\nTo: ", "\n"));
    let transcript = transcript(people);
    let report = Report {
        id,
        now: now + epoch_of(top, id).map_or(Duration::ZERO, |e| e.saturating_sub(seconds(now))),
        to: to.as_bstr(),
        kind,
        returns_body,
        original: Original {
            id: original_id,
            sender: if is_report {
                BStr::new("")
            } else {
                sender.as_bstr()
            },
            is_report,
            arrival,
            relay: relay.as_bstr(),
            envid: envid.as_ref().map(|e| e.as_bstr()),
            header: &fields,
            has_8bit: top.contains("8bit"),
            delete_bcc: false,
        },
        recipients: &recipients,
        transcript: &transcript,
    };
    let zone = TimeZone::UTC;
    let written = report.write(&Reporter {
        host_name: host.into(),
        version: version.into(),
        zone: &zone,
        mime,
    });
    let mut text = Vec::new();
    for field in written.header.fields() {
        if field.flags == "x" || field.is_template {
            continue;
        }
        text.extend_from_slice(&field.name);
        text.push(b':');
        text.extend_from_slice(&field.value);
        text.push(b'\n');
    }
    text.push(b'\n');
    text.extend_from_slice(&written.head);
    if returns_body {
        let end = latin1(&written.tail);
        text.extend_from_slice(&bytes(rest.strip_suffix(&end).unwrap()));
    }
    text.extend_from_slice(&written.tail);
    similar(&golden, &latin1(&text), path);
}

fn seconds(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap()
}

/// The boundary's time may be a second older than the date.
fn epoch_of(top: &str, id: QueueId) -> Option<Duration> {
    let text = top.split_once(&format!("{id}."))?.1;
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    Some(Duration::from_secs(digits.parse().ok()?))
}

fn similar(expected: &str, got: &str, path: &Path) {
    for (number, (e, g)) in expected.lines().zip(got.lines()).enumerate() {
        assert_eq!(g, e, "{}: line {}", path.display(), number + 1);
    }
    assert_eq!(got.len(), expected.len(), "{}", path.display());
}

#[test]
fn reports_are_written_as_the_reference_writes_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/dsn");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        check(&entry.unwrap().path());
        count += 1;
    }
    assert!(count > 30);
}

/// Nothing that was said elsewhere can forge a part or a field.
#[test]
fn no_text_begins_a_line_of_its_own() {
    let header = Header::new();
    let evil: BString = "x\n\n--boundary\nAction: delivered\r\n".into();
    let recipients = [RecipientStatus {
        shown: evil.clone(),
        orcpt: Some(evil.clone()),
        final_recipient: evil.clone(),
        actual: Some(Actual::Address(evil.clone())),
        expanded_from: Some(evil.clone()),
        action: Action::Failed,
        status: Enhanced::new(5, 1, 1),
        remote: Some(evil.clone()),
        diagnostic: Some(Diagnostic::Smtp(evil.clone())),
        reason: Some(evil.clone()),
        last_attempt: SystemTime::UNIX_EPOCH,
    }];
    let id = QueueId::parse(b"6AM8bKoa000045").unwrap();
    let zone = TimeZone::UTC;
    let written = Report {
        id,
        now: SystemTime::UNIX_EPOCH,
        to: "bob".into(),
        kind: ReportKind::Failure { expired: None },
        returns_body: false,
        original: Original {
            id,
            sender: "bob".into(),
            is_report: false,
            arrival: SystemTime::UNIX_EPOCH,
            relay: evil.as_bstr(),
            envid: Some(evil.as_bstr()),
            header: &header,
            has_8bit: false,
            delete_bcc: false,
        },
        recipients: &recipients,
        transcript: std::slice::from_ref(&evil),
    }
    .write(&Reporter {
        host_name: "h".into(),
        version: "v".into(),
        zone: &zone,
        mime: true,
    });
    let forged = written
        .head
        .lines()
        .filter(|line| line.starts_with(b"--boundary") || *line == b"Action: delivered");
    assert_eq!(forged.count(), 0, "{}", written.head.as_bstr());
}

mod who {
    //! Who gets a report, and that it is a message like any other.

    use bytes::Bytes;
    use godwit::envelope::{Envelope, Notify, Recipient, Ret};
    use godwit::queue::reports::{Occasion, Outcome, Planned, ReportSettings, plan, send};
    use godwit::queue::{Body, Message};

    use super::*;
    use crate::queue::{Bench, now};

    fn settings() -> ReportSettings {
        ReportSettings {
            host_name: "mail.example.org".into(),
            version: "8.17.1/8.17.1".into(),
            zone: TimeZone::UTC,
            mime: true,
            double_bounce: "postmaster".into(),
            postmaster_copy: "".into(),
            no_receipts: false,
            no_body_return: false,
            no_actual_recipient: false,
            recipient_factor: 30_000,
        }
    }

    fn message(change: impl FnOnce(&mut Envelope)) -> Message {
        let mut envelope = Envelope::new("bob@example.org", SystemTime::UNIX_EPOCH);
        envelope.recipients = ["ok@x", "bad@y", "slow@z"].map(Recipient::mailbox).to_vec();
        envelope.size = 14;
        change(&mut envelope);
        Message {
            id: QueueId::parse(b"6AM8bKoa000045").unwrap(),
            envelope,
            header: [Field::new("Subject", " m")].into_iter().collect(),
            body: Body::Memory(Bytes::from_static(b"the body\n")),
        }
    }

    fn outcomes() -> Vec<Outcome> {
        [Action::Relayed, Action::Failed, Action::Delayed]
            .into_iter()
            .enumerate()
            .map(|(recipient, action)| Outcome {
                recipient,
                action,
                status: Enhanced::new(5, 1, 1),
                remote: None,
                diagnostic: None,
                reason: None,
                actual: None,
                last_attempt: SystemTime::UNIX_EPOCH,
            })
            .collect()
    }

    fn check(
        occasion: Occasion,
        change: impl FnOnce(&mut Envelope),
        settings: &ReportSettings,
        expected: &[(&str, &str, &str)],
    ) -> Vec<Planned> {
        let planned = plan(&message(change), &outcomes(), occasion, settings);
        let got: Vec<(String, String, &str)> = planned
            .iter()
            .map(|p| (p.to.to_string(), p.kind.subject(), p.log_word))
            .collect();
        let got: Vec<(&str, &str, &str)> = got
            .iter()
            .map(|(to, subject, word)| (to.as_str(), subject.split(':').next().unwrap(), *word))
            .collect();
        assert_eq!(got, expected);
        planned
    }

    const FAILURE: (&str, &str, &str) = ("bob@example.org", "Returned mail", "DSN");

    #[test]
    fn the_sender_is_told_of_failures_and_of_what_was_asked_for() {
        let settings = settings();
        check(Occasion::Attempt, |_| {}, &settings, &[FAILURE]);
        let notify =
            |at: usize, notify: Notify| move |e: &mut Envelope| e.recipients[at].notify = notify;
        check(Occasion::Attempt, notify(1, Notify::NEVER), &settings, &[]);
        let success = Notify {
            given: true,
            success: true,
            ..Notify::default()
        };
        let receipt = ("bob@example.org", "Return receipt", "DSN");
        let change = |e: &mut Envelope| {
            e.recipients[0].notify = success;
            e.recipients[1].notify = Notify::NEVER;
        };
        check(Occasion::Attempt, change, &settings, &[receipt]);
        let silent = ReportSettings {
            no_receipts: true,
            ..settings.clone()
        };
        check(Occasion::Attempt, change, &silent, &[]);
        let copied = ReportSettings {
            postmaster_copy: "dave".into(),
            ..settings
        };
        let copy = ("dave", "Postmaster notify", "postmaster notify");
        check(Occasion::Attempt, |_| {}, &copied, &[FAILURE, copy]);
        check(Occasion::Attempt, change, &copied, &[receipt]);
    }

    #[test]
    fn delay_is_warned_of_and_becomes_failure() {
        let settings = settings();
        let hour = Duration::from_secs(3600);
        let warning = Occasion::Warning {
            after: hour,
            until: 5 * hour,
        };
        let expected = ("bob@example.org", "Warning", "sender notify");
        check(warning, |_| {}, &settings, &[expected]);
        let failure_only = Notify {
            given: true,
            failure: true,
            ..Notify::default()
        };
        let change = |e: &mut Envelope| e.recipients[2].notify = failure_only;
        check(warning, change, &settings, &[]);
        check(warning, |e| e.sender.clear(), &settings, &[]);
        check(Occasion::Expired(hour), change, &settings, &[FAILURE]);
        let again = ("bob@example.org", "Returned mail", "sender notify");
        check(
            Occasion::Expired(hour),
            |e| e.warned = true,
            &settings,
            &[again],
        );
    }

    #[test]
    fn no_report_is_made_of_a_report() {
        let settings = settings();
        let bounce = ("postmaster", "Postmaster notify", "postmaster notify");
        check(
            Occasion::Attempt,
            |e| e.sender.clear(),
            &settings,
            &[bounce],
        );
        let returned = ("postmaster", "Postmaster notify", "return to sender");
        let report = |e: &mut Envelope| {
            e.sender.clear();
            e.is_report = true;
        };
        check(Occasion::Attempt, report, &settings, &[returned]);
        let nobody = ReportSettings {
            double_bounce: "".into(),
            ..settings
        };
        check(Occasion::Attempt, report, &nobody, &[]);
    }

    #[test]
    fn a_report_is_accepted_like_any_message() {
        let bench = Bench::new(1);
        let queue = bench.open().unwrap();
        let settings = settings();
        for (ret, whole) in [(None, true), (Some(Ret::Headers), false)] {
            let message = message(|e| e.ret = ret);
            let planned = plan(&message, &outcomes(), Occasion::Attempt, &settings);
            let lines = ["550 5.1.1 bad@y... User unknown".into()];
            let when = SystemTime::UNIX_EPOCH;
            let sent = send(&queue, &message, &planned[0], &lines, when, &settings);
            let claim = now(sent).unwrap();
            let envelope = &claim.message.envelope;
            assert!(envelope.is_report && envelope.sender.is_empty());
            assert_eq!(envelope.recipients[0].address, "bob@example.org");
            assert_eq!(envelope.priority, if whole { 31_038 } else { 30_000 });
            let text = crate::queue::bytes_of(&claim.message.body);
            assert_eq!(text.contains_str("the body\n"), whole, "{}", text.as_bstr());
            assert!(text.contains_str("\nbad@y\n"));
            drop(claim);
        }
        assert_eq!(queue.len(), 2);
    }
}
