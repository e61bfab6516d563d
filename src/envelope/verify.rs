//! Whether a recipient can be had: asked while the sender still listens, so
//! that an unknown user is refused at RCPT and never bounced.

use crate::base::{Reply, limits};
use crate::rewrite::MacroTable;
use crate::route::{Resolution, Site, Target};

/// What is known of a recipient at RCPT (or at VRFY, or for `-bv`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// It can be delivered, or is an alias; this is where the rules sent it.
    Deliverable(Target),
    /// It cannot, now (4xx) or ever (5xx).
    Refused(Reply),
    /// A map could not be asked: it is taken, and tried later.
    Later(Reply),
    /// It is to vanish without a word.
    Discard,
}

/// Resolves `address` and looks whether somebody is there.
///
/// Aliases are looked up, not expanded; `.forward` files are not read.
pub async fn verify(site: &Site, address: &[u8], macros: &mut MacroTable) -> Verified {
    let target = match site.resolve(address, macros).await {
        Resolution::Mailer(target) => target,
        Resolution::Refused(reply) => return Verified::Refused(reply),
        Resolution::Later(reply) => return Verified::Later(reply),
        Resolution::Discard => return Verified::Discard,
    };
    verify_target(site, target, macros).await
}

/// Looks whether somebody is where the rules sent an address.
pub async fn verify_target(site: &Site, target: Target, macros: &mut MacroTable) -> Verified {
    match known(site, &target, macros).await {
        Ok(true) => Verified::Deliverable(target),
        Ok(false) => Verified::Refused(Reply::with(550, (5, 1, 1), "User unknown")),
        Err(reply) if reply.is_temporary() => Verified::Later(reply),
        Err(reply) => Verified::Refused(reply),
    }
}

/// Whether a target exists as far as this host can tell.
async fn known(site: &Site, target: &Target, macros: &mut MacroTable) -> Result<bool, Reply> {
    let mut target = target.clone();
    // Ruleset 5 may say more of what it has said itself.
    for _ in 0..=limits::LOCALADDR_RUNS_MAX {
        if is_alias_or_user(site, &target).await? {
            return Ok(true);
        }
        let flags = site.mailer(target.mailer).flags;
        if !flags.has(b'5') || target.user.starts_with(b"\\") {
            return Ok(false);
        }
        match site.localaddr(&target, macros).await {
            Some(Resolution::Mailer(mapped)) if mapped != target => target = mapped,
            Some(Resolution::Refused(reply) | Resolution::Later(reply)) => return Err(reply),
            Some(Resolution::Discard) => return Ok(true),
            _ => return Ok(!flags.has(b'w')),
        }
    }
    Ok(false)
}

/// Whether it is an alias, a user, or for a mailer that asks for neither.
async fn is_alias_or_user(site: &Site, target: &Target) -> Result<bool, Reply> {
    let flags = site.mailer(target.mailer).flags;
    let bare = target.user.strip_prefix(b"\\");
    if flags.has(b'A') && bare.is_none() && site.alias(target).await?.is_some() {
        return Ok(true);
    }
    if !flags.has(b'w') {
        // Ruleset 5 has a word to say before it is taken as it is.
        return Ok(!flags.has(b'5'));
    }
    let user = site.local_user(bare.unwrap_or(&target.user));
    match user {
        Ok(user) => Ok(user.is_some()),
        Err(error) => Err(Reply::with(451, (4, 3, 0), error.to_string())),
    }
}
