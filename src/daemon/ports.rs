//! `DaemonPortOptions`: what one listening socket is to be.
//!
//! Manual, section 5.6, "DaemonPortOptions". Keys are known by their first
//! letter; a few pairs differ only in its case.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use bstr::{BStr, BString, ByteSlice};

/// The kind of address that is listened on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// `inet`: IPv4.
    #[default]
    Inet,
    /// `inet6`: IPv6.
    Inet6,
    /// `local` or `unix`: a Unix socket.
    Local,
}

/// One listener as the configuration describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// `Name`: what logs and `${daemon_name}` show.
    pub name: BString,
    /// `Family`.
    pub family: Family,
    /// `Addr`: an address, a host name or (family local) a path; empty for
    /// all addresses.
    pub address: BString,
    /// `Port`: a number or the name of a service; empty for `smtp`.
    pub port: BString,
    /// `Modifiers`, as letters.
    pub modifiers: BString,
    /// `Listen`: connections that may wait.
    pub backlog: u32,
    /// `SndBufSize` in bytes; 0 for the system's choice.
    pub send_buffer: usize,
    /// `RcvBufSize` in bytes; 0 for the system's choice.
    pub receive_buffer: usize,
    /// `children`: sessions at once; 0 for no limit of its own.
    pub children: u32,
    /// `DeliveryMode`, its letter.
    pub delivery_mode: Option<u8>,
    /// `refuseLA`.
    pub refuse_load: Option<u32>,
    /// `delayLA`.
    pub delay_load: Option<u32>,
    /// `queueLA`.
    pub queue_load: Option<u32>,
    /// `InputMailFilters`, in order; `None` for the global list.
    pub filters: Option<Vec<BString>>,
}

/// What is wrong with a description.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// A key that does not exist.
    #[error("DaemonPortOptions: unknown parameter \"{0}\"")]
    Key(BString),
    /// A family that does not exist or cannot be served.
    #[error("DaemonPortOptions: unknown address family {0}")]
    Family(BString),
    /// A port that is no number and no service.
    #[error("daemon {1}: port: unknown service {0}")]
    Service(BString, BString),
    /// An address that is none.
    #[error("daemon {1}: host \"{0}\" unknown")]
    Address(BString, BString),
}

/// Where a listener is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A TCP port.
    Inet(SocketAddr),
    /// A Unix socket.
    Local(PathBuf),
}

