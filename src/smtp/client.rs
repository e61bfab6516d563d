//! The client half of SMTP and LMTP as a machine: replies in, commands out.
//!
//! A driver owns the socket and the clock. It asks [`Client::step`] what to
//! do, does it, and says what came of it: bytes with [`Client::receive`], the
//! end with [`Client::lost`] or [`Client::timed_out`]. After the greeting and
//! EHLO (or HELO, or LHLO) the machine is idle and takes one
//! [`Transaction`] after another, each of which ends in a [`Report`] with one
//! outcome for every recipient. With PIPELINING, MAIL, all RCPT and DATA go
//! out at once; RSET only where a transaction was left half done.
//!
//! RFC 5321, RFC 2033 (LMTP), RFC 2920 (PIPELINING), RFC 3461 (DSN).

use std::collections::VecDeque;
use std::time::Duration;

use bstr::{BStr, BString, ByteSlice};

use crate::base::{Enhanced, limits};

mod answer;
mod aside;
mod content;
mod extensions;
mod outcome;
mod running;
mod transaction;

pub use answer::{Answer, NoReply};
pub use content::ContentEncoder;
pub use extensions::Extensions;
pub use outcome::{Cause, Exchange, Outcome, Phase, Refusal};
pub use transaction::{Rcpt, Transaction};

use answer::AnswerReader;
use running::Running;

/// How to begin a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// EHLO; HELO when that is refused (mailer flag `a`).
    Extended,
    /// EHLO if the greeting says `ESMTP`, else HELO.
    Automatic,
    /// HELO (mailer flag `2`).
    Plain,
    /// LHLO (mailer flag `z`).
    Lmtp,
}

/// How long the server may take, by command (options `Timeout.*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// `Timeout.initial`: the greeting.
    pub initial: Duration,
    /// `Timeout.helo`
    pub helo: Duration,
    /// `Timeout.mail`
    pub mail: Duration,
    /// `Timeout.rcpt`
    pub rcpt: Duration,
    /// `Timeout.datainit`: the answer to DATA.
    pub datainit: Duration,
    /// `Timeout.datablock`: one piece of the text to be taken.
    pub datablock: Duration,
    /// `Timeout.datafinal`: the answer to the final dot.
    pub datafinal: Duration,
    /// `Timeout.rset`
    pub rset: Duration,
    /// `Timeout.quit`
    pub quit: Duration,
}

impl Default for Timeouts {
    /// The defaults of sendmail's options.
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        Self {
            initial: minutes(5),
            helo: minutes(5),
            mail: minutes(10),
            rcpt: minutes(60),
            datainit: minutes(5),
            datablock: minutes(60),
            datafinal: minutes(60),
            rset: minutes(5),
            quit: minutes(2),
        }
    }
}

/// What a client needs to know about itself.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How to begin.
    pub protocol: Protocol,
    /// Our name for EHLO (`$j`).
    pub name: BString,
    /// Whether PIPELINING is used when it is offered.
    pub pipelining: bool,
    /// How long to wait.
    pub timeouts: Timeouts,
}

/// What the driver is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send what [`Client::take_output`] gives.
    Write,
    /// Send the text of the message and its final dot
    /// ([`ContentEncoder`]), then call [`Client::content_sent`].
    Content,
    /// Read, for at most this long.
    Read(Duration),
    /// Nothing to do: begin a transaction, quit, or leave it idle.
    Idle,
    /// A transaction is over: take its report.
    Done,
    /// The session is over; [`Client::ending`] says why.
    Closed,
}

/// What became of a transaction.
#[derive(Clone, Debug)]
pub struct Report {
    /// One for each recipient, in order.
    pub outcomes: Vec<Outcome>,
    /// What a report shows of the session.
    pub transcript: Vec<Exchange>,
    /// The server never answered anything of this transaction: on a
    /// connection that was idle before, it may be tried again on a new one.
    pub untouched: bool,
    /// The answers carry enhanced codes.
    pub enhanced: bool,
}

/// Why a session ended before QUIT.
#[derive(Clone, Debug)]
pub struct Ending {
    /// What it means to every recipient that was to go this way.
    pub outcome: Outcome,
    /// What a report shows of it.
    pub exchange: Option<Exchange>,
}

