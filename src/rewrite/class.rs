//! Classes: sets of words, compared without regard to case.
//!
//! A word may be several tokens of an address (`mail.example.org`). A match
//! grows token by token, so a class keeps its words sorted: each further
//! token narrows the range of words that still fit, and most attempts end at
//! the first byte.

use std::collections::HashMap;
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use super::expand::expand;
use super::macros::MacroTable;
use crate::cf::{ClassDef, ClassSource, Config, macro_name};

/// The slots of the reference's symbol table, and its number for words of
/// classes: they decide the order in which members are shown.
const SYMBOL_SLOTS: u32 = 2003;
const SYMBOL_KIND: u32 = 1;

/// All classes of a configuration.
#[derive(Clone, Debug, Default)]
pub struct ClassTable {
    classes: HashMap<BString, Class>,
}

impl ClassTable {
    /// No class at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a word to a class; both may be new.
    pub fn add(&mut self, class: &[u8], word: &[u8]) {
        self.entry(class).add(word);
    }

    /// Adds what stands on a `C` line: a word, or with `$=y` the members of
    /// class `y`.
    pub fn add_word(&mut self, class: &[u8], word: &[u8]) {
        match word.strip_prefix(b"$=").and_then(macro_name::split) {
            Some((from, _)) => self.include(class, from),
            None => self.add(class, word),
        }
    }

    /// Adds words to a class: all at once, which is much faster for many.
    pub fn extend<'a>(&mut self, class: &[u8], words: impl IntoIterator<Item = &'a [u8]>) {
        self.entry(class).extend(words);
    }

    /// Adds the members of one class to another.
    pub fn include(&mut self, class: &[u8], from: &[u8]) {
        let words: Vec<BString> = self.words(from).map(BString::from).collect();
        self.extend(class, words.iter().map(|word| word.as_slice()));
    }

    /// The class of this name.
    pub fn get(&self, class: &[u8]) -> Option<&Class> {
        self.classes.get(BStr::new(class))
    }

    /// Whether a class holds a word, in any case.
    pub fn contains(&self, class: &[u8], word: &[u8]) -> bool {
        self.get(class).is_some_and(|class| class.contains(word))
    }

    /// The words of a class as they were written first, sorted without
    /// regard to case.
    pub fn words(&self, class: &[u8]) -> impl Iterator<Item = &BStr> {
        self.get(class).into_iter().flat_map(Class::words)
    }

    /// The words of a class in the order in which the reference shows them:
    /// that of its symbol table.
    pub fn shown(&self, class: &[u8]) -> Vec<&BStr> {
        let mut words: Vec<&BStr> = self.words(class).collect();
        words.sort_by_key(|word| {
            word.iter().fold(SYMBOL_KIND, |hash, byte| {
                ((hash << 1) ^ u32::from(byte.to_ascii_lowercase())) % SYMBOL_SLOTS
            })
        });
        words
    }

    /// The names of all classes, in no order.
    pub fn names(&self) -> impl Iterator<Item = &BStr> {
        self.classes.keys().map(|name| name.as_bstr())
    }

    fn entry(&mut self, class: &[u8]) -> &mut Class {
        self.classes.entry(class.into()).or_default()
    }
}

/// Fills classes as a configuration says: its `C` and `T` lines expanded with
/// the macros as they are where each stands, over `base` (what is in class `w`
/// before). The words of an `F` line come from `load`, which reports its own
/// faults.
pub fn load_classes(
    config: &Config,
    initial: &Arc<MacroTable>,
    base: ClassTable,
    mut load: impl FnMut(&ClassDef) -> Vec<BString>,
) -> ClassTable {
    let mut table = base;
    let mut macros = MacroTable::over(Arc::clone(initial));
    let mut defined = config.macros.iter().peekable();
    for class in &config.classes {
        while let Some(next) = defined.next_if(|next| next.place < class.place) {
            macros.define(&next.name, next.value.clone());
        }
        match &class.source {
            ClassSource::Words(words) => {
                for word in expand(words, &macros).fields() {
                    table.add_word(&class.name, word);
                }
            }
            _ => {
                let words = load(class);
                table.extend(&class.name, words.iter().map(|word| word.as_slice()));
            }
        }
    }
    table
}

