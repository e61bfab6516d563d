//! Matching with back-references: one way after the other, every one tried,
//! the longest kept.

use super::parse::{Node, NodeId, Regex};
use super::search::{Captures, Fuel, OutOfFuel, holds};

/// A way not taken yet.
struct Choice {
    id: NodeId,
    at: usize,
    captures: Captures,
    opened: [usize; 10],
    via: Vec<NodeId>,
}

impl Regex {
    /// The longest match that begins at `start`, of those the first found.
    pub(super) fn longest_with_back(
        &self,
        text: &[u8],
        start: usize,
        fuel: &mut Fuel,
    ) -> Result<Option<Captures>, OutOfFuel> {
        let mut best: Option<Captures> = None;
        let mut choices = vec![Choice {
            id: self.start,
            at: start,
            captures: Captures::new(start, start),
            opened: [start; 10],
            via: Vec::new(),
        }];
        while let Some(choice) = choices.pop() {
            let Some(found) = self.follow(text, choice, &mut choices, fuel)? else {
                continue;
            };
            if best.is_none_or(|best| found.end() > best.end()) {
                best = Some(found);
            }
            if found.end() == text.len() {
                break;
            }
        }
        Ok(best)
    }

    /// Goes one way to its end; what it passes by is put on `choices`.
    fn follow(
        &self,
        text: &[u8],
        mut way: Choice,
        choices: &mut Vec<Choice>,
        fuel: &mut Fuel,
    ) -> Result<Option<Captures>, OutOfFuel> {
        loop {
            fuel.burn()?;
            let (node, next) = &self.nodes[way.id as usize];
            let mut taken = 0;
            match node {
                Node::Accept => {
                    way.captures.set(0, Some((way.captures.start(), way.at)));
                    return Ok(Some(way.captures));
                }
                Node::Byte(_) | Node::Set(_) => {
                    let byte = text.get(way.at).copied();
                    let takes = match node {
                        Node::Byte(wanted) => byte == Some(*wanted),
                        Node::Set(set) => byte.is_some_and(|byte| set[usize::from(byte)]),
                        _ => false,
                    };
                    if !takes {
                        return Ok(None);
                    }
                    taken = 1;
                }
                Node::Back(number) => {
                    let Some((start, end)) = way.captures.group(usize::from(*number)) else {
                        return Ok(None);
                    };
                    let rest = text.get(way.at..).unwrap_or_default();
                    if !rest.starts_with(&text[start..end]) {
                        return Ok(None);
                    }
                    taken = end - start;
                }
                Node::Assert(assert) if !holds(*assert, text, way.at) => return Ok(None),
                Node::Open(number) => way.opened[usize::from(*number)] = way.at,
                Node::Close { number, .. } => {
                    let place = (way.opened[usize::from(*number)], way.at);
                    way.captures.set(*number, Some(place));
                }
                Node::Split(first) => {
                    // A repetition that takes nothing is not repeated again.
                    way.id = if way.via.contains(&way.id) {
                        *next
                    } else {
                        way.via.push(way.id);
                        choices.push(Choice {
                            id: *next,
                            at: way.at,
                            captures: way.captures,
                            opened: way.opened,
                            via: way.via.clone(),
                        });
                        *first
                    };
                    continue;
                }
                Node::Assert(_) | Node::Pass => {}
            }
            if taken > 0 {
                way.via.clear();
                way.at += taken;
            }
            way.id = *next;
        }
    }
}
