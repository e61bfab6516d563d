//! Mail coming in, as a whole: SMTP dialogues with a site that is compiled
//! from a `.mc`, a real queue, and a small world of users and names.
//!
//! A script (tests/data/receive/*.txt) holds sessions, each after a line
//! `=== title`; lines of options for the `.mc` (`! define(...)dnl`) before
//! the first session hold for the file.
//!
//! ```text
//! from: 127.0.0.5                     the client's address
//! rate: 3 1                           it connects for the third time, and has
//!                                     one connection
//! C: EHLO c                           sent; escapes as in smtp_server; if no
//!                                     answer follows, the client goes away
//! S: 250 ...                          what comes back
//! L: <22>...                          the log after the session
//! M: ...                              messages accepted: envelope and header
//! submit: alice trusted -t -fx bob    instead of a dialogue: a submission,
//! T: Subject: x                       its text,
//! E: 67 nosuch... User unknown        and what is complained about
//! ```
//!
//! Ids, dates and the version are masked.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bstr::{BString, ByteSlice};
use godwit::base::maillog::Priority;
use godwit::cf::{self, Origins};
use godwit::daemon::Port;
use godwit::dbfile::Duplicates;
use godwit::envelope::{ControllingUser, Envelope, ListError, ListFile, ListFiles};
use godwit::map::{Builder, Kind, MapWorld};
use godwit::mc::{Request, Templates, compile};
use godwit::message::date;
use godwit::os::{Chance, SystemClock, SystemDisk};
use godwit::queue::{Claim, Queue, QueueSettings, QueueWorld, Selector};
use godwit::receive::{
    Connection, Counts, Daemon, Intake, Security, Service, ServiceParts, Submission, Submitter,
};
use godwit::route::{Site, SiteWorld, load};
use godwit::world::{
    BoxFuture, Files, HostIdentity, LocalHost, Log, Mx, Nothing, RecordKind, ResolveError,
    Resolver, User, Users, UsersError,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::sessions::{Script, files, said_by_client, setting};

/// Names from a table.
struct Zone(Vec<(String, String, String)>);

impl Zone {
    fn read(text: &str) -> Self {
        let rows = text.lines().filter(|l| !l.starts_with('#'));
        Self(
            rows.filter_map(|line| {
                let mut words = line.split_whitespace().map(str::to_owned);
                Some((words.next()?, words.next()?, words.next()?))
            })
            .collect(),
        )
    }

    fn find(&self, name: &str, kind: &str) -> Result<Vec<String>, ResolveError> {
        let of_name = || self.0.iter().filter(|r| r.0.eq_ignore_ascii_case(name));
        if of_name().any(|r| r.1 == "TEMP") {
            return Err(ResolveError::Temporary);
        }
        let found: Vec<String> = of_name()
            .filter(|r| r.1 == kind)
            .map(|r| r.2.clone())
            .collect();
        if !found.is_empty() {
            Ok(found)
        } else if of_name().next().is_some() {
            Err(ResolveError::NoData)
        } else {
            Err(ResolveError::NoSuchName)
        }
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(std::future::ready(value))
}

impl Resolver for Zone {
    fn mx<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<Mx>, ResolveError>> {
        ready(self.find(name, "MX").map(|found| {
            let row = |exchange| Mx {
                preference: 10,
                exchange,
            };
            found.into_iter().map(row).collect()
        }))
    }

    fn addresses<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>> {
        ready(
            self.find(name, "A")
                .map(|found| found.iter().filter_map(|a| a.parse().ok()).collect()),
        )
    }

    fn name_of(&self, address: IpAddr) -> BoxFuture<'_, Result<String, ResolveError>> {
        ready(
            self.find(&address.to_string(), "PTR")
                .map(|mut found| found.remove(0)),
        )
    }

    fn canonical<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<String, ResolveError>> {
        let found = match self.find(name, "A") {
            Err(ResolveError::NoData) => self.find(name, "MX"),
            other => other,
        };
        ready(found.map(|_| name.to_ascii_lowercase()))
    }

    fn records<'a>(
        &'a self,
        name: &'a str,
        kind: RecordKind,
    ) -> BoxFuture<'a, Result<Vec<BString>, ResolveError>> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let kind = if kind == RecordKind::Mx { "MX" } else { "A" };
        ready(
            self.find(name, kind)
                .map(|found| found.into_iter().map(BString::from).collect()),
        )
    }
}

