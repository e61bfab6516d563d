//! `sendmail -bd`, `-bD`, `-q15m`: the daemon.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use bstr::BString;

use super::Command;
use super::flags::Mode;
use crate::base::{Diagnostic, Place, Sysexit};
use crate::cli::output::{complain, exit, fail};
use crate::daemon::{self, Launcher, Loaded, Settings, Stopped};

/// Runs the daemon to its end in the foreground, or leaves it running behind.
pub(super) fn run(command: &Command<'_>) -> ExitCode {
    let foreground = command.flags.mode == Mode::Foreground || command.flags.queue.foreground;
    if !foreground {
        return match daemon::launch(arguments(command.place, &command.words)) {
            Ok(()) => exit(Sysexit::Ok),
            Err(stopped) => fail_quietly(&stopped),
        };
    }
    let result = settings(command, true)
        .and_then(|(settings, loaded)| daemon::supervise(settings, &loaded, || {}));
    match result {
        Ok(()) => exit(Sysexit::Ok),
        Err(stopped) => fail_quietly(&stopped),
    }
}

/// The parent of a daemon that was left behind: somebody waits for its word.
pub(super) fn run_behind(command: &Command<'_>) -> ExitCode {
    let Ok(launcher) = Launcher::take() else {
        return exit(Sysexit::Usage);
    };
    let mut launcher = Some(launcher);
    let result = settings(command, false).and_then(|(settings, loaded)| {
        daemon::supervise(settings, &loaded, || {
            if let Some(launcher) = launcher.take() {
                launcher.started();
            }
        })
    });
    match result {
        Ok(()) => exit(Sysexit::Ok),
        Err(stopped) => {
            if let Some(launcher) = launcher {
                launcher.failed(&stopped);
            }
            exit(stopped.code)
        }
    }
}

/// What the flags ask for, and the configuration they name; its faults are
/// said here.
fn settings(command: &Command<'_>, has_stderr: bool) -> Result<(Settings, Loaded), Stopped> {
    let loaded = daemon::load(&command.source).map_err(|error| {
        let file = command.source.file.display();
        let why = error.raw_os_error().map_or_else(
            || error.to_string(),
            |number| nix::errno::Errno::from_raw(number).desc().to_owned(),
        );
        Stopped {
            code: Sysexit::OsFile,
            text: format!("{file}: line 0: cannot open: {why}"),
        }
    })?;
    for fault in &loaded.faults {
        complain(fault.to_string());
    }
    if loaded.faults.iter().any(Diagnostic::is_error) {
        return Err(Stopped {
            code: Sysexit::Config,
            text: String::new(),
        });
    }
    let settings = Settings {
        source: command.source.clone(),
        queue_interval: command.flags.queue.interval,
        listens: matches!(command.flags.mode, Mode::Daemon | Mode::Foreground),
        has_stderr,
        log: daemon::usual_log(command.place),
        tag: command
            .flags
            .tag
            .clone()
            .unwrap_or_else(|| BString::from("sendmail")),
        command_line: command_line(&command.words),
    };
    Ok((settings, loaded))
}

/// A fault that was said already has no text.
fn fail_quietly(stopped: &Stopped) -> ExitCode {
    if stopped.text.is_empty() {
        exit(stopped.code)
    } else {
        fail(stopped.code, &stopped.text)
    }
}

/// The arguments for the same command in a process of its own.
fn arguments(place: &Place, words: &[BString]) -> Vec<OsString> {
    let root = place.root().map(|root| ["--root".into(), root.into()]);
    let words = words.iter().map(|word| OsStr::from_bytes(word).to_owned());
    root.into_iter().flatten().chain(words).collect()
}

/// How the program was called, as the pid file shows it.
fn command_line(words: &[BString]) -> BString {
    let name = std::env::args_os().next().unwrap_or_default();
    let mut line = BString::from(name.as_bytes());
    for word in words {
        line.push(b' ');
        line.extend_from_slice(word);
    }
    line
}
