//! Rules: what they name, which can never match, which never end.

use bstr::{BStr, BString, ByteSlice};

use super::Subject;
use crate::base::{Diagnostic, Origin};
use crate::cf::Config;
use crate::check::codes;
use crate::rewrite::Program;

/// A rule as text, macros expanded, each part by itself.
pub(super) struct RuleText {
    /// The ruleset it stands in.
    pub(super) ruleset: BString,
    /// The parts of its left side.
    pub(super) left: Vec<BString>,
    /// The parts of its right side, without a first `$:` or `$@`.
    pub(super) right: Vec<BString>,
    /// What happens after it.
    pub(super) then: Then,
    /// Where it stands.
    pub(super) origin: Origin,
}

/// What happens after a rule has matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// It is tried again.
    Again,
    /// The next one is tried.
    Next,
    /// The ruleset ends.
    End,
}

/// Every rule as text.
pub(super) fn texts(config: &Config, program: &Program) -> Vec<RuleText> {
    let mut texts = Vec::new();
    for ruleset in &config.rulesets {
        let Some(id) = program.ruleset(&ruleset.name) else {
            continue;
        };
        for rule in program.rules(id) {
            let mut right = parts(&program.right_side(rule));
            let then = match right.first().map(|part| part.as_slice()) {
                Some(b"$:") => Then::Next,
                Some(b"$@" | b"$#") => Then::End,
                _ => Then::Again,
            };
            if right
                .first()
                .is_some_and(|part| part == "$:" || part == "$@")
            {
                right.remove(0);
            }
            texts.push(RuleText {
                ruleset: ruleset.name.clone(),
                left: parts(&program.left_side(rule)),
                right,
                then,
                origin: program.origin(rule).clone(),
            });
        }
    }
    texts
}

fn parts(side: &[u8]) -> Vec<BString> {
    side.split_str(" ")
        .filter(|part| !part.is_empty())
        .map(BString::from)
        .collect()
}

/// Maps that are there without a K line.
const BUILT_IN_MAPS: &[&[u8]] = &[b"host", b"dequote", b"user"];
/// What stands behind `$#` without an M line: two mailers, and the words with
/// which one check tells another how it went.
const BUILT_IN_MAILERS: &[&[u8]] = &[b"error", b"discard", b"OK", b"TEMP", b"RELAY", b"REJECT"];

/// What is wrong with rules.
pub(super) fn faults(subject: &Subject<'_>, faults: &mut Vec<Diagnostic>) {
    for rule in &subject.rules {
        names(subject, rule, faults);
        if subject.own.has(&rule.origin, b'R') {
            classes(subject, rule, faults);
        }
        if may_judge(subject, rule) && loops(rule) {
            let message = format!(
                "the rule matches again what it makes, in ruleset {}",
                rule.ruleset
            );
            faults.push(codes::fault("cf-rule-loop", rule.origin.clone(), message));
        }
    }
    dead(subject, faults);
}

/// Whether a rule is the site's, or may be: the library's are no business of
/// the site.
fn may_judge(subject: &Subject<'_>, rule: &RuleText) -> bool {
    subject.own.is_unknown() || subject.own.has(&rule.origin, b'R')
}

/// Maps and mailers that a right side names.
fn names(subject: &Subject<'_>, rule: &RuleText, faults: &mut Vec<Diagnostic>) {
    let config = subject.config;
    for (index, part) in rule.right.iter().enumerate() {
        let Some(name) = rule.right.get(index + 1).map(|name| unquoted(name)) else {
            continue;
        };
        if !is_name(name) {
            continue;
        }
        let name = BStr::new(name);
        if part == "$(" && config.map(name).is_none() && !is_in(BUILT_IN_MAPS, name) {
            let message = format!("ruleset {} asks the map {name}", rule.ruleset);
            faults.push(codes::fault(
                "cf-map-undefined",
                rule.origin.clone(),
                message,
            ));
        }
        if part == "$#"
            && is_triple(&rule.right[index + 2..])
            && config.mailer(name).is_none()
            && !is_in(BUILT_IN_MAILERS, name)
            && !is_librarys(subject, rule, name)
        {
            let message = format!("ruleset {} gives mail to the mailer {name}", rule.ruleset);
            faults.push(codes::fault(
                "cf-mailer-undefined",
                rule.origin.clone(),
                message,
            ));
        }
    }
}

/// Whether a rule that the library writes in any case names one of its own
/// mailers, for which a site may have no use.
fn is_librarys(subject: &Subject<'_>, rule: &RuleText, name: &[u8]) -> bool {
    !subject.own.has(&rule.origin, b'R') && subject.is_standard(name)
}

/// Whether what follows `$#name` makes it a mailer: `$@ host`, `$: user`.
fn is_triple(rest: &[BString]) -> bool {
    let first = rest
        .first()
        .is_some_and(|part| part == "$@" || part == "$:");
    first && rest.iter().any(|part| part == "$:")
}

