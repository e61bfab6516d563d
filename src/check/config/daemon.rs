//! DaemonPortOptions and ClientPortOptions.

use std::net::IpAddr;

use bstr::{BStr, BString, ByteSlice};

use super::is_one_of;
use crate::base::Diagnostic;
use crate::cf::{Config, Opt, OptionValue};
use crate::check::codes;

/// What each letter is read as, and the spellings that mean it.
const KEYS: &[(&[u8], &str, &[&str])] = &[
    (b"Aa", "Addr", &["a", "addr", "address"]),
    (b"cC", "children", &["c", "children"]),
    (b"D", "DeliveryMode", &["d", "deliverymode"]),
    (b"d", "delayLA", &["d", "delayla"]),
    (b"Ff", "Family", &["f", "family"]),
    (
        b"Ii",
        "InputMailFilters",
        &["i", "inputmailfilters", "inputmailfilter", "inputfilters"],
    ),
    (b"Ll", "Listen", &["l", "listen"]),
    (
        b"Mm",
        "Modifiers",
        &["m", "modify", "modifier", "modifiers"],
    ),
    (b"Nn", "Name", &["n", "name"]),
    (b"Pp", "Port", &["p", "port"]),
    (b"q", "queueLA", &["q", "queuela"]),
    (
        b"R",
        "RcvBufSize",
        &[
            "r",
            "rcvbufsize",
            "receivesize",
            "receivebufsize",
            "rcvsize",
        ],
    ),
    (b"r", "refuseLA", &["r", "refusela"]),
    (
        b"Ss",
        "SndBufSize",
        &["s", "sndbufsize", "sendsize", "sendbufsize", "sndsize"],
    ),
    (b"T", "SuperSafe", &["t", "supersafe"]),
];

/// The letters of modifiers, of servers and of clients.
const SERVER: &[u8] = b"abcfhrsuACDEMO";
const CLIENT: &[u8] = b"hASDM";
/// Those that only one of the two can hold.
const PAIRS: [(u8, u8); 4] = [(b'a', b'A'), (b'c', b'C'), (b's', b'S'), (b'f', b'u')];

/// What is wrong with the lines of listeners and clients.
pub(super) fn faults(config: &Config, faults: &mut Vec<Diagnostic>) {
    let mut places: Vec<(Vec<u8>, &OptionValue)> = Vec::new();
    for value in config.options.all(Opt::DaemonPortOptions) {
        let parts = parts(value);
        line(value, &parts, true, faults);
        let place = place(&parts);
        if value.text.contains(&b'$') {
            continue;
        }
        if let Some((_, first)) = places.iter().find(|(known, _)| *known == place) {
            let both = |one: &OptionValue| one.text.to_str_lossy().into_owned();
            let message = format!(
                "`{}' and `{}' listen in the same place",
                both(first),
                both(value)
            );
            // The library adds a listener at port 587 unless told not to.
            let (shown, help) = if value.origin.line() == 0 {
                (
                    *first,
                    Some("Add FEATURE(`no_default_msa'), or use another port."),
                )
            } else {
                (value, None)
            };
            let fault = fault("cf-daemon-twice", shown, message);
            faults.push(match help {
                Some(help) => fault.help(help),
                None => fault,
            });
        }
        places.push((place, value));
    }
    for value in config.options.all(Opt::ClientPortOptions) {
        line(value, &parts(value), false, faults);
    }
}

fn fault(code: &'static str, value: &OptionValue, message: String) -> Diagnostic {
    codes::fault(code, value.origin.clone(), message)
}

/// `Key=value` parts; no value where there is no `=`.
fn parts(value: &OptionValue) -> Vec<(&BStr, Option<&BStr>)> {
    value
        .text
        .split_str(",")
        .map(ByteSlice::trim)
        .filter(|part| !part.is_empty())
        .map(|part| match part.split_once_str("=") {
            Some((key, value)) => (key.trim().as_bstr(), Some(value.trim().as_bstr())),
            None => (part.as_bstr(), None),
        })
        .collect()
}

