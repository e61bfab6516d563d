//! `mailq`, `sendmail -bp`: what waits in the queue.
//!
//! Reads the queue directories themselves, and the journal, while a daemon
//! may be working on both: what cannot be read is said in its line, and
//! nothing is changed. A message that the daemon holds in its journal is
//! shown as being worked on.

mod entry;
mod text;

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bstr::{BString, ByteSlice};
use jiff::tz::TimeZone;

use crate::base::QueueId;
use crate::queue::directory::{Directory, FileKind};
use crate::queue::journal_entries;
use crate::world::Disk;

use entry::{Content, Entry};

/// Files that one thread reads.
const SHARE_MIN: usize = 500;

/// Which control files to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// `qf`: what waits.
    Waiting,
    /// `hf`: what is in quarantine (`-qQ`).
    Quarantined,
    /// `Qf`: what could not be used (`-qL`).
    Lost,
}

impl Which {
    fn kind(self) -> FileKind {
        match self {
            Which::Waiting => FileKind::Control,
            Which::Quarantined => FileKind::Quarantined,
            Which::Lost => FileKind::Lost,
        }
    }
}

/// QueueSortOrder, as far as a listing goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By priority.
    #[default]
    Priority,
    /// By the time it came.
    Time,
    /// By the name of the file.
    Name,
    /// By the host of the first recipient, then priority.
    Host,
    /// By the time the file changed.
    Modified,
    /// As the directory gives them.
    None,
}

impl Order {
    /// Reads the option's value: its first letter counts.
    pub fn parse(text: &[u8]) -> Option<Self> {
        Some(match text.first()?.to_ascii_lowercase() {
            b'p' => Order::Priority,
            b't' => Order::Time,
            b'f' => Order::Name,
            b'h' => Order::Host,
            b'm' => Order::Modified,
            b'n' | b'r' => Order::None,
            _ => return None,
        })
    }
}

/// `-q[!]LETTERtext`: letter, text, and whether it must be there.
pub type Selection = (u8, BString, bool);

/// What to list, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which control files.
    pub which: Which,
    /// Only what these select.
    pub selections: Vec<Selection>,
    /// In this order.
    pub order: Order,
    /// `-v`.
    pub verbose: bool,
    /// MinQueueAge: what was tried later than this ago is marked.
    pub min_age: Duration,
    /// The time.
    pub now: SystemTime,
    /// QueueDirectory: files that are missing are named from there.
    pub base: PathBuf,
    /// For dates.
    pub zone: TimeZone,
}

/// A finished listing.
#[derive(Debug, Default)]
pub struct Listing {
    /// For standard output.
    pub text: Vec<u8>,
    /// How many messages it lists.
    pub total: usize,
}

/// Lists one queue directory, with its journal if it has one; appends to
/// `listing`.
///
/// # Errors
/// The directory cannot be read.
pub fn list(
    directory: &Directory,
    request: &Request,
    listing: &mut Listing,
) -> std::io::Result<()> {
    let ids = names(directory, request.which)?;
    let mut entries = read_all(directory, request, &ids);
    if request.which == Which::Waiting {
        let seen: Vec<QueueId> = ids.iter().filter_map(|id| QueueId::parse(id)).collect();
        entries.extend(in_journal(directory, &seen));
    }
    entries.retain(|entry| entry.is_selected(&request.selections));
    sort(&mut entries, request.order);
    listing.total += entries.len();
    text::put(&mut listing.text, directory.data_path(), &entries, request);
    Ok(())
}

/// How many messages wait in a queue directory, those of its journal included.
///
/// # Errors
/// The directory cannot be read.
pub fn count(directory: &Directory) -> std::io::Result<usize> {
    let ids = names(directory, Which::Waiting)?;
    let seen: Vec<QueueId> = ids.iter().filter_map(|id| QueueId::parse(id)).collect();
    Ok(ids.len() + in_journal(directory, &seen).len())
}

