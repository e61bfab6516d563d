//! Mailer definitions: `M` lines and the three that are built in.

use std::time::Duration;

use bstr::{BStr, BString, ByteSlice};

use super::config::{FlagSet, MailerDef, MailerUser, RulesetPair};
use super::text::{leading_number, munch_until};
use crate::base::{Origin, interval};

/// The mailers that every configuration has: `prog`, `*file*`, `*include*`.
pub(super) fn builtin() -> Vec<MailerDef> {
    const LINES: [(&str, &str); 3] = [
        (
            "prog",
            "P=/bin/sh, F=lsouDq9, T=X-Unix/X-Unix/X-Unix, A=sh -c $u",
        ),
        (
            "*file*",
            "P=[FILE], F=lsDFMPEouq9, T=X-Unix/X-Unix/X-Unix, A=FILE $u",
        ),
        ("*include*", "P=/dev/null, F=su, A=INCLUDE $u"),
    ];
    let origin = Origin::internal("built in");
    let mut messages = Vec::new();
    LINES
        .iter()
        .filter_map(|(name, body)| read((*name).into(), body.as_bytes(), &origin, &mut messages))
        .collect()
}

/// The parts of `X=value, Y=value`: first letter of the word, and the value.
/// An error is a word without `=`; what follows it is not read.
pub(super) fn equates(body: &[u8]) -> Vec<Result<(u8, BString), BString>> {
    let mut parts = Vec::new();
    let mut rest = body;
    loop {
        rest = rest
            .trim_start_with(|char| char == ',' || char.is_ascii_whitespace() || char == '\x0b');
        let Some(&letter) = rest.first() else {
            return parts;
        };
        let end = rest
            .iter()
            .position(|&byte| byte == b'=' || byte == b',')
            .unwrap_or(rest.len());
        if rest.get(end) != Some(&b'=') {
            parts.push(Err(rest[..end].into()));
            return parts;
        }
        rest = rest[end + 1..].trim_ascii_start();
        let (value, taken) = munch_until(rest, Some(b','));
        parts.push(Ok((letter, value)));
        rest = &rest[taken..];
    }
}

/// Reads a mailer; `None` when it cannot be used at all.
pub(super) fn read(
    name: BString,
    body: &[u8],
    origin: &Origin,
    messages: &mut Vec<String>,
) -> Option<MailerDef> {
    if name.is_empty() {
        messages.push("name required for mailer".to_owned());
        return None;
    }
    let mut mailer = empty(name, origin);
    for part in equates(body) {
        match part {
            Ok((letter, value)) => equate(&mut mailer, letter, value, messages),
            Err(_) => {
                messages.push(format!("mailer {}: `=' expected", mailer.name));
                return None;
            }
        }
    }
    complete(mailer, messages)
}

fn empty(name: BString, origin: &Origin) -> MailerDef {
    MailerDef {
        name,
        path: BString::default(),
        flags: FlagSet::default(),
        sender: RulesetPair::default(),
        recipient: RulesetPair::default(),
        argv: Vec::new(),
        eol: BString::default(),
        size_max: 0,
        messages_max: 0,
        recipients_max: 100,
        line_max: 0,
        directory: BString::default(),
        user: MailerUser::default(),
        nice: 0,
        charset: BString::default(),
        mta_type: BString::default(),
        address_type: BString::default(),
        diagnostic_type: BString::default(),
        queue_group: BString::default(),
        chroot: BString::default(),
        wait: None,
        origin: origin.clone(),
    }
}

