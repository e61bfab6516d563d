//! Programs that mail is piped into, run by an agent that is their user.
//!
//! A program gets the arguments and environment that the mailer gives, the
//! message as its input, and nothing else: no descriptors, no inherited
//! variables, a process group of its own. What it writes is kept up to a
//! limit; when its time is over, the whole group is killed.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use bstr::{BString, ByteSlice};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Access, OFlags, access, fcntl_getfl, fcntl_setfl};
use rustix::process::{
    Pid, PidfdFlags, Signal, getpriority_process, kill_process_group, pidfd_open,
    setpriority_process,
};

use self::text::Encoder;
use super::agent::{ProgramEnd, ProgramFate, ProgramJob};
use super::mailbox::{Text, TextBody, words};

mod text;

/// How long a program that was asked to end (SIGTERM) may take to.
const GRACE: Duration = Duration::from_secs(5);
/// The pause between two looks at a program whose end the system cannot tell,
/// in milliseconds.
const PAUSE_MS: u64 = 20;
/// Bytes passed on in one piece.
const PIECE_BYTES: usize = 64 << 10;

/// Runs a program on a message and waits for its end. `own_smrsh` are the
/// words that make this program `smrsh`, for a mailer whose `smrsh` is not
/// there.
pub fn run(job: &ProgramJob, text: &Text, own_smrsh: &[OsString]) -> ProgramEnd {
    finish(start(job, None, own_smrsh).and_then(|(child, output)| {
        let input = Some((job, text));
        Running::new(child, output, job, input)
    }))
}

/// Runs a program with a socket as its input and output, and waits for its
/// end; what it writes as errors is kept.
pub fn converse(job: &ProgramJob, socket: &File, own_smrsh: &[OsString]) -> ProgramEnd {
    let started = start(job, Some(socket), own_smrsh);
    finish(started.and_then(|(child, output)| Running::new(child, output, job, None)))
}

fn finish(started: io::Result<Running<'_>>) -> ProgramEnd {
    match started {
        Ok(running) => running.finish(),
        Err(error) => ProgramEnd {
            how: ProgramFate::NotStarted(words(&error).into()),
            output: BString::default(),
        },
    }
}

fn start(
    job: &ProgramJob,
    socket: Option<&File>,
    own_smrsh: &[OsString],
) -> io::Result<(Child, PipeReader)> {
    let (output, writer) = io::pipe()?;
    let (stdin, stdout): (Stdio, Stdio) = match socket {
        Some(socket) => (socket.try_clone()?.into(), socket.try_clone()?.into()),
        None => (Stdio::piped(), writer.try_clone()?.into()),
    };
    let path = Path::new(OsStr::from_bytes(&job.path));
    let arguments = job.argv.get(1..).unwrap_or_default();
    let arguments = arguments.iter().map(|word| OsStr::from_bytes(word));
    let mut command;
    if path.file_name() == Some(OsStr::new("smrsh")) && !path.exists() {
        command = Command::new("/proc/self/exe");
        command.arg0("godwit").args(own_smrsh);
    } else {
        command = Command::new(path);
        if let Some(name) = job.argv.first() {
            command.arg0(OsStr::from_bytes(name));
        }
    }
    command
        .args(arguments)
        .env_clear()
        .stdin(stdin)
        .stdout(stdout)
        .stderr(writer)
        .process_group(0);
    for variable in &job.environment {
        if let Some((name, value)) = variable.split_once_str("=") {
            command.env(OsStr::from_bytes(name), OsStr::from_bytes(value));
        }
    }
    if let Some(directory) = directory(&job.directories) {
        command.current_dir(directory);
    }
    // The writing ends go with `command`: the pipe ends with the program.
    let child = command.spawn()?;
    if job.nice != 0 {
        be_nice(&child, job.nice);
    }
    Ok((child, output))
}

/// Changes a program's niceness, where that is allowed.
fn be_nice(child: &Child, by: i32) {
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(id) = id
        && let Ok(now) = getpriority_process(Some(id))
    {
        // Only root may take niceness away.
        let _ = setpriority_process(Some(id), now.saturating_add(by).clamp(-20, 19));
    }
}

/// The first directory that can be entered.
fn directory(candidates: &[BString]) -> Option<&Path> {
    candidates
        .iter()
        .map(|path| Path::new(OsStr::from_bytes(path)))
        .find(|path| path.is_dir() && access(*path, Access::EXEC_OK).is_ok())
}

/// A program at work: its input that is left, its output so far.
struct Running<'a> {
    child: Child,
    input: Option<Input<'a>>,
    pipe: Option<PipeReader>,
    output: Vec<u8>,
    output_max: usize,
    until: Instant,
    /// Readable when the program has ended.
    end: Option<OwnedFd>,
}

