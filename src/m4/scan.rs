//! Tokens of more than one byte: words, quoted strings, comments, and the
//! rest of a line after `dnl`.
//!
//! Nearly always a token lies in one source and is taken as a slice of it.
//! When a source ends inside, the token goes on in the one below.

use super::input::Kind;
use super::message::{Weight, text};
use super::origin::Place;
use super::symbols::{Body, NameId, Symbols};
use super::syntax::{COMMENT, Syntax, WORD, WORD_START};
use super::{M4, Stop};

/// What follows a stretch of text that means only itself.
pub(super) enum Ahead {
    /// The source is used up.
    Nothing,
    /// A byte that may mean something.
    Byte(u8),
    /// A word of this length that is a macro's name.
    Name(NameId, usize),
    /// A word that may go on in the next source.
    LongWord,
}

/// How far the text means only itself, words included that are nobody's name.
pub(super) fn stretch(
    text: &[u8],
    classes: u8,
    only: bool,
    syntax: &Syntax,
    symbols: &Symbols,
) -> (usize, Ahead) {
    let mut at = 0;
    loop {
        at += syntax.plain(&text[at..], classes);
        let Some(byte) = text.get(at).copied() else {
            return (at, Ahead::Nothing);
        };
        let class = syntax.class(byte);
        if class & WORD_START == 0 || class & COMMENT != 0 {
            return (at, Ahead::Byte(byte));
        }
        let length = syntax.span(&text[at..], WORD);
        if at + length == text.len() && !only {
            return (at, Ahead::LongWord);
        }
        if let Some(name) = symbols.find(&text[at..at + length])
            && symbols.get(name).is_some()
        {
            return (at, Ahead::Name(name, length));
        }
        at += length;
    }
}

