//! What became of recipients, in the words of logs and reports.

use std::time::Duration;

use bstr::BString;

use crate::base::{Enhanced, Reply, Sysexit};
use crate::smtp::client::{Answer, Cause, Outcome, Phase, Refusal};

/// Three outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// Delivered or handed on.
    Sent,
    /// To be tried again.
    Deferred,
    /// Never to be tried again.
    Failed,
}

/// `stat=` of what was left to a queue run.
const QUEUED: &str = "queued";

/// What became of one recipient in one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The outcome.
    pub fate: Fate,
    /// `dsn=` and `Status:`.
    pub status: Enhanced,
    /// What it amounts to.
    pub exit: Sysexit,
    /// `stat=`: `Sent (…)`, `Deferred: …`, `User unknown`.
    pub stat: BString,
    /// `reply=` and `Diagnostic-Code:`: what the other side said.
    pub reply: Option<BString>,
    /// `relay=`: `mx.example.org. [192.0.2.1]`.
    pub relay: Option<BString>,
    /// What a report shows of the session, line by line.
    pub transcript: Vec<BString>,
    /// The host a report names, without address.
    pub host: Option<BString>,
    /// A program's exit status, which a report shows in its own form.
    pub program_status: Option<i32>,
    /// The log shows it in a line of its own.
    pub alone: bool,
    /// The next hop reports on success itself (it offers DSN).
    pub passed_on_dsn: bool,
    /// Nobody was asked, because the host is known to be down for so long.
    pub untried: Option<Duration>,
    /// The TLS it went under, in words.
    pub secured: Option<BString>,
}

impl Verdict {
    /// Nothing is known but the outcome and its words.
    pub fn new(fate: Fate, status: Enhanced, exit: Sysexit, stat: impl Into<BString>) -> Self {
        Self {
            fate,
            status,
            exit,
            stat: stat.into(),
            reply: None,
            relay: None,
            transcript: Vec::new(),
            host: None,
            program_status: None,
            alone: false,
            passed_on_dsn: false,
            untried: None,
            secured: None,
        }
    }

    /// Not now: `Deferred: TEXT`.
    pub fn deferred(status: Enhanced, text: &[u8]) -> Self {
        let stat = match text {
            b"" => b"Deferred".to_vec(),
            text => bstr::concat([b"Deferred: ".as_slice(), text]),
        };
        Self::new(Fate::Deferred, status, Sysexit::TempFail, stat)
    }

    /// Left to a queue run without a try, as the site wants it.
    pub fn queued() -> Self {
        Self::new(
            Fate::Deferred,
            Enhanced::new(4, 0, 0),
            Sysexit::TempFail,
            QUEUED,
        )
    }

    /// Whether it was left to a queue run.
    pub fn is_queued(&self) -> bool {
        self.stat == QUEUED
    }

    /// Left to the queue for a moment, without a try: others are before it.
    pub fn in_line(wait: Duration) -> Self {
        Self {
            untried: Some(wait),
            ..Self::queued()
        }
    }

    /// When a recipient whose turn has not come is to come back.
    pub fn comes_back(&self) -> Option<Duration> {
        self.untried.filter(|_| self.is_queued())
    }

    /// Never: the words of a sysexit.
    pub fn failed(status: Enhanced, exit: Sysexit) -> Self {
        Self::new(Fate::Failed, status, exit, exit.text())
    }

    /// What a reply of ours or of an agent amounts to, as if a server had
    /// given it.
    pub fn of_reply(reply: &Reply) -> Self {
        let line = reply.to_line();
        let class = if reply.is_temporary() { 4 } else { 5 };
        let status = reply.enhanced().unwrap_or(Enhanced::new(class, 0, 0));
        let mut verdict = if reply.is_success() {
            let status = reply.enhanced().unwrap_or(Enhanced::new(2, 0, 0));
            return Self::new(Fate::Sent, status, Sysexit::Ok, "Sent");
        } else if reply.is_temporary() {
            Self::deferred(status, &line)
        } else {
            let exit = match (status.subject(), status.detail()) {
                (1, 1) => Sysexit::NoUser,
                _ => Sysexit::Unavailable,
            };
            Self::failed(status, exit)
        };
        verdict.reply = Some(line);
        verdict
    }

