//! The macro processor beside GNU m4, in CPU time (user and system, of the
//! process and its children): the start alone, the reference's library with a
//! stock `sendmail.mc`, and loops that macro programs are made of; then what
//! the machine alone needs, without a process around it.
//!
//! `cargo bench --bench m4`. GNU m4 and the reference (`GODWIT_REFERENCE`) are
//! measured when they are there. Commands are off (`-Dsyscmd`): both would
//! wait for the same shell.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use godwit::m4::{Found, Host, HostError, Limits, M4, Message, Settings};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

/// Runs of each command; the median counts.
const RUNS: usize = 61;

fn used(who: UsageWho) -> Duration {
    let Ok(usage) = getrusage(who) else {
        return Duration::ZERO;
    };
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// The CPU time of one process.
fn process(program: &Path, arguments: &[String], input: &[u8]) -> Duration {
    let before = used(UsageWho::RUSAGE_CHILDREN);
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Ok(mut child) = child {
        if let Some(mut stdin) = child.stdin.take() {
            // A program that stops early does not read it all.
            let _ = stdin.write_all(input);
        }
        let _ = child.wait();
    }
    used(UsageWho::RUSAGE_CHILDREN).saturating_sub(before)
}

struct Files;

impl Host for Files {
    fn read(&mut self, name: &[u8]) -> Result<Found, HostError> {
        let text = std::str::from_utf8(name)
            .ok()
            .and_then(|name| std::fs::read(name).ok());
        text.map(|bytes| Found {
            path: name.into(),
            bytes,
        })
        .ok_or_else(|| HostError::new("No such file or directory"))
    }

    fn message(&mut self, _: &Message) {}
}

/// The time of the machine alone.
fn machine(files: &[String], input: &[u8], defines: &[(&str, &str)]) -> Duration {
    let before = used(UsageWho::RUSAGE_THREAD);
    let mut host = Files;
    let settings = Settings {
        limits: Limits::generous(),
        ..Settings::default()
    };
    let mut m4 = M4::new(&mut host, settings);
    for (name, value) in defines {
        m4.define(name.as_bytes(), value.as_bytes());
    }
    for file in files {
        let _ = m4.process_file(file.as_bytes());
    }
    let _ = m4.process_bytes(b"stdin", input.to_vec());
    let _ = m4.finish();
    used(UsageWho::RUSAGE_THREAD).saturating_sub(before)
}

struct Subject {
    name: &'static str,
    defines: Vec<(&'static str, String)>,
    files: Vec<String>,
    input: Vec<u8>,
}

fn subjects() -> Vec<Subject> {
    let plain = |name, input: String| Subject {
        name,
        defines: Vec::new(),
        files: Vec::new(),
        input: input.into_bytes(),
    };
    let mut subjects = vec![
        plain("start", String::new()),
        plain("plain text, 4 MB", "some words, and (more) of them\n".repeat(135_000)),
        plain(
            "define and call, 20,000 times",
            (0..20_000).map(|n| format!("define(`m{n}', `<$1, $2>')dnl\nm{n}(`a', `b')\n")).collect(),
        ),
        plain(
            "a loop of 50,000 turns",
            "define(`loop',`ifelse($1,0,,`x loop(decr($1))')')loop(50000)\n".to_owned(),
        ),
        plain(
            "shift over 600 arguments",
            format!(
                "define(`each',`ifelse($#,1,``$1'',`$1 each(shift($@))')')each({})\n",
                (0..600).map(|n| n.to_string()).collect::<Vec<_>>().join(",")
            ),
        ),
        plain(
            "patsubst and regexp, 5,000 times",
            "patsubst(`some words and more',`\\w+',`<\\&>')regexp(`some words',`\\(o\\)\\(m\\)',`\\2\\1')\n"
                .repeat(5000),
        ),
    ];
    let reference = std::env::var_os("GODWIT_REFERENCE")
        .map_or_else(|| PathBuf::from("/opt/oracle/sendmail"), PathBuf::from)
        .join("root/usr/share/sendmail/cf");
    let library = reference.to_string_lossy().into_owned();
    if let Ok(text) = std::fs::read_to_string(reference.join("debian/sendmail.mc")) {
        let text = text.replace("/usr/share/sendmail/cf", &library);
        subjects.push(Subject {
            name: "the reference's library, Debian's sendmail.mc",
            defines: vec![
                ("syscmd", String::new()),
                ("_CF_DIR_", format!("{library}/")),
            ],
            files: vec![format!("{library}/m4/cf.m4")],
            input: text.into_bytes(),
        });
    }
    subjects
}

fn main() {
    let ours = PathBuf::from(env!("CARGO_BIN_EXE_godwit"));
    let gnu = PathBuf::from("/usr/bin/m4");
    let mut out = std::io::stdout();
    let _ = writeln!(
        out,
        "{:48} {:>9} {:>9} {:>9}",
        "ms of CPU", "GNU m4", "godwit m4", "machine"
    );
    for subject in subjects() {
        let mut arguments: Vec<String> = Vec::new();
        for (name, value) in &subject.defines {
            arguments.push(format!("-D{name}={value}"));
        }
        arguments.extend(subject.files.iter().cloned());
        arguments.push("-".to_owned());
        let mut ours_arguments = vec!["m4".to_owned()];
        ours_arguments.extend(arguments.iter().cloned());
        let defines: Vec<(&str, &str)> = subject
            .defines
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let mut times: [Vec<Duration>; 3] = Default::default();
        for _ in 0..RUNS {
            if gnu.exists() {
                times[0].push(process(&gnu, &arguments, &subject.input));
            }
            times[1].push(process(&ours, &ours_arguments, &subject.input));
            times[2].push(machine(&subject.files, &subject.input, &defines));
        }
        let [gnu, ours, machine] = times.map(|times| median(times).as_secs_f64() * 1000.0);
        let _ = writeln!(
            out,
            "{:48} {gnu:9.2} {ours:9.2} {machine:9.2}",
            subject.name
        );
    }
}
