//! Takes the address out of what stands around it in a header: names,
//! comments, angle brackets.
//!
//! The reference's reading, which is forgiving and in places odd: a name that
//! needs quotes gets them, a group keeps its name, brackets and quotes that
//! are open at the end are closed.

use bstr::BString;

use crate::base::limits::HEADER_LINE_BYTES_MAX;

/// What stands around an address.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Cracked {
    text: Vec<u8>,
    /// Where the address belongs; `None` when there was none.
    address: Option<usize>,
}

impl Cracked {
    /// Nothing around the address.
    pub fn bare() -> Self {
        Self {
            text: Vec::new(),
            address: Some(0),
        }
    }

    /// The text with this address in its place.
    pub fn around(&self, address: &[u8]) -> BString {
        let at = self.address.unwrap_or(self.text.len());
        let address = if self.address.is_some() { address } else { b"" };
        let mut whole = Vec::with_capacity(self.text.len() + address.len());
        whole.extend_from_slice(&self.text[..at]);
        whole.extend_from_slice(address);
        whole.extend_from_slice(&self.text[at..]);
        whole.into()
    }
}

/// Which characters of a name need quotes, and what a colon means.
#[derive(Clone, Copy, Debug)]
pub struct CrackStyle<'a> {
    /// `@,;:\()[]` and those of option MustQuoteChars.
    pub must_quote: &'a [u8],
    /// Option ColonOkInAddr: a colon does not begin a group.
    pub colon_ok: bool,
}

/// What needs quotes whatever option MustQuoteChars says.
pub const MUST_QUOTE_ALWAYS: &[u8] = b"@,;:\\()[]";

/// Reads a header's address, or one of a list.
pub fn crack(text: &[u8], style: CrackStyle<'_>) -> Cracked {
    let text = text.trim_ascii_start();
    let text = &text[..text.len().min(HEADER_LINE_BYTES_MAX)];
    let mut cracker = Cracker {
        text,
        style,
        at: 0,
        out: Vec::with_capacity(text.len() + 4),
        address: None,
        out_start: 0,
        part_start: 0,
        comments: 0,
        angles: 0,
        copying: 0,
        brackets: 0,
        quoted: false,
        quoted_behind: false,
        quote_name: false,
        seen_angle: false,
        seen_colon: false,
    };
    while let Some(byte) = cracker.next() {
        cracker.byte(byte);
    }
    cracker.repair();
    Cracked {
        text: cracker.out,
        address: cracker.address,
    }
}

struct Cracker<'a> {
    text: &'a [u8],
    style: CrackStyle<'a>,
    at: usize,
    out: Vec<u8>,
    address: Option<usize>,
    /// Where the present part begins, in `out` and in `text`: the name of a
    /// group stands before.
    out_start: usize,
    part_start: usize,
    comments: usize,
    angles: usize,
    /// Greater than 0 where text is kept as it is.
    copying: usize,
    brackets: i32,
    quoted: bool,
    /// A quote stood behind the closing bracket.
    quoted_behind: bool,
    /// The name must be quoted if an angle bracket follows.
    quote_name: bool,
    seen_angle: bool,
    seen_colon: bool,
}

