//! The server half of SMTP: bytes in, replies and questions out.
//!
//! A [`Server`] reads command lines, keeps the order of a session (RFC 5321,
//! section 4.1.4) and its limits, and asks whoever drives it what only rules,
//! maps and queues can answer. It holds no buffer: the driver owns input and
//! output, so an idle session costs what this struct is.
//!
//! The words, the order of checks and the delays are those of sendmail
//! 8.17.1.9. BDAT is not offered, as there.

use std::sync::Arc;
use std::time::Duration;

use bstr::BString;
use memchr::memchr;

use super::command::Line;
use super::parameter::{MailParameters, RcptParameters, Seen};
use crate::base::Reply;

mod body;
mod chunks;
mod commands;
mod help;
mod security;
mod settings;
mod text;

pub use body::Found;
pub use settings::{Features, Settings};
pub use text::{accepted, recipient_ok, recipient_queued, refused, sender_ok};

use body::Scanner;
use chunks::{Chunks, Skipped};
use security::Security;
use text::{fixed, push_reply};

/// What the driver does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send what is in the output, then give more input.
    Read,
    /// Answer the question with [`Server::answer`].
    Ask(Ask),
    /// RSET: forget the envelope, if there is one; then step again.
    Reset,
    /// Step again, or take message text.
    Again,
    /// XCLIENT with its argument: look the client up that it names, then call
    /// [`Server::restart`]; or refuse with [`Server::say_reply`].
    Xclient(BString),
    /// Send what is in the output, wait this long, then step again.
    Pause(Duration),
    /// Send what is in the output, then close.
    Close,
    /// Send what is in the output, do the handshake, and go on under TLS with
    /// [`Server::tls_started`]; without one the session is over.
    StartTls,
}

/// What the machine cannot know. Each is answered with a reply; a reply that
/// is no success refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// HELO or EHLO with an acceptable name; the envelope, if there is one,
    /// is to be forgotten. Any success stands for the machine's own answer,
    /// which lists the extensions.
    Helo {
        /// EHLO.
        extended: bool,
        /// The name as given.
        name: BString,
    },
    /// MAIL.
    Mail {
        /// The sender as given, angle brackets included.
        address: BString,
        /// Its parameters, or how to refuse them once the address itself has
        /// been found good.
        parameters: Result<Box<MailParameters>, Reply>,
    },
    /// RCPT.
    Rcpt {
        /// The recipient as given.
        address: BString,
        /// Its parameters, or how to refuse them once the address itself has
        /// been found good.
        parameters: Result<Box<RcptParameters>, Reply>,
    },
    /// DATA; any success stands for the machine's 354.
    Data,
    /// The message is complete; success says that it is ours.
    EndOfMessage,
    /// VRFY with its argument.
    Vrfy(BString),
    /// EXPN with its argument.
    Expn(BString),
    /// ETRN with its argument.
    Etrn(BString),
    /// AUTH with one of the mechanisms that are offered. Reply 334 goes on
    /// with the exchange, 235 says that the client is believed.
    Auth {
        /// The mechanism, in upper case.
        mechanism: BString,
        /// The initial response, if there is one.
        initial: Option<Vec<u8>>,
    },
    /// The next message of the exchange, answered in the same way.
    AuthMessage(Vec<u8>),
    /// What is no command of mail, with the first digit of the answer that
    /// waits for it: any success stands for that.
    Other {
        /// The command as given.
        line: BString,
        /// `2` or `5`.
        digit: u8,
    },
}

/// Something for the log that only the machine sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// `possible SMTP attack: command=…, count=…`
    Attack(&'static str, u32),
    /// Input came before a reply it should have waited for.
    EarlyTalk(&'static str),
    /// A command line of this many bytes (at least).
    TooLong(usize),
    /// The first command was one of HTTP.
    OpenProxy(BString),
    /// `WIZ`, `DEBUG` and their kind, in lower case.
    Hole(BString),
    /// A message of an AUTH exchange is no base64.
    AuthDecode(BString),
    /// RCPT is being slowed down.
    RcptFlood,
    /// Too many recipients were refused: the session is over.
    RcptShutdown,
    /// Commands wait because the machine is busy; this one is the first.
    Delaying(&'static str),
    /// A recipient command refused by the machine, with the text of the
    /// reply.
    UserError(BString),
    /// VRFY or EXPN: the command line, and whether it was refused by
    /// PrivacyOptions; ETRN only when it was.
    Asked(BString, bool),
}

/// How the client introduced itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeted {
    /// Not at all.
    No,
    /// With HELO.
    Helo,
    /// With EHLO.
    Ehlo,
}

/// What the session is doing.
#[derive(Debug)]
enum State {
    /// Commands, outside of an envelope.
    Idle,
    /// Commands, after MAIL was taken.
    Envelope(Recipients),
    /// The text of a message.
    Message(Scanner),
    /// A chunk of a message.
    Chunk(Box<Chunks>),
    /// Commands, between the chunks of a message.
    Chunks(Box<Chunks>),
    /// A chunk that is read for nothing.
    Skip(Box<Skipped>),
    /// The next line is a message of an AUTH exchange.
    Auth,
    /// A question stands open; the state to go on from.
    Asked(Pending),
    /// Over.
    Closed,
}

/// Recipients so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Recipients {
    taken: usize,
    refused: u32,
    /// That they come too fast has been noted.
    flood: bool,
}

