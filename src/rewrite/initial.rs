//! Macros and classes that are there before a configuration is read, and what
//! is made of them after.

use std::net::IpAddr;

use bstr::BString;

use super::class::ClassTable;
use super::expand::expand;
use super::macros::MacroTable;
use crate::cf::Config;

/// How this machine is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The full name, with its domain where one is known.
    pub full_name: String,
    /// The name of the node, as the kernel has it.
    pub node_name: String,
    /// Other names for it.
    pub aliases: Vec<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// The version that `$v` shows. Scripts and rules of real sites compare it
/// with the reference's.
pub const VERSION: &str = "8.17.1.9";

/// Members of internal classes, as the reference has them.
const CLASSES: &[(&str, &[&str])] = &[
    ("e", &["7bit", "8bit", "binary"]),
    ("n", &["multipart/signed"]),
    ("s", &["rfc822"]),
    (
        "persistentMacros",
        &["r", "s", "_", "{if_addr}", "{daemon_flags}"],
    ),
    (
        "checkMIMEHeaders",
        &[
            "mime-version",
            "content-type",
            "content-disposition",
            "content-id",
            "content-transfer-encoding",
        ],
    ),
    ("checkMIMETextHeaders", &["content-description"]),
    (
        "checkMIMEFieldHeaders",
        &["content-disposition", "content-type"],
    ),
];

/// The macros that rules and definitions may use from the first line on:
/// `$w` (the short name from level 5 on), `$j`, `$k`, `$m`, `$n`, `$v`.
pub fn initial_macros(config: &Config, identity: &Identity) -> MacroTable {
    let mut macros = MacroTable::new();
    let full = identity.full_name.as_str();
    let (short, domain) = full.split_once('.').unwrap_or((full, ""));
    macros.set(b"w", if config.version.level >= 5 { short } else { full });
    macros.set(b"j", full);
    if !domain.is_empty() {
        macros.set(b"m", domain);
    }
    macros.set(b"k", identity.node_name.as_str());
    macros.set(b"n", "MAILER-DAEMON");
    macros.set(b"v", VERSION);
    macros
}

/// The classes that are there before a configuration is read: names of this
/// machine in `w`, and the internal ones.
pub fn initial_classes(identity: &Identity) -> ClassTable {
    let mut classes = ClassTable::new();
    let full = identity.full_name.as_str();
    let short = full.split_once('.').map_or(full, |(short, _)| short);
    for name in [full, short, "localhost"] {
        classes.add(b"w", name.as_bytes());
    }
    for alias in &identity.aliases {
        classes.add(b"w", alias.as_bytes());
    }
    for address in &identity.addresses {
        classes.add(b"w", bracketed(*address).as_bytes());
    }
    if let Some((_, domain)) = full.split_once('.') {
        classes.add(b"m", domain.as_bytes());
    }
    classes.add(b"k", identity.node_name.as_bytes());
    for (class, words) in CLASSES {
        classes.extend(class.as_bytes(), words.iter().map(|word| word.as_bytes()));
    }
    classes
}

/// What becomes of them once the configuration is read: `$j` is expanded and
/// counts as a name of this machine, `$m` as its domain.
pub fn settle(macros: &mut MacroTable, classes: &mut ClassTable) {
    let own: BString = expand(b"$j", macros);
    classes.add(b"w", &own);
    macros.set(b"j", own);
    let domain: BString = expand(b"$m", macros);
    if !domain.is_empty() {
        classes.add(b"m", &domain);
    }
}

/// An address as a name: `[192.0.2.1]`, `[IPv6:2001:db8::1]`.
fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("[{address}]"),
        IpAddr::V6(address) => format!("[IPv6:{address}]"),
    }
}