impl M4<'_> {
    /// Takes a word: the beginning of a macro call, or text.
    pub(super) fn take_word(&mut self) -> Result<(), Stop> {
        let only = self.input.sources.len() == 1;
        let Some(source) = self.input.sources.last() else {
            return Ok(());
        };
        let rest = source.rest();
        let length = self.syntax.span(rest, WORD);
        if length == rest.len() && !only {
            return self.take_long_word();
        }
        match self.symbols.find(&rest[..length]) {
            Some(name) => self.take_name(name, length),
            None => self.take_in(length),
        }
    }

    /// Takes a word of this length that is a name.
    pub(super) fn take_name(&mut self, name: NameId, length: usize) -> Result<(), Stop> {
        if self.frames.is_empty() {
            self.begin_token();
        }
        let Some(source) = self.input.sources.last_mut() else {
            return Ok(());
        };
        let Some(definition) = self.symbols.get(name) else {
            return self.take_in(length);
        };
        let body = definition.body.clone();
        let record = definition.record;
        let place = source.place_of(source.at);
        source.at += length;
        let called = self.next_opens();
        if !called && self.is_blind(&body) {
            source_back(self, length);
            return self.take_in(length);
        }
        self.note_read(record);
        self.begin_call(name, body, place, called)
    }

    /// Takes a word that may go on in the next source.
    pub(super) fn take_long_word(&mut self) -> Result<(), Stop> {
        if self.frames.is_empty() {
            self.begin_token();
        }
        let place = self.top_place();
        let mut word = std::mem::take(&mut self.token);
        word.clear();
        while let Some(source) = self.input.sources.last_mut() {
            if matches!(source.kind, Kind::Builtin(..)) && !source.is_used_up() {
                break;
            }
            let rest = source.rest();
            let length = self.syntax.span(rest, WORD);
            word.extend_from_slice(&rest[..length]);
            let all = length == rest.len();
            source.at += length;
            if !all || !self.next_is_word() {
                break;
            }
            self.pop_source()?;
        }
        let place = Place {
            file: match self.input.sources.last().map(|source| &source.kind) {
                Some(Kind::File { file, .. }) => *file,
                _ => place.file,
            },
            line: place.line,
        };
        let result = self.end_long_word(&word, place);
        self.token = word;
        result
    }

    fn end_long_word(&mut self, word: &[u8], place: Place) -> Result<(), Stop> {
        let name = self.symbols.find(word);
        let definition = name.and_then(|name| Some((name, self.symbols.get(name)?.clone())));
        let Some((name, definition)) = definition else {
            return self.take_in_text(word, place);
        };
        let called = self.next_opens();
        if !called && self.is_blind(&definition.body) {
            return self.take_in_text(word, place);
        }
        self.note_read(definition.record);
        self.begin_call(name, definition.body, place, called)
    }

    /// Whether a word goes on in the sources below.
    fn next_is_word(&self) -> bool {
        self.input
            .peek()
            .is_some_and(|(_, byte)| self.syntax.class(byte) & WORD != 0)
    }

    /// Whether an opening parenthesis follows, and is one.
    fn next_opens(&mut self) -> bool {
        while self.input.sources.len() > 1
            && self
                .input
                .sources
                .last()
                .is_some_and(|top| top.is_used_up() && !matches!(top.kind, Kind::File { .. }))
        {
            self.input.pop();
        }
        match self.input.peek() {
            Some((_, b'(')) => {
                let syntax = &self.syntax;
                let hidden = [&syntax.comment_open, &syntax.quote_open]
                    .into_iter()
                    .any(|open| open.first() == Some(&b'(') && self.input.goes_on_with(open));
                !hidden
            }
            _ => false,
        }
    }

    /// Whether a name with this meaning is a macro only when a parenthesis
    /// follows.
    fn is_blind(&self, body: &Body) -> bool {
        match body {
            Body::Builtin(builtin) => builtin.is_blind(),
            Body::Text { .. } => false,
        }
    }

    /// The place of the next byte of the top source.
    pub(super) fn top_place(&mut self) -> Place {
        self.input
            .sources
            .last_mut()
            .map_or(Place::default(), |source| source.place_of(source.at))
    }

    /// The place of the byte of the top source that was read last.
    pub(super) fn last_place(&mut self) -> Place {
        self.input
            .sources
            .last_mut()
            .map_or(Place::default(), |source| {
                source.place_of(source.at.saturating_sub(1))
            })
    }

    /// Takes a comment in, delimiters and all.
    pub(super) fn take_comment(&mut self) -> Result<(), Stop> {
        if self.frames.is_empty() {
            self.begin_token();
        } else if let Some(frame) = self.frames.last_mut() {
            frame.blank = false;
        }
        let close = &self.syntax.comment_close;
        let open = self.syntax.comment_open.len();
        if let Some(source) = self.input.sources.last() {
            let rest = source.rest();
            if let Some(body) = rest.get(open..)
                && let Some(end) = find(body, close)
            {
                let length = open + end + close.len();
                return self.take_in_token(length);
            }
        }
        self.take_long_comment()
    }

    fn take_long_comment(&mut self) -> Result<(), Stop> {
        let place = self.top_place();
        let close = self.syntax.comment_close.clone();
        let mut comment = Vec::new();
        for _ in 0..self.syntax.comment_open.len() {
            comment.extend(self.read_byte()?);
        }
        loop {
            if self.input.goes_on_with(&close) {
                for _ in 0..close.len() {
                    comment.extend(self.read_byte()?);
                }
                return self.take_in_text(&comment, place);
            }
            match self.read_byte()? {
                Some(byte) => comment.push(byte),
                None => {
                    let message = b"ERROR: end of file in comment".to_vec();
                    return self.say_at(Weight::Fatal, place, message);
                }
            }
        }
    }

    /// Takes a quoted string in, without its outermost quotes.
    pub(super) fn take_quoted(&mut self) -> Result<(), Stop> {
        if self.frames.is_empty() {
            self.begin_token();
        } else if let Some(frame) = self.frames.last_mut() {
            frame.blank = false;
        }
        let open = &self.syntax.quote_open;
        let close = &self.syntax.quote_close;
        if let Some(source) = self.input.sources.last_mut()
            && let Some(body) = source.rest().get(open.len()..)
            && let Some(length) = quoted_length(body, open, close)
        {
            let closing = close.len();
            source.at += open.len();
            self.take_in_token(length)?;
            // Nothing was pushed meanwhile: the same source is on top.
            if let Some(source) = self.input.sources.last_mut() {
                source.at += closing;
            }
            return Ok(());
        }
        self.take_long_quoted()
    }

    fn take_long_quoted(&mut self) -> Result<(), Stop> {
        let place = self.top_place();
        let open = self.syntax.quote_open.clone();
        let close = self.syntax.quote_close.clone();
        for _ in 0..open.len() {
            self.read_byte()?;
        }
        let mut string = Vec::new();
        let mut level = 1u32;
        loop {
            let delimiter = if self.input.goes_on_with(&close) {
                level -= 1;
                &close
            } else if self.input.goes_on_with(&open) {
                level += 1;
                &open
            } else {
                match self.read_byte()? {
                    Some(byte) => string.push(byte),
                    None => {
                        let message = b"ERROR: end of file in string".to_vec();
                        return self.say_at(Weight::Fatal, place, message);
                    }
                }
                continue;
            };
            for _ in 0..delimiter.len() {
                self.read_byte()?;
            }
            if level == 0 {
                return self.take_in_text(&string, place);
            }
            string.extend_from_slice(delimiter);
        }
    }

    /// Takes in one token of the top source; unlike plain text it is one
    /// piece for `#line` directives.
    fn take_in_token(&mut self, length: usize) -> Result<(), Stop> {
        if !self.settings.synclines || !self.frames.is_empty() {
            return self.take_in(length);
        }
        let place = self.top_place();
        if let Some(source) = self.input.sources.last_mut() {
            let end = (source.at + length).min(source.text.bytes().len());
            let text = &source.text.bytes()[source.at..end];
            self.output.write_synced(text, place, &self.files);
            source.at = end;
        }
        self.check_output()
    }

    /// Reads one byte, from whatever source has it.
    pub(super) fn read_byte(&mut self) -> Result<Option<u8>, Stop> {
        loop {
            let Some(source) = self.input.sources.last_mut() else {
                return Ok(None);
            };
            if let Some(byte) = source.rest().first().copied() {
                source.at += 1;
                return Ok(Some(byte));
            }
            if matches!(source.kind, Kind::Builtin(..)) && !source.is_used_up() {
                // A builtin as a value has no bytes.
                source.at = 1;
            }
            self.pop_source()?;
        }
    }

    /// Throws the rest of the line away, for `dnl`.
    pub(super) fn skip_line(&mut self) -> Result<(), Stop> {
        loop {
            let Some(source) = self.input.sources.last_mut() else {
                let warned = self.warn(text!("end of file treated as newline"));
                // Nothing is read any more: a trace names no place.
                self.here = Place::default();
                return warned;
            };
            let rest = source.rest();
            if let Some(newline) = memchr::memchr(b'\n', rest) {
                source.at += newline + 1;
                return Ok(());
            }
            source.at = source.text.bytes().len().max(1);
            self.pop_source()?;
        }
    }
}

