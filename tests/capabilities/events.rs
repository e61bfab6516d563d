//! The log in its forms: a file, standard error, and the same events as JSON
//! beside it; one id from the connection to the delivery.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::mail::me;
use crate::site::{GODWIT, Site};

/// The events so far.
fn events(site: &Site) -> Vec<Value> {
    let text = site.read("var/log/maillog.json");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[test]
fn the_same_events_stand_beside_the_log_as_json() {
    let mut site = Site::stock("FEATURE(`use_cw_file')dnl\n");
    site.write("etc/mail/local-host-names", "here.example\n");
    site.write("var/log/maillog.json", "");
    site.must(&["make"]);
    site.start();
    let to = format!("{}@here.example", me());
    site.send("a@b.example", &[&to], "Subject: seen\n\nx\n");
    site.mailbox(&me(), "Subject: seen");
    let sent = site.until("the event of the delivery", |site| {
        let found = events(site)
            .into_iter()
            .find(|event| event["stat"] == "Sent");
        found.filter(|event| event["mailer"] == "local")
    });
    let id = sent["id"].as_str().expect("an id").to_owned();
    assert_eq!(sent["dsn"], "2.1.5");
    let all = events(&site);
    let from = all
        .iter()
        .find(|event| event["from"] == "<a@b.example>")
        .expect("the event of its coming");
    assert_eq!(from["id"], id.as_str());
    assert_eq!(from["nrcpts"], "1");
    // Line for line the log itself.
    let log = site.read("var/log/maillog");
    for event in &all {
        let id = event["id"].as_str().unwrap_or_default();
        assert!(log.contains(id), "{event}");
        assert!(
            event["time"]
                .as_str()
                .is_some_and(|time| time.ends_with('Z'))
        );
    }
    assert!(
        log.lines().count() >= all.len() && all.len() >= 2,
        "{all:?}\n{log}"
    );
}

#[test]
fn the_log_goes_where_it_is_wanted() {
    let site = Site::stock("FEATURE(`use_cw_file')dnl\n");
    site.write("etc/mail/local-host-names", "here.example\n");
    site.must(&["make"]);
    let file = site.path("elsewhere.log");
    let run = |form: &str| {
        let mut child = Command::new(GODWIT)
            .arg("--root")
            .arg(site.root())
            .arg("run")
            .env("GODWIT_LOG", form)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(site.path("stderr")).expect("made"))
            .spawn()
            .expect("it runs");
        site.until("a greeting", |site| {
            std::net::TcpStream::connect(site.address()).ok()
        });
        let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("an id"));
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("it runs");
        child.wait().expect("it ends");
    };
    run(file.to_str().expect("text"));
    assert!(site.read("elsewhere.log").contains("starting daemon"));
    run("stderr");
    let said = site.read("stderr");
    assert!(said.contains("starting daemon"), "{said}");
    assert!(!site.path("var/log/maillog").exists());
}
