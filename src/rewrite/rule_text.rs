//! One side of a rule as parts: macros expanded, operators recognised.

use bstr::{BStr, BString, ByteSlice};

use super::chars::CharTable;
use super::expand::is_set;
use super::macros::{MacroTable, Value};
use super::scan::{Style, scan};
use super::symbol::{Fold, meta};
use crate::base::limits::{EXPANSION_BYTES_MAX, MACRO_DEPTH_MAX};
use crate::cf::macro_name;

/// One part of a side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A word, an operator character or a quoted string.
    Word(BString),
    /// `$*`
    ZeroOrMore,
    /// `$+`
    OneOrMore,
    /// `$-`
    One,
    /// `$=x`
    In(BString),
    /// `$~x`
    NotIn(BString),
    /// `$&x`
    Macro(BString),
    /// `$0` to `$9`
    Argument(u8),
    /// One of [`meta`].
    Operator(Fold),
}

impl Part {
    /// It as it is written.
    pub(super) fn text(&self) -> BString {
        let named = |before: &str, name: &BStr| -> BString {
            if name.len() == 1 {
                format!("{before}{name}").into()
            } else {
                format!("{before}{{{name}}}").into()
            }
        };
        match self {
            Part::Word(text) => text.clone(),
            Part::ZeroOrMore => "$*".into(),
            Part::OneOrMore => "$+".into(),
            Part::One => "$-".into(),
            Part::In(name) => named("$=", name.as_bstr()),
            Part::NotIn(name) => named("$~", name.as_bstr()),
            Part::Macro(name) => named("$&", name.as_bstr()),
            Part::Argument(number) => format!("${number}").into(),
            Part::Operator(fold) => meta::TEXTS[fold.number()].into(),
        }
    }
}

/// The parts of one side of a rule.
pub(super) fn parts(
    text: &[u8],
    macros: &MacroTable,
    table: &CharTable,
    comments: bool,
) -> Vec<Part> {
    let mut cutter = Cutter {
        macros,
        table,
        comments,
        pending: Vec::with_capacity(text.len()),
        cut: Vec::with_capacity(text.len()),
        // Every part is a byte at least, most are two.
        parts: Vec::with_capacity(text.len() / 2 + 1),
        length: 0,
    };
    cutter.expand(text, 0);
    cutter.flush();
    cutter.parts
}

struct Cutter<'a> {
    macros: &'a MacroTable,
    table: &'a CharTable,
    comments: bool,
    /// Text since the last operator.
    pending: Vec<u8>,
    /// The bytes of words, while they are cut.
    cut: Vec<u8>,
    parts: Vec<Part>,
    /// Bytes expanded so far.
    length: usize,
}

impl Cutter<'_> {
    fn expand(&mut self, text: &[u8], depth: usize) {
        // For each open `$?`: is this branch left out, and all of it?
        let mut branches: Vec<(bool, bool)> = Vec::new();
        let mut rest = text;
        while let Some(&byte) = rest.first() {
            let skip = branches.last().is_some_and(|branch| branch.0);
            self.length += 1;
            if self.length > EXPANSION_BYTES_MAX {
                return;
            }
            if byte != b'$' || rest.len() == 1 {
                let end = memchr::memchr(b'$', &rest[1..]).map_or(rest.len(), |end| end + 1);
                self.length += end - 1;
                if !skip {
                    self.pending.extend_from_slice(&rest[..end]);
                }
                rest = &rest[end..];
                continue;
            }
            let code = rest[1];
            rest = &rest[2..];
            match code {
                b'$' if !skip => self.pending.push(b'$'),
                b'$' => {}
                b'?' => {
                    let Some((name, taken)) = macro_name::split(rest) else {
                        return;
                    };
                    let holds = is_set(name, self.macros);
                    branches.push((skip || !holds, skip));
                    rest = &rest[taken..];
                }
                b'|' if !branches.is_empty() => {
                    if let Some(branch) = branches.last_mut() {
                        branch.0 = branch.1 || !branch.0;
                    }
                }
                b'.' if !branches.is_empty() => {
                    branches.pop();
                }
                _ => {
                    let taken = self.item(code, rest, skip, depth);
                    rest = &rest[taken..];
                }
            }
        }
    }

    /// Takes in what follows a dollar sign; gives how many bytes after `code`
    /// belong to it.
    fn item(&mut self, code: u8, rest: &[u8], skip: bool, depth: usize) -> usize {
        let operator = match code {
            b'#' => meta::NET,
            b'@' => meta::HOST,
            b':' => meta::USER,
            b'>' => meta::CALL,
            b'[' => meta::HOST_BEGIN,
            b']' => meta::HOST_END,
            b'(' => meta::LOOKUP_BEGIN,
            b')' => meta::LOOKUP_END,
            b'|' => meta::PIPE,
            _ => return self.named(code, rest, skip, depth),
        };
        if !skip {
            self.put(Part::Operator(operator));
        }
        0
    }

    fn named(&mut self, code: u8, rest: &[u8], skip: bool, depth: usize) -> usize {
        let part = match code {
            b'*' => Part::ZeroOrMore,
            b'+' => Part::OneOrMore,
            b'-' => Part::One,
            b'0'..=b'9' => Part::Argument(code - b'0'),
            b'=' | b'~' | b'&' => {
                let Some((name, taken)) = macro_name::split(rest) else {
                    return 0;
                };
                if !skip {
                    self.put(match code {
                        b'=' => Part::In(name.into()),
                        b'~' => Part::NotIn(name.into()),
                        _ => Part::Macro(name.into()),
                    });
                }
                return taken;
            }
            b'{' => {
                let Some(end) = memchr::memchr(b'}', rest) else {
                    return 0;
                };
                if !skip {
                    self.value(&rest[..end], depth);
                }
                return end + 1;
            }
            _ => {
                if !skip {
                    self.value(&[code], depth);
                }
                return 0;
            }
        };
        if !skip {
            self.put(part);
        }
        0
    }

    fn value(&mut self, name: &[u8], depth: usize) {
        match self.macros.get(name) {
            Some(Value::Literal(text)) => {
                self.length += text.len();
                self.pending.extend_from_slice(text);
            }
            Some(Value::Template(text)) if depth < MACRO_DEPTH_MAX => {
                let text = text.clone();
                self.expand(&text, depth + 1);
            }
            _ => {}
        }
    }

    fn put(&mut self, part: Part) {
        if self.in_quotes() {
            // Within quotes nothing is an operator.
            let text = part.text();
            self.pending.extend_from_slice(&text);
            return;
        }
        self.flush();
        self.parts.push(part);
    }

    fn in_quotes(&self) -> bool {
        if memchr::memchr(b'"', &self.pending).is_none() {
            return false;
        }
        let mut quoted = false;
        let mut escaped = false;
        for &byte in &self.pending {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = !quoted,
                _ => {}
            }
        }
        quoted
    }

    fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let style = Style {
            table: self.table,
            delimiter: None,
            comments: self.comments,
            quoting: false,
            lenient: true,
        };
        let parts = &mut self.parts;
        self.cut.clear();
        scan(&self.pending, style, &mut self.cut, |bytes, start| {
            parts.push(Part::Word(bytes[start..].as_bstr().to_owned()));
        });
        self.pending.clear();
    }
}
