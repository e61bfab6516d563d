//! The machine's interface: origins, records, limits, and any bytes at all.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    Found, Host, HostError, Limits, LineOrigin, M4, Message, Output, Settings, Stop, Weight,
};

/// Files in memory, and the messages that came.
#[derive(Default)]
struct Memory {
    files: BTreeMap<&'static str, &'static str>,
    messages: Vec<Message>,
}

impl Host for Memory {
    fn read(&mut self, name: &[u8]) -> Result<Found, HostError> {
        let name = std::str::from_utf8(name).unwrap_or_default();
        match self.files.get(name) {
            Some(text) => Ok(Found {
                path: name.into(),
                bytes: text.as_bytes().to_vec(),
            }),
            None => Err(HostError::new("No such file or directory")),
        }
    }

    fn message(&mut self, message: &Message) {
        self.messages.push(message.clone());
    }
}

fn run(host: &mut Memory, settings: Settings, text: &[u8]) -> Result<Output, Stop> {
    let mut m4 = M4::new(host, settings);
    m4.process_bytes(b"main.mc", text.to_vec())?;
    m4.finish()
}

/// `LINE <- asked [written]` for each line of output.
fn origins(files: &[(&'static str, &'static str)], text: &str) -> Vec<String> {
    let mut host = Memory {
        files: files.iter().copied().collect(),
        ..Memory::default()
    };
    let output = run(&mut host, Settings::default(), text.as_bytes()).expect("it ends");
    let lines = output.lines().map(|(line, LineOrigin { asked, written })| {
        let written = written.map_or(String::new(), |written| format!(" [{written}]"));
        format!("{} <- {asked}{written}", String::from_utf8_lossy(line))
    });
    lines.collect()
}

#[test]
fn plain_lines_are_their_own_origin() {
    assert_eq!(
        origins(&[], "one\ntwo\n\nthree"),
        [
            "one <- main.mc:1",
            "two <- main.mc:2",
            " <- main.mc:3",
            "three <- main.mc:4"
        ]
    );
}

#[test]
fn expansions_belong_to_the_outermost_call() {
    let text = "define(`rule', `first\nsecond\n')dnl\nx\nrule(\n)rule()y\n`quoted\nlines'\n";
    assert_eq!(
        origins(&[], text),
        [
            "x <- main.mc:4",
            "first <- main.mc:5",
            "second <- main.mc:5",
            "first <- main.mc:6",
            "second <- main.mc:6",
            "y <- main.mc:6",
            "quoted <- main.mc:7",
            "lines <- main.mc:8"
        ]
    );
}

#[test]
fn included_lines_know_both_places() {
    let files = [
        ("cf.m4", "define(`FEATURE', `include(`$1.m4')')dnl\n"),
        ("f.m4", "dnl head\nR1\ndefine(`r', `R2\nR3')r\n`R4\nR5'\n"),
    ];
    let text = "include(`cf.m4')dnl\n\nFEATURE(`f')dnl\nend\n";
    assert_eq!(
        origins(&files, text),
        [
            " <- main.mc:2",
            "R1 <- main.mc:3 [f.m4:2]",
            "R2 <- main.mc:3 [f.m4:4]",
            "R3 <- main.mc:3 [f.m4:4]",
            "R4 <- main.mc:3 [f.m4:5]",
            "R5 <- main.mc:3 [f.m4:6]",
            "end <- main.mc:4"
        ]
    );
}

#[test]
fn diversions_and_wraps_keep_origins() {
    let files = [("late.m4", "L1\nundivert(1)L2\n")];
    let text = "divert(1)early\n\ndivert(0)m4wrap(`include(`late.m4')')dnl\nlast\n";
    assert_eq!(
        origins(&files, text),
        [
            "last <- main.mc:4",
            "L1 <- main.mc:3 [late.m4:1]",
            "early <- main.mc:1",
            " <- main.mc:2",
            "L2 <- main.mc:3 [late.m4:2]"
        ]
    );
}

#[test]
fn undiverted_files_have_their_lines() {
    let files = [("raw", "a\nb\n")];
    assert_eq!(
        origins(&files, "x\nundivert(`raw')y\n"),
        [
            "x <- main.mc:1",
            "a <- main.mc:2 [raw:1]",
            "b <- main.mc:2 [raw:2]",
            "y <- main.mc:2"
        ]
    );
}

