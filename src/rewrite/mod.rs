//! The rewriting language: rulesets compiled to a [`Program`], addresses run
//! through them by a [`Machine`].
//!
//! ```text
//! let (program, faults) = Program::compile(&config, &initial_macros, &classes);
//! let mut machine = Machine::new(&program);
//! machine.load(b"user@example.org", machine.style());
//! machine.start(program.ruleset(b"canonify").unwrap());
//! loop {
//!     match machine.step(&macros) {
//!         Step::Done(status) => break,
//!         Step::Lookup => { let query = machine.query(); …; machine.answer(answer) }
//!     }
//! }
//! machine.start(…);            // goes on with the workspace as it is
//! machine.workspace().text(), machine.workspace().triple()
//! ```
//!
//! A machine can tell a [`Trace`] what it does; a [`Recorder`] is one that keeps
//! it, for explaining. With [`NoTrace`] nothing of this is even compiled in.
//!
//! Nothing here does IO or waits: the caller answers lookups, at once
//! ([`Machine::run`]) or after awaiting them.

mod chars;
mod class;
mod compile;
mod crack;
mod expand;
mod machine;
mod macros;
mod matcher;
mod program;
mod quick;
mod record;
mod rule_text;
mod scan;
mod symbol;
mod trace;
mod view;
mod workspace;

pub use chars::CharTable;
pub use class::{Class, ClassTable, load_classes};
pub use crack::{CrackStyle, Cracked, MUST_QUOTE_ALWAYS, crack};
pub use expand::expand;
pub use machine::{Answer, Machine, Memory, Query, Status, Step};
pub use macros::{MacroTable, Value};
pub use program::{Program, RuleId, RulesetId};
pub use record::{Deed, Recorded, Recorder, Said};
pub use scan::{Scanned, Style, SyntaxFault};
pub use trace::{Event, NoTrace, Trace};
pub use view::{Triple, View};
pub use workspace::show;

#[cfg(test)]
mod tests;
