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
