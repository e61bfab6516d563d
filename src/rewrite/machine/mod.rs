//! Runs rulesets over a workspace, and pauses where a map must be asked.
//!
//! The machine does nothing by itself: it is given an address, stepped, given
//! the answers of maps, and read. Macros are handed to each step, so that a
//! map that sets one may do so in between. It keeps its memory from run to
//! run; use one for many addresses.
//!
//! `rules` finds the rule that matches and builds its right side, `lookup`
//! asks the maps of the right side, `calls` enters and leaves rulesets.

mod calls;
mod lookup;
mod rules;

use bstr::{BString, ByteSlice};

use super::macros::MacroTable;
use super::matcher::Bindings;
use super::program::{Program, RulesetId};
use super::scan::{Scanned, Style, scan};
use super::symbol::{Symbols, Token, meta};
use super::trace::{Event, NoTrace, Trace};
use super::view::View;
use crate::base::Sysexit;
use lookup::Pending;
pub use lookup::Query;

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

/// What a machine has allocated, for the next one.
#[derive(Default)]
pub struct Memory {
    bytes: Vec<u8>,
    frames: Vec<Frame>,
    spare: Vec<Vec<Token>>,
    bindings: Bindings,
}

/// A ruleset that is running.
struct Frame {
    ruleset: RulesetId,
    /// The rule in hand.
    rule: u32,
    /// How often it has been tried on end.
    loops: usize,
    status: Status,
    /// Whether the right side may call.
    calls: bool,
    /// Calls of the right side are looked for before this token: what a call
    /// has made is not called again.
    uncalled: usize,
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

impl<'p> Machine<'p> {
    /// A machine that tells nobody what it does.
    pub fn new(program: &'p Program) -> Self {
        Machine::with_trace(program, NoTrace)
    }
}

impl<'p, T: Trace> Machine<'p, T> {
    /// A machine that tells `trace` what it does.
    pub fn with_trace(program: &'p Program, trace: T) -> Self {
        Self::with_memory(program, trace, Memory::default())
    }

    /// The same, with the memory of another machine.
    pub fn with_memory(program: &'p Program, trace: T, mut memory: Memory) -> Self {
        let workspace = memory.spare.pop().unwrap_or_default();
        Self {
            program,
            trace,
            bytes: memory.bytes,
            workspace,
            frames: memory.frames,
            spare: memory.spare,
            bindings: memory.bindings,
            state: State::Rest,
            pending: Pending::default(),
            steps: 0,
        }
    }

    /// The machine's memory, for another one.
    pub fn into_memory(mut self) -> Memory {
        self.clear();
        let workspace = std::mem::take(&mut self.workspace);
        self.recycle(workspace);
        Memory {
            bytes: self.bytes,
            frames: self.frames,
            spare: self.spare,
            bindings: self.bindings,
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

    /// Takes the first token out of the workspace when it is this text.
    pub fn strip_first(&mut self, text: &[u8]) {
        let first = self.workspace().tokens().next();
        if first.is_some_and(|first| first == text) {
            self.workspace.remove(0);
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
                    // No answer of a map ever calls.
                    self.state = match self.frames.last() {
                        Some(frame) if !frame.calls => State::Apply,
                        _ => State::Calls,
                    };
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
        out.push(Token::local(start, text, program.symbols.find(text)));
    })
}

/// The status of a run in which both happened.
fn worse(one: Status, other: Status) -> Status {
    match (one, other) {
        (_, Status::TempFail) => Status::TempFail,
        (Status::Ok, other) => other,
        (one, _) => one,
    }
}
