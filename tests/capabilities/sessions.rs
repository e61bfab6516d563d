//! The sessions of tests/data/receive over sockets: into the reference and
//! into our binary, each of which must answer as the scripts say.
//!
//! `receive` plays the same scripts into the machine. Only there are the
//! sessions that say `only: lab`, because no outer world can be made for them;
//! `only: live` means the opposite. `UPDATE_EXPECT=1` writes down what the
//! reference answers; playing `receive` in the same way then adds what is
//! ours: the log, the messages, the extensions.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::smtp_server::unescape;
use crate::world::{self, Daemon};

/// A script: what the site is, and its sessions.
pub(crate) struct Script {
    /// Lines for the `.mc`.
    pub(crate) extra: String,
    /// Lines for the access table.
    pub(crate) access: String,
    /// Title and lines of each session.
    pub(crate) sessions: Vec<(String, String)>,
    head: String,
}

impl Script {
    pub(crate) fn parse(text: &str) -> Self {
        let (head, rest) = text.split_once("=== ").unwrap_or((text, ""));
        let lines = |prefix: &str| {
            let found = head.lines().filter_map(|line| line.strip_prefix(prefix));
            found.map(|line| format!("{line}\n")).collect::<String>()
        };
        let session = |part: &str| {
            let (title, lines) = part.split_once('\n').unwrap_or((part, ""));
            (title.to_owned(), lines.trim_end().to_owned())
        };
        Self {
            extra: lines("! "),
            access: lines("+ "),
            sessions: rest.split("\n=== ").map(session).collect(),
            head: head.to_owned(),
        }
    }

    pub(crate) fn head(&self) -> &str {
        &self.head
    }
}

/// The word that a session says about itself: `from: 127.0.0.5`.
pub(crate) fn setting<'a>(session: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = session.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The scripts, in order.
pub(crate) fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/receive");
    let wanted = std::env::var("GODWIT_SCRIPT").unwrap_or_default();
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the scripts are there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .filter(|path| path.to_string_lossy().contains(&wanted))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// The bytes of the lines of `C:`; `\c` at an end adds no line end.
pub(crate) fn said_by_client(text: &str) -> Vec<u8> {
    match text.strip_suffix("\\c") {
        Some(text) => unescape(text),
        None => [unescape(text), b"\r\n".to_vec()].concat(),
    }
}

/// One step of a session: what is sent, and what is to come.
struct Step<'a> {
    lines: Vec<&'a str>,
    answers: Vec<&'a str>,
}

fn steps(session: &str) -> Vec<Step<'_>> {
    let mut steps = vec![Step {
        lines: Vec::new(),
        answers: Vec::new(),
    }];
    for line in session.lines() {
        if line.starts_with("C:") {
            if steps.last().is_some_and(|step| !step.answers.is_empty()) {
                steps.push(Step {
                    lines: Vec::new(),
                    answers: Vec::new(),
                });
            }
            steps.last_mut().expect("a step").lines.push(line);
        } else if let Some(answer) = line.strip_prefix("S: ") {
            let step = steps.last_mut().expect("a step");
            if step.lines.is_empty() && steps.len() > 1 {
                continue;
            }
            steps.last_mut().expect("a step").answers.push(answer);
        }
    }
    // The greeting comes unasked.
    steps
}

/// Hides what is ours alone, and what differs from run to run.
fn normal(answers: &[String]) -> Vec<String> {
    let mut ids: HashMap<String, usize> = HashMap::new();
    let mut out: Vec<String> = Vec::new();
    for answer in answers {
        let text = answer.get(4..).unwrap_or_default();
        let is_ours = ["CHUNKING", "BINARYMIME", "MT-PRIORITY", "FUTURERELEASE"];
        if answer.starts_with("250-")
            && (is_ours.iter().any(|word| text.starts_with(word)) || text.starts_with("LIMITS"))
        {
            continue;
        }
        let no_help =
            answer.starts_with("504 5.3.0 HELP") || answer.contains("HELP not implemented");
        let line = if answer.starts_with("214") || no_help {
            "214 (help)".to_owned()
        } else if let Some((before, _)) = answer.split_once(" ESMTP Sendmail ") {
            format!("{before} ESMTP Sendmail (version)")
        } else {
            let word = |word: &str| {
                if word.starts_with("@ID") || is_id(word) {
                    let count = ids.len() + 1;
                    let number = *ids.entry(word.to_owned()).or_insert(count);
                    return format!("@ID{number}@");
                }
                word.to_owned()
            };
            let words: Vec<String> = answer.split(' ').map(word).collect();
            words.join(" ")
        };
        if line == "214 (help)" && out.last() == Some(&line) {
            continue;
        }
        out.push(line);
    }
    out
}

fn is_id(word: &str) -> bool {
    (14..=16).contains(&word.len())
        && word.bytes().all(|b| b.is_ascii_alphanumeric())
        && word.bytes().skip(8).all(|b| b.is_ascii_digit())
        && word.bytes().take(8).any(|b| b.is_ascii_alphabetic())
}

