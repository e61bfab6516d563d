//! `sendmail`, flag for flag: which of its many programs is asked for.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

use bstr::{BString, ByteSlice};

mod flags;
mod listen;

use flags::{Flags, Mode, OptionFlag, Role};

use super::output::fail;
use crate::base::{Place, Sysexit};
use crate::daemon::Source;

/// Runs it on the arguments after the program's name.
pub(super) fn run(place: &Place, arguments: Vec<OsString>) -> ExitCode {
    as_called(place, arguments, Mode::Deliver)
}

/// The same, for a name that stands for a mode (`mailq`, `newaliases`).
pub(super) fn as_called(place: &Place, arguments: Vec<OsString>, mode: Mode) -> ExitCode {
    let words: Vec<BString> = arguments
        .into_iter()
        .map(|word| word.into_vec().into())
        .collect();
    let mut flags = match Flags::parse(&words) {
        Ok(flags) => flags,
        Err(error) => return fail(Sysexit::Usage, error.0),
    };
    if !flags.mode_given {
        flags.mode = mode;
    }
    let command = Command {
        source: source(place, &flags),
        place,
        flags,
        words,
    };
    match command.flags.mode {
        Mode::Daemon | Mode::Foreground => listen::run(&command),
        Mode::Deliver if command.flags.queue.interval.is_some() => listen::run(&command),
        mode => fail(
            Sysexit::Unavailable,
            format!("sendmail: {mode:?} is not built in yet"),
        ),
    }
}

/// A command line and what follows from it.
struct Command<'a> {
    place: &'a Place,
    flags: Flags,
    source: Source,
    words: Vec<BString>,
}

/// Which configuration holds, with what the flags set in it.
fn source(place: &Place, flags: &Flags) -> Source {
    let file = match &flags.config {
        Some(path) => path.to_path_lossy().into_owned(),
        None if flags.role == Role::Submission => place.submit_cf(),
        None => place.sendmail_cf(),
    };
    let options = flags.options.iter().map(|option| match option {
        OptionFlag::Letter(letter, value) => (BString::from(&[*letter][..]), value.clone()),
        OptionFlag::Named(name, value) => (name.clone(), value.clone()),
    });
    Source {
        file,
        options: options.collect(),
        macros: flags.macros.clone(),
        place: place.clone(),
    }
}
