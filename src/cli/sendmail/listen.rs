//! `sendmail -bd`, `-bD`, `-q15m`: the daemon.

use std::process::ExitCode;

use bstr::BString;

use super::Command;
use super::flags::Mode;
use crate::base::{Diagnostic, Sysexit};
use crate::cli::output::{complain, exit, fail};
use crate::daemon::{self, Settings};

/// Runs the daemon to its end, or leaves it running behind.
pub(super) fn run(command: &Command<'_>) -> ExitCode {
    let loaded = match daemon::load(&command.source) {
        Ok(loaded) => loaded,
        Err(error) => {
            let file = command.source.file.display();
            let why = error.raw_os_error().map_or_else(
                || error.to_string(),
                |number| nix::errno::Errno::from_raw(number).desc().to_owned(),
            );
            let text = format!("{file}: line 0: cannot open: {why}");
            return fail(Sysexit::OsFile, text);
        }
    };
    for fault in &loaded.faults {
        complain(fault.to_string());
    }
    if loaded.faults.iter().any(Diagnostic::is_error) {
        return exit(Sysexit::Config);
    }
    let settings = Settings {
        source: command.source.clone(),
        queue_interval: command.flags.queue.interval,
        listens: matches!(command.flags.mode, Mode::Daemon | Mode::Foreground),
        detaches: command.flags.mode != Mode::Foreground && !command.flags.queue.foreground,
        log: daemon::usual_log(command.place),
        tag: command
            .flags
            .tag
            .clone()
            .unwrap_or_else(|| BString::from("sendmail")),
        command_line: command_line(&command.words),
    };
    match daemon::supervise(settings, &loaded, || {}) {
        Ok(()) => exit(Sysexit::Ok),
        Err(stopped) => fail(stopped.code, stopped.text),
    }
}

/// How the program was called, as the pid file shows it.
fn command_line(words: &[BString]) -> BString {
    let name = std::env::args_os().next().unwrap_or_default();
    let mut line = BString::from(name.to_string_lossy().as_bytes());
    for word in words {
        line.push(b' ');
        line.extend_from_slice(word);
    }
    line
}
