//! The names that are defined, and the stack of definitions of each.

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

impl Definition {
    /// What it takes, about.
    fn bytes(&self) -> usize {
        match &self.body {
            Body::Text { text, .. } => text.len() + NAME_BYTES,
            Body::Builtin(_) => NAME_BYTES,
        }
    }
}

/// What a name or a definition takes beside its text, about.
const NAME_BYTES: usize = 64;

#[derive(Debug)]
struct Name {
    hash: u32,
    text: Rc<[u8]>,
    stack: SmallVec<[Definition; 1]>,
    traced: bool,
}

/// All names, in a table with open addressing.
#[derive(Debug)]
pub(super) struct Symbols {
    names: Vec<Name>,
    /// What names begin and end with and how long they are, as bits by first
    /// byte: most words are nobody's name, and need no hash to be told so.
    shapes: [u64; 256],
    /// What all names and definitions take, about.
    bytes: usize,
    /// A power of two, at most half full.
    slots: Vec<Slot>,
}

/// A hash and a name's number from 1; 0 is an empty slot.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    hash: u32,
    name: u32,
}

const SLOTS_MIN: usize = 512;

impl Default for Symbols {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            shapes: [0; 256],
            bytes: 0,
            slots: Vec::new(),
        }
    }
}

/// The first byte of a name, and a bit for the rest of its shape.
fn shape(text: &[u8]) -> (usize, u64) {
    let first = text.first().copied().unwrap_or(0);
    let last = text.last().copied().unwrap_or(0);
    let bit = text.len().wrapping_mul(11).wrapping_add(usize::from(last)) % 64;
    (usize::from(first), 1 << bit)
}

impl Symbols {
    /// The name, when anything was ever said about it.
    pub(super) fn find(&self, text: &[u8]) -> Option<NameId> {
        let (first, bit) = shape(text);
        if self.shapes[first] & bit == 0 {
            return None;
        }
        self.find_hashed(text, hash(text))
    }

    fn find_hashed(&self, text: &[u8], hash: u32) -> Option<NameId> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots.get(at)?;
            let id = slot.name.checked_sub(1)?;
            if slot.hash == hash && *self.names[id as usize].text == *text {
                return Some(NameId(id));
            }
            at = (at + 1) & mask;
        }
    }

    /// The name, made when it is new.
    pub(super) fn intern(&mut self, text: &[u8]) -> NameId {
        let hash = hash(text);
        if let Some(id) = self.find_hashed(text, hash) {
            return id;
        }
        // The table of slots would not fit into memory before this fails.
        let id = u32::try_from(self.names.len()).unwrap_or(u32::MAX - 1);
        let (first, bit) = shape(text);
        self.shapes[first] |= bit;
        self.bytes += text.len() + NAME_BYTES;
        self.names.push(Name {
            hash,
            text: Rc::from(text),
            stack: SmallVec::new(),
            traced: false,
        });
        if self.names.len() * 2 > self.slots.len() {
            self.grow();
        } else {
            self.place(Slot { hash, name: id + 1 });
        }
        NameId(id)
    }

    fn place(&mut self, slot: Slot) {
        let mask = self.slots.len() - 1;
        let mut at = slot.hash as usize & mask;
        while self.slots[at].name != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(SLOTS_MIN);
        self.slots = vec![Slot::default(); size];
        for index in 0..self.names.len() {
            let slot = Slot {
                hash: self.names[index].hash,
                name: u32::try_from(index + 1).unwrap_or(u32::MAX),
            };
            self.place(slot);
        }
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
        self.pop(id);
        self.push(id, definition);
    }

    /// Puts a definition on top of the ones before.
    pub(super) fn push(&mut self, id: NameId, definition: Definition) {
        self.bytes += definition.bytes();
        self.names[id.0 as usize].stack.push(definition);
    }

    /// Takes the definition in force away; the one before is in force then.
    pub(super) fn pop(&mut self, id: NameId) {
        if let Some(definition) = self.names[id.0 as usize].stack.pop() {
            self.bytes = self.bytes.saturating_sub(definition.bytes());
        }
    }

    /// Takes all definitions away.
    pub(super) fn undefine(&mut self, id: NameId) {
        let stack = std::mem::take(&mut self.names[id.0 as usize].stack);
        let bytes: usize = stack.iter().map(Definition::bytes).sum();
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Counts an entry of the record, which stays when its definition goes.
    pub(super) fn count_record(&mut self) {
        self.bytes += 2 * NAME_BYTES;
    }

    /// What all names and definitions take, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
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

/// A hash for names, short as they are. Whoever writes the text that is
/// expanded chooses the names, and can slow down only that.
fn hash(text: &[u8]) -> u32 {
    const FIRST: u64 = 0x9e37_79b9_7f4a_7c15;
    const SECOND: u64 = 0xc2b2_ae3d_27d4_eb4f;
    let eight = |chunk: Option<&[u8; 8]>| chunk.map_or(0, |chunk| u64::from_le_bytes(*chunk));
    let four =
        |chunk: Option<&[u8; 4]>| chunk.map_or(0, |chunk| u64::from(u32::from_le_bytes(*chunk)));
    let mut hash = text.len() as u64;
    let mut rest = text;
    while rest.len() > 16 {
        hash = (hash ^ eight(rest.first_chunk())).wrapping_mul(FIRST);
        hash ^= hash >> 32;
        rest = &rest[8..];
    }
    let (front, back) = match rest {
        [] => (0, 0),
        [one] => (u64::from(*one), 0),
        [one, two] => (u64::from(*one), u64::from(*two)),
        [one, two, three] => (u64::from(*one) << 8 | u64::from(*two), u64::from(*three)),
        _ if rest.len() < 8 => (four(rest.first_chunk()), four(rest.last_chunk())),
        _ => (eight(rest.first_chunk()), eight(rest.last_chunk())),
    };
    hash = (hash ^ front).wrapping_mul(FIRST) ^ back.wrapping_mul(SECOND);
    // Both halves: the high bits of a product are the better ones.
    ((hash >> 32) ^ hash) as u32
}
