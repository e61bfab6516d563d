//! A checked command taken apart as a shell would: words, quotes, `&&`, `||`,
//! comments; and file name patterns.

use bstr::BString;

use super::{Joint, Link};

/// A part of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The byte.
    pub byte: u8,
    /// It was in quotes or after a backslash: it stands for itself.
    pub quoted: bool,
}

/// A word before patterns and `~` are replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word(pub Vec<Piece>);

impl Word {
    /// The word as it stands.
    pub fn plain(&self) -> BString {
        self.0
            .iter()
            .map(|piece| piece.byte)
            .collect::<Vec<u8>>()
            .into()
    }

    /// Whether it has a character that makes it a pattern for file names.
    pub fn is_pattern(&self) -> bool {
        self.0
            .iter()
            .any(|piece| !piece.quoted && matches!(piece.byte, b'*' | b'?' | b'['))
    }

    /// The login name after a leading `~`, and the number of bytes up to its
    /// end.
    pub fn tilde(&self) -> Option<(BString, usize)> {
        let first = self.0.first()?;
        if first.byte != b'~' || first.quoted {
            return None;
        }
        let end = self
            .0
            .iter()
            .position(|piece| piece.byte == b'/')
            .unwrap_or(self.0.len());
        let name = &self.0[1..end];
        let plain = name.iter().all(|piece| !piece.quoted);
        plain.then(|| (name.iter().map(|piece| piece.byte).collect(), end))
    }
}

/// A command that no shell would understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// A quote without its end.
    #[error("Syntax error: Unterminated quoted string")]
    Quote,
    /// `&&` or `||` with nothing behind it.
    #[error("Syntax error: end of file unexpected")]
    End,
}

/// Takes a checked command apart.
///
/// # Errors
/// A [`SyntaxError`], for which a shell exits with status 2.
pub fn parse(command: &[u8]) -> Result<Vec<Link>, SyntaxError> {
    let mut links = Vec::new();
    let mut joint = Joint::First;
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut bytes = command.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' | b'\t' => words.extend(word.take()),
            b'#' if word.is_none() => break,
            b'&' | b'|' if bytes.peek() == Some(&byte) => {
                bytes.next();
                words.extend(word.take());
                let words = std::mem::take(&mut words);
                links.push(Link { joint, words });
                joint = if byte == b'&' { Joint::And } else { Joint::Or };
            }
            b'\'' | b'"' => quoted(byte, &mut bytes, word.get_or_insert_default())?,
            b'\\' => {
                let byte = bytes.next().unwrap_or(b'\\');
                let quoted = true;
                word.get_or_insert_default().0.push(Piece { byte, quoted });
            }
            byte => {
                let quoted = false;
                word.get_or_insert_default().0.push(Piece { byte, quoted });
            }
        }
    }
    words.extend(word);
    if words.is_empty() {
        return Err(SyntaxError::End);
    }
    links.push(Link { joint, words });
    Ok(links)
}

/// What stands in quotes, up to their end.
fn quoted(
    quote: u8,
    bytes: &mut impl Iterator<Item = u8>,
    word: &mut Word,
) -> Result<(), SyntaxError> {
    let mut push = |byte| word.0.push(Piece { byte, quoted: true });
    loop {
        match bytes.next().ok_or(SyntaxError::Quote)? {
            byte if byte == quote => return Ok(()),
            b'\\' if quote == b'"' => match bytes.next().ok_or(SyntaxError::Quote)? {
                byte @ (b'"' | b'\\') => push(byte),
                byte => {
                    push(b'\\');
                    push(byte);
                }
            },
            byte => push(byte),
        }
    }
}

/// Whether a file's name fits a pattern: `*`, `?`, `[a-z]`, `[!x]`.
pub fn matches(pattern: &[Piece], name: &[u8]) -> bool {
    // A pattern reaches hidden files only if it begins with a dot.
    if name.first() == Some(&b'.') && pattern.first().map(|piece| piece.byte) != Some(b'.') {
        return false;
    }
    let (mut p, mut n) = (0, 0);
    // Where the last `*` was, and how much of the name it has taken.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        let step = pattern.get(p).and_then(|piece| match piece.byte {
            b'*' if !piece.quoted => {
                star = Some((p, n));
                Some((p + 1, n))
            }
            b'?' if !piece.quoted => Some((p + 1, n + 1)),
            b'[' if !piece.quoted => set(&pattern[p..], name[n]).map(|len| (p + len, n + 1)),
            byte => (byte == name[n]).then_some((p + 1, n + 1)),
        });
        (p, n) = match (step, star) {
            (Some(step), _) => step,
            (None, Some((at, taken))) => {
                star = Some((at, taken + 1));
                (at + 1, taken + 1)
            }
            (None, None) => return false,
        };
    }
    pattern[p..]
        .iter()
        .all(|piece| piece.byte == b'*' && !piece.quoted)
}

/// The length of a `[…]` if it takes this byte.
fn set(pattern: &[Piece], byte: u8) -> Option<usize> {
    let negated = matches!(pattern.get(1)?.byte, b'!' | b'^');
    let start = if negated { 2 } else { 1 };
    // A bracket that comes first is a member.
    let end = (start + 1..pattern.len()).find(|at| pattern[*at].byte == b']')?;
    let (mut at, mut found) = (start, false);
    while at < end {
        let low = pattern[at].byte;
        let is_range = at + 2 < end && pattern[at + 1].byte == b'-';
        let high = if is_range { pattern[at + 2].byte } else { low };
        found |= (low..=high).contains(&byte);
        at += if is_range { 3 } else { 1 };
    }
    (found != negated).then_some(end + 1)
}
