//! Lines against the reference's.

use super::*;
use crate::base::QueueId;

fn id() -> QueueId {
    QueueId::new(jiff::civil::date(2025, 11, 22).at(7, 33, 0, 0), 3, 4711)
}

fn lines(event: Event<'_>) -> Vec<String> {
    let mut out = Vec::new();
    event.write(Subject::Daemon, &mut Vec::new(), |line| {
        out.push(String::from_utf8_lossy(line).into_owned());
    });
    out
}

#[test]
fn from_line() {
    let from = Accepted {
        sender: b"<bob@example.org>",
        size: 63,
        class: 0,
        recipients: 1,
        message_id: Some(b"<1@mail.example.org>"),
        body_type: None,
        protocol: Some(b"ESMTP"),
        daemon: Some(b"MTA"),
        relay: b"mail.example.org [127.0.0.1]",
    };
    assert_eq!(
        lines(Event::Accepted(from)),
        [
            "from=<bob@example.org>, size=63, class=0, nrcpts=1, msgid=<1@mail.example.org>, \
             proto=ESMTP, daemon=MTA, relay=mail.example.org [127.0.0.1]"
        ]
    );
    let long = vec![b'x'; 300];
    let from = Accepted {
        sender: &long,
        message_id: Some(b"no \\ angle\t"),
        body_type: Some("8BITMIME"),
        ..from
    };
    let line = &lines(Event::Accepted(from))[0];
    assert!(line.starts_with(&format!("from={}, size=", "x".repeat(200))));
    assert!(line.contains(r", msgid=no \\ angle\t, bodytype=8BITMIME, "));
}

#[test]
fn to_line_with_everything() {
    let to = Delivery {
        recipients: &[b"<temp1@remote.test>"],
        controller: Some((b"<bob@example.org>", Some((1002, 1002)))),
        delay: Duration::from_secs(61),
        attempt: Some(Duration::ZERO),
        mailer: Some(b"rem"),
        priority: 180018,
        relay: Some(b"[127.0.0.1] [127.0.0.1]"),
        dsn: Some(Enhanced::new(4, 2, 1)),
        quarantine: None,
        attempts: None,
        reply: Some(b"451 4.2.1 mailbox busy"),
        stat: b"Deferred: 451 4.2.1 mailbox busy",
    };
    assert_eq!(
        lines(Event::Delivery(to)),
        [
            "to=<temp1@remote.test>, ctladdr=<bob@example.org> (1002/1002), delay=00:01:01, \
             xdelay=00:00:00, mailer=rem, pri=180018, relay=[127.0.0.1] [127.0.0.1], dsn=4.2.1, \
             reply=451 4.2.1 mailbox busy, stat=Deferred: 451 4.2.1 mailbox busy"
        ]
    );
}

/// Recorded: sixty names of 41 bytes give three pieces of 18 and one of 6.
#[test]
fn long_list_is_cut_as_the_reference_cuts_it() {
    let names: Vec<String> = (0..60)
        .rev()
        .map(|i| format!("alice+verylongdetailnumber{i:03}@example.org"))
        .collect();
    let names: Vec<&[u8]> = names.iter().map(|n| n.as_bytes()).collect();
    let to = Delivery {
        recipients: &names,
        controller: Some((b"<bob@example.org>", Some((1002, 1002)))),
        delay: Duration::ZERO,
        attempt: Some(Duration::ZERO),
        mailer: Some(b"local"),
        priority: 1800719,
        relay: Some(b"local"),
        dsn: Some(Enhanced::new(2, 1, 5)),
        quarantine: None,
        attempts: None,
        reply: None,
        stat: b"Sent",
    };
    let lines = lines(Event::Delivery(to));
    let counts: Vec<usize> = lines.iter().map(|l| l.matches("alice+").count()).collect();
    assert_eq!(counts, [18, 18, 18, 6]);
    assert!(lines[0].contains("number042@example.org, [more], ctladdr="));
    assert!(lines.iter().all(|l| l.ends_with(", dsn=2.1.5, stat=Sent")));
}

#[test]
fn a_list_without_commas_is_not_cut_and_ends() {
    let name = vec![b'x'; 5000];
    let to = Delivery {
        recipients: &[&name],
        controller: None,
        delay: Duration::ZERO,
        attempt: None,
        mailer: None,
        priority: 0,
        relay: None,
        dsn: None,
        quarantine: None,
        attempts: None,
        reply: None,
        stat: b"queued",
    };
    assert_eq!(lines(Event::Delivery(to)).len(), 1);
}

#[test]
fn other_lines() {
    let mut out = Vec::new();
    let event = Event::Ruleset(Ruleset {
        name: "check_relay",
        arg1: b"[127.0.0.66]",
        arg2: Some(b"127.0.0.66"),
        relay: Some(b"[127.0.0.66]"),
        verdict: RulesetVerdict::Reject(b"550 5.7.1 Access denied"),
    });
    assert_eq!(event.priority(), Priority::Notice);
    event.write(id().into(), &mut Vec::new(), |l| out = l.to_vec());
    assert_eq!(
        out,
        format!(
            "{}: ruleset=check_relay, arg1=[127.0.0.66], arg2=127.0.0.66, relay=[127.0.0.66], \
             reject=550 5.7.1 Access denied",
            id()
        )
        .as_bytes()
    );
    assert_eq!(
        lines(Event::Collect(Collect {
            relay: b"mail.example.org",
            sender: b"<a@example.com>",
            info: b"unexpected close",
            place: None,
            status: None,
        })),
        ["collect: relay=mail.example.org, from=<a@example.com>, info=unexpected close"]
    );
    assert_eq!(
        lines(Event::UserError(b"a\r\nb\xe9")),
        [r"a\r\nb\351"],
        "no peer forges a line"
    );
}
