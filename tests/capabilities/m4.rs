//! `godwit m4` beside GNU m4: the same bytes, the same messages, the same
//! exit status.
//!
//! What whole configurations give on the reference's own library is in
//! `m4_trees`.
//!
//! `tests/data/m4/NAME.cases` (for each builtin `builtins/NAME.cases`) holds programs, `NAME.recorded` beside it
//! what GNU m4 1.4.19 answered (`UPDATE_EXPECT=1` with that m4 at hand records
//! anew). A case is a line `=== TITLE | OPTIONS` and the program; `~` at its
//! very end takes the last newline away. Each runs in a copy of
//! `tests/data/m4/files`, its program on standard input.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bstr::ByteSlice;
use proptest::prelude::*;

use crate::need;

/// What a run gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: Vec<u8>,
}

/// One program of a case file.
struct Case {
    title: String,
    options: Vec<String>,
    program: Vec<u8>,
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/m4")
}

/// Runs a program called `m4` in `directory`, in the C locale.
pub(crate) fn run(
    program: &Path,
    first: &[&str],
    options: &[String],
    input: &[u8],
    directory: &Path,
) -> Answer {
    let mut command = Command::new(program);
    command
        .args(first)
        .args(options)
        .current_dir(directory)
        .env_remove("M4PATH")
        .env_remove("POSIXLY_CORRECT")
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if first.is_empty() {
        command.arg0("m4");
    }
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // A program that stops early does not read it all.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Answer {
        status: output.status.code(),
        out: output.stdout,
        err: output.stderr,
    }
}

fn ours(options: &[String], input: &[u8], directory: &Path) -> Answer {
    let program = Path::new(env!("CARGO_BIN_EXE_godwit"));
    run(program, &["m4"], options, input, directory)
}

/// GNU m4, when the machine has the version that was recorded.
pub(crate) fn gnu(what: &str) -> Option<PathBuf> {
    let program = need::tool("m4", what)?;
    let version = Command::new(&program).arg("--version").output().ok()?;
    if version.stdout.starts_with(b"m4 (GNU M4) 1.4.19") {
        return Some(program);
    }
    need::left_out(what, "m4 is not GNU m4 1.4.19");
    None
}

/// A fresh directory with the files that programs include.
fn world() -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let to = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                copy(&entry.path(), &to);
            } else {
                std::fs::copy(entry.path(), to).unwrap();
            }
        }
    }
    let directory = tempfile::tempdir().unwrap();
    copy(&data().join("files"), directory.path());
    directory
}

fn cases(text: &[u8]) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines_with_terminator() {
        if let Some(head) = line.strip_prefix(b"=== ") {
            let head = head.trim_end().to_str().unwrap();
            let (title, options) = head.split_once(" | ").unwrap_or((head, ""));
            cases.push(Case {
                title: title.to_owned(),
                options: words(options),
                program: Vec::new(),
            });
        } else if let Some(case) = cases.last_mut() {
            case.program.extend_from_slice(line);
        }
    }
    for case in &mut cases {
        if case.program.ends_with(b"~\n") {
            case.program.truncate(case.program.len() - 2);
        }
    }
    cases
}

/// Splits options at blanks; `'…'` keeps them.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in text.chars() {
        match letter {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// An answer as a recorded file has it: every line marked, odd bytes written
/// out, a line without newline marked with `\` at its end.
fn render(title: &str, answer: &Answer) -> String {
    let mut text = format!("=== {title}\n");
    let status = answer.status.map_or("signal".to_owned(), |s| s.to_string());
    writeln!(text, "--- {status}").unwrap();
    for (mark, bytes) in [("out", &answer.out), ("err", &answer.err)] {
        for line in bytes.lines_with_terminator() {
            let (line, end) = match line.strip_suffix(b"\n") {
                Some(line) => (line, ""),
                None => (line, "\\"),
            };
            write!(text, "{mark}|").unwrap();
            for byte in line {
                match byte {
                    b'\\' => text.push_str("\\\\"),
                    b' '..=b'~' | b'\t' => text.push(char::from(*byte)),
                    _ => write!(text, "\\x{byte:02x}").unwrap(),
                }
            }
            writeln!(text, "{end}").unwrap();
        }
    }
    text
}

/// Runs all cases of one file against what is recorded, and GNU m4 as well.
fn check(name: &str) {
    let text = std::fs::read(data().join(format!("{name}.cases"))).unwrap();
    let recorded_path = data().join(format!("{name}.recorded"));
    let gnu = gnu(&format!("m4 {name} beside GNU m4"));
    let cases = cases(&text);
    assert!(!cases.is_empty(), "{name} has cases");
    if let Some(gnu) = &gnu {
        let mut recorded = String::new();
        for case in &cases {
            let answer = run(gnu, &[], &case.options, &case.program, world().path());
            recorded.push_str(&render(&case.title, &answer));
        }
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&recorded_path, &recorded).unwrap();
        }
        let known = std::fs::read_to_string(&recorded_path).unwrap_or_default();
        assert_eq!(known, recorded, "{name}: GNU m4 answers as recorded");
    }
    let recorded = std::fs::read_to_string(&recorded_path).unwrap();
    let mut wrong = String::new();
    let mut expected = recorded.as_str();
    for case in &cases {
        let answer = ours(&case.options, &case.program, world().path());
        let text = render(&case.title, &answer);
        let length = expected[4..]
            .find("\n=== ")
            .map_or(expected.len(), |at| at + 5);
        let wanted;
        (wanted, expected) = expected.split_at(length);
        if text != wanted {
            write!(
                wrong,
                "{}\nwanted: {wanted}\ngot: {text}\n",
                case.program.as_bstr()
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{name}:\n{wrong}");
}

macro_rules! checks {
    ($($name:ident)*) => { $( #[test] fn $name() { check(stringify!($name)); } )* };
}

checks! {
    define divert eval files format more numbers patterns quotes sync syntax
    system text trace
}

/// The names that a new machine defines, with the one that only exists without
/// GNU's extensions left out, and the one that a machine may be built with.
fn builtins() -> Vec<String> {
    let answer = ours(&[], b"dumpdef", Path::new("/"));
    let names = answer.err.lines().map(|line| {
        let name = line.split(|byte| *byte == b':').next().unwrap();
        name.to_str().unwrap().to_owned()
    });
    names.chain(["changeword".to_owned()]).collect()
}

/// Each builtin has a file of its own, with its corner cases.
#[test]
fn builtins_one_by_one() {
    let names = builtins();
    assert!(names.len() > 45, "{names:?}");
    let waiting = std::sync::Mutex::new(names.iter());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap().next();
                    let Some(name) = next else {
                        return;
                    };
                    check(&format!("builtins/{name}"));
                }
            });
        }
    });
}

