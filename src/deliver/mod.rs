//! Mail going out: to other hosts, to mailboxes, programs and files.
//!
//! What a recipient's user owns is touched only by an agent, a process that
//! is that user ([`agent`]); everything else runs in the engine.

pub mod agent;
pub mod lmtp;
pub mod mailbox;
pub mod program;
pub mod smrsh;