/// The users of the recorded dialogues.
struct People;

const PEOPLE: &[(&str, u32, &str)] = &[
    ("root", 0, "root"),
    ("alice", 1001, "Alice Example"),
    ("bob", 1002, "Bob B. Example"),
    ("carol", 1003, "Carol \"CC\" Example"),
    ("dave", 1004, "Dave Dave Co"),
];

fn person(row: &(&str, u32, &str)) -> Arc<User> {
    Arc::new(User {
        name: row.0.into(),
        uid: row.1,
        gid: row.1,
        full_name: row.2.into(),
        home: format!("/home/{}", row.0).into(),
        shell: "/bin/sh".into(),
    })
}

impl Users for People {
    fn user(&self, name: &[u8]) -> Result<Option<Arc<User>>, UsersError> {
        Ok(PEOPLE.iter().find(|p| p.0.as_bytes() == name).map(person))
    }

    fn user_by_id(&self, uid: u32) -> Result<Option<Arc<User>>, UsersError> {
        Ok(PEOPLE.iter().find(|p| p.1 == uid).map(person))
    }

    fn group(&self, _: &[u8]) -> Result<Option<u32>, UsersError> {
        Ok(None)
    }
}

impl Files for People {
    fn open(&self, path: &Path) -> io::Result<std::fs::File> {
        std::fs::File::open(path)
    }
}

/// A machine whose access files know one client.
struct Guarded;

impl LocalHost for Guarded {
    fn load(&self) -> u32 {
        11
    }

    fn admits(&self, _: Option<&[u8]>, address: IpAddr) -> bool {
        address.to_string() != "127.0.0.31"
    }
}

/// A log that is kept.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl Log for Lines {
    fn level(&self) -> u8 {
        9
    }

    fn line(&self, priority: Priority, line: &[u8]) {
        let line = format!("<{}>{}", 16 + priority as u8, line.escape_ascii());
        let line = line
            .replace("\\\\", "\\")
            .replace("\\\"", "\"")
            .replace("\\'", "'");
        self.0.lock().unwrap().push(line);
    }
}

/// Keeps what was accepted, and leaves it to the queue.
#[derive(Default)]
struct Kept {
    messages: Mutex<Vec<String>>,
    runs: Mutex<Vec<String>>,
}

impl Intake for Kept {
    fn deliver(&self, claim: Claim, _: Option<u8>) {
        self.messages.lock().unwrap().push(show(&claim));
    }

    fn run_queue(&self, selector: Selector) {
        self.runs.lock().unwrap().push(format!("{selector:?}"));
    }

    fn lists(&self) -> &dyn ListFiles {
        self
    }
}

impl ListFiles for Kept {
    fn forward<'a>(
        &'a self,
        _: &'a User,
        _: Vec<std::path::PathBuf>,
    ) -> BoxFuture<'a, Result<Option<ListFile>, ListError>> {
        ready(Ok(None))
    }

    fn include<'a>(
        &'a self,
        path: &'a Path,
        _: Option<&'a ControllingUser>,
    ) -> BoxFuture<'a, Result<ListFile, ListError>> {
        ready(Err(ListError::Refused {
            path: path.display().to_string(),
            reason: "No such file or directory".into(),
        }))
    }
}

/// A message as a script shows it.
fn show(claim: &Claim) -> String {
    let (message, envelope) = (&claim.message, &claim.message.envelope);
    let mut out = format!(
        "M: from {}{}\n",
        envelope.shown_sender(),
        show_more(envelope)
    );
    for recipient in &envelope.recipients {
        let notify = recipient.notify;
        let mut flags = String::new();
        for (on, letter) in [
            (notify.success, 'S'),
            (notify.failure, 'F'),
            (notify.delay, 'D'),
        ] {
            if on {
                flags.push(letter);
            }
        }
        let flags = if notify.given {
            format!(" notify={flags}")
        } else {
            flags
        };
        let orcpt = recipient
            .orcpt
            .as_ref()
            .map_or(String::new(), |o| format!(" orcpt={o}"));
        out.push_str(&format!("M: to {}{flags}{orcpt}\n", recipient.shown()));
    }
    for field in message.header.fields() {
        let flags = if field.flags.is_empty() {
            String::new()
        } else {
            format!("?{}?", field.flags)
        };
        let value = field.value.replace(b"\n", b"~");
        out.push_str(&format!("M: H{flags}{}:{}\n", field.name, value.as_bstr()));
    }
    out.push_str(&format!("M: body {} bytes\n", message.body.len()));
    out
}

