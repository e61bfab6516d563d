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
use crate::cli::explain::relay;
use crate::cli::progress::Progress;
use crate::daemon::Loaded;
use crate::rewrite::{Deed, MacroTable, Recorder};
use crate::route::{MailerId, Resolution, Role, Site};

/// Addresses that are tried.
const ADDRESSES_MAX: usize = 100_000;
/// What strangers send from.
const SENDER: &str = "somebody@other.invalid";

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

/// Whether what a configuration says to strangers can be tried outside of a
/// session: with FEATURE(`delay_checks') of the reference's library it refuses
/// every sender there, which no session sees.
pub(super) fn can_try_strangers(open: &OpenSite) -> bool {
    let asked = relay::of_stranger(open, SENDER.as_bytes(), b"postmaster");
    !open.runtime.block_on(asked).contains("553 5.5.4")
}

/// Those that the two configurations treat differently.
pub(super) fn treated(
    old: &OpenSite,
    new: &OpenSite,
    known: &BTreeMap<BString, String>,
    strangers: bool,
) -> Vec<Treated> {
    let mut found = Vec::new();
    let mut progress = Progress::new("godwit migrate", "addresses");
    for (address, place) in known {
        progress.step();
        let (was, old_rule) = old.runtime.block_on(treat(old, address, strangers));
        let (is, new_rule) = new.runtime.block_on(treat(new, address, strangers));
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

/// What a configuration does with an address: where it goes, whether a
/// stranger may send to it and from it, how it looks on leaving; and the rule
/// that decides.
async fn treat(open: &OpenSite, address: &BString, strangers: bool) -> (String, String) {
    let site = &open.site;
    let mut macros = site.layer();
    let mut recorder = Recorder::default();
    let way = site
        .resolve_traced(address, &mut macros, &mut recorder)
        .await;
    let mailer = match &way {
        Resolution::Mailer(target) => Some(target.mailer),
        _ => None,
    };
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
    let from_here = match &mailer {
        Some(mailer) => leaves(site, *mailer, address, &mut macros).await,
        None => String::new(),
    };
    if !strangers {
        return (format!("{way}{from_here}"), decided(open, &recorder));
    }
    let to = relay::of_stranger(open, SENDER.as_bytes(), address).await;
    let from = relay::of_stranger(open, address, b"postmaster").await;
    let text = format!("{way}; to it from strangers: {to}; from it: {from}{from_here}");
    (text, decided(open, &recorder))
}

/// How it looks on leaving by a mailer: as sender and as recipient, in the
/// envelope and in the header.
async fn leaves(
    site: &Site,
    mailer: MailerId,
    address: &BString,
    macros: &mut MacroTable,
) -> String {
    let mut text = String::from("; leaves as");
    for role in [
        Role::EnvelopeSender,
        Role::HeaderSender,
        Role::EnvelopeRecipient,
        Role::HeaderRecipient,
    ] {
        let made = site
            .rewrite_address(mailer, address, role, None, macros)
            .await;
        text.push_str(&format!(" {}", made.text));
    }
    text
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
