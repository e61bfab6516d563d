//! `mailq`, `sendmail -bp`, `sendmail -bP`: what waits in the queue.

use std::ffi::OsString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use bstr::{BStr, BString, ByteSlice};

use super::output::{exit, print, refuse};
use super::sendmail::{self, QueueFlags};
use crate::base::{Place, Sysexit};
use crate::cf::{Config, Opt};
use crate::daemon::{control, spool};
use crate::os::SystemDisk;
use crate::queue::directory::Directory;
use crate::report::mailq::{self, Listing, Order, Request, Which};
use crate::world::Disk;

/// Runs it on the arguments after the program's name.
pub(super) fn run(place: &Place, arguments: Vec<OsString>) -> ExitCode {
    sendmail::as_called(place, arguments, sendmail::Mode::Queue)
}

/// Counts what waits (`-bP`).
///
/// sendmail: it asks the shared memory of the daemon (option SharedMemoryKey).
/// We have none; with that option, and a daemon that answers, the messages of
/// each queue are counted where they are.
pub(super) fn count(config: &Config, flags: &QueueFlags) -> ExitCode {
    let options = &config.options;
    let shares = !matches!(options.text(Opt::SharedMemoryKey).as_bytes(), b"" | b"0");
    if !shares || control::ask(&control::path(options), "status").is_err() {
        print("Data unavailable: shared memory not updated\n");
        return exit(Sysexit::Ok);
    }
    let groups = match groups(config, flags.group.as_ref()) {
        Ok(groups) => groups,
        Err(text) => {
            print(text);
            return exit(Sysexit::Ok);
        }
    };
    let mut total = 0;
    for path in paths(&groups) {
        let disk: Arc<dyn Disk> = Arc::new(SystemDisk);
        let waiting = mailq::count(&Directory::new(disk, &path, 0o600)).unwrap_or_default();
        total += waiting;
        let path = path.display();
        print(match waiting {
            0 => format!("{path} is empty\n"),
            waiting => format!("{path}: entries={waiting}\n"),
        });
    }
    if total > 0 {
        print(format!("\t\tTotal requests: {total}\n"));
    }
    exit(Sysexit::Ok)
}

/// Lists what waits, as flags want it.
pub(super) fn list(config: &Config, flags: &QueueFlags, verbose: bool) -> ExitCode {
    let options = &config.options;
    let order = options.text(Opt::QueueSortOrder);
    let Some(order) = Order::parse(order.as_bytes()).or(order.is_empty().then(Order::default))
    else {
        return refuse(
            Sysexit::Software,
            format!("Invalid queue sort order \"{order}\""),
        );
    };
    let groups = match groups(config, flags.group.as_ref()) {
        Ok(groups) => groups,
        Err(text) => {
            print(text);
            return exit(Sysexit::Ok);
        }
    };
    let request = Request {
        which: match (flags.lost, flags.quarantined) {
            (true, _) => Which::Lost,
            (_, true) => Which::Quarantined,
            _ => Which::Waiting,
        },
        selections: flags.selections.clone(),
        order,
        verbose,
        min_age: options.interval(Opt::MinQueueAge),
        now: SystemTime::now(),
        base: spool::queue_directory(options.text(Opt::QueueDirectory)),
        zone: crate::os::time_zone(options),
    };
    let mut listing = Listing::default();
    if let Err(code) = list_groups(config, &groups, &request, &mut listing) {
        return code;
    }
    if flags.group.is_none() {
        let total = format!("\t\tTotal requests: {}\n", listing.total);
        listing.text.extend_from_slice(total.as_bytes());
    }
    print(&listing.text);
    exit(Sysexit::Ok)
}

