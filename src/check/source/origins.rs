//! Which line of the `.mc` an option or a macro of the `.cf` came from: the
//! library writes them all when the `.mc` has ended, but each belongs to the
//! line that defined it.

use std::collections::HashMap;

use bstr::{BStr, ByteSlice};

use crate::base::Origin;
use crate::mc::{Compiled, embedded};

/// The places of the lines of a compiled configuration, for the reader of the
/// `.cf`: as the compilation gives them, but never in the library.
pub(crate) fn origins(name: &str, text: &[u8], compiled: &Compiled) -> Vec<Origin> {
    let whole = Origin::file_only(name);
    let source: Vec<&[u8]> = text.lines().collect();
    // Where the `.mc` includes the library itself, that line is asked for all
    // that the library adds.
    let added = |origin: &Origin| {
        let index = usize::try_from(origin.line()).unwrap_or(0).wrapping_sub(1);
        let line = source.get(index).copied().unwrap_or_default();
        is_library(origin)
            || (origin.file() == name
                && line.contains_str("include(")
                && line.contains_str("cf.m4"))
    };
    let mut defined: HashMap<&BStr, &Origin> = HashMap::new();
    for entry in &compiled.record.defined {
        if !is_library(&entry.origin.asked) {
            defined.insert(entry.name.as_bstr(), &entry.origin.asked);
        }
    }
    let definitions = definitions();
    let lines = compiled.text.split_str("\n");
    let mut origins: Vec<Origin> = Vec::with_capacity(compiled.origins.len());
    for (origin, line) in compiled.origins.iter().zip(lines) {
        if !added(origin) {
            origins.push(origin.clone());
            continue;
        }
        let definition = option_name(line)
            .and_then(|option| definitions.get(option).copied())
            .or_else(|| macro_definition(line));
        let found = definition.and_then(|define| defined.get(BStr::new(define.as_bytes())));
        origins.push(match found {
            Some(origin) => Origin::new(whole_or(&whole, origin), origin.line()),
            None => whole.clone(),
        });
    }
    origins
}

/// One shared name where the file is the same.
fn whole_or(whole: &Origin, origin: &Origin) -> std::sync::Arc<str> {
    if origin.file() == whole.file() {
        whole.file_name()
    } else {
        origin.file_name()
    }
}

fn is_library(origin: &Origin) -> bool {
    origin.file().starts_with("cf-templates/")
}

/// The name in `O Name=value`.
fn option_name(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"O ")?;
    let end = rest.find_byteset(b"= ").unwrap_or(rest.len());
    Some(&rest[..end])
}

/// The definition behind a macro of one letter.
fn macro_definition(line: &[u8]) -> Option<&'static str> {
    let [b'D', name, ..] = line else {
        return None;
    };
    Some(match name {
        b'j' => "confDOMAIN_NAME",
        b'n' => "confMAILER_NAME",
        b'B' => "BITNET_RELAY",
        b'C' => "DECNET_RELAY",
        b'F' => "FAX_RELAY",
        b'H' => "MAIL_HUB",
        b'L' => "LUSER_RELAY",
        b'M' => "MASQUERADE_NAME",
        b'R' => "LOCAL_RELAY",
        b'S' => "SMART_HOST",
        b'Y' => "UUCP_RELAY",
        b'Z' => "confCF_VERSION",
        _ => return None,
    })
}

/// The definition behind each option, from the library's table.
fn definitions() -> HashMap<&'static [u8], &'static str> {
    let table = embedded::template("m4/options.m4").unwrap_or_default();
    let mut found = HashMap::new();
    for line in table.to_str().unwrap_or_default().lines() {
        // _opt_(`Option', `definition', …), or ifdef(`DEFINITION', `O Option=…
        let mut quoted = line.split('`').skip(1);
        let words = (quoted.next(), quoted.next());
        let (Some(first), Some(second)) = words else {
            continue;
        };
        let until = |text: &'static str, end: char| text.split(end).next().unwrap_or_default();
        if line.starts_with("_opt_(") || line.starts_with("_extra_(") {
            found.insert(until(first, '\'').as_bytes(), until(second, '\''));
        } else if let Some(option) = second.strip_prefix("O ") {
            found.insert(until(option, '=').as_bytes(), until(first, '\''));
        }
    }
    found
}
