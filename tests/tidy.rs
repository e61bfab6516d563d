//! The rules of the house that a machine can check.
//!
//! The table of rows is the architecture: a module uses modules of lower
//! rows, never its own row, never upwards (`ARCHITECTURE.md`). What is only a
//! matter of taste is reported; what is a rule fails.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Every module and its row.
const ROWS: &[(&str, u32)] = &[
    ("base", 0),
    ("m4", 1),
    ("cf", 1),
    ("message", 1),
    ("smtp", 1),
    ("sasl", 1),
    ("milter", 1),
    ("dbfile", 1),
    ("world", 1),
    ("mc", 2),
    ("rewrite", 2),
    ("dsn", 2),
    ("map", 3),
    ("route", 4),
    ("check", 5),
    ("envelope", 5),
    ("queue", 6),
    ("receive", 7),
    ("deliver", 7),
    ("admin", 8),
    ("report", 8),
    ("daemon", 8),
    ("cli", 9),
];

/// The real world stands beside the rows: it uses these rows, and only these
/// modules name it.
const OS_USES_ROWS_TO: u32 = 1;
const OS_USED_BY: &[&str] = &["daemon", "cli", "os"];

/// Beyond these a file or function is reported.
const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 70;
/// Beyond these the run fails.
const FILE_LINES_MAX: usize = 1000;
const FUNCTION_LINES_MAX: usize = 150;

/// Words that have no place in the sources, and why. Each is written in two
/// parts here, so that this file may stand under its own rule.
const FORBIDDEN: &[(&str, &str, &str)] = &[
    ("#[ign", "ore", "a known gap is listed, not skipped"),
    ("todo", "!(", "what is missing is named where users read"),
    (
        "unimplemented",
        "!(",
        "what is missing is named where users read",
    ),
    ("dbg", "!(", "debugging is not for others to read"),
    ("static m", "ut ", "no global state"),
    ("/wor", "k/", "the tree speaks of itself alone"),
    ("FIX", "ME", "say what is missing, in a sentence"),
    ("XX", "X ", "say what is missing, in a sentence"),
];

#[test]
fn modules_use_only_rows_below_their_own() {
    let mut faults = String::new();
    for (path, text) in sources("src") {
        let Some(module) = module_of(&path) else {
            continue;
        };
        for (number, used) in modules_named(&text) {
            if let Some(fault) = fault_of(&module, used) {
                let _ = writeln!(faults, "{}:{number}: {fault}", path.display());
            }
        }
    }
    assert!(faults.is_empty(), "imports against the rows:\n{faults}");
}

#[test]
fn every_module_has_its_row() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = fs::read_to_string(root.join("lib.rs")).unwrap();
    for line in lib.lines() {
        let Some(name) = line
            .strip_prefix("pub mod ")
            .and_then(|l| l.strip_suffix(';'))
        else {
            continue;
        };
        assert!(
            name == "os" || row_of(name).is_some(),
            "module {name} has no row in tests/tidy.rs"
        );
    }
}

