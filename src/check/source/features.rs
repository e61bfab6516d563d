//! FEATURE and MAILER calls: names, arguments, order.

use bstr::{BString, ByteSlice};

use super::Source;
use super::reader::{Arg, Call};
use crate::base::{Diagnostic, nearest};

/// What a FEATURE takes.
struct Row {
    name: &'static str,
    /// How many arguments it reads.
    args_max: usize,
    /// The words that arguments from the place given on (from 0) can be;
    /// empty for any.
    words: &'static [&'static str],
    words_from: usize,
    /// Whether the first argument is a map: class, flags, file.
    map: bool,
    /// Whether it may stand several times.
    many: bool,
    /// Whether it does nothing any more after MAILER(`local').
    before_local: bool,
}

const fn row(name: &'static str, args_max: usize) -> Row {
    Row {
        name,
        args_max,
        words: &[],
        words_from: 0,
        map: false,
        many: false,
        before_local: false,
    }
}

const fn words(mut row: Row, from: usize, words: &'static [&'static str]) -> Row {
    row.words = words;
    row.words_from = from;
    row
}

const fn map(mut row: Row) -> Row {
    row.map = true;
    row
}

const fn many(mut row: Row) -> Row {
    row.many = true;
    row
}

const fn early(mut row: Row) -> Row {
    row.before_local = true;
    row
}

/// Every FEATURE whose arguments are known, by name.
const FEATURES: &[Row] = &[
    row("accept_unqualified_senders", 0),
    row("accept_unresolvable_domains", 0),
    words(
        map(row("access_db", 4)),
        1,
        &["skip", "lookupdotdomain", "relaytofulladdress"],
    ),
    early(row("allmasquerade", 0)),
    early(row("always_add_domain", 1)),
    map(row("authinfo", 1)),
    row("badmx", 1),
    row("bestmx_is_local", 1),
    map(row("bitdomain", 1)),
    row("blacklist_recipients", 0),
    row("block_bad_helo", 0),
    row("blocklist_recipients", 0),
    row("check_other", 1),
    row("compat_check", 0),
    words(row("conncontrol", 2), 0, &["nodelay", "terminate"]),
    words(row("delay_checks", 2), 0, &["friend", "hater", "n"]),
    many(row("dnsbl", 4)),
    map(row("domaintable", 1)),
    many(row("enhdnsbl", 10)),
    row("generics_entire_domain", 0),
    map(row("genericstable", 1)),
    row("greet_pause", 1),
    row("ldap_routing", 6),
    row("limited_masquerade", 0),
    early(row("local_lmtp", 3)),
    early(row("local_no_masquerade", 0)),
    early(row("local_procmail", 3)),
    row("lookupdotdomain", 0),
    row("loose_relay_check", 0),
    map(row("mailertable", 1)),
    row("masquerade_entire_domain", 0),
    row("masquerade_envelope", 0),
    row("no_default_msa", 0),
    words(row("nocanonify", 1), 0, &["canonify_hosts"]),
    words(row("nopercenthack", 1), 0, &["reject", "nospecial"]),
    row("notsticky", 0),
    words(early(row("nouucp", 1)), 0, &["reject", "nospecial"]),
    row("preserve_local_plus_detail", 0),
    row("preserve_luser_host", 0),
    row("promiscuous_relay", 0),
    words(row("ratecontrol", 2), 0, &["nodelay", "terminate"]),
    row("redirect", 0),
    row("relay_based_on_MX", 0),
    row("relay_entire_domain", 0),
    row("relay_hosts_only", 0),
    row("relay_local_from", 0),
    words(row("relay_mail_from", 1), 0, &["domain"]),
    row("require_rdns", 0),
    many(row("rhsbl", 4)),
    early(row("smrsh", 1)),
    row("stickyhost", 0),
    row("tls_session_features", 0),
    row("use_client_ptr", 0),
    row("use_ct_file", 0),
    row("use_cw_file", 0),
    map(row("uucpdomain", 1)),
    row("virtuser_entire_domain", 0),
    map(row("virtusertable", 1)),
];

