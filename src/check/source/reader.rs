//! Reads a `.mc` as m4 does, but expands nothing: which macros are called,
//! with which arguments, where each stands.
//!
//! Only calls on the outermost level are seen; what stands in the arguments of
//! `ifdef` and the like may never run. Quotes, `dnl` and comments mean what
//! they mean to m4, so that a place found here is the place m4 saw. When the
//! text changes the quotes, reading ends there.

use std::collections::HashSet;
use std::ops::Range;

use bstr::{BStr, BString, ByteSlice};

/// How deep quotes and calls may stand in one another.
const DEPTH_MAX: usize = 200;

/// How much of a line is looked at to see how it begins.
const LINE_BYTES_SEEN: usize = 4096;

/// A macro that is called, or a word that looks like a call of one.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Its name.
    pub(crate) name: BString,
    /// The bytes of the name.
    pub(crate) at: Range<usize>,
    /// Where the call ends: behind its parenthesis.
    pub(crate) end: usize,
    /// Its arguments; `None` when no parenthesis follows at once.
    pub(crate) args: Option<Vec<Arg>>,
    /// Whether something of this name is defined.
    pub(crate) known: bool,
    /// Whether its line begins with `#`.
    pub(crate) in_comment: bool,
}

/// One argument.
#[derive(Clone, Debug)]
pub(crate) struct Arg {
    /// Its bytes in the text, blanks before it left out.
    pub(crate) at: Range<usize>,
    /// Its text, one level of quotes taken off.
    pub(crate) text: BString,
    /// Whether it begins with an opening quote.
    pub(crate) quoted: bool,
    /// A closing quote in it that closes nothing.
    pub(crate) stray: Option<usize>,
    /// Whether a macro is called in it outside quotes, so that its text is
    /// not known here.
    pub(crate) expands: bool,
}

/// A word on the outermost level that is no call.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    /// Its bytes.
    pub(crate) at: Range<usize>,
    /// Whether it is the first thing on its line.
    pub(crate) first: bool,
    /// The call that ends before it on the same line, only blanks between.
    pub(crate) after: Option<usize>,
    /// Whether its line begins with `#`.
    pub(crate) in_comment: bool,
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Calls, in order.
    pub(crate) calls: Vec<Call>,
    /// Other words, in order.
    pub(crate) words: Vec<Word>,
    /// Other text right behind a call on its line: where it begins, and the
    /// call's index.
    pub(crate) tails: Vec<(usize, usize)>,
    /// A quote that is opened and never closed.
    pub(crate) open_quote: Option<usize>,
    /// A call whose parenthesis is never closed: its index.
    pub(crate) open_call: Option<usize>,
}

/// Reads `text`; `known` are the names of all macros. `comments` says whether
/// `#` begins a comment of m4's until the library is included.
pub(crate) fn read(text: &[u8], known: &HashSet<BString>, comments: bool) -> Reading {
    let mut reader = Reader {
        text,
        known,
        comments,
        at: 0,
        after: None,
        reading: Reading::default(),
    };
    reader.run();
    reader.reading
}

struct Reader<'a> {
    text: &'a [u8],
    known: &'a HashSet<BString>,
    comments: bool,
    at: usize,
    /// The call that has just ended on this line.
    after: Option<usize>,
    reading: Reading,
}

