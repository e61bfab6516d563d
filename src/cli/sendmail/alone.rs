//! Modes that work without a daemon: the configuration read, the services of
//! one process opened, and what the reference says when that cannot be.

use std::process::ExitCode;
use std::sync::Arc;

use bstr::{BString, ByteSlice};

use super::{Command, enter, listen, trust};
use crate::base::Sysexit;
use crate::cf::{ClassSource, OPTIONS, Opt};
use crate::cli::output::{exit, say};
use crate::daemon::{self, Loaded, Solo, SoloError, SoloSettings};
use crate::receive::Submitter;
use crate::route::Site;

/// A runtime for one command.
pub(super) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// The configuration of the command, read after every privilege is given up
/// that its flags make unsafe.
pub(super) fn load(command: &Command<'_>) -> Result<Loaded, ExitCode> {
    if !is_harmless(command) {
        give_up_group();
    }
    listen::load(command).map_err(|stopped| listen::fail_quietly(&stopped))
}

/// Whether a set-group-id program may keep its group: an ordinary user has
/// named no configuration of his own and set safe options only.
fn is_harmless(command: &Command<'_>) -> bool {
    let flags = &command.flags;
    let safe = |name: &BString| {
        OPTIONS.iter().any(|row| {
            let named = row.name.eq_ignore_ascii_case(&name.to_str_lossy());
            row.safe && (named || name.as_slice() == row.letter.as_slice())
        })
    };
    flags.config.is_none()
        && flags.traffic_log.is_none()
        && flags.macros.is_empty()
        && command.source.options.iter().all(|(name, _)| safe(name))
}

fn give_up_group() {
    let (real, effective) = (nix::unistd::getgid(), nix::unistd::getegid());
    if real != effective && nix::unistd::setresgid(real, real, real).is_err() {
        // Going on with a group that should be gone would be worse.
        std::process::exit(Sysexit::OsErr.code().into());
    }
}

/// Opens the services. Must be called within a runtime.
pub(super) fn open(
    command: &Command<'_>,
    loaded: Loaded,
    tells_failures: bool,
) -> Result<Arc<Solo>, ExitCode> {
    let settings = SoloSettings {
        place: command.place.clone(),
        log: daemon::usual_log(command.place),
        tag: command
            .flags
            .tag
            .clone()
            .unwrap_or_else(|| "sendmail".into()),
        tells_failures,
    };
    Solo::open(loaded, settings).map_err(|error| match error {
        SoloError::Configuration(faults) => {
            for fault in faults {
                say(fault.to_string());
            }
            exit(Sysexit::Config)
        }
        SoloError::Queue(directory, error) => {
            enter::cannot_enter(&directory, &error);
            exit(Sysexit::Config)
        }
    })
}

/// Who runs the program, and whether he may say who he is.
pub(super) fn submitter(command: &Command<'_>, site: &Site) -> Submitter {
    let uid = nix::unistd::getuid();
    let name = nix::unistd::User::from_uid(uid)
        .ok()
        .flatten()
        .map_or_else(|| uid.to_string(), |user| user.name);
    let name = BString::from(name);
    let options = &site.config.options;
    let trusted = site.config.classes.iter().any(|class| {
        class.name == "t"
            && matches!(&class.source, ClassSource::Words(words)
                if words.fields().any(|word| word == name.as_slice()))
    });
    Submitter {
        is_trusted: trusted
            || uid.is_root()
            || command.place.root().is_none() && trust::is_trusted(options, command.place),
        name,
    }
}

/// How errors are told: the letter of ErrorMode.
pub(super) fn error_mode(site: &Site) -> u8 {
    let mode = site.config.options.choice(Opt::ErrorMode);
    mode.bytes().next().unwrap_or(b'p')
}
