//! Which alias leads to which: circles, and names that lead nowhere.

use std::collections::HashMap;

use bstr::{BString, ByteSlice};

/// The local names that each alias leads to.
#[derive(Debug, Default)]
pub struct Links {
    numbers: HashMap<BString, usize>,
    names: Vec<BString>,
    targets: Vec<Vec<BString>>,
}

impl Links {
    /// Takes an alias in; of two with one name the later counts.
    pub fn add(&mut self, name: &[u8], targets: impl IntoIterator<Item = BString>) {
        let name = BString::from(name.to_ascii_lowercase());
        let targets = targets
            .into_iter()
            .map(|target| target.to_ascii_lowercase());
        let targets = targets.map(BString::from).collect();
        match self.numbers.get(&name) {
            Some(number) => self.targets[*number] = targets,
            None => {
                self.numbers.insert(name.clone(), self.names.len());
                self.names.push(name);
                self.targets.push(targets);
            }
        }
    }

    /// The number of a name; what stands behind a plus sign is a detail.
    fn number(&self, name: &BString) -> Option<usize> {
        let plain = || {
            let (plain, _) = name.split_once_str("+")?;
            self.numbers.get(plain.as_bstr())
        };
        self.numbers.get(name).or_else(plain).copied()
    }

    /// Every target that is no alias, with the alias that leads there.
    pub fn loose(&self) -> impl Iterator<Item = (&BString, &BString)> {
        let all = self.names.iter().zip(&self.targets);
        all.flat_map(|(name, targets)| targets.iter().map(move |target| (name, target)))
            .filter(|(_, target)| self.number(target).is_none())
    }

    /// Circles: names that lead back to the first. One that leads to itself
    /// at once is none: it stands for the user of that name.
    pub fn circles(&self) -> Vec<Vec<&BString>> {
        #[derive(Clone, Copy, PartialEq)]
        enum State {
            New,
            OnTheWay,
            Done,
        }
        let mut states = vec![State::New; self.names.len()];
        let mut found = Vec::new();
        for start in 0..self.names.len() {
            if states[start] != State::New {
                continue;
            }
            states[start] = State::OnTheWay;
            // The way from `start`, and which target of each is next.
            let mut way = vec![(start, 0)];
            while let Some((at, next)) = way.last_mut() {
                let at = *at;
                let Some(target) = self.targets[at].get(*next) else {
                    states[at] = State::Done;
                    way.pop();
                    continue;
                };
                *next += 1;
                match self.number(target) {
                    Some(to) if to == at => {}
                    Some(to) if states[to] == State::New => {
                        states[to] = State::OnTheWay;
                        way.push((to, 0));
                    }
                    Some(to) if states[to] == State::OnTheWay => {
                        let circle = way.iter().skip_while(|(name, _)| *name != to);
                        found.push(circle.map(|(name, _)| &self.names[*name]).collect());
                    }
                    _ => {}
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(text: &str) -> Links {
        let mut links = Links::default();
        for line in text.lines() {
            let (name, targets) = line.split_once(':').expect("a colon");
            let targets = targets.split_whitespace().map(BString::from);
            links.add(name.as_bytes(), targets);
        }
        links
    }

    fn check(text: &str, circles: &[&[&str]], loose: &[(&str, &str)]) {
        let links = links(text);
        assert_eq!(links.circles(), circles, "{text}");
        let found: Vec<_> = links.loose().collect();
        let expected: Vec<_> = loose
            .iter()
            .map(|(name, target)| (BString::from(*name), BString::from(*target)))
            .collect();
        let expected: Vec<_> = expected.iter().map(|(name, to)| (name, to)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn circles_and_loose_ends_are_found() {
        check("a: b\nB: c\nc: A\nd: a", &[&["a", "b", "c"]], &[]);
        check("a: a x\nb: b+list", &[], &[("a", "x")]);
        check("a: b c\nb: d\nc: d\nd: e\ne: b", &[&["b", "d", "e"]], &[]);
        check("a: b\na: c", &[], &[("a", "c")]);
        check("", &[], &[]);
    }

    #[test]
    fn a_long_way_is_no_trouble() {
        let text: String = (0..100_000)
            .map(|number| format!("n{number}: n{}\n", (number + 1) % 100_000))
            .collect();
        assert_eq!(links(&text).circles()[0].len(), 100_000);
    }
}
