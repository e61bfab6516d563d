//! What a validating resolver vouches for (DNSSEC), and files on web servers:
//! where a domain says how its mail is to be brought.

use bstr::BString;

use super::{BoxFuture, Mx};

/// Records with what is known of their origin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vouched {
    /// Every record on the way was signed, and the resolver found the
    /// signatures right (the AD bit).
    pub is_secure: bool,
    /// The name they stand at, after all aliases; no trailing dot.
    pub name: String,
    /// Exchanges, when MX records were asked for.
    pub exchanges: Vec<Mx>,
    /// Certificates, when TLSA records were asked for.
    pub certificates: Vec<Tlsa>,
}

/// Which records are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VouchedKind {
    /// MX.
    Mx,
    /// A, for the name they stand at.
    Address,
    /// TLSA.
    Tlsa,
}

/// What a server's certificate is to be (RFC 6698).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tlsa {
    /// 2 for an authority, 3 for the server's own; others count for nothing
    /// in mail (RFC 7672, section 3.1.3).
    pub usage: u8,
    /// 0 for the whole certificate, 1 for its public key.
    pub selector: u8,
    /// 0 for the thing itself, 1 for its SHA-256, 2 for its SHA-512.
    pub matching: u8,
    /// The thing.
    pub data: Vec<u8>,
}

impl Tlsa {
    /// Whether a certificate can be compared with it.
    pub fn is_usable(&self) -> bool {
        let length_is_right = match self.matching {
            0 => !self.data.is_empty(),
            1 => self.data.len() == 32,
            2 => self.data.len() == 64,
            _ => false,
        };
        matches!(self.usage, 2 | 3) && self.selector < 2 && length_is_right
    }
}

/// Brings files from web servers, by HTTPS with a certificate that a trusted
/// authority signed.
pub trait Https: Send + Sync {
    /// The body of a file; redirections are not followed.
    ///
    /// # Errors
    /// A sentence.
    fn get<'a>(
        &'a self,
        host: &'a str,
        path: &'a str,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Vec<u8>, String>>;

    /// Leaves a document there.
    ///
    /// # Errors
    /// A sentence.
    fn post<'a>(
        &'a self,
        host: &'a str,
        path: &'a str,
        kind: &'a str,
        body: &'a [u8],
    ) -> BoxFuture<'a, Result<(), String>>;
}

/// An address that a report goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportTo {
    /// `mailto:`
    Mail(BString),
    /// `https://host/path`
    Https(String, String),
}
