//! Finds the rule that matches, builds its right side, and puts it in the
//! place of the workspace.

use bstr::{BStr, ByteSlice};

use super::{Machine, State, Status};
use crate::base::limits::{
    RULE_LOOPS_MAX, RULE_RUN_BYTES_MAX, RULE_RUN_STEPS_MAX, WORKSPACE_TOKENS_MAX,
};
use crate::rewrite::macros::{MacroTable, Value};
use crate::rewrite::matcher::{Bindings, Matcher};
use crate::rewrite::program::{Action, Fixed, Head, Program, Rule, RuleId, Then};
use crate::rewrite::quick::{Found, Text};
use crate::rewrite::symbol::{Token, meta};
use crate::rewrite::trace::{Event, Trace};
use crate::rewrite::view::View;

impl<T: Trace> Machine<'_, T> {
    /// Tries rules until one matches, and builds its right side.
    pub(super) fn find_rule(&mut self, macros: &MacroTable) {
        let program = self.program;
        let watched = T::ON && self.trace.rules();
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let end = program.rulesets[frame.ruleset.0 as usize].end;
        let profile = Profile::of(&frame.workspace);
        if profile.resolved {
            self.state = State::Return;
            return;
        }
        loop {
            if !watched {
                // Most rules are passed over here.
                let rest = &program.heads[frame.rule as usize..end as usize];
                let passed = rest.iter().position(|head| profile.allows(head));
                if passed != Some(0) {
                    let passed = passed.unwrap_or(rest.len());
                    frame.rule += u32::try_from(passed).unwrap_or(0);
                    frame.loops = 0;
                }
            }
            if frame.rule >= end {
                break;
            }
            let rule = frame.rule;
            if watched {
                self.trace.event(program, Event::Try(RuleId(rule)));
            }
            frame.loops += 1;
            if frame.loops > RULE_LOOPS_MAX {
                let number = program.rules[rule as usize].number;
                let name = program.ruleset_name(frame.ruleset);
                let message = format!("Infinite loop in ruleset {name}, rule {number}");
                self.fault(&message);
                self.state = State::Return;
                return;
            }
            let attempt = Attempt {
                program,
                rule,
                workspace: &frame.workspace,
                bytes: &self.bytes,
                macros,
            };
            let possible = profile.allows(&program.heads[rule as usize]);
            if attempt.matches(possible, watched, &mut self.trace, &mut self.bindings) {
                if T::ON {
                    self.trace.event(program, Event::Matches(RuleId(rule)));
                }
                let has = profile.has;
                self.build(macros, has);
                return;
            }
            if watched {
                self.trace.event(program, Event::Fails(RuleId(rule)));
            }
            frame.rule += 1;
            frame.loops = 0;
        }
        self.state = State::Return;
    }

    /// Builds the right side of the rule in hand: `$n` and `$&x` are put in.
    fn build(&mut self, macros: &MacroTable, has: u64) {
        self.steps += 1;
        let program = self.program;
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let rule = &program.rules[frame.rule as usize];
        let mut out = std::mem::take(&mut frame.out);
        let workspace = std::mem::take(&mut frame.workspace);
        frame.uncalled = usize::MAX;
        // A call may be in the workspace too, where none could be made of it.
        frame.calls = rule.calls || has & meta::CALL.bit() != 0;
        self.state = match (rule.looks_up, frame.calls) {
            (true, _) => State::Lookups,
            (false, true) => State::Calls,
            (false, false) => State::Apply,
        };
        self.pending.begin = 0;
        out.clear();
        let built = self.fill(rule, &workspace, macros, &mut out);
        let long = out.len() > WORKSPACE_TOKENS_MAX || self.bytes.len() > RULE_RUN_BYTES_MAX;
        if let Some(frame) = self.frames.last_mut() {
            frame.out = out;
            frame.workspace = workspace;
        }
        match built {
            Err(spoilt) => self.spoil(spoilt),
            Ok(()) if long => self.too_long(),
            Ok(()) if self.steps > RULE_RUN_STEPS_MAX => {
                self.fault("rewrite: too many rules applied");
                self.abort(Status::Config);
            }
            Ok(()) => {}
        }
    }

    /// Puts the right side of a rule into `out`.
    fn fill(
        &mut self,
        rule: &Rule,
        workspace: &[Token],
        macros: &MacroTable,
        out: &mut Vec<Token>,
    ) -> Result<(), Spoilt> {
        let program = self.program;
        let (from, to) = rule.actions;
        let actions = &program.actions[from as usize..to as usize];
        out.reserve(actions.len() + workspace.len());
        for action in actions {
            match *action {
                Action::Put(_) if out.len() >= WORKSPACE_TOKENS_MAX => {
                    return Err(Spoilt::TooLong);
                }
                Action::Put(token) => out.push(token),
                Action::Macro(name) => self.put_macro(name, macros, out)?,
                Action::Copy(number) => {
                    let index = usize::from(number).checked_sub(1);
                    let Some(binding) = index.and_then(|index| self.bindings.get(index)) else {
                        return Err(Spoilt::OutOfBounds(number));
                    };
                    let tokens = &workspace[binding.first..binding.end];
                    if T::ON {
                        let tokens = View {
                            program,
                            bytes: &self.bytes,
                            tokens,
                        };
                        let event = Event::Argument { number, tokens };
                        self.trace.event(program, event);
                    }
                    if out.len() + tokens.len() > WORKSPACE_TOKENS_MAX {
                        return Err(Spoilt::TooLong);
                    }
                    if tokens.len() > FEW {
                        out.extend_from_slice(tokens);
                    } else {
                        // Quicker than the call of what copies many.
                        tokens.iter().for_each(|token| out.push(*token));
                    }
                }
            }
        }
        Ok(())
    }

    fn spoil(&mut self, spoilt: Spoilt) {
        match spoilt {
            Spoilt::Unusable => self.abort_empty(),
            Spoilt::TooLong => self.too_long(),
            Spoilt::OutOfBounds(number) => {
                let name = self.frames.last().map_or(BStr::new(""), |frame| {
                    self.program.ruleset_name(frame.ruleset)
                });
                let message =
                    format!("rewrite: ruleset {name}: replacement ${number} out of bounds");
                self.fault(&message);
                self.abort(Status::Config);
            }
        }
    }

    /// Appends the tokens of a macro's value as it is now.
    fn put_macro(
        &mut self,
        name: u32,
        macros: &MacroTable,
        out: &mut Vec<Token>,
    ) -> Result<(), Spoilt> {
        let program = self.program;
        let name = &program.macro_names[name as usize];
        let value = macros.get(name);
        if T::ON {
            let event = Event::Macro {
                right: true,
                name: name.as_bstr(),
                value: value.map(Value::text),
            };
            self.trace.event(program, event);
        }
        let Some(value) = value else { return Ok(()) };
        let first = out.len();
        if !self.scan_into(value.text(), out) {
            return Err(Spoilt::Unusable);
        }
        if T::ON {
            for token in &out[first..] {
                let text = View {
                    program,
                    bytes: &self.bytes,
                    tokens: &[],
                }
                .one(*token);
                self.trace.event(program, Event::MacroToken(Some(text)));
            }
            if out.len() > first {
                self.trace.event(program, Event::MacroToken(None));
            }
        }
        Ok(())
    }

    /// Makes the right side the workspace, and decides which rule is next.
    pub(super) fn apply(&mut self) {
        let program = self.program;
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        std::mem::swap(&mut frame.workspace, &mut frame.out);
        let id = RuleId(frame.rule);
        if T::ON {
            let workspace = View {
                program,
                bytes: &self.bytes,
                tokens: &frame.workspace,
            };
            let event = Event::Rewritten {
                rule: id,
                workspace,
            };
            self.trace.event(program, event);
        }
        self.state = match program.rules[id.0 as usize].then {
            Then::Again => State::Match,
            Then::Next => {
                frame.rule += 1;
                frame.loops = 0;
                State::Match
            }
            Then::Return | Then::Resolve => State::Return,
        };
    }
}

