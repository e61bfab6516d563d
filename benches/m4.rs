//! The macro processor and the compiler beside GNU m4, in CPU time.
//!
//! `cargo bench --bench m4`. GNU m4 and the reference (`GODWIT_REFERENCE`) are
//! measured when they are there; all programs take turns in one run, and the
//! median of their runs counts.
//!
//! *own* is user and system time of the process itself, from its exec to its
//! end: loading, reading, expanding, writing, starting commands. *all* is that
//! and the same of all processes that it waited for. Only the reference's
//! library runs commands: a shell, a script, whoami, hostname, date, sed and
//! rm. They are the same for every m4, no m4 can make them cheaper, and so
//! they are shown apart: *all* without *own*. Where commands are off
//! (`-Dsyscmd`), own is all. *machine* is the macro processor without a
//! process around it, warm.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use godwit::m4::{Found, Host, HostError, Limits, M4, Message, Settings};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

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

/// What one process took.
#[derive(Clone, Copy, Default)]
struct Taken {
    own: Duration,
    all: Duration,
}

/// Runs one process to its end.
fn process(program: &Path, arguments: &[String], input: &[u8]) -> Taken {
    let before = used(UsageWho::RUSAGE_CHILDREN);
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut own = Duration::ZERO;
    if let Ok(mut child) = child {
        if let Some(mut stdin) = child.stdin.take() {
            // A program that stops early does not read it all.
            let _ = stdin.write_all(input);
        }
        own = own_time(child.id());
        let _ = child.wait();
    }
    Taken {
        own,
        all: used(UsageWho::RUSAGE_CHILDREN).saturating_sub(before),
    }
}

/// Waits for the end of a process and reads, before it is gone, how long it was
/// on a processor itself: the kernel keeps that in nanoseconds.
fn own_time(id: u32) -> Duration {
    let ended = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    let pid = Pid::from_raw(i32::try_from(id).unwrap_or(0));
    let _ = waitid(Id::Pid(pid), ended);
    let text = std::fs::read_to_string(format!("/proc/{id}/schedstat")).unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
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
    subjects.extend(on_the_reference());
    subjects
}

/// Debian's `sendmail.mc` on the reference's library, without the commands of
/// the library and with them.
fn on_the_reference() -> Vec<Subject> {
    let Some((library, text)) = debian() else {
        return Vec::new();
    };
    let files = vec![format!("{library}/m4/cf.m4")];
    let directory = ("_CF_DIR_", format!("{library}/"));
    vec![
        Subject {
            name: "Debian's sendmail.mc, commands off",
            defines: vec![("syscmd", String::new()), directory.clone()],
            files: files.clone(),
            input: text.clone().into_bytes(),
        },
        Subject {
            name: "Debian's sendmail.mc, commands on",
            defines: vec![directory],
            files,
            input: text.into_bytes(),
        },
    ]
}

/// The reference's library and the `sendmail.mc` that Debian ships with it.
fn debian() -> Option<(String, String)> {
    let library = std::env::var_os("GODWIT_REFERENCE")
        .map_or_else(|| PathBuf::from("/opt/oracle/sendmail"), PathBuf::from)
        .join("root/usr/share/sendmail/cf");
    let text = std::fs::read_to_string(library.join("debian/sendmail.mc")).ok()?;
    let library = library.to_string_lossy().into_owned();
    Some((
        library.clone(),
        text.replace("/usr/share/sendmail/cf", &library),
    ))
}

/// A configuration of 5,000 lines: domains, names of this host, rules, remarks.
fn long_source() -> String {
    let mut text = String::from("OSTYPE(`linux')dnl\nDOMAIN(`generic')dnl\n");
    for n in 0..2000 {
        text.push_str(&format!("MASQUERADE_DOMAIN(`host{n}.example.org')dnl\n"));
    }
    for n in 0..1000 {
        text.push_str(&format!("LOCAL_DOMAIN(`own{n}.example.org')dnl\n"));
    }
    for n in 0..500 {
        text.push_str(&format!("dnl # What is said of {n}, and why it is so.\n"));
    }
    text.push_str("MAILER(`local')dnl\nMAILER(`smtp')dnl\nLOCAL_RULE_0\n");
    for n in 0..1493 {
        let rule = format!("R$* < @ host{n}.example.com. > $*");
        text.push_str(&format!(
            "{rule}\t$#relay $@ hub{n}.example.com $: $1 < @ host{n}.example.com. > $2\n"
        ));
    }
    text
}

