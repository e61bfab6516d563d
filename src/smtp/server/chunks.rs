//! BDAT (RFC 3030): the text of a message in counted chunks.
//!
//! A chunk that is refused is read to its end all the same, for the next
//! command stands behind it. After a refusal the message is gone as a whole:
//! no later chunk may pass for a message of its own.

use memchr::memchr2;

use super::text::{fixed, push_reply};
use super::{Action, Ask, Features, Found, Pending, Recipients, Server, State};
use crate::base::Reply;
use crate::smtp::command::Line;

/// A message that comes in chunks.
#[derive(Debug)]
pub(super) struct Chunks {
    /// Octets of this chunk.
    size: u64,
    /// Those that have not come yet.
    left: u64,
    is_last: bool,
    text: Text,
}

/// A refused chunk, while it is read.
#[derive(Debug)]
pub(super) struct Skipped {
    left: u64,
    answer: Vec<u8>,
    /// The envelope that stays as it is; without one all is forgotten.
    stays: Option<Recipients>,
}

/// Turns CR LF into LF, over the cuts between chunks; it keeps no bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Text {
    /// The last byte was a CR.
    after_cr: bool,
    /// Something stands behind the last line end.
    in_line: bool,
}

impl Text {
    fn scan(&mut self, mut input: &[u8], sink: &mut Vec<u8>) -> Found {
        while !input.is_empty() {
            if std::mem::take(&mut self.after_cr) {
                let Some(rest) = input.strip_prefix(b"\n") else {
                    return Found::BareCr;
                };
                sink.push(b'\n');
                self.in_line = false;
                input = rest;
                continue;
            }
            let end = memchr2(b'\r', b'\n', input).unwrap_or(input.len());
            sink.extend_from_slice(&input[..end]);
            self.in_line |= end > 0;
            match input.get(end) {
                Some(b'\n') => return Found::BareLf,
                Some(_) => {
                    self.after_cr = true;
                    input = &input[end + 1..];
                }
                None => break,
            }
        }
        Found::More
    }

    /// The end of the text: a last line without its end gets one.
    fn finish(self, sink: &mut Vec<u8>) -> Found {
        if self.after_cr {
            return Found::BareCr;
        }
        if self.in_line {
            sink.push(b'\n');
        }
        Found::End
    }
}

/// `SIZE` or `SIZE LAST`.
fn arguments(text: &[u8]) -> Option<(u64, bool)> {
    let mut words = text
        .split(|byte| byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty());
    let digits = words.next()?;
    let is_number = digits.len() <= 18 && digits.iter().all(u8::is_ascii_digit);
    let size = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    let is_last = match words.next() {
        None => false,
        Some(word) if word.eq_ignore_ascii_case(b"LAST") => true,
        Some(_) => return None,
    };
    (words.next().is_none()).then_some((size.parse().ok()?, is_last))
}

