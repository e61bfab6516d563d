//! Mail going out: to other hosts, to mailboxes, programs and files.
//!
//! What a recipient's user owns is touched only by an agent, a process that
//! is that user ([`agent`]); everything else runs in the engine.

pub mod agent;
mod compose;
mod convert;
pub mod delivery;
mod jobs;
mod lists;
pub mod lmtp;
mod local;
mod log;
pub mod mailbox;
pub mod plan;
pub mod program;
mod remote;
mod report;
pub mod result;
pub mod smrsh;
mod turns;

pub use lists::AgentLists;
pub use remote::Security;
pub use remote::status::{Record as HostRecord, TABLE as HOST_TABLE};
