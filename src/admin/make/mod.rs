//! What `godwit make` makes: which files of a site are made of which, and
//! which of them are older than what they are made of.
//!
//! The texts are the truth. A product is stale when it is missing or when one
//! of its sources has changed since; nothing else is touched.

mod database;
mod includes;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;

use crate::base::Place;
use crate::cf::{Config, Opt};
use crate::map::aliases::AliasSpec;
use crate::map::{KLine, Kind};

pub use database::{Built, DatabaseRequest, build_database};

/// Tables that are made of a text of the same name when there is one, whether
/// the configuration names them or not.
const TABLES: [&str; 9] = [
    "access",
    "authinfo",
    "bitdomain",
    "domaintable",
    "genericstable",
    "mailertable",
    "userdb",
    "uudomain",
    "virtusertable",
];

/// What is made, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Product {
    /// A `.cf` of a `.mc`.
    Configuration,
    /// A database of lines of keys and values.
    Database {
        /// Its type.
        kind: Kind,
        /// Keys keep their case (`-f` on the `K` line).
        keep_case: bool,
        /// Keys and values end with a NUL (`-N` on the `K` line).
        nul: bool,
    },
    /// The alias database of an alias file.
    Aliases,
}

/// Something that can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What a command line calls it: `access.db`.
    pub name: String,
    /// What it is.
    pub product: Product,
    /// The file that comes out.
    pub result: PathBuf,
    /// What it is made of, the main source first.
    pub sources: Vec<PathBuf>,
}

/// Why something is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is not there.
    Missing,
    /// This source has changed since.
    Newer(PathBuf),
    /// Somebody wants it made whether it is stale or not.
    Asked,
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Why::Missing => f.write_str("it was not there"),
            Why::Newer(source) => write!(f, "{} is newer", name_of(source)),
            Why::Asked => f.write_str("asked for"),
        }
    }
}

impl Item {
    /// Why it has to be made; `None` when it is as new as its sources.
    pub fn stale(&self) -> Option<Why> {
        let Some(made) = modified(&self.result) else {
            return Some(Why::Missing);
        };
        self.sources
            .iter()
            .find(|source| modified(source).is_some_and(|changed| made < changed))
            .map(|source| Why::Newer(source.clone()))
    }
}

/// The configurations of a directory: a `.cf` for each `.mc`, with the files
/// that the `.mc` includes as further sources.
pub fn configurations(directory: &Path) -> Vec<Item> {
    let mut items: Vec<Item> = names(directory)
        .into_iter()
        .filter_map(|name| {
            let stem = name.strip_suffix(".mc")?;
            let source = directory.join(&name);
            let mut sources = includes::of(&source, directory);
            sources.insert(0, source);
            Some(Item {
                name: format!("{stem}.cf"),
                product: Product::Configuration,
                result: directory.join(format!("{stem}.cf")),
                sources,
            })
        })
        .collect();
    items.sort_by(|a, b| a.name.cmp(&b.name));
    items
}

/// The databases of a directory: those that the configuration names, those
/// whose text has a well-known name, and those that are there already; then
/// the alias databases.
///
/// Alias files in other directories belong to the site's own directory only:
/// a copy of it elsewhere leaves them alone.
pub fn databases(directory: &Path, config: &Config, place: &Place) -> Vec<Item> {
    let mut items = configured(directory, config);
    let aliases = aliases(directory, config, place);
    for name in names(directory) {
        let source = directory.join(&name);
        let kind = match name.as_str() {
            "userdb" => Kind::Btree,
            _ => Kind::Hash,
        };
        let known = TABLES.contains(&name.as_str()) || kind.file(&source).is_file();
        let taken = |item: &Item| item.sources.first() == Some(&source);
        let is_database = Kind::ALL
            .iter()
            .any(|kind| name.ends_with(kind.extension()));
        if !known || is_database || !source.is_file() || items.iter().chain(&aliases).any(taken) {
            continue;
        }
        // A text without an alias file's option that looks like one all the
        // same is newaliases' business.
        if name != "aliases" {
            items.push(database(source, kind, false, false));
        }
    }
    items.sort_by(|a, b| a.name.cmp(&b.name));
    items.extend(aliases);
    items
}

/// The databases that `K` lines name, where there is a text to make them of.
fn configured(directory: &Path, config: &Config) -> Vec<Item> {
    let mut seen = BTreeSet::new();
    let mut items = Vec::new();
    for map in &config.maps {
        let Some(kind) = Kind::from_name(&map.class) else {
            continue;
        };
        let line = KLine::parse(&map.args);
        let ending = kind.extension().as_bytes();
        let file = line.file.strip_suffix(ending).unwrap_or(&line.file);
        let source: PathBuf = file.to_path_lossy().into_owned();
        if is_in(&source, directory) && source.is_file() && seen.insert(source.clone()) {
            let nul = line.nul == crate::map::Nul::With;
            items.push(database(source, kind, line.common.keep_case, nul));
        }
    }
    items
}

fn database(source: PathBuf, kind: Kind, keep_case: bool, nul: bool) -> Item {
    let result = kind.file(&source);
    Item {
        name: name_of(&result),
        product: Product::Database {
            kind,
            keep_case,
            nul,
        },
        result,
        sources: vec![source],
    }
}

/// The alias databases of option AliasFile.
fn aliases(directory: &Path, config: &Config, place: &Place) -> Vec<Item> {
    let own = directory == place.path("/etc/mail");
    let values = config.options.all(Opt::AliasFile).iter();
    let specs = values.flat_map(|value| AliasSpec::parse_list(&value.text));
    let mut items = Vec::new();
    for spec in specs {
        let kind = match spec.class.as_slice() {
            b"implicit" => Kind::Hash,
            class => match Kind::from_name(class) {
                Some(kind) => kind,
                None => continue,
            },
        };
        let source: PathBuf = KLine::parse(&spec.arguments)
            .file
            .to_path_lossy()
            .into_owned();
        if source.is_file() && (own || is_in(&source, directory)) {
            let result = kind.file(&source);
            items.push(Item {
                name: name_of(&result),
                product: Product::Aliases,
                result,
                sources: vec![source],
            });
        }
    }
    items
}

/// Whether a file lies in a directory, however the two are written.
fn is_in(file: &Path, directory: &Path) -> bool {
    let Some(parent) = file.parent() else {
        return false;
    };
    parent == directory
        || match (parent.canonicalize(), directory.canonicalize()) {
            (Ok(parent), Ok(directory)) => parent == directory,
            _ => false,
        }
}

/// The names of the files in a directory, sorted.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}

/// The last part of a path, for people.
fn name_of(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn modified(path: &Path) -> Option<std::time::SystemTime> {
    fs::metadata(path).and_then(|found| found.modified()).ok()
}

#[cfg(test)]
mod tests;
