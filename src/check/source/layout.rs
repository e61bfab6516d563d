//! How a `.mc` is written: `dnl`, quotes, parentheses, comments, names.

use std::collections::HashSet;

use bstr::{BStr, BString, ByteSlice};

use super::Source;
use super::reader::{Call, NEEDS_ARGUMENTS};
use crate::base::{Diagnostic, nearest};
use crate::check::codes;

/// Everything that is wrong with how it is written.
pub(super) fn faults(source: &Source<'_>) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    open_ends(source, &mut faults);
    for call in &source.reading.calls {
        if call.in_comment {
            comment(source, call, &mut faults);
            continue;
        }
        if !call.known {
            faults.extend(unknown(source, call));
        } else if call.args.is_none() {
            faults.extend(space(source, call));
        }
        faults.extend(quotes(source, call));
        faults.extend(unquoted_name(source, call));
    }
    words(source, &mut faults);
    tails(source, &mut faults);
    faults
}

/// What is opened and never closed.
fn open_ends(source: &Source<'_>, faults: &mut Vec<Diagnostic>) {
    if let Some(at) = source.reading.open_quote {
        faults.push(source.fault(
            "mc-quote-open",
            at..at + 1,
            "the quote that opens here is never closed".to_owned(),
        ));
    }
    if let Some(call) = source
        .reading
        .open_call
        .and_then(|index| source.reading.calls.get(index))
    {
        faults.push(source.fault(
            "mc-call-open",
            call.at.clone(),
            format!("the parenthesis behind `{}' is never closed", call.name),
        ));
    }
}

/// Macros that only switch to another part of the configuration.
const SWITCHES: &[&[u8]] = &[
    b"LOCAL_CONFIG",
    b"LOCAL_NET_CONFIG",
    b"LOCAL_UUCP",
    b"LOCAL_DNSBL",
    b"MAILER_DEFINITIONS",
    b"LOCAL_RULE_0",
    b"LOCAL_RULE_1",
    b"LOCAL_RULE_2",
    b"LOCAL_RULE_3",
    b"LOCAL_RULESETS",
];

/// A call that a `#` does not take out.
fn comment(source: &Source<'_>, call: &Call, faults: &mut Vec<Diagnostic>) {
    let name = call.name.as_slice();
    let acts = match call.args {
        Some(_) => NEEDS_ARGUMENTS.contains(&name) && !matches!(name, b"ifdef" | b"ifelse"),
        None => SWITCHES.contains(&name),
    };
    if acts {
        faults.push(source.fault(
            "mc-comment-expands",
            call.at.start..call.end,
            format!("`{}' takes effect here: `#' does not stop m4", call.name),
        ));
    }
}

/// A word with a parenthesis that is nobody's name.
fn unknown(source: &Source<'_>, call: &Call) -> Option<Diagnostic> {
    if !source.is_first(call.at.start) || !source.comes_out(call.at.clone()) {
        return None;
    }
    let name = call.name.to_str().ok()?;
    if let Some(rest) = name.strip_prefix("dnl") {
        return Some(source.fault(
            "mc-dnl",
            call.at.clone(),
            format!("`{name}' is one word, so that `dnl' is not seen before `{rest}'"),
        ));
    }
    let quoted = source.text.get(call.end + 1) == Some(&b'`');
    let capitals = |c: char| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit();
    let near = nearest(name, source.callable.iter().copied());
    if near.is_none() && !(quoted && name.len() > 3 && name.chars().all(capitals)) {
        return None;
    }
    let fault = source.fault(
        "mc-unknown-macro",
        call.at.clone(),
        format!("nothing is called `{name}': the line goes into the .cf as it stands"),
    );
    Some(match near {
        Some(other) => fault.help(format!("Did you mean `{other}'?")),
        None => fault,
    })
}

/// A blank between a name and its parenthesis.
fn space(source: &Source<'_>, call: &Call) -> Option<Diagnostic> {
    if !NEEDS_ARGUMENTS.contains(&call.name.as_slice()) || !source.is_first(call.at.start) {
        return None;
    }
    let rest = &source.text[call.end..];
    let blanks = rest
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    if blanks == 0 || rest.get(blanks) != Some(&b'(') {
        return None;
    }
    Some(source.fault(
        "mc-space",
        call.at.start..call.end + blanks + 1,
        format!(
            "the blank before the parenthesis keeps `{}' from getting its arguments",
            call.name
        ),
    ))
}

/// Characters that look like quotes.
const LOOK_LIKE_QUOTES: &[&str] = &["\u{2018}", "\u{2019}", "\u{201c}", "\u{201d}", "\u{b4}"];

/// Macros whose first argument is a name, which never begins with `"`.
const NAMES_FIRST: &[&[u8]] = &[
    b"define",
    b"undefine",
    b"FEATURE",
    b"MAILER",
    b"OSTYPE",
    b"DOMAIN",
    b"HACK",
    b"MASQUERADE_AS",
    b"MASQUERADE_DOMAIN",
    b"EXPOSED_USER",
    b"DAEMON_OPTIONS",
    b"include",
];

