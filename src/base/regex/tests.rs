//! Patterns against texts, with what the GNU library found.

mod emacs;

use super::{Captures, Fuel, Posix, compile_posix};

/// Syntax, pattern, text and result, a line each, tabs between.
const HAND: &[u8] = include_bytes!("tests/glibc.txt");

/// The same of patterns that a program made.
const MADE: &[u8] = include_bytes!("tests/glibc-made.txt");

/// What our matcher finds, as the table writes it.
fn ours(syntax: &[u8], pattern: &[u8], text: &[u8]) -> String {
    let syntax = Posix {
        basic: syntax.contains(&b'B'),
        ignore_case: syntax.contains(&b'I'),
    };
    let regex = match compile_posix(pattern, syntax) {
        Ok(regex) => regex,
        Err(message) => return format!("E {message}"),
    };
    let found = regex.search(text, 0, &mut Fuel(1_000_000));
    let Some(found) = found.expect("fuel for a short text") else {
        return "-".to_owned();
    };
    let show = |found: &Captures, group| match found.group(group) {
        Some((start, end)) => format!("{start},{end}"),
        None => "-1,-1".to_owned(),
    };
    let groups = 0..=regex.groups().min(9);
    let shown: Vec<String> = groups.map(|group| show(&found, group)).collect();
    shown.join(" ")
}

/// Rows that differ from the library.
fn differences(table: &[u8]) -> Vec<String> {
    let mut differences = Vec::new();
    for row in table
        .split(|byte| *byte == b'\n')
        .filter(|row| !row.is_empty())
    {
        let cells: Vec<&[u8]> = row.split(|byte| *byte == b'\t').collect();
        let [syntax, pattern, text, expected] = cells[..] else {
            panic!("a row has four cells");
        };
        let found = ours(syntax, pattern, text);
        let expected = String::from_utf8_lossy(expected);
        if found != expected {
            let row = String::from_utf8_lossy(row);
            differences.push(format!("{row}: ours {found}"));
        }
    }
    differences
}

#[test]
fn posix_patterns_mean_what_they_mean_to_the_gnu_library() {
    let found = differences(HAND);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn made_patterns_find_what_the_gnu_library_finds() {
    let found = differences(MADE);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn big_patterns_are_refused() {
    for pattern in ["((((((a{100}){100}){100}){100}){100}){100})", "a{1,32767}"] {
        let compiled = compile_posix(pattern.as_bytes(), Posix::default());
        assert_eq!(compiled.map(|_| ()), Err("Regular expression too big"));
    }
    let deep = "(".repeat(1000);
    let compiled = compile_posix(deep.as_bytes(), Posix::default());
    assert_eq!(compiled.map(|_| ()), Err("Regular expression too big"));
}
