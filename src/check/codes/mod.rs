//! Every code of a diagnostic, in one table: how bad it is, what it says in
//! general, what to do, and an example.
//!
//! The checks take severity and cure from here; `godwit check CODE` and
//! docs/diagnostics.md print it; the tests run every example.

mod cf;
mod mc;
mod site;
mod table;

use crate::base::{Diagnostic, Origin, Severity};

/// One code.
#[derive(Clone, Copy, Debug)]
pub struct CodeRow {
    /// The code.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in general.
    pub what: &'static str,
    /// What to do about it.
    pub cure: &'static str,
    /// A text that has this fault.
    pub example: Example,
    /// The same without it; empty when the cure is to take the line out, or
    /// lies outside the text.
    pub cured: &'static str,
}

/// A text that has a fault.
#[derive(Clone, Copy, Debug)]
pub enum Example {
    /// Lines of a `.mc`, between OSTYPE and the MAILER lines.
    Mc(&'static str),
    /// A whole `.mc`.
    WholeMc(&'static str),
    /// Lines of a `.cf`, after its `V10` line.
    Cf(&'static str),
    /// An entry of a table, by the command that writes it: its key and value.
    Entry(&'static str, &'static str, &'static str),
    /// The text of a table.
    Text(&'static str),
    /// Lines of a `.cf` that say something only where a library is built in.
    WithLibrary(&'static str),
    /// A line that is longer than any may be.
    LongLine,
    /// Lines of a `.mc` as in [`Example::Mc`], and files of `/etc/mail`, each
    /// changed after the one before it.
    Site(&'static str, &'static [SiteFile]),
}

/// A file of an example's `/etc/mail`.
#[derive(Clone, Copy, Debug)]
pub struct SiteFile {
    /// Its name there.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
    /// Its permissions.
    pub mode: u32,
    /// What it holds.
    pub made: Made,
}

/// What a file of an example holds.
#[derive(Clone, Copy, Debug)]
pub enum Made {
    /// Its text.
    Text,
    /// A database of this type, made of its text.
    Database(&'static str),
    /// What its text says in words: the tests have a file of this name.
    Copy(&'static str),
}

/// The rows of `.mc`, `.cf`, the site and its tables, in the order of the documentation.
pub fn all() -> impl Iterator<Item = &'static CodeRow> {
    mc::ROWS
        .iter()
        .chain(cf::ROWS)
        .chain(site::ROWS)
        .chain(table::ROWS)
}

/// The row of a code.
pub fn find(code: &str) -> Option<&'static CodeRow> {
    all().find(|row| row.code == code)
}

/// A fault with the severity and the cure that the table has for its code.
pub(super) fn fault(code: &'static str, origin: Origin, message: String) -> Diagnostic {
    let row = find(code);
    debug_assert!(row.is_some(), "{code} is missing in the table");
    let (severity, cure) = row.map_or((Severity::Warning, ""), |row| (row.severity, row.cure));
    let fault = match severity {
        Severity::Error => Diagnostic::error(code, origin, message),
        Severity::Warning => Diagnostic::warning(code, origin, message),
        Severity::Note => Diagnostic::note(code, origin, message),
    };
    fault.help(cure)
}

/// The builtins of m4 that a `.mc` calls by name.
pub(super) const M4_CALLED: &[&str] = &[
    "define", "undefine", "include", "sinclude", "divert", "undivert", "ifdef", "ifelse",
];

/// The other builtins of m4 that take arguments.
pub(super) const M4_BUILTINS: &[&str] = &[
    "pushdef",
    "popdef",
    "eval",
    "incr",
    "decr",
    "index",
    "len",
    "substr",
    "regexp",
    "patsubst",
    "translit",
    "format",
    "shift",
    "defn",
    "builtin",
    "indir",
    "errprint",
    "esyscmd",
    "syscmd",
    "m4exit",
    "m4wrap",
    "maketemp",
    "mkstemp",
    "dumpdef",
    "traceon",
    "traceoff",
    "changeword",
    "debugmode",
    "debugfile",
    "divnum",
    "sysval",
    "__file__",
    "__line__",
    "__program__",
];
