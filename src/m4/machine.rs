//! The machine itself: its state, its interface, and the main loop that takes
//! tokens from the input.

use super::builtins::{Builtin, PatternCache};
use super::call::{Frame, Span};
use super::input::{Input, Kind, Source, Text};
use super::message::{Weight, text};
use super::origin::{Files, LineOrigin, Place};
use super::output::{Diversions, Output};
use super::record::Record;
use super::scan::{Ahead, stretch};
use super::symbols::{Body, Definition, Symbols};
use super::syntax::{COMMENT, INSIDE, OUTSIDE, QUOTE, Syntax, WORD_START};
use super::{DebugFlags, Host, Settings};

/// Why a run ended before its input did.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// `m4exit` with this status. What was written to diversion 0 stands.
    #[error("m4exit with status {0}")]
    Exit(i32),
    /// A fault that GNU m4 ends with too; a [`super::Message`] was given.
    #[error("{0}")]
    Fatal(String),
    /// One of the [`super::Limits`] was reached; a message was given.
    #[error("{0}")]
    Limit(String),
}

impl Stop {
    /// The exit status of a run that ended so.
    pub fn status(&self) -> i32 {
        match self {
            Self::Exit(status) => *status,
            Self::Fatal(_) | Self::Limit(_) => 1,
        }
    }
}

/// So many bytes of input are as much work as a call.
const WORK_BYTES: u64 = 256;

/// One run of the macro processor.
pub struct M4<'h> {
    pub(super) host: &'h mut dyn Host,
    pub(super) settings: Settings,
    pub(super) files: Files,
    pub(super) symbols: Symbols,
    pub(super) syntax: Syntax,
    pub(super) input: Input,
    /// The calls whose arguments are being collected, outermost first.
    pub(super) frames: Vec<Frame>,
    /// Their arguments' text, end to end.
    pub(super) arena: Vec<u8>,
    /// And where in it each argument is.
    pub(super) spans: Vec<Span>,
    pub(super) output: Diversions,
    /// Texts of `m4wrap`, last first.
    pub(super) wraps: Vec<Source>,
    /// The place that messages name: that of the call being expanded.
    pub(super) here: Place,
    /// The place in the outermost file that everything now belongs to.
    pub(super) asked: Place,
    /// A token that more than one source has a part of.
    pub(super) token: Vec<u8>,
    pub(super) status: i32,
    pub(super) sysval: i32,
    pub(super) calls: u64,
    /// Calls, and bytes of expansion in units of a call.
    pub(super) work: u64,
    pub(super) messages: usize,
    pub(super) wrapped_bytes: usize,
    /// A builtin that the call being expanded gives as a value.
    pub(super) value: Option<Builtin>,
    /// The call being expanded shows its expansion in a trace even when there
    /// is none.
    pub(super) show_empty: bool,
    /// The beginning of the line that a traced call gets.
    pub(super) trace_line: Vec<u8>,
    pub(super) record: Record,
    pub(super) patterns: PatternCache,
}

impl<'h> M4<'h> {
    /// A machine that has read nothing yet.
    pub fn new(host: &'h mut dyn Host, settings: Settings) -> Self {
        let mut m4 = Self {
            host,
            files: Files::new(),
            symbols: Symbols::default(),
            syntax: Syntax::new(),
            input: Input::default(),
            frames: Vec::new(),
            arena: Vec::new(),
            spans: Vec::new(),
            output: Diversions::new(settings.origins),
            wraps: Vec::new(),
            here: Place::default(),
            asked: Place::default(),
            token: Vec::new(),
            status: 0,
            sysval: 0,
            calls: 0,
            work: 0,
            messages: 0,
            wrapped_bytes: 0,
            value: None,
            show_empty: false,
            trace_line: Vec::new(),
            record: Record::default(),
            patterns: PatternCache::default(),
            settings,
        };
        m4.define_builtins();
        m4
    }

    /// Defines a macro as `-D` does.
    pub fn define(&mut self, name: &[u8], value: &[u8]) {
        // Said, and never fatal: it has no place in any file.
        let _ = self.check_sequences(name, value);
        let id = self.symbols.intern(name);
        let definition = Definition {
            body: Body::text(value),
            record: None,
        };
        self.symbols.define(id, definition);
    }