/// Features by an old name, and their names of today.
const RENAMED: &[(&str, &str)] = &[("blacklist_recipients", "blocklist_recipients")];

/// Features that do nothing any more.
const OF_OLD: &[&str] = &["notsticky", "bitdomain", "uucpdomain"];

/// Names of options that are gone, and what takes their place.
const GONE: &[(&str, &str)] = &[
    ("confAUTO_REBUILD", ""),
    ("confDEF_GROUP_ID", "confDEF_USER_ID"),
    ("confREAD_TIMEOUT", "the confTO_ options"),
    (
        "confMESSAGE_TIMEOUT",
        "confTO_QUEUERETURN and confTO_QUEUEWARN",
    ),
    ("confDAEMON_OPTIONS", "DAEMON_OPTIONS()"),
    ("confCLIENT_OPTIONS", "CLIENT_OPTIONS()"),
    ("confUNSAFE_GROUP_WRITES", "confDONT_BLAME_SENDMAIL"),
    ("CSNET_RELAY", ""),
];

/// Map classes that a table can have.
const MAP_CLASSES: &[&str] = &[
    "hash", "btree", "dbm", "cdb", "text", "ldap", "LDAP", "nis", "nisplus", "hesiod", "netinfo",
    "socket", "program", "regex", "sequence", "stab", "implicit", "null", "userdb", "dns", "ph",
    "nsd", "sql", "lmdb", "sqlite", "pgsql", "redis", "cidr",
];

/// The features that a configuration asks for, and where.
#[derive(Clone, Debug, Default)]
pub struct Features {
    asked: Vec<(BString, u32)>,
}

impl Features {
    /// The line that asks for a feature first.
    pub fn line(&self, name: &str) -> Option<u32> {
        let found = self.asked.iter().find(|(asked, _)| asked == name);
        found.map(|(_, line)| *line)
    }
}

/// What is wrong with FEATURE, MAILER and names of old.
pub(super) fn faults(source: &Source<'_>, faults: &mut Vec<Diagnostic>) -> Features {
    let mut features = Features::default();
    let mut local_at = None;
    let mut has_smtp = false;
    for call in &source.reading.calls {
        let Some(first) = call.args.as_ref().and_then(|args| args.first()) else {
            continue;
        };
        let name = first.text.trim();
        match call.name.as_slice() {
            b"FEATURE" => {
                feature(source, call, &features, local_at, faults);
                features
                    .asked
                    .push((name.into(), source.line_of(call.at.start)));
            }
            b"MAILER" if matches!(name, b"local" | b"procmail") => {
                local_at.get_or_insert_with(|| source.line_of(call.at.start));
            }
            b"MAILER" if name == b"uucp" && !has_smtp => {
                let message = "MAILER(`uucp') stands before MAILER(`smtp')".to_owned();
                faults.push(source.fault("mc-mailer-order", call.at.start..call.end, message));
            }
            b"MAILER" if name == b"smtp" => has_smtp = true,
            b"define" => gone(source, first, faults),
            _ => {}
        }
    }
    features
}

fn feature(
    source: &Source<'_>,
    call: &Call,
    features: &Features,
    local_at: Option<u32>,
    faults: &mut Vec<Diagnostic>,
) {
    let Some((first, args)) = call.args.as_ref().and_then(|args| args.split_first()) else {
        return;
    };
    let Some(name) = first.text.trim().to_str().ok() else {
        return;
    };
    if let Some((_, new)) = RENAMED.iter().find(|(old, _)| *old == name) {
        let message = format!("FEATURE(`{name}') has another name today");
        let fault = source.fault("mc-deprecated", first.at.clone(), message);
        faults.push(fault.help(format!("Write FEATURE(`{new}').")));
    }
    if OF_OLD.contains(&name) {
        let message = format!("FEATURE(`{name}') is of use to nobody any more");
        faults.push(source.fault("mc-deprecated", first.at.clone(), message));
    }
    let Some(row) = FEATURES.iter().find(|row| row.name == name) else {
        return;
    };
    if let Some(line) = features.line(name).filter(|_| !row.many) {
        let message = format!("FEATURE(`{name}') stands at line {line} already");
        faults.push(source.fault("mc-feature-repeated", call.at.start..call.end, message));
    }
    if let Some(line) = local_at.filter(|_| row.before_local) {
        let message = format!(
            "FEATURE(`{name}') does not reach the mailers, which line {line} has made already"
        );
        faults.push(source.fault("mc-feature-late", call.at.start..call.end, message));
    }
    arguments(source, row, args, faults);
}

