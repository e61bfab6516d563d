//! `sendmail -q`: a run of the queue, now.
//!
//! A running daemon does it, because it has the queue in hand; without one,
//! the same processes are started for this one run.

use std::process::ExitCode;

use bstr::{BString, ByteSlice};

use super::{Command, alone, enter, hand_over, listen, trust};
use crate::base::Sysexit;
use crate::cf::{Opt, Options};
use crate::cli::output::{exit, refuse};
use crate::daemon::{self, Loaded, control, spool};

/// Runs the queue.
pub(super) fn run(command: &Command<'_>) -> ExitCode {
    let loaded = match alone::load(command) {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    let options = &loaded.config.options;
    let may = trust::is_trusted(options, command.place);
    if !may && trust::is_private(options, "restrictqrun") && !owns_queue(options) {
        return not_permitted(options);
    }
    let words = words(command);
    if hand_over::is_submission(command) {
        return run_here(command, loaded, &words);
    }
    let mut request = BString::from("run");
    for word in &words {
        request.push(b' ');
        request.extend_from_slice(word);
    }
    // Blanks and line ends divide words on the socket.
    let fits = words
        .iter()
        .all(|word| word.find_byteset(b" \t\r\n").is_none());
    if fits && control::ask(&control::path(options), &request.to_str_lossy()).is_ok() {
        return exit(Sysexit::Ok);
    }
    if !may {
        // sendmail: a run by one who may not read the queue files finds
        // nothing to do.
        let directory = spool::queue_directory(options.text(Opt::QueueDirectory));
        return match std::fs::metadata(directory.join(".")) {
            Ok(_) => exit(Sysexit::Ok),
            Err(error) => {
                enter::cannot_enter(&directory, &error);
                exit(Sysexit::Config)
            }
        };
    }
    let mut settings = listen::settings(command, true);
    settings.once = Some(words);
    match daemon::supervise(settings, &loaded, || {}) {
        Ok(()) => exit(Sysexit::Ok),
        Err(stopped) => listen::fail_quietly(&stopped),
    }
}

/// sendmail: the directory that cannot be entered is named as well.
fn not_permitted(options: &Options) -> ExitCode {
    let directory = spool::queue_directory(options.text(Opt::QueueDirectory));
    if let Err(error) = std::fs::metadata(directory.join(".")) {
        enter::cannot_enter(&directory, &error);
    }
    let text = "You do not have permission to process the queue";
    refuse(Sysexit::NoPerm, text)
}

/// sendmail: whose queue it is may run it whatever is restricted.
fn owns_queue(options: &Options) -> bool {
    use std::os::unix::fs::MetadataExt;
    let directory = spool::queue_directory(options.text(Opt::QueueDirectory));
    let uid = nix::unistd::getuid().as_raw();
    std::fs::metadata(directory).is_ok_and(|metadata| metadata.uid() == uid)
}

/// Runs the client's queue, which no daemon has in hand.
fn run_here(command: &Command<'_>, loaded: Loaded, words: &[BString]) -> ExitCode {
    let Ok(runtime) = alone::runtime() else {
        return exit(Sysexit::OsErr);
    };
    let mut selector = daemon::selector(words).unwrap_or_default();
    selector.even_if_not_due = true;
    let code = runtime.block_on(async {
        match alone::open(command, loaded, false) {
            Ok(solo) => {
                solo.run_queue(&selector).await;
                exit(Sysexit::Ok)
            }
            Err(code) => code,
        }
    });
    runtime.shutdown_background();
    code
}

/// The selections, as the control socket takes them.
fn words(command: &Command<'_>) -> Vec<BString> {
    let selections = command.flags.queue.selections.iter();
    let mut words: Vec<BString> = selections
        .map(|(letter, text, there)| {
            let mut word = BString::from(if *there { "" } else { "!" });
            word.push(*letter);
            word.extend_from_slice(text);
            word
        })
        .collect();
    if let Some(group) = &command.flags.queue.group {
        words.push(bstr::concat([b"G".as_slice(), group]).into());
    }
    if let Some(reason) = &command.flags.quarantine {
        let reason = Some(reason.as_slice()).filter(|reason| !reason.is_empty());
        words.push(daemon::holding_word(reason));
    }
    if command.flags.queue.quarantined && !words.iter().any(|word| word.contains(&b'Q')) {
        words.push("Q".into());
    }
    words
}
