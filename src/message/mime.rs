//! Walks a MIME message and turns 8-bit text into 7-bit text for a next hop
//! that takes nothing else (RFC 2045, section 6; RFC 6152, section 3).
//!
//! Only what holds bytes above 127 is touched, part by part; everything else
//! goes on as it came. Text has LF line ends.

use bstr::{BString, ByteSlice};

use super::block;
use super::{Field, Header};

mod decode;

pub use decode::to_eight_bit;

/// What steers a conversion: the internal classes and DefaultCharSet.
pub struct Rules<'a> {
    /// Whether `type/subtype` goes on as it is, whatever it holds (class
    /// `n`).
    pub is_untouched: &'a dyn Fn(&[u8]) -> bool,
    /// Whether `type/subtype`, or `type` alone, is never put into base64
    /// (class `q`).
    pub is_never_base64: &'a dyn Fn(&[u8]) -> bool,
    /// The character set of text that names none (DefaultCharSet).
    pub charset: &'a [u8],
    /// Who converts, for `X-MIME-Autoconverted`: `mail.example.org id
    /// 6AM…`; empty for no such field.
    pub by: &'a [u8],
}

/// Parts within parts that are looked into (sendmail: MAXMIMENESTING 20).
const DEPTH_MAX: usize = 20;
/// Characters of a line of base64.
const BASE64_LINE: usize = 72;
/// Characters of a line of quoted-printable before the `=` that breaks it.
const QUOTED_LINE: usize = 73;

/// Turns `body` into 7-bit text and `header` into one that says so. A body
/// that is 7-bit already comes back as `None`.
pub fn to_seven_bit(header: &mut Header, body: &[u8], rules: &Rules<'_>) -> Option<Vec<u8>> {
    if body.is_ascii() {
        return None;
    }
    let mut out = Vec::with_capacity(body.len() + body.len() / 4);
    let is_mime = header.get("MIME-Version").is_some();
    if !is_mime {
        let charset = rules.charset.as_bstr();
        header.push(Field::new("MIME-Version", " 1.0"));
        if header.get("Content-Type").is_none() {
            let value = format!(" text/plain; charset={charset}");
            header.push(Field::new("Content-Type", value));
        }
    }
    entity(header, body, rules, 0, &mut out);
    Some(out)
}

/// One entity: converts its body and adapts its header.
fn entity(header: &mut Header, body: &[u8], rules: &Rules<'_>, depth: usize, out: &mut Vec<u8>) {
    let kind = ContentType::of(header);
    let encoding = header
        .get("Content-Transfer-Encoding")
        .map(|f| f.text().to_ascii_lowercase());
    let full = kind.full();
    if body.is_ascii() || depth >= DEPTH_MAX || (rules.is_untouched)(&full) {
        out.extend_from_slice(body);
        return;
    }
    let is_identity = match &encoding {
        None => true,
        Some(word) => matches!(word.as_slice(), b"7bit" | b"8bit" | b"binary"),
    };
    match (kind.main.as_slice(), &kind.boundary) {
        (b"multipart", Some(boundary)) => {
            drop_encoding(header);
            multipart(body, boundary, rules, depth, out);
        }
        (b"message", _) if kind.sub == "rfc822" && is_identity => {
            drop_encoding(header);
            inner_message(body, rules, depth, out);
        }
        (b"multipart" | b"message", _) => out.extend_from_slice(body),
        _ if !is_identity => out.extend_from_slice(body),
        _ => {
            drop_encoding(header);
            let name = encode(body, (rules.is_never_base64)(&full), out);
            header.push(Field::new("Content-Transfer-Encoding", format!(" {name}")));
            if !rules.by.is_empty() {
                header.push(autoconverted(b"8bit", name.as_bytes(), rules.by));
            }
        }
    }
}

/// The field that tells of a conversion.
fn autoconverted(from: &[u8], to: &[u8], by: &[u8]) -> Field {
    let parts = [b" from ".as_slice(), from, b" to ", to, b" by ", by];
    Field::new("X-MIME-Autoconverted", bstr::concat(parts))
}

fn drop_encoding(header: &mut Header) {
    header
        .fields_mut()
        .retain(|f| !f.is("Content-Transfer-Encoding"));
}

/// The parts of a multipart body, each on its own.
fn multipart(body: &[u8], boundary: &[u8], rules: &Rules<'_>, depth: usize, out: &mut Vec<u8>) {
    let mut part: Option<usize> = None;
    let mut at = 0;
    let mut is_over = false;
    for line in body.lines_with_terminator() {
        let (start, end) = (at, at + line.len());
        at = end;
        let Some(closes) = delimiter(line, boundary).filter(|_| !is_over) else {
            if part.is_none() {
                // Before the first part and after the last stands nothing
                // that matters to a reader of MIME.
                out.extend(line.iter().map(|b| b & 0x7f));
            }
            continue;
        };
        if let Some(from) = part.take() {
            // The line end before a delimiter belongs to the delimiter.
            let text = &body[from..start];
            let text = text.strip_suffix(b"\n").unwrap_or(text);
            part_of(text, rules, depth, out);
            out.push(b'\n');
        }
        out.extend_from_slice(line);
        is_over = closes;
        part = (!closes).then_some(end);
    }
    if let Some(from) = part {
        part_of(&body[from..], rules, depth, out);
    }
}

