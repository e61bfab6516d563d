//! SMTP sessions as scripts, played into the server machine in one piece,
//! byte by byte and with random cuts.
//!
//! A script (tests/data/smtp_server/*.txt) holds sessions, each after a line
//! `=== title`:
//!
//! ```text
//! ! needmailhelo recipients_max=2     what is set
//! A: MAIL <x@y> => 553 5.1.8 no       what the site answers, by prefix
//! C: EHLO c                           sent, with CR LF; \r \n \xHH; `\c` at
//!                                     the end: nothing is added
//! P: 2                                a pause of so many seconds
//! S: 250 ...                          what is to come back
//! N: Attack("NOOP", 20)               notes for the log
//! B: text of the message that was taken, LF as \n
//! ```
//!
//! Lines of `C:` up to the next line of another kind go out together.

use std::path::Path;
use std::sync::Arc;

use bstr::{BString, ByteSlice};
use godwit::base::Reply;
use godwit::smtp::server::{self, Action, Ask, Features, Found, Server, Settings};
use proptest::prelude::*;

/// What the client sends at once, and everything that should follow.
#[derive(Debug, Default)]
struct Exchange {
    input: Vec<u8>,
    expected: String,
}

struct Session {
    title: String,
    settings: Settings,
    refusal: Option<Reply>,
    mechanisms: String,
    /// The machine is busy.
    slow: bool,
    /// The client talked before it was greeted.
    pushy: bool,
    answers: Vec<(String, Reply)>,
    exchanges: Vec<Exchange>,
}

pub(crate) fn unescape(text: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'\\', [b'r', tail @ ..]) => {
                out.push(b'\r');
                tail
            }
            (b'\\', [b'n', tail @ ..]) => {
                out.push(b'\n');
                tail
            }
            (b'\\', [b'\\', tail @ ..]) => {
                out.push(b'\\');
                tail
            }
            (b'\\', [b'x', a, b, tail @ ..]) => {
                let digits = [*a, *b];
                let digits = std::str::from_utf8(&digits).unwrap();
                out.push(u8::from_str_radix(digits, 16).unwrap());
                tail
            }
            (b'\\', [b'*', tail @ ..]) => {
                // \*300x: x, 300 times.
                let digits = tail.iter().take_while(|b| b.is_ascii_digit()).count();
                let count: usize = tail[..digits].to_str().unwrap().parse().unwrap();
                out.resize(out.len() + count, tail[digits]);
                &tail[digits + 1..]
            }
            _ => {
                out.push(*first);
                tail
            }
        };
    }
    out
}

fn set(session: &mut Session, word: &str) {
    let settings = &mut session.settings;
    let (name, value) = word.split_once('=').unwrap_or((word, ""));
    let drop = |settings: &mut Settings, feature| {
        settings.features = settings.features.without(feature);
    };
    let add = |settings: &mut Settings, feature| {
        settings.features = settings.features.with(feature);
    };
    match name {
        "novrfy" => drop(settings, Features::VRFY),
        "noexpn" => drop(settings, Features::EXPN.with(Features::VERB)),
        "noverb" => drop(settings, Features::VERB),
        "noetrn" => drop(settings, Features::ETRN),
        "noreceipts" => drop(settings, Features::DSN),
        "needmailhelo" => add(settings, Features::NEED_MAIL_HELO),
        "needvrfyhelo" => add(settings, Features::NEED_VRFY_HELO),
        "needexpnhelo" => add(settings, Features::NEED_EXPN_HELO),
        "needauth" => add(settings, Features::NEED_AUTH),
        "tls" => add(settings, Features::STARTTLS),
        "auth" => session.mechanisms = value.replace('+', " "),
        "bogushelo" => settings.allow_bogus_helo = true,
        "recipients_max" => settings.recipients_max = value.parse().unwrap(),
        "bad_rcpt_throttle" => settings.bad_rcpt_throttle = value.parse().unwrap(),
        "bad_rcpt_shutdown" => settings.bad_rcpt_shutdown = value.parse().unwrap(),
        "bad_rcpt_share" => settings.bad_rcpt_shutdown_share = value.parse().unwrap(),
        "noop_max" => settings.noop_max = value.parse().unwrap(),
        "check_other" => settings.asks_other = true,
        "chunking" => add(settings, Features::CHUNKING),
        "limits" => add(settings, Features::LIMITS),
        "xclient" => add(settings, Features::XCLIENT),
        "nohttp" => add(settings, Features::NO_HTTP),
        "slow" => session.slow = true,
        "pushy" => session.pushy = true,
        "size_max" => settings.message_bytes_max = Some(value.parse().unwrap()),
        "refused" => session.refusal = Some(Reply::with(550, (5, 7, 1), "Access denied")),
        _ => panic!("unknown setting {word}"),
    }
}

