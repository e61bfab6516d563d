//! Delivery agents: processes that are one user and touch what is his.
//!
//! The engine never opens a mailbox or starts a program. It asks its
//! [`AgentSource`] for an agent of a user, and gets a socket; the parent has
//! started a process that became this user before it read a byte. Over the
//! socket go [`Request`]s and [`Response`]s ([`wire`]), several in flight: an
//! agent takes what is waiting together, so that a busy mailbox costs one lock
//! and one sync for many messages. An agent that is idle ends.
//!
//! [`serve()`] is the agent's whole life; [`AgentPool`] is the engine's end.

use std::os::unix::net::UnixStream;

use bstr::BString;

use crate::world::BoxFuture;

mod link;
mod lists;
mod pool;
mod serve;
#[cfg(test)]
mod tests;
pub mod wire;

pub use pool::{AgentPool, MessageText};
pub use serve::{ServeOptions, serve};
pub use wire::{
    FileJob, Lenience, ListText, MboxJob, ProgramEnd, ProgramFate, ProgramJob, ProgramText,
    Request, Response,
};

/// What an agent is for: it decides which groups it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Mailboxes: it may make files in the mail directory.
    Mailbox,
    /// Programs, files and lists: it is the user and nothing more.
    Programs,
}

/// There is no agent for this user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NoAgent {
    /// Worth another try.
    pub temporary: bool,
    /// Why.
    pub reason: BString,
}

/// Starts agents.
pub trait AgentSource: Send + Sync {
    /// A fresh agent for the user of this login name, connected.
    fn agent<'a>(
        &'a self,
        user: &'a [u8],
        purpose: Purpose,
    ) -> BoxFuture<'a, Result<UnixStream, NoAgent>>;
}
