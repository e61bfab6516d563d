//! Who the engine is.
//!
//! Under a root parent: option RunAsUser; without it, TrustedUser, when it is
//! not root; without either, the first of a few accounts that systems make
//! for mail. Under an ordinary parent, the engine is who the parent is.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use bstr::{BStr, ByteSlice};

use crate::cf::{Opt, Options};
use crate::os::Identity;
use crate::world::Users;

/// Accounts that systems make for a mail server, and the one that owns
/// nothing.
const ACCOUNTS: [&str; 5] = ["smmta", "mailnull", "mail", "daemon", "nobody"];

/// Whom the options name, or who there is.
///
/// # Errors
/// A sentence when the option names nobody, or there is nobody at all.
pub fn run_as(options: &Options, users: &dyn Users) -> Result<Identity, String> {
    for opt in [Opt::RunAsUser, Opt::TrustedUser] {
        let text = options.text(opt);
        if text.is_empty() {
            continue;
        }
        let identity = named(text, users)
            .ok_or_else(|| format!("option {}: unknown user {text}", opt.row().name))?;
        // RunAsUser=root asks for nothing; a trusted root is trusted anyway.
        if identity.uid != 0 {
            return Ok(identity);
        }
    }
    ACCOUNTS
        .iter()
        .find_map(|name| named(BStr::new(name), users).filter(|found| found.uid != 0))
        .ok_or_else(|| "no user to run as: set option RunAsUser".to_owned())
}

/// Whether a process of this user gets to a directory by its path. What
/// cannot be looked at is taken as closed.
pub fn can_enter(directory: &Path, identity: &Identity) -> bool {
    directory.ancestors().all(|directory| {
        let Ok(found) = directory.metadata() else {
            return false;
        };
        let search = match (found.uid() == identity.uid, found.gid() == identity.gid) {
            (true, _) => 0o100,
            (false, true) => 0o010,
            (false, false) => 0o001,
        };
        found.mode() & search != 0
    })
}

/// `user` or `user:group`, names or numbers.
pub fn named(text: &BStr, users: &dyn Users) -> Option<Identity> {
    let (user, group) = match text.split_once_str(":") {
        Some((user, group)) => (user.trim(), Some(group.trim())),
        None => (text.trim(), None),
    };
    let number = |word: &[u8]| word.to_str().ok().and_then(|word| word.parse::<u32>().ok());
    let found = match users.user(user) {
        Ok(Some(found)) => Some(found),
        _ => number(user).and_then(|uid| users.user_by_id(uid).ok().flatten()),
    };
    let (name, uid, own_group) = match (&found, number(user)) {
        (Some(found), _) => (found.name.to_string(), found.uid, Some(found.gid)),
        (None, Some(uid)) => (uid.to_string(), uid, None),
        (None, None) => return None,
    };
    let gid = match group {
        Some(group) => users
            .group(group)
            .ok()
            .flatten()
            .or_else(|| number(group))?,
        None => own_group?,
    };
    Some(Identity { name, uid, gid })
}
