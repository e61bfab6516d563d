//! A database made of a text, or not at all.

use std::path::Path;

use bstr::ByteSlice;

use crate::base::{Diagnostic, Origin};
use crate::dbfile::{Duplicates, Inserted};
use crate::map::{BuildError, Builder, Kind, Line, Owner, Source, Syntax, check_file};

/// What to make of what.
#[derive(Clone, Debug)]
pub struct DatabaseRequest<'a> {
    /// The text's name, for messages.
    pub name: &'a str,
    /// The text.
    pub text: &'a [u8],
    /// The type of the database.
    pub kind: Kind,
    /// The file that comes out.
    pub result: &'a Path,
    /// Keys keep their case.
    pub keep_case: bool,
    /// Keys and values end with a NUL.
    pub nul: bool,
    /// Users who may own the directory, beside root.
    pub trusted: &'a [u32],
    /// Who owns a new file.
    pub owner: Option<Owner>,
}

/// A database that is written when it is [put in place](Built::commit).
pub struct Built {
    builder: Builder,
    /// What is wrong with the text.
    pub faults: Vec<Diagnostic>,
}

impl Built {
    /// How many entries there are.
    pub fn entries(&self) -> usize {
        self.builder.len()
    }

    /// Whether the text has faults for which the old database should stay.
    pub fn failed(&self) -> bool {
        self.faults.iter().any(Diagnostic::is_error)
    }

    /// Puts the file in place of the old one.
    ///
    /// # Errors
    /// The old one is then untouched.
    pub fn commit(self) -> Result<(), BuildError> {
        self.builder.finish()
    }
}

/// Reads the text and makes a database of it in memory.
///
/// A key that stands twice is a warning and the first line counts, as with
/// `makemap`; every other fault is an error.
///
/// # Errors
/// The database may not, or cannot, be written there.
pub fn build_database(request: &DatabaseRequest<'_>) -> Result<Built, BuildError> {
    check_file(request.result, request.trusted)?;
    let mut builder = Builder::empty(request.kind, request.result, false, request.owner)?;
    let syntax = Syntax {
        keep_case: request.keep_case,
        ..Syntax::default()
    };
    let mut faults = Vec::new();
    let whole = Origin::file_only(request.name);
    let mut source = Source::new(request.text, syntax);
    while let Some((number, line)) = source.read()? {
        let origin = whole.at_line(u32::try_from(number).unwrap_or(u32::MAX));
        let (key, value) = match line {
            Line::Entry { key, value } => (key, value),
            Line::Fault(fault) => {
                faults.push(Diagnostic::error("map-line", origin, fault.to_string()));
                continue;
            }
        };
        let inserted = if request.nul {
            let key = bstr::concat([key, b"\0"]);
            let value = bstr::concat([value, b"\0"]);
            builder.insert(&key, &value, Duplicates::Refuse)?
        } else {
            builder.insert(key, value, Duplicates::Refuse)?
        };
        if inserted == Inserted::Refused {
            let text = format!(
                "key {} stands a second time; the first line counts",
                key.as_bstr()
            );
            faults.push(
                Diagnostic::warning("map-duplicate-key", origin, text)
                    .help("Take one of the two lines out."),
            );
        }
    }
    Ok(Built { builder, faults })
}
