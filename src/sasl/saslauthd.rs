//! The words of `saslauthd`: four counted strings out, one back.

/// The longest string of a question that the daemon takes.
const FIELD_BYTES_MAX: usize = 256;
/// The longest answer that is read.
pub const ANSWER_BYTES_MAX: usize = 1024;

/// A question about a password; `None` when a part of it is longer than the
/// daemon takes, or has a NUL that would cut it short there.
pub fn question(user: &[u8], password: &[u8], service: &[u8], realm: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for field in [user, password, service, realm] {
        if field.len() > FIELD_BYTES_MAX || field.contains(&0) {
            return None;
        }
        let length = u16::try_from(field.len()).ok()?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(field);
    }
    Some(out)
}

/// What the daemon said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// `OK`: the password is the user's.
    Right,
    /// `NO`: it is not; there is no telling why.
    Wrong,
    /// Something else, such as trouble with PAM.
    Other,
}

/// Reads an answer from the bytes so far; `None` while more must come.
pub fn answer(bytes: &[u8]) -> Option<Said> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length > ANSWER_BYTES_MAX {
        return Some(Said::Other);
    }
    let text = rest.get(..length)?;
    Some(match text.get(..2) {
        Some(b"OK") => Said::Right,
        Some(b"NO") => Said::Wrong,
        _ => Said::Other,
    })
}
