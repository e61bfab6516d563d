//! Flags of the classic tools: one letter each, clustered or apart, before
//! and behind the operands, as getopt(3) of the GNU library takes them.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use bstr::BString;

/// One step through a command line.
pub(super) enum Word {
    /// A flag, with its value if it takes one.
    Flag(u8, BString),
    /// An unknown flag, or one without its value: getopt's words for it,
    /// behind the name of the program.
    Fault(String),
}

/// A command line that is taken apart.
pub(super) struct Getopt {
    /// The letters; a colon behind one that takes a value.
    letters: &'static str,
    words: VecDeque<BString>,
    /// What is left of a cluster.
    cluster: BString,
    operands: Vec<BString>,
}

impl Getopt {
    /// Takes `arguments` apart by `letters`.
    pub(super) fn new(letters: &'static str, arguments: Vec<OsString>) -> Self {
        let words = arguments.into_iter().map(|word| word.into_vec().into());
        Self {
            letters,
            words: words.collect(),
            cluster: BString::default(),
            operands: Vec::new(),
        }
    }

    /// The next flag; none when there are only operands left.
    pub(super) fn next(&mut self) -> Option<Word> {
        while self.cluster.is_empty() {
            let word = self.words.pop_front()?;
            if word == "--" {
                self.operands.extend(self.words.drain(..));
                return None;
            }
            match word.strip_prefix(b"-") {
                Some(cluster) if !cluster.is_empty() => self.cluster = cluster.into(),
                _ => self.operands.push(word),
            }
        }
        let letter = self.cluster.remove(0);
        let place = self.letters.bytes().position(|known| known == letter);
        let Some(place) = place.filter(|_| letter != b':') else {
            let letter = char::from(letter);
            return Some(Word::Fault(format!("invalid option -- '{letter}'")));
        };
        if self.letters.as_bytes().get(place + 1) != Some(&b':') {
            return Some(Word::Flag(letter, BString::default()));
        }
        let value = std::mem::take(&mut self.cluster);
        if !value.is_empty() {
            return Some(Word::Flag(letter, value));
        }
        match self.words.pop_front() {
            Some(value) => Some(Word::Flag(letter, value)),
            None => {
                let letter = char::from(letter);
                Some(Word::Fault(format!(
                    "option requires an argument -- '{letter}'"
                )))
            }
        }
    }

    /// The operands, in order.
    pub(super) fn operands(self) -> Vec<BString> {
        self.operands
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_stand_anywhere_and_in_clusters() {
        let words = ["hash", "-vN", "-tx", "-c", "10", "name", "--", "-f"];
        let mut options = Getopt::new("vNt:c:f", words.map(OsString::from).to_vec());
        let mut flags = Vec::new();
        while let Some(word) = options.next() {
            match word {
                Word::Flag(flag, value) => flags.push((char::from(flag), value.to_string())),
                Word::Fault(fault) => panic!("{fault}"),
            }
        }
        let expected = [('v', ""), ('N', ""), ('t', "x"), ('c', "10")];
        assert_eq!(
            flags,
            expected.map(|(flag, value)| (flag, value.to_owned()))
        );
        assert_eq!(options.operands(), ["hash", "name", "-f"]);
    }

    #[test]
    fn unknown_flags_and_missing_values_are_faults() {
        let mut options = Getopt::new("c:", vec!["-Q".into(), "-c".into()]);
        let mut faults = Vec::new();
        while let Some(Word::Fault(fault)) = options.next() {
            faults.push(fault);
        }
        assert_eq!(
            faults,
            [
                "invalid option -- 'Q'",
                "option requires an argument -- 'c'"
            ]
        );
    }
}
