//! `sendmail -bv`: where addresses go, without sending anything.

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use bstr::{BString, ByteSlice};

use super::{Command, alone, enter, trust};
use crate::base::Sysexit;
use crate::cli::output::{exit, print, refuse, say};
use crate::daemon::Solo;
use crate::envelope::{Envelope, Expansion, Recipient, expand};
use crate::message::addresses;
use crate::receive::complaint;

/// Says it for every address.
pub(super) fn run(command: &Command<'_>) -> ExitCode {
    if command.flags.rest.is_empty() {
        return match enter::enter(command) {
            Ok(_) => refuse(Sysexit::Usage, "Recipient names must be specified"),
            Err(code) => code,
        };
    }
    let loaded = match alone::load(command) {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    if !trust::is_trusted(&loaded.config.options, command.place) {
        say("Notice: -bv may give misleading output for non-privileged user");
    }
    let Ok(runtime) = alone::runtime() else {
        return exit(Sysexit::OsErr);
    };
    let code = runtime.block_on(async {
        match alone::open(command, loaded, true) {
            Ok(solo) => exit(verify(command, &solo).await),
            Err(code) => code,
        }
    });
    runtime.shutdown_background();
    code
}

async fn verify(command: &Command<'_>, solo: &Solo) -> Sysexit {
    let mut code = Sysexit::Ok;
    let mut out = BString::default();
    let mut told = Instant::now();
    for argument in &command.flags.rest {
        for item in addresses::split(argument).iter().rev() {
            let ended = one(solo, item.text, &mut out).await;
            if ended != Sysexit::Ok {
                code = ended;
            }
            // Many answers go out together, unless somebody waits for them.
            if out.len() >= OUTPUT_BYTES || told.elapsed() >= PATIENCE {
                print(&out);
                out.clear();
                told = Instant::now();
            }
        }
    }
    print(&out);
    code
}

/// How much is written at once.
const OUTPUT_BYTES: usize = 64 << 10;

/// How long answers may wait for others.
const PATIENCE: Duration = Duration::from_millis(50);

/// One address and all it expands to.
async fn one(solo: &Solo, address: &[u8], out: &mut BString) -> Sysexit {
    let mut envelope = Envelope::new("", SystemTime::now());
    envelope.recipients.push(Recipient::mailbox(address));
    let mut macros = solo.site.layer();
    let expansion = expand(&solo.site, solo.lists(), &mut envelope, &mut macros).await;
    let Expansion { ready, refused, .. } = expansion;
    // sendmail: what a list expands to is shown last first.
    for ready in ready.iter().rev() {
        let shown = envelope.recipients[ready.recipient].shown();
        let mailer = &solo.site.mailer(ready.target.mailer).name;
        for part in [shown.as_slice(), b"... deliverable: mailer ", mailer] {
            out.extend_from_slice(part);
        }
        let host = ready.target.host.strip_prefix(b"+");
        let host = host.unwrap_or(&ready.target.host);
        for (word, value) in [(", host ", host), (", user ", &ready.target.user)] {
            if !value.is_empty() {
                out.extend_from_slice(word.as_bytes());
                out.extend_from_slice(value);
            }
        }
        out.push(b'\n');
    }
    let mut code = Sysexit::Ok;
    for refused in refused.iter().rev() {
        let shown = envelope.recipients[refused.recipient].shown();
        let complaint = complaint(shown.as_bytes(), &refused.reply);
        out.extend_from_slice(&complaint.text);
        out.push(b'\n');
        if !refused.reply.is_temporary() {
            code = complaint.exit;
        }
    }
    code
}
