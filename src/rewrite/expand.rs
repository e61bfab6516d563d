//! Expands macros in text: `$x`, `${name}`, `$&x`, `$?x … $| … $.`.

use bstr::BString;

use super::macros::{MacroTable, Value};
use crate::base::limits::{EXPANSION_BYTES_MAX, MACRO_DEPTH_MAX};
use crate::cf::macro_name;

/// Expands a template of the configuration: header text, a mailer's argument,
/// the value of an option.
///
/// An unknown macro is empty; `$?x` holds when macro `x` is set and not empty;
/// `$$` is a dollar sign. Expansion stops at a depth of [`MACRO_DEPTH_MAX`]
/// and a length of [`EXPANSION_BYTES_MAX`].
pub fn expand(template: &[u8], macros: &MacroTable) -> BString {
    let mut out = Vec::with_capacity(template.len() + 32);
    append(template, macros, 0, &mut out);
    out.into()
}

fn append(template: &[u8], macros: &MacroTable, depth: usize, out: &mut Vec<u8>) {
    // For each open `$?`: whether its present branch is left out.
    let mut branches: Vec<Branch> = Vec::new();
    let mut rest = template;
    while let Some(&byte) = rest.first() {
        let skip = branches.last().is_some_and(|branch| branch.skip);
        if byte != b'$' || rest.len() == 1 {
            if !skip {
                out.push(byte);
            }
            rest = &rest[1..];
            continue;
        }
        if out.len() > EXPANSION_BYTES_MAX {
            return;
        }
        let Some((item, taken)) = next_item(rest) else {
            return;
        };
        rest = &rest[taken..];
        match item {
            Item::Dollar if !skip => out.push(b'$'),
            Item::If(name) => branches.push(Branch {
                skip: skip || !is_set(name, macros),
                outer: skip,
            }),
            Item::Else => match branches.last_mut() {
                Some(branch) => branch.skip = branch.outer || !branch.skip,
                None => out.extend_from_slice(b"$|"),
            },
            Item::End if branches.pop().is_none() => out.extend_from_slice(b"$."),
            Item::Class(text) if !skip => out.extend_from_slice(text),
            Item::Macro(name) if !skip => match macros.get(name) {
                Some(Value::Literal(text)) => out.extend_from_slice(text),
                Some(Value::Template(text)) if depth < MACRO_DEPTH_MAX => {
                    append(text, macros, depth + 1, out);
                }
                _ => {}
            },
            _ => {}
        }
    }
}

struct Branch {
    /// What stands here is left out.
    skip: bool,
    /// The whole conditional is left out.
    outer: bool,
}

/// What follows a dollar sign.
enum Item<'a> {
    Dollar,
    If(&'a [u8]),
    Else,
    End,
    Macro(&'a [u8]),
    /// `$=x` means nothing in text; it stays.
    Class(&'a [u8]),
}

/// Reads what a dollar sign begins, and how many bytes it takes in all.
fn next_item(text: &[u8]) -> Option<(Item<'_>, usize)> {
    let named = |skipped: usize| {
        let (name, taken) = macro_name::split(text.get(skipped..)?)?;
        Some((name, skipped + taken))
    };
    Some(match *text.get(1)? {
        b'$' => (Item::Dollar, 2),
        b'|' => (Item::Else, 2),
        b'.' => (Item::End, 2),
        b'?' => {
            let (name, taken) = named(2)?;
            (Item::If(name), taken)
        }
        b'&' => {
            let (name, taken) = named(2)?;
            (Item::Macro(name), taken)
        }
        b'=' => {
            let (_, taken) = named(2)?;
            (Item::Class(&text[..taken]), taken)
        }
        _ => {
            let (name, taken) = named(1)?;
            (Item::Macro(name), taken)
        }
    })
}

/// Whether `$?name` holds.
pub(super) fn is_set(name: &[u8], macros: &MacroTable) -> bool {
    macros.raw(name).is_some_and(|text| !text.is_empty())
}
