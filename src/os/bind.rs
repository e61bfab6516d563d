//! Listening sockets: made by the process that may bind, given to the one
//! that answers.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, Socket, Type};

/// How a socket is to be made (`DaemonPortOptions`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Connections that may wait to be accepted (`Listen`).
    pub backlog: u32,
    /// Send buffer in bytes (`SndBufSize`); 0 for the system's choice.
    pub send_buffer: usize,
    /// Receive buffer in bytes (`RcvBufSize`); 0 for the system's choice.
    pub receive_buffer: usize,
}

/// Binds and listens on a TCP port. An IPv6 socket takes IPv6 only, so that
/// both families can have listeners of their own.
pub fn bind_inet(address: SocketAddr, bound: &Bound) -> io::Result<OwnedFd> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    if bound.send_buffer > 0 {
        socket.set_send_buffer_size(bound.send_buffer)?;
    }
    if bound.receive_buffer > 0 {
        socket.set_recv_buffer_size(bound.receive_buffer)?;
    }
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(bound.backlog).unwrap_or(i32::MAX))?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Binds and listens on a Unix socket with these permissions. A socket that
/// nobody listens on any more is replaced; anything else in its place is left
/// alone and an error.
pub fn bind_local(path: &Path, mode: u32) -> io::Result<OwnedFd> {
    if let Ok(meta) = std::fs::symlink_metadata(path) {
        if !meta.file_type().is_socket() || UnixStream::connect(path).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    listener.set_nonblocking(true)?;
    Ok(listener.into())
}

/// A listening socket that was handed over at the start, and where it is
/// bound.
pub enum Given {
    /// A TCP port.
    Inet(SocketAddr, OwnedFd),
    /// A Unix socket.
    Local(PathBuf, OwnedFd),
}

/// The listening sockets that the service manager has opened for this process
/// (sd_listen_fds(3)): once, and none in any child.
pub fn given_sockets() -> Vec<Given> {
    let mut sockets = listenfd::ListenFd::from_env();
    let mut found = Vec::new();
    for index in 0..sockets.len() {
        if let Ok(Some(socket)) = sockets.take_tcp_listener(index) {
            if let Ok(address) = socket.local_addr() {
                found.push(Given::Inet(address, socket.into()));
            }
        } else if let Ok(Some(socket)) = sockets.take_unix_listener(index) {
            let address = socket.local_addr().ok();
            if let Some(path) = address.as_ref().and_then(|a| a.as_pathname()) {
                found.push(Given::Local(path.to_owned(), socket.into()));
            }
        }
    }
    found
}

/// Makes an inherited listening socket ready for use.
pub fn take_over(descriptor: OwnedFd) -> io::Result<Socket> {
    let socket = Socket::from(descriptor);
    socket.set_nonblocking(true)?;
    Ok(socket)
}
