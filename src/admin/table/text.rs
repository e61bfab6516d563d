//! A table's text and its entries.

use std::ops::Range;

use bstr::{BString, ByteSlice};

/// A line of an alias file longer than this is broken between members.
const ALIAS_COLUMNS: usize = 76;
/// Where tabs go.
const TAB: usize = 8;

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `key value`, as makemap reads it. Of equal keys the first counts.
    Pairs,
    /// `name: list`, as newaliases reads it, with lines that go on. Of equal
    /// names the last counts.
    Aliases,
    /// A word a line, as class files are read.
    Words,
}

/// An entry of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'t> {
    /// Its line, from 1.
    pub line: u32,
    /// Its key as written.
    pub key: &'t [u8],
    /// Its value as written, continuation lines included; empty in lists of
    /// words.
    pub value: &'t [u8],
}

/// What a change did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The entry was not there before.
    Added,
    /// The entry had this value.
    Replaced(BString),
    /// The entry, with this value, is no longer there.
    Removed(BString),
    /// Everything was so before.
    Nothing,
}

/// The text of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableText {
    form: Form,
    text: BString,
    entries: Vec<Spans>,
}

/// Where an entry stands in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Spans {
    line: u32,
    /// All its lines, the last newline included.
    whole: Range<usize>,
    key: Range<usize>,
    value: Range<usize>,
}

impl TableText {
    /// Reads a text. Lines that are no entries are passed over.
    pub fn new(form: Form, text: impl Into<BString>) -> Self {
        let mut table = Self {
            form,
            text: text.into(),
            entries: Vec::new(),
        };
        table.read();
        table
    }

    /// The text as it is now.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Every entry, in order.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = Entry<'_>> {
        self.entries.iter().map(|spans| Entry {
            line: spans.line,
            key: &self.text[spans.key.clone()],
            value: &self.text[spans.value.clone()],
        })
    }

    /// The entry of this key that counts.
    pub fn get(&self, key: &[u8]) -> Option<Entry<'_>> {
        let found = self.position(key)?;
        self.entries().nth(found)
    }

    /// Gives a key its value: in the place of the old one, or in a new line.
    pub fn set(&mut self, key: &[u8], value: &[u8]) -> Change {
        let Some(found) = self.position(key) else {
            self.add(key, value);
            return Change::Added;
        };
        let spans = self.entries[found].clone();
        let old = BString::from(&self.text[spans.value.clone()]);
        if old == value || self.form == Form::Words {
            return Change::Nothing;
        }
        let new = match self.form {
            Form::Aliases => {
                let before = &self.text[spans.whole.start..spans.value.start];
                let column = columns(before.lines().next_back().unwrap_or_default());
                folded(value, column)
            }
            Form::Pairs | Form::Words => value.into(),
        };
        self.splice(spans.value, &new);
        Change::Replaced(old)
    }

    /// Takes every entry of a key out.
    pub fn remove(&mut self, key: &[u8]) -> Change {
        let Some(found) = self.position(key) else {
            return Change::Nothing;
        };
        let old = BString::from(&self.text[self.entries[found].value.clone()]);
        while let Some(found) = self.position(key) {
            let whole = self.entries[found].whole.clone();
            self.splice(whole, b"");
        }
        Change::Removed(old)
    }

    fn position(&self, key: &[u8]) -> Option<usize> {
        let same = |entry: &Spans| {
            let written = &self.text[entry.key.clone()];
            bare(written).eq_ignore_ascii_case(bare(key))
        };
        match self.form {
            Form::Aliases => self.entries.iter().rposition(same),
            Form::Pairs | Form::Words => self.entries.iter().position(same),
        }
    }

    /// Adds an entry behind the last, aligned like it.
    fn add(&mut self, key: &[u8], value: &[u8]) {
        let colon: &[u8] = match self.form {
            Form::Aliases => b":",
            Form::Pairs | Form::Words => b"",
        };
        let mut line = bstr::concat([key, colon]);
        if self.form != Form::Words {
            let gap = self.gap(columns(&line));
            line.extend_from_slice(&gap);
            let column = columns(&line);
            match self.form {
                Form::Aliases => line.extend_from_slice(&folded(value, column)),
                Form::Pairs | Form::Words => line.extend_from_slice(value),
            }
        }
        line.push(b'\n');
        let end = self.text.len();
        if !self.text.is_empty() && !self.text.ends_with(b"\n") {
            line.insert(0, b'\n');
        }
        self.splice(end..end, &line);
    }

    /// What stands between a key that ends at `column` and its value, so that
    /// the value stands below that of the entry before.
    fn gap(&self, column: usize) -> Vec<u8> {
        let Some(last) = self.entries.last() else {
            return b"\t".to_vec();
        };
        let before = &self.text[last.whole.start..last.value.start];
        let between = &self.text[last.key.end..last.value.start];
        if between.contains(&b'\n') {
            return b"\t".to_vec();
        }
        let goal = columns(before);
        let tabs = between.contains(&b'\t');
        let mut gap = Vec::new();
        let mut at = column;
        while at < goal || gap.is_empty() {
            if tabs {
                gap.push(b'\t');
                at = (at / TAB + 1) * TAB;
            } else {
                gap.push(b' ');
                at += 1;
            }
        }
        gap
    }

    fn splice(&mut self, range: Range<usize>, new: &[u8]) {
        let mut text = BString::from(&self.text[..range.start]);
        text.extend_from_slice(new);
        text.extend_from_slice(&self.text[range.end..]);
        self.text = text;
        self.read();
    }

    /// Finds the entries anew.
    fn read(&mut self) {
        let mut entries: Vec<Spans> = Vec::new();
        let mut at = 0;
        // Lines that go on belong to an entry only right behind it.
        let mut goes_on = false;
        for (number, line) in (1..).zip(self.text.lines_with_terminator()) {
            let whole = at..at + line.len();
            at = whole.end;
            let bare = line.trim_end_with(|c| matches!(c, '\n' | '\r'));
            let continues = bare.first().is_some_and(|byte| b" \t".contains(byte));
            if self.form == Form::Aliases && continues {
                if goes_on && let Some(entry) = entries.last_mut() {
                    let text = bare.trim_end();
                    if entry.value.is_empty() {
                        let lead = bare.len() - bare.trim_start().len();
                        entry.value = whole.start + lead..whole.start + lead;
                    }
                    entry.value.end = entry.value.end.max(whole.start + text.len());
                    entry.whole.end = whole.end;
                }
                continue;
            }
            let spans = match self.form {
                Form::Pairs => pair(bare),
                Form::Aliases => alias(bare),
                Form::Words => word(bare),
            };
            goes_on = spans.is_some();
            if let Some((key, value)) = spans {
                let place =
                    |range: Range<usize>| whole.start + range.start..whole.start + range.end;
                entries.push(Spans {
                    line: number,
                    key: place(key),
                    value: place(value),
                    whole: whole.clone(),
                });
            }
        }
        self.entries = entries;
    }
}

