//! Reading control files.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bstr::{BString, ByteSlice, ByteVec};

use super::{ControlFile, ControlFileError, MACRO, QUOTE, REPORT_SENDER, VERSION, body_word};
use crate::envelope::{
    BodyType, ControllingUser, Envelope, Kind, Notify, Recipient, RecipientState, Ret, list,
};
use crate::message::{Field, Header};

/// Reads the text of a control file.
///
/// # Errors
/// A [`ControlFileError`], as the reference tells them apart.
pub fn read(text: &[u8]) -> Result<ControlFile, ControlFileError> {
    let mut reader = Reader {
        envelope: Envelope::new("", UNIX_EPOCH),
        header: Header::new(),
        data_directory: None,
        sender_seen: false,
        controller: None,
        next: Next::default(),
    };
    let mut rest = text;
    let mut number = 0;
    while !rest.is_empty() {
        let (line, lines, after) = folded_line(rest);
        // The reference names the line after the one it has read.
        let at = number + 1;
        number += lines;
        if line == b"." {
            return match after.trim().is_empty() {
                true => Ok(reader.finish()),
                false => Err(ControlFileError::ExtraData(
                    folded_line(after).0.to_vec().into(),
                )),
            };
        }
        reader.line(line, at)?;
        rest = after;
    }
    Err(ControlFileError::Incomplete)
}

/// The first line of a text with its continuation lines, how many lines that
/// were, and what follows.
fn folded_line(text: &[u8]) -> (&[u8], usize, &[u8]) {
    let mut end = 0;
    let mut lines = 0;
    loop {
        let Some(at) = text[end..].find_byte(b'\n') else {
            return (text, lines + 1, &[]);
        };
        let newline = end + at;
        end = newline + 1;
        lines += 1;
        if !matches!(text.get(end), Some(b' ' | b'\t')) {
            return (&text[..newline], lines, &text[end..]);
        }
    }
}

/// What the lines before an `R` line say of it.
#[derive(Default)]
struct Next {
    reason: Option<BString>,
    orcpt: Option<BString>,
    final_recipient: Option<BString>,
}

struct Reader {
    envelope: Envelope,
    header: Header,
    data_directory: Option<BString>,
    sender_seen: bool,
    /// The `C` line in force: user, if any, and alias.
    controller: Option<(Option<ControllingUser>, BString)>,
    next: Next,
}

impl Reader {
    fn line(&mut self, line: &[u8], number: usize) -> Result<(), ControlFileError> {
        let Some((letter, value)) = line.split_first() else {
            return Err(ControlFileError::BadLine(number, BString::default()));
        };
        let text = || BString::from(value);
        let envelope = &mut self.envelope;
        match letter {
            b'V' => {
                let version = u32::try_from(integer(value)).unwrap_or(u32::MAX);
                if version > VERSION {
                    return Err(ControlFileError::Version(version));
                }
            }
            b'T' => envelope.created = time(integer(value)),
            b'K' => {
                envelope.last_attempt = Some(integer(value)).filter(|t| *t > 0).map(time);
            }
            b'N' => envelope.attempts = u32::try_from(integer(value)).unwrap_or_default(),
            b'P' => envelope.priority = integer(value),
            b'B' => envelope.body_type = body_type(value),
            b'M' if self.sender_seen => self.next.reason = Some(text()),
            b'M' => envelope.status = Some(text()),
            b'F' => self.flags(value),
            b'q' => envelope.quarantine = Some(text()),
            b'S' => self.sender(value),
            b'A' => envelope.auth = Some(text()),
            b'Z' => envelope.envid = Some(text()),
            b'!' => envelope.deliver_by = deliver_by(value),
            b'$' => self.macro_value(value),
            b'd' => self.data_directory = Some(text()),
            b'C' => self.controller = read_controller(value),
            b'Q' => self.next.orcpt = Some(text()),
            b'r' => self.next.final_recipient = Some(text()),
            b'R' => self.recipient(value),
            b'H' => self.field(value),
            // Data file name, error recipient, content length, file number:
            // what older versions or other systems needed.
            b'D' | b'E' | b'L' | b'I' => {}
            _ => return Err(ControlFileError::BadLine(number, line.into())),
        }
        Ok(())
    }

    fn flags(&mut self, value: &[u8]) {
        let has = |letter| value.contains(&letter);
        let envelope = &mut self.envelope;
        envelope.warned = has(b'w');
        envelope.is_report = has(b'r');
        envelope.has_8bit = has(b'8');
        envelope.delete_bcc = has(b'b');
        envelope.smtputf8 = has(b'e');
        envelope.ret = match (has(b'd'), has(b'n')) {
            (true, true) => Some(Ret::Headers),
            (true, false) => Some(Ret::Full),
            (false, _) => None,
        };
        envelope.no_body_return = has(b'n') && !has(b'd');
    }

    fn sender(&mut self, value: &[u8]) {
        self.sender_seen = true;
        let envelope = &mut self.envelope;
        (envelope.sender, envelope.sender_bracketed) = bare(value);
        if envelope.sender.is_empty() {
            envelope.sender_bracketed = false;
        } else if envelope.is_report && value == REPORT_SENDER {
            envelope.sender.clear();
        }
    }

    /// `$xvalue` or `${name}value`.
    fn macro_value(&mut self, value: &[u8]) {
        let end = match value.first() {
            None => return,
            Some(b'{') => match value.find_byte(b'}') {
                Some(end) => end + 1,
                None => return,
            },
            Some(_) => 1,
        };
        let (name, value) = value.split_at(end);
        self.envelope.macros.push((name.into(), value.into()));
    }