    /// Undefines a macro as `-U` does.
    pub fn undefine(&mut self, name: &[u8]) {
        if let Some(id) = self.symbols.find(name) {
            self.symbols.undefine(id);
        }
    }

    /// Writes `#line` directives from now on, as `-s` asks.
    pub fn set_synclines(&mut self) {
        self.settings.synclines = true;
    }

    /// Traces a macro as `-t` does.
    pub fn trace(&mut self, name: &[u8]) {
        let id = self.symbols.intern(name);
        self.symbols.set_traced(id, true);
    }

    /// Reads a file through the host and processes it to its end. A file
    /// that cannot be read is an error that the run survives, as in GNU m4.
    ///
    /// # Errors
    /// The run is over: see [`Stop`].
    pub fn process_file(&mut self, name: &[u8]) -> Result<(), Stop> {
        self.here = Place::default();
        self.asked = Place::default();
        match self.host.read(name) {
            Ok(found) => {
                self.note_path_search(name, &found.path);
                self.process_bytes(&found.path, found.bytes)
            }
            Err(reason) => self.say(Weight::Error, text!("cannot open `", name, "': ", reason.0)),
        }
    }

    /// Processes a text to its end under the name that messages and
    /// `__file__` give it.
    ///
    /// # Errors
    /// The run is over: see [`Stop`].
    pub fn process_bytes(&mut self, name: &[u8], bytes: Vec<u8>) -> Result<(), Stop> {
        self.push_file(name, bytes, true)?;
        self.run()
    }

    /// Processes what `m4wrap` put aside, brings all diversions back, and
    /// gives the result. An `m4exit` on the way is an end like another: the
    /// result has its status.
    ///
    /// # Errors
    /// The run ended with a fault: see [`Stop`].
    pub fn finish(self) -> Result<Output, Stop> {
        match self.conclude(Ok(())) {
            (output, None | Some(Stop::Exit(_))) => Ok(output),
            (_, Some(stop)) => Err(stop),
        }
    }

    /// Ends a run that went as `ran` says: as [`M4::finish`] when it may go
    /// on; else at once, as `m4exit` and fatal errors do: what diversion 0 has
    /// is the result, everything else is dropped.
    pub fn conclude(mut self, ran: Result<(), Stop>) -> (Output, Option<Stop>) {
        match ran.and_then(|()| self.process_wraps()) {
            Ok(()) => {
                self.flush();
                let buffer = self.output.take_all();
                (
                    Output::new(buffer, self.files, self.record, self.status),
                    None,
                )
            }
            Err(stop) => {
                self.flush();
                let buffer = self.output.take_main();
                let output = Output::new(buffer, self.files, self.record, stop.status());
                (output, Some(stop))
            }
        }
    }

    /// Processes what `m4wrap` put aside, and brings all diversions back.
    fn process_wraps(&mut self) -> Result<(), Stop> {
        while !self.wraps.is_empty() {
            let wraps = std::mem::take(&mut self.wraps);
            self.wrapped_bytes = 0;
            for source in wraps {
                self.push_source(source)?;
            }
            self.run()?;
        }
        self.output.divert(0);
        for number in self.output.parked() {
            self.output.undivert(number);
        }
        Ok(())
    }

    /// The exit status so far.
    pub fn status(&self) -> i32 {
        self.status
    }

    /// Where the machine is: the origin of text that was written now.
    pub fn origin(&self) -> LineOrigin {
        self.files.line_origin(self.places())
    }

    /// Hands finished output to the host, when it wants it.
    pub(super) fn flush(&mut self) {
        if self.settings.stream {
            self.output.flush(self.host);
        }
    }

    pub(super) fn push_file(
        &mut self,
        name: &[u8],
        bytes: Vec<u8>,
        outermost: bool,
    ) -> Result<(), Stop> {
        let file = self.files.add(name);
        self.note_input_file(file);
        self.output.lose_sync();
        self.push_source(Source {
            text: Text::Owned(bytes),
            at: 0,
            kind: Kind::File {
                file,
                line: 1,
                counted: 0,
                call_line: 1,
                outermost,
            },
        })
    }

