//! `mail.local`: puts mail into mailboxes, from standard input or by LMTP.
//!
//! Started by root, it does the work on a mailbox as the mailbox's user;
//! started by a user, it can only serve that user.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bstr::{BString, ByteSlice};
use rustix::fs::{Mode, OFlags};

use super::output::exit;
use crate::base::{Place, Reply, Sysexit, limits};
use crate::deliver::lmtp::{Action, Found, Session};
use crate::deliver::mailbox::{MboxRules, Text, TextBody, append_to_mbox, from_line};
use crate::os::{Identity, LogTarget, MailLog, SystemUsers, is_root};
use crate::world::{LogLevel, SystemLog, User, Users};

/// Bytes of a message that are kept in memory; beyond, in a file.
const MEMORY_BYTES_MAX: usize = 4 << 20;
/// How long a mailbox's lock is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(300);
const USAGE: &str =
    "usage: mail.local [-7] [-b] [-d] [-l] [-f from|-r from] [-h filename] user ...";

/// What the command line asks for.
#[derive(Default)]
struct Flags {
    lmtp: bool,
    sender: Option<BString>,
    /// `-h`: a file in the user's home instead of the mail directory.
    home_file: Option<OsString>,
    /// `-b`: a full quota is permanent.
    bounce_quota: bool,
    users: Vec<BString>,
}

/// Runs it on the arguments after the program's name.
pub(super) fn run(place: &Place, arguments: Vec<OsString>) -> ExitCode {
    rustix::process::umask(Mode::from_raw_mode(0o077));
    let local = Local {
        place: place.clone(),
        users: SystemUsers::new(),
        log: MailLog::new(LogTarget::Socket("/dev/log".into()), "mail.local"),
        flags: match Flags::read(arguments) {
            Ok(flags) => flags,
            Err(message) => {
                let log = LogTarget::Socket("/dev/log".into());
                let log = MailLog::new(log, "mail.local");
                if let Some(message) = message {
                    super::output::complain(format!("mail.local: {message}"));
                }
                return complain(&log, USAGE);
            }
        },
    };
    match (local.flags.lmtp, local.flags.users.is_empty()) {
        (true, true) => local.lmtp(),
        (true, false) => {
            let text = "421 Users should not be specified in command line if LMTP required\r\n";
            super::output::print(text);
            exit(Sysexit::TempFail)
        }
        (false, true) => complain(&local.log, USAGE),
        (false, false) => local.once(),
    }
}

fn complain(log: &MailLog, text: &str) -> ExitCode {
    log.log(LogLevel::Error, text.as_bytes());
    super::output::fail(Sysexit::Unavailable, format!("mail.local: {text}"))
}

impl Flags {
    /// A flag that is unknown, or has no argument, is said.
    fn read(arguments: Vec<OsString>) -> Result<Self, Option<String>> {
        let mut flags = Self::default();
        let mut parser = lexopt::Parser::from_args(arguments);
        let bad = |error: lexopt::Error| Some(error.to_string());
        while let Some(argument) = parser.next().map_err(bad)? {
            match argument {
                lexopt::Arg::Short('7' | 'd') => {}
                lexopt::Arg::Short('b') => flags.bounce_quota = true,
                lexopt::Arg::Short('l') => flags.lmtp = true,
                lexopt::Arg::Short('f' | 'r') => {
                    let sender = parser.value().map_err(bad)?;
                    flags.sender = Some(sender.into_vec().into());
                }
                lexopt::Arg::Short('h') => flags.home_file = Some(parser.value().map_err(bad)?),
                lexopt::Arg::Value(user) => flags.users.push(user.into_vec().into()),
                lexopt::Arg::Short(other) => {
                    return Err(Some(format!("invalid option -- '{other}'")));
                }
                lexopt::Arg::Long(other) => {
                    return Err(Some(format!("unrecognized option '--{other}'")));
                }
            }
        }
        Ok(flags)
    }
}

struct Local {
    place: Place,
    users: SystemUsers,
    log: MailLog,
    flags: Flags,
}