/// How many tokens are copied one by one.
const FEW: usize = 8;

/// Why a right side cannot be built.
enum Spoilt {
    /// It refers to a wildcard that is not there.
    OutOfBounds(u8),
    /// The value of a macro is no address.
    Unusable,
    /// It has more tokens than a workspace may have.
    TooLong,
}

/// What of a workspace decides at once whether a left side can match.
struct Profile<'w> {
    has: u64,
    length: u16,
    tokens: &'w [Token],
    /// It begins with `$#`.
    resolved: bool,
}

impl<'w> Profile<'w> {
    /// Looks at a workspace.
    fn of(tokens: &'w [Token]) -> Self {
        let has = |all, token: &Token| all | token.fold.bit();
        Self {
            has: tokens.iter().fold(0, has),
            length: u16::try_from(tokens.len()).unwrap_or(u16::MAX),
            tokens,
            resolved: tokens.first().is_some_and(|token| token.is(meta::NET)),
        }
    }

    #[inline]
    fn allows(&self, head: &Head) -> bool {
        head.needs & !self.has == 0
            && head.least <= self.length
            && self.length <= head.most
            && (head.any & self.has != 0 || head.any == u64::MAX)
            && (head.front.fold == Head::ANY || self.has_at(head.front, head.front.distance))
            && (head.back.fold == Head::ANY
                || self.has_at(
                    head.back,
                    u32::from(self.length).wrapping_sub(head.back.distance + 1),
                ))
    }

    #[inline]
    fn has_at(&self, word: Fixed, at: u32) -> bool {
        self.tokens
            .get(at as usize)
            .is_some_and(|token| token.fold.0 == word.fold)
    }
}

/// A rule that is tried on a workspace.
struct Attempt<'a> {
    program: &'a Program,
    rule: u32,
    workspace: &'a [Token],
    bytes: &'a [u8],
    macros: &'a MacroTable,
}

impl Attempt<'_> {
    /// Whether the left side matches. Whoever watches sees every step.
    fn matches<T: Trace>(
        &self,
        possible: bool,
        watched: bool,
        trace: &mut T,
        bindings: &mut Bindings,
    ) -> bool {
        let steps = watched && trace.steps();
        if !possible && !steps {
            return false;
        }
        let (from, to) = self.program.heads[self.rule as usize].patterns;
        let range = from as usize..to as usize;
        if !steps {
            let text = Text {
                program: self.program,
                tokens: self.workspace,
                bytes: self.bytes,
                macros: self.macros,
            };
            match text.matches(&self.program.quick[range.clone()], bindings) {
                Found::Yes => return true,
                Found::No => return false,
                Found::Hard => {}
            }
        }
        let mut matcher = Matcher {
            program: self.program,
            patterns: &self.program.patterns[range],
            tokens: self.workspace,
            bytes: self.bytes,
            macros: self.macros,
            trace,
        };
        matcher.run(bindings)
    }
}
