//! Keeps what a run did, so that it can be explained: which ruleset was given
//! what and returned what, which rule fired, what each map was asked and
//! answered.
//!
//! ```text
//! let mut recorder = Recorder::default();
//! let mut machine = Machine::with_trace(&program, &mut recorder);
//! …run…
//! for Step { depth, deed } in recorder.steps() { … }
//! ```
//!
//! A rule's place in the `.mc`, the templates or the `.cf` is
//! [`Program::origin`]; its text [`Program::left_side`] and
//! [`Program::right_side`]. A recorder holds at most [`RECORD_STEPS_MAX`] steps
//! and [`RECORD_BYTES_MAX`] bytes of text, and counts what came after.

use bstr::{BString, ByteSlice};

use super::program::{Program, RuleId, RulesetId};
use super::trace::{Event, Trace};
use super::view::View;
use crate::base::limits::{RECORD_BYTES_MAX, RECORD_STEPS_MAX};

/// Takes in a run, or several one after the other.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    steps: Vec<Recorded>,
    /// What is going on, the outermost first.
    open: Vec<Open>,
    bytes: usize,
    left_out: usize,
}

/// A ruleset or rule that has not ended.
#[derive(Clone, Copy, Debug)]
struct Open {
    is_rule: bool,
    /// Its step, if there was room for it.
    place: Option<usize>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Within how many rulesets and rules it happened: a rule is one deeper
    /// than its ruleset, and what its right side looks up or calls is one
    /// deeper than the rule.
    pub depth: usize,
    /// What it was.
    pub deed: Deed,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A ruleset was given a workspace.
    Ruleset {
        /// Which.
        ruleset: RulesetId,
        /// The workspace, its tokens divided by blanks.
        input: BString,
        /// What the ruleset made of it; `None` when it has not ended.
        output: Option<BString>,
    },
    /// A rule matched.
    Rule {
        /// Which.
        rule: RuleId,
        /// What its right side refers to, in the order in which it does: `1`
        /// for `$1`, and the tokens it stood for.
        arguments: Vec<(u8, BString)>,
        /// The workspace that it made; `None` when it was given up.
        made: Option<BString>,
    },
    /// A map was asked.
    Lookup {
        /// The map; `host` for `$[ … $]`.
        map: BString,
        /// What it was asked for.
        key: BString,
        /// What it said; `None` when it has not answered.
        answer: Option<Said>,
    },
    /// A right side took in the value of a macro, `$&x`.
    Macro {
        /// Its name, without braces.
        name: BString,
        /// Its value then; `None` when it had none.
        value: Option<BString>,
    },
    /// The rules are at fault, in the reference's words.
    Fault(String),
}

/// What a map said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// This value.
    Found(BString),
    /// That it has no such key.
    NotFound,
    /// That it should be asked again later, perhaps with a value for now.
    Later(Option<BString>),
}

impl Recorder {
    /// What happened, in order.
    pub fn steps(&self) -> &[Recorded] {
        &self.steps
    }

    /// How many steps came after the limits were reached.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The last rule that fired, not counting those of the rulesets that it or
    /// others called: the one that decided.
    pub fn last_rule(&self) -> Option<RuleId> {
        let mut rules = self.steps.iter().rev().filter_map(|step| match step.deed {
            Deed::Rule { rule, .. } if step.depth == 1 => Some(rule),
            _ => None,
        });
        rules.next()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds a step, if there is room; gives its place.
    fn add(&mut self, deed: Deed) -> Option<usize> {
        if self.steps.len() >= RECORD_STEPS_MAX || self.bytes > RECORD_BYTES_MAX {
            self.left_out += 1;
            return None;
        }
        let depth = self.open.len();
        self.steps.push(Recorded { depth, deed });
        Some(self.steps.len() - 1)
    }

    /// Adds a step within which others happen.
    fn begin(&mut self, deed: Deed) {
        let is_rule = matches!(deed, Deed::Rule { .. });
        let place = self.add(deed);
        self.open.push(Open { is_rule, place });
    }

    /// What happens now, if there was room for it.
    fn current(&mut self) -> Option<&mut Deed> {
        let place = self.open.last()?.place?;
        self.steps.get_mut(place).map(|step| &mut step.deed)
    }

    /// Ends the innermost ruleset, and with it a rule that was given up.
    fn end_ruleset(&mut self, result: Option<BString>) {
        self.end_rule();
        if let Some(Deed::Ruleset { output, .. }) = self.current() {
            *output = result;
        }
        self.open.pop();
    }

    /// Ends the rule in hand, if there is one.
    fn end_rule(&mut self) {
        while self.open.last().is_some_and(|open| open.is_rule) {
            self.open.pop();
        }
    }

    fn text(&mut self, view: View<'_>) -> BString {
        let mut shown = BString::default();
        view.show(&mut shown);
        if !shown.is_empty() {
            // The blank before the first token.
            shown.remove(0);
        }
        self.bytes += shown.len();
        shown
    }

    fn copy(&mut self, text: &[u8]) -> BString {
        self.bytes += text.len();
        text.into()
    }

    fn answered(&mut self, value: Option<&[u8]>, temporary: bool) {
        let value = value.map(|value| self.copy(value));
        let depth = self.open.len();
        let last = self.steps.last_mut().filter(|step| step.depth == depth);
        if let Some(Recorded {
            deed: Deed::Lookup { answer, .. },
            ..
        }) = last
        {
            *answer = Some(match (value, temporary) {
                (value, true) => Said::Later(value),
                (Some(value), false) => Said::Found(value),
                (None, false) => Said::NotFound,
            });
        }
    }
}

impl Trace for Recorder {
    fn rules(&self) -> bool {
        false
    }

    fn event(&mut self, _program: &Program, event: Event<'_>) {
        match event {
            Event::Input { ruleset, workspace } => {
                let input = self.text(workspace);
                self.begin(Deed::Ruleset {
                    ruleset,
                    input,
                    output: None,
                });
            }
            Event::Returns { workspace, .. } => {
                let text = self.text(workspace);
                self.end_ruleset(Some(text));
            }
            Event::GivenUp(_) => self.end_ruleset(None),
            Event::Matches(rule) => {
                self.end_rule();
                self.begin(Deed::Rule {
                    rule,
                    arguments: Vec::new(),
                    made: None,
                });
            }
            Event::Argument { number, tokens } => {
                let text = self.text(tokens);
                if let Some(Deed::Rule { arguments, .. }) = self.current() {
                    arguments.push((number, text));
                }
            }
            Event::Rewritten { workspace, .. } => {
                let text = self.text(workspace);
                if let Some(Deed::Rule { made, .. }) = self.current() {
                    *made = Some(text);
                }
                self.end_rule();
            }
            Event::Lookup { map, key } => {
                let (map, key) = (self.copy(map), self.copy(&key.text()));
                self.add(Deed::Lookup {
                    map,
                    key,
                    answer: None,
                });
            }
            Event::Answer {
                value, temporary, ..
            } => self.answered(value.map(|value| value.as_bytes()), temporary),
            Event::Macro {
                right: true,
                name,
                value,
            } => {
                let name = self.copy(name);
                let value = value.map(|value| self.copy(value));
                self.add(Deed::Macro { name, value });
            }
            Event::Fault { message, .. } => {
                self.add(Deed::Fault(message.to_owned()));
            }
            Event::Syntax { text, fault } => {
                self.add(Deed::Fault(format!("{text}... {fault}")));
            }
            _ => {}
        }
    }
}