/// Looks at the arguments of a FEATURE.
fn arguments(source: &Source<'_>, row: &Row, args: &[Arg], faults: &mut Vec<Diagnostic>) {
    // Red Hat's files have `dnl' as an argument where none is read.
    let given = |arg: &Arg| !matches!(arg.text.trim(), b"" | b"dnl") || arg.expands;
    if let Some(extra) = args.iter().skip(row.args_max).find(|arg| given(arg)) {
        let message = match row.args_max {
            0 => format!("FEATURE(`{}') takes no arguments", row.name),
            1 => format!("FEATURE(`{}') takes one argument", row.name),
            many => format!("FEATURE(`{}') takes {many} arguments", row.name),
        };
        faults.push(source.fault("mc-feature-arguments", extra.at.clone(), message));
    }
    if !row.words.is_empty() {
        let read = args.iter().take(row.args_max).skip(row.words_from);
        for arg in read.filter(|arg| given(arg) && !arg.expands) {
            let Ok(text) = arg.text.trim().to_str() else {
                continue;
            };
            if row.words.contains(&text) {
                continue;
            }
            let message = format!("FEATURE(`{}') knows no argument `{text}'", row.name);
            let fault = source.fault("mc-feature-argument", arg.at.clone(), message);
            faults.push(match nearest(text, row.words.iter().copied()) {
                Some(other) => fault.help(format!("Did you mean `{other}'?")),
                None => fault.help(format!("It takes {}.", row.words.join(", "))),
            });
        }
    }
    let first = args.first().filter(|arg| given(arg) && !arg.expands);
    if let Some(first) = first.filter(|_| row.map) {
        map_argument(source, row, first, faults);
    }
    if let Some(first) = first.filter(|_| row.name == "greet_pause")
        && !first.text.trim().iter().all(u8::is_ascii_digit)
    {
        let message = format!(
            "`{}' is no number of milliseconds",
            first.text.trim().as_bstr()
        );
        faults.push(source.fault("mc-feature-argument", first.at.clone(), message));
    }
}

/// A map has its class before its file.
fn map_argument(source: &Source<'_>, row: &Row, arg: &Arg, faults: &mut Vec<Diagnostic>) {
    let Some(class) = arg.text.fields().next() else {
        return;
    };
    let class = class.to_str_lossy();
    if MAP_CLASSES.contains(&&*class) {
        return;
    }
    let message = format!("`{class}' is no class of map, for FEATURE(`{}')", row.name);
    let fault = source.fault("mc-feature-argument", arg.at.clone(), message);
    faults.push(match nearest(&class, MAP_CLASSES.iter().copied()) {
        Some(other) => fault.help(format!("Did you mean `{other}'?")),
        None => fault.help(format!(
            "Write the class first: `hash {}'.",
            arg.text.trim().as_bstr()
        )),
    });
}

/// Options that are gone.
fn gone(source: &Source<'_>, name: &Arg, faults: &mut Vec<Diagnostic>) {
    let Some((old, new)) = GONE
        .iter()
        .find(|(old, _)| name.text.trim() == old.as_bytes())
    else {
        return;
    };
    let message = format!("`{old}' is an option of old");
    let fault = source.fault("mc-deprecated", name.at.clone(), message);
    faults.push(if new.is_empty() {
        fault.help("Take the line out.")
    } else {
        fault.help(format!("Use {new}."))
    });
}
