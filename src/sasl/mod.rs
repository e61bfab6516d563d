//! SASL (RFC 4422) as machines: messages in, messages and questions out.
//!
//! A [`Server`] proves who a client is, a [`Client`] proves who we are. They
//! know no socket, no base64 and no user database: what only a database can
//! know is a question to the driver. What they need of chance and time is
//! given to them.
//!
//! User names and passwords are compared as bytes; SCRAM, and the verifiers that
//! it is checked against, go by SASLprep (RFC 4013) as its RFC demands.
//!
//! Beside the machines stand the formats that authentication reads and
//! writes: SCRAM verifiers, `AuthInfo` entries, the configuration of the SASL
//! library, and the words of `saslauthd`.

pub mod authinfo;
pub mod client;
mod digest;
pub mod hash;
pub mod library;
mod mechanism;
pub mod saslauthd;
mod secret;
pub mod server;
mod tokens;
pub mod verifier;

pub use authinfo::AuthInfo;
pub use client::Client;
pub use mechanism::Mechanism;
pub use secret::Secret;
pub use server::{Reply, Server};
pub use verifier::Verifier;

/// The longest message of an exchange that is taken (RFC 4954, section 4).
pub const MESSAGE_BYTES_MAX: usize = 12288;

/// What ties an exchange to the TLS session it runs in (RFC 5056), by the
/// name of its kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bindings(Vec<(&'static str, Vec<u8>)>);

impl Bindings {
    /// None: the exchange is in the clear.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// One more: `tls-exporter` (RFC 9266) or `tls-server-end-point`
    /// (RFC 5929).
    #[must_use]
    pub fn with(mut self, kind: &'static str, data: Vec<u8>) -> Self {
        self.0.push((kind, data));
        self
    }

    /// Whether there is any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The data of a kind.
    pub fn get(&self, kind: &[u8]) -> Option<&[u8]> {
        let found = self.0.iter().find(|(name, _)| name.as_bytes() == kind)?;
        Some(&found.1)
    }

    /// The one that a client uses: the first.
    pub fn first(&self) -> Option<(&'static str, &[u8])> {
        self.0.first().map(|(kind, data)| (*kind, data.as_slice()))
    }
}

/// `user` or `user@realm`, divided; without a realm the default holds.
pub fn split_realm<'a>(name: &'a [u8], default: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    match name.iter().rposition(|byte| *byte == b'@') {
        Some(at) => (&name[..at], &name[at + 1..]),
        None => (name, default),
    }
}

#[cfg(test)]
mod tests;