impl Reader<'_> {
    fn run(&mut self) {
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b'`' => {
                    let start = self.at;
                    self.tail(start);
                    match self.quoted(start) {
                        Some(end) => self.at = end,
                        None => {
                            self.reading.open_quote = Some(start);
                            return;
                        }
                    }
                }
                b'#' if self.comments => self.skip_line(false),
                b'\n' => {
                    self.after = None;
                    self.at += 1;
                }
                b' ' | b'\t' | b'\r' => self.at += 1,
                _ if is_word_start(byte) => {
                    if !self.word() {
                        return;
                    }
                }
                _ => {
                    self.tail(self.at);
                    self.at += 1;
                }
            }
        }
    }

    /// What stands before `at` on its line; of a line that is longer than any
    /// that people write, only the end.
    fn before(&self, at: usize) -> &[u8] {
        let from = at.saturating_sub(LINE_BYTES_SEEN);
        let text = &self.text[from..at];
        match text.rfind_byte(b'\n') {
            Some(end) => &text[end + 1..],
            None => text,
        }
    }

    /// Text that is no macro, behind a call.
    fn tail(&mut self, at: usize) {
        if let Some(call) = self.after.take() {
            self.reading.tails.push((at, call));
        }
    }

    /// A word of the outermost level; false when nothing after it can be
    /// understood.
    fn word(&mut self) -> bool {
        let at = self.word_at(self.at);
        let name = &self.text[at.clone()];
        let before = self.before(at.start);
        let in_comment = before.trim_start().starts_with(b"#");
        if name == b"dnl" {
            self.skip_line(true);
            self.after = None;
            return true;
        }
        if name == b"changequote" || name == b"changecom" {
            return false;
        }
        let known = self.known.contains(BStr::new(name));
        let paren = self.text.get(at.end) == Some(&b'(');
        if !known && !paren {
            let word = Word {
                first: before.trim().is_empty(),
                after: self.after,
                in_comment,
                at: at.clone(),
            };
            self.reading.words.push(word);
            if !self.may_be_dnl(&at) {
                self.tail(at.start);
            }
            self.after = None;
            self.at = at.end;
            return true;
        }
        let mut call = Call {
            name: name.into(),
            end: at.end,
            args: None,
            known,
            in_comment,
            at: at.clone(),
        };
        self.at = at.end;
        let index = self.reading.calls.len();
        if !known {
            // Plain text to m4: its parenthesis and quotes are only text.
            self.after = None;
            self.reading.calls.push(call);
            return true;
        }
        if paren {
            match self.arguments(at.end + 1, 0) {
                Ok((args, end)) => {
                    call.end = end;
                    call.args = Some(args);
                    self.at = end;
                }
                Err(open) => {
                    self.reading.open_quote = open;
                    if open.is_none() {
                        self.reading.open_call = Some(index);
                    }
                    self.reading.calls.push(call);
                    return false;
                }
            }
            if is_library(&call) {
                self.comments = false;
            }
        }
        let needs_args = !paren && NEEDS_ARGUMENTS.contains(&name);
        self.after = (!needs_args).then_some(index);
        self.reading.calls.push(call);
        true
    }

    /// Words that say `dnl` wrongly are told of as such.
    fn may_be_dnl(&self, at: &Range<usize>) -> bool {
        super::layout::is_nearly_dnl(&self.text[at.clone()])
    }

    /// The arguments of a call from behind its `(`, and where it ends.
    ///
    /// # Errors
    /// The end of the text comes first: within the quote opened here, or
    /// within the call.
    fn arguments(&self, start: usize, depth: usize) -> Result<(Vec<Arg>, usize), Option<usize>> {
        let mut args = Vec::new();
        let mut at = start;
        loop {
            while self.text.get(at).is_some_and(u8::is_ascii_whitespace) {
                at += 1;
            }
            let (arg, end) = self.argument(at, depth)?;
            args.push(arg);
            at = end + 1;
            if self.text.get(end) == Some(&b')') {
                return Ok((args, at));
            }
        }
    }

    /// One argument, and where its `,` or `)` stands.
    fn argument(&self, start: usize, depth: usize) -> Result<(Arg, usize), Option<usize>> {
        let mut arg = Arg {
            at: start..start,
            text: BString::default(),
            quoted: self.text.get(start) == Some(&b'`'),
            stray: None,
            expands: false,
        };
        let mut parens = 0_usize;
        let mut at = start;
        while let Some(&byte) = self.text.get(at) {
            match byte {
                b'`' => {
                    let end = self.quoted(at).ok_or(Some(at))?;
                    arg.text.extend_from_slice(&self.text[at + 1..end - 1]);
                    at = end;
                    continue;
                }
                b'\'' => {
                    arg.stray.get_or_insert(at);
                }
                b'(' => parens += 1,
                b')' if parens > 0 => parens -= 1,
                b')' => {
                    arg.at.end = at;
                    return Ok((arg, at));
                }
                b',' if parens == 0 => {
                    arg.at.end = at;
                    return Ok((arg, at));
                }
                _ if is_word_start(byte) => {
                    let word = self.word_at(at);
                    let name = &self.text[word.clone()];
                    if name == b"dnl" {
                        at = self.line_end(at);
                        continue;
                    }
                    let known = self.known.contains(BStr::new(name));
                    arg.expands |= known;
                    if known && self.text.get(word.end) == Some(&b'(') && depth < DEPTH_MAX {
                        at = self.arguments(word.end + 1, depth + 1)?.1;
                        continue;
                    }
                    arg.text.extend_from_slice(name);
                    at = word.end;
                    continue;
                }
                _ => {}
            }
            arg.text.push(byte);
            at += 1;
        }
        Err(None)
    }

    /// The end of a quoted text that opens at `at`, behind its closing quote.
    fn quoted(&self, at: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for (offset, byte) in self.text[at..].iter().enumerate() {
            match byte {
                b'`' => depth += 1,
                b'\'' => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(at + offset + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn word_at(&self, at: usize) -> Range<usize> {
        let length = self.text[at..]
            .iter()
            .take_while(|byte| is_word_start(**byte) || byte.is_ascii_digit())
            .count();
        at..at + length
    }

    /// Behind the line's end (`dnl`), or at it (a comment).
    fn skip_line(&mut self, with_end: bool) {
        let end = self.line_end(self.at);
        self.at = if with_end || end == self.text.len() {
            end
        } else {
            end - 1
        };
    }

    /// Behind the end of the line.
    fn line_end(&self, at: usize) -> usize {
        self.text[at..]
            .find_byte(b'\n')
            .map_or(self.text.len(), |end| at + end + 1)
    }
}

/// Names that mean nothing without a parenthesis right behind them.
pub(crate) const NEEDS_ARGUMENTS: &[&[u8]] = &[
    b"define",
    b"undefine",
    b"ifdef",
    b"ifelse",
    b"include",
    b"sinclude",
    b"FEATURE",
    b"MAILER",
    b"OSTYPE",
    b"DOMAIN",
    b"HACK",
    b"VERSIONID",
    b"MASQUERADE_AS",
    b"MASQUERADE_DOMAIN",
    b"MASQUERADE_EXCEPTION",
    b"EXPOSED_USER",
    b"LOCAL_DOMAIN",
    b"LOCAL_USER",
    b"RELAY_DOMAIN",
    b"VIRTUSER_DOMAIN",
    b"GENERICS_DOMAIN",
    b"DAEMON_OPTIONS",
    b"CLIENT_OPTIONS",
    b"INPUT_MAIL_FILTER",
    b"MAIL_FILTER",
    b"QUEUE_GROUP",
    b"TRUST_AUTH_MECH",
    b"MODIFY_MAILER_FLAGS",
];

fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

/// Whether a call includes the library.
fn is_library(call: &Call) -> bool {
    matches!(call.name.as_slice(), b"include" | b"sinclude")
        && call.args.as_ref().is_some_and(|args| {
            args.first()
                .is_some_and(|arg| arg.text.trim().ends_with(b"cf.m4"))
        })
}

/// Where the line of `at` begins.
pub(crate) fn line_start(text: &[u8], at: usize) -> usize {
    text[..at].rfind_byte(b'\n').map_or(0, |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> HashSet<BString> {
        let names = ["define", "FEATURE", "ifdef", "LOCAL_CONFIG"];
        names.iter().map(|name| BString::from(*name)).collect()
    }

    #[test]
    fn calls_are_seen_as_m4_sees_them() {
        let text = b"dnl define(`a', `b')\ndefine(`x', `y (`z'')dnl rest\n\
                     # FEATURE(one, `two, three', four(5, 6))\nfoo(`q')\n";
        let reading = read(text, &known(), false);
        let calls: Vec<_> = reading
            .calls
            .iter()
            .map(|call| {
                let args = call.args.iter().flatten();
                let args: Vec<String> = args.map(|arg| arg.text.to_string()).collect();
                (call.name.to_string(), args, call.in_comment, call.known)
            })
            .collect();
        let strings = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        assert_eq!(
            calls,
            [
                ("define".to_owned(), strings(&["x", "y (`z'"]), false, true),
                (
                    "FEATURE".to_owned(),
                    strings(&["one", "two, three", "four(5, 6)"]),
                    true,
                    true
                ),
                ("foo".to_owned(), strings(&[]), false, false),
            ]
        );
        // Before the library is included, `#` begins a comment.
        assert_eq!(read(text, &known(), true).calls.len(), 2);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_to_an_end(text in "[`'(), #\\na-c]{0,200}|(define\\(`?|'\\)|dnl|\\n|FEATURE|\\(){0,60}") {
            let reading = read(text.as_bytes(), &known(), text.len() % 2 == 0);
            for call in &reading.calls {
                assert!(call.at.end <= call.end && call.end <= text.len());
            }
        }
    }
}
