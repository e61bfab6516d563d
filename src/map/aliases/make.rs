//! Making a database of an alias file, as `newaliases` does.

use std::io::{self, Read};

use bstr::{BString, ByteSlice};

use crate::dbfile::{Duplicates, Inserted};
use crate::map::build::{BuildError, Builder};

use super::source::{Fault, Line, Source};

/// What a name in an alias file is to the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AliasName {
    /// It is local, and this is its key, any case.
    Local {
        /// What the rules made of it.
        key: BString,
        /// What is said about its line all the same.
        complaint: Option<String>,
    },
    /// It cannot be an alias.
    Refused {
        /// What is said about it.
        complaints: Vec<String>,
    },
}

/// Something to be told while a database is made.
#[derive(Debug)]
pub enum AliasEvent<'e> {
    /// The line is no entry.
    Fault(Fault<'e>),
    /// Somebody's words about a name, or about an address of a list.
    Complaint {
        /// The name or address as it is written.
        name: &'e [u8],
        /// What is said.
        text: &'e str,
    },
    /// The name stands a second time; the later one counts.
    Duplicate {
        /// The name as it is written.
        name: &'e [u8],
        /// Its key.
        key: &'e [u8],
    },
}

impl std::fmt::Display for AliasEvent<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AliasEvent::Fault(fault) => fault.fmt(f),
            AliasEvent::Complaint { name, text } => write!(f, "{}... {text}", name.as_bstr()),
            AliasEvent::Duplicate { name, key } => write!(
                f,
                "{}... Warning: duplicate alias name {}",
                name.as_bstr(),
                key.as_bstr()
            ),
        }
    }
}

/// What the summary line counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Entries.
    pub aliases: u64,
    /// The longest list.
    pub longest_bytes: usize,
    /// Names and lists together.
    pub total_bytes: u64,
    /// Lines that are no entries.
    pub faults: u64,
    /// Names that cannot be aliases.
    pub refused: u64,
}

impl std::fmt::Display for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} aliases, longest {} bytes, {} bytes total",
            self.aliases, self.longest_bytes, self.total_bytes
        )
    }
}

/// Looks at a list, and says which of its addresses are wrong, and why.
pub type CheckList<'c> = dyn FnMut(&[u8]) -> Vec<(BString, String)> + 'c;

/// Makes alias databases.
pub struct MakeAliases<'m> {
    /// Says what a name is.
    pub classify: &'m mut dyn FnMut(&[u8]) -> AliasName,
    /// Looks at a list, and says what is wrong with it (option CheckAliases).
    pub check: Option<&'m mut CheckList<'m>>,
    /// Is told every entry: its key and its list.
    pub entry: &'m mut dyn FnMut(&[u8], &[u8]),
    /// Is told what happens, with the number of the line.
    pub report: &'m mut dyn FnMut(usize, AliasEvent<'_>),
}

/// Why the source could not be read, or the database not made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The source.
    #[error("{}", crate::map::errno_text(.0))]
    Source(io::Error),
    /// The database.
    #[error(transparent)]
    Build(#[from] BuildError),
}

impl MakeAliases<'_> {
    /// Reads all of a source into `into`, the mark at the end included.
    pub fn run(&mut self, source: impl Read, into: &mut Builder) -> Result<Totals, MakeError> {
        let mut totals = Totals::default();
        let mut source = Source::new(source);
        let (mut key, mut data) = (Vec::new(), Vec::new());
        while let Some((number, line)) = source.read().map_err(MakeError::Source)? {
            let (name, value, whole) = match line {
                Line::Alias { name, value, whole } => (name, value, whole),
                Line::Fault(fault) => {
                    totals.faults += 1;
                    (self.report)(number, AliasEvent::Fault(fault));
                    continue;
                }
            };
            let local = match (self.classify)(name.trim_ascii()) {
                AliasName::Local { key, complaint } => {
                    if let Some(text) = &complaint {
                        // sendmail: bad syntax is told with the whole line.
                        (self.report)(number, AliasEvent::Complaint { name: whole, text });
                    }
                    key
                }
                AliasName::Refused { complaints } => {
                    for text in &complaints {
                        (self.report)(number, AliasEvent::Complaint { name, text });
                    }
                    totals.refused += 1;
                    continue;
                }
            };
            if value.is_empty() {
                totals.faults += 1;
                (self.report)(number, AliasEvent::Fault(Fault::NoValue(whole)));
                continue;
            }
            if let Some(check) = &mut self.check {
                for (address, text) in &check(value) {
                    let name = address.as_slice();
                    (self.report)(number, AliasEvent::Complaint { name, text });
                }
            }
            (self.entry)(&local, value);
            key.clear();
            key.extend(local.iter().map(u8::to_ascii_lowercase));
            key.push(0);
            data.clear();
            data.extend_from_slice(value);
            data.push(0);
            if into.insert(&key, &data, Duplicates::Replace)? == Inserted::Replaced {
                key.pop();
                (self.report)(number, AliasEvent::Duplicate { name, key: &key });
            }
            totals.aliases += 1;
            totals.longest_bytes = totals.longest_bytes.max(value.len());
            totals.total_bytes += (local.len() + value.len()) as u64;
        }
        // Whoever finds this finds everything before it.
        into.insert(b"@\0", b"@\0", Duplicates::Replace)?;
        Ok(totals)
    }
}
