//! Messages changed: under their lock, whole or not at all, and the running
//! server told.

use std::io;
use std::process::ExitCode;

use serde_json::json;

use super::select::Waiting;
use crate::base::Sysexit;
use crate::cli::desk::{Failure, print_json};
use crate::cli::output::{exit, print};
use crate::daemon::{Loaded, control, returning_word};
use crate::queue::control_file;
use crate::queue::directory::{FileKind, LoadError, Loaded as Held};

/// How it is done.
#[derive(clap::Args, Clone, Copy)]
pub(super) struct How {
    /// Say what would be done, and do nothing.
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// What is done with each message.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    /// Into quarantine, for this reason.
    Hold(String),
    /// Out of it.
    Release,
    /// Away.
    Remove,
    /// As if it had just come.
    Requeue,
}

impl Deed {
    fn word(&self) -> &'static str {
        match self {
            Deed::Hold(_) => "held",
            Deed::Release => "released",
            Deed::Remove => "removed",
            Deed::Requeue => "requeued",
        }
    }

    /// Whether there is anything to do with such a message.
    fn fits(&self, kind: FileKind) -> bool {
        match self {
            Deed::Hold(_) | Deed::Requeue => kind == FileKind::Control,
            Deed::Release => kind == FileKind::Quarantined,
            Deed::Remove => true,
        }
    }
}

/// Asks the server to try them now.
pub(super) fn retry(loaded: &Loaded, found: &[Waiting], json: bool) -> Result<ExitCode, Failure> {
    let socket = control::path(&loaded.config.options);
    for waiting in found {
        let answer = control::ask(&socket, &format!("run I{}", waiting.id));
        if answer.is_err() {
            let text = format!(
                "no server answers at {}; `sendmail -q` runs without one",
                socket.display()
            );
            return Err((Sysexit::Unavailable, text));
        }
        say(waiting, "is tried", json);
    }
    Ok(exit(Sysexit::Ok))
}

/// Asks the server to give them back to their senders, who are told why.
pub(super) fn bounce(
    loaded: &Loaded,
    found: &[Waiting],
    how: How,
    json: bool,
    why: &str,
) -> Result<ExitCode, Failure> {
    let socket = control::path(&loaded.config.options);
    for waiting in found {
        if how.dry_run {
            say(waiting, "would be returned to its sender", json);
            continue;
        }
        let held = match waiting.kind {
            FileKind::Quarantined => " Q",
            _ => "",
        };
        let word = returning_word(why.as_bytes());
        let request = format!("run I{}{held} {word}", waiting.id);
        match control::ask(&socket, &request) {
            Ok(answer) if answer.starts_with(b"queue run") => {
                say(waiting, "is returned to its sender", json);
            }
            Ok(answer) => {
                let answer = String::from_utf8_lossy(&answer).trim_end().to_owned();
                return Err((Sysexit::NoPerm, answer));
            }
            Err(_) => {
                let socket = socket.display();
                let text = format!("no server answers at {socket}: it writes the reports");
                return Err((Sysexit::Unavailable, text));
            }
        }
    }
    Ok(exit(Sysexit::Ok))
}

/// Does it with each; what the server is working on is left to it.
pub(super) fn each(
    loaded: &Loaded,
    found: &[Waiting],
    how: How,
    json: bool,
    deed: Deed,
) -> Result<ExitCode, Failure> {
    let socket = control::path(&loaded.config.options);
    let mut code = Sysexit::Ok;
    for waiting in found.iter().filter(|waiting| deed.fits(waiting.kind)) {
        if how.dry_run {
            say(waiting, &format!("would be {}", deed.word()), json);
            continue;
        }
        match one(loaded, waiting, &deed) {
            Ok(()) => say(waiting, deed.word(), json),
            Err(LoadError::Gone) => say(waiting, "is gone already", json),
            Err(LoadError::Locked) => {
                say(waiting, "is being worked on; left alone", json);
                code = Sysexit::TempFail;
            }
            Err(LoadError::Io(error)) if error.kind() == io::ErrorKind::PermissionDenied => {
                return Err((Sysexit::NoPerm, format!("{}: {error}", waiting.id)));
            }
            Err(error) => return Err((Sysexit::IoErr, format!("{}: {error}", waiting.id))),
        }
        if matches!(deed, Deed::Release | Deed::Requeue) {
            // A server that does not run finds it when it starts.
            let _ = control::ask(&socket, &format!("run I{}", waiting.id));
        }
    }
    Ok(exit(code))
}

fn say(waiting: &Waiting, what: &str, json: bool) {
    if json {
        print_json(&json!({ "id": waiting.id.to_string(), "action": what }));
    } else {
        print(format!("{}: {what}\n", waiting.id));
    }
}

fn one(loaded: &Loaded, waiting: &Waiting, deed: &Deed) -> Result<(), LoadError> {
    let (directory, id) = (&waiting.directory, waiting.id);
    let mut held = directory.load(waiting.kind, id)?;
    match deed {
        Deed::Remove => {
            // The commit point: without its control file there is no message.
            directory.remove(waiting.kind, id)?;
            directory.sync_names()?;
            directory.remove(FileKind::Data, id)?;
            return Ok(());
        }
        Deed::Hold(why) => held.file.envelope.quarantine = Some(why.as_str().into()),
        Deed::Release => held.file.envelope.quarantine = None,
        Deed::Requeue => {
            held.file.envelope.attempts = 0;
            held.file.envelope.last_attempt = None;
            held.file.envelope.warned = false;
        }
    }
    rewrite(loaded, waiting, &held)?;
    match deed {
        Deed::Hold(_) => directory.turn(FileKind::Control, FileKind::Quarantined, id)?,
        Deed::Release => directory.turn(FileKind::Quarantined, FileKind::Control, id)?,
        Deed::Remove | Deed::Requeue => {}
    }
    directory.sync_names()?;
    Ok(())
}

/// Replaces the control file, which stays locked: its owner stays who he was.
fn rewrite(loaded: &Loaded, waiting: &Waiting, held: &Held) -> Result<(), LoadError> {
    let (directory, id) = (&waiting.directory, waiting.id);
    let host = crate::daemon::site::identity(&loaded.config.options).full;
    let file = &held.file;
    let text = control_file::write(
        &file.envelope,
        &file.header,
        host.as_bytes(),
        held.data_facts.as_ref(),
    );
    let old = std::fs::metadata(directory.file(waiting.kind, id))?;
    let written = directory.write_temporary(id, &text)?;
    written.sync()?;
    let temporary = directory.file(FileKind::Temporary, id);
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        // Root works on the server's files, which stay the server's.
        std::os::unix::fs::chown(&temporary, Some(old.uid()), Some(old.gid()))?;
        let mode = std::fs::Permissions::from_mode(old.mode() & 0o7777);
        std::fs::set_permissions(&temporary, mode)?;
    }
    directory.adopt(waiting.kind, id)?;
    Ok(())
}