fn show_more(envelope: &Envelope) -> String {
    let mut out = format!(" size={} priority={}", envelope.size, envelope.priority);
    if let Some(body) = envelope.body_type {
        out.push_str(&format!(" body={}", body.as_str()));
    }
    if let Some(envid) = &envelope.envid {
        out.push_str(&format!(" envid={envid}"));
    }
    if let Some(ret) = envelope.ret {
        out.push_str(&format!(" ret={ret:?}"));
    }
    for (is_set, word) in [
        (envelope.has_8bit, "8bit"),
        (envelope.no_body_return, "no-body"),
        (envelope.delete_bcc, "delete-bcc"),
    ] {
        if is_set {
            out.push_str(&format!(" {word}"));
        }
    }
    if let Some(why) = &envelope.quarantine {
        out.push_str(&format!(" quarantine={why}"));
    }
    out
}

/// Reads nothing but the library.
struct Alone;

impl godwit::m4::Host for Alone {
    fn read(&mut self, _: &[u8]) -> Result<godwit::m4::Found, godwit::m4::HostError> {
        Err(godwit::m4::HostError::new("not here"))
    }

    fn message(&mut self, _: &godwit::m4::Message) {}
}

/// A site, its queue, its log.
pub(crate) struct Lab {
    service: Arc<Service>,
    log: Arc<Lines>,
    kept: Arc<Kept>,
    _folder: tempfile::TempDir,
}

impl Lab {
    /// A site of these lines for the `.mc` and the access table; sessions come
    /// to the listener at `port`, if the lines say which there are.
    fn new(script: &Script, port: Option<&str>) -> Self {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/receive/site");
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().to_str().unwrap();
        for name in ["access", "mailertable", "virtusertable"] {
            let more = if name == "access" { &script.access } else { "" };
            build(&data.join(name), more, &folder.path().join(name), b'\t');
        }
        build(
            &data.join("aliases"),
            "",
            &folder.path().join("aliases"),
            b':',
        );
        let source = std::fs::read_to_string(data.join("site.mc")).unwrap();
        let source = source
            .replace("@DIR@", dir)
            .replace("@EXTRA@", script.extra.trim_end());
        let compiled = compile(
            &Request {
                name: "site.mc",
                text: source.as_bytes(),
                templates: Templates::BuiltIn,
                allow_commands: false,
            },
            &mut Alone,
        );
        assert!(
            !compiled.failed(),
            "{:?} {}",
            compiled.faults,
            compiled.said
        );
        let (config, faults) = cf::read(&compiled.text, Origins::Lines(&compiled.origins));
        assert!(faults.iter().all(|f| !f.is_error()), "{faults:?}");
        let zone = std::fs::read_to_string(data.join("zone")).unwrap();
        let zone: Arc<dyn Resolver> = Arc::new(Zone::read(&zone));
        let daemon = listener(&config, script, port);
        let site = site(config, Arc::clone(&zone));
        let log = Arc::new(Lines::default());
        let kept = Arc::new(Kept::default());
        let service = Service::new(ServiceParts {
            spool: Arc::new(queue(folder.path(), Arc::clone(&log))),
            site: Arc::new(site),
            clock: Arc::new(SystemClock),
            resolver: zone,
            local_host: Arc::new(Guarded),
            log: Arc::clone(&log) as Arc<dyn Log>,
            intake: Arc::clone(&kept) as Arc<dyn Intake>,
            daemon,
            zone: jiff::tz::TimeZone::UTC,
            security: Security::default(),
            stopping: tokio::sync::watch::channel(false).1,
        });
        Self {
            service,
            log,
            kept,
            _folder: folder,
        }
    }
}