/// An answer that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Greeting,
    Hello(Verb),
    Mail,
    Rcpt(usize),
    Data,
    /// The final dot; in LMTP for this recipient.
    End(Option<usize>),
    /// The final dot of a message that nobody wanted.
    EmptyEnd,
    /// A line that is no part of a transaction.
    Aside,
    Rset,
    Quit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Ehlo,
    Helo,
    Lhlo,
}

#[derive(Debug)]
enum State {
    Opening,
    Idle,
    Busy(Box<Running>),
    Done(Box<Report>),
    Closed,
}

/// A session with one server.
#[derive(Debug)]
pub struct Client {
    settings: Settings,
    reader: AnswerReader,
    out: Vec<u8>,
    awaited: VecDeque<Awaited>,
    state: State,
    offered: Extensions,
    /// The name by which the server calls itself.
    peer_name: BString,
    /// How the server was greeted.
    verb: Verb,
    /// The answer to a line that is no part of a transaction.
    aside: Option<Answer>,
    /// A transaction was left half done.
    needs_rset: bool,
    /// No further transaction may begin.
    closing: bool,
    ending: Option<Ending>,
}

impl Client {
    /// A session on a fresh connection: the server speaks first.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            reader: AnswerReader::default(),
            out: Vec::new(),
            awaited: VecDeque::from([Awaited::Greeting]),
            state: State::Opening,
            offered: Extensions::default(),
            peer_name: BString::default(),
            verb: Verb::Ehlo,
            aside: None,
            needs_rset: false,
            closing: false,
            ending: None,
        }
    }

    /// What to do next.
    pub fn step(&self) -> Step {
        if !self.out.is_empty() {
            return Step::Write;
        }
        match &self.state {
            State::Done(_) => Step::Done,
            State::Closed => Step::Closed,
            State::Idle if self.awaited.is_empty() => Step::Idle,
            State::Busy(running) if running.wants_content() => Step::Content,
            _ => Step::Read(self.wait_max()),
        }
    }

    /// The bytes to be sent, appended to `buffer`.
    pub fn take_output(&mut self, buffer: &mut Vec<u8>) {
        buffer.append(&mut self.out);
    }

    /// Takes what the server said.
    pub fn receive(&mut self, bytes: &[u8]) {
        let sane = self.reader.push(bytes);
        while let Some(answer) = self.reader.take() {
            if matches!(self.state, State::Closed) {
                return;
            }
            self.answered(answer);
        }
        if sane.is_err() {
            self.shut(Outcome::broken(Cause::Garbage(self.phase())), None);
        }
        self.go_on();
    }

    /// The connection broke, or the server closed it.
    pub fn lost(&mut self) {
        self.shut(Outcome::broken(Cause::Lost(self.phase())), None);
    }

    /// The time that [`Step::Read`] named, or that a piece of text may take,
    /// is over.
    pub fn timed_out(&mut self) {
        self.shut(Outcome::broken(Cause::TimedOut(self.phase())), None);
    }

    /// Begins a transaction; the session must be idle.
    pub fn begin(&mut self, transaction: Transaction) {
        assert!(
            matches!(self.state, State::Idle) && !self.closing,
            "a transaction begins only on an idle session"
        );
        let mut running = Running::new(transaction);
        if let Some(outcome) = self.forbids(&running) {
            running.fail_all(&outcome);
            self.finish(running);
            return;
        }
        if std::mem::take(&mut self.needs_rset) {
            self.command(b"RSET", Awaited::Rset);
        }
        self.state = State::Busy(Box::new(running));
        self.go_on();
    }

    /// The text and its final dot have been sent.
    pub fn content_sent(&mut self) {
        if let State::Busy(running) = &mut self.state {
            let lmtp = self.settings.protocol == Protocol::Lmtp;
            self.awaited.extend(running.content_sent(lmtp));
        }
    }

    /// What became of the transaction; the session is idle (or closed) then.
    pub fn take_report(&mut self) -> Option<Report> {
        let next = if self.closing {
            State::Closed
        } else {
            State::Idle
        };
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Done(report) => {
                self.state = next;
                Some(*report)
            }
            other => {
                self.state = other;
                None
            }
        }
    }

    /// Says QUIT; nothing else can follow.
    pub fn quit(&mut self) {
        if matches!(self.state, State::Idle) && !self.closing {
            self.closing = true;
            self.command(b"QUIT", Awaited::Quit);
        }
    }

    /// Whether another transaction may begin.
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle) && !self.closing
    }

    /// What the server offers.
    pub fn offered(&self) -> &Extensions {
        &self.offered
    }

    /// The name by which the server called itself in its answer to EHLO.
    pub fn peer_name(&self) -> &BStr {
        self.peer_name.as_bstr()
    }

    /// How long one piece of text may take to be sent.
    pub fn content_wait_max(&self) -> Duration {
        self.settings.timeouts.datablock
    }

    /// Why the session ended, if it ended before QUIT.
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// Queues a command and notes what its answer is for.
    fn command(&mut self, line: &[u8], awaited: Awaited) {
        self.out.extend_from_slice(line);
        self.out.extend_from_slice(b"\r\n");
        self.awaited.push_back(awaited);
    }

    /// A transaction that this server cannot take, before it is asked.
    fn forbids(&self, running: &Running) -> Option<Outcome> {
        let transaction = running.transaction();
        if transaction.parameters.smtputf8 && !self.offered.smtputf8 {
            let cause = Cause::Local("SMTPUTF8 is required, but was not offered by the server");
            return Some(Outcome::refused(cause, Enhanced::new(5, 6, 7)));
        }
        let limit = self.offered.size_bytes_max?;
        let size = transaction.parameters.size?;
        (size > limit).then(|| Outcome::refused(Cause::TooLarge(limit), Enhanced::new(5, 3, 4)))
    }

    /// Sends what can be sent now, and sees whether the transaction is over.
    fn go_on(&mut self) {
        let State::Busy(running) = &mut self.state else {
            return;
        };
        let ahead = self.settings.pipelining && self.offered.pipelining;
        let mut room = limits::SMTP_PIPELINE_BYTES_MAX;
        while self.awaited.is_empty() || (ahead && room > 0 && running.may_run_ahead()) {
            let before = self.out.len();
            let Some(awaited) = running.next_command(&self.offered, &mut self.out) else {
                break;
            };
            self.out.extend_from_slice(b"\r\n");
            self.awaited.push_back(awaited);
            room = room.saturating_sub(self.out.len() - before);
            // A full window is refilled when all of it has been answered.
            running.set_window_full(room == 0);
        }
        let over = self.awaited.is_empty() && !running.wants_content();
        if over && let State::Busy(running) = std::mem::replace(&mut self.state, State::Idle) {
            self.finish(*running);
        }
    }

    /// Works out what an answer means.
    fn answered(&mut self, answer: Answer) {
        let awaited = self.awaited.pop_front();
        let phase = awaited.map_or_else(|| self.phase(), phase_of);
        // 421 may come at any time and ends the session (RFC 5321, 3.8).
        if answer.code() == 421 && awaited != Some(Awaited::Quit) {
            let outcome = Outcome::of(phase, &answer, self.trusts(phase));
            return self.shut(outcome, Some(answer));
        }
        match awaited {
            Some(Awaited::Greeting) => self.greeted(&answer),
            Some(Awaited::Hello(verb)) => self.hello_answered(verb, &answer),
            Some(Awaited::Quit) => self.state = State::Closed,
            Some(Awaited::Rset) if answer.is_positive() => {}
            Some(Awaited::Aside) => self.aside = Some(answer),
            None if answer.code() >= 400 && phase == Phase::Content => {
                // The server has heard enough of the text.
                let outcome = Outcome::of(Phase::FinalDot, &answer, self.trusts(phase));
                self.shut(outcome, Some(answer));
            }
            Some(Awaited::Rset) | None => {
                let cause = Cause::Unexpected(phase, answer);
                self.shut(Outcome::broken(cause), None);
            }
            Some(awaited) => {
                if let State::Busy(running) = &mut self.state {
                    let enhanced = self.offered.enhanced_status_codes;
                    running.answered(awaited, answer, enhanced, &self.offered);
                    if running.takes_empty_text() {
                        self.out.extend_from_slice(b".\r\n");
                        if self.settings.protocol != Protocol::Lmtp {
                            self.awaited.push_back(Awaited::EmptyEnd);
                        }
                    }
                }
            }
        }
    }

    fn greeted(&mut self, answer: &Answer) {
        if !answer.is_positive() {
            return self.turned_away(Phase::Greeting, answer);
        }
        let extended = answer.lines().iter().any(|line| line.contains_str("ESMTP"));
        match self.settings.protocol {
            Protocol::Lmtp => self.hello(Verb::Lhlo),
            Protocol::Extended => self.hello(Verb::Ehlo),
            Protocol::Automatic if extended => self.hello(Verb::Ehlo),
            Protocol::Automatic | Protocol::Plain => self.hello(Verb::Helo),
        }
    }

    fn hello(&mut self, verb: Verb) {
        let line = self.hello_line(verb);
        self.command(&line, Awaited::Hello(verb));
    }

    fn hello_line(&self, verb: Verb) -> BString {
        let verb: &[u8] = match verb {
            Verb::Ehlo => b"EHLO ",
            Verb::Helo => b"HELO ",
            Verb::Lhlo => b"LHLO ",
        };
        bstr::concat([verb, &self.settings.name]).into()
    }

    fn hello_answered(&mut self, verb: Verb, answer: &Answer) {
        if answer.is_positive() {
            if verb != Verb::Helo {
                self.offered = Extensions::of(answer);
            }
            let name = answer.text().fields().next().unwrap_or_default();
            self.peer_name = name.into();
            self.verb = verb;
            self.state = State::Idle;
        } else if verb == Verb::Ehlo && answer.is_permanent() {
            self.hello(Verb::Helo);
        } else {
            let line = self.hello_line(verb);
            self.turned_away(Phase::Hello, answer);
            if let Some(ending) = &mut self.ending
                && let Some(exchange) = &mut ending.exchange
            {
                exchange.command = Some(line);
            }
        }
    }

    /// The server would not begin at all.
    fn turned_away(&mut self, phase: Phase, answer: &Answer) {
        let outcome = Outcome::of(phase, answer, false);
        self.shut(outcome, Some(answer.clone()));
    }

    /// Ends the session: every recipient without an outcome gets this one.
    fn shut(&mut self, outcome: Outcome, answer: Option<Answer>) {
        self.closing = true;
        self.awaited.clear();
        self.out.clear();
        let exchange = answer.map(|answer| Exchange {
            command: None,
            answer,
            recipient: None,
        });
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Busy(mut running) => {
                running.broken(&outcome, exchange.clone());
                self.finish(*running);
            }
            State::Done(report) => self.state = State::Done(report),
            _ => {}
        }
        self.ending.get_or_insert(Ending { outcome, exchange });
    }

    fn finish(&mut self, running: Running) {
        self.needs_rset = running.leaves_open();
        let enhanced = self.offered.enhanced_status_codes;
        self.state = State::Done(Box::new(running.into_report(enhanced)));
    }

    /// Whether enhanced codes may be read from answers of this phase.
    fn trusts(&self, phase: Phase) -> bool {
        self.offered.enhanced_status_codes && !matches!(phase, Phase::Greeting | Phase::Hello)
    }

    /// Where the session stands.
    fn phase(&self) -> Phase {
        match (self.awaited.front(), &self.state) {
            (Some(awaited), _) => phase_of(*awaited),
            (None, State::Busy(_)) => Phase::Content,
            (None, State::Opening) => Phase::Greeting,
            (None, _) => Phase::Idle,
        }
    }

    fn wait_max(&self) -> Duration {
        let timeouts = &self.settings.timeouts;
        match self.phase() {
            Phase::Greeting => timeouts.initial,
            Phase::Hello => timeouts.helo,
            Phase::Mail => timeouts.mail,
            Phase::Rcpt => timeouts.rcpt,
            Phase::Data => timeouts.datainit,
            Phase::Content => timeouts.datablock,
            Phase::FinalDot => timeouts.datafinal,
            Phase::Rset => timeouts.rset,
            Phase::Quit | Phase::Idle => timeouts.quit,
        }
    }
}

fn phase_of(awaited: Awaited) -> Phase {
    match awaited {
        Awaited::Greeting => Phase::Greeting,
        Awaited::Hello(_) | Awaited::Aside => Phase::Hello,
        Awaited::Mail => Phase::Mail,
        Awaited::Rcpt(_) => Phase::Rcpt,
        Awaited::Data => Phase::Data,
        Awaited::End(_) | Awaited::EmptyEnd => Phase::FinalDot,
        Awaited::Rset => Phase::Rset,
        Awaited::Quit => Phase::Quit,
    }
}
