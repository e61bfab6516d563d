//! What is unsafe here: owners and modes, programs, options, aliases.
//!
//! Each finding says how bad it is, why, and the command that mends it. Only
//! what cannot break anything (permissions that are taken away) mends itself
//! when asked.

mod aliases;
mod files;
mod options;
mod programs;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::base::{Place, Severity};
use crate::cf::Config;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is: an error lets strangers in or mail out.
    pub severity: Severity,
    /// The stable code, such as `queue-mode`.
    pub code: &'static str,
    /// What it is about: a file, an option, an alias.
    pub subject: String,
    /// What is wrong, and why that matters.
    pub why: String,
    /// What mends it: a command, or what to write where.
    pub mend: String,
    /// What mends it without harm, if anything does.
    pub fix: Option<Fix>,
}

/// A change that takes permissions away and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// The file or directory.
    pub path: PathBuf,
    /// Its new mode.
    pub mode: u32,
}

impl Fix {
    /// Does it.
    ///
    /// # Errors
    /// The system's.
    pub fn apply(&self) -> io::Result<()> {
        fs::set_permissions(&self.path, fs::Permissions::from_mode(self.mode))
    }
}

/// What is looked at.
pub struct Scope<'s> {
    /// Where the site is.
    pub place: &'s Place,
    /// Its configuration.
    pub config: &'s Config,
    /// Who may own its files: root, TrustedUser, in a private instance
    /// whoever runs it, and the server's own user.
    pub owners: Vec<u32>,
    /// The lines of the system's `passwd`.
    pub passwd: Vec<u8>,
}

/// Looks at everything.
pub fn audit(scope: &Scope<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    files::look(scope, &mut findings);
    aliases::look(scope, &mut findings);
    programs::look(scope, &mut findings);
    options::look(scope, &mut findings);
    findings
}

/// A finding without a fix.
fn finding(
    severity: Severity,
    code: &'static str,
    subject: impl Into<String>,
    why: impl Into<String>,
    mend: impl Into<String>,
) -> Finding {
    Finding {
        severity,
        code,
        subject: subject.into(),
        why: why.into(),
        mend: mend.into(),
        fix: None,
    }
}

#[cfg(test)]
mod tests;
