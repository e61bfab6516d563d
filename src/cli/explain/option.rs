//! `godwit explain option`: the value, where it was set, the default, what it
//! does. Names of the `.cf`, of the `.mc` (`confMAX_HOP`) and old letters.

use std::process::ExitCode;

use bstr::ByteSlice;
use serde_json::json;

use super::Desk;
use super::places::Places;
use crate::base::{Sysexit, nearest};
use crate::cf::{OPTIONS, Opt, option_names};
use crate::cli::desk::{Failure, print_json};
use crate::cli::output::{exit, print};
use crate::mc::embedded;

/// Which options.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Names, as in the .cf or the .mc; without any, all that are set.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// Explains them.
pub(super) fn explain(desk: &Desk<'_>, arguments: Arguments) -> Result<ExitCode, Failure> {
    let places = desk.places();
    if arguments.names.is_empty() {
        let mut last = None;
        for (opt, _) in desk.loaded.config.options.iter() {
            if last.replace(opt) != Some(opt) {
                show(desk, &places, opt);
            }
        }
        return Ok(exit(Sysexit::Ok));
    }
    let found = arguments.names.iter().map(|name| find(name));
    for opt in found.collect::<Result<Vec<Opt>, Failure>>()? {
        show(desk, &places, opt);
    }
    Ok(exit(Sysexit::Ok))
}

/// The option of a name.
fn find(name: &str) -> Result<Opt, Failure> {
    let name = name.strip_prefix("O ").unwrap_or(name).trim();
    if let [letter] = name.as_bytes()
        && let Some(opt) = Opt::by_letter(*letter)
    {
        return Ok(opt);
    }
    let by_definition = definitions()
        .into_iter()
        .find(|(_, definition)| definition.eq_ignore_ascii_case(name))
        .map(|(option, _)| option);
    let option = by_definition.unwrap_or(name);
    if let Ok((opt, _)) = option_names::find(option.as_bytes()) {
        return Ok(opt);
    }
    let known = OPTIONS.iter().map(|row| row.name);
    let defined = definitions().into_iter().map(|(_, definition)| definition);
    let help = match nearest(name, known.chain(defined)) {
        Some(known) => format!("; do you mean {known}?"),
        None => String::new(),
    };
    Err((Sysexit::Usage, format!("no option {name}{help}")))
}

/// Every option that a definition of the `.mc` sets, and that definition: as
/// the library has it.
fn definitions() -> Vec<(&'static str, &'static str)> {
    let text = embedded::template("m4/options.m4").unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let rest = ["_opt_(`", "_extra_(`"]
                .iter()
                .find_map(|start| line.strip_prefix(start.as_bytes()))?;
            let (option, rest) = rest.split_once_str("', `")?;
            let end = rest.find_byte(b'\'')?;
            Some((option.to_str().ok()?, rest[..end].to_str().ok()?))
        })
        .collect()
}

fn show(desk: &Desk<'_>, places: &Places, opt: Opt) {
    let row = opt.row();
    let options = &desk.loaded.config.options;
    let definition = definitions()
        .into_iter()
        .find(|(option, _)| option.eq_ignore_ascii_case(row.name))
        .map(|(_, definition)| definition);
    let values = options.all(opt);
    let source = definition.and_then(|definition| places.definition(definition));
    if desk.json {
        let set: Vec<_> = values
            .iter()
            .map(|value| {
                json!({
                    "value": value.text.to_str_lossy(),
                    "place": value.origin.to_string(),
                    "source": source.as_ref().map(ToString::to_string),
                })
            })
            .collect();
        print_json(&json!({
            "option": row.name, "definition": definition, "set": set,
            "default": row.default, "takes": row.kind.describe(), "about": row.doc,
        }));
        return;
    }
    let mut text = String::new();
    for value in values {
        let place = match &source {
            Some(source) => format!("{}, for {source}", value.origin),
            None => places.of(&value.origin),
        };
        text.push_str(&format!("{} = {}    {place}\n", row.name, value.text));
    }
    if values.is_empty() {
        let default = if row.default.is_empty() {
            "not set".to_owned()
        } else {
            format!("{}    the default", row.default)
        };
        text.push_str(&format!("{} = {default}\n", row.name));
    } else if !row.default.is_empty() {
        text.push_str(&format!("  default  {}\n", row.default));
    }
    text.push_str(&format!("  about    {}\n", row.doc));
    text.push_str(&format!("  takes    {}\n", row.kind.describe()));
    if let Some(definition) = definition {
        text.push_str(&format!("  in .mc   define(`{definition}', `…')\n"));
    }
    print(text);
}
