//! `sendmail bob`, `sendmail -t`: one message from standard input.
//!
//! With a submission configuration (submit.cf) the message is sent to the
//! server that it names, and waits in the client's queue when that does not
//! answer. Without one it goes into the server's queue, and the daemon is told
//! of it; when there is none, a run for this one message is started.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use bstr::{BString, ByteSlice};

use super::{Command, alone, enter, hand_over};
use crate::base::{QueueId, Sysexit};
use crate::cli::output::{exit, refuse, say};
use crate::daemon::{Solo, spool::delivery_mode};
use crate::queue::{Body, Claim};
use crate::receive::{Submission, Submitted};
use crate::route::Site;
use crate::smtp::{BodyType, Notify, Ret};

/// Takes one message.
pub(super) fn run(command: &Command<'_>) -> ExitCode {
    let flags = &command.flags;
    if flags.rest.is_empty() && !flags.from_header {
        return match enter::enter(command) {
            Ok(_) => refuse(Sysexit::Usage, "Recipient names must be specified"),
            Err(code) => code,
        };
    }
    let loaded = match alone::load(command) {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    let Ok(runtime) = alone::runtime() else {
        return exit(Sysexit::OsErr);
    };
    let done = runtime.block_on(async {
        let mode = loaded.config.options.choice(crate::cf::Opt::ErrorMode);
        let tells = !matches!(mode, "mail" | "write");
        let solo = alone::open(command, loaded, tells)?;
        take(command, &solo).await
    });
    runtime.shutdown_background();
    match done {
        Ok(Done { code, queued: None }) => exit(code),
        Ok(Done {
            code,
            queued: Some((site, id)),
        }) => {
            hand_over::to_daemon(command, &site, &[id]);
            exit(code)
        }
        Err(code) => code,
    }
}

/// How it ended, and the message that is to be handed to the daemon.
struct Done {
    code: Sysexit,
    queued: Option<(Arc<Site>, QueueId)>,
}

async fn take(command: &Command<'_>, solo: &Solo) -> Result<Done, ExitCode> {
    let mode = alone::error_mode(&solo.site);
    let submission = submission(command, solo, mode);
    let taken = solo
        .service()
        .submit(submission, &mut std::io::stdin())
        .await;
    let submitted = taken.map_err(|error| {
        let text = format!("collect: I/O error on connection: {error}");
        refuse(Sysexit::IoErr, text)
    })?;
    let Submitted {
        claim,
        complaints,
        letter,
    } = submitted;
    let mut code = Sysexit::Ok;
    for complaint in &complaints {
        if mode == b'p' {
            say(&complaint.text);
        }
        if complaint.exit != Sysexit::Ok {
            code = complaint.exit;
        }
    }
    let Some(claim) = claim else {
        if let Some(letter) = letter
            && mode == b'p'
            && code != Sysexit::Ok
        {
            save_letter(&letter);
        }
        return Ok(Done { code, queued: None });
    };
    let mut done = deliver(command, solo, claim, mode).await;
    if code != Sysexit::Ok {
        done.code = code;
    }
    Ok(done)
}

/// What the flags say of the message.
fn submission(command: &Command<'_>, solo: &Solo, mode: u8) -> Submission {
    let flags = &command.flags;
    let protocol = flags.protocol.as_ref().map(|text| {
        let (protocol, host) = text.split_once_str(":").unwrap_or((text, b""));
        (protocol.into(), host.into())
    });
    Submission {
        user: alone::submitter(command, &solo.site),
        sender: flags.from.clone(),
        full_name: flags.full_name.clone(),
        recipients: flags.rest.clone(),
        from_header: flags.from_header,
        ignore_dots: solo.site.config.options.flag(crate::cf::Opt::IgnoreDots),
        notify: flags.notify.as_ref().map_or(Notify::default(), notify),
        ret: flags.ret.as_ref().map(|ret| {
            if ret.eq_ignore_ascii_case(b"full") {
                Ret::Full
            } else {
                Ret::Headers
            }
        }),
        envid: flags.envid.clone(),
        body: flags.body.as_ref().map(|body| {
            if body.eq_ignore_ascii_case(b"7bit") {
                BodyType::SevenBit
            } else {
                BodyType::EightBitMime
            }
        }),
        smtputf8: flags.utf8,
        protocol,
        quarantine: flags.quarantine.clone(),
        macros: flags.macros.clone(),
        warnings: Vec::new(),
        verify: matches!(mode, b'p' | b'q'),
    }
}

/// The words of `-N`, which were checked when they were read.
fn notify(words: &BString) -> Notify {
    let has = |word: &[u8]| {
        words
            .split_str(",")
            .any(|part| part.eq_ignore_ascii_case(word))
    };
    if has(b"never") {
        return Notify::NEVER;
    }
    Notify {
        given: true,
        success: has(b"success"),
        failure: has(b"failure"),
        delay: has(b"delay"),
    }
}

/// Sends the message on its way, as DeliveryMode says.
async fn deliver(command: &Command<'_>, solo: &Solo, claim: Claim, errors: u8) -> Done {
    let mut done = Done {
        code: Sysexit::Ok,
        queued: None,
    };
    let waits = matches!(delivery_mode(&solo.site.config.options), b'q' | b'd');
    if !hand_over::is_submission(command) {
        // Dropping the claim leaves the message to the queue.
        done.queued = Some((Arc::clone(&solo.site), claim.message.id));
        if waits {
            solo.leave(claim).await;
        }
        return done;
    }
    if waits {
        solo.leave(claim).await;
        return done;
    }
    let letter = letter(&claim);
    solo.deliver(claim).await;
    if !solo.failed().is_empty() {
        done.code = Sysexit::NoUser;
        if errors == b'p' {
            save_letter(&letter);
        }
    }
    done
}

/// The message as text.
fn letter(claim: &Claim) -> Vec<u8> {
    let mut text = Vec::new();
    for field in claim.message.header.fields() {
        text.extend_from_slice(&field.name);
        text.push(b':');
        text.extend_from_slice(&field.value);
        text.push(b'\n');
    }
    text.push(b'\n');
    match &claim.message.body {
        Body::Memory(bytes) => text.extend_from_slice(bytes),
        Body::File(file, len) => {
            use std::os::unix::fs::FileExt;
            let len = usize::try_from(*len).unwrap_or(0).min(LETTER_BYTES_MAX);
            let mut body = vec![0; len];
            if file.read_exact_at(&mut body, 0).is_ok() {
                text.extend_from_slice(&body);
            }
        }
    }
    text
}

/// The largest body that is kept for `dead.letter`.
const LETTER_BYTES_MAX: usize = 16 << 20;

/// Appends a message that went nowhere to `dead.letter` of whoever sent it.
fn save_letter(letter: &[u8]) {
    let Some(home) = home() else { return };
    let path = home.join("dead.letter");
    match append(&path, letter) {
        Ok(()) => {
            let path = path.display();
            say(format!("{path}... Saved message in {path}"));
        }
        Err(error) => say(format!("{}: {error}", path.display())),
    }
}

fn append(path: &Path, letter: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(path)?;
    let when = crate::message::date::ctime(std::time::SystemTime::now(), &crate::os::usual_zone());
    let mut text = format!("From MAILER-DAEMON {when}\n").into_bytes();
    for line in letter.lines_with_terminator() {
        if line.starts_with(b"From ") {
            text.push(b'>');
        }
        text.extend_from_slice(line);
    }
    if text.last() != Some(&b'\n') {
        text.push(b'\n');
    }
    text.push(b'\n');
    file.write_all(&text)
}

fn home() -> Option<PathBuf> {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid());
    user.ok().flatten().map(|user| user.dir)
}
