//! What the program is when it is called by one name or another.
//!
//! Called by a classic name (`m4`, `mailq`, …), or as `godwit NAME …`, it is
//! that program. One table says which names there are; each personality
//! stands in a file of its own and gets the arguments after its name.

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

mod m4;

/// One name the program answers to.
struct Personality {
    name: &'static str,
    /// Gets the arguments after the name.
    run: fn(Vec<OsString>) -> ExitCode,
    about: &'static str,
}

/// Every name, one row each.
const PERSONALITIES: &[Personality] = &[Personality {
    name: "m4",
    run: m4::run,
    about: "the macro processor alone",
}];

/// The exit status for a command line that makes no sense (sysexits.h).
const EX_USAGE: u8 = 64;

/// Finds the personality in the name the program was called by, or in its
/// first argument, and runs it.
pub fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let called = arguments.first().map(|name| Path::new(name).to_owned());
    let called = called.as_deref().and_then(Path::file_name);
    if let Some(personality) = PERSONALITIES
        .iter()
        .find(|row| called.is_some_and(|name| name == row.name))
    {
        arguments.remove(0);
        return (personality.run)(arguments);
    }
    if let Some(personality) = PERSONALITIES
        .iter()
        .find(|row| arguments.get(1).is_some_and(|name| name == row.name))
    {
        arguments.drain(..2);
        return (personality.run)(arguments);
    }
    usage()
}

/// Says which names there are.
fn usage() -> ExitCode {
    let mut text = String::from("usage: godwit COMMAND [ARGUMENT...]\n");
    for row in PERSONALITIES {
        text.push_str(&format!("  {:12} {}\n", row.name, row.about));
    }
    // Nobody is left to tell when standard error is gone.
    let _ = std::io::stderr().write_all(text.as_bytes());
    ExitCode::from(EX_USAGE)
}