/// The listener that serves a session.
fn listener(config: &cf::Config, script: &Script, port: Option<&str>) -> Daemon {
    let usual = Daemon {
        name: "MTA".into(),
        ..Daemon::default()
    };
    if !script.extra.contains("DAEMON_OPTIONS") {
        return usual;
    }
    let ports = config.options.all(cf::Opt::DaemonPortOptions);
    let ports = ports.iter().enumerate();
    let mut ports = ports.map(|(index, value)| Port::parse(value.text.as_bstr(), index).unwrap());
    let wanted = ports.find(|one| port.is_none_or(|port| one.port == port));
    wanted.map_or(usual, |port| Daemon {
        name: port.name,
        modifiers: port.modifiers,
        address: port.address,
        family: "inet".into(),
        port: port.port,
        delivery_mode: port.delivery_mode,
        ..Daemon::default()
    })
}

fn site(config: cf::Config, zone: Arc<dyn Resolver>) -> Site {
    let host = HostIdentity {
        node: "mail.example.org".into(),
        full: "mail.example.org".into(),
        aliases: Vec::new(),
        addresses: vec!["127.0.0.1".parse().unwrap()],
    };
    let initial = Arc::new(load::initial_macros(&host, "@VERSION@", 1));
    let (classes, _) = load::classes(&config, &initial, &host, &People);
    let world = SiteWorld {
        maps: MapWorld {
            files: Arc::new(People),
            clock: Arc::new(SystemClock),
            resolver: zone,
            users: Arc::new(People),
            programs: Arc::new(Nothing),
            dial: Arc::new(Nothing),
            log: Arc::new(Nothing),
            entropy: Arc::new(Nothing),
        },
        users: Arc::new(People),
        aliases: None,
        macros: initial,
        classes,
    };
    let (site, faults) = Site::open(config, world);
    assert!(faults.iter().all(|f| !f.is_error()), "{faults:?}");
    site
}

fn queue(folder: &Path, log: Arc<Lines>) -> Queue {
    let spool = folder.join("mqueue");
    std::fs::create_dir(&spool).unwrap();
    let world = QueueWorld {
        disk: Arc::new(SystemDisk),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(Chance),
        log,
    };
    Queue::open(QueueSettings::new(spool, "mail.example.org"), world).unwrap()
}

/// Makes a hash database of a source with keys up to `separator`.
fn build(source: &Path, more: &str, target: &Path, separator: u8) {
    let path = target.with_extension("db");
    let mut builder = Builder::empty(Kind::Hash, &path, false, None).unwrap();
    let text = std::fs::read_to_string(source).unwrap() + more;
    let folder = target.parent().unwrap().to_str().unwrap();
    let text = text.replace("\n\t", " ").replace("@DIR@", folder);
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let Some((key, value)) = line.split_once(char::from(separator)) else {
            continue;
        };
        let key = key.trim().to_ascii_lowercase();
        let value = value.trim().as_bytes();
        builder
            .insert(key.as_bytes(), value, Duplicates::Refuse)
            .unwrap();
    }
    if separator == b':' {
        // What says that a database of aliases is whole.
        builder.insert(b"@", b"@", Duplicates::Refuse).unwrap();
    }
    builder.finish().unwrap();
}

