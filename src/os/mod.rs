//! The real world behind the traits of `world`: clock, names, users, log,
//! programs, sockets, privileges.
//!
//! Only `daemon` and `cli` name this module; everything else gets its parts as
//! arguments. No `unsafe`: where the system's calls need it, a crate that
//! wraps them does it.

mod bind;
mod channel;
mod clock;
mod dial;
mod disk;
mod entropy;
mod files;
mod hosts;
mod hosts_access;
mod https;
mod identity;
mod local_host;
mod log;
mod privileges;
mod process;
mod programs;
mod resolv_conf;
mod resolver;
mod state;
mod tls;
mod users;
mod zone;

pub use bind::{Bound, Given, bind_inet, bind_local, given_sockets, take_over};
pub use channel::{AsyncChannel, Channel, Received, peer_of};
pub use clock::{Chance, SystemClock};
pub use dial::SystemDial;
pub use disk::{SystemDisk, block_bytes};
pub use entropy::KernelEntropy;
pub use files::SystemFiles;
pub use https::SystemHttps;
pub use identity::identity;
pub use local_host::SystemHost;
pub use log::{LogTarget, MailLog};
pub use privileges::{Identity, hand_over_directory, hand_over_file, hand_over_own_file, is_root};
pub use process::{
    EndedChild, Signals, end_child, leave_session, leave_terminal, own_program, pid,
    raise_descriptor_limit, reap, signal, start_role, start_successor,
};
pub use programs::SystemPrograms;
pub use resolver::{ResolverSettings, SystemResolver};
pub use state::SledStore;
pub use tls::{
    Fingerprint, KeptKeys, KeyFacts, Keys, OwnKeys, Sign, Stamp, SystemTlsClient, SystemTlsServer,
    TlsSettings, Versions, certificate_facts, choose_suites, far_certificate,
};
pub use users::SystemUsers;
pub use zone::{time_zone, usual_zone};
