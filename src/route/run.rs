//! Runs rulesets to their end: maps that answer at once are answered on the
//! spot, the others are awaited; no thread waits.

use std::sync::{Mutex, PoisonError};

use bstr::BString;
use smallvec::SmallVec;

use super::Site;
use crate::base::limits::MACHINES_KEPT_MAX;
use crate::map::{self, Scope};
use crate::rewrite::{self, Machine, MacroTable, Memory, Query, RulesetId, Status, Step, Trace};

/// Lets maps set macros of the layer in use.
struct Layer<'a>(&'a mut MacroTable);

impl map::MacroTable for Layer<'_> {
    fn set(&mut self, name: &[u8], value: Option<&[u8]>) {
        match value {
            Some(value) => self.0.set(name, value),
            None => self.0.unset(name),
        }
    }
}

/// Memory of machines that are done, for the next ones.
#[derive(Default)]
pub(super) struct Kept(Mutex<Vec<Memory>>);

impl Site {
    /// A machine for the site's rules.
    pub(super) fn machine<T: Trace>(&self, trace: T) -> Machine<'_, T> {
        let mut kept = self.kept.0.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = kept.pop().unwrap_or_default();
        Machine::with_memory(&self.program, trace, memory)
    }

    /// Keeps what a machine has allocated.
    pub(super) fn done<T: Trace>(&self, machine: Machine<'_, T>) {
        let memory = machine.into_memory();
        let mut kept = self.kept.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MACHINES_KEPT_MAX {
            kept.push(memory);
        }
    }

    /// Runs one ruleset over the workspace of `machine`; without a ruleset
    /// the workspace stays as it is.
    pub(super) async fn run<T: Trace>(
        &self,
        machine: &mut Machine<'_, T>,
        ruleset: Option<RulesetId>,
        macros: &mut MacroTable,
    ) -> Status {
        let Some(ruleset) = ruleset else {
            return Status::Ok;
        };
        machine.start(ruleset);
        loop {
            match machine.step(macros) {
                Step::Done(status) => return status,
                Step::Lookup => {
                    let answer = self.answer(machine.query(), macros).await;
                    machine.answer(answer);
                }
            }
        }
    }

    /// Asks the map that the machine waits for.
    async fn answer(&self, query: Query<'_>, macros: &mut MacroTable) -> rewrite::Answer {
        let Some(id) = self.map_of(&query) else {
            return rewrite::Answer::NoSuchMap;
        };
        let style = self.maps.key_style(id);
        let key = query.key_text(style.space, style.keep_quotes);
        let arguments: SmallVec<[BString; 4]> = query.arguments().collect();
        let arguments: SmallVec<[&[u8]; 4]> = arguments.iter().map(|a| a.as_slice()).collect();
        let lookup = {
            let mut layer = Layer(macros);
            let mut scope = Scope {
                macros: &mut layer,
                deferring: self.deferring,
                queue_id: "",
            };
            self.maps.lookup(id, &key, &arguments, &mut scope)
        };
        match lookup.wait().await {
            map::Answer::Found(value) => rewrite::Answer::Found(value),
            map::Answer::NotFound => rewrite::Answer::NotFound,
            map::Answer::TempFail => rewrite::Answer::TempFail,
        }
    }
}
