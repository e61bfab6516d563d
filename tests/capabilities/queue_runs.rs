//! What administrators do with a queue: runs on demand, the status of hosts.

use std::thread;
use std::time::{Duration, Instant};

use crate::sink::Sink;
use crate::site::{PATIENCE, Site};

/// Waits until `done` says so.
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(50));
    }
}

fn send(site: &Site, to: &str) {
    let mut session = site.session();
    session.expect("EHLO client.example.com", "250");
    session.expect("MAIL FROM:<a@near.example>", "250");
    session.expect(&format!("RCPT TO:<{to}>"), "250");
    session.data("Subject: x\n\nx\n", "250");
}

#[test]
fn hoststat_shows_how_visits_ended() {
    let sink = Sink::start();
    // Nobody is at the first of the two.
    let mut site = Site::stock(&format!(
        "define(`confHOST_STATUS_DIRECTORY', `/var/spool/mqueue')dnl\n\
         define(`SMART_HOST', `relay:[127.0.0.2]:[127.0.0.1]')dnl\n\
         define(`RELAY_MAILER_ARGS', `TCP $h {}')dnl",
        sink.port()
    ));
    site.start();
    assert_eq!(site.must(&["hoststat"]), "");
    send(&site, "b@far.example");
    until("both are known", || {
        site.must(&["hoststat"]).lines().count() == 3
    });
    let lines: Vec<String> = site
        .must(&["hoststat", "-v"])
        .lines()
        .map(str::to_owned)
        .collect();
    assert!(lines[1].starts_with(" 127.0.0.1   "), "{lines:?}");
    assert!(lines[1].contains(" 250 "), "{lines:?}");
    let refused = "Deferred: Connection refused";
    assert!(lines[2].ends_with(refused), "{lines:?}");
    // Nothing is old enough to be forgotten; it outlives the daemon.
    site.must(&["purgestat"]);
    site.stop();
    assert_eq!(site.must(&["hoststat"]).lines().count(), 3);
}

/// The names of files in the queue, by their first two letters.
fn files(site: &Site, folder: &str, kind: &str) -> usize {
    let names = std::fs::read_dir(site.path(folder)).expect("the queue can be read");
    let names = names.map(|name| name.expect("a name").file_name());
    names
        .filter(|name| name.as_encoded_bytes().starts_with(kind.as_bytes()))
        .count()
}

#[test]
fn quarantine_and_release_by_command() {
    let sink = Sink::start();
    let mut site = Site::stock(&format!(
        "define(`confDELIVERY_MODE', `queueonly')dnl\n\
         define(`SMART_HOST', `relay:[127.0.0.1]')dnl\n\
         define(`RELAY_MAILER_ARGS', `TCP $h {}')dnl",
        sink.port()
    ));
    site.start();
    let spool = "var/spool/mqueue";
    send(&site, "b@far.example");
    send(&site, "c@far.example");
    until("both wait", || files(&site, spool, "qf") == 2);
    site.must(&["sendmail", "-Qa reason; with: things", "-qRb@far"]);
    until("one is held", || files(&site, spool, "hf") == 1);
    assert!(
        site.must(&["mailq", "-qQ"])
            .contains("a reason; with: things")
    );
    site.must(&["sendmail", "-q"]);
    until("the other is sent", || sink.received().len() == 1);
    // Without -qQ what is held is not looked at.
    site.must(&["sendmail", "-Q", "-qSa@near"]);
    site.must(&["sendmail", "-Q", "-qQ", "-qSa@near"]);
    until("it is released", || files(&site, spool, "hf") == 0);
    site.must(&["sendmail", "-q"]);
    until("both are sent", || sink.received().len() == 2);
    until("nothing waits", || files(&site, spool, "qf") == 0);
}

#[test]
fn a_queue_of_several_directories() {
    let sink = Sink::start();
    let mut site = Site::stock(&format!(
        "define(`QUEUE_DIR', `/var/spool/mqueue/q*')dnl\n\
         QUEUE_GROUP(`slow', `P=/var/spool/mqueue/slow')dnl\n\
         define(`confDELIVERY_MODE', `queueonly')dnl\n\
         define(`SMART_HOST', `relay:[127.0.0.1]')dnl\n\
         define(`RELAY_MAILER_ARGS', `TCP $h {}')dnl",
        sink.port()
    ));
    let left = "V8\nT1795322000\nK0\nN0\nP30014\nFs\n$_root@localhost\n\
                ${daemon_flags}c u\nSbob@near.example\nrRFC822; NAME@far.example\n\
                RPFD:NAME@far.example\nH??Subject: left\n.\n";
    for (folder, name) in [("q1/qf", "6AMAAAAA000001"), ("slow", "6AMAAAAA000002")] {
        for part in ["q1/qf", "q1/df", "q1/xf", "q2", "slow"] {
            let path = site.path(&format!("var/spool/mqueue/{part}"));
            std::fs::create_dir_all(path).expect("a directory");
        }
        let data = folder.replace("qf", "df");
        site.write(
            &format!("var/spool/mqueue/{folder}/qf{name}"),
            &left.replace("NAME", name),
        );
        site.write(&format!("var/spool/mqueue/{data}/df{name}"), "x\n");
    }
    site.start();
    until("what was left is sent", || sink.received().len() == 2);
    for number in 0..8 {
        send(&site, &format!("b{number}@far.example"));
    }
    let count = |folder: &str| files(&site, &format!("var/spool/mqueue/{folder}"), "qf");
    until("all wait", || count("q1/qf") + count("q2") == 8);
    assert!(count("q1/qf") > 0 && count("q2") > 0, "each has some");
    assert_eq!(count(""), 0);
    site.must(&["sendmail", "-qGslow"]);
    thread::sleep(Duration::from_millis(300));
    assert_eq!(sink.received().len(), 2, "none of that group");
    site.must(&["sendmail", "-q"]);
    until("all are sent", || sink.received().len() == 10);
    until("nothing is left", || {
        count("q1/qf") + count("q2") + count("slow") == 0
    });
}

