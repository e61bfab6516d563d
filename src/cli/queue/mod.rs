//! `godwit queue`: what waits, why, since when; and what to do about it.
//!
//! Works on the queue directories as they are, beside a running server: a
//! message that the server is working on is left to it.

mod act;
mod select;
mod show;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::desk::{self, Failure, arguments};
use super::mailq;
use super::output::{complain, fail};
use crate::base::{Place, Sysexit};
use crate::daemon::Loaded;

use select::{Selection, Waiting};

/// Look at what waits in the queue, and act on it.
#[derive(Parser)]
#[command(name = "godwit queue", disable_version_flag = true)]
#[command(after_help = "Examples:
  godwit queue list
  godwit queue list --by reason
  godwit queue list --by age --host example.com --json
  godwit queue show 6AM8uH4k000040
  godwit queue retry --reason 'Connection refused'
  godwit queue hold --from spammer@example.com --why 'looks like spam'
  godwit queue release 6AM8uH4k000040
  godwit queue bounce --to old.example --why 'That company is gone'
  godwit queue rm --older 10d --dry-run
  godwit queue export 6AM8uH4k000040 > message.eml

What is held is sendmail's quarantine: mailq -qQ lists it.

Exit status: 0; 1 nothing is selected; 64 usage; 69 no server answers; 75 a
message is being worked on; 77 you may not.")]
struct Arguments {
    /// The configuration that names the queues; sendmail.cf without.
    #[arg(short = 'C', long = "config", value_name = "FILE.cf", global = true)]
    config: Option<PathBuf>,
    /// One line of JSON for each message or group.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// What waits: each message, or groups of them.
    List {
        #[command(flatten)]
        selection: Selection,
        /// Count by reason, age, host or sender.
        #[arg(long, value_enum)]
        by: Option<show::By>,
    },
    /// All about messages: envelope and header.
    Show {
        #[command(flatten)]
        selection: Selection,
    },
    /// Try to deliver now.
    Retry {
        #[command(flatten)]
        selection: Selection,
    },
    /// Keep messages back: they go to quarantine.
    Hold {
        #[command(flatten)]
        selection: Selection,
        #[command(flatten)]
        how: act::How,
        /// The reason that mailq shows.
        #[arg(long, default_value = "held by the administrator")]
        why: String,
    },
    /// Let held messages go.
    Release {
        #[command(flatten)]
        selection: Selection,
        #[command(flatten)]
        how: act::How,
    },
    /// Throw messages away. Nobody is told.
    Rm {
        #[command(flatten)]
        selection: Selection,
        #[command(flatten)]
        how: act::How,
    },
    /// Give messages back to their senders, as if they had failed.
    Bounce {
        #[command(flatten)]
        selection: Selection,
        #[command(flatten)]
        how: act::How,
        /// The reason that the report gives.
        #[arg(long, default_value = "Returned by the administrator")]
        why: String,
    },
    /// Forget earlier attempts, and try now.
    Requeue {
        #[command(flatten)]
        selection: Selection,
        #[command(flatten)]
        how: act::How,
    },
    /// Write messages to standard output, header and body.
    Export {
        #[command(flatten)]
        selection: Selection,
    },
}

/// What is said when no message is meant.
const NOTHING: &str = "nothing in the queue is selected";

/// The command line, for its manual page.
pub(super) fn command() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}

/// Runs it.
pub(super) fn run(place: &Place, given: Vec<OsString>) -> ExitCode {
    let arguments: Arguments = match arguments("godwit queue", given) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match act(place, arguments) {
        Ok(code) => code,
        Err((_, text)) if text == NOTHING => {
            complain(text);
            ExitCode::from(1)
        }
        Err((code, text)) => fail(code, format!("godwit queue: {text}")),
    }
}

fn act(place: &Place, given: Arguments) -> Result<ExitCode, Failure> {
    let file = given.config.unwrap_or_else(|| place.sendmail_cf());
    let loaded = desk::load(place, &file).map_err(|error| {
        let why = crate::map::errno_text(&error);
        (Sysexit::NoInput, format!("{}: {why}", file.display()))
    })?;
    let json = given.json;
    let all = |selection: &Selection| find(&loaded, selection);
    match given.action {
        Action::List { selection, by } => {
            let found = all(&selection)?;
            Ok(show::list(&loaded, &found, by, json))
        }
        Action::Show { selection } => Ok(show::details(&some(all(&selection)?)?, json)),
        Action::Export { selection } => show::export(&some(all(&selection)?)?),
        Action::Retry { selection } => act::retry(&loaded, &some(all(&selection)?)?, json),
        Action::Hold {
            selection,
            how,
            why,
        } => {
            let found = some(chosen(&selection, all(&selection)?)?)?;
            act::each(&loaded, &found, how, json, act::Deed::Hold(why))
        }
        Action::Release { selection, how } => {
            let found = some(chosen(&selection, all(&selection)?)?)?;
            act::each(&loaded, &found, how, json, act::Deed::Release)
        }
        Action::Rm { selection, how } => {
            let found = some(chosen(&selection, all(&selection)?)?)?;
            act::each(&loaded, &found, how, json, act::Deed::Remove)
        }
        Action::Bounce {
            selection,
            how,
            why,
        } => {
            let found = some(chosen(&selection, all(&selection)?)?)?;
            act::bounce(&loaded, &found, how, json, &why)
        }
        Action::Requeue { selection, how } => {
            let found = some(chosen(&selection, all(&selection)?)?)?;
            act::each(&loaded, &found, how, json, act::Deed::Requeue)
        }
    }
}

/// What is selected, in all queues, oldest first.
fn find(loaded: &Loaded, selection: &Selection) -> Result<Vec<Waiting>, Failure> {
    let wanted = selection.compile()?;
    let mut found = Vec::new();
    for path in mailq::directories(&loaded.config) {
        select::read(&path, &wanted, &mut found).map_err(|error| {
            let code = match error.kind() {
                std::io::ErrorKind::PermissionDenied => Sysexit::NoPerm,
                _ => Sysexit::OsFile,
            };
            let why = crate::map::errno_text(&error);
            (code, format!("{}: {why}", path.display()))
        })?;
    }
    found.sort_by_key(|waiting| waiting.file.envelope.created);
    Ok(found)
}

/// Something must be selected.
fn some(found: Vec<Waiting>) -> Result<Vec<Waiting>, Failure> {
    match found.is_empty() {
        true => Err((Sysexit::Unavailable, NOTHING.to_owned())),
        false => Ok(found),
    }
}

/// What changes messages wants to be told which.
fn chosen(selection: &Selection, found: Vec<Waiting>) -> Result<Vec<Waiting>, Failure> {
    if selection.is_empty() {
        let text = "say which: queue ids, --from, --to, …, or --all";
        return Err((Sysexit::Usage, text.to_owned()));
    }
    Ok(found)
}
