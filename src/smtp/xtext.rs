//! xtext: how ENVID, ORCPT and AUTH= carry any text (RFC 3461, section 4).

use bstr::BString;

/// Whether `text` is xtext: printable ASCII without blank, `=` and `+`
/// except where `+` begins two hexadecimal digits.
///
/// `// sendmail:` of either case; the RFC knows upper case only.
pub fn is_xtext(text: &[u8]) -> bool {
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'+', [a, b, tail @ ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => tail,
            (b'+' | b'=', _) => return false,
            (b'!'..=b'~', _) => tail,
            _ => return false,
        };
    }
    true
}

/// The text that `xtext` stands for; a `+` that begins no two hexadecimal
/// digits stands for itself.
pub fn decode(xtext: &[u8]) -> BString {
    let mut out = Vec::with_capacity(xtext.len());
    let mut rest = xtext;
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'+', [a, b, after @ ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
                out.push(hex_value(*a) << 4 | hex_value(*b));
                after
            }
            _ => {
                out.push(*first);
                tail
            }
        };
    }
    out.into()
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit.to_ascii_uppercase().wrapping_sub(b'A') + 10,
    }
}

/// `text` as xtext, also encoding the bytes in `also`.
pub fn encode(text: &[u8], also: &[u8]) -> BString {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        if matches!(byte, b'!'..=b'~') && !matches!(byte, b'+' | b'=') && !also.contains(&byte) {
            out.push(byte);
        } else {
            out.extend([
                b'+',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]);
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_xtext() {
        for good in ["", "abc", "a+2Bb", "+2b", "+00+FF", "<>"] {
            assert!(is_xtext(good.as_bytes()), "{good}");
        }
        for bad in ["a+b", "a b", "a=b", "+2g", "\u{7f}", "+", "+2"] {
            assert!(!is_xtext(bad.as_bytes()), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn encoded_decodes(text: Vec<u8>) {
            let xtext = encode(&text, b"(");
            prop_assert!(is_xtext(&xtext));
            prop_assert_eq!(decode(&xtext), text);
        }

        #[test]
        fn any_bytes_decode(text: Vec<u8>) {
            let decoded = decode(&text);
            prop_assert!(decoded.len() <= text.len());
        }
    }
}
