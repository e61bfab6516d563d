//! `godwit migrate`: sites that ran on sendmail, staged and compared.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::need;
use crate::site::GODWIT;

/// A site as people leave it: a missing include, a define after MAILER, raw
/// lines, sloppy quotes in comments.
const MC: &str = "\
divert(-1)dnl
# Bob's server; don't touch
divert(0)dnl
VERSIONID(`old site')dnl
OSTYPE(`linux')dnl
include(`/etc/mail/local.m4')dnl
sinclude(`/etc/mail/nowhere.m4')dnl
include(`/opt/gone/extra.m4')dnl
FEATURE(`access_db')dnl
FEATURE(`use_cw_file')dnl
FEATURE(`nocanonify')dnl
FEATURE(`virtusertable', `hash -o /etc/mail/virtusertable')dnl
FEATURE(`mailertable', `hash -o /etc/mail/mailertable')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
define(`confMAX_HOP', `30')dnl
LOCAL_CONFIG
O MaxRecipientsPerMessage=100
Cwextra.example
";

fn write(site: &Path, name: &str, text: &str) {
    let path = site.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    fs::write(path, text).expect("written");
}

fn site(dir: &Path) {
    write(dir, "sendmail.mc", MC);
    write(dir, "local.m4", "define(`confTO_IDENT', `0')dnl\n");
    write(
        dir,
        "access",
        "Connect:192.0.2\tRELAY\nFrom:bad@example.net\tREJECT\n",
    );
    write(dir, "local-host-names", "example.com\n");
    write(
        dir,
        "virtusertable",
        "info@example.com\troot\n@example.com\t%1@far.example\n",
    );
    write(dir, "mailertable", "far.example\tsmtp:[192.0.2.9]\n");
    write(
        dir,
        "aliases",
        "postmaster: root\nteam: root, friend@far.example\n",
    );
}

fn migrate(from: &Path, to: &Path, more: &[&str]) -> (Option<i32>, String) {
    let output: Output = Command::new(GODWIT)
        .arg("migrate")
        .args(more)
        .arg("--to")
        .arg(to)
        .arg(from)
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// A directory that maps may lie in.
fn directory() -> tempfile::TempDir {
    let base = match nix::unistd::geteuid().is_root() {
        true => "/var/lib",
        false => env!("CARGO_TARGET_TMPDIR"),
    };
    tempfile::Builder::new()
        .prefix("godwit-migrate.")
        .tempdir_in(base)
        .expect("a directory")
}

#[test]
fn a_site_without_an_old_cf_is_staged_and_can_be_used() {
    let dir = directory();
    let (from, to) = (dir.path().join("mail"), dir.path().join("staged"));
    site(&from);
    let (code, text) = migrate(&from, &to, &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("sendmail.mc includes /opt/gone/extra.m4"),
        "{text}"
    );
    assert!(text.contains("there is no old sendmail.cf"), "{text}");
    for report in ["report.txt", "report.html", "report.json"] {
        assert!(to.join(report).is_file(), "{report}");
    }
    let root = to.display().to_string();
    let asked = Command::new(GODWIT)
        .args([
            "--root",
            &root,
            "explain",
            "route",
            "--no-dns",
            "info@example.com",
        ])
        .output()
        .expect("it runs");
    let asked = String::from_utf8_lossy(&asked.stdout).into_owned();
    assert!(asked.contains("mailer local, user root"), "{asked}");
    // What was there is not written over.
    assert_eq!(migrate(&from, &to, &[]).0, Some(73));
    assert_eq!(migrate(&dir.path().join("none"), &to, &[]).0, Some(66));
}

#[test]
fn what_differs_from_the_old_cf_is_listed_and_nothing_else() {
    let dir = directory();
    let from = dir.path().join("mail");
    site(&from);
    fs::write(
        from.join("sendmail.mc"),
        MC.replace("include(`/opt/gone/extra.m4')dnl\n", ""),
    )
    .expect("written");
    // The first run makes a configuration that serves as the old one.
    let first = dir.path().join("first");
    let (code, text) = migrate(&from, &first, &[]);
    assert_eq!(code, Some(0), "{text}");
    let cf = fs::read_to_string(first.join("etc/mail/sendmail.cf")).expect("made");
    fs::write(from.join("sendmail.cf"), &cf).expect("written");
    let (code, text) = migrate(&from, &dir.path().join("same"), &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.ends_with("\nNothing differs.\n"), "{text}");
    // Edited by hand after it was made: an option, a class.
    let edited = cf.replace("O MaxHopCount=30", "O MaxHopCount=17") + "\nCwold.example\n";
    fs::write(from.join("sendmail.cf"), edited).expect("written");
    write(
        dir.path(),
        "log",
        "Nov 22 08:56:17 mail sendmail[1]: 6AM8uH4k000040: to=<bob@old.example>, stat=Sent\n\
         Nov 22 08:56:18 mail sendmail[1]: 6AM8uH4k000041: to=<bob@example.com>, stat=Sent\n",
    );
    let log = dir.path().join("log").display().to_string();
    let (code, text) = migrate(
        &from,
        &dir.path().join("edited"),
        &["--json", "--log", &log],
    );
    assert_eq!(code, Some(1), "{text}");
    let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let names: Vec<String> = report["differences"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|found| format!("{} {}", found["what"], found["name"]))
        .collect();
    assert_eq!(names, ["\"option\" \"MaxHopCount\"", "\"class\" \"w\""]);
    let treated = report["treated"].as_array().expect("a list");
    assert_eq!(treated.len(), 1, "{text}");
    assert_eq!(treated[0]["address"], "bob@old.example");
    assert_eq!(treated[0]["found_in"], "log");
}

#[test]
fn an_old_cf_of_the_reference_is_compared() {
    let Some(reference) = need::reference("an old .cf") else {
        return;
    };
    let tree = reference.join("root/usr/share/sendmail/cf");
    let Some(m4) = need::tool("m4", "an old .cf") else {
        return;
    };
    if !tree.join("m4/cf.m4").is_file() {
        need::left_out("an old .cf", "the reference has no m4 library");
        return;
    }
    let dir = directory();
    let from = dir.path().join("mail");
    site(&from);
    let mc = MC.replace("include(`/opt/gone/extra.m4')dnl\n", "");
    fs::write(from.join("sendmail.mc"), &mc).expect("written");
    let old = mc.replace(
        "/etc/mail/local.m4",
        &from.join("local.m4").display().to_string(),
    );
    write(dir.path(), "old.mc", &old);
    let output = Command::new(m4)
        .arg(format!("-D_CF_DIR_={}/", tree.display()))
        .arg(tree.join("m4/cf.m4"))
        .arg(dir.path().join("old.mc"))
        .output()
        .expect("m4 runs");
    assert!(output.status.success());
    fs::write(from.join("sendmail.cf"), &output.stdout).expect("written");
    let (_, text) = migrate(&from, &dir.path().join("staged"), &["--json"]);
    let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    // Every address goes the same way under both.
    assert_eq!(
        report["treated"].as_array().map(Vec::len),
        Some(0),
        "{text}"
    );
    assert!(report["tried"].as_u64() > Some(5), "{text}");
    let options: Vec<String> = report["differences"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|found| found["what"] == "option")
        .map(|found| found["name"].to_string())
        .collect();
    assert!(options.is_empty(), "{options:?}");
}

#[test]
fn every_command_of_the_guide_runs() {
    let dir = directory();
    let (from, to) = (dir.path().join("oldhost"), dir.path().join("staged"));
    let mail = from.join("etc/mail");
    site(&mail);
    let port = crate::site::free_port();
    let mc = format!(
        "OSTYPE(`linux')dnl\nFEATURE(`no_default_msa')dnl\nFEATURE(`access_db')dnl\n\
         DAEMON_OPTIONS(`Port={port}, Addr=127.0.0.1, Name=MTA')dnl\n\
         define(`STATUS_FILE', `/etc/mail/statistics')dnl\n\
         define(`ALIAS_FILE', `/etc/mail/aliases')dnl\nMAILER(`local')dnl\nMAILER(`smtp')dnl\n"
    );
    write(&mail, "sendmail.mc", &mc);
    write(&mail, "statistics", "");
    let guide = include_str!("../../docs/migrating.md");
    let mut in_block = false;
    let mut count = 0;
    for line in guide.lines() {
        if line.starts_with("```") {
            in_block = line == "```sh";
            continue;
        }
        if !in_block {
            continue;
        }
        let line = line
            .replace("/srv/staged", &to.display().to_string())
            .replace("/backup/oldhost", &from.display().to_string());
        let words: Vec<&str> = line.split(' ').skip(1).collect();
        count += 1;
        if words.last() == Some(&"run") {
            serves(&words);
            continue;
        }
        let output = Command::new(GODWIT).args(&words).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // 1 is an answer: no, or findings.
        assert!(
            matches!(output.status.code(), Some(0 | 1)),
            "{line}: {said}"
        );
    }
    assert!(count > 10, "{count}");
}

/// Starts the server, waits until it listens, and stops it.
fn serves(words: &[&str]) {
    use std::io::BufRead;
    let mut child = Command::new(GODWIT)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let output = child.stdout.take().expect("a pipe");
    let mut lines = std::io::BufReader::new(output).lines();
    let listens = lines.any(|line| line.is_ok_and(|line| line.contains("is listening on")));
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("an id"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("it runs");
    child.wait().expect("it ends");
    assert!(listens, "{words:?}");
}
