//! The source of a map, as makemap reads it: a key, white space or a
//! delimiter, a value; a line an entry.
//!
//! Lines are read as the reference reads them, into 1024 bytes: a longer one
//! is a fault, and what is left of it is the next line. A NUL ends a line's
//! text before its newline, which makes it too long, too.

use std::io::{self, Read};

use bstr::ByteSlice;

use super::line_reader::LineReader;

/// The reference's buffer, its terminator included.
const LINE_BYTES_MAX: usize = 1024;

/// How a source is written.
#[derive(Clone, Copy, Debug)]
pub struct Syntax {
    /// Keep the case of keys (`-f`).
    pub keep_case: bool,
    /// An entry may have no value (`-e`).
    pub empty_values: bool,
    /// What ends a key, and is passed over before the value (`-t`); white
    /// space without.
    pub delimiter: Option<u8>,
    /// What a comment line begins with (`-D`).
    pub comment: Option<u8>,
}

impl Default for Syntax {
    fn default() -> Self {
        Self {
            keep_case: false,
            empty_values: false,
            delimiter: None,
            comment: Some(b'#'),
        }
    }
}

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line<'l> {
    /// A key and its value.
    Entry {
        /// Folded unless the case is kept.
        key: &'l [u8],
        /// As it stands.
        value: &'l [u8],
    },
    /// No entry, and why.
    Fault(Fault<'l>),
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault<'l> {
    /// It is longer than the reference's buffer.
    #[error("line too long ({LINE_BYTES_MAX} bytes max)")]
    TooLong,
    /// It begins with white space.
    #[error("syntax error (leading space)")]
    LeadingSpace,
    /// It has a key and nothing else.
    #[error("no RHS for LHS {}", .0.as_bstr())]
    NoValue(&'l [u8]),
}

/// Reads a source.
pub struct Source<R> {
    lines: LineReader<R>,
    syntax: Syntax,
    number: usize,
    line: Vec<u8>,
}

impl<R: Read> Source<R> {
    /// Reads from `from`.
    pub fn new(from: R, syntax: Syntax) -> Self {
        Self {
            lines: LineReader::new(from),
            syntax,
            number: 0,
            line: Vec::new(),
        }
    }

    /// The next line that is no comment and not empty, with its number.
    pub fn read(&mut self) -> io::Result<Option<(usize, Line<'_>)>> {
        const LIMIT: usize = LINE_BYTES_MAX - 1;
        let length = loop {
            self.number += 1;
            let Some(line) = self.lines.next(LIMIT)? else {
                return Ok(None);
            };
            self.line.clear();
            self.line.extend_from_slice(line);
            let text = match memchr::memchr(0, &self.line) {
                Some(nul) => &self.line[..nul],
                None => &self.line,
            };
            let length = match text.strip_suffix(b"\n") {
                Some(text) => text.len(),
                // Only the last line may do without a newline.
                None if self.line.len() < LIMIT && self.lines.at_end() => text.len(),
                None => return Ok(Some((self.number, Line::Fault(Fault::TooLong)))),
            };
            let first = self.line[..length].first();
            if first.is_some_and(|first| Some(*first) != self.syntax.comment) {
                break length;
            }
        };
        let entry = entry(&mut self.line[..length], self.syntax);
        Ok(Some((self.number, entry)))
    }
}

/// Takes a line apart; the key is folded in place.
fn entry(line: &mut [u8], syntax: Syntax) -> Line<'_> {
    let is_delimiter = |byte: u8| match syntax.delimiter {
        Some(delimiter) => byte == delimiter,
        None => byte.is_ascii_whitespace() || byte == 0x0b,
    };
    if syntax.delimiter.is_none() && line.first().is_some_and(|byte| is_delimiter(*byte)) {
        return Line::Fault(Fault::LeadingSpace);
    }
    let key_end = line
        .iter()
        .position(|byte| is_delimiter(*byte))
        .unwrap_or(line.len());
    if !syntax.keep_case {
        line[..key_end].make_ascii_lowercase();
    }
    let line = &*line;
    let value_start = line[key_end..]
        .iter()
        .position(|byte| !is_delimiter(*byte))
        .map_or(line.len(), |at| key_end + at);
    let (key, value) = (&line[..key_end], &line[value_start..]);
    if value.is_empty() && !syntax.empty_values {
        return Line::Fault(Fault::NoValue(key));
    }
    Line::Entry { key, value }
}
