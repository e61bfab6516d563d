//! The world as traits: clock, names, users, programs.
//!
//! Everything above row 1 reaches the outside only through these; `os` has
//! the real ones, tests have simulated ones. Nothing here does anything.

use std::future::Future;
use std::net::IpAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bstr::BString;

mod disk;
mod effects;
mod identity;
mod log;
mod nothing;
mod state;
mod tls;
mod vouched;

pub use disk::{Disk, DiskFile, FileFacts, OpenMode};
pub use effects::{
    Dial, Ended, Endpoint, Entropy, Files, LocalHost, LogLevel, Program, Programs, Stream,
    SystemLog,
};
pub use identity::HostIdentity;
pub use log::{Counted, Log};
pub use nothing::Nothing;
pub use state::StateStore;
pub use tls::{
    CertificateFacts, Secured, TlsClient, TlsFacts, TlsFault, TlsFeatures, TlsServer, Verify,
    Wanted,
};
pub use vouched::{Https, ReportTo, Tlsa, Vouched, VouchedKind};

/// A future that a trait object can give.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Time: for stamps, and for intervals.
pub trait Clock: Send + Sync {
    /// The time of day.
    fn now(&self) -> SystemTime;
    /// A reading that never goes back.
    fn instant(&self) -> Instant;
}

/// Why a name has no answer. Not found and try again are never confused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The name does not exist (NXDOMAIN).
    #[error("host not found")]
    NoSuchName,
    /// The name exists, but has no record of this type.
    #[error("no record of this type")]
    NoData,
    /// No answer for now: a timeout, SERVFAIL or REFUSED.
    #[error("name server: host name lookup failure")]
    Temporary,
}

/// One MX record: preference and exchange (lower case, no trailing dot).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mx {
    /// Lower is tried first.
    pub preference: u16,
    /// The host; empty for a null MX (RFC 7505).
    pub exchange: String,
}

/// The domain name system and the service switch's `hosts`.
///
/// Names are given without a trailing dot, in any case.
pub trait Resolver: Send + Sync {
    /// MX records, in the order the server gave them.
    fn mx<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<Mx>, ResolveError>>;
    /// Addresses: hosts file first when the service switch says so, then AAAA
    /// and A.
    fn addresses<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>>;
    /// The name of an address (PTR), lower case, no trailing dot.
    fn name_of(&self, address: IpAddr) -> BoxFuture<'_, Result<String, ResolveError>>;
    /// The canonical name: CNAMEs followed, the search list tried, no trailing
    /// dot. As the hosts file writes it; one that a name server has under the
    /// very name that was asked is as it was asked. This is what map class
    /// `host` asks.
    fn canonical<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<String, ResolveError>>;
    /// Records of any type, as text (TXT chunks joined): map class `dns`. A name
    /// without a dot behind it is tried in the search list too.
    fn records<'a>(
        &'a self,
        name: &'a str,
        kind: RecordKind,
    ) -> BoxFuture<'a, Result<Vec<BString>, ResolveError>>;
    /// Records with whether a validating resolver vouches for them. A
    /// resolver that cannot say vouches for nothing.
    fn vouched<'a>(
        &'a self,
        _name: &'a str,
        _kind: VouchedKind,
    ) -> BoxFuture<'a, Result<Vouched, ResolveError>> {
        Box::pin(std::future::ready(Ok(Vouched::default())))
    }
}

/// The record types that map class `dns` offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // The names are those of the RFCs.
pub enum RecordKind {
    A,
    Aaaa,
    Afsdb,
    Cname,
    Mx,
    Ns,
    Ptr,
    Srv,
    Txt,
}

/// One entry of the user database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The login name, as the database has it.
    pub name: BString,
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// The full name (first field of the GECOS, `&` expanded).
    pub full_name: BString,
    /// The home directory.
    pub home: PathBuf,
    /// The login shell.
    pub shell: PathBuf,
}

/// Users and groups, through the system's name service. May block: callers on
/// an async path keep it off their threads or behind a cache.
pub trait Users: Send + Sync {
    /// The user of this exact name.
    fn user(&self, name: &[u8]) -> Result<Option<Arc<User>>, UsersError>;
    /// The user of this id.
    fn user_by_id(&self, uid: u32) -> Result<Option<Arc<User>>, UsersError>;
    /// The id of a group.
    fn group(&self, name: &[u8]) -> Result<Option<u32>, UsersError>;
}

/// The user database could not be asked: try again later.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("user database: {0}")]
pub struct UsersError(pub String);
