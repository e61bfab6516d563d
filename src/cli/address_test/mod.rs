//! `sendmail -bt`: rules are tried on addresses, one line at a time.
//!
//! What is shown is the reference's, byte for byte: people and scripts compare
//! it. The rules, maps and names are the site's own, so an answer here is what
//! the daemon would do.

use std::collections::HashSet;
use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

mod address;
mod commands;
pub(in crate::cli) mod debug;
mod header_flags;
mod names;
mod open;
mod show;
mod sink;

use crate::base::Sysexit;
use crate::base::limits::TOKEN_BYTES_MAX;
use crate::cf::Config;
use crate::map::{self, MapId, Maps, OpenState, Scope};
use crate::rewrite::{
    Answer, ClassTable, Machine, MacroTable, Memory, Program, RulesetId, Scanned, Status, Step,
    Style,
};
use crate::world::{Resolver, Users};
pub use open::World;
pub(crate) use open::{Settings, open};
use sink::Sink;

/// The longest line that is read; what is longer goes on as the next.
const LINE_BYTES_MAX: usize = 2047;

/// How much is shown at once.
const OUTPUT_BYTES: usize = 64 << 10;

/// A session of the address test.
pub struct AddressTest {
    config: Config,
    program: Program,
    classes: ClassTable,
    maps: Maps,
    macros: MacroTable,
    resolver: Arc<dyn Resolver>,
    users: Arc<dyn Users>,
    /// Who runs this.
    login: BString,
    runtime: tokio::runtime::Runtime,
    sink: Sink,
    memory: Memory,
    /// Maps that cannot be asked, and were told of.
    told: HashSet<MapId>,
    /// What `/try` and `/parse` are about.
    role: Role,
}

/// Whose address, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Role {
    header: bool,
    sender: bool,
}

impl AddressTest {
    /// Reads commands until the input or the user ends it.
    pub fn run(&mut self, input: &mut dyn BufRead, output: &mut dyn Write) -> ExitCode {
        self.sink
            .text("ADDRESS TEST MODE (ruleset 3 NOT automatically invoked)\n");
        self.sink.text("Enter <ruleset> <address>\n");
        let mut line = Vec::new();
        loop {
            self.sink.text("> ");
            // What has been read already is worked through before anything is
            // written: piped input costs few system calls.
            let waiting = input.fill_buf().is_ok_and(|bytes| bytes.contains(&b'\n'));
            if (!waiting || self.sink.out.len() > OUTPUT_BYTES) && self.flush(output).is_err() {
                return ExitCode::from(Sysexit::IoErr.code());
            }
            line.clear();
            match read_line(input, &mut line) {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => return ExitCode::from(Sysexit::IoErr.code()),
            }
            if !self.line(&line) {
                break;
            }
        }
        let _ = self.flush(output);
        // sendmail: what may pass is no failure of the test.
        match self.sink.code {
            code if code == Sysexit::TempFail.code() => ExitCode::SUCCESS,
            code => ExitCode::from(code),
        }
    }

    /// Does what one line says; gives what is shown for it, and whether the
    /// session goes on.
    pub fn command(&mut self, line: &[u8]) -> (BString, bool) {
        let goes_on = self.line(line);
        (std::mem::take(&mut self.sink.out), goes_on)
    }

    fn flush(&mut self, output: &mut dyn Write) -> std::io::Result<()> {
        output.write_all(&self.sink.out)?;
        self.sink.out.clear();
        output.flush()
    }

    /// `ruleset,ruleset address`: each address of the line through each
    /// ruleset in turn.
    fn rules(&mut self, line: &[u8]) {
        let line = line.trim_ascii_start();
        let Some(end) = line.iter().position(u8::is_ascii_whitespace) else {
            self.sink.text("No address!\n");
            return;
        };
        let (names, mut rest) = (&line[..end], &line[end + 1..]);
        if !self.is_valid(rest) || !self.is_short(rest) {
            return;
        }
        loop {
            let consumed = self.rules_once(names, rest);
            match rest.get(consumed + 1..) {
                Some(more) => rest = more,
                None => return,
            }
        }
    }

    /// One address through the rulesets; gives how much of the text it was.
    fn rules_once(&mut self, names: &[u8], text: &[u8]) -> usize {
        let program = &self.program;
        let mut sink = std::mem::take(&mut self.sink);
        let memory = std::mem::take(&mut self.memory);
        let mut machine = Machine::with_memory(program, &mut sink, memory);
        let style = Style {
            delimiter: Some(b','),
            comments: self.config.version.level < 9,
            quoting: true,
            ..machine.style()
        };
        let scanned = machine.load(text, style);
        if !scanned.faults.is_empty() {
            machine.trace().about = text.into();
            complain(machine.trace(), &scanned);
            machine.trace().about.clear();
        }
        let mut runner = Runner {
            maps: &self.maps,
            macros: &mut self.macros,
            runtime: &self.runtime,
            told: &mut self.told,
        };
        if !machine.workspace().is_empty() {
            let mut names = names;
            while !names.is_empty() {
                let Some(ruleset) = commands::find_ruleset(program, names, machine.trace()) else {
                    break;
                };
                let status = runner.run(&mut machine, ruleset);
                if status != Status::Ok {
                    let number = program.ruleset_number(ruleset);
                    let code = status.sysexit().code();
                    machine.trace().text("== Ruleset ");
                    machine.trace().text(names);
                    machine.trace().text(format!(" ({number}) status {code}\n"));
                }
                names = match names.find_byte(b',') {
                    Some(comma) => &names[comma + 1..],
                    None => b"",
                };
            }
        }
        self.memory = machine.into_memory();
        self.sink = sink;
        if scanned.failed() {
            text.len()
        } else {
            scanned.consumed
        }
    }

