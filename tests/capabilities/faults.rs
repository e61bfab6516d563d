//! What goes wrong around the built program: mailboxes that are locked or
//! full, peers that hang up at any byte, lists and messages of great size.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::mail::me;
use crate::need;
use crate::sink::Sink;
use crate::site::Site;

fn local_site(extra: &str) -> Site {
    let mut site = Site::stock(&format!("FEATURE(`use_cw_file')dnl\n{extra}"));
    site.write("etc/mail/local-host-names", "here.example\n");
    site.start();
    site
}

fn send_many(site: &Site, to: &str, count: usize) {
    let mut session = site.session();
    session.expect("EHLO client.example.com", "250");
    for number in 0..count {
        session.expect("MAIL FROM:<a@far.example>", "250");
        session.expect(&format!("RCPT TO:<{to}>"), "250");
        session.data(&format!("Subject: number {number}\n\nx\n"), "250");
    }
}

#[test]
fn a_locked_mailbox_does_not_stall_others() {
    if !need::root("mailboxes of several users") {
        return;
    }
    let site = local_site("");
    // Somebody reads his mail, and goes to lunch.
    site.write("var/mail/daemon.lock", "1");
    send_many(&site, "daemon@here.example", 300);
    let began = Instant::now();
    send_many(&site, "bin@here.example", 50);
    site.until("mail for the other", |site| {
        let mail = site.read("var/mail/bin");
        (mail.matches("Subject: number ").count() == 50).then_some(())
    });
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(site.read("var/mail/daemon"), "");
    std::fs::remove_file(site.path("var/mail/daemon.lock")).expect("the lock is there");
    site.until("mail that waited", |site| {
        let mail = site.read("var/mail/daemon");
        (mail.matches("Subject: number ").count() == 300).then_some(())
    });
}

#[test]
fn a_mailbox_without_room_waits_and_is_left_whole() {
    if !need::root("a full disk: mounting a small file system") {
        return;
    }
    let mut site = Site::stock("FEATURE(`use_cw_file')dnl");
    site.write("etc/mail/local-host-names", "here.example\n");
    let mail = site.path("var/mail");
    std::fs::create_dir_all(&mail).expect("a directory");
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=256k,mode=1777", "tmpfs"])
        .arg(&mail)
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        need::left_out("a full disk under mailboxes", "nothing can be mounted here");
        return;
    }
    site.start();
    site.send(
        "a@far.example",
        &["bin@here.example"],
        "Subject: small\n\nx\n",
    );
    let before = site.mailbox("bin", "Subject: small");
    let large = format!(
        "Subject: large\n\n{}",
        "0123456789 0123456789\n".repeat(16_000)
    );
    site.send("a@far.example", &["bin@here.example"], &large);
    site.until("the want of room in the log", |site| {
        let log = site.read("var/log/maillog");
        log.contains("No space left on device").then_some(())
    });
    site.mailq("bin@here.example");
    assert_eq!(site.read("var/mail/bin"), before);
    // There is room again.
    let remounted = std::process::Command::new("mount")
        .args(["-o", "remount,size=4m"])
        .arg(&mail)
        .status();
    assert!(remounted.is_ok_and(|status| status.success()));
    site.must(&["sendmail", "-q"]);
    let after = site.mailbox("bin", "Subject: large");
    assert!(after.starts_with(&before), "the first message is as it was");
    assert_eq!(after.matches("0123456789 0123456789\n").count(), 16_000);
    site.stop();
    let _ = std::process::Command::new("umount").arg(&mail).status();
}

/// A far host that hangs up after so many bytes of its answers, one more each
/// time; in the end it takes everything.
struct Moody {
    port: u16,
    taken: Arc<AtomicUsize>,
    visits: Arc<AtomicUsize>,
}

impl Moody {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let port = listener.local_addr().expect("an address").port();
        let (taken, visits) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (store, count) = (Arc::clone(&taken), Arc::clone(&visits));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let limit = count.fetch_add(1, Ordering::SeqCst);
                // A host that is gone is a session's end as any other.
                let _ = moody(&stream, limit, &store);
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
        Self {
            port,
            taken,
            visits,
        }
    }
}

