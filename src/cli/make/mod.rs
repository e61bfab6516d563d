//! `godwit make`: what `make -C /etc/mail` does, on any site: rebuilds what is
//! older than what it is made of, and only that, and says why.

mod control;
mod work;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use bstr::BStr;
use clap::Parser;

use super::desk::{Failure, arguments};
use super::output::{exit, fail, print};
use crate::base::{Place, Sysexit};

pub(super) use work::Work;

/// Bring the .cf files and databases of /etc/mail up to date.
#[derive(Parser)]
#[command(name = "godwit make", disable_version_flag = true)]
#[command(after_help = "Targets:
  all              every .cf and database that is stale (without a target, too)
  NAME.cf, NAME.db one of them, when it is stale
  cf, maps, aliases  the .cf files; the databases; the alias databases
  newaliases       the alias databases, stale or not
  install          as all; HOST.mc of this host, when there is one, becomes sendmail.cf
  restart, reload  as all, and the running server reads it; restart starts one
  start, stop      the server
  clean            removes the databases that can be made again

Examples:
  godwit make                       what make -C /etc/mail does
  godwit make --dry-run             what would be made, and why
  godwit make access.db restart
  godwit make -C /srv/mail/etc all  another directory

Exit status: 0 done or nothing to do, 64 no such target, 65 a source is at
fault and what it makes stays as it was, 69 no server answers, 73 a file
cannot be written, 78 the server refuses the new configuration.")]
pub(super) struct Arguments {
    /// The directory.
    #[arg(short = 'C', long = "directory", value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Say what would be made, and make nothing.
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Make it, stale or not.
    #[arg(short = 'B', long = "always-make")]
    always: bool,
    /// Afterwards, have the running server read its configuration again.
    #[arg(short, long)]
    reload: bool,
    /// Say nothing unless something is wrong.
    #[arg(short = 's', long)]
    silent: bool,
    /// One line of JSON for each thing made.
    #[arg(long)]
    json: bool,
    /// What to make.
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
}

/// The command line, for its manual page.
pub(super) fn command() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}

/// Runs it.
pub(super) fn run(place: &Place, given: Vec<OsString>) -> ExitCode {
    let arguments: Arguments = match arguments("godwit make", given) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match make(place, &arguments) {
        Ok(()) => exit(Sysexit::Ok),
        Err((code, text)) => fail(code, format!("godwit make: {text}")),
    }
}

fn make(place: &Place, arguments: &Arguments) -> Result<(), Failure> {
    let directory = match &arguments.directory {
        None => place.path("/etc/mail"),
        Some(directory) => {
            use std::os::unix::ffi::{OsStrExt, OsStringExt};
            let text = place.text(BStr::new(directory.as_os_str().as_bytes()));
            PathBuf::from(OsString::from_vec(text.into()))
        }
    };
    let directory = directory.canonicalize().map_err(|error| {
        (
            Sysexit::NoInput,
            format!("{}: {error}", directory.display()),
        )
    })?;
    // As make does: a .mc may include what lies beside it.
    std::env::set_current_dir(&directory).map_err(|error| {
        (
            Sysexit::NoInput,
            format!("{}: {error}", directory.display()),
        )
    })?;
    let mut work = Work::new(place, &directory);
    work.dry_run = arguments.dry_run;
    work.always = arguments.always;
    work.json = arguments.json;
    work.silent = arguments.silent;
    let all = ["all".to_owned()];
    let targets = match arguments.targets.as_slice() {
        [] => &all,
        given => given,
    };
    for target in targets {
        work.target(target)?;
    }
    if arguments.reload {
        work.reload()?;
    }
    work.finish()
}

impl Work<'_> {
    /// Makes one target.
    fn target(&mut self, target: &str) -> Result<(), Failure> {
        match target {
            "all" | "default" => self.all(),
            "install" => {
                self.all()?;
                self.install()
            }
            "cf" => self.configurations(None),
            "maps" => self.databases(None),
            "aliases" => self.aliases(false),
            "newaliases" => self.aliases(true),
            "clean" => self.clean(),
            "reload" => {
                self.all()?;
                self.reload()
            }
            "restart" => {
                self.all()?;
                self.restart()
            }
            "start" => self.start(),
            "stop" => self.stop(),
            name if name.ends_with(".cf") => self.configurations(Some(name)),
            name if name.ends_with(".db") || name.ends_with(".cdb") => self.databases(Some(name)),
            _ => Err((
                Sysexit::Usage,
                format!("no target {target}; `godwit make --help` lists them"),
            )),
        }
    }

    /// Everything that is stale.
    fn all(&mut self) -> Result<(), Failure> {
        self.configurations(None)?;
        self.databases(None)?;
        self.aliases(false)
    }

    /// Says how it ended.
    fn finish(&self) -> Result<(), Failure> {
        if let Some(failure) = self.failure.clone() {
            return Err(failure);
        }
        if self.done == 0 && !self.json && !self.silent {
            print("everything is up to date\n");
        }
        Ok(())
    }
}
