//! The machine as a listener sees it: its load, and its access files.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::hosts_access::{Client, Rules};
use crate::base::Place;
use crate::world::LocalHost;

/// How long a reading of the load or of the access files holds.
const READING_HOLDS: Duration = Duration::from_secs(1);
/// Access files beyond this are cut.
const ACCESS_BYTES_MAX: u64 = 1 << 20;

/// This machine.
pub struct SystemHost {
    /// Where the load stands.
    load_file: PathBuf,
    allow: PathBuf,
    deny: PathBuf,
    load: Mutex<Option<(Instant, u32)>>,
    access: Mutex<Access>,
}

/// The access files as they were read last.
#[derive(Default)]
struct Access {
    looked: Option<Instant>,
    stamps: [Option<SystemTime>; 2],
    rules: Arc<(Rules, Rules)>,
}

impl SystemHost {
    /// With the access files where `place` has them.
    pub fn new(place: &Place) -> Self {
        Self {
            load_file: "/proc/loadavg".into(),
            allow: place.path("/etc/hosts.allow"),
            deny: place.path("/etc/hosts.deny"),
            load: Mutex::default(),
            access: Mutex::default(),
        }
    }

    /// The rules, read again when a file has changed.
    fn rules(&self) -> Arc<(Rules, Rules)> {
        let mut access = locked(&self.access);
        let now = Instant::now();
        let is_fresh = |looked: Instant| now.saturating_duration_since(looked) < READING_HOLDS;
        if access.looked.is_some_and(is_fresh) {
            return Arc::clone(&access.rules);
        }
        access.looked = Some(now);
        let stamps = [stamp(&self.allow), stamp(&self.deny)];
        if access.stamps != stamps {
            access.stamps = stamps;
            let rules = (
                Rules::parse(&read(&self.allow), true),
                Rules::parse(&read(&self.deny), false),
            );
            access.rules = Arc::new(rules);
        }
        Arc::clone(&access.rules)
    }
}

impl LocalHost for SystemHost {
    fn load(&self) -> u32 {
        let mut load = locked(&self.load);
        let now = Instant::now();
        match *load {
            Some((read, value)) if now.saturating_duration_since(read) < READING_HOLDS => value,
            _ => {
                let text = std::fs::read_to_string(&self.load_file).unwrap_or_default();
                let value = rounded(&text);
                *load = Some((now, value));
                value
            }
        }
    }

    fn admits(&self, name: Option<&[u8]>, address: IpAddr) -> bool {
        let rules = self.rules();
        let client = Client { name, address };
        // hosts_access(5): the first file that knows the client decides.
        rules
            .0
            .verdict(b"sendmail", &client)
            .or_else(|| rules.1.verdict(b"sendmail", &client))
            .unwrap_or(true)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn stamp(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

fn read(path: &Path) -> Vec<u8> {
    use std::io::Read;
    let mut text = Vec::new();
    if let Ok(file) = std::fs::File::open(path) {
        // What cannot be read to its end is used as far as it came.
        let _ = file.take(ACCESS_BYTES_MAX).read_to_end(&mut text);
    }
    text
}

/// The first number of `/proc/loadavg`, rounded.
fn rounded(text: &str) -> u32 {
    let (whole, rest) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let whole: u32 = whole.parse().unwrap_or(0);
    let is_half = rest.bytes().next().is_some_and(|digit| digit >= b'5');
    whole.saturating_add(u32::from(is_half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_rounded() {
        assert_eq!(rounded("10.52 4.75 4.99 18/227 40\n"), 11);
        assert_eq!(rounded("0.49 4.75 4.99 18/227 40\n"), 0);
        assert_eq!(rounded(""), 0);
    }

    #[test]
    fn access_files_are_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("etc")).expect("a folder");
        let host = SystemHost::new(&Place::under(folder.path()));
        let address = "192.0.2.1".parse().expect("an address");
        assert!(host.admits(None, address), "no files, no rules");
        locked(&host.access).looked = None;
        std::fs::write(folder.path().join("etc/hosts.deny"), "ALL: 192.0.2.\n").expect("a file");
        assert!(!host.admits(None, address));
        locked(&host.access).looked = None;
        std::fs::write(
            folder.path().join("etc/hosts.allow"),
            "sendmail: 192.0.2.1\n",
        )
        .expect("a file");
        assert!(host.admits(None, address));
    }
}
