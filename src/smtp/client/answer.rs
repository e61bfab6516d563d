//! Replies of a server, read from bytes, kept as they came.
//!
//! Logs and reports quote a refusal word for word, so an [`Answer`] keeps its
//! raw lines. What is no reply at all is passed over, as sendmail does, up to
//! a limit.

use std::collections::VecDeque;

use bstr::{BStr, BString, ByteSlice};
use memchr::memchr;

use crate::base::{Enhanced, Reply, limits};

/// One reply: a code and at least one raw line, such as `550-5.1.1 no`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    code: u16,
    lines: Vec<BString>,
}

impl Answer {
    /// The three-digit code, 100 to 599.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// Its lines as they came, without line ends.
    pub fn lines(&self) -> &[BString] {
        &self.lines
    }

    /// The first line as it came: what the log calls `reply=`.
    pub fn first(&self) -> &BStr {
        self.lines.first().map_or(BStr::new(""), |l| l.as_bstr())
    }

    /// The text of a line, without code and separator.
    pub fn text_of(line: &BStr) -> &BStr {
        line.get(4..).unwrap_or_default().as_bstr()
    }

    /// The text of the first line.
    pub fn text(&self) -> &BStr {
        Self::text_of(self.first())
    }

    /// The enhanced code of the first line, if its class is the reply's.
    pub fn enhanced(&self) -> Option<Enhanced> {
        let (enhanced, _) = Enhanced::parse_prefix(self.text())?;
        (u16::from(enhanced.class()) == self.code / 100).then_some(enhanced)
    }

    /// The text of the first line without its enhanced code.
    pub fn plain_text(&self) -> &BStr {
        match Enhanced::parse_prefix(self.text()) {
            Some((_, rest)) => rest.as_bstr(),
            None => self.text(),
        }
    }

    /// 2xx.
    pub fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    /// 4xx.
    pub fn is_temporary(&self) -> bool {
        self.code / 100 == 4
    }

    /// 5xx.
    pub fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// The same as a [`Reply`]; an intermediate code (1xx) becomes 554.
    pub fn to_reply(&self) -> Reply {
        let mut text = Vec::new();
        for (i, line) in self.lines.iter().enumerate() {
            if i > 0 {
                text.push(b'\n');
            }
            let line = Self::text_of(line.as_bstr());
            let plain = Enhanced::parse_prefix(line).map_or(line.as_bytes(), |(_, rest)| rest);
            text.extend_from_slice(plain);
        }
        let code = if self.code < 200 { 554 } else { self.code };
        Reply::new(code, self.enhanced(), text)
    }
}

/// The peer's replies cannot be made sense of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what the other side says is no reply")]
pub struct NoReply;

/// Cuts the peer's bytes into replies; how they are split into pieces does
/// not matter.
#[derive(Debug, Default)]
pub(super) struct AnswerReader {
    /// The line so far, cut at the limit.
    line: Vec<u8>,
    /// Lines of a reply that goes on.
    lines: Vec<BString>,
    /// Lines of this reply, also those beyond what is kept.
    count: usize,
    /// Lines passed over since the last reply.
    skipped: usize,
    ready: VecDeque<Answer>,
}

impl AnswerReader {
    /// Takes bytes of the peer; gives an error when there is no end of
    /// nonsense.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), NoReply> {
        while let Some(end) = memchr(b'\n', bytes) {
            self.grow(&bytes[..end]);
            bytes = &bytes[end + 1..];
            self.end_line()?;
        }
        self.grow(bytes);
        Ok(())
    }

    /// The next whole reply.
    pub(super) fn take(&mut self) -> Option<Answer> {
        self.ready.pop_front()
    }

    fn grow(&mut self, bytes: &[u8]) {
        let room = limits::SMTP_REPLY_LINE_BYTES_MAX.saturating_sub(self.line.len());
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end_line(&mut self) -> Result<(), NoReply> {
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        let Some((code, more)) = head(&self.line) else {
            self.line.clear();
            self.skipped += 1;
            return match self.skipped {
                n if n > limits::SMTP_REPLY_LINES_MAX => Err(NoReply),
                _ => Ok(()),
            };
        };
        self.count += 1;
        if self.count > limits::SMTP_REPLY_LINES_MAX {
            return Err(NoReply);
        }
        let line = std::mem::take(&mut self.line);
        self.lines.push(line.into());
        if !more {
            let lines = std::mem::take(&mut self.lines);
            self.ready.push_back(Answer { code, lines });
            self.count = 0;
            self.skipped = 0;
        }
        Ok(())
    }
}

/// The code of a reply line, and whether more lines follow.
fn head(line: &[u8]) -> Option<(u16, bool)> {
    let digits = line.get(..3)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = digits
        .iter()
        .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    let more = match line.get(3) {
        Some(b'-') => true,
        Some(b' ') | None => false,
        Some(_) => return None,
    };
    (100..600).contains(&code).then_some((code, more))
}
