//! Making things: one after the other, each whole or not at all.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use bstr::ByteSlice;
use serde_json::json;

use crate::admin::make::{
    DatabaseRequest, Item, Product, Why, build_database, configurations, databases,
};
use crate::admin::{compile_file, replace_file, told, why_not_written};
use crate::base::{Diagnostic, Place, Sysexit};
use crate::cf::Config;
use crate::cli::compile::one_line;
use crate::cli::desk::{self, Failure, fault_json, own_command, print_json};
use crate::cli::m4::RealHost;
use crate::cli::output::{complain, print};
use crate::map::{BuildError, Kind};
use crate::mc::Templates;

/// The largest text that a database is made of.
const TEXT_BYTES_MAX: u64 = 1 << 30;

/// What is being made, and how.
pub(in crate::cli) struct Work<'p> {
    pub(super) place: &'p Place,
    pub(super) directory: PathBuf,
    /// Only say what would be made.
    pub(in crate::cli) dry_run: bool,
    /// Make it whether it is stale or not.
    pub(in crate::cli) always: bool,
    pub(in crate::cli) json: bool,
    /// Say nothing of what goes well.
    pub(in crate::cli) silent: bool,
    /// How many things were made.
    pub(super) done: usize,
    /// The first thing that went wrong; the rest is made all the same.
    pub(super) failure: Option<Failure>,
}

impl<'p> Work<'p> {
    /// In this directory.
    pub(in crate::cli) fn new(place: &'p Place, directory: &Path) -> Self {
        Self {
            place,
            directory: directory.to_owned(),
            dry_run: false,
            always: false,
            json: false,
            silent: false,
            done: 0,
            failure: None,
        }
    }

    /// The first thing that went wrong.
    pub(in crate::cli) fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Makes all configurations, or this one.
    pub(in crate::cli) fn configurations(&mut self, only: Option<&str>) -> Result<(), Failure> {
        let items = configurations(&self.directory);
        for item in self.wanted(items, only)? {
            self.item(&item, |work, item| work.compile(item));
        }
        Ok(())
    }

    /// Makes all databases, or this one.
    pub(in crate::cli) fn databases(&mut self, only: Option<&str>) -> Result<(), Failure> {
        let config = self.config();
        let mut items = databases(&self.directory, &config, self.place);
        match only {
            None => items.retain(|item| item.product != Product::Aliases),
            Some(name) => self.add_unknown(name, &mut items),
        }
        for item in self.wanted(items, only)? {
            self.item(&item, |work, item| match item.product {
                Product::Aliases => work.newaliases(),
                _ => work.database(item, &config),
            });
        }
        Ok(())
    }

    /// Makes the alias databases.
    pub(in crate::cli) fn aliases(&mut self, always: bool) -> Result<(), Failure> {
        let mut items = databases(&self.directory, &self.config(), self.place);
        items.retain(|item| item.product == Product::Aliases);
        let why = |item: &Item| match always || self.always {
            true => Some(Why::Asked),
            false => item.stale(),
        };
        let Some((item, why)) = items.iter().find_map(|item| Some((item, why(item)?))) else {
            return Ok(());
        };
        // One run makes them all.
        self.made(item, &why, |work, _| work.newaliases());
        Ok(())
    }

    /// A database that is asked for by name is made of the text of that name,
    /// whoever uses it.
    fn add_unknown(&self, name: &str, items: &mut Vec<Item>) {
        if items.iter().any(|item| item.name == name) {
            return;
        }
        for kind in [Kind::Hash, Kind::Cdb, Kind::Lmdb] {
            let Some(stem) = name.strip_suffix(kind.extension()) else {
                continue;
            };
            let source = self.directory.join(stem);
            if source.is_file() {
                items.push(Item {
                    name: name.to_owned(),
                    product: Product::Database {
                        kind,
                        keep_case: false,
                        nul: false,
                    },
                    result: kind.file(&source),
                    sources: vec![source],
                });
            }
        }
    }

