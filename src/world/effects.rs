//! What has an effect outside, as traits: programs, connections, the system
//! log, and chance.

use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bstr::BString;
use tokio::io::{AsyncRead, AsyncWrite};

use super::BoxFuture;
pub use crate::base::maillog::Priority as LogLevel;

/// A program to run for its output. No shell is involved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The path of the program, then its arguments.
    pub arguments: Vec<BString>,
    /// Output beyond this is thrown away.
    pub output_bytes_max: usize,
    /// The program is killed after this long.
    pub time_max: Duration,
    /// Whom it runs as, if this process may choose: user and group.
    pub user: Option<(u32, u32)>,
    /// Where it runs: the first of these that is there, else `/`.
    pub directories: Vec<PathBuf>,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What it wrote to its standard output.
    pub output: BString,
    /// Its exit status; `None` when a signal or the time limit ended it.
    pub status: Option<i32>,
}

/// Starts programs.
pub trait Programs: Send + Sync {
    /// Runs a program as the configuration's default user, with a minimal
    /// environment and no input, and waits for its end.
    fn output(&self, program: Program) -> BoxFuture<'_, io::Result<Ended>>;
}

/// Where a stream socket is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `inet:PORT@HOST` and `inet6:PORT@HOST`: a host (name or address) and a
    /// port. TCP.
    Inet {
        /// The host's name or address.
        host: String,
        /// The port.
        port: u16,
    },
    /// `local:PATH` and `unix:PATH`: a Unix socket.
    Local(BString),
}

/// A connection: bytes both ways.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens connections.
pub trait Dial: Send + Sync {
    /// Connects within `time_max`.
    fn connect<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        time_max: Duration,
    ) -> BoxFuture<'a, io::Result<Box<dyn Stream>>>;

    /// The same from an address of our own; port 0 for any. Where there are
    /// no addresses, none is needed.
    fn connect_from<'a>(
        &'a self,
        _source: SocketAddr,
        endpoint: &'a Endpoint,
        time_max: Duration,
    ) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        self.connect(endpoint, time_max)
    }
}

/// The system log.
pub trait SystemLog: Send + Sync {
    /// Logs one line under the mail facility.
    fn log(&self, level: LogLevel, text: &[u8]);
}

/// Opens the site's own files for reading: databases, class files, lists of
/// the administrator. A process without privileges may have to ask another
/// for those that only root may read.
pub trait Files: Send + Sync {
    /// Opens a file.
    ///
    /// # Errors
    /// The system's.
    fn open(&self, path: &Path) -> io::Result<File>;
}

/// The machine as a listener sees it: how busy it is, and whom it lets in.
pub trait LocalHost: Send + Sync {
    /// The load average, rounded to the nearest whole number.
    fn load(&self) -> u32;
    /// Whether the host's own access files (hosts_access(5)) let a client in;
    /// `name` is its name when that leads back to its address.
    fn admits(&self, name: Option<&[u8]>, address: IpAddr) -> bool;
}

/// Chance.
pub trait Entropy: Send + Sync {
    /// 64 random bits.
    fn random(&self) -> u64;
}
