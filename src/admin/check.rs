//! Checks a `.mc` or a `.cf`: everything that is wrong or suspicious, at its
//! line.

use std::collections::BTreeMap;
use std::path::Path;

use bstr::ByteSlice;

use super::compile::{CompileError, read_source};
use crate::base::{Diagnostic, Origin};
use crate::cf::{self, Config, Origins};
use crate::check::{self, Features, Own, Surroundings};
use crate::m4;
use crate::mc::{self, Compiled, Request, Templates};
use crate::world::Clock;

/// How a file is checked.
pub struct HowToCheck<'a> {
    /// The m4 library of a `.mc`.
    pub templates: Templates,
    /// Whether `syscmd` and `esyscmd` run commands.
    pub allow_commands: bool,
    /// The host whose files are looked at; none for the text alone.
    pub surroundings: Option<&'a Surroundings>,
    /// The time.
    pub clock: &'a dyn Clock,
}

/// What a check found.
#[derive(Debug)]
pub struct Checked {
    /// Every fault, in the order of lines.
    pub faults: Vec<Diagnostic>,
    /// The texts that faults are in, by name, for showing their lines.
    pub texts: BTreeMap<String, Vec<u8>>,
}

/// Checks a file: by its name a `.mc` or a `.cf`, by a `V10` line where the
/// name does not tell.
///
/// # Errors
/// The file cannot be read; everything else is among the faults.
pub fn check_file(
    path: &Path,
    how: &HowToCheck<'_>,
    outside: &mut dyn m4::Host,
) -> Result<Checked, CompileError> {
    let text = read_source(path)?;
    let name = path.display().to_string();
    let extension = path.extension().and_then(|extension| extension.to_str());
    let taken_for_cf = match extension {
        Some("cf") => true,
        Some("mc") => false,
        _ => is_cf(&text),
    };
    let faults = if taken_for_cf {
        check_cf(&name, &text, how)
    } else {
        check_mc(&name, &text, how, outside)
    };
    let mut texts = BTreeMap::from([(name, text)]);
    for fault in &faults {
        let file = fault.origin.file();
        if fault.origin.line() > 0
            && !texts.contains_key(file)
            && let Ok(text) = read_source(Path::new(file))
        {
            texts.insert(file.to_owned(), text);
        }
    }
    Ok(Checked { faults, texts })
}

/// Whether a text is a `.cf` whatever its name is.
fn is_cf(text: &[u8]) -> bool {
    text.lines().take(400).any(|line| line.starts_with(b"V10/"))
}

fn check_cf(name: &str, text: &[u8], how: &HowToCheck<'_>) -> Vec<Diagnostic> {
    let origin = Origin::file_only(name);
    let (config, mut faults) = cf::read(text, Origins::File(&origin));
    let features = Features::default();
    faults.extend(check::configuration(&config, Own::Unknown, &features, name));
    faults.extend(outside_text(&config, how));
    check::merged(faults)
}

fn check_mc(
    name: &str,
    text: &[u8],
    how: &HowToCheck<'_>,
    outside: &mut dyn m4::Host,
) -> Vec<Diagnostic> {
    let request = Request {
        name,
        text,
        templates: how.templates.clone(),
        allow_commands: how.allow_commands,
    };
    let compiled = mc::compile(&request, outside);
    let (mut faults, features) = check::source(name, text, &compiled);
    if is_whole(&compiled) {
        let origins = check::origins(name, text, &compiled);
        let (config, more) = cf::read(&compiled.text, Origins::Lines(&origins));
        faults.extend(more);
        let own = Own::Source {
            name,
            text,
            every_rule: true,
        };
        faults.extend(check::configuration(&config, own, &features, name));
        faults.extend(outside_text(&config, how));
    }
    check::merged(compiled.faults.into_iter().chain(faults))
}

/// Whether what came out is worth a look: all of it, or all but files that
/// are not there.
fn is_whole(compiled: &Compiled) -> bool {
    let missing = |fault: &Diagnostic| {
        fault.code.starts_with("mc-unknown-")
            || fault.code == "m4-error" && fault.message.starts_with("cannot open")
    };
    !compiled.text.is_empty()
        && compiled
            .faults
            .iter()
            .all(|fault| !fault.is_error() || fault.code == mc::COMPLAINT || missing(fault))
}

/// What the text alone does not show.
fn outside_text(config: &Config, how: &HowToCheck<'_>) -> Vec<Diagnostic> {
    let mut faults = check::maps(config, how.clock);
    if let Some(world) = how.surroundings {
        faults.extend(check::site(config, world));
    }
    faults
}
