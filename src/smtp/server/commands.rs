//! What each command does: its checks in the reference's order, its answer
//! or the question it leads to.

use std::time::Duration;

use bstr::BString;

use super::text::{fixed, push_reply, quoted};
use super::{Action, Ask, Features, Greeted, Note, Pending, Recipients, Server, State, help};
use crate::base::Reply;
use crate::smtp::command::{Line, Verb, is_helo_name, split_path};
use crate::smtp::parameter::{MailParameters, Offered, RcptParameters, Seen};

impl Server {
    /// One command; `None` when it has been answered and the next may be
    /// taken.
    pub(super) fn command(
        &mut self,
        line: &Line<'_>,
        is_last: bool,
        out: &mut Vec<u8>,
    ) -> Option<Action> {
        let first = std::mem::replace(&mut self.first, false);
        if line.verb == Verb::Bdat && self.takes_chunks() {
            return self.bdat(line, out);
        }
        if self.refusal.is_some() && !passes_refusal(line.verb) {
            return self.refused(out);
        }
        match line.verb {
            Verb::Helo | Verb::Ehlo => self.helo(line, is_last, out),
            Verb::Mail => self.mail(line, out),
            Verb::Rcpt => self.rcpt(line, out),
            Verb::Data => self.data(is_last, out),
            Verb::Rset => {
                self.last = "rset";
                self.say(fixed::RESET, out);
                Some(self.reset())
            }
            Verb::Noop => self.other(line, fixed::OK.into(), out),
            Verb::Verb if self.features.has(Features::VERB) => {
                self.other(line, fixed::VERBOSE.into(), out)
            }
            Verb::Verb => self.other(line, fixed::NO_VERBOSE.into(), out),
            Verb::Help => self.help(line, out),
            Verb::Vrfy | Verb::Expn => self.vrfy(line, out),
            Verb::Etrn => self.etrn(line, out),
            Verb::Quit => {
                self.last = "quit";
                let host = self.settings.host.clone();
                let text = [host.as_slice(), b" closing connection"].concat();
                push_reply(out, &Reply::with(221, (2, 0, 0), text), false);
                self.state = State::Closed;
                Some(Action::Close)
            }
            Verb::Xclient if self.features.has(Features::XCLIENT) => self.xclient(line, out),
            Verb::Auth => self.auth(line, out),
            Verb::StartTls => self.start_tls(line, is_last, out),
            Verb::Unimplemented => self.other(
                line,
                echo(502, "Command not implemented: ", line.whole),
                out,
            ),
            Verb::Hole => {
                let word = line.word.to_ascii_lowercase();
                self.notes.push(Note::Hole(word.into()));
                self.unknown(line, out)
            }
            Verb::Http if first => self.open_proxy(line, out),
            Verb::Http if self.features.has(Features::NO_HTTP) => {
                let text = self.host_says(&[b" HTTP command ".as_slice(), &self.peer].concat());
                Some(self.hang_up(text, out))
            }
            Verb::Http | Verb::Bdat | Verb::Xclient | Verb::Unknown => self.unknown(line, out),
        }
    }

    fn helo(&mut self, line: &Line<'_>, is_last: bool, out: &mut Vec<u8>) -> Option<Action> {
        let extended = line.verb == Verb::Ehlo;
        let word = if extended { "EHLO" } else { "HELO" };
        self.last = if extended { "ehlo" } else { "helo" };
        if !is_last {
            self.notes.push(Note::EarlyTalk(word));
            return self.say(fixed::PROTOCOL_ERROR, out);
        }
        if line.argument.is_empty() {
            out.extend_from_slice(
                format!("501 5.0.0 {word} requires domain address\r\n").as_bytes(),
            );
            return None;
        }
        let is_valid = is_helo_name(line.argument);
        if !is_valid && !self.settings.allow_bogus_helo {
            return self.say(fixed::BAD_DOMAIN, out);
        }
        self.seen = Seen::default();
        self.state = State::Asked(Pending::Helo { extended, is_valid });
        Some(Action::Ask(Ask::Helo {
            extended,
            name: line.argument.into(),
        }))
    }

