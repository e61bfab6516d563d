//! Records: what the journal's segments consist of.
//!
//! Pure: bytes in, bytes out. A record is a header of 40 bytes, its payload,
//! and padding to a multiple of eight:
//!
//! | bytes | holds |
//! | --- | --- |
//! | 0..4 | `GwJ1` |
//! | 4..8 | CRC-32C of bytes 8 to 36 and the payload, XOR the low half of the secret |
//! | 8..12 | length of the payload |
//! | 12 | kind |
//! | 13 | length of the queue id |
//! | 16..36 | queue id |
//! | 36..40 | CRC-32C of bytes 8 to 36, XOR the high half of the secret |
//!
//! The secret is drawn for each segment when it is begun. So what a segment
//! held before it was reused is not taken for part of it, and no message can
//! hold bytes that pass for a record. Numbers are little-endian.

use crate::base::QueueId;

/// Bytes before the payload.
pub const HEADER_BYTES: usize = 40;

/// The longest payload: a larger message goes to the queue directory at once.
pub const PAYLOAD_BYTES_MAX: usize = 16 << 20;

const MAGIC: &[u8; 4] = b"GwJ1";

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// Envelope and header of a message.
    Envelope,
    /// Its body.
    Body,
    /// The message is complete, and ours.
    Commit,
    /// One recipient of a message is done.
    Outcome,
    /// The message is in the queue directory now.
    Moved,
    /// Every recipient has its outcome.
    Done,
    /// Nothing follows: the owner stopped in good order. Its id is of no
    /// message.
    End,
}

const KINDS: [RecordKind; 7] = [
    RecordKind::Envelope,
    RecordKind::Body,
    RecordKind::Commit,
    RecordKind::Outcome,
    RecordKind::Moved,
    RecordKind::Done,
    RecordKind::End,
];

/// A record as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// What it says.
    pub kind: RecordKind,
    /// Of which message.
    pub id: QueueId,
    /// The rest.
    pub payload: &'a [u8],
}

/// Bytes that follow a payload, so that the next record is aligned.
pub fn padding(payload_bytes: usize) -> usize {
    payload_bytes.wrapping_neg() % 8
}

/// Bytes of a record with a payload of this length.
pub fn record_bytes(payload_bytes: usize) -> usize {
    HEADER_BYTES + payload_bytes + padding(payload_bytes)
}

/// Appends the header of a record whose payload is `parts`, one after the
/// other; the caller writes them behind it, and the padding. The secret is
/// put in later, by [`seal`].
pub fn put_header(out: &mut Vec<u8>, kind: RecordKind, id: QueueId, parts: &[&[u8]]) {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    assert!(
        len <= PAYLOAD_BYTES_MAX,
        "a record's payload fits its limit"
    );
    let mut header = [0; HEADER_BYTES];
    header[..4].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&(len as u32).to_le_bytes());
    header[12] = KINDS.iter().position(|k| *k == kind).unwrap_or(0) as u8 + 1;
    let text = id.as_str().as_bytes();
    header[13] = text.len() as u8;
    header[16..16 + text.len()].copy_from_slice(text);
    let header_crc = crc32c::crc32c(&header[8..36]);
    let crc = parts
        .iter()
        .fold(header_crc, |crc, part| crc32c::crc32c_append(crc, part));
    header[4..8].copy_from_slice(&crc.to_le_bytes());
    header[36..].copy_from_slice(&header_crc.to_le_bytes());
    out.extend_from_slice(&header);
}

/// Appends a whole record.
pub fn put(out: &mut Vec<u8>, kind: RecordKind, id: QueueId, payload: &[u8]) {
    put_header(out, kind, id, &[payload]);
    out.extend_from_slice(payload);
    out.resize(out.len() + padding(payload.len()), 0);
}

/// Puts the segment's secret into the header that starts at `at`.
pub fn seal(bytes: &mut [u8], at: usize, secret: u64) {
    let Some(header) = bytes.get_mut(at..at + HEADER_BYTES) else {
        return;
    };
    let (low, high) = halves(secret);
    for (place, half) in [(4, low), (36, high)] {
        let sealed = number(&header[place..place + 4]) ^ half;
        header[place..place + 4].copy_from_slice(&sealed.to_le_bytes());
    }
}

/// Reads the record that starts at the beginning of `bytes`, and says how many
/// bytes it takes; `None` when there is none, or not all of it, or not whole.
pub fn get(bytes: &[u8], secret: u64) -> Option<(Record<'_>, usize)> {
    let header = bytes.get(..HEADER_BYTES)?;
    let len = payload_bytes(header, secret)?;
    let payload = bytes.get(HEADER_BYTES..HEADER_BYTES + len)?;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&header[8..36]), payload);
    if number(&header[4..8]) ^ halves(secret).0 != crc {
        return None;
    }
    let kind = *KINDS.get(usize::from(header[12]).checked_sub(1)?)?;
    let id = QueueId::parse(header[16..36].get(..usize::from(header[13]))?)?;
    let record = Record { kind, id, payload };
    Some((record, record_bytes(len)))
}

/// The length of the payload behind a header; `None` when this is no header
/// of a segment with this secret.
pub fn payload_bytes(header: &[u8], secret: u64) -> Option<usize> {
    let header = header.get(..HEADER_BYTES)?;
    let crc = number(&header[36..40]) ^ halves(secret).1;
    if header[..4] != *MAGIC || crc != crc32c::crc32c(&header[8..36]) {
        return None;
    }
    let len = usize::try_from(number(&header[8..12])).ok()?;
    (len <= PAYLOAD_BYTES_MAX).then_some(len)
}

/// The low and the high half.
fn halves(secret: u64) -> (u32, u32) {
    (secret as u32, (secret >> 32) as u32)
}

fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(text: &str) -> QueueId {
        QueueId::parse(text.as_bytes()).unwrap()
    }

    proptest! {
        #[test]
        fn what_is_put_is_got(
            payload in proptest::collection::vec(any::<u8>(), 0..300),
            name in "[A-Za-z0-9]{8,20}",
            kind in 0..KINDS.len(),
            secret in any::<u64>(),
            flip in any::<prop::sample::Index>(),
        ) {
            let mut bytes = Vec::new();
            put(&mut bytes, KINDS[kind], id(&name), &payload);
            prop_assert_eq!(bytes.len(), record_bytes(payload.len()));
            seal(&mut bytes, 0, secret);
            let (record, len) = get(&bytes, secret).unwrap();
            prop_assert_eq!(record.kind, KINDS[kind]);
            prop_assert_eq!(record.id, id(&name));
            prop_assert_eq!(record.payload, &payload[..]);
            prop_assert_eq!(len, bytes.len());
            // Another segment's secret does not open it.
            prop_assert!(get(&bytes, secret ^ 1).is_none());
            prop_assert!(get(&bytes, secret ^ (1 << 40)).is_none());
            // Nor does one that was damaged anywhere but in its padding.
            let at = flip.index(HEADER_BYTES + payload.len());
            bytes[at] ^= 0x10;
            prop_assert!(get(&bytes, secret).is_none());
        }

        #[test]
        fn any_bytes_can_be_read(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            secret in any::<u64>(),
        ) {
            prop_assert!(get(&bytes, secret).is_none());
            let mut forged = b"GwJ1".to_vec();
            forged.extend_from_slice(&bytes);
            prop_assert!(get(&forged, secret).is_none());
        }
    }
}
