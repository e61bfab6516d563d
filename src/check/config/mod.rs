//! The typed configuration: what is accepted, and cannot be meant.

mod daemon;
mod mailers;
mod options;
mod rules;
mod rulesets;
mod words;

use std::cell::OnceCell;
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bstr::{BString, ByteSlice};

use crate::base::{Diagnostic, Origin};
use crate::cf::{ClassSource, Config};
use crate::check::codes;
use crate::map::{MapWorld, Maps};
use crate::mc::embedded;
use crate::rewrite::{ClassTable, Program};
use crate::world::{Clock, Files, HostIdentity, Nothing};

use rules::RuleText;

/// Which lines of a configuration are the site's own.
#[derive(Clone, Copy, Debug)]
pub enum Own<'a> {
    /// A `.cf`: nobody can tell.
    Unknown,
    /// Those that stand in this `.mc` as they are.
    Source {
        /// Its name, as origins have it.
        name: &'a str,
        /// Its text.
        text: &'a [u8],
        /// Whether rules are looked at even if none of them is the site's.
        every_rule: bool,
    },
}

impl Own<'_> {
    /// Whether there are rules to look at.
    fn has_rules(self) -> bool {
        match self {
            Own::Unknown => true,
            Own::Source {
                text, every_rule, ..
            } => every_rule || text.lines().any(|line| line.starts_with(b"R")),
        }
    }
}

/// The lines of the site's own text, if it is known.
struct OwnLines<'a>(Option<(&'a str, Vec<&'a [u8]>)>);

impl<'a> OwnLines<'a> {
    fn of(own: Own<'a>) -> Self {
        Self(match own {
            Own::Unknown => None,
            Own::Source { name, text, .. } => Some((name, text.lines().collect())),
        })
    }

    /// Whether the line at `origin`, which is of this kind (`R`, `S`), is
    /// surely the site's.
    fn has(&self, origin: &Origin, kind: u8) -> bool {
        let Some((name, lines)) = &self.0 else {
            return false;
        };
        let index = usize::try_from(origin.line()).unwrap_or(0);
        let line = index.checked_sub(1).and_then(|index| lines.get(index));
        origin.file() == *name && line.is_some_and(|line| line.first() == Some(&kind))
    }

    /// Whether nobody can tell what is the site's.
    fn is_unknown(&self) -> bool {
        self.0.is_none()
    }
}

/// What the checks of a configuration look at.
struct Subject<'a> {
    config: &'a Config,
    own: OwnLines<'a>,
    rules: Vec<RuleText>,
    /// Words that stand in the library's files, when somebody asks.
    standard: OnceCell<HashSet<&'static [u8]>>,
}

impl Subject<'_> {
    /// Whether a word stands in the library's files.
    fn is_standard(&self, word: &[u8]) -> bool {
        self.standard.get_or_init(standard_words).contains(word)
    }
}

/// Everything that is wrong with a configuration apart from what reading it
/// found. Nothing outside it is looked at.
pub(super) fn faults(config: &Config, own: Own<'_>) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    let rules = if own.has_rules() {
        let host = HostIdentity::default();
        let initial = Arc::new(crate::route::load::initial_macros(&host, "", 0));
        let (program, found) = Program::compile(config, &initial, &ClassTable::new());
        faults = found;
        rules::texts(config, &program)
    } else {
        Vec::new()
    };
    let subject = Subject {
        config,
        own: OwnLines::of(own),
        rules,
        standard: OnceCell::new(),
    };
    options::faults(config, &mut faults);
    words::faults(config, &mut faults);
    daemon::faults(config, &mut faults);
    mailers::faults(&subject, &mut faults);
    sources(config, &mut faults);
    rules::faults(&subject, &mut faults);
    rulesets::faults(&subject, &mut faults);
    faults
}

/// Classes whose members come from where they are not fetched.
fn sources(config: &Config, faults: &mut Vec<Diagnostic>) {
    for class in &config.classes {
        let what = match &class.source {
            ClassSource::Program { command } => format!("the program {command}"),
            ClassSource::Map { spec, .. } => format!("the map {spec}"),
            ClassSource::Words(_) | ClassSource::File { .. } => continue,
        };
        let message = format!("class {} has its members from {what}", class.name);
        faults.push(codes::fault(
            "cf-class-source",
            class.origin.clone(),
            message,
        ));
    }
}

/// A world without files, whose clock stands still.
struct Frozen(SystemTime, Instant);

impl Files for Frozen {
    fn open(&self, _path: &Path) -> io::Result<File> {
        Err(io::ErrorKind::NotFound.into())
    }
}

impl Clock for Frozen {
    fn now(&self) -> SystemTime {
        self.0
    }

    fn instant(&self) -> Instant {
        self.1
    }
}

/// What is wrong with K lines by themselves: they are opened in a world where
/// nothing is.
pub(super) fn maps(config: &Config, now: &dyn Clock) -> Vec<Diagnostic> {
    let nothing = Arc::new(Nothing);
    let frozen = Arc::new(Frozen(now.now(), now.instant()));
    let world = MapWorld {
        clock: frozen.clone(),
        files: frozen,
        resolver: nothing.clone(),
        users: nothing.clone(),
        programs: nothing.clone(),
        dial: nothing.clone(),
        log: nothing.clone(),
        entropy: nothing,
    };
    let (_, mut faults) = Maps::open(config, world);
    // Files are looked at elsewhere.
    faults.retain(|fault| codes::find(fault.code).is_some());
    faults
}

/// Every word of the library's files.
fn standard_words() -> HashSet<&'static [u8]> {
    let mut words = HashSet::new();
    for (_, text) in embedded::templates() {
        words.extend(
            text.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
                .filter(|word| !word.is_empty()),
        );
    }
    words
}

/// The same without regard to case.
fn is_one_of(word: &[u8], known: &[&str]) -> bool {
    known
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}

/// A help sentence that names the nearest of the known words, when one is.
fn did_you_mean(fault: Diagnostic, word: &[u8], known: &[&'static str]) -> Diagnostic {
    let near = word
        .to_str()
        .ok()
        .and_then(|word| crate::base::nearest(word, known.iter().copied()));
    match near {
        Some(other) => fault.help(format!("Did you mean `{other}'?")),
        None => fault,
    }
}

/// Words as they are written in messages.
fn shown(word: &[u8]) -> BString {
    BString::from(word.trim())
}
