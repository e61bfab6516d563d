//! Which messages are meant.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bstr::{BString, ByteSlice};

use crate::base::{QueueId, Sysexit, interval};
use crate::cli::desk::Failure;
use crate::os::SystemDisk;
use crate::queue::control_file::{self, ControlFile};
use crate::queue::directory::{Directory, FileKind};
use crate::world::Disk;

/// The largest control file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Which messages; all conditions must hold.
#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct Selection {
    /// Queue ids.
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// The sender holds this text.
    #[arg(long, value_name = "TEXT")]
    from: Option<String>,
    /// A recipient holds this text.
    #[arg(long, value_name = "TEXT")]
    to: Option<String>,
    /// A recipient's domain is this one, or below it.
    #[arg(long, value_name = "DOMAIN")]
    host: Option<String>,
    /// The reason why it waits, or is held, holds this text.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// It came longer ago than this: 30m, 4h, 5d.
    #[arg(long, value_name = "TIME")]
    older: Option<String>,
    /// It came less long ago than this.
    #[arg(long, value_name = "TIME")]
    newer: Option<String>,
    /// It is larger than this many bytes.
    #[arg(long, value_name = "BYTES")]
    larger: Option<u64>,
    /// It is in quarantine.
    #[arg(long)]
    held: bool,
    /// Every message.
    #[arg(long)]
    all: bool,
}

/// A selection, read.
pub(super) struct Wanted {
    selection: Selection,
    older: Option<Duration>,
    newer: Option<Duration>,
    now: SystemTime,
}

/// A message that waits.
pub(super) struct Waiting {
    pub(super) id: QueueId,
    pub(super) directory: Directory,
    /// Control or Quarantined.
    pub(super) kind: FileKind,
    pub(super) file: ControlFile,
    /// Bytes of its body.
    pub(super) size: u64,
}

impl Selection {
    /// Whether nothing was said.
    pub(super) fn is_empty(&self) -> bool {
        let texts = [
            &self.from,
            &self.to,
            &self.host,
            &self.reason,
            &self.older,
            &self.newer,
        ];
        self.ids.is_empty()
            && texts.iter().all(|text| text.is_none())
            && self.larger.is_none()
            && !self.held
            && !self.all
    }

    /// Reads the times in it.
    pub(super) fn compile(&self) -> Result<Wanted, Failure> {
        let time = |text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => interval::parse(text, 'd')
                .map(Some)
                .map_err(|error| (Sysexit::Usage, format!("{text}: {error}"))),
        };
        Ok(Wanted {
            selection: self.clone(),
            older: time(&self.older)?,
            newer: time(&self.newer)?,
            now: SystemTime::now(),
        })
    }
}

impl Waiting {
    /// How long ago it came.
    pub(super) fn age(&self, now: SystemTime) -> Duration {
        now.duration_since(self.file.envelope.created)
            .unwrap_or_default()
    }

    /// Why it waits: of its quarantine, of itself, of its recipients.
    pub(super) fn reason(&self) -> BString {
        let envelope = &self.file.envelope;
        if let Some(why) = &envelope.quarantine {
            return format!("held: {why}").into();
        }
        if let Some(status) = &envelope.status {
            return status.clone();
        }
        let mut reasons =
            envelope
                .recipients
                .iter()
                .filter_map(|recipient| match &recipient.state {
                    crate::envelope::RecipientState::Queued { reason } => reason.clone(),
                    _ => None,
                });
        reasons
            .next_back()
            .unwrap_or_else(|| "not tried yet".into())
    }

    /// The domains of its recipients.
    pub(super) fn hosts(&self) -> Vec<BString> {
        let recipients = self.file.envelope.recipients.iter();
        recipients
            .map(|recipient| {
                let address = &recipient.address;
                match address.rsplit_once_str("@") {
                    Some((_, domain)) => domain.to_ascii_lowercase().into(),
                    None => "(local)".into(),
                }
            })
            .collect()
    }
}

impl Wanted {
    fn holds(&self, waiting: &Waiting) -> bool {
        let select = &self.selection;
        let has = |text: &[u8], part: &Option<String>| match part {
            None => true,
            Some(part) => text
                .to_ascii_lowercase()
                .contains_str(part.to_ascii_lowercase()),
        };
        let envelope = &waiting.file.envelope;
        let age = waiting.age(self.now);
        let is_below = |host: &BString| {
            select.host.as_ref().is_none_or(|wanted| {
                let wanted = wanted.to_ascii_lowercase();
                host.strip_suffix(wanted.as_bytes())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with(b"."))
            })
        };
        (select.ids.is_empty() || select.ids.iter().any(|id| *id == waiting.id.to_string()))
            && has(&envelope.shown_sender(), &select.from)
            && envelope
                .recipients
                .iter()
                .any(|recipient| has(&recipient.shown(), &select.to))
            && waiting.hosts().iter().any(is_below)
            && has(&waiting.reason(), &select.reason)
            && self.older.is_none_or(|older| age > older)
            && self.newer.is_none_or(|newer| age < newer)
            && select.larger.is_none_or(|larger| waiting.size > larger)
            && (!select.held || waiting.kind == FileKind::Quarantined)
    }
}

/// Reads one queue directory; what cannot be read is the server's business.
pub(super) fn read(path: &Path, wanted: &Wanted, found: &mut Vec<Waiting>) -> std::io::Result<()> {
    let disk: Arc<dyn Disk> = Arc::new(SystemDisk);
    let directory = Directory::new(disk, path, 0o600);
    for kind in [FileKind::Control, FileKind::Quarantined] {
        for id in directory.list(kind)? {
            if let Some(waiting) = one(&directory, kind, id)
                && wanted.holds(&waiting)
            {
                found.push(waiting);
            }
        }
    }
    Ok(())
}

/// Reads a control file without locking it.
fn one(directory: &Directory, kind: FileKind, id: QueueId) -> Option<Waiting> {
    use std::io::Read;
    let mut text = Vec::new();
    std::fs::File::open(directory.file(kind, id))
        .ok()?
        .take(FILE_BYTES_MAX)
        .read_to_end(&mut text)
        .ok()?;
    let file = control_file::read(&text).ok()?;
    let data = std::fs::metadata(directory.file(FileKind::Data, id));
    Some(Waiting {
        id,
        directory: directory.clone(),
        kind,
        file,
        size: data.map_or(0, |data| data.len()),
    })
}
