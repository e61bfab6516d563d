//! A message that was put into the server's queue by hand is given to the
//! daemon, or, when there is none, to a run for it alone.

use std::fs::File;

use crate::base::QueueId;
use crate::cf::Opt;
use crate::daemon::{self, control, spool};
use crate::os::{SystemUsers, hand_over_file, is_root};
use crate::route::Site;

use super::flags::{Mode, Role};
use super::{Command, listen};

/// Whether the command goes by the submission configuration.
pub(super) fn is_submission(command: &Command<'_>) -> bool {
    match command.flags.role {
        Role::Submission => true,
        Role::Transfer => false,
        Role::ByMode => command.source.file == command.place.submit_cf(),
    }
}

/// Whether a mode submits mail, and so goes by submit.cf where there is one.
pub(super) fn submits(mode: Mode) -> bool {
    matches!(mode, Mode::Deliver | Mode::Smtp | Mode::Arpanet)
}

/// Lets the daemon know of queued messages; without one, and if they are to
/// be delivered now, runs the queue for them. Whatever goes wrong here, the
/// messages are in the queue.
pub(super) fn to_daemon(command: &Command<'_>, site: &Site, ids: &[QueueId]) {
    let delivers = !matches!(spool::delivery_mode(&site.config.options), b'q' | b'd');
    let socket = control::path(&site.config.options);
    for id in ids {
        if is_root() {
            give_files(site, *id);
        }
        if !delivers {
            continue;
        }
        let word = format!("I{id}");
        if control::ask(&socket, &format!("run {word}")).is_ok() {
            continue;
        }
        let mut settings = listen::settings(command, true);
        settings.once = Some(vec![word.into()]);
        if let Ok(loaded) = daemon::load(&command.source)
            && let Err(stopped) = daemon::supervise(settings, &loaded, || {})
        {
            let _ = listen::fail_quietly(&stopped);
        }
    }
}

/// Root's files in the queue become the engine's.
fn give_files(site: &Site, id: QueueId) {
    let Ok(identity) = daemon::run_as(&site.config.options, &SystemUsers::new()) else {
        return;
    };
    let directory = site.option_text(Opt::QueueDirectory);
    let directory = spool::queue_directory(&directory);
    for kind in ["qf", "df"] {
        // A message without a body has no data file.
        if let Ok(file) = File::open(directory.join(format!("{kind}{id}"))) {
            let _ = hand_over_file(&file, &identity);
        }
    }
}
