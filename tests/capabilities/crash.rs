//! What was answered 250 is found again: after `kill -9` at random moments
//! under load, and when the disk is full.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::need;
use crate::sink::Sink;
use crate::site::Site;

/// How often the server is killed in one run.
const KILLS: usize = 16;
/// Sessions that send all the time.
const SENDERS: usize = 6;

/// Sends messages until it is told to stop; notes those that were answered
/// 250. Errors are what a killed server looks like, and are no concern.
fn keep_sending(
    address: SocketAddr,
    number: &AtomicUsize,
    stop: &AtomicBool,
    taken: &Mutex<BTreeSet<usize>>,
) {
    while !stop.load(Ordering::Relaxed) {
        if session(address, number, stop, taken).is_err() {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn session(
    address: SocketAddr,
    number: &AtomicUsize,
    stop: &AtomicBool,
    taken: &Mutex<BTreeSet<usize>>,
) -> std::io::Result<()> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut out = stream;
    let mut answer = |expected: &str| -> std::io::Result<()> {
        let mut line = String::new();
        loop {
            line.clear();
            if lines.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                break;
            }
        }
        if line.starts_with(expected) {
            Ok(())
        } else {
            Err(std::io::Error::other(line))
        }
    };
    answer("220")?;
    out.write_all(b"HELO client.example.com\r\n")?;
    answer("250")?;
    while !stop.load(Ordering::Relaxed) {
        let id = number.fetch_add(1, Ordering::Relaxed);
        for command in ["MAIL FROM:<a@near.example>", "RCPT TO:<b@far.example>"] {
            out.write_all(format!("{command}\r\n").as_bytes())?;
            answer("250")?;
        }
        out.write_all(b"DATA\r\n")?;
        answer("354")?;
        let filling = "x".repeat(id % 900);
        out.write_all(format!("Subject: number {id};\r\n\r\n{filling}\r\n.\r\n").as_bytes())?;
        answer("250")?;
        taken.lock().expect("no thread panicked").insert(id);
    }
    Ok(())
}

/// The server's process and all its children, the parent last.
pub(crate) fn family(parent: i32) -> Vec<i32> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let children = std::fs::read_to_string(path).unwrap_or_default();
    let mut all: Vec<i32> = children
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .flat_map(family)
        .collect();
    all.push(parent);
    all
}

#[test]
fn what_was_answered_250_survives_kill_9_at_random_moments() {
    let sink = Sink::start();
    let mut site = Site::stock(&format!(
        "define(`SMART_HOST', `relay:[127.0.0.1]')dnl\n\
         define(`RELAY_MAILER_ARGS', `TCP $h {}')dnl",
        sink.port()
    ));
    site.start();
    let seed = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(1, |since| since.subsec_nanos());
    println!("seed {seed}");
    let mut random = seed;
    let number = Arc::new(AtomicUsize::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let taken = Arc::new(Mutex::new(BTreeSet::new()));
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            let (number, stop, taken) = (number.clone(), stop.clone(), taken.clone());
            let address = site.address();
            thread::spawn(move || keep_sending(address, &number, &stop, &taken))
        })
        .collect();
    for round in 0..KILLS {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        thread::sleep(Duration::from_millis(u64::from(40 + random % 300)));
        // Now and then only the engine: its parent starts another.
        let family = family(site.pid());
        let engine_only = round % 3 == 2 && family.len() > 1;
        let victims = if engine_only {
            &family[..1]
        } else {
            &family[..]
        };
        for &pid in victims {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        if !engine_only {
            site.wait();
            site.start();
        }
    }
    stop.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.join().expect("a sender does not panic");
    }
    let taken = taken.lock().expect("no thread panicked").clone();
    assert!(
        taken.len() > KILLS,
        "only {} messages were taken",
        taken.len()
    );
    let numbers = || -> BTreeSet<usize> {
        sink.received()
            .iter()
            .filter_map(|message| {
                let (_, rest) = message.text.split_once("Subject: number ")?;
                rest.split(';').next()?.parse().ok()
            })
            .collect()
    };
    let missing = || -> Vec<usize> { taken.difference(&numbers()).copied().collect() };
    let end = std::time::Instant::now() + Duration::from_secs(30);
    while !missing().is_empty() && std::time::Instant::now() < end {
        thread::sleep(Duration::from_millis(200));
    }
    let missing = missing();
    assert!(
        missing.is_empty(),
        "seed {seed}: of {} messages answered 250, {} are gone: {missing:?}",
        taken.len(),
        missing.len()
    );
}