/// The part behind `qf` of every name: what is no id is listed as well.
fn names(directory: &Directory, which: Which) -> std::io::Result<Vec<BString>> {
    let prefix = which.kind().prefix();
    let names = directory.disk().list(directory.control_path())?;
    Ok(names
        .iter()
        .filter_map(|name| name.strip_prefix(prefix))
        .filter(|rest| !rest.is_empty())
        .map(BString::from)
        .collect())
}

/// Reads control files, many at once.
fn read_all(directory: &Directory, request: &Request, ids: &[BString]) -> Vec<Entry> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = ids.len().div_ceil(threads).max(SHARE_MIN);
    let read = |id: &BString| Entry::read(directory, request, id);
    if ids.len() <= share {
        return ids.iter().map(read).collect();
    }
    std::thread::scope(|scope| {
        let shares: Vec<_> = ids
            .chunks(share)
            .map(|ids| scope.spawn(move || ids.iter().map(read).collect::<Vec<_>>()))
            .collect();
        let read = shares.into_iter().filter_map(|share| share.join().ok());
        read.flatten().collect()
    })
}

/// What lives in the journal and is not in the directory as well.
fn in_journal(directory: &Directory, seen: &[QueueId]) -> Vec<Entry> {
    let path = directory.path().join("journal");
    let disk: Arc<dyn Disk> = Arc::clone(directory.disk());
    if disk.list(&path).is_ok_and(|names| names.is_empty()) {
        return Vec::new();
    }
    let owned = is_owned(&*disk, &path);
    // A journal that cannot be read now has nothing to show.
    let stored = journal_entries(&*disk, &path).unwrap_or_default();
    stored
        .into_iter()
        .filter(|(id, _, _)| !seen.contains(id))
        .map(|(id, text, body_bytes)| {
            let size = body_bytes.or_else(|| {
                let data = directory.file(FileKind::Data, id);
                Some(disk.facts(&data).ok()?.len)
            });
            Entry::stored(id, &text, size, owned)
        })
        .collect()
}

/// Whether a daemon holds the journal.
fn is_owned(disk: &dyn Disk, path: &Path) -> bool {
    let lock = disk.open(&path.join("lock"), crate::world::OpenMode::Read);
    lock.is_ok_and(|lock| lock.try_lock().is_ok_and(|free| !free))
}

fn sort(entries: &mut [Entry], order: Order) {
    let by = |a: &Entry, b: &Entry| -> Ordering {
        let (x, y) = (&a.facts, &b.facts);
        match order {
            Order::Priority => x.priority.cmp(&y.priority),
            Order::Time => x.created.cmp(&y.created),
            Order::Name => a.name.cmp(&b.name),
            Order::Host => (&x.host, x.priority).cmp(&(&y.host, y.priority)),
            Order::Modified => x.modified.cmp(&y.modified),
            Order::None => Ordering::Equal,
        }
    };
    entries.sort_by(|a, b| by(a, b).then_with(|| a.name.cmp(&b.name)));
}

impl Entry {
    /// Entries of the same letter are alternatives; letters must all agree.
    fn is_selected(&self, selections: &[Selection]) -> bool {
        let Content::File(file) = &self.content else {
            return selections.is_empty();
        };
        b"IRSQ".iter().all(|letter| {
            let mut of_letter = selections.iter().filter(|s| s.0 == *letter).peekable();
            of_letter.peek().is_none()
                || of_letter.any(|(_, text, must)| match letter {
                    // sendmail: ids have a case, addresses have none.
                    b'I' => self.name.contains_str(text) == *must,
                    b'S' => holds(&file.sender, text) == *must,
                    // Any recipient will do, also for what must not be there.
                    b'R' => file.recipients().any(|shown| holds(&shown, text) == *must),
                    _ => holds(&file.quarantine.clone().unwrap_or_default(), text) == *must,
                })
        })
    }
}

/// Whether `whole` holds `part`, in any case.
fn holds(whole: &BString, part: &BString) -> bool {
    whole
        .to_ascii_lowercase()
        .contains_str(part.to_ascii_lowercase())
}
