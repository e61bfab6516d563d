//! An agent's life: take requests from the engine, do them as this user.
//!
//! Synchronous on purpose: an agent has one user, one socket and one thing to
//! do. It runs after every privilege was given up, and checks that.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use bstr::{BString, ByteSlice};
use nix::unistd::{geteuid, getuid};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use super::lists;
use super::wire::{HEAD_BYTES, Head, MboxJob, Request, Response};
use crate::base::Reply;
use crate::deliver::mailbox::{
    FileRules, MaildirName, MboxRules, Text, TextBody, append_to_file, append_to_mbox,
    deliver_to_maildir,
};
use crate::deliver::program;

/// How an agent lives.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// The login name of whom it serves: it stands in replies.
    pub user: String,
    /// It may be root (root's own mailbox, or a machine without users).
    pub may_be_root: bool,
    /// It ends after being idle for so long.
    pub idle_max: Duration,
    /// How long it waits for the lock of a mailbox.
    pub lock_wait: Duration,
    /// How our own program is called as `smrsh`, where a mailer names one
    /// that is not there.
    pub own_smrsh: Vec<OsString>,
}

/// Messages that share one lock and one sync.
const BATCH_MAX: usize = 64;
/// Text of one batch, in bytes.
const BATCH_BYTES_MAX: usize = 8 << 20;

/// Serves the engine until it hangs up or nothing comes for a while.
///
/// # Errors
/// When this process is root and should not be, or when the engine's words do
/// not parse: the agent must end then.
pub fn serve(stream: UnixStream, options: &ServeOptions) -> io::Result<()> {
    if (geteuid().is_root() || getuid().is_root()) && !options.may_be_root {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    stream.set_nonblocking(false)?;
    let mut agent = Agent {
        stream,
        options,
        names: None,
    };
    while agent.wait(options.idle_max)? {
        let Some(batch) = agent.batch()? else {
            return Ok(());
        };
        let answers = agent.work(&batch);
        agent.stream.write_all(&answers)?;
    }
    Ok(())
}

/// A request with its message, if it has one.
struct Task {
    id: u64,
    request: Request,
    text: Text,
}

struct Agent<'a> {
    stream: UnixStream,
    options: &'a ServeOptions,
    names: Option<MaildirName>,
}