fn equate(mailer: &mut MailerDef, letter: u8, value: BString, messages: &mut Vec<String>) {
    let count = |value: &[u8]| u64::try_from(leading_number(value)).unwrap_or(0);
    match letter {
        b'P' => mailer.path = value,
        b'F' => value
            .iter()
            .filter(|byte| !byte.is_ascii_whitespace())
            .for_each(|&flag| mailer.flags.insert(flag)),
        b'S' => mailer.sender = pair(&value),
        b'R' => mailer.recipient = pair(&value),
        b'E' => mailer.eol = value,
        b'A' => {
            mailer.argv = value.fields().map(BString::from).collect();
        }
        b'M' => mailer.size_max = count(&value),
        b'm' => mailer.messages_max = count(&value),
        b'r' => mailer.recipients_max = count(&value),
        b'L' => mailer.line_max = count(&value),
        b'N' => mailer.nice = i32::try_from(leading_number(&value)).unwrap_or(0),
        b'D' => mailer.directory = value,
        b'C' => mailer.charset = value,
        b'Q' => mailer.queue_group = value,
        b'T' => types(mailer, &value),
        b'U' => mailer.user = user(&value),
        b'W' => mailer.wait = wait(&value),
        b'/' => mailer.chroot = value,
        other => messages.push(format!(
            "M{}: unknown mailer equate {}=",
            mailer.name,
            [other].as_bstr()
        )),
    }
}

/// `both`, or `envelope/header`.
fn pair(value: &[u8]) -> RulesetPair {
    let (envelope, header) = match value.find_byte(b'/') {
        Some(at) => (&value[..at], &value[at + 1..]),
        None => (value, value),
    };
    // `0` stands for no ruleset, as in sendmail.
    let name = |text: &[u8]| match text.trim_ascii() {
        b"0" => BString::default(),
        name => name.into(),
    };
    RulesetPair {
        envelope: name(envelope),
        header: name(header),
    }
}

fn types(mailer: &mut MailerDef, value: &[u8]) {
    let mut parts = value
        .splitn(3, |&byte| byte == b'/')
        .map(|part| BString::from(part.trim_ascii()));
    mailer.mta_type = parts.next().unwrap_or_default();
    mailer.address_type = parts.next().unwrap_or_default();
    mailer.diagnostic_type = parts.next().unwrap_or_default();
}

fn user(value: &[u8]) -> MailerUser {
    let (user, group) = match value.find_byte(b':') {
        Some(at) => (&value[..at], &value[at + 1..]),
        None => (value, &b""[..]),
    };
    MailerUser {
        user: user.trim_ascii().into(),
        group: group.trim_ascii().into(),
    }
}

fn wait(value: &[u8]) -> Option<Duration> {
    interval::parse(value.to_str().ok()?, 's').ok()
}

/// The longest line of SMTP, as the reference counts it.
const SMTP_LINE_BYTES_MAX: u64 = 990;

/// Fills in what follows from the rest, and refuses what cannot work.
fn complete(mut mailer: MailerDef, messages: &mut Vec<String>) -> Option<MailerDef> {
    if mailer.argv.is_empty() {
        messages.push(format!("M{}: A= argument required", mailer.name));
        return None;
    }
    if mailer.path.is_empty() {
        messages.push(format!("M{}: P= argument required", mailer.name));
        return None;
    }
    let network = mailer.path == "[IPC]" || mailer.path == "[TCP]";
    if network {
        let first = &mailer.argv[0];
        if first != "TCP" && first != "FILE" && first != "IPC" {
            messages.push(format!(
                "M{}: first argument in [IPC] mailer must be TCP or FILE",
                mailer.name
            ));
        }
    }
    if mailer.eol.is_empty() {
        // sendmail: who names the user takes local line ends.
        let names_user = mailer.argv.iter().any(|word| word.contains_str("$u"));
        mailer.eol = if names_user { "\n" } else { "\r\n" }.into();
    }
    if network {
        let diagnostic = if mailer.argv[0] == "FILE" {
            "x-unix"
        } else {
            "smtp"
        };
        default_type(&mut mailer.mta_type, "dns");
        default_type(&mut mailer.address_type, "rfc822");
        default_type(&mut mailer.diagnostic_type, diagnostic);
    }
    if mailer.line_max == 0 && mailer.flags.has(b'L') {
        mailer.line_max = SMTP_LINE_BYTES_MAX;
    }
    if mailer.name == "prog" || mailer.name == "*file*" {
        // sendmail: programs and files take one recipient at a time.
        mailer.flags.remove(b'm');
    }
    if mailer.recipients_max == 0 {
        mailer.recipients_max = u64::MAX;
    }
    Some(mailer)
}

fn default_type(value: &mut BString, default: &str) {
    if value.is_empty() {
        *value = BStr::new(default).into();
    }
}
