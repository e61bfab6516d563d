//! One message of a listing, out of its control file.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bstr::{BStr, BString, ByteSlice};

use super::Request;
use crate::base::{QueueId, limits};
use crate::queue::control_file;
use crate::queue::directory::Directory;
use crate::world::{DiskFile, OpenMode};

/// Most control files have all that is shown in their first bytes.
const FIRST_BYTES: usize = 4096;

/// A message, or why it cannot be shown.
#[derive(Debug)]
pub(super) struct Entry {
    /// The id, or what stands in its place.
    pub(super) name: BString,
    /// The mark behind it: being worked on, too young, lost.
    pub(super) mark: u8,
    pub(super) content: Content,
    /// What it is sorted by.
    pub(super) facts: Facts,
    /// What is wrong with its files.
    pub(super) complaint: Option<String>,
}

#[derive(Debug)]
pub(super) enum Content {
    File(File),
    /// The words in its place.
    Unreadable(String),
}

/// What a listing is sorted by.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) priority: i64,
    pub(super) created: i64,
    pub(super) host: BString,
    pub(super) modified: Option<SystemTime>,
}

/// What a control file shows.
#[derive(Debug, Default)]
pub(super) struct File {
    /// Bytes of the body; `None` when it is missing.
    pub(super) size: Option<u64>,
    pub(super) warned: bool,
    pub(super) body_type: Option<BString>,
    pub(super) status: Option<BString>,
    pub(super) quarantine: Option<BString>,
    pub(super) sender: BString,
    /// Recipients and what goes with them, in order.
    pub(super) lines: Vec<Line>,
    attempted: i64,
}

/// A line about recipients.
#[derive(Debug)]
pub(super) enum Line {
    /// `C`: who answers for the following ones.
    Controller(BString),
    /// `M`: why the one before waits.
    Reason(BString),
    /// `R`
    Recipient(BString),
}

impl Entry {
    /// Reads a control file and looks at its data file.
    pub(super) fn read(directory: &Directory, request: &Request, name: &BString) -> Self {
        let prefix = request.which.kind().prefix();
        let path = directory.control_path();
        let path = path.join(format!("{prefix}{name}"));
        let lost = request.which == super::Which::Lost;
        let mut entry = Entry {
            name: name.clone(),
            mark: if lost { b'?' } else { b' ' },
            content: Content::Unreadable(String::new()),
            facts: Facts::default(),
            complaint: None,
        };
        let read = directory
            .disk()
            .open(&path, OpenMode::Read)
            .and_then(|file| {
                if !lost && !file.try_lock()? {
                    entry.mark = b'*';
                }
                if request.order == super::Order::Modified {
                    entry.facts.modified = Some(file.facts()?.modified);
                }
                read_text(&*file)
            });
        match read {
            Ok(text) if text.is_empty() => {
                // sendmail: what has no priority comes last.
                entry.facts.priority = i64::MAX;
                entry.content = Content::Unreadable(" (no control file)".into());
            }
            Ok(text) => {
                let file = entry.take(&text);
                entry.content = Content::File(file);
                entry.look_at_data(directory, request);
            }
            Err(error) => {
                let words = match error.kind() {
                    io::ErrorKind::NotFound => "(job completed)".into(),
                    io::ErrorKind::PermissionDenied => "(Permission denied)".into(),
                    _ => format!("({error})"),
                };
                entry.content = Content::Unreadable(words);
            }
        }
        entry
    }

    /// A message that lives in the journal.
    pub(super) fn stored(id: QueueId, text: &[u8], size: Option<u64>, owned: bool) -> Self {
        let mut entry = Entry {
            name: id.as_str().into(),
            mark: if owned { b'*' } else { b' ' },
            content: Content::Unreadable(String::new()),
            facts: Facts::default(),
            complaint: None,
        };
        let mut file = entry.take(text);
        file.size = size;
        entry.content = Content::File(file);
        entry
    }

