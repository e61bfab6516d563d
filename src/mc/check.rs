//! Mistakes that m4 swallows, seen in the record of what was defined and read.

use std::collections::HashSet;

use bstr::ByteSlice;

use super::faults::{Places, is_library};
use super::{LIBRARY, embedded};
use crate::base::{Diagnostic, Origin, nearest};
use crate::m4::{Defined, Record};

/// Names that a macro of the library sets, and that may then be set by hand.
const SET_TWICE: &[&str] = &["confINPUT_MAIL_FILTERS"];

/// Every mistake in what the site defined.
pub(super) fn mistakes(record: &Record, places: &mut Places<'_>) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    let mut candidates = Candidates::default();
    for (index, defined) in record.defined.iter().enumerate() {
        if defined.read || defined.pushed || is_library(&defined.origin.asked) {
            continue;
        }
        let Ok(name) = defined.name.to_str() else {
            continue;
        };
        if !is_for_sites(name) || !(is_of_site(defined) || is_of_feature(defined)) {
            continue;
        }
        let origin = places.unified(&defined.origin.asked);
        let later = record.defined[index + 1..]
            .iter()
            .find(|other| other.replaces == Some(index) && is_of_site(other));
        if let Some(later) = later {
            if is_of_site(defined) && !SET_TWICE.contains(&name) {
                faults.push(overridden(name, origin, &later.origin.asked));
            }
        } else if is_known(name) {
            let read_before = when_read(record, defined, name);
            if let Some(reader) = read_before {
                faults.push(too_late(name, origin, reader, is_of_site(defined)));
            }
        } else if is_of_site(defined) {
            faults.push(unread(name, origin, &mut candidates));
        }
    }
    faults.dedup_by(|one, other| one.code == other.code && one.origin == other.origin);
    faults
}

/// Whether the site's own text makes the definition, not a macro of the
/// library that it calls.
fn is_of_site(defined: &Defined) -> bool {
    !is_library(defined.origin.innermost())
}

/// Whether a FEATURE makes it.
fn is_of_feature(defined: &Defined) -> bool {
    let file = defined.origin.innermost().file();
    let short = file.as_bytes().strip_prefix(LIBRARY);
    short.is_some_and(|short| short.starts_with(b"feature/"))
}

/// Whether a name is one that sites define: the library's own begin with `_`.
fn is_for_sites(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// Whether a name stands anywhere in the library, as a whole word.
fn is_known(name: &str) -> bool {
    let finder = bstr::Finder::new(name);
    embedded::templates().any(|(_, bytes)| {
        let mut from = 0;
        while let Some(at) = finder.find(&bytes[from..]) {
            let (start, end) = (from + at, from + at + name.len());
            let before = start.checked_sub(1).and_then(|at| bytes.get(at));
            if !before.is_some_and(is_of_word) && !bytes.get(end).is_some_and(is_of_word) {
                return true;
            }
            from = end;
        }
        false
    })
}

fn is_of_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_'
}

/// The names of the library, for "did you mean"; gathered when first wanted.
#[derive(Default)]
struct Candidates {
    names: Option<Vec<&'static str>>,
    /// How often one was looked for.
    asked: usize,
}

/// A source with more unread definitions than this has another trouble than
/// mistyped names.
const SUGGESTIONS_MAX: usize = 50;

impl Candidates {
    fn near(&mut self, name: &str) -> Option<&'static str> {
        self.asked += 1;
        if self.asked > SUGGESTIONS_MAX {
            return None;
        }
        // In order: the same of several that stand as near.
        let names = self.names.get_or_insert_with(known_names);
        // `RELAY_MAILER' for `confRELAY_MAILER'.
        let with_prefix = format!("conf{name}");
        match names.binary_search(&with_prefix.as_str()) {
            Ok(index) => names.get(index).copied(),
            Err(_) => nearest(name, names.iter().copied()),
        }
    }
}

/// Every name that stands anywhere in the library and that sites define.
fn known_names() -> Vec<&'static str> {
    let mut names = HashSet::new();
    for (_, bytes) in embedded::templates() {
        let text = bytes.to_str().unwrap_or_default();
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        names.extend(words.filter(|word| is_for_sites(word)));
    }
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    names
}

/// The place where the value before this definition was read, when it was.
fn when_read<'r>(
    record: &'r Record,
    defined: &'r Defined,
    name: &str,
) -> Option<Option<&'r Origin>> {
    match defined.replaces.and_then(|index| record.defined.get(index)) {
        Some(before) => before.read.then_some(None),
        None => {
            let missed = record.missed.get(name.as_bytes())?;
            let elsewhere = missed.asked != defined.origin.asked;
            (elsewhere && !is_library(&missed.asked)).then_some(Some(&missed.asked))
        }
    }
}

fn unread(name: &str, origin: Origin, candidates: &mut Candidates) -> Diagnostic {
    let fault = Diagnostic::warning(
        "mc-define-unread",
        origin,
        format!("nothing reads `{name}'"),
    );
    match candidates.near(name) {
        Some(other) => fault.help(format!("Did you mean `{other}'?")),
        None => fault.help("Take the line out, or correct the name."),
    }
}

fn overridden(name: &str, origin: Origin, later: &Origin) -> Diagnostic {
    let place = if later.file() == origin.file() {
        format!("line {}", later.line())
    } else {
        later.to_string()
    };
    let fault = Diagnostic::warning(
        "mc-define-overridden",
        origin,
        format!("`{name}' is defined again at {place}, before anything reads it"),
    );
    fault.help("Take one of the two out.")
}

fn too_late(name: &str, origin: Origin, reader: Option<&Origin>, by_site: bool) -> Diagnostic {
    let reader = match reader {
        Some(reader) if reader.file() == origin.file() => {
            format!("line {} has read it already", reader.line())
        }
        _ => "it was read before".to_owned(),
    };
    let what = if by_site {
        format!("`{name}' comes too late")
    } else {
        format!("this sets `{name}' too late")
    };
    Diagnostic::warning("mc-define-late", origin, format!("{what}: {reader}"))
        .help("Move this line up, before the MAILER or FEATURE that it is for.")
}
