//! Our m4 library beside the reference's, piece by piece: every define, system,
//! mailer, FEATURE, class and place for a site's own lines that is documented,
//! each with the arguments it may have, and sites put together by chance. Both
//! libraries compile them, and the facts of what comes out must be the same.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use godwit::m4::{Found, Host, HostError, Message};
use godwit::mc::{Request, Templates, compile};

use super::mc::facts;
use crate::need;

mod words;

/// Facts of ours that the reference forgets, though its rules need them.
const ALSO: &[&str] = &["Kmacro macro"];
/// Sites of chance; the seed of each is its number.
const SITES: u64 = 60;

/// Where the reference's library lies under its root; some of its files name
/// others by this.
const TREE: &str = "usr/share/sendmail/cf";

/// Reads the files of the reference's library, under this root.
struct Library<'a>(&'a Path);

impl Host for Library<'_> {
    fn read(&mut self, name: &[u8]) -> Result<Found, HostError> {
        let path = String::from_utf8_lossy(name).into_owned();
        let path = match path.strip_prefix('/') {
            Some(short) if short.starts_with(TREE) => self.0.join(short),
            _ => PathBuf::from(path),
        };
        let text = std::fs::read(&path).map_err(|error| HostError::new(error.to_string()))?;
        Ok(Found {
            path: name.into(),
            bytes: text,
        })
    }

    fn message(&mut self, _message: &Message) {}
}

fn facts_with(root: &Path, library: &Templates, source: &str) -> BTreeSet<String> {
    let request = Request {
        name: "site.mc",
        text: source.as_bytes(),
        templates: library.clone(),
        allow_commands: false,
    };
    let compiled = compile(&request, &mut Library(root));
    facts(&String::from_utf8_lossy(&compiled.text))
}

/// What differs between the two libraries' answers to a source.
fn difference(root: &Path, source: &str) -> Option<String> {
    let tree = root.join(TREE).to_string_lossy().into_owned();
    let wanted = facts_with(root, &Templates::Directory(tree.into()), source);
    let got = facts_with(root, &Templates::BuiltIn, source);
    assert!(wanted.len() > 40, "the reference compiles {source}");
    let missing = wanted
        .difference(&got)
        .map(|fact| format!("missing {fact}"));
    let extra = got.difference(&wanted);
    let extra = extra.filter(|fact| !ALSO.contains(&fact.as_str()));
    let all: Vec<String> = missing
        .chain(extra.map(|fact| format!("extra {fact}")))
        .collect();
    (!all.is_empty()).then(|| format!("{source}    {}\n", all.join("\n    ")))
}

