//! `sendmail -q`: a run of the queue, now.
//!
//! A running daemon does it, because it has the queue in hand; without one,
//! the same processes are started for this one run.

use std::process::ExitCode;

use bstr::{BString, ByteSlice};

use super::{Command, listen, trust};
use crate::base::Sysexit;
use crate::cli::output::{exit, fail};
use crate::daemon::{self, control};

/// Runs the queue.
pub(super) fn run(command: &Command<'_>) -> ExitCode {
    let loaded = match listen::load(command) {
        Ok(loaded) => loaded,
        Err(stopped) => return listen::fail_quietly(&stopped),
    };
    let options = &loaded.config.options;
    let may = trust::is_trusted(options, command.place);
    if !may && trust::is_private(options, "restrictqrun") {
        let text = "You do not have permission to process the queue";
        return fail(Sysexit::NoPerm, text);
    }
    let words = words(command);
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
        let text = "You do not have permission to process the queue";
        return fail(Sysexit::NoPerm, text);
    }
    let mut settings = listen::settings(command, true);
    settings.once = Some(words);
    match daemon::supervise(settings, &loaded, || {}) {
        Ok(()) => exit(Sysexit::Ok),
        Err(stopped) => listen::fail_quietly(&stopped),
    }
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
    if command.flags.queue.quarantined && !words.iter().any(|word| word.contains(&b'Q')) {
        words.push("Q".into());
    }
    words
}
