//! Connections to services that maps ask: TCP and Unix sockets.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream, UnixStream};

use crate::world::{BoxFuture, Dial, Endpoint, Resolver, Stream};

/// Opens connections; names of hosts go through the given resolver.
pub struct SystemDial {
    resolver: Arc<dyn Resolver>,
}

impl SystemDial {
    /// One that looks names up with `resolver`.
    pub fn new(resolver: Arc<dyn Resolver>) -> Self {
        Self { resolver }
    }

    async fn open(
        &self,
        source: Option<SocketAddr>,
        endpoint: &Endpoint,
    ) -> io::Result<Box<dyn Stream>> {
        match endpoint {
            Endpoint::Local(path) => {
                let path = Path::new(std::ffi::OsStr::from_bytes(path));
                Ok(Box::new(UnixStream::connect(path).await?))
            }
            Endpoint::Inet { host, port } => {
                let host = host.trim_start_matches('[').trim_end_matches(']');
                let addresses = match host.parse::<IpAddr>() {
                    Ok(address) => vec![address],
                    Err(_) => self
                        .resolver
                        .addresses(host)
                        .await
                        .map_err(io::Error::other)?,
                };
                let mut last = io::Error::from(io::ErrorKind::NotFound);
                for address in addresses {
                    match to(source, SocketAddr::new(address, *port)).await {
                        Ok(stream) => {
                            // What is written is written whole.
                            let _ = stream.set_nodelay(true);
                            return Ok(Box::new(stream));
                        }
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
        }
    }
}

impl Dial for SystemDial {
    fn connect<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        time_max: Duration,
    ) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            tokio::time::timeout(time_max, self.open(None, endpoint))
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        })
    }

    fn connect_from<'a>(
        &'a self,
        source: SocketAddr,
        endpoint: &'a Endpoint,
        time_max: Duration,
    ) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            tokio::time::timeout(time_max, self.open(Some(source), endpoint))
                .await
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        })
    }
}

async fn to(source: Option<SocketAddr>, address: SocketAddr) -> io::Result<TcpStream> {
    let Some(source) = source.filter(|source| source.is_ipv6() == address.is_ipv6()) else {
        return TcpStream::connect(address).await;
    };
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if source.port() != 0 {
        socket.set_reuseaddr(true)?;
    }
    socket.bind(source)?;
    socket.connect(address).await
}