    /// The answer to HELO or EHLO.
    pub(super) fn hello(&mut self, extended: bool, is_valid: bool, out: &mut Vec<u8>) {
        let settings = &self.settings;
        let mut first = settings.host.to_vec();
        first.extend_from_slice(b" Hello ");
        first.extend_from_slice(&self.peer);
        let manner: &[u8] = match is_valid {
            true => b", pleased to meet you",
            false => b", accepting invalid domain name",
        };
        first.extend_from_slice(manner);
        let first = quoted_whole(&first);
        if extended {
            let keywords = if self.refusal.is_some() {
                vec!["ENHANCEDSTATUSCODES".into()]
            } else {
                settings.keywords(self.shown(), self.auth_keyword(), self.offers_tls())
            };
            let text = std::iter::once(first)
                .chain(keywords.into_iter().map(BString::from))
                .collect::<Vec<BString>>();
            push_reply(out, &Reply::new(250, None, bstr::join("\n", text)), false);
        } else {
            push_reply(out, &Reply::new(250, None, first), false);
        }
    }

    fn mail(&mut self, line: &Line<'_>, out: &mut Vec<u8>) -> Option<Action> {
        self.last = "mail";
        if self.features.has(Features::NEED_MAIL_HELO) && self.greeted == Greeted::No {
            return self.say(fixed::SAY_HELO, out);
        }
        if self.in_transaction() {
            return self.say(fixed::SENDER_TWICE, out);
        }
        if self.lacks_auth() {
            return self.say(fixed::NEED_AUTH, out);
        }
        let (address, parameters) = match split_path(line.argument, b"FROM") {
            Ok(parts) => parts,
            Err(word) => {
                let reply = bad_path(word);
                push_reply(out, &reply, false);
                return None;
            }
        };
        let offered = self.offered();
        let parameters = MailParameters::parse(parameters, &offered, &mut self.seen).map(Box::new);
        self.state = State::Asked(Pending::Mail);
        Some(Action::Ask(Ask::Mail {
            address: address.into(),
            parameters,
        }))
    }

    fn rcpt(&mut self, line: &Line<'_>, out: &mut Vec<u8>) -> Option<Action> {
        self.last = "rcpt";
        let State::Envelope(recipients) = self.state else {
            return self.say(fixed::NEED_MAIL_RCPT, out);
        };
        if self.is_flood(recipients) {
            self.notes.push(Note::RcptShutdown);
            let text = self.host_says(b" Too many bad recipients; closing connection");
            return Some(self.hang_up(text, out));
        }
        let limit = self.settings.recipients_max;
        if limit > 0 && recipients.taken >= limit {
            self.notes
                .push(Note::UserError("Too many recipients".into()));
            return self.say(fixed::TOO_MANY_RCPTS, out);
        }
        let (address, parameters) = match split_path(line.argument, b"TO") {
            Ok(parts) => parts,
            Err(word) => {
                let reply = bad_path(word);
                let text = reply.lines().first().cloned().unwrap_or_default();
                self.notes.push(Note::UserError(text));
                push_reply(out, &reply, false);
                self.state = State::Envelope(Recipients {
                    refused: recipients.refused + 1,
                    ..recipients
                });
                return None;
            }
        };
        let parameters = RcptParameters::parse(parameters, &self.offered()).map(Box::new);
        self.state = State::Asked(Pending::Rcpt(recipients));
        Some(Action::Ask(Ask::Rcpt {
            address: address.into(),
            parameters,
        }))
    }

