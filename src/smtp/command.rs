//! One line from a client: which command it is, and where an address ends.

/// The commands a server knows, also those it only knows to refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `HELO`
    Helo,
    /// `EHLO`
    Ehlo,
    /// `MAIL`
    Mail,
    /// `RCPT`
    Rcpt,
    /// `DATA`
    Data,
    /// `RSET`
    Rset,
    /// `VRFY`
    Vrfy,
    /// `EXPN`
    Expn,
    /// `HELP`
    Help,
    /// `NOOP`
    Noop,
    /// `QUIT`
    Quit,
    /// `ETRN` (RFC 1985)
    Etrn,
    /// `VERB`
    Verb,
    /// `BDAT` (RFC 3030)
    Bdat,
    /// `XCLIENT`: another host says whom it speaks for.
    Xclient,
    /// `AUTH` (RFC 4954)
    Auth,
    /// `STARTTLS` (RFC 3207)
    StartTls,
    /// `SEND`, `SAML`, `SOML`, `TURN`: known, and never done.
    Unimplemented,
    /// `WIZ`, `DEBUG`, `SHOWQ`: old holes; logged as an attack.
    Hole,
    /// `GET`, `POST`, `CONNECT`, `USER`: an open proxy speaks to us.
    Http,
    /// Nothing we know.
    Unknown,
}

/// Names and verbs, in the order of the table that a reader of the manual
/// expects.
const VERBS: &[(&[u8], Verb)] = &[
    (b"MAIL", Verb::Mail),
    (b"RCPT", Verb::Rcpt),
    (b"DATA", Verb::Data),
    (b"RSET", Verb::Rset),
    (b"EHLO", Verb::Ehlo),
    (b"HELO", Verb::Helo),
    (b"QUIT", Verb::Quit),
    (b"NOOP", Verb::Noop),
    (b"VRFY", Verb::Vrfy),
    (b"EXPN", Verb::Expn),
    (b"HELP", Verb::Help),
    (b"ETRN", Verb::Etrn),
    (b"VERB", Verb::Verb),
    (b"BDAT", Verb::Bdat),
    (b"XCLIENT", Verb::Xclient),
    (b"AUTH", Verb::Auth),
    (b"STARTTLS", Verb::StartTls),
    (b"SEND", Verb::Unimplemented),
    (b"SAML", Verb::Unimplemented),
    (b"SOML", Verb::Unimplemented),
    (b"TURN", Verb::Unimplemented),
    (b"WIZ", Verb::Hole),
    (b"DEBUG", Verb::Hole),
    (b"SHOWQ", Verb::Hole),
    (b"GET", Verb::Http),
    (b"POST", Verb::Http),
    (b"CONNECT", Verb::Http),
    (b"USER", Verb::Http),
];

impl Verb {
    fn find(word: &[u8]) -> Self {
        VERBS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(word))
            .map_or(Verb::Unknown, |(_, verb)| *verb)
    }
}

/// A command line taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Which command.
    pub verb: Verb,
    /// The command word as written.
    pub word: &'a [u8],
    /// What follows, without surrounding blanks.
    pub argument: &'a [u8],
    /// All of it, without surrounding blanks.
    pub whole: &'a [u8],
}

impl<'a> Line<'a> {
    /// Takes `line` (without its line end) apart.
    ///
    /// `// sendmail:` a NUL ends the line, as a C string ends.
    pub fn parse(line: &'a [u8]) -> Self {
        let line = line.split(|b| *b == 0).next().unwrap_or_default();
        let whole = line.trim_ascii();
        let end = whole
            .iter()
            .position(u8::is_ascii_whitespace)
            .unwrap_or(whole.len());
        let (word, argument) = whole.split_at(end);
        Self {
            verb: Verb::find(word),
            word,
            argument: argument.trim_ascii(),
            whole,
        }
    }
}

/// Splits `FROM:<a@b> SIZE=1` after its `keyword` into address and
/// parameters.
///
/// # Errors
/// The word that stands where `keyword` and a colon were expected: what the
/// reply quotes.
pub fn split_path<'a>(
    argument: &'a [u8],
    keyword: &[u8],
) -> Result<(&'a [u8], &'a [u8]), &'a [u8]> {
    let end = argument
        .iter()
        .position(|b| *b == b':' || b.is_ascii_whitespace())
        .unwrap_or(argument.len());
    let (word, rest) = argument.split_at(end);
    let Some(rest) = rest.trim_ascii_start().strip_prefix(b":") else {
        return Err(word);
    };
    let rest = rest.trim_ascii_start();
    if !word.eq_ignore_ascii_case(keyword) || rest.is_empty() {
        return Err(word);
    }
    let end = address_end(rest);
    let (address, parameters) = rest.split_at(end);
    Ok((address, parameters.trim_ascii_start()))
}

