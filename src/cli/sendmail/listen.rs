//! `sendmail -bd`, `-bD`, `-q15m`: the daemon.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;

use bstr::BString;

use super::flags::Mode;
use super::{Command, trust};
use crate::base::{Diagnostic, Place, Sysexit};
use crate::cli::output::{exit, refuse, say};
use crate::daemon::{self, Launcher, Loaded, Settings, Stopped};
use crate::map::errno_text;

/// Runs the daemon to its end in the foreground, or leaves it running behind.
pub(super) fn run(command: &Command<'_>) -> ExitCode {
    let foreground = command.flags.mode == Mode::Foreground || command.flags.queue.foreground;
    if !foreground {
        return match daemon::launch(arguments(command.place, &command.words)) {
            Ok(()) => exit(Sysexit::Ok),
            Err(stopped) => fail_quietly(&stopped),
        };
    }
    match serve(command, true, || {}) {
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
    let result = serve(command, false, || {
        if let Some(launcher) = launcher.take() {
            launcher.started();
        }
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

/// The configuration that the flags name; its faults are said here.
pub(super) fn load(command: &Command<'_>) -> Result<Loaded, Stopped> {
    let loaded = daemon::load(&command.source).map_err(|error| {
        let (file, why) = (command.source.file.display(), errno_text(&error));
        Stopped {
            code: Sysexit::OsFile,
            text: format!("{file}: line 0: cannot open: {why}"),
        }
    })?;
    for fault in &loaded.faults {
        // An option of the command line has no line to be named.
        if fault.origin.file().starts_with('<') {
            say(&fault.message);
            continue;
        }
        // The file is named as it was given.
        let absolute = command.source.file.as_os_str().as_bytes();
        let text = BString::from(fault.to_string());
        match (&command.flags.config, text.strip_prefix(absolute)) {
            (Some(given), Some(rest)) => say(bstr::concat([given.as_slice(), rest])),
            _ => say(text),
        }
    }
    if loaded.faults.iter().any(Diagnostic::is_error) {
        return Err(Stopped {
            code: Sysexit::Software,
            text: String::new(),
        });
    }
    Ok(loaded)
}

/// What the flags ask for.
pub(super) fn settings(command: &Command<'_>, has_stderr: bool) -> Settings {
    Settings {
        source: command.source.clone(),
        queue_interval: command.flags.queue.interval,
        once: None,
        listens: matches!(command.flags.mode, Mode::Daemon | Mode::Foreground),
        has_stderr,
        log: daemon::usual_log(command.place),
        tag: command
            .flags
            .tag
            .clone()
            .unwrap_or_else(|| BString::from("sendmail")),
        command_line: command_line(&command.words),
    }
}

/// Loads the configuration and runs the daemon under it, if that is allowed.
fn serve(command: &Command<'_>, has_stderr: bool, started: impl FnOnce()) -> Result<(), Stopped> {
    let loaded = load(command)?;
    if !trust::is_trusted(&loaded.config.options, command.place) {
        return Err(Stopped {
            code: Sysexit::Usage,
            text: "Permission denied (real uid not trusted)".to_owned(),
        });
    }
    daemon::supervise(settings(command, has_stderr), &loaded, started)
}

/// A fault that was said already has no text.
pub(super) fn fail_quietly(stopped: &Stopped) -> ExitCode {
    if stopped.text.is_empty() {
        exit(stopped.code)
    } else {
        refuse(stopped.code, &stopped.text)
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
