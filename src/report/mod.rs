//! What an administrator looks at: the queue, the counters.
//!
//! The output is sendmail's, to the letter: scripts and monitors read it.

pub mod hoststat;
pub mod mailq;
pub mod statistics;
