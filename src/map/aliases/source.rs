//! The alias file as people write it: `name: list`, longer lists going on in
//! lines that begin with white space, `#` before a comment.

use std::io::{self, Read};

use bstr::BString;

use crate::base::limits::SOURCE_LINE_BYTES_MAX;
use crate::map::line_reader::LineReader;

/// One entry, or what is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line<'l> {
    /// A name and what stands for it.
    Alias {
        /// The name as it is written, up to the colon.
        name: &'l [u8],
        /// The list: continuation lines as they are, their newlines gone.
        /// When it is empty there is no alias: [`Fault::NoValue`], after what
        /// is to be said about the name.
        value: &'l [u8],
        /// The line as it stands.
        whole: &'l [u8],
    },
    /// No entry, and why.
    Fault(Fault<'l>),
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault<'l> {
    /// The first line begins with white space.
    LeadingSpace,
    /// There is no colon.
    NoColon,
    /// There is nothing before the colon.
    NoName(&'l [u8]),
    /// There is nothing behind the colon.
    NoValue(&'l [u8]),
    /// It is longer than any line may be.
    TooLong,
}

impl Fault<'_> {
    /// What is said of it, in bytes: lines are shown as they are, the first 40
    /// bytes of them.
    pub fn text(&self) -> BString {
        // sendmail: 40 bytes.
        let with = |line: &[u8], what: &str| {
            let shown = &line[..line.len().min(40)];
            bstr::concat([shown, b"... ", what.as_bytes()]).into()
        };
        match self {
            Fault::LeadingSpace => "Non-continuation line starts with space".into(),
            Fault::NoColon => "missing colon".into(),
            Fault::NoName(line) => with(line, "illegal alias name"),
            Fault::NoValue(line) => with(line, "missing value for alias"),
            Fault::TooLong => format!("line too long ({SOURCE_LINE_BYTES_MAX} bytes max)").into(),
        }
    }
}

/// Reads an alias file.
pub struct Source<R> {
    lines: LineReader<R>,
    number: usize,
    line: Vec<u8>,
    /// What continues nothing was complained of: no more of it until a line
    /// is an entry, or should be.
    skipping: bool,
    ended: bool,
}

impl<R: Read> Source<R> {
    /// Reads from `from`.
    pub fn new(from: R) -> Self {
        Self {
            lines: LineReader::new(from),
            number: 0,
            line: Vec::new(),
            skipping: false,
            ended: false,
        }
    }

    /// The next entry or fault, with the number of its last line.
    ///
    /// After [`Fault::TooLong`] there is nothing more: what follows could be
    /// the middle of anything.
    pub fn read(&mut self) -> io::Result<Option<(usize, Line<'_>)>> {
        loop {
            if self.ended || !self.begin_line()? {
                return Ok(None);
            }
            let Some(first) = self.line.first().copied() else {
                continue;
            };
            self.append_continuation()?;
            match first {
                b'#' => {}
                b' ' | b'\t' if self.skipping => {}
                b' ' | b'\t' => {
                    self.skipping = true;
                    return Ok(Some((self.number, Line::Fault(Fault::LeadingSpace))));
                }
                _ => break,
            }
        }
        self.skipping = false;
        if self.line.len() > SOURCE_LINE_BYTES_MAX || self.line.contains(&0) {
            self.ended = true;
            return Ok(Some((self.number, Line::Fault(Fault::TooLong))));
        }
        Ok(Some((self.number, entry(&self.line))))
    }

    /// Reads what continues the line in the buffer.
    fn append_continuation(&mut self) -> io::Result<()> {
        while matches!(self.lines.peek()?, Some(b' ' | b'\t')) {
            if !self.append_line()? {
                break;
            }
        }
        Ok(())
    }

    /// Reads a line into the empty buffer; false at the end.
    fn begin_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        self.append_line()
    }

    /// Reads a line behind what is in the buffer; false at the end.
    fn append_line(&mut self) -> io::Result<bool> {
        let Some(line) = self.lines.next(SOURCE_LINE_BYTES_MAX + 1)? else {
            return Ok(false);
        };
        self.number += 1;
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        if self.line.len() <= SOURCE_LINE_BYTES_MAX {
            self.line.extend_from_slice(line);
        }
        Ok(true)
    }
}

/// Takes a line apart at its colon, the first outside quotes.
fn entry(line: &[u8]) -> Line<'_> {
    let Some(colon) = colon_of(line) else {
        return Line::Fault(Fault::NoColon);
    };
    let name = &line[..colon];
    if name.trim_ascii().is_empty() {
        return Line::Fault(Fault::NoName(line));
    }
    let value = line[colon + 1..].trim_ascii_start();
    Line::Alias {
        name,
        value,
        whole: line,
    }
}

/// Where the first colon outside quotes is.
fn colon_of(line: &[u8]) -> Option<usize> {
    let mut quoted = false;
    let mut at = 0;
    while at < line.len() {
        match line[at] {
            b'"' => quoted = !quoted,
            b'\\' => at += 1,
            b':' if !quoted => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use bstr::ByteSlice;

    use super::*;

    /// Reads `text` and shows what came of it.
    fn check(text: &str, expected: &[&str]) {
        let mut source = Source::new(text.as_bytes());
        let mut found = Vec::new();
        while let Some((number, line)) = source.read().expect("in memory") {
            found.push(match line {
                Line::Alias { name, value, .. } => {
                    format!("{number} {}={}", name.as_bstr(), value.as_bstr())
                }
                Line::Fault(fault) => format!("{number} {}", fault.text()),
            });
        }
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn lines_are_read_as_the_reference_reads_them() {
        let space = "Non-continuation line starts with space";
        check("x: a,\n b,\n\tc\n# m\ny: z\n", &["3 x=a, b,\tc", "5 y=z"]);
        check(
            "x: a\n\n  b\ny: c\n",
            &["1 x=a", &format!("3 {space}"), "4 y=c"],
        );
        check("x: a\n# c\n  b\ny: c\n", &["1 x=a", "4 y=c"]);
        check("  \n  b\nx: y\n", &[&format!("2 {space}"), "3 x=y"]);
        // Blank lines are no entries: no second complaint.
        check(
            " a\n\n b\nx: y\n c\n\n d\n",
            &[&format!("1 {space}"), "5 x=y c", &format!("7 {space}")],
        );
        check("# c\n\n b\n", &[&format!("3 {space}")]);
        check("x: a\n   \ny: c\n", &["2 x=a   ", "3 y=c"]);
        check("no\n more\ny: z", &["2 missing colon", "3 y=z"]);
        check("x:\ny: \n", &["1 x=", "2 y="]);
        check(
            ":include:/x: y\n",
            &["1 :include:/x: y... illegal alias name"],
        );
        check("\"x: y\": z\n", &["1 \"x: y\"=z"]);
        check("x:\n y\n", &["2 x=y"]);
        check("windows: crlf\r\n", &["1 windows=crlf\r"]);
    }

    #[test]
    fn a_line_without_end_is_the_last() {
        let mut text = String::from("a: b\nx: ");
        text.push_str(&"y".repeat(SOURCE_LINE_BYTES_MAX));
        text.push_str("\nc: d\n");
        check(
            &text,
            &[
                "1 a=b",
                &format!("2 line too long ({SOURCE_LINE_BYTES_MAX} bytes max)"),
            ],
        );
    }
}
