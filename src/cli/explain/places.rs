//! Where things stand in the administrator's own files: lines of the `.mc`
//! behind lines of the `.cf`, lines of a table behind answers of its map.

use std::path::{Path, PathBuf};

use bstr::{BStr, ByteSlice};

use crate::admin::compile_file;
use crate::admin::table::{Form, TableText};
use crate::base::Origin;
use crate::cf::{Config, Opt};
use crate::cli::m4::RealHost;
use crate::map::aliases::AliasSpec;
use crate::map::{KLine, Kind};
use crate::mc::Templates;

/// Finds places.
pub(super) struct Places {
    config_file: PathBuf,
    /// For each line of the `.cf`, the line of the `.mc` that asked for it;
    /// empty when there is no `.mc`, or another one than it was made of.
    origins: Vec<Origin>,
}

impl Places {
    /// For a `.cf`; the `.mc` beside it is compiled when it is its source.
    pub(super) fn new(config_file: &Path) -> Self {
        let source = config_file.with_extension("mc");
        let mut outside = RealHost::new(Vec::new(), None);
        let compiled = compile_file(&source, Templates::BuiltIn, false, &mut outside).ok();
        let text = std::fs::read(config_file).ok();
        let origins = match (compiled, text) {
            (Some(compiled), Some(text)) if compiled.text == text => compiled.origins,
            _ => Vec::new(),
        };
        Self {
            config_file: config_file.to_owned(),
            origins,
        }
    }

    /// A place in the configuration, with that in the `.mc` when it is known.
    pub(super) fn of(&self, origin: &Origin) -> String {
        match self.source(origin) {
            Some(source) => format!("{origin}, for {source}"),
            None => origin.to_string(),
        }
    }

    /// The line of the `.mc` that asked for a line of the `.cf`.
    pub(super) fn source(&self, origin: &Origin) -> Option<&Origin> {
        if Path::new(origin.file()) != self.config_file {
            return None;
        }
        let line = usize::try_from(origin.line()).ok()?.checked_sub(1)?;
        let asked = self.origins.get(line)?;
        // What the library writes of its own accord was asked for by nobody.
        (!asked.file().starts_with("cf-templates/")).then_some(asked)
    }

    /// The line of the `.mc` that gives a name its value.
    pub(super) fn definition(&self, name: &str) -> Option<Origin> {
        let source = self.config_file.with_extension("mc");
        let text = std::fs::read(&source).ok()?;
        let start = format!("define(`{name}'");
        let found = text
            .lines()
            .enumerate()
            .filter(|(_, line)| line.trim_start().starts_with(start.as_bytes()))
            .last();
        let (number, _) = found?;
        let number = u32::try_from(number + 1).ok()?;
        Some(Origin::new(source.display().to_string(), number))
    }

    /// The line that an answer of a map comes from: in the text beside its
    /// database, or in the file of a text map.
    pub(super) fn entry(&self, config: &Config, map: &BStr, key: &[u8]) -> Option<String> {
        let definition = config.map(map)?;
        let is_text = definition.class == "text";
        let ending = match Kind::from_name(&definition.class) {
            Some(kind) => kind.extension(),
            None if is_text => "",
            None => return None,
        };
        let line = KLine::parse(&definition.args);
        let file = line.file.strip_suffix(ending.as_bytes());
        let file = file.unwrap_or(&line.file).to_path_lossy().into_owned();
        find(Form::Pairs, &file, key)
    }

    /// The line of an alias.
    pub(super) fn alias(&self, config: &Config, name: &[u8]) -> Option<String> {
        let values = config.options.all(Opt::AliasFile).iter();
        values
            .flat_map(|value| AliasSpec::parse_list(&value.text))
            .find_map(|spec| {
                let file = KLine::parse(&spec.arguments).file;
                find(Form::Aliases, &file.to_path_lossy(), name)
            })
    }
}

fn find(form: Form, file: &Path, key: &[u8]) -> Option<String> {
    let text = TableText::new(form, std::fs::read(file).ok()?);
    let line = text.get(key)?.line;
    Some(format!("{}:{line}", file.display()))
}