#[test]
fn no_word_stands_where_it_has_no_place() {
    let mut faults = String::new();
    for folder in [
        "src",
        "tests",
        "benches",
        "fuzz",
        "etc-mail",
        "cf-templates",
        "mc",
        "man",
    ] {
        for (path, text) in sources(folder) {
            for (number, line) in (1..).zip(text.lines()) {
                for (start, end, why) in FORBIDDEN {
                    if line.contains(&format!("{start}{end}")) {
                        let _ =
                            writeln!(faults, "{}:{number}: {start}{end}: {why}", path.display());
                    }
                }
            }
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn every_file_says_what_it_is() {
    let mut faults = String::new();
    for (path, text) in sources("src") {
        let is_tests = path.ends_with("tests.rs");
        if !is_tests && !text.starts_with("//! ") {
            let _ = writeln!(faults, "{}: does not begin with `//! `", path.display());
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn files_and_functions_are_of_a_size_to_be_read() {
    let (mut report, mut faults) = (String::new(), String::new());
    for (path, text) in sources("src") {
        let lines = text.lines().count();
        if lines > FILE_LINES {
            let _ = writeln!(report, "{}: {lines} lines", path.display());
        }
        if lines > FILE_LINES_MAX {
            let _ = writeln!(faults, "{}: {lines} lines", path.display());
        }
        for (name, lines) in functions(&text) {
            if lines > FUNCTION_LINES {
                let _ = writeln!(report, "{}: fn {name}: {lines} lines", path.display());
            }
            if lines > FUNCTION_LINES_MAX {
                let _ = writeln!(faults, "{}: fn {name}: {lines} lines", path.display());
            }
        }
    }
    println!("longer than they should be:\n{report}");
    assert!(faults.is_empty(), "too long:\n{faults}");
}

fn row_of(module: &str) -> Option<u32> {
    ROWS.iter()
        .find(|(name, _)| *name == module)
        .map(|(_, row)| *row)
}

/// What is wrong with `module` naming `used`, if anything is.
fn fault_of(module: &str, used: &str) -> Option<String> {
    if used == module {
        return None;
    }
    if used == "os" {
        return (!OS_USED_BY.contains(&module)).then(|| format!("{module} names os"));
    }
    let theirs = row_of(used)?;
    if module == "os" {
        return (theirs > OS_USES_ROWS_TO).then(|| format!("os uses {used}, row {theirs}"));
    }
    let ours = row_of(module)?;
    (theirs >= ours).then(|| format!("{module} (row {ours}) uses {used} (row {theirs})"))
}

/// The top module a file belongs to.
fn module_of(path: &Path) -> Option<String> {
    let inside = path.strip_prefix("src").ok()?;
    let first = inside.components().next()?.as_os_str().to_str()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (!matches!(name, "lib" | "main")).then(|| name.to_owned())
}

/// The modules that a text names by `crate::NAME` or `crate::{NAME…, …}`,
/// with the lines they stand on.
fn modules_named(text: &str) -> Vec<(usize, &str)> {
    let code: Vec<(usize, &str)> = text
        .match_indices("crate::")
        .filter(|(at, _)| !is_comment(text, *at))
        .map(|(at, found)| (at, &text[at + found.len()..]))
        .collect();
    let mut named = Vec::new();
    for (at, rest) in code {
        let line = text[..at].matches('\n').count() + 1;
        match rest.strip_prefix('{') {
            Some(list) => named.extend(first_level(list).into_iter().map(|name| (line, name))),
            None => named.push((line, identifier(rest))),
        }
    }
    named.retain(|(_, name)| !name.is_empty());
    named
}

/// The first words of the parts of a list in braces.
fn first_level(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(identifier(list[start..at].trim_start()));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(identifier(list[start..at].trim_start()));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts
}

fn is_comment(text: &str, at: usize) -> bool {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    text[start..].trim_start().starts_with("//")
}

fn identifier(text: &str) -> &str {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    &text[..end]
}

/// Lines that are not comments, with their numbers.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The functions of a file as rustfmt lays them out, with their length.
fn functions(text: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut open: BTreeMap<usize, (String, usize)> = BTreeMap::new();
    for (number, line) in code_lines(text) {
        let indent = line.len() - line.trim_start().len();
        let code = line.trim();
        if let Some(at) = code.find("fn ")
            && code[..at].split_whitespace().all(|word| {
                matches!(word, "pub" | "async" | "const" | "unsafe") || word.starts_with("pub(")
            })
        {
            let name = identifier(&code[at + 3..]).to_owned();
            if !code.ends_with(';') && !code.ends_with('}') {
                open.insert(indent, (name, number));
            }
        } else if code == "}"
            && let Some((name, start)) = open.remove(&indent)
        {
            found.push((name, number - start + 1));
        }
    }
    found
}

/// Every text file under a folder of the tree, with its path from the top.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![top.join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                if !path.ends_with("target") {
                    folders.push(path);
                }
            } else if folder.starts_with(top.join("src"))
                && path.extension().is_none_or(|e| e != "rs")
            {
                // Grammars and other data beside the sources.
            } else if let Ok(text) = fs::read_to_string(&path) {
                let path = path.strip_prefix(top).unwrap_or(&path).to_owned();
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_table_would_notice() {
    let wrong = "use crate::base::Reply;\nuse crate::{\n    route::{Site, check},\n    os,\n};\n// crate::cli\n";
    let named = modules_named(wrong);
    assert_eq!(named, [(1, "base"), (2, "route"), (2, "os")]);
    assert!(fault_of("map", "route").is_some());
    assert!(fault_of("receive", "deliver").is_some());
    assert!(fault_of("route", "os").is_some());
    assert!(fault_of("os", "map").is_some());
    assert!(fault_of("route", "map").is_none());
    assert!(fault_of("daemon", "os").is_none());
}
