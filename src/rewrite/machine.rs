//! Runs rulesets over a workspace, and pauses where a map must be asked.
//!
//! The machine does nothing by itself: it is given an address, stepped, given
//! the answers of maps, and read. Macros are handed to each step, so that a
//! map that sets one may do so in between. It keeps its memory from run to
//! run; use one for many addresses.

use bstr::{BStr, BString, ByteSlice};

use super::macros::{MacroTable, Value};
use super::matcher::{Bindings, Matcher};
use super::program::{Action, Program, RuleId, RulesetId, Then};
use super::scan::{Scanned, Style, scan};
use super::symbol::{Fold, Symbols, Token, meta};
use super::trace::{Event, NoTrace, Trace};
use super::view::View;
use crate::base::Sysexit;
use crate::base::limits::{
    MAP_ARGUMENTS_MAX, RULE_LOOPS_MAX, RULE_RUN_BYTES_MAX, RULE_RUN_STEPS_MAX, RULESET_DEPTH_MAX,
    WORKSPACE_TOKENS_MAX,
};

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The ruleset has ended; [`Machine::workspace`] is its result.
    Done(Status),
    /// A map must be asked: see [`Machine::query`], then call
    /// [`Machine::answer`].
    Lookup,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Status {
    /// As it should.
    #[default]
    Ok,
    /// A map could not be asked: the result must not be relied on.
    TempFail,
    /// The configuration is at fault (recursion, an unknown ruleset, text that
    /// grows too long).
    Config,
    /// A map answered something that is no address.
    Data,
}

impl Status {
    /// The exit code that stands for it.
    pub fn sysexit(self) -> Sysexit {
        match self {
            Status::Ok => Sysexit::Ok,
            Status::TempFail => Sysexit::TempFail,
            Status::Config => Sysexit::Config,
            Status::Data => Sysexit::DataErr,
        }
    }
}

/// What a map answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This value.
    Found(BString),
    /// This value, because the map cannot be asked (flag `-T`): it is used, and
    /// the run is temporary.
    FoundForNow(BString),
    /// There is no such key.
    NotFound,
    /// Ask again later.
    TempFail,
    /// There is no map of this name.
    NoSuchMap,
}

/// A machine for one program.
pub struct Machine<'p, T = NoTrace> {
    program: &'p Program,
    trace: T,
    /// Texts of tokens that are not the program's own.
    bytes: Vec<u8>,
    /// The workspace between runs.
    workspace: Vec<Token>,
    /// Rulesets that are running, the innermost last.
    frames: Vec<Frame>,
    /// Empty vectors to use again.
    spare: Vec<Vec<Token>>,
    bindings: Bindings,
    state: State,
    pending: Pending,
    steps: usize,
}

/// A ruleset that is running.
struct Frame {
    ruleset: RulesetId,
    /// The rule in hand.
    rule: u32,
    /// How often it has been tried on end.
    loops: usize,
    status: Status,
    workspace: Vec<Token>,
    /// What the right side makes.
    out: Vec<Token>,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing: no run, or its end.
    Rest,
    /// The innermost ruleset begins.
    Enter,
    /// A rule is looked for.
    Match,
    /// The right side looks something up.
    Lookups,
    /// The right side calls rulesets.
    Calls,
    /// The right side replaces the workspace.
    Apply,
    /// The innermost ruleset ends.
    Return,
    /// The run was given up.
    Stop(Status),
}

/// A lookup that waits for its answer: places in the right side's tokens.
#[derive(Clone, Default)]
struct Pending {
    /// The whole lookup, brackets included.
    begin: usize,
    end: usize,
    key: (usize, usize),
    default: Option<(usize, usize)>,
    arguments: Vec<(usize, usize)>,
    map: BString,
}

/// A question to a map.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The name of the map; `host` for `$[ … $]`.
    pub map: &'a BStr,
    /// The key.
    pub key: View<'a>,
    out: View<'a>,
    arguments: &'a [(usize, usize)],
}

