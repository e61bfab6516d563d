//! Aliases: the source file, the databases made of it, and asking them.
//!
//! A database carries the entry `@`, made last: where it is missing, somebody
//! is still building (option AliasWait). Keys and values end with a NUL.

mod links;
mod lookup;
mod make;
mod source;

pub use links::Links;
pub use lookup::{AliasMaps, AliasSpec};
pub use make::{AliasEvent, AliasName, CheckList, MakeAliases, MakeError, Totals};
pub use source::{Fault, Line, Source};
