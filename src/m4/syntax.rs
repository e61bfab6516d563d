//! Which bytes mean what: words, quotes, comments.

/// A class of bytes, as bits.
pub(super) const WORD_START: u8 = 1;
/// Letters, digits and `_`.
pub(super) const WORD: u8 = 2;
/// White space, skipped before an argument.
pub(super) const SPACE: u8 = 4;
/// May begin a quoted string.
pub(super) const QUOTE: u8 = 8;
/// May begin a comment.
pub(super) const COMMENT: u8 = 16;
/// `(`, `)` and `,`.
pub(super) const PUNCTUATION: u8 = 32;

/// What ends a run of plain text outside of arguments.
pub(super) const OUTSIDE: u8 = WORD_START | QUOTE | COMMENT;
/// What ends it inside of them.
pub(super) const INSIDE: u8 = OUTSIDE | PUNCTUATION;

/// The delimiters in force, and the classes of bytes that follow from them.
#[derive(Clone, Debug)]
pub(super) struct Syntax {
    /// Opens a quoted string; empty: nothing does.
    pub(super) quote_open: Vec<u8>,
    /// Closes it.
    pub(super) quote_close: Vec<u8>,
    /// Opens a comment; empty: nothing does.
    pub(super) comment_open: Vec<u8>,
    /// Closes it.
    pub(super) comment_close: Vec<u8>,
    classes: [u8; 256],
}

impl Syntax {
    /// `` ` `` and `'`, `#` and newline.
    pub(super) fn new() -> Self {
        let mut syntax = Self {
            quote_open: b"`".to_vec(),
            quote_close: b"'".to_vec(),
            comment_open: b"#".to_vec(),
            comment_close: b"\n".to_vec(),
            classes: [0; 256],
        };
        syntax.classify();
        syntax
    }

    pub(super) fn set_quotes(&mut self, open: &[u8], close: &[u8]) {
        open.clone_into(&mut self.quote_open);
        close.clone_into(&mut self.quote_close);
        self.classify();
    }

    pub(super) fn set_comments(&mut self, open: &[u8], close: &[u8]) {
        open.clone_into(&mut self.comment_open);
        close.clone_into(&mut self.comment_close);
        self.classify();
    }

    /// The classes of a byte.
    pub(super) fn class(&self, byte: u8) -> u8 {
        self.classes[usize::from(byte)]
    }

    /// How many bytes at the front of `text` are in none of the classes.
    pub(super) fn plain(&self, text: &[u8], classes: u8) -> usize {
        text.iter()
            .position(|byte| self.class(*byte) & classes != 0)
            .unwrap_or(text.len())
    }

    /// How many bytes at the front of `text` are in one of the classes.
    pub(super) fn span(&self, text: &[u8], classes: u8) -> usize {
        text.iter()
            .position(|byte| self.class(*byte) & classes == 0)
            .unwrap_or(text.len())
    }

    /// How many bytes at the front are white space that begins no comment or
    /// quoted string.
    pub(super) fn span_blank(&self, text: &[u8]) -> usize {
        text.iter()
            .position(|byte| {
                let class = self.class(*byte);
                class & SPACE == 0 || class & (QUOTE | COMMENT) != 0
            })
            .unwrap_or(text.len())
    }

    fn classify(&mut self) {
        for (byte, class) in (0u8..=255).zip(self.classes.iter_mut()) {
            *class = match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => WORD_START | WORD,
                b'0'..=b'9' => WORD,
                b' ' | b'\t'..=b'\r' => SPACE,
                b'(' | b')' | b',' => PUNCTUATION,
                _ => 0,
            };
        }
        if let Some(byte) = self.quote_open.first() {
            self.classes[usize::from(*byte)] |= QUOTE;
        }
        if let Some(byte) = self.comment_open.first() {
            self.classes[usize::from(*byte)] |= COMMENT;
        }
    }
}
