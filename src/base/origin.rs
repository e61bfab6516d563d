//! Where a piece of text came from: a file and a line, through every stage.
//!
//! The macro processor gives each output line an origin, the configuration
//! reader keeps it, and rules and diagnostics carry it to the administrator.

use std::fmt;
use std::sync::Arc;

/// A line of a file, counted from 1; line 0 stands for the file as a whole.
///
/// The name is shared, so that a hundred thousand lines of one file cost one
/// copy of its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    file: Arc<str>,
    line: u32,
}

impl Origin {
    /// The line `line` (from 1) of `file`, named as it should be shown.
    pub fn new(file: impl Into<Arc<str>>, line: u32) -> Self {
        Self {
            file: file.into(),
            line,
        }
    }

    /// The file as a whole.
    pub fn file_only(file: impl Into<Arc<str>>) -> Self {
        Self::new(file, 0)
    }

    /// Text that no file holds: a command-line option, a built-in default.
    pub fn internal(what: &str) -> Self {
        Self::new(format!("<{what}>"), 0)
    }

    /// The name of the file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The shared name, for making further origins of the same file.
    pub fn file_name(&self) -> Arc<str> {
        Arc::clone(&self.file)
    }

    /// The line, from 1; 0 for the file as a whole.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The same file at another line.
    pub fn at_line(&self, line: u32) -> Self {
        Self {
            file: Arc::clone(&self.file),
            line,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            f.write_str(&self.file)
        } else {
            write!(f, "{}:{}", self.file, self.line)
        }
    }
}
