//! The arguments of a `K` line: flags, file, and what follows.
//!
//! Every class that lives in a file reads the same flags; a few classes read
//! the line their own way and use only [`Common`]. A flag's value runs to the
//! next white space; unknown flags are reported and passed over, as the
//! reference does.

use bstr::{BString, ByteSlice};

use crate::base::{Diagnostic, Origin};

/// A map as the configuration defines it.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The map's name.
    pub name: BString,
    /// The class's name, such as `hash`.
    pub class: BString,
    /// Everything after the class, as written.
    pub arguments: BString,
    /// The line that defines it.
    pub origin: Origin,
}

/// Whether keys carry a trailing NUL byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nul {
    /// Try without, then with (neither `-N` nor `-O`).
    #[default]
    Both,
    /// `-N`: always.
    With,
    /// `-O`: never.
    Without,
    /// `-N` and `-O`: neither way is tried, and nothing is ever found.
    Neither,
}

/// The flags that every class has.
#[derive(Clone, Debug, Default)]
pub struct Common {
    /// `-a`: put after a value found.
    pub suffix: BString,
    /// `-T`: put after the key, as the value, when the map fails for now.
    pub suffix_tempfail: Option<BString>,
    /// `-f`: keep the case of the key.
    pub keep_case: bool,
    /// `-m`: the answer is the key itself.
    pub match_only: bool,
    /// `-q`: keep quotes in the key.
    pub keep_quotes: bool,
    /// `-S`: what stands for a space between tokens of the key.
    pub space: Option<u8>,
    /// `-t`: a temporary failure is *not found*.
    pub no_defer: bool,
    /// `-D`: don't look while DeliveryMode is `defer`.
    pub not_deferring: bool,
    /// `-o`: no complaint when the map is not there.
    pub optional: bool,
}

impl Common {
    /// The value `value` as this map gives it: `%0` to `%9` filled in from
    /// `arguments` (the first is the key), `%%` is `%`, and the suffix added.
    pub(crate) fn value(&self, value: &[u8], arguments: Option<&[&[u8]]>) -> BString {
        let mut out = Vec::with_capacity(value.len() + self.suffix.len());
        match arguments {
            None => out.extend_from_slice(value),
            Some(arguments) => interpolate(value, arguments, &mut out),
        }
        out.extend_from_slice(&self.suffix);
        out.into()
    }
}

/// `text` with `%0` to `%9` replaced.
pub(crate) fn interpolated(text: &[u8], arguments: &[&[u8]]) -> BString {
    let mut out = Vec::with_capacity(text.len());
    interpolate(text, arguments, &mut out);
    out.into()
}

/// Copies `value` to `out` with `%n` replaced; a number without an argument is
/// replaced by nothing, `%` before anything else stays.
fn interpolate(value: &[u8], arguments: &[&[u8]], out: &mut Vec<u8>) {
    let mut rest = value;
    while let Some(at) = memchr::memchr(b'%', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.first() {
            Some(b'%') => {
                out.push(b'%');
                rest = &rest[1..];
            }
            Some(digit @ b'0'..=b'9') => {
                let argument = arguments.get(usize::from(digit - b'0'));
                out.extend_from_slice(argument.copied().unwrap_or_default());
                rest = &rest[1..];
            }
            _ => out.push(b'%'),
        }
    }
    out.extend_from_slice(rest);
}

/// The flags and the rest of a line for a class that lives in a file.
#[derive(Clone, Debug, Default)]
pub struct KLine {
    /// The flags of every class.
    pub common: Common,
    /// `-N`, `-O`.
    pub nul: Nul,
    /// `-A`: join the values of equal keys with commas.
    pub append: bool,
    /// `-k`: the key's column or name.
    pub key_column: Option<BString>,
    /// `-v`: the value's column or name.
    pub value_column: Option<BString>,
    /// `-z`: what separates columns.
    pub delimiter: Option<u8>,
    /// The file: the first word that is no flag.
    pub file: BString,
    /// What follows the file.
    pub rest: BString,
    /// Flags that this class does not know, for the report.
    pub unknown: Vec<u8>,
}

impl KLine {
    /// Reads the arguments of a file class.
    pub fn parse(arguments: &[u8]) -> Self {
        Self::parse_onto(Common::default(), arguments, b"")
    }

    /// The same for a map that has flags already, and for a class that has
    /// flags of its own, each with a value: it reads them itself.
    pub(crate) fn parse_onto(common: Common, arguments: &[u8], own: &[u8]) -> Self {
        let mut line = KLine {
            common,
            ..KLine::default()
        };
        let rest = flags(arguments, |flag, value| {
            if own.contains(&flag) {
                Taken::AlsoNextWord
            } else {
                line.flag(flag, value)
            }
        });
        let end = rest.find_byteset(b" \t").unwrap_or(rest.len());
        line.file = rest[..end].into();
        line.rest = rest[end..].trim().into();
        line
    }

