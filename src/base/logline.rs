//! A line of the mail log, taken apart: whose it is, and its `name=value`
//! fields.
//!
//! Pure. A value may hold commas (`stat=Deferred: try again, later`): a new
//! field begins only where a name and `=` follow a comma and a blank.

use bstr::{BStr, ByteSlice};

/// The longest name of a field.
const NAME_BYTES_MAX: usize = 32;

/// The parts of a line, without time, host and program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogLine<'l> {
    /// The queue id, or `NOQUEUE`; `None` for a line about the daemon.
    pub id: Option<&'l BStr>,
    /// What stands before the first field.
    pub text: &'l BStr,
    /// The fields in order.
    pub fields: Vec<(&'l BStr, &'l BStr)>,
}

impl<'l> LogLine<'l> {
    /// Takes a line apart; every line can be.
    pub fn parse(line: &'l [u8]) -> Self {
        let (id, rest) = match line.split_once_str(": ") {
            Some((id, rest)) if is_id(id) => (Some(id.as_bstr()), rest),
            _ => (None, line),
        };
        let mut found = Self {
            id,
            ..Self::default()
        };
        let mut start = 0;
        // Where each part begins: at the start, and behind each `, `.
        let begins = std::iter::once(0).chain(rest.find_iter(", ").map(|at| at + 2));
        let starts: Vec<usize> = begins
            .filter(|at| name_at(&rest[*at..]).is_some())
            .collect();
        if starts.first() != Some(&0) {
            start = starts.first().copied().unwrap_or(rest.len());
            let text = &rest[..start];
            found.text = text.strip_suffix(b", ").unwrap_or(text).as_bstr();
        }
        let ends = starts.iter().skip(1).map(|next| next - 2);
        for end in ends.chain([rest.len()]) {
            let part = rest.get(start..end).unwrap_or_default();
            if let Some(len) = name_at(part) {
                let (name, value) = part.split_at(len);
                found.fields.push((name.as_bstr(), value[1..].as_bstr()));
            }
            start = end + 2;
        }
        found
    }
}

fn is_id(word: &[u8]) -> bool {
    let is_one = word.len() >= 7 && word.iter().all(u8::is_ascii_alphanumeric);
    is_one && (word == b"NOQUEUE" || word.iter().any(u8::is_ascii_digit))
}

/// The length of a field's name at the start of a part.
fn name_at(part: &[u8]) -> Option<usize> {
    let end = part
        .iter()
        .take(NAME_BYTES_MAX)
        .position(|byte| *byte == b'=')?;
    let name = &part[..end];
    let is_name = name.first().is_some_and(u8::is_ascii_alphabetic)
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte));
    is_name.then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        let parsed = LogLine::parse(line.as_bytes());
        let fields: Vec<String> = parsed
            .fields
            .iter()
            .map(|(n, v)| format!("{n}[{v}]"))
            .collect();
        let id = parsed.id.map(|id| id.to_string()).unwrap_or_default();
        format!("{id}|{}|{}", parsed.text, fields.join(" "))
    }

    #[test]
    fn fields_are_found_and_commas_in_values_stay() {
        assert_eq!(
            shown("6AM8uH4k000040: from=<a@b>, size=3, relay=x [1.2.3.4]"),
            "6AM8uH4k000040||from[<a@b>] size[3] relay[x [1.2.3.4]]"
        );
        assert_eq!(
            shown("6AM8uH4k000040: to=<a>,<b>, stat=Deferred: try again, later"),
            "6AM8uH4k000040||to[<a>,<b>] stat[Deferred: try again, later]"
        );
        assert_eq!(
            shown("NOQUEUE: connect from x [1.2.3.4]"),
            "NOQUEUE|connect from x [1.2.3.4]|"
        );
        assert_eq!(
            shown("STARTTLS=server, relay=x, bits=256/256"),
            "||STARTTLS[server] relay[x] bits[256/256]"
        );
        assert_eq!(
            shown("6AM8uH4k000040: Milter add: header: X, a=b"),
            "6AM8uH4k000040|Milter add: header: X|a[b]"
        );
        assert_eq!(
            shown("starting daemon (0.1.0): SMTP"),
            "|starting daemon (0.1.0): SMTP|"
        );
        assert_eq!(shown(""), "||");
        assert_eq!(shown("=, =x, , a="), "|=, =x, |a[]");
    }

    proptest::proptest! {
        #[test]
        fn any_line_can_be_taken_apart(line: Vec<u8>) {
            let parsed = LogLine::parse(&line);
            let bytes: usize = parsed.fields.iter().map(|(n, v)| n.len() + v.len()).sum();
            proptest::prop_assert!(bytes + parsed.text.len() <= line.len());
        }
    }
}
