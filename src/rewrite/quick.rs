//! Matches a left side quickly, telling nobody: the same answers as the
//! [`Matcher`](super::matcher::Matcher) that can be watched.
//!
//! A wildcard before a word goes to the next such word at once. When a `$*` or
//! `$+` can go no further, no earlier one needs to be asked again: it could
//! only lead to a place that has been tried already (as long as no phrase
//! `$=x`, whose length depends on where it begins, stands before it).

use super::class::Class;
use super::macros::MacroTable;
use super::matcher::{Binding, Bindings};
use super::program::{Head, Pattern, Program};
use super::scan::{Style, scan};
use super::symbol::{Fold, Symbols, Token};
use crate::base::limits::{CLASS_FILTER_WORDS_MAX, MATCH_STEPS_PLAIN};

/// One part of a left side, ready to be matched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quick {
    kind: Kind,
    /// When this wildcard can go no further, nothing can.
    sure: bool,
    /// A wildcard before a word.
    to_word: bool,
    /// Least number of tokens that the parts after this one take.
    rest: u16,
    /// Word: its number; class or macro: its index.
    argument: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    /// `$*` and `$+`
    Any(u8),
    One,
    Nothing,
    In,
    NotIn,
    Macro,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Yes,
    No,
    /// Too many steps: the slow matcher, which notes what failed, must say.
    Hard,
}

/// The parts of a left side.
pub(super) fn prepare(patterns: &[Pattern]) -> Vec<Quick> {
    let mut rest = 0_u16;
    let mut parts: Vec<Quick> = patterns
        .iter()
        .rev()
        .map(|pattern| {
            let (kind, argument, least) = match pattern {
                Pattern::Word(token) => (Kind::Word, token.fold.0, 1),
                Pattern::ZeroOrMore => (Kind::Any(0), 0, 0),
                Pattern::OneOrMore => (Kind::Any(1), 0, 1),
                Pattern::One => (Kind::One, 0, 1),
                Pattern::Nothing => (Kind::Nothing, 0, 0),
                Pattern::In(class) => (Kind::In, *class, 1),
                Pattern::NotIn(class) => (Kind::NotIn, *class, 1),
                Pattern::Macro(name) => (Kind::Macro, *name, 0),
                // No token is this word.
                Pattern::Argument(_) => (Kind::Word, Head::ANY, 1),
            };
            let part = Quick {
                kind,
                sure: true,
                to_word: false,
                rest,
                argument,
            };
            rest = rest.saturating_add(least);
            part
        })
        .collect();
    parts.reverse();
    for at in 1..parts.len() {
        parts[at - 1].to_word =
            matches!(parts[at - 1].kind, Kind::Any(_)) && parts[at].kind == Kind::Word;
    }
    let mut sure = true;
    for part in &mut parts {
        part.sure = sure;
        sure &= !matches!(part.kind, Kind::In | Kind::Macro);
    }
    parts
}

/// A workspace as the matcher sees it.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) program: &'a Program,
    pub(super) tokens: &'a [Token],
    pub(super) bytes: &'a [u8],
    pub(super) macros: &'a MacroTable,
}