#[test]
fn every_case_file_is_checked() {
    let mut names: Vec<String> = std::fs::read_dir(data())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".cases").map(str::to_owned))
        .collect();
    names.sort();
    let source = include_str!("m4.rs");
    let list = source.split("checks! {\n").nth(1).unwrap();
    let list = list.split('}').next().unwrap();
    let checked: Vec<&str> = list.split_whitespace().collect();
    assert_eq!(names, checked);
}

/// Pieces of programs that do something when they meet.
fn piece() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "a",
        "b",
        "foo",
        "define",
        "`",
        "'",
        "``",
        "''",
        "(",
        ")",
        ",",
        "()",
        "(a)",
        "(`a')",
        "(a,b)",
        " ",
        "\n",
        "#",
        "dnl",
        "$1",
        "$@",
        "$*",
        "$#",
        "shift($@)",
        "ifelse(",
        "ifdef(`a',",
        "define(`a',",
        "define(`b',`$1$2')",
        "define(`foo',`a($@)')",
        "pushdef(`a',",
        "popdef(`a')",
        "undefine(`b')",
        "defn(`a')",
        "defn(`len')",
        "len(",
        "incr(",
        "eval(",
        "1",
        "-1",
        "1+2*3",
        "substr(`abc',",
        "index(",
        "translit(",
        "divert(1)",
        "divert(-1)",
        "divert",
        "undivert(1)",
        "undivert",
        "divnum",
        "changequote([,])",
        "changequote",
        "[",
        "]",
        "changecom(`a')",
        "changecom",
        "m4wrap(",
        "indir(",
        "builtin(",
        "patsubst(",
        "regexp(",
        "`a*'",
        "`\\(b\\)'",
        "`\\1'",
        "format(",
        "`%d'",
        "`%s'",
        "errprint(",
        "dumpdef(`a')",
        "traceon(`a')",
        "traceoff",
        "debugmode(`aeq')",
        "__line__",
        "__file__",
        "m4exit",
        "m4exit(3)",
        "__program__",
        "sysval",
        "dumpdef",
        "debugmode(`+cx')",
        "sinclude(`two-lines')",
        "include(`nope')",
        "undivert(`two-lines')",
        "ifdef(`len',defn(`len'))",
        "changequote(<<,>>)",
        "<<",
        ">>",
        "changecom(/*,*/)",
        "/*",
        "*/",
        "pushdef(`foo',``$0'$#')",
        "builtin(`index')",
        "indir(`foo',",
        "decr(",
        "shift(",
    ]);
    fixed.prop_map(str::to_owned)
}

fn program() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 1..40).prop_map(|pieces| pieces.concat())
}

/// The options that a program runs with.
fn flags() -> impl Strategy<Value = Vec<String>> {
    let one = prop::sample::select(vec![
        "-s", "-G", "-P", "-Q", "-E", "-EE", "-d", "-dV", "-dt", "-tfoo", "-l3", "-Da=1", "-Ulen",
        "-Idir", "-i", "-g",
    ]);
    prop::collection::vec(one.prop_map(str::to_owned), 0..3)
}

/// Programs that GNU m4 would never end are not for this comparison: a macro
/// that expands to itself. Ours says where to stop.
fn ends(text: &[u8]) -> bool {
    use godwit::m4::{Host, HostError, Limits, M4, Message, Settings};
    struct Nothing;
    impl Host for Nothing {
        fn read(&mut self, _: &[u8]) -> Result<godwit::m4::Found, HostError> {
            Err(HostError::new("No such file or directory"))
        }
        fn message(&mut self, _: &Message) {}
    }
    let settings = Settings {
        limits: Limits {
            calls: 2000,
            pending_bytes: 1 << 20,
            ..Limits::careful()
        },
        ..Settings::default()
    };
    let mut host = Nothing;
    let mut m4 = M4::new(&mut host, settings);
    let result = m4.process_bytes(b"stdin", text.to_vec());
    let result = result.and_then(|()| m4.finish().map(|_| ()));
    !matches!(result, Err(godwit::m4::Stop::Limit(_)))
}

#[test]
fn random_programs_beside_gnu_m4() {
    let Some(gnu) = gnu("random programs beside GNU m4") else {
        return;
    };
    let directory = world();
    let config = ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(text in program(), options in flags())| {
        prop_assume!(ends(text.as_bytes()));
        let wanted = run(&gnu, &[], &options, text.as_bytes(), directory.path());
        let got = ours(&options, text.as_bytes(), directory.path());
        prop_assert_eq!(got, wanted, "{:?} {}", options, text);
    });
}
