//! Logins and private keys: a process of their own.
//!
//! The engine reads from the network, so it holds no password, no verifier
//! and no private key. A process that reads nothing but the engine's frames
//! holds them (`role`): it speaks the server's half of every SASL exchange,
//! and signs TLS handshakes. The engine asks over a channel (`desk`,
//! `wire`). Questions at once are counted, and each has its time.
//!
//! Under a root parent this process stays root, for user databases and keys
//! are often readable by root alone, and PAM needs it; as an ordinary user it
//! is that user. PAM, which runs code of others, is asked in a process of its
//! own each time (`pam`).

mod databases;
mod desk;
mod pam;
mod role;
mod wire;

pub use databases::VERIFIERS;
pub(super) use databases::secrets;
pub(super) use desk::{Desk, DeskKeys, Offer};
pub use pam::pam;
pub use role::logins;