    /// Takes one flag in.
    fn flag(&mut self, flag: u8, value: &[u8]) -> Taken {
        match flag {
            b'N' if self.nul == Nul::Without => self.nul = Nul::Neither,
            b'N' => self.nul = Nul::With,
            b'O' if self.nul == Nul::With => self.nul = Nul::Neither,
            b'O' => self.nul = Nul::Without,
            b'A' => self.append = true,
            b'k' => {
                self.key_column = Some(value.into());
                return Taken::AlsoNextWord;
            }
            b'v' => {
                self.value_column = Some(value.into());
                return Taken::AlsoNextWord;
            }
            b'z' => self.delimiter = delimiter(value),
            // Known to some classes, and said nothing about by the others.
            b'd' => {}
            _ if self.common.flag(flag, value) => {}
            _ => self.unknown.push(flag),
        }
        Taken::ThisWord
    }

    /// What is to be said about the line: `Illegal option X map NAME`.
    pub(crate) fn report(&self, definition: &Definition, into: &mut Vec<Diagnostic>) {
        report_unknown(&self.unknown, definition, into);
    }
}

impl Common {
    /// Takes one flag that every class has; false when it is none of them.
    pub(crate) fn flag(&mut self, flag: u8, value: &[u8]) -> bool {
        match flag {
            b'a' => self.suffix = value.into(),
            b'T' => self.suffix_tempfail = Some(value.into()),
            b'f' => self.keep_case = true,
            b'm' => self.match_only = true,
            b'q' => self.keep_quotes = true,
            b'S' => self.space = value.first().copied(),
            b't' => self.no_defer = true,
            b'D' => self.not_deferring = true,
            b'o' => self.optional = true,
            _ => return false,
        }
        true
    }
}

/// How much of the line a flag took.
pub(crate) enum Taken {
    /// The word it stands in.
    ThisWord,
    /// When nothing followed the letter, the next word too is its value.
    AlsoNextWord,
}

/// Walks over the flags at the start of `text`, and gives what follows them.
///
/// A flag that may have its value in the next word is called again with it.
pub(crate) fn flags(text: &[u8], mut take: impl FnMut(u8, &[u8]) -> Taken) -> &[u8] {
    let mut rest = text.trim_start();
    while let Some(word) = rest.strip_prefix(b"-") {
        let end = word.find_byteset(b" \t").unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        rest = after.trim_start();
        // sendmail: a dash alone counts as the flag ` `.
        let (&flag, value) = word.split_first().unwrap_or((&b' ', b""));
        if let Taken::AlsoNextWord = take(flag, value)
            && value.is_empty()
        {
            let end = rest.find_byteset(b" \t").unwrap_or(rest.len());
            take(flag, &rest[..end]);
            rest = rest[end..].trim_start();
        }
    }
    rest
}

/// The byte that `-z` names: itself, or `\t`, `\n`, `\\` behind a backslash.
fn delimiter(value: &[u8]) -> Option<u8> {
    match value {
        [b'\\', b't', ..] => Some(b'\t'),
        [b'\\', b'n', ..] => Some(b'\n'),
        [b'\\', ..] => Some(b'\\'),
        [first, ..] => Some(*first),
        [] => None,
    }
}

/// The word at the start of `text`, with quotes around it taken off, and what
/// follows it.
pub(crate) fn quoted_word(text: &[u8]) -> (&[u8], &[u8]) {
    if let Some(quoted) = text.strip_prefix(b"\"") {
        return match quoted.find_byte(b'"') {
            Some(end) => (&quoted[..end], &quoted[end + 1..]),
            None => (quoted, b""),
        };
    }
    let end = text.find_byteset(b" \t").unwrap_or(text.len());
    text.split_at(end)
}

/// The number that `text` begins with, as atoi(3) reads it; 0 without one.
pub(crate) fn leading_number(text: &[u8]) -> i64 {
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let end = digits
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(digits.len());
    let number = digits[..end].to_str().unwrap_or_default();
    let number: i64 = number.parse().unwrap_or(0);
    if negative { -number } else { number }
}

/// One complaint for each flag that is unknown.
pub(crate) fn report_unknown(flags: &[u8], definition: &Definition, into: &mut Vec<Diagnostic>) {
    for flag in flags {
        into.push(Diagnostic::error(
            "map-unknown-flag",
            definition.origin.clone(),
            format!(
                "Illegal option {} map {}",
                char::from(*flag),
                definition.name
            ),
        ));
    }
}