    fn recipient(&mut self, value: &[u8]) {
        let (flags, address) = match value.find_byte(b':') {
            Some(end) if value[..end].iter().all(|b| b"NSFDPAB".contains(b)) => {
                (&value[..end], &value[end + 1..])
            }
            // Before version 1 there were no flags.
            _ => (&b"FDP"[..], value),
        };
        let has = |letter| flags.contains(&letter);
        let kind = match &self.controller {
            Some(_) => list::kind_of(address),
            None => Kind::Mailbox,
        };
        let (address, bracketed) = match kind {
            Kind::Mailbox => bare(address),
            _ => (address.into(), false),
        };
        let mut recipient = Recipient::mailbox(address);
        recipient.bracketed = bracketed;
        recipient.kind = kind;
        recipient.primary = has(b'P');
        recipient.aliased = has(b'A');
        recipient.blind = has(b'B');
        let notify = Notify {
            given: has(b'N'),
            success: has(b'S'),
            failure: has(b'F'),
            delay: has(b'D'),
        };
        let unasked = !notify.given && notify.failure && notify.delay && !notify.success;
        recipient.notify = if unasked { Notify::default() } else { notify };
        if let Some((user, alias)) = &self.controller {
            recipient.controlling_user = user.clone();
            recipient.expanded_from = Some(alias.clone());
        }
        let next = std::mem::take(&mut self.next);
        recipient.orcpt = next.orcpt;
        recipient.final_recipient = next.final_recipient.map(|text| {
            let bare = text.strip_prefix(b"RFC822; ");
            bare.map_or_else(|| text.clone(), BString::from)
        });
        recipient.state = RecipientState::Queued {
            reason: next.reason,
        };
        self.envelope.recipients.push(recipient);
    }

    /// `?flags?Name: value`, or without flags before version 1.
    fn field(&mut self, value: &[u8]) {
        let (flags, rest) = match value.strip_prefix(b"?") {
            Some(rest) => match rest.find_byte(b'?') {
                Some(end) => (&rest[..end], &rest[end + 1..]),
                None => (&[][..], value),
            },
            None => (&[][..], value),
        };
        let (name, text) = match rest.find_byte(b':') {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &[][..]),
        };
        let (value, is_template) = unquote_field(text);
        self.header.push(Field {
            name: name.into(),
            value,
            flags: flags.into(),
            is_template,
        });
    }

    fn finish(self) -> ControlFile {
        ControlFile {
            envelope: self.envelope,
            header: self.header,
            data_directory: self.data_directory,
        }
    }
}

/// A number as C's `atol` reads it: what is no digit ends it.
fn integer(text: &[u8]) -> i64 {
    let text = text.trim_start();
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let value = digits
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .fold(0i64, |sum, digit| {
            sum.saturating_mul(10)
                .saturating_add(i64::from(digit - b'0'))
        });
    if negative { -value } else { value }
}

fn time(seconds: i64) -> SystemTime {
    let since = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    // No later than the year 9999, so that adding to it cannot overflow.
    UNIX_EPOCH + since.min(Duration::from_secs(253_402_300_799))
}

fn body_type(value: &[u8]) -> Option<BodyType> {
    [BodyType::SevenBit, BodyType::EightBitMime, BodyType::Binary]
        .into_iter()
        .find(|body_type| value.eq_ignore_ascii_case(body_word(*body_type)))
}

/// An address without its brackets, and whether it had them. Only a text that
/// is nothing but brackets and address has them: `Full Name <a@b>` stays.
fn bare(text: &[u8]) -> (BString, bool) {
    let inner = text
        .strip_prefix(b"<")
        .and_then(|text| text.strip_suffix(b">"))
        .filter(|inner| !inner.contains(&b'<') && !inner.contains(&b'>'));
    match inner {
        Some(inner) => (inner.into(), true),
        None => (text.into(), false),
    }
}

/// `MODE seconds`, the mode being a byte of bits.
fn deliver_by(value: &[u8]) -> Option<(Duration, bool)> {
    let (mode, rest) = value.split_first()?;
    let time = Duration::from_secs(u64::try_from(integer(rest)).ok()?);
    Some((time, mode & 2 != 0))
}

/// `user:uid:gid:alias`, `user:alias`, or nothing, which resets.
fn read_controller(value: &[u8]) -> Option<(Option<ControllingUser>, BString)> {
    if value.is_empty() {
        return None;
    }
    let mut parts = value.splitn_str(4, b":");
    let name = parts.next().unwrap_or_default();
    let rest = value.get(name.len() + 1..).unwrap_or_default();
    let id = |text: Option<&[u8]>| -> Option<u32> {
        let text = text?;
        let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        digits.then(|| u32::try_from(integer(text)).ok())?
    };
    match (id(parts.next()), id(parts.next()), parts.next()) {
        (Some(uid), Some(gid), Some(alias)) => {
            let user = ControllingUser {
                name: name.into(),
                uid,
                gid,
                alias: alias.into(),
            };
            Some((Some(user), alias.into()))
        }
        _ => Some((None, rest.into())),
    }
}

/// Takes the marks out of a field's value; whether it refers to macros.
fn unquote_field(text: &[u8]) -> (BString, bool) {
    let mut value = BString::default();
    let mut is_template = false;
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            QUOTE => value.push_byte(bytes.next().copied().unwrap_or(QUOTE)),
            MACRO => {
                is_template = true;
                value.push_byte(b'$');
            }
            byte => value.push_byte(byte),
        }
    }
    (value, is_template)
}
