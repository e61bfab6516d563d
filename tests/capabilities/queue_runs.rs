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
