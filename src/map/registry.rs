//! All maps of one configuration, found by name.

use std::collections::HashMap;

use bstr::{BStr, BString, ByteSlice};

use crate::base::Diagnostic;

use super::answer::{Lookup, Outcome, Scope};
use super::kline::{Common, Definition};
use super::simple;
use super::world::MapWorld;

/// A map of a [`Maps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MapId(u32);

/// How the tokens of a key are put together before the map is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyStyle {
    /// What stands between two words (`-S`); the configuration's BlankSub
    /// without.
    pub space: Option<u8>,
    /// Quotes stay in the key (`-q`).
    pub keep_quotes: bool,
}

/// All maps of one configuration.
pub struct Maps {
    world: MapWorld,
    maps: Vec<Map>,
    names: HashMap<BString, MapId>,
}

/// One map.
struct Map {
    name: BString,
    class: BString,
    common: Common,
    backend: Box<dyn Backend>,
}

/// What is asked of a map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'k> {
    /// The key as the rule has it.
    pub(crate) key: &'k [u8],
    /// The key, then the arguments behind `$@`.
    pub(crate) arguments: &'k [&'k [u8]],
}

/// The inside of a map: what its class does.
pub(crate) trait Backend: Send + Sync {
    /// Answers one question. `-D`, `-t` and `-T` are the registry's business,
    /// all other flags the class's.
    fn lookup<'a>(
        &'a self,
        maps: &'a Maps,
        ask: Ask<'_>,
        scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome>;
}

/// What a class makes of a definition.
pub(crate) struct Opened {
    /// Its flags.
    pub(crate) common: Common,
    /// What it does.
    pub(crate) backend: Box<dyn Backend>,
}

/// What a class is given to open a map.
pub(crate) struct Opening<'d> {
    /// The `K` line.
    pub(crate) definition: &'d Definition,
    /// The maps defined so far.
    pub(crate) names: &'d HashMap<BString, MapId>,
    /// Complaints go here.
    pub(crate) diagnostics: &'d mut Vec<Diagnostic>,
}

impl Opening<'_> {
    /// Reports that the map cannot be used as it is defined.
    pub(crate) fn fault(&mut self, code: &'static str, message: impl Into<String>) {
        let origin = self.definition.origin.clone();
        self.diagnostics
            .push(Diagnostic::error(code, origin, message));
    }
}

impl Maps {
    /// Opens the maps of a configuration, in the order of its lines. A line
    /// that makes no sense is reported; its name is then unknown.
    pub fn from_definitions(
        definitions: &[Definition],
        world: MapWorld,
    ) -> (Self, Vec<Diagnostic>) {
        let mut maps = Self {
            world,
            maps: Vec::new(),
            names: HashMap::new(),
        };
        let mut diagnostics = Vec::new();
        for definition in definitions {
            maps.define(definition, &mut diagnostics);
        }
        (maps, diagnostics)
    }

    /// Opens one map and gives it its name; a later one of the same name
    /// takes its place.
    fn define(&mut self, definition: &Definition, diagnostics: &mut Vec<Diagnostic>) {
        let mut opening = Opening {
            definition,
            names: &self.names,
            diagnostics,
        };
        let Some(opened) = open_class(&mut opening) else {
            return;
        };
        let Ok(number) = u32::try_from(self.maps.len()) else {
            return;
        };
        self.maps.push(Map {
            name: definition.name.clone(),
            class: definition.class.clone(),
            common: opened.common,
            backend: opened.backend,
        });
        self.names.insert(definition.name.clone(), MapId(number));
    }

    /// The map of this name.
    pub fn id(&self, name: &[u8]) -> Option<MapId> {
        self.names.get(name.as_bstr()).copied()
    }

    /// The name of a map.
    pub fn name(&self, id: MapId) -> &BStr {
        self.map(id).name.as_bstr()
    }

    /// The class of a map.
    pub fn class(&self, id: MapId) -> &BStr {
        self.map(id).class.as_bstr()
    }

    /// How a rule puts the key of this map together.
    pub fn key_style(&self, id: MapId) -> KeyStyle {
        let common = &self.map(id).common;
        KeyStyle {
            space: common.space,
            keep_quotes: common.keep_quotes,
        }
    }

    /// Looks `key` up, with the arguments that stand behind `$@` in a rule.
    pub fn lookup<'a>(
        &'a self,
        id: MapId,
        key: &[u8],
        arguments: &[&[u8]],
        scope: &mut Scope<'_>,
    ) -> Lookup<'a> {
        match self.probe(id, key, arguments, scope) {
            Lookup::Ready(outcome) => Lookup::Ready(outcome.into()),
            Lookup::Pending(later) => Lookup::Pending(Box::pin(async move { later.await.into() })),
        }
    }

    /// The same with what `-bt` shows of it.
    pub fn probe<'a>(
        &'a self,
        id: MapId,
        key: &[u8],
        arguments: &[&[u8]],
        scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        let map = self.map(id);
        if map.common.not_deferring && scope.deferring {
            return Lookup::Ready(map.common.settle(Outcome::TempFail, key));
        }
        let outcome = if arguments.is_empty() {
            map.ask(self, key, &[key], scope)
        } else {
            let mut all = smallvec::SmallVec::<[&[u8]; 10]>::new();
            all.push(key);
            all.extend_from_slice(arguments);
            map.ask(self, key, &all, scope)
        };
        match outcome {
            Lookup::Ready(Outcome::TempFail) => {
                Lookup::Ready(map.common.settle(Outcome::TempFail, key))
            }
            Lookup::Ready(outcome) => Lookup::Ready(outcome),
            Lookup::Pending(later) => {
                let key = key.to_vec();
                Lookup::Pending(Box::pin(
                    async move { map.common.settle(later.await, &key) },
                ))
            }
        }
    }

    /// The world the maps live in.
    pub(crate) fn world(&self) -> &MapWorld {
        &self.world
    }

    /// The map itself.
    fn map(&self, id: MapId) -> &Map {
        // An id is only ever made by `define`, and maps are never taken away.
        &self.maps[id.0 as usize]
    }
}

impl Map {
    /// Asks the class.
    fn ask<'a>(
        &'a self,
        maps: &'a Maps,
        key: &[u8],
        arguments: &[&[u8]],
        scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        self.backend.lookup(maps, Ask { key, arguments }, scope)
    }
}

impl Common {
    /// What a temporary failure becomes by `-t` and `-T`.
    fn settle(&self, outcome: Outcome, key: &[u8]) -> Outcome {
        match outcome {
            Outcome::TempFail if self.no_defer => Outcome::ABSENT,
            Outcome::TempFail => match &self.suffix_tempfail {
                Some(suffix) => {
                    let mut value = BString::from(key);
                    value.extend_from_slice(suffix);
                    Outcome::Found(value)
                }
                None => Outcome::TempFail,
            },
            outcome => outcome,
        }
    }
}

/// Opens a map of any class; none when the line cannot be used.
fn open_class(opening: &mut Opening<'_>) -> Option<Opened> {
    match opening.definition.class.as_slice() {
        b"null" => Some(simple::null(opening)),
        b"arith" => Some(simple::arith(opening)),
        b"macro" => Some(simple::set_macro(opening)),
        b"dequote" => Some(simple::dequote(opening)),
        class => {
            let message = format!(
                "readcf: map {}: class {} not available",
                opening.definition.name,
                class.as_bstr()
            );
            opening.fault("map-unknown-class", message);
            None
        }
    }
}
