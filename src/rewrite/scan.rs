//! Cuts text into the tokens that rules see.
//!
//! Words, single operator characters and quoted strings (quotes kept) are
//! tokens; blanks divide them. Comments in parentheses are left out where the
//! caller wants it. Bad syntax is reported in the reference's words and
//! mended, so that there is always something to go on with.

use std::fmt;

use super::chars::{CharTable, Kind};
use crate::base::limits::{ADDRESS_TEXT_MAX, TOKEN_BYTES_MAX};

/// What is wrong with the syntax of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyntaxFault {
    /// A quote, parenthesis or angle bracket without its other half.
    Unbalanced(u8),
    /// A character that cannot stand in an address.
    Illegal(u8),
    /// More text than [`ADDRESS_TEXT_MAX`].
    TooLong,
    /// A token longer than [`TOKEN_BYTES_MAX`].
    TokenTooLong,
}

impl SyntaxFault {
    /// Whether nothing could be made of the text.
    pub fn is_fatal(self) -> bool {
        matches!(self, SyntaxFault::TooLong | SyntaxFault::TokenTooLong)
    }
}

/// The reference's words, without the reply code before them (`553 5.0.0`).
impl fmt::Display for SyntaxFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            SyntaxFault::Unbalanced(byte) => write!(f, "Unbalanced '{}'", char::from(byte)),
            SyntaxFault::Illegal(byte) if (0x20..0x7f).contains(&byte) => {
                write!(f, "Illegal character {}", char::from(byte))
            }
            SyntaxFault::Illegal(byte) => write!(f, "Illegal character 0x{byte:02x}"),
            SyntaxFault::TooLong => f.write_str("Address too long"),
            SyntaxFault::TokenTooLong => f.write_str("prescan: token too long"),
        }
    }
}

/// The byte that quotes the one after it, inside the reference.
const QUOTING: u8 = 0xff;

/// How a text is cut.
#[derive(Clone, Copy, Debug)]
pub struct Style<'t> {
    /// What each byte is.
    pub table: &'t CharTable,
    /// Where the text ends, outside of quotes and angle brackets.
    pub delimiter: Option<u8>,
    /// Leave out comments in parentheses; otherwise parentheses are tokens.
    pub comments: bool,
    /// The byte 255 makes a token of itself and the byte after it, as in the
    /// reference's address test.
    pub quoting: bool,
    /// Do not close angle brackets, and report nothing.
    pub lenient: bool,
}

/// What became of a text.
#[derive(Clone, Debug, Default)]
pub struct Scanned {
    /// How many bytes were read, the delimiter not counted.
    pub consumed: usize,
    /// What was wrong, in order.
    pub faults: Vec<SyntaxFault>,
}

impl Scanned {
    /// Whether nothing could be made of the text.
    pub fn failed(&self) -> bool {
        self.faults.iter().any(|fault| fault.is_fatal())
    }
}

/// Cuts `text` into tokens. The bytes of each are appended to `bytes`, then
/// `token` is called with the place where they begin.
pub(super) fn scan(
    text: &[u8],
    style: Style<'_>,
    bytes: &mut Vec<u8>,
    mut token: impl FnMut(&mut Vec<u8>, usize),
) -> Scanned {
    let mut scanner = Scanner {
        style,
        state: State::Start,
        escaped: false,
        comment_depth: 0,
        angle_depth: 0,
        route: false,
        room: ADDRESS_TEXT_MAX,
        start: bytes.len(),
        scanned: Scanned::default(),
    };
    let mut at = 0;
    loop {
        let word = scanner.word(&text[at..]);
        if !word.is_empty() {
            at += word.len();
            scanner.enter(Kind::Atom, bytes, &mut token);
            bytes.extend_from_slice(word);
            scanner.check_length(bytes);
            if scanner.scanned.failed() {
                return scanner.scanned;
            }
        }
        let byte = match text.get(at) {
            Some(&byte) => {
                if scanner.ends_at(byte) {
                    break;
                }
                at += 1;
                byte
            }
            None => match scanner.closing() {
                Some(byte) => byte,
                None => break,
            },
        };
        // A comma within angle brackets ends the address all the same, unless
        // it divides a route.
        if Some(byte) == style.delimiter && scanner.breaks_bracket(byte) {
            at -= 1;
            scanner.fault(SyntaxFault::Unbalanced(b'<'));
            scanner.byte(b'>', b"", bytes, &mut token);
            continue;
        }
        scanner.byte(byte, &text[at.min(text.len())..], bytes, &mut token);
        if scanner.scanned.failed() {
            return scanner.scanned;
        }
    }
    scanner.end_token(bytes, &mut token);
    scanner.scanned.consumed = at;
    scanner.scanned
}