    fn wanted(&self, items: Vec<Item>, only: Option<&str>) -> Result<Vec<Item>, Failure> {
        let Some(name) = only else {
            return Ok(items);
        };
        match items.into_iter().find(|item| item.name == name) {
            Some(item) => Ok(vec![item]),
            None => Err((
                Sysexit::NoInput,
                format!(
                    "{name}: there is nothing in {} to make it of",
                    self.directory.display()
                ),
            )),
        }
    }

    /// The configuration that the databases belong to; an empty one before
    /// there is any.
    pub(super) fn config(&self) -> Config {
        desk::load(self.place, &self.directory.join("sendmail.cf"))
            .map(|loaded| loaded.config)
            .unwrap_or_default()
    }

    /// Makes an item if it has to be made.
    fn item(&mut self, item: &Item, make: impl FnOnce(&Self, &Item) -> Made) {
        let why = match item.stale() {
            Some(why) => why,
            None if self.always => Why::Asked,
            None => return,
        };
        self.made(item, &why, make);
    }

    fn made(&mut self, item: &Item, why: &Why, make: impl FnOnce(&Self, &Item) -> Made) {
        self.done += 1;
        let made = match self.dry_run {
            true => Made::default(),
            false => make(self, item),
        };
        let action = match (&made.failure, self.dry_run) {
            (Some(_), _) => "failed",
            (None, true) => "would be made",
            (None, false) => "made",
        };
        if self.json {
            print_json(&json!({
                "target": item.name,
                "action": action,
                "why": why.to_string(),
                "file": item.result.display().to_string(),
                "detail": made.detail,
                "faults": made.faults.iter().map(fault_json).collect::<Vec<_>>(),
            }));
        } else {
            for fault in &made.faults {
                complain(one_line(fault));
            }
            if made.failure.is_none() && !self.silent {
                let detail = match made.detail.as_str() {
                    "" => String::new(),
                    detail => format!(", {detail}"),
                };
                print(format!("{}: {action}{detail}; {why}\n", item.name));
            }
        }
        if let Some((code, text)) = made.failure {
            let text = format!("{}: {text}", item.name);
            if self.failure.is_none() {
                self.failure = Some((code, text));
            } else if !self.json {
                complain(text);
            }
        }
    }

    /// Compiles a configuration.
    fn compile(&self, item: &Item) -> Made {
        let mut outside = RealHost::new(Vec::new(), None);
        let source = &item.sources[0];
        let compiled = match compile_file(source, Templates::BuiltIn, false, &mut outside) {
            Ok(compiled) => compiled,
            Err(error) => return Made::failed(Sysexit::NoInput, error.to_string()),
        };
        if compiled.failed() {
            return Made {
                faults: told(&compiled),
                ..Made::failed(Sysexit::DataErr, "not made; the old one stays".to_owned())
            };
        }
        let mut made = match replace_file(&item.result, &compiled.text, 0o644) {
            Ok(()) => Made::default(),
            Err(error) => Made::failed(
                Sysexit::CantCreat,
                format!("not written: {}", why_not_written(&item.result, &error)),
            ),
        };
        made.faults = told(&compiled);
        made
    }

    /// Makes a database.
    fn database(&self, item: &Item, config: &Config) -> Made {
        let Product::Database {
            kind,
            keep_case,
            nul,
        } = item.product
        else {
            return Made::default();
        };
        let source = &item.sources[0];
        let text = match read(source) {
            Ok(text) => text,
            Err(error) => {
                let text = format!("{}: {error}", source.display());
                return Made::failed(Sysexit::NoInput, text);
            }
        };
        let (trusted, owner) = desk::map_owners(config);
        let built = build_database(&DatabaseRequest {
            name: &source.to_string_lossy(),
            text: &text,
            kind,
            result: &item.result,
            keep_case,
            nul,
            trusted: &trusted,
            owner,
        });
        let mut built = match built {
            Ok(built) => built,
            Err(error) => return Made::unwritten(&item.result, &error),
        };
        let faults = std::mem::take(&mut built.faults);
        if faults.iter().any(Diagnostic::is_error) {
            return Made {
                faults,
                ..Made::failed(Sysexit::DataErr, "not made; the old one stays".to_owned())
            };
        }
        let entries = built.entries();
        let mut made = match built.commit() {
            Ok(()) => Made::default(),
            Err(error) => Made::unwritten(&item.result, &error),
        };
        made.faults = faults;
        made.detail = match entries {
            1 => "1 entry".to_owned(),
            entries => format!("{entries} entries"),
        };
        made
    }

