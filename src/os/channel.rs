//! Messages between our own processes: a `SOCK_SEQPACKET` pair that carries
//! bounded frames, with descriptors beside them.
//!
//! A frame is sent and received whole or not at all. Frames are never empty,
//! because an empty one is how the system says that the other end is gone.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg,
    sendmsg, socketpair,
};

use tokio::io::Interest;
use tokio::net::UnixStream;

use crate::base::limits::CONTROL_FRAME_BYTES_MAX;

/// Descriptors beside one frame.
const DESCRIPTORS_MAX: usize = 8;

/// One end of a pair.
#[derive(Debug)]
pub struct Channel {
    socket: OwnedFd,
}

/// One end of a pair, for use in tasks.
#[derive(Debug)]
pub struct AsyncChannel {
    socket: UnixStream,
}

/// One frame.
#[derive(Debug)]
pub struct Received {
    /// Its bytes.
    pub frame: Vec<u8>,
    /// What came beside it; closed when dropped.
    pub descriptors: Vec<OwnedFd>,
}

impl Channel {
    /// Two connected ends. Neither is inherited by programs; the one for a
    /// child is given to it as its standard input.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )?;
        Ok((Self { socket: one }, Self { socket: other }))
    }

    /// The end that this process was started with, as its standard input.
    pub fn from_stdin() -> io::Result<Self> {
        let socket = io::stdin().as_fd().try_clone_to_owned()?;
        Ok(Self { socket })
    }

    /// An end that was received beside a frame.
    pub fn from_descriptor(socket: OwnedFd) -> Self {
        Self { socket }
    }

    /// Makes sends and receives give [`io::ErrorKind::WouldBlock`] instead of
    /// waiting.
    pub fn set_nonblocking(&self) -> io::Result<()> {
        Ok(rustix::io::ioctl_fionbio(&self.socket, true)?)
    }

    /// Sends one frame.
    pub fn send(&self, frame: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        send(self.socket.as_fd(), frame, descriptors)
    }

    /// Receives one frame; `None` when the other end is gone.
    pub fn receive(&self) -> io::Result<Option<Received>> {
        receive(self.socket.as_fd())
    }

    /// The socket, to be given to a child.
    pub fn into_descriptor(self) -> OwnedFd {
        self.socket
    }

    /// The same end for use in tasks. Must be called within a runtime.
    pub fn into_async(self) -> io::Result<AsyncChannel> {
        self.set_nonblocking()?;
        // The runtime polls the socket; that it is none of streams, only the
        // functions below know, and nothing else reads from it.
        let socket = std::os::unix::net::UnixStream::from(self.socket);
        Ok(AsyncChannel {
            socket: UnixStream::from_std(socket)?,
        })
    }
}

impl AsyncChannel {
    /// Sends one frame.
    pub async fn send(&self, frame: &[u8]) -> io::Result<()> {
        self.socket
            .async_io(Interest::WRITABLE, || send(self.socket.as_fd(), frame, &[]))
            .await
    }

    /// Receives one frame; `None` when the other end is gone.
    pub async fn receive(&self) -> io::Result<Option<Received>> {
        self.socket
            .async_io(Interest::READABLE, || receive(self.socket.as_fd()))
            .await
    }
}

fn send(socket: BorrowedFd<'_>, frame: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    if frame.is_empty()
        || frame.len() > CONTROL_FRAME_BYTES_MAX
        || descriptors.len() > DESCRIPTORS_MAX
    {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    loop {
        match sendmsg(
            socket,
            &[IoSlice::new(frame)],
            &mut control,
            SendFlags::NOSIGNAL,
        ) {
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn receive(socket: BorrowedFd<'_>) -> io::Result<Option<Received>> {
    let mut bytes = vec![0; CONTROL_FRAME_BYTES_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message = loop {
        match recvmsg(
            socket,
            &mut [IoSliceMut::new(&mut bytes)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        ) {
            Ok(message) => break message,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    };
    let mut descriptors = Vec::new();
    for item in control.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = item {
            descriptors.extend(received);
        }
    }
    if message.bytes == 0 {
        return Ok(None);
    }
    if message
        .flags
        .intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC)
    {
        return Err(io::ErrorKind::InvalidData.into());
    }
    bytes.truncate(message.bytes);
    Ok(Some(Received {
        frame: bytes,
        descriptors,
    }))
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for Channel {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// Who is at the other end of a Unix socket: user and group id.
pub fn peer_of(socket: impl AsFd) -> io::Result<(u32, u32)> {
    let peer = rustix::net::sockopt::socket_peercred(socket)?;
    Ok((peer.uid.as_raw(), peer.gid.as_raw()))
}

#[cfg(test)]
mod tests;
