//! The targets that start, stop and tell the server.

use std::process::Stdio;

use bstr::ByteSlice;

use super::Work;
use crate::base::Sysexit;
use crate::cli::desk::{self, Failure, NoReload, own_command};
use crate::daemon::control;

impl Work<'_> {
    /// The running server reads its configuration again.
    pub(super) fn reload(&mut self) -> Result<(), Failure> {
        if let Some(failure) = self.failure.clone() {
            return Err(failure);
        }
        self.done += 1;
        if self.dry_run {
            self.say("server", "would be told to read its configuration");
            return Ok(());
        }
        match desk::reload(&self.config()) {
            Ok(()) => {
                self.say("server", "reloaded");
                Ok(())
            }
            Err(no) => Err(failure(no)),
        }
    }

    /// The same; a server that does not run is started.
    pub(super) fn restart(&mut self) -> Result<(), Failure> {
        if let Some(failure) = self.failure.clone() {
            return Err(failure);
        }
        if !self.dry_run && !self.is_running() {
            return self.start();
        }
        self.reload()
    }

    /// Starts the server as `/etc/sysconfig/sendmail` wants it.
    pub(super) fn start(&mut self) -> Result<(), Failure> {
        self.done += 1;
        if self.is_running() {
            self.say("server", "runs already");
            return Ok(());
        }
        let interval = self.sysconfig(b"QUEUE").unwrap_or_else(|| "15m".to_owned());
        let mut arguments = vec!["sendmail".to_owned(), format!("-q{interval}")];
        let listens = self.sysconfig(b"DAEMON");
        if !listens.is_some_and(|word| word.eq_ignore_ascii_case("no")) {
            arguments.insert(1, "-bd".to_owned());
        }
        if self.dry_run {
            self.say(
                "server",
                &format!("would be started: {}", arguments.join(" ")),
            );
            return Ok(());
        }
        let status = own_command(self.place)
            .args(&arguments)
            .stdin(Stdio::null())
            .status();
        match status {
            Ok(status) if status.success() => {
                self.say("server", &format!("started: {}", arguments.join(" ")));
                Ok(())
            }
            Ok(status) => Err((
                Sysexit::Config,
                format!("{} ended with {status}", arguments.join(" ")),
            )),
            Err(error) => Err((Sysexit::OsErr, error.to_string())),
        }
    }

    /// Stops the server.
    pub(super) fn stop(&mut self) -> Result<(), Failure> {
        self.done += 1;
        if self.dry_run {
            self.say("server", "would be stopped");
            return Ok(());
        }
        let socket = control::path(&self.config().options);
        let answer = match control::ask(&socket, "shutdown") {
            Ok(answer) => answer,
            Err(_) => return Err(failure(NoReload::NoDaemon(socket))),
        };
        if answer.starts_with(b"Permission denied") {
            return Err(failure(NoReload::Denied));
        }
        self.say("server", "stopped");
        Ok(())
    }

    fn is_running(&self) -> bool {
        control::ask(&control::path(&self.config().options), "status").is_ok()
    }

    /// A word of `/etc/sysconfig/sendmail`: `QUEUE=1h`.
    fn sysconfig(&self, name: &[u8]) -> Option<String> {
        let text = std::fs::read(self.place.path("/etc/sysconfig/sendmail")).ok()?;
        let value = text.lines().rev().find_map(|line| {
            line.trim()
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix(b"="))
        })?;
        let value = value.trim_with(|c| matches!(c, '"' | '\'' | ' '));
        (!value.is_empty()).then(|| value.to_str_lossy().into_owned())
    }
}

fn failure(no: NoReload) -> Failure {
    match no {
        NoReload::NoDaemon(socket) => (
            Sysexit::Unavailable,
            format!("no server answers at {}", socket.display()),
        ),
        NoReload::Denied => (
            Sysexit::NoPerm,
            "the server takes orders from root and its own user".to_owned(),
        ),
        NoReload::Faulty(text) => (Sysexit::Config, text),
    }
}