fn parse(script: &str) -> Vec<Session> {
    let mut sessions: Vec<Session> = Vec::new();
    let mut was_client = false;
    for line in script.lines() {
        if let Some(title) = line.strip_prefix("=== ") {
            sessions.push(Session {
                title: title.to_owned(),
                settings: Settings {
                    host: "mail.example.org".into(),
                    ..Settings::default()
                },
                refusal: None,
                mechanisms: String::new(),
                slow: false,
                pushy: false,
                answers: Vec::new(),
                exchanges: Vec::new(),
            });
            was_client = false;
            continue;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let session = sessions.last_mut().expect("a script begins with === title");
        if let Some(words) = line.strip_prefix("! ") {
            words.split(' ').for_each(|word| set(session, word));
        } else if let Some(answer) = line.strip_prefix("A: ") {
            let (question, reply) = answer.split_once(" => ").expect("A: question => reply");
            let reply = Reply::parse(reply.as_bytes()).expect("a reply");
            session.answers.push((question.to_owned(), reply));
        } else if let Some(text) = line.strip_prefix("C: ").or((line == "C:").then_some("")) {
            if !was_client {
                session.exchanges.push(Exchange::default());
            }
            let exchange = session.exchanges.last_mut().expect("just pushed");
            match text.strip_suffix("\\c") {
                Some(text) => exchange.input.extend(unescape(text)),
                None => {
                    exchange.input.extend(unescape(text));
                    exchange.input.extend_from_slice(b"\r\n");
                }
            }
        } else {
            let exchange = session.exchanges.last_mut().expect("C: before the rest");
            exchange.expected.push_str(line);
            exchange.expected.push('\n');
        }
        was_client = line.starts_with("C:");
    }
    sessions
}

/// Plays one session; what the machine and its driver said in each exchange.
struct Player<'a> {
    session: &'a Session,
    server: Server,
    out: Vec<u8>,
    said: String,
    sink: Vec<u8>,
    closed: bool,
}

impl<'a> Player<'a> {
    fn new(session: &'a Session) -> Self {
        let peer = BString::from("mail.example.org [127.0.0.1]");
        let mut server = Server::new(Arc::new(session.settings.clone()), peer);
        if let Some(refusal) = &session.refusal {
            server.refuse_all(refusal.clone());
        }
        server.set_mechanisms(session.mechanisms.as_str().into());
        server.set_slow(session.slow);
        let mut out = Vec::new();
        if session.pushy {
            server.greet_refusing(&mut out);
        }
        Self {
            session,
            server,
            out,
            said: String::new(),
            sink: Vec::new(),
            closed: false,
        }
    }

    /// Gives the bytes of one exchange in pieces that end at `cuts`.
    fn exchange(&mut self, input: &[u8], cuts: &[usize]) -> String {
        let mut pending: Vec<u8> = Vec::new();
        let mut from = 0;
        for cut in cuts.iter().copied().chain([input.len()]) {
            pending.extend_from_slice(&input[from..cut]);
            from = cut;
            let taken = self.feed(&pending);
            pending.drain(..taken);
        }
        self.flush();
        std::mem::take(&mut self.said)
    }

    fn feed(&mut self, input: &[u8]) -> usize {
        let mut taken = 0;
        for _ in 0..10_000 {
            let rest = &input[taken..];
            if self.server.in_message() {
                let (used, found) = self.server.message(rest, &mut self.sink, &mut self.out);
                taken += used;
                match found {
                    Found::More => return taken,
                    Found::End => self.end_of_message(),
                    Found::BareCr | Found::BareLf | Found::Chunk => {}
                }
                continue;
            }
            let (used, action) = self.server.step(rest, false, &mut self.out);
            taken += used;
            for note in self.server.take_notes() {
                self.note(&format!("N: {note:?}"));
            }
            match action {
                Action::Read => return taken,
                Action::Ask(ask) => {
                    let reply = self.answer(&ask);
                    self.server.answer(&reply, &mut self.out);
                }
                Action::Reset | Action::Again => {}
                Action::Xclient(argument) => {
                    self.note(&format!("X: {argument}"));
                    self.server.restart("other.example [192.0.2.1]".into());
                }
                Action::Pause(time) => self.note(&format!("P: {}", time.as_secs())),
                Action::StartTls => {
                    self.note("S: (TLS)");
                    self.server.tls_started();
                }
                Action::Close => {
                    if !std::mem::replace(&mut self.closed, true) {
                        self.note("S: (closed)");
                    }
                    return input.len();
                }
            }
        }
        panic!("the machine turns without end");
    }

    fn end_of_message(&mut self) {
        let body = self.sink.escape_ascii().to_string();
        self.note(&format!("B: {body}"));
        self.sink.clear();
        let reply = self
            .find("END")
            .unwrap_or_else(|| server::accepted("QID00000000001"));
        self.server.answer(&reply, &mut self.out);
    }

    fn note(&mut self, line: &str) {
        self.flush();
        self.said.push_str(line);
        self.said.push('\n');
    }

    fn flush(&mut self) {
        for line in self.out.lines_with_terminator() {
            let text = line.strip_suffix(b"\r\n").expect("replies end in CR LF");
            assert!(!text.contains(&b'\r'), "no CR within a reply: {text:?}");
            self.said.push_str("S: ");
            self.said.push_str(
                &text
                    .escape_ascii()
                    .to_string()
                    .replace("\\\"", "\"")
                    .replace("\\'", "'"),
            );
            self.said.push('\n');
        }
        self.out.clear();
    }

