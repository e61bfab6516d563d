//! What every mode does before its work: the configuration is read, and the
//! queue directory entered; who may not is told so.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use bstr::ByteSlice;

use super::{Command, Mode, alone, trust};
use crate::base::Sysexit;
use crate::cf::{self, Opt, Options};
use crate::cli::output::{complain, exit, refuse, say};
use crate::daemon::{Loaded, spool};
use crate::map::errno_text;

/// The configuration, when the one who runs this gets as far as the reference
/// would let him.
pub(super) fn enter(command: &Command<'_>) -> Result<Loaded, ExitCode> {
    let loaded = alone::load(command)?;
    let config = &loaded.config;
    if config.version.level < cf::LEVEL {
        say(format!(
            "Warning: .cf file is out of date: sendmail 8.17.1.9 supports version {}, \
             .cf file is version {}",
            cf::LEVEL,
            config.version.level
        ));
    }
    let options = &config.options;
    // sendmail: who may not forget the status of hosts is told so first.
    if command.flags.mode == Mode::Purge && !trust::is_trusted(options, command.place) {
        return Err(refuse(
            Sysexit::Usage,
            "Permission denied (real uid not trusted)",
        ));
    }
    if options.all(Opt::QueueDirectory).is_empty() {
        return Err(refuse(
            Sysexit::Config,
            "QueueDirectory (Q) option must be set",
        ));
    }
    let directory = spool::queue_directory(options.text(Opt::QueueDirectory));
    // To be searched is what it takes.
    if let Err(error) = std::fs::metadata(directory.join(".")) {
        return Err(outside(&directory, &error, options));
    }
    if !config.mailers.iter().any(|mailer| mailer.name == "local") {
        return Err(refuse(Sysexit::Software, "No local mailer defined"));
    }
    Ok(loaded)
}

/// What is said of a queue directory that cannot be entered.
fn outside(directory: &Path, error: &io::Error, options: &Options) -> ExitCode {
    cannot_enter(directory, error);
    let hosts = options.text(Opt::HostStatusDirectory);
    if !hosts.is_empty()
        && let Err(error) = std::fs::metadata(directory.join(hosts.to_path_lossy()))
    {
        let why = errno_text(&error);
        say(format!(
            "Warning: Cannot use HostStatusDirectory = {hosts}: {why}"
        ));
    }
    exit(Sysexit::Config)
}

/// Says that a queue directory cannot be entered.
pub(in crate::cli) fn cannot_enter(path: &Path, error: &io::Error) {
    let why = errno_text(error);
    say(format!("can not chdir({}/): {why}", path.display()));
    if error.kind() == io::ErrorKind::PermissionDenied {
        complain("Program mode requires special privileges, e.g., root or TrustedUser.");
    }
}
