//! Lines of the mail log in sendmail's form, as typed events.
//!
//! Log readers (fail2ban, logwatch, pflogsumm's kin) know these lines by
//! heart, so the words, the order and the cuts are the reference's. An event
//! knows its syslog priority and the `LogLevel` from which on it is written;
//! [`Event::write`] gives the text after `sendmail[PID]: `, one line per
//! call of the sink. Bytes that do not print are escaped, so nothing that
//! came from a peer can forge a line.

use std::time::Duration;

use super::{Enhanced, QueueId, interval};

#[cfg(test)]
mod tests;

/// How important a line is, in syslog's words (RFC 5424, section 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// The system is unusable.
    Emergency = 0,
    /// Something must be done now: no disk space, no loopback.
    Alert = 1,
    /// A fault of ours or of the system (`SYSERR`), an attack.
    Critical = 2,
    /// An error.
    Error = 3,
    /// Something unusual.
    Warning = 4,
    /// Refusals, aliases rebuilt.
    Notice = 5,
    /// Mail that comes and goes.
    Info = 6,
    /// Details.
    Debug = 7,
}

/// What a line is about: it begins with this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// `ID: `
    Message(QueueId),
    /// `NOQUEUE: `: a session or program without a message.
    NoQueue,
    /// Nothing: the daemon itself.
    Daemon,
}

impl From<QueueId> for Subject {
    fn from(id: QueueId) -> Self {
        Subject::Message(id)
    }
}

/// A message was taken in (or an envelope given up): `from=…`.
#[derive(Clone, Copy, Debug)]
pub struct Accepted<'a> {
    /// The sender as given, with its angle brackets when it had them.
    pub sender: &'a [u8],
    /// Size in bytes, lines ended by LF.
    pub size: u64,
    /// Class from `Precedence:`.
    pub class: i32,
    /// Recipients.
    pub recipients: usize,
    /// `Message-Id`, trimmed; `None` or empty is left out.
    pub message_id: Option<&'a [u8]>,
    /// `BODY=` as declared.
    pub body_type: Option<&'a str>,
    /// `SMTP`, `ESMTP`, …; `None` for the command line.
    pub protocol: Option<&'a [u8]>,
    /// Name of the daemon; `None` for the command line.
    pub daemon: Option<&'a [u8]>,
    /// Who gave it: `$_`, or `user@localhost`.
    pub relay: &'a [u8],
}

/// The user and group that a controlling address stands for.
pub type Ids = (u32, u32);

/// What became of recipients: `to=…`. All strings are put in as they are.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// The recipients of one delivery, in order.
    pub recipients: &'a [&'a [u8]],
    /// Controlling address, with the ids of its user if it is local.
    pub controller: Option<(&'a [u8], Option<Ids>)>,
    /// Since the message came.
    pub delay: Duration,
    /// This attempt; `None` when nothing was attempted.
    pub attempt: Option<Duration>,
    /// Mailer name; `None` when no mailer was chosen.
    pub mailer: Option<&'a [u8]>,
    /// Priority of the message in the queue.
    pub priority: i64,
    /// Host, with its address in brackets: `mx.example. [192.0.2.1]`.
    pub relay: Option<&'a [u8]>,
    /// Enhanced code.
    pub dsn: Option<Enhanced>,
    /// Why it is in quarantine.
    pub quarantine: Option<&'a [u8]>,
    /// Attempts so far, when the site logs them.
    pub attempts: Option<u32>,
    /// The other side's refusal, as it came: `550 5.1.1 no such user`.
    pub reply: Option<&'a [u8]>,
    /// `Sent (…)`, `Deferred: …`, `User unknown`, `queued`, ….
    pub stat: &'a [u8],
}

/// What a check decided: `ruleset=…`.
#[derive(Clone, Copy, Debug)]
pub struct Ruleset<'a> {
    /// `check_rcpt` and so on.
    pub name: &'a str,
    /// First argument.
    pub arg1: &'a [u8],
    /// Second argument, for rulesets that have one.
    pub arg2: Option<&'a [u8]>,
    /// `$_`, when there is a peer.
    pub relay: Option<&'a [u8]>,
    /// What followed.
    pub verdict: RulesetVerdict<'a>,
}