impl Local {
    /// One message from standard input to the users of the command line.
    fn once(&self) -> ExitCode {
        let sender = self.flags.sender.clone().unwrap_or_else(|| {
            let name = Identity::current().name;
            BString::from(name)
        });
        let mut gather = Gather::default();
        let mut input = io::stdin().lock();
        let text = gather.read(&mut input, false).and_then(|_| gather.finish());
        let text = match text {
            Ok(text) => text,
            Err(error) => {
                let text = format!("mail.local: temporary file: {error}");
                return super::output::fail(Sysexit::TempFail, text);
            }
        };
        let mut worst = Sysexit::Ok;
        for name in &self.flags.users {
            let reply = match self.users.user(name) {
                Ok(Some(user)) => self.store(&user, &sender, &text),
                Ok(None) => Reply::with(550, (5, 1, 1), format!("{name}: User unknown")),
                Err(error) => Reply::with(451, (4, 3, 0), error.to_string()),
            };
            if reply.is_success() {
                continue;
            }
            let line = reply.lines().first().cloned().unwrap_or_default();
            complain(&self.log, &line.to_str_lossy());
            worst = match reply.is_permanent() {
                true => Sysexit::Unavailable,
                false => Sysexit::TempFail,
            };
        }
        exit(worst)
    }

    /// A session on standard input and output.
    fn lmtp(&self) -> ExitCode {
        let host = nix::unistd::gethostname().unwrap_or_default();
        let mut session = Session::new(host.into_vec());
        let mut input = io::stdin().lock();
        let mut output = io::stdout().lock();
        let mut send = |reply: &Reply| -> io::Result<()> {
            let mut bytes = Vec::new();
            reply.write_to(&mut bytes);
            output.write_all(&bytes)?;
            output.flush()
        };
        let mut talk = || -> io::Result<()> {
            send(&session.greeting())?;
            while let Some(line) = read_line(&mut input)? {
                match session.line(&line, &|name| self.find(name)) {
                    Action::Reply(reply) => send(&reply)?,
                    Action::End(reply) => return send(&reply),
                    Action::Data(reply) => {
                        send(&reply)?;
                        let mut gather = Gather::default();
                        if !gather.read(&mut input, true)? {
                            return Ok(());
                        }
                        for reply in self.store_all(&session, gather.finish()) {
                            send(&reply)?;
                        }
                        session.reset();
                    }
                }
            }
            Ok(())
        };
        match talk() {
            Ok(()) => exit(Sysexit::Ok),
            // The other side is gone: there is nobody to tell.
            Err(_) => exit(Sysexit::TempFail),
        }
    }

    fn find(&self, name: &[u8]) -> Found {
        match self.users.user(name) {
            Ok(Some(user)) => Found::User(user.name.clone()),
            Ok(None) => Found::Nobody,
            Err(_) => Found::Unsure,
        }
    }

    fn store_all(&self, session: &Session, text: io::Result<Text>) -> Vec<Reply> {
        let later = |text: String| Reply::with(451, (4, 3, 0), text);
        let store = |name: &BString, text: &Text| match self.users.user(name) {
            Ok(Some(user)) => self.store(&user, session.sender(), text),
            Ok(None) => Reply::with(550, (5, 1, 1), "User unknown"),
            Err(error) => later(error.to_string()),
        };
        session
            .recipients()
            .iter()
            .map(|name| match &text {
                Ok(text) => store(name, text),
                Err(error) => later(format!("temporary file: {error}")),
            })
            .collect()
    }

