//! Cuts a configuration into logical lines.
//!
//! A line that begins with a blank continues the one before; the line break
//! stays in the text, because headers keep it. Lines are counted as they
//! stand in the file. Each logical line knows the origin of its first line,
//! which the reader shows, and which line of the `.cf` was its last, which is
//! what the reference names.

use std::borrow::Cow;

use crate::base::Origin;
use crate::base::limits::SOURCE_LINE_BYTES_MAX;

/// Where the lines of a configuration came from.
#[derive(Clone, Copy, Debug)]
pub enum Origins<'a> {
    /// From this file, line by line.
    File(&'a Origin),
    /// Each from its own place: the macro processor's output. Lines beyond
    /// the slice belong to its last place.
    Lines(&'a [Origin]),
}

impl Origins<'_> {
    /// The origin of the line at `index`, from 0.
    pub(super) fn of(&self, index: usize) -> Origin {
        match self {
            Origins::File(file) => file.at_line(u32::try_from(index + 1).unwrap_or(u32::MAX)),
            Origins::Lines(origins) => origins
                .get(index)
                .or(origins.last())
                .cloned()
                .unwrap_or_else(|| Origin::internal("configuration")),
        }
    }
}

/// One logical line.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// Its text, comment and trailing blanks taken off.
    pub(super) text: Cow<'a, [u8]>,
    /// Its first physical line, from 0.
    pub(super) first: usize,
    /// Its last physical line, from 0.
    pub(super) last: usize,
    /// Whether it was cut at [`SOURCE_LINE_BYTES_MAX`].
    pub(super) cut: bool,
}

/// The logical lines of a configuration, without empty ones and comments.
pub(super) fn logical(bytes: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let mut rest = bytes;
    let mut next = 0;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let (length, count) = extent(rest);
            let (line, after) = rest.split_at(length);
            let first = next;
            rest = after;
            next += count;
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            if matches!(line.first(), None | Some(b'#' | b' ' | b'\t')) {
                continue;
            }
            let cut = line.len() > SOURCE_LINE_BYTES_MAX;
            let line = &line[..line.len().min(SOURCE_LINE_BYTES_MAX)];
            let text = without_comment(line);
            if text.is_empty() {
                continue;
            }
            return Some(Line {
                text,
                first,
                last: first + count - 1,
                cut,
            });
        }
        None
    })
}

/// How many bytes and physical lines the next logical line takes.
fn extent(bytes: &[u8]) -> (usize, usize) {
    let mut end = 0;
    let mut count = 0;
    loop {
        let line = memchr::memchr(b'\n', &bytes[end..]).map_or(bytes.len(), |at| end + at + 1);
        end = line;
        count += 1;
        if !matches!(bytes.get(end), Some(b' ' | b'\t')) {
            return (end, count);
        }
    }
}

/// Takes off a comment that begins within the line, the blanks before it,
/// and trailing blanks.
///
/// `\#` stands for a plain `#`, and `$#` is an operator of rules.
fn without_comment(line: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'#', line).is_none() {
        return Cow::Borrowed(line.trim_ascii_end());
    }
    let mut text: Vec<u8> = Vec::with_capacity(line.len());
    let mut rest = line.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        match (byte, text.last()) {
            (b'#', Some(b'\\')) => {
                text.pop();
                text.push(b'#');
            }
            (b'#', Some(b'$')) if !escaped_dollar(&text) => text.push(b'#'),
            (b'#', Some(_)) => {
                text.truncate(text.trim_ascii_end().len());
                while rest.peek().is_some_and(|&byte| byte != b'\n') {
                    rest.next();
                }
            }
            _ => text.push(byte),
        }
    }
    text.truncate(text.trim_ascii_end().len());
    Cow::Owned(text)
}

/// Whether the `$` at the end of `text` is the second of a `$$`.
fn escaped_dollar(text: &[u8]) -> bool {
    text.iter().rev().take_while(|&&byte| byte == b'$').count() % 2 == 0
}
