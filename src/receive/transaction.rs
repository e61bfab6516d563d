//! One message under way: from MAIL to the end of its text.

use std::collections::HashMap;

use bstr::{BString, ByteSlice};

use super::collect::Collector;
use crate::base::QueueId;
use crate::envelope::Envelope;
use crate::queue::BodyWriter;
use crate::rewrite::MacroTable;
use crate::route::Target;

/// What is known of a message before it is ours.
pub(super) struct Transaction {
    /// MT-PRIORITY as given.
    pub(super) mt_priority: i8,
    /// Its id.
    pub(super) id: QueueId,
    /// MAIL was answered with success.
    pub(super) is_open: bool,
    /// The sender is no address at all: the log does not name it.
    pub(super) is_nobody: bool,
    /// The sender as given, with its angle brackets.
    pub(super) given: BString,
    /// Where the sender's address leads.
    pub(super) sender: Option<Target>,
    /// Sender, recipients, and what was asked for.
    pub(super) envelope: Envelope,
    /// The macros of this message, over those of the session.
    pub(super) macros: MacroTable,
    /// Where each recipient goes, and its place in the envelope.
    pub(super) targets: HashMap<Target, usize>,
    /// Recipients refused so far.
    pub(super) refused: u32,
    /// A check wants it to vanish.
    pub(super) discard: bool,
    /// What is to be distrusted: X-Authentication-Warning.
    pub(super) warnings: Vec<BString>,
    /// A place for the body, once MAIL was taken.
    pub(super) writer: Option<Box<dyn BodyWriter>>,
    /// The sender's full name, when the command line says it.
    pub(super) full_name: Option<BString>,
    /// The sender is another than the user who submits: the user's name is
    /// not shown.
    pub(super) is_other: bool,
    /// Whom our Received field names has been decided already (`$u`).
    pub(super) is_named: bool,
    /// The text, once DATA was taken.
    pub(super) collector: Option<Collector>,
}

impl Transaction {
    /// Bytes so far; before the text comes, what MAIL announced.
    pub(super) fn size(&self) -> u64 {
        self.collector
            .as_ref()
            .map_or(self.envelope.size, Collector::size)
    }
}

/// An address without its angle brackets, and whether it had them.
pub(super) fn unbracket(address: &[u8]) -> (&[u8], bool) {
    match address
        .trim()
        .strip_prefix(b"<")
        .and_then(|rest| rest.strip_suffix(b">"))
    {
        Some(bare) => (bare, true),
        None => (address, false),
    }
}

/// Foreign text as a macro may hold it: nothing in it breaks a line.
pub(super) fn one_line(text: &[u8]) -> BString {
    text.iter()
        .map(|b| if b.is_ascii_control() { b'?' } else { *b })
        .collect::<Vec<u8>>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_come_off_whole_addresses_only() {
        assert_eq!(unbracket(b"<a@b>"), (b"a@b".as_slice(), true));
        assert_eq!(unbracket(b"<>"), (b"".as_slice(), true));
        assert_eq!(unbracket(b"a@b"), (b"a@b".as_slice(), false));
        assert_eq!(unbracket(b"(x)<a@b>"), (b"(x)<a@b>".as_slice(), false));
    }
}
