//! Tools that nobody here wrote, reading what we print and log as they read
//! sendmail's: Nagios' check_mailq, munin's sendmail plugins, fail2ban,
//! logwatch. Each where its package is installed, or unpacked under the
//! directory that `GODWIT_FOREIGN` names.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::need;
use crate::site::{GODWIT, Site};

/// A file of a package: installed, or unpacked beside the build.
fn foreign(path: &str) -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    let bases = [
        std::env::var_os("GODWIT_FOREIGN").map(PathBuf::from),
        Some(target.join("foreign")),
        Some(target.join("fail2ban")),
        Some("/".into()),
    ];
    let mut files = bases.into_iter().flatten().map(|base| base.join(path));
    let found = files.find(|file| file.exists());
    if found.is_none() {
        need::left_out(path, "its package is not installed");
    }
    found
}

/// A site with one message sent, one that waits, and one refused.
fn site() -> Site {
    let mut site = Site::stock(
        "define(`STATUS_FILE', `/etc/mail/statistics')dnl\n\
         FEATURE(`mailertable', `hash -o /etc/mail/mailertable')dnl\n",
    );
    site.write("etc/mail/statistics", "");
    site.write("etc/mail/mailertable", "far.example\tesmtp:[127.0.0.9]\n");
    site.must(&["make"]);
    site.start();
    let text = "Subject: seen\r\n\r\nhi\r\n";
    site.send("root@example.com", &["root", "friend@far.example"], text);
    let mut stranger = site.stranger();
    stranger.say("EHLO client.example.com");
    stranger.say("MAIL FROM:<a@b.example>");
    assert!(
        stranger
            .say("RCPT TO:<x@faraway.example>")
            .starts_with("550")
    );
    // Without it, a lost input channel would be logged, now or later.
    stranger.say("QUIT");
    site.mailbox("root", "seen");
    site.mailq("refused");
    site
}

/// A program of a classic name that is ours, on this site.
fn link(site: &Site, name: &str) -> PathBuf {
    let path = site.path(name);
    let root = site.root().display();
    let script = format!("#!/bin/sh\nexec {GODWIT} --root {root} {name} \"$@\"\n");
    fs::write(&path, script).expect("written");
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("set");
    path
}

fn said(command: &mut Command) -> (Option<i32>, String) {
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), text)
}

#[test]
fn check_mailq_counts_what_waits() {
    let (Some(plugin), Some(utils), Some(perl)) = (
        foreign("usr/lib/nagios/plugins/check_mailq"),
        foreign("usr/lib/nagios/plugins/utils.pm"),
        need::tool("perl", "check_mailq"),
    ) else {
        return;
    };
    let site = site();
    let mailq = link(&site, "mailq");
    // Where mailq is was decided when the package was made.
    let text = fs::read_to_string(utils).expect("read");
    let text: String = text
        .lines()
        .map(|line| match line.starts_with("$PATH_TO_MAILQ") {
            true => format!("$PATH_TO_MAILQ = \"{}\";\n", mailq.display()),
            false => format!("{line}\n"),
        })
        .collect();
    fs::write(site.path("utils.pm"), text).expect("written");
    // It looks beside itself first.
    let copy = site.path("check_mailq");
    fs::copy(&plugin, &copy).expect("copied");
    let check = |warn: &str| {
        said(
            Command::new(&perl)
                .arg("-I")
                .arg(site.root())
                .arg(&copy)
                .args(["-M", "sendmail", "-w", warn, "-c", "10"]),
        )
    };
    let (code, text) = check("5");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("mailq (1) is below threshold"), "{text}");
    assert_eq!(check("1").0, Some(1));
}

#[test]
fn munin_draws_what_mailstats_counts() {
    let (Some(traffic), Some(queue)) = (
        foreign("usr/share/munin/plugins/sendmail_mailtraffic"),
        foreign("usr/share/munin/plugins/sendmail_mailqueue"),
    ) else {
        return;
    };
    let site = site();
    let mailstats = link(&site, "mailstats");
    let draw = || {
        said(
            Command::new("sh")
                .arg(&traffic)
                .env("mailstats", &mailstats),
        )
        .1
    };
    site.until("the counters", |_| {
        draw().contains("sent.value 1\n").then_some(())
    });
    let text = draw();
    assert!(text.contains("received.value 1\n"), "{text}");
    let (_, text) = said(
        Command::new("sh")
            .arg(&queue)
            .env("mtaqueue", site.path("var/spool/mqueue"))
            .env("mspqueue", site.path("var/spool/clientmqueue")),
    );
    assert_eq!(text, "mails.value 1\n");
}

