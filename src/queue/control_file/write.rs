//! Writing control files.

use std::time::{SystemTime, UNIX_EPOCH};

use bstr::{BString, ByteSlice};

use super::{MACRO, QUOTE, REPORT_SENDER, VERSION, body_word};
use crate::envelope::{Envelope, Kind, Notify, Recipient, RecipientState, Ret};
use crate::message::{Field, Header};
use crate::world::FileFacts;

/// Writes the text of a control file. Recipients that are done are left out.
///
/// `host_name` (`$j`) completes the final recipient of an address that has no
/// domain; `data` are the facts of the data file, when it has been looked at.
pub fn write(
    envelope: &Envelope,
    header: &Header,
    host_name: &[u8],
    data: Option<&FileFacts>,
) -> Vec<u8> {
    let mut out = Writer {
        text: Vec::with_capacity(1024),
    };
    out.number(b'V', VERSION);
    out.number(b'T', seconds(envelope.created));
    out.number(b'K', envelope.last_attempt.map_or(0, seconds));
    out.number(b'N', envelope.attempts);
    out.number(b'P', envelope.priority);
    if let Some(facts) = data {
        let (major, minor) = facts.device;
        out.line(b'I', format!("{major}/{minor}/{}", facts.inode).as_bytes());
    }
    if let Some(body_type) = envelope.body_type {
        out.line(b'B', body_word(body_type));
    }
    out.optional(b'M', envelope.status.as_ref());
    out.flags(envelope);
    for (name, value) in &envelope.macros {
        let mut text = name.to_vec();
        text.extend_from_slice(value);
        out.line(b'$', &text);
    }
    out.optional(b'q', envelope.quarantine.as_ref());
    if envelope.is_report && envelope.sender.is_empty() {
        out.line(b'S', REPORT_SENDER);
    } else {
        out.line(b'S', &envelope.shown_sender());
    }
    out.optional(b'Z', envelope.envid.as_ref());
    out.optional(b'A', envelope.auth.as_ref());
    if let Some((time, returns)) = envelope.deliver_by {
        // sendmail: the mode is a byte of bits, 1 to notify and 2 to return.
        let mode = if returns { 2u8 } else { 1 };
        let mut text = vec![mode, b' '];
        text.extend_from_slice(time.as_secs().to_string().as_bytes());
        out.line(b'!', &text);
    }
    out.recipients(envelope, host_name);
    header.fields().iter().for_each(|field| out.field(field));
    out.text.extend_from_slice(b".\n");
    out.text
}

/// Text under way.
struct Writer {
    text: Vec<u8>,
}

impl Writer {
    /// One line; line ends in the value become spaces, so that it stays one.
    fn line(&mut self, letter: u8, value: &[u8]) {
        self.text.push(letter);
        self.text.extend(value.iter().map(|byte| match byte {
            b'\n' | b'\r' | 0 => b' ',
            byte => *byte,
        }));
        self.text.push(b'\n');
    }

    fn optional(&mut self, letter: u8, value: Option<&BString>) {
        if let Some(value) = value {
            self.line(letter, value);
        }
    }

    fn number(&mut self, letter: u8, value: impl ToString) {
        self.line(letter, value.to_string().as_bytes());
    }

    fn flags(&mut self, envelope: &Envelope) {
        let flags = [
            (b'w', envelope.warned),
            (b'r', envelope.is_report),
            (b'8', envelope.has_8bit),
            (b'b', envelope.delete_bcc),
            (b'd', envelope.ret.is_some()),
            (
                b'n',
                envelope.no_body_return || envelope.ret == Some(Ret::Headers),
            ),
            // Envelopes are split before they are queued.
            (b's', true),
            (b'e', envelope.smtputf8),
        ];
        let text: Vec<u8> = flags
            .iter()
            .filter(|(_, on)| *on)
            .map(|(letter, _)| *letter)
            .collect();
        self.line(b'F', &text);
    }

