//! The names that are defined, and the stack of definitions of each.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use smallvec::SmallVec;

use super::builtins::Builtin;

/// A name's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NameId(u32);

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// Text; `dollars` says whether it has a `$` at all.
    Text { text: Rc<[u8]>, dollars: bool },
    /// One of the machine's own.
    Builtin(Builtin),
}

impl Body {
    pub(super) fn text(text: &[u8]) -> Self {
        Self::Text {
            text: Rc::from(text),
            dollars: memchr::memchr(b'$', text).is_some(),
        }
    }
}

/// One definition of a name.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    pub(super) body: Body,
    /// Its entry in the record, when one is kept.
    pub(super) record: Option<u32>,
}

#[derive(Debug)]
struct Name {
    text: Rc<[u8]>,
    stack: SmallVec<[Definition; 1]>,
    traced: bool,
}

/// All names.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    index: HashMap<Rc<[u8]>, NameId, BuildHasherDefault<NameHasher>>,
    names: Vec<Name>,
}

impl Symbols {
    /// The name, when anything was ever said about it.
    pub(super) fn find(&self, text: &[u8]) -> Option<NameId> {
        self.index.get(text).copied()
    }

    /// The name, made when it is new.
    pub(super) fn intern(&mut self, text: &[u8]) -> NameId {
        if let Some(id) = self.find(text) {
            return id;
        }
        let id = NameId(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        let text: Rc<[u8]> = Rc::from(text);
        self.index.insert(Rc::clone(&text), id);
        self.names.push(Name {
            text,
            stack: SmallVec::new(),
            traced: false,
        });
        id
    }

    /// The name itself.
    pub(super) fn text(&self, id: NameId) -> Rc<[u8]> {
        Rc::clone(&self.names[id.0 as usize].text)
    }

    /// The definition in force.
    pub(super) fn get(&self, id: NameId) -> Option<&Definition> {
        self.names[id.0 as usize].stack.last()
    }

    /// The definition in force of a name given as text.
    pub(super) fn lookup(&self, text: &[u8]) -> Option<&Definition> {
        self.find(text).and_then(|id| self.get(id))
    }

    /// Replaces the definition in force, or makes the first.
    pub(super) fn define(&mut self, id: NameId, definition: Definition) {
        let stack = &mut self.names[id.0 as usize].stack;
        stack.pop();
        stack.push(definition);
    }

    /// Puts a definition on top of the ones before.
    pub(super) fn push(&mut self, id: NameId, definition: Definition) {
        self.names[id.0 as usize].stack.push(definition);
    }

    /// Takes the definition in force away; the one before is in force then.
    pub(super) fn pop(&mut self, id: NameId) {
        self.names[id.0 as usize].stack.pop();
    }

    /// Takes all definitions away.
    pub(super) fn undefine(&mut self, id: NameId) {
        self.names[id.0 as usize].stack.clear();
    }

    pub(super) fn is_traced(&self, id: NameId) -> bool {
        self.names[id.0 as usize].traced
    }

    pub(super) fn set_traced(&mut self, id: NameId, traced: bool) {
        self.names[id.0 as usize].traced = traced;
    }

    /// Sets the trace of every name that is defined, or takes it from all.
    pub(super) fn trace_all(&mut self, traced: bool) {
        for name in &mut self.names {
            if !traced || !name.stack.is_empty() {
                name.traced = traced;
            }
        }
    }

    /// The names that have a definition, sorted.
    pub(super) fn defined(&self) -> Vec<Rc<[u8]>> {
        let mut all: Vec<_> = self
            .names
            .iter()
            .filter(|name| !name.stack.is_empty())
            .map(|name| Rc::clone(&name.text))
            .collect();
        all.sort();
        all
    }
}

/// A hash for names: short, trusted enough (the text that is expanded chooses
/// its own names and can only slow down itself).
#[derive(Default)]
pub(super) struct NameHasher(u64);

const SEED: u64 = 0x517c_c1b7_2722_0a95;

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut hash = self.0;
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            hash = (hash.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(SEED);
        }
        let mut tail = [0; 8];
        let rest = chunks.remainder();
        tail[..rest.len()].copy_from_slice(rest);
        hash = (hash.rotate_left(5) ^ u64::from_le_bytes(tail)).wrapping_mul(SEED);
        self.0 = hash ^ (hash >> 29);
    }

    fn write_usize(&mut self, value: usize) {
        self.0 = (self.0.rotate_left(5) ^ value as u64).wrapping_mul(SEED);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
