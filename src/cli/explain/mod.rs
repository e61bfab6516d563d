//! `godwit explain`: why an address goes there, why a message is refused, how
//! an address looks on leaving, where an option was set.
//!
//! The site's own rules are run, and what they did is told: a site's own
//! rulesets count like those of the library.

mod header;
mod option;
mod places;
pub(super) mod relay;
mod route;
mod story;
mod trial;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::desk::{self, Failure, OpenSite, arguments};
use super::output::fail;
use crate::base::{Place, Sysexit};
use crate::daemon::Loaded;

use places::Places;

/// Why: the way of an address, a refusal, a header, an option.
#[derive(Parser)]
#[command(name = "godwit explain", disable_version_flag = true)]
#[command(after_help = "Examples:
  godwit explain route alice@example.com
  godwit explain relay --client 192.0.2.7 --from a@example.net --to b@example.com
  godwit explain header --from alice --to bob@example.com
  godwit explain option MaxHopCount confTO_QUEUERETURN

Exit status: 0; 1 when the answer is no: refused, undeliverable; 64 usage; 66
there is no configuration; 78 it is at fault.")]
struct Arguments {
    /// The configuration; sendmail.cf without.
    #[arg(short = 'C', long = "config", value_name = "FILE.cf", global = true)]
    config: Option<PathBuf>,
    /// Every ruleset, rule and lookup on the way.
    #[arg(short, long, global = true)]
    verbose: bool,
    /// JSON: one object for each question.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    about: About,
}

#[derive(Subcommand)]
enum About {
    /// Where mail for an address goes, and the way there.
    Route(route::Arguments),
    /// Whether a client may send this from here to there, and why.
    Relay(relay::Arguments),
    /// How sender and recipient look on leaving.
    Header(header::Arguments),
    /// The value of options, where they were set, what they do.
    Option(option::Arguments),
}

/// The command line, for its manual page.
pub(super) fn command() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}

/// Runs it.
pub(super) fn run(place: &Place, given: Vec<OsString>) -> ExitCode {
    let arguments: Arguments = match arguments("godwit explain", given) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match explain(place, arguments) {
        Ok(code) => code,
        Err((code, text)) => fail(code, format!("godwit explain: {text}")),
    }
}

/// What every explanation is given.
pub(super) struct Desk<'p> {
    place: &'p Place,
    config_file: PathBuf,
    loaded: Loaded,
    verbose: bool,
    json: bool,
}

impl Desk<'_> {
    fn open(&self) -> Result<OpenSite, Failure> {
        OpenSite::new(self.loaded.clone(), self.place)
    }

    fn places(&self) -> Places {
        Places::new(&self.config_file)
    }
}

fn explain(place: &Place, given: Arguments) -> Result<ExitCode, Failure> {
    let config_file = given.config.unwrap_or_else(|| place.sendmail_cf());
    let loaded = desk::load(place, &config_file).map_err(|error| {
        let why = crate::map::errno_text(&error);
        (
            Sysexit::NoInput,
            format!("{}: {why}", config_file.display()),
        )
    })?;
    let desk = Desk {
        place,
        config_file,
        loaded,
        verbose: given.verbose,
        json: given.json,
    };
    match given.about {
        About::Route(arguments) => route::explain(&desk, arguments),
        About::Relay(arguments) => relay::explain(&desk, arguments),
        About::Header(arguments) => header::explain(&desk, arguments),
        About::Option(arguments) => option::explain(&desk, arguments),
    }
}

/// The exit code of a question whose answer is no.
fn answered(yes: bool) -> ExitCode {
    ExitCode::from(u8::from(!yes))
}
