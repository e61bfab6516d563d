//! The configuration as processes read it: the `.cf` file, then what the
//! command line sets, then the site's place.

use std::io::{self, Read};
use std::path::PathBuf;

use bstr::{BStr, BString};

use crate::base::{Diagnostic, Origin, Place};
use crate::cf::{self, ClassSource, Config, Kind, OPTIONS, Origins};

/// The largest configuration that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Where a configuration comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The `.cf` file.
    pub file: PathBuf,
    /// Options set on the command line, over those of the file: a letter or a
    /// long name, and the value.
    pub options: Vec<(BString, BString)>,
    /// Macros set on the command line.
    pub macros: Vec<(BString, BString)>,
    /// Where the site's paths are.
    pub place: Place,
}

/// A configuration as read, with everything that is wrong with it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What was understood.
    pub config: Config,
    /// What was not.
    pub faults: Vec<Diagnostic>,
}

/// Reads a configuration.
///
/// # Errors
/// When the file cannot be read; everything else is among the faults.
pub fn load(source: &Source) -> io::Result<Loaded> {
    let file = std::fs::File::open(&source.file)?;
    // The whole file at once.
    let size = file.metadata().map_or(0, |facts| facts.len());
    let mut bytes = Vec::with_capacity(usize::try_from(size.min(FILE_BYTES_MAX)).unwrap_or(0) + 1);
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    let name = source.file.to_string_lossy();
    let origin = Origin::file_only(&*name);
    let (mut config, mut faults) = cf::read(&bytes, Origins::File(&origin));
    faults.extend(command_line(&mut config, source));
    relocate(&mut config, &source.place);
    Ok(Loaded { config, faults })
}

/// Sets what the command line says.
fn command_line(config: &mut Config, source: &Source) -> Vec<Diagnostic> {
    let origin = Origin::internal("command line");
    let mut faults = Vec::new();
    for (name, value) in &source.options {
        if let [letter] = name.as_slice() {
            let options = &mut config.options;
            faults.extend(cf::option_names::replace_by_letter(
                options, *letter, value, &origin,
            ));
            continue;
        }
        match cf::option_names::find(name) {
            Ok((opt, _)) => {
                // A list on the command line replaces the file's.
                if opt.row().many {
                    config.options.clear(opt);
                }
                if let Err(fault) = config.options.set(opt, value, &origin) {
                    faults.push(*fault);
                }
            }
            Err(message) => faults.push(Diagnostic::error(
                "cf-unknown-option",
                origin.clone(),
                message,
            )),
        }
    }
    for (name, value) in &source.macros {
        config.macros.push(cf::MacroDef {
            name: name.clone(),
            value: value.clone(),
            place: u32::MAX,
            origin: origin.clone(),
        });
    }
    faults
}

/// Puts every path of the site under its root.
fn relocate(config: &mut Config, place: &Place) {
    if place.root().is_none() {
        return;
    }
    for row in OPTIONS {
        let moves = matches!(row.kind, Kind::Path | Kind::Text | Kind::Words);
        if !moves {
            continue;
        }
        let mut values = config.options.all(row.opt).to_vec();
        if values.is_empty() && row.default.starts_with('/') {
            values.push(cf::OptionValue {
                text: row.default.into(),
                origin: Origin::internal("default"),
            });
        }
        config.options.clear(row.opt);
        for value in values {
            let text = place.text(BStr::new(&value.text));
            // The value was good before; a path in it makes it no worse.
            let _ = config.options.set(row.opt, &text, &value.origin);
        }
    }
    for class in &mut config.classes {
        match &mut class.source {
            ClassSource::File { path, .. } => *path = place.text(BStr::new(path)),
            ClassSource::Map { spec, .. } => *spec = place.text(BStr::new(spec)),
            ClassSource::Words(_) | ClassSource::Program { .. } => {}
        }
    }
    for map in &mut config.maps {
        map.args = place.text(BStr::new(&map.args));
    }
    let queue_groups = config.queue_groups.iter_mut();
    for definition in config.milters.iter_mut().chain(queue_groups) {
        for (_, value) in &mut definition.equates {
            *value = place.text(BStr::new(value));
        }
    }
}
