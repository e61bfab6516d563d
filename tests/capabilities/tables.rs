//! Tables by command: `godwit access`, `alias`, `virtuser` and their kin.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::site::{GODWIT, Site};

const ACCESS: &str = "\
# Who may send what.
Connect:192.0.2\t\tRELAY

# Spam.
From:spammer@example.com\tREJECT
# The end.
";

fn site() -> Site {
    let site = Site::stock(
        "FEATURE(`access_db')dnl\nFEATURE(`use_cw_file')dnl\n\
         FEATURE(`virtusertable', `hash -o /etc/mail/virtusertable')dnl\n\
         FEATURE(`genericstable', `hash -o /etc/mail/genericstable')dnl\n\
         FEATURE(`mailertable', `hash -o /etc/mail/mailertable')dnl\n",
    );
    site.write("etc/mail/access", ACCESS);
    site.write("etc/mail/local-host-names", "example.com\n");
    site.write("etc/mail/aliases", "postmaster: root\nmanager: root\n");
    site.must(&["make"]);
    site
}

/// What a command says that is refused.
fn refused(site: &Site, arguments: &[&str], code: i32) -> String {
    let output = site.godwit(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    said
}

/// What a map of the site answers.
fn asked(site: &Site, file: &str, key: &str) -> String {
    let path = site.path(file).display().to_string();
    String::from_utf8_lossy(&site.godwit(&["editmap", "-q", "hash", &path, key]).stdout)
        .into_owned()
}

#[test]
fn entries_are_changed_in_place() {
    let site = site();
    assert_eq!(
        site.must(&["access", "set", "connect:192.0.2", "REJECT"]),
        "connect:192.0.2: replaced (was RELAY)\n"
    );
    assert_eq!(
        site.must(&[
            "access",
            "set",
            "To:a@example.com",
            "ERROR:5.7.1:550 Not",
            "here"
        ]),
        "To:a@example.com: added\n"
    );
    assert_eq!(
        site.must(&["access", "rm", "From:spammer@example.com"]),
        "From:spammer@example.com: removed (was REJECT)\n"
    );
    assert_eq!(
        site.read("etc/mail/access"),
        "# Who may send what.\nConnect:192.0.2\t\tREJECT\n\n# Spam.\n# The end.\n\
         To:a@example.com\t\tERROR:5.7.1:550 Not here\n"
    );
    assert_eq!(
        site.must(&["access", "get", "To:a@example.com"]),
        "ERROR:5.7.1:550 Not here\n"
    );
    assert_eq!(
        site.must(&["access", "list", "192"]),
        "Connect:192.0.2\tREJECT\n"
    );
    assert_eq!(
        asked(&site, "etc/mail/access", "to:a@example.com"),
        "ERROR:5.7.1:550 Not here\n"
    );
    let unchanged = site.must(&["access", "set", "Connect:192.0.2", "REJECT"]);
    assert_eq!(unchanged, "Connect:192.0.2: unchanged\n");
    let dry = site.must(&["access", "rm", "-n", "Connect:192.0.2"]);
    assert_eq!(dry, "Connect:192.0.2: would be removed (was REJECT)\n");
    assert!(refused(&site, &["access", "get", "gone"], 1).contains("gone: not in "));
    assert!(refused(&site, &["access", "rm", "gone"], 1).contains("gone: not in "));
    assert_eq!(
        site.must(&["access", "--json", "rm", "Connect:192.0.2"]),
        "{\"action\":\"removed\",\"dry_run\":false,\"key\":\"Connect:192.0.2\",\"old\":\"REJECT\"}\n"
    );
}

#[test]
fn what_is_wrong_is_refused_with_a_reason() {
    let site = site();
    let before = site.read("etc/mail/access");
    for (command, says) in [
        (
            "access set From:x@y.example REJEKT",
            "unknown value REJEKT. Do you mean REJECT?",
        ),
        (
            "access set Form:x@y.example REJECT",
            "unknown tag Form:. Do you mean From:?",
        ),
        (
            "access set Connect:192.0.2.0/24 RELAY",
            "Write 192.0.2 for this network.",
        ),
        (
            "access set Connect:300.1 RELAY",
            "no address, nor the beginning of one",
        ),
        (
            "access set From:x@y.example ERROR:5.7.1:450",
            "the codes disagree: 5.7.1 and 450",
        ),
        (
            "access set From:x@y.example 250",
            "a refusal begins with 4 or 5, not 250",
        ),
        ("access set ClientRate:192.0.2 many", "takes a number"),
        (
            "alias set staff nosuchuser",
            "there is neither a user nor an alias nosuchuser",
        ),
        ("alias set manager@example.net root", "is not local"),
        ("alias set root postmaster", "root -> postmaster -> root"),
        ("virtuser set a@elsewhere.example root", "does not end here"),
        ("virtuser set nobody root", "has no domain"),
        (
            "virtuser set a@example.com nosuchuser",
            "neither a user nor an alias nosuchuser",
        ),
        (
            "virtuser set a@example.com error:5.1.1:450",
            "the codes disagree",
        ),
        ("generics set root a@", "a@ is no address"),
        ("mailer set example.net smtp", "names no mailer"),
        (
            "mailer set example.net sntp:host",
            "there is no mailer sntp. Do you mean smtp?",
        ),
        ("mailer set a@example.net smtp:host", "is an address"),
        ("local-host set a@b", "a@b is an address"),
        ("local-host set -x.example", "usage"),
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        let code = if says == "usage" { 64 } else { 65 };
        let said = refused(&site, &words, code);
        assert!(code == 64 || said.contains(says), "{command}: {said}");
    }
    assert_eq!(site.read("etc/mail/access"), before);
    assert!(!site.path("etc/mail/virtusertable").exists());
    // Who knows better may.
    site.must(&["alias", "set", "--force", "staff", "nosuchuser"]);
    assert_eq!(site.must(&["alias", "get", "staff"]), "nosuchuser\n");
}

#[test]
fn tables_of_all_kinds_are_changed() {
    let site = site();
    site.must(&["alias", "set", "staff:", "root,", "someone@example.net"]);
    assert_eq!(
        site.must(&["alias", "get", "staff"]),
        "root, someone@example.net\n"
    );
    site.must(&["alias", "set", "me", "me", "root", "--force"]);
    assert!(
        site.must(&["praliases", "staff"])
            .contains("staff:root, someone@example.net")
    );
    site.must(&["virtuser", "set", "info@example.com", "staff"]);
    site.must(&["virtuser", "set", "@example.com", "%1@example.net"]);
    site.must(&[
        "virtuser",
        "set",
        "no@example.com",
        "error:5.1.1:550 No such user",
    ]);
    assert_eq!(
        asked(&site, "etc/mail/virtusertable", "info@example.com"),
        "staff\n"
    );
    site.must(&["generics", "set", "root", "The.Root@example.com"]);
    site.must(&["mailer", "set", ".example.net", "smtp:[192.0.2.1]"]);
    site.must(&["local-host", "set", "example.org", "example.info"]);
    assert_eq!(
        site.must(&["local-host", "list"]),
        "example.com\nexample.org\nexample.info\n"
    );
    site.must(&["local-host", "rm", "example.com", "example.info"]);
    assert_eq!(site.read("etc/mail/local-host-names"), "example.org\n");
    site.must(&["relay", "set", "example.net", "192.0.2"]);
    assert_eq!(site.must(&["relay", "list"]), "example.net\n192.0.2\n");
    let said = refused(&site, &["domain", "list"], 66);
    assert!(said.contains("FEATURE(`domaintable')"), "{said}");
    let said = refused(&site, &["access", "check"], 0);
    assert_eq!(said, "");
    site.write(
        "etc/mail/access",
        "From:a@b.example REJEKT\n\nTo: DISCARD\n",
    );
    let said = refused(&site, &["access", "check"], 65);
    assert!(
        said.contains("access: line 1: unknown value REJEKT"),
        "{said}"
    );
    assert!(said.contains("access: line 3: To: names nobody"), "{said}");
}

#[test]
fn the_running_server_answers_by_it_within_a_second() {
    let mut site = site();
    site.start();
    let answers = |site: &Site, step: &str| {
        let mut session = site.stranger();
        session.say("EHLO client.example.com");
        session.say("MAIL FROM:<a@client.example.com>");
        session.say(step)
    };
    let within = |site: &Site, step: &str, start: &str| {
        let end = Instant::now() + Duration::from_secs(1);
        loop {
            let answer = answers(site, step);
            if answer.starts_with(start) {
                return;
            }
            assert!(Instant::now() < end, "{step}: {answer}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    within(&site, "RCPT TO:<staff@example.com>", "550");
    site.must(&["alias", "set", "staff", "root"]);
    within(&site, "RCPT TO:<staff@example.com>", "250");
    site.must(&["access", "set", "To:staff@example.com", "REJECT", "--force"]);
    site.must(&["access", "set", "From:a@client.example.com", "REJECT"]);
    within(&site, "RCPT TO:<staff@example.com>", "5");
    site.must(&["access", "rm", "From:a@client.example.com"]);
    within(&site, "RCPT TO:<staff@example.org>", "550");
    site.must(&["local-host", "set", "example.org"]);
    within(&site, "RCPT TO:<staff@example.org>", "250");
}

#[test]
fn two_hundred_at_once_lose_nothing() {
    let site = site();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Whoever reads meanwhile sees a whole file, always.
        let reader = scope.spawn(|| {
            let mut looks = 0;
            while !done.load(Ordering::Relaxed) {
                let text = site.read("etc/mail/access");
                assert!(text.starts_with(ACCESS) && text.ends_with('\n'), "{text}");
                for line in text[ACCESS.len()..].lines() {
                    assert!(
                        line.starts_with("From:user") && line.ends_with("\tREJECT"),
                        "{line}"
                    );
                }
                looks += 1;
            }
            looks
        });
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let site = &site;
                scope.spawn(move || {
                    for number in 0..25 {
                        let key = format!("From:user{writer}x{number}@example.com");
                        site.must(&["access", "set", &key, "REJECT"]);
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().expect("every change is taken");
        }
        done.store(true, Ordering::Relaxed);
        assert!(reader.join().expect("every look is whole") > 0);
    });
    let text = site.read("etc/mail/access");
    assert_eq!(text.matches("From:user").count(), 200);
    for writer in 0..8 {
        for number in 0..25 {
            let key = format!("from:user{writer}x{number}@example.com");
            assert_eq!(asked(&site, "etc/mail/access", &key), "REJECT\n");
        }
    }
}

#[test]
fn an_editor_changes_it_when_it_is_right() {
    let site = site();
    let edit = |script: &str| {
        let path = site.path("editor");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("set");
        Command::new(GODWIT)
            .arg("--root")
            .arg(site.root())
            .args(["access", "edit"])
            .env("VISUAL", &path)
            .stdin(Stdio::null())
            .output()
            .expect("it runs")
    };
    let output = edit("echo 'From:b@example.com\tREJECT' >> $1");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        asked(&site, "etc/mail/access", "from:b@example.com"),
        "REJECT\n"
    );
    assert_eq!(edit("true").stdout, b"nothing is changed\n");
    let before = site.read("etc/mail/access");
    let output = edit("echo 'From:b@example.com REJEKT' >> $1");
    assert_eq!(output.status.code(), Some(65), "{output:?}");
    assert_eq!(site.read("etc/mail/access"), before);
    let drafts = std::fs::read_dir(site.path("etc/mail")).expect("listed");
    let drafts = drafts.flatten().filter(|entry| {
        entry
            .file_name()
            .to_string_lossy()
            .starts_with(".access.edit.")
    });
    assert_eq!(drafts.count(), 1, "the refused text is kept");
    assert_eq!(edit("exit 3").status.code(), Some(69));
}
