//! `godwit alias`, `access`, `virtuser`, `generics`, `mailer`, `domain`,
//! `local-host`, `relay`: a site's tables by command.
//!
//! The text is changed in place and stays the administrator's; what is wrong
//! is refused before anything is written; the database is made anew; the
//! running server answers by it within a second. One writer at a time.

mod edit;
mod locate;
mod write;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::process::ExitCode;

use bstr::{BString, ByteSlice};
use clap::{Parser, Subcommand};
use serde_json::json;

use super::compile::one_line;
use super::desk::{Failure, SiteKnown, arguments, fault_json, print_json};
use super::explain;
use super::output::{complain, exit, fail, print};
use crate::admin::table::{Change, Kind, TableText, check};
use crate::base::{Diagnostic, Origin, Place, Sysexit};

pub(super) use locate::{Table, Use};

/// The exit code of a search that finds nothing.
const NOTHING_FOUND: u8 = 1;

/// Look at and change a table of the site.
#[derive(Parser)]
#[command(disable_version_flag = true)]
#[command(after_help = "Examples:
  godwit access set Connect:192.0.2 REJECT
  godwit access set From:example.net 'ERROR:5.7.1:550 Not from there'
  godwit access get From:example.net
  godwit alias set staff alice bob carol@example.org
  godwit alias rm staff
  godwit virtuser set @example.com %1@example.org
  godwit mailer set .example.net smtp:[192.0.2.1]
  godwit local-host set example.com
  godwit relay list --json
  godwit alias edit

The text file keeps its comments, order and alignment; the database is made
anew; a running server answers by it within a second.

Exit status: 0 done, or so before; 1 no such key; 64 usage; 65 refused, and
nothing is changed; 66 there is no such file; 73 it cannot be written; 75
somebody else is changing the table; 77 you may not.")]
struct Arguments {
    /// The configuration that says where the table is.
    #[arg(long, value_name = "FILE.cf", global = true)]
    config: Option<PathBuf>,
    /// Another text file; its database lies beside it.
    #[arg(long, value_name = "FILE", global = true)]
    file: Option<PathBuf>,
    /// One line of JSON for each entry or change.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Every entry, or those whose key or value holds a text.
    List {
        /// The text to look for.
        text: Option<OsString>,
    },
    /// The value of a key.
    Get {
        /// The key.
        key: OsString,
    },
    /// Give a key its value.
    #[command(alias = "add")]
    Set {
        /// The key, then the value; for a list of words, the words.
        #[arg(required = true)]
        words: Vec<OsString>,
        #[command(flatten)]
        how: How,
    },
    /// Take keys out.
    #[command(alias = "delete")]
    Rm {
        /// The keys.
        #[arg(required = true)]
        keys: Vec<OsString>,
        #[command(flatten)]
        how: How,
    },
    /// What is wrong with the table as it is.
    Check,
    /// What would happen: access: `--client A --from B --to C`; generics:
    /// `--from A --to B`; the others: addresses.
    Test {
        /// As for `godwit explain`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<OsString>,
    },
    /// Change the text in an editor; it is taken when it is right.
    Edit,
}

/// How a change is made.
#[derive(clap::Args, Clone, Copy)]
struct How {
    /// Say what would be changed, and change nothing.
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Write it although it looks wrong.
    #[arg(long)]
    force: bool,
}

/// The command line, for its manual page.
pub(super) fn command() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}

macro_rules! commands {
    ($($function:ident $kind:ident $name:literal),*) => {
        $(
            #[doc = concat!("`godwit ", $name, "`.")]
            pub(super) fn $function(place: &Place, given: Vec<OsString>) -> ExitCode {
                run(place, Kind::$kind, $name, given)
            }
        )*
    };
}

commands!(
    access Access "access",
    alias Alias "alias",
    virtuser Virtuser "virtuser",
    generics Generics "generics",
    mailer Mailer "mailer",
    domain Domain "domain",
    local_host LocalHost "local-host",
    relay Relay "relay"
);

fn run(place: &Place, kind: Kind, name: &str, given: Vec<OsString>) -> ExitCode {
    let arguments: Arguments = match arguments(&format!("godwit {name}"), given) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match act(place, kind, name, arguments) {
        Ok(code) => code,
        Err((code, text)) => fail(code, format!("godwit {name}: {text}")),
    }
}

