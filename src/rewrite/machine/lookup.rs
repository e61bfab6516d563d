//! The maps of a right side: which is asked what, and what its answer makes
//! of the right side.

use bstr::{BStr, BString, ByteSlice};
use smallvec::SmallVec;

use super::{Answer, Machine, Status};
use crate::base::limits::{
    LOOKUP_BYTES_MAX, MAP_ARGUMENTS_MAX, RULE_RUN_BYTES_MAX, WORKSPACE_TOKENS_MAX,
};
use crate::rewrite::program::Program;
use crate::rewrite::symbol::{Fold, Token, meta};
use crate::rewrite::trace::{Event, Trace};
use crate::rewrite::view::View;
use crate::rewrite::workspace::unquoted;

/// A lookup that waits for its answer: places in the right side's tokens.
#[derive(Clone, Default)]
pub(super) struct Pending {
    /// The whole lookup, brackets included.
    pub(super) begin: usize,
    end: usize,
    /// The key as it stands, and as much of it as is looked up.
    whole: (usize, usize),
    key: (usize, usize),
    default: Option<(usize, usize)>,
    arguments: SmallVec<[(usize, usize); 4]>,
    /// The token of the map's name; `None` for `host`.
    map: Option<Token>,
}

/// A question to a map.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The name of the map; `host` for `$[ … $]`.
    pub map: &'a BStr,
    word: Option<usize>,
    /// The key.
    pub key: View<'a>,
    out: View<'a>,
    arguments: &'a [(usize, usize)],
}

impl<'a> Query<'a> {
    /// The number of the map's name among the words of the program
    /// ([`Program::words`](super::Program::words)), which is quicker to find
    /// the map by; `None` for `$[ … $]`. A name that the program does not
    /// mention has a number beyond them.
    pub fn word(&self) -> Option<usize> {
        self.word
    }

    /// The key as text: `space` between words that meet (that of option
    /// BlankSub when none is given), and without quotes unless they are kept
    /// (the map's flags `-S` and `-q`).
    pub fn key_text(&self, space: Option<u8>, keep_quotes: bool) -> BString {
        let text = match space {
            Some(space) => self.key.text_with(space),
            None => self.key.text(),
        };
        if keep_quotes || text.find_byteset(b"\"\\").is_none() {
            return text;
        }
        unquoted(&text)
    }

    /// The arguments after `$@`, without those beyond the tenth.
    pub fn arguments(&self) -> impl Iterator<Item = BString> + use<'a> {
        let out = self.out;
        self.arguments.iter().map(move |&(from, to)| {
            View {
                tokens: &out.tokens[from..to],
                ..out
            }
            .text()
        })
    }
}