/// Hides what differs from run to run.
fn mask(text: &str) -> String {
    let now = SystemTime::now();
    let mut text = text.to_owned();
    let utc = jiff::tz::TimeZone::UTC;
    for back in 0..120 {
        let time = now - Duration::from_secs(back);
        text = text.replace(&date::rfc5322(time, &utc), "@DATE@");
        text = text.replace(&format!("{}.", date::minutes(time, &utc)), "@MINUTE@.");
    }
    for seconds in 1..30 {
        text = text.replace(&format!("delay=00:00:{seconds:02}"), "delay=00:00:00");
    }
    let mut ids: HashMap<String, usize> = HashMap::new();
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        out.push_str(&rest[..at]);
        let word = &rest[at..];
        let end = word
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        if is_id(word) {
            let count = ids.len() + 1;
            let number = *ids.entry(word.to_owned()).or_insert(count);
            out.push_str(&format!("@ID{number}@"));
        } else {
            out.push_str(word);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn is_id(word: &str) -> bool {
    word.len() >= 14
        && word.len() <= 16
        && word.as_bytes()[..8].iter().all(u8::is_ascii_alphanumeric)
        && word.as_bytes()[8..].iter().all(u8::is_ascii_digit)
        && word.as_bytes()[..8].iter().any(u8::is_ascii_alphabetic)
}

/// Submits a message and tells what became of it.
async fn submission(lab: &Lab, command: &str, script: &str) -> String {
    let mut words = command.split(' ');
    let mut submission = Submission {
        user: Submitter {
            name: words.next().unwrap().into(),
            is_trusted: false,
        },
        verify: true,
        ..Submission::default()
    };
    for word in words {
        match word {
            "trusted" => submission.user.is_trusted = true,
            "-t" => submission.from_header = true,
            "-i" => submission.ignore_dots = true,
            "-oem" => submission.verify = false,
            _ if word.starts_with("-f") => {
                submission.sender = Some((b'f', word[2..].into()));
            }
            _ if word.starts_with("-F") => submission.full_name = Some(word[2..].into()),
            _ => submission.recipients.push(word.into()),
        }
    }
    let mut text = Vec::new();
    let mut out = format!("submit: {command}\n");
    for line in script.lines().filter(|l| l.starts_with("T:")) {
        out.push_str(&format!("{line}\n"));
        text.extend(super::smtp_server::unescape(
            line[2..].strip_prefix(' ').unwrap_or(""),
        ));
        text.push(b'\n');
    }
    let service = Arc::clone(&lab.service);
    let submitted = service
        .submit(submission, &mut text.as_slice())
        .await
        .unwrap();
    for complaint in &submitted.complaints {
        out.push_str(&format!(
            "E: {} {}\n",
            complaint.exit.code(),
            complaint.text
        ));
    }
    if let Some(claim) = submitted.claim {
        lab.kept.deliver(claim, None);
    }
    finish(lab, out)
}

/// Adds the log and the messages, and masks all.
fn finish(lab: &Lab, mut out: String) -> String {
    for line in lab.log.0.lock().unwrap().drain(..) {
        out.push_str(&format!("L: {line}\n"));
    }
    for message in lab.kept.messages.lock().unwrap().drain(..) {
        out.push_str(&message);
    }
    mask(&out)
}

/// Lines by which a session says something about itself.
const SETTINGS: [&str; 4] = ["from: ", "rate: ", "port: ", "only: "];

/// Plays one session and gives the dialogue as it went.
async fn dialogue(lab: &Lab, script: &str, pieces: Pieces) -> String {
    if let Some(command) = script.lines().find_map(|l| l.strip_prefix("submit: ")) {
        return submission(lab, command, script).await;
    }
    let from: IpAddr = script
        .lines()
        .find_map(|l| l.strip_prefix("from: "))
        .unwrap_or("127.0.0.1")
        .parse()
        .unwrap();
    let (client, server) = tokio::io::duplex(1 << 16);
    let mut connection = Connection::tcp(SocketAddr::new(from, 4711), None);
    let rate = script.lines().find_map(|l| l.strip_prefix("rate: "));
    if let Some((rate, open)) = rate.and_then(|text| text.split_once(' ')) {
        connection.counts = Counts {
            client_rate: rate.parse().unwrap(),
            client_connections: open.parse().unwrap(),
            total_rate: 1,
        };
    }
    let serving = tokio::spawn(Arc::clone(&lab.service).serve(server, connection));
    let (mut reading, mut writing) = tokio::io::split(client);
    let is_setting = |line: &&str| SETTINGS.iter().any(|word| line.starts_with(word));
    let settings = script.lines().filter(is_setting);
    let mut out: String = settings.map(|line| format!("{line}\n")).collect();
    receive(&mut reading, &mut out).await;
    let mut pending = Vec::new();
    let all: Vec<&str> = script.lines().collect();
    for (number, line) in all.iter().enumerate() {
        let Some(text) = line.strip_prefix("C: ").or((*line == "C:").then_some("")) else {
            continue;
        };
        out.push_str(&format!("{}\n", line));
        pending.extend(said_by_client(text));
        if all
            .get(number + 1)
            .is_some_and(|next| next.starts_with("C:"))
        {
            continue;
        }
        pieces
            .send(&mut writing, &std::mem::take(&mut pending))
            .await;
        // Without an answer in the script the client goes away at once.
        if all
            .get(number + 1)
            .is_some_and(|next| next.starts_with("S:"))
        {
            receive(&mut reading, &mut out).await;
        }
    }
    writing.shutdown().await.unwrap();
    drop((reading, writing));
    serving.await.unwrap();
    finish(lab, out)
}

/// Takes replies until the server waits.
async fn receive(reading: &mut (impl AsyncReadExt + Unpin), out: &mut String) {
    let mut bytes = Vec::new();
    loop {
        let mut space = [0; 4096];
        let time = Duration::from_secs(20);
        let got = tokio::time::timeout(time, reading.read(&mut space)).await;
        let Ok(Ok(count)) = got else {
            out.push_str("S: (nothing)\n");
            return;
        };
        bytes.extend_from_slice(&space[..count]);
        let is_whole = bytes.ends_with(b"\r\n")
            && bytes
                .lines()
                .next_back()
                .is_some_and(|l| l.get(3) == Some(&b' '));
        if count == 0 || is_whole {
            // Whatever else is on its way comes with the same breath.
            let more = tokio::time::timeout(Duration::from_millis(1), reading.read(&mut space));
            if count > 0
                && let Ok(Ok(more)) = more.await
                && more > 0
            {
                bytes.extend_from_slice(&space[..more]);
                continue;
            }
            break;
        }
    }
    for line in bytes.lines() {
        out.push_str(&format!("S: {}\n", line.as_bstr()));
    }
}

async fn play(file: &Path, pieces: Pieces) {
    let text = std::fs::read_to_string(file).unwrap();
    let script = Script::parse(&text);
    let mut labs: HashMap<Option<&str>, Lab> = HashMap::new();
    let mut got = script.head().to_owned();
    for (title, session) in &script.sessions {
        let in_one = title.contains("(one piece)") && pieces != Pieces::One;
        let played = if in_one || setting(session, "only") == Some("live") {
            format!("{session}\n")
        } else {
            let port = setting(session, "port");
            let lab = labs.entry(port).or_insert_with(|| Lab::new(&script, port));
            dialogue(lab, session, pieces).await
        };
        got.push_str(&format!("=== {title}\n{played}\n"));
    }
    let got = format!("{}\n", got.trim_end());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(file, &got).unwrap();
        return;
    }
    similar(&got, &text, file);
}

fn similar(got: &str, want: &str, file: &Path) {
    for (number, (got, want)) in got.lines().zip(want.lines()).enumerate() {
        assert_eq!(got, want, "{}:{}", file.display(), number + 1);
    }
    assert_eq!(
        got.lines().count(),
        want.lines().count(),
        "{}",
        file.display()
    );
}

/// How what a client says is cut up on its way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pieces {
    /// Not at all.
    One,
    /// Into single bytes.
    Bytes,
    /// Anywhere, from this seed.
    Random(u64),
}