impl Agent<'_> {
    /// Whether there is something to read within this time.
    fn wait(&self, time: Duration) -> io::Result<bool> {
        let time = Timespec::try_from(time).ok();
        let mut ready = [PollFd::new(&self.stream, PollFlags::IN)];
        match poll(&mut ready, time.as_ref()) {
            Ok(count) => Ok(count > 0),
            Err(Errno::INTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// All that waits, up to a limit; `None` when the engine hung up.
    fn batch(&mut self) -> io::Result<Option<Vec<Task>>> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        loop {
            match self.receive()? {
                Some(task) => {
                    bytes += task.text.head.len();
                    if let TextBody::Memory(body) = &task.text.body {
                        bytes += body.len();
                    }
                    batch.push(task);
                }
                None if batch.is_empty() => return Ok(None),
                None => return Ok(Some(batch)),
            }
            let full = batch.len() >= BATCH_MAX || bytes >= BATCH_BYTES_MAX;
            if full || !self.wait(Duration::ZERO)? {
                return Ok(Some(batch));
            }
        }
    }

    /// The next request; `None` at the end.
    fn receive(&mut self) -> io::Result<Option<Task>> {
        let mut head = [0; HEAD_BYTES];
        let (got, file) = self.receive_head(&mut head)?;
        if got == 0 {
            return Ok(None);
        }
        self.stream.read_exact(&mut head[got..])?;
        let bad = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let head = Head::decode(&head).map_err(bad)?;
        let mut payload = vec![0; head.payload_bytes];
        self.stream.read_exact(&mut payload)?;
        let (id, request) = Request::decode(&payload).map_err(bad)?;
        let mut header = vec![0; head.header_bytes];
        self.stream.read_exact(&mut header)?;
        let mut body = vec![0; head.body_bytes];
        self.stream.read_exact(&mut body)?;
        let body = match (head.has_file, file) {
            (true, Some(file)) => {
                let file = File::from(file);
                let len = file.metadata()?.len();
                TextBody::File(file, len)
            }
            (false, _) => TextBody::Memory(body.into()),
            (true, None) => return Err(io::ErrorKind::InvalidData.into()),
        };
        let text = Text {
            head: header.into(),
            body,
        };
        Ok(Some(Task { id, request, text }))
    }

    /// The first bytes of a head, with the descriptor that came beside them.
    fn receive_head(&self, head: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut pieces = [IoSliceMut::new(head)];
        let received = loop {
            match recvmsg(
                &self.stream,
                &mut pieces,
                &mut control,
                RecvFlags::CMSG_CLOEXEC,
            ) {
                Err(Errno::INTR) => {}
                other => break other?,
            }
        };
        let file = control.drain().find_map(|item| match item {
            RecvAncillaryMessage::ScmRights(mut files) => files.next(),
            _ => None,
        });
        Ok((received.bytes, file))
    }

    /// Does a batch; gives the answers as they go over the wire.
    fn work(&mut self, batch: &[Task]) -> Vec<u8> {
        let mut answers = Vec::new();
        let mut rest = batch;
        while let Some(first) = rest.first() {
            // Neighbours for the same mailbox share its lock.
            let same = rest
                .iter()
                .take_while(|task| together(&first.request, &task.request))
                .count()
                .max(1);
            let (now, later) = rest.split_at(same);
            for (task, response) in now.iter().zip(self.together(now)) {
                push_answer(&mut answers, task.id, &response);
            }
            rest = later;
        }
        answers
    }

    /// Does requests that go together, at least one; one response for each.
    fn together(&mut self, tasks: &[Task]) -> Vec<Response> {
        let Some(first) = tasks.first() else {
            return Vec::new();
        };
        match &first.request {
            Request::Mbox(job) => self.mbox(job, tasks),
            Request::Maildir { path, host } => {
                let names = self.names.get_or_insert_with(|| MaildirName::new(host));
                let texts: Vec<&Text> = tasks.iter().map(|task| &task.text).collect();
                let path = as_path(path);
                stored(deliver_to_maildir(path, &self.options.user, names, &texts))
            }
            Request::File(job) => {
                let rules = FileRules {
                    from_line: &job.from_line,
                    escape_from: job.escape_from,
                    safe_root: &job.safe_root,
                    symbolic_link: job.lenience.symbolic_link,
                    hard_link: job.lenience.hard_link,
                    lock_wait: self.options.lock_wait,
                };
                let reply = append_to_file(as_path(&job.path), &rules, &first.text);
                vec![Response::Stored(reply)]
            }
            Request::Program(job) => {
                let end = program::run(job, &first.text, &self.options.own_smrsh);
                vec![Response::Ended(end)]
            }
            Request::Converse(job) => {
                vec![match &first.text.body {
                    TextBody::File(socket, _) => {
                        let own_smrsh = &self.options.own_smrsh;
                        Response::Ended(program::converse(job, socket, own_smrsh))
                    }
                    TextBody::Memory(_) => Response::Refused("there is no socket".into()),
                }]
            }
            Request::Forward {
                paths,
                owner,
                lenience,
            } => vec![lists::forward(paths, *owner, *lenience)],
            Request::Include { path, lenience } => vec![lists::include(path, *lenience)],
        }
    }

    fn mbox(&self, job: &MboxJob, tasks: &[Task]) -> Vec<Response> {
        let rules = MboxRules {
            uid: geteuid().as_raw(),
            group: job.group,
            content_length: job.content_length,
            lock_wait: self.options.lock_wait,
        };
        let messages: Vec<(&[u8], &Text)> = tasks
            .iter()
            .filter_map(|task| match &task.request {
                Request::Mbox(job) => Some((job.from_line.as_bytes(), &task.text)),
                _ => None,
            })
            .collect();
        let path = as_path(&job.path);
        stored(append_to_mbox(path, &self.options.user, &rules, &messages))
    }
}

fn stored(replies: Vec<Reply>) -> Vec<Response> {
    replies.into_iter().map(Response::Stored).collect()
}

/// Whether two requests are one piece of work: the same mailbox.
fn together(a: &Request, b: &Request) -> bool {
    match (a, b) {
        (Request::Mbox(a), Request::Mbox(b)) => {
            (&a.path, a.group, a.content_length) == (&b.path, b.group, b.content_length)
        }
        (Request::Maildir { path: a, .. }, Request::Maildir { path: b, .. }) => a == b,
        _ => false,
    }
}

fn push_answer(out: &mut Vec<u8>, id: u64, response: &Response) {
    let payload = response.encode(id);
    let head = Head {
        payload_bytes: payload.len(),
        ..Head::default()
    };
    out.extend_from_slice(&head.encode());
    out.extend_from_slice(&payload);
}

fn as_path(path: &BString) -> &Path {
    Path::new(OsStr::from_bytes(path))
}
