//! POSIX extended and basic syntax, as regcomp(3) of the GNU library reads it
//! without REG_NEWLINE: `^` and `$` match at the ends of the text, `.` and
//! `[^…]` match a newline too.

use super::parse::{
    Assert, BAD_BACK_REFERENCE, BAD_COLLATION, BAD_RANGE, DEPTH_MAX, Node, Regex, Set, TOO_BIG,
    TRAILING_BACKSLASH, Tree, UNMATCHED_BRACKET, UNMATCHED_OPEN, assemble, check_size, is_space,
    is_word, set_of,
};

const BAD_REPEAT: &str = "Invalid preceding regular expression";
const BAD_INTERVAL: &str = "Invalid content of \\{\\}";
const UNMATCHED_BRACE: &str = "Unmatched \\{";
const BAD_CLASS: &str = "Invalid character class name";

/// RE_DUP_MAX: the largest number of an interval.
const REPEATS_MAX: u32 = 0x7fff;

/// How a pattern is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Posix {
    /// The basic syntax (`\(`, `\{`), not the extended one.
    pub basic: bool,
    /// Letters match in either case (REG_ICASE).
    pub ignore_case: bool,
}

/// Compiles a pattern.
///
/// # Errors
/// What is wrong with it, in the C library's words.
pub fn compile_posix(pattern: &[u8], syntax: Posix) -> Result<Regex, &'static str> {
    let mut parser = Parser {
        pattern,
        at: 0,
        syntax,
        groups: 0,
        closed: [false; 10],
        back_references: false,
        depth: 0,
    };
    let tree = parser.alternatives()?;
    if parser.at < pattern.len() {
        // Only the end of a group that was not begun stops the parser.
        return Err(UNMATCHED_OPEN);
    }
    let mut regex = assemble(&tree, parser.groups, parser.back_references)?;
    regex.fold = syntax.ignore_case;
    Ok(regex)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Byte(u8),
    Any,
    Bracket,
    Assert(Assert),
    Word(bool),
    Space(bool),
    Open,
    Close,
    Alternative,
    Star,
    Plus,
    Question,
    Brace,
    Back(u8),
    TrailingBackslash,
    End,
}

impl Token {
    fn repeats(self) -> bool {
        matches!(
            self,
            Token::Star | Token::Plus | Token::Question | Token::Brace
        )
    }
}

struct Parser<'p> {
    pattern: &'p [u8],
    at: usize,
    syntax: Posix,
    groups: usize,
    closed: [bool; 10],
    back_references: bool,
    depth: u32,
}

