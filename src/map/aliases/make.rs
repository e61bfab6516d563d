//! Making a database of an alias file, as `newaliases` does.

use std::io::{self, Read};

use bstr::BString;

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
    /// What is said of the line itself, which counts.
    Remark(&'e [u8]),
    /// What is said of the line itself, which does not count.
    Refusal(&'e [u8]),
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

impl AliasEvent<'_> {
    /// What is said of it, in bytes: names are shown as they are.
    pub fn text(&self) -> BString {
        match self {
            AliasEvent::Fault(fault) => fault.text(),
            AliasEvent::Remark(text) | AliasEvent::Refusal(text) => (*text).into(),
            AliasEvent::Complaint { name, text } => {
                bstr::concat([name, &b"... "[..], text.as_bytes()]).into()
            }
            AliasEvent::Duplicate { name, key } => {
                bstr::concat([name, &b"... Warning: duplicate alias name "[..], key]).into()
            }
        }
    }
}

/// A name with `?` for what cannot be printed.
fn printable(name: &[u8], is_odd: impl Fn(u8) -> bool) -> BString {
    let byte = |byte: &u8| if is_odd(*byte) { b'?' } else { *byte };
    name.iter().map(byte).collect::<Vec<u8>>().into()
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
            let Some((name, local)) = self.name(number, name, whole, &mut totals) else {
                continue;
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
                let name = name.as_slice();
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

    /// A name to be shown, and its key; none when it cannot be an alias.
    // sendmail: it looks at a name's characters after it has told what its
    // rules say of it, and from then on shows the name with `?` in it.
    fn name(
        &mut self,
        number: usize,
        name: &[u8],
        whole: &[u8],
        totals: &mut Totals,
    ) -> Option<(BString, BString)> {
        let operator = |byte: u8| (0x80..0xa0).contains(&byte);
        let trimmed = name.trim_ascii();
        if trimmed.iter().any(|byte| operator(*byte)) {
            let shown = printable(name.trim_ascii_start(), operator);
            let text = format!("8-bit character in mailbox address \"{shown}\"");
            (self.report)(number, AliasEvent::Refusal(text.as_bytes()));
            totals.faults += 1;
            let whole = printable(whole, operator);
            (self.report)(number, AliasEvent::Fault(Fault::NoName(&whole)));
            return None;
        }
        let odd = |byte: u8| byte.is_ascii_control() && byte != b'\t';
        match (self.classify)(trimmed) {
            AliasName::Local { key, complaint } => {
                if let Some(text) = &complaint {
                    // sendmail: bad syntax is told with the whole line.
                    (self.report)(number, AliasEvent::Complaint { name: whole, text });
                }
                if !key.iter().any(|byte| odd(*byte)) {
                    return Some((name.into(), key));
                }
                let key = printable(&key, odd);
                self.remark(number, &key);
                Some((printable(name, odd), key))
            }
            AliasName::Refused { complaints } => {
                let last = complaints.len().saturating_sub(1);
                if last == 0 && trimmed.iter().any(|byte| odd(*byte)) {
                    self.remark(number, &printable(name.trim_ascii_start(), odd));
                }
                for (place, text) in complaints.iter().enumerate() {
                    let name = match place == last {
                        true => printable(name, |byte| byte.is_ascii_control()),
                        false => name.into(),
                    };
                    let name = name.as_slice();
                    (self.report)(number, AliasEvent::Complaint { name, text });
                }
                totals.refused += 1;
                None
            }
        }
    }

    /// Says that a name cannot be printed as it is.
    fn remark(&mut self, number: usize, shown: &[u8]) {
        let before = b"Syntax error in mailbox address \"";
        let text = [&before[..], shown, b"\" (non-printable character)"].concat();
        (self.report)(number, AliasEvent::Remark(&text));
    }
}
