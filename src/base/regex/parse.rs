//! From a pattern to a graph of nodes.

/// A node's number.
pub(super) type NodeId = u32;

/// What a node asks of the text at the current position.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// One byte.
    Byte(u8),
    /// One byte out of a set.
    Set(Box<Set>),
    /// Nothing: a condition on what is around.
    Assert(Assert),
    /// A group begins.
    Open(u8),
    /// A group ends. When it is repeated, a last empty turn does not count.
    Close { number: u8, optional: bool },
    /// The first of two ways that leads to the end.
    Split(NodeId),
    /// The text of a group once more.
    Back(u8),
    /// Nothing.
    Pass,
    /// The end.
    Accept,
}

/// A set of bytes.
pub(super) type Set = [bool; 256];

/// A condition on the bytes before and after a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assert {
    LineStart,
    LineEnd,
    TextStart,
    TextEnd,
    WordEdge,
    NoWordEdge,
    WordStart,
    WordEnd,
}

/// A compiled pattern.
#[derive(Debug)]
pub struct Regex {
    /// The nodes, and after each the one that follows (for `Split`: the
    /// second way).
    pub(super) nodes: Vec<(Node, NodeId)>,
    pub(super) start: NodeId,
    /// For each node those that go on to it without taking a byte.
    pub(super) before: Vec<Vec<NodeId>>,
    groups: usize,
    pub(super) back_references: bool,
    /// Text is folded to lower case before it is searched.
    pub(super) fold: bool,
    /// The bytes that a match can begin with; nothing when it can be empty.
    pub(super) first: Option<Box<Set>>,
}

impl Regex {
    /// The number of groups.
    pub fn groups(&self) -> usize {
        self.groups
    }
}

/// Compiles a pattern.
///
/// # Errors
/// What is wrong with it, in the C library's words.
pub fn compile(pattern: &[u8]) -> Result<Regex, &'static str> {
    let mut parser = Parser {
        pattern,
        at: 0,
        token: Token::End,
        groups: 0,
        closed: [false; 10],
        back_references: false,
        depth: 0,
    };
    parser.advance(true);
    let tree = parser.alternatives()?;
    assemble(&tree, parser.groups, parser.back_references)
}

/// Makes a graph of a tree.
pub(super) fn assemble(
    tree: &Tree,
    groups: usize,
    back_references: bool,
) -> Result<Regex, &'static str> {
    let mut builder = Builder { nodes: Vec::new() };
    let accept = builder.add(Node::Accept, 0)?;
    let start = builder.build(tree, accept)?;
    let mut regex = Regex {
        before: before(&builder.nodes),
        nodes: builder.nodes,
        start,
        groups,
        back_references,
        fold: false,
        first: None,
    };
    regex.first = regex.first_bytes();
    Ok(regex)
}

/// Turns the graph around, as far as no bytes are taken.
fn before(nodes: &[(Node, NodeId)]) -> Vec<Vec<NodeId>> {
    let mut before = vec![Vec::new(); nodes.len()];
    for (id, (node, next)) in (0..).zip(nodes) {
        match node {
            Node::Split(first) => {
                before[*first as usize].push(id);
                before[*next as usize].push(id);
            }
            Node::Assert(_) | Node::Open(_) | Node::Close { .. } | Node::Pass => {
                before[*next as usize].push(id);
            }
            Node::Byte(_) | Node::Set(_) | Node::Back(_) | Node::Accept => {}
        }
    }
    before
}

/// Groups inside each other.
pub(super) const DEPTH_MAX: u32 = 250;
/// Nodes of one pattern; `+` doubles what it repeats.
const NODES_MAX: usize = 100_000;

