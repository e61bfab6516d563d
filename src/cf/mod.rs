//! The configuration language: `.cf` text to a typed [`Config`], and back.
//!
//! [`read`] takes the bytes of a configuration, from a file or from the macro
//! processor with the origin of every line, and gives what they mean together
//! with everything that is wrong. It resolves no name, expands no macro and
//! opens no file: `rewrite` compiles the rules, callers load class files and
//! open maps.

mod config;
mod lines;
pub mod macro_name;
mod mailer;
pub mod option_names;
mod option_table;
mod options;
mod printer;
mod reader;
pub mod ruleset_name;
mod text;

pub use config::*;
pub use lines::Origins;
pub use option_table::{Kind, OPTIONS, Opt, OptionRow};
pub use options::{OptionValue, Options};
pub use printer::print;
pub use reader::{read, read_line};

/// The level of the language that is read (`V10`).
pub const LEVEL: u32 = 10;