    /// BadRcptShutdown: so many were refused that nobody is looked for here.
    fn is_flood(&self, recipients: Recipients) -> bool {
        let limit = self.settings.bad_rcpt_shutdown;
        let refused = u64::from(recipients.refused);
        let all = refused + recipients.taken as u64;
        limit > 0
            && recipients.refused >= limit
            && refused * 100 >= all * u64::from(self.settings.bad_rcpt_shutdown_share)
    }

    fn data(&mut self, is_last: bool, out: &mut Vec<u8>) -> Option<Action> {
        self.last = "data";
        let State::Envelope(recipients) = self.state else {
            return self.say(fixed::NEED_MAIL, out);
        };
        if recipients.taken == 0 {
            return self.say(fixed::NEED_RCPT, out);
        }
        if !is_last {
            self.notes.push(Note::EarlyTalk("DATA"));
            self.close(fixed::PROTOCOL_ERROR, out);
            return Some(Action::Close);
        }
        self.state = State::Asked(Pending::Data(recipients));
        Some(Action::Ask(Ask::Data))
    }

    /// Something that `check_other` may refuse; else it is answered.
    fn other(&mut self, line: &Line<'_>, answer: Vec<u8>, out: &mut Vec<u8>) -> Option<Action> {
        if !self.settings.asks_other {
            out.extend_from_slice(&answer);
            return None;
        }
        let digit = answer.first().copied().unwrap_or(b'5');
        let before = Box::new(std::mem::replace(&mut self.state, State::Idle));
        self.state = State::Asked(Pending::Other(before, answer));
        Some(Action::Ask(Ask::Other {
            line: line.whole.into(),
            digit,
        }))
    }

    fn help(&mut self, line: &Line<'_>, out: &mut Vec<u8>) -> Option<Action> {
        self.last = "help";
        match help::reply(line.argument, &self.settings.version) {
            Some(reply) => push_reply(out, &reply, false),
            None => {
                let mut text = b"HELP topic \"".to_vec();
                text.extend_from_slice(&quoted(&line.argument.to_ascii_lowercase(), false));
                text.extend_from_slice(b"\" unknown");
                push_reply(out, &Reply::with(504, (5, 3, 0), text), false);
            }
        }
        None
    }

    fn vrfy(&mut self, line: &Line<'_>, out: &mut Vec<u8>) -> Option<Action> {
        let is_vrfy = line.verb == Verb::Vrfy;
        self.last = if is_vrfy { "vrfy" } else { "expn" };
        let (forbidden, needs_helo) = if is_vrfy {
            (!self.features.has(Features::VRFY), Features::NEED_VRFY_HELO)
        } else {
            (!self.features.has(Features::EXPN), Features::NEED_EXPN_HELO)
        };
        if !forbidden && self.features.has(needs_helo) && self.greeted == Greeted::No {
            return self.say(fixed::INTRODUCE, out);
        }
        self.notes.push(Note::Asked(line.whole.into(), forbidden));
        if forbidden && is_vrfy {
            return self.say(fixed::NO_VRFY, out);
        }
        if forbidden {
            return self.say(fixed::NOT_ALLOWED, out);
        }
        if line.argument.is_empty() {
            return self.say(fixed::ARGUMENT, out);
        }
        let argument = line.argument.into();
        self.aside(if is_vrfy {
            Ask::Vrfy(argument)
        } else {
            Ask::Expn(argument)
        })
    }

    fn etrn(&mut self, line: &Line<'_>, out: &mut Vec<u8>) -> Option<Action> {
        self.last = "etrn";
        let forbidden = !self.features.has(Features::ETRN);
        if line.argument.is_empty() && !forbidden {
            return self.say(fixed::PARAMETER, out);
        }
        if forbidden {
            self.notes.push(Note::Asked(line.whole.into(), forbidden));
            return self.say(fixed::NOT_ALLOWED, out);
        }
        self.aside(Ask::Etrn(line.argument.into()))
    }

    /// A question that leaves the envelope as it is.
    fn aside(&mut self, ask: Ask) -> Option<Action> {
        let before = Box::new(std::mem::replace(&mut self.state, State::Idle));
        self.state = State::Asked(Pending::Aside(before));
        Some(Action::Ask(ask))
    }

