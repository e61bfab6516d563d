//! Databases while a server runs that looks into them: what `makemap` and
//! `newaliases` make is seen within a second; and what they show on a terminal.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::need;
use crate::site::{GODWIT, Site, godwit};

/// Makes a map of a site with the classic tool.
fn makemap(site: &Site, kind: &str, map: &str, text: &str) {
    let mut child = Command::new(godwit())
        .arg("--root")
        .arg(site.root())
        .args(["makemap", kind])
        .arg(site.path(map))
        .stdin(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(text.as_bytes()).expect("taken");
    drop(stdin);
    assert!(child.wait().expect("it ends").success(), "makemap {kind}");
}

/// Waits until a recipient is answered so; not longer than a second.
fn within_a_second(site: &Site, recipient: &str, start: &str) {
    let end = Instant::now() + Duration::from_secs(1);
    loop {
        let mut session = site.stranger();
        session.say("EHLO client.example.com");
        session.say("MAIL FROM:<a@client.example.com>");
        let answer = session.say(&format!("RCPT TO:<{recipient}>"));
        if answer.starts_with(start) {
            return;
        }
        assert!(Instant::now() < end, "{recipient}: {answer}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_running_server_notices_what_makemap_and_newaliases_make() {
    for kind in ["hash", "btree", "cdb", "lmdb"] {
        let mut site = Site::stock(&format!(
            "FEATURE(`access_db', `{kind} -T<TMPF> /etc/mail/access')dnl\n\
             FEATURE(`blocklist_recipients')dnl\n\
             FEATURE(`virtusertable', `{kind} -o /etc/mail/virtusertable')dnl\n\
             VIRTUSER_DOMAIN(`virtual.example')dnl\n\
             define(`ALIAS_FILE', `{kind}:/etc/mail/aliases')dnl\n\
             LOCAL_DOMAIN(`example.com virtual.example')dnl\n",
        ));
        site.must(&["make"]);
        makemap(&site, kind, "etc/mail/access", "To:nobody@x REJECT\n");
        makemap(
            &site,
            kind,
            "etc/mail/virtusertable",
            "a@virtual.example root\n",
        );
        site.must(&["newaliases"]);
        site.start();
        within_a_second(&site, "a@virtual.example", "250");
        within_a_second(&site, "staff@example.com", "550");
        site.write("etc/mail/aliases", "postmaster: root\nstaff: root\n");
        site.must(&["newaliases"]);
        within_a_second(&site, "staff@example.com", "250");
        makemap(
            &site,
            kind,
            "etc/mail/access",
            "To:staff@example.com REJECT\n",
        );
        within_a_second(&site, "staff@example.com", "5");
        makemap(&site, kind, "etc/mail/access", "To:nobody@x REJECT\n");
        within_a_second(&site, "staff@example.com", "250");
        within_a_second(&site, "b@virtual.example", "5");
        makemap(
            &site,
            kind,
            "etc/mail/virtusertable",
            "@virtual.example root\n",
        );
        within_a_second(&site, "b@virtual.example", "250");
    }
}

#[test]
fn long_work_is_counted_on_a_terminal_and_nowhere_else() {
    let Some(script) = need::tool("script", "progress on a terminal") else {
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let lines = |from: usize| -> String {
        (from..from + 4000)
            .map(|number| format!("key{number} value\n"))
            .collect()
    };
    fs::write(dir.path().join("first"), lines(0)).expect("written");
    fs::write(dir.path().join("rest"), lines(4000)).expect("written");
    let tool = format!("{GODWIT} makemap -C /dev/null hash map");
    let slow = format!("(cat first; sleep 1.2; cat rest) | {tool}");
    let run = |command: &mut Command| {
        let output = command.current_dir(dir.path()).output().expect("it starts");
        assert!(output.status.success());
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let shown = run(Command::new(&script)
        .args(["-qec", &slow, "/dev/null"])
        .stdin(Stdio::null()));
    assert!(shown.contains("\rmakemap: 4096 entries"), "{shown:?}");
    assert!(shown.contains("\r\u{1b}[K"), "the line goes: {shown:?}");
    let quick = format!("cat first rest | {tool}");
    let shown = run(Command::new(&script)
        .args(["-qec", &quick, "/dev/null"])
        .stdin(Stdio::null()));
    assert!(!shown.contains("entries"), "{shown:?}");
    let piped = run(Command::new("sh").args(["-c", &slow]));
    assert!(!piped.contains("entries"), "{piped:?}");
}
