//! Entries of the access table, and names of clients.

use bstr::ByteSlice;

use super::{Faults, error_text, is_domain};
use crate::base::nearest;

/// What the value of a tag is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// A verdict, on a client.
    Client,
    /// A verdict, on an address.
    Address,
    Friend,
    Number,
    No,
    Compat,
    AuthInfo,
    /// Anything.
    Text,
}

/// Every tag and what stands behind it.
const TAGS: &[(&str, Takes)] = &[
    ("Connect", Takes::Client),
    ("From", Takes::Address),
    ("To", Takes::Address),
    ("Spam", Takes::Friend),
    ("Compat", Takes::Compat),
    ("GreetPause", Takes::Number),
    ("ClientRate", Takes::Number),
    ("ClientConn", Takes::Number),
    ("QGRP", Takes::Text),
    ("AuthInfo", Takes::AuthInfo),
    ("Try_TLS", Takes::No),
    ("Srv_Features", Takes::Text),
    ("Clt_Features", Takes::Text),
    ("TLS_Srv_features", Takes::Text),
    ("TLS_Clt_features", Takes::Text),
    ("TLS_Srv", Takes::Text),
    ("TLS_Clt", Takes::Text),
    ("TLS_Rcpt", Takes::Text),
    ("CertIssuer", Takes::Text),
    ("CertSubject", Takes::Text),
    ("bcc", Takes::Text),
];

/// The words that are verdicts by themselves.
const VERDICTS: [&str; 5] = ["OK", "RELAY", "REJECT", "DISCARD", "SKIP"];

/// Checks an entry.
pub(super) fn check(key: &[u8], value: &[u8], faults: &mut Faults<'_>) {
    let Some((tag, rest)) = tagged(key) else {
        verdict(value, faults);
        if !key.contains(&b'@') {
            client(key, faults);
        }
        return;
    };
    let tag = tag.to_str_lossy();
    let known = TAGS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(&tag));
    let Some((_, takes)) = known else {
        let names = TAGS.iter().map(|(name, _)| *name);
        match nearest(&tag, names) {
            Some(name) => faults.error(
                "access-tag",
                format!("unknown tag {tag}:"),
                format!("Do you mean {name}:?"),
            ),
            None => faults.warning(
                "access-tag",
                format!("only rules of your own ask for {tag}:"),
                "",
            ),
        }
        return;
    };
    match takes {
        Takes::Client => {
            client(rest, faults);
            verdict(value, faults);
        }
        Takes::Address => {
            if rest.is_empty() {
                faults.error("access-key", format!("{tag}: names nobody"), "");
            }
            verdict(value, faults);
        }
        Takes::Friend => one_of(value, &["FRIEND", "HATER"], faults),
        Takes::No => one_of(value, &["NO"], faults),
        Takes::Number => {
            if !value.iter().all(u8::is_ascii_digit) {
                faults.error("access-value", format!("{tag}: takes a number"), "");
            }
        }
        Takes::Compat => {
            let upper = value.to_ascii_uppercase();
            let words: [&[u8]; 3] = [b"DISCARD", b"TEMP:", b"ERROR:"];
            if !words.iter().any(|word| upper.starts_with(word)) {
                faults.error(
                    "access-value",
                    "Compat: takes DISCARD, TEMP:… or ERROR:…",
                    "",
                );
            }
        }
        Takes::AuthInfo => {
            if !value.contains(&b'"') {
                faults.error(
                    "access-value",
                    "each part of AuthInfo stands in quotes",
                    "As in \"U:user\" \"P:secret\".",
                );
            }
        }
        Takes::Text => {}
    }
}

/// A tag and what follows it. The colons of an IPv6 address are none.
fn tagged(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = key.find_byte(b':')?;
    let tag = &key[..colon];
    let is_word = tag
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    (is_word && !tag.is_empty() && !tag.eq_ignore_ascii_case(b"IPv6"))
        .then(|| (tag, &key[colon + 1..]))
}

