//! The hidden personality `agent`: a delivery agent, started by the parent
//! with a socket as standard input.
//!
//! It becomes its user before it reads a byte, and serves the engine until
//! nothing comes any more.

use std::ffi::OsString;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

use super::output::{exit, fail};
use crate::base::{Place, Sysexit};
use crate::deliver::agent::{ServeOptions, serve};
use crate::os::{Identity, is_root};

/// An agent ends after being idle for so long; the engine hangs up earlier.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// How long a mailbox's lock is waited for before its mail is deferred.
const LOCK_WAIT: Duration = Duration::from_secs(60);

/// What the parent says of the agent's work.
#[derive(Default)]
struct Orders {
    root: Option<OsString>,
    user: OsString,
    mailbox: bool,
    becomes: Option<OsString>,
    uid: Option<u32>,
    gid: Option<u32>,
    groups: Vec<u32>,
}

/// Runs it on the arguments after the program's name.
pub(super) fn run(place: &Place, arguments: Vec<OsString>) -> ExitCode {
    let Some(orders) = Orders::read(arguments) else {
        return fail(Sysexit::Usage, "agent: not for people");
    };
    if let Err(error) = orders.obey() {
        return fail(Sysexit::OsErr, format!("agent: {error}"));
    }
    let root = orders
        .root
        .clone()
        .or_else(|| place.root().map(|root| root.as_os_str().to_owned()));
    let options = ServeOptions {
        user: orders.user.to_string_lossy().into_owned(),
        // Root's own mailbox is root's.
        may_be_root: orders.mailbox && orders.uid == Some(0),
        idle_max: IDLE_MAX,
        lock_wait: LOCK_WAIT,
        own_smrsh: own_smrsh(root),
    };
    let socket = std::io::stdin().as_fd().try_clone_to_owned();
    match socket.and_then(|socket| serve(UnixStream::from(socket), &options)) {
        Ok(()) => exit(Sysexit::Ok),
        Err(error) => fail(Sysexit::Software, format!("agent: {error}")),
    }
}

/// How our own `smrsh` is called.
fn own_smrsh(root: Option<OsString>) -> Vec<OsString> {
    let mut words = Vec::new();
    if let Some(root) = root {
        words.push("--root".into());
        words.push(root);
    }
    words.push("smrsh".into());
    words
}

impl Orders {
    fn read(arguments: Vec<OsString>) -> Option<Self> {
        let mut orders = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(flag) = arguments.next() {
            let value = arguments.next()?;
            let number = || value.to_str()?.parse::<u32>().ok();
            match flag.to_str()? {
                "--root" => orders.root = Some(value),
                "--user" => orders.user = value,
                "--for" => orders.mailbox = value == "mailbox",
                "--become" => orders.becomes = Some(value),
                "--uid" => orders.uid = Some(number()?),
                "--gid" => orders.gid = Some(number()?),
                "--group" => orders.groups.push(number()?),
                _ => return None,
            }
        }
        Some(orders)
    }

    /// Becomes whom the parent named, for good.
    fn obey(&self) -> std::io::Result<()> {
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        if !is_root() {
            return Ok(());
        }
        let (Some(name), Some(uid), Some(gid)) = (&self.becomes, self.uid, self.gid) else {
            return Err(std::io::ErrorKind::PermissionDenied.into());
        };
        let name = String::from_utf8(name.clone().into_vec())
            .map_err(|_| std::io::ErrorKind::InvalidInput)?;
        Identity { name, uid, gid }.become_for_good(true, &self.groups)
    }
}
