//! `godwit make`, and `make -C /etc/mail` through the Makefile of a new site.

use std::fs;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use crate::need;
use crate::site::{GODWIT, Site};

/// A site with tables, nothing made yet.
fn site() -> Site {
    let site = Site::stock(
        "FEATURE(`access_db')dnl\nFEATURE(`virtusertable', `hash -o /etc/mail/virtusertable')dnl\n\
         FEATURE(`use_cw_file')dnl\n",
    );
    site.write("etc/mail/access", "Connect:192.0.2\tREJECT\n");
    site.write("etc/mail/virtusertable", "a@example.com bob\n");
    site.write("etc/mail/local-host-names", "");
    site
}

/// Makes a file look a little older or newer than the rest.
fn age(site: &Site, name: &str, seconds: i64) {
    let step = Duration::from_secs(seconds.unsigned_abs());
    let now = SystemTime::now();
    let time = if seconds < 0 { now + step } else { now - step };
    fs::File::options()
        .write(true)
        .open(site.path(name))
        .and_then(|file| file.set_modified(time))
        .expect("the time can be set");
}

fn said(output: &Output) -> String {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn what_is_stale_is_made_and_nothing_else() {
    let site = site();
    assert_eq!(
        site.must(&["make", "--dry-run"]),
        "sendmail.cf: would be made; it was not there\n\
         access.db: would be made; it was not there\n\
         virtusertable.db: would be made; it was not there\n"
    );
    assert!(!site.path("etc/mail/sendmail.cf").exists());
    let first = site.must(&["make"]);
    assert_eq!(
        first.replace(site.root().to_str().expect("text"), ""),
        "sendmail.cf: made; it was not there\n\
         access.db: made, 1 entry; it was not there\n\
         virtusertable.db: made, 1 entry; it was not there\n\
         aliases.db: made, /etc/mail/aliases: 1 aliases, longest 4 bytes, 14 bytes total; \
         it was not there\n"
    );
    assert_eq!(site.must(&["make"]), "everything is up to date\n");
    for name in ["sendmail.cf", "access.db", "virtusertable.db", "aliases.db"] {
        age(&site, &format!("etc/mail/{name}"), 50);
    }
    age(&site, "etc/mail/access", 10);
    age(&site, "etc/mail/virtusertable", 100);
    age(&site, "etc/mail/aliases", 100);
    age(&site, "etc/mail/sendmail.mc", 100);
    assert_eq!(
        site.must(&["make"]),
        "access.db: made, 1 entry; access is newer\n"
    );
    assert_eq!(
        site.must(&["make", "-B", "--json", "virtusertable.db"])
            .replace(site.root().to_str().expect("text"), ""),
        "{\"action\":\"made\",\"detail\":\"1 entry\",\"faults\":[],\
         \"file\":\"/etc/mail/virtusertable.db\",\"target\":\"virtusertable.db\",\
         \"why\":\"asked for\"}\n"
    );
}

#[test]
fn what_is_at_fault_leaves_the_old_one() {
    let site = site();
    site.must(&["make"]);
    let cf = fs::read(site.path("etc/mail/sendmail.cf")).expect("made");
    let db = fs::read(site.path("etc/mail/access.db")).expect("made");
    site.write(
        "etc/mail/sendmail.mc",
        "FEATURE(`nosuchfeature')dnl\nfoo(\n",
    );
    site.write("etc/mail/access", "novalue\nok@example.com OK\n");
    site.write(
        "etc/mail/virtusertable",
        "a@example.com bob\na@example.com carol\n",
    );
    for name in ["sendmail.mc", "access", "virtusertable"] {
        age(&site, &format!("etc/mail/{name}"), -5);
    }
    let output = site.godwit(&["make"]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(65), "{said}");
    assert!(
        said.contains("access: line 1: no RHS for LHS novalue"),
        "{said}"
    );
    assert!(
        said.contains("line 2: key a@example.com stands a second time"),
        "{said}"
    );
    assert!(said.contains("virtusertable.db: made, 1 entry"), "{said}");
    assert_eq!(
        fs::read(site.path("etc/mail/sendmail.cf")).expect("there"),
        cf
    );
    assert_eq!(
        fs::read(site.path("etc/mail/access.db")).expect("there"),
        db
    );
    assert_eq!(site.godwit(&["make", "nonsense"]).status.code(), Some(64));
    assert_eq!(site.godwit(&["make", "gone.db"]).status.code(), Some(66));
    assert_eq!(site.godwit(&["make", "--frob"]).status.code(), Some(64));
}

#[test]
fn clean_takes_away_what_can_be_made_again() {
    let site = site();
    site.must(&["make"]);
    site.write("etc/mail/handmade.db", "no text beside it");
    let text = site.must(&["make", "clean"]);
    assert_eq!(
        text,
        "access.db: removed\nvirtusertable.db: removed\naliases.db: removed\n"
    );
    assert!(site.path("etc/mail/handmade.db").exists());
}

#[test]
fn a_host_s_own_configuration_is_installed() {
    let site = site();
    let host = String::from_utf8(
        Command::new("uname")
            .arg("-n")
            .output()
            .expect("it runs")
            .stdout,
    );
    let host = host.expect("text");
    site.must(&["make"]);
    let mc = site.read("etc/mail/sendmail.mc");
    // The host's name may have a domain that only the resolver knows.
    for name in [host.trim().to_owned(), "localhost".to_owned()] {
        site.write(&format!("etc/mail/{name}.mc"), &mc);
    }
    let text = site.must(&["make", "install"]);
    assert!(text.contains(".cf: made; it was not there"), "{text}");
}

#[test]
fn the_running_server_reads_what_was_made() {
    let mut site = site();
    site.start();
    assert_eq!(site.must(&["make", "reload"]), "server: reloaded\n");
    site.write("etc/mail/access", "From:a@example.com\tREJECT\n");
    age(&site, "etc/mail/access", -5);
    site.must(&["make", "maps"]);
    // A database is noticed without being told.
    site.until("the new entry", |site| {
        let mut session = site.stranger();
        let _ = session.say("EHLO client.example.com");
        let answer = session.say("MAIL FROM:<a@example.com>");
        answer.starts_with('5').then_some(())
    });
    assert_eq!(site.must(&["make", "stop"]), "server: stopped\n");
    site.wait();
    let output = site.godwit(&["make", "reload"]);
    assert_eq!(output.status.code(), Some(69), "{}", said(&output));
    let said = said(&output);
    assert!(said.contains("no server answers at "), "{said}");
}

#[test]
fn the_makefile_does_the_same() {
    let Some(make) = need::tool("make", "make -C /etc/mail") else {
        return;
    };
    let site = site();
    let makefile = concat!(env!("CARGO_MANIFEST_DIR"), "/etc-mail/Makefile");
    fs::copy(makefile, site.path("etc/mail/Makefile")).expect("copied");
    let run = |targets: &[&str]| {
        let output = Command::new(&make)
            .arg("-s")
            .arg("-C")
            .arg(site.path("etc/mail"))
            .arg(format!("GODWIT={GODWIT} --root {}", site.root().display()))
            .args(targets)
            .stdin(Stdio::null())
            .output()
            .expect("make runs");
        (output.status.code(), said(&output))
    };
    let (code, text) = run(&[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("sendmail.cf: made"), "{text}");
    assert!(text.contains("aliases.db: made"), "{text}");
    assert_eq!(run(&["all"]).1, "everything is up to date\n");
    age(&site, "etc/mail/access", -5);
    let (code, text) = run(&["access.db"]);
    assert_eq!(
        (code, text.contains("access is newer")),
        (Some(0), true),
        "{text}"
    );
    site.write("etc/mail/mytable", "a b\n");
    assert!(run(&["mytable.db"]).1.contains("mytable.db: made, 1 entry"));
    assert_ne!(run(&["nosuch.db"]).0, Some(0));
    assert!(run(&["clean"]).1.contains("access.db: removed"));
}

#[test]
fn an_immutable_file_is_called_so() {
    let (Some(chattr), true) = (
        need::tool("chattr", "immutable files"),
        need::root("immutable files"),
    ) else {
        return;
    };
    let site = site();
    site.must(&["make"]);
    let db = site.path("etc/mail/access.db");
    let set = |how: &str| {
        let status = Command::new(&chattr)
            .arg(how)
            .arg(&db)
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    };
    if !set("+i") {
        need::left_out("immutable files", "this file system has no such bit");
        return;
    }
    age(&site, "etc/mail/access", -5);
    let output = site.godwit(&["make"]);
    set("-i");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(73), "{said}");
    assert!(
        said.contains("access.db is immutable; `chattr -i"),
        "{said}"
    );
}
