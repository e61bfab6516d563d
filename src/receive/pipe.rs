//! The text of a message as a program writes it into a pipe.

use bstr::ByteSlice;

/// Turns what comes through a pipe into lines: CR LF becomes LF; unless dots
/// are ignored, a line of one dot is the end, and two dots stand for one.
pub(super) struct Pipe {
    ignore_dots: bool,
    /// An unfinished line.
    held: Vec<u8>,
    /// The beginning of that line has been passed on.
    is_within: bool,
}

/// An unfinished line beyond this is passed on in pieces.
const LINE_HELD_MAX: usize = 64 << 10;

impl Pipe {
    pub(super) fn new(ignore_dots: bool) -> Self {
        Self {
            ignore_dots,
            held: Vec::new(),
            is_within: false,
        }
    }

    /// Appends the text of `input`; whether the message has ended.
    pub(super) fn take(&mut self, input: &[u8], is_end: bool, sink: &mut Vec<u8>) -> bool {
        self.held.extend_from_slice(input);
        let whole = match self.held.rfind_byte(b'\n') {
            Some(last) => last + 1,
            None => 0,
        };
        for line in self.held[..whole].lines() {
            if self.ends(line) {
                return true;
            }
            self.pass(line, sink);
            sink.push(b'\n');
            self.is_within = false;
        }
        self.held.drain(..whole);
        if is_end && (!self.held.is_empty() || self.is_within) {
            let line = std::mem::take(&mut self.held);
            if self.ends(&line) {
                return true;
            }
            self.pass(&line, sink);
            sink.push(b'\n');
        } else if self.held.len() > LINE_HELD_MAX {
            let line = std::mem::take(&mut self.held);
            self.pass(&line, sink);
            self.is_within = true;
        }
        false
    }

    /// Whether `line` is the dot that ends a message.
    fn ends(&self, line: &[u8]) -> bool {
        line == b"." && !self.ignore_dots && !self.is_within
    }

    fn pass(&self, line: &[u8], sink: &mut Vec<u8>) {
        let doubled = line.starts_with(b"..") && !self.ignore_dots && !self.is_within;
        sink.extend_from_slice(&line[usize::from(doubled)..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pipe(text: &str, ignore_dots: bool, cut: usize) -> (String, bool) {
        let (first, second) = text.as_bytes().split_at(cut.min(text.len()));
        let mut pipe = Pipe::new(ignore_dots);
        let mut sink = Vec::new();
        let over = pipe.take(first, false, &mut sink)
            || pipe.take(second, false, &mut sink)
            || pipe.take(b"", true, &mut sink);
        (String::from_utf8_lossy(&sink).into_owned(), over)
    }

    #[test]
    fn dots_and_line_ends() {
        assert_eq!(pipe("one\n.\nnot sent\n", false, 0), ("one\n".into(), true));
        let all = ".one\n.\nsent\n";
        assert_eq!(pipe(all, true, 0), (all.into(), false));
        assert_eq!(
            pipe(".one\n..two\n", false, 0),
            (".one\n.two\n".into(), false)
        );
        assert_eq!(pipe("a\r\nb", false, 0), ("a\nb\n".into(), false));
        assert_eq!(pipe("", false, 0), (String::new(), false));
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(text in "([.ax]|\r\n|\n){0,12}", cut in 0usize..20, ignore: bool) {
            prop_assert_eq!(pipe(&text, ignore, cut), pipe(&text, ignore, 0));
        }
    }
}
