//! What the journal keeps of a message beside its body: a control file, and
//! what control files do not say.

use std::io;
use std::path::Path;

use bstr::{BString, ByteVec};

use super::control_file::{self, ControlFileError};
use super::{Body, Message, journal};
use crate::base::QueueId;
use crate::envelope::{Envelope, Recipient, RecipientState};
use crate::message::Header;
use crate::world::Disk;

/// The version of this form.
const VERSION: u8 = 1;

/// Bytes before the control file.
const PREFIX_BYTES: usize = 16;

/// Envelope and header as the journal keeps them: version, three bytes of
/// nothing, class, size, then the text of a control file.
pub(super) fn write(envelope: &Envelope, header: &Header, host_name: &[u8]) -> Vec<u8> {
    let text = control_file::write(envelope, header, host_name, None);
    let mut image = Vec::with_capacity(PREFIX_BYTES + text.len());
    image.extend_from_slice(&[VERSION, 0, 0, 0]);
    image.extend_from_slice(&envelope.class.to_le_bytes());
    image.extend_from_slice(&envelope.size.to_le_bytes());
    image.extend_from_slice(&text);
    image
}

/// Reads it back.
pub(super) fn read(image: &[u8]) -> Result<(Envelope, Header), ControlFileError> {
    let (prefix, text) = image
        .split_at_checked(PREFIX_BYTES)
        .ok_or(ControlFileError::Incomplete)?;
    if prefix[0] != VERSION {
        return Err(ControlFileError::Version(u32::from(prefix[0])));
    }
    let file = control_file::read(text)?;
    let mut envelope = file.envelope;
    let (class, size) = prefix[4..].split_at(4);
    envelope.class = i32::from_le_bytes(class.try_into().unwrap_or_default());
    envelope.size = u64::from_le_bytes(size.try_into().unwrap_or_default());
    Ok((envelope, file.header))
}

/// A message that lives in the journal: id, text of its control file, and
/// length of its body (`None` when that is in a data file).
pub type JournalEntry = (QueueId, Vec<u8>, Option<u64>);

/// Only looks at the journal in `directory`, while its owner may be writing
/// to it.
///
/// # Errors
/// The directory cannot be read.
pub fn journal_entries(disk: &dyn Disk, directory: &Path) -> io::Result<Vec<JournalEntry>> {
    let messages = journal::look(disk, directory)?;
    let read = messages.into_iter().filter_map(|message| {
        // What cannot be read has been delivered and written over meanwhile.
        let (image, body) = message.stored.read().ok()?;
        let text = image.get(PREFIX_BYTES..)?.to_vec();
        Some((message.id, text, body.map(|body| body.len() as u64)))
    });
    Ok(read.collect())
}

/// What an outcome record says: a letter for the state, and the recipient.
pub(super) fn outcome(recipient: &Recipient) -> Vec<u8> {
    let mut payload = vec![match recipient.state {
        RecipientState::Failed => b'F',
        _ => b'S',
    }];
    payload.push_str(recipient.shown());
    payload
}

/// Marks the recipients that outcome records name as done; who is not there
/// will come from expansion.
pub(super) fn apply_outcomes(envelope: &mut Envelope, outcomes: &[BString]) {
    for outcome in outcomes {
        let Some((letter, shown)) = outcome.split_first() else {
            continue;
        };
        let mut known = false;
        for recipient in &mut envelope.recipients {
            if recipient.shown() != shown {
                continue;
            }
            known = true;
            if recipient.is_pending() {
                recipient.state = match letter {
                    b'F' => RecipientState::Failed,
                    _ => RecipientState::Sent,
                };
            }
        }
        if !known {
            envelope.had.push(shown.into());
        }
    }
}

/// A message put together again.
pub(super) fn message(
    id: QueueId,
    image: &[u8],
    body: Body,
    outcomes: &[BString],
) -> Result<Message, ControlFileError> {
    let (mut envelope, header) = read(image)?;
    apply_outcomes(&mut envelope, outcomes);
    Ok(Message {
        id,
        envelope,
        header,
        body,
    })
}