impl Pieces {
    /// Sends the bytes; whoever reads gets its turn after each piece.
    async fn send(self, writing: &mut (impl AsyncWriteExt + Unpin), bytes: &[u8]) {
        let mut state = match self {
            Self::Random(seed) => seed | 1,
            _ => 1,
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            // xorshift: any numbers will do, the same each time.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let length = match self {
                Self::One => rest.len(),
                Self::Bytes => 1,
                Self::Random(_) => usize::try_from(state % 40).unwrap() + 1,
            };
            let (piece, after) = rest.split_at(length.min(rest.len()));
            writing.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
            rest = after;
        }
    }
}

/// Plays all files, at the same time: many sessions wait for something.
async fn play_all(pieces: Pieces) {
    let mut playing = tokio::task::JoinSet::new();
    for file in files() {
        playing.spawn(async move { play(&file, pieces).await });
    }
    while let Some(played) = playing.join_next().await {
        played.unwrap();
    }
}

#[tokio::test]
async fn dialogues() {
    play_all(Pieces::One).await;
}

#[tokio::test]
async fn dialogues_byte_by_byte() {
    play_all(Pieces::Bytes).await;
}

#[tokio::test]
async fn dialogues_with_random_cuts() {
    play_all(Pieces::Random(0x5eed)).await;
}
