//! `sendmail -bv`: where addresses go, without sending anything.

use std::process::ExitCode;
use std::time::SystemTime;

use bstr::{BString, ByteSlice};

use super::{Command, alone, enter, trust};
use crate::base::{Enhanced, Reply, Sysexit};
use crate::cf::Opt;
use crate::cli::output::{exit, print, refuse, say};
use crate::daemon::Solo;
use crate::envelope::list::{self, unquote};
use crate::envelope::{Envelope, Kind, Manner, Ready, Recipient, Told, expand_in};
use crate::message::addresses;
use crate::route::Target;

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
            Ok(solo) => {
                let code = exit(verify(command, &solo).await);
                // The process ends: nothing needs to be taken apart first.
                std::mem::forget(solo);
                code
            }
            Err(code) => code,
        }
    });
    runtime.shutdown_background();
    code
}

/// Every address of the command line, and all they expand to.
async fn verify(command: &Command<'_>, solo: &Solo) -> Sysexit {
    let mut envelope = Envelope::new("", SystemTime::now());
    let mut shown = Shown::default();
    let old_style = solo.site.config.options.flag(Opt::OldStyleHeaders);
    for argument in &command.flags.rest {
        for text in apart(argument, old_style).into_iter().rev() {
            if let Some(what) = special(text) {
                let told = [text, b"... Cannot mail directly to ", what.as_bytes()];
                shown.fault(&bstr::concat(told));
            } else if text.iter().any(|byte| (0x80..0xa0).contains(byte)) {
                let told: Vec<u8> = text.iter().map(|&byte| visible(byte)).collect();
                let told = [
                    b"8-bit character in mailbox address \"",
                    told.as_slice(),
                    b"\"",
                ];
                shown.fault(&bstr::concat(told));
            } else {
                envelope.recipients.push(Recipient::mailbox(text));
            }
        }
    }
    let manner = Manner::Shown {
        aliases: !command.flags.no_aliases,
    };
    let mut macros = solo.site.layer();
    let expansion = expand_in(&solo.site, solo.lists(), &mut envelope, &mut macros, manner).await;
    for told in &expansion.told {
        match told {
            Told::Note(note) if command.flags.verbose => shown.line(&[note]),
            Told::Note(_) => {}
            Told::Fault(text) => shown.fault(text),
            Told::Refused(text, reply) => shown.refused(text, reply),
        }
    }
    for ready in in_order(expansion.ready) {
        let recipient = &envelope.recipients[ready.recipient];
        shown.deliverable(
            &solo.site.mailer(ready.target.mailer).name,
            recipient,
            &ready.target,
        );
    }
    print(&shown.out);
    shown.code()
}

/// The addresses of an argument. Old-style, blanks divide them where nothing
/// says otherwise.
fn apart(argument: &[u8], old_style: bool) -> Vec<&[u8]> {
    if special(argument).is_some() {
        return vec![argument];
    }
    if old_style && argument.find_byteset(b",;<(\"").is_none() {
        return argument.fields().collect();
    }
    let items = addresses::split(argument);
    let is_comment =
        |text: &[u8]| text.starts_with(b"(") && text.find_byte(b')') == Some(text.len() - 1);
    items
        .iter()
        .map(|item| item.text)
        .filter(|text| !is_comment(text))
        .collect()
}

/// A byte as it is shown in an address that cannot be.
fn visible(byte: u8) -> u8 {
    match byte {
        0x80..0xa0 => b'?',
        byte => byte & 0x7f,
    }
}

/// What an address that is no mailbox stands for: such a thing can only come
/// from aliases and lists.
fn special(address: &[u8]) -> Option<&'static str> {
    match list::kind_of(address) {
        Kind::Mailbox => None,
        Kind::Program => Some("programs"),
        Kind::File => Some("files"),
        Kind::Include => Some(":include:s"),
    }
}

/// sendmail: recipients stand in the order of their hosts, compared from the
/// end; those of one host as they came.
fn in_order(mut ready: Vec<Ready>) -> Vec<Ready> {
    ready.sort_by_cached_key(|ready| {
        let mut host = host(&ready.target).to_ascii_lowercase();
        host.reverse();
        host
    });
    ready
}

/// The host of a target; the detail of a local user without its plus.
fn host(target: &Target) -> &[u8] {
    target.host.strip_prefix(b"+").unwrap_or(&target.host)
}

/// What is shown, and how it went.
#[derive(Default)]
struct Shown {
    out: BString,
    /// What the first refusal stands for.
    refused: Option<Sysexit>,
    /// Something was wrong with an address or a list.
    faulty: bool,
}

impl Shown {
    fn line(&mut self, parts: &[&[u8]]) {
        parts
            .iter()
            .for_each(|part| self.out.extend_from_slice(part));
        self.out.push(b'\n');
    }

    fn fault(&mut self, text: &[u8]) {
        self.line(&[text]);
        self.faulty = true;
    }

    fn refused(&mut self, text: &[u8], reply: &Reply) {
        self.line(&[text]);
        let status = reply
            .enhanced()
            .map_or(Sysexit::Unavailable, Enhanced::sysexit);
        match status {
            // sendmail: a list that cannot be read is a fault like any other.
            Sysexit::Unavailable => self.faulty = true,
            Sysexit::TempFail => {}
            status => {
                self.refused.get_or_insert(status);
            }
        }
    }

    fn deliverable(&mut self, mailer: &[u8], recipient: &Recipient, target: &Target) {
        let shown = recipient.shown();
        self.out.extend_from_slice(&shown);
        self.out.extend_from_slice(b"... deliverable: mailer ");
        self.out.extend_from_slice(mailer);
        let user: &[u8] = &target.user;
        let bare = match recipient.kind {
            // Quotes stay where they are needed.
            Kind::Program if user.find_byteset(b" \t\\").is_none() => unquote(user),
            _ => user.into(),
        };
        for (word, value) in [(", host ", host(target)), (", user ", &bare)] {
            if !value.is_empty() {
                self.out.extend_from_slice(word.as_bytes());
                self.out.extend_from_slice(value);
            }
        }
        self.out.push(b'\n');
    }

    fn code(&self) -> Sysexit {
        match self.refused {
            Some(status) => status,
            None if self.faulty => Sysexit::Usage,
            None => Sysexit::Ok,
        }
    }
}
