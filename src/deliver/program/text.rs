//! The text of a message as a program gets it: line ends, long lines, dots and
//! `From ` as its mailer says.

use memchr::memchr;

use crate::deliver::agent::ProgramText;
use crate::deliver::mailbox::FromEscaper;

/// Writes text with LF line ends in the form of a mailer. Feed it in pieces of
/// any size.
pub(super) struct Encoder<'a> {
    form: &'a ProgramText,
    escaper: FromEscaper,
    scratch: Vec<u8>,
    /// The line so far, as far as it may still have to be broken.
    line: Vec<u8>,
    /// It began with the blank of a broken line.
    goes_on: bool,
    ends_open: bool,
}

impl<'a> Encoder<'a> {
    pub(super) fn new(form: &'a ProgramText) -> Self {
        Self {
            form,
            escaper: FromEscaper::new(),
            scratch: Vec::new(),
            line: Vec::new(),
            goes_on: false,
            ends_open: false,
        }
    }

    /// A part of the header.
    pub(super) fn head(&mut self, text: &[u8], out: &mut Vec<u8>) {
        self.lines(text, out);
    }

    /// A part of the body.
    pub(super) fn body(&mut self, text: &[u8], out: &mut Vec<u8>) {
        if !self.form.escape_from {
            return self.lines(text, out);
        }
        let mut escaped = std::mem::take(&mut self.scratch);
        self.escaper.escape(text, &mut escaped);
        self.lines(&escaped, out);
        escaped.clear();
        self.scratch = escaped;
    }

    /// The end of the text: its last line is completed.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if self.form.escape_from {
            let mut rest = Vec::new();
            self.escaper.finish(&mut rest);
            self.lines(&rest, out);
        }
        if self.ends_open || !self.line.is_empty() {
            self.lines(b"\n", out);
        }
        if self.form.blank_end {
            out.extend_from_slice(&self.form.eol);
        }
    }

    fn lines(&mut self, mut text: &[u8], out: &mut Vec<u8>) {
        let form = self.form;
        if form.line_max == 0 && form.eol == "\n" && !form.double_dots {
            self.ends_open = text.last().map_or(self.ends_open, |last| *last != b'\n');
            return out.extend_from_slice(text);
        }
        while let Some(end) = memchr(b'\n', text) {
            self.part(&text[..end], out);
            out.append(&mut self.line);
            out.extend_from_slice(&form.eol);
            self.goes_on = false;
            self.ends_open = false;
            text = &text[end + 1..];
        }
        self.part(text, out);
    }

    /// A part of a line. A line that may still be too long is held back.
    fn part(&mut self, mut text: &[u8], out: &mut Vec<u8>) {
        if !self.ends_open && self.form.double_dots && text.first() == Some(&b'.') {
            out.push(b'.');
        }
        self.ends_open |= !text.is_empty();
        let Ok(max @ 1..) = usize::try_from(self.form.line_max) else {
            return out.extend_from_slice(text);
        };
        // sendmail: a line beyond L= is broken with `!` and goes on after a
        // blank, both of which count.
        let max = max.max(3);
        while !text.is_empty() {
            let room = max - usize::from(self.goes_on);
            let taken = (room - self.line.len()).min(text.len());
            self.line.extend_from_slice(&text[..taken]);
            text = &text[taken..];
            if self.line.len() == room && !text.is_empty() {
                let last = self.line.pop();
                out.append(&mut self.line);
                out.push(b'!');
                out.extend_from_slice(&self.form.eol);
                out.push(b' ');
                self.goes_on = true;
                self.line.extend(last);
            }
        }
    }
}

#[cfg(test)]
mod tests;