impl Text<'_> {
    /// Whether a left side matches; fills in what its wildcards stand for.
    pub(super) fn matches(&self, parts: &[Quick], bindings: &mut Bindings) -> Found {
        bindings.clear();
        let mut place = Some((0, 0));
        for _ in 0..MATCH_STEPS_PLAIN {
            let Some((part, token)) = place else {
                return Found::No;
            };
            match self.forward(parts, part, token, bindings) {
                Forward::Matches => return Found::Yes,
                Forward::Never => return Found::No,
                Forward::Fails => place = self.back(parts, bindings),
            }
        }
        Found::Hard
    }

    /// Goes on as far as the parts match.
    fn forward(
        &self,
        parts: &[Quick],
        mut part: usize,
        mut token: usize,
        bindings: &mut Bindings,
    ) -> Forward {
        while let Some(now) = parts.get(part) {
            let end = match now.kind {
                Kind::Word => {
                    if !self.is_word(token, now.argument) {
                        return Forward::Fails;
                    }
                    part += 1;
                    token += 1;
                    continue;
                }
                Kind::Any(least) => {
                    let Some(end) = self.reach(parts, part, token + usize::from(least)) else {
                        return now.exhausted();
                    };
                    Some(end)
                }
                Kind::One => (token < self.tokens.len()).then_some(token + 1),
                Kind::Nothing => {
                    part += 1;
                    continue;
                }
                Kind::In => self.phrase(now.argument, token, token),
                Kind::NotIn => self.not_in(now.argument, token).then_some(token + 1),
                Kind::Macro => {
                    let Some(end) = self.value(now.argument, token) else {
                        return Forward::Fails;
                    };
                    part += 1;
                    token = end;
                    continue;
                }
            };
            let Some(end) = end else {
                return Forward::Fails;
            };
            bindings.push(Binding {
                pattern: part,
                first: token,
                end,
            });
            (part, token) = now.after(part, end);
        }
        if token == self.tokens.len() {
            Forward::Matches
        } else {
            Forward::Fails
        }
    }

    /// Lengthens the last wildcard that can be; gives where to go on.
    fn back(&self, parts: &[Quick], bindings: &mut Bindings) -> Option<(usize, usize)> {
        while let Some(last) = bindings.pop() {
            let Binding {
                pattern: part,
                first,
                end,
            } = last;
            let now = parts[part];
            let end = match now.kind {
                Kind::Any(_) => match self.reach(parts, part, end + 1) {
                    None if now.sure => return None,
                    reached => reached,
                },
                Kind::In => self.phrase(now.argument, first, end),
                _ => None,
            };
            if let Some(end) = end {
                bindings.push(Binding {
                    pattern: part,
                    first,
                    end,
                });
                return Some(now.after(part, end));
            }
        }
        None
    }

    /// The first end from `from` on that the wildcard `part` can have.
    fn reach(&self, parts: &[Quick], part: usize, from: usize) -> Option<usize> {
        let rest = usize::from(parts[part].rest);
        let last = self.tokens.len().checked_sub(rest)?;
        if from > last {
            return None;
        }
        match parts.get(part + 1) {
            // The last one takes all there is.
            None => Some(last),
            Some(Quick {
                kind: Kind::Word,
                argument,
                ..
            }) => {
                // The word takes one of the tokens that the rest takes.
                let places = self.tokens.get(from..(last + 1).min(self.tokens.len()))?;
                let found = places.iter().position(|token| token.fold.0 == *argument)?;
                Some(from + found)
            }
            Some(_) => Some(from),
        }
    }

    /// Lengthens the phrase `first..end` until it is in the class.
    fn phrase(&self, class: u32, first: usize, end: usize) -> Option<usize> {
        let program = self.program;
        if let Some(filter) = &program.filters[class as usize] {
            let fold = self.tokens.get(first)?.fold;
            if !filter.begins.has(fold) {
                return None;
            }
            if end == first && filter.whole.has(fold) {
                return Some(first + 1);
            }
        }
        let mut phrase = program.classes[class as usize].grow();
        let mut after_atom = false;
        for at in first..self.tokens.len() {
            let text = self.text(self.tokens[at]);
            let atom = text
                .first()
                .is_some_and(|&byte| program.table.is_atom(byte));
            if atom && after_atom {
                phrase.push(&[program.space]);
            }
            after_atom = atom;
            let fits = phrase.push(text);
            if at >= end {
                if phrase.complete() {
                    return Some(at + 1);
                }
                if !fits {
                    return None;
                }
            }
        }
        None
    }

    fn not_in(&self, class: u32, token: usize) -> bool {
        let Some(&now) = self.tokens.get(token) else {
            return false;
        };
        match &self.program.filters[class as usize] {
            Some(filter) => !filter.whole.has(now.fold),
            None => !self.program.classes[class as usize].contains(self.text(now)),
        }
    }

    /// Matches the value of a macro, as it is now, against the tokens.
    fn value(&self, name: u32, token: usize) -> Option<usize> {
        self.tokens.get(token)?;
        let name = &self.program.macro_names[name as usize];
        let value = self.macros.raw(name);
        self.program
            .symbols
            .spelled(value.unwrap_or_default(), self.tokens, token, self.bytes)
    }

    #[inline]
    fn is_word(&self, token: usize, fold: u32) -> bool {
        self.tokens
            .get(token)
            .is_some_and(|token| token.fold.0 == fold)
    }

    fn text(&self, token: Token) -> &[u8] {
        self.program.symbols.text(token, self.bytes)
    }
}

impl Quick {
    /// Where to go on after this part, which ends at the token `end`: a word
    /// that it was lengthened to needs not be looked at again.
    fn after(self, part: usize, end: usize) -> (usize, usize) {
        let word = usize::from(self.to_word);
        (part + 1 + word, end + word)
    }

    fn exhausted(self) -> Forward {
        if self.sure {
            Forward::Never
        } else {
            Forward::Fails
        }
    }
}

enum Forward {
    Matches,
    Fails,
    Never,
}

/// A set of numbers of words.
#[derive(Clone, Debug, Default)]
struct FoldSet(Vec<u64>);

impl FoldSet {
    fn has(&self, fold: Fold) -> bool {
        let number = fold.number();
        self.0
            .get(number / 64)
            .is_some_and(|bits| bits & (1 << (number % 64)) != 0)
    }

    fn insert(&mut self, fold: Fold) {
        let number = fold.number();
        let slot = number / 64;
        if slot >= self.0.len() {
            self.0.resize(slot + 1, 0);
        }
        self.0[slot] |= 1 << (number % 64);
    }
}

/// Which tokens words of a class begin with, and which are a word.
#[derive(Clone, Debug, Default)]
pub(super) struct ClassFilter {
    begins: FoldSet,
    whole: FoldSet,
    /// Presence bits of `begins`: where none of them is, no word of the class
    /// is.
    pub(super) bits: u64,
}

impl ClassFilter {
    /// The filter of a class; none for one that is too large to number its
    /// words.
    pub(super) fn of(class: &Class, style: Style<'_>, symbols: &mut Symbols) -> Option<Self> {
        if class.len() > CLASS_FILTER_WORDS_MAX {
            return None;
        }
        let mut filter = Self::default();
        let mut bytes = Vec::new();
        for word in class.words() {
            bytes.clear();
            let mut first = None;
            let mut count = 0;
            scan(word, style, &mut bytes, |bytes, start| {
                count += 1;
                if count == 1 {
                    first = Some(symbols.number(&bytes[start..]));
                }
            });
            if let Some(first) = first {
                filter.begins.insert(first);
                filter.bits |= first.bit();
                if count == 1 && bytes.len() == word.len() {
                    filter.whole.insert(first);
                }
            }
        }
        Some(filter)
    }
}
