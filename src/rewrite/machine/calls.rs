//! Enters and leaves rulesets: those that a caller starts, and those that
//! right sides call with `$>`.

use super::{Frame, Machine, State, Status, worse};
use crate::base::limits::{RULESET_DEPTH_MAX, WORKSPACE_TOKENS_MAX};
use crate::cf::ruleset_name;
use crate::rewrite::program::RulesetId;
use crate::rewrite::symbol::{Token, meta};
use crate::rewrite::trace::{Event, Trace};
use crate::rewrite::view::View;
use crate::rewrite::workspace::unquoted;

impl<T: Trace> Machine<'_, T> {
    pub(super) fn enter(&mut self, ruleset: RulesetId, input: Vec<Token>) {
        let out = self.spare.pop().unwrap_or_default();
        let first = self.program.rulesets[ruleset.0 as usize].first;
        self.frames.push(Frame {
            ruleset,
            rule: first,
            loops: 0,
            uncalled: 0,
            status: Status::Ok,
            workspace: input,
            out,
        });
        self.state = State::Enter;
    }

    pub(super) fn check_depth(&mut self) {
        let Some(frame) = self.frames.last() else {
            self.state = State::Rest;
            return;
        };
        let ruleset = frame.ruleset;
        if T::ON {
            let workspace = View {
                program: self.program,
                bytes: &self.bytes,
                tokens: &frame.workspace,
            };
            self.trace
                .event(self.program, Event::Input { ruleset, workspace });
        }
        self.state = State::Match;
        if self.frames.len() > RULESET_DEPTH_MAX + 1 {
            let name = self.program.ruleset_name(ruleset);
            self.fault(&format!(
                "rewrite: excessive recursion (max {RULESET_DEPTH_MAX}), ruleset {name}"
            ));
            self.abort(Status::Config);
        }
    }

    /// Begins the last call of the right side that has not been made yet.
    pub(super) fn next_call(&mut self) {
        let program = self.program;
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let view = View {
            program,
            bytes: &self.bytes,
            tokens: &[],
        };
        // All names are looked at before any call is made; the last call is
        // made first.
        let mut last = None;
        let pending = frame.uncalled.min(frame.out.len());
        for (at, pair) in frame.out[..pending].windows(2).enumerate() {
            if !pair[0].is(meta::CALL) {
                continue;
            }
            let known = pair[0].ruleset().map(RulesetId);
            let found = known.or_else(|| program.ruleset(&unquoted(view.one(pair[1]))));
            let Some(ruleset) = found else {
                let name = unquoted(view.one(pair[1]));
                frame.status = worse(frame.status, Status::Config);
                if let Err(message) = ruleset_name::parse(&name) {
                    self.fault(&message);
                }
                self.fault(&format!("Unknown ruleset {name}"));
                self.state = State::Apply;
                return;
            };
            last = Some((at, ruleset));
        }
        let Some((at, ruleset)) = last else {
            self.state = State::Apply;
            return;
        };
        frame.uncalled = at;
        if !program.has_rules(ruleset) {
            // sendmail: neither its input nor its result is shown.
            frame.out.drain(at..at + 2);
            if T::ON {
                self.trace.event(program, Event::Skip(ruleset));
            }
            return;
        }
        let mut input = self.spare.pop().unwrap_or_default();
        input.extend_from_slice(&frame.out[at + 2..]);
        frame.out.truncate(at);
        self.enter(ruleset, input);
    }

    /// Ends the innermost ruleset; gives the status of the run when it was the
    /// last.
    pub(super) fn finish(&mut self) -> Option<Status> {
        let Some(frame) = self.frames.last() else {
            self.state = State::Rest;
            return Some(Status::Ok);
        };
        if T::ON {
            let event = Event::Returns {
                ruleset: frame.ruleset,
                workspace: View {
                    program: self.program,
                    bytes: &self.bytes,
                    tokens: &frame.workspace,
                },
            };
            self.trace.event(self.program, event);
        }
        self.leave()
    }

    /// Takes the innermost ruleset away and gives its result to the caller.
    pub(super) fn leave(&mut self) -> Option<Status> {
        let frame = self.frames.pop()?;
        self.recycle(frame.out);
        match self.frames.last_mut() {
            Some(caller) => {
                caller.out.extend_from_slice(&frame.workspace);
                caller.status = worse(caller.status, frame.status);
                let long = caller.out.len() > WORKSPACE_TOKENS_MAX;
                self.recycle(frame.workspace);
                self.state = State::Calls;
                if long {
                    self.too_long();
                }
                None
            }
            None => {
                self.workspace = frame.workspace;
                self.state = State::Rest;
                Some(frame.status)
            }
        }
    }

    /// Ends the innermost ruleset at once: its workspace stays as it was.
    pub(super) fn abort(&mut self, status: Status) {
        if let Some(frame) = self.frames.last_mut() {
            frame.status = worse(frame.status, status);
            if T::ON {
                let event = Event::GivenUp(frame.ruleset);
                self.trace.event(self.program, event);
            }
        }
        if let Some(status) = self.leave() {
            self.state = State::Stop(status);
        }
    }

    pub(super) fn too_long(&mut self) {
        self.fault("rewrite: expansion too long");
        self.abort(Status::Data);
    }
}
