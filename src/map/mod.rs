//! Maps: what rules look up by name, from databases, files, users and names.
//!
//! A `K` line names a map and its class; [`Maps`] holds all of a
//! configuration and answers lookups. Maps in memory and in local files
//! answer at once, the others give a future ([`Lookup`]): no thread waits for
//! a map. A file that changes under us is noticed within a second; a foreign
//! database is read, never mapped into memory.

mod answer;
mod kline;
mod registry;
mod simple;
mod world;

pub use answer::{Answer, Lookup, MacroTable, NoMacros, Outcome, Scope};
pub use kline::{Common, Definition, KLine, Nul};
pub use registry::{KeyStyle, MapId, Maps};
pub use world::MapWorld;
