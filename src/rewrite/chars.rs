//! What each byte is to the tokenizer.

/// Bytes that are tokens of their own whatever OperatorChars says.
const DELIMITERS: &[u8] = b"()<>,;\r\n";

/// What a byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Part of a word.
    Atom,
    /// A token of its own.
    Operator,
    /// Divides tokens.
    Space,
    /// Begins and ends a quoted token.
    Quote,
    /// Never allowed.
    Illegal,
}

/// Which bytes are operators, after option OperatorChars.
#[derive(Clone, Debug)]
pub struct CharTable {
    kinds: [Kind; 256],
}

impl CharTable {
    /// The table for these operator characters.
    pub fn new(operators: &[u8]) -> Self {
        let mut kinds = [Kind::Atom; 256];
        kinds[0] = Kind::Illegal;
        for space in [b' ', b'\t', b'\n', b'\r', 0x0b, 0x0c] {
            kinds[usize::from(space)] = Kind::Space;
        }
        kinds[usize::from(b'"')] = Kind::Quote;
        for &byte in operators.iter().chain(DELIMITERS) {
            let kind = &mut kinds[usize::from(byte)];
            if *kind == Kind::Atom {
                *kind = Kind::Operator;
            }
        }
        Self { kinds }
    }

    pub(super) fn kind(&self, byte: u8) -> Kind {
        self.kinds[usize::from(byte)]
    }

    /// Whether a token that begins with this byte is a word: two words that
    /// meet are divided when they become text.
    pub(super) fn is_atom(&self, first: u8) -> bool {
        self.kind(first) == Kind::Atom
    }
}

impl Default for CharTable {
    fn default() -> Self {
        Self::new(b".:%@!^/[]+")
    }
}
