//! The listening sockets that the parent holds for the engine.
//!
//! They stay open over a crash of the engine: connections wait meanwhile.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bstr::{BString, ByteSlice};

use crate::cf::{Opt, Options};
use crate::daemon::control;
use crate::daemon::ports::{Place, Port};
use crate::os::{Bound, Given, Identity, bind_inet, bind_local, given_sockets};

/// How long the sockets of a server before us are waited for, and how often
/// they are tried.
const BIND_PATIENCE: Duration = Duration::from_secs(5);
const BIND_PAUSE: Duration = Duration::from_millis(50);
/// Listeners at once (the reference's MAXDAEMONS is 10, Debian's 64).
const LISTENERS_MAX: usize = 64;

/// What a change left in place.
pub(super) struct Changed {
    /// The indices of the listeners that stay as they are.
    pub(super) kept: Vec<u32>,
}

#[derive(Default)]
pub(super) struct Listeners {
    open: Vec<Open>,
    /// What the service manager opened; asked for once, with the first change.
    given: Option<Vec<Given>>,
    control: Option<(PathBuf, OwnedFd)>,
}

struct Open {
    spec: BString,
    place: Place,
    socket: OwnedFd,
    /// The service manager's own: its name stays when we go.
    is_given: bool,
}

impl Listeners {
    /// Opens what the options ask for and closes the rest. Sockets at the
    /// same place are taken over; without a change in their description the
    /// engine keeps them as they are. At the start, a place that is taken is
    /// waited for: a killed server keeps its sockets until the disk has
    /// answered it, and one that is being replaced until it has stopped.
    ///
    /// # Errors
    /// A sentence; nothing has changed then.
    pub(super) fn change(&mut self, options: &Options) -> Result<Changed, String> {
        let mut wanted: Vec<BString> = options
            .all(Opt::DaemonPortOptions)
            .iter()
            .map(|value| value.text.clone())
            .collect();
        if wanted.is_empty() {
            wanted.push("Name=MTA".into());
        }
        if wanted.len() > LISTENERS_MAX {
            return Err(format!("too many daemons defined ({LISTENERS_MAX} max)"));
        }
        let services = std::fs::read("/etc/services").unwrap_or_default();
        let services = services.to_str_lossy();
        let mut given = self.given.take().unwrap_or_else(given_sockets);
        let patience = self.open.is_empty().then_some(BIND_PATIENCE);
        let end = Instant::now() + patience.unwrap_or_default();
        let mut planned = Vec::new();
        for (index, spec) in wanted.into_iter().enumerate() {
            let port = Port::parse(spec.as_bstr(), index).map_err(|e| e.to_string())?;
            let place = port.place(&services).map_err(|e| e.to_string())?;
            let is_new = !self.open.iter().any(|open| open.place == place);
            if let Some(socket) = is_new.then(|| take_given(&mut given, &place)).flatten() {
                planned.push((spec, place, Some(socket), true));
                continue;
            }
            match is_new.then(|| bind(&port, &place, end)).transpose() {
                Ok(socket) => planned.push((spec, place, socket, false)),
                // sendmail: a listener with modifier `O` may be missing.
                Err(_) if port.has(b'O') => {}
                Err(text) => return Err(text),
            }
        }
        self.given = Some(given);
        let mut old: Vec<Open> = std::mem::take(&mut self.open);
        let mut kept = Vec::new();
        for (spec, place, socket, is_given) in planned {
            let at = old.iter().position(|open| open.place == place);
            let before = at.map(|at| old.swap_remove(at));
            let same = before.as_ref().is_some_and(|open| open.spec == spec);
            let is_given = is_given || before.as_ref().is_some_and(|open| open.is_given);
            let Some(socket) = socket.or(before.map(|open| open.socket)) else {
                continue; // The same place twice: the first has it.
            };
            if same {
                kept.push(u32::try_from(self.open.len()).unwrap_or(u32::MAX));
            }
            self.open.push(Open {
                spec,
                place,
                socket,
                is_given,
            });
        }
        for gone in old {
            gone.forget();
        }
        Ok(Changed { kept })
    }

    /// Opens the control socket. Without it the daemon works all the same.
    pub(super) fn open_control(&mut self, options: &Options, identity: Option<&Identity>) {
        let path = control::path(options);
        if let Some(directory) = path.parent() {
            let _ = std::fs::create_dir_all(directory);
        }
        // Anyone may ask; who may have what is decided by who asks.
        if let Ok(socket) = bind_local(&path, 0o666) {
            let _ = identity;
            self.control = Some((path, socket));
        }
    }

    pub(super) fn control(&self) -> Option<BorrowedFd<'_>> {
        self.control.as_ref().map(|(_, socket)| socket.as_fd())
    }

    /// Every listener: its index, description and socket.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, BString, BorrowedFd<'_>)> {
        (0..)
            .zip(&self.open)
            .map(|(index, open)| (index, open.spec.clone(), open.socket.as_fd()))
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        for open in &self.open {
            open.forget();
        }
        if let Some((path, _)) = &self.control {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Open {
    fn forget(&self) {
        if !self.is_given {
            self.place.forget();
        }
    }
}

/// The socket at a place, if the service manager opened one.
fn take_given(given: &mut Vec<Given>, place: &Place) -> Option<OwnedFd> {
    let at = given.iter().position(|one| match (one, place) {
        (Given::Inet(there, _), Place::Inet(wanted)) => {
            there == wanted
                // Its usual socket takes both families.
                || (there.port() == wanted.port()
                    && there.ip().is_unspecified()
                    && wanted.ip().is_unspecified())
        }
        (Given::Local(there, _), Place::Local(wanted)) => there == wanted,
        _ => false,
    })?;
    match given.swap_remove(at) {
        Given::Inet(_, socket) | Given::Local(_, socket) => Some(socket),
    }
}

/// Binds a place; while it is taken, tries again until `end`.
fn bind(port: &Port, place: &Place, end: Instant) -> Result<OwnedFd, String> {
    loop {
        match bind_once(port, place) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < end => {
                std::thread::sleep(BIND_PAUSE);
            }
            Err(error) => {
                return Err(format!(
                    "opendaemonsocket: daemon {}: cannot bind: {}",
                    port.name,
                    plain(&error)
                ));
            }
            Ok(socket) => return Ok(socket),
        }
    }
}

fn bind_once(port: &Port, place: &Place) -> io::Result<OwnedFd> {
    match place {
        Place::Inet(address) => bind_inet(
            *address,
            &Bound {
                backlog: port.backlog,
                send_buffer: port.send_buffer,
                receive_buffer: port.receive_buffer,
            },
        ),
        // sendmail: who may write to it may relay, so that is its owner.
        Place::Local(path) => bind_local(path, 0o755),
    }
}

/// The system's words for an error, without its number.
fn plain(error: &io::Error) -> String {
    error.raw_os_error().map_or_else(
        || error.to_string(),
        |number| nix::errno::Errno::from_raw(number).desc().to_owned(),
    )
}