impl<'a> Query<'a> {
    /// The key as text: `space` between words that meet (that of option
    /// BlankSub when none is given), and without quotes unless they are kept
    /// (the map's flags `-S` and `-q`).
    pub fn key_text(&self, space: Option<u8>, keep_quotes: bool) -> BString {
        let text = match space {
            Some(space) => self.key.text_with(space),
            None => self.key.text(),
        };
        if keep_quotes || !text.contains_str("\"") && !text.contains_str("\\") {
            return text;
        }
        strip_quotes(&text)
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

impl<'p> Machine<'p> {
    /// A machine that tells nobody what it does.
    pub fn new(program: &'p Program) -> Self {
        Machine::with_trace(program, NoTrace)
    }
}

impl<'p, T: Trace> Machine<'p, T> {
    /// A machine that tells `trace` what it does.
    pub fn with_trace(program: &'p Program, trace: T) -> Self {
        Self {
            program,
            trace,
            bytes: Vec::with_capacity(256),
            workspace: Vec::with_capacity(32),
            frames: Vec::with_capacity(8),
            spare: Vec::new(),
            bindings: Bindings::new(),
            state: State::Rest,
            pending: Pending::default(),
            steps: 0,
        }
    }

    /// Puts an address into the workspace, cut up as `style` says. When the
    /// text cannot be used at all ([`Scanned::failed`]) the workspace is empty.
    pub fn load(&mut self, text: &[u8], style: Style<'_>) -> Scanned {
        self.clear();
        let scanned = self.append(text, style);
        if scanned.failed() {
            self.workspace.clear();
        }
        scanned
    }

    /// The style of addresses: comments are left out, no delimiter.
    pub fn style(&self) -> Style<'p> {
        Style {
            table: &self.program.table,
            delimiter: None,
            comments: true,
            quoting: false,
            lenient: false,
        }
    }

    /// Puts several texts into the workspace with `$|` between them, as
    /// `check_relay` and others are given their arguments.
    pub fn load_parts(&mut self, texts: &[&[u8]], style: Style<'_>) -> Scanned {
        self.clear();
        let mut whole = Scanned::default();
        for (index, text) in texts.iter().enumerate() {
            if index > 0 {
                self.workspace.push(Symbols::operator(meta::PIPE));
            }
            let scanned = self.append(text, style);
            whole.consumed += scanned.consumed;
            whole.faults.extend(scanned.faults);
        }
        if whole.failed() {
            self.workspace.clear();
        }
        whole
    }

    /// Empties the workspace.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.workspace.clear();
        while let Some(frame) = self.frames.pop() {
            self.recycle(frame.workspace);
            self.recycle(frame.out);
        }
        self.state = State::Rest;
    }

    /// Begins a ruleset over the workspace as it is.
    pub fn start(&mut self, ruleset: RulesetId) {
        self.steps = 0;
        let input = std::mem::take(&mut self.workspace);
        self.enter(ruleset, input);
    }

