//! The text of a message as it comes after DATA: finds the end, takes the
//! transparency dots away, turns CR LF into LF.
//!
//! Only CR LF `.` CR LF ends a message. A bare LF or CR is found wherever it
//! stands, also across cuts, so nobody else's idea of an end can hide in what
//! we pass on.

use memchr::memchr2;

/// Where in a line the last byte was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// At the beginning of a line.
    #[default]
    Start,
    /// After a dot at the beginning.
    Dot,
    /// After a dot and a CR at the beginning.
    DotCr,
    /// Within a line.
    Text,
    /// After a CR within a line.
    Cr,
}

/// What the bytes so far came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// All input is taken; the message goes on.
    More,
    /// The end of the message.
    End,
    /// The end of a chunk that others follow: a command comes next.
    Chunk,
    /// A LF without CR before it.
    BareLf,
    /// A CR without LF after it.
    BareCr,
}

/// The scanner; it keeps no bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scanner {
    at: At,
}

impl Scanner {
    /// Takes bytes from `input` and appends text to `sink`, until the input
    /// or the message ends. Gives how many bytes were taken.
    pub(super) fn scan(&mut self, input: &[u8], sink: &mut Vec<u8>) -> (usize, Found) {
        let mut taken = 0;
        while let Some(&byte) = input.get(taken) {
            let found = match self.at {
                At::Start | At::Text => {
                    let (used, found) = self.text(&input[taken..], sink);
                    taken += used;
                    found
                }
                At::Dot | At::DotCr | At::Cr => {
                    let (used, found) = self.held(byte, sink);
                    taken += used;
                    found
                }
            };
            if found != Found::More {
                return (taken, found);
            }
        }
        (taken, Found::More)
    }

    /// From the beginning or the middle of a line up to the next CR or LF.
    fn text(&mut self, input: &[u8], sink: &mut Vec<u8>) -> (usize, Found) {
        if self.at == At::Start && input.first() == Some(&b'.') {
            self.at = At::Dot;
            return (1, Found::More);
        }
        let Some(end) = memchr2(b'\r', b'\n', input) else {
            sink.extend_from_slice(input);
            self.at = At::Text;
            return (input.len(), Found::More);
        };
        sink.extend_from_slice(&input[..end]);
        match (input[end], input.get(end + 1)) {
            (b'\r', Some(b'\n')) => {
                sink.push(b'\n');
                self.at = At::Start;
                (end + 2, Found::More)
            }
            (b'\r', None) => {
                self.at = At::Cr;
                (end + 1, Found::More)
            }
            (b'\r', Some(_)) => (end + 1, Found::BareCr),
            _ => (end + 1, Found::BareLf),
        }
    }

    /// One byte after something that was held back.
    fn held(&mut self, byte: u8, sink: &mut Vec<u8>) -> (usize, Found) {
        match (self.at, byte) {
            (At::Dot, b'\r') => self.at = At::DotCr,
            (At::Dot, b'\n') => return (1, Found::BareLf),
            // The dot was there for transparency only.
            (At::Dot, _) => {
                self.at = At::Text;
                return (0, Found::More);
            }
            (At::DotCr, b'\n') => return (1, Found::End),
            (At::Cr, b'\n') => {
                sink.push(b'\n');
                self.at = At::Start;
            }
            _ => return (0, Found::BareCr),
        }
        (1, Found::More)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scan(pieces: &[&[u8]]) -> (Vec<u8>, Found, usize) {
        let (mut scanner, mut sink, mut total) = (Scanner::default(), Vec::new(), 0);
        for piece in pieces {
            let (taken, found) = scanner.scan(piece, &mut sink);
            total += taken;
            if found != Found::More {
                return (sink, found, total);
            }
            assert_eq!(taken, piece.len(), "all is taken while more is to come");
        }
        (sink, Found::More, total)
    }

    fn check(text: &str, want: &str, found: Found) {
        let bytes = text.as_bytes();
        let whole = scan(&[bytes]);
        assert_eq!(
            (whole.0.as_slice(), whole.1),
            (want.as_bytes(), found),
            "{text:?}"
        );
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(scan(&single), whole, "byte by byte: {text:?}");
    }

    #[test]
    fn ends_and_dots() {
        check(".\r\n", "", Found::End);
        check("a\r\n.\r\nrest", "a\n", Found::End);
        check("..\r\n.x\r\n..y\r\n.\r\n", ".\nx\n.y\n", Found::End);
        check("a.\r\n.b.\r\n", "a.\nb.\n", Found::More);
        check("\r\n.\r\n", "\n", Found::End);
        check("a", "a", Found::More);
        check("..", ".", Found::More);
    }

    #[test]
    fn nothing_else_ends() {
        check("a\n.\r\n", "a", Found::BareLf);
        check("a\r\n.\n", "a\n", Found::BareLf);
        check("a\r\n.\r.\r\n", "a\n", Found::BareCr);
        check("a\r\n.\rx\r\n", "a\n", Found::BareCr);
        check("a\r.\r\n", "a", Found::BareCr);
        check("a\r\r\n.\r\n", "a", Found::BareCr);
        check("a\r\n.\r\r\n", "a\n", Found::BareCr);
        check("\n", "", Found::BareLf);
    }

    /// The rule said plainly, to hold the fast one against.
    fn plain(text: &[u8]) -> (Vec<u8>, Found) {
        let (mut out, mut rest) = (Vec::new(), text);
        loop {
            let line_end = rest.iter().position(|b| matches!(b, b'\r' | b'\n'));
            let (line, end) = match line_end {
                Some(at) => rest.split_at(at),
                None => {
                    let dotless = rest.strip_prefix(b".").unwrap_or(rest);
                    out.extend_from_slice(dotless);
                    return (out, Found::More);
                }
            };
            let text = line.strip_prefix(b".").unwrap_or(line);
            match end {
                [b'\r', b'\n', ..] if line == b"." => return (out, Found::End),
                [b'\r', b'\n', after @ ..] => {
                    out.extend_from_slice(text);
                    out.push(b'\n');
                    rest = after;
                }
                [b'\r'] => {
                    out.extend_from_slice(text);
                    return (out, Found::More);
                }
                [b'\r', ..] => {
                    out.extend_from_slice(text);
                    return (out, Found::BareCr);
                }
                _ => {
                    out.extend_from_slice(text);
                    return (out, Found::BareLf);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(
            text in "([a.]|\r\n|\r\n\\.|\r|\n|\\.\r\n){0,12}",
            cuts in proptest::collection::vec(0usize..40, 0..6),
        ) {
            let bytes = text.as_bytes();
            let (want, found) = plain(bytes);
            let mut cuts: Vec<usize> = cuts.iter().map(|c| c % (bytes.len() + 1)).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts.into_iter().chain([bytes.len()]) {
                pieces.push(&bytes[from..cut]);
                from = cut;
            }
            let got = scan(&pieces);
            prop_assert_eq!((got.0, got.1), (want, found));
        }
    }
}
