//! Enough of DER to look at certificates and keys (X.690; RFC 5280, 4.1).

/// Tags of what is read.
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
/// `[0]` and `[1]`, constructed.
pub(super) const CONTEXT_0: u8 = 0xa0;
pub(super) const CONTEXT_1: u8 = 0xa1;

/// Elements one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Elements<'d> {
    rest: &'d [u8],
}

impl<'d> Elements<'d> {
    /// The elements in `bytes`.
    pub(super) fn new(bytes: &'d [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The tag of the next one.
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next one: its tag and content. `None` at the end, and when the
    /// bytes are no DER.
    pub(super) fn next(&mut self) -> Option<(u8, &'d [u8])> {
        let (&tag, rest) = self.rest.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let length = match first {
            0..=0x7f => usize::from(first),
            0x81..=0x84 => {
                let count = usize::from(first & 0x7f);
                let (digits, after) = rest.split_at_checked(count)?;
                rest = after;
                digits
                    .iter()
                    .fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte))
            }
            _ => return None,
        };
        let (content, after) = rest.split_at_checked(length)?;
        self.rest = after;
        Some((tag, content))
    }

    /// The content of the next one, which has this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Option<&'d [u8]> {
        match self.next()? {
            (found, content) if found == tag => Some(content),
            _ => None,
        }
    }

    /// The elements of the next one, a sequence.
    pub(super) fn sequence(&mut self) -> Option<Elements<'d>> {
        self.expect(SEQUENCE).map(Elements::new)
    }
}