/// A client: a domain, `[name]`, an address or the first numbers of one.
pub(super) fn client(key: &[u8], faults: &mut Faults<'_>) {
    let name = key.strip_prefix(b".").unwrap_or(key);
    let name = match name
        .strip_prefix(b"[")
        .and_then(|name| name.strip_suffix(b"]"))
    {
        Some(inner) => inner,
        None => name,
    };
    if name.is_empty() {
        return;
    }
    if name.len() >= 5 && name[..5].eq_ignore_ascii_case(b"IPv6:") {
        let text = &name[5..];
        if !text
            .iter()
            .all(|byte| byte.is_ascii_hexdigit() || b":.".contains(byte))
        {
            let text = format!(
                "{} is no IPv6 address, nor the beginning of one",
                key.as_bstr()
            );
            faults.error("access-key", text, "");
        }
        return;
    }
    if let Some(slash) = name.find_byte(b'/') {
        network(&name[..slash], &name[slash + 1..], faults);
    } else if name
        .iter()
        .all(|byte| byte.is_ascii_digit() || *byte == b'.')
    {
        let numbers: Vec<&[u8]> = name.split(|byte| *byte == b'.').collect();
        let in_range = |text: &&[u8]| text.to_str().is_ok_and(|text| text.parse::<u8>().is_ok());
        if numbers.len() > 4 || !numbers.iter().all(in_range) {
            let text = format!("{} is no address, nor the beginning of one", key.as_bstr());
            faults.error(
                "access-key",
                text,
                "192.0.2.1 is one host, 192.0.2 its network.",
            );
        }
    } else if !is_domain(name) {
        let text = format!("{} is neither a domain nor an address", key.as_bstr());
        faults.error("access-key", text, "");
    }
}

/// `192.0.2.0/24`: the table has no such form; says how it is written.
fn network(address: &[u8], bits: &[u8], faults: &mut Faults<'_>) {
    let numbers: Vec<&[u8]> = address.split(|byte| *byte == b'.').collect();
    let keep = match bits.to_str().ok().and_then(|bits| bits.parse().ok()) {
        Some(8u8) => 1,
        Some(16) => 2,
        Some(24) => 3,
        Some(32) => 4,
        _ => 0,
    };
    let help = match numbers.get(..keep) {
        Some(first) if keep > 0 => {
            format!(
                "Write {} for this network.",
                bstr::join(".", first).as_bstr()
            )
        }
        _ => "Write one line for each network of whole numbers: 10.1.16, 10.1.17 …".to_owned(),
    };
    faults.error(
        "access-cidr",
        "networks are written as their first numbers",
        help,
    );
}

fn verdict(value: &[u8], faults: &mut Faults<'_>) {
    let is = |word: &str| value.eq_ignore_ascii_case(word.as_bytes());
    if VERDICTS.iter().any(|word| is(word)) {
        return;
    }
    let begins = |word: &str| {
        value
            .get(..word.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
    };
    if begins("QUARANTINE:") {
        if value.len() == "QUARANTINE:".len() {
            faults.error(
                "access-value",
                "a quarantine has a reason",
                "QUARANTINE:reason",
            );
        }
        return;
    }
    let text = if begins("ERROR:") {
        &value[6..]
    } else if value.first().is_some_and(u8::is_ascii_digit) {
        value
    } else {
        let word = value.to_str_lossy();
        let known = VERDICTS.iter().copied().chain(["QUARANTINE", "ERROR"]);
        let help = match nearest(&word.to_ascii_uppercase(), known) {
            Some(known) => format!("Do you mean {known}?"),
            None => "OK, RELAY, REJECT, DISCARD, SKIP, QUARANTINE:reason or ERROR:text.".to_owned(),
        };
        return faults.error("access-value", format!("unknown value {word}"), help);
    };
    if text.trim().is_empty() {
        faults.error(
            "access-value",
            "an error has a text",
            "ERROR:5.7.1:550 text",
        );
    } else if let Some(fault) = error_text(text) {
        faults.error(
            "access-value",
            fault,
            "As in ERROR:5.7.1:550 Not from there.",
        );
    }
}

fn one_of(value: &[u8], words: &[&str], faults: &mut Faults<'_>) {
    if !words
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
    {
        faults.error(
            "access-value",
            format!("unknown value {}", value.as_bstr()),
            format!("It takes {}.", words.join(" or ")),
        );
    }
}
