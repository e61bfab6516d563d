//! The access table and the relay domains, as texts.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use bstr::{BStr, ByteSlice};

use super::{Surroundings, files, relay};
use crate::base::{Diagnostic, Origin, nearest};
use crate::cf::{ClassSource, Config};
use crate::check::codes;
use crate::map::KLine;

/// Faults that are told of one file; more are only counted.
const FAULTS_MAX: usize = 50;

/// What is wrong with them.
pub(super) fn faults(config: &Config, world: &Surroundings, faults: &mut Vec<Diagnostic>) {
    if let Some(map) = config.map(b"access")
        && let Some(kind) = files::database_kind(&map.class)
    {
        let file = KLine::parse(&map.args).file;
        let file = file
            .strip_suffix(kind.extension().as_bytes())
            .unwrap_or(&file);
        if file.starts_with(b"/") {
            table(&world.path(file), world, faults);
        }
    }
    for class in config.classes.iter().filter(|class| class.name == "R") {
        if let ClassSource::File { path, .. } = &class.source
            && path.starts_with(b"/")
        {
            domains(&world.path(path), world, faults);
        }
    }
}

/// Numbered lines that hold something.
fn lines(text: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty() && !line.starts_with(b"#"))
}

fn domains(path: &Path, world: &Surroundings, faults: &mut Vec<Diagnostic>) {
    let Some(text) = world.read(path) else { return };
    let name: Arc<str> = path.to_string_lossy().into();
    let words = lines(&text).filter_map(|(number, line)| Some((number, line.fields().next()?)));
    for (number, word) in words
        .filter(|(_, word)| relay::is_public_suffix(word))
        .take(FAULTS_MAX)
    {
        let message = format!("everybody under `{}' may relay", BStr::new(word));
        let origin = Origin::new(Arc::clone(&name), number);
        faults.push(codes::fault("site-relay-suffix", origin, message));
    }
}

/// The tags of keys.
const TAGS: &[&str] = &[
    "Connect",
    "From",
    "To",
    "Spam",
    "Compat",
    "GreetPause",
    "ClientRate",
    "ClientConn",
    "QGRP",
    "AuthInfo",
    "Try_TLS",
    "Srv_Features",
    "Clt_Features",
    "TLS_Srv_features",
    "TLS_Clt_features",
    "TLS_Srv",
    "TLS_Clt",
    "TLS_Rcpt",
    "CertIssuer",
    "CertSubject",
    "bcc",
];

/// The words of values.
const VALUES: &[&str] = &[
    "OK",
    "RELAY",
    "REJECT",
    "DISCARD",
    "SKIP",
    "ERROR",
    "QUARANTINE",
];

fn table(path: &Path, world: &Surroundings, faults: &mut Vec<Diagnostic>) {
    let Some(text) = world.read(path) else { return };
    let name: Arc<str> = path.to_string_lossy().into();
    let mut found = 0;
    for (number, line) in lines(&text) {
        // What continues an entry, or makemap will refuse.
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            continue;
        }
        let end = line.find_byteset(b" \t").unwrap_or(line.len());
        let (key, value) = (&line[..end], line[end..].trim());
        let Some((code, message, help)) = entry(key, value) else {
            continue;
        };
        let fault = codes::fault(code, Origin::new(Arc::clone(&name), number), message);
        faults.push(match help {
            Some(help) => fault.help(help),
            None => fault,
        });
        found += 1;
        if found == FAULTS_MAX {
            return;
        }
    }
}

type Fault = (&'static str, String, Option<String>);

/// What is wrong with one entry.
fn entry(key: &[u8], value: &[u8]) -> Option<Fault> {
    let (tag, rest) = match key.split_once_str(":") {
        // `IPv6:` begins an address.
        Some((tag, _)) if tag.eq_ignore_ascii_case(b"IPv6") => (&b""[..], key),
        Some((tag, rest)) => (tag, rest),
        None => (&b""[..], key),
    };
    let known = TAGS
        .iter()
        .any(|known| tag.eq_ignore_ascii_case(known.as_bytes()));
    if !tag.is_empty() && !known {
        let tag = tag.to_str().ok()?;
        let near = nearest(tag, TAGS.iter().copied())?;
        let message = format!("nothing asks for the tag `{tag}:'");
        return Some((
            "access-tag",
            message,
            Some(format!("Did you mean `{near}:'?")),
        ));
    }
    let lets_in = tag.is_empty()
        || [&b"Connect"[..], b"From", b"To"]
            .iter()
            .any(|known| tag.eq_ignore_ascii_case(known));
    if !lets_in {
        return None;
    }
    let word = value
        .split(|byte| byte.is_ascii_whitespace() || *byte == b':')
        .next()?;
    if word.eq_ignore_ascii_case(b"RELAY") {
        let who = everybody(rest)?;
        return Some(("site-access-relay", format!("{who} may relay"), None));
    }
    let capitals = word.len() > 1 && word.iter().all(u8::is_ascii_alphabetic);
    if !capitals
        || VALUES
            .iter()
            .any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
    {
        return None;
    }
    let word = word.to_str().ok()?;
    let near = nearest(word, VALUES.iter().copied())?;
    let message = format!("the access table has no value `{word}'");
    Some((
        "access-value",
        message,
        Some(format!("Did you mean `{near}'?")),
    ))
}

/// Whom a key means, when that is far too many.
fn everybody(key: &[u8]) -> Option<String> {
    if key.is_empty() {
        return Some("everybody".to_owned());
    }
    if relay::is_public_suffix(key) {
        return Some(format!("everybody under `{}'", BStr::new(key)));
    }
    if let Some(v6) = key
        .get(..5)
        .filter(|tag| tag.eq_ignore_ascii_case(b"IPv6:"))
    {
        let prefix = &key[v6.len()..];
        let groups = prefix
            .split_str(":")
            .filter(|group| !group.is_empty())
            .count();
        let private = [&b"fc"[..], b"fd", b"fe8", b"FC", b"FD", b"FE8"];
        let is_private = private.iter().any(|start| prefix.starts_with(start));
        let is_whole = prefix.contains_str("::");
        return (groups < 2 && !is_private && !is_whole)
            .then(|| format!("a whole part of the Internet, `{}',", BStr::new(key)));
    }
    let octets = key.trim_with(|c| c == '.').to_str().ok()?;
    let first: u8 = octets.parse().ok()?;
    let network = Ipv4Addr::new(first, 0, 0, 0);
    let own = network.is_private() || network.is_loopback() || first == 0;
    (!own).then(|| format!("sixteen million addresses, all that begin with {first},"))
}