    /// Whether MAIL was taken, and its message is not complete.
    pub(super) fn in_transaction(&self) -> bool {
        matches!(self.state, State::Envelope(_) | State::Chunks(_))
    }

    fn xclient(&mut self, line: &Line<'_>, out: &mut Vec<u8>) -> Option<Action> {
        self.last = "xclient";
        if self.in_transaction() {
            return self.say(fixed::XCLIENT_LATE, out);
        }
        Some(Action::Xclient(line.argument.into()))
    }

    fn unknown(&mut self, line: &Line<'_>, out: &mut Vec<u8>) -> Option<Action> {
        self.counts.bad += 1;
        if self.counts.bad > self.settings.bad_commands_max {
            let text = self.host_says(b" Too many bad commands; closing connection");
            return Some(self.hang_up(text, out));
        }
        self.other(line, echo(500, "Command unrecognized: ", line.whole), out)
    }

    fn open_proxy(&mut self, line: &Line<'_>, out: &mut Vec<u8>) -> Option<Action> {
        self.notes.push(Note::OpenProxy(line.whole.into()));
        let text = self.host_says(&[b" Rejecting open proxy ".as_slice(), &self.peer].concat());
        Some(self.hang_up(text, out))
    }

    pub(super) fn too_long(&mut self, length: usize, out: &mut Vec<u8>) -> Action {
        self.notes.push(Note::TooLong(length));
        let what = b" Command too long, possible attack ".as_slice();
        let text = self.host_says(&[what, &self.peer].concat());
        self.hang_up(text, out)
    }

    /// The answer while the connection is refused as a whole.
    fn refused(&mut self, out: &mut Vec<u8>) -> Option<Action> {
        self.counts.bad += 1;
        // sendmail: closes without a word then.
        if self.counts.bad > self.settings.bad_commands_max {
            self.state = State::Closed;
            return Some(Action::Close);
        }
        if let Some(reply) = &self.refusal {
            push_reply(out, reply, false);
        }
        None
    }

    /// How long to wait before a command: while the machine is busy, and when
    /// it is repeated too often; once for each.
    pub(super) fn pause_before(&mut self, line: &Line<'_>) -> Option<Duration> {
        if self.counts.paused {
            return None;
        }
        match (self.delay(line.verb), self.penalty(line)) {
            (Some(delay), Some(penalty)) => Some(delay + penalty),
            (delay, penalty) => delay.or(penalty),
        }
    }

    /// DelayLA: a second for each command that costs something.
    fn delay(&mut self, verb: Verb) -> Option<Duration> {
        if !self.slow || self.refusal.is_some() {
            return None;
        }
        let word = match verb {
            // sendmail: one word for both.
            Verb::Helo | Verb::Ehlo => "EHLO",
            Verb::Mail => "MAIL",
            Verb::Rcpt => "RCPT",
            Verb::Data => "DATA",
            Verb::Vrfy => "VRFY",
            Verb::Expn => "EXPN",
            Verb::Etrn => "ETRN",
            Verb::Noop => "NOOP",
            Verb::Verb => "VERB",
            _ => return None,
        };
        if !std::mem::replace(&mut self.counts.delayed, true) {
            self.notes.push(Note::Delaying(word));
        }
        self.counts.paused = true;
        Some(Duration::from_secs(1))
    }