/// Whether `line` is a delimiter of `boundary`, and whether it is the last.
fn delimiter(line: &[u8], boundary: &[u8]) -> Option<bool> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary)?.trim_end();
    match rest {
        b"" => Some(false),
        b"--" => Some(true),
        _ => None,
    }
}

fn part_of(text: &[u8], rules: &Rules<'_>, depth: usize, out: &mut Vec<u8>) {
    if text.is_ascii() {
        out.extend_from_slice(text);
        return;
    }
    let (header, body) = block::split(text);
    let mut header = block::parse(header);
    let mut converted = Vec::new();
    entity(&mut header, body, rules, depth + 1, &mut converted);
    write_header(&header, out);
    out.push(b'\n');
    out.extend_from_slice(&converted);
}

/// A message within the message.
fn inner_message(body: &[u8], rules: &Rules<'_>, depth: usize, out: &mut Vec<u8>) {
    let (header, text) = block::split(body);
    let mut header = block::parse(header);
    if header.get("MIME-Version").is_none() {
        header.push(Field::new("MIME-Version", " 1.0"));
    }
    let mut converted = Vec::new();
    entity(&mut header, text, rules, depth + 1, &mut converted);
    write_header(&header, out);
    out.push(b'\n');
    out.extend_from_slice(&converted);
}

fn write_header(header: &Header, out: &mut Vec<u8>) {
    for field in header.fields() {
        out.extend_from_slice(&field.name);
        out.push(b':');
        out.extend_from_slice(&field.value);
        out.push(b'\n');
    }
}

/// Encodes a leaf in the form that fits; its name.
///
/// `// sendmail:` base64 when more than one byte in eight is above 127.
fn encode(body: &[u8], never_base64: bool, out: &mut Vec<u8>) -> &'static str {
    let high = body.iter().filter(|b| **b >= 0x80).count();
    if high * 8 > body.len() && !never_base64 {
        base64(body, out);
        "base64"
    } else {
        quoted_printable(body, out);
        "quoted-printable"
    }
}

fn base64(body: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    // The canonical form of text has CR LF (RFC 2049, section 4).
    let canonical = body.replace(b"\n", b"\r\n");
    let ends_line = body.ends_with(b"\n");
    let mut column = 0;
    for group in canonical.chunks(3) {
        let bits = group
            .iter()
            .chain(std::iter::repeat_n(&0, 3 - group.len()))
            .fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        for place in 0..4 {
            if place > group.len() {
                out.push(b'=');
            } else {
                let digit = bits >> (18 - 6 * place) & 63;
                out.push(DIGITS[digit as usize]);
            }
        }
        column += 4;
        if column >= BASE64_LINE {
            out.push(b'\n');
            column = 0;
        }
    }
    if column > 0 && ends_line {
        out.push(b'\n');
    } else if column == 0 && !ends_line {
        out.pop();
    }
}

fn quoted_printable(body: &[u8], out: &mut Vec<u8>) {
    for line in body.lines_with_terminator() {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let mut column = 0;
        for (at, &byte) in text.iter().enumerate() {
            let is_last = at + 1 == text.len();
            let is_plain = match byte {
                b'=' => false,
                b' ' | b'\t' => !is_last,
                _ => byte.is_ascii_graphic(),
            };
            let width = if is_plain { 1 } else { 3 };
            if column + width > QUOTED_LINE {
                out.extend_from_slice(b"=\n");
                column = 0;
            }
            column += width;
            if is_plain {
                out.push(byte);
            } else {
                out.extend_from_slice(format!("={byte:02X}").as_bytes());
            }
        }
        if text.len() < line.len() {
            out.push(b'\n');
        }
    }
}

/// A `Content-Type`, as far as walking needs it; in lower case but for the
/// boundary.
struct ContentType {
    main: BString,
    sub: BString,
    boundary: Option<BString>,
}

impl ContentType {
    fn of(header: &Header) -> Self {
        let Some(field) = header.get("Content-Type") else {
            return Self {
                main: "text".into(),
                sub: "plain".into(),
                boundary: None,
            };
        };
        let mut parts = parameters(field.text()).into_iter();
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let (main, sub) = kind.split_once_str("/").unwrap_or((&kind, b""));
        let boundary = parts.find_map(|part| {
            let (name, value) = part.split_once_str("=")?;
            name.trim()
                .eq_ignore_ascii_case(b"boundary")
                .then(|| super::quoting::unquote(value.trim()))
        });
        Self {
            main: main.trim().into(),
            sub: sub.trim().into(),
            boundary: boundary.filter(|b| !b.is_empty()),
        }
    }

    fn full(&self) -> BString {
        bstr::concat([self.main.as_slice(), b"/", &self.sub]).into()
    }
}

/// The parts between semicolons, comments left out.
fn parameters(value: &[u8]) -> Vec<BString> {
    let mut parts = vec![BString::default()];
    let (mut quoted, mut comments, mut escaped) = (false, 0u32, false);
    for &byte in value {
        let is_text = comments == 0;
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' if is_text => quoted = !quoted,
            b'(' if !quoted => {
                comments += 1;
                continue;
            }
            b')' if !quoted && comments > 0 => {
                comments -= 1;
                continue;
            }
            b';' if is_text && !quoted => {
                parts.push(BString::default());
                continue;
            }
            _ => {}
        }
        if is_text && let Some(part) = parts.last_mut() {
            part.push(byte);
        }
    }
    parts
        .into_iter()
        .map(|part| BString::from(part.trim()))
        .collect()
}

#[cfg(test)]
mod tests;