impl Parser<'_> {
    /// The token that begins at the current position, and its length.
    /// `first` says that a branch begins here.
    fn peek(&self, first: bool) -> (Token, usize) {
        let Some(byte) = self.pattern.get(self.at).copied() else {
            return (Token::End, 0);
        };
        let extended = !self.syntax.basic;
        let token = match byte {
            b'\\' => {
                return match self.pattern.get(self.at + 1) {
                    Some(escaped) => (self.escape(*escaped), 2),
                    None => (Token::TrailingBackslash, 1),
                };
            }
            b'.' => Token::Any,
            b'[' => Token::Bracket,
            b'*' => Token::Star,
            b'+' if extended => Token::Plus,
            b'?' if extended => Token::Question,
            b'{' if extended => Token::Brace,
            b'|' if extended => Token::Alternative,
            b'(' if extended => Token::Open,
            // Without a group it is a byte like any other.
            b')' if extended && self.depth > 0 => Token::Close,
            b'^' if extended || first => Token::Assert(Assert::TextStart),
            b'$' if extended || self.ends_branch() => Token::Assert(Assert::TextEnd),
            _ => Token::Byte(byte),
        };
        (token, 1)
    }

    /// Whether a basic pattern, group or alternative ends behind this byte.
    fn ends_branch(&self) -> bool {
        matches!(
            self.pattern.get(self.at + 1..).unwrap_or_default(),
            [] | [b'\\', b')' | b'|', ..]
        )
    }

    /// What a byte behind a backslash is.
    fn escape(&self, byte: u8) -> Token {
        match byte {
            b'(' if self.syntax.basic => Token::Open,
            b')' if self.syntax.basic => Token::Close,
            b'{' if self.syntax.basic => Token::Brace,
            b'|' if self.syntax.basic => Token::Alternative,
            b'+' if self.syntax.basic => Token::Plus,
            b'?' if self.syntax.basic => Token::Question,
            b'1'..=b'9' => Token::Back(byte - b'0'),
            b'<' => Token::Assert(Assert::WordStart),
            b'>' => Token::Assert(Assert::WordEnd),
            b'b' => Token::Assert(Assert::WordEdge),
            b'B' => Token::Assert(Assert::NoWordEdge),
            b'`' => Token::Assert(Assert::TextStart),
            b'\'' => Token::Assert(Assert::TextEnd),
            b'w' => Token::Word(true),
            b'W' => Token::Word(false),
            b's' => Token::Space(true),
            b'S' => Token::Space(false),
            _ => Token::Byte(byte),
        }
    }

    fn alternatives(&mut self) -> Result<Tree, &'static str> {
        let known = self.closed;
        let mut branches = vec![self.branch()?];
        loop {
            let (token, length) = self.peek(false);
            if token != Token::Alternative {
                break;
            }
            self.at += length;
            // An alternative cannot refer to the groups of its neighbours.
            let seen = std::mem::replace(&mut self.closed, known);
            branches.push(self.branch()?);
            for (closed, seen) in self.closed.iter_mut().zip(seen) {
                *closed |= seen;
            }
        }
        Ok(match branches.len() {
            1 => branches.remove(0),
            _ => Tree::Either(branches),
        })
    }

    fn branch(&mut self) -> Result<Tree, &'static str> {
        let mut parts = Vec::new();
        let mut first = true;
        loop {
            match self.peek(first).0 {
                Token::Alternative | Token::Close | Token::End => break,
                _ => {
                    let anchor = self.part(first, &mut parts)?;
                    // In basic patterns what follows the first anchor is as
                    // at the beginning.
                    first = first && anchor && self.syntax.basic;
                }
            }
        }
        Ok(match parts.len() {
            0 => Tree::Empty,
            1 => parts.remove(0),
            _ => Tree::Sequence(parts),
        })
    }

    /// Reads one part with what repeats it; says whether it is an anchor.
    fn part(&mut self, first: bool, parts: &mut Vec<Tree>) -> Result<bool, &'static str> {
        let (mut token, length) = self.peek(first);
        if token.repeats() {
            match (token, self.syntax.basic) {
                (Token::Star, true) => token = Token::Byte(b'*'),
                // Only at the start of a branch: elsewhere `repeats` takes them.
                _ => return Err(BAD_REPEAT),
            }
        }
        self.at += length;
        if let Token::Assert(assert) = token {
            let anchors = matches!(assert, Assert::TextStart | Assert::TextEnd);
            let next = self.peek(false).0;
            if next.repeats() && !self.syntax.basic && assert == Assert::TextStart {
                return Err(BAD_REPEAT);
            }
            let tree = Tree::Node(Node::Assert(assert));
            let tree = match anchors && self.syntax.basic {
                true => tree,
                false => self.repeats(tree)?,
            };
            parts.push(tree);
            return Ok(assert == Assert::TextStart);
        }
        let tree = self.single(token)?;
        let tree = self.repeats(tree)?;
        parts.push(tree);
        Ok(false)
    }

    /// Reads what repeats a part.
    fn repeats(&mut self, mut tree: Tree) -> Result<Tree, &'static str> {
        for _ in 0..DEPTH_MAX {
            let (token, length) = self.peek(false);
            if !token.repeats() {
                return Ok(tree);
            }
            self.at += length;
            let (least, most) = match token {
                Token::Star => (0, None),
                Token::Plus => (1, None),
                Token::Question => (0, Some(1)),
                _ => self.interval()?,
            };
            tree = times(tree, least, most)?;
        }
        Err(TOO_BIG)
    }

    /// Reads an interval whose brace is gone.
    fn interval(&mut self) -> Result<(u32, Option<u32>), &'static str> {
        let least = self.number()?;
        let comma = self.pattern.get(self.at) == Some(&b',');
        let most = if comma {
            self.at += 1;
            self.number()?
        } else {
            least
        };
        let end: &[u8] = if self.syntax.basic { b"\\}" } else { b"}" };
        let rest = self.pattern.get(self.at..).unwrap_or_default();
        if !rest.starts_with(end) {
            return Err(match memchr::memmem::find(rest, end) {
                None => UNMATCHED_BRACE,
                Some(_) => BAD_INTERVAL,
            });
        }
        self.at += end.len();
        match (least, most) {
            (None, None) if !comma => Err(BAD_INTERVAL),
            (least, Some(most)) if least.unwrap_or(0) > most => Err(BAD_INTERVAL),
            (least, most) => {
                if least.max(most) > Some(REPEATS_MAX) {
                    return Err(TOO_BIG);
                }
                Ok((least.unwrap_or(0), most))
            }
        }
    }

    /// Reads a number, if one is here.
    fn number(&mut self) -> Result<Option<u32>, &'static str> {
        let mut value = None;
        while let Some(digit @ b'0'..=b'9') = self.pattern.get(self.at) {
            let grown = value.unwrap_or(0u32).saturating_mul(10);
            value = Some(grown.saturating_add(u32::from(digit - b'0')));
            self.at += 1;
        }
        Ok(value)
    }

    /// A part that nothing repeats yet; its token is gone.
    fn single(&mut self, token: Token) -> Result<Tree, &'static str> {
        Ok(Tree::Node(match token {
            // Text is folded before it is searched.
            Token::Byte(byte) if self.syntax.ignore_case => Node::Byte(byte.to_ascii_lowercase()),
            Token::Byte(byte) => Node::Byte(byte),
            Token::Any => Node::Set(Box::new([true; 256])),
            Token::Word(wanted) => Node::Set(set_of(|byte| is_word(byte) == wanted)),
            Token::Space(wanted) => Node::Set(set_of(|byte| is_space(byte) == wanted)),
            Token::Bracket => Node::Set(self.bracket()?),
            Token::Back(number) => {
                if !self.closed[usize::from(number)] {
                    return Err(BAD_BACK_REFERENCE);
                }
                self.back_references = true;
                Node::Back(number)
            }
            Token::Open => return self.group(),
            Token::TrailingBackslash => return Err(TRAILING_BACKSLASH),
            _ => return Ok(Tree::Empty),
        }))
    }

    /// Reads a group whose parenthesis is gone.
    fn group(&mut self) -> Result<Tree, &'static str> {
        self.groups += 1;
        let number = self.groups;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(TOO_BIG);
        }
        let body = self.alternatives()?;
        let (token, length) = self.peek(false);
        if token != Token::Close {
            return Err(UNMATCHED_OPEN);
        }
        self.at += length;
        self.depth -= 1;
        if let Some(closed) = self.closed.get_mut(number) {
            *closed = true;
        }
        // Only nine can be named; the others only group.
        Ok(match u8::try_from(number) {
            Ok(number @ 1..=9) => Tree::Group {
                number,
                optional: false,
                body: Box::new(body),
            },
            _ => body,
        })
    }

    /// Reads a bracket expression whose `[` is gone.
    fn bracket(&mut self) -> Result<Box<Set>, &'static str> {
        let mut set: Box<Set> = Box::new([false; 256]);
        let negated = self.pattern.get(self.at) == Some(&b'^');
        self.at += usize::from(negated);
        let mut first = true;
        loop {
            let rest = self.pattern.get(self.at..).unwrap_or_default();
            match rest {
                [] => return Err(UNMATCHED_BRACKET),
                [b']', ..] if !first => break,
                [b'[', b':', tail @ ..] => {
                    let end = memchr::memmem::find(tail, b":]").ok_or(UNMATCHED_BRACKET)?;
                    let member = class(&tail[..end]).ok_or(BAD_CLASS)?;
                    for (entry, byte) in set.iter_mut().zip(0u8..=255) {
                        *entry |= member(byte);
                    }
                    self.at += end + 4;
                }
                _ => self.bracket_range(&mut set)?,
            }
            first = false;
        }
        self.at += 1;
        if self.syntax.ignore_case {
            for byte in b'a'..=b'z' {
                let either = set[usize::from(byte)] | set[usize::from(byte.to_ascii_uppercase())];
                set[usize::from(byte)] = either;
                set[usize::from(byte.to_ascii_uppercase())] = either;
            }
        }
        if negated {
            set.iter_mut().for_each(|member| *member = !*member);
        }
        Ok(set)
    }

    /// Reads one byte or range of a bracket expression.
    fn bracket_range(&mut self, set: &mut Set) -> Result<(), &'static str> {
        let from = self.bracket_byte()?;
        let rest = self.pattern.get(self.at..).unwrap_or_default();
        let to = match rest {
            [b'-', next, ..] if *next != b']' => {
                self.at += 1;
                self.bracket_byte()?
            }
            _ => from,
        };
        if from > to {
            return Err(BAD_RANGE);
        }
        set[usize::from(from)..=usize::from(to)].fill(true);
        Ok(())
    }

    /// Reads one byte of a bracket expression, or `[.a.]`, or `[=a=]`.
    fn bracket_byte(&mut self) -> Result<u8, &'static str> {
        match self.pattern.get(self.at..).unwrap_or_default() {
            [] => Err(UNMATCHED_BRACKET),
            [b'[', mark @ (b'.' | b'='), tail @ ..] => {
                let end = memchr::memmem::find(tail, &[*mark, b']']).ok_or(UNMATCHED_BRACKET)?;
                if end != 1 {
                    return Err(BAD_COLLATION);
                }
                self.at += 5;
                Ok(tail[0])
            }
            [byte, ..] => {
                self.at += 1;
                Ok(*byte)
            }
        }
    }
}

