//! Whom a configuration lets relay, whom it tells things, what it lets run.

use bstr::{BStr, ByteSlice};

use super::Features;
use crate::base::{Diagnostic, Origin};
use crate::cf::{ClassSource, Config, Opt};
use crate::check::codes;

/// Features that open a door, with the code that says so.
const DOORS: &[(&str, &str, &str)] = &[
    (
        "promiscuous_relay",
        "site-relay-promiscuous",
        "everybody may relay through this host",
    ),
    (
        "relay_based_on_MX",
        "site-relay-mx",
        "whoever lets an MX record point here may relay",
    ),
    (
        "relay_local_from",
        "site-relay-forged",
        "whoever claims to be a local sender may relay",
    ),
    (
        "relay_mail_from",
        "site-relay-forged",
        "whoever claims a listed sender may relay",
    ),
    (
        "loose_relay_check",
        "site-relay-loose",
        "the part behind `%' is not looked at",
    ),
];

/// Features that let strangers relay.
pub(super) fn features(features: &Features, name: &str, faults: &mut Vec<Diagnostic>) {
    for (feature, code, what) in DOORS {
        if let Some(line) = features.line(feature) {
            let message = format!("FEATURE(`{feature}'): {what}");
            faults.push(codes::fault(code, Origin::new(name, line), message));
        }
    }
}

/// Whole top-level domains among the relay domains.
pub(super) fn classes(config: &Config, faults: &mut Vec<Diagnostic>) {
    for class in config.classes.iter().filter(|class| class.name == "R") {
        let ClassSource::Words(words) = &class.source else {
            continue;
        };
        for word in words.fields().filter(|word| is_public_suffix(word)) {
            let message = format!("everybody under `{}' may relay", BStr::new(word));
            faults.push(codes::fault(
                "site-relay-suffix",
                class.origin.clone(),
                message,
            ));
        }
    }
}

/// Top-level domains that hold half the world, and some suffixes below which
/// anybody registers. The whole list of public suffixes is not built in.
const SUFFIXES: &[&str] = &[
    "com", "net", "org", "edu", "gov", "mil", "int", "info", "biz", "name", "pro", "arpa", "aero",
    "coop", "museum", "mobi", "travel", "jobs", "asia", "tel", "xyz", "online", "site", "shop",
    "club", "app", "dev", "cloud", "co.uk", "org.uk", "ac.uk", "gov.uk", "com.au", "net.au",
    "org.au", "co.jp", "ne.jp", "or.jp", "com.br", "com.cn", "com.tw", "com.mx", "com.ar",
    "com.tr", "com.sg", "com.hk", "co.nz", "co.za", "co.in", "co.kr", "co.il", "co.id",
];

/// Two letters that name no country, but are used within sites.
const PRIVATE: &[&str] = &["lo"];

/// Whether strangers register below this name.
pub(super) fn is_public_suffix(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let name = name.trim_with(|c| c == '.');
    if SUFFIXES.iter().any(|suffix| suffix.as_bytes() == name) {
        return true;
    }
    // Two letters: a country.
    name.len() == 2
        && name.iter().all(u8::is_ascii_alphabetic)
        && !PRIVATE.iter().any(|private| private.as_bytes() == name)
}

/// What is not wrong, and worth knowing.
pub(super) fn notes(config: &Config, faults: &mut Vec<Diagnostic>) {
    programs(config, faults);
    privacy(config, faults);
    exposed(config, faults);
}

/// The mailer for programs with a full shell.
fn programs(config: &Config, faults: &mut Vec<Diagnostic>) {
    let Some(prog) = config.mailer(b"prog").filter(|prog| prog.origin.line() > 0) else {
        return;
    };
    let program = prog
        .path
        .rsplit(|byte| *byte == b'/')
        .next()
        .unwrap_or_default();
    if matches!(program, b"sh" | b"bash" | b"ksh" | b"csh" | b"dash") {
        let message = format!("the mailer prog runs programs with {}", prog.path);
        faults.push(codes::fault(
            "site-prog-unrestricted",
            prog.origin.clone(),
            message,
        ));
    }
}

fn privacy(config: &Config, faults: &mut Vec<Diagnostic>) {
    // Only a configuration that says whom it listens to is a server's.
    if config.options.flag(Opt::UseMsp) || config.options.all(Opt::PrivacyOptions).is_empty() {
        return;
    }
    let words = config.options.words(Opt::PrivacyOptions);
    let has = |wanted: &[u8]| words.iter().any(|word| word.eq_ignore_ascii_case(wanted));
    let lacks: Vec<&str> = ["noexpn", "novrfy"]
        .into_iter()
        .filter(|word| !has(word.as_bytes()) && !has(b"goaway"))
        .collect();
    if let (Some(value), false) = (
        config.options.all(Opt::PrivacyOptions).last(),
        lacks.is_empty(),
    ) {
        let message = format!("PrivacyOptions has no {}", lacks.join(" and no "));
        faults.push(codes::fault("site-privacy", value.origin.clone(), message));
    }
}

/// Users whose mail keeps the host's name for good reasons.
const SYSTEM_USERS: &[&[u8]] = &[
    b"root",
    b"daemon",
    b"operator",
    b"postmaster",
    b"mailer-daemon",
    b"toor",
    b"sys",
    b"bin",
    b"nobody",
    b"adm",
    b"uucp",
    b"news",
    b"cron",
];

fn exposed(config: &Config, faults: &mut Vec<Diagnostic>) {
    if config.macro_value(b"M").is_none_or(|name| name.is_empty()) {
        return;
    }
    for class in config.classes.iter().filter(|class| class.name == "E") {
        let ClassSource::Words(words) = &class.source else {
            continue;
        };
        for word in words.fields() {
            if SYSTEM_USERS
                .iter()
                .any(|user| word.eq_ignore_ascii_case(user))
            {
                continue;
            }
            let message = format!("mail of `{}' is not masqueraded", BStr::new(word));
            faults.push(codes::fault(
                "site-masquerade-exposed",
                class.origin.clone(),
                message,
            ));
        }
    }
}
