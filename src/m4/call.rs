//! Macro calls: collecting their arguments, expanding them, and putting the
//! expansion in front of the input.

use super::builtins::Builtin;
use super::input::{Kind, Source, Text};
use super::message::text;
use super::origin::Place;
use super::symbols::{Body, NameId};
use super::{M4, Stop};

/// One argument: a piece of the arena, or a builtin as a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    start: usize,
    end: usize,
    builtin: Option<Builtin>,
}

/// A call whose arguments are being collected.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) name: NameId,
    pub(super) body: Body,
    /// Where its name stands.
    pub(super) place: Place,
    /// The arena and the spans as they were before it.
    arena_start: usize,
    span_start: usize,
    /// Where the current argument begins in the arena.
    argument_start: usize,
    /// And where it begins in the input: the parenthesis or comma before it.
    pub(super) argument_place: Place,
    /// Open parentheses inside the current argument.
    parentheses: u32,
    /// White space is skipped: nothing of the argument was seen yet.
    pub(super) blank: bool,
    /// The current argument is this builtin.
    builtin: Option<Builtin>,
    /// The number of the call, for traces.
    pub(super) id: u64,
    pub(super) traced: bool,
}

/// A call with all its arguments, as builtins see it.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) name: &'a [u8],
    arena: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Call<'a> {
    /// The number of arguments.
    pub(super) fn count(&self) -> usize {
        self.spans.len()
    }

    /// An argument, counted from 1; empty when there are fewer.
    pub(super) fn argument(&self, index: usize) -> &'a [u8] {
        let span = index.checked_sub(1).and_then(|index| self.spans.get(index));
        span.and_then(|span| self.arena.get(span.start..span.end))
            .unwrap_or_default()
    }

    /// The builtin that an argument is.
    pub(super) fn builtin(&self, index: usize) -> Option<Builtin> {
        self.spans.get(index.checked_sub(1)?)?.builtin
    }

    /// All arguments from one on.
    pub(super) fn arguments_from(&self, first: usize) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let call = *self;
        (first..=call.count()).map(move |index| call.argument(index))
    }

    /// The call of another macro, with the arguments after the first.
    pub(super) fn shifted(&self) -> Self {
        Self {
            name: self.argument(1),
            arena: self.arena,
            spans: self.spans.get(1..).unwrap_or_default(),
        }
    }
}