#[test]
fn messages_carry_gnu_text_and_origin() {
    let mut host = Memory::default();
    host.files.insert("inc", "\nincr(x)\n");
    run(
        &mut host,
        Settings::default(),
        b"\n\ninclude(`inc')len(a,b)",
    )
    .expect("it ends");
    let texts: Vec<_> = host.messages.iter().map(Message::gnu_text).collect();
    assert_eq!(
        texts,
        [
            "m4:inc:2: non-numeric argument to builtin `incr'",
            "m4:main.mc:3: Warning: excess arguments to builtin `len' ignored"
        ]
    );
    let first = &host.messages[0];
    assert_eq!(first.weight, Weight::Fault);
    assert_eq!(first.origin.asked.to_string(), "main.mc:3");
    assert_eq!(first.origin.innermost().to_string(), "inc:2");
    assert_eq!(host.messages[1].origin.written, None);
}

#[test]
fn records_tell_what_was_read() {
    let mut host = Memory::default();
    let settings = Settings {
        record: true,
        ..Settings::default()
    };
    let text = b"define(`a',1)define(`b',2)\ndefine(`b',3)ifdef(`c',x)b defn(`a')pushdef(`a',4)\n";
    let record = run(&mut host, settings, text).expect("it ends").record;
    let seen: Vec<_> = record
        .defined
        .iter()
        .map(|entry| {
            let line = entry.origin.asked.line();
            (entry.name.to_string(), line, entry.pushed, entry.read)
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("a".to_owned(), 1, false, true),
            ("b".to_owned(), 1, false, false),
            ("b".to_owned(), 2, false, true),
            ("a".to_owned(), 2, true, false)
        ]
    );
    assert_eq!(record.defined[2].replaces, Some(1));
    let missed: Vec<_> = record.missed.keys().map(ToString::to_string).collect();
    assert_eq!(missed, ["c"]);
}

#[test]
fn commands_need_permission() {
    let mut host = Memory::default();
    let output = run(&mut host, Settings::default(), b"syscmd(`true')sysval").expect("it ends");
    assert_eq!(output.status, 1);
    assert_eq!(output.bytes, b"127");
    assert_eq!(
        host.messages[0].text,
        "syscmd: commands are not allowed here"
    );
}

fn stopped(limits: Limits, text: &str) -> Option<String> {
    let mut host = Memory::default();
    let settings = Settings {
        limits,
        ..Settings::default()
    };
    match run(&mut host, settings, text.as_bytes()) {
        Err(Stop::Limit(reason)) => {
            let said = host.messages.last().map(|message| message.text.to_string());
            assert_eq!(said.as_deref(), Some(reason.as_str()));
            Some(reason)
        }
        _ => None,
    }
}

#[test]
fn every_limit_holds() {
    let careful = Limits::careful();
    let nested = "len(".repeat(11) + &")".repeat(11);
    let ten = Limits {
        nesting: 10,
        ..careful
    };
    let reason = "recursion limit of 10 exceeded, use -L<N> to change it";
    assert_eq!(stopped(ten, &nested).as_deref(), Some(reason));
    assert_eq!(stopped(ten, &nested[4..nested.len() - 1]), None);

    let calls = Limits {
        calls: 1000,
        ..careful
    };
    let reason = "more than 1000 macro calls";
    assert_eq!(stopped(calls, "define(`a',`a')a").as_deref(), Some(reason));

    let output = Limits {
        output_bytes: 100,
        ..careful
    };
    let long = "0123456789\n".repeat(10);
    let reason = "more than 100 bytes of output";
    assert_eq!(stopped(output, &long).as_deref(), Some(reason));

    let pending = Limits {
        pending_bytes: 10_000,
        ..careful
    };
    let growing = "define(`a',`a bbbbbbbbbbbbbbbbbbbbbbbbb')a";
    let reason = "more than 10000 bytes of input wait";
    assert_eq!(stopped(pending, growing).as_deref(), Some(reason));
    let doubling = "define(`d',`d($1$1)')d(aa)";
    assert!(stopped(pending, doubling).is_some());
    assert!(stopped(pending, "define(`a',`b(c`'a')len(a").is_some());
    let wrapping = "define(`w',`m4wrap(`0123456789')w')w";
    let reason = "more than 10000 bytes of input wait";
    assert_eq!(stopped(pending, wrapping).as_deref(), Some(reason));

    let defined = Limits {
        defined_bytes: 10_000,
        ..careful
    };
    let pushing = "define(`p',`pushdef(`x',`y')p')p";
    let reason = "more than 10000 bytes of definitions";
    assert_eq!(stopped(defined, pushing).as_deref(), Some(reason));
    let defining =
        "define(`p',`pushdef(`x$1',`y')undefine(`x$1')ifelse($1,99,,`p(incr($1))')')p(0)";
    assert_eq!(stopped(defined, defining).as_deref(), Some(reason));
    let pushing_and_popping =
        "define(`p',`pushdef(`x',`y')popdef(`x')ifelse($1,999,,`p(incr($1))')')p(0)";
    let roomy = Limits {
        defined_bytes: 20_000,
        ..careful
    };
    assert_eq!(stopped(roomy, pushing_and_popping), None);

    let messages = Limits {
        messages: 3,
        ..careful
    };
    let reason = "more than 3 messages";
    assert_eq!(
        stopped(messages, "incr(a)incr(b)incr(c)incr(d)").as_deref(),
        Some(reason)
    );
    assert_eq!(stopped(messages, "incr(a)incr(b)incr(c)"), None);

    let work = Limits {
        calls: 1000,
        ..careful
    };
    let copying = format!("define(`c',`c($@)')c({})", "x".repeat(100_000));
    let reason = "more than 1000 macro calls";
    assert_eq!(stopped(work, &copying).as_deref(), Some(reason));
}

