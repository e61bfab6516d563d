//! The restricted shell, command by command, against what the reference did.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use bstr::{BString, ByteSlice};

/// A private root with programs, and a directory to run in.
fn world() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let programs = root.path().join("etc/mail/smrsh");
    std::fs::create_dir_all(&programs).unwrap();
    for (name, target) in [
        ("okprog", "/bin/echo"),
        ("cat2", "/bin/cat"),
        ("falsep", "/bin/false"),
    ] {
        symlink(target, programs.join(name)).unwrap();
    }
    std::fs::write(programs.join("noexec"), "x").unwrap();
    std::fs::create_dir(programs.join("adir")).unwrap();
    let say = "#!/bin/sh\n/usr/bin/env; exit $1\n";
    std::fs::write(programs.join("envp"), say).unwrap();
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(programs.join("envp"), mode).unwrap();
    std::fs::create_dir(root.path().join("here")).unwrap();
    for file in ["f1", "f2", "a b"] {
        std::fs::write(root.path().join("here").join(file), "").unwrap();
    }
    root
}

fn smrsh(root: &Path, command: &[u8]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_godwit"))
        .arg("--root")
        .arg(root)
        .args(["smrsh", "-c"])
        .arg(std::ffi::OsStr::from_bytes(command))
        .current_dir(root.join("here"))
        .env("FOO", "bar")
        .output()
        .unwrap()
}

fn unescape(text: &[u8]) -> BString {
    let mut out = Vec::new();
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        out.push(match (byte, byte == &b'\\') {
            (_, true) => match bytes.next() {
                Some(b'n') => b'\n',
                Some(b'r') => b'\r',
                Some(b't') => b'\t',
                other => *other.unwrap_or(&b'\\'),
            },
            (byte, false) => *byte,
        });
    }
    out.into()
}

#[test]
fn commands_as_recorded() {
    let root = world();
    let directory = root.path().join("etc/mail/smrsh");
    let table = include_bytes!("../data/smrsh/commands.txt");
    let mut count = 0;
    for line in table.lines().filter(|line| !line.starts_with(b"#")) {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b'\t').collect();
        let [command, code, expected] = fields[..] else {
            continue;
        };
        count += 1;
        let command = unescape(command);
        let output = smrsh(root.path(), &command);
        let said = bstr::concat([&output.stdout[..], &output.stderr]);
        let said = said
            .replace("smrsh: ", "PROGRAM: ")
            .replace(directory.as_os_str().as_bytes(), "DIRECTORY");
        assert_eq!(
            output.status.code().map(|code| code.to_string()).as_deref(),
            code.to_str().ok(),
            "{command}: {}",
            said.as_bstr()
        );
        let expected = unescape(expected);
        if !expected.starts_with(b"*") {
            assert_eq!(said.as_bstr(), expected, "{command}");
        }
    }
    assert!(count > 60, "the table is there: {count}");
}

#[test]
fn usage_and_environment() {
    let root = world();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_godwit"))
            .arg("smrsh")
            .args(arguments)
            .output()
            .unwrap();
        (output.status.code(), output.stderr)
    };
    let usage = "Usage: smrsh -c command\n";
    for arguments in [
        &[][..],
        &["-c"],
        &["-x", "foo"],
        &["-c", ""],
        &["-c", " "],
        &["-c", "okprog", "extra"],
    ] {
        let (code, said) = run(arguments);
        assert_eq!(code, Some(64), "{arguments:?}");
        assert_eq!(said.as_bstr(), usage);
    }
    let output = smrsh(root.path(), b"envp 3");
    assert_eq!(output.status.code(), Some(3));
    let here = root.path().join("here");
    let mut lines: Vec<&[u8]> = output
        .stdout
        .lines()
        .filter(|l| !l.starts_with(b"_="))
        .collect();
    lines.sort();
    let pwd = format!("PWD={}", here.canonicalize().unwrap().display());
    assert_eq!(lines, [&b"PATH=/usr/bin:/bin"[..], pwd.as_bytes()]);
}