    /// The wait before a command that is repeated too often.
    fn penalty(&mut self, line: &Line<'_>) -> Option<Duration> {
        let auth_tries = self.auth_tries();
        let settings = &self.settings;
        let (count, max, name) = match line.verb {
            Verb::Helo | Verb::Ehlo => (&mut self.counts.helo, 3, "HELO/EHLO"),
            Verb::Noop | Verb::Verb => (&mut self.counts.noop, settings.noop_max, "NOOP"),
            Verb::Vrfy => (&mut self.counts.vrfy, 6, "VRFY"),
            Verb::Expn => (&mut self.counts.vrfy, 6, "EXPN"),
            Verb::Etrn => (&mut self.counts.etrn, 8, "ETRN"),
            Verb::Auth if auth_tries > 1 && !self.is_authenticated() => {
                (&mut self.counts.auth, auth_tries, "AUTH")
            }
            Verb::Rcpt => return self.throttle(),
            _ => return None,
        };
        if max == 0 {
            return None;
        }
        *count = count.saturating_add(1);
        let beyond = count.checked_sub(max)?;
        if beyond == 0 {
            self.notes.push(Note::Attack(name, max));
        }
        self.counts.paused = true;
        // sendmail: twice as long each time, four minutes at most.
        Some(Duration::from_secs(match beyond {
            0..8 => 1 << beyond,
            _ => 240,
        }))
    }

    /// BadRcptThrottle: a second for each RCPT after too many bad ones.
    fn throttle(&mut self) -> Option<Duration> {
        let limit = self.settings.bad_rcpt_throttle;
        let State::Envelope(recipients) = &mut self.state else {
            return None;
        };
        if limit == 0 || recipients.refused < limit {
            return None;
        }
        if !std::mem::replace(&mut recipients.flood, true) {
            self.notes.push(Note::RcptFlood);
        }
        self.counts.paused = true;
        Some(Duration::from_secs(1))
    }

    pub(super) fn reset(&mut self) -> Action {
        self.seen = Seen::default();
        self.state = State::Idle;
        Action::Reset
    }

    fn offered(&self) -> Offered {
        Offered {
            dsn: self.features.has(Features::DSN),
            smtputf8: self.features.has(Features::SMTPUTF8),
            mt_priority: self.features.has(Features::MT_PRIORITY),
            require_tls: self.offers_require_tls(),
            auth: true,
            by_min: self.settings.deliver_by_min,
            size_max: self.settings.message_bytes_max,
        }
    }

    pub(super) fn say(&mut self, text: &str, out: &mut Vec<u8>) -> Option<Action> {
        out.extend_from_slice(text.as_bytes());
        None
    }

    pub(super) fn host_says(&self, text: &[u8]) -> Vec<u8> {
        [self.settings.host.as_slice(), text].concat()
    }

    /// 421 and the end.
    fn hang_up(&mut self, text: Vec<u8>, out: &mut Vec<u8>) -> Action {
        push_reply(out, &Reply::with(421, (4, 7, 0), text), false);
        self.state = State::Closed;
        Action::Close
    }

    pub(super) fn close(&mut self, text: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(text.as_bytes());
        self.state = State::Closed;
    }
}

/// A reply that quotes the command.
fn echo(code: u16, text: &str, whole: &[u8]) -> Vec<u8> {
    let mut full = text.as_bytes().to_vec();
    full.push(b'"');
    full.extend_from_slice(&quoted(whole, false));
    full.push(b'"');
    let mut out = Vec::new();
    push_reply(&mut out, &Reply::with(code, (5, 5, 1), full), false);
    out
}

/// Commands that a refused client may still give.
fn passes_refusal(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::Helo
            | Verb::Ehlo
            | Verb::Noop
            | Verb::Rset
            | Verb::Quit
            | Verb::Unimplemented
            | Verb::Hole
            | Verb::Http
            | Verb::Bdat
            | Verb::Xclient
            | Verb::Unknown
    )
}

fn bad_path(word: &[u8]) -> Reply {
    let mut text = b"Syntax error in parameters scanning \"".to_vec();
    text.extend_from_slice(&quoted(word, false));
    text.push(b'"');
    Reply::with(501, (5, 5, 2), text)
}

fn quoted_whole(text: &[u8]) -> BString {
    text.iter()
        .map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { *b })
        .collect::<Vec<u8>>()
        .into()
}
