//! What an administrator's classic reports say, to the letter: `mailq` and its
//! variants, `mailstats`, `praliases`, `sendmail -d0.1`, refusals. Each
//! scenario is recorded from the reference; it is played again with the
//! reference where that is, so that the record stays its word, and with
//! Godwit always.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use expect_test::expect_file;

use crate::map_reference::{World, first_difference};
use crate::site::GODWIT;

/// What scenarios are written with.
const HELPERS: &str = r#"
t() { printf '$ %s\n' "$*"; eval "$*" > .o 2>&1 < /dev/null; r=$?
  sed '/^BDB[0-9]/d' .o; [ -z "$(tail -c1 .o)" ] || echo '[no newline at end]'; printf '[exit %s]\n' "$r"; }
note() { printf '### %s\n' "$*"; }
user() { chroot --userspec=65534:65534 / "$@"; }
umask 022; LC_ALL=C; TZ=UTC; export LC_ALL TZ
"#;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/reports")
}

fn read(name: &str) -> String {
    fs::read_to_string(data().join(name)).expect("there")
}

/// What changes from run to run.
fn masked(text: &str, root: &str) -> String {
    let text = text.replace(root, "");
    let mut out = String::new();
    for line in text.lines() {
        let epochs = line.split_once(' ').is_some_and(|(began, now)| {
            began.len() == 10 && now.len() == 10 && now.bytes().all(|byte| byte.is_ascii_digit())
        });
        match epochs {
            true => out.push_str("epoch epoch"),
            false => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

/// Plays a scenario with our programs under a root of their own.
fn play_here(script: &str, site: &str) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    let root = dir.path().canonicalize().expect("there").join("root");
    let work = dir.path().join("work");
    let bin = dir.path().join("bin");
    let folders = ["etc/mail", "var/spool/mqueue", "var/log", "var/run"];
    for folder in folders.iter().map(|name| root.join(name)) {
        fs::create_dir_all(folder).expect("made");
    }
    for folder in [&work, &bin] {
        fs::create_dir(folder).expect("made");
    }
    for folder in [dir.path(), &root] {
        fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).expect("set");
    }
    let queue = root.join("var/spool/mqueue");
    fs::set_permissions(queue, PermissionsExt::from_mode(0o700)).expect("set");
    // Whoever runs the tests is trusted, and the way to here is not what is
    // tested.
    let uid = nix::unistd::getuid();
    let site = site
        .replace("Sendmail=safe", "Sendmail=MapInUnsafeDirPath")
        .replace("TrustedUser=root", &format!("TrustedUser={uid}"));
    fs::write(work.join("site.cf"), site).expect("written");
    for tool in ["sendmail", "mailq", "mailstats", "praliases", "newaliases"] {
        let path = bin.join(tool);
        let root = root.display();
        let text = format!("#!/bin/sh\nexec {GODWIT} --root {root} {tool} \"$@\"\n");
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("set");
    }
    let root = root.display().to_string();
    let script = format!("{HELPERS}R={root}\n{script}");
    let file = dir.path().join("script");
    fs::write(&file, script).expect("written");
    let output = Command::new("sh")
        .arg(&file)
        .current_dir(&work)
        .env("PATH", format!("{}:/usr/sbin:/usr/bin:/bin", bin.display()))
        .stdin(Stdio::null())
        .output()
        .expect("sh starts");
    masked(&String::from_utf8_lossy(&output.stdout), &root)
}

/// Plays a scenario in the reference's tree, with its programs or ours.
fn play_there(world: &World, script: &str, ours: bool) -> String {
    let files = [("site.cf".to_owned(), read("site.cf").into_bytes())];
    let played = world.play(
        &files,
        &format!("{HELPERS}R=\nmkdir -p /var/log\n{script}"),
        ours,
    );
    // What the world says before the scenario.
    let text = played.split_once("[exit 0]\n").map_or("", |(_, rest)| rest);
    masked(text, "\u{0}")
}

/// The record says what the reference says, and we say the same: beside it,
/// and, unless it takes a world of its own, here.
fn check(name: &str, here: bool) {
    let script = read(&format!("{name}.sh"));
    let golden = data().join(format!("{name}.txt"));
    if let Some(world) = World::new(&format!("{name} beside the reference")) {
        let theirs = play_there(&world, &script, false);
        expect_file![golden.clone()].assert_eq(&theirs);
        let ours = play_there(&world, &script, true);
        if let Some(place) = first_difference(&theirs, &ours) {
            panic!("{name}: {place}");
        }
    }
    if here {
        let ours = play_here(&script, &read("site.cf"));
        let theirs = fs::read_to_string(golden).expect("there");
        if let Some(place) = first_difference(&theirs, &ours) {
            panic!("{name}, here: {place}");
        }
    }
}

#[test]
fn mailq_lists_as_the_reference_does() {
    check("mailq", true);
}

#[test]
fn mailstats_counts_as_the_reference_does() {
    check("mailstats", true);
}

#[test]
fn praliases_shows_as_the_reference_does() {
    check("praliases", true);
}

#[test]
fn who_this_host_is_and_whether_a_configuration_can_be_read() {
    check("identity", true);
}

#[test]
fn ordinary_users_are_refused_as_by_the_reference() {
    check("refused", false);
}

#[test]
fn the_status_of_hosts_is_shown_and_forgotten_as_by_the_reference() {
    check("hosts", false);
}
