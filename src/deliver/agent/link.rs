//! A socket to one agent: frames out, answers in, neither waiting for the
//! other.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::Arc;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::oneshot;

use super::pool::{Job, MessageText};
use super::wire::{HEAD_BYTES, Head, Request, Response};
use crate::queue::Body;

/// Bytes read in one piece.
const PIECE_BYTES: usize = 16 << 10;

/// A connected agent.
pub(super) struct Link {
    stream: UnixStream,
    next_id: u64,
    waiting: HashMap<u64, oneshot::Sender<Response>>,
    out: VecDeque<Outgoing>,
    input: Vec<u8>,
}

/// Bytes to be sent; a descriptor goes beside the first of them.
struct Outgoing {
    bytes: Vec<u8>,
    sent: usize,
    file: Option<Arc<File>>,
}

impl Link {
    pub(super) fn new(stream: StdStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: UnixStream::from_std(stream)?,
            next_id: 0,
            waiting: HashMap::new(),
            out: VecDeque::new(),
            input: Vec::new(),
        })
    }

    pub(super) fn into_std(self) -> io::Result<StdStream> {
        self.stream.into_std()
    }

    /// Asks one thing and waits for the answer.
    pub(super) async fn ask(
        &mut self,
        request: &Request,
        text: Option<MessageText>,
    ) -> io::Result<Response> {
        let (answer, mut answered) = oneshot::channel();
        self.queue(request, text.as_ref(), answer);
        // A socket in it is to be the agent's alone.
        drop(text);
        loop {
            self.go_on().await?;
            if let Ok(response) = answered.try_recv() {
                return Ok(response);
            }
        }
    }

    pub(super) fn submit(&mut self, job: Job) {
        self.queue(&job.request, job.text.as_ref(), job.answer);
    }

    pub(super) fn is_busy(&self) -> bool {
        !self.waiting.is_empty() || !self.out.is_empty()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.waiting.len()
    }

    fn queue(
        &mut self,
        request: &Request,
        text: Option<&MessageText>,
        answer: oneshot::Sender<Response>,
    ) {
        self.next_id += 1;
        self.waiting.insert(self.next_id, answer);
        let payload = request.encode(self.next_id);
        let mut head = Head {
            payload_bytes: payload.len(),
            ..Head::default()
        };
        let (mut body, mut file) = (None, None);
        if let Some(text) = text {
            head.header_bytes = text.header.len();
            match &text.body {
                Body::Memory(bytes) => {
                    head.body_bytes = bytes.len();
                    body = Some(bytes);
                }
                Body::File(body, _) => {
                    head.has_file = true;
                    file = Some(Arc::clone(body));
                }
            }
        }
        let last = self.out.back_mut().filter(|_| file.is_none());
        let bytes = match last {
            Some(last) => &mut last.bytes,
            None => {
                self.out.push_back(Outgoing {
                    bytes: Vec::new(),
                    sent: 0,
                    file,
                });
                match self.out.back_mut() {
                    Some(last) => &mut last.bytes,
                    None => return,
                }
            }
        };
        bytes.extend_from_slice(&head.encode());
        bytes.extend_from_slice(&payload);
        if let Some(text) = text {
            bytes.extend_from_slice(&text.header);
        }
        if let Some(body) = body {
            bytes.extend_from_slice(body);
        }
    }

    /// Sends and receives what can be sent and received now, waiting for at
    /// least one of them. Safe to be given up and called again.
    pub(super) async fn go_on(&mut self) -> io::Result<()> {
        let mut interest = Interest::READABLE;
        if !self.out.is_empty() {
            interest |= Interest::WRITABLE;
        }
        let ready = self.stream.ready(interest).await?;
        if ready.is_writable() {
            self.send()?;
        }
        if ready.is_readable() {
            self.receive()?;
        }
        Ok(())
    }

    fn send(&mut self) -> io::Result<()> {
        while let Some(next) = self.out.front_mut() {
            let file = next.file.as_deref().filter(|_| next.sent == 0);
            let bytes = &next.bytes[next.sent..];
            let sent = self.stream.try_io(Interest::WRITABLE, || match file {
                Some(file) => send_with(&self.stream, bytes, file),
                None => rustix::io::write(&self.stream, bytes).map_err(io::Error::from),
            });
            match sent {
                Ok(count) => next.sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            if next.sent == next.bytes.len() {
                self.out.pop_front();
            }
        }
        Ok(())
    }

    fn receive(&mut self) -> io::Result<()> {
        let mut piece = [0; PIECE_BYTES];
        loop {
            match self.stream.try_read(&mut piece) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    self.input.extend_from_slice(&piece[..count]);
                    self.answers()?;
                    if count < PIECE_BYTES {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes whole answers out of what was received.
    fn answers(&mut self) -> io::Result<()> {
        let bad = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let mut taken = 0;
        while let Some(head) = self.input[taken..].first_chunk::<HEAD_BYTES>() {
            let head = Head::decode(head).map_err(bad)?;
            let end = taken + HEAD_BYTES + head.payload_bytes;
            let Some(payload) = self.input.get(taken + HEAD_BYTES..end) else {
                break;
            };
            let (id, response) = Response::decode(payload).map_err(bad)?;
            if let Some(answer) = self.waiting.remove(&id) {
                // Whoever asked may have gone away.
                let _ = answer.send(response);
            }
            taken = end;
        }
        self.input.drain(..taken);
        Ok(())
    }
}

fn send_with(stream: &UnixStream, bytes: &[u8], file: &File) -> io::Result<usize> {
    let files = [file.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    control.push(SendAncillaryMessage::ScmRights(&files));
    let sent = sendmsg(
        stream,
        &[IoSlice::new(bytes)],
        &mut control,
        SendFlags::NOSIGNAL,
    )?;
    Ok(sent)
}
