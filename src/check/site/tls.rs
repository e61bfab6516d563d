//! The files of TLS.

use std::time::Duration;

use bstr::{BString, ByteSlice};

use super::certificate::Certificate;
use super::{Found, Surroundings};
use crate::base::{Diagnostic, Origin};
use crate::cf::{Config, Opt};
use crate::check::codes;

/// A certificate that ends sooner is told of.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

/// Others than the owner may read.
const READABLE: u32 = 0o044;
const GROUP_READABLE: u32 = 0o040;

/// What is wrong with them.
pub(super) fn faults(config: &Config, world: &Surroundings, faults: &mut Vec<Diagnostic>) {
    for opt in [
        Opt::ServerCertFile,
        Opt::ServerKeyFile,
        Opt::ClientCertFile,
        Opt::ClientKeyFile,
        Opt::CaCertFile,
        Opt::CrlFile,
        Opt::DhParameters,
    ] {
        for (file, origin) in named(config, opt) {
            if let Found::Missing = world.look(&world.path(&file)) {
                let message = format!("{}: {file} is not there", opt.name());
                faults.push(codes::fault("site-tls-missing", origin, message));
            }
        }
    }
    keys(config, world, faults);
    certificates(config, world, faults);
    faults.dedup_by(|one, other| one.message == other.message && one.origin == other.origin);
}

/// The files that an option names, several divided by commas.
fn named(config: &Config, opt: Opt) -> Vec<(BString, Origin)> {
    let Some(value) = config.options.all(opt).last() else {
        return Vec::new();
    };
    let files = value.text.split_str(",").map(ByteSlice::trim);
    files
        .filter(|file| file.starts_with(b"/") && !file.contains(&b'$'))
        .map(|file| (file.into(), value.origin.clone()))
        .collect()
}

/// Keys that others can read.
fn keys(config: &Config, world: &Surroundings, faults: &mut Vec<Diagnostic>) {
    let group_may = config
        .options
        .words(Opt::DontBlameSendmail)
        .iter()
        .any(|word| word.eq_ignore_ascii_case(b"GroupReadableKeyFile"));
    for opt in [Opt::ServerKeyFile, Opt::ClientKeyFile] {
        for (file, origin) in named(config, opt) {
            let Found::File(facts) = world.look(&world.path(&file)) else {
                continue;
            };
            let mut open = facts.mode & READABLE;
            if group_may {
                open &= !GROUP_READABLE;
            }
            if open != 0 {
                let message = format!(
                    "{}: {file} has mode {:04o}",
                    opt.name(),
                    facts.mode & 0o7777
                );
                faults.push(codes::fault("site-tls-readable", origin, message));
            }
        }
    }
}

/// Certificates that do not hold, and keys that are not theirs.
fn certificates(config: &Config, world: &Surroundings, faults: &mut Vec<Diagnostic>) {
    for (cert, key) in [
        (Opt::ServerCertFile, Opt::ServerKeyFile),
        (Opt::ClientCertFile, Opt::ClientKeyFile),
    ] {
        let keys = named(config, key);
        for (index, (file, origin)) in named(config, cert).into_iter().enumerate() {
            let Some(found) = world
                .read(&world.path(&file))
                .and_then(|pem| Certificate::first(&pem))
            else {
                continue;
            };
            let fault = |code, message| codes::fault(code, origin.clone(), message);
            let left = found.left(world.now);
            if !found.holds(world.now) {
                let when = if left.is_zero() { "any more" } else { "yet" };
                let message = format!("{}: {file} does not hold {when}", cert.name());
                faults.push(fault("site-tls-expired", message));
            } else if left < SOON {
                let days = left.as_secs() / (24 * 3600);
                let message = format!("{}: {file} ends in {days} days", cert.name());
                faults.push(fault("site-tls-expiring", message));
            }
            let Some((key_file, _)) = keys.get(index) else {
                continue;
            };
            let text = world.read(&world.path(key_file));
            if text.and_then(|text| found.is_of(&text)) == Some(false) {
                let message = format!("{key_file} is not the key of {file}");
                faults.push(fault("site-tls-mismatch", message));
            }
        }
    }
}
