//! The addresses that a site knows, and what two configurations do with them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use bstr::{BString, ByteSlice};

use crate::admin::make::databases;
use crate::admin::migrate::{Staged, Treated};
use crate::admin::table::{Form, TableText};
use crate::cli::desk::OpenSite;
use crate::daemon::Loaded;
use crate::rewrite::{Deed, Recorder};
use crate::route::{Resolution, Verdict};

/// Addresses that are tried.
const ADDRESSES_MAX: usize = 100_000;
/// A client that no configuration knows (RFC 5737).
const STRANGER: &str = "203.0.113.77";

/// Every address in maps, aliases and log, and where it was found.
pub(super) fn of(
    staged: &Staged,
    loaded: &Loaded,
    log: Option<&Path>,
) -> BTreeMap<BString, String> {
    let mut found = BTreeMap::new();
    let mut add = |address: &[u8], place: &str| {
        let address = address.trim_with(|c| matches!(c, '<' | '>' | ' ' | '\t'));
        let is_one = !address.is_empty()
            && !address.contains(&b'%')
            && address.find_byteset(b" \t:|/\"\\").is_none();
        if is_one && found.len() < ADDRESSES_MAX {
            found
                .entry(BString::from(address))
                .or_insert_with(|| place.to_owned());
        }
    };
    for fixed in ["postmaster", "root", "nosuchuser", "user@elsewhere.example"] {
        add(fixed.as_bytes(), "always tried");
    }
    for item in databases(&staged.mail, &loaded.config, &staged.place) {
        let Some(source) = item.sources.first() else {
            continue;
        };
        let Ok(text) = std::fs::read(source) else {
            continue;
        };
        let place = source
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let is_aliases = place.contains("alias");
        let form = if is_aliases {
            Form::Aliases
        } else {
            Form::Pairs
        };
        for entry in TableText::new(form, text).entries() {
            let key = match entry.key.split_once_str(":") {
                Some((_, rest)) if place == "access" => rest,
                _ => entry.key,
            };
            match place.as_str() {
                // Domains: somebody there.
                "mailertable" | "domaintable" => {
                    let domain = key.trim_start_with(|c| c == '.');
                    add(&[b"user@", domain].concat(), &place);
                }
                _ if key.starts_with(b"@") => add(&[b"user", key].concat(), &place),
                _ if place != "access" || key.contains(&b'@') => add(key, &place),
                _ => {}
            }
            if is_aliases || place == "virtusertable" {
                for part in entry.value.split(|byte| *byte == b',') {
                    add(part, &place);
                }
            }
        }
    }
    if let Some(log) = log {
        from_log(log, &mut add);
    }
    found
}

/// The addresses after `to=<` and `from=<`.
fn from_log(log: &Path, add: &mut dyn FnMut(&[u8], &str)) {
    let Ok(file) = File::open(log) else { return };
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        if !matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
            return;
        }
        for name in ["to=<", "from=<"] {
            if let Some(at) = line.find(name) {
                let rest = &line[at + name.len()..];
                let end = rest.find_byte(b'>').unwrap_or(0);
                add(&rest[..end], "log");
            }
        }
    }
}

/// Those that the two configurations treat differently.
pub(super) fn treated(
    old: &OpenSite,
    new: &OpenSite,
    known: &BTreeMap<BString, String>,
) -> Vec<Treated> {
    let mut found = Vec::new();
    for (address, place) in known {
        let (was, old_rule) = old.runtime.block_on(treat(old, address));
        let (is, new_rule) = new.runtime.block_on(treat(new, address));
        if was != is {
            found.push(Treated {
                address: address.to_string(),
                found_in: place.clone(),
                old: was,
                new: is,
                reason: format!("decided by {old_rule}, now by {new_rule}"),
            });
        }
    }
    found
}

/// What a configuration does with an address: where it goes, and whether a
/// stranger may send to it; and the rule that decides.
async fn treat(open: &OpenSite, address: &BString) -> (String, String) {
    let site = &open.site;
    let mut macros = site.layer();
    let mut recorder = Recorder::default();
    let way = site
        .resolve_traced(address, &mut macros, &mut recorder)
        .await;
    let way = match way {
        Resolution::Mailer(target) => format!(
            "mailer {}, host {}, user {}",
            site.mailer(target.mailer).name,
            target.host,
            target.user
        ),
        Resolution::Refused(reply) | Resolution::Later(reply) => reply.to_line().to_string(),
        Resolution::Discard => "thrown away".to_owned(),
    };
    macros.set(b"client_addr", STRANGER);
    macros.set(b"client_name", "stranger.invalid");
    macros.set(b"client_ptr", "stranger.invalid");
    macros.set(b"client_resolve", "OK");
    macros.set(b"f", "");
    let bracketed = [b"<", address.as_slice(), b">"].concat();
    let verdict = site.check("check_rcpt", &[&bracketed], &mut macros).await;
    let stranger = match verdict {
        Verdict::Accept | Verdict::Other { .. } => "taken from strangers".to_owned(),
        Verdict::Discard => "from strangers thrown away".to_owned(),
        Verdict::Quarantine(why) => format!("from strangers held: {why}"),
        Verdict::Reject(reply) => format!("from strangers {}", reply.to_line()),
    };
    (format!("{way}; {stranger}"), decided(open, &recorder))
}

/// The place of the rule that made the mailer triple.
fn decided(open: &OpenSite, recorder: &Recorder) -> String {
    let mut made = recorder.steps().iter().filter_map(|step| match &step.deed {
        Deed::Rule {
            rule,
            made: Some(made),
            ..
        } if made.starts_with(b"$#") => Some(*rule),
        _ => None,
    });
    match made.next_back().or(recorder.last_rule()) {
        Some(rule) => open.site.program.origin(rule).to_string(),
        None => "no rule".to_owned(),
    }
}