pub(super) const TOO_BIG: &str = "Regular expression too big";
pub(super) const UNMATCHED_OPEN: &str = "Unmatched ( or \\(";
const UNMATCHED_CLOSE: &str = "Unmatched ) or \\)";
pub(super) const UNMATCHED_BRACKET: &str = "Unmatched [, [^, [:, [., or [=";
pub(super) const BAD_BACK_REFERENCE: &str = "Invalid back reference";
pub(super) const BAD_RANGE: &str = "Invalid range end";
pub(super) const BAD_COLLATION: &str = "Invalid collation character";
const BAD_PATTERN: &str = "Invalid regular expression";
pub(super) const TRAILING_BACKSLASH: &str = "Trailing backslash";

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
    Repeat(u8),
    Back(u8),
    TrailingBackslash,
    End,
}

/// What a part of the pattern is.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    Empty,
    Node(Node),
    Group {
        number: u8,
        optional: bool,
        body: Box<Tree>,
    },
    Sequence(Vec<Tree>),
    Either(Vec<Tree>),
    Star(Box<Tree>),
}

impl Tree {
    /// The same as something that may be left out.
    pub(super) fn optional(mut self) -> Self {
        if let Self::Group { optional, .. } = &mut self {
            *optional = true;
        }
        self
    }
}

struct Parser<'a> {
    pattern: &'a [u8],
    at: usize,
    token: Token,
    groups: usize,
    closed: [bool; 10],
    back_references: bool,
    depth: u32,
}

