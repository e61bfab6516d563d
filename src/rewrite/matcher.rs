//! Matches a left side against a workspace.
//!
//! Wildcards take as few tokens as they can and are lengthened from the last
//! one backwards, which decides what `$1` stands for. A phrase `$=x` grows
//! until it is in the class. After [`MATCH_STEPS_PLAIN`] steps, positions that
//! failed are noted and not tried again: since nothing in a left side refers
//! to an earlier wildcard, what failed once fails always.

use bstr::{BStr, BString, ByteSlice};

use super::macros::MacroTable;
use super::program::{Pattern, Program};
use super::symbol::Token;
use super::trace::{Event, Trace};
use crate::base::limits::MATCH_STEPS_PLAIN;

/// What a wildcard stands for: tokens `first..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Binding {
    /// The place of the wildcard in the left side.
    pub(super) pattern: usize,
    pub(super) first: usize,
    pub(super) end: usize,
}

/// The wildcards of a rule that matched, in order.
pub(super) type Bindings = Vec<Binding>;

/// One attempt.
pub(super) struct Matcher<'a, T> {
    pub(super) program: &'a Program,
    pub(super) patterns: &'a [Pattern],
    pub(super) tokens: &'a [Token],
    /// The machine's bytes.
    pub(super) bytes: &'a [u8],
    pub(super) macros: &'a MacroTable,
    pub(super) trace: &'a mut T,
}

impl<T: Trace> Matcher<'_, T> {
    /// Whether the left side matches; fills in what the wildcards stand for.
    pub(super) fn run(&mut self, bindings: &mut Bindings) -> bool {
        bindings.clear();
        let steps = T::ON && self.trace.steps();
        let mut failed = Failed::default();
        let mut taken = 0_usize;
        let mut pattern = 0;
        let mut token = 0;
        loop {
            if pattern == self.patterns.len() && token == self.tokens.len() {
                return true;
            }
            if steps {
                self.tell(Step::Advance, pattern, token);
            }
            let next = if failed.holds(pattern, token) {
                None
            } else {
                self.advance(pattern, token, bindings, steps)
            };
            match next {
                Some(next) => {
                    pattern += 1;
                    token = next;
                }
                None => match self.back(bindings, &mut failed, steps) {
                    Some(place) => (pattern, token) = place,
                    None => return false,
                },
            }
            taken += 1;
            if taken == MATCH_STEPS_PLAIN {
                failed.begin(self.patterns.len(), self.tokens.len());
            }
        }
    }

    /// Matches one pattern; gives the next token to look at.
    fn advance(
        &mut self,
        pattern: usize,
        token: usize,
        bindings: &mut Bindings,
        steps: bool,
    ) -> Option<usize> {
        let end = match *self.patterns.get(pattern)? {
            Pattern::Word(word) => {
                return (self.tokens.get(token)?.fold == word.fold).then_some(token + 1);
            }
            Pattern::Argument(_) => return None,
            Pattern::Nothing => return Some(token),
            Pattern::Macro(name) => return self.value(name, token),
            Pattern::ZeroOrMore => token,
            Pattern::OneOrMore | Pattern::One => {
                self.tokens.get(token)?;
                token + 1
            }
            Pattern::NotIn(class) => {
                let text = self.text(*self.tokens.get(token)?);
                if self.program.classes[class as usize].contains(text) {
                    return None;
                }
                token + 1
            }
            Pattern::In(_) => self.grow(pattern, token, token, steps)?,
        };
        bindings.push(Binding {
            pattern,
            first: token,
            end,
        });
        Some(end)
    }

    /// Goes back to the last wildcard that can take one token more; gives
    /// where to go on.
    fn back(
        &mut self,
        bindings: &mut Bindings,
        failed: &mut Failed,
        steps: bool,
    ) -> Option<(usize, usize)> {
        while let Some(last) = bindings.pop() {
            let Binding {
                pattern,
                first,
                end,
            } = last;
            failed.note(pattern + 1, end);
            if steps {
                self.tell(Step::Backup, pattern, end);
            }
            if end >= self.tokens.len() {
                continue;
            }
            let end = match self.patterns[pattern] {
                Pattern::OneOrMore | Pattern::ZeroOrMore => end + 1,
                Pattern::In(_) => {
                    let Some(end) = self.grow(pattern, first, end, steps) else {
                        continue;
                    };
                    end
                }
                _ => continue,
            };
            bindings.push(Binding {
                pattern,
                first,
                end,
            });
            return Some((pattern + 1, end));
        }
        None
    }

    /// Lengthens the phrase `first..end` by at least one token until it is in
    /// the class of `pattern`; gives its new end.
    fn grow(&mut self, pattern: usize, first: usize, end: usize, steps: bool) -> Option<usize> {
        let Pattern::In(class) = self.patterns[pattern] else {
            return None;
        };
        let program = self.program;
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
            if at < end {
                continue;
            }
            if phrase.complete() {
                if steps {
                    self.trace.event(program, Event::ClassMatch);
                }
                return Some(at + 1);
            }
            if steps {
                self.tell(Step::Extend, pattern, at);
            } else if !fits {
                return None;
            }
        }
        None
    }

    /// Matches the value of a macro, as it is now, against the tokens.
    fn value(&mut self, name: u32, token: usize) -> Option<usize> {
        self.tokens.get(token)?;
        let name = &self.program.macro_names[name as usize];
        let value = self.macros.raw(name);
        if T::ON {
            let event = Event::Macro {
                right: false,
                name: name.as_bstr(),
                value,
            };
            self.trace.event(self.program, event);
        }
        self.program
            .symbols
            .spelled(value.unwrap_or_default(), self.tokens, token, self.bytes)
    }

    fn text(&self, token: Token) -> &[u8] {
        self.program.symbols.text(token, self.bytes)
    }

    fn tell(&mut self, step: Step, pattern: usize, token: usize) {
        let mut shown = BString::default();
        match self.patterns.get(pattern) {
            Some(pattern) => self.program.show_pattern(*pattern, &mut shown),
            None => shown.extend_from_slice(b"<null>"),
        }
        let pattern = BStr::new(&shown);
        let text = self
            .tokens
            .get(token)
            .map(|token| BString::from(self.text(*token)));
        let token = text.as_ref().map(|text| text.as_bstr());
        let event = match step {
            Step::Advance => Event::Advance { pattern, token },
            Step::Backup => Event::Backup { pattern, token },
            Step::Extend => Event::Extend { pattern, token },
        };
        self.trace.event(self.program, event);
    }
}

enum Step {
    Advance,
    Backup,
    Extend,
}

/// Positions (pattern, token) from which the rest does not match.
#[derive(Default)]
struct Failed {
    bits: Vec<u64>,
    width: usize,
}

impl Failed {
    fn begin(&mut self, patterns: usize, tokens: usize) {
        self.width = tokens + 1;
        self.bits = vec![0; ((patterns + 1) * self.width).div_ceil(64)];
    }

    fn note(&mut self, pattern: usize, token: usize) {
        if self.width > 0 {
            let bit = pattern * self.width + token;
            self.bits[bit / 64] |= 1 << (bit % 64);
        }
    }

    fn holds(&self, pattern: usize, token: usize) -> bool {
        if self.width == 0 {
            return false;
        }
        let bit = pattern * self.width + token;
        self.bits[bit / 64] & (1 << (bit % 64)) != 0
    }
}
