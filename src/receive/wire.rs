//! The stream of a session, with buffers that exist only while they are used.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::socket::Socket;
use crate::world::Stream;

/// Bytes taken from the stream at once.
const READ_BYTES: usize = 32 << 10;
/// Buffers up to this size are kept between two uses in the midst of a
/// message.
const KEPT_BYTES: usize = 4 << 10;

/// How reading ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// There is something.
    Some,
    /// Nothing will come any more.
    End,
    /// Nothing came in time.
    Late,
}

/// A stream, what was read from it and not yet used, and what is to be
/// written to it.
pub(super) struct Wire<S> {
    stream: Socket<S>,
    /// Read and not yet used.
    pub(super) input: Vec<u8>,
    /// To be written.
    pub(super) out: Vec<u8>,
    /// SevenBitInput: bytes lose their high bit as they come.
    pub(super) seven_bit: bool,
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Wire<S> {
    /// Takes the stream out for a handshake; what was read and not used is
    /// forgotten with it.
    pub(super) fn take_stream(&mut self) -> Option<Box<dyn Stream>> {
        self.input = Vec::new();
        self.stream.take()
    }

    /// Goes on under TLS.
    pub(super) fn secure(&mut self, stream: Box<dyn Stream>) {
        self.stream = Socket::Secure(stream);
    }

    pub(super) fn new(stream: S) -> Self {
        Self {
            stream: Socket::Plain(stream),
            input: Vec::new(),
            out: Vec::new(),
            seven_bit: false,
        }
    }

    /// Forgets the first `taken` bytes of the input; what is used up is freed.
    pub(super) fn used(&mut self, taken: usize) {
        if taken >= self.input.len() {
            if self.input.capacity() > KEPT_BYTES {
                self.input = Vec::new();
            } else {
                self.input.clear();
            }
        } else {
            self.input.drain(..taken);
        }
    }

    /// Gives back the memory of empty buffers: the session falls idle.
    pub(super) fn rest(&mut self) {
        if self.input.is_empty() {
            self.input = Vec::new();
        }
        if self.out.is_empty() {
            self.out = Vec::new();
        }
    }

    /// Reads what is there, and waits for it at most `time`.
    ///
    /// The buffer is on the stack of the poll, so nothing is held while
    /// waiting.
    pub(super) async fn read(&mut self, time: Duration) -> io::Result<Got> {
        let before = self.input.len();
        let got = self.take(time).await;
        if self.seven_bit {
            for byte in &mut self.input[before..] {
                *byte = seven_bit(*byte);
            }
        }
        got
    }

    async fn take(&mut self, time: Duration) -> io::Result<Got> {
        let Self { stream, input, .. } = self;
        let read = std::future::poll_fn(|context| {
            let mut space = [const { MaybeUninit::<u8>::uninit() }; READ_BYTES];
            let mut buffer = ReadBuf::uninit(&mut space);
            ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
            input.extend_from_slice(buffer.filled());
            Poll::Ready(io::Result::Ok(!buffer.filled().is_empty()))
        });
        match tokio::time::timeout(time, read).await {
            Err(_) => Ok(Got::Late),
            Ok(Ok(true)) => Ok(Got::Some),
            Ok(Ok(false)) => Ok(Got::End),
            Ok(Err(error)) => Err(error),
        }
    }

    /// Writes what is to be written. A client that does not take it in `time`
    /// is given up.
    pub(super) async fn flush(&mut self, time: Duration) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let Self { stream, out, .. } = self;
        let write = async {
            stream.write_all(out).await?;
            // TLS keeps records until it is told.
            stream.flush().await
        };
        let written = tokio::time::timeout(time, write).await;
        self.out.clear();
        match written {
            Ok(result) => result,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Ends the stream in good order.
    pub(super) async fn close(&mut self, time: Duration) {
        let _ = self.flush(time).await;
        let _ = tokio::time::timeout(time, self.stream.shutdown()).await;
    }

    /// Whether something comes within `time`: a client that should wait.
    pub(super) async fn is_impatient(&mut self, time: Duration) -> bool {
        !self.input.is_empty() || matches!(self.read(time).await, Ok(Got::Some))
    }
}

/// `byte` without its high bit. What would become a line end or a NUL becomes
/// a question mark: nothing that comes may mean more here than it did before.
fn seven_bit(byte: u8) -> u8 {
    match byte & 0x7f {
        b'\r' | b'\n' | 0 if byte >= 0x80 => b'?',
        stripped => stripped,
    }
}