impl Parser<'_> {
    /// Reads the next token. `^` is an anchor only where it `can` be one.
    fn advance(&mut self, can: bool) {
        let (token, length) = self.peek(self.at, can);
        self.token = token;
        self.at += length;
    }

    fn peek(&self, at: usize, caret: bool) -> (Token, usize) {
        let Some(byte) = self.pattern.get(at).copied() else {
            return (Token::End, 0);
        };
        let token = match byte {
            b'\\' => {
                return match self.pattern.get(at + 1) {
                    Some(escaped) => (escape(*escaped), 2),
                    None => (Token::TrailingBackslash, 1),
                };
            }
            b'*' | b'+' | b'?' => Token::Repeat(byte),
            b'[' => Token::Bracket,
            b'.' => Token::Any,
            b'^' if caret || at == 0 => Token::Assert(Assert::LineStart),
            b'$' if self.ends_branch(at + 1) => Token::Assert(Assert::LineEnd),
            _ => Token::Byte(byte),
        };
        (token, 1)
    }

    /// Whether the pattern, a group or an alternative ends here.
    fn ends_branch(&self, at: usize) -> bool {
        matches!(
            self.pattern.get(at..).unwrap_or_default(),
            [] | [b'\\', b')' | b'|', ..]
        )
    }

    fn alternatives(&mut self) -> Result<Tree, &'static str> {
        let known = self.closed;
        let first = self.branch()?;
        if self.token != Token::Alternative {
            return Ok(first);
        }
        let mut branches = vec![first];
        while self.token == Token::Alternative {
            // An alternative cannot refer to the groups of its neighbours.
            let seen = std::mem::replace(&mut self.closed, known);
            self.advance(true);
            branches.push(self.branch()?);
            for (closed, seen) in self.closed.iter_mut().zip(seen) {
                *closed |= seen;
            }
        }
        Ok(Tree::Either(branches))
    }

    fn branch(&mut self) -> Result<Tree, &'static str> {
        let mut parts = Vec::new();
        loop {
            match self.token {
                Token::Alternative | Token::End => break,
                Token::Close if self.depth > 0 => break,
                _ => parts.push(self.repeated()?),
            }
        }
        if parts.is_empty() {
            return Ok(Tree::Empty);
        }
        Ok(Tree::Sequence(parts))
    }

    fn repeated(&mut self) -> Result<Tree, &'static str> {
        if let Token::Assert(assert) = self.token {
            // What repeats cannot follow an anchor: it is a byte then.
            self.advance(true);
            return Ok(Tree::Node(Node::Assert(assert)));
        }
        let mut tree = self.single()?;
        let mut repeats = 0;
        while let Token::Repeat(operator) = self.token {
            repeats += 1;
            if repeats > DEPTH_MAX {
                return Err(TOO_BIG);
            }
            self.advance(false);
            tree = match operator {
                b'*' => Tree::Star(Box::new(tree.optional())),
                b'+' => {
                    check_size(&tree)?;
                    let star = Tree::Star(Box::new(tree.clone().optional()));
                    Tree::Sequence(vec![tree, star])
                }
                _ => Tree::Either(vec![tree.optional(), Tree::Empty]),
            };
        }
        Ok(tree)
    }

    fn single(&mut self) -> Result<Tree, &'static str> {
        let node = match self.token {
            Token::Byte(byte) | Token::Repeat(byte) => Node::Byte(byte),
            Token::Any => {
                let mut set = [true; 256];
                set[usize::from(b'\n')] = false;
                Node::Set(Box::new(set))
            }
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
            Token::Close => return Err(UNMATCHED_CLOSE),
            Token::TrailingBackslash => return Err(TRAILING_BACKSLASH),
            Token::Assert(_) | Token::Alternative | Token::End => return Ok(Tree::Empty),
        };
        self.advance(false);
        Ok(Tree::Node(node))
    }

    fn group(&mut self) -> Result<Tree, &'static str> {
        self.groups += 1;
        let number = self.groups;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(TOO_BIG);
        }
        self.advance(true);
        let body = self.alternatives()?;
        self.depth -= 1;
        if self.token != Token::Close {
            return Err(if self.token == Token::TrailingBackslash {
                TRAILING_BACKSLASH
            } else {
                UNMATCHED_OPEN
            });
        }
        self.advance(false);
        if let Some(closed) = self.closed.get_mut(number) {
            *closed = true;
        }
        // Only nine can be named; the others only group.
        match u8::try_from(number) {
            Ok(number @ 1..=9) => Ok(Tree::Group {
                number,
                optional: false,
                body: Box::new(body),
            }),
            _ => Ok(body),
        }
    }

    /// Reads a bracket expression whose `[` is gone.
    fn bracket(&mut self) -> Result<Box<Set>, &'static str> {
        let mut set = Box::new([false; 256]);
        let negated = self.pattern.get(self.at) == Some(&b'^');
        if negated {
            self.at += 1;
        }
        if self.at >= self.pattern.len() {
            return Err(BAD_PATTERN);
        }
        let mut first = true;
        loop {
            match self.pattern.get(self.at) {
                None => return Err(UNMATCHED_BRACKET),
                Some(b']') if !first => break,
                Some(_) => {}
            }
            let from = self.bracket_element(first)?;
            first = false;
            let is_range = self.pattern.get(self.at) == Some(&b'-')
                && self.pattern.get(self.at + 1) != Some(&b']');
            if !is_range {
                set[usize::from(from)] = true;
                continue;
            }
            self.at += 1;
            let to = self.bracket_element(true)?;
            for byte in from..=to {
                set[usize::from(byte)] = true;
            }
        }
        self.at += 1;
        if negated {
            for member in set.iter_mut() {
                *member = !*member;
            }
        }
        Ok(set)
    }

    /// Reads one byte of a bracket expression, or `[.a.]`, or `[=a=]`.
    fn bracket_element(&mut self, hyphen: bool) -> Result<u8, &'static str> {
        let rest = self.pattern.get(self.at..).unwrap_or_default();
        match rest {
            [] => Err(UNMATCHED_BRACKET),
            [b'[', mark @ (b'.' | b'='), tail @ ..] => {
                let close = [*mark, b']'];
                let Some(length) = memchr::memmem::find(tail, &close) else {
                    return Err(UNMATCHED_BRACKET);
                };
                if length != 1 {
                    return Err(BAD_COLLATION);
                }
                self.at += 2 + length + 2;
                Ok(tail[0])
            }
            [b'-', next, ..] if !hyphen && *next != b']' => Err(BAD_RANGE),
            [byte, ..] => {
                self.at += 1;
                Ok(*byte)
            }
        }
    }
}