/// `godwit compile` beside m4 on the reference's library, and with a long
/// source.
fn compiling(ours: &Path, gnu: &Path, out: &mut impl Write) -> std::io::Result<()> {
    let folder = std::env::temp_dir().join(format!("godwit-bench-m4-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("etc/m4"))?;
    for name in ["dialup.m4", "provider.m4"] {
        std::fs::write(folder.join("etc/m4").join(name), "")?;
    }
    let etc = format!("{}/etc/", folder.display());
    if let Some((_, text)) = debian() {
        let file = folder.join("debian.mc");
        std::fs::write(&file, text.replace("/etc/mail/", &etc))?;
        let file = file.display().to_string();
        let mut taken: [Vec<Taken>; 2] = Default::default();
        for _ in 0..RUNS {
            taken[0].push(process(gnu, std::slice::from_ref(&file), b""));
            taken[1].push(process(ours, &["compile".to_owned(), file.clone()], b""));
        }
        let [gnu, ours] = taken.map(|taken| medians(&taken));
        writeln!(
            out,
            "Debian's sendmail.mc: m4 with the reference's library {:.2} ms, godwit compile {:.2} ms: a {:.1}th",
            gnu.all,
            ours.all,
            gnu.all / ours.all,
        )?;
    }
    let text = long_source();
    let file = folder.join("long.mc");
    std::fs::write(&file, &text)?;
    let arguments = ["compile".to_owned(), file.display().to_string()];
    let taken: Vec<Taken> = (0..9).map(|_| process(ours, &arguments, b"")).collect();
    let peak = getrusage(UsageWho::RUSAGE_CHILDREN).map_or(0, |usage| usage.max_rss());
    writeln!(
        out,
        "A source of {} lines: godwit compile {:.2} ms; the largest process of this run had {:.1} MiB at its peak",
        text.lines().count(),
        medians(&taken).all,
        peak as f64 / 1024.0,
    )?;
    std::fs::remove_dir_all(folder)
}

/// Milliseconds.
struct Medians {
    own: f64,
    all: f64,
}

fn medians(taken: &[Taken]) -> Medians {
    let of = |each: fn(&Taken) -> Duration| {
        median(taken.iter().map(each).collect()).as_secs_f64() * 1000.0
    };
    Medians {
        own: of(|taken| taken.own),
        all: of(|taken| taken.all),
    }
}

fn main() -> std::io::Result<()> {
    let ours = PathBuf::from(env!("CARGO_BIN_EXE_godwit"));
    let gnu = PathBuf::from("/usr/bin/m4");
    let mut out = std::io::stdout();
    // First: the peak that it tells is of these processes.
    compiling(&ours, &gnu, &mut out)?;
    writeln!(
        out,
        "{:38} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "ms of CPU", "m4 own", "m4 all", "ours own", "ours all", "machine"
    )?;
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
        let mut taken: [Vec<Taken>; 2] = Default::default();
        let mut machines = Vec::new();
        for _ in 0..RUNS {
            if gnu.exists() {
                taken[0].push(process(&gnu, &arguments, &subject.input));
            }
            taken[1].push(process(&ours, &ours_arguments, &subject.input));
            machines.push(machine(&subject.files, &subject.input, &defines));
        }
        let [gnu, ours] = taken.map(|taken| medians(&taken));
        writeln!(
            out,
            "{:38} {:9.2} {:9.2} {:9.2} {:9.2} {:9.2}",
            subject.name,
            gnu.own,
            gnu.all,
            ours.own,
            ours.all,
            median(machines).as_secs_f64() * 1000.0
        )?;
    }
    Ok(())
}
