//! Compiles a `.mc` file, and checks what came out before it is used.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::blocks::note_who_asked;
use crate::base::{Diagnostic, Severity};
use crate::cf::{self, Origins};
use crate::check::{self, Own};
use crate::m4;
use crate::mc::{self, Compiled, Request, Templates};

/// The largest `.mc` that is read, in bytes.
const SOURCE_BYTES_MAX: u64 = 16 << 20;

/// Why a `.mc` file cannot be compiled at all.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// It cannot be read.
    #[error("{path}: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// The system's reason.
        error: io::Error,
    },
}

/// Compiles `path`. The result is read back as the daemon would, so that its
/// faults are shown at the line of the `.mc` that asked for the line. What the
/// checks say beyond is among the remarks, and no reason to refuse the result.
/// With our own library each block of it says which line asked for it.
///
/// # Errors
/// The file cannot be read; everything else is among the faults.
pub fn compile_file(
    path: &Path,
    templates: Templates,
    allow_commands: bool,
    outside: &mut dyn m4::Host,
) -> Result<Compiled, CompileError> {
    let text = read_source(path)?;
    let name = path.display().to_string();
    let is_ours = templates == Templates::BuiltIn;
    let request = Request {
        name: &name,
        text: &text,
        templates,
        allow_commands,
    };
    let mut compiled = mc::compile(&request, outside);
    let (mut remarks, features) = check::source(&name, &text, &compiled);
    if !compiled.failed() {
        let origins = check::origins(&name, &text, &compiled);
        let (config, faults) = cf::read(&compiled.text, Origins::Lines(&origins));
        let new: Vec<Diagnostic> = faults
            .into_iter()
            .filter(|fault| !compiled.faults.contains(fault))
            .collect();
        compiled.faults.extend(new);
        let own = Own::Source {
            name: &name,
            text: &text,
            every_rule: false,
        };
        remarks.extend(check::configuration(&config, own, &features, &name));
        // A tree of the site's own gives what m4 gives, to the byte.
        if is_ours {
            note_who_asked(&mut compiled, &origins);
        }
    }
    compiled.remarks = remarks;
    Ok(compiled)
}

/// All that is to be told of a compilation: its faults, and the remarks that
/// say more and are no mere notes.
pub fn told(compiled: &Compiled) -> Vec<Diagnostic> {
    let mut told = compiled.faults.clone();
    let remarks = check::beside(&compiled.faults, &compiled.remarks);
    told.extend(
        remarks
            .into_iter()
            .filter(|remark| remark.severity > Severity::Note),
    );
    told
}

/// Reads a configuration, whichever it is.
pub(super) fn read_source(path: &Path) -> Result<Vec<u8>, CompileError> {
    read(path).map_err(|error| CompileError::Unreadable {
        path: path.display().to_string(),
        error,
    })
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut text = Vec::new();
    file.take(SOURCE_BYTES_MAX + 1).read_to_end(&mut text)?;
    if text.len() as u64 > SOURCE_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}
