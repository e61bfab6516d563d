//! What is wrong with something the administrator wrote, as plain data.
//!
//! Readers collect diagnostics and go on; `cli` renders them, in sendmail's
//! one-line form or richly on a terminal. Codes are stable: scripts and the
//! documentation refer to them.

use std::fmt;
use std::ops::Range;

use super::Origin;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing is wrong yet.
    Note,
    /// Probably not what was meant; it works all the same.
    Warning,
    /// The thing at this place cannot be used.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// One fault, at its place, with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The stable code, such as `cf-unknown-option`.
    pub code: &'static str,
    /// Where it is.
    pub origin: Origin,
    /// The bytes of that line it is about, when only a part is; from 0.
    pub columns: Option<Range<usize>>,
    /// One sentence: what is wrong.
    pub message: String,
    /// One sentence: what to do. Empty when there is nothing to say.
    pub help: String,
}

impl Diagnostic {
    /// An error: the thing at `origin` cannot be used.
    pub fn error(code: &'static str, origin: Origin, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, origin, message)
    }

    /// A warning: it works, but is probably not what was meant.
    pub fn warning(code: &'static str, origin: Origin, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, origin, message)
    }

    /// A note: worth knowing.
    pub fn note(code: &'static str, origin: Origin, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, origin, message)
    }

    fn new(
        severity: Severity,
        code: &'static str,
        origin: Origin,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            code,
            origin,
            columns: None,
            message: message.into(),
            help: String::new(),
        }
    }

    /// Narrows the place to some bytes of the line.
    #[must_use]
    pub fn at(mut self, columns: Range<usize>) -> Self {
        self.columns = Some(columns);
        self
    }

    /// Adds the sentence that says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// Whether this makes the whole unusable.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Sendmail's one-line form: `FILE: line N: MESSAGE`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = &self.origin;
        if origin.line() == 0 {
            write!(f, "{}: {}", origin.file(), self.message)
        } else {
            write!(
                f,
                "{}: line {}: {}",
                origin.file(),
                origin.line(),
                self.message
            )
        }
    }
}