    /// Puts a text in front of the input.
    pub(super) fn push_source(&mut self, source: Source) -> Result<(), Stop> {
        let length = source.text.bytes().len() as u64;
        self.work = self.work.saturating_add(length / WORK_BYTES);
        self.input.push(source);
        let limit = self.settings.limits.pending_bytes;
        // A stack of many empty sources costs memory as well.
        let stack = self.input.sources.len().saturating_mul(size_of::<Source>());
        if self.input.pending_bytes.saturating_add(stack) > limit {
            return self.limit(format!("more than {limit} bytes of input wait"));
        }
        Ok(())
    }

    /// Says that a limit was reached, and stops.
    pub(super) fn limit(&mut self, what: String) -> Result<(), Stop> {
        match self.say(Weight::Fatal, what.clone().into_bytes()) {
            Err(Stop::Fatal(_)) | Ok(()) => Err(Stop::Limit(what)),
            Err(other) => Err(other),
        }
    }

    /// Takes tokens until the input is used up.
    fn run(&mut self) -> Result<(), Stop> {
        while self.step()? {}
        if let Some(frame) = self.frames.last() {
            let place = frame.argument_place;
            let message = b"ERROR: end of file in argument list".to_vec();
            self.say_at(Weight::Fatal, place, message)?;
        }
        Ok(())
    }

    /// Takes one token, or a run of plain text; false at the end of input.
    fn step(&mut self) -> Result<bool, Stop> {
        let Some(source) = self.input.sources.last_mut() else {
            return Ok(false);
        };
        if source.is_used_up() {
            self.pop_source()?;
            return Ok(true);
        }
        if let Kind::Builtin(builtin, _) = source.kind {
            source.at = 1;
            self.take_value(builtin);
            return Ok(true);
        }
        let only = self.input.sources.len() == 1;
        let Some(source) = self.input.sources.last_mut() else {
            return Ok(false);
        };
        let rest = source.text.bytes().get(source.at..).unwrap_or_default();
        let mut blanks = 0;
        let classes = match self.frames.last_mut() {
            None => OUTSIDE,
            Some(frame) => {
                if frame.blank {
                    blanks = self.syntax.span_blank(rest);
                    frame.blank = blanks == rest.len();
                }
                INSIDE
            }
        };
        let (plain, ahead) = stretch(&rest[blanks..], classes, only, &self.syntax, &self.symbols);
        source.at += blanks;
        if plain > 0 {
            self.take_plain(plain)?;
        }
        match ahead {
            Ahead::Nothing => {}
            Ahead::Byte(byte) => self.take_token(byte)?,
            Ahead::Name(name, length) => self.take_name(name, length)?,
            Ahead::LongWord => self.take_long_word()?,
        }
        Ok(true)
    }

    /// Takes the token that begins with a byte of some meaning.
    fn take_token(&mut self, byte: u8) -> Result<(), Stop> {
        let class = self.syntax.class(byte);
        if class & COMMENT != 0 && self.input.goes_on_with(&self.syntax.comment_open) {
            return self.take_comment();
        }
        if class & WORD_START != 0 {
            // It may begin a comment, but it does not.
            return self.take_word();
        }
        if class & QUOTE != 0 && self.input.goes_on_with(&self.syntax.quote_open) {
            return self.take_quoted();
        }
        if !self.frames.is_empty() {
            match byte {
                b'(' | b')' | b',' => return self.take_punctuation(byte),
                _ => {}
            }
        }
        self.take_plain(1)
    }

    /// Takes away a source that is used up.
    pub(super) fn pop_source(&mut self) -> Result<(), Stop> {
        let file = match self.input.sources.last_mut() {
            Some(source) if matches!(source.kind, Kind::File { .. }) => {
                let end = source.text.bytes().len();
                let noted = self.settings.debug.has(DebugFlags::INPUT);
                noted.then(|| source.place_of(end))
            }
            _ => {
                self.input.pop();
                return Ok(());
            }
        };
        self.input.pop();
        self.output.lose_sync();
        if let Some(place) = file {
            self.note_input_end(place);
        }
        Ok(())
    }
}