/// A site that only queues, with these options, and a far host.
fn queueing(options: &str, sink: &Sink) -> Site {
    let mut site = Site::stock(&format!(
        "define(`confDELIVERY_MODE', `queueonly')dnl\n{options}\n\
         define(`SMART_HOST', `relay:[127.0.0.1]')dnl\n\
         define(`RELAY_MAILER_ARGS', `TCP $h {}')dnl",
        sink.port()
    ));
    site.start();
    site
}

fn queue(site: &Site, from: &str, to: &[&str], size: usize) {
    let text = format!("Subject: x\n\n{}\n", "x".repeat(size));
    let mut session = site.session();
    session.expect("EHLO client.example.com", "250");
    session.expect(&format!("MAIL FROM:<{from}>"), "250");
    for to in to {
        session.expect(&format!("RCPT TO:<{to}>"), "250");
    }
    session.data(&text, "250");
}

#[test]
fn a_run_takes_messages_in_the_order_of_the_option() {
    let sink = Sink::start();
    // A run of one message each: the first in that order.
    let one_by_one = "define(`confMAX_QUEUE_RUN_SIZE', `1')dnl";
    for (order, expected) in [
        ("time", ["first", "second", "third"]),
        ("host", ["second", "third", "first"]),
        ("priority", ["third", "first", "second"]),
    ] {
        let options = format!("{one_by_one}\ndefine(`confQUEUE_SORT_ORDER', `{order}')dnl");
        let site = queueing(&options, &sink);
        let before = sink.received().len();
        queue(&site, "first@near.example", &["a@c.example"], 600);
        queue(
            &site,
            "second@near.example",
            &["a@b.alpha", "b@b.alpha"],
            900,
        );
        queue(&site, "third@near.example", &["a@x.delta"], 10);
        until("all wait", || files(&site, "var/spool/mqueue", "qf") == 3);
        for count in 1..=3 {
            site.must(&["sendmail", "-q"]);
            sink.wait(before + count);
            until("it is done", || {
                files(&site, "var/spool/mqueue", "qf") == 3 - count
            });
        }
        let received = sink.received();
        let from: Vec<&str> = received[before..]
            .iter()
            .map(|message| message.from.split('@').next().unwrap_or_default())
            .collect();
        assert_eq!(from, expected, "{order}");
    }
}

#[test]
fn a_run_has_a_size() {
    let sink = Sink::start();
    let site = queueing("define(`confMAX_QUEUE_RUN_SIZE', `2')dnl", &sink);
    for _ in 0..3 {
        queue(&site, "a@near.example", &["b@far.example"], 1);
    }
    until("all wait", || files(&site, "var/spool/mqueue", "qf") == 3);
    site.must(&["sendmail", "-q"]);
    sink.wait(2);
    until("one is left", || {
        files(&site, "var/spool/mqueue", "qf") == 1
    });
    site.must(&["sendmail", "-q"]);
    sink.wait(3);
}

#[test]
fn connections_come_from_the_address_that_the_site_names() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
    let port = listener.local_addr().expect("an address").port();
    let mut site = Site::stock(&format!(
        "CLIENT_OPTIONS(`Family=inet, Addr=127.0.0.9')dnl\n\
         define(`SMART_HOST', `relay:[127.0.0.1]')dnl\n\
         define(`RELAY_MAILER_ARGS', `TCP $h {port}')dnl"
    ));
    site.start();
    send(&site, "b@far.example");
    let (_stream, peer) = listener.accept().expect("a connection");
    assert_eq!(peer.ip().to_string(), "127.0.0.9");
}

#[test]
fn what_is_left_to_a_run_is_logged() {
    let sink = Sink::start();
    let site = queueing("", &sink);
    queue(
        &site,
        "a@near.example",
        &["b@far.example", "c@far.example"],
        1,
    );
    let submitted = std::process::Command::new(crate::site::godwit())
        .arg("--root")
        .arg(site.root())
        .args([
            "sendmail",
            "-odd",
            "-Am",
            "-fa@near.example",
            "d@far.example",
        ])
        .stdin(std::fs::File::open(site.path("etc/mail/sendmail.mc")).expect("a text"))
        .status();
    assert!(submitted.is_ok_and(|status| status.success()));
    let ends = [
        ": to=<b@far.example>, delay=00:00:00, mailer=relay, pri=60014, stat=queued",
        ": to=<c@far.example>, delay=00:00:00, mailer=relay, pri=60014, stat=queued",
    ];
    until("the lines of the session", || {
        let log = site.read("var/log/maillog");
        ends.iter()
            .all(|end| log.lines().any(|line| line.ends_with(end)))
    });
    until("the line of the command", || {
        let log = site.read("var/log/maillog");
        log.lines().any(|line| {
            line.contains(": to=d@far.example, delay=00:00:00, mailer=relay, pri=")
                && line.ends_with(", stat=queued")
        })
    });
}
