//! The mechanisms there are.

use bstr::ByteSlice;

use super::hash::Hash;

/// A mechanism that is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// `EXTERNAL` (RFC 4422): the TLS certificate says it.
    External,
    /// `SCRAM-SHA-256-PLUS` (RFC 7677), tied to the TLS session.
    ScramSha256Plus,
    /// `SCRAM-SHA-256` (RFC 7677).
    ScramSha256,
    /// `SCRAM-SHA-1-PLUS` (RFC 5802), tied to the TLS session.
    ScramSha1Plus,
    /// `SCRAM-SHA-1` (RFC 5802).
    ScramSha1,
    /// `DIGEST-MD5` (RFC 2831).
    DigestMd5,
    /// `CRAM-MD5` (RFC 2195).
    CramMd5,
    /// `OAUTHBEARER` (RFC 7628).
    OauthBearer,
    /// `XOAUTH2`, Google's and Microsoft's.
    Xoauth2,
    /// `LOGIN`, never written down, spoken everywhere.
    Login,
    /// `PLAIN` (RFC 4616).
    Plain,
}

impl Mechanism {
    /// All, the strongest first.
    pub const ALL: [Self; 11] = [
        Self::External,
        Self::ScramSha256Plus,
        Self::ScramSha256,
        Self::ScramSha1Plus,
        Self::ScramSha1,
        Self::DigestMd5,
        Self::CramMd5,
        Self::OauthBearer,
        Self::Xoauth2,
        Self::Login,
        Self::Plain,
    ];

    /// The mechanism of this name, in any case.
    pub fn parse(name: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|mechanism| name.eq_ignore_ascii_case(mechanism.name().as_bytes()))
    }

    /// The mechanisms that a list of words names, in its order, each once.
    pub fn list(words: &[u8]) -> Vec<Self> {
        let mut found = Vec::new();
        for word in words.fields_with(|c| c == ',' || c.is_whitespace()) {
            if let Some(mechanism) = Self::parse(word)
                && !found.contains(&mechanism)
            {
                found.push(mechanism);
            }
        }
        found
    }

    /// Its name, as in EHLO.
    pub const fn name(self) -> &'static str {
        match self {
            Self::External => "EXTERNAL",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha1Plus => "SCRAM-SHA-1-PLUS",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::DigestMd5 => "DIGEST-MD5",
            Self::CramMd5 => "CRAM-MD5",
            Self::OauthBearer => "OAUTHBEARER",
            Self::Xoauth2 => "XOAUTH2",
            Self::Login => "LOGIN",
            Self::Plain => "PLAIN",
        }
    }

    /// Whether whoever listens on the line can read the secret.
    pub const fn is_plaintext(self) -> bool {
        matches!(
            self,
            Self::Plain | Self::Login | Self::Xoauth2 | Self::OauthBearer
        )
    }

    /// Whether it is tied to the TLS session.
    pub const fn is_bound(self) -> bool {
        matches!(self, Self::ScramSha256Plus | Self::ScramSha1Plus)
    }

    /// The hash of a SCRAM mechanism.
    pub const fn scram_hash(self) -> Option<Hash> {
        match self {
            Self::ScramSha1 | Self::ScramSha1Plus => Some(Hash::Sha1),
            Self::ScramSha256 | Self::ScramSha256Plus => Some(Hash::Sha256),
            _ => None,
        }
    }
}