/// What the open question was.
#[derive(Debug)]
enum Pending {
    Helo {
        extended: bool,
        is_valid: bool,
    },
    Mail,
    Rcpt(Recipients),
    Data(Recipients),
    /// The same question, for a message in chunks.
    Chunk(Box<Chunks>),
    EndOfMessage,
    Auth,
    /// VRFY, EXPN, ETRN: the state stays.
    Aside(Box<State>),
    /// The same, with the answer that any success stands for.
    Other(Box<State>, Vec<u8>),
}

/// How often commands came that nobody repeats without a purpose.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    helo: u32,
    noop: u32,
    vrfy: u32,
    etrn: u32,
    auth: u32,
    bad: u32,
    /// A pause has been made for the command at the head of the input.
    paused: bool,
    /// That commands wait has been noted.
    delayed: bool,
}

/// One SMTP session.
#[derive(Debug)]
pub struct Server {
    settings: Arc<Settings>,
    features: Features,
    state: State,
    greeted: Greeted,
    seen: Seen,
    counts: Counts,
    /// Every command that matters gets this.
    refusal: Option<Box<Reply>>,
    /// Who the client is, as replies name it: `host.example [192.0.2.1]`.
    peer: BString,
    last: &'static str,
    /// Whether any command came yet.
    first: bool,
    security: Security,
    /// The machine is busy: commands that cost something wait.
    slow: bool,
    notes: Vec<Note>,
}

impl Server {
    /// A session with `peer` (`$_`: name and address, as replies show them).
    pub fn new(settings: Arc<Settings>, peer: BString) -> Self {
        Self {
            features: settings.features,
            settings,
            state: State::Idle,
            greeted: Greeted::No,
            seen: Seen::default(),
            counts: Counts::default(),
            refusal: None,
            peer,
            last: "startup",
            first: true,
            security: Security::default(),
            slow: false,
            notes: Vec::new(),
        }
    }

    /// Writes the greeting; `text` is the expanded SmtpGreetingMessage.
    ///
    /// `// sendmail:` `ESMTP` is put after the first word.
    pub fn greet(&self, text: &[u8], out: &mut Vec<u8>) {
        let end = memchr(b' ', text).unwrap_or(text.len());
        let (host, rest) = text.split_at(end);
        let whole = [host, b" ESMTP", rest].concat();
        push_reply(out, &Reply::new(220, None, whole), false);
    }

    /// Writes what a client gets instead of a greeting that must not be
    /// served; every command that would do something is refused then.
    pub fn greet_refusing(&mut self, out: &mut Vec<u8>) {
        let text = self.host_says(b" ESMTP not accepting messages");
        push_reply(out, &Reply::new(554, None, text), false);
        self.refuse_all(Reply::with(550, (5, 0, 0), "Command rejected"));
    }

    /// Whether the machine is busy (DelayLA): each command that costs
    /// something waits a second then.
    pub fn set_slow(&mut self, slow: bool) {
        self.slow = slow;
    }

    /// The session begins anew with another client (XCLIENT): nothing it was
    /// told before counts.
    pub fn restart(&mut self, peer: BString) {
        self.peer = peer;
        self.greeted = Greeted::No;
        self.seen = Seen::default();
        self.refusal = None;
        self.state = State::Idle;
        self.forget_security();
    }

    /// Answers a command that was handed over as an action.
    pub fn say_reply(&mut self, reply: &Reply, out: &mut Vec<u8>) {
        push_reply(out, reply, false);
        if reply.code() == 421 {
            self.state = State::Closed;
        }
    }

    /// From now on every command that would do something is answered with
    /// `reply`: the connection was refused by a check.
    pub fn refuse_all(&mut self, reply: Reply) {
        self.refusal = Some(Box::new(reply));
    }

    /// Other features than those of the daemon, for this client.
    pub fn set_features(&mut self, features: Features) {
        self.features = features;
    }

    /// What is offered to this client.
    pub fn features(&self) -> Features {
        self.features
    }

    /// How the client introduced itself.
    pub fn greeted(&self) -> Greeted {
        self.greeted
    }

