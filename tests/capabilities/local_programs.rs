//! Delivery agents that others have written, at the built program: how they
//! are called, and that they never stand in each other's way.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::mail::me;
use crate::need;
use crate::site::Site;

/// A site whose local mailer is this program.
fn site(program: &str, arguments: &str, extra: &str) -> Site {
    let site = Site::stock(&format!(
        "FEATURE(`use_cw_file')dnl\n{extra}\n\
         define(`LOCAL_MAILER_PATH', `{program}')dnl\n\
         define(`LOCAL_MAILER_ARGS', `{arguments}')dnl"
    ));
    site.write("etc/mail/local-host-names", "here.example\n");
    site
}

/// A place under the root that the user of the tests may write in.
fn open_directory(site: &Site, name: &str) {
    let path = site.path(name);
    std::fs::create_dir_all(&path).expect("a directory");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).expect("a mode");
}

fn script(site: &Site, name: &str, text: &str) {
    site.write(name, text);
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(site.path(name), executable).expect("a mode");
}

/// Sends messages of one session to one user.
fn send_many(site: &Site, to: &str, count: usize) {
    let mut session = site.session();
    session.expect("EHLO client.example.com", "250");
    for number in 0..count {
        session.expect("MAIL FROM:<a@far.example>", "250");
        session.expect(&format!("RCPT TO:<{to}>"), "250");
        session.data(&format!("Subject: number {number}\n\nx\n"), "250");
    }
    session.expect("QUIT", "221");
}

#[test]
fn one_agent_at_a_time_for_a_mailbox() {
    let mut site = site("@ROOT@/agent", "agent $u", "");
    open_directory(&site, "var/box");
    // Two at once for one user would be seen, and bounce.
    script(
        &site,
        "agent",
        "#!/bin/sh\ncd @ROOT@/var/box || exit 75\n\
         mkdir lock-$1 || { echo overlap >>overlaps; exit 70; }\n\
         sleep 0.02\ncat >>$1\nrmdir lock-$1\n",
    );
    site.start();
    let to = format!("{}@here.example", me());
    send_many(&site, &to, 80);
    // Each has one line that says Sent, and nothing waits any more.
    let log = site.until("80 messages", |site| {
        assert_eq!(site.read("var/box/overlaps"), "");
        let log = site.read("var/log/maillog");
        (log.matches("stat=Sent").count() == 80).then_some(log)
    });
    let mail = site.read(&format!("var/box/{}", me()));
    assert_eq!(mail.matches("Subject: number ").count(), 80);
    assert!(!log.contains("stat=Deferred"), "{log}");
    site.mailq("is empty");
}

#[test]
fn an_agent_that_hangs_holds_up_its_own_mailbox_only() {
    let mut site = site("@ROOT@/agent", "agent $u", "");
    open_directory(&site, "var/box");
    script(
        &site,
        "agent",
        "#!/bin/sh\ncd @ROOT@/var/box || exit 75\n\
         while [ $1 = daemon ] && [ -e hang ]; do sleep 0.1; done\ncat >>$1\n",
    );
    site.write("var/box/hang", "");
    site.start();
    // More than the line takes: the rest goes back to the queue.
    send_many(&site, "daemon@here.example", 100);
    let began = Instant::now();
    send_many(&site, "bin@here.example", 20);
    site.until("mail for the other", |site| {
        let mail = site.read("var/box/bin");
        (mail.matches("Subject: number ").count() == 20).then_some(())
    });
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    let agents = site.read("var/box/daemon");
    assert_eq!(agents, "");
    std::fs::remove_file(site.path("var/box/hang")).expect("the file is there");
    site.until("mail that waited", |site| {
        let mail = site.read("var/box/daemon");
        (mail.matches("Subject: number ").count() == 100).then_some(())
    });
}

#[test]
fn procmail_delivers_what_comes_at_once() {
    let Some(procmail) = need::tool("procmail", "procmail as local mailer") else {
        return;
    };
    let mut site = site(
        &procmail.display().to_string(),
        "procmail DEFAULT=@ROOT@/var/box/$u LOCKFILE=@ROOT@/var/box/$u.lock /dev/null",
        "",
    );
    open_directory(&site, "var/box");
    site.start();
    let began = Instant::now();
    send_many(&site, &format!("{}@here.example", me()), 80);
    // The mailbox is not looked at meanwhile: procmail rests for a second
    // after every reader.
    site.until("80 messages", |site| {
        let log = site.read("var/log/maillog");
        (log.matches("stat=Sent").count() == 80).then_some(())
    });
    // Two that wait for each other's lock would take eight seconds.
    let took = began.elapsed();
    assert!(took < Duration::from_secs(7), "{took:?}");
    let mail = site.read(&format!("var/box/{}", me()));
    assert_eq!(mail.matches("Subject: number ").count(), 80);
}
