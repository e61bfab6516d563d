//! Entries of the alias file: who is meant, and whether it ends anywhere.

use std::path::Path;

use bstr::{BString, ByteSlice};

use super::{Faults, Known};
use crate::envelope::Kind;
use crate::envelope::list::split;

/// Names followed in search of a loop.
const FOLLOWED_MAX: usize = 10_000;

/// Checks an entry.
pub(super) fn check(name: &[u8], list: &[u8], known: &dyn Known, faults: &mut Faults<'_>) {
    if let Some(domain) = name.rsplit_once_str("@").map(|(_, domain)| domain)
        && !known.is_local_domain(domain)
    {
        let text = format!("{} is not local: it cannot be an alias", name.as_bstr());
        return faults.error("alias-not-local", text, "Use virtusertable.");
    }
    for item in split(list) {
        match item.kind {
            Kind::Mailbox => member(name, &item.text, known, faults),
            Kind::Include => {
                let path = unquoted(&item.text)[b":include:".len()..].trim().to_vec();
                if !Path::new(&path.to_os_str_lossy()).is_file() {
                    let text = format!("{} is not there", path.as_bstr());
                    faults.warning("alias-no-list", text, "");
                }
            }
            Kind::Program | Kind::File => {}
        }
    }
    if let Some(way) = loop_from(name, list, known) {
        let way = bstr::join(" -> ", way);
        faults.error(
            "alias-loop",
            format!("the alias comes back to itself: {}", way.as_bstr()),
            "A name may stand for itself and others, but not by way of another alias.",
        );
    }
}

fn member(name: &[u8], member: &[u8], known: &dyn Known, faults: &mut Faults<'_>) {
    let escaped = member.starts_with(b"\\");
    let Some(local) = local_part(member, known) else {
        return;
    };
    let is_itself = local.eq_ignore_ascii_case(name);
    if known.user(&local) || !escaped && !is_itself && known.alias(&local).is_some() {
        return;
    }
    faults.error(
        "alias-no-user",
        format!("there is neither a user nor an alias {local}"),
        "",
    );
}

/// The local name of a member: without `\`, detail and a domain of ours.
/// `None` for those that are elsewhere.
fn local_part(member: &[u8], known: &dyn Known) -> Option<BString> {
    let member = unquoted(member);
    let local = match member.rsplit_once_str("@") {
        Some((local, domain)) if known.is_local_domain(domain) => local,
        Some(_) => return None,
        None => &member,
    };
    if local.contains(&b'!') {
        return None;
    }
    let local = local.strip_prefix(b"\\").unwrap_or(local);
    let whole = known.user(local) || known.alias(local).is_some();
    let end = local.find_byte(b'+').filter(|_| !whole);
    Some(local[..end.unwrap_or(local.len())].into())
}

fn unquoted(text: &[u8]) -> Vec<u8> {
    crate::envelope::list::unquote(text).to_vec()
}

/// The way from a name over other aliases back to it, if there is one.
fn loop_from(name: &[u8], list: &[u8], known: &dyn Known) -> Option<Vec<BString>> {
    let start = BString::from(name);
    let mut open: Vec<Vec<BString>> = local_members(list, known)
        .into_iter()
        .filter(|member| !member.eq_ignore_ascii_case(name))
        .map(|member| vec![start.clone(), member])
        .collect();
    let mut seen: Vec<BString> = Vec::new();
    while let Some(way) = open.pop() {
        let here = way.last()?.clone();
        if seen.len() > FOLLOWED_MAX || seen.iter().any(|n| n.eq_ignore_ascii_case(&here)) {
            continue;
        }
        seen.push(here.clone());
        let Some(value) = known.alias(&here) else {
            continue;
        };
        for member in local_members(&value, known) {
            let mut further = way.clone();
            further.push(member.clone());
            if member.eq_ignore_ascii_case(name) {
                return Some(further);
            }
            open.push(further);
        }
    }
    None
}

/// The members of a list that may be aliases.
fn local_members(list: &[u8], known: &dyn Known) -> Vec<BString> {
    split(list)
        .into_iter()
        .filter(|item| item.kind == Kind::Mailbox && !item.text.starts_with(b"\\"))
        .filter_map(|item| local_part(&item.text, known))
        .collect()
}
