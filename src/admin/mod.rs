//! The administrator's tools: what changes the files of a site.
//!
//! Every change is whole or not at all: a new file is written aside, synced,
//! and renamed over the old one.

pub mod audit;
mod blocks;
mod check;
mod compile;
mod immutable;
mod instance;
pub mod make;
pub mod migrate;
mod replace;
pub mod table;

pub use check::{Checked, HowToCheck, check_file};
pub use compile::{CompileError, compile_file, told};
pub use immutable::{is_immutable, why_not_written};
pub use instance::make_instance;
pub use replace::replace_file;