fn moody(stream: &TcpStream, mut left: usize, taken: &AtomicUsize) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut say = |text: &[u8]| {
        let now = text.len().min(left);
        left -= now;
        out.write_all(&text[..now])?;
        match now == text.len() {
            true => Ok(()),
            false => Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
        }
    };
    let mut lines = BufReader::new(stream.try_clone()?);
    say(b"220 moody ESMTP\r\n")?;
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        match line.to_ascii_uppercase().get(..4) {
            Some(b"EHLO") => say(b"250-moody\r\n250 PIPELINING\r\n")?,
            Some(b"DATA") => {
                say(b"354 go\r\n")?;
                while line != b".\r\n" {
                    line.clear();
                    if lines.read_until(b'\n', &mut line)? == 0 {
                        return Ok(());
                    }
                }
                say(b"250 ok\r\n")?;
                // Only what was answered whole is taken.
                taken.fetch_add(1, Ordering::SeqCst);
            }
            Some(b"QUIT") => say(b"221 bye\r\n")?,
            _ => say(b"250 ok\r\n")?,
        }
    }
}

#[test]
fn a_host_that_hangs_up_at_every_byte_gets_the_message_once() {
    let host = Moody::start();
    let mut site = Site::stock(&format!(
        "define(`SMART_HOST', `relay:[127.0.0.1]')dnl\n\
         define(`RELAY_MAILER_ARGS', `TCP $h {}')dnl",
        host.port
    ));
    site.start();
    site.send("a@near.example", &["b@far.example"], "Subject: x\n\nx\n");
    for _ in 0..400 {
        if host.taken.load(Ordering::SeqCst) > 0 {
            break;
        }
        let before = host.visits.load(Ordering::SeqCst);
        site.must(&["sendmail", "-q"]);
        // A run that came while it was still under way found nothing to do.
        let end = Instant::now() + Duration::from_millis(300);
        while host.visits.load(Ordering::SeqCst) == before && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    site.mailq("is empty");
    assert_eq!(host.taken.load(Ordering::SeqCst), 1);
    // It was asked again and again, a byte more each time.
    let visits = host.visits.load(Ordering::SeqCst);
    assert!(visits > 60, "{visits}");
}

#[test]
fn ten_thousand_recipients_of_one_message() {
    let sink = Sink::start();
    let mut site = Site::stock(&format!(
        "define(`SMART_HOST', `relay:[127.0.0.1]')dnl\n\
         define(`RELAY_MAILER_ARGS', `TCP $h {}')dnl",
        sink.port()
    ));
    site.start();
    let mut session = site.session();
    session.expect("EHLO client.example.com", "250");
    session.expect("MAIL FROM:<a@near.example>", "250");
    for number in 0..10_000 {
        session.expect(&format!("RCPT TO:<r{number}@far.example>"), "250");
    }
    session.data("Subject: to all\n\nx\n", "250");
    let mut to: Vec<String> = site.until("all of them", |_| {
        let to = sink.received().into_iter().flat_map(|message| message.to);
        Some(to.collect::<Vec<_>>()).filter(|to| to.len() >= 10_000)
    });
    to.sort();
    to.dedup();
    assert_eq!(to.len(), 10_000);
}

#[test]
fn a_message_of_a_hundred_megabytes() {
    let me = me();
    let site = local_site("");
    let mut stream = TcpStream::connect(site.address()).expect("a connection");
    let mut lines = BufReader::new(stream.try_clone().expect("a descriptor"));
    let mut expect = |code: &str| {
        let mut line = String::new();
        while lines.read_line(&mut line).expect("a line") > 0 {
            if line.as_bytes().get(3) == Some(&b' ') {
                break;
            }
            line.clear();
        }
        assert!(line.starts_with(code), "{line}");
    };
    expect("220");
    for (command, code) in [
        ("EHLO client.example.com", "250"),
        ("MAIL FROM:<a@far.example>", "250"),
        (&format!("RCPT TO:<{me}@here.example>"), "250"),
        ("DATA", "354"),
    ] {
        write!(stream, "{command}\r\n").expect("written");
        expect(code);
    }
    let line = format!("{}\r\n", "y".repeat(998));
    let block = line.repeat(1000);
    write!(stream, "Subject: large\r\n\r\n").expect("written");
    for _ in 0..100 {
        stream.write_all(block.as_bytes()).expect("written");
    }
    write!(stream, ".\r\n").expect("written");
    expect("250");
    let path = site.path(&format!("var/mail/{me}"));
    site.until("all of it", |_| {
        let len = std::fs::metadata(&path).ok()?.len();
        (len > 99_900_000).then_some(())
    });
    site.mailq("is empty");
    let mut mail = Vec::new();
    let mut file = std::fs::File::open(&path).expect("the mailbox");
    file.read_to_end(&mut mail).expect("read");
    assert_eq!(
        mail.iter().filter(|byte| **byte == b'y').count() / 998,
        100_000
    );
}