impl Server {
    /// BDAT, whatever else is refused: its octets have to be read.
    pub(super) fn bdat(&mut self, line: &Line<'_>, out: &mut Vec<u8>) -> Option<Action> {
        self.last = "bdat";
        let Some((size, is_last)) = arguments(line.argument) else {
            // Nobody knows where the next command begins.
            let text = self.host_says(b" Syntax error in BDAT; closing connection");
            push_reply(out, &Reply::with(421, (4, 5, 4), text), false);
            self.state = State::Closed;
            return Some(Action::Close);
        };
        if let Some(refusal) = &self.refusal {
            let mut answer = Vec::new();
            push_reply(&mut answer, refusal, false);
            return Some(self.skip(size, answer, None));
        }
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Chunks(mut chunks) => {
                chunks.next(size, is_last);
                self.state = State::Chunk(chunks);
                Some(Action::Again)
            }
            State::Envelope(recipients) if recipients.taken == 0 => {
                Some(self.skip(size, fixed::NEED_RCPT.into(), Some(recipients)))
            }
            State::Envelope(_) => {
                let mut chunks = Box::new(Chunks {
                    size: 0,
                    left: 0,
                    is_last: false,
                    text: Text::default(),
                });
                chunks.next(size, is_last);
                self.state = State::Asked(Pending::Chunk(chunks));
                Some(Action::Ask(Ask::Data))
            }
            _ => Some(self.skip(size, fixed::NEED_MAIL.into(), None)),
        }
    }

    /// Reads `left` octets for nothing, then gives the answer.
    fn skip(&mut self, left: u64, answer: Vec<u8>, stays: Option<Recipients>) -> Action {
        self.state = State::Skip(Box::new(Skipped {
            left,
            answer,
            stays,
        }));
        Action::Again
    }

    /// The state after the question whether a message in chunks may come was
    /// answered.
    pub(super) fn after_chunk(&mut self, chunks: Box<Chunks>, reply: &Reply) -> State {
        if reply.is_success() {
            return State::Chunk(chunks);
        }
        let mut answer = Vec::new();
        push_reply(&mut answer, reply, false);
        State::Skip(Box::new(Skipped {
            left: chunks.left,
            answer,
            stays: None,
        }))
    }

    /// Takes octets of a refused chunk.
    pub(super) fn skipped(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, Action) {
        let State::Skip(skipped) = &mut self.state else {
            return (0, Action::Again);
        };
        let taken = taken(input, skipped.left);
        skipped.left -= taken as u64;
        if skipped.left > 0 {
            return (taken, Action::Read);
        }
        out.extend_from_slice(&skipped.answer);
        match skipped.stays {
            Some(recipients) => {
                self.state = State::Envelope(recipients);
                (taken, Action::Again)
            }
            None => (taken, self.reset()),
        }
    }

    /// Takes octets of a chunk.
    pub(super) fn chunk(
        &mut self,
        input: &[u8],
        sink: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> (usize, Found) {
        let State::Chunk(chunks) = &mut self.state else {
            return (0, Found::More);
        };
        let taken = taken(input, chunks.left);
        chunks.left -= taken as u64;
        let found = match chunks.text.scan(&input[..taken], sink) {
            Found::More if chunks.left > 0 => return (taken, Found::More),
            Found::More if chunks.is_last => chunks.text.finish(sink),
            Found::More => Found::Chunk,
            found => found,
        };
        match found {
            Found::BareLf => self.close(fixed::BARE_LF, out),
            Found::BareCr => self.close(fixed::BARE_CR, out),
            Found::End => self.state = State::Asked(Pending::EndOfMessage),
            Found::Chunk | Found::More => self.between(out),
        }
        (taken, found)
    }

    /// A chunk has come, and others follow.
    fn between(&mut self, out: &mut Vec<u8>) {
        if let State::Chunk(chunks) = std::mem::replace(&mut self.state, State::Idle) {
            let text = format!("{} octets received", chunks.size);
            push_reply(out, &Reply::with(250, (2, 0, 0), text), false);
            self.state = State::Chunks(chunks);
        }
    }

    /// Whether BDAT is a command for this client.
    pub(super) fn takes_chunks(&self) -> bool {
        self.features.has(Features::CHUNKING)
    }
}

impl Chunks {
    fn next(&mut self, size: u64, is_last: bool) {
        (self.size, self.left, self.is_last) = (size, size, is_last);
    }
}

/// How much of `input` belongs to a chunk with `left` octets.
fn taken(input: &[u8], left: u64) -> usize {
    usize::try_from(left).map_or(input.len(), |left| left.min(input.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn arguments_are_a_number_and_perhaps_a_word() {
        assert_eq!(arguments(b"10"), Some((10, false)));
        assert_eq!(arguments(b"0 LAST"), Some((0, true)));
        assert_eq!(arguments(b"10  last"), Some((10, true)));
        for bad in ["", "LAST", "-1", "+1", "10 LAST x", "10 FIRST", "1e3"] {
            assert_eq!(arguments(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(arguments(b"9999999999999999999"), None);
    }

    fn scan(pieces: &[&[u8]]) -> (Vec<u8>, Found) {
        let (mut text, mut sink) = (Text::default(), Vec::new());
        for piece in pieces {
            match text.scan(piece, &mut sink) {
                Found::More => {}
                found => return (sink, found),
            }
        }
        let found = text.finish(&mut sink);
        (sink, found)
    }

    #[test]
    fn a_dot_is_a_dot_and_line_ends_are_whole() {
        let whole = |text: &str| scan(&[text.as_bytes()]);
        assert_eq!(
            whole("a\r\n.\r\nb\r\n"),
            (b"a\n.\nb\n".to_vec(), Found::End)
        );
        assert_eq!(whole("a"), (b"a\n".to_vec(), Found::End));
        assert_eq!(whole(""), (Vec::new(), Found::End));
        assert_eq!(whole("a\n").1, Found::BareLf);
        assert_eq!(whole("a\rb").1, Found::BareCr);
        assert_eq!(whole("a\r").1, Found::BareCr);
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(text in "([a.]|\r\n|\r|\n){0,10}", cut in 0usize..20) {
            let bytes = text.as_bytes();
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(scan(&[first, second]), scan(&[bytes]));
        }
    }
}