/// Where an address ends: at the first blank outside of quotes, comments and
/// angle brackets.
fn address_end(text: &[u8]) -> usize {
    let (mut quoted, mut comments, mut angles) = (false, 0u32, 0u32);
    let mut bytes = text.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'"' if comments == 0 => quoted = !quoted,
            _ if quoted => {}
            b'(' => comments += 1,
            b')' => comments = comments.saturating_sub(1),
            _ if comments > 0 => {}
            b'<' => angles += 1,
            b'>' => angles = angles.saturating_sub(1),
            _ if byte.is_ascii_whitespace() && angles == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

/// Whether `name` may be said after HELO or EHLO.
///
/// `// sendmail:` letters, digits and `[ ] . - _ # :`, nothing else is asked,
/// not even that brackets match; at most 255 bytes.
pub fn is_helo_name(name: &[u8]) -> bool {
    const NAME_BYTES_MAX: usize = 255;
    name.len() <= NAME_BYTES_MAX
        && name
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b"[].-_#:".contains(b))
}

/// `text` cut in the middle when it is longer than 203 bytes, as replies
/// quote it.
pub fn shorten(text: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    const QUOTED_BYTES_MAX: usize = 203;
    const END_BYTES: usize = 100;
    if text.len() <= QUOTED_BYTES_MAX {
        return text.into();
    }
    let tail = &text[text.len() - END_BYTES..];
    [&text[..END_BYTES], b"...", tail].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bstr::ByteSlice;
    use proptest::prelude::*;

    #[test]
    fn lines() {
        let line = Line::parse(b"  noop\targ x ");
        assert_eq!(line.verb, Verb::Noop);
        assert_eq!(line.argument, b"arg x");
        assert_eq!(line.whole, b"noop\targ x");
        assert_eq!(Line::parse(b"VRFY al\0ice").argument, b"al");
        assert_eq!(Line::parse(b"MAILFROM:<a@b>").verb, Verb::Unknown);
        assert_eq!(Line::parse(b"").verb, Verb::Unknown);
    }

    #[test]
    fn paths_as_recorded() {
        let ok = |text: &'static str| {
            split_path(text.as_bytes(), b"FROM")
                .map(|(a, p)| format!("{} | {}", a.as_bstr(), p.as_bstr()))
                .map_err(|w| w.to_str_lossy().into_owned())
        };
        for (text, want) in [
            ("", Err("")),
            ("FROM", Err("FROM")),
            ("FROM:", Err("FROM")),
            ("TO:<a@b>", Err("TO")),
            ("FROM <a@b>", Err("FROM")),
            ("FROMX:<a@b>", Err("FROMX")),
            ("F:<a@b>", Err("F")),
            ("FROM:<a@b> SIZE=1", Ok("<a@b> | SIZE=1")),
            ("from : a@b  X", Ok("a@b | X")),
            ("FROM:<a@b>\tX", Ok("<a@b> | X")),
            ("FROM:<a@b>SIZE=10", Ok("<a@b>SIZE=10 | ")),
            ("FROM:<a b@c> X", Ok("<a b@c> | X")),
            ("FROM:\"a b\"@c X", Ok("\"a b\"@c | X")),
            ("FROM:<\"a > b\"@c> X", Ok("<\"a > b\"@c> | X")),
            ("FROM:(a b)<c@d> X", Ok("(a b)<c@d> | X")),
            ("FROM:Full Name <c@d>", Ok("Full | Name <c@d>")),
            ("FROM:<a@b X", Ok("<a@b X | ")),
            ("FROM:a\\ b X", Ok("a\\ b | X")),
        ] {
            let want = want.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(ok(text), want, "{text}");
        }
    }

    #[test]
    fn helo_names_as_recorded() {
        for good in [
            "c",
            "a_b",
            "a#b",
            "a:b",
            "a.",
            "-a-",
            ".",
            "[]",
            "[1.2.3.4",
            "[IPv6:::1]",
        ] {
            assert!(is_helo_name(good.as_bytes()), "{good}");
        }
        for bad in [
            "two words",
            "bad!",
            "a+b",
            "a=b",
            "a,b",
            "a\"b",
            "a@b",
            "<a>",
            "a/b",
            "\u{e9}",
        ] {
            assert!(!is_helo_name(bad.as_bytes()), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_line_parses(text: Vec<u8>) {
            let line = Line::parse(&text);
            prop_assert!(line.whole.len() <= text.len());
            if let Ok((address, parameters)) = split_path(&text, b"TO") {
                prop_assert!(address.len() + parameters.len() <= text.len());
            }
        }
    }
}