impl Cracker<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.text.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        byte
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn byte(&mut self, byte: u8) {
        if self.copying > 0 {
            self.out.push(byte);
        }
        match byte {
            b'\\' => {
                self.needs_quotes();
                if let Some(escaped) = self.next()
                    && self.copying > 0
                {
                    self.out.push(escaped);
                }
                self.put_address();
                return;
            }
            b'"' if self.comments == 0 => {
                self.quoted = !self.quoted;
                if self.copying > 0 && self.peek().is_none() {
                    // One alone at the end gets its other half.
                    self.out.push(b'"');
                } else {
                    self.quoted_behind |= self.copying > 0;
                }
                return;
            }
            _ if self.quoted => return self.put_address(),
            b'(' => self.open_comment(),
            _ => {}
        }
        if self.comments > 0 {
            if byte == b')' {
                self.comments -= 1;
                self.copying -= 1;
            }
            return;
        }
        self.plain(byte);
    }

    /// A byte outside quotes and comments.
    fn plain(&mut self, byte: u8) {
        match byte {
            b')' if self.copying > 0 => {
                self.out.pop();
            }
            b'[' => self.brackets += 1,
            b']' => self.brackets -= 1,
            b':' if self.begins_group() => return self.colon(),
            b';' if self.copying == 0 && !self.style.colon_ok => self.out.push(byte),
            _ => {}
        }
        if self.style.must_quote.contains(&byte) {
            self.needs_quotes();
        }
        match byte {
            b'<' => self.open_angle(),
            b'>' => self.close_angle(),
            _ => self.put_address(),
        }
    }

    fn needs_quotes(&mut self) {
        if self.comments == 0 && !self.quoted {
            self.quote_name = true;
        }
    }

    fn open_comment(&mut self) {
        self.comments += 1;
        if self.copying == 0 {
            if self.out.len() != self.out_start || self.address.is_some() {
                self.out.push(b' ');
            }
            self.out.push(b'(');
        }
        self.copying += 1;
    }

    fn begins_group(&self) -> bool {
        self.angles == 0 && self.brackets <= 0 && !self.seen_colon && !self.style.colon_ok
    }

    fn colon(&mut self) {
        // `host::user` and `host:.rest` are DECnet, not groups.
        if let Some(next @ (b':' | b'.')) = self.peek() {
            self.needs_quotes();
            if self.copying > 0 {
                // sendmail: the colon is kept twice.
                self.out.extend_from_slice(&[b':', next]);
            }
            self.at += 1;
            return self.put_address();
        }
        self.seen_colon = true;
        self.keep_name(b':');
        while let Some(space) = self.peek().filter(u8::is_ascii_whitespace) {
            self.out.push(space);
            self.at += 1;
        }
        self.out_start = self.out.len();
        self.part_start = self.at;
    }

    fn open_angle(&mut self) {
        // Of two brackets the first is part of the name.
        self.quote_name |= self.seen_angle;
        self.seen_angle = true;
        self.angles = 1;
        self.keep_name(b'<');
    }

    /// What has been read of this part was a name: keeps it as it was
    /// written, in quotes if it needs them, and the delimiter after it.
    fn keep_name(&mut self, delimiter: u8) {
        self.out.truncate(self.out_start);
        let end = self.at - 1;
        let part = &self.text[self.part_start.min(end)..end];
        if self.quote_name {
            let name = part.trim_ascii_end();
            if !name.is_empty() || self.out_start > 0 {
                self.out.push(b'"');
                for &byte in name {
                    if byte == b'"' {
                        self.out.push(b'\\');
                    }
                    self.out.push(byte);
                }
                self.out.push(b'"');
            }
            self.out.extend_from_slice(&part[name.len()..]);
        } else {
            self.out.extend_from_slice(part);
        }
        self.out.push(delimiter);
        self.copying = 0;
        self.address = None;
        self.quote_name = false;
    }

    fn close_angle(&mut self) {
        if self.angles > 0 {
            self.angles -= 1;
        } else {
            if self.copying > 0 {
                self.out.pop();
            }
            self.quote_name = true;
            return;
        }
        if self.copying == 0 {
            self.out.push(b'>');
        }
        self.copying += 1;
    }

    fn put_address(&mut self) {
        if self.copying == 0 && self.address.is_none() {
            if self.out.last() == Some(&b')') {
                self.out.push(b' ');
            }
            self.address = Some(self.out.len());
        }
    }

    fn repair(&mut self) {
        if self.quoted_behind {
            // sendmail: with quotes behind the address all around it is given
            // up.
            self.out = b"<>".to_vec();
            self.address = Some(1);
            return;
        }
        for _ in 0..self.comments {
            self.out.push(b')');
        }
        for _ in 0..self.angles {
            self.out.push(b'>');
        }
    }
}