    fn is_short(&mut self, text: &[u8]) -> bool {
        if text.len() < TOKEN_BYTES_MAX {
            return true;
        }
        self.sink.text("Address \"");
        self.sink.text(&text[..TOKEN_BYTES_MAX - 1]);
        self.sink
            .text(format!("\" too long ({} bytes max)\n", TOKEN_BYTES_MAX - 1));
        false
    }
}

/// Runs rulesets to their end, waiting for every map.
struct Runner<'a> {
    maps: &'a Maps,
    macros: &'a mut MacroTable,
    runtime: &'a tokio::runtime::Runtime,
    told: &'a mut HashSet<MapId>,
}

impl Runner<'_> {
    fn run(&mut self, machine: &mut Machine<'_, &mut Sink>, ruleset: RulesetId) -> Status {
        machine.start(ruleset);
        loop {
            match machine.step(self.macros) {
                Step::Done(status) => return status,
                Step::Lookup => {
                    let answer = self.answer(machine);
                    machine.answer(answer);
                }
            }
        }
    }

    fn answer(&mut self, machine: &mut Machine<'_, &mut Sink>) -> Answer {
        let query = machine.query();
        let Some(id) = self.maps.id(query.map) else {
            return Answer::NoSuchMap;
        };
        let style = self.maps.key_style(id);
        let key = query.key_text(style.space, style.keep_quotes);
        let arguments: Vec<BString> = query.arguments().collect();
        let arguments: Vec<&[u8]> = arguments.iter().map(|text| text.as_slice()).collect();
        self.tell_state(id, machine.trace());
        let (outcome, answer) = self.lookup(id, &key, &arguments);
        tell_timeout(machine.trace(), self.maps.class(id), &key, &outcome);
        if machine.trace().levels.at(60, 1) {
            let name = self.maps.name(id).to_owned();
            let sink = machine.trace();
            sink.text(format!("map_lookup({name}, {key}"));
            if sink.levels.at(60, 5) {
                let all = std::iter::once(key.as_bytes()).chain(arguments.iter().copied());
                for (number, argument) in all.enumerate() {
                    sink.text(format!(", %{number}={}", argument.as_bstr()));
                }
            }
            sink.text(") => ");
            match &outcome {
                map::Outcome::Found(value) => sink.text(value),
                _ => sink.text("NOT FOUND"),
            }
            sink.text(format!(" ({}), ad=0\n", outcome.code()));
            if outcome == map::Outcome::TempFail {
                sink.text(format!("map_lookup({name}, {key}) tempfail: errno=0\n"));
            }
        }
        match answer {
            // sendmail: with `-T` there is a value, and the run is temporary
            // all the same.
            map::Answer::Found(value) if outcome == map::Outcome::TempFail => {
                Answer::FoundForNow(value)
            }
            map::Answer::Found(value) => Answer::Found(value),
            map::Answer::NotFound => Answer::NotFound,
            map::Answer::TempFail => Answer::TempFail,
        }
    }

    /// Tells once of a map that cannot be asked.
    fn tell_state(&mut self, id: MapId, sink: &mut Sink) {
        if let OpenState::Faulty(line) = self.maps.open_state(id)
            && self.told.insert(id)
            && !line.is_empty()
        {
            sink.text(line);
            sink.text("\n");
            // sendmail: what the system refuses is another matter than what
            // the configuration gets wrong.
            sink.exits(Sysexit::OsErr.code());
        }
    }

    fn lookup(
        &mut self,
        id: MapId,
        key: &[u8],
        arguments: &[&[u8]],
    ) -> (map::Outcome, map::Answer) {
        let lookup = {
            let mut layer = Layer(self.macros);
            let mut scope = Scope {
                macros: &mut layer,
                // Nothing is put off here.
                deferring: false,
                queue_id: "",
            };
            self.maps.lookup_shown(id, key, arguments, &mut scope)
        };
        match lookup {
            map::Lookup::Ready(outcome) => outcome,
            map::Lookup::Pending(later) => self.runtime.block_on(later),
        }
    }
}

/// Lets maps set macros.
struct Layer<'a>(&'a mut MacroTable);

impl map::MacroTable for Layer<'_> {
    fn set(&mut self, name: &[u8], value: Option<&[u8]>) {
        match value {
            Some(value) => self.0.set(name, value),
            None => self.0.unset(name),
        }
    }
}

/// The reference tells of a name server that does not answer where it asks.
fn tell_timeout(sink: &mut Sink, class: &BStr, key: &[u8], outcome: &map::Outcome) {
    if class == "host" && *outcome == map::Outcome::TempFail {
        sink.text(key);
        sink.text(": Name server timeout\n");
    }
}

/// Shows what is wrong with the syntax of an address.
fn complain(sink: &mut Sink, scanned: &Scanned) {
    for fault in &scanned.faults {
        sink.complaint(fault.to_string());
    }
}

/// Reads a line without its end; false at the end of input.
fn read_line(input: &mut dyn BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    let mut limited = std::io::Read::take(input, LINE_BYTES_MAX as u64);
    if limited.read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(true)
}
