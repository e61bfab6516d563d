//! Splits the value of an address field so that each address can be
//! rewritten and everything else stays as it is written.

/// One address of a list and what stands around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// The name of a group with its colon, when the address is the first of
    /// one: `team:`.
    pub group: &'a [u8],
    /// The address with its name and comments, without surrounding blanks;
    /// may be empty.
    pub text: &'a [u8],
    /// Whether a `;` ends a group after it.
    pub ends_group: bool,
}

/// The addresses of a list, in order; empty entries are left out.
///
/// A comma counts outside of quotes, comments, angle brackets; so do the
/// colon and semicolon of a group (RFC 5322, section 3.4).
pub fn split(value: &[u8]) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    let (mut start, mut group_start, mut group_end) = (0, 0, 0);
    let mut in_group = false;
    let mut state = Nesting::default();
    for (at, &byte) in value.iter().enumerate() {
        if !state.is_outside(byte) {
            continue;
        }
        match byte {
            b',' | b';' => {
                let item = Item {
                    group: &value[group_start..group_end],
                    text: value[start..at].trim_ascii(),
                    ends_group: byte == b';' && in_group,
                };
                in_group &= byte != b';';
                if !item.text.is_empty() || !item.group.is_empty() || item.ends_group {
                    items.push(item);
                }
                start = at + 1;
                (group_start, group_end) = (start, start);
            }
            b':' if !in_group && !value[start..at].contains(&b'@') => {
                in_group = true;
                let name = &value[start..=at];
                let blanks = name.len() - name.trim_ascii_start().len();
                (group_start, group_end) = (start + blanks, at + 1);
                start = at + 1;
            }
            _ => {}
        }
    }
    let last = Item {
        group: &value[group_start..group_end],
        text: value[start..].trim_ascii(),
        ends_group: false,
    };
    if !last.text.is_empty() || !last.group.is_empty() {
        items.push(last);
    }
    items
}

/// What a byte stands in.
#[derive(Default)]
struct Nesting {
    quoted: bool,
    escaped: bool,
    comments: u32,
    angles: u32,
}

impl Nesting {
    /// Whether `byte`, the next one, stands outside of everything.
    fn is_outside(&mut self, byte: u8) -> bool {
        if std::mem::take(&mut self.escaped) {
            return false;
        }
        match byte {
            b'\\' => self.escaped = true,
            b'"' if self.comments == 0 => self.quoted = !self.quoted,
            _ if self.quoted => {}
            b'(' => self.comments += 1,
            b')' => self.comments = self.comments.saturating_sub(1),
            _ if self.comments > 0 => {}
            b'<' => self.angles += 1,
            b'>' => self.angles = self.angles.saturating_sub(1),
            _ => return self.angles == 0,
        }
        false
    }
}

/// Puts a list together again, each address given by `rewritten` in turn:
/// `a, team: b, c;, d`. Lines are broken after a comma when they would grow
/// beyond 78 characters; `column` is where the value starts.
pub fn join<'a>(
    items: &[Item<'_>],
    rewritten: impl IntoIterator<Item = &'a [u8]>,
    column: usize,
) -> Vec<u8> {
    const LINE_MAX: usize = 78;
    const INDENT: &[u8] = b"\n\t";
    let mut out = Vec::new();
    let mut column = column;
    for (number, (item, text)) in items.iter().zip(rewritten).enumerate() {
        let mut entry = item.group.to_vec();
        if !entry.is_empty() && !text.is_empty() {
            entry.push(b' ');
        }
        entry.extend_from_slice(text);
        if item.ends_group {
            entry.push(b';');
        }
        if number > 0 {
            out.push(b',');
            column += 1;
            if column + 1 + entry.len() > LINE_MAX {
                out.extend_from_slice(INDENT);
                column = 8;
            } else {
                out.push(b' ');
                column += 1;
            }
        }
        column += entry.len();
        out.extend_from_slice(&entry);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(value: &str, want: &[&str]) {
        let items = split(value.as_bytes());
        let got: Vec<String> = items
            .iter()
            .map(|i| {
                let (group, text) = (i.group, i.text);
                let end = if i.ends_group { ";" } else { "" };
                format!("{}[{}]{end}", group.escape_ascii(), text.escape_ascii())
            })
            .collect();
        assert_eq!(got, want, "{value}");
    }

    #[test]
    fn lists() {
        check("", &[]);
        check(
            " a , b@c (x, y),, <d,e@f>",
            &["[a]", "[b@c (x, y)]", "[<d,e@f>]"],
        );
        check("\"B, O. B\" <bob>, c", &["[\\\"B, O. B\\\" <bob>]", "[c]"]);
        check(
            "group: alice, bob@x;, carol",
            &["group:[alice]", "[bob@x];", "[carol]"],
        );
        check("undisclosed-recipients:;", &["undisclosed-recipients:[];"]);
        check("a; b", &["[a]", "[b]"]);
        check("a:b@c", &["a:[b@c]"]);
        check("x\\,y, z", &["[x\\\\,y]", "[z]"]);
    }

    #[test]
    fn joined_as_the_reference_joins() {
        let value = b"group: alice, bob@x.test;, carol".as_slice();
        let items = split(value);
        let texts: Vec<&[u8]> = items.iter().map(|i| i.text).collect();
        assert_eq!(join(&items, texts, 4), value);
        let items = split(b"undisclosed-recipients:;");
        assert_eq!(
            join(&items, [b"".as_slice()], 4),
            b"undisclosed-recipients:;"
        );
        let long = "someone.with.a.long.name@a.long.example.org, ".repeat(3);
        let items = split(long.as_bytes());
        let texts: Vec<&[u8]> = items.iter().map(|i| i.text).collect();
        let joined = join(&items, texts, 4);
        assert_eq!(joined.iter().filter(|b| **b == b'\n').count(), 2);
    }

    proptest! {
        #[test]
        fn any_value_splits(value: Vec<u8>) {
            let items = split(&value);
            let texts: Vec<&[u8]> = items.iter().map(|i| i.text).collect();
            let joined = join(&items, texts, 0);
            prop_assert!(joined.len() <= 4 * value.len() + 4);
        }
    }
}
