//! `mailq`: the reference's listing, to the letter.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use expect_test::{Expect, expect};
use godwit::queue::directory::Directory;
use godwit::queue::{Settlement, Spool};
use godwit::report::mailq::{Listing, Order, Request, Which, list};
use godwit::world::{Disk, DiskFile, OpenMode};
use jiff::tz::TimeZone;

use crate::queue::{Bench, accept, now};
use crate::sim_disk::{Faults, SimDisk};

/// 22 November 2026, 08:56.
const CAME: u64 = 1_795_337_777;

fn request() -> Request {
    Request {
        which: Which::Waiting,
        selections: Vec::new(),
        order: Order::Priority,
        verbose: false,
        min_age: Duration::ZERO,
        now: UNIX_EPOCH + Duration::from_secs(CAME + 100),
        base: "/var/spool/mqueue".into(),
        zone: TimeZone::UTC,
    }
}

fn text(disk: &SimDisk, request: &Request) -> String {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut listing = Listing::default();
    let directory = Directory::new(disk, "/var/spool/mqueue", 0o600);
    list(&directory, request, &mut listing).unwrap();
    String::from_utf8(listing.text).unwrap()
}

fn check(disk: &SimDisk, request: &Request, expected: Expect) {
    expected.assert_eq(&text(disk, request));
}

fn put(disk: &SimDisk, name: &str, text: &str) {
    let path = Path::new("/var/spool/mqueue").join(name);
    disk.put(&path, text.as_bytes());
}

/// What the reference had in its queue, and how it listed it.
fn several() -> SimDisk {
    let disk = SimDisk::new(1, Faults::default());
    let head = format!("V8\nT{CAME}\nK0\nN0\n");
    let long = "a.long.sender.address.that.goes.on.and.on.and.on.and.on.to.the.end.of.the.line.and.beyond@example.org";
    put(
        &disk,
        "qf6AM8uH4k000040",
        &format!(
            "{head}P-12345678901\nMA very long status message that says why it was not delivered and goes on and on until somebody cuts it off\nFws\n$_root@localhost\n\
             qa quarantine reason that is very long and goes on and on until somebody cuts it off at some place or other\nS{long}\nA{long}\n\
             Cprog:8:0:prog\nrRFC822; prog@mail.example.org\nRPFDA:\"|/bin/cat -n\"\nC\n\
             Ma reason for this one that is long too and it goes on and on until somebody cuts it off\nrRFC822; x@refused.test\nRPFD:x@refused.test\n\
             rRFC822; y\nRPFD:very.long.local.part.of.an.address.that.does.not.fit.and.is.longer.still.by.far@a.very.long.domain.name.remote.test\n\
             H?P?Return-Path: <\u{81}g>\nH??Subject: m\n.\n"
        ),
    );
    put(&disk, "df6AM8uH4k000040", "x\n");
    put(
        &disk,
        "qf6AM8uH4l000040",
        &format!("{head}P180014\nB8BITMIME\nFs\nSbob\nRFDA:carol\nRFDA:bob\nH??Subject: m\n.\n"),
    );
    put(&disk, "df6AM8uH4l000040", &"x".repeat(999));
    disk
}