impl Place {
    /// Removes the name of a socket that is closed.
    pub(super) fn forget(&self) {
        if let Self::Local(path) = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The services whose ports are known without the services file.
const SERVICES: [(&str, u16); 4] = [
    ("smtp", 25),
    ("mail", 25),
    ("submission", 587),
    ("smtps", 465),
];

impl Port {
    /// What holds when nothing is said: all IPv4 addresses, port 25. `index`
    /// counts listeners from 0.
    pub fn new(index: usize) -> Self {
        Self {
            name: format!("Daemon{index}").into(),
            family: Family::Inet,
            address: BString::default(),
            port: BString::default(),
            modifiers: BString::default(),
            backlog: 10,
            send_buffer: 0,
            receive_buffer: 0,
            children: 0,
            delivery_mode: None,
            refuse_load: None,
            delay_load: None,
            queue_load: None,
            filters: None,
        }
    }

    /// Reads `Key=value, Key=value`.
    ///
    /// # Errors
    /// A [`PortError`] for the first part that makes no sense.
    pub fn parse(text: &BStr, index: usize) -> Result<Self, PortError> {
        let mut port = Self::new(index);
        for part in text.split_str(",") {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            let (key, value) = part.split_once_str("=").unwrap_or((part, b""));
            port.set(key.trim(), value.trim())?;
        }
        Ok(port)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), PortError> {
        match key.first() {
            Some(b'A' | b'a') => self.address = value.into(),
            Some(b'c' | b'C') => self.children = number(value),
            Some(b'D') => self.delivery_mode = value.first().copied(),
            Some(b'd') => self.delay_load = Some(number(value)),
            Some(b'F' | b'f') => self.family = family(value)?,
            Some(b'I' | b'i') => {
                let names = value.split_str(";").map(ByteSlice::trim);
                self.filters = Some(names.filter(|n| !n.is_empty()).map(Into::into).collect());
            }
            Some(b'L' | b'l') => self.backlog = number(value).max(1),
            Some(b'M' | b'm') => {
                let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic());
                self.modifiers = letters.copied().collect::<Vec<u8>>().into();
            }
            Some(b'N' | b'n') => self.name = value.into(),
            Some(b'P' | b'p') => self.port = value.into(),
            Some(b'q') => self.queue_load = Some(number(value)),
            Some(b'R') => self.receive_buffer = number(value) as usize,
            Some(b'r') => self.refuse_load = Some(number(value)),
            Some(b'S' | b's') => self.send_buffer = number(value) as usize,
            _ => return Err(PortError::Key(key.into())),
        }
        Ok(())
    }

    /// Whether a modifier was given.
    pub fn has(&self, modifier: u8) -> bool {
        self.modifiers.contains(&modifier)
    }

    /// Where it is bound; `services` is the text of the services file.
    ///
    /// # Errors
    /// When the service or the host is not known.
    pub fn place(&self, services: &str) -> Result<Place, PortError> {
        if self.family == Family::Local {
            let path = if self.address.is_empty() {
                &self.port
            } else {
                &self.address
            };
            return Ok(Place::Local(path.to_path_lossy().into_owned()));
        }
        let port = self.number(services)?;
        let address = self.ip()?;
        Ok(Place::Inet(SocketAddr::new(address, port)))
    }

    fn number(&self, services: &str) -> Result<u16, PortError> {
        let name = self.port.to_str_lossy();
        if name.is_empty() {
            return Ok(25);
        }
        if let Ok(number) = name.parse() {
            return Ok(number);
        }
        in_services(&name, services)
            .or_else(|| {
                SERVICES
                    .iter()
                    .find(|(service, _)| *service == name)
                    .map(|(_, port)| *port)
            })
            .ok_or_else(|| PortError::Service(self.port.clone(), self.name.clone()))
    }

    fn ip(&self) -> Result<IpAddr, PortError> {
        let unknown = || PortError::Address(self.address.clone(), self.name.clone());
        if self.address.is_empty() {
            return Ok(match self.family {
                Family::Inet6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
                _ => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            });
        }
        let text = self.address.to_str_lossy();
        let bare = text.trim_start_matches('[').trim_end_matches(']');
        let bare = bare.strip_prefix("IPv6:").unwrap_or(bare);
        let wanted = |address: &IpAddr| address.is_ipv6() == (self.family == Family::Inet6);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Some(address).filter(wanted).ok_or_else(unknown);
        }
        (bare, 0)
            .to_socket_addrs()
            .ok()
            .and_then(|mut found| found.find(|a| wanted(&a.ip())))
            .map(|address| address.ip())
            .ok_or_else(unknown)
    }
}

fn family(value: &[u8]) -> Result<Family, PortError> {
    match value.to_ascii_lowercase().as_slice() {
        b"inet" => Ok(Family::Inet),
        b"inet6" => Ok(Family::Inet6),
        b"local" | b"unix" => Ok(Family::Local),
        _ => Err(PortError::Family(value.into())),
    }
}

/// The number a text begins with.
fn number(value: &[u8]) -> u32 {
    value
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0_u32, |sum, byte| {
            sum.saturating_mul(10)
                .saturating_add(u32::from(byte - b'0'))
        })
}

/// services(5): `name port/tcp aliases…`.
fn in_services(name: &str, services: &str) -> Option<u16> {
    services.lines().find_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let (service, port) = (words.next()?, words.next()?);
        if service != name && !words.any(|alias| alias == name) {
            return None;
        }
        port.strip_suffix("/tcp")?.parse().ok()
    })
}

#[cfg(test)]
mod tests;