impl<T: Trace> Machine<'_, T> {
    /// The question that `Step::Lookup` stands for.
    pub fn query(&self) -> Query<'_> {
        let out: &[Token] = self.frames.last().map_or(&[], |frame| &frame.out);
        let (from, to) = self.pending.key;
        Query {
            map: self.map_name(self.pending.map),
            word: self.pending.map.map(|token| token.fold.number()),
            key: self.view(out.get(from..to).unwrap_or_default()),
            out: self.view(out),
            arguments: &self.pending.arguments,
        }
    }

    /// Finds the next lookup of the right side and makes it the question;
    /// false when there is none.
    pub(super) fn next_lookup(&mut self) -> bool {
        let Some(frame) = self.frames.last_mut() else {
            return false;
        };
        let out = &frame.out;
        let from = self.pending.begin.min(out.len());
        let Some(begin) = out[from..]
            .iter()
            .position(|token| token.is(meta::HOST_BEGIN) || token.is(meta::LOOKUP_BEGIN))
            .map(|at| from + at)
        else {
            return false;
        };
        let mut pending = Pending {
            begin,
            ..Pending::default()
        };
        let (name, end_token, mut at) = if out[begin].is(meta::HOST_BEGIN) {
            (None, meta::HOST_END, begin + 1)
        } else {
            (out.get(begin + 1).copied(), meta::LOOKUP_END, begin + 2)
        };
        at = at.min(out.len());
        pending.read(out, at, end_token);
        pending.whole = pending.key;
        for range in pending.ranges() {
            *range = fitting(self.program, &self.bytes, out, *range);
        }
        let view = View {
            program: self.program,
            bytes: &self.bytes,
            tokens: &[],
        };
        pending.map = name;
        if T::ON {
            let (from, to) = pending.key;
            let key = View {
                tokens: &frame.out[from..to],
                ..view
            };
            let event = Event::Lookup {
                map: name.map_or(BStr::new("host"), |token| view.one(token)),
                key,
            };
            self.trace.event(self.program, event);
        }
        self.pending = pending;
        true
    }

    /// Goes on with what a map answered.
    pub fn answer(&mut self, answer: Answer) {
        let pending = std::mem::take(&mut self.pending);
        self.tell_answer(&pending, &answer);
        let found = match answer {
            Answer::Found(value) => Some(value),
            Answer::NotFound => None,
            Answer::FoundForNow(value) => {
                self.temporary();
                Some(value)
            }
            Answer::TempFail => {
                self.temporary();
                None
            }
            Answer::NoSuchMap => {
                let message = format!("rewrite: map {} not found", self.map_name(pending.map));
                self.fault(&message);
                None
            }
        };
        // Without an answer the default takes its place, without a default the
        // key; a default that would be cut up as it stands need not be.
        let kept = match (&found, pending.default) {
            (None, Some(range)) if self.is_plain(range) => Some(range),
            (None, None) => Some(pending.whole),
            _ => None,
        };
        let default = pending
            .default
            .filter(|_| kept.is_none() && found.is_none());
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let mut out = std::mem::take(&mut frame.out);
        let tail = self.take_spare_from(&out[pending.end..]);
        let sound = match (kept, default) {
            (Some((from, to)), _) => {
                out.copy_within(from..to, pending.begin);
                out.truncate(pending.begin + (to - from));
                true
            }
            (None, Some((from, to))) => {
                let tokens = self.take_spare_from(&out[from..to]);
                out.truncate(pending.begin);
                let sound = self.scan_anew(&tokens, &mut out);
                self.recycle(tokens);
                sound
            }
            (None, None) => {
                out.truncate(pending.begin);
                self.scan_into(&found.unwrap_or_default(), &mut out)
            }
        };
        if !sound {
            self.recycle(tail);
            self.recycle(out);
            self.abort_empty();
            return;
        }
        let resume = out.len();
        out.extend_from_slice(&tail);
        self.recycle(tail);
        let long = out.len() > WORKSPACE_TOKENS_MAX || self.bytes.len() > RULE_RUN_BYTES_MAX;
        if let Some(frame) = self.frames.last_mut() {
            frame.out = out;
        }
        self.pending.begin = resume;
        if long {
            self.too_long();
        }
    }

    /// Joins tokens to text and cuts it up again; operators stay what they
    /// are. False when nothing can be made of a part.
    fn scan_anew(&mut self, tokens: &[Token], out: &mut Vec<Token>) -> bool {
        let mut rest = tokens;
        loop {
            let end = rest.iter().position(|token| token.is_operator());
            let text = self.view(&rest[..end.unwrap_or(rest.len())]).text();
            if !self.scan_into(&text, out) {
                return false;
            }
            let Some(end) = end else { return true };
            out.push(rest[end]);
            rest = &rest[end + 1..];
        }
    }

    /// Whether tokens joined to text and cut up again are the same: words and
    /// single operators, no two words side by side.
    fn is_plain(&self, (from, to): (usize, usize)) -> bool {
        let mut after_atom = false;
        self.out_view(from, to).tokens.iter().all(|token| {
            let text = self.view(&[]).one(*token);
            let first = text.first().copied().unwrap_or(b'"');
            let atom = self.program.table.is_atom(first);
            let apart = !(atom && after_atom);
            after_atom = atom;
            apart && !token.is_operator() && !b"\"()<>\\".contains(&first) && !text.contains(&b'\\')
        })
    }

    fn temporary(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.status = Status::TempFail;
        }
    }

    fn tell_answer(&mut self, pending: &Pending, answer: &Answer) {
        if T::ON {
            let view = View {
                program: self.program,
                bytes: &self.bytes,
                tokens: &[],
            };
            let event = Event::Answer {
                map: pending
                    .map
                    .map_or(BStr::new("host"), |token| view.one(token)),
                value: match answer {
                    Answer::Found(value) | Answer::FoundForNow(value) => Some(value.as_bstr()),
                    Answer::NotFound | Answer::TempFail | Answer::NoSuchMap => None,
                },
                temporary: matches!(answer, Answer::TempFail | Answer::FoundForNow(_)),
            };
            self.trace.event(self.program, event);
        }
    }

    /// The name of a map; `host` without a token.
    fn map_name(&self, name: Option<Token>) -> &BStr {
        name.map_or(BStr::new("host"), |token| self.view(&[]).one(token))
    }

    fn out_view(&self, from: usize, to: usize) -> View<'_> {
        let out: &[Token] = self.frames.last().map_or(&[], |frame| &frame.out);
        self.view(out.get(from..to).unwrap_or_default())
    }
}

/// The tokens of a range whose text is short enough to be looked up.
// sendmail: what does not fit its buffer is left out without a word.
fn fitting(
    program: &Program,
    bytes: &[u8],
    out: &[Token],
    (from, to): (usize, usize),
) -> (usize, usize) {
    let mut length = 0;
    let mut after_atom = false;
    for (at, token) in out.iter().enumerate().take(to).skip(from) {
        let text = program.symbols.text(*token, bytes);
        let first = text.first().copied().unwrap_or(b'"');
        let atom = !token.is_operator() && program.table.is_atom(first);
        let own = if token.is_operator() { 1 } else { text.len() };
        length += own + usize::from(atom && after_atom);
        after_atom = atom;
        if length > LOOKUP_BYTES_MAX {
            return (from, at);
        }
    }
    (from, to)
}

impl Pending {
    /// Reads key, arguments and default of a lookup from `at` on.
    fn read(&mut self, out: &[Token], at: usize, end_token: Fold) {
        let mut start = at;
        let mut part = None;
        let mut place = at;
        while let Some(token) = out.get(place) {
            if token.is(end_token) {
                break;
            }
            if token.is(meta::HOST) || token.is(meta::USER) {
                self.close(part, (start, place));
                part = Some(token.fold);
                start = place + 1;
            }
            place += 1;
        }
        self.close(part, (start, place));
        self.end = (place + 1).min(out.len());
    }

    /// Key, default and arguments.
    fn ranges(&mut self) -> impl Iterator<Item = &mut (usize, usize)> {
        let arguments = self.arguments.iter_mut();
        std::iter::once(&mut self.key)
            .chain(&mut self.default)
            .chain(arguments)
    }

    fn close(&mut self, part: Option<Fold>, range: (usize, usize)) {
        match part {
            None => self.key = range,
            Some(meta::USER) => self.default = Some(range),
            Some(_) if self.arguments.len() < MAP_ARGUMENTS_MAX => self.arguments.push(range),
            Some(_) => {}
        }
    }
}
