//! Delivery agents: one process per user and purpose, started on demand.
//!
//! The engine names a user; who that is, the parent looks up itself. An agent
//! for a mailbox may write in the mail directory (its group); one for
//! programs and files is the user and nothing more, and never root.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use bstr::{BString, ByteSlice};

use crate::base::Place;
use crate::cf::{Opt, Options};
use crate::daemon::run_as::named;
use crate::os::{SystemUsers, is_root, reap, start_role};
use crate::world::Users;

/// Agents at once, those that are just ending among them; the engine asks for
/// fewer.
const AGENTS_MAX: usize = 300;

pub(in crate::daemon) struct Agents {
    users: SystemUsers,
    place: Place,
    default_user: BString,
    running: HashSet<u32>,
}

/// Why there is no agent.
pub(in crate::daemon) struct Refusal {
    pub(in crate::daemon) temporary: bool,
    pub(in crate::daemon) reason: String,
}

impl Refusal {
    fn later(reason: impl ToString) -> Self {
        Self {
            temporary: true,
            reason: reason.to_string(),
        }
    }
}

impl Agents {
    pub(in crate::daemon) fn new(users: SystemUsers, options: &Options, place: &Place) -> Self {
        Self {
            users,
            place: place.clone(),
            default_user: options.text(Opt::DefaultUser).into(),
            running: HashSet::new(),
        }
    }

    pub(in crate::daemon) fn reload(&mut self, options: &Options) {
        self.default_user = options.text(Opt::DefaultUser).into();
        self.users.clear();
    }

    pub(in crate::daemon) fn count(&self) -> usize {
        self.running.len()
    }

    /// Starts an agent and gives the engine's end of its socket.
    pub(in crate::daemon) fn start(
        &mut self,
        user: &[u8],
        mailbox: bool,
        keep_stderr: bool,
    ) -> Result<OwnedFd, Refusal> {
        if self.running.len() >= AGENTS_MAX {
            return Err(Refusal::later("too many delivery agents"));
        }
        let arguments = self.arguments(user, mailbox)?;
        let (ours, theirs) = UnixStream::pair().map_err(Refusal::later)?;
        let pid = start_role(
            "agent",
            arguments.iter().map(|word| OsStr::from_bytes(word)),
            theirs.into(),
            keep_stderr,
        )
        .map_err(Refusal::later)?;
        self.running.insert(pid);
        Ok(ours.into())
    }

    /// What the agent is told: whom it serves, and whom it becomes.
    fn arguments(&self, user: &[u8], mailbox: bool) -> Result<Vec<BString>, Refusal> {
        let mut arguments: Vec<BString> = Vec::new();
        let mut push = |flag: &str, value: &[u8]| {
            arguments.push(flag.into());
            arguments.push(value.into());
        };
        if let Some(root) = self.place.root() {
            push("--root", &Vec::from(root.to_string_lossy().as_bytes()));
        }
        push("--user", user);
        push("--for", if mailbox { b"mailbox" } else { b"programs" });
        if !is_root() {
            return Ok(arguments);
        }
        let unknown = || Refusal {
            temporary: false,
            reason: "User unknown".to_owned(),
        };
        let found = self.users.user(user).map_err(Refusal::later)?;
        let mut identity = found
            .map(|u| (u.name.clone(), u.uid, u.gid))
            .ok_or_else(unknown)?;
        // sendmail: what root's aliases and lists start runs as DefaultUser.
        if identity.1 == 0 && !mailbox {
            let default = named(self.default_user.as_bstr(), &self.users)
                .filter(|found| found.uid != 0)
                .ok_or_else(|| Refusal::later("option DefaultUser names nobody"))?;
            identity = (default.name.into(), default.uid, default.gid);
        }
        push("--become", &identity.0);
        push("--uid", identity.1.to_string().as_bytes());
        push("--gid", identity.2.to_string().as_bytes());
        if mailbox
            && let Ok(meta) = std::fs::metadata(self.place.path("/var/mail"))
            && meta.mode() & 0o020 != 0
        {
            push("--group", meta.gid().to_string().as_bytes());
        }
        Ok(arguments)
    }

    /// Whether the child that ended was an agent.
    pub(in crate::daemon) fn ended(&mut self, pid: u32) -> bool {
        self.running.remove(&pid)
    }

    /// Waits for the agents to end, for a while.
    pub(in crate::daemon) fn wait(&mut self, patience: Duration) {
        let end = Instant::now() + patience;
        while !self.running.is_empty() && Instant::now() < end {
            match reap() {
                Some(child) => {
                    self.running.remove(&child.pid);
                }
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }
}