/// What the last byte belonged to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing yet, or an operator.
    Start,
    Atom,
    Space,
    Quoted,
    /// Right after a byte 255 that quotes.
    One,
}

struct Scanner<'t> {
    style: Style<'t>,
    state: State,
    /// The byte before was a backslash.
    escaped: bool,
    comment_depth: usize,
    angle_depth: usize,
    /// Within `<@`: commas divide a route.
    route: bool,
    /// How much more text there may be; each token takes a byte more.
    room: usize,
    /// Where the token in hand begins.
    start: usize,
    scanned: Scanned,
}

impl Scanner<'_> {
    fn fault(&mut self, fault: SyntaxFault) {
        if !self.style.lenient || fault.is_fatal() {
            self.scanned.faults.push(fault);
        }
    }

    /// What comes next of a word, as far as nothing in it is special.
    fn word<'a>(&self, rest: &'a [u8]) -> &'a [u8] {
        let within = matches!(self.state, State::Quoted | State::One);
        if within || self.escaped || self.comment_depth > 0 {
            return b"";
        }
        let special = |byte: &u8| {
            self.style.table.kind(*byte) != Kind::Atom
                || matches!(*byte, b'\\' | QUOTING)
                || Some(*byte) == self.style.delimiter
        };
        let end = rest.iter().position(special).unwrap_or(rest.len());
        &rest[..end]
    }

    fn ends_at(&self, byte: u8) -> bool {
        Some(byte) == self.style.delimiter
            && self.comment_depth == 0
            && self.angle_depth == 0
            && self.state != State::Quoted
    }

    fn breaks_bracket(&self, byte: u8) -> bool {
        byte == b','
            && self.comment_depth == 0
            && self.angle_depth > 0
            && self.state != State::Quoted
            && !self.route
            && !self.style.lenient
    }

    /// What is missing at the end of the text.
    fn closing(&mut self) -> Option<u8> {
        if self.state == State::Quoted && !self.style.lenient {
            self.fault(SyntaxFault::Unbalanced(b'"'));
            Some(b'"')
        } else if self.comment_depth > 0 {
            self.fault(SyntaxFault::Unbalanced(b'('));
            Some(b')')
        } else if self.angle_depth > 0 && !self.style.lenient {
            self.fault(SyntaxFault::Unbalanced(b'<'));
            Some(b'>')
        } else {
            None
        }
    }

    fn byte(
        &mut self,
        byte: u8,
        after: &[u8],
        bytes: &mut Vec<u8>,
        token: &mut impl FnMut(&mut Vec<u8>, usize),
    ) {
        if self.escaped {
            self.escaped = false;
            if self.comment_depth > 0 {
                return;
            }
            // `\!` is written by people whose shell made them: the backslash
            // goes, outside of quotes.
            if byte != b'!' || self.state == State::Quoted {
                bytes.push(b'\\');
                self.store(byte, bytes);
                return;
            }
        }
        if byte == b'\\' {
            self.escaped = true;
            if self.state != State::Quoted && self.comment_depth == 0 {
                self.enter(Kind::Atom, bytes, token);
            }
            return;
        }
        if self.state == State::Quoted {
            bytes.push(byte);
            if byte == b'"' {
                self.end_token(bytes, token);
                self.state = State::Start;
            } else {
                self.check_length(bytes);
            }
            return;
        }
        if self.state == State::One {
            bytes.push(byte);
            self.end_token(bytes, token);
            self.state = State::Start;
            return;
        }
        if self.style.quoting && byte == QUOTING && self.comment_depth == 0 {
            self.end_token(bytes, token);
            bytes.push(byte);
            self.state = State::One;
            return;
        }
        if byte == b'(' && self.style.comments && self.comment_depth == 0 {
            // A comment divides words.
            self.end_token(bytes, token);
            self.state = State::Space;
        }
        if self.is_dropped(byte, after) {
            return;
        }
        let kind = self.kind(byte);
        self.enter(kind, bytes, token);
        match kind {
            Kind::Space => {}
            Kind::Illegal => self.fault(SyntaxFault::Illegal(byte)),
            Kind::Operator => {
                bytes.push(byte);
                self.end_token(bytes, token);
            }
            Kind::Atom | Kind::Quote => self.store(byte, bytes),
        }
    }

    fn kind(&self, byte: u8) -> Kind {
        match self.style.table.kind(byte) {
            Kind::Operator if byte == b'(' || byte == b')' => {
                if self.style.comments {
                    Kind::Space
                } else {
                    Kind::Operator
                }
            }
            kind => kind,
        }
    }

    /// Counts brackets; whether the byte is left out of all tokens.
    fn is_dropped(&mut self, byte: u8, after: &[u8]) -> bool {
        match byte {
            b'(' if self.style.comments => {
                self.comment_depth += 1;
                true
            }
            b')' if self.style.comments => {
                if self.comment_depth == 0 {
                    self.fault(SyntaxFault::Unbalanced(b')'));
                } else {
                    self.comment_depth -= 1;
                }
                true
            }
            _ if self.comment_depth > 0 => true,
            b'<' => {
                self.angle_depth += 1;
                if after.trim_ascii_start().first() == Some(&b'@') {
                    self.route = true;
                }
                false
            }
            b'>' => {
                self.route = false;
                if self.angle_depth == 0 {
                    self.fault(SyntaxFault::Unbalanced(b'>'));
                    return !self.style.lenient;
                }
                self.angle_depth -= 1;
                false
            }
            _ => false,
        }
    }

    /// Ends the token in hand where the next byte does not belong to it.
    fn enter(
        &mut self,
        kind: Kind,
        bytes: &mut Vec<u8>,
        token: &mut impl FnMut(&mut Vec<u8>, usize),
    ) {
        if !(kind == Kind::Atom && self.state == State::Atom) {
            self.end_token(bytes, token);
        }
        self.state = match kind {
            Kind::Atom => State::Atom,
            Kind::Quote => State::Quoted,
            Kind::Space | Kind::Illegal => State::Space,
            Kind::Operator => State::Start,
        };
    }

    fn store(&mut self, byte: u8, bytes: &mut Vec<u8>) {
        bytes.push(byte);
        self.check_length(bytes);
    }

    fn check_length(&mut self, bytes: &[u8]) {
        if bytes.len() - self.start > TOKEN_BYTES_MAX {
            self.fault(SyntaxFault::TokenTooLong);
        }
    }

    fn end_token(&mut self, bytes: &mut Vec<u8>, token: &mut impl FnMut(&mut Vec<u8>, usize)) {
        if bytes.len() > self.start {
            let Some(room) = self.room.checked_sub(bytes.len() - self.start + 1) else {
                if !self.scanned.failed() {
                    self.fault(SyntaxFault::TooLong);
                }
                return;
            };
            self.room = room;
            token(bytes, self.start);
        }
        self.start = bytes.len();
    }
}