    /// The tokens between runs: the address that was loaded, or what the last
    /// ruleset made of it.
    pub fn workspace(&self) -> View<'_> {
        self.view(&self.workspace)
    }

    /// Leaves only the tokens after `$:` in the workspace; false, and nothing
    /// changed, when it is not resolved or has none.
    pub fn keep_user(&mut self) -> bool {
        let user = self.workspace.iter().position(|token| token.is(meta::USER));
        match user {
            Some(at) if self.workspace().is_resolved() => {
                self.workspace.drain(..=at);
                true
            }
            _ => false,
        }
    }

    /// The program it runs.
    pub fn program(&self) -> &'p Program {
        self.program
    }

    /// Who is told.
    pub fn trace(&mut self) -> &mut T {
        &mut self.trace
    }

    /// The question that [`Step::Lookup`] stands for.
    pub fn query(&self) -> Query<'_> {
        let out: &[Token] = self.frames.last().map_or(&[], |frame| &frame.out);
        let (from, to) = self.pending.key;
        Query {
            map: self.pending.map.as_bstr(),
            key: self.view(out.get(from..to).unwrap_or_default()),
            out: self.view(out),
            arguments: &self.pending.arguments,
        }
    }

    /// Runs until the ruleset ends or a map must be asked.
    pub fn step(&mut self, macros: &MacroTable) -> Step {
        loop {
            match self.state {
                State::Rest => return Step::Done(Status::Ok),
                State::Stop(status) => {
                    self.state = State::Rest;
                    return Step::Done(status);
                }
                State::Enter => self.check_depth(),
                State::Match => self.find_rule(macros),
                State::Lookups => {
                    if self.next_lookup() {
                        return Step::Lookup;
                    }
                    self.state = State::Calls;
                }
                State::Calls => self.next_call(),
                State::Apply => self.apply(),
                State::Return => {
                    if let Some(status) = self.finish() {
                        return Step::Done(status);
                    }
                }
            }
        }
    }

    /// Runs to the end; `ask` answers the questions on the spot.
    pub fn run(
        &mut self,
        ruleset: RulesetId,
        macros: &mut MacroTable,
        mut ask: impl FnMut(Query<'_>, &mut MacroTable) -> Answer,
    ) -> Status {
        self.start(ruleset);
        loop {
            match self.step(macros) {
                Step::Done(status) => return status,
                Step::Lookup => {
                    let answer = ask(self.query(), macros);
                    self.answer(answer);
                }
            }
        }
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
                self.fault(&format!("rewrite: map {} not found", pending.map));
                None
            }
        };
        let value = found.or_else(|| {
            let (from, to) = pending.default?;
            Some(self.out_view(from, to).text())
        });
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let mut out = std::mem::take(&mut frame.out);
        let tail = self.take_spare_from(&out[pending.end..]);
        match value {
            // Neither an answer nor a default: the key stays.
            None => {
                let (from, to) = pending.key;
                out.copy_within(from..to, pending.begin);
                out.truncate(pending.begin + (to - from));
            }
            Some(value) => {
                out.truncate(pending.begin);
                if !self.scan_into(&value, &mut out) {
                    self.recycle(tail);
                    self.recycle(out);
                    self.abort(Status::Data);
                    return;
                }
            }
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

    fn temporary(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.status = Status::TempFail;
        }
    }

    fn enter(&mut self, ruleset: RulesetId, input: Vec<Token>) {
        let out = self.spare.pop().unwrap_or_default();
        let first = self.program.rulesets[ruleset.0 as usize].first;
        self.frames.push(Frame {
            ruleset,
            rule: first,
            loops: 0,
            status: Status::Ok,
            workspace: input,
            out,
        });
        self.state = State::Enter;
    }

    fn check_depth(&mut self) {
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

    /// Tries rules until one matches, and builds its right side.
    fn find_rule(&mut self, macros: &MacroTable) {
        let program = self.program;
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let end = program.rulesets[frame.ruleset.0 as usize].end;
        let resolved = frame
            .workspace
            .first()
            .is_some_and(|token| token.is(meta::NET));
        if resolved {
            self.state = State::Return;
            return;
        }
        let profile = Profile::of(&frame.workspace);
        while frame.rule < end {
            if T::ON {
                self.trace.event(program, Event::Try(RuleId(frame.rule)));
            }
            frame.loops += 1;
            if frame.loops > RULE_LOOPS_MAX {
                let number = program.rules[frame.rule as usize].number;
                let name = program.ruleset_name(frame.ruleset);
                let message = format!("Infinite loop in ruleset {name}, rule {number}");
                self.fault(&message);
                self.state = State::Return;
                return;
            }
            let head = &program.heads[frame.rule as usize];
            let possible = profile.allows(head) || (T::ON && self.trace.steps());
            if possible {
                let rule = &program.rules[frame.rule as usize];
                let (from, to) = rule.patterns;
                let mut matcher = Matcher {
                    program,
                    patterns: &program.patterns[from as usize..to as usize],
                    tokens: &frame.workspace,
                    bytes: &self.bytes,
                    macros,
                    trace: &mut self.trace,
                };
                if matcher.run(&mut self.bindings) {
                    if T::ON {
                        self.trace
                            .event(program, Event::Matches(RuleId(frame.rule)));
                    }
                    self.build(macros);
                    return;
                }
            }
            if T::ON {
                self.trace.event(program, Event::Fails(RuleId(frame.rule)));
            }
            frame.rule += 1;
            frame.loops = 0;
        }
        self.state = State::Return;
    }

    /// Builds the right side of the rule in hand: `$n` and `$&x` are put in.
    fn build(&mut self, macros: &MacroTable) {
        self.steps += 1;
        let program = self.program;
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let rule = &program.rules[frame.rule as usize];
        let (from, to) = rule.actions;
        let mut out = std::mem::take(&mut frame.out);
        out.clear();
        self.state = match (rule.looks_up, rule.calls) {
            (true, _) => State::Lookups,
            (false, true) => State::Calls,
            (false, false) => State::Apply,
        };
        self.pending.begin = 0;
        let mut out_of_bounds = None;
        let mut unusable = false;
        for action in &program.actions[from as usize..to as usize] {
            match *action {
                Action::Put(token) => out.push(token),
                Action::Copy(index) => {
                    let Some(frame) = self.frames.last() else {
                        break;
                    };
                    let Some(binding) = self.bindings.get(usize::from(index)) else {
                        out_of_bounds = Some(index + 1);
                        break;
                    };
                    let tokens =
                        &frame.workspace[usize::from(binding.first)..usize::from(binding.end)];
                    if T::ON {
                        let event = Event::Argument {
                            number: index + 1,
                            tokens: View {
                                program,
                                bytes: &self.bytes,
                                tokens,
                            },
                        };
                        self.trace.event(program, event);
                    }
                    out.extend_from_slice(tokens);
                }
                Action::Macro(name) => {
                    if !self.put_macro(name, macros, &mut out) {
                        unusable = true;
                        break;
                    }
                }
            }
        }
        let long = out.len() > WORKSPACE_TOKENS_MAX || self.bytes.len() > RULE_RUN_BYTES_MAX;
        if let Some(frame) = self.frames.last_mut() {
            frame.out = out;
        }
        if let Some(number) = out_of_bounds {
            let name = self
                .frames
                .last()
                .map_or(BStr::new(""), |frame| program.ruleset_name(frame.ruleset));
            let message = format!("rewrite: ruleset {name}: replacement ${number} out of bounds");
            self.fault(&message);
            self.abort(Status::Config);
        } else if unusable {
            self.abort(Status::Data);
        } else if long {
            self.too_long();
        } else if self.steps > RULE_RUN_STEPS_MAX {
            self.fault("rewrite: too many rules applied");
            self.abort(Status::Config);
        }
    }

    /// Appends the tokens of a macro's value as it is now; false when nothing
    /// can be made of it.
    fn put_macro(&mut self, name: u32, macros: &MacroTable, out: &mut Vec<Token>) -> bool {
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
        let Some(value) = value else { return true };
        let first = out.len();
        if !self.scan_into(value.text(), out) {
            return false;
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
            self.trace.event(program, Event::MacroToken(None));
        }
        true
    }

    /// Finds the next lookup of the right side and makes it the question;
    /// false when there is none.
    fn next_lookup(&mut self) -> bool {
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
        let view = View {
            program: self.program,
            bytes: &self.bytes,
            tokens: &[],
        };
        pending.map = match name {
            Some(token) => view.one(token).to_owned(),
            None => "host".into(),
        };
        if T::ON {
            let (from, to) = pending.key;
            let key = View {
                tokens: &frame.out[from..to],
                ..view
            }
            .text();
            let event = Event::Lookup {
                map: pending.map.as_bstr(),
                key: key.as_bstr(),
            };
            self.trace.event(self.program, event);
        }
        self.pending = pending;
        true
    }

    /// Begins the last call of the right side that has not been made yet.
    fn next_call(&mut self) {
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
        for (at, pair) in frame.out.windows(2).enumerate() {
            if !pair[0].is(meta::CALL) {
                continue;
            }
            let name = strip_quotes(view.one(pair[1]));
            let Some(ruleset) = program.ruleset(&name) else {
                frame.status = worse(frame.status, Status::Config);
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
        if !program.has_rules(ruleset) {
            // sendmail: a call of an empty ruleset is not even shown.
            frame.out.drain(at..at + 2);
            return;
        }
        let mut input = self.spare.pop().unwrap_or_default();
        input.extend_from_slice(&frame.out[at + 2..]);
        frame.out.truncate(at);
        self.enter(ruleset, input);
    }

    /// Makes the right side the workspace, and decides which rule is next.
    fn apply(&mut self) {
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

    /// Ends the innermost ruleset; gives the status of the run when it was the
    /// last.
    fn finish(&mut self) -> Option<Status> {
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
    fn leave(&mut self) -> Option<Status> {
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
    fn abort(&mut self, status: Status) {
        if let Some(frame) = self.frames.last_mut() {
            frame.status = worse(frame.status, status);
        }
        if let Some(status) = self.leave() {
            self.state = State::Stop(status);
        }
    }

    fn too_long(&mut self) {
        self.fault("rewrite: expansion too long");
        self.abort(Status::Data);
    }

    fn fault(&mut self, message: &str) {
        if T::ON {
            let tokens: &[Token] = self.frames.last().map_or(&[], |frame| &frame.workspace);
            let event = Event::Fault {
                message,
                workspace: View {
                    program: self.program,
                    bytes: &self.bytes,
                    tokens,
                },
            };
            self.trace.event(self.program, event);
        }
    }

    fn tell_answer(&mut self, pending: &Pending, answer: &Answer) {
        if T::ON {
            let event = Event::Answer {
                map: pending.map.as_bstr(),
                value: match answer {
                    Answer::Found(value) | Answer::FoundForNow(value) => Some(value.as_bstr()),
                    Answer::NotFound | Answer::TempFail | Answer::NoSuchMap => None,
                },
                temporary: matches!(answer, Answer::TempFail | Answer::FoundForNow(_)),
            };
            self.trace.event(self.program, event);
        }
    }

    /// Cuts an answer or the value of a macro into tokens; false when nothing
    /// can be made of it. Comments are left out, as in an address.
    fn scan_into(&mut self, text: &[u8], out: &mut Vec<Token>) -> bool {
        let first = out.len();
        let style = self.style();
        let scanned = scan_tokens(self.program, text, style, &mut self.bytes, out);
        if T::ON {
            for fault in scanned.faults.iter().copied() {
                let text = text.as_bstr();
                self.trace
                    .event(self.program, Event::Syntax { text, fault });
            }
        }
        if scanned.failed() {
            out.truncate(first);
        }
        out.len() > first || text.is_empty()
    }

    fn append(&mut self, text: &[u8], style: Style<'_>) -> Scanned {
        scan_tokens(
            self.program,
            text,
            style,
            &mut self.bytes,
            &mut self.workspace,
        )
    }

    fn out_view(&self, from: usize, to: usize) -> View<'_> {
        let out: &[Token] = self.frames.last().map_or(&[], |frame| &frame.out);
        self.view(out.get(from..to).unwrap_or_default())
    }

    fn view<'a>(&'a self, tokens: &'a [Token]) -> View<'a> {
        View {
            program: self.program,
            bytes: &self.bytes,
            tokens,
        }
    }

    fn take_spare_from(&mut self, tokens: &[Token]) -> Vec<Token> {
        let mut vector = self.spare.pop().unwrap_or_default();
        vector.clear();
        vector.extend_from_slice(tokens);
        vector
    }

    fn recycle(&mut self, mut vector: Vec<Token>) {
        vector.clear();
        self.spare.push(vector);
    }
}

impl Pending {
    /// Reads key, arguments and default of a lookup from `at` on.
    fn read(&mut self, out: &[Token], at: usize, end_token: Fold) {
        let end = out[at..]
            .iter()
            .position(|token| token.is(end_token))
            .map_or(out.len(), |found| at + found);
        self.end = (end + 1).min(out.len());
        let mut start = at;
        let mut part = None;
        for (place, token) in out.iter().enumerate().take(end + 1).skip(at) {
            let ends = place == end;
            if !(ends || token.is(meta::HOST) || token.is(meta::USER)) {
                continue;
            }
            self.close(part, (start, place));
            part = Some(token.fold);
            start = place + 1;
        }
        if end == out.len() {
            self.close(part, (start, end));
        }
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

/// What of a workspace decides at once whether a left side can match.
struct Profile {
    has: u64,
    length: u16,
    begins: Fold,
    ends: Fold,
}

impl Profile {
    fn of(tokens: &[Token]) -> Self {
        Self {
            has: tokens
                .iter()
                .fold(0, |mask, token| mask | Symbols::bit(token.fold)),
            length: u16::try_from(tokens.len()).unwrap_or(u16::MAX),
            begins: tokens.first().map_or(Fold::UNKNOWN, |token| token.fold),
            ends: tokens.last().map_or(Fold::UNKNOWN, |token| token.fold),
        }
    }

    #[inline]
    fn allows(&self, head: &super::program::Head) -> bool {
        head.needs & !self.has == 0
            && head.least <= self.length
            && self.length <= head.most
            && head.begins.is_none_or(|fold| fold == self.begins)
            && head.ends.is_none_or(|fold| fold == self.ends)
    }
}

/// Cuts text into tokens of a program.
fn scan_tokens(
    program: &Program,
    text: &[u8],
    style: Style<'_>,
    bytes: &mut Vec<u8>,
    out: &mut Vec<Token>,
) -> Scanned {
    scan(text, style, bytes, |bytes, start| {
        let text = &bytes[start..];
        out.push(Token {
            at: u32::try_from(start).unwrap_or(u32::MAX),
            length: u16::try_from(text.len()).unwrap_or(u16::MAX),
            local: true,
            operator: false,
            fold: program.symbols.find(text),
        });
    })
}

fn worse(one: Status, other: Status) -> Status {
    match (one, other) {
        (_, Status::TempFail) => Status::TempFail,
        (Status::Ok, other) => other,
        (one, _) => one,
    }
}

/// The text without its unescaped quotes.
fn strip_quotes(text: &[u8]) -> BString {
    let mut out = Vec::with_capacity(text.len());
    let mut escaped = false;
    for &byte in text {
        match byte {
            _ if escaped => {
                escaped = false;
                out.push(byte);
            }
            b'\\' => escaped = true,
            b'"' => {}
            _ => out.push(byte),
        }
    }
    out.into()
}
