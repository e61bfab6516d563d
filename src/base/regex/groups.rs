//! The groups of a match whose ends are known: one way through the graph, as
//! glibc walks it.

use super::parse::{Node, NodeId, Regex};
use super::search::{Captures, Fuel, OutOfFuel, holds};

/// Positions times nodes that are looked at for the groups of one match.
const LEADS_MAX: usize = 64 << 20;

impl Regex {
    /// Finds the groups of the match from `start` to `end`.
    pub(super) fn captures(
        &self,
        text: &[u8],
        start: usize,
        end: usize,
        fuel: &mut Fuel,
    ) -> Result<Captures, OutOfFuel> {
        let mut captures = Captures::new(start, end);
        if self.groups() == 0 {
            return Ok(captures);
        }
        let leads = self.leads(text, start, end, fuel)?;
        let width = self.nodes.len();
        let lead = |id: NodeId, at: usize| leads[(at - start) * width + id as usize];
        // As they were after the last group that took something.
        let mut before = captures;
        let mut opened = [start; 10];
        // The nodes since the last byte was taken.
        let mut via: Vec<NodeId> = Vec::new();
        let (mut id, mut at) = (self.start, start);
        loop {
            fuel.burn()?;
            let (node, next) = &self.nodes[id as usize];
            match node {
                Node::Accept => return Ok(captures),
                Node::Byte(_) | Node::Set(_) | Node::Back(_) => {
                    via.clear();
                    at += 1;
                    id = *next;
                    continue;
                }
                Node::Open(number) => opened[usize::from(*number)] = at,
                Node::Close { number, optional } => {
                    let from = opened[usize::from(*number)];
                    if from < at {
                        captures.set(*number, Some((from, at)));
                        before = captures;
                    } else if *optional && before.group(usize::from(*number)).is_some() {
                        captures = before;
                    } else {
                        captures.set(*number, Some((from, at)));
                    }
                }
                Node::Assert(_) | Node::Split(_) | Node::Pass => {}
            }
            via.push(id);
            let Node::Split(first) = node else {
                id = *next;
                continue;
            };
            let (near, far) = (lead(*first, at), lead(*next, at));
            let second = if near.is_none() || far.is_none() {
                near.is_none()
            } else if via.len() > 2 * width {
                // Round and round: from here on the shortest way.
                far < near
            } else {
                // The first way once, then the second, or an empty repetition
                // would go on for ever.
                via.contains(first)
            };
            id = if second { *next } else { *first };
        }
    }

    /// For each position and node, whether the node leads from there to
    /// `end`, and in how many steps to a node that takes a byte or is the
    /// end. Found backwards, from the end to the start.
    fn leads(
        &self,
        text: &[u8],
        start: usize,
        end: usize,
        fuel: &mut Fuel,
    ) -> Result<Vec<Option<u32>>, OutOfFuel> {
        let width = self.nodes.len();
        let size = width.saturating_mul(end - start + 1);
        if size > LEADS_MAX {
            return Err(OutOfFuel);
        }
        let mut leads = vec![None; size];
        for at in (start..=end).rev() {
            let (here, after) = leads[(at - start) * width..].split_at_mut(width);
            let byte = text.get(at).filter(|_| at < end).copied();
            let mut ring: Vec<NodeId> = Vec::new();
            for (id, (node, next)) in (0..).zip(&self.nodes) {
                fuel.burn()?;
                let takes = match node {
                    Node::Accept => at == end,
                    Node::Byte(wanted) => byte == Some(*wanted) && after[*next as usize].is_some(),
                    Node::Set(set) => {
                        byte.is_some_and(|byte| set[usize::from(byte)])
                            && after[*next as usize].is_some()
                    }
                    _ => false,
                };
                if takes {
                    ring.push(id);
                }
            }
            self.spread(text, at, ring, here, fuel)?;
        }
        Ok(leads)
    }

    /// Goes backwards from a ring of nodes, one step after the other.
    fn spread(
        &self,
        text: &[u8],
        at: usize,
        mut ring: Vec<NodeId>,
        here: &mut [Option<u32>],
        fuel: &mut Fuel,
    ) -> Result<(), OutOfFuel> {
        let mut steps = 0;
        while !ring.is_empty() {
            let mut wider = Vec::new();
            for id in ring {
                fuel.burn()?;
                if here[id as usize].is_some() {
                    continue;
                }
                here[id as usize] = Some(steps);
                for before in &self.before[id as usize] {
                    match &self.nodes[*before as usize].0 {
                        Node::Assert(assert) if !holds(*assert, text, at) => {}
                        _ => wider.push(*before),
                    }
                }
            }
            ring = wider;
            steps += 1;
        }
        Ok(())
    }
}
