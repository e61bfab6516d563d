//! `editmap`: asks for one entry of a database, sets it or takes it out.

use std::ffi::OsString;
use std::process::ExitCode;

use bstr::{BString, ByteSlice};

use super::getopt::{Getopt, Word};
use super::map_files::{Site, cannot_open, database};
use super::output::{complain, fail, print};
use crate::base::{Place, Sysexit};
use crate::dbfile::Duplicates;
use crate::map::{BuildError, Builder, Reader};

const PROGRAM: &str = "editmap";

const USAGE: &str =
    "Usage: editmap [-C cffile] [-N] [-f] [-q|-u|-x] maptype mapname key [ \"value ...\" ]";

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    Query,
    Update,
    Remove,
}

/// What the flags say.
#[derive(Default)]
struct Flags {
    config: Option<BString>,
    nul: bool,
    keep_case: bool,
    tasks: Vec<Task>,
}

/// Runs it on the arguments after the program's name.
pub(super) fn run(place: &Place, arguments: Vec<OsString>) -> ExitCode {
    match parse(arguments).and_then(|(flags, operands)| edit(place, &flags, &operands)) {
        Ok(code) | Err(code) => code,
    }
}

/// Reads the command line.
fn parse(arguments: Vec<OsString>) -> Result<(Flags, Vec<BString>), ExitCode> {
    let mut flags = Flags::default();
    let mut options = Getopt::new("C:fquxN", arguments);
    while let Some(word) = options.next() {
        match word {
            Word::Flag(b'C', value) => flags.config = Some(value),
            Word::Flag(b'N', _) => flags.nul = true,
            Word::Flag(b'f', _) => flags.keep_case = true,
            Word::Flag(b'q', _) => flags.tasks.push(Task::Query),
            Word::Flag(b'u', _) => flags.tasks.push(Task::Update),
            Word::Flag(b'x', _) => flags.tasks.push(Task::Remove),
            Word::Flag(..) => {}
            Word::Fault(text) => {
                complain(format!("{PROGRAM}: {text}"));
                return Err(fail(Sysexit::Usage, USAGE));
            }
        }
    }
    Ok((flags, options.operands()))
}

/// Does it.
fn edit(place: &Place, flags: &Flags, operands: &[BString]) -> Result<ExitCode, ExitCode> {
    let (task, kind, map, key, value) = match (flags.tasks.as_slice(), operands) {
        // sendmail: what follows the value is passed over.
        ([Task::Update], [kind, map, key, value, ..]) => (Task::Update, kind, map, key, value),
        ([task], [kind, map, key]) if *task != Task::Update => (*task, kind, map, key, key),
        _ => return Err(fail(Sysexit::Usage, USAGE)),
    };
    let site = Site::read(PROGRAM, place, flags.config.as_ref())?;
    let (format, path) = database(PROGRAM, kind, map)?;
    let failed = |error: BuildError| cannot_open(PROGRAM, kind, map, &error);
    site.check(&path).map_err(failed)?;
    let end: &[u8] = if flags.nul { b"\0" } else { b"" };
    let mut key = if flags.keep_case {
        key.to_vec()
    } else {
        key.to_ascii_lowercase()
    };
    let shown = BString::from(key.as_slice());
    key.extend_from_slice(end);
    if task == Task::Query {
        let reader = Reader::open_path(format, &path).map_err(failed)?;
        return Ok(match reader.get(&key).map_err(failed)? {
            Some(mut value) => {
                value.truncate(value.find_byte(0).unwrap_or(value.len()));
                value.push(b'\n');
                print(value);
                ExitCode::SUCCESS
            }
            None => fail(
                Sysexit::Unavailable,
                format!("{PROGRAM}: couldn't find key {shown} in map {map}"),
            ),
        });
    }
    let mut builder = match Builder::existing(format, &path, false) {
        Err(BuildError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            Builder::empty(format, &path, false, site.owner())
        }
        other => other,
    }
    .map_err(failed)?;
    if task == Task::Update {
        let value = bstr::concat([value.as_slice(), end]);
        builder
            .insert(&key, &value, Duplicates::Replace)
            .map_err(failed)?;
    } else if !builder.remove(&key) {
        complain(format!("{PROGRAM}: key {shown} doesn't exist in map {map}"));
    }
    builder.finish().map_err(failed)?;
    Ok(ExitCode::SUCCESS)
}