#[test]
fn a_listing_is_cut_where_the_reference_cuts() {
    check(
        &several(),
        &request(),
        expect![[r#"
            		/var/spool/mqueue (2 requests)
            -----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------
            6AM8uH4k000040        2 Sun Nov 22 08:56 a.long.sender.address.that.goes.on.and.
                 QUARANTINE: a quarantine reason that is very long and goes on and on unt
                             (A very long status message that says why it was not delivere)
            					 "|/bin/cat -n"
            					 x@refused.test
            					 very.long.local.part.of.an.address.tha
            6AM8uH4l000040      999 Sun Nov 22 08:56 bob
                  8BITMIME
            					 carol
            					 bob
        "#]],
    );
    let verbose = Request {
        verbose: true,
        ..request()
    };
    check(
        &several(),
        &verbose,
        expect![[r#"
            		/var/spool/mqueue (2 requests)
            -----Q-ID----- --Size-- -Priority- ---Q-Time--- --------Sender/Recipient--------
            6AM8uH4k000040        2 -12345678901+Nov 22 08:56 a.long.sender.address.that.goes.on.and.on.and.on.and.on.to.the.end.of.the.line
                 QUARANTINE: a quarantine reason that is very long and goes on and on until somebody cuts it off at some place or
                             (A very long status message that says why it was not delivered and goes on and on until somebody cuts)
            						(---prog:8:0:prog---)
            						"|/bin/cat -n"
            						(------)
            						x@refused.test
            		 (a reason for this one that is long too and it goes on and on until somebody cuts it off)
            						very.long.local.part.of.an.address.that.does.not.fit.and.is.longer.stil
            6AM8uH4l000040      999     180014 Nov 22 08:56 bob
                  8BITMIME
            						carol
            						bob
        "#]],
    );
}

#[test]
fn an_empty_queue_says_so() {
    let disk = SimDisk::new(1, Faults::default());
    check(
        &disk,
        &request(),
        expect![[r#"
            /var/spool/mqueue is empty
        "#]],
    );
}

#[test]
fn what_cannot_be_read_is_said_in_its_line() {
    let disk = SimDisk::new(1, Faults::default());
    put(&disk, "qfsomething", "");
    put(&disk, "qfAA00000AAA000006", "");
    put(
        &disk,
        "qfAA00000AAA000004",
        "V8\nT1700000000\nK0\nN0\nP1\nSbob\nRPFD:x@refused.test\n.\n",
    );
    put(
        &disk,
        "qfAA00000AAA000001",
        "V8\nK0\nN0\nP1\nXgarbage\nSbob\nRPFD:x@refused.test\nH??Subject: a\n.\n",
    );
    put(&disk, "dfAA00000AAA000001", "b\n");
    check(
        &disk,
        &request(),
        expect![[r#"
            		/var/spool/mqueue (4 requests)
            -----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------
            AA00000AAA000001        2 Thu Jan  1 00:00 bob
            					 x@refused.test (no control file)
            AA00000AAA000004readqf: cannot open ./dfAA00000AAA000004: No such file or directory
                   -1 Tue Nov 14 22:13 bob
            					 x@refused.test
            AA00000AAA000006  (no control file)
                something  (no control file)
        "#]],
    );
}

#[test]
fn marks_say_who_works_on_a_message_and_who_waits() {
    let disk = SimDisk::new(1, Faults::default());
    let file = |attempted: u64| {
        format!("V8\nT{CAME}\nK{attempted}\nN1\nP1\nSbob\nRPFD:x@refused.test\nH??A: b\n.\n")
    };
    for (id, attempted) in [("1", CAME), ("2", CAME + 90), ("3", CAME)] {
        put(&disk, &format!("qfAA00000AAA00000{id}"), &file(attempted));
        put(&disk, &format!("dfAA00000AAA00000{id}"), "b\n");
    }
    let path = Path::new("/var/spool/mqueue/qfAA00000AAA000003");
    let held: Arc<dyn DiskFile> = disk.open(path, OpenMode::Read).unwrap();
    assert!(held.try_lock().unwrap());
    let young = Request {
        min_age: Duration::from_secs(60),
        ..request()
    };
    check(
        &disk,
        &young,
        expect![[r#"
            		/var/spool/mqueue (3 requests)
            -----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------
            AA00000AAA000001        2 Sun Nov 22 08:56 bob
            					 x@refused.test
            AA00000AAA000002-       2 Sun Nov 22 08:56 bob
            					 x@refused.test
            AA00000AAA000003*       2 Sun Nov 22 08:56 bob
            					 x@refused.test
        "#]],
    );
    for name in ["1", "2", "3"] {
        let path = |kind: &str| format!("/var/spool/mqueue/{kind}AA00000AAA00000{name}");
        let (from, to) = (path("qf"), path("Qf"));
        disk.rename(Path::new(&from), Path::new(&to)).unwrap();
    }
    let lost = Request {
        which: Which::Lost,
        ..request()
    };
    assert!(text(&disk, &lost).contains("AA00000AAA000003?       2 "));
}

#[test]
fn selections_are_alternatives_within_a_letter() {
    let disk = SimDisk::new(1, Faults::default());
    for (n, (sender, recipient)) in [("bob", "b@x"), ("dave", "b@x"), ("bob", "c@y")]
        .into_iter()
        .enumerate()
    {
        put(
            &disk,
            &format!("qfAA00000AAA00000{n}"),
            &format!("V8\nT{CAME}\nP{n}\nS{sender}\nRPFD:{recipient}\nH??A: b\n.\n"),
        );
    }
    let selected = |selections: &[(u8, &str, bool)]| -> Vec<usize> {
        let selections = selections.iter().map(|(l, t, m)| (*l, (*t).into(), *m));
        let request = Request {
            selections: selections.collect(),
            ..request()
        };
        let text = text(&disk, &request);
        let id = |n: &usize| text.contains(&format!("AA00000AAA00000{n}"));
        (0..3).filter(id).collect()
    };
    assert_eq!(selected(&[]), [0, 1, 2]);
    assert_eq!(selected(&[(b'S', "BOB", true)]), [0, 2]);
    assert_eq!(selected(&[(b'S', "bob", false)]), [1]);
    assert_eq!(selected(&[(b'R', "@x", true), (b'S', "bob", true)]), [0]);
    assert_eq!(
        selected(&[(b'S', "bob", true), (b'S', "dave", true)]),
        [0, 1, 2]
    );
    assert_eq!(selected(&[(b'R', "@x", false)]), [2]);
    assert_eq!(selected(&[(b'I', "000002", true)]), [2]);
    assert_eq!(selected(&[(b'I', "aa", true)]), [0; 0]);
}

/// What lives in the journal is listed as well, as held by its daemon.
#[test]
fn messages_in_the_journal_are_listed() {
    let bench = Bench::new(1);
    let queue = bench.open().unwrap();
    let held = accept(&queue, &bench.clock).unwrap();
    let done = accept(&queue, &bench.clock).unwrap();
    now(queue.settle(done, Settlement::Done)).unwrap();
    // What is done is noted with the next commit.
    let other = accept(&queue, &bench.clock).unwrap();
    let disk: Arc<dyn Disk> = Arc::new(bench.disk.clone());
    let directory = Directory::new(disk, "/q", 0o600);
    let mut listing = Listing::default();
    list(&directory, &request(), &mut listing).unwrap();
    let text = String::from_utf8(listing.text).unwrap();
    assert_eq!(listing.total, 2, "{text}");
    for claim in [&held, &other] {
        let size = claim.message.body.len();
        let line = format!(
            "{}*{size:>8} Fri Jan 15 08:00 sender@example.org\n",
            claim.message.id
        );
        assert!(text.contains(&line), "{line} not in\n{text}");
    }
}
