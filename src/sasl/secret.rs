//! A secret in memory: a password, a token, a key.
//!
//! It is wiped when it goes, and nothing that is printed for debugging shows
//! it.

use std::fmt;
use std::ops::Deref;

use bstr::BString;
use zeroize::Zeroize;

/// Bytes that nobody else is to see.
#[derive(Clone, Default)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The secret itself.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl Deref for Secret {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(..)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        super::hash::same_password(&self.0, &other.0)
    }
}

impl Eq for Secret {}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<BString> for Secret {
    fn from(bytes: BString) -> Self {
        Self(bytes.into())
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}