    /// Every pending recipient: `C` when it changes, then `M`, `Q`, `r`, `R`.
    fn recipients(&mut self, envelope: &Envelope, host_name: &[u8]) {
        let mut current: BString = BString::default();
        for recipient in &envelope.recipients {
            let RecipientState::Queued { reason } = &recipient.state else {
                continue;
            };
            let controller = controller(recipient);
            if controller != current {
                self.line(b'C', &controller);
                current = controller;
            }
            if *reason != envelope.status {
                self.optional(b'M', reason.as_ref());
            }
            self.optional(b'Q', recipient.orcpt.as_ref());
            self.line(b'r', &final_recipient(recipient, host_name));
            let mut text = recipient_flags(recipient);
            text.push(b':');
            text.extend_from_slice(&shown(recipient));
            self.line(b'R', &text);
        }
    }

    /// `H?flags?Name: value`; further lines of the value start with white
    /// space, whatever they held.
    fn field(&mut self, field: &Field) {
        self.text.extend_from_slice(b"H?");
        self.text.extend_from_slice(&field.flags);
        self.text.push(b'?');
        self.text.extend_from_slice(&field.name);
        self.text.push(b':');
        let mut bytes = field.value.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'$' if field.is_template && bytes.peek().is_some_and(|b| names_macro(*b)) => {
                    self.text.push(MACRO);
                }
                b'\n' if bytes.peek().is_some_and(|b| *b == b' ' || *b == b'\t') => {
                    self.text.push(b'\n');
                }
                b'\n' if bytes.peek().is_some() => self.text.extend_from_slice(b"\n\t"),
                b'\n' | b'\r' | 0 => {}
                0x80..=0x9f | QUOTE => self.text.extend_from_slice(&[QUOTE, byte]),
                byte => self.text.push(byte),
            }
        }
        self.text.push(b'\n');
    }
}

/// Whether `$` before this byte refers to a macro.
fn names_macro(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'{' || byte == b'_'
}

/// What the `C` line before this recipient says; empty resets it.
fn controller(recipient: &Recipient) -> BString {
    let mut text = Vec::new();
    match (&recipient.controlling_user, &recipient.expanded_from) {
        (Some(user), _) => {
            text.extend_from_slice(&user.name);
            text.extend_from_slice(format!(":{}:{}:", user.uid, user.gid).as_bytes());
            text.extend_from_slice(&user.alias);
        }
        (None, Some(alias)) => {
            text.push(b':');
            text.extend_from_slice(alias);
        }
        (None, None) => {}
    }
    text.into()
}

/// `type; address`: as kept, or made from the address.
fn final_recipient(recipient: &Recipient, host_name: &[u8]) -> Vec<u8> {
    let given = recipient.final_recipient.as_ref();
    let address = given.unwrap_or(&recipient.address);
    if given.is_some() && typed(address) {
        return address.to_vec();
    }
    let mut text = b"RFC822; ".to_vec();
    text.extend_from_slice(address);
    if !address.contains(&b'@') {
        text.push(b'@');
        text.extend_from_slice(host_name);
    }
    text
}

/// Whether a text already starts with an address type, as `RFC822; `.
fn typed(text: &[u8]) -> bool {
    text.find(b"; ").is_some_and(|end| {
        end > 0
            && text[..end]
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || *b == b'-')
    })
}

fn recipient_flags(recipient: &Recipient) -> Vec<u8> {
    let notify = recipient.notify;
    // sendmail: what nobody asked about is reported on failure and on delay.
    let default = notify == Notify::default();
    [
        (b'P', recipient.primary),
        (b'N', notify.given),
        (b'S', notify.success),
        (b'F', notify.failure || default),
        (b'D', notify.delay || default),
        (b'B', recipient.blind),
        (b'A', recipient.aliased),
    ]
    .iter()
    .filter(|(_, on)| *on)
    .map(|(letter, _)| *letter)
    .collect()
}

/// The recipient as files, logs and reports show it: programs and files with
/// quotes, when they hold what an address cannot.
pub fn shown(recipient: &Recipient) -> BString {
    let address = &recipient.address;
    let plain = !address
        .iter()
        .any(|b| b.is_ascii_whitespace() || b"\"\\(),;<>".contains(b));
    match recipient.kind {
        Kind::Mailbox => recipient.shown(),
        Kind::File | Kind::Include if plain => address.clone(),
        _ if address.starts_with(b"\"") => address.clone(),
        _ => {
            let mut text = vec![b'"'];
            for byte in address.iter() {
                if matches!(byte, b'"' | b'\\') {
                    text.push(b'\\');
                }
                text.push(*byte);
            }
            text.push(b'"');
            text.into()
        }
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
