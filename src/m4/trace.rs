//! Traces of macro calls, as `traceon` and the debug flags ask for them.
//!
//! A call is shown in one line when it is done; with flag `c` in three: when
//! its name was read, when its arguments are there, and when it is done.

use super::M4;
use super::call::{Call, Frame};
use super::message::text;
use super::settings::DebugFlags;
use super::symbols::NameId;

impl M4<'_> {
    /// Whether calls of this macro are shown.
    pub(super) fn is_traced(&self, name: NameId) -> bool {
        self.settings.debug.has(DebugFlags::ALL) || self.symbols.is_traced(name)
    }

    /// Shows a call before its arguments are collected.
    pub(super) fn trace_before(&mut self, frame: &Frame) {
        if frame.traced && self.settings.debug.has(DebugFlags::CALL) {
            let name = self.symbols.text(frame.name);
            let line = text!(self.trace_head(frame), name, " ...\n");
            self.tell(&line);
        }
    }

    /// Shows a call with its arguments, or keeps that for the line to come.
    pub(super) fn trace_call(&mut self, frame: &Frame, call: &Call<'_>) {
        self.show_empty = false;
        let mut line = text!(self.trace_head(frame), call.name);
        if call.count() > 0 && self.settings.debug.has(DebugFlags::ARGUMENTS) {
            line.push(b'(');
            for index in 1..=call.count() {
                if index > 1 {
                    line.extend_from_slice(b", ");
                }
                match call.builtin(index) {
                    Some(builtin) => line.extend(text!("<", builtin.name(), ">")),
                    None => self.show(call.argument(index), &mut line),
                }
            }
            line.push(b')');
        }
        if self.settings.debug.has(DebugFlags::CALL) {
            line.extend_from_slice(b" -> ???\n");
            self.tell(&line);
            line.clear();
        }
        self.trace_line = line;
    }

    /// Shows what a call gave.
    pub(super) fn trace_expansion(&mut self, frame: &Frame, call: &Call<'_>, expansion: &[u8]) {
        let mut line = std::mem::take(&mut self.trace_line);
        if self.settings.debug.has(DebugFlags::CALL) {
            line.extend(text!(self.trace_head(frame), call.name));
            if call.count() > 0 {
                line.extend_from_slice(b"(...)");
            }
        }
        let shown = std::mem::take(&mut self.show_empty) || !expansion.is_empty();
        if shown && self.settings.debug.has(DebugFlags::EXPANSION) {
            line.extend_from_slice(b" -> ");
            self.show(expansion, &mut line);
        }
        line.push(b'\n');
        self.tell(&line);
    }

    /// What every line of a trace begins with.
    fn trace_head(&self, frame: &Frame) -> Vec<u8> {
        let mut head = text!("m4trace:", self.debug_place());
        let level = self.frames.len() + 1;
        head.extend_from_slice(format!(" -{level}- ").as_bytes());
        if self.settings.debug.has(DebugFlags::CALL_ID) {
            head.extend_from_slice(format!("id {}: ", frame.id).as_bytes());
        }
        head
    }

    /// Appends a text, quoted and cut as the options say.
    fn show(&self, text: &[u8], line: &mut Vec<u8>) {
        let quote = self.settings.debug.has(DebugFlags::QUOTE);
        if quote {
            line.extend_from_slice(&self.syntax.quote_open);
        }
        let length = self.settings.trace_length;
        match text.get(..length) {
            Some(cut) if length > 0 => line.extend(text!(cut, "...")),
            _ => line.extend_from_slice(text),
        }
        if quote {
            line.extend_from_slice(&self.syntax.quote_close);
        }
    }

    /// The file and the line, as far as the flags ask for them.
    pub(super) fn debug_place(&self) -> Vec<u8> {
        let mut place = Vec::new();
        if self.here.line == 0 {
            return place;
        }
        if self.settings.debug.has(DebugFlags::FILE) {
            place.extend(text!(self.files.name(self.here.file), ":"));
        }
        if self.settings.debug.has(DebugFlags::LINE) {
            place.extend(text!(self.here.line.to_string(), ":"));
        }
        place
    }

    /// Gives debugging text to the host, all output before it written.
    pub(super) fn tell(&mut self, text: &[u8]) {
        self.flush();
        self.host.debug(text);
    }

    /// Forgets the line of the call that is being traced: GNU m4 loses it
    /// when the flags change under it.
    pub(super) fn forget_trace(&mut self) {
        self.trace_line.clear();
    }
}