    fn find(&self, question: &str) -> Option<Reply> {
        self.session
            .answers
            .iter()
            .find(|(prefix, _)| question.starts_with(prefix.as_str()))
            .map(|(_, reply)| reply.clone())
    }

    fn answer(&self, ask: &Ask) -> Reply {
        let yes = || Reply::new(250, None, "ok");
        match ask {
            Ask::Mail {
                address,
                parameters,
            } => self
                .find(&format!("MAIL {address}"))
                .or_else(|| parameters.as_ref().err().cloned())
                .unwrap_or_else(|| server::sender_ok(address)),
            Ask::Rcpt {
                address,
                parameters,
            } => parameters
                .as_ref()
                .err()
                .cloned()
                .or_else(|| self.find(&format!("RCPT {address}")))
                .unwrap_or_else(|| server::recipient_ok(address)),
            Ask::Vrfy(argument) => self.find(&format!("VRFY {argument}")).expect("A: VRFY"),
            Ask::Expn(argument) => self.find(&format!("EXPN {argument}")).expect("A: EXPN"),
            Ask::Etrn(argument) => self.find(&format!("ETRN {argument}")).expect("A: ETRN"),
            Ask::Auth { mechanism, initial } => {
                let initial = initial.as_ref().map_or_else(
                    || "-".to_owned(),
                    |initial| format!("{:?}", BString::from(initial.as_slice())),
                );
                self.find(&format!("AUTH {mechanism} {initial}"))
                    .expect("A: AUTH")
            }
            Ask::AuthMessage(message) => {
                let message = BString::from(message.as_slice());
                self.find(&format!("AUTHMESSAGE {message:?}"))
                    .expect("A: AUTHMESSAGE")
            }
            Ask::Helo { .. } => self.find("HELO").unwrap_or_else(yes),
            Ask::Data => self.find("DATA").unwrap_or_else(yes),
            Ask::EndOfMessage => yes(),
            Ask::Other { line, digit } => {
                let question = format!("OTHER {} {line}", char::from(*digit));
                self.find(&question).unwrap_or_else(yes)
            }
        }
    }
}

/// Notes apart from the dialogue: they have an order of their own.
fn notes_first(text: &str) -> String {
    let (mut notes, rest): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.starts_with("N: "));
    notes.extend(rest);
    notes.join("\n")
}

fn play(session: &Session, cuts: impl Fn(&Exchange) -> Vec<usize>) {
    let mut player = Player::new(session);
    for (number, exchange) in session.exchanges.iter().enumerate() {
        let said = player.exchange(&exchange.input, &cuts(exchange));
        assert_eq!(
            notes_first(&said),
            notes_first(&exchange.expected),
            "{}, exchange {number}: {}",
            session.title,
            exchange.input.escape_ascii()
        );
    }
}

fn sessions() -> Vec<Session> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/smtp_server");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let sessions: Vec<Session> = files
        .iter()
        .flat_map(|file| parse(&std::fs::read_to_string(file).unwrap()))
        .collect();
    assert!(sessions.len() > 10, "the scripts are there");
    sessions
}

#[test]
fn scripts_in_one_piece() {
    sessions().iter().for_each(|s| play(s, |_| Vec::new()));
}

/// Input that comes too early is found only when it comes too early: such
/// sessions say so in their title.
#[test]
fn scripts_byte_by_byte() {
    for session in sessions()
        .iter()
        .filter(|s| !s.title.contains("(one piece)"))
    {
        play(session, |exchange| (1..exchange.input.len()).collect());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn scripts_with_random_cuts(cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        for session in sessions().iter().filter(|s| !s.title.contains("(one piece)")) {
            play(session, |exchange| {
                let mut cuts: Vec<usize> =
                    cuts.iter().map(|c| c.index(exchange.input.len() + 1)).collect();
                cuts.sort_unstable();
                cuts
            });
        }
    }

    /// Whatever comes, the machine answers in whole lines and ends.
    #[test]
    fn any_bytes(
        text in "((EHLO|HELO|MAIL FROM:|RCPT TO:|DATA|RSET|VRFY|NOOP|QUIT|ETRN|HELP|<a@b>| SIZE=1|.|[\u{0}-\u{ff}])| |\r\n|\n){0,60}",
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let session = Session {
            title: "any".into(),
            settings: Settings::default(),
            mechanisms: String::new(),
            refusal: None,
            slow: false,
            pushy: false,
            answers: ["VRFY", "EXPN", "ETRN"]
                .map(|q| (q.to_owned(), Reply::with(250, (2, 0, 0), "x")))
                .into(),
            exchanges: Vec::new(),
        };
        let input: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
        let mut cuts: Vec<usize> = cuts.iter().map(|c| c.index(input.len() + 1)).collect();
        cuts.sort_unstable();
        Player::new(&session).exchange(&input, &cuts);
    }
}