impl M4<'_> {
    /// Begins a call. Without a parenthesis it is expanded at once.
    pub(super) fn begin_call(
        &mut self,
        name: NameId,
        body: Body,
        place: Place,
        called: bool,
    ) -> Result<(), Stop> {
        self.here = place;
        self.calls += 1;
        self.work = self.work.saturating_add(1);
        if self.work > self.settings.limits.calls {
            let limit = self.settings.limits.calls;
            return self.limit(format!("more than {limit} macro calls"));
        }
        let nesting = self.settings.limits.nesting;
        if self.frames.len() >= nesting {
            let message = format!("recursion limit of {nesting} exceeded, use -L<N> to change it");
            return self.limit(message);
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.blank = false;
        }
        let mut frame = Frame {
            name,
            body,
            place,
            arena_start: self.arena.len(),
            span_start: self.spans.len(),
            argument_start: self.arena.len(),
            argument_place: place,
            parentheses: 0,
            blank: true,
            builtin: None,
            id: self.calls,
            traced: self.is_traced(name),
        };
        self.trace_before(&frame);
        if !called {
            return self.end_call(frame);
        }
        self.read_byte()?;
        frame.argument_place = self.last_place();
        self.frames.push(frame);
        Ok(())
    }

    /// Takes `(`, `)` or `,` inside of arguments.
    pub(super) fn take_punctuation(&mut self, byte: u8) -> Result<(), Stop> {
        let Some(frame) = self.frames.last_mut() else {
            return Ok(());
        };
        match byte {
            b'(' => {
                frame.parentheses += 1;
                frame.blank = false;
            }
            b')' if frame.parentheses > 0 => frame.parentheses -= 1,
            b',' if frame.parentheses > 0 => {}
            _ => return self.end_argument(byte == b')'),
        }
        self.take_in(1)
    }

    /// Ends the current argument, and with a parenthesis the call.
    fn end_argument(&mut self, last: bool) -> Result<(), Stop> {
        let place = self.top_place();
        if let Some(source) = self.input.sources.last_mut() {
            source.at += 1;
        }
        let Some(frame) = self.frames.last_mut() else {
            return Ok(());
        };
        let mut end = self.arena.len();
        if frame.builtin.is_some() {
            // Text after a builtin is lost.
            self.arena.truncate(frame.argument_start);
            end = frame.argument_start;
        }
        let takes_values = match &frame.body {
            Body::Builtin(called) => called.takes_values(),
            Body::Text { .. } => false,
        };
        self.spans.push(Span {
            start: frame.argument_start,
            end,
            builtin: frame.builtin.take().filter(|_| takes_values),
        });
        frame.argument_start = end;
        frame.argument_place = place;
        frame.blank = true;
        if !last {
            return Ok(());
        }
        match self.frames.pop() {
            Some(frame) => self.end_call(frame),
            None => Ok(()),
        }
    }

    /// Takes a builtin as a value into the current argument.
    pub(super) fn take_value(&mut self, builtin: Builtin) {
        if let Some(frame) = self.frames.last_mut() {
            frame.blank = false;
            if self.arena.len() == frame.argument_start {
                frame.builtin = Some(builtin);
            }
        }
    }

    /// Expands a call whose arguments are complete.
    fn end_call(&mut self, frame: Frame) -> Result<(), Stop> {
        self.here = frame.place;
        let arena = std::mem::take(&mut self.arena);
        let spans = std::mem::take(&mut self.spans);
        let name = self.symbols.text(frame.name);
        let call = Call {
            name: &name,
            arena: &arena,
            spans: spans.get(frame.span_start..).unwrap_or_default(),
        };
        if frame.traced {
            self.trace_call(&frame, &call);
        }
        let mut expansion = self.input.buffer();
        let result = self.expand(&frame.body, &call, &mut expansion);
        if frame.traced && result.is_ok() {
            self.trace_expansion(&frame, &call, &expansion);
        }
        self.arena = arena;
        self.spans = spans;
        self.arena.truncate(frame.arena_start);
        self.spans.truncate(frame.span_start);
        result?;
        self.put_back(&frame, expansion)
    }

    /// Puts an expansion in front of the input.
    fn put_back(&mut self, frame: &Frame, expansion: Vec<u8>) -> Result<(), Stop> {
        if let Some(builtin) = self.value.take() {
            self.input.give_back(expansion);
            return self.push_source(Source {
                text: Text::Owned(Vec::new()),
                at: 0,
                kind: Kind::Builtin(builtin, frame.place),
            });
        }
        let text = match &frame.body {
            Body::Text {
                text,
                dollars: false,
            } => {
                self.input.give_back(expansion);
                Text::Shared(std::rc::Rc::clone(text))
            }
            _ => Text::Owned(expansion),
        };
        if text.bytes().is_empty() {
            if let Text::Owned(buffer) = text {
                self.input.give_back(buffer);
            }
            return Ok(());
        }
        self.push_source(Source {
            text,
            at: 0,
            kind: Kind::Expansion(frame.place),
        })
    }

    /// Expands a macro into `expansion`.
    pub(super) fn expand(
        &mut self,
        body: &Body,
        call: &Call<'_>,
        expansion: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        match body {
            Body::Builtin(builtin) => builtin.run(self, call, expansion),
            // Such a body is put back as it is; only traces and `indir` want
            // to see it here.
            Body::Text { text, dollars } => {
                if *dollars {
                    self.substitute(text, call, expansion)
                } else {
                    expansion.extend_from_slice(text);
                    Ok(())
                }
            }
        }
    }

    /// Replaces `$0`, `$1`, …, `$#`, `$*` and `$@` in a macro's body.
    fn substitute(
        &mut self,
        body: &[u8],
        call: &Call<'_>,
        expansion: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        let mut rest = body;
        while let Some(dollar) = memchr::memchr(b'$', rest) {
            expansion.extend_from_slice(&rest[..dollar]);
            rest = &rest[dollar + 1..];
            let used = match rest.first() {
                Some(b'0'..=b'9') => self.substitute_number(rest, call, expansion),
                Some(b'#') => {
                    expansion.extend_from_slice(call.count().to_string().as_bytes());
                    1
                }
                Some(b'*') => {
                    self.join(call, 1, false, expansion);
                    1
                }
                Some(b'@') => {
                    self.join(call, 1, true, expansion);
                    1
                }
                _ => {
                    expansion.push(b'$');
                    0
                }
            };
            rest = &rest[used..];
            let limit = self.settings.limits.pending_bytes;
            if expansion.len() > limit {
                return self.limit(format!("an expansion of more than {limit} bytes"));
            }
        }
        expansion.extend_from_slice(rest);
        Ok(())
    }

    /// Replaces one number; gives how many digits it has.
    fn substitute_number(&self, rest: &[u8], call: &Call<'_>, expansion: &mut Vec<u8>) -> usize {
        let digits = if self.settings.traditional {
            1
        } else {
            rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
        };
        let number = rest[..digits].iter().fold(0usize, |number, digit| {
            number
                .saturating_mul(10)
                .saturating_add(usize::from(digit - b'0'))
        });
        expansion.extend_from_slice(if number == 0 {
            call.name
        } else {
            call.argument(number)
        });
        digits
    }

    /// Appends the arguments from `first` on, with commas between them.
    pub(super) fn join(
        &self,
        call: &Call<'_>,
        first: usize,
        quoted: bool,
        expansion: &mut Vec<u8>,
    ) {
        for (index, argument) in call.arguments_from(first).enumerate() {
            if index > 0 {
                expansion.push(b',');
            }
            if quoted {
                expansion.extend_from_slice(&self.syntax.quote_open);
            }
            expansion.extend_from_slice(argument);
            if quoted {
                expansion.extend_from_slice(&self.syntax.quote_close);
            }
        }
    }

    /// Says that a macro is not defined.
    pub(super) fn fault_undefined(&mut self, name: &[u8]) -> Result<(), Stop> {
        self.fault(text!("undefined macro `", name, "'"))
    }
}
