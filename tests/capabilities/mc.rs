//! From `.mc` to `.cf`: the facts that the reference's own library gives, the
//! configurations that come with Godwit, and faults at the right line.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::need;

const GODWIT: &str = env!("CARGO_BIN_EXE_godwit");

/// Facts that we have and the reference forgets: a map that rules use, a
/// ruleset that a feature's rules call.
const ALSO: &[(&str, &str)] = &[("p-rhsbl", "Kmacro macro")];

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The configurations whose facts were recorded, one folder each: the source
/// (`sendmail.mc`), the facts, and what was said (`compile.err`).
fn recorded() -> Option<(tempfile::TempDir, Vec<PathBuf>)> {
    let tar = need::tool("tar", "facts of configurations")?;
    let dir = tempfile::tempdir().expect("a directory");
    let archive = top().join("tests/data/conformance/facts.tar.gz");
    let status = Command::new(tar)
        .arg("-xzf")
        .arg(archive)
        .arg("-C")
        .arg(dir.path())
        .status();
    assert!(status.expect("tar runs").success());
    let entries = std::fs::read_dir(dir.path()).expect("there");
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.expect("read").path()).collect();
    cases.sort();
    assert_eq!(cases.len(), 120);
    Some((dir, cases))
}

fn compile(dir: &Path, name: &str) -> Output {
    Command::new(GODWIT)
        .args(["cf", name])
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .expect("the program can be started")
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// Lines with what continues them.
fn logical_lines(cf: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in cf.split('\n') {
        match lines.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) && !line.trim().is_empty() => {
                last.push('\n');
                last.push_str(line.trim());
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

fn one_space(text: &str) -> String {
    let words: Vec<&str> = text
        .split([' ', '\t', '\n'])
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

/// What a `.cf` says apart from its rules.
pub(crate) fn facts(cf: &str) -> BTreeSet<String> {
    let mut facts = BTreeSet::new();
    for line in logical_lines(cf) {
        let line = line.trim_end_matches([' ', '\t']);
        let Some(kind) = line.chars().next() else {
            continue;
        };
        match kind {
            'C' | 'T' => members(line, &mut facts),
            'D' if line.starts_with("DZ") => {
                facts.insert("DZ@VERSION@".to_owned());
            }
            'O' => {
                let rest = line[1..].trim_start();
                let rest = match rest.split_once('=') {
                    Some((name, value)) if name.trim().chars().all(char::is_alphanumeric) => {
                        format!("{}={}", name.trim(), value.trim_start())
                    }
                    _ => rest.to_owned(),
                };
                facts.insert(format!("O {rest}"));
            }
            'M' => {
                let fields: Vec<&str> = line.split(',').map(str::trim_start).collect();
                facts.insert(fields.join(", ").trim_end_matches([',', ' ']).to_owned());
            }
            'H' => {
                let lines: Vec<&str> = line.split('\n').map(str::trim).collect();
                facts.insert(lines.join(" "));
            }
            'S' => {
                let name = line.split('#').next().unwrap_or_default();
                facts.insert(name.trim_end().to_owned());
            }
            'K' | 'X' | 'Q' => {
                facts.insert(one_space(line));
            }
            '#' | 'R' | ' ' | '\t' => {}
            'A'..='Z' => {
                facts.insert(line.to_owned());
            }
            _ => {}
        }
    }
    facts
}

/// The members of a class, one fact each.
fn members(line: &str, facts: &mut BTreeSet<String>) {
    let end = match line.strip_prefix("C{") {
        Some(rest) => rest.find('}').map_or(line.len(), |at| at + 3),
        None if line.starts_with('T') => 1,
        None => line.char_indices().nth(2).map_or(line.len(), |(at, _)| at),
    };
    let (class, words) = line.split_at(end);
    if words.trim().is_empty() {
        facts.insert(format!("{class} "));
    }
    for word in words.split_whitespace() {
        facts.insert(format!("{class} {word}"));
    }
}

#[test]
fn facts_are_those_of_the_references_library() {
    let Some((_dir, cases)) = recorded() else {
        return;
    };
    let mut wrong = String::new();
    let mut found = 0;
    for case in cases {
        let name = case.file_name().expect("named").to_string_lossy();
        let wanted = std::fs::read(case.join("sendmail.cf.facts")).expect("there");
        let wanted: BTreeSet<String> = text(&wanted)
            .split_terminator('\n')
            .map(str::to_owned)
            .collect();
        let got = facts(&text(&compile(&case, "sendmail.mc").stdout));
        found += wanted.intersection(&got).count();
        for fact in wanted.difference(&got) {
            wrong.push_str(&format!("{name}: missing: {fact}\n"));
        }
        for fact in got.difference(&wanted) {
            if !ALSO.contains(&(&*name, fact)) {
                wrong.push_str(&format!("{name}: extra: {fact}\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(found > 15_000, "{found}");
}

#[test]
fn complaints_are_those_of_the_references_library() {
    let Some((_dir, cases)) = recorded() else {
        return;
    };
    let mut heard = 0;
    for case in cases {
        let Ok(said) = std::fs::read(case.join("compile.err")) else {
            continue;
        };
        let ours = text(&compile(&case, "sendmail.mc").stderr);
        for line in text(&said).lines() {
            // The reference forgets to put the argument into some of them.
            if line.contains("cannot open") || line.contains("_ARG_") {
                continue;
            }
            let words = line
                .trim_start_matches("*** ERROR:")
                .trim_start_matches("*** WARNING:")
                .trim_start_matches("WARNING:");
            assert!(
                ours.contains(&one_space(words)),
                "{}: {line}\n{ours}",
                case.display()
            );
            heard += 1;
        }
    }
    assert!(heard > 10, "{heard}");
}

#[test]
fn the_configurations_that_come_with_us_have_no_faults() {
    let mut compiled = 0;
    for folder in ["mc", "etc-mail"] {
        for entry in std::fs::read_dir(top().join(folder)).expect("there") {
            let path = entry.expect("read").path();
            if path.extension().is_none_or(|extension| extension != "mc") {
                continue;
            }
            let name = path.display().to_string();
            let output = compile(top(), &name);
            assert_eq!(text(&output.stderr), "", "{name}");
            assert!(output.status.success(), "{name}");
            assert!(output.stdout.ends_with(b"\n"), "{name}");
            compiled += 1;
        }
    }
    assert!(compiled >= 12, "{compiled}");
}

/// A directory with a source, and a configuration from better days.
fn site(source: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("site.mc"), source).expect("written");
    std::fs::write(dir.path().join("site.cf"), "V10/old\n").expect("written");
    dir
}

/// Compiles a source that is at fault: the old configuration stays.
#[track_caller]
fn refused(source: &[u8], says: &str) {
    let dir = site(source);
    let output = Command::new(GODWIT)
        .args(["compile", "site.mc", "-o", "site.cf"])
        .current_dir(dir.path())
        .output()
        .expect("the program can be started");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(65), "{said}");
    assert!(said.lines().any(|line| line.starts_with(says)), "{said}");
    let kept = std::fs::read(dir.path().join("site.cf")).expect("there");
    assert_eq!(kept, b"V10/old\n");
    let left = std::fs::read_dir(dir.path()).expect("there").count();
    assert_eq!(left, 2, "something was left behind");
}

#[test]
fn a_broken_source_is_refused_at_the_right_line() {
    let frame = "OSTYPE(`linux')dnl\n";
    let with = |rest: &str| format!("{frame}{rest}").into_bytes();
    refused(
        &with("MAILER(`local')dnl\ndefine(`confTO_IDENT', `0)dnl\nMAILER(`smtp')dnl\n"),
        "site.mc: line 3: ",
    );
    refused(
        &with("dnl\nFEATURE(`masquerade_envelop')dnl\nMAILER(`smtp')dnl\n"),
        "site.mc: line 3: there is no FEATURE(`masquerade_envelop'). Did you mean",
    );
    refused(
        &with("include(`/nowhere/at/all.m4')dnl\nMAILER(`smtp')dnl\n"),
        "site.mc: line 2: cannot open `/nowhere/at/all.m4'",
    );
    refused(
        &with("dnl\ninclude(`.')dnl\nMAILER(`smtp')dnl\n"),
        "site.mc: line 3: cannot open `.': Is a directory",
    );
    refused(
        &with("define(`again', `again again')dnl\nagain\n"),
        "site.mc: line 3: ",
    );
    refused(
        &with("MAILER(`smtp')dnl\nLOCAL_CONFIG\nRno tab here\n"),
        "site.mc: line 4: invalid rewrite line",
    );
    refused(
        &with("include(`site.mc')dnl\nMAILER(`smtp')dnl\n"),
        "site.mc: line 2: ",
    );
    // A hundred megabytes, from a line.
    let line = "x".repeat(1000);
    refused(
        &with(&format!(
            "define(`again', `ifelse(`$1', `0', `', `{line} again(decr(`$1'))')')dnl\nagain(100000)\n"
        )),
        "site.mc: line 3: more than ",
    );
    refused(b"OSTYPE(`linux')dnl\nx\0y\n", "site.mc: line 2: a NUL byte");
    refused(
        b"# made\nV10/Berkeley\nCwlocalhost\n",
        "site.mc: this is a compiled",
    );
}

#[test]
fn what_cannot_be_read_is_said_and_nothing_is_written() {
    let dir = site(b"");
    std::fs::create_dir(dir.path().join("folder.mc")).expect("made");
    for name in ["nowhere.mc", "folder.mc"] {
        let output = Command::new(GODWIT)
            .args(["compile", name, "-o", "site.cf"])
            .current_dir(dir.path())
            .output()
            .expect("the program can be started");
        assert_eq!(output.status.code(), Some(66), "{name}");
        assert!(text(&output.stderr).contains(name));
    }
    let kept = std::fs::read(dir.path().join("site.cf")).expect("there");
    assert_eq!(kept, b"V10/old\n");
}

#[test]
fn odd_bytes_pass_through() {
    let unix = "OSTYPE(`linux')dnl\nVERSIONID(`b\u{fc}ro')dnl\nMAILER(`smtp')dnl";
    let latin: Vec<u8> = unix.chars().map(|c| c as u8).collect();
    let dir = site(&latin);
    let plain = compile(dir.path(), "site.mc");
    assert!(plain.status.success());
    assert!(plain.stdout.windows(4).any(|bytes| bytes == b"b\xfcro"));
    // Lines that end as on Windows mean the same, and are named.
    let windows = text(&latin).replace('\n', "\r\n");
    let windows: Vec<u8> = windows.chars().map(|c| c as u8).collect();
    let dir = site(&windows);
    let other = compile(dir.path(), "site.mc");
    assert_eq!(other.stdout, plain.stdout);
    assert!(
        text(&other.stderr).contains("line 1: "),
        "{}",
        text(&other.stderr)
    );
}

#[test]
fn a_site_has_files_of_its_own() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("below")).expect("made");
        std::fs::write(path, text).expect("written");
    };
    // Beside the source, in the tree that the source names, and on a path.
    file(
        "mail/site.mc",
        &format!(
            "include(`{}/tree/m4/cf.m4')dnl\nOSTYPE(`linux')dnl\nDOMAIN(`ours')dnl\n\
             FEATURE(`beside', `7m')dnl\nFEATURE(`on_path')dnl\n\
             include(`tls/starttls.m4')dnl\nSITECONFIG(`near', `mail', `U')dnl\n\
             MAILER(`smtp')dnl\nMAILER(`courier')dnl\nHACK(`name')dnl\n",
            dir.path().display()
        ),
    );
    file("mail/feature/beside.m4", "define(`confTO_MAIL', _ARG_)\n");
    file("tree/domain/ours.m4", "define(`confTO_QUIT', `8m')\n");
    file("tree/siteconfig/near.m4", "SITE(`one two')\n");
    file(
        "tree/mailer/courier.m4",
        "PUSHDIVERT(7)\nMcourier, P=/bin/courier, F=lsDFM, A=courier $u\nPOPDIVERT\n",
    );
    file("path/feature/on_path.m4", "define(`confTO_RCPT', `9m')\n");
    file("path/hack/name.m4", "LOCAL_CONFIG\nDxhacked\n");
    file(
        "path/tls/starttls.m4",
        "define(`confCACERT', `/etc/mail/tls/ca.pem')dnl\n",
    );
    let path = dir.path().join("path");
    let output = Command::new(GODWIT)
        .arg("compile")
        .arg("-I")
        .arg(&path)
        .arg("mail/site.mc")
        .current_dir(dir.path())
        .output()
        .expect("the program can be started");
    assert_eq!(text(&output.stderr), "");
    let cf = text(&output.stdout);
    for line in [
        "O Timeout.mail=7m",
        "O Timeout.quit=8m",
        "O Timeout.rcpt=9m",
        "O CACertFile=/etc/mail/tls/ca.pem",
        "DUmail",
        "CUone two",
        "C{w}mail mail.UUCP",
        "Dxhacked",
    ] {
        assert!(cf.lines().any(|other| other == line), "{line}:\n{cf}");
    }
    assert!(cf.contains("\nMcourier, P=/bin/courier"));
}

#[test]
fn blocks_say_who_asked_for_them_and_classes_swallow_their_line() {
    let dir = site(
        b"OSTYPE(`linux')dnl\nFEATURE(`mailertable')dnl\n\
          EXPOSED_USER(`root') FEATURE(`redirect')\nMAILER(`smtp')dnl\n",
    );
    let cf = text(&compile(dir.path(), "site.mc").stdout);
    assert!(cf.contains("# FEATURE(mailertable) at site.mc:2\nKmailertable "));
    assert!(cf.contains("# feature mailertable at site.mc:2: "));
    assert!(cf.contains("# MAILER(smtp) at site.mc:4\n"));
    assert!(!cf.contains("REDIRECT"));
    assert_eq!(cf, text(&compile(dir.path(), "site.mc").stdout));
}

/// Every kind of statement, and that before each stands the line that asked.
#[test]
fn every_block_says_which_line_asked_for_it() {
    let source = [
        ("OSTYPE(`linux')dnl", ""),
        ("define(`confTO_IDENT', `7s')dnl", "O Timeout.ident=7s"),
        ("dnl", ""),
        ("define(`SMART_HOST', `hub.example')dnl", "DShub.example"),
        ("dnl", ""),
        ("MASQUERADE_AS(`a.example')dnl", "DMa.example"),
        ("dnl", ""),
        ("MASQUERADE_DOMAIN(`b.example')dnl", "C{M}b.example"),
        ("dnl", ""),
        ("LOCAL_DOMAIN(`c.example')dnl", "C{w}c.example"),
        ("dnl", ""),
        (
            "FEATURE(`mailertable')dnl",
            "Kmailertable hash /etc/mail/mailertable",
        ),
        ("dnl", ""),
        (
            "DAEMON_OPTIONS(`Port=2525, Name=X')dnl",
            "O DaemonPortOptions=Port=2525, Name=X",
        ),
        ("dnl", ""),
        ("INPUT_MAIL_FILTER(`f', `S=local:/f')dnl", "Xf, S=local:/f"),
        ("dnl", ""),
        ("QUEUE_GROUP(`q', `P=/q')dnl", "Qq, P=/q"),
        ("dnl", ""),
        ("MAILER(`smtp')dnl", "Msmtp,"),
        ("LOCAL_CONFIG", ""),
        ("Kown hash /etc/own", "Kown hash /etc/own"),
        ("LOCAL_RULE_0", ""),
        (
            "R$* < @ x.example. >\t$#local $: $1",
            "R$* < @ x.example. >",
        ),
        ("LOCAL_RULESETS", ""),
        ("SOwn_rules", "SOwn_rules"),
        ("MAILER_DEFINITIONS", ""),
        (
            "Mown, P=/bin/own, F=l, A=own",
            "Mown, P=/bin/own, F=l, A=own",
        ),
    ];
    let lines: Vec<&str> = source.iter().map(|(line, _)| *line).collect();
    let dir = site(lines.join("\n").as_bytes());
    let output = compile(dir.path(), "site.mc");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let cf = text(&output.stdout);
    for (number, (_, wanted)) in source.iter().enumerate() {
        if wanted.is_empty() {
            continue;
        }
        let at = cf.find(&format!("\n{wanted}")).expect(wanted);
        // Nearer than any other note.
        let note = cf[..at].rfind(" at site.mc:").expect("a note") + " at site.mc:".len();
        let digits = cf[note..]
            .find(|c: char| !c.is_ascii_digit())
            .expect("more");
        let line = number + 1;
        assert_eq!(&cf[note..note + digits], line.to_string(), "{wanted}");
    }
    // Wherever it is compiled.
    let path = dir.path().join("site.mc");
    let again = compile(Path::new("/"), path.to_str().expect("text"));
    assert_eq!(text(&again.stdout), cf);
}

/// Where there is no room the old configuration stays, and nothing else.
#[test]
fn a_full_disk_leaves_the_old_configuration() {
    let what = "compiling to a full disk";
    if !need::root(what) {
        return;
    }
    let dir = site(b"OSTYPE(`linux')dnl\nMAILER(`smtp')dnl\n");
    let full = dir.path().join("full");
    std::fs::create_dir(&full).expect("made");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=16k", "tmpfs"])
        .arg(&full)
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        need::left_out(what, "nothing can be mounted here");
        return;
    }
    std::fs::write(full.join("site.cf"), "V10/old\n").expect("written");
    let output = Command::new(GODWIT)
        .args(["compile", "site.mc", "-o", "full/site.cf"])
        .current_dir(dir.path())
        .output()
        .expect("the program can be started");
    let kept = std::fs::read(full.join("site.cf"));
    let left = std::fs::read_dir(&full).map(Iterator::count);
    let _ = Command::new("umount").arg(&full).status();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(73), "{said}");
    assert!(
        said.contains("full/site.cf: No space left on device"),
        "{said}"
    );
    assert_eq!(kept.expect("there"), b"V10/old\n");
    assert_eq!(left.expect("there"), 1, "something was left behind");
}

#[test]
fn standard_output_without_room_is_a_failure() {
    let dir = site(b"OSTYPE(`linux')dnl\nMAILER(`smtp')dnl\n");
    let full = std::fs::File::options().write(true).open("/dev/full");
    let Ok(full) = full else {
        need::left_out("a full standard output", "there is no /dev/full");
        return;
    };
    let output = Command::new(GODWIT)
        .args(["compile", "site.mc"])
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stdout(full)
        .output()
        .expect("the program can be started");
    assert_eq!(output.status.code(), Some(73));
    assert!(text(&output.stderr).contains("No space left on device"));
}

/// The new file takes the place of what a link names; the link stays one.
#[test]
fn a_link_stays_a_link() {
    let dir = site(b"OSTYPE(`linux')dnl\nMAILER(`smtp')dnl\n");
    std::fs::create_dir(dir.path().join("real")).expect("made");
    std::fs::write(dir.path().join("real/it.cf"), "V10/old\n").expect("written");
    let link = dir.path().join("link.cf");
    std::os::unix::fs::symlink("real/it.cf", &link).expect("a link");
    for name in ["link.cf", "site.cf"] {
        let output = Command::new(GODWIT)
            .args(["compile", "site.mc", "-o", name])
            .current_dir(dir.path())
            .output()
            .expect("the program can be started");
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    assert!(
        std::fs::symlink_metadata(&link)
            .expect("there")
            .is_symlink()
    );
    let real = std::fs::read(dir.path().join("real/it.cf")).expect("there");
    let plain = std::fs::read(dir.path().join("site.cf")).expect("there");
    assert_eq!(real, plain);
    assert_eq!(
        std::fs::read_dir(dir.path().join("real"))
            .expect("there")
            .count(),
        1
    );
    // A name that is a folder is refused, and nothing of it touched.
    let output = Command::new(GODWIT)
        .args(["compile", "site.mc", "-o", "real"])
        .current_dir(dir.path())
        .output()
        .expect("the program can be started");
    assert_eq!(output.status.code(), Some(73));
}