    /// Runs our own `newaliases`.
    fn newaliases(&self) -> Made {
        let output = own_command(self.place)
            .args(["sendmail", "-bi", "-C"])
            .arg(self.directory.join("sendmail.cf"))
            .stdin(Stdio::null())
            .output();
        let output = match output {
            Ok(output) => output,
            Err(error) => return Made::failed(Sysexit::OsErr, error.to_string()),
        };
        let said = [output.stdout, output.stderr].concat();
        let said = said.trim().to_str_lossy().into_owned();
        if output.status.success() {
            return Made {
                detail: said.lines().last().unwrap_or_default().to_owned(),
                ..Made::default()
            };
        }
        Made::failed(Sysexit::DataErr, said)
    }

    /// Removes the databases that can be made again.
    pub(super) fn clean(&mut self) -> Result<(), Failure> {
        for item in databases(&self.directory, &self.config(), self.place) {
            if !item.result.is_file() {
                continue;
            }
            self.done += 1;
            if !self.dry_run {
                fs::remove_file(&item.result).map_err(|error| {
                    let why = why_not_written(&item.result, &error);
                    (Sysexit::CantCreat, format!("{}: {why}", item.name))
                })?;
            }
            let action = if self.dry_run {
                "would be removed"
            } else {
                "removed"
            };
            self.say(&item.name, action);
        }
        Ok(())
    }

    /// FreeBSD's habit: `HOST.mc` of this host makes `HOST.cf`, which becomes
    /// `sendmail.cf`.
    pub(super) fn install(&mut self) -> Result<(), Failure> {
        let host = crate::daemon::site::identity(&self.config().options).full;
        for (from, to) in [
            (format!("{host}.cf"), "sendmail.cf"),
            (format!("{host}.submit.cf"), "submit.cf"),
        ] {
            let (from, to) = (self.directory.join(from), self.directory.join(to));
            let Ok(text) = read(&from) else { continue };
            if read(&to).is_ok_and(|old| old == text) {
                continue;
            }
            self.done += 1;
            if !self.dry_run {
                replace_file(&to, &text, 0o644).map_err(|error| {
                    let why = why_not_written(&to, &error);
                    (Sysexit::CantCreat, format!("{}: {why}", to.display()))
                })?;
            }
            let action = if self.dry_run {
                "would be installed"
            } else {
                "installed"
            };
            self.say(&to.display().to_string(), action);
        }
        Ok(())
    }

    /// Says what was done with something.
    pub(super) fn say(&self, what: &str, action: &str) {
        if self.json {
            print_json(&json!({ "target": what, "action": action }));
        } else if !self.silent {
            print(format!("{what}: {action}\n"));
        }
    }
}

/// How making something went.
#[derive(Default)]
pub(super) struct Made {
    faults: Vec<Diagnostic>,
    detail: String,
    failure: Option<Failure>,
}

impl Made {
    fn failed(code: Sysexit, text: String) -> Self {
        Self {
            failure: Some((code, text)),
            ..Self::default()
        }
    }

    fn unwritten(path: &Path, error: &BuildError) -> Self {
        let why = match error {
            BuildError::Io(error) => why_not_written(path, error),
            error => error.to_string(),
        };
        Self::failed(Sysexit::CantCreat, format!("not written: {why}"))
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?
        .take(TEXT_BYTES_MAX)
        .read_to_end(&mut text)?;
    Ok(text)
}
