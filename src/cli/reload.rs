//! `godwit reload`: the running daemon reads its configuration again.
//!
//! The daemon does the work and says what it found; nothing changes unless
//! the whole new configuration is good.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use super::output::{complain, exit, fail, print};
use crate::base::{Place, Sysexit};
use crate::daemon::{self, Source, control};

/// Make the running daemon read its configuration again.
#[derive(Parser)]
#[command(name = "godwit reload", disable_version_flag = true)]
#[command(
    after_help = "Exit status: 0 when the new configuration holds, 78 when it is at fault and
the old one stays, 69 when no daemon answers, 77 when you may not ask."
)]
struct Arguments {
    /// The configuration that the daemon was started with, which names its
    /// control socket.
    #[arg(short = 'C', long = "config", value_name = "FILE.cf")]
    config: Option<PathBuf>,
}

/// Runs it.
pub(super) fn run(place: &Place, arguments: Vec<OsString>) -> ExitCode {
    let name = OsString::from("godwit reload");
    let arguments = match Arguments::try_parse_from(std::iter::once(name).chain(arguments)) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return exit(if error.use_stderr() {
                Sysexit::Usage
            } else {
                Sysexit::Ok
            });
        }
    };
    let source = Source {
        file: arguments.config.unwrap_or_else(|| place.sendmail_cf()),
        place: place.clone(),
        ..Source::default()
    };
    // A broken configuration still says where the socket is, or leaves it at
    // its usual place.
    let options = match daemon::load(&source) {
        Ok(loaded) => loaded.config.options,
        Err(error) => {
            let text = format!("{}: {error}", source.file.display());
            return fail(Sysexit::NoInput, text);
        }
    };
    let socket = control::path(&options);
    let answer = match control::ask(&socket, "reload") {
        Ok(answer) => answer,
        Err(error) => {
            let text = format!("godwit reload: no daemon at {}: {error}", socket.display());
            return fail(Sysexit::Unavailable, text);
        }
    };
    let text = String::from_utf8_lossy(&answer);
    match text.lines().last() {
        Some("reloaded") => {
            print(&answer);
            exit(Sysexit::Ok)
        }
        Some("Permission denied") => fail(Sysexit::NoPerm, "godwit reload: permission denied"),
        _ => {
            complain(&answer);
            exit(Sysexit::Config)
        }
    }
}
