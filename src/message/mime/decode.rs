//! Text that was encoded for a 7-bit way, decoded for a mailer that likes
//! 8-bit text better (flag `9`). Only `text/plain` as a whole message is.

use bstr::{BString, ByteSlice};

use super::{ContentType, autoconverted, drop_encoding};
use crate::message::{Field, Header};

/// Decodes `body` and says so in `header`; `None` when it is not such a text,
/// or not encoded well.
pub fn to_eight_bit(header: &mut Header, body: &[u8], by: &[u8]) -> Option<Vec<u8>> {
    let kind = ContentType::of(header);
    if header.get("Content-Type").is_none() || kind.full() != "text/plain" {
        return None;
    }
    let encoding = header.get("Content-Transfer-Encoding")?.text();
    let encoding = encoding.to_ascii_lowercase();
    let decoded = match encoding.as_slice() {
        b"quoted-printable" => quoted_printable(body),
        b"base64" => base64(body)?,
        _ => return None,
    };
    drop_encoding(header);
    header.push(Field::new("Content-Transfer-Encoding", " 8bit"));
    header.push(autoconverted(&encoding, b"8bit", by));
    Some(decoded)
}

fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    for line in body.lines_with_terminator() {
        let (text, end): (&[u8], &[u8]) = match line.strip_suffix(b"\n") {
            Some(text) => (text, b"\n"),
            None => (line, b""),
        };
        // Blanks at the end of a line came on the way (RFC 2045, 6.7).
        let text = text.trim_end_with(|c| matches!(c, ' ' | '\t' | '\r'));
        let (text, end): (&[u8], &[u8]) = match text.strip_suffix(b"=") {
            Some(text) => (text, b""),
            None => (text, end),
        };
        let mut rest = text;
        while let Some((byte, after)) = rest.split_first() {
            let pair = after.get(..2).filter(|_| *byte == b'=').and_then(hex);
            match pair {
                Some(decoded) => {
                    out.push(decoded);
                    rest = &after[2..];
                }
                None => {
                    out.push(*byte);
                    rest = after;
                }
            }
        }
        out.extend_from_slice(end);
    }
    out
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok()?;
    u8::from_str_radix(digits, 16).ok()
}

/// `None` when there is anything in it that does not belong there.
fn base64(body: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len() / 4 * 3);
    let (mut bits, mut count, mut ended) = (0u32, 0, false);
    for &byte in body {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                ended = true;
                continue;
            }
            _ if byte.is_ascii_whitespace() => continue,
            _ => return None,
        };
        if ended {
            return None;
        }
        bits = bits << 6 | u32::from(digit);
        count += 1;
        if count == 4 {
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
            (bits, count) = (0, 0);
        }
    }
    match count {
        0 => {}
        2 => out.push((bits >> 4).to_be_bytes()[3]),
        3 => out.extend_from_slice(&(bits >> 2).to_be_bytes()[2..]),
        _ => return None,
    }
    let text: BString = out.replace(b"\r\n", b"\n").into();
    Some(text.into())
}
