//! The text of a message as it goes over the wire: line ends, dots, long
//! lines (RFC 5321, sections 4.5.2 and 4.5.3.1.6).

use bstr::BString;
use memchr::memchr;

/// Turns text with LF line ends into what DATA takes. Feed it in pieces of
/// any size.
#[derive(Clone, Debug)]
pub struct ContentEncoder {
    eol: BString,
    line_max: usize,
    /// Bytes of the line so far, as in the text.
    column: usize,
}

impl ContentEncoder {
    /// `eol` is the mailer's `E=`; `line_max` its `L=`, 0 for no limit.
    pub fn new(eol: impl Into<BString>, line_max: usize) -> Self {
        Self {
            eol: eol.into(),
            line_max: if line_max == 0 {
                usize::MAX
            } else {
                line_max.max(2)
            },
            column: 0,
        }
    }

    /// Encodes a piece of text.
    pub fn encode(&mut self, mut text: &[u8], out: &mut Vec<u8>) {
        while let Some(end) = memchr(b'\n', text) {
            self.part(&text[..end], out);
            out.extend_from_slice(&self.eol);
            self.column = 0;
            text = &text[end + 1..];
        }
        self.part(text, out);
    }

    /// Ends the text: completes its last line and sets the final dot.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if self.column > 0 {
            out.extend_from_slice(&self.eol);
            self.column = 0;
        }
        out.push(b'.');
        out.extend_from_slice(&self.eol);
    }

    /// A part of one line.
    fn part(&mut self, mut text: &[u8], out: &mut Vec<u8>) {
        while !text.is_empty() {
            if self.column >= self.line_max {
                // sendmail: a line beyond L= is broken with `!` and goes on
                // after a blank.
                out.push(b'!');
                out.extend_from_slice(&self.eol);
                out.push(b' ');
                self.column = 1;
            }
            if self.column == 0 && text.first() == Some(&b'.') {
                out.push(b'.');
            }
            let taken = text.len().min(self.line_max - self.column);
            out.extend_from_slice(&text[..taken]);
            self.column += taken;
            text = &text[taken..];
        }
    }
}
