//! SMTP replies (RFC 5321, section 4.2) with enhanced codes (RFC 2034).

use bstr::{BString, ByteSlice};

use super::Enhanced;

/// What a server says to one command: a code, perhaps an enhanced code, and
/// one line of text or several.
///
/// Text never holds CR or LF; [`Reply::new`] splits at line ends, so nothing
/// that came from a peer can forge a reply line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    enhanced: Option<Enhanced>,
    lines: Vec<BString>,
}

impl Reply {
    /// `code` is 200 to 599; lines of `text` become lines of the reply.
    pub fn new(code: u16, enhanced: Option<Enhanced>, text: impl AsRef<[u8]>) -> Self {
        assert!(
            (200..600).contains(&code),
            "an SMTP reply code is 200 to 599"
        );
        let lines: Vec<BString> = text
            .as_ref()
            .split(|b| *b == b'\n')
            .map(|l| BString::from(l.replace(b"\r", b"")))
            .collect();
        Self {
            code,
            enhanced,
            lines,
        }
    }

    /// The common form: code, enhanced code as three numbers, text.
    pub fn with(code: u16, enhanced: (u8, u16, u16), text: impl AsRef<[u8]>) -> Self {
        let (class, subject, detail) = enhanced;
        Self::new(code, Some(Enhanced::new(class, subject, detail)), text)
    }

    /// Reads `550 5.7.1 text` or `550 text`, as rulesets and error mailers
    /// give it; `None` when it does not start with a code from 200 to 599.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let digits = text.get(..3)?;
        let code: u16 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        if !(200..600).contains(&code) || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let rest = match text.get(3) {
            None => &[][..],
            Some(b' ' | b'-') => text[4..].trim_ascii_start(),
            Some(_) => return None,
        };
        Some(match Enhanced::parse_prefix(rest) {
            Some((enhanced, rest)) => Self::new(code, Some(enhanced), rest),
            None => Self::new(code, None, rest),
        })
    }

    /// The three-digit code.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The enhanced code, if it has one.
    pub fn enhanced(&self) -> Option<Enhanced> {
        self.enhanced
    }

    /// The lines of text, at least one, without codes and line ends.
    pub fn lines(&self) -> &[BString] {
        &self.lines
    }

    /// 2xx.
    pub fn is_success(&self) -> bool {
        self.code / 100 == 2
    }

    /// 4xx: worth another try.
    pub fn is_temporary(&self) -> bool {
        self.code / 100 == 4
    }

    /// 5xx: never to be tried again as it is.
    pub fn is_permanent(&self) -> bool {
        self.code / 100 == 5
    }

    /// Appends the reply as it goes over the wire, CR LF included.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        for (i, line) in self.lines.iter().enumerate() {
            let more = i + 1 < self.lines.len();
            push_code(out, self.code, if more { b'-' } else { b' ' });
            if let Some(enhanced) = self.enhanced {
                out.extend_from_slice(enhanced.to_string().as_bytes());
                out.push(b' ');
            }
            out.extend_from_slice(line);
            out.extend_from_slice(b"\r\n");
        }
    }

    /// One line for logs and reports: `550 5.1.1 User unknown`; further lines
    /// follow after a space.
    pub fn to_line(&self) -> BString {
        let mut out = Vec::new();
        push_code(&mut out, self.code, b' ');
        if let Some(enhanced) = self.enhanced {
            out.extend_from_slice(enhanced.to_string().as_bytes());
            out.push(b' ');
        }
        out.extend_from_slice(&bstr::join(" ", &self.lines));
        out.into()
    }
}

fn push_code(out: &mut Vec<u8>, code: u16, separator: u8) {
    for divisor in [100, 10, 1] {
        out.push(b'0' + (code / divisor % 10) as u8);
    }
    out.push(separator);
}
