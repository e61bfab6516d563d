//! The SMTP and LMTP client machine against servers that say all sorts of
//! things. What an answer amounts to was recorded from the reference.

use std::collections::HashMap;
use std::fmt::Write;

use bstr::ByteSlice;
use expect_test::{Expect, expect};
use godwit::smtp::client::*;
use godwit::smtp::{BodyType, MailParameters, Notify, Ret};
use proptest::prelude::*;

/// A server: what it says to each command, `|` between lines, `CLOSE` to hang
/// up, `NONE` to say nothing.
#[derive(Clone, Debug)]
struct Server {
    says: HashMap<String, String>,
    rcpts: usize,
    in_data: bool,
    text: Vec<u8>,
    input: Vec<u8>,
    lmtp: bool,
    accepted: usize,
}

impl Server {
    /// `settings` as `rcpt1=550 5.1.1 no;dot=250 ok`.
    fn new(settings: &str) -> Self {
        let says = settings
            .split(';')
            .filter_map(|part| part.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        Self {
            says,
            rcpts: 0,
            in_data: false,
            text: Vec::new(),
            input: Vec::new(),
            lmtp: settings.contains("lmtp"),
            accepted: 0,
        }
    }

    fn say(&self, key: &str, default: &str) -> String {
        self.says
            .get(key)
            .map_or(default, String::as_str)
            .to_owned()
    }

    /// What it says to the bytes it gets, and whether it hangs up then.
    fn hear(&mut self, bytes: &[u8], log: &mut String) -> (Vec<u8>, bool) {
        self.input.extend_from_slice(bytes);
        let mut out = Vec::new();
        while let Some(end) = self.input.find(b"\r\n") {
            let line: Vec<u8> = self.input.drain(..end + 2).collect();
            let said = self.line(&line[..end], log);
            for part in said.split('|').filter(|part| *part != "NONE") {
                if part == "CLOSE" {
                    return (out, true);
                }
                let _ = writeln!(log, "S: {part}");
                out.extend_from_slice(part.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
        }
        (out, false)
    }

    fn line(&mut self, line: &[u8], log: &mut String) -> String {
        if self.in_data {
            if line != b"." {
                self.text.extend_from_slice(line);
                self.text.push(b'\n');
                return "NONE".to_owned();
            }
            self.in_data = false;
            let _ = writeln!(log, "C: ({} bytes)", self.text.len());
            if self.lmtp {
                let answers: Vec<String> = (1..=self.accepted)
                    .map(|n| self.say(&format!("dot{n}"), "250 2.1.5 Ok"))
                    .collect();
                return answers.join("|");
            }
            return self.say("dot", "250 2.0.0 taken id=1");
        }
        let _ = writeln!(log, "C: {}", line.as_bstr());
        match &line.to_ascii_uppercase()[..4] {
            b"EHLO" | b"LHLO" => self.say(
                "ehlo",
                "250-odd.test hi|250-PIPELINING|250-SIZE 1000|250-8BITMIME|250-DSN|250 ENHANCEDSTATUSCODES",
            ),
            b"HELO" => self.say("helo", "250 odd.test"),
            b"MAIL" => self.say("mail", "250 2.1.0 ok"),
            b"RCPT" => {
                self.rcpts += 1;
                let default = self.say("rcpt", "250 2.1.5 ok");
                let said = self.say(&format!("rcpt{}", self.rcpts), &default);
                self.accepted += usize::from(said.starts_with('2'));
                said
            }
            b"DATA" => {
                let said = self.say("data", "354 go");
                self.in_data = said.starts_with("354");
                said
            }
            b"RSET" => {
                self.rcpts = 0;
                self.say("rset", "250 2.0.0 reset")
            }
            b"QUIT" => self.say("quit", "221 2.0.0 bye"),
            _ => "500 5.5.1 what".to_owned(),
        }
    }
}

const TEXT: &[u8] = b"Subject: x\n\n.dot\nno end";

fn settings(protocol: Protocol) -> Settings {
    Settings {
        protocol,
        name: "me.example".into(),
        pipelining: true,
        timeouts: Timeouts::default(),
    }
}

fn to(recipients: &[&str]) -> Transaction {
    Transaction {
        sender: "bob@example.org".into(),
        recipients: recipients.iter().map(|r| Rcpt::new(*r)).collect(),
        parameters: MailParameters {
            size: Some(41),
            ..MailParameters::default()
        },
    }
}

/// Runs transactions against a server; what it says comes in pieces of the
/// sizes that `cuts` gives. Gives the dialogue and the reports.
fn play(
    mut server: Server,
    protocol: Protocol,
    transactions: Vec<Transaction>,
    mut cuts: impl FnMut() -> usize,
) -> (String, Vec<Report>) {
    let mut client = Client::new(settings(protocol));
    let mut transactions = transactions.into_iter();
    let (mut log, mut reports) = (String::new(), Vec::new());
    let greeting = server.say("greet", "220 odd.test ESMTP");
    let mut wire = Wire::default();
    for part in greeting.split('|') {
        match part {
            "CLOSE" => wire.closed = true,
            part => wire
                .bytes
                .extend_from_slice(format!("{part}\r\n").as_bytes()),
        }
    }
    for _ in 0..10_000 {
        match client.step() {
            Step::Write => {
                let mut bytes = Vec::new();
                client.take_output(&mut bytes);
                log.push_str("-- write\n");
                exchange(&mut server, &mut wire, &bytes, &mut log);
            }
            Step::Content => {
                let mut encoder = ContentEncoder::new("\r\n", 0);
                let mut bytes = Vec::new();
                encoder.encode(TEXT, &mut bytes);
                encoder.finish(&mut bytes);
                exchange(&mut server, &mut wire, &bytes, &mut log);
                client.content_sent();
            }
            Step::Read(_) if !wire.bytes.is_empty() => {
                let piece = wire.bytes.len().min(cuts().max(1));
                let piece: Vec<u8> = wire.bytes.drain(..piece).collect();
                client.receive(&piece);
            }
            Step::Read(_) if wire.closed => client.lost(),
            Step::Read(_) => client.timed_out(),
            Step::Idle => match transactions.next() {
                Some(transaction) => client.begin(transaction),
                None => client.quit(),
            },
            Step::Done => reports.extend(client.take_report()),
            Step::Closed => {
                if let Some(ending) = client.ending() {
                    let _ = writeln!(log, "ending: {}", show(&ending.outcome));
                }
                assert!(server.text.is_empty() || server.text.ends_with(b"no end\n"));
                return (log, reports);
            }
        }
    }
    panic!("the session has no end: {log}");
}

/// What is on its way to the client.
#[derive(Default)]
struct Wire {
    bytes: Vec<u8>,
    closed: bool,
}

fn exchange(server: &mut Server, wire: &mut Wire, bytes: &[u8], log: &mut String) {
    if !wire.closed {
        let (said, closed) = server.hear(bytes, log);
        wire.bytes.extend_from_slice(&said);
        wire.closed = closed;
    }
}

fn show(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Sent(answer) => format!("sent: {}", answer.first()),
        Outcome::Deferred(refusal) => format!("deferred: {}", show_refusal(refusal)),
        Outcome::Failed(refusal) => format!("failed: {}", show_refusal(refusal)),
    }
}

fn show_refusal(refusal: &Refusal) -> String {
    let cause = match &refusal.cause {
        Cause::Answer(_, answer) => answer.first().to_string(),
        Cause::Unexpected(_, answer) => format!("unexpected {}", answer.first()),
        other => format!("{other:?}"),
    };
    format!("{} {} ({cause})", refusal.status, refusal.exit.text())
}

fn show_all(log: &str, reports: &[Report]) -> String {
    let mut text = log.to_owned();
    for report in reports {
        for exchange in &report.transcript {
            if let Some(command) = &exchange.command {
                let _ = writeln!(text, ">>> {command}");
            }
            for line in exchange.answer.lines() {
                let _ = writeln!(text, "<<< {line}");
            }
        }
        for outcome in &report.outcomes {
            let _ = writeln!(text, "{}", show(outcome));
        }
    }
    text
}

/// One message to `a@remote.test` (and `b@`, if two are asked for): the
/// outcomes only.
fn outcome(server: &str, expected: &str) {
    let count = if server.starts_with("two;") { 2 } else { 1 };
    let recipients = &["a@remote.test", "b@remote.test"][..count];
    let protocol = if server.contains("lmtp") {
        Protocol::Lmtp
    } else {
        Protocol::Extended
    };
    let (log, reports) = play(Server::new(server), protocol, vec![to(recipients)], || 9999);
    let outcomes = match reports.first() {
        Some(report) => report
            .outcomes
            .iter()
            .map(show)
            .collect::<Vec<_>>()
            .join("\n"),
        None => log
            .lines()
            .find_map(|line| line.strip_prefix("ending: "))
            .unwrap_or("no ending")
            .to_owned(),
    };
    assert_eq!(outcomes, expected, "\nserver {server}\n{log}");
}

fn session(server: &str, transactions: Vec<Transaction>, expected: &Expect) {
    let protocol = if server.contains("lmtp") {
        Protocol::Lmtp
    } else {
        Protocol::Extended
    };
    let (log, reports) = play(Server::new(server), protocol, transactions, || 9999);
    expected.assert_eq(&show_all(&log, &reports));
}

#[test]
fn pipelined_commands_leave_in_one_write() {
    session(
        "",
        vec![to(&["a@remote.test", "b@remote.test"])],
        &expect![[r#"
            -- write
            C: EHLO me.example
            S: 250-odd.test hi
            S: 250-PIPELINING
            S: 250-SIZE 1000
            S: 250-8BITMIME
            S: 250-DSN
            S: 250 ENHANCEDSTATUSCODES
            -- write
            C: MAIL From:<bob@example.org> SIZE=41
            S: 250 2.1.0 ok
            C: RCPT To:<a@remote.test>
            S: 250 2.1.5 ok
            C: RCPT To:<b@remote.test>
            S: 250 2.1.5 ok
            C: DATA
            S: 354 go
            C: (25 bytes)
            S: 250 2.0.0 taken id=1
            -- write
            C: QUIT
            S: 221 2.0.0 bye
            sent: 250 2.0.0 taken id=1
            sent: 250 2.0.0 taken id=1
        "#]],
    );
}

#[test]
fn without_pipelining_each_command_waits() {
    session(
        "ehlo=500 what;rcpt1=450 4.1.1 x",
        vec![to(&["a@remote.test", "b@remote.test"])],
        &expect![[r#"
            -- write
            C: EHLO me.example
            S: 500 what
            -- write
            C: HELO me.example
            S: 250 odd.test
            -- write
            C: MAIL From:<bob@example.org>
            S: 250 2.1.0 ok
            -- write
            C: RCPT To:<a@remote.test>
            S: 450 4.1.1 x
            -- write
            C: RCPT To:<b@remote.test>
            S: 250 2.1.5 ok
            -- write
            C: DATA
            S: 354 go
            C: (25 bytes)
            S: 250 2.0.0 taken id=1
            -- write
            C: QUIT
            S: 221 2.0.0 bye
            >>> RCPT To:<a@remote.test>
            <<< 450 4.1.1 x
            deferred: 4.2.0 Deferred (450 4.1.1 x)
            sent: 250 2.0.0 taken id=1
        "#]],
    );
}

#[test]
fn rset_only_where_it_is_needed() {
    session(
        "rcpt=550 no;data=554 no valid recipients;rcpt2=250 ok;",
        vec![to(&["a@remote.test"]), to(&["a@remote.test"])],
        &expect![[r#"
            -- write
            C: EHLO me.example
            S: 250-odd.test hi
            S: 250-PIPELINING
            S: 250-SIZE 1000
            S: 250-8BITMIME
            S: 250-DSN
            S: 250 ENHANCEDSTATUSCODES
            -- write
            C: MAIL From:<bob@example.org> SIZE=41
            S: 250 2.1.0 ok
            C: RCPT To:<a@remote.test>
            S: 550 no
            C: DATA
            S: 554 no valid recipients
            -- write
            C: RSET
            S: 250 2.0.0 reset
            C: MAIL From:<bob@example.org> SIZE=41
            S: 250 2.1.0 ok
            C: RCPT To:<a@remote.test>
            S: 550 no
            C: DATA
            S: 554 no valid recipients
            -- write
            C: QUIT
            S: 221 2.0.0 bye
            >>> DATA
            <<< 550 no
            <<< 554 no valid recipients
            failed: 5.1.1 User unknown (550 no)
            >>> DATA
            <<< 550 no
            <<< 554 no valid recipients
            failed: 5.1.1 User unknown (550 no)
        "#]],
    );
}

#[test]
fn a_message_that_nobody_wants_is_a_single_dot() {
    session(
        "rcpt=550 5.1.1 x",
        vec![to(&["a@remote.test"])],
        &expect![[r#"
        -- write
        C: EHLO me.example
        S: 250-odd.test hi
        S: 250-PIPELINING
        S: 250-SIZE 1000
        S: 250-8BITMIME
        S: 250-DSN
        S: 250 ENHANCEDSTATUSCODES
        -- write
        C: MAIL From:<bob@example.org> SIZE=41
        S: 250 2.1.0 ok
        C: RCPT To:<a@remote.test>
        S: 550 5.1.1 x
        C: DATA
        S: 354 go
        -- write
        C: (0 bytes)
        S: 250 2.0.0 taken id=1
        -- write
        C: QUIT
        S: 221 2.0.0 bye
        >>> DATA
        <<< 550 5.1.1 x
        failed: 5.1.1 User unknown (550 5.1.1 x)
    "#]],
    );
}

#[test]
fn parameters() {
    let mut transaction = to(&["a@remote.test", "b@remote.test"]);
    transaction.parameters.body = Some(BodyType::EightBitMime);
    transaction.parameters.ret = Some(Ret::Headers);
    transaction.parameters.envid = Some("env+2B1".into());
    transaction.recipients[0].parameters.notify = Notify {
        given: true,
        success: true,
        failure: true,
        delay: false,
    };
    transaction.recipients[0].parameters.orcpt = Some("rfc822;second@remote.test".into());
    transaction.recipients[1].parameters.notify = Notify::NEVER;
    session(
        "",
        vec![transaction.clone()],
        &expect![[r#"
        -- write
        C: EHLO me.example
        S: 250-odd.test hi
        S: 250-PIPELINING
        S: 250-SIZE 1000
        S: 250-8BITMIME
        S: 250-DSN
        S: 250 ENHANCEDSTATUSCODES
        -- write
        C: MAIL From:<bob@example.org> SIZE=41 BODY=8BITMIME ENVID=env+2B1 RET=HDRS
        S: 250 2.1.0 ok
        C: RCPT To:<a@remote.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;second@remote.test
        S: 250 2.1.5 ok
        C: RCPT To:<b@remote.test> NOTIFY=NEVER
        S: 250 2.1.5 ok
        C: DATA
        S: 354 go
        C: (25 bytes)
        S: 250 2.0.0 taken id=1
        -- write
        C: QUIT
        S: 221 2.0.0 bye
        sent: 250 2.0.0 taken id=1
        sent: 250 2.0.0 taken id=1
    "#]],
    );
    session(
        "ehlo=250 plain.test",
        vec![transaction],
        &expect![[r#"
        -- write
        C: EHLO me.example
        S: 250 plain.test
        -- write
        C: MAIL From:<bob@example.org>
        S: 250 2.1.0 ok
        -- write
        C: RCPT To:<a@remote.test>
        S: 250 2.1.5 ok
        -- write
        C: RCPT To:<b@remote.test>
        S: 250 2.1.5 ok
        -- write
        C: DATA
        S: 354 go
        C: (25 bytes)
        S: 250 2.0.0 taken id=1
        -- write
        C: QUIT
        S: 221 2.0.0 bye
        sent: 250 2.0.0 taken id=1
        sent: 250 2.0.0 taken id=1
    "#]],
    );
}

#[test]
fn lmtp_answers_for_each_recipient() {
    session(
        "lmtp;rcpt2=550 5.1.1 no;dot2=452 4.2.2 full",
        vec![to(&["a", "b", "c"])],
        &expect![[r#"
            -- write
            C: LHLO me.example
            S: 250-odd.test hi
            S: 250-PIPELINING
            S: 250-SIZE 1000
            S: 250-8BITMIME
            S: 250-DSN
            S: 250 ENHANCEDSTATUSCODES
            -- write
            C: MAIL From:<bob@example.org> SIZE=41
            S: 250 2.1.0 ok
            C: RCPT To:<a>
            S: 250 2.1.5 ok
            C: RCPT To:<b>
            S: 550 5.1.1 no
            C: RCPT To:<c>
            S: 250 2.1.5 ok
            C: DATA
            S: 354 go
            C: (25 bytes)
            S: 250 2.1.5 Ok
            S: 452 4.2.2 full
            -- write
            C: QUIT
            S: 221 2.0.0 bye
            >>> DATA
            <<< 550 5.1.1 no
            <<< 452 4.2.2 full
            sent: 250 2.1.5 Ok
            failed: 5.1.1 User unknown (550 5.1.1 no)
            deferred: 4.2.2 Deferred (452 4.2.2 full)
        "#]],
    );
}

/// What each answer amounts to, as recorded from the reference.
#[test]
fn meanings() {
    let table = include_str!("../data/smtp_client/meanings.txt");
    let mut count = 0;
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let Some((server, expected)) = line.split_once(" => ") else {
            continue;
        };
        count += 1;
        outcome(server, &expected.replace(" / ", "\n"));
    }
    assert!(count > 60, "the table is there: {count}");
}

#[test]
fn a_message_that_is_too_large_is_not_offered() {
    let mut transaction = to(&["a@remote.test"]);
    transaction.parameters.size = Some(1001);
    session(
        "",
        vec![transaction, to(&["a@remote.test"])],
        &expect![[r#"
        -- write
        C: EHLO me.example
        S: 250-odd.test hi
        S: 250-PIPELINING
        S: 250-SIZE 1000
        S: 250-8BITMIME
        S: 250-DSN
        S: 250 ENHANCEDSTATUSCODES
        -- write
        C: MAIL From:<bob@example.org> SIZE=41
        S: 250 2.1.0 ok
        C: RCPT To:<a@remote.test>
        S: 250 2.1.5 ok
        C: DATA
        S: 354 go
        C: (25 bytes)
        S: 250 2.0.0 taken id=1
        -- write
        C: QUIT
        S: 221 2.0.0 bye
        failed: 5.3.4 Service unavailable (TooLarge(1000))
        sent: 250 2.0.0 taken id=1
    "#]],
    );
}

#[test]
fn an_idle_server_may_end_the_session() {
    let mut client = Client::new(settings(Protocol::Extended));
    client.receive(b"220 hi\r\n250 hi\r\n");
    let mut bytes = Vec::new();
    client.take_output(&mut bytes);
    assert_eq!(client.step(), Step::Idle);
    client.begin(to(&["a"]));
    client.take_output(&mut bytes);
    client.receive(b"421 4.4.2 idle for too long\r\n");
    assert_eq!(client.step(), Step::Done);
    let report = client.take_report();
    assert!(report.is_some_and(|report| report.untouched));
    assert_eq!(client.step(), Step::Closed);
}

#[test]
fn many_recipients_go_in_windows() {
    let names: Vec<String> = (0..1000).map(|n| format!("user{n}@remote.test")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (log, reports) = play(
        Server::new("rcpt500=550 5.1.1 no"),
        Protocol::Extended,
        vec![to(&names)],
        || 77,
    );
    assert_eq!(
        reports[0].outcomes.iter().filter(|o| o.is_sent()).count(),
        999
    );
    let writes = log.matches("-- write").count();
    assert!((4..12).contains(&writes), "{writes} writes");
}

#[test]
fn long_lines_are_broken_with_a_mark() {
    let mut encoder = ContentEncoder::new("\r\n", 10);
    let mut out = Vec::new();
    encoder.encode(b"0123456789\n0123456789abcdefghijk\n.x\n", &mut out);
    encoder.finish(&mut out);
    assert_eq!(
        out.as_bstr(),
        "0123456789\r\n0123456789!\r\n abcdefghi!\r\n jk\r\n..x\r\n.\r\n"
    );
}

const SERVERS: &[&str] = &[
    "",
    "rcpt1=550 5.1.1 x",
    "rcpt1=450-4.7.1 a|450 4.7.1 b;dot=250-2.0.0 a|250 2.0.0 b",
    "mail=550 5.7.1 no",
    "rcpt=550 no;data=503 5.5.1 no",
    "ehlo=500 what;rcpt2=421 4.3.2 bye",
    "greet=garbage|220-a|220 b",
    "dot=CLOSE",
    "data=451 4.3.0 no",
];

proptest! {
    #[test]
    fn pieces_do_not_matter(which in 0..SERVERS.len(), sizes: Vec<u8>) {
        let transactions = || vec![to(&["a@x", "b@x"]), to(&["c@x"])];
        let server = || Server::new(SERVERS[which]);
        let whole = play(server(), Protocol::Extended, transactions(), || 9999);
        let mut next = 0;
        let cut = play(server(), Protocol::Extended, transactions(), || {
            next += 1;
            sizes.get(next % sizes.len().max(1)).map_or(1, |n| usize::from(n % 20))
        });
        let outcomes = |reports: &[Report]| -> Vec<String> {
            reports.iter().flat_map(|r| r.outcomes.iter().map(show)).collect()
        };
        prop_assert_eq!(outcomes(&whole.1), outcomes(&cut.1));
        // Where writes are divided may differ, what is said may not.
        let said = |log: &str| -> Vec<String> {
            log.lines().filter(|l| l.starts_with("C:")).map(str::to_owned).collect()
        };
        prop_assert_eq!(said(&whole.0), said(&cut.0));
    }

    #[test]
    fn any_bytes_end_well(pieces: Vec<Vec<u8>>, lmtp: bool) {
        let protocol = if lmtp { Protocol::Lmtp } else { Protocol::Extended };
        let mut client = Client::new(settings(protocol));
        let mut pieces = pieces.into_iter();
        for _ in 0..1000 {
            match client.step() {
                Step::Write => client.take_output(&mut Vec::new()),
                Step::Content => client.content_sent(),
                Step::Read(_) => match pieces.next() {
                    Some(piece) => client.receive(&piece),
                    None => client.lost(),
                },
                Step::Idle => client.begin(to(&["a", "b"])),
                Step::Done => {
                    let report = client.take_report();
                    prop_assert_eq!(report.map(|r| r.outcomes.len()), Some(2));
                }
                Step::Closed => return Ok(()),
            }
        }
        prop_assert!(false, "no end");
    }

    #[test]
    fn reply_like_bytes_end_well(codes: Vec<(u16, bool)>) {
        let mut bytes = Vec::new();
        for (code, more) in codes {
            let code = 200 + code % 360;
            bytes.extend_from_slice(format!("{code}{}x\r\n", if more { '-' } else { ' ' }).as_bytes());
        }
        let mut client = Client::new(settings(Protocol::Extended));
        let mut bytes = bytes.chunks(3);
        for _ in 0..10_000 {
            match client.step() {
                Step::Write => client.take_output(&mut Vec::new()),
                Step::Content => client.content_sent(),
                Step::Read(_) => match bytes.next() {
                    Some(piece) => client.receive(piece),
                    None => client.timed_out(),
                },
                Step::Idle => client.begin(to(&["a", "b"])),
                Step::Done => {
                    let report = client.take_report();
                    prop_assert_eq!(report.map(|r| r.outcomes.len()), Some(2));
                }
                Step::Closed => return Ok(()),
            }
        }
        prop_assert!(false, "no end");
    }

    #[test]
    fn text_decodes(text: Vec<u8>, cut: prop::sample::Index, line_max in 0usize..30) {
        let text: Vec<u8> = text.into_iter().map(|b| b".\nab"[usize::from(b % 4)]).collect();
        let encode = |pieces: &[&[u8]]| {
            let mut encoder = ContentEncoder::new("\r\n", line_max);
            let mut out = Vec::new();
            pieces.iter().for_each(|piece| encoder.encode(piece, &mut out));
            encoder.finish(&mut out);
            out
        };
        let out = encode(&[&text]);
        let at = cut.index(text.len() + 1);
        prop_assert_eq!(&out, &encode(&[&text[..at], &text[at..]]));
        prop_assert!(out.ends_with(b".\r\n"));
        let end = out.len() - 3;
        prop_assert!(out[..end].find(b"\r\n.\r\n").is_none() && !out[..end].starts_with(b".\r\n"));
        if line_max == 0 {
            let mut back = Vec::new();
            for line in out[..end].split_str("\r\n") {
                back.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
                back.push(b'\n');
            }
            back.pop();
            let mut text = text.clone();
            if !text.is_empty() && !text.ends_with(b"\n") {
                text.push(b'\n');
            }
            prop_assert_eq!(back.as_bstr(), text.as_bstr());
        }
    }
}
