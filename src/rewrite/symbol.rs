//! Tokens as numbers: equal words, whatever their case, have equal numbers.

use std::hash::Hasher;

use super::chars::CharTable;

/// The number of a word, case folded. Only words that the configuration
/// mentions have one; all others share [`Fold::UNKNOWN`], because no literal
/// can match them.
///
/// Beside the number it holds its place in masks of words that are present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fold(pub(super) u32);

/// Bits of a [`Fold`] that are the number.
const NUMBER_BITS: u32 = 26;

/// Numbers below this have a bit of their own in presence masks.
const OWN_BITS: u32 = 32;

impl Fold {
    /// A word that stands nowhere in the configuration.
    pub(super) const UNKNOWN: Fold = Fold(u32::MAX);

    /// The word of a number. Words may share a bit, unknown ones too;
    /// operators have their own.
    const fn of(number: u32) -> Fold {
        let shared = OWN_BITS | number & (OWN_BITS - 1);
        let bit = if number < OWN_BITS { number } else { shared };
        Fold(bit << NUMBER_BITS | number)
    }

    /// The number; a great one for [`Fold::UNKNOWN`].
    pub(super) const fn number(self) -> usize {
        (self.0 & ((1 << NUMBER_BITS) - 1)) as usize
    }

    /// Its bit in masks of words that are present.
    #[inline]
    pub(super) const fn bit(self) -> u64 {
        1 << (self.0 >> NUMBER_BITS)
    }
}

/// The operators of right sides, which are tokens of their own kind.
pub(super) mod meta {
    use super::Fold;

    /// `$#`
    pub(in crate::rewrite) const NET: Fold = Fold::of(0);
    /// `$@`
    pub(in crate::rewrite) const HOST: Fold = Fold::of(1);
    /// `$:`
    pub(in crate::rewrite) const USER: Fold = Fold::of(2);
    /// `$>`
    pub(in crate::rewrite) const CALL: Fold = Fold::of(3);
    /// `$[`
    pub(in crate::rewrite) const HOST_BEGIN: Fold = Fold::of(4);
    /// `$]`
    pub(in crate::rewrite) const HOST_END: Fold = Fold::of(5);
    /// `$(`
    pub(in crate::rewrite) const LOOKUP_BEGIN: Fold = Fold::of(6);
    /// `$)`
    pub(in crate::rewrite) const LOOKUP_END: Fold = Fold::of(7);
    /// `$|`
    pub(in crate::rewrite) const PIPE: Fold = Fold::of(8);
    /// How they are written, in the order of their numbers.
    pub(in crate::rewrite) const TEXTS: [&[u8]; 9] = [
        b"$#", b"$@", b"$:", b"$>", b"$[", b"$]", b"$(", b"$)", b"$|",
    ];
}

/// Where the text of a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// In the machine's bytes.
    Machine,
    /// In the program's texts.
    Program,
    /// It is an operator of [`meta`].
    Operator,
    /// It is `$>`, and `at` is the number of the ruleset it was found to mean.
    Call,
}

/// One token of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// Where its text begins.
    pub(super) at: u32,
    pub(super) length: u16,
    pub(super) source: Source,
    /// Its text is all plain characters, to be shown as it is.
    pub(super) plain: bool,
    pub(super) fold: Fold,
}

impl Token {
    /// The token of text in the machine's bytes.
    pub(super) fn local(at: usize, text: &[u8], fold: Fold) -> Self {
        Self {
            at: u32::try_from(at).unwrap_or(u32::MAX),
            length: u16::try_from(text.len()).unwrap_or(u16::MAX),
            source: Source::Machine,
            plain: is_plain(text),
            fold,
        }
    }

    /// The ruleset that a call was found to mean when it was compiled.
    pub(super) fn ruleset(self) -> Option<u32> {
        (self.source == Source::Call).then_some(self.at)
    }

    /// Whether it is an operator of a right side.
    #[inline]
    pub(super) fn is_operator(self) -> bool {
        // No word ever gets the number of an operator.
        self.fold.number() < meta::TEXTS.len()
    }

    /// Whether it is this operator.
    #[inline]
    pub(super) fn is(self, meta: Fold) -> bool {
        self.fold == meta
    }
}

/// Whether text is shown as it is.
fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| (b' '..=b'~').contains(byte))
}

/// The words of a configuration and their numbers.
#[derive(Clone, Debug)]
pub(super) struct Symbols {
    /// Texts of tokens as they are written in rules, end to end.
    texts: Vec<u8>,
    /// Folded words, by number.
    words: Vec<(u32, u16)>,
    folded: Vec<u8>,
    /// Open addressing: a number + 1, or 0.
    slots: Vec<u32>,
    /// Numbers of single bytes.
    singles: [Fold; 256],
}

impl Symbols {
    /// The operators of right sides, and every operator character of `table`.
    pub(super) fn new(table: &CharTable) -> Self {
        let mut symbols = Self {
            texts: Vec::new(),
            words: Vec::new(),
            folded: Vec::new(),
            slots: vec![0; 1024],
            singles: [Fold::UNKNOWN; 256],
        };
        // They cannot be confused with words: `$` and an operator character
        // never make one token, and their flag differs.
        for text in meta::TEXTS {
            symbols.push(text);
        }
        for byte in 0..=255 {
            if table.kind(byte) == super::chars::Kind::Operator {
                symbols.number(&[byte]);
            }
        }
        symbols
    }