/// The members of a character class.
fn class(name: &[u8]) -> Option<fn(u8) -> bool> {
    Some(match name {
        b"alnum" => |byte| byte.is_ascii_alphanumeric(),
        b"alpha" => |byte| byte.is_ascii_alphabetic(),
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => |byte| byte.is_ascii_control(),
        b"digit" => |byte| byte.is_ascii_digit(),
        b"graph" => |byte| byte.is_ascii_graphic(),
        b"lower" => |byte| byte.is_ascii_lowercase(),
        b"print" => |byte| byte.is_ascii_graphic() || byte == b' ',
        b"punct" => |byte| byte.is_ascii_punctuation(),
        b"space" => is_space,
        b"upper" => |byte| byte.is_ascii_uppercase(),
        b"xdigit" => |byte| byte.is_ascii_hexdigit(),
        _ => return None,
    })
}

/// A part so many times.
fn times(tree: Tree, least: u32, most: Option<u32>) -> Result<Tree, &'static str> {
    let repeated = |tree: &Tree, count: u32| -> Result<Vec<Tree>, &'static str> {
        let mut parts = Vec::new();
        for _ in 0..count {
            parts.push(tree.clone());
            // Checked as it grows: a part may be big itself.
            if parts.len().is_power_of_two() {
                check_size(&Tree::Sequence(parts.clone()))?;
            }
        }
        Ok(parts)
    };
    check_size(&tree)?;
    let mut parts = repeated(&tree, least)?;
    match most {
        None => parts.push(Tree::Star(Box::new(tree.optional()))),
        Some(most) => {
            // Each one more stands inside the one before: `(a(a)?)?`.
            let mut rest = Tree::Empty;
            for (done, _) in (least..most).enumerate() {
                let mut inner = vec![tree.clone().optional()];
                if !matches!(rest, Tree::Empty) {
                    inner.push(rest);
                }
                rest = Tree::Either(vec![Tree::Sequence(inner), Tree::Empty]);
                if done > NEST_MAX {
                    return Err(TOO_BIG);
                }
            }
            if !matches!(rest, Tree::Empty) {
                parts.push(rest);
            }
        }
    }
    let tree = match parts.len() {
        0 => Tree::Empty,
        1 => parts.remove(0),
        _ => Tree::Sequence(parts),
    };
    check_size(&tree)?;
    Ok(tree)
}

/// How often a part may be had beyond its least number, where there is a
/// most: each stands inside the one before, and trees are walked recursively.
const NEST_MAX: usize = 1000;
