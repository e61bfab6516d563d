//! Map classes that need nothing but their key: `null`, `arith`, `macro`,
//! `dequote`.

use bstr::{BString, ByteSlice};

use super::answer::{Lookup, Outcome, Scope};
use super::kline::{Common, Taken, flags};
use super::registry::{Ask, Backend, Maps, Opened, Opening};
use crate::cf::macro_name;

/// Class `null`: nothing is in it.
struct Null;

/// Opens a `null` map; its flags mean nothing.
pub(crate) fn null(opening: &mut Opening<'_>) -> Opened {
    opening.line();
    Opened {
        common: Common::default(),
        backend: Box::new(Null),
    }
}

impl Backend for Null {
    fn lookup<'a>(
        &'a self,
        _maps: &'a Maps,
        _ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        Lookup::Ready(Outcome::NO_HOST)
    }
}

/// Class `arith`: the key is an operator, the arguments are numbers.
struct Arith;

/// The longest number that `arith` gives.
// sendmail: a buffer of 16 bytes cuts longer ones (case `arith-cut`).
const ARITH_DIGITS_MAX: usize = 15;

/// EX_CONFIG.
const BAD_CONFIGURATION: i32 = 78;

/// Opens an `arith` map; its flags mean nothing.
pub(crate) fn arith(_opening: &mut Opening<'_>) -> Opened {
    Opened {
        // sendmail: quotes stay in the key.
        common: Common {
            keep_quotes: true,
            ..Common::default()
        },
        backend: Box::new(Arith),
    }
}

impl Backend for Arith {
    fn lookup<'a>(
        &'a self,
        maps: &'a Maps,
        ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        let chance = || maps.world().entropy.random();
        let value = match (ask.key.first(), ask.arguments) {
            (Some(operator), [_, left, right, ..]) if OPERATORS.contains(operator) => {
                compute(*operator, number(left), number(right), chance)
            }
            // sendmail: too few operands, or an operator that it does not know,
            // are a fault of the configuration.
            _ => return Lookup::Ready(Outcome::NotFound(BAD_CONFIGURATION)),
        };
        Lookup::Ready(match value {
            Some(mut text) => {
                text.truncate(ARITH_DIGITS_MAX);
                Outcome::Found(text.into())
            }
            None => Outcome::ABSENT,
        })
    }
}

/// What `arith` can do.
const OPERATORS: &[u8] = b"+-*/%|&l=r";

/// One operation on two numbers; none for an unknown operator, a division by
/// zero, or an empty range of `r`.
fn compute(operator: u8, left: i64, right: i64, chance: impl Fn() -> u64) -> Option<String> {
    let truth = |holds: bool| Some(if holds { "TRUE" } else { "FALSE" }.to_owned());
    let value = match operator {
        b'+' => left.wrapping_add(right),
        b'-' => left.wrapping_sub(right),
        b'*' => left.wrapping_mul(right),
        b'/' if right != 0 => left.wrapping_div(right),
        b'%' if right != 0 => left.wrapping_rem(right),
        b'|' => left | right,
        b'&' => left & right,
        b'l' => return truth(left < right),
        b'=' => return truth(left == right),
        b'r' if left <= right => {
            let span = right.abs_diff(left);
            let step = match span.checked_add(1) {
                Some(count) => chance() % count,
                None => chance(),
            };
            left.wrapping_add_unsigned(step)
        }
        _ => return None,
    };
    Some(value.to_string())
}

/// The number at the start of `text`, as strtol(3) reads it with base 0: a
/// sign, then decimal, `0x` hexadecimal or `0` octal; 0 without digits, and
/// the nearest limit when it is out of range.
fn number(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (base, digits) = match digits {
        [b'0', b'x' | b'X', rest @ ..] if rest.first().is_some_and(u8::is_ascii_hexdigit) => {
            (16, rest)
        }
        [b'0', ..] => (8, digits),
        _ => (10, digits),
    };
    let mut value: i64 = 0;
    for byte in digits {
        let Some(digit) = char::from(*byte).to_digit(base) else {
            break;
        };
        let digit = i64::from(digit);
        let grown = value.checked_mul(i64::from(base)).and_then(|value| {
            if negative {
                value.checked_sub(digit)
            } else {
                value.checked_add(digit)
            }
        });
        match grown {
            Some(grown) => value = grown,
            None => return if negative { i64::MIN } else { i64::MAX },
        }
    }
    value
}

/// Class `macro`: sets the macro that the key names, and answers with nothing
/// at all, which is found.
struct SetMacro;

/// Opens a `macro` map; its flags mean nothing.
pub(crate) fn set_macro(_opening: &mut Opening<'_>) -> Opened {
    Opened {
        // sendmail: quotes stay in the key.
        common: Common {
            keep_quotes: true,
            ..Common::default()
        },
        backend: Box::new(SetMacro),
    }
}

impl Backend for SetMacro {
    fn lookup<'a>(
        &'a self,
        _maps: &'a Maps,
        ask: Ask<'_>,
        scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        // sendmail: a name that cannot be one is a fault of the configuration.
        let Some((name, _)) = macro_name::mended(ask.key).name else {
            return Lookup::Ready(Outcome::NotFound(BAD_CONFIGURATION));
        };
        scope.macros.set(&name, ask.arguments.get(1).copied());
        Lookup::Ready(Outcome::Found(BString::default()))
    }
}

/// Class `dequote`: takes the quotes out of its key.
struct Dequote {
    common: Common,
    /// `-s`: what stands for a space inside quotes.
    space: Option<u8>,
}

/// Opens a `dequote` map: `-a`, `-D`, `-s`.
pub(crate) fn dequote(opening: &mut Opening<'_>) -> Opened {
    let mut common = Common::default();
    let mut space = None;
    // sendmail: only the first flag counts.
    let first = opening.definition.arguments.fields().next();
    flags(first.unwrap_or_default(), |flag, value| {
        match flag {
            b's' | b'S' => space = value.first().copied(),
            b'a' | b'D' => {
                common.flag(flag, value);
            }
            _ => {}
        }
        Taken::ThisWord
    });
    // Quotes are what this class is about: the key must come with them.
    common.keep_quotes = true;
    Opened {
        common: common.clone(),
        backend: Box::new(Dequote { common, space }),
    }
}

impl Backend for Dequote {
    fn lookup<'a>(
        &'a self,
        _maps: &'a Maps,
        ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        Lookup::Ready(match unquote(ask.key, self.space) {
            Some(value) => Outcome::Found(self.common.value(&value, None)),
            None => Outcome::ABSENT,
        })
    }
}

/// `text` without its quotes; none when it has no quotes, or when the result
/// would not be one well-formed word: a space for which nothing stands, or
/// quotes, parentheses or angle brackets that don't pair.
fn unquote(text: &[u8], space: Option<u8>) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let (mut angles, mut parentheses) = (0i32, 0i32);
    let (mut quoted, mut had_quotes) = (false, false);
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'"' => {
                quoted = !quoted;
                had_quotes = true;
                continue;
            }
            b'\\' => {
                out.push(byte);
                out.push(*bytes.next()?);
                continue;
            }
            b' ' => {
                out.push(space?);
                continue;
            }
            b'<' => angles += 1,
            b'>' => angles -= 1,
            b'(' => parentheses += 1,
            b')' => parentheses -= 1,
            _ => {}
        }
        if angles < 0 || parentheses < 0 {
            return None;
        }
        out.push(byte);
    }
    let paired = !quoted && angles == 0 && parentheses == 0;
    (paired && had_quotes).then_some(out)
}

#[cfg(test)]
mod tests;
