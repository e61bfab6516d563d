//! Puts the faults of all levels together: in the order of lines, each told
//! once, by the check that knows most about it.

use std::collections::HashSet;

use super::codes;
use crate::base::{Diagnostic, Origin};

/// A fault of the first kind says all that one of the second says at the same
/// line.
const SAYS_MORE: &[(&str, &str)] = &[
    ("mc-deprecated", "mc-warning"),
    ("mc-deprecated", "mc-define-unread"),
    ("mc-feature-late", "mc-define-late"),
    ("mc-feature-argument", "mc-error"),
    ("mc-feature-argument", "map-unknown-class"),
    ("mc-unknown-siteconfig", "cf-unknown-line"),
    ("mc-quote-wrong", "cf-option-bool"),
    ("mc-quote-wrong", "cf-option-number"),
    ("mc-quote-wrong", "cf-option-word"),
    ("mc-quote-wrong", "cf-option-value"),
    ("mc-quote-stray", "cf-option-value"),
    ("mc-mailer-order", "mc-note"),
    ("mc-mailer-order", "mc-warning"),
    ("mc-feature-argument", "mc-warning"),
    ("site-relay-promiscuous", "mc-warning"),
    ("site-relay-mx", "mc-warning"),
    ("site-relay-forged", "mc-warning"),
    ("site-relay-loose", "mc-warning"),
    ("mc-quote-wrong", "mc-define-unread"),
    ("mc-quote-wrong", "mc-unknown-feature"),
    ("mc-quote-wrong", "mc-unknown-mailer"),
    ("mc-quote-wrong", "mc-unknown-ostype"),
    ("mc-quote-wrong", "mc-unknown-domain"),
    ("mc-quote-wrong", "cf-unknown-line"),
    ("mc-quote-stray", "cf-unknown-line"),
    ("mc-quote-open", "m4-error"),
    ("mc-call-open", "m4-error"),
    ("mc-dnl", "cf-unknown-line"),
    ("mc-dnl", "cf-macro-name"),
    ("mc-dnl", "cf-unknown-option"),
    ("mc-unknown-macro", "cf-unknown-line"),
    ("mc-unknown-macro", "cf-macro-name"),
    ("mc-unknown-macro", "cf-rule-tab"),
    ("mc-unknown-macro", "cf-mailer"),
    ("mc-unknown-macro", "cf-class-file"),
    ("mc-space", "cf-unknown-line"),
    ("cf-class-undefined", "cf-class-file"),
];

/// All faults, sorted by place; help is filled in from the table where a fault
/// has none of its own.
pub fn merged(faults: impl IntoIterator<Item = Diagnostic>) -> Vec<Diagnostic> {
    let mut faults: Vec<Diagnostic> = faults.into_iter().map(with_cure).collect();
    let at: HashSet<(&'static str, Origin)> = faults
        .iter()
        .map(|fault| (fault.code, fault.origin.clone()))
        .collect();
    let retired: Vec<String> = faults
        .iter()
        .filter(|fault| fault.code == "mc-deprecated")
        .filter_map(|fault| fault.message.split(['`', '\'']).nth(1))
        .map(str::to_owned)
        .collect();
    faults.retain(|fault| {
        let said = SAYS_MORE
            .iter()
            .any(|(more, less)| *less == fault.code && at.contains(&(*more, fault.origin.clone())));
        // The library tells of old names wherever it notices.
        let of_old = fault.code == "mc-warning"
            && retired
                .iter()
                .any(|name| fault.message.starts_with(name.as_str()));
        !said && !of_old
    });
    // Errors first among those of one line.
    faults.sort_by(|one, other| {
        place(one)
            .cmp(&place(other))
            .then(other.severity.cmp(&one.severity))
    });
    let mut seen = HashSet::new();
    faults.retain(|fault| seen.insert((fault.code, fault.origin.clone(), fault.message.clone())));
    together(faults)
}

/// The remarks that say something which the faults, told as they are, do not.
pub fn beside(faults: &[Diagnostic], remarks: &[Diagnostic]) -> Vec<Diagnostic> {
    let is_new = |remark: &Diagnostic| {
        !faults.iter().any(|fault| {
            let same = SAYS_MORE.contains(&(remark.code, fault.code));
            same && fault.origin == remark.origin
        })
    };
    merged(remarks.iter().filter(|remark| is_new(remark)).cloned())
}

fn with_cure(mut fault: Diagnostic) -> Diagnostic {
    if fault.help.is_empty()
        && let Some(row) = codes::find(fault.code)
        && row.severity == fault.severity
    {
        fault.help = row.cure.to_owned();
    }
    fault
}

fn place(fault: &Diagnostic) -> (&str, u32, usize) {
    let column = fault.columns.as_ref().map_or(0, |columns| columns.start);
    (fault.origin.file(), fault.origin.line(), column)
}

/// What the reader of the `.cf` says of lines that are no configuration.
const OF_PROSE: &[&str] = &[
    "cf-unknown-line",
    "cf-rule-tab",
    "cf-rule-outside",
    "cf-mailer",
    "cf-ruleset-name",
    "cf-macro-name",
    "cf-unknown-option",
    "cf-option-value",
    "cf-equate",
    "cf-map-class",
    "cf-class-file",
];

/// Lines of prose one after the other are one fault.
const PROSE_LINES_MIN: usize = 4;
/// Lines between two that are still of one piece.
const PROSE_GAP_MAX: u32 = 3;

/// Makes one fault of many about a piece of prose.
fn together(faults: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut out: Vec<Diagnostic> = Vec::new();
    let mut rest = faults.into_iter().peekable();
    while let Some(first) = rest.next() {
        if !OF_PROSE.contains(&first.code) {
            out.push(first);
            continue;
        }
        let mut run = vec![first];
        while let Some(next) = rest.next_if(|next| {
            let last = &run[run.len() - 1].origin;
            OF_PROSE.contains(&next.code)
                && next.origin.file() == last.file()
                && next.origin.line() - last.line() <= PROSE_GAP_MAX
        }) {
            run.push(next);
        }
        let is_prose = run.len() >= PROSE_LINES_MIN
            && run.iter().any(|fault| fault.code == "cf-unknown-line")
            && run.iter().any(|fault| fault.code != "cf-unknown-line");
        if is_prose {
            let origin = run[0].origin.clone();
            let end = run[run.len() - 1].origin.line();
            let message = format!(
                "lines {} to {end} are no lines of a configuration",
                origin.line()
            );
            out.push(codes::fault("cf-prose", origin, message));
        } else {
            out.append(&mut run);
        }
    }
    out
}
