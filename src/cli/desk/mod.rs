//! What the commands of the administrator's desk share: reading arguments,
//! faults as JSON, the program started anew, the daemon asked.

mod open;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use bstr::ByteSlice;
use clap::Parser;
use serde_json::{Value, json};

pub(super) use open::{OpenSite, SiteKnown, read_list};

use super::output::{exit, print};
use crate::base::{Diagnostic, Place, Sysexit};
use crate::cf::{Config, Opt};
use crate::daemon::{self, Loaded, Source, control};
use crate::map::Owner;
use crate::os;

/// Reads the arguments after a command's name; help and complaints are
/// printed, and their exit code given.
pub(super) fn arguments<T: Parser>(name: &str, given: Vec<OsString>) -> Result<T, ExitCode> {
    T::try_parse_from(std::iter::once(OsString::from(name)).chain(given)).map_err(|error| {
        // Nobody is left to tell when this cannot be printed.
        let _ = error.print();
        exit(if error.use_stderr() {
            Sysexit::Usage
        } else {
            Sysexit::Ok
        })
    })
}

/// A failure: its exit code, and what is said.
pub(super) type Failure = (Sysexit, String);

/// One line of JSON.
pub(super) fn print_json(value: &Value) {
    print(format!("{value}\n"));
}

/// A fault as JSON.
pub(super) fn fault_json(fault: &Diagnostic) -> Value {
    json!({
        "severity": fault.severity.to_string(),
        "code": fault.code,
        "file": fault.origin.file(),
        "line": fault.origin.line(),
        "message": fault.message,
        "help": fault.help,
    })
}

/// This program, on the same root.
pub(super) fn own_command(place: &Place) -> Command {
    let mut command = Command::new(os::own_program());
    if let Some(root) = place.root() {
        command.arg("--root").arg(root);
    }
    command
}

/// Reads a configuration of this place.
pub(super) fn load(place: &Place, file: &Path) -> std::io::Result<Loaded> {
    daemon::load(&Source {
        file: file.to_owned(),
        place: place.clone(),
        ..Source::default()
    })
}

/// Why the daemon does not do what it is told.
pub(super) enum NoReload {
    /// Nobody listens on this socket.
    NoDaemon(PathBuf),
    /// It does not take orders from us.
    Denied,
    /// The new configuration is at fault; what it said.
    Faulty(String),
}

/// Has the daemon read its configuration again.
pub(super) fn reload(config: &Config) -> Result<(), NoReload> {
    let socket = control::path(&config.options);
    let Ok(answer) = control::ask(&socket, "reload") else {
        return Err(NoReload::NoDaemon(socket));
    };
    match answer.trim_end().lines().next_back() {
        Some(b"reloaded") => Ok(()),
        Some(b"Permission denied") => Err(NoReload::Denied),
        _ => Err(NoReload::Faulty(answer.to_str_lossy().into_owned())),
    }
}

/// Users who may own the directories of maps, beside root: whoever runs us,
/// and TrustedUser, who owns new files when root makes them.
pub(super) fn map_owners(config: &Config) -> (Vec<u32>, Option<Owner>) {
    let mut trusted = vec![nix::unistd::geteuid().as_raw()];
    let name = config.options.text(Opt::TrustedUser).to_str_lossy();
    let uid = match name.parse() {
        Ok(uid) => Some(uid),
        Err(_) if name.is_empty() => None,
        Err(_) => nix::unistd::User::from_name(&name)
            .ok()
            .flatten()
            .map(|user| user.uid.as_raw()),
    };
    trusted.extend(uid);
    let owner = uid
        .filter(|_| nix::unistd::geteuid().is_root())
        .map(|uid| Owner { uid, gid: None });
    (trusted, owner)
}
