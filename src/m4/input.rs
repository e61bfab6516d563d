//! The stack of texts still to be read.
//!
//! Files lie at the bottom, expansions on top of them; the text on top is
//! read until it is used up, then the one below goes on.

use std::rc::Rc;

use super::builtins::Builtin;
use super::origin::{FileId, Place};

/// The bytes of a source.
#[derive(Debug)]
pub(super) enum Text {
    /// A macro's body, as it is.
    Shared(Rc<[u8]>),
    /// An expansion or a file; the buffer is used again.
    Owned(Vec<u8>),
}

impl Text {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Shared(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// What kind of text a source is.
#[derive(Debug)]
pub(super) enum Kind {
    /// A file; lines are counted when somebody asks.
    File {
        file: FileId,
        /// The newlines before `counted`, and 1.
        line: u32,
        counted: usize,
        /// The line of the text or call outside of any arguments that was
        /// last read here.
        call_line: u32,
        /// It was given to the machine, not included by another.
        outermost: bool,
    },
    /// An expansion; it belongs where its call stands.
    Expansion(Place),
    /// A text of `m4wrap`: the place of that call, and what it belonged to.
    Wrapped { place: Place, asked: Place },
    /// A builtin as a value, out of `defn`.
    Builtin(Builtin, Place),
}

/// One text on the stack.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) text: Text,
    pub(super) at: usize,
    pub(super) kind: Kind,
}

impl Source {
    /// What is not read yet.
    pub(super) fn rest(&self) -> &[u8] {
        self.text.bytes().get(self.at..).unwrap_or_default()
    }

    pub(super) fn is_used_up(&self) -> bool {
        match self.kind {
            Kind::Builtin(..) => self.at > 0,
            _ => self.at >= self.text.bytes().len(),
        }
    }

    /// The place of the byte at `target`, at or after what was counted.
    pub(super) fn place_of(&mut self, target: usize) -> Place {
        match &mut self.kind {
            Kind::File {
                file,
                line,
                counted,
                ..
            } => {
                if let Some(new) = self.text.bytes().get(*counted..target) {
                    let lines = newlines(new);
                    *line = line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
                    *counted = target;
                }
                Place {
                    file: *file,
                    line: *line,
                }
            }
            Kind::Expansion(place) | Kind::Builtin(_, place) | Kind::Wrapped { place, .. } => {
                *place
            }
        }
    }
}

fn newlines(text: &[u8]) -> usize {
    // Nearly always from one token to the next.
    if text.len() <= 32 {
        text.iter().filter(|byte| **byte == b'\n').count()
    } else {
        memchr::memchr_iter(b'\n', text).count()
    }
}

/// The stack.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub(super) sources: Vec<Source>,
    /// Bytes in all sources, read or not.
    pub(super) pending_bytes: usize,
    /// Emptied buffers for further expansions.
    spare: Vec<Vec<u8>>,
}

/// Buffers beyond these are given back to the system.
const SPARE_BUFFERS_MAX: usize = 32;
const SPARE_BYTES_MAX: usize = 64 << 10;

impl Input {
    /// An empty buffer for an expansion.
    pub(super) fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes a buffer back.
    pub(super) fn give_back(&mut self, mut buffer: Vec<u8>) {
        if self.spare.len() < SPARE_BUFFERS_MAX && buffer.capacity() <= SPARE_BYTES_MAX {
            buffer.clear();
            self.spare.push(buffer);
        }
    }

    /// Puts a text in front of everything else. Expansions that are used up
    /// go first, so that endless recursion at the end of a text needs no
    /// memory.
    pub(super) fn push(&mut self, source: Source) {
        while self
            .sources
            .last()
            .is_some_and(|top| top.is_used_up() && !matches!(top.kind, Kind::File { .. }))
        {
            self.pop();
        }
        self.pending_bytes = self.pending_bytes.saturating_add(source.text.bytes().len());
        self.sources.push(source);
    }

    /// Takes the top source away.
    pub(super) fn pop(&mut self) -> Option<Source> {
        let mut source = self.sources.pop()?;
        self.pending_bytes = self.pending_bytes.saturating_sub(source.text.bytes().len());
        if let Text::Owned(buffer) = &mut source.text {
            let buffer = std::mem::take(buffer);
            self.give_back(buffer);
        }
        Some(source)
    }

    /// The next byte, and in which source it is, without reading it. A
    /// builtin as a value is no byte, and hides what follows.
    pub(super) fn peek(&self) -> Option<(usize, u8)> {
        for (index, source) in self.sources.iter().enumerate().rev() {
            match source.kind {
                Kind::Builtin(..) if !source.is_used_up() => return None,
                _ => {}
            }
            if let Some(byte) = source.rest().first() {
                return Some((index, *byte));
            }
        }
        None
    }

    /// Whether the input goes on with `expected`, in however many sources.
    pub(super) fn goes_on_with(&self, mut expected: &[u8]) -> bool {
        for source in self.sources.iter().rev() {
            if expected.is_empty() {
                return true;
            }
            if matches!(source.kind, Kind::Builtin(..)) && !source.is_used_up() {
                return false;
            }
            let rest = source.rest();
            let common = rest.len().min(expected.len());
            if rest[..common] != expected[..common] {
                return false;
            }
            expected = &expected[common..];
        }
        expected.is_empty()
    }
}
