//! The name service of a comparison: every name is there, and nothing else is
//! known of it. Both configurations hear the same, at once, and no server is
//! asked.

use std::net::{IpAddr, Ipv4Addr};

use bstr::BString;

use crate::world::{BoxFuture, Mx, RecordKind, ResolveError, Resolver};

/// The address that every name has (RFC 5737).
const SOMEWHERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 77);

/// That name service.
pub(super) struct EveryName;

impl Resolver for EveryName {
    fn mx<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, Result<Vec<Mx>, ResolveError>> {
        Box::pin(std::future::ready(Err(ResolveError::NoData)))
    }

    fn addresses<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>> {
        Box::pin(std::future::ready(Ok(vec![SOMEWHERE.into()])))
    }

    fn name_of(&self, _address: IpAddr) -> BoxFuture<'_, Result<String, ResolveError>> {
        Box::pin(std::future::ready(Err(ResolveError::NoData)))
    }

    fn canonical<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<String, ResolveError>> {
        Box::pin(std::future::ready(Ok(name.to_ascii_lowercase())))
    }

    fn records<'a>(
        &'a self,
        _name: &'a str,
        kind: RecordKind,
    ) -> BoxFuture<'a, Result<Vec<BString>, ResolveError>> {
        Box::pin(std::future::ready(match kind {
            RecordKind::A => Ok(vec![SOMEWHERE.to_string().into()]),
            _ => Err(ResolveError::NoData),
        }))
    }
}