impl<'a> Running<'a> {
    fn new(
        mut child: Child,
        pipe: PipeReader,
        job: &ProgramJob,
        text: Option<(&'a ProgramJob, &'a Text)>,
    ) -> io::Result<Self> {
        do_not_block(&pipe)?;
        let input = match (child.stdin.take(), text) {
            (Some(stdin), Some((job, text))) => Some(Input::new(stdin, job, text)?),
            _ => None,
        };
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let end = id.and_then(|id| pidfd_open(id, PidfdFlags::empty()).ok());
        Ok(Self {
            end,
            child,
            input,
            pipe: Some(pipe),
            output: Vec::new(),
            output_max: usize::try_from(job.output_bytes_max).unwrap_or(0),
            until: Instant::now() + Duration::from_secs(job.seconds_max.into()),
        })
    }

    fn finish(mut self) -> ProgramEnd {
        let how = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break fate(status),
                Ok(None) if Instant::now() < self.until => self.talk(),
                Ok(None) | Err(_) => {
                    self.kill();
                    break ProgramFate::TimedOut;
                }
            }
        };
        // What it wrote last is still in the pipe; what it left running in
        // the background may hold the pipe open, and is not waited for.
        self.read();
        ProgramEnd {
            how,
            output: self.output.into(),
        }
    }

    /// Waits until something can be passed on or the program has ended.
    fn talk(&mut self) {
        let mut waits = Vec::with_capacity(3);
        let mut pause = self.until.saturating_duration_since(Instant::now());
        match &self.end {
            Some(end) => waits.push(PollFd::new(end, PollFlags::IN)),
            None => pause = pause.min(Duration::from_millis(PAUSE_MS)),
        }
        if let Some(pipe) = &self.pipe {
            waits.push(PollFd::new(pipe, PollFlags::IN));
        }
        if let Some(input) = &self.input {
            waits.push(PollFd::new(&input.pipe, PollFlags::OUT));
        }
        let pause = Timespec::try_from(pause).ok();
        // An interrupted wait is a short one.
        let _ = poll(&mut waits, pause.as_ref());
        self.read();
        if self.input.as_mut().is_some_and(|input| !input.feed()) {
            self.input = None;
        }
    }

    fn read(&mut self) {
        let mut piece = [0; 4096];
        while let Some(pipe) = &mut self.pipe {
            match pipe.read(&mut piece) {
                Ok(0) => self.pipe = None,
                Ok(got) => {
                    let room = self.output_max.saturating_sub(self.output.len());
                    self.output.extend_from_slice(&piece[..got.min(room)]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    /// Ends the program and all of its process group.
    fn kill(&mut self) {
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let Some(group) = group else {
            return;
        };
        let _ = kill_process_group(group, Signal::TERM);
        let until = Instant::now() + GRACE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }
}

fn fate(status: ExitStatus) -> ProgramFate {
    match (status.code(), status.signal()) {
        (Some(code), _) => ProgramFate::Exited(code),
        (None, signal) => ProgramFate::Killed(signal.unwrap_or(0)),
    }
}

/// The message on its way into a program.
struct Input<'a> {
    pipe: ChildStdin,
    body: &'a TextBody,
    /// Writes the text as the mailer wants it; `None` at the end.
    encoder: Option<Encoder<'a>>,
    /// What was read and not written yet.
    piece: Vec<u8>,
    written: usize,
    /// Bytes of the body that were read.
    at: u64,
}

impl<'a> Input<'a> {
    fn new(pipe: ChildStdin, job: &'a ProgramJob, text: &'a Text) -> io::Result<Self> {
        do_not_block(&pipe)?;
        let mut encoder = Encoder::new(&job.form);
        let mut piece = Vec::new();
        if !job.from_line.is_empty() {
            encoder.head(&job.from_line, &mut piece);
            encoder.head(b"\n", &mut piece);
        }
        encoder.head(&text.head, &mut piece);
        Ok(Self {
            pipe,
            body: &text.body,
            encoder: Some(encoder),
            piece,
            written: 0,
            at: 0,
        })
    }

    /// Writes as much as goes; `false` when all is written or nothing more is
    /// wanted.
    fn feed(&mut self) -> bool {
        loop {
            if self.written == self.piece.len() && !self.read() {
                return false;
            }
            match self.pipe.write(&self.piece[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }

    /// The next piece of the text; `false` when there is none.
    fn read(&mut self) -> bool {
        self.piece.clear();
        self.written = 0;
        while self.piece.is_empty() {
            let Some(encoder) = &mut self.encoder else {
                return false;
            };
            let Ok(next) = self.body.read_at(self.at, PIECE_BYTES) else {
                return false;
            };
            self.at += u64::try_from(next.len()).unwrap_or(0);
            match next.as_slice() {
                [] => {
                    encoder.finish(&mut self.piece);
                    self.encoder = None;
                }
                next => encoder.body(next, &mut self.piece),
            }
        }
        true
    }
}

fn do_not_block(pipe: &impl AsFd) -> io::Result<()> {
    fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?;
    Ok(())
}
