//! Control files (`qf`): a message's envelope and header as sendmail 8.17
//! writes and reads them.
//!
//! Pure: text in, text out. A file is a list of lines whose first letter says
//! what they hold; continuation lines start with a space or tab; a lone dot
//! ends it. Versions 6 to 8 are read, version 8 is written. What stands in
//! such a file is trusted as the queue directory is (mode 0700), but no text
//! can panic the reader, and nothing that a stranger gave can begin a line.
//!
//! Expansion of a recipient to a program or file is believed only under a
//! `C` line: only expansion writes those.

use bstr::{BStr, BString};

use crate::envelope::{BodyType, Envelope};
use crate::message::Header;

mod read;
mod write;

pub use read::read;
pub use write::{shown, write};

/// The version that is written, and the newest that is read.
pub const VERSION: u32 = 8;

/// The name that stands for us as the sender of a report.
const REPORT_SENDER: &[u8] = b"MAILER-DAEMON";

/// A macro reference in a field that is expanded at delivery.
const MACRO: u8 = 0x81;

/// Marks the next byte as text, though it looks like one of the reference's
/// own control bytes (0x80 to 0x9f), or is this mark itself.
const QUOTE: u8 = 0xff;

/// Why a control file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlFileError {
    /// There is no closing dot: it is still being written, or was cut off.
    #[error("incomplete queue file read")]
    Incomplete,
    /// A newer version than we know.
    #[error("Version number in queue file ({0}) greater than max ({VERSION})")]
    Version(u32),
    /// A line whose letter means nothing.
    #[error("line {0}: bad line \"{1}\"")]
    BadLine(usize, BString),
    /// Something follows the closing dot: an attack.
    #[error("SECURITY ALERT: extra or bogus data in queue file: {0}")]
    ExtraData(BString),
}

impl ControlFileError {
    /// Why the file is put aside under the name `Qf…`, in the reference's
    /// words; `None` when it is to be left alone.
    pub fn losing(&self) -> Option<&'static str> {
        match self {
            Self::Incomplete => None,
            Self::Version(_) => Some("unsupported queue file version"),
            Self::BadLine(..) => Some("unrecognized line"),
            Self::ExtraData(_) => Some("bogus queue line"),
        }
    }
}

/// What a control file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlFile {
    /// Sender, recipients and the rest; `size` is left 0, as the file does not
    /// say it.
    pub envelope: Envelope,
    /// The fields.
    pub header: Header,
    /// Where the data file is, when not beside this one (`d`).
    pub data_directory: Option<BString>,
}

fn body_word(body_type: BodyType) -> &'static [u8] {
    match body_type {
        BodyType::SevenBit => b"7BIT",
        BodyType::EightBitMime => b"8BITMIME",
        BodyType::Binary => b"BINARYMIME",
    }
}

/// The words of a loss as the reference logs them: `Losing ./qfID: reason`.
pub fn losing_line(name: &BStr, reason: &str) -> BString {
    format!("Losing ./{name}: {reason}").into()
}

#[cfg(test)]
mod tests;