/// A connection, and what came over it that was not looked at yet.
struct Client {
    stream: TcpStream,
    pending: Vec<u8>,
    closed: bool,
}

impl Client {
    fn connect(from: &str, port: u16) -> Self {
        let kind = socket2::Type::STREAM;
        let socket = socket2::Socket::new(socket2::Domain::IPV4, kind, None).expect("a socket");
        let from: std::net::IpAddr = from.parse().expect("an address");
        let local = SocketAddr::from((from, 0));
        socket
            .bind(&local.into())
            .expect("an address of this world");
        let server = SocketAddr::from(([127, 0, 0, 1], port));
        socket.connect(&server.into()).expect("the server listens");
        let stream: TcpStream = socket.into();
        stream.set_nodelay(true).expect("an option");
        Self {
            stream,
            pending: Vec::new(),
            closed: false,
        }
    }

    /// Takes whole lines until `count` replies are there, or (without a
    /// count) until it is quiet.
    fn replies(&mut self, count: Option<usize>, out: &mut Vec<String>) {
        let (mut got, mut quiet) = (0, 0);
        // How long nothing may come: a pause of the server's, or the end.
        let patience = if count.is_some() { 240 } else { 120 };
        let time = Duration::from_millis(25);
        self.stream.set_read_timeout(Some(time)).expect("a timeout");
        while count.is_none_or(|count| got < count) && !self.closed {
            if let Some(end) = self.pending.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                let line = line.strip_suffix(b"\r\n").unwrap_or(&line);
                got += usize::from(line.get(3) != Some(&b'-'));
                out.push(bstr::BStr::new(line).to_string());
                continue;
            }
            let mut space = [0; 4096];
            match self.stream.read(&mut space) {
                Ok(0) => self.closed = true,
                Ok(read) => self.pending.extend_from_slice(&space[..read]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    quiet += 1;
                    if quiet > patience || (count.is_none() && got > 0 && quiet > 5) {
                        return;
                    }
                }
                Err(_) => self.closed = true,
            }
        }
    }
}

/// Plays a session; what was answered in each step.
fn play(session: &str, port: u16, record: bool) -> Vec<Vec<String>> {
    let from = setting(session, "from").unwrap_or("127.0.0.1");
    let port = setting(session, "port").map_or(port, |port| port.parse().expect("a port"));
    let mut before = Vec::new();
    if setting(session, "rate").is_some() {
        // What has ended before is counted no more, once it is noticed.
        std::thread::sleep(Duration::from_millis(500));
    }
    if let Some((rate, open)) = setting(session, "rate").and_then(|text| text.split_once(' ')) {
        let (rate, open): (usize, usize) = (
            rate.parse().expect("a rate"),
            open.parse().expect("a count"),
        );
        for count in 1..rate {
            let mut client = Client::connect(from, port);
            client.replies(Some(1), &mut Vec::new());
            if count < open {
                before.push(client);
            } else {
                let _ = client.stream.write_all(b"QUIT\r\n");
                client.replies(Some(2), &mut Vec::new());
            }
        }
    }
    let mut client = Client::connect(from, port);
    let mut all = Vec::new();
    for (number, step) in steps(session).iter().enumerate() {
        let mut got = Vec::new();
        let bytes: Vec<u8> = step
            .lines
            .iter()
            .flat_map(|line| said_by_client(line[2..].strip_prefix(' ').unwrap_or("")))
            .collect();
        if !bytes.is_empty() && client.stream.write_all(&bytes).is_err() {
            client.closed = true;
        }
        // Without an answer in the script the client goes away at once.
        if !step.answers.is_empty() || number == 0 {
            let finals = step
                .answers
                .iter()
                .filter(|a| a.as_bytes().get(3) != Some(&b'-'));
            let count = (!record).then(|| finals.count());
            client.replies(count, &mut got);
        }
        all.push(got);
    }
    all
}

/// A site in the world: its files, for both programs.
fn build(tree: &Path, case: &Path, script: &Script) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/receive/site");
    let read = |name: &str| fs::read_to_string(data.join(name)).expect("a file of the site");
    let mc = read("site.mc")
        .replace("@DIR@", "/case")
        .replace("@EXTRA@", script.extra.trim_end());
    // The machine is as busy as it is; nothing is delivered.
    let mc = format!(
        "define(`confREFUSE_LA', `9999')dnl\ndefine(`confQUEUE_LA', `9999')dnl\n\
         define(`confDELIVERY_MODE', `queueonly')dnl\n\
         define(`confPID_FILE', `/case/pid')dnl\n{mc}"
    );
    let mc = if mc.contains("DAEMON_OPTIONS") || mc.contains("no_default_msa") {
        mc
    } else {
        mc.replace(
            "MAILER(`local')",
            "FEATURE(`no_default_msa')dnl\n\
            DAEMON_OPTIONS(`Port=25, Addr=127.0.0.1, Name=MTA, Modifiers=A')dnl\nMAILER(`local')",
        )
    };
    fs::write(case.join("site.mc"), mc).expect("a private file");
    for name in ["access", "mailertable", "virtusertable"] {
        let text = read(name) + if name == "access" { &script.access } else { "" };
        fs::write(case.join(name), text).expect("a private file");
    }
    let aliases = read("aliases").replace("@DIR@", "/case");
    fs::write(case.join("aliases"), aliases).expect("a private file");
    fs::write(case.join("people"), read("people")).expect("a private file");
    world::must(
        tree,
        "rm -f *.db; m4 /usr/share/sendmail/cf/m4/cf.m4 site.mc > site.cf 2>/dev/null
         for m in access mailertable virtusertable; do makemap hash $m < $m; done
         sendmail -C /case/site.cf -bi >/dev/null
         ./godwit compile site.mc -o ours.cf
         rm -rf /var/spool/mqueue; mkdir -m 700 /var/spool/mqueue",
    );
}

