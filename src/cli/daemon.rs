//! The processes of the daemon as personalities.

use std::ffi::OsString;
use std::process::ExitCode;

use super::output::exit;
use crate::base::Place;
use crate::daemon;

/// The engine: started by the parent, with a channel as standard input.
pub(super) fn engine(_place: &Place, _arguments: Vec<OsString>) -> ExitCode {
    exit(daemon::engine())
}

/// The process of logins: started by the parent, with a channel as standard
/// input.
pub(super) fn logins(_place: &Place, _arguments: Vec<OsString>) -> ExitCode {
    exit(daemon::logins())
}

/// One attempt of PAM: started by the process of logins.
pub(super) fn pam(_place: &Place, _arguments: Vec<OsString>) -> ExitCode {
    exit(daemon::pam())
}
