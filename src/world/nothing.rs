//! A world with nothing in it: for checking a configuration, and for tests.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bstr::BString;

use super::{
    BoxFuture, Dial, Ended, Endpoint, Entropy, LocalHost, Log, LogLevel, Mx, Program, Programs,
    RecordKind, ResolveError, Resolver, Stream, SystemLog, User, Users, UsersError,
};

/// No names, no users, no programs; every question about the net is *try
/// again*, and the log goes nowhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

/// The answer to every question about names.
fn unknown<'a, T: Send + 'a>() -> BoxFuture<'a, Result<T, ResolveError>> {
    Box::pin(std::future::ready(Err(ResolveError::Temporary)))
}

impl Resolver for Nothing {
    fn mx<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, Result<Vec<Mx>, ResolveError>> {
        unknown()
    }

    fn addresses<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>> {
        unknown()
    }

    fn name_of(&self, _address: IpAddr) -> BoxFuture<'_, Result<String, ResolveError>> {
        unknown()
    }

    fn canonical<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, Result<String, ResolveError>> {
        unknown()
    }

    fn records<'a>(
        &'a self,
        _name: &'a str,
        _kind: RecordKind,
    ) -> BoxFuture<'a, Result<Vec<BString>, ResolveError>> {
        unknown()
    }
}

impl LocalHost for Nothing {
    fn load(&self) -> u32 {
        0
    }

    fn admits(&self, _name: Option<&[u8]>, _address: IpAddr) -> bool {
        true
    }
}

impl Users for Nothing {
    fn user(&self, _name: &[u8]) -> Result<Option<Arc<User>>, UsersError> {
        Ok(None)
    }

    fn user_by_id(&self, _uid: u32) -> Result<Option<Arc<User>>, UsersError> {
        Ok(None)
    }

    fn group(&self, _name: &[u8]) -> Result<Option<u32>, UsersError> {
        Ok(None)
    }
}

impl Programs for Nothing {
    fn output(&self, _program: Program) -> BoxFuture<'_, io::Result<Ended>> {
        Box::pin(std::future::ready(Err(io::ErrorKind::Unsupported.into())))
    }
}

impl Dial for Nothing {
    fn connect<'a>(
        &'a self,
        _endpoint: &'a Endpoint,
        _time_max: Duration,
    ) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(std::future::ready(Err(
            io::ErrorKind::NetworkUnreachable.into()
        )))
    }
}

impl SystemLog for Nothing {
    fn log(&self, _level: LogLevel, _text: &[u8]) {}
}

impl Log for Nothing {
    fn level(&self) -> u8 {
        0
    }

    fn line(&self, _priority: LogLevel, _line: &[u8]) {}
}

/// Always the same bits.
impl Entropy for Nothing {
    fn random(&self) -> u64 {
        0
    }
}