    fn look_at_data(&mut self, directory: &Directory, request: &Request) {
        let Content::File(file) = &mut self.content else {
            return;
        };
        let data = directory.data_path().join(format!("df{}", self.name));
        match directory.disk().facts(&data) {
            Ok(facts) => file.size = Some(facts.len),
            Err(_) => {
                let within = directory.data_path().strip_prefix(&request.base);
                let within = match within {
                    Ok(path) if !path.as_os_str().is_empty() => path,
                    _ => ".".as_ref(),
                };
                let (within, name) = (within.display(), &self.name);
                self.complaint.get_or_insert_with(|| {
                    format!("readqf: cannot open {within}/df{name}: No such file or directory")
                });
            }
        }
        let attempted = u64::try_from(file.attempted).unwrap_or(0);
        let attempted = UNIX_EPOCH + Duration::from_secs(attempted.min(1 << 40));
        let age = request.now.duration_since(attempted);
        if self.mark == b' ' && age.is_ok_and(|age| age < request.min_age) {
            self.mark = b'-';
        }
    }

    /// Takes in the lines of a control file. What is odd is passed over: a
    /// listing judges nothing.
    fn take(&mut self, text: &[u8]) -> File {
        let mut file = File::default();
        let mut sender_seen = false;
        let mut reason = None;
        for line in text.lines() {
            let Some((letter, value)) = line.split_first() else {
                continue;
            };
            let text = || BString::from(value);
            match letter {
                b'V' if number(value) > i64::from(control_file::VERSION) => {
                    let (version, most) = (number(value), control_file::VERSION);
                    self.complaint = Some(format!(
                        "Version number in queue file ({version}) greater than max ({most})"
                    ));
                }
                b'T' => self.facts.created = number(value),
                b'K' => file.attempted = number(value),
                b'P' => self.facts.priority = number(value),
                b'F' => file.warned = value.contains(&b'w'),
                b'B' => file.body_type = Some(text()),
                b'q' => file.quarantine = Some(text()),
                b'M' if sender_seen => reason = Some(text()),
                b'M' => file.status = Some(text()),
                b'S' => {
                    sender_seen = true;
                    file.sender = text();
                }
                b'C' => file.lines.push(Line::Controller(text())),
                b'R' => {
                    let flags = value.find_byte(b':').map_or(0, |end| end + 1);
                    let shown = &value[flags..];
                    if self.facts.host.is_empty() {
                        self.facts.host = host(shown);
                    }
                    file.lines.push(Line::Recipient(shown.into()));
                    file.lines.extend(reason.take().map(Line::Reason));
                }
                // Nothing after the fields is shown.
                b'H' | b'.' => break,
                _ => {}
            }
        }
        file
    }
}

impl File {
    pub(super) fn recipients(&self) -> impl Iterator<Item = BString> {
        self.lines.iter().filter_map(|line| match line {
            Line::Recipient(shown) => Some(shown.clone()),
            _ => None,
        })
    }
}

/// The file's first bytes, or all of it when the fields have not begun there.
fn read_text(file: &dyn DiskFile) -> io::Result<Vec<u8>> {
    let mut text = vec![0; FIRST_BYTES];
    let read = file.read_at(&mut text, 0)?;
    text.truncate(read);
    if read == FIRST_BYTES && !text.contains_str("\nH") {
        let len = file.facts()?.len.min(limits::CONTROL_FILE_BYTES_MAX);
        text.resize(usize::try_from(len).unwrap_or(FIRST_BYTES), 0);
        let read = file.read_at(&mut text, 0)?;
        text.truncate(read);
    }
    Ok(text)
}

/// The host of an address, in lower case, its last label first: so hosts of
/// one domain stand together.
fn host(shown: &[u8]) -> BString {
    let domain = shown.rsplit_str("@").next().unwrap_or_default();
    let domain = domain.trim_end_with(|c| c == '>').to_ascii_lowercase();
    let mut labels: Vec<&BStr> = domain.split_str(".").map(|label| label.as_bstr()).collect();
    labels.reverse();
    bstr::join(".", labels).into()
}

/// A number as C's `atol` reads it.
fn number(text: &[u8]) -> i64 {
    let (negative, digits) = match text.split_first() {
        Some((b'-', digits)) => (true, digits),
        _ => (false, text),
    };
    let value = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0i64, |sum, digit| {
            sum.saturating_mul(10)
                .saturating_add(i64::from(digit - b'0'))
        });
    if negative { -value } else { value }
}
