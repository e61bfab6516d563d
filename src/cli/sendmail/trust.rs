//! Who may do what, by the real user id.

use crate::base::Place;
use crate::cf::{Opt, Options};
use crate::daemon;
use crate::os::{SystemUsers, is_root};

/// Root, option TrustedUser, and whoever has a private root: it is theirs by
/// its permissions.
pub(super) fn is_trusted(options: &Options, place: &Place) -> bool {
    let uid = nix::unistd::getuid().as_raw();
    uid == 0
        || is_root()
        || place.root().is_some()
        || daemon::named_user(options.text(Opt::TrustedUser), &SystemUsers::new())
            .is_some_and(|found| found.uid == uid)
}

/// Whether a word stands in PrivacyOptions.
pub(super) fn is_private(options: &Options, word: &str) -> bool {
    options
        .words(Opt::PrivacyOptions)
        .iter()
        .any(|found| found.eq_ignore_ascii_case(word.as_bytes()))
}
