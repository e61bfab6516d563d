//! What was defined where, and what of it was ever read: for those who look
//! for mistakes in a configuration.

use std::collections::BTreeMap;

use bstr::BString;

use super::M4;
use super::origin::LineOrigin;
use super::symbols::NameId;

/// One definition that the text made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defined {
    /// The name.
    pub name: BString,
    /// The call of `define` or `pushdef`.
    pub origin: LineOrigin,
    /// Whether it was put on top of another with `pushdef`.
    pub pushed: bool,
    /// Whether it was expanded, or asked for by `ifdef`, `defn`, `indir` or
    /// `dumpdef`, while it was in force.
    pub read: bool,
    /// The entry of the definition that it replaced, when that was one of the
    /// text's.
    pub replaces: Option<usize>,
}

/// The record of a run. Empty unless [`super::Settings::record`] is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Every definition, in order.
    pub defined: Vec<Defined>,
    /// Names that `ifdef`, `defn` or `indir` asked for while they had no
    /// definition, with the first call that did.
    pub missed: BTreeMap<BString, LineOrigin>,
}

impl M4<'_> {
    /// Notes that a definition was read.
    pub(super) fn note_read(&mut self, record: Option<u32>) {
        if let Some(entry) = record.and_then(|index| self.record.defined.get_mut(index as usize)) {
            entry.read = true;
        }
    }

    /// Notes that a name was asked for.
    pub(super) fn note_asked(&mut self, name: &[u8]) {
        if !self.settings.record {
            return;
        }
        match self.symbols.lookup(name).map(|found| found.record) {
            Some(record) => self.note_read(record),
            None => {
                if !self.record.missed.contains_key(name) {
                    let origin = self.origin();
                    self.record.missed.insert(BString::from(name), origin);
                }
            }
        }
    }

    /// Notes a definition.
    pub(super) fn note_defined(&mut self, id: NameId, name: &[u8], pushed: bool) -> Option<u32> {
        if !self.settings.record {
            return None;
        }
        let replaces = self.symbols.get(id).and_then(|found| found.record);
        let entry = Defined {
            name: BString::from(name),
            origin: self.origin(),
            pushed,
            read: false,
            replaces: replaces.filter(|_| !pushed).map(|index| index as usize),
        };
        self.symbols.count_record();
        self.record.defined.push(entry);
        u32::try_from(self.record.defined.len() - 1).ok()
    }
}