    /// What a server made of a recipient. `host` is the server's name,
    /// `relay` with its address, `enhanced` whether it promised enhanced
    /// codes.
    pub fn of_outcome(outcome: &Outcome, host: &[u8], relay: &[u8], enhanced: bool) -> Self {
        let mut verdict = match outcome {
            Outcome::Sent(answer) => sent(answer, enhanced),
            Outcome::Deferred(refusal) => deferred(refusal, host),
            Outcome::Failed(refusal) => failed(refusal),
        };
        verdict.relay = Some(relay.into());
        verdict.host = Some(host.into());
        verdict
    }

    /// With the host that a log line names.
    #[must_use]
    pub fn at(mut self, host: &[u8], relay: &[u8]) -> Self {
        self.host = Some(host.into());
        self.relay = Some(relay.into());
        self
    }

    /// With a line of transcript.
    #[must_use]
    pub fn saying(mut self, line: impl Into<BString>) -> Self {
        self.transcript.push(line.into());
        self
    }

    /// The line that a report's transcript ends with for a failed recipient,
    /// shown as it came.
    pub fn closing_line(&self, shown: &[u8]) -> BString {
        let (code, names_recipient) = match self.exit {
            Sysexit::Usage => ("500 5.0.0 ", false),
            Sysexit::DataErr => ("501 5.6.0 ", false),
            Sysexit::NoInput => ("550 5.3.0 ", true),
            Sysexit::NoUser => ("550 5.1.1 ", true),
            Sysexit::NoHost => ("550 5.1.2 ", true),
            Sysexit::CantCreat | Sysexit::NoPerm => ("550 5.0.0 ", true),
            Sysexit::Protocol => ("554 5.5.0 ", false),
            Sysexit::OsFile | Sysexit::Config => ("554 5.3.5 ", false),
            Sysexit::Unavailable if self.program_status.is_none_or(|status| status == 69) => {
                ("554 5.0.0 ", false)
            }
            _ => ("554 5.3.0 ", false),
        };
        let (name, dots): (&[u8], &[u8]) = match names_recipient {
            true => (shown, b"... "),
            false => (b"", b""),
        };
        bstr::concat([code.as_bytes(), name, dots, &self.stat]).into()
    }

    /// `Status:` of a report, which sendmail does not always give as the log's
    /// `dsn=`.
    pub fn report_status(&self) -> Enhanced {
        let (subject, detail) = match (&self.reply, self.exit) {
            (Some(_), _) => return self.status,
            (None, Sysexit::Usage) => (5, 4),
            (None, Sysexit::DataErr) => (5, 2),
            (None, Sysexit::CantCreat | Sysexit::NoPerm) => (3, 0),
            (
                None,
                Sysexit::Unavailable
                | Sysexit::Software
                | Sysexit::OsFile
                | Sysexit::Protocol
                | Sysexit::Config,
            ) if self
                .program_status
                .is_none_or(|status| (64..=78).contains(&status)) =>
            {
                (5, 0)
            }
            (None, Sysexit::Unavailable) => (0, 0),
            _ => return self.status,
        };
        Enhanced::new(self.status.class(), subject, detail)
    }

