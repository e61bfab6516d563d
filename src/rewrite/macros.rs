//! Macros: named values, in layers from the whole program to one envelope.
//!
//! A value of the configuration is a template, in which `$x` stands for
//! another macro; a value that came from anywhere else (a client's name, an
//! address) is literal, and a dollar sign in it is a dollar sign. The two are
//! never confused, so no peer can make a configuration expand what it sent.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use bstr::{BStr, BString};

use crate::cf::Config;

/// The value of a macro.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Just this text.
    Literal(BString),
    /// Text of the configuration, in which macros are expanded.
    Template(BString),
}

impl Value {
    /// The text, unexpanded.
    pub fn text(&self) -> &BStr {
        match self {
            Value::Literal(text) | Value::Template(text) => BStr::new(text),
        }
    }
}

/// Macros of one layer, over those of its parent.
///
/// Names are without braces; one-letter names and `{x}` are the same.
#[derive(Clone, Debug, Default)]
pub struct MacroTable {
    parent: Option<Arc<MacroTable>>,
    /// `None`: taken away, though the parent may have it.
    own: HashMap<BString, Option<Value>, BuildHasherDefault<NameHasher>>,
}

/// FNV-1a. Names come from the configuration and from us, never from a peer.
#[derive(Clone, Copy, Debug)]
struct NameHasher(u64);

impl Default for NameHasher {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for NameHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

impl MacroTable {
    /// No macro at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// The macros that a configuration defines, each as it was defined last,
    /// over those of `parent`.
    pub fn of_config(config: &Config, parent: Option<Arc<MacroTable>>) -> Self {
        let mut table = Self {
            parent,
            own: HashMap::with_capacity_and_hasher(
                config.macros.len(),
                BuildHasherDefault::default(),
            ),
        };
        for definition in &config.macros {
            table.define(&definition.name, definition.value.clone());
        }
        table
    }

    /// A layer over `parent` that holds nothing yet.
    pub fn over(parent: Arc<MacroTable>) -> Self {
        Self {
            parent: Some(parent),
            own: HashMap::default(),
        }
    }

    /// Sets a macro to just this text.
    pub fn set(&mut self, name: &[u8], text: impl Into<BString>) {
        self.put(name, Some(Value::Literal(text.into())));
    }

    /// Sets a macro to a template of the configuration.
    pub fn define(&mut self, name: &[u8], template: impl Into<BString>) {
        self.put(name, Some(Value::Template(template.into())));
    }

    /// Takes a macro away, here and in what the parents say of it.
    pub fn unset(&mut self, name: &[u8]) {
        if self.parent.is_some() {
            self.put(name, None);
        } else {
            self.own.remove(BStr::new(name));
        }
    }

    /// Forgets what this layer says; the parents' values show again.
    pub fn clear(&mut self) {
        self.own.clear();
    }

    /// The value of a macro, the nearest layer first.
    pub fn get(&self, name: &[u8]) -> Option<&Value> {
        let mut layer = self;
        loop {
            if let Some(value) = layer.own.get(BStr::new(name)) {
                return value.as_ref();
            }
            layer = layer.parent.as_deref()?;
        }
    }

    /// The text of a macro, unexpanded.
    pub fn raw(&self, name: &[u8]) -> Option<&BStr> {
        self.get(name).map(Value::text)
    }

    /// The text of a macro, with all macros in it expanded; empty when there
    /// is none.
    pub fn text(&self, name: &[u8]) -> BString {
        match self.get(name) {
            None => BString::default(),
            Some(Value::Literal(text)) => text.clone(),
            Some(Value::Template(text)) => super::expand(text, self),
        }
    }

    /// A name that is known already is not made anew.
    fn put(&mut self, name: &[u8], value: Option<Value>) {
        match self.own.get_mut(BStr::new(name)) {
            Some(place) => *place = value,
            None => {
                self.own.insert(name.into(), value);
            }
        }
    }
}
