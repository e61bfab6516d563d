//! The `.mc` as the site wrote it: what m4 takes without a word.

mod features;
mod layout;
mod origins;
mod reader;

use std::collections::HashSet;
use std::ops::Range;

use bstr::{BString, ByteSlice};

use super::codes;
use crate::base::{Diagnostic, Origin};
use crate::m4::Record;
use crate::mc::{Compiled, embedded};

pub use features::Features;
pub(super) use origins::origins;
use reader::Reading;

/// Lines of a `.mc` that may stand on one line of the `.cf`.
const JOINED_LINES_MAX: u32 = 50;

/// A `.mc` and what became of it.
struct Source<'a> {
    name: &'a str,
    text: &'a [u8],
    compiled: &'a Compiled,
    record: &'a Record,
    /// The names of the library's macros that a site calls.
    callable: Vec<&'static str>,
    /// The names of all macros.
    known: HashSet<BString>,
    reading: Reading,
    /// Where each line begins.
    lines: Vec<usize>,
}

/// Everything that is wrong with a `.mc` apart from what its compilation
/// found, and the features it asks for.
pub(super) fn faults(name: &str, text: &[u8], compiled: &Compiled) -> (Vec<Diagnostic>, Features) {
    // The macro processor has seen Unix lines; so do we.
    let text = text.replace(b"\r\n", b"\n");
    let callable = callable();
    let known = layout::known_names(&callable, &compiled.record);
    let reading = reader::read(&text, &known, includes_library(&text));
    let lines = std::iter::once(0)
        .chain(text.find_iter(b"\n").map(|end| end + 1))
        .collect();
    let source = Source {
        name,
        text: &text,
        compiled,
        record: &compiled.record,
        callable,
        known,
        reading,
        lines,
    };
    let mut faults = layout::faults(&source);
    let features = features::faults(&source, &mut faults);
    (faults, features)
}

/// Whether the text includes the library itself, so that it does not come
/// before it.
fn includes_library(text: &[u8]) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start();
        !line.starts_with(b"dnl") && line.contains_str("include(") && line.contains_str("cf.m4")
    })
}

/// The names of the library's macros that a site calls.
fn callable() -> Vec<&'static str> {
    let mut names: Vec<&str> = codes::M4_CALLED.to_vec();
    for (path, bytes) in embedded::templates() {
        if !path.starts_with("m4/") {
            continue;
        }
        let text = bytes.to_str().unwrap_or_default();
        let defined = text.split("define(`").skip(1);
        names.extend(defined.filter_map(|rest| {
            let name = rest.split('\'').next()?;
            let capitals = |c: char| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit();
            (name.starts_with(|c: char| c.is_ascii_uppercase()) && name.chars().all(capitals))
                .then_some(name)
        }));
    }
    names.sort_unstable();
    names.dedup();
    names
}

impl Source<'_> {
    /// A fault at some bytes of the text.
    fn fault(&self, code: &'static str, at: Range<usize>, message: String) -> Diagnostic {
        let line = self.line_of(at.start);
        let origin = Origin::new(self.name, line);
        let start = reader::line_start(self.text, at.start);
        let end = self.text[at.start..]
            .find_byte(b'\n')
            .map_or(self.text.len(), |end| at.start + end);
        let columns = at.start - start..at.end.clamp(at.start, end) - start;
        codes::fault(code, origin, message).at(columns)
    }

    /// The line of a byte, from 1.
    fn line_of(&self, at: usize) -> u32 {
        let line = self.lines.partition_point(|start| *start <= at);
        u32::try_from(line).unwrap_or(u32::MAX)
    }

    /// Whether only blanks stand before it on its line.
    fn is_first(&self, at: usize) -> bool {
        self.text[reader::line_start(self.text, at)..at]
            .trim()
            .is_empty()
    }

    /// Whether these bytes come out in the configuration at their line, or
    /// behind what an earlier line began: `dnl` joins lines.
    fn comes_out(&self, at: Range<usize>) -> bool {
        let line = self.line_of(at.start);
        let bytes = &self.text[at];
        let near = line.saturating_sub(JOINED_LINES_MAX)..=line;
        let texts = self.compiled.text.split_str("\n");
        let lines = self.compiled.origins.iter().zip(texts);
        lines
            .filter(|(origin, _)| near.contains(&origin.line()) && origin.file() == self.name)
            .any(|(_, text)| text.contains_str(bytes))
    }
}