/// Compares what came with what the script says.
fn compare(who: &str, file: &Path, title: &str, session: &str, got: &[Vec<String>]) -> String {
    let mut faults = String::new();
    for (number, (step, got)) in steps(session).iter().zip(got).enumerate() {
        let want: Vec<String> = step.answers.iter().map(|a| (*a).to_owned()).collect();
        let (want, got) = (normal(&want), normal(got));
        if want != got {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            faults.push_str(&format!(
                "{name}, {title}, step {number}: {who}\n  sent {}\n",
                step.lines.join("\n       ")
            ));
            for line in &want {
                let mark = if got.contains(line) { ' ' } else { '-' };
                faults.push_str(&format!("  {mark} {line}\n"));
            }
            for line in got.iter().filter(|line| !want.contains(line)) {
                faults.push_str(&format!("  + {line}\n"));
            }
        }
    }
    faults
}

/// The script with the answers of the reference.
fn recorded(session: &str, got: &[Vec<String>]) -> String {
    let is_live = setting(session, "only").is_some();
    let mut out: String = session
        .lines()
        .filter(|line| !line.starts_with("C:") && !line.starts_with("S:"))
        .filter(|line| {
            ["from: ", "rate: ", "port: ", "only: "]
                .iter()
                .any(|word| line.starts_with(word))
        })
        .map(|line| format!("{line}\n"))
        .collect();
    for (number, (step, got)) in steps(session).iter().zip(got).enumerate() {
        step.lines
            .iter()
            .for_each(|line| out.push_str(&format!("{line}\n")));
        let missing = number > 0 && got.is_empty() && !step.answers.is_empty();
        let got = if is_live { normal(got) } else { got.clone() };
        for line in got.iter().chain(missing.then_some(&"(nothing)".to_owned())) {
            out.push_str(&format!("S: {line}\n"));
        }
    }
    out
}

fn play_file(tree: &Path, case: &Path, file: &Path) -> String {
    let text = fs::read_to_string(file).expect("a script");
    let mut script = Script::parse(&text);
    build(tree, case, &script);
    let (mut faults, log) = (String::new(), case.join("out"));
    let live = |session: &str| {
        setting(session, "only") != Some("lab") && setting(session, "submit").is_none()
    };
    let record = std::env::var_os("UPDATE_EXPECT").is_some();
    let daemon = Daemon::start(tree, "sendmail -bD -C /case/site.cf", 25, &log);
    for (title, session) in &mut script.sessions {
        if live(session) {
            let got = play(session, 25, record);
            if record {
                *session = recorded(session, &got);
            } else {
                faults += &compare("the reference", file, title, session, &got);
            }
        }
    }
    drop(daemon);
    if record {
        let mut out = script.head().to_owned();
        for (title, session) in &script.sessions {
            out.push_str(&format!("=== {title}\n{}\n\n", session.trim_end()));
        }
        fs::write(file, format!("{}\n", out.trim_end())).expect("a script");
    }
    world::must(
        tree,
        "rm -rf /var/spool/mqueue; mkdir -m 700 /var/spool/mqueue",
    );
    let daemon = Daemon::start(tree, "./godwit sendmail -bD -C /case/ours.cf", 25, &log);
    for (title, session) in script.sessions.iter().filter(|(_, session)| live(session)) {
        let got = play(session, 25, false);
        faults += &compare("we", file, title, session, &got);
    }
    if !faults.is_empty() {
        faults += &daemon.said();
    }
    faults
}

#[test]
fn the_reference_and_the_binary_answer_as_the_scripts_say() {
    let name = "sessions::the_reference_and_the_binary_answer_as_the_scripts_say";
    let Some(tree) = world::inside() else {
        world::enter(name, "the sessions at the reference");
        return;
    };
    let case = tempfile::tempdir().expect("a folder");
    fs::copy(crate::site::godwit(), case.path().join("godwit")).expect("a copy");
    world::furnish(&tree, case.path());
    let zone = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/receive/site/zone");
    world::name_server(&fs::read_to_string(zone).expect("the zone"));
    let mut faults = String::new();
    for file in files() {
        faults += &play_file(&tree, case.path(), &file);
    }
    assert!(faults.is_empty(), "\n{faults}");
}