fn act(place: &Place, kind: Kind, name: &str, given: Arguments) -> Result<ExitCode, Failure> {
    if let Action::Test { words } = given.action {
        return Ok(test(place, kind, given.config, given.json, words));
    }
    let config = given.config.unwrap_or_else(|| place.sendmail_cf());
    let mut desk = Desk {
        table: Table::find(place, kind, name, &config, given.file)?,
        json: given.json,
    };
    match given.action {
        Action::List { text } => desk.list(text.map(bytes).as_ref()),
        Action::Get { key } => desk.get(&bytes(key)),
        Action::Set { words, how } => {
            let words: Vec<BString> = words.into_iter().map(bytes).collect();
            desk.change(how, |kind| sets(kind, &words))
        }
        Action::Rm { keys, how } => {
            let keys: Vec<BString> = keys.into_iter().map(bytes).collect();
            desk.remove(how, &keys)
        }
        Action::Check => desk.check(),
        Action::Test { .. } => Ok(exit(Sysexit::Ok)),
        Action::Edit => edit::run(&mut desk),
    }
}

/// What would happen: `godwit explain` says it.
fn test(
    place: &Place,
    kind: Kind,
    config: Option<PathBuf>,
    json: bool,
    words: Vec<OsString>,
) -> ExitCode {
    let about = match kind {
        Kind::Access | Kind::Relay => "relay",
        Kind::Generics => "header",
        _ => "route",
    };
    let mut given = vec![OsString::from(about)];
    if let Some(config) = config {
        given.extend([OsString::from("--config"), config.into_os_string()]);
    }
    given.extend(json.then(|| OsString::from("--json")));
    given.extend(words);
    explain::run(place, given)
}

/// The entries that words on the command line stand for.
fn sets(kind: Kind, words: &[BString]) -> Result<Vec<(BString, BString)>, Failure> {
    if matches!(kind, Kind::LocalHost | Kind::Relay) {
        let entries = words.iter().map(|word| (word.clone(), BString::default()));
        return Ok(entries.collect());
    }
    let Some((key, value)) = words.split_first() else {
        return Ok(Vec::new());
    };
    if value.is_empty() {
        return Err((Sysexit::Usage, format!("{key}: a value is missing")));
    }
    let between = if kind == Kind::Alias { ", " } else { " " };
    let trimmed = |word: &BString| -> BString {
        match kind {
            Kind::Alias => word.trim_end_with(|c| matches!(c, ',' | ' ')).into(),
            _ => word.clone(),
        }
    };
    let value: Vec<BString> = value.iter().map(trimmed).collect();
    // People write `name:` as it stands in the file.
    let key = match kind {
        Kind::Alias => key.strip_suffix(b":").unwrap_or(key),
        _ => key,
    };
    Ok(vec![(key.into(), bstr::join(between, value).into())])
}

fn bytes(word: OsString) -> BString {
    word.into_vec().into()
}

/// A value on one line.
fn on_one_line(value: &[u8]) -> BString {
    bstr::join(" ", value.fields()).into()
}

/// A table, and how its entries are shown.
pub(super) struct Desk<'p> {
    table: Table<'p>,
    json: bool,
}

