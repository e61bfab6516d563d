//! Map class `regex`: the key against a POSIX pattern.

use bstr::BString;

use crate::base::regex::{Captures, Fuel, Posix, Regex, compile_posix};

use super::answer::{Lookup, Outcome, Scope};
use super::kline::{Common, Taken, flags, leading_number};
use super::registry::{Ask, Backend, Maps, Opened, Opening};

/// What stands between substrings without `-d`: the byte that the rules know
/// as the token `$|`.
// sendmail: its operator bytes are its own; 0x9b is what `/map` prints.
const BETWEEN: u8 = 0x9b;

/// Steps that one key may take; then it counts as *try again*.
const FUEL: u64 = 1_000_000;

/// What a match gives.
#[derive(Debug, PartialEq, Eq)]
enum Gives {
    /// Nothing: the value is empty.
    Nothing,
    /// `-s`: the whole match and every group.
    Every,
    /// `-s1,2`: these; 0 is the whole match.
    Groups(Vec<i64>),
}

/// A pattern and what is to be done with a match.
struct RegexMap {
    common: Common,
    regex: Regex,
    /// `-n`: a key that does not match is found.
    negated: bool,
    gives: Gives,
    /// `-d`.
    between: BString,
}

/// Opens a `regex` map: flags, then the pattern to the end of the line.
pub(crate) fn open(opening: &mut Opening<'_>) -> Option<Opened> {
    let mut common = opening.before.clone();
    let mut syntax = Posix {
        basic: false,
        ignore_case: true,
    };
    let mut negated = false;
    let mut gives = Gives::Nothing;
    let mut between = BString::from(&[BETWEEN][..]);
    let pattern = flags(&opening.definition.arguments, |flag, value| {
        match flag {
            b'n' => negated = true,
            b'f' => syntax.ignore_case = false,
            b'b' => syntax.basic = true,
            b's' if value.is_empty() => gives = Gives::Every,
            b's' => {
                let numbers = value.split(|byte| *byte == b',');
                gives = Gives::Groups(numbers.map(leading_number).collect());
            }
            b'd' => between = value.into(),
            // sendmail: nothing is said about flags that it does not know.
            _ => {
                common.flag(flag, value);
            }
        }
        Taken::ThisWord
    });
    let regex = match compile_posix(pattern, syntax) {
        Ok(regex) => regex,
        Err(message) => {
            opening.fault(
                "map-bad-pattern",
                format!("pattern-compile-error: {message}"),
            );
            return Some(Opened::unusable(common));
        }
    };
    if let Gives::Groups(numbers) = &gives
        && let Some(number) = numbers
            .iter()
            .find(|number| usize::try_from(**number).map_or(true, |number| number > regex.groups()))
    {
        let message = format!(
            "field ({number}) out of range, only {} substrings in pattern",
            regex.groups() + 1
        );
        opening.fault("map-bad-group", message);
        return Some(Opened::unusable(common));
    }
    Some(Opened {
        common: common.clone(),
        backend: Box::new(RegexMap {
            common,
            regex,
            negated,
            gives,
            between,
        }),
    })
}

impl RegexMap {
    /// The value of a match; none when it would be no well-formed text.
    fn value(&self, key: &[u8], found: &Captures) -> Option<Vec<u8>> {
        let numbers: Vec<usize> = match &self.gives {
            Gives::Nothing => return Some(Vec::new()),
            Gives::Every => (0..=self.regex.groups()).collect(),
            Gives::Groups(numbers) => numbers
                .iter()
                .filter_map(|number| usize::try_from(*number).ok())
                .collect(),
        };
        let mut out = Vec::new();
        for (place, number) in numbers.into_iter().enumerate() {
            if place > 0 {
                out.extend_from_slice(&self.between);
            }
            if let Some((start, end)) = found.group(number) {
                out.extend_from_slice(&key[start..end]);
            }
        }
        well_formed(&out).then_some(out)
    }
}

/// Whether `text` may stand in an address: white space only inside quotes or
/// behind a backslash; quotes, parentheses and angle brackets pair.
fn well_formed(text: &[u8]) -> bool {
    let (mut angles, mut parentheses, mut quoted) = (0i32, 0i32, false);
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if bytes.next().is_none() => return false,
            b'\\' => {}
            b'"' => quoted = !quoted,
            b' ' if !quoted => return false,
            b'<' => angles += 1,
            b'>' => angles -= 1,
            b'(' => parentheses += 1,
            b')' => parentheses -= 1,
            _ => {}
        }
        if angles < 0 || parentheses < 0 {
            return false;
        }
    }
    !quoted && angles == 0 && parentheses == 0
}

impl Backend for RegexMap {
    fn lookup<'a>(
        &'a self,
        _maps: &'a Maps,
        ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        let Ok(found) = self.regex.search(ask.key, 0, &mut Fuel(FUEL)) else {
            return Lookup::Ready(Outcome::TempFail);
        };
        Lookup::Ready(match found {
            None if self.negated && self.common.match_only => {
                Outcome::Found(self.common.value(ask.key, None))
            }
            None if self.negated => Outcome::Found(self.common.value(b"", None)),
            None => Outcome::ABSENT,
            Some(_) if self.negated => Outcome::ABSENT,
            Some(_) if self.common.match_only => Outcome::Found(self.common.value(ask.key, None)),
            Some(found) => match self.value(ask.key, &found) {
                Some(value) => Outcome::Found(self.common.value(&value, None)),
                None => Outcome::ABSENT,
            },
        })
    }
}
