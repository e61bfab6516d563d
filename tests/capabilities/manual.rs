//! Manual pages and completions, made of the tables of the command line.

use std::path::Path;
use std::process::{Command, Stdio};

use expect_test::expect_file;

use crate::need;
use crate::site::GODWIT;

/// Commands whose pages are made of their tables.
const PAGES: [&str; 16] = [
    "access",
    "alias",
    "audit",
    "completions",
    "domain",
    "explain",
    "generics",
    "local-host",
    "mailer",
    "make",
    "manual",
    "migrate",
    "queue",
    "relay",
    "trace",
    "virtuser",
];

fn run(arguments: &[&str]) -> String {
    let output = Command::new(GODWIT)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn manual_pages_are_those_that_the_tables_make() {
    let man = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    for name in PAGES {
        let page = man.join(format!("godwit-{name}.8"));
        expect_file![page].assert_eq(&run(&["manual", name]));
    }
}

#[test]
fn mandoc_has_nothing_against_them() {
    let Some(mandoc) = need::tool("mandoc", "the lint of manual pages") else {
        return;
    };
    let man = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    for entry in std::fs::read_dir(man).expect("there").flatten() {
        let output = Command::new(&mandoc)
            .args(["-Tlint", "-Wwarning"])
            .arg(entry.path())
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{}: {said}",
            entry.path().display()
        );
    }
}

#[test]
fn shells_complete_commands_and_options() {
    let Some(bash) = need::tool("bash", "completions of bash") else {
        return;
    };
    let script = format!(
        "{}\nCOMP_WORDS=(godwit $1 $2); COMP_CWORD=$(($#)); _godwit; echo \"${{COMPREPLY[@]}}\"",
        run(&["completions", "bash"])
    );
    let complete = |words: &[&str]| {
        let output = Command::new(&bash)
            .args(["-c", &script, "complete"])
            .args(words)
            .output()
            .expect("it runs");
        String::from_utf8(output.stdout)
            .expect("text")
            .trim()
            .to_owned()
    };
    assert_eq!(complete(&["vir"]), "virtuser");
    assert_eq!(complete(&["make", "--dry"]), "--dry-run");
    assert_eq!(complete(&["queue", "hol"]), "hold");
    assert!(run(&["completions", "fish"]).contains("__fish_seen_subcommand_from explain"));
}

/// The pages of the classic programs name the options that their code takes:
/// the letters are those of the line in the source that reads them.
#[test]
fn pages_of_classic_programs_name_the_options_that_there_are() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (program, page) in [
        ("mailstats", "mailstats.8"),
        ("praliases", "praliases.8"),
        ("makemap", "makemap.8"),
        ("editmap", "editmap.8"),
    ] {
        let source = std::fs::read_to_string(top.join(format!("src/cli/{program}.rs")));
        let source = source.expect("there");
        let (_, rest) = source.split_once("Getopt::new(\"").expect("it has options");
        let (letters, _) = rest.split_once('"').expect("a string");
        let mut taken: Vec<char> = letters.chars().filter(|letter| *letter != ':').collect();
        let text = std::fs::read_to_string(top.join("man").join(page)).expect("there");
        let items = text.lines().filter_map(|line| line.strip_prefix(".It Fl "));
        let mut named: Vec<char> = items.filter_map(|item| item.chars().next()).collect();
        taken.sort_unstable();
        named.sort_unstable();
        assert_eq!(named, taken, "{page}");
    }
}

/// Every program and every file format has its page.
#[test]
fn programs_and_files_have_pages() {
    let man = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    for page in [
        "mailq.1",
        "newaliases.1",
        "sendmail.8",
        "makemap.8",
        "editmap.8",
        "praliases.8",
        "mailstats.8",
        "hoststat.8",
        "purgestat.8",
        "smrsh.8",
        "mail.local.8",
        "aliases.5",
        "access.5",
        "virtusertable.5",
        "genericstable.5",
        "mailertable.5",
        "domaintable.5",
        "sendmail.mc.5",
        "sendmail.cf.5",
        "mqueue.5",
        "godwit.8",
    ] {
        assert!(man.join(page).is_file(), "{page}");
    }
}

/// Every command of the tables has examples, says its exit status, answers in
/// JSON where it answers, and can be tried where it changes something.
#[test]
fn every_command_keeps_the_promises_of_the_desk() {
    for name in PAGES {
        let help = run(&[name, "--help"]);
        assert!(help.contains("Example"), "{name}: {help}");
        assert!(help.contains("Exit status"), "{name}: {help}");
        let prints_text = matches!(name, "completions" | "manual");
        assert!(prints_text || help.contains("--json"), "{name}: {help}");
    }
    for words in [
        &["make"][..],
        &["alias", "set"],
        &["alias", "rm"],
        &["queue", "hold"],
        &["queue", "release"],
        &["queue", "rm"],
        &["queue", "bounce"],
        &["queue", "requeue"],
        &["audit"],
    ] {
        let help = run(&[words, &["--help"]].concat());
        assert!(help.contains("--dry-run"), "{words:?}: {help}");
    }
}