#[test]
fn deep_nesting_needs_no_native_stack() {
    let depth = 200_000;
    let text = "len(".repeat(depth) + "x" + &")".repeat(depth);
    let settings = Settings {
        limits: Limits::generous(),
        ..Settings::default()
    };
    let output = run(&mut Memory::default(), settings, text.as_bytes()).expect("it ends");
    assert_eq!(output.bytes, b"1");
    let parentheses = "eval(`".to_owned() + &"(".repeat(depth) + "1" + &")".repeat(depth) + "')";
    let mut host = Memory::default();
    run(&mut host, Settings::default(), parentheses.as_bytes()).expect("it ends");
    assert!(host.messages[0].text.starts_with(b"expression too deep"));
    let groups = "regexp(`a',`".to_owned() + &"\\(".repeat(depth) + "')";
    let mut host = Memory::default();
    run(&mut host, Settings::default(), groups.as_bytes()).expect("it ends");
    assert!(
        host.messages[0]
            .text
            .ends_with(b"Regular expression too big")
    );
}

#[test]
fn a_costly_pattern_meets_its_limit() {
    let mut host = Memory::default();
    let settings = Settings {
        limits: Limits {
            regex_steps: 10_000,
            ..Limits::careful()
        },
        ..Settings::default()
    };
    let text = b"regexp(`aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab',`\\(a*\\)*\\1*c')x";
    let output = run(&mut host, settings, text).expect("it ends");
    assert_eq!(output.bytes, b"x");
    assert!(
        host.messages[0]
            .text
            .starts_with(b"error matching regular expression")
    );
}

/// Bytes that are likely to mean something.
fn program() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "define(",
        "`",
        "'",
        "(",
        ")",
        ",",
        "a",
        "b",
        "$1",
        "$@",
        "$#",
        "\n",
        "#",
        " ",
        "defn(`a')",
        "pushdef(`a',",
        "changequote(",
        "changecom(",
        "m4wrap(",
        "divert(",
        "undivert",
        "indir(",
        "include(`f')",
        "regexp(",
        "patsubst(",
        "\\(",
        "\\)",
        "*",
        "[",
        "]",
        "eval(",
        "1",
        "**",
        "format(",
        "%",
        "9999999999",
        "substr(",
        "translit(",
        "a-z",
        "dnl",
        "debugmode(`V')",
        "traceon",
        "shift(",
        "\u{e9}",
    ]);
    let piece = prop_oneof![
        4 => word.prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn quick() -> Limits {
    Limits {
        nesting: 200,
        output_bytes: 1 << 20,
        pending_bytes: 1 << 20,
        calls: 20_000,
        defined_bytes: 1 << 20,
        messages: 1000,
        regex_steps: 100_000,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_end_somehow(text in program(), synclines in any::<bool>(), record in any::<bool>()) {
        let settings = Settings { limits: quick(), synclines, record, ..Settings::default() };
        let mut host = Memory::default();
        host.files.insert("f", "define(`x');a'b`c\n");
        if let Ok(output) = run(&mut host, settings, &text) {
            let lines = memchr::memchr_iter(b'\n', &output.bytes).count();
            let open = output.bytes.last().is_some_and(|byte| *byte != b'\n');
            prop_assert_eq!(output.lines().count(), lines + usize::from(open));
        }
    }

    #[test]
    fn text_without_macros_stays(text in "[ -!$-&*-+.-Z^{-~\n]*") {
        let output = run(&mut Memory::default(), Settings::default(), text.as_bytes());
        let output = output.expect("it ends");
        // Words that are builtins without parentheses: none can come from
        // these letters but in lower case.
        prop_assert_eq!(output.bytes, text.into_bytes());
    }
}