    /// The last command, in lower case, for `lost input channel … after`.
    pub fn last_command(&self) -> &'static str {
        self.last
    }

    /// Whether the text of a message is being read (else commands are).
    pub fn in_message(&self) -> bool {
        matches!(self.state, State::Message(_) | State::Chunk(_))
    }

    /// What is to be logged since the last call.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// Takes the next command from `input`, writes what can be answered at
    /// once to `out`, and says how many bytes were taken and what to do next.
    /// `is_end` says that nothing will follow `input`; then a line without a
    /// line end is taken too.
    ///
    /// In the text of a message use [`Server::message`] instead.
    pub fn step(&mut self, input: &[u8], is_end: bool, out: &mut Vec<u8>) -> (usize, Action) {
        match self.state {
            State::Closed => return (0, Action::Close),
            State::Idle | State::Envelope(_) | State::Chunks(_) | State::Auth => {}
            State::Skip(_) => return self.skipped(input, out),
            State::Message(_) | State::Chunk(_) | State::Asked(_) => return (0, Action::Read),
        }
        let mut taken = 0;
        loop {
            let rest = &input[taken..];
            let (line, length) = match memchr(b'\n', rest) {
                Some(end) => (&rest[..end], end + 1),
                None if is_end && !rest.is_empty() => (rest, rest.len()),
                None if rest.len() > self.line_max(rest) => (rest, rest.len()),
                None => return (taken, Action::Read),
            };
            if length > self.line_max(rest) {
                return (taken + length, self.too_long(length, out));
            }
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if matches!(self.state, State::Auth) {
                taken += length;
                match self.auth_line(line, out) {
                    Some(action) => return (taken, action),
                    None => continue,
                }
            }
            let line = Line::parse(line);
            if let Some(pause) = self.pause_before(&line) {
                return (taken, Action::Pause(pause));
            }
            self.counts.paused = false;
            taken += length;
            let is_last = taken == input.len();
            if let Some(action) = self.command(&line, is_last, out) {
                return (taken, action);
            }
        }
    }

    /// Takes message text from `input` and appends it, with LF line ends and
    /// without transparency dots, to `sink`. After [`Found::End`] the driver
    /// answers [`Ask::EndOfMessage`]; after a bare LF or CR the session is
    /// over and `out` has the reason.
    pub fn message(
        &mut self,
        input: &[u8],
        sink: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> (usize, Found) {
        let State::Message(scanner) = &mut self.state else {
            return self.chunk(input, sink, out);
        };
        let (taken, found) = scanner.scan(input, sink);
        match found {
            Found::More | Found::Chunk => {}
            Found::End => self.state = State::Asked(Pending::EndOfMessage),
            Found::BareLf => self.close(fixed::BARE_LF, out),
            Found::BareCr => self.close(fixed::BARE_CR, out),
        }
        (taken, found)
    }

    /// Answers the open question. A reply 421 ends the session.
    pub fn answer(&mut self, reply: &Reply, out: &mut Vec<u8>) {
        let State::Asked(pending) = std::mem::replace(&mut self.state, State::Idle) else {
            return;
        };
        let success = reply.is_success();
        self.state = match pending {
            Pending::Helo { extended, is_valid } if success => {
                self.greeted = if extended {
                    Greeted::Ehlo
                } else {
                    Greeted::Helo
                };
                self.hello(extended, is_valid, out);
                State::Idle
            }
            Pending::Data(_) if success => {
                out.extend_from_slice(fixed::GO_AHEAD.as_bytes());
                State::Message(Scanner::default())
            }
            Pending::Auth => {
                push_reply(out, reply, false);
                self.after_auth(reply.code())
            }
            Pending::Chunk(chunks) => self.after_chunk(chunks, reply),
            Pending::Other(before, answer) if success => {
                out.extend_from_slice(&answer);
                *before
            }
            other => {
                push_reply(out, reply, false);
                self.after(other, success)
            }
        };
        if reply.code() == 421 {
            self.state = State::Closed;
        }
    }

    /// The session is over for a reason of the driver's own.
    pub fn end(&mut self, reply: Option<&Reply>, out: &mut Vec<u8>) {
        if let Some(reply) = reply {
            push_reply(out, reply, false);
        }
        self.state = State::Closed;
    }

    /// The state after a question whose reply has been written.
    fn after(&mut self, pending: Pending, success: bool) -> State {
        match pending {
            Pending::Mail if success => State::Envelope(Recipients::default()),
            Pending::Rcpt(mut recipients) => {
                if success {
                    recipients.taken += 1;
                } else {
                    recipients.refused += 1;
                }
                State::Envelope(recipients)
            }
            Pending::Data(recipients) => State::Envelope(recipients),
            Pending::Aside(before) | Pending::Other(before, _) => *before,
            Pending::Auth => State::Idle,
            Pending::EndOfMessage => {
                self.seen = Seen::default();
                State::Idle
            }
            Pending::Mail | Pending::Helo { .. } | Pending::Chunk(_) => State::Idle,
        }
    }
}
