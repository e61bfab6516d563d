//! The running daemon: processes, listeners, limits, reload, control socket.
//!
//! Four kinds of process, from the start:
//!
//! * the **parent** binds ports, starts the others, and nothing else; as root
//!   it keeps root, and never parses mail;
//! * the **engine** holds sessions, rules, maps, the queue and SMTP out; under
//!   a root parent it runs as an unprivileged user;
//! * **logins** holds passwords, verifiers and private keys, and answers the
//!   engine's questions; it reads nothing else;
//! * **agents** deliver to one local user each, as that user.
//!
//! Parent and engine speak in bounded, versioned frames over a pair of
//! sockets (`daemon::frame`), and take nothing from each other on trust.

mod configuration;
pub mod control;
mod engine;
mod frame;
mod hosts;
mod launch;
mod log;
pub mod logins;
mod parent;
mod ports;
mod run_as;
mod security;
pub mod site;
mod solo;
pub mod spool;

pub use configuration::{Loaded, Source, load};
pub use control::{holding_word, returning_word, selector};
pub use engine::engine;
pub use hosts::{HostsError, hosts};
pub use launch::{Launcher, launch};
pub use log::DaemonLog;
pub use logins::{logins, pam};
pub use parent::{Settings, Stopped, supervise, usual_log};
pub use ports::{Family, Place as ListenPlace, Port, PortError};
pub use run_as::{can_enter, named as named_user, run_as};
pub use solo::{Solo, SoloError, SoloSettings};