    /// The token of an operator.
    pub(super) fn operator(fold: Fold) -> Token {
        Token {
            at: 0,
            length: 2,
            source: Source::Operator,
            plain: true,
            fold,
        }
    }

    /// The token of a call of a ruleset that is known.
    pub(super) fn call(ruleset: u32) -> Token {
        Token {
            at: ruleset,
            source: Source::Call,
            ..Self::operator(meta::CALL)
        }
    }

    /// The token of a word of the configuration.
    pub(super) fn word(&mut self, text: &[u8]) -> Token {
        let fold = self.number(text);
        let at = self.texts.len();
        self.texts.extend_from_slice(text);
        Token {
            at: u32::try_from(at).unwrap_or(0),
            length: u16::try_from(text.len()).unwrap_or(u16::MAX),
            source: Source::Program,
            plain: is_plain(text),
            fold,
        }
    }

    /// The text of a token; `bytes` are the machine's.
    pub(super) fn text<'a>(&'a self, token: Token, bytes: &'a [u8]) -> &'a [u8] {
        let at = token.at as usize;
        match token.source {
            Source::Machine => &bytes[at..at + usize::from(token.length)],
            Source::Program => &self.texts[at..at + usize::from(token.length)],
            Source::Operator | Source::Call => meta::TEXTS[token.fold.number()],
        }
    }

    /// Where the tokens end that spell a value, letter case aside, from `at`
    /// on; `None` when they spell something else.
    pub(super) fn spelled(
        &self,
        value: &[u8],
        tokens: &[Token],
        mut at: usize,
        bytes: &[u8],
    ) -> Option<usize> {
        let mut rest = value;
        while !rest.is_empty() {
            let text = self.text(*tokens.get(at)?, bytes);
            let head = rest.get(..text.len())?;
            if !head.eq_ignore_ascii_case(text) {
                return None;
            }
            rest = &rest[text.len()..];
            at += 1;
        }
        Some(at)
    }

    /// The number of a word, if the configuration mentions it.
    pub(super) fn find(&self, text: &[u8]) -> Fold {
        if let [byte] = text {
            return self.singles[usize::from(byte.to_ascii_lowercase())];
        }
        let mut slot = self.slot(text);
        loop {
            match self.slots[slot] {
                0 => return Fold::UNKNOWN,
                number => {
                    if self.is_word(number - 1, text) {
                        return Fold::of(number - 1);
                    }
                }
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    /// Every word, by number; first the operators.
    pub(super) fn words(&self) -> impl Iterator<Item = &[u8]> {
        self.words
            .iter()
            .map(|&(at, length)| &self.folded[at as usize..at as usize + usize::from(length)])
    }

    /// The number of a word, a new one if need be.
    pub(super) fn number(&mut self, text: &[u8]) -> Fold {
        let known = self.find(text);
        if known != Fold::UNKNOWN {
            return known;
        }
        if (self.words.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let folded = text.to_ascii_lowercase();
        let fold = self.push(&folded);
        if let [byte] = folded[..] {
            self.singles[usize::from(byte)] = fold;
        }
        self.place(fold, &folded);
        fold
    }

    fn push(&mut self, folded: &[u8]) -> Fold {
        let number = u32::try_from(self.words.len()).unwrap_or(u32::MAX - 1);
        let at = u32::try_from(self.folded.len()).unwrap_or(0);
        self.words
            .push((at, u16::try_from(folded.len()).unwrap_or(u16::MAX)));
        self.folded.extend_from_slice(folded);
        Fold::of(number)
    }

    fn place(&mut self, fold: Fold, folded: &[u8]) {
        let mut slot = self.slot(folded);
        while self.slots[slot] != 0 {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        self.slots[slot] = u32::try_from(fold.number()).unwrap_or(0) + 1;
    }

    fn grow(&mut self) {
        self.slots = vec![0; self.slots.len() * 2];
        for number in meta::TEXTS.len()..self.words.len() {
            let (at, length) = self.words[number];
            let folded = self.folded[at as usize..at as usize + usize::from(length)].to_vec();
            self.place(Fold::of(u32::try_from(number).unwrap_or(0)), &folded);
        }
    }

    fn is_word(&self, number: u32, text: &[u8]) -> bool {
        let (at, length) = self.words[number as usize];
        let at = at as usize;
        self.folded[at..at + usize::from(length)].eq_ignore_ascii_case(text)
    }

    fn slot(&self, text: &[u8]) -> usize {
        let mut hasher = FoldingHasher(0xcbf2_9ce4_8422_2325);
        hasher.write(text);
        // The high half is mixed better than the low one.
        (hasher.finish() >> 32) as usize & (self.slots.len() - 1)
    }
}

/// FNV-1a over bytes without regard to case.
struct FoldingHasher(u64);

impl Hasher for FoldingHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 ^= u64::from(byte.to_ascii_lowercase());
            self.0 = self.0.wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
