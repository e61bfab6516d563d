//! What a server offers in its answer to EHLO or LHLO.

use bstr::{BStr, BString, ByteSlice};

use super::Answer;

/// The extensions that matter to a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// SIZE (RFC 1870).
    pub size: bool,
    /// The limit that SIZE named; `None` when it named none.
    pub size_bytes_max: Option<u64>,
    /// 8BITMIME (RFC 6152).
    pub eight_bit_mime: bool,
    /// DSN (RFC 3461).
    pub dsn: bool,
    /// ENHANCEDSTATUSCODES (RFC 2034).
    pub enhanced_status_codes: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// STARTTLS (RFC 3207).
    pub starttls: bool,
    /// REQUIRETLS (RFC 8689).
    pub require_tls: bool,
    /// CHUNKING (RFC 3030).
    pub chunking: bool,
    /// DELIVERBY (RFC 2852): its least time in seconds, 0 when it named none.
    pub deliver_by: Option<u32>,
    /// The mechanisms of AUTH (RFC 4954), in upper case.
    pub auth: Vec<BString>,
}

impl Extensions {
    /// Reads an answer; what is unknown is passed over.
    pub(super) fn of(answer: &Answer) -> Self {
        let mut offered = Self::default();
        for line in answer.lines().iter().skip(1) {
            offered.read(Answer::text_of(line.as_bstr()));
        }
        offered
    }

    /// Whether AUTH is offered at all.
    pub fn has_auth(&self) -> bool {
        !self.auth.is_empty()
    }

    fn read(&mut self, line: &BStr) {
        // `AUTH=LOGIN` is an old form that some servers still give.
        let mut words = line
            .split(|b| b.is_ascii_whitespace() || *b == b'=')
            .filter(|word| !word.is_empty());
        let Some(keyword) = words.next() else {
            return;
        };
        match keyword.to_ascii_uppercase().as_slice() {
            b"PIPELINING" => self.pipelining = true,
            b"SIZE" => {
                self.size = true;
                self.size_bytes_max = words.next().and_then(number).filter(|max| *max > 0);
            }
            b"8BITMIME" => self.eight_bit_mime = true,
            b"DSN" => self.dsn = true,
            b"ENHANCEDSTATUSCODES" => self.enhanced_status_codes = true,
            b"SMTPUTF8" => self.smtputf8 = true,
            b"STARTTLS" => self.starttls = true,
            b"REQUIRETLS" => self.require_tls = true,
            b"CHUNKING" => self.chunking = true,
            b"DELIVERBY" => {
                let least = words.next().and_then(number).unwrap_or(0);
                self.deliver_by = Some(u32::try_from(least).unwrap_or(u32::MAX));
            }
            b"AUTH" => self
                .auth
                .extend(words.map(|word| BString::from(word.to_ascii_uppercase()))),
            _ => {}
        }
    }
}

fn number(word: &[u8]) -> Option<u64> {
    word.to_str().ok()?.parse().ok()
}