/// The end of a `ruleset=` line.
#[derive(Clone, Copy, Debug)]
pub enum RulesetVerdict<'a> {
    /// `reject=550 5.7.1 …`
    Reject(&'a [u8]),
    /// `discard`
    Discard,
    /// `quarantine=…`
    Quarantine(&'a [u8]),
}

/// Trouble while a message came in: `collect: …`.
#[derive(Clone, Copy, Debug)]
pub struct Collect<'a> {
    /// `$&{client_name}` or the host that is said to send.
    pub relay: &'a [u8],
    /// The sender as given.
    pub sender: &'a [u8],
    /// What happened: `Bare linefeed (LF) not allowed`, `unexpected close`.
    pub info: &'a [u8],
    /// `header` or `body`, when it matters.
    pub place: Option<&'a str>,
    /// `tempfail`, when it was refused so.
    pub status: Option<&'a str>,
}

/// One happening worth a line.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// `from=…`
    Accepted(Accepted<'a>),
    /// `to=…`; long lists give several lines.
    Delivery(Delivery<'a>),
    /// `ruleset=…`
    Ruleset(Ruleset<'a>),
    /// `collect: relay=…, from=…, info=…`
    Collect(Collect<'a>),
    /// `collect: premature EOM: …`
    PrematureEnd(&'a [u8]),
    /// An error told to the peer, in its own words:
    /// `<nosuch@a.example>... User unknown`.
    UserError(&'a [u8]),
    /// `SYSERR(user): …`
    SystemError {
        /// For whom the program ran.
        user: &'a [u8],
        /// What went wrong.
        text: &'a [u8],
    },
    /// `PEER: VRFY arg`, `PEER: EXPN arg [rejected]`, `PEER: ETRN arg`.
    Asked {
        /// `$_`
        peer: &'a [u8],
        /// `VRFY alice`
        command: &'a [u8],
        /// By PrivacyOptions.
        rejected: bool,
    },
    /// `PEER did not issue MAIL/EXPN/VRFY/ETRN during connection to DAEMON`
    DidNothing {
        /// `$_`
        peer: &'a [u8],
        /// Name of the daemon.
        daemon: &'a [u8],
    },
    /// `lost input channel from PEER to DAEMON after COMMAND`
    LostInput {
        /// `$_`
        peer: &'a [u8],
        /// Name of the daemon.
        daemon: &'a [u8],
        /// The last command, in lower case, or `startup`.
        after: &'a [u8],
    },
    /// `timeout waiting for input from PEER during …`
    TimedOut {
        /// `$_`
        peer: &'a [u8],
        /// `server cmd read`, `message collect`, ….
        during: &'a [u8],
    },
    /// `PEER: possible SMTP attack: command=…, count=…`
    Attack {
        /// `$_`
        peer: &'a [u8],
        /// The command that is repeated.
        command: &'a [u8],
        /// How often.
        count: u32,
    },
    /// `Authentication-Warning: host: text`
    AuthWarning {
        /// Our name.
        host: &'a [u8],
        /// What is to be distrusted.
        text: &'a [u8],
    },
    /// `done; delay=…, ntries=…`
    Done {
        /// Since the message came.
        delay: Duration,
        /// Attempts it took.
        attempts: u32,
    },
    /// `NEWID: DSN: reason`, `NEWID: return to sender: …`, `NEWID: clone: owner=…`.
    Child {
        /// The envelope that came out of this one.
        id: QueueId,
        /// `DSN`, `postmaster notify`, `sender notify`, `return to sender`, `clone`.
        what: &'a [u8],
        /// What follows the colon.
        text: &'a [u8],
    },
    /// Anything else, at a priority and from a log level on.
    Other(Priority, u8, &'a [u8]),
}

/// The longest line that goes out in one piece (sendmail: SYSLOG_BUFSIZE).
const LINE_BYTES_MAX: usize = 1024;
/// Room left for what syslog puts in front.
const LINE_HEAD_BYTES: usize = 100;
/// Bytes of a sender in the log.
const SENDER_BYTES_MAX: usize = 200;
/// Bytes of a message id in the log.
const MESSAGE_ID_BYTES_MAX: usize = 100;

impl Event<'_> {
    /// The syslog priority.
    pub fn priority(&self) -> Priority {
        match self {
            Event::Accepted(_)
            | Event::Delivery(_)
            | Event::Asked { .. }
            | Event::DidNothing { .. } => Priority::Info,
            Event::Attack { .. } | Event::AuthWarning { .. } => Priority::Info,
            Event::Done { .. } | Event::Child { .. } => Priority::Info,
            Event::Ruleset(_) | Event::Collect(_) | Event::UserError(_) => Priority::Notice,
            Event::LostInput { .. } | Event::TimedOut { .. } => Priority::Notice,
            Event::PrematureEnd(_) => Priority::Warning,
            Event::SystemError { .. } => Priority::Critical,
            Event::Other(priority, ..) => *priority,
        }
    }

    /// The `LogLevel` from which on the event is logged (manual, section 5.6).
    pub fn log_level(&self) -> u8 {
        match self {
            Event::SystemError { .. } => 1,
            Event::LostInput { .. } | Event::TimedOut { .. } => 2,
            Event::PrematureEnd(_) | Event::Collect(_) => 2,
            Event::UserError(_) | Event::Ruleset(_) => 3,
            Event::AuthWarning { .. } => 4,
            Event::Accepted(_) => 5,
            Event::Asked { .. } | Event::DidNothing { .. } | Event::Attack { .. } => 6,
            Event::Child { .. } => 6,
            Event::Delivery(to) => match to.dsn.map(Enhanced::class) {
                Some(2) => 8,
                Some(5) => 7,
                _ => 9,
            },
            Event::Done { .. } => 10,
            Event::Other(_, level, _) => *level,
        }
    }

    /// Gives the event's line to `sink` (several lines for a long `to=`
    /// list), each with its subject and without a line end. `scratch` is
    /// used as the buffer.
    pub fn write(&self, subject: Subject, scratch: &mut Vec<u8>, mut sink: impl FnMut(&[u8])) {
        scratch.clear();
        if let Event::Delivery(to) = self {
            return to.write(subject, scratch, sink);
        }
        push_subject(scratch, subject);
        self.push_text(scratch);
        sink(scratch);
    }

    fn push_text(&self, out: &mut Vec<u8>) {
        match *self {
            Event::Accepted(ref from) => from.push(out),
            Event::Delivery(_) => {}
            Event::Ruleset(ref ruleset) => ruleset.push(out),
            Event::Collect(ref collect) => collect.push(out),
            Event::PrematureEnd(why) => push_all(out, &[b"collect: premature EOM: ", why]),
            Event::UserError(text) | Event::Other(_, _, text) => push_printable(out, text),
            Event::SystemError { user, text } => {
                push_all(out, &[b"SYSERR(", user, b"): ", text]);
            }
            Event::Asked {
                peer,
                command,
                rejected,
            } => {
                push_all(out, &[peer, b": ", command]);
                out.extend_from_slice(if rejected { b" [rejected]" } else { b"" });
            }
            Event::DidNothing { peer, daemon } => push_all(
                out,
                &[
                    peer,
                    b" did not issue MAIL/EXPN/VRFY/ETRN during connection to ",
                    daemon,
                ],
            ),
            Event::LostInput {
                peer,
                daemon,
                after,
            } => push_all(
                out,
                &[
                    b"lost input channel from ",
                    peer,
                    b" to ",
                    daemon,
                    b" after ",
                    after,
                ],
            ),
            Event::TimedOut { peer, during } => push_all(
                out,
                &[
                    b"timeout waiting for input from ",
                    peer,
                    b" during ",
                    during,
                ],
            ),
            Event::Attack {
                peer,
                command,
                count,
            } => {
                push_all(out, &[peer, b": possible SMTP attack: command=", command]);
                out.extend_from_slice(format!(", count={count}").as_bytes());
            }
            Event::AuthWarning { host, text } => {
                push_all(out, &[b"Authentication-Warning: ", host, b": ", text]);
            }
            Event::Done { delay, attempts } => out.extend_from_slice(
                format!("done; delay={}, ntries={attempts}", interval::clock(delay)).as_bytes(),
            ),
            Event::Child { id, what, text } => {
                push_all(out, &[id.as_str().as_bytes(), b": ", what, b": ", text]);
            }
        }
    }
}

impl Accepted<'_> {
    fn push(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"from=");
        push_printable(out, cut(self.sender, SENDER_BYTES_MAX));
        let numbers = format!(
            ", size={}, class={}, nrcpts={}",
            self.size, self.class, self.recipients
        );
        out.extend_from_slice(numbers.as_bytes());
        push_value(
            out,
            "msgid",
            self.message_id
                .filter(|id| !id.is_empty())
                .map(|id| cut(id, MESSAGE_ID_BYTES_MAX)),
        );
        push_value(out, "bodytype", self.body_type.map(str::as_bytes));
        push_value(out, "proto", self.protocol);
        push_value(out, "daemon", self.daemon);
        push_value(out, "relay", Some(self.relay));
    }
}

impl Delivery<'_> {
    fn write(&self, subject: Subject, scratch: &mut Vec<u8>, mut sink: impl FnMut(&[u8])) {
        let mut rest = Vec::with_capacity(160);
        self.push_rest(&mut rest);
        let room = LINE_BYTES_MAX
            .saturating_sub(LINE_HEAD_BYTES)
            .saturating_sub(rest.len());
        let mut names = Vec::new();
        for (i, name) in self.recipients.iter().enumerate() {
            if i > 0 {
                names.push(b',');
            }
            push_printable(&mut names, name);
        }
        let mut names = names.as_slice();
        loop {
            scratch.clear();
            push_subject(scratch, subject);
            scratch.extend_from_slice(b"to=");
            // sendmail: a list that is too long is cut after the last comma
            // that fits, and every piece carries the whole rest.
            let comma = (names.len() >= room)
                .then(|| {
                    names[..=room.min(names.len() - 1)]
                        .iter()
                        .rposition(|b| *b == b',')
                })
                .flatten();
            let Some(comma) = comma else {
                scratch.extend_from_slice(names);
                scratch.extend_from_slice(&rest);
                return sink(scratch);
            };
            scratch.extend_from_slice(&names[..=comma]);
            scratch.extend_from_slice(b" [more]");
            scratch.extend_from_slice(&rest);
            sink(scratch);
            names = &names[comma + 1..];
        }
    }

    fn push_rest(&self, out: &mut Vec<u8>) {
        if let Some((address, ids)) = self.controller {
            push_value(out, "ctladdr", Some(address));
            if let Some((uid, gid)) = ids {
                out.extend_from_slice(format!(" ({uid}/{gid})").as_bytes());
            }
        }
        let delay = format!(", delay={}", interval::clock(self.delay));
        out.extend_from_slice(delay.as_bytes());
        if let Some(attempt) = self.attempt {
            out.extend_from_slice(format!(", xdelay={}", interval::clock(attempt)).as_bytes());
        }
        push_value(out, "mailer", self.mailer);
        out.extend_from_slice(format!(", pri={}", self.priority).as_bytes());
        push_value(out, "relay", self.relay);
        if let Some(dsn) = self.dsn {
            out.extend_from_slice(format!(", dsn={dsn}").as_bytes());
        }
        push_value(out, "quarantine", self.quarantine);
        if let Some(attempts) = self.attempts {
            out.extend_from_slice(format!(", ntries={attempts}").as_bytes());
        }
        push_value(out, "reply", self.reply);
        push_value(out, "stat", Some(self.stat));
    }
}

impl Ruleset<'_> {
    fn push(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"ruleset=");
        out.extend_from_slice(self.name.as_bytes());
        push_value(out, "arg1", Some(self.arg1));
        push_value(out, "arg2", self.arg2);
        push_value(out, "relay", self.relay);
        match self.verdict {
            RulesetVerdict::Reject(reply) => push_value(out, "reject", Some(reply)),
            RulesetVerdict::Discard => out.extend_from_slice(b", discard"),
            RulesetVerdict::Quarantine(why) => push_value(out, "quarantine", Some(why)),
        }
    }
}