/// A name may stand in quotes.
pub(super) fn unquoted(part: &[u8]) -> &[u8] {
    part.trim_with(|c| c == '"')
}

fn is_name(part: &[u8]) -> bool {
    !part.is_empty()
        && part
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn is_in(known: &[&[u8]], name: &[u8]) -> bool {
    known.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Classes that exist without a C or F line.
const BUILT_IN_CLASSES: &[&[u8]] = &[
    b"w",
    b"m",
    b"k",
    b"e",
    b"n",
    b"q",
    b"s",
    b"t",
    b"persistentMacros",
    b"checkMIMEHeaders",
    b"checkMIMETextHeaders",
    b"checkMIMEFieldHeaders",
];

/// Classes that a left side asks for.
fn classes(subject: &Subject<'_>, rule: &RuleText, faults: &mut Vec<Diagnostic>) {
    for part in &rule.left {
        let Some(name) = part
            .strip_prefix(b"$=")
            .or_else(|| part.strip_prefix(b"$~"))
        else {
            continue;
        };
        let name = name.trim_with(|c| c == '{' || c == '}');
        let filled = subject
            .config
            .classes
            .iter()
            .any(|class| class.name == name);
        if !filled && !BUILT_IN_CLASSES.contains(&name) && !subject.is_standard(name) {
            let message = format!("nothing fills the class {}", BStr::new(name));
            faults.push(codes::fault(
                "cf-class-undefined",
                rule.origin.clone(),
                message,
            ));
        }
    }
}

/// Whether it can be proved that the rule matches whatever it makes.
fn loops(rule: &RuleText) -> bool {
    if rule.then != Then::Again || rule.right.is_empty() {
        return false;
    }
    let wildcards: Vec<&BString> = rule.left.iter().filter(|part| is_wildcard(part)).collect();
    let mut made: Vec<&BString> = Vec::new();
    for part in &rule.right {
        match part.as_slice() {
            [b'$', digit @ b'1'..=b'9'] => match wildcards.get(usize::from(digit - b'1')) {
                Some(wildcard) => made.push(wildcard),
                None => return false,
            },
            // Lookups, calls and late macros make what nobody knows here.
            [b'$', ..] => return false,
            _ => made.push(part),
        }
    }
    takes(&rule.left, &made)
}

fn is_wildcard(part: &[u8]) -> bool {
    matches!(part, b"$*" | b"$+" | b"$-") || part.starts_with(b"$=") || part.starts_with(b"$~")
}

/// Whether a left side matches everything that a sequence of words and
/// wildcards can stand for.
fn takes(left: &[BString], made: &[&BString]) -> bool {
    // reached[n]: the parts so far can take exactly the first n of `made`.
    let mut reached = vec![false; made.len() + 1];
    reached[0] = true;
    for part in left {
        let mut next = vec![false; made.len() + 1];
        for start in (0..=made.len()).filter(|start| reached[*start]) {
            match part.as_slice() {
                b"$*" => next[start..].fill(true),
                b"$+" => {
                    // From the first that is surely there on.
                    let sure = made[start..].iter().position(|made| *made != "$*");
                    if let Some(sure) = sure {
                        next[start + sure + 1..].fill(true);
                    }
                }
                _ => {
                    let same = made.get(start).is_some_and(|made| is_same(part, made));
                    if same {
                        next[start + 1] = true;
                    }
                }
            }
        }
        reached = next;
    }
    reached[made.len()]
}

/// Whether one part of a left side takes whatever `made` stands for.
fn is_same(part: &[u8], made: &[u8]) -> bool {
    match part {
        b"$-" => made == b"$-" || made.first() != Some(&b'$'),
        _ if part.first() == Some(&b'$') => {
            part == made && (part.starts_with(b"$=") || part.starts_with(b"$~"))
        }
        _ => part.eq_ignore_ascii_case(made),
    }
}

/// Rules behind one that takes everything.
fn dead(subject: &Subject<'_>, faults: &mut Vec<Diagnostic>) {
    let mut taker: Option<&RuleText> = None;
    for rule in &subject.rules {
        if taker.is_some_and(|taker| taker.ruleset != rule.ruleset) {
            taker = None;
        }
        match taker {
            Some(taker) if may_judge(subject, rule) => {
                let place = if taker.origin.file() == rule.origin.file() {
                    format!("line {}", taker.origin.line())
                } else {
                    taker.origin.to_string()
                };
                let message = format!(
                    "the rule at {place} takes everything, and ends ruleset {}",
                    rule.ruleset
                );
                faults.push(codes::fault("cf-rule-dead", rule.origin.clone(), message));
            }
            _ => {}
        }
        if rule.then == Then::End && rule.left.len() == 1 && rule.left[0] == "$*" {
            taker.get_or_insert(rule);
        }
    }
}

#[cfg(test)]
mod tests;
