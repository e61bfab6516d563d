//! Finds options by what an administrator writes: long names, abbreviations,
//! old letters with their own spellings.

use bstr::{BStr, ByteSlice};

use super::option_table::{OPTIONS, Opt};
use super::options::Options;
use crate::base::{Diagnostic, Origin};

/// Finds an option by its long name, in any case, or by the start of a name
/// that fits only one. The second part is a remark, when there is one.
///
/// # Errors
/// The reference's message.
pub fn find(name: &[u8]) -> Result<(Opt, Option<String>), String> {
    if let Some(opt) = Opt::by_name(name) {
        return Ok((opt, None));
    }
    let shown = BStr::new(name);
    if let Some(sub) = strip_prefix_folded(name, b"Timeout.") {
        return Err(format!("settimeout: invalid timeout {}", BStr::new(sub)));
    }
    if let Some(sub) = strip_prefix_folded(name, b"Milter.") {
        return Err(format!(
            "milter_set_option: invalid Milter option \"{}\"",
            BStr::new(sub)
        ));
    }
    let mut found = OPTIONS.iter().filter(|row| {
        !row.name.contains('.')
            && !row.letter_only
            && strip_prefix_folded(row.name.as_bytes(), name).is_some()
    });
    match (found.next(), found.next()) {
        (Some(row), None) if !name.is_empty() => Ok((
            row.opt,
            Some(format!(
                "Option {shown} used as abbreviation for {}",
                row.name
            )),
        )),
        (Some(first), Some(second)) if !name.is_empty() => Err(format!(
            "readcf: ambiguous option name {shown} (matches {} and {})",
            first.name, second.name
        )),
        _ => Err(format!("readcf: unknown option name {shown}")),
    }
}

/// Sets an option by its letter, with the old spellings of `r` and `T`.
pub fn set_by_letter(
    options: &mut Options,
    letter: u8,
    value: &[u8],
    origin: &Origin,
) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    let mut set = |opt, value: &[u8]| {
        if let Err(fault) = options.set(opt, value, origin) {
            faults.push(*fault);
        }
    };
    match Opt::by_letter(letter) {
        Some(Opt::OldTimeout) => set_timeouts(value, &mut set),
        Some(Opt::QueueTimeout) => {
            let mut parts = value.splitn(2, |&byte| byte == b'/');
            set(Opt::TimeoutQueuereturn, parts.next().unwrap_or_default());
            if let Some(warn) = parts.next() {
                set(Opt::TimeoutQueuewarn, warn);
            }
        }
        Some(opt) => set(opt, value),
        None => faults.push(Diagnostic::error(
            "cf-unknown-option",
            origin.clone(),
            format!("readcf: unknown option name {letter:#04x}"),
        )),
    }
    faults
}

/// The same over what a file says: a list takes the place of the file's.
pub fn replace_by_letter(
    options: &mut Options,
    letter: u8,
    value: &[u8],
    origin: &Origin,
) -> Vec<Diagnostic> {
    if let Some(opt) = Opt::by_letter(letter)
        && opt.row().many
    {
        options.clear(opt);
    }
    set_by_letter(options, letter, value, origin)
}

/// `Or1h` sets every wait of the SMTP client; `Ormail=10m,quit=2m` some.
fn set_timeouts(value: &[u8], set: &mut impl FnMut(Opt, &[u8])) {
    for part in value.split(|&byte| byte == b',') {
        match part.find_byte(b'=') {
            Some(at) => {
                let mut name = b"Timeout.".to_vec();
                name.extend_from_slice(part[..at].trim_ascii());
                if let Some(opt) = Opt::by_name(&name) {
                    set(opt, part[at + 1..].trim_ascii());
                }
            }
            None => {
                for opt in [
                    Opt::TimeoutMail,
                    Opt::TimeoutRcpt,
                    Opt::TimeoutDatainit,
                    Opt::TimeoutDatablock,
                    Opt::TimeoutDatafinal,
                    Opt::TimeoutCommand,
                ] {
                    set(opt, part.trim_ascii());
                }
            }
        }
    }
}

fn strip_prefix_folded<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix)
        .then(|| &text[prefix.len()..])
}