impl Collect<'_> {
    fn push(&self, out: &mut Vec<u8>) {
        push_all(out, &[b"collect: relay=", self.relay]);
        push_value(out, "from", Some(self.sender));
        push_value(out, "info", Some(self.info));
        push_value(out, "where", self.place.map(str::as_bytes));
        push_value(out, "status", self.status.map(str::as_bytes));
    }
}

fn push_subject(out: &mut Vec<u8>, subject: Subject) {
    match subject {
        Subject::Message(id) => {
            out.extend_from_slice(id.as_str().as_bytes());
            out.extend_from_slice(b": ");
        }
        Subject::NoQueue => out.extend_from_slice(b"NOQUEUE: "),
        Subject::Daemon => {}
    }
}

/// `, name=value`, or nothing for `None`.
fn push_value(out: &mut Vec<u8>, name: &str, value: Option<&[u8]>) {
    if let Some(value) = value {
        out.extend_from_slice(b", ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        push_printable(out, value);
    }
}

fn push_all(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        push_printable(out, part);
    }
}

/// Appends `text` with everything that does not print, and the backslash,
/// escaped as in C.
pub fn push_printable(out: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend_from_slice(format!("\\{byte:03o}").as_bytes()),
        }
    }
}

fn cut(text: &[u8], max: usize) -> &[u8] {
    &text[..text.len().min(max)]
}
