//! `regexp` and `patsubst`.

use std::rc::Rc;

use super::super::call::Call;
use super::super::message::{Weight, text};
use super::super::{M4, Stop};
use crate::base::regex::{self, Captures, Fuel, OutOfFuel, Regex};

/// Compiled patterns, the latest last.
#[derive(Debug, Default)]
pub(in crate::m4) struct PatternCache {
    known: Vec<(Vec<u8>, Rc<Regex>)>,
    /// The warning of `\0` was given.
    zero_told: bool,
}

/// Patterns that stay compiled.
const KNOWN_MAX: usize = 16;

pub(super) fn regexp(m4: &mut M4<'_>, call: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    let victim = call.argument(1);
    let Some(regex) = compile(m4, call.argument(2), "bad regular expression: `")? else {
        return Ok(());
    };
    let mut fuel = Fuel(m4.settings.limits.regex_steps);
    let found = match regex.search(victim, 0, &mut fuel) {
        Ok(found) => found,
        Err(OutOfFuel) => return fault_matching(m4, call),
    };
    if call.count() < 3 {
        match found {
            Some(found) => out.extend_from_slice(found.start().to_string().as_bytes()),
            None => out.extend_from_slice(b"-1"),
        }
        return Ok(());
    }
    match found {
        Some(found) => substitute(m4, victim, call.argument(3), &regex, &found, out),
        None => Ok(()),
    }
}

pub(super) fn patsubst(m4: &mut M4<'_>, call: &Call<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
    let victim = call.argument(1);
    let Some(regex) = compile(m4, call.argument(2), "bad regular expression `")? else {
        return Ok(());
    };
    m4.show_empty = true;
    let mut fuel = Fuel(m4.settings.limits.regex_steps);
    let mut at = 0;
    while at <= victim.len() {
        let found = match regex.search(victim, at, &mut fuel) {
            Ok(found) => found,
            Err(OutOfFuel) => {
                fault_matching(m4, call)?;
                None
            }
        };
        let Some(found) = found else {
            break;
        };
        out.extend_from_slice(&victim[at..found.start()]);
        substitute(m4, victim, call.argument(3), &regex, &found, out)?;
        at = found.end();
        if found.start() == found.end() {
            out.extend(victim.get(at));
            at += 1;
        }
        let limit = m4.settings.limits.pending_bytes;
        if out.len() > limit {
            return m4.limit(format!("an expansion of more than {limit} bytes"));
        }
    }
    out.extend_from_slice(victim.get(at..).unwrap_or_default());
    Ok(())
}

impl M4<'_> {
    /// Warns of what looks like an argument in a definition and may be none.
    pub(in crate::m4) fn check_sequences(&mut self, name: &[u8], body: &[u8]) -> Result<(), Stop> {
        let Some(pattern) = self.settings.macro_sequence.clone() else {
            return Ok(());
        };
        let Some(regex) = compile(self, &pattern, "bad regular expression `")? else {
            self.settings.macro_sequence = None;
            return Ok(());
        };
        let mut fuel = Fuel(self.settings.limits.regex_steps);
        let mut at = 0;
        while let Ok(Some(found)) = regex.search(body, at, &mut fuel) {
            at = found.end();
            if found.start() == at {
                at += 1;
            } else {
                let sequence = &body[found.start()..at];
                self.warn(text!(
                    "definition of `",
                    name,
                    "' contains sequence `",
                    sequence,
                    "'"
                ))?;
            }
            if at > body.len() {
                break;
            }
        }
        Ok(())
    }
}

fn fault_matching(m4: &mut M4<'_>, call: &Call<'_>) -> Result<(), Stop> {
    let pattern = call.argument(2);
    m4.say(
        Weight::Error,
        text!("error matching regular expression `", pattern, "'"),
    )
}

/// Compiles a pattern, or says what is wrong with it.
fn compile(
    m4: &mut M4<'_>,
    pattern: &[u8],
    complaint: &'static str,
) -> Result<Option<Rc<Regex>>, Stop> {
    let known = &mut m4.patterns.known;
    if let Some(index) = known.iter().rposition(|(known, _)| known == pattern) {
        return Ok(Some(Rc::clone(&known[index].1)));
    }
    match regex::compile(pattern) {
        Ok(regex) => {
            let regex = Rc::new(regex);
            if known.len() >= KNOWN_MAX {
                known.remove(0);
            }
            known.push((pattern.to_vec(), Rc::clone(&regex)));
            Ok(Some(regex))
        }
        Err(reason) => {
            m4.fault(text!(complaint, pattern, "': ", reason))?;
            Ok(None)
        }
    }
}

/// Appends a replacement: `\&` is the match, `\1` to `\9` its groups.
fn substitute(
    m4: &mut M4<'_>,
    victim: &[u8],
    replacement: &[u8],
    regex: &Regex,
    found: &Captures,
    out: &mut Vec<u8>,
) -> Result<(), Stop> {
    let mut rest = replacement;
    while let Some(backslash) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..backslash]);
        rest = &rest[backslash + 1..];
        let Some(byte) = rest.first().copied() else {
            return m4.warn(b"trailing \\ ignored in replacement".to_vec());
        };
        rest = &rest[1..];
        let group = match byte {
            b'&' => 0,
            b'0' => {
                // Said once in a run.
                if !std::mem::replace(&mut m4.patterns.zero_told, true) {
                    m4.warn(b"\\0 will disappear, use \\& instead in replacements".to_vec())?;
                }
                0
            }
            b'1'..=b'9' => usize::from(byte - b'0'),
            _ => {
                out.push(byte);
                continue;
            }
        };
        if group > regex.groups() {
            m4.warn(format!("sub-expression {group} not present").into_bytes())?;
        } else if let Some((start, end)) = found.group(group) {
            out.extend_from_slice(&victim[start..end]);
        }
    }
    out.extend_from_slice(rest);
    Ok(())
}