/// Arguments in the wrong quotes, or with one quote too many.
fn quotes(source: &Source<'_>, call: &Call) -> Option<Diagnostic> {
    if !call.known {
        return None;
    }
    for (index, arg) in call.args.iter().flatten().enumerate() {
        let text = &source.text[arg.at.clone()];
        let by_name = index == 0 && NAMES_FIRST.contains(&call.name.as_slice());
        let wrong = match text.first() {
            Some(b'\'') => Some("'"),
            Some(b'"') if by_name => Some("\""),
            _ => LOOK_LIKE_QUOTES
                .iter()
                .find(|quote| text.starts_with(quote.as_bytes()))
                .copied(),
        };
        if let Some(quote) = wrong {
            let end = arg.at.end.max(arg.at.start + 1);
            return Some(source.fault(
                "mc-quote-wrong",
                arg.at.start..end,
                format!("{quote} opens no quote in m4, and so becomes part of the text"),
            ));
        }
        if let Some(at) = arg.stray {
            return Some(source.fault(
                "mc-quote-stray",
                at..at + 1,
                "this quote closes nothing: the text that was quoted ended before it".to_owned(),
            ));
        }
    }
    None
}

/// `define(NAME, …)` where NAME stands for something by now.
fn unquoted_name(source: &Source<'_>, call: &Call) -> Option<Diagnostic> {
    if !matches!(call.name.as_slice(), b"define" | b"undefine") {
        return None;
    }
    let arg = call.args.as_ref()?.first()?;
    let line = source.line_of(call.at.start);
    let text = source.text[arg.at.clone()].trim();
    let is_word = !text.is_empty()
        && text
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    if arg.quoted || !is_word {
        return None;
    }
    let before = source.record.defined.iter().any(|defined| {
        defined.name == text
            && defined.origin.asked.file() == source.name
            && defined.origin.asked.line() < line
    });
    before.then(|| {
        source.fault(
            "mc-name-unquoted",
            arg.at.clone(),
            format!(
                "`{}' is defined already, and stands here for its value",
                BStr::new(text)
            ),
        )
    })
}

/// Whether a word is `dnl` with a slip of the finger.
pub(super) fn is_nearly_dnl(word: &[u8]) -> bool {
    if word == b"dnl" {
        return false;
    }
    let folded = word.to_ascii_lowercase();
    matches!(
        folded.as_slice(),
        b"dnl"
            | b"dln"
            | b"ndl"
            | b"nld"
            | b"ldn"
            | b"dn"
            | b"nl"
            | b"dl"
            | b"dnll"
            | b"ddnl"
            | b"dnnl"
            | b"dnk"
            | b"dnp"
    )
}

/// Words that mean `dnl`, or that `dnl` is glued to.
fn words(source: &Source<'_>, faults: &mut Vec<Diagnostic>) {
    for word in &source.reading.words {
        if word.in_comment {
            continue;
        }
        let text = &source.text[word.at.clone()];
        let shown = BStr::new(text);
        let known = |name: &[u8]| source.known.contains(BStr::new(name));
        let behind = word.first || word.after.is_some();
        let message = if word.after.is_some() && is_nearly_dnl(text) {
            format!("`{shown}' is not `dnl', and goes into the .cf")
        } else if let Some(name) = text.strip_suffix(b"dnl").filter(|name| known(name)) {
            format!(
                "`{shown}' is one word, so that `{}' is not seen",
                BStr::new(name)
            )
        } else if let Some(rest) = text
            .strip_prefix(b"dnl")
            .filter(|rest| behind && known(rest))
        {
            format!(
                "`{shown}' is one word, so that `dnl' is not seen before `{}'",
                BStr::new(rest)
            )
        } else {
            continue;
        };
        if source.comes_out(word.at.clone()) {
            faults.push(source.fault("mc-dnl", word.at.clone(), message));
        }
    }
}

/// Text behind a call, where `dnl` was meant to stand.
fn tails(source: &Source<'_>, faults: &mut Vec<Diagnostic>) {
    for (at, call) in &source.reading.tails {
        let Some(call) = source.reading.calls.get(*call) else {
            continue;
        };
        let line = source.line_of(*at);
        if call.in_comment
            || !NEEDS_ARGUMENTS.contains(&call.name.as_slice())
            || matches!(
                call.name.as_slice(),
                b"ifdef" | b"ifelse" | b"include" | b"sinclude"
            )
            || !source.is_first(call.at.start)
            || source.line_of(call.end) != line
            || source.text[*at] == b'#'
        {
            continue;
        }
        let end = source.text[*at..]
            .find_byte(b'\n')
            .map_or(source.text.len(), |end| at + end);
        let rest = source.text[*at..end].trim_end();
        let word_end = rest.find_byteset(b" \t").unwrap_or(rest.len());
        let at = *at..*at + word_end;
        if rest.is_empty() || !source.comes_out(at.clone()) {
            continue;
        }
        faults.push(source.fault(
            "mc-dnl",
            at.start..at.start + rest.len(),
            format!("the text behind `{}' goes into the .cf", call.name),
        ));
    }
}

/// Names that macros have, from the library and the site.
pub(super) fn known_names(callable: &[&str], record: &crate::m4::Record) -> HashSet<BString> {
    let mut names: HashSet<BString> = callable.iter().map(|name| BString::from(*name)).collect();
    names.extend(codes::M4_BUILTINS.iter().map(|name| BString::from(*name)));
    names.extend(record.defined.iter().map(|defined| defined.name.clone()));
    names
}