    /// What a program's exit code amounts to. `program` names it, as in
    /// `prog mailer (/bin/sh)`.
    pub fn of_exit_code(code: i32, program: &[u8]) -> Self {
        let Some(exit) = Sysexit::from_code(code) else {
            let stat = format!("unknown mailer error {code}");
            let status = Enhanced::new(5, 3, 0);
            let mut verdict = Self::new(Fate::Failed, status, Sysexit::Unavailable, stat);
            verdict.program_status = Some(code);
            return verdict;
        };
        let mut verdict = match exit {
            Sysexit::Ok => Self::new(Fate::Sent, Enhanced::new(2, 0, 0), exit, "Sent"),
            Sysexit::TempFail => {
                let text = bstr::concat([program, b" exited with EX_TEMPFAIL"]);
                Self::deferred(Enhanced::new(4, 0, 0), &text)
            }
            Sysexit::OsErr | Sysexit::IoErr => {
                Self::new(Fate::Deferred, Enhanced::new(4, 0, 0), exit, exit.text())
            }
            _ => {
                let (subject, detail) = match exit {
                    Sysexit::DataErr => (6, 0),
                    Sysexit::NoInput | Sysexit::Software => (3, 0),
                    Sysexit::NoUser => (1, 1),
                    Sysexit::NoHost => (1, 2),
                    Sysexit::OsFile | Sysexit::Config => (3, 5),
                    Sysexit::Protocol => (5, 0),
                    _ => (0, 0),
                };
                Self::failed(Enhanced::new(5, subject, detail), exit)
            }
        };
        verdict.program_status = Some(code);
        verdict
    }
}

fn sent(answer: &Answer, enhanced: bool) -> Verdict {
    let status = answer.enhanced().filter(|_| enhanced);
    // sendmail: an enhanced code that was not promised is part of the text.
    let text = match enhanced {
        true => answer.plain_text(),
        false => answer.text(),
    };
    let status = status.unwrap_or(Enhanced::new(2, 0, 0));
    let stat = bstr::concat([b"Sent (".as_slice(), text, b")"]);
    Verdict::new(Fate::Sent, status, Sysexit::Ok, stat)
}

fn deferred(refusal: &Refusal, host: &[u8]) -> Verdict {
    let reset = |host: &[u8]| bstr::concat([b"Connection reset by ".as_slice(), host]);
    let (text, reply, alone) = match &refusal.cause {
        Cause::Answer(phase, answer) => (
            answer.first().to_vec(),
            Some(answer.first().into()),
            *phase == Phase::Rcpt,
        ),
        Cause::Unexpected(_, answer) => (answer.first().to_vec(), None, false),
        // sendmail: what breaks at these points is deferred without a word.
        Cause::Lost(Phase::Mail | Phase::FinalDot | Phase::Content) => (Vec::new(), None, false),
        Cause::Lost(Phase::Rcpt) => {
            let reply = bstr::concat([b"421 4.4.1 ".as_slice(), &reset(host)]);
            (Vec::new(), Some(reply.into()), false)
        }
        Cause::Lost(_) => (reset(host), None, false),
        Cause::TimedOut(_) => {
            let text = bstr::concat([b"Connection timed out with ".as_slice(), host]);
            (text, None, false)
        }
        Cause::Garbage(_) => (b"Remote protocol error".to_vec(), None, false),
        Cause::Local(text) => (text.as_bytes().to_vec(), None, false),
        Cause::TooLarge(_) => (Vec::new(), None, false),
    };
    let mut verdict = Verdict::deferred(refusal.status, &text);
    verdict.reply = reply;
    verdict.alone = alone;
    verdict
}

fn failed(refusal: &Refusal) -> Verdict {
    let mut verdict = Verdict::failed(refusal.status, refusal.exit);
    match &refusal.cause {
        Cause::Answer(phase, answer) => {
            verdict.reply = Some(answer.first().into());
            verdict.alone = *phase == Phase::Rcpt;
        }
        Cause::Unexpected(Phase::Rcpt, answer) => {
            verdict.reply = Some(answer.first().into());
            verdict.alone = true;
        }
        Cause::Local(text) => {
            verdict.reply = Some(bstr::concat([b"554 ".as_slice(), text.as_bytes()]).into());
        }
        Cause::TooLarge(limit) => {
            let text = format!("552 5.3.4 Message is too large; {limit} bytes max");
            verdict.transcript.push(text.into());
        }
        _ => {}
    }
    verdict
}