/// One class.
#[derive(Clone, Debug, Default)]
pub struct Class {
    /// Folded words, sorted, each once.
    folded: Vec<Box<[u8]>>,
    /// The same words as they were written, in the same order.
    written: Vec<BString>,
    /// Which bytes words begin with.
    first: [u64; 4],
    length_max: usize,
}

impl Class {
    /// Whether it holds this word, in any case.
    pub fn contains(&self, word: &[u8]) -> bool {
        let mut growing = self.grow();
        growing.push(word);
        growing.complete()
    }

    /// The words as they were written first.
    pub fn words(&self) -> impl Iterator<Item = &BStr> {
        self.written.iter().map(|word| word.as_bstr())
    }

    /// How many words it has.
    pub fn len(&self) -> usize {
        self.folded.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.folded.is_empty()
    }

    /// Begins a match of a word that comes in pieces.
    pub(super) fn grow(&self) -> Growing<'_> {
        Growing {
            class: self,
            low: 0,
            high: self.folded.len(),
            length: 0,
        }
    }

    fn add(&mut self, word: &[u8]) {
        let folded = word.to_ascii_lowercase();
        if let Err(at) = self
            .folded
            .binary_search_by(|known| known.as_ref().cmp(&folded))
        {
            self.note(&folded);
            self.folded.insert(at, folded.into());
            self.written.insert(at, word.into());
        }
    }

    fn extend<'a>(&mut self, words: impl IntoIterator<Item = &'a [u8]>) {
        let mut all: Vec<(Box<[u8]>, BString)> = std::mem::take(&mut self.folded)
            .into_iter()
            .zip(std::mem::take(&mut self.written))
            .collect();
        for word in words {
            let folded = word.to_ascii_lowercase();
            self.note(&folded);
            all.push((folded.into(), word.into()));
        }
        // Stable: of two spellings the first stays.
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all.dedup_by(|later, first| later.0 == first.0);
        (self.folded, self.written) = all.into_iter().unzip();
    }

    fn note(&mut self, folded: &[u8]) {
        if let Some(&byte) = folded.first() {
            self.first[usize::from(byte >> 6)] |= 1 << (byte & 63);
        }
        self.length_max = self.length_max.max(folded.len());
    }

    fn begins_with(&self, byte: u8) -> bool {
        let byte = byte.to_ascii_lowercase();
        self.first[usize::from(byte >> 6)] & (1 << (byte & 63)) != 0
    }
}

/// A word that grows piece by piece, and the words of a class it can become.
pub(super) struct Growing<'c> {
    class: &'c Class,
    low: usize,
    high: usize,
    length: usize,
}

impl Growing<'_> {
    /// Adds a piece; false when no word of the class begins like this.
    pub(super) fn push(&mut self, piece: &[u8]) -> bool {
        if let (0, Some(&byte)) = (self.length, piece.first())
            && !self.class.begins_with(byte)
        {
            self.low = self.high;
        }
        let start = self.length;
        self.length += piece.len();
        if self.length > self.class.length_max {
            self.low = self.high;
        }
        if self.low == self.high {
            return false;
        }
        let words = &self.class.folded[self.low..self.high];
        // All words in range share their first `start` bytes.
        let part = |word: &[u8]| -> std::cmp::Ordering {
            let tail = &word[start.min(word.len())..];
            let tail = &tail[..tail.len().min(piece.len())];
            compare_folded(tail, piece)
        };
        let low = words.partition_point(|word| part(word).is_lt());
        let count = words[low..].partition_point(|word| part(word).is_eq());
        self.low += low;
        self.high = self.low + count;
        count > 0
    }

    /// Whether it is a word of the class now.
    pub(super) fn complete(&self) -> bool {
        // Sorted: the word itself stands before every longer one.
        self.low < self.high && self.class.folded[self.low].len() == self.length
    }
}

/// Compares lower-case bytes with bytes in any case.
fn compare_folded(lower: &[u8], any: &[u8]) -> std::cmp::Ordering {
    for (one, other) in lower.iter().zip(any) {
        let order = one.cmp(&other.to_ascii_lowercase());
        if order.is_ne() {
            return order;
        }
    }
    lower.len().cmp(&any.len())
}
