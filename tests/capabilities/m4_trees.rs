//! Whole configurations on the reference's own library: `godwit m4`, and
//! `godwit compile` with that library, give byte for byte what GNU m4 gives.
//!
//! The sources are every `.mc` and `.m4` that the reference ships, ours, all
//! of the conformance suite, and those in the directories that `GODWIT_MC`
//! lists. Commands run: the library's first lines tell who builds where.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use bstr::ByteSlice;

use crate::conformance::archive;
use crate::m4::{Answer, gnu, run};
use crate::need;

const GODWIT: &str = env!("CARGO_BIN_EXE_godwit");

/// Where sources say that the library is: Debian's place, Red Hat's, and two
/// that packagers fill in.
const INSTALLED: [&str; 4] = [
    "/usr/share/sendmail/cf",
    "/usr/share/sendmail-cf",
    "../m4/cf.m4",
    "@@PATH@@/m4/cf.m4",
];

/// Two sources are worked on at a time.
const WORKERS: usize = 2;

/// One source.
struct Source {
    name: String,
    text: Vec<u8>,
}

/// Every file with one of these endings in a directory and below.
fn files(directory: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if path.is_dir() {
            files(&path, endings, found);
        } else if ending.is_some_and(|ending| endings.contains(&ending)) {
            found.push(path);
        }
    }
}

/// All sources, each told where the library is.
fn sources(library: &Path) -> Vec<Source> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let suite = tempfile::tempdir().unwrap();
    archive::unpack("conformance.tar.xz", suite.path());
    archive::unpack("conformance-more.tar.xz", suite.path());
    let mut paths = Vec::new();
    files(library, &["mc", "m4"], &mut paths);
    files(&top.join("mc"), &["mc"], &mut paths);
    files(&top.join("etc-mail"), &["mc"], &mut paths);
    files(suite.path(), &["mc"], &mut paths);
    for more in std::env::split_paths(&std::env::var_os("GODWIT_MC").unwrap_or_default()) {
        files(&more, &["mc", "m4"], &mut paths);
    }
    paths.sort();
    let library = library.to_str().unwrap();
    let source = |path: &PathBuf| Source {
        name: path.display().to_string(),
        text: INSTALLED
            .iter()
            .fold(std::fs::read(path).unwrap(), |text, place| {
                let tail = if place.ends_with("/m4/cf.m4") {
                    "/m4/cf.m4"
                } else {
                    ""
                };
                text.replace(place, format!("{library}{tail}"))
            }),
    };
    paths.iter().map(source).collect()
}

/// Works on all sources with GNU m4's answer to each at hand; `wrong` says
/// what is wrong with one.
fn each(what: &str, wrong: impl Fn(&Source, &Case<'_>) -> Vec<String> + Sync) {
    let (Some(gnu), Some(reference)) = (gnu(what), need::reference(what)) else {
        return;
    };
    let library = reference
        .join("root")
        .join(INSTALLED[0].trim_start_matches('/'));
    let sources = sources(&library);
    assert!(sources.len() > 450, "only {} sources", sources.len());
    let waiting = Mutex::new(sources.iter());
    let faults = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let directory = tempfile::tempdir().unwrap();
                let case = Case {
                    gnu: &gnu,
                    library: library.to_str().unwrap(),
                    directory: directory.path(),
                };
                loop {
                    let next = waiting.lock().unwrap().next();
                    let Some(source) = next else {
                        return;
                    };
                    std::fs::write(directory.path().join(FILE), &source.text).unwrap();
                    let found = wrong(source, &case);
                    faults.lock().unwrap().extend(found);
                }
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The name of the source in its directory.
const FILE: &str = "site.mc";

/// Where one source is compiled.
struct Case<'a> {
    gnu: &'a Path,
    library: &'a str,
    directory: &'a Path,
}

impl Case<'_> {
    /// What m4 is given: the source, after the library's entry when the source
    /// does not include that itself.
    fn arguments(&self, source: &Source) -> Vec<String> {
        let mut arguments = Vec::new();
        if !includes_library(source) {
            arguments.push(format!("{}/m4/cf.m4", self.library));
        }
        arguments.push(FILE.to_owned());
        arguments
    }

    fn gnu(&self, arguments: &[String]) -> Answer {
        timeless(run(self.gnu, &[], arguments, b"", self.directory))
    }

    /// The standard output of `godwit compile`.
    fn compile(&self, templates: &str) -> Vec<u8> {
        let output = Command::new(GODWIT)
            .args(["compile", "--templates", templates, FILE])
            .current_dir(self.directory)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        without_time(&output.stdout)
    }
}

fn includes_library(source: &Source) -> bool {
    source
        .text
        .lines()
        .any(|line| line.trim_start().starts_with(b"include(") && line.find("m4/cf.m4").is_some())
}

/// The same without what changes from second to second: the time of the build,
/// and the names of temporary files.
fn timeless(answer: Answer) -> Answer {
    Answer {
        out: without_time(&answer.out),
        ..answer
    }
}

fn without_time(text: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    for line in text.lines_with_terminator() {
        match line.find(" on ") {
            Some(at) if line.starts_with(b"##### built by ") => {
                all.extend_from_slice(&line[..at]);
                all.push(b'\n');
            }
            _ => all.extend_from_slice(line),
        }
    }
    all
}

#[test]
fn godwit_m4_on_the_references_library() {
    each("godwit m4 on the reference's library", |source, case| {
        let arguments = case.arguments(source);
        let wanted = case.gnu(&arguments);
        let ours = run(Path::new(GODWIT), &["m4"], &arguments, b"", case.directory);
        let differs = timeless(ours) != wanted;
        differs.then(|| source.name.clone()).into_iter().collect()
    });
}

#[test]
fn godwit_compile_on_the_references_library() {
    each(
        "godwit compile on the reference's library",
        |source, case| {
            let mut wrong = Vec::new();
            let wanted = case.gnu(&case.arguments(source));
            if case.compile(case.library) != wanted.out {
                wrong.push(format!("{}: --templates DIR", source.name));
            }
            let wanted = if includes_library(source) {
                wanted
            } else {
                case.gnu(&[FILE.to_owned()])
            };
            if case.compile("site") != wanted.out {
                wrong.push(format!("{}: --templates site", source.name));
            }
            wrong
        },
    );
}
