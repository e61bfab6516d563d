//! The command line: names, flags, words and exit codes.

use std::process::{Command, Output, Stdio};

/// The program under test.
const GODWIT: &str = env!("CARGO_BIN_EXE_godwit");

fn run(arguments: &[&str]) -> Output {
    Command::new(GODWIT)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the program can be started")
}

/// Runs `sendmail` with a command line that makes no sense.
#[track_caller]
fn check(line: &str, says: &str, code: i32) {
    let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
    let output = run(&[&["sendmail"], &words[..]].concat());
    // What getopt says goes to standard error, all else to standard output.
    let said = match says.starts_with("sendmail: ") {
        true => String::from_utf8_lossy(&output.stderr),
        false => String::from_utf8_lossy(&output.stdout),
    };
    assert_eq!(said.trim_end_matches('\n'), says, "sendmail {line}");
    assert_eq!(output.status.code(), Some(code), "sendmail {line}");
}

#[test]
fn senseless_flags_are_refused_in_the_references_words() {
    check("-Z bob", "sendmail: illegal option -- Z", 64);
    check("-Ee bob", "sendmail: illegal option -- E", 64);
    check("-b", "Invalid operation mode  ", 64);
    check("-bX", "Invalid operation mode X", 64);
    check("-bz", "Frozen configurations unsupported", 64);
    check("-O", "sendmail: option requires an argument -- O", 64);
    check("-M", "sendmail: option requires an argument -- M", 64);
    check("-vf", "sendmail: option requires an argument -- f", 64);
    check("-h x bob", "Bad hop count (x)", 64);
    check("-N foo bob", "Invalid -N argument", 64);
    check("-B foo bob", "Illegal body type foo", 64);
    check("-R foo bob", "Invalid -R value", 64);
    check("-V a=b bob", "Invalid syntax in -V flag", 64);
    check("-f a -f b bob", "More than one \"from\" person", 64);
    check("-r a -f b bob", "More than one \"from\" person", 64);
    check("-qX", "Invalid time unit `X'", 64);
    check("-q1x", "Invalid time unit `x'", 64);
    check("-bv -q bob", "Can not use -q with -bv", 64);
    check("-q5 -bv bob", "Can not use -q with -bv", 64);
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    check(
        "-C /nonexistent -bD",
        "/nonexistent: line 0: cannot open: No such file or directory",
        72,
    );
}

#[test]
fn godwit_alone_says_what_there_is() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(64));
    assert!(output.stdout.is_empty());
    let output = run(&["help"]);
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("\n  sendmail "), "{text}");
    assert!(
        !text.contains("engine"),
        "hidden roles are not for people: {text}"
    );
    assert_eq!(run(&["no-such-command"]).status.code(), Some(64));
    assert!(run(&["--version"]).stdout.starts_with(b"godwit "));
}

#[test]
fn a_hidden_role_without_its_parent_does_nothing() {
    let output = run(&["engine"]);
    assert_eq!(output.status.code(), Some(64));
    assert!(output.stdout.is_empty());
}

#[test]
fn the_name_of_the_file_is_the_personality() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let link = directory.path().join("sendmail");
    std::os::unix::fs::symlink(GODWIT, &link).expect("a link");
    let output = Command::new(&link)
        .arg("-bX")
        .output()
        .expect("the link can be started");
    assert_eq!(output.stdout, b"Invalid operation mode X\n");
}
