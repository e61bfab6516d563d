//! `godwit m4`: the macro processor alone, in place of GNU m4.

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs it on the arguments after the program's name.
pub(super) fn run(_arguments: Vec<OsString>) -> ExitCode {
    ExitCode::FAILURE
}