/// Starts a daemon that runs no queue by itself.
fn daemon_without_runs(site: &Site) -> std::process::Child {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_godwit"));
    command.arg("--root").arg(site.root());
    command.args(["sendmail", "-bD"]);
    let log = std::fs::File::create(site.path("daemon.out")).expect("a log can be made");
    command.stdin(std::process::Stdio::null());
    command.stdout(log.try_clone().expect("a descriptor can be copied"));
    command.stderr(log);
    let mut child = command.spawn().expect("the program can be started");
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(site.address()).is_err() {
        assert!(std::time::Instant::now() < end, "the daemon answers");
        assert!(child.try_wait().expect("it can be waited for").is_none());
        thread::sleep(Duration::from_millis(20));
    }
    child
}

#[test]
fn what_a_crash_left_is_delivered_without_a_queue_run() {
    // The sink is there after the crash only: until then nothing gets through.
    let sink = Sink::start();
    let stuck = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = stuck.local_addr().expect("its address").port();
    let with_port = |port: u16| {
        format!(
            "define(`SMART_HOST', `relay:[127.0.0.1]')dnl\n\
             define(`RELAY_MAILER_ARGS', `TCP $h {port}')dnl"
        )
    };
    let site = Site::stock(&with_port(port));
    let names = ["etc/mail/sendmail.mc", "etc/mail/sendmail.cf"].map(|name| site.path(name));
    let [mc, cf] = &names;
    let words = [mc, cf].map(|path| path.to_str().expect("a path in ASCII"));
    site.must(&["compile", words[0], "-o", words[1]]);
    site.must(&["newaliases"]);
    let mut child = daemon_without_runs(&site);
    let mut session = site.session();
    session.expect("EHLO client.example.com", "250");
    for number in 0..5 {
        session.expect("MAIL FROM:<a@near.example>", "250");
        session.expect("RCPT TO:<b@far.example>", "250");
        session.data(&format!("Subject: number {number};\n\nx\n"), "250");
    }
    for pid in family(i32::try_from(child.id()).expect("a process id")) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    let _ = child.wait();
    assert!(sink.received().is_empty());
    let text = std::fs::read_to_string(cf).expect("the configuration");
    let (before, after) = (format!("TCP $h {port}"), format!("TCP $h {}", sink.port()));
    assert!(text.contains(&before));
    std::fs::write(cf, text.replace(&before, &after)).expect("written");
    let mut child = daemon_without_runs(&site);
    let end = std::time::Instant::now() + Duration::from_secs(15);
    while sink.received().len() < 5 && std::time::Instant::now() < end {
        thread::sleep(Duration::from_millis(50));
    }
    let received = sink.received().len();
    let _ = kill(
        Pid::from_raw(i32::try_from(child.id()).expect("a process id")),
        Signal::SIGTERM,
    );
    let _ = child.wait();
    assert_eq!(received, 5);
}

#[test]
fn a_full_disk_is_answered_452_and_nothing_is_lost() {
    if !need::root("a full disk: mounting a small file system") {
        return;
    }
    let me = "mail";
    let mut site = Site::stock("FEATURE(`use_cw_file')dnl");
    site.write("etc/mail/local-host-names", "here.example\n");
    let spool = site.path("var/spool/mqueue");
    std::fs::create_dir_all(&spool).expect("a directory");
    // Room for one journal segment and little more.
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=72m,mode=0700", "tmpfs"])
        .arg(&spool)
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        return need::left_out("a full disk", "a file system cannot be mounted here");
    }
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        site.start();
        let big = format!("Subject: big\n\n{}\n", "0123456789abcdef\n".repeat(700_000));
        let mut session = site.session();
        session.expect("EHLO client.example.com", "250");
        session.expect("MAIL FROM:<a@near.example>", "250");
        session.expect(&format!("RCPT TO:<{me}@here.example>"), "250");
        session.data(&big, "452 4.");
        session.expect("MAIL FROM:<a@near.example>", "250");
        session.expect(&format!("RCPT TO:<{me}@here.example>"), "250");
        session.data("Subject: small\n\nfits\n", "250");
        site.mailbox(me, "Subject: small");
    }));
    site.stop();
    let _ = std::process::Command::new("umount").arg(&spool).status();
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}
