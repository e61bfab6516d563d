//! Entries of virtusertable, genericstable, mailertable, domaintable and
//! local-host-names.

use bstr::ByteSlice;

use super::{Faults, Known, error_text, is_domain};
use crate::base::nearest;

/// `user@domain` or `@domain`, and an address, `%1@domain` or `error:…`.
pub(super) fn virtuser(key: &[u8], value: &[u8], known: &dyn Known, faults: &mut Faults<'_>) {
    let Some((_, domain)) = key.rsplit_once_str("@") else {
        return faults.error(
            "virtuser-key",
            format!("{} has no domain", key.as_bstr()),
            "user@domain is one address, @domain all others there; for local names use aliases.",
        );
    };
    if !is_domain(domain) {
        faults.error(
            "virtuser-key",
            format!("{} is no domain", domain.as_bstr()),
            "",
        );
    } else if !known.is_local_domain(domain) {
        faults.error(
            "virtuser-domain",
            format!("mail for {} does not end here", domain.as_bstr()),
            format!("`godwit local-host set {}` first.", domain.to_str_lossy()),
        );
    }
    if let Some(text) = prefixed(value, "error:") {
        return refusal(text, faults);
    }
    if value.find_byteset(b" \t,").is_some() {
        return faults.error(
            "virtuser-value",
            "it stands for one address",
            "For several, name an alias, and give that the list.",
        );
    }
    let Some((local, domain)) = value.rsplit_once_str("@") else {
        let name = value.split(|byte| *byte == b'+').next().unwrap_or(value);
        let is_made = value.contains(&b'%');
        if !is_made && !known.user(name) && known.alias(name).is_none() {
            let text = format!("there is neither a user nor an alias {}", name.as_bstr());
            faults.error("virtuser-no-user", text, "");
        }
        return;
    };
    let domain_is_made = domain.contains(&b'%');
    if local.is_empty() || !domain_is_made && !is_domain(domain) && !domain.starts_with(b"[") {
        let text = format!("{} is no address", value.as_bstr());
        faults.error("virtuser-value", text, "");
    }
}

/// A user, and the address that is shown.
pub(super) fn generics(key: &[u8], value: &[u8], faults: &mut Faults<'_>) {
    if key.starts_with(b"@") && key.len() == 1 {
        faults.error("generics-key", "there is no domain behind @", "");
    }
    if value.find_byteset(b" \t,").is_some() {
        let text = "it stands for one address";
        return faults.error("generics-value", text, "");
    }
    match value.rsplit_once_str("@") {
        Some((local, domain)) if !local.is_empty() && is_domain(domain) => {}
        Some(_) => {
            let text = format!("{} is no address", value.as_bstr());
            faults.error("generics-value", text, "");
        }
        None => faults.warning(
            "generics-value",
            format!("{} has no domain: the usual one is added", value.as_bstr()),
            "",
        ),
    }
}

/// `domain` or `.domain`, and `mailer:host` or `error:…`.
pub(super) fn mailer(key: &[u8], value: &[u8], known: &dyn Known, faults: &mut Faults<'_>) {
    let domain = key.strip_prefix(b".").unwrap_or(key);
    let is_address = domain.starts_with(b"[") && domain.ends_with(b"]");
    if domain.contains(&b'@') {
        faults.error(
            "mailer-key",
            format!("{} is an address; the table knows domains", key.as_bstr()),
            "For one address use virtusertable.",
        );
    } else if !is_domain(domain) && !is_address && !domain.is_empty() {
        faults.error("mailer-key", format!("{} is no domain", key.as_bstr()), "");
    }
    if let Some(text) = prefixed(value, "error:") {
        return refusal(text, faults);
    }
    let Some((name, host)) = value.split_once_str(":") else {
        return faults.error(
            "mailer-value",
            format!("{} names no mailer", value.as_bstr()),
            "As in smtp:gateway.example.org; smtp:[192.0.2.1] for a host without its MX.",
        );
    };
    let mailers = known.mailers();
    let name = name.to_str_lossy();
    if !mailers
        .iter()
        .any(|mailer| mailer.eq_ignore_ascii_case(&name))
    {
        let help = match nearest(&name, mailers.iter().map(String::as_str)) {
            Some(mailer) => format!("Do you mean {mailer}?"),
            None => format!("There are {}.", mailers.join(", ")),
        };
        return faults.error("mailer-unknown", format!("there is no mailer {name}"), help);
    }
    if host.is_empty() && !name.eq_ignore_ascii_case("local") {
        faults.error("mailer-value", format!("{name}: goes to no host"), "");
    }
}

/// A domain and its other name.
pub(super) fn domain(key: &[u8], value: &[u8], faults: &mut Faults<'_>) {
    for text in [key, value] {
        if !is_domain(text) {
            faults.error(
                "domain-name",
                format!("{} is no domain", text.as_bstr()),
                "",
            );
        }
    }
}

/// A name of this host.
pub(super) fn local_host(name: &[u8], faults: &mut Faults<'_>) {
    let inner = name
        .strip_prefix(b"[")
        .and_then(|name| name.strip_suffix(b"]"));
    let is_address = inner.is_some_and(|inner| {
        inner
            .iter()
            .all(|byte| byte.is_ascii_hexdigit() || b".:IPv".contains(byte))
    });
    if name.contains(&b'@') {
        faults.error("host-name", format!("{} is an address", name.as_bstr()), "");
    } else if !is_domain(name) && !is_address {
        faults.error("host-name", format!("{} is no domain", name.as_bstr()), "");
    }
}

/// What follows a word, in any case.
fn prefixed<'v>(value: &'v [u8], word: &str) -> Option<&'v [u8]> {
    let head = value.get(..word.len())?;
    head.eq_ignore_ascii_case(word.as_bytes())
        .then(|| &value[word.len()..])
}

fn refusal(text: &[u8], faults: &mut Faults<'_>) {
    if text.trim().is_empty() {
        faults.error(
            "map-value",
            "a refusal has a text",
            "error:5.1.1:550 No such user",
        );
    } else if let Some(fault) = error_text(text) {
        faults.error("map-value", fault, "As in error:5.1.1:550 No such user.");
    }
}
