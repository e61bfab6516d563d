//! `godwit m4`: the macro processor alone, in place of GNU m4.
//!
//! The machine is [`crate::m4`]; here are its command line (`options`) and
//! the real world behind it (`host`).

mod host;
pub(super) use host::RealHost;
mod options;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use crate::m4::M4;

use options::{Action, Asked, Options};

/// Runs it on the arguments after the program's name.
pub(super) fn run(arguments: Vec<OsString>) -> ExitCode {
    let mut complaints = Vec::new();
    let asked = options::parse(arguments, &mut complaints);
    // Nobody is left to tell when standard error is gone.
    let _ = std::io::stderr().write_all(&complaints);
    match asked {
        Asked::Run(options) => process(*options),
        Asked::Show(text) => match std::io::stdout().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Asked::Nothing => ExitCode::FAILURE,
    }
}

/// Processes the files and the definitions, in the order of the command line.
fn process(options: Options) -> ExitCode {
    let mut host = RealHost::new(options.include, options.debug_file.as_deref());
    let mut m4 = M4::new(&mut host, options.settings);
    let mut result = Ok(());
    for action in &options.actions {
        match action {
            Action::Define(name, value) => m4.define(name, value),
            Action::Undefine(name) => m4.undefine(name),
            Action::Trace(name) => m4.trace(name),
            Action::Synclines => m4.set_synclines(),
            Action::File(name) => result = m4.process_file(name),
        }
        if result.is_err() {
            break;
        }
    }
    let (output, _) = m4.conclude(result);
    let status = output.status;
    if !host.output_was_written() {
        return ExitCode::FAILURE;
    }
    ExitCode::from(u8::try_from(status).unwrap_or(1))
}