/// The paths of the queue groups: the default one, then those of `Q` lines;
/// or that of one group.
fn groups(config: &Config, only: Option<&BString>) -> Result<Vec<BString>, String> {
    let default: BString = match config.options.text(Opt::QueueDirectory) {
        path if path.is_empty() => "mqueue".into(),
        path => path.into(),
    };
    let mut groups = vec![(BString::from("mqueue"), default.clone())];
    for group in &config.queue_groups {
        let path = group
            .get(b'P')
            .map_or_else(|| default.clone(), BString::from);
        match groups
            .iter_mut()
            .find(|(name, _)| name.eq_ignore_ascii_case(&group.name))
        {
            Some(known) => known.1 = path,
            None => groups.push((group.name.clone(), path)),
        }
    }
    if let Some(only) = only {
        groups.retain(|(name, _)| name.eq_ignore_ascii_case(only));
        if groups.is_empty() {
            return Err(format!("Queue group {only} unknown\n"));
        }
    }
    Ok(groups.into_iter().map(|(_, path)| path).collect())
}

fn list_groups(
    config: &Config,
    groups: &[BString],
    request: &Request,
    listing: &mut Listing,
) -> Result<(), ExitCode> {
    let restricted = config
        .options
        .words(Opt::PrivacyOptions)
        .iter()
        .any(|word| word.eq_ignore_ascii_case(b"restrictmailq"));
    for group in groups {
        let (base, pattern) = split_pattern(group.as_bstr());
        let metadata = std::fs::metadata(&base).and_then(|metadata| {
            // To be searched is what it takes.
            std::fs::metadata(base.join("."))?;
            Ok(metadata)
        });
        let metadata = metadata.map_err(|error| cannot_enter(&base, &error))?;
        let paths = match &pattern {
            Some(prefix) => matching(&base, prefix),
            None => vec![base],
        };
        for path in paths {
            if restricted && !may_see(&metadata) {
                // sendmail: once for each queue.
                listing
                    .text
                    .extend_from_slice(b"You are not permitted to see the queue\n");
                continue;
            }
            let disk: Arc<dyn Disk> = Arc::new(SystemDisk);
            let directory = Directory::new(disk, &path, 0o600);
            mailq::list(&directory, request, listing)
                .map_err(|error| cannot_enter(&path, &error))?;
        }
    }
    Ok(())
}

/// Every queue directory of a configuration.
pub(super) fn directories(config: &Config) -> Vec<PathBuf> {
    paths(&groups(config, None).unwrap_or_default())
}

/// The directories of groups, each once.
fn paths(groups: &[BString]) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for group in groups {
        let (base, pattern) = split_pattern(group.as_bstr());
        let found = match &pattern {
            Some(prefix) => matching(&base, prefix),
            None => vec![base],
        };
        for path in found {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    paths
}

/// A directory, and the beginning of the names in it that are queues of their
/// own: `mqueue/q*`.
fn split_pattern(path: &BStr) -> (PathBuf, Option<String>) {
    match path.strip_suffix(b"*") {
        Some(prefix) => {
            let (base, name) = prefix.rsplit_once_str("/").unwrap_or((b".", prefix));
            let name = name.to_str_lossy().into_owned();
            (base.to_path_lossy().into_owned(), Some(name))
        }
        None => (path.to_path_lossy().into_owned(), None),
    }
}

/// The directories in `base` whose names begin so.
fn matching(base: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(base)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .as_encoded_bytes()
                .starts_with(prefix.as_bytes())
        })
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

/// PrivacyOptions=restrictmailq: root, and the group of the queue directory.
fn may_see(metadata: &std::fs::Metadata) -> bool {
    let user = nix::unistd::getuid();
    if user.is_root() || user.as_raw() == metadata.uid() {
        return true;
    }
    let group = nix::unistd::Gid::from_raw(metadata.gid());
    let groups = nix::unistd::getgroups().unwrap_or_default();
    groups.contains(&group) || nix::unistd::getgid() == group
}

fn cannot_enter(path: &Path, error: &io::Error) -> ExitCode {
    sendmail::enter::cannot_enter(path, error);
    exit(Sysexit::Config)
}
