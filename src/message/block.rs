//! Finds the header of a message in its text and reads it into fields.
//!
//! The rules are the reference's: a field is a name of printable ASCII, blanks,
//! a colon; a line that begins with a blank goes on with the field before it;
//! the first line that is neither begins the body, with or without an empty
//! line before it. Text has LF line ends.

use bstr::{BString, ByteSlice};
use memchr::memchr;

use super::{Field, Header};

/// Finds the end of a header in text that may still grow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Finder {
    /// Everything before this has been judged.
    judged: usize,
    /// Whether a field stands before `judged`.
    in_field: bool,
}

/// Where the header ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// Length of the header, its last line end included.
    pub header: usize,
    /// Where the body begins: after the empty line, if there is one.
    pub body: usize,
}

impl Finder {
    /// Looks on in `text`, which begins with what earlier calls saw. `None`
    /// while the header may go on; with `is_whole` nothing will follow, and
    /// the answer is always there.
    pub fn find(&mut self, text: &[u8], is_whole: bool) -> Option<Split> {
        while let Some(rest) = text.get(self.judged..).filter(|rest| !rest.is_empty()) {
            let (line, length) = match memchr(b'\n', rest) {
                Some(end) => (&rest[..end], end + 1),
                None if is_whole => (rest, rest.len()),
                None => return None,
            };
            let header = self.judged;
            if line.is_empty() {
                return Some(Split {
                    header,
                    body: header + length,
                });
            }
            let is_first = self.judged == 0;
            let goes_on = matches!(line[0], b' ' | b'\t') && self.in_field;
            if !goes_on && field_name(line).is_none() && !(is_first && is_from_line(line)) {
                return Some(Split {
                    header,
                    body: header,
                });
            }
            self.in_field |= !(is_first && is_from_line(line));
            self.judged += length;
        }
        is_whole.then_some(Split {
            header: text.len(),
            body: text.len(),
        })
    }
}

/// The header and body of a whole message.
pub fn split(text: &[u8]) -> (&[u8], &[u8]) {
    let whole = Finder::default().find(text, true);
    let Split { header, body } = whole.unwrap_or(Split { header: 0, body: 0 });
    (&text[..header], &text[body..])
}

/// The `From ` line that mailboxes put before a message, if `text` begins
/// with one.
pub fn from_line(text: &[u8]) -> Option<&[u8]> {
    let line = text.lines().next()?;
    is_from_line(line).then_some(line)
}

fn is_from_line(line: &[u8]) -> bool {
    line.starts_with(b"From ") && field_name(line).is_none()
}

/// Reads the text of a header, as [`Finder`] or [`split`] found it. NULs are
/// dropped; a `From ` line at the beginning is left out; what is no field
/// ends the reading.
pub fn parse(text: &[u8]) -> Header {
    let mut fields: Vec<Field> = Vec::with_capacity(memchr::memchr_iter(b'\n', text).count());
    for (number, line) in text.lines().enumerate() {
        if matches!(line.first(), Some(b' ' | b'\t'))
            && let Some(last) = fields.last_mut()
        {
            last.value.push(b'\n');
            extend_without_nul(&mut last.value, line);
        } else if let Some((name, rest)) = field_name(line) {
            let mut value = BString::default();
            extend_without_nul(&mut value, &line[rest..]);
            fields.push(Field::new(name, value));
        } else if !(number == 0 && is_from_line(line)) {
            break;
        }
    }
    fields.into_iter().collect()
}

fn extend_without_nul(out: &mut BString, bytes: &[u8]) {
    for part in bytes.split(|b| *b == 0) {
        out.extend_from_slice(part);
    }
}

/// The name of the field that `line` begins, and where its value starts.
fn field_name(line: &[u8]) -> Option<(&[u8], usize)> {
    let end = line
        .iter()
        .position(|b| !matches!(b, b'!'..=b'9' | b';'..=b'~'))?;
    let blanks = line[end..]
        .iter()
        .take_while(|b| matches!(b, b' ' | b'\t'))
        .count();
    let colon = end + blanks;
    (end > 0 && line.get(colon) == Some(&b':')).then(|| (&line[..end], colon + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn show(text: &str) -> String {
        let (header, body) = split(text.as_bytes());
        let fields: Vec<String> = parse(header)
            .fields()
            .iter()
            .map(|f| format!("{}:{}", f.name, f.value))
            .collect();
        format!("{} || {}", fields.join(" | "), body.as_bstr()).replace('\n', "~")
    }

    #[test]
    fn headers_as_the_reference_reads_them() {
        for (text, want) in [
            ("A: b\n\nbody\n", "A: b || body~"),
            ("A: b\nbad line\n\nx\n", "A: b || bad line~~x~"),
            ("A: b\n c\n\td\nE:\n\n", "A: b~ c~\td | E: || "),
            (" leading\nA: b\n", " ||  leading~A: b~"),
            ("\nA: b\n", " || A: b~"),
            (
                "Subject : spaced\n cont\nX\n",
                "Subject: spaced~ cont || X~",
            ),
            ("X-A :\ty\n\n", "X-A:\ty || "),
            (": no\n", " || : no~"),
            ("X\u{e9}Y: z\n", " || X\u{e9}Y: z~"),
            ("From x y z\nA: b\n\nc", "A: b || c"),
            ("A: b\nFrom x\n", "A: b || From x~"),
            (">From x\nA: b\n", " || >From x~A: b~"),
            ("From: x\n\n", "From: x || "),
            ("A: x\0y\n\n\0", "A: xy || \0"),
            ("A: b", "A: b || "),
            ("", " || "),
            ("\n\nSubject: not\n", " || ~Subject: not~"),
        ] {
            assert_eq!(show(text), want, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn growing_text_finds_the_same(
            text in "(A: b\n|B:\n c\n|\n| x\n|bad\n|From z\n|[ :a\u{0}]){0,10}",
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..5),
        ) {
            let bytes = text.as_bytes();
            let whole = Finder::default().find(bytes, true);
            let mut cuts: Vec<usize> = cuts.iter().map(|c| c.index(bytes.len() + 1)).collect();
            cuts.sort_unstable();
            let mut finder = Finder::default();
            let early = cuts.iter().find_map(|cut| finder.find(&bytes[..*cut], false));
            let found = early.or_else(|| finder.find(bytes, true));
            prop_assert_eq!(found, whole);
        }

        #[test]
        fn any_bytes_parse(text: Vec<u8>) {
            let (header, body) = split(&text);
            prop_assert!(header.len() + body.len() <= text.len());
            for field in parse(header).fields() {
                prop_assert!(!field.name.is_empty());
                prop_assert!(!field.value.contains(&0));
            }
        }
    }
}
