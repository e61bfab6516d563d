//! `format`: C's `printf`, with its arguments read from texts.
//!
//! Conversions are `%a A c d e E f F g G i o s u x X`, with flags, width and
//! precision where C gives them a meaning, and the sizes `h`, `hh` and `l`.

use super::super::call::Call;
use super::super::message::text;
use super::super::number::{decimal, is_space, low};
use super::super::{M4, Stop};
use super::float;

/// One directive, as far as it is read.
#[derive(Clone, Copy, Debug, Default)]
struct Directive {
    left: bool,
    plus: bool,
    blank: bool,
    zero: bool,
    alternative: bool,
    grouped: bool,
    width: usize,
    precision: Option<usize>,
    size: Size,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Size {
    #[default]
    Int,
    Short,
    Char,
    Long,
}

/// The arguments that are left.
struct Arguments<'a> {
    call: &'a Call<'a>,
    next: usize,
}

impl<'a> Arguments<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        let argument = (self.next <= self.call.count()).then(|| self.call.argument(self.next));
        self.next += 1;
        argument
    }
}

pub(super) fn format(m4: &mut M4<'_>, call: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    let whole = call.argument(1);
    let mut arguments = Arguments { call, next: 2 };
    let mut rest = whole;
    while let Some(percent) = memchr::memchr(b'%', rest) {
        out.extend_from_slice(&rest[..percent]);
        rest = &rest[percent + 1..];
        if rest.first() == Some(&b'%') {
            out.push(b'%');
            rest = &rest[1..];
            continue;
        }
        let directive = read(m4, &mut rest, &mut arguments)?;
        let conversion = rest.first().copied();
        rest = rest.get(1..).unwrap_or_default();
        let limit = m4.settings.limits.pending_bytes;
        let long = directive.width.max(directive.precision.unwrap_or(0));
        if long > limit || out.len() > limit {
            return m4.limit(format!("an expansion of more than {limit} bytes"));
        }
        match conversion {
            Some(conversion) if directive.allows(conversion) => {
                convert(m4, &directive, conversion, &mut arguments, out)?;
            }
            _ => m4.warn(text!("unrecognized specifier in `", whole, "'"))?,
        }
    }
    out.extend_from_slice(rest);
    Ok(())
}

/// Reads flags, width, precision and size.
fn read(
    m4: &mut M4<'_>,
    rest: &mut &[u8],
    arguments: &mut Arguments<'_>,
) -> Result<Directive, Stop> {
    let mut directive = Directive::default();
    loop {
        match rest.first() {
            Some(b'-') => directive.left = true,
            Some(b'+') => directive.plus = true,
            Some(b' ') => directive.blank = true,
            Some(b'0') => directive.zero = true,
            Some(b'#') => directive.alternative = true,
            Some(b'\'') => directive.grouped = true,
            _ => break,
        }
        *rest = &rest[1..];
    }
    let width = amount(m4, rest, arguments)?;
    directive.left |= width < 0;
    directive.width = usize::try_from(width.unsigned_abs()).unwrap_or(usize::MAX);
    if rest.first() == Some(&b'.') {
        *rest = &rest[1..];
        let precision = amount(m4, rest, arguments)?;
        directive.precision = usize::try_from(precision).ok();
        // A negative one counts as none, yet it was written.
        directive.size = Size::Int;
    }
    match *rest {
        [b'l', tail @ ..] => {
            directive.size = Size::Long;
            *rest = tail;
        }
        [b'h', b'h', tail @ ..] => {
            directive.size = Size::Char;
            *rest = tail;
        }
        [b'h', tail @ ..] => {
            directive.size = Size::Short;
            *rest = tail;
        }
        _ => {}
    }
    Ok(directive)
}

/// Reads a width or a precision: digits, or `*` for an argument.
fn amount(m4: &mut M4<'_>, rest: &mut &[u8], arguments: &mut Arguments<'_>) -> Result<i64, Stop> {
    if rest.first() == Some(&b'*') {
        *rest = &rest[1..];
        return Ok(i64::from(low(integer(m4, arguments.next(), false)?)));
    }
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let value = decimal(&rest[..digits]).value;
    *rest = &rest[digits..];
    Ok(value)
}

impl Directive {
    /// Whether C gives these flags a meaning with this conversion.
    fn allows(&self, conversion: u8) -> bool {
        let among = |letters: &[u8]| letters.contains(&conversion);
        let precise = self.precision.is_some();
        among(b"aAcdeEfFgGiosuxX")
            && !((self.plus || self.blank) && among(b"cosuxX"))
            && !(self.zero && among(b"cs"))
            && !(self.alternative && among(b"cdisu"))
            && !(self.grouped && among(b"aAceEosxX"))
            && !(precise && conversion == b'c')
            && match self.size {
                Size::Int => true,
                Size::Long => !among(b"cs"),
                Size::Short | Size::Char => !among(b"aAceEfFgGs"),
            }
    }

    /// Appends a number's sign and digits at the right width.
    fn pad(&self, sign: &[u8], digits: &[u8], zeros: bool, out: &mut Vec<u8>) {
        let missing = self.width.saturating_sub(sign.len() + digits.len());
        let fill = |byte, out: &mut Vec<u8>| out.extend(std::iter::repeat_n(byte, missing));
        if !self.left && !zeros {
            fill(b' ', out);
        }
        out.extend_from_slice(sign);
        if !self.left && zeros {
            fill(b'0', out);
        }
        out.extend_from_slice(digits);
        if self.left {
            fill(b' ', out);
        }
    }

