//! Taking over a site that runs on sendmail: its files staged, its
//! configuration compiled anew, and what differs from the one it had.

mod compare;
mod report;
mod stage;

pub use compare::{Difference, compare};
pub use report::{Report, Treated};
pub use stage::{SiteHost, Staged, stage};

#[cfg(test)]
mod tests;