impl Desk<'_> {
    fn list(&self, text: Option<&BString>) -> Result<ExitCode, Failure> {
        let table = self.table.read()?;
        let mut out = Vec::new();
        let file = self.table.source.display().to_string();
        for entry in table.entries() {
            let (key, value) = (entry.key.as_bstr(), on_one_line(entry.value));
            let holds = |text: &BString| {
                let text = text.to_ascii_lowercase();
                [key.to_ascii_lowercase(), value.to_ascii_lowercase()]
                    .iter()
                    .any(|part| part.contains_str(&text))
            };
            if !text.is_none_or(holds) {
                continue;
            }
            if self.json {
                let line = json!({
                    "key": key.to_str_lossy(), "value": value.to_str_lossy(),
                    "file": file, "line": entry.line,
                });
                out.extend_from_slice(format!("{line}\n").as_bytes());
            } else {
                out.extend_from_slice(key);
                if !value.is_empty() {
                    out.push(b'\t');
                    out.extend_from_slice(&value);
                }
                out.push(b'\n');
            }
        }
        print(out);
        Ok(exit(Sysexit::Ok))
    }

    fn get(&self, key: &BString) -> Result<ExitCode, Failure> {
        let table = self.table.read()?;
        let Some(entry) = table.get(key) else {
            complain(format!("{key}: not in {}", self.table.source.display()));
            return Ok(ExitCode::from(NOTHING_FOUND));
        };
        let value = on_one_line(entry.value);
        if self.json {
            print_json(&json!({
                "key": key.to_str_lossy(), "value": value.to_str_lossy(),
                "file": self.table.source.display().to_string(), "line": entry.line,
            }));
        } else {
            let shown = if value.is_empty() { key } else { &value };
            print(format!("{shown}\n"));
        }
        Ok(exit(Sysexit::Ok))
    }

    fn change(
        &mut self,
        how: How,
        entries: impl FnOnce(Kind) -> Result<Vec<(BString, BString)>, Failure>,
    ) -> Result<ExitCode, Failure> {
        let entries = entries(self.table.kind)?;
        let locked = self.table.lock()?;
        let mut text = self.table.read_or_new()?;
        let changes: Vec<(BString, Change)> = entries
            .iter()
            .map(|(key, value)| (key.clone(), text.set(key, value)))
            .collect();
        let mut faults = Vec::new();
        for (key, value) in &entries {
            faults.extend(self.faults_of(&text, key, value, &Origin::internal("entry")));
        }
        let refused = faults.iter().any(Diagnostic::is_error) && !how.force;
        self.tell(&faults);
        if refused {
            return Err((Sysexit::DataErr, "refused; nothing is changed".to_owned()));
        }
        self.settle(how, &text, &changes)?;
        drop(locked);
        Ok(exit(Sysexit::Ok))
    }

    fn remove(&mut self, how: How, keys: &[BString]) -> Result<ExitCode, Failure> {
        let locked = self.table.lock()?;
        let mut text = self.table.read_or_new()?;
        let absent: Vec<&BString> = keys.iter().filter(|key| text.get(key).is_none()).collect();
        if !absent.is_empty() {
            for key in absent {
                complain(format!("{key}: not in {}", self.table.source.display()));
            }
            return Ok(ExitCode::from(NOTHING_FOUND));
        }
        let changes: Vec<(BString, Change)> = keys
            .iter()
            .map(|key| (key.clone(), text.remove(key)))
            .collect();
        self.settle(how, &text, &changes)?;
        drop(locked);
        Ok(exit(Sysexit::Ok))
    }

    /// Writes a changed text, and says what has changed.
    fn settle(
        &mut self,
        how: How,
        text: &TableText,
        changes: &[(BString, Change)],
    ) -> Result<(), Failure> {
        let differs = changes.iter().any(|(_, change)| *change != Change::Nothing);
        if differs && !how.dry_run {
            self.table.write(text)?;
        }
        for (key, change) in changes {
            let (action, old) = match change {
                Change::Added => ("added", None),
                Change::Replaced(old) => ("replaced", Some(on_one_line(old))),
                Change::Removed(old) => ("removed", Some(on_one_line(old))),
                Change::Nothing => ("unchanged", None),
            };
            if self.json {
                print_json(&json!({
                    "key": key.to_str_lossy(), "action": action, "dry_run": how.dry_run,
                    "old": old.as_ref().map(|old| old.to_str_lossy()),
                }));
                continue;
            }
            let would = if how.dry_run { "would be " } else { "" };
            let old = match old.filter(|old| !old.is_empty()) {
                Some(old) => format!(" (was {old})"),
                None => String::new(),
            };
            print(format!("{key}: {would}{action}{old}\n"));
        }
        Ok(())
    }

    /// What is wrong with the table as it is.
    fn check(&self) -> Result<ExitCode, Failure> {
        let text = self.table.read()?;
        let faults = self.faults(&text);
        self.tell(&faults);
        Ok(exit(if faults.iter().any(Diagnostic::is_error) {
            Sysexit::DataErr
        } else {
            Sysexit::Ok
        }))
    }

    /// What is wrong with a text, each fault at its line.
    fn faults(&self, text: &TableText) -> Vec<Diagnostic> {
        let whole = Origin::file_only(self.table.source.display().to_string());
        let aliases = self.table.aliases(text);
        let known = SiteKnown::new(&self.table.loaded, self.table.place, &aliases);
        let mut faults = Vec::new();
        for entry in text.entries() {
            let origin = whole.at_line(entry.line);
            let value = on_one_line(entry.value);
            faults.extend(check(self.table.kind, entry.key, &value, &origin, &known));
        }
        faults
    }

    fn faults_of(
        &self,
        text: &TableText,
        key: &BString,
        value: &BString,
        origin: &Origin,
    ) -> Vec<Diagnostic> {
        let aliases = self.table.aliases(text);
        let known = SiteKnown::new(&self.table.loaded, self.table.place, &aliases);
        check(self.table.kind, key, value, origin, &known)
    }

    /// Tells what is wrong.
    fn tell(&self, faults: &[Diagnostic]) {
        for fault in faults {
            if self.json {
                print_json(&fault_json(fault));
            } else if fault.origin.file().starts_with('<') {
                // The command line has no line to be named.
                let mut text = fault.message.clone();
                if !fault.help.is_empty() {
                    text = format!("{text}. {}", fault.help);
                }
                complain(text);
            } else {
                complain(one_line(fault));
            }
        }
    }
}