    fn sign(&self, negative: bool) -> &'static [u8] {
        match (negative, self.plus, self.blank) {
            (true, _, _) => b"-",
            (false, true, _) => b"+",
            (false, false, true) => b" ",
            (false, false, false) => b"",
        }
    }
}

fn convert(
    m4: &mut M4<'_>,
    directive: &Directive,
    conversion: u8,
    arguments: &mut Arguments<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Stop> {
    match conversion {
        b's' => {
            let argument = arguments.next().unwrap_or_default();
            let length = directive.precision.unwrap_or(usize::MAX);
            directive.pad(b"", &argument[..argument.len().min(length)], false, out);
        }
        b'c' => {
            let argument = arguments.next();
            if argument.is_some() || directive.width > 0 {
                let byte = integer(m4, argument, false)?.to_le_bytes()[0];
                character(directive, byte, out);
            }
        }
        b'd' | b'i' | b'o' | b'u' | b'x' | b'X' => {
            let long = directive.size == Size::Long;
            let value = integer(m4, arguments.next(), long)?;
            whole_number(directive, conversion, value, out);
        }
        _ => {
            let value = real(m4, arguments.next())?;
            let style = float::Style {
                conversion,
                precision: directive.precision,
                alternative: directive.alternative,
            };
            let (prefix, digits) = style.write(value);
            let mut sign = directive.sign(value.is_sign_negative()).to_vec();
            sign.extend_from_slice(prefix);
            let zeros = directive.zero && value.is_finite();
            directive.pad(&sign, &digits, zeros, out);
        }
    }
    Ok(())
}

/// `%c`: the result is a C string, so that NUL ends it.
fn character(directive: &Directive, byte: u8, out: &mut Vec<u8>) {
    if byte != 0 {
        directive.pad(b"", &[byte], false, out);
    } else if !directive.left {
        out.extend(std::iter::repeat_n(b' ', directive.width.saturating_sub(1)));
    }
}

fn whole_number(directive: &Directive, conversion: u8, value: i64, out: &mut Vec<u8>) {
    let (negative, magnitude) = narrow(directive.size, matches!(conversion, b'd' | b'i'), value);
    let mut digits = match conversion {
        b'o' => format!("{magnitude:o}"),
        b'x' => format!("{magnitude:x}"),
        b'X' => format!("{magnitude:X}"),
        _ => magnitude.to_string(),
    }
    .into_bytes();
    if magnitude == 0 && directive.precision == Some(0) {
        digits.clear();
    }
    let least = directive.precision.unwrap_or(1);
    if digits.len() < least {
        let mut padded = vec![b'0'; least - digits.len()];
        padded.append(&mut digits);
        digits = padded;
    }
    if directive.alternative && conversion == b'o' && digits.first() != Some(&b'0') {
        digits.insert(0, b'0');
    }
    let sign: &[u8] = match conversion {
        b'd' | b'i' => directive.sign(negative),
        b'x' if directive.alternative && magnitude != 0 => b"0x",
        b'X' if directive.alternative && magnitude != 0 => b"0X",
        _ => b"",
    };
    let zeros = directive.zero && directive.precision.is_none();
    directive.pad(sign, &digits, zeros, out);
}

/// The sign and magnitude of a number in a type of C.
fn narrow(size: Size, signed: bool, value: i64) -> (bool, u64) {
    let bits = match size {
        Size::Char => 8,
        Size::Short => 16,
        Size::Int => 32,
        Size::Long => 64,
    };
    let shift = 64 - bits;
    if signed {
        let value = (value << shift) >> shift;
        (value < 0, value.unsigned_abs())
    } else {
        (false, (value.cast_unsigned() << shift) >> shift)
    }
}

/// The next argument as a whole number; a missing one is 0.
fn integer(m4: &mut M4<'_>, argument: Option<&[u8]>, long: bool) -> Result<i64, Stop> {
    let Some(argument) = argument else {
        return Ok(0);
    };
    if argument.is_empty() {
        m4.fault(b"empty string treated as 0".to_vec())?;
        return Ok(0);
    }
    let number = decimal(argument);
    let overflow = number.overflow || (!long && i64::from(low(number.value)) != number.value);
    complain(m4, argument, number.used, overflow)?;
    Ok(number.value)
}

/// The next argument as a number of any kind; a missing one is 0.
fn real(m4: &mut M4<'_>, argument: Option<&[u8]>) -> Result<f64, Stop> {
    let Some(argument) = argument else {
        return Ok(0.0);
    };
    if argument.is_empty() {
        m4.fault(b"empty string treated as 0".to_vec())?;
        return Ok(0.0);
    }
    let parsed = float::parse(argument);
    complain(m4, argument, parsed.used, parsed.out_of_range)?;
    Ok(parsed.value)
}

fn complain(m4: &mut M4<'_>, argument: &[u8], used: usize, overflow: bool) -> Result<(), Stop> {
    if used < argument.len() {
        m4.fault(text!("non-numeric argument ", argument))
    } else if argument.first().is_some_and(|byte| is_space(*byte)) {
        m4.fault(b"leading whitespace ignored".to_vec())
    } else if overflow {
        m4.fault(b"numeric overflow detected".to_vec())
    } else {
        Ok(())
    }
}