/// The value of the last part that a letter begins.
fn of<'p>(parts: &[(&'p BStr, Option<&'p BStr>)], letter: u8) -> Option<&'p BStr> {
    parts
        .iter()
        .rev()
        .find(|(key, _)| {
            key.first()
                .is_some_and(|first| first.eq_ignore_ascii_case(&letter))
        })
        .and_then(|(_, value)| *value)
}

/// What two listeners cannot share.
fn place(parts: &[(&BStr, Option<&BStr>)]) -> Vec<u8> {
    let part = |letter: u8, default: &str| -> BString {
        of(parts, letter).map_or_else(|| default.into(), |value| value.to_ascii_lowercase().into())
    };
    let port = match part(b'P', "25").as_slice() {
        b"smtp" | b"mail" => BString::from("25"),
        b"submission" => "587".into(),
        b"smtps" | b"submissions" => "465".into(),
        port => port.into(),
    };
    let address = part(b'A', "");
    let address = match address.as_slice() {
        b"0.0.0.0" | b"::" | b"0" => BString::default(),
        other => other.into(),
    };
    bstr::concat([part(b'F', "inet").as_slice(), b"|", &port, b"|", &address])
}

fn line(
    value: &OptionValue,
    parts: &[(&BStr, Option<&BStr>)],
    server: bool,
    faults: &mut Vec<Diagnostic>,
) {
    for (key, given) in parts {
        if key.contains(&b'$') {
            continue;
        }
        let row = KEYS
            .iter()
            .find(|(letters, _, _)| key.first().is_some_and(|first| letters.contains(first)));
        let message = match (row, given) {
            (None, _) => format!("nothing is called `{key}'"),
            (Some(_), None) => format!("`{key}' has no value"),
            (Some((_, read_as, spellings)), Some(_)) if !is_one_of(key, spellings) => {
                format!("`{key}' is read as {read_as}")
            }
            _ => continue,
        };
        faults.push(fault("cf-daemon-key", value, message));
    }
    if let Some(letters) = of(parts, b'M') {
        modifiers(value, letters, server, faults);
    }
    address(value, parts, faults);
}

fn modifiers(value: &OptionValue, letters: &BStr, server: bool, faults: &mut Vec<Diagnostic>) {
    if letters.contains(&b'$') {
        return;
    }
    let known = if server { SERVER } else { CLIENT };
    let letters: Vec<u8> = letters
        .iter()
        .copied()
        .filter(|letter| !letter.is_ascii_whitespace() && !b"\"'+".contains(letter))
        .collect();
    let known = |letter: &u8| known.contains(letter) || (server && *letter == b'S');
    for letter in letters.iter().filter(|letter| !known(letter)) {
        let who = if server { "a listener" } else { "a client" };
        let message = format!("{who} has no modifier `{}'", [*letter].as_bstr());
        faults.push(fault("cf-daemon-modifier", value, message));
    }
    for (one, other) in PAIRS {
        if letters.contains(&one) && letters.contains(&other) {
            let message = format!(
                "modifiers `{}' and `{}' contradict each other",
                char::from(one),
                char::from(other)
            );
            faults.push(fault("cf-daemon-modifier", value, message));
        }
    }
}

fn address(value: &OptionValue, parts: &[(&BStr, Option<&BStr>)], faults: &mut Vec<Diagnostic>) {
    let family = of(parts, b'F').unwrap_or(BStr::new("inet"));
    if family.contains(&b'$') {
        return;
    }
    if !is_one_of(
        family,
        &["inet", "inet6", "local", "unix", "iso", "ns", "x.25"],
    ) {
        let message = format!("there is no family `{family}'");
        faults.push(fault("cf-daemon-address", value, message));
        return;
    }
    let Some(text) = of(parts, b'A').and_then(|address| address.to_str().ok()) else {
        return;
    };
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let bare = bare.strip_prefix("IPv6:").unwrap_or(bare);
    let right = match bare.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => !family.eq_ignore_ascii_case(b"inet6"),
        Ok(IpAddr::V6(_)) => !family.eq_ignore_ascii_case(b"inet"),
        // Digits and dots that are no address are not a name either.
        Err(_) => !bare
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.'),
    };
    if !right {
        let message = format!("`{text}' is no address of family {family}");
        faults.push(fault("cf-daemon-address", value, message));
    }
}
