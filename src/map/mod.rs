//! Maps: what rules look up by name, from databases, files, users and names.
//!
//! A `K` line names a map and its class; [`Maps`] holds all of a
//! configuration and answers lookups. Maps in memory and in local files
//! answer at once, the others give a future ([`Lookup`]): no thread waits for
//! a map. A file that changes under us is noticed within a second; a foreign
//! database is read, never mapped into memory.

pub mod aliases;
mod answer;
mod aside;
mod build;
mod cidr;
mod database;
mod elsewhere;
mod fault;
mod file;
mod implicit;
mod kline;
#[cfg(feature = "ldap")]
mod ldap;
mod line_reader;
mod names;
mod patience;
mod program;
mod redis;
mod regex;
mod registry;
mod safety;
mod sequence;
mod simple;
mod socket;
mod source;
#[cfg(any(feature = "sqlite", feature = "pgsql"))]
mod sql;
mod syslog;
mod text;
mod user;
mod userdb;
mod world;

use std::io;

pub use answer::{Answer, Lookup, MacroTable, NoMacros, Outcome, Scope};
pub use aside::{Aside, Owner};
pub use build::{BuildError, Builder, Reader, check_file};
pub use database::Kind;
pub use kline::{Common, Definition, KLine, Nul};
pub use registry::{KeyStyle, MapId, MapSettings, Maps, OpenState};
pub use safety::{Sticky, WritableDirectory, Writers, writable_directory};
pub use source::{Fault, Line, Source, Syntax};
pub use user::user_ids;
pub use world::MapWorld;

/// The system's words for an error, without its number.
pub fn errno_text(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => nix::errno::Errno::from_raw(number).desc().to_owned(),
        None => error.to_string(),
    }
}