/// Unreads the word that was just read from the top source, unless that is
/// gone: then it stays read.
fn source_back(m4: &mut M4<'_>, length: usize) {
    if let Some(source) = m4.input.sources.last_mut() {
        source.at -= length;
    }
}

/// Where `needle` (not empty) first is.
fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    match needle {
        [] => Some(0),
        [byte] => memchr::memchr(*byte, text),
        _ => memchr::memmem::find(text, needle),
    }
}

/// Where one of two bytes first is: mostly near.
fn find_either(one: u8, other: u8, text: &[u8]) -> Option<usize> {
    let (near, far) = text.split_at(text.len().min(16));
    let found = near.iter().position(|byte| *byte == one || *byte == other);
    found.or_else(|| Some(near.len() + memchr::memchr2(one, other, far)?))
}

/// The length of a quoted string whose opening quote is gone, up to the
/// closing one; nothing when it does not end here.
fn quoted_length(text: &[u8], open: &[u8], close: &[u8]) -> Option<usize> {
    let (&first_open, &first_close) = (open.first()?, close.first()?);
    let simple = open.len() == 1 && close.len() == 1;
    let mut level = 1u32;
    let mut at = 0;
    loop {
        at += find_either(first_open, first_close, text.get(at..)?)?;
        let rest = &text[at..];
        if rest[0] == first_close && (simple || rest.starts_with(close)) {
            level -= 1;
            if level == 0 {
                return Some(at);
            }
            at += close.len();
        } else if rest[0] == first_open && (simple || rest.starts_with(open)) {
            level += 1;
            at += open.len();
        } else {
            // A delimiter that the end of the text may have cut off: only
            // the slow way can tell.
            if rest.len() < open.len().max(close.len()) {
                return None;
            }
            at += 1;
        }
    }
}
