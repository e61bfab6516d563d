//! Finding a match: all ways at once for its end, then one way for its
//! groups.

use super::parse::{Assert, Node, NodeId, Regex, is_word};

/// Where a match and its groups are: start and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Captures {
    groups: [Option<(usize, usize)>; 10],
}

impl Captures {
    pub(super) fn new(start: usize, end: usize) -> Self {
        let mut groups = [None; 10];
        groups[0] = Some((start, end));
        Self { groups }
    }

    /// Where the whole match begins.
    pub fn start(&self) -> usize {
        self.groups[0].map_or(0, |(start, _)| start)
    }

    /// Where the whole match ends.
    pub fn end(&self) -> usize {
        self.groups[0].map_or(0, |(_, end)| end)
    }

    /// Where a group is; 0 is the whole match.
    pub fn group(&self, number: usize) -> Option<(usize, usize)> {
        self.groups.get(number).copied().flatten()
    }

    pub(super) fn set(&mut self, number: u8, place: Option<(usize, usize)>) {
        if let Some(group) = self.groups.get_mut(usize::from(number)) {
            *group = place;
        }
    }
}

/// How many steps a search may still take.
#[derive(Clone, Copy, Debug)]
pub struct Fuel(pub u64);

/// The search took too many steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfFuel;

impl Fuel {
    pub(super) fn burn(&mut self) -> Result<(), OutOfFuel> {
        self.0 = self.0.checked_sub(1).ok_or(OutOfFuel)?;
        Ok(())
    }
}

/// Whether a condition holds between two bytes of a text.
pub(super) fn holds(assert: Assert, text: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| text.get(at)).copied();
    let after = text.get(at).copied();
    let (left, right) = (before.is_some_and(is_word), after.is_some_and(is_word));
    match assert {
        Assert::LineStart => before.is_none_or(|byte| byte == b'\n'),
        Assert::LineEnd => after.is_none_or(|byte| byte == b'\n'),
        Assert::TextStart => before.is_none(),
        Assert::TextEnd => after.is_none(),
        Assert::WordEdge => left != right,
        Assert::NoWordEdge => left == right,
        Assert::WordStart => !left && right,
        Assert::WordEnd => left && !right,
    }
}

impl Regex {
    /// Finds the first match that begins at `from` or later.
    ///
    /// # Errors
    /// It took too many steps.
    pub fn search(
        &self,
        text: &[u8],
        from: usize,
        fuel: &mut Fuel,
    ) -> Result<Option<Captures>, OutOfFuel> {
        let folded;
        let text = if self.fold {
            folded = text.to_ascii_lowercase();
            &folded
        } else {
            text
        };
        let mut states = States::new(self.nodes.len());
        for start in from..=text.len() {
            if let Some(first) = &self.first
                && !text
                    .get(start)
                    .is_some_and(|byte| first[usize::from(*byte)])
            {
                continue;
            }
            if self.back_references {
                if let Some(found) = self.longest_with_back(text, start, fuel)? {
                    return Ok(Some(found));
                }
            } else if let Some(end) = self.longest(text, start, &mut states, fuel)? {
                return self.captures(text, start, end, fuel).map(Some);
            }
        }
        Ok(None)
    }

    /// The end of the longest match that begins at `start`.
    fn longest(
        &self,
        text: &[u8],
        start: usize,
        states: &mut States,
        fuel: &mut Fuel,
    ) -> Result<Option<usize>, OutOfFuel> {
        let mut longest = None;
        states.now.clear();
        self.reach(self.start, text, start, &mut states.now, fuel)?;
        let mut at = start;
        loop {
            if states.now.accepts {
                longest = Some(at);
            }
            let Some(byte) = text.get(at).copied() else {
                return Ok(longest);
            };
            states.next.clear();
            for index in 0..states.now.members.len() {
                let (node, next) = &self.nodes[states.now.members[index] as usize];
                let takes = match node {
                    Node::Byte(wanted) => *wanted == byte,
                    Node::Set(set) => set[usize::from(byte)],
                    _ => false,
                };
                fuel.burn()?;
                if takes {
                    self.reach(*next, text, at + 1, &mut states.next, fuel)?;
                }
            }
            if states.next.members.is_empty() {
                return Ok(longest);
            }
            std::mem::swap(&mut states.now, &mut states.next);
            at += 1;
        }
    }

    /// Adds a node and all that it leads to without taking a byte.
    fn reach(
        &self,
        node: NodeId,
        text: &[u8],
        at: usize,
        states: &mut StateSet,
        fuel: &mut Fuel,
    ) -> Result<(), OutOfFuel> {
        states.open.push(node);
        while let Some(id) = states.open.pop() {
            if !states.insert(id) {
                continue;
            }
            fuel.burn()?;
            let (node, next) = &self.nodes[id as usize];
            match node {
                Node::Accept => states.accepts = true,
                Node::Split(first) => states.open.extend([*next, *first]),
                Node::Assert(assert) if !holds(*assert, text, at) => {}
                Node::Assert(_) | Node::Open(_) | Node::Close { .. } | Node::Pass => {
                    states.open.push(*next);
                }
                Node::Byte(_) | Node::Set(_) | Node::Back(_) => {}
            }
        }
        Ok(())
    }
}

/// The sets of nodes before and after a byte.
struct States {
    now: StateSet,
    next: StateSet,
}

impl States {
    fn new(nodes: usize) -> Self {
        Self {
            now: StateSet::new(nodes),
            next: StateSet::new(nodes),
        }
    }
}

/// A set of nodes that is cheap to clear.
struct StateSet {
    members: Vec<NodeId>,
    place: Vec<u32>,
    open: Vec<NodeId>,
    accepts: bool,
}

impl StateSet {
    fn new(nodes: usize) -> Self {
        Self {
            members: Vec::new(),
            place: vec![0; nodes],
            open: Vec::new(),
            accepts: false,
        }
    }

    fn clear(&mut self) {
        self.members.clear();
        self.accepts = false;
    }

    /// Adds a node; false when it was there.
    fn insert(&mut self, id: NodeId) -> bool {
        let place = self.place[id as usize] as usize;
        if self.members.get(place) == Some(&id) {
            return false;
        }
        self.place[id as usize] = u32::try_from(self.members.len()).unwrap_or(u32::MAX);
        self.members.push(id);
        true
    }
}
