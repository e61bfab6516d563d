//! What the macro processor and the library said, as faults of the `.mc`.

use std::collections::HashMap;
use std::sync::Arc;

use bstr::{BString, ByteSlice};

use super::host::Event;
use super::{COMPLAINT, LIBRARY, embedded};
use crate::base::{Diagnostic, Origin, nearest};
use crate::m4::{LineOrigin, Message, Weight};

/// Places in the `.mc`, one shared name for each file.
pub(super) struct Places<'a> {
    /// The `.mc`.
    source: &'a str,
    names: HashMap<String, Arc<str>>,
}

impl<'a> Places<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self {
            source,
            names: HashMap::new(),
        }
    }

    /// The line that asked for something. What only the library has to do
    /// with belongs to the `.mc` as a whole.
    pub(super) fn asked(&mut self, origin: &LineOrigin) -> Origin {
        if is_library(&origin.asked) {
            return Origin::file_only(self.shared(self.source));
        }
        self.unified(&origin.asked)
    }

    /// The same place, with the shared name.
    pub(super) fn unified(&mut self, origin: &Origin) -> Origin {
        Origin::new(self.shared(origin.file()), origin.line())
    }

    fn shared(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = Arc::from(name);
        self.names.insert(name.to_owned(), Arc::clone(&shared));
        shared
    }
}

/// Whether a place is in the library.
pub(super) fn is_library(origin: &Origin) -> bool {
    origin.file().as_bytes().starts_with(LIBRARY)
}

/// Everything that was said, as faults.
pub(super) fn faults(events: &[Event], places: &mut Places<'_>) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    for event in events {
        match event {
            Event::Message(message) => faults.push(of_message(message, places)),
            Event::Said { origin, text } => of_text(origin, text, places, &mut faults),
        }
    }
    faults
}

/// The text that macros said, as m4 prints it.
pub(super) fn said(events: &[Event]) -> BString {
    let mut all = BString::default();
    for event in events {
        if let Event::Said { text, .. } = event {
            all.extend_from_slice(text);
        }
    }
    all
}

/// A message of the macro processor.
fn of_message(message: &Message, places: &mut Places<'_>) -> Diagnostic {
    let origin = places.asked(&message.origin);
    if let Some(fault) = missing_file(&message.text, &origin) {
        return fault;
    }
    let text = message.text.to_str_lossy().into_owned();
    match message.weight {
        Weight::Warning => Diagnostic::warning("m4-warning", origin, text),
        Weight::Fault => Diagnostic::warning("m4-fault", origin, text),
        Weight::Error | Weight::Fatal => Diagnostic::error("m4-error", origin, text),
    }
}

/// The folders of the library, the macro that reads each, and the code of a
/// name that it does not have.
const FOLDERS: [(&str, &str, &str); 6] = [
    ("feature", "FEATURE", "mc-unknown-feature"),
    ("mailer", "MAILER", "mc-unknown-mailer"),
    ("ostype", "OSTYPE", "mc-unknown-ostype"),
    ("domain", "DOMAIN", "mc-unknown-domain"),
    ("hack", "HACK", "mc-unknown-hack"),
    ("siteconfig", "SITECONFIG", "mc-unknown-siteconfig"),
];

/// A name that no file of the library, and none of the site, has.
fn missing_file(text: &[u8], origin: &Origin) -> Option<Diagnostic> {
    let rest = text.strip_prefix(b"cannot open `")?.strip_prefix(LIBRARY)?;
    let path = rest.split_str(".m4'").next()?.to_str().ok()?;
    let (folder, name) = path.split_once('/')?;
    let (_, word, code) = FOLDERS.iter().find(|(known, _, _)| *known == folder)?;
    let fault = Diagnostic::error(
        code,
        origin.clone(),
        format!("there is no {word}(`{name}')"),
    );
    Some(match nearest(name, known_in(folder)) {
        Some(other) => fault.help(format!("Did you mean `{other}'?")),
        None => fault.help(format!(
            "A file of your own belongs beside the .mc, in {folder}/{name}.m4."
        )),
    })
}

/// The names that a folder of the library has.
fn known_in(folder: &str) -> Vec<&'static str> {
    let files = embedded::templates().filter_map(|(path, _)| {
        let name = path.strip_prefix(folder)?.strip_prefix('/')?;
        name.strip_suffix(".m4")
    });
    let mut names: Vec<&str> = files.collect();
    if folder == "ostype" {
        names.extend(systems_of_old());
    }
    names
}

/// The systems that have no file of their own, from their table.
fn systems_of_old() -> impl Iterator<Item = &'static str> {
    let table = embedded::template("m4/ostypes.m4").unwrap_or_default();
    let text = table.to_str().unwrap_or_default();
    text.split("define(`_OS_")
        .skip(1)
        .filter_map(|rest| rest.split_once("_'").map(|(name, _)| name))
}

/// What a macro said with `errprint`: a line with `*** ERROR:` or `WARNING:`,
/// perhaps after `FILE:LINE: `, and indented lines that go on with it.
fn of_text(
    origin: &LineOrigin,
    text: &[u8],
    places: &mut Places<'_>,
    faults: &mut Vec<Diagnostic>,
) {
    let here = places.asked(origin);
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if line.starts_with(b"\t")
            && let Some(before) = faults.last_mut()
        {
            before.message.push(' ');
            before.message.push_str(&words(line));
            continue;
        }
        let (place, rest) = place_of(line, &here);
        faults.push(if let Some(rest) = rest.strip_prefix(b"*** ERROR:") {
            Diagnostic::error(COMPLAINT, place, words(rest))
        } else if let Some(rest) = rest
            .strip_prefix(b"*** WARNING:")
            .or_else(|| rest.strip_prefix(b"WARNING:"))
            .or_else(|| rest.strip_prefix(b"Warning:"))
        {
            Diagnostic::warning("mc-warning", place, words(rest))
        } else {
            Diagnostic::note("mc-note", place, words(rest))
        });
    }
}

/// A line with one space between words.
fn words(line: &[u8]) -> String {
    let words: Vec<_> = line.fields().map(ByteSlice::to_str_lossy).collect();
    words.join(" ")
}

/// Takes `FILE:LINE: ` off a line.
fn place_of<'l>(line: &'l [u8], here: &Origin) -> (Origin, &'l [u8]) {
    let mut parts = line.splitn(3, |byte| *byte == b':');
    if let (Some(file), Some(number), Some(rest)) = (parts.next(), parts.next(), parts.next())
        && let Some(number) = number.to_str().ok().and_then(|n| n.parse::<u32>().ok())
    {
        let file = file.to_str_lossy();
        return (Origin::new(&*file, number), rest.trim_start());
    }
    (here.clone(), line)
}