fn escape(byte: u8) -> Token {
    match byte {
        b'|' => Token::Alternative,
        b'(' => Token::Open,
        b')' => Token::Close,
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

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

pub(super) fn set_of(member: impl Fn(u8) -> bool) -> Box<Set> {
    let mut set = Box::new([false; 256]);
    for (entry, byte) in set.iter_mut().zip(0u8..=255) {
        *entry = member(byte);
    }
    set
}

/// `a++++…` doubles at every step.
pub(super) fn check_size(tree: &Tree) -> Result<(), &'static str> {
    fn size(tree: &Tree) -> usize {
        match tree {
            Tree::Empty | Tree::Node(_) => 1,
            Tree::Group { body, .. } | Tree::Star(body) => 2 + size(body),
            Tree::Sequence(parts) | Tree::Either(parts) => {
                1 + parts.iter().map(size).sum::<usize>()
            }
        }
    }
    if size(tree) > NODES_MAX / 2 {
        return Err(TOO_BIG);
    }
    Ok(())
}

struct Builder {
    nodes: Vec<(Node, NodeId)>,
}

impl Builder {
    fn add(&mut self, node: Node, next: NodeId) -> Result<NodeId, &'static str> {
        if self.nodes.len() >= NODES_MAX {
            return Err(TOO_BIG);
        }
        let id = NodeId::try_from(self.nodes.len()).map_err(|_| TOO_BIG)?;
        self.nodes.push((node, next));
        Ok(id)
    }

    /// Adds a tree that goes on with `next`; gives where it begins.
    fn build(&mut self, tree: &Tree, next: NodeId) -> Result<NodeId, &'static str> {
        match tree {
            Tree::Empty => Ok(next),
            Tree::Node(node) => self.add(node.clone(), next),
            Tree::Group {
                number,
                optional,
                body,
            } => {
                let close = Node::Close {
                    number: *number,
                    optional: *optional,
                };
                let close = self.add(close, next)?;
                let body = self.build(body, close)?;
                self.add(Node::Open(*number), body)
            }
            Tree::Sequence(parts) => {
                let mut next = next;
                for part in parts.iter().rev() {
                    next = self.build(part, next)?;
                }
                Ok(next)
            }
            Tree::Either(branches) => {
                // Two at a time; an empty one comes after its partner.
                let mut branches = branches.iter();
                let mut entry = match branches.next() {
                    Some(branch) => self.build(branch, next)?,
                    None => next,
                };
                for branch in branches {
                    let other = self.build(branch, next)?;
                    let split = if entry == next {
                        (Node::Split(other), entry)
                    } else {
                        (Node::Split(entry), other)
                    };
                    entry = self.add(split.0, split.1)?;
                }
                Ok(entry)
            }
            Tree::Star(body) => {
                let split = self.add(Node::Pass, next)?;
                let body = self.build(body, split)?;
                self.nodes[split as usize].0 = Node::Split(body);
                Ok(split)
            }
        }
    }
}

impl Regex {
    /// The bytes that can begin a match, unless it can be empty.
    fn first_bytes(&self) -> Option<Box<Set>> {
        let mut set = Box::new([false; 256]);
        let mut seen = vec![false; self.nodes.len()];
        let mut open = vec![self.start];
        while let Some(id) = open.pop() {
            if std::mem::replace(&mut seen[id as usize], true) {
                continue;
            }
            let (node, next) = &self.nodes[id as usize];
            match node {
                Node::Byte(byte) => set[usize::from(*byte)] = true,
                Node::Set(members) => {
                    for (entry, member) in set.iter_mut().zip(members.iter()) {
                        *entry |= *member;
                    }
                }
                Node::Accept | Node::Back(_) => return None,
                Node::Split(first) => open.extend([*first, *next]),
                Node::Assert(_) | Node::Open(_) | Node::Close { .. } | Node::Pass => {
                    open.push(*next)
                }
            }
        }
        Some(set)
    }
}
