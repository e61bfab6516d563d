//! Where an address goes, what becomes of it on the way, and whether a peer
//! may ask for it: the rules applied.
//!
//! A [`Site`] is one configuration, frozen: its typed `.cf`, compiled rules,
//! open maps. Sessions and deliveries hold an `Arc` of the one they began
//! with; a reload makes a new one aside.

pub mod check;
pub mod load;
pub mod resolve;
pub mod rewriting;
mod run;
pub mod site;
pub mod tls;

use bstr::BString;

use crate::base::Reply;

pub use check::Verdict;
pub(crate) use check::error_exit;
pub use rewriting::Role;
pub use site::{Site, SiteWorld};

/// A mailer of the configuration, by its place in `Config::mailers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailerId(pub(crate) u16);

impl MailerId {
    /// Its place in `Config::mailers`: what `mailstats` counts it under.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The mailer triple: where ruleset 0 sent an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The mailer.
    pub mailer: MailerId,
    /// The host, or what a local mailer takes as detail; often empty.
    pub host: BString,
    /// The user part as the mailer gets it (`$u`): rewritten for the mailer,
    /// ruleset 4 done, in lower case unless flag `u` forbids it.
    pub user: BString,
}

/// What ruleset 0 says of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// It can be delivered.
    Mailer(Target),
    /// It cannot, now (4xx) or ever (5xx).
    Refused(Reply),
    /// A map could not be asked: the address is taken and tried later.
    Later(Reply),
    /// It is to vanish without a word.
    Discard,
}