#[test]
fn fail2ban_finds_the_stranger() {
    let (Some(program), Some(filters)) =
        (foreign("usr/bin/fail2ban-regex"), foreign("etc/fail2ban"))
    else {
        return;
    };
    let Some(python) = need::tool("python3", "fail2ban") else {
        return;
    };
    let site = site();
    let library = program.with_file_name("../lib/python3/dist-packages");
    let (_, text) = said(
        Command::new(python)
            .env("PYTHONPATH", library)
            .arg(program)
            .arg("-c")
            .arg(&filters)
            .arg(site.path("var/log/maillog"))
            .arg(filters.join("filter.d/sendmail-reject.conf")),
    );
    assert!(text.contains(" 1 matched"), "{text}");
}

#[test]
fn logwatch_knows_every_line() {
    let (Some(script), Some(perl)) = (
        foreign("usr/share/logwatch/scripts/services/sendmail"),
        need::tool("perl", "logwatch"),
    ) else {
        return;
    };
    let site = site();
    // Its other filters take off what stands before the text.
    let log = site.read("var/log/maillog");
    let lines: String = log
        .lines()
        .filter_map(|line| line.split_once("]: "))
        .map(|(_, text)| format!("{text}\n"))
        .collect();
    let input = site.path("stripped");
    fs::write(&input, lines).expect("written");
    let library = library_of(&script);
    let output = Command::new(perl)
        .arg("-I")
        .arg(library)
        .arg(script)
        .env("LOGWATCH_DETAIL_LEVEL", "10")
        .stdin(fs::File::open(input).expect("there"))
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("Messages To Recipients"), "{text}");
    assert!(!text.contains("Unmatched"), "{text}");
}

fn library_of(script: &Path) -> PathBuf {
    let base = script.ancestors().nth(3);
    base.unwrap_or(Path::new("/usr/share/logwatch")).join("lib")
}

#[test]
fn mailgraph_counts_what_went_and_what_was_refused() {
    let (Some(script), Some(perl)) = (
        foreign("usr/sbin/mailgraph"),
        need::tool("perl", "mailgraph"),
    ) else {
        return;
    };
    // Its database needs a library of its own; what it reads does not.
    let stub = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| {
        let path = stub.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    };
    write(
        "RRDs.pm",
        "package RRDs;\nsub create {} sub last {0} sub error {undef}\n\
         sub update { print join(' ', @_), qq{\\n} }\n1;\n",
    );
    write("File/Tail.pm", "package File::Tail;\n1;\n");
    let site = site();
    // It tells of a minute when the next one comes.
    let later = jiff::Zoned::now() + jiff::Span::new().minutes(3);
    let later = later.strftime("%b %e %H:%M:%S");
    let log = site.read("var/log/maillog");
    let host = log.split(' ').nth(3).unwrap_or("host").to_owned();
    let line =
        format!("{later} {host} sendmail[1]: 6AM8uH4k000040: to=x, mailer=local, stat=Sent\n");
    let file = stub.path().join("log");
    fs::write(&file, log + &line).expect("written");
    let output = Command::new(perl)
        .arg("-I")
        .arg(stub.path())
        .arg(&script)
        .args(["--cat", "--verbose", "--logfile"])
        .arg(&file)
        .arg("--daemon-rrd")
        .arg(stub.path())
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    // Sent (or tried), received, bounced, rejected.
    let counts = text.lines().find_map(|line| {
        let numbers = line.strip_prefix("update ")?.split_once(':')?.1;
        (!numbers.starts_with("0:0:0:0:")).then(|| numbers.to_owned())
    });
    let counts = counts.unwrap_or_default();
    let counts: Vec<&str> = counts.split(':').collect();
    assert_eq!(counts.get(1..4), Some(&["1", "0", "1"][..]), "{text}");
}