    /// Appends a message to a user's mailbox, as that user.
    fn store(&self, user: &Arc<User>, sender: &[u8], text: &Text) -> Reply {
        let path = match &self.flags.home_file {
            Some(file) => user.home.join(file),
            None => self.mailbox(user),
        };
        let from = from_line(
            sender,
            jiff::Timestamp::now()
                .to_zoned(crate::os::usual_zone())
                .datetime(),
        );
        let name = user.name.to_str_lossy();
        let append = || {
            let rules = MboxRules {
                uid: user.uid,
                group: Some(user.gid),
                content_length: true,
                lock_wait: LOCK_WAIT,
            };
            let replies = append_to_mbox(&path, &name, &rules, &[(&from, text)]);
            let gone = || Reply::with(451, (4, 3, 0), "no answer");
            replies.into_iter().next().unwrap_or_else(gone)
        };
        let reply = if is_root() {
            let identity = Identity {
                name: name.to_string(),
                uid: user.uid,
                gid: user.gid,
            };
            let groups = directory_group(&path);
            identity
                .act_as(&groups, append)
                .unwrap_or_else(|error| Reply::with(451, (4, 3, 0), error.to_string()))
        } else {
            append()
        };
        match reply.code() {
            452 if self.flags.bounce_quota => {
                Reply::with(552, (5, 2, 2), bstr::join("\n", reply.lines()))
            }
            _ => reply,
        }
    }

    fn mailbox(&self, user: &User) -> PathBuf {
        self.place
            .path("/var/mail")
            .join(OsStr::from_bytes(&user.name))
    }
}

/// The group that may make files beside the mailbox, if its group may.
fn directory_group(mailbox: &Path) -> Vec<u32> {
    let meta = mailbox.parent().and_then(|parent| parent.metadata().ok());
    meta.filter(|meta| meta.mode() & 0o020 != 0)
        .map(|meta| meta.gid())
        .into_iter()
        .collect()
}

/// One line without its end, cut at a limit; `None` at the end of input.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let limit = u64::try_from(limits::SMTP_COMMAND_BYTES_MAX).unwrap_or(2048);
    let got = io::Read::take(&mut *input, limit).read_until(b'\n', &mut line)?;
    if got == 0 {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        skip_line(input)?;
    }
    Ok(Some(line))
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let piece = input.fill_buf()?;
        let end = piece.find_byte(b'\n');
        let used = end.map_or(piece.len(), |end| end + 1);
        if used == 0 {
            return Ok(());
        }
        input.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}

/// A message being read: its header, its body, in memory or in a file.
#[derive(Default)]
struct Gather {
    head: Vec<u8>,
    in_body: bool,
    body: Vec<u8>,
    file: Option<File>,
    file_bytes: u64,
}

impl Gather {
    /// Reads to the end, or to the line with a single dot; `false` when that
    /// never came.
    fn read(&mut self, input: &mut impl BufRead, dots: bool) -> io::Result<bool> {
        let mut line = Vec::new();
        loop {
            line.clear();
            if input.read_until(b'\n', &mut line)? == 0 {
                return Ok(!dots);
            }
            if line.ends_with(b"\r\n") {
                line.truncate(line.len() - 2);
                line.push(b'\n');
            }
            let mut text = line.as_slice();
            if dots && text.first() == Some(&b'.') {
                if matches!(text, b".\n" | b".") {
                    return Ok(true);
                }
                text = &text[1..];
            }
            self.line(text)?;
        }
    }

    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        if !self.in_body && self.head.len() < MEMORY_BYTES_MAX {
            // A `From ` line of the sender's own is no header field.
            if self.head.is_empty() && line.starts_with(b"From ") {
                self.head.push(b'>');
            }
            self.head.extend_from_slice(line);
            self.in_body = line == b"\n";
            return Ok(());
        }
        self.body.extend_from_slice(line);
        if self.body.len() > MEMORY_BYTES_MAX {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(nameless()?),
        };
        file.write_all(&self.body)?;
        self.file_bytes += u64::try_from(self.body.len()).unwrap_or(0);
        self.body.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<Text> {
        if self.head.last().is_some_and(|last| *last != b'\n') {
            self.head.push(b'\n');
        }
        if !self.in_body {
            self.head.push(b'\n');
        }
        if self.file.is_some() {
            self.spill()?;
        }
        let body = match self.file {
            Some(file) => TextBody::File(file, self.file_bytes),
            None => TextBody::Memory(self.body.into()),
        };
        Ok(Text {
            head: self.head.into(),
            body,
        })
    }
}

/// A file without a name.
fn nameless() -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = rustix::fs::open(std::env::temp_dir(), flags, Mode::RUSR | Mode::WUSR)?;
    Ok(file.into())
}
