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
            calls: false,
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
        let (mut last, mut unknown) = (None, None);
        let pending = frame.uncalled.min(frame.out.len());
        let mut end = pending.saturating_sub(1);
        while let Some(at) = frame.out[..end]
            .iter()
            .rposition(|token| token.is(meta::CALL))
        {
            end = at;
            let (call, name) = (frame.out[at], frame.out[at + 1]);
            let known = call.ruleset().map(RulesetId);
            match known.or_else(|| program.ruleset(&unquoted(view.one(name)))) {
                Some(ruleset) if last.is_none() => last = Some((at, ruleset)),
                Some(_) => {}
                None => unknown = Some(at),
            }
        }
        if let Some(at) = unknown {
            let token = frame.out[at + 1];
            let name = unquoted(view.one(token));
            // sendmail: the name loses its quotes wherever this very text is.
            if name != *view.one(token) {
                let start = self.bytes.len();
                self.bytes.extend_from_slice(&name);
                let bare = Token::local(start, &name, program.symbols.find(&name));
                let same =
                    |other: &&mut Token| other.source == token.source && other.at == token.at;
                frame
                    .out
                    .iter_mut()
                    .filter(same)
                    .for_each(|token| *token = bare);
            }
            frame.status = worse(frame.status, Status::Config);
            if let Err(message) = ruleset_name::parse(&name) {
                self.fault(&message);
            }
            self.fault(&format!("Unknown ruleset {name}"));
            self.state = State::Apply;
            return;
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
                let mut result = frame.workspace;
                if caller.out.is_empty() {
                    std::mem::swap(&mut caller.out, &mut result);
                } else {
                    caller.out.extend_from_slice(&result);
                }
                caller.status = worse(caller.status, frame.status);
                let long = caller.out.len() > WORKSPACE_TOKENS_MAX;
                self.recycle(result);
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
            // sendmail: whatever was before.
            frame.status = status;
            if T::ON {
                let event = Event::GivenUp(frame.ruleset);
                self.trace.event(self.program, event);
            }
        }
        if let Some(status) = self.leave() {
            self.state = State::Stop(status);
        }
    }

    /// Ends the innermost ruleset because text could not be cut up.
    // sendmail: nothing is left of the workspace then.
    pub(super) fn abort_empty(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.workspace.clear();
        }
        self.abort(Status::Data);
    }

    pub(super) fn too_long(&mut self) {
        self.fault("rewrite: expansion too long");
        self.abort(Status::Data);
    }
}