/// Compiles all sources with both, a few at a time.
fn check(what: &str, sources: &[String]) {
    let Some(folder) = need::reference(what) else {
        return;
    };
    let root = folder.join("root");
    let waiting = Mutex::new(sources.iter());
    let wrong = Mutex::new(String::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let Some(source) = waiting.lock().unwrap().next() else {
                        return;
                    };
                    if let Some(said) = difference(&root, source) {
                        let _ = writeln!(wrong.lock().unwrap(), "{said}");
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{wrong}");
}

/// A site with these lines before its mailers.
fn site(lines: &str) -> String {
    format!("OSTYPE(`linux')dnl\n{lines}MAILER(`local')dnl\nMAILER(`smtp')dnl\n")
}

#[test]
fn every_define_sets_what_it_sets_there() {
    let mut sources = Vec::new();
    for value in ["5", "a b", ""] {
        for some in words::DEFINES.chunks(40) {
            let lines: String = some
                .iter()
                .map(|name| format!("define(`{name}', `{value}')dnl\n"))
                .collect();
            sources.push(site(&lines));
        }
    }
    for name in words::OLD_DEFINES {
        sources.push(site(&format!("define(`{name}', `5/6')dnl\n")));
    }
    check("every define beside the reference's library", &sources);
}

#[test]
fn every_system_is_as_there() {
    let mut sources = Vec::new();
    for system in words::SYSTEMS {
        let ostype = format!("OSTYPE(`{system}')dnl\n");
        let mailers = "MAILER(`local')dnl\nMAILER(`smtp')dnl\nMAILER(`procmail')dnl\n\
             MAILER(`usenet')dnl\nMAILER(`uucp')dnl\n";
        sources.push(format!("{ostype}FEATURE(`smrsh')dnl\n{mailers}"));
        sources.push(format!(
            "{}{ostype}FEATURE(`local_procmail')dnl\n{mailers}",
            words::OF_SYSTEMS
        ));
    }
    check("every system beside the reference's library", &sources);
}

#[test]
fn every_mailer_is_as_there() {
    let mut sources = Vec::new();
    let all: String = words::MAILERS
        .iter()
        .map(|mailer| format!("MAILER(`{mailer}')dnl\n"))
        .collect();
    for mailer in words::MAILERS {
        sources.push(format!("OSTYPE(`linux')dnl\nMAILER(`{mailer}')dnl\n"));
    }
    for suffix in words::SUFFIXES {
        let lines: String = words::PREFIXES
            .iter()
            .map(|prefix| format!("define(`{prefix}_MAILER_{suffix}', `x{suffix}')dnl\n"))
            .collect();
        sources.push(format!("OSTYPE(`linux')dnl\n{lines}{all}"));
    }
    for change in ["+Z", "-mD", "abc", "+mZ'){CHANGE}`-m"] {
        let mut lines = String::new();
        for prefix in words::PREFIXES {
            let again = format!(")dnl\nMODIFY_MAILER_FLAGS(`{prefix}', ");
            let change = change.replace("){CHANGE}", &again);
            let _ = writeln!(lines, "MODIFY_MAILER_FLAGS(`{prefix}', `{change}')dnl");
        }
        sources.push(format!("OSTYPE(`linux')dnl\n{lines}{all}"));
    }
    check("every mailer beside the reference's library", &sources);
}

#[test]
fn every_feature_is_as_there() {
    let mut sources = Vec::new();
    for feature in words::FEATURES {
        let line = format!("FEATURE({feature})dnl\n");
        sources.push(site(&line));
        // Before the table it may need, and after it.
        sources.push(site(&format!("{line}FEATURE(`access_db')dnl\n")));
        sources.push(site(&format!("FEATURE(`access_db')dnl\n{line}")));
    }
    for line in words::WHOLE {
        sources.push(format!("OSTYPE(`linux')dnl\n{line}\n"));
    }
    check("every FEATURE beside the reference's library", &sources);
}

#[test]
fn every_other_macro_is_as_there() {
    let mut sources = Vec::new();
    for name in words::CLASSES {
        for value in ["a.b c.d", "@LDAP", "-o /x"] {
            sources.push(site(&format!("{name}(`{value}')dnl\n")));
        }
    }
    for name in words::PLACES {
        let end = format!("{name}\nKxx null\nSfoo\n");
        sources.push(site("") + &end);
    }
    for line in words::OTHERS {
        sources.push(site(&format!("{line}\n")));
    }
    check("every macro beside the reference's library", &sources);
}

#[test]
fn sites_put_together_by_chance_are_as_there() {
    let sources: Vec<String> = (0..SITES).map(|seed| Chance(seed + 1).site()).collect();
    check("sites of chance beside the reference's library", &sources);
}

/// A source of numbers (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    /// A whole site: a system, defines, features in any order, classes,
    /// changes of flags, mailers, lines of its own.
    fn site(&mut self) -> String {
        let mut text = format!("OSTYPE(`{}')dnl\n", self.of(words::SYSTEMS));
        for _ in 0..self.below(8) {
            let (name, value) = (self.of(words::DEFINES), self.of(&["5", "x/y", "True", ""]));
            let _ = writeln!(text, "define(`{name}', `{value}')dnl");
        }
        for _ in 0..self.below(3) {
            let (name, value) = (self.of(words::RELAYS), self.of(words::ROUTES));
            let _ = writeln!(text, "define(`{name}', `{value}')dnl");
        }
        let mut features = BTreeSet::new();
        if self.below(3) > 0 {
            text.push_str("FEATURE(`access_db', `hash -T<TMPF> /x/access')dnl\n");
        }
        for _ in 0..self.below(14) {
            let feature = self.of(words::FEATURES);
            if features.insert(feature) && !feature.starts_with("`access_db'") {
                let _ = writeln!(text, "FEATURE({feature})dnl");
            }
        }
        for _ in 0..self.below(6) {
            let _ = writeln!(text, "{}(`a.test b.test')dnl", self.of(words::CLASSES));
        }
        for _ in 0..self.below(3) {
            let (prefix, flags) = (self.of(words::PREFIXES), self.of(&["+Z", "-m", "+m0", "D"]));
            let _ = writeln!(text, "MODIFY_MAILER_FLAGS(`{prefix}', `{flags}')dnl");
        }
        text.push_str("MAILER(`local')dnl\nMAILER(`smtp')dnl\n");
        for mailer in words::MAILERS.iter().skip(2) {
            if self.below(5) == 0 {
                let _ = writeln!(text, "MAILER(`{mailer}')dnl");
            }
        }
        for _ in 0..self.below(3) {
            let _ = writeln!(text, "{}\nR$* none\t$@ $1", self.of(words::PLACES));
        }
        text
    }
}
