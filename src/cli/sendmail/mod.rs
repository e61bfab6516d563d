//! `sendmail`, flag for flag: which of its many programs is asked for.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

use bstr::{BString, ByteSlice};

mod alone;
pub(super) mod enter;
mod flags;
mod hand_over;
mod identity;
mod listen;
mod queue_run;
mod stdio;
mod submit;
mod trust;
mod verify;

use flags::{Flags, OptionFlag, Role};
pub(super) use flags::{Mode, QueueFlags};

use super::address_test;
use super::output::{exit, refuse};
use crate::base::{Place, Sysexit};
use crate::daemon::Source;

/// Runs it on the arguments after the program's name.
pub(super) fn run(place: &Place, arguments: Vec<OsString>) -> ExitCode {
    as_called(place, arguments, Mode::Deliver)
}

/// The parent of a daemon that was left behind, with the same arguments, and
/// a channel to the process that was called.
pub(super) fn behind(place: &Place, mut arguments: Vec<OsString>) -> ExitCode {
    let mut place = place.clone();
    if arguments.len() > 1 && arguments[0] == "--root" {
        place = Place::under(arguments.remove(1));
        arguments.remove(0);
    }
    match Command::read(&place, arguments, Mode::Deliver) {
        Ok(command) => listen::run_behind(&command),
        Err(error) => error.tell("sendmail"),
    }
}

/// The same, for a name that stands for a mode (`mailq`, `newaliases`).
pub(super) fn as_called(place: &Place, arguments: Vec<OsString>, mode: Mode) -> ExitCode {
    let command = match Command::read(place, arguments, mode) {
        Ok(command) => command,
        Err(error) => {
            return error.tell(match mode {
                Mode::Queue => "mailq",
                Mode::Aliases => "newaliases",
                Mode::Hosts => "hoststat",
                Mode::Purge => "purgestat",
                _ => "sendmail",
            });
        }
    };
    identity::show(&command);
    match command.flags.mode {
        Mode::Daemon | Mode::Foreground => listen::run(&command),
        Mode::Deliver if command.flags.queue.interval.is_some() => listen::run(&command),
        Mode::Deliver if command.flags.queue.is_given() => queue_run::run(&command),
        Mode::Deliver => submit::run(&command),
        Mode::Smtp | Mode::Arpanet => stdio::run(&command),
        Mode::Verify => verify::run(&command),
        Mode::Aliases => super::newaliases::make(&command.source, command.flags.verbose),
        Mode::Test => test(&command),
        Mode::Queue | Mode::Count | Mode::Hosts | Mode::Purge | Mode::Check => report(&command),
    }
}

/// The modes that only look.
fn report(command: &Command<'_>) -> ExitCode {
    let loaded = match enter::enter(command) {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    let flags = &command.flags;
    match flags.mode {
        Mode::Queue => super::mailq::list(&loaded.config, &flags.queue, flags.verbose),
        Mode::Count => super::mailq::count(&loaded.config, &flags.queue),
        Mode::Check => exit(Sysexit::Ok),
        mode => super::hoststat::show(&loaded.config.options, flags.verbose, mode == Mode::Purge),
    }
}

/// `-bt`
fn test(command: &Command<'_>) -> ExitCode {
    let settings = address_test::Settings {
        source: &command.source,
        file: command.flags.config.as_ref().map(|file| file.as_bstr()),
        debug: &command.flags.debug,
    };
    let mut output = std::io::stdout().lock();
    match address_test::open(&settings, &mut output) {
        Ok(mut test) => test.run(&mut std::io::stdin().lock(), &mut output),
        Err(error) => refuse(Sysexit::Config, error.to_string()),
    }
}

/// A command line and what follows from it.
struct Command<'a> {
    place: &'a Place,
    flags: Flags,
    source: Source,
    words: Vec<BString>,
}

impl<'a> Command<'a> {
    fn read(
        place: &'a Place,
        arguments: Vec<OsString>,
        mode: Mode,
    ) -> Result<Self, flags::UsageError> {
        let words: Vec<BString> = arguments
            .into_iter()
            .map(|word| word.into_vec().into())
            .collect();
        let mut flags = Flags::parse(&words)?;
        if !flags.mode_given {
            flags.mode = mode;
        }
        flags.check()?;
        Ok(Self {
            source: source(place, &flags),
            place,
            flags,
            words,
        })
    }
}

/// Which configuration holds, with what the flags set in it.
fn source(place: &Place, flags: &Flags) -> Source {
    let file = match &flags.config {
        Some(path) => path.to_path_lossy().into_owned(),
        None if flags.role == Role::Submission => place.submit_cf(),
        // sendmail: whoever submits goes by submit.cf where there is one.
        None if flags.role == Role::ByMode
            && hand_over::submits(flags.mode)
            && !flags.queue.is_given()
            && place.submit_cf().exists() =>
        {
            place.submit_cf()
        }
        None => place.sendmail_cf(),
    };
    // Other processes have another directory.
    let file = std::path::absolute(&file).unwrap_or(file);
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