type Found = Option<(Range<usize>, Range<usize>)>;

fn pair(line: &[u8]) -> Found {
    if line.is_empty() || line[0] == b'#' || line[0].is_ascii_whitespace() {
        return None;
    }
    let end = line.find_byteset(b" \t").unwrap_or(line.len());
    let start = line[end..]
        .find_not_byteset(b" \t")
        .map_or(line.len(), |at| end + at);
    Some((0..end, start..start + line[start..].trim_end().len()))
}

fn alias(line: &[u8]) -> Found {
    if line.is_empty() || line[0] == b'#' {
        return None;
    }
    let colon = colon_of(line)?;
    let key = line[..colon].trim_end().len();
    let start = line[colon + 1..]
        .find_not_byteset(b" \t")
        .map_or(line.len(), |at| colon + 1 + at);
    (key > 0).then(|| (0..key, start..start + line[start..].trim_end().len()))
}

/// The first colon outside quotes.
fn colon_of(line: &[u8]) -> Option<usize> {
    let mut quoted = false;
    let mut skip = false;
    line.iter().position(|&byte| {
        if std::mem::take(&mut skip) {
            return false;
        }
        match byte {
            b'"' => quoted = !quoted,
            b'\\' => skip = true,
            b':' => return !quoted,
            _ => {}
        }
        false
    })
}

fn word(line: &[u8]) -> Found {
    let start = line.len() - line.trim_start().len();
    let rest = &line[start..];
    if rest.is_empty() || rest[0] == b'#' {
        return None;
    }
    let end = start + rest.find_byteset(b" \t#").unwrap_or(rest.len());
    Some((start..end, end..end))
}

/// A key without the quotes around it.
fn bare(key: &[u8]) -> &[u8] {
    let stripped = key
        .strip_prefix(b"\"")
        .and_then(|key| key.strip_suffix(b"\""));
    stripped.unwrap_or(key)
}

/// How wide a text stands.
fn columns(text: &[u8]) -> usize {
    text.iter().fold(0, |at, byte| match byte {
        b'\t' => (at / TAB + 1) * TAB,
        _ => at + 1,
    })
}

/// A list, broken between its members when it is too long for one line. Every
/// further line begins with tabs, below the first member.
fn folded(value: &[u8], column: usize) -> Vec<u8> {
    if column + value.len() <= ALIAS_COLUMNS || value.contains(&b'"') {
        return value.to_vec();
    }
    let mut out: Vec<u8> = Vec::new();
    let mut at = column;
    let members: Vec<&[u8]> = value
        .split(|byte| *byte == b',')
        .map(|m| m.trim())
        .collect();
    for (place, member) in members.iter().enumerate() {
        if place > 0 {
            out.push(b',');
            if at + member.len() + 2 > ALIAS_COLUMNS {
                out.push(b'\n');
                out.extend(std::iter::repeat_n(b'\t', (column / TAB).max(1)));
                at = column;
            } else {
                out.push(b' ');
            }
        }
        out.extend_from_slice(member);
        at += member.len() + 2;
    }
    out
}
