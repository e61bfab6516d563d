//! `makemap`: databases from lines of keys and values.

use std::ffi::OsString;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;

use bstr::{BString, ByteSlice};

use super::getopt::{Getopt, Word};
use super::map_files::{Site, cannot_open, database, extensions, types};
use super::output::{complain, exit, fail, print};
use super::progress::Progress;
use crate::base::{Place, Sysexit};
use crate::dbfile::{Duplicates, Inserted};
use crate::map::{BuildError, Builder, Line, Reader, Source, Syntax};

const PROGRAM: &str = "makemap";

const USAGE: &str = "\
Usage: makemap [-C cffile] [-N] [-c cachesize] [-D commentchar]
               [-d] [-e] [-f] [-i type] [-l] [-o] [-r] [-s] [-t delimiter]
               [-u] [-v] type mapname";

/// What the flags say.
#[derive(Default)]
struct Flags {
    config: Option<BString>,
    /// `-N`: keys and values end with a NUL.
    nul: bool,
    several: bool,
    /// `-o`: add to what is there.
    append: bool,
    replace: bool,
    /// `-u`: show what is there.
    dump: bool,
    verbose: bool,
    /// `-i`: the type of a map that is given none.
    fallback: Option<BString>,
    syntax: Syntax,
}

/// Runs it on the arguments after the program's name.
pub(super) fn run(place: &Place, arguments: Vec<OsString>) -> ExitCode {
    let (flags, operands) = match parse(arguments) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let [kind, map] = operands.as_slice() else {
        return fail(Sysexit::Usage, USAGE);
    };
    let site = match Site::read(PROGRAM, place, flags.config.as_ref()) {
        Ok(site) => site,
        Err(code) => return code,
    };
    let kind = match typed(&flags, place, kind, map) {
        Ok(kind) => kind,
        Err(code) => return code,
    };
    let done = if flags.dump {
        dump(&flags, &site, kind, map)
    } else {
        make(&flags, &site, kind, map)
    };
    match done {
        Ok(code) | Err(code) => code,
    }
}

/// Reads the command line.
fn parse(arguments: Vec<OsString>) -> Result<(Flags, Vec<BString>), ExitCode> {
    let mut flags = Flags::default();
    let mut options = Getopt::new("C:D:Nc:defi:lorst:uvx", arguments);
    while let Some(word) = options.next() {
        let (flag, value) = match word {
            Word::Flag(flag, value) => (flag, value),
            Word::Fault(text) => {
                complain(format!("{PROGRAM}: {text}"));
                return Err(fail(Sysexit::Usage, USAGE));
            }
        };
        match flag {
            b'C' => flags.config = Some(value),
            b'D' => flags.syntax.comment = value.first().copied(),
            b'N' => flags.nul = true,
            b'd' => flags.several = true,
            b'e' => flags.syntax.empty_values = true,
            b'f' => flags.syntax.keep_case = true,
            // At once: what follows is not looked at.
            b'l' => {
                print(types());
                return Err(ExitCode::SUCCESS);
            }
            b'x' => {
                print(extensions());
                return Err(ExitCode::SUCCESS);
            }
            b'i' => flags.fallback = Some(value),
            b'o' => flags.append = true,
            b'r' => flags.replace = true,
            b't' => {
                if value.is_empty() {
                    complain("Invalid separator");
                }
                flags.syntax.delimiter = value.first().copied();
            }
            b'u' => flags.dump = true,
            b'v' => flags.verbose = true,
            // `-c`, `-s`: accepted; there is no cache to size, and
            // warnings are given all the same.
            _ => {}
        }
    }
    Ok((flags, options.operands()))
}

/// The type of a map: as given, or else the one that `-i` names.
// sendmail: a map without a type is looked for in the configuration, where
// 8.17 finds none.
fn typed<'t>(
    flags: &'t Flags,
    place: &Place,
    kind: &'t BString,
    map: &BString,
) -> Result<&'t BString, ExitCode> {
    if !kind.is_empty() {
        return Ok(kind);
    }
    let config = match &flags.config {
        Some(config) => config.clone(),
        None => place.sendmail_cf().display().to_string().into(),
    };
    let text = format!("{PROGRAM}: mapfile {map}: not found in {config}");
    let Some(fallback) = &flags.fallback else {
        return Err(fail(Sysexit::DataErr, text));
    };
    if flags.verbose {
        complain(format!("{text}, using fallback {fallback}"));
    }
    Ok(fallback)
}

/// Shows what a map holds.
fn dump(flags: &Flags, site: &Site, kind: &BString, map: &BString) -> Result<ExitCode, ExitCode> {
    let (format, path) = database(PROGRAM, kind, map)?;
    let failed = |error: BuildError| cannot_open(PROGRAM, kind, map, &error);
    site.check(&path).map_err(failed)?;
    let reader = Reader::open_path(format, &path).map_err(failed)?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let separator = [flags.syntax.delimiter.unwrap_or(b'\t')];
    let to_nul = |bytes: &[u8]| bytes.find_byte(0).unwrap_or(bytes.len());
    let done = reader.each(&mut |key, value| {
        let (key, value) = (&key[..to_nul(key)], &value[..to_nul(value)]);
        let written = [key, &separator, value, b"\n"]
            .iter()
            .try_for_each(|part| out.write_all(part));
        match written {
            Ok(()) => ControlFlow::Continue(()),
            // Nobody reads any more.
            Err(_) => ControlFlow::Break(()),
        }
    });
    let _ = out.flush();
    done.map_err(|error| {
        let text = format!("{PROGRAM}: {}: {error}", path.display());
        fail(Sysexit::DataErr, text)
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Makes a map of standard input.
fn make(flags: &Flags, site: &Site, kind: &BString, map: &BString) -> Result<ExitCode, ExitCode> {
    let (format, path) = database(PROGRAM, kind, map)?;
    let failed = |error: BuildError| cannot_open(PROGRAM, kind, map, &error);
    site.check(&path).map_err(failed)?;
    let mut builder = if flags.append {
        Builder::existing(format, &path, flags.several)
    } else {
        Builder::empty(format, &path, flags.several, site.owner())
    }
    .map_err(failed)?;
    let sound = fill(flags, map, &mut builder)?;
    builder.finish().map_err(|error| {
        let text = format!("{PROGRAM}: error writing map {map}: {error}");
        fail(Sysexit::IoErr, text)
    })?;
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        exit(Sysexit::DataErr)
    })
}

/// Puts every line of standard input into a map; false when some were no
/// good.
fn fill(flags: &Flags, map: &BString, builder: &mut Builder) -> Result<bool, ExitCode> {
    let duplicates = match (flags.several, flags.replace) {
        (true, _) => Duplicates::Keep,
        (false, true) => Duplicates::Replace,
        (false, false) => Duplicates::Refuse,
    };
    let mut source = Source::new(std::io::stdin().lock(), flags.syntax);
    let mut out = BufWriter::new(std::io::stdout());
    let mut progress = Progress::new(PROGRAM, "entries");
    let mut sound = true;
    let (mut key_nul, mut value_nul) = (Vec::new(), Vec::new());
    let mut fault = |number: usize, text: &dyn std::fmt::Display| {
        complain(format!("{PROGRAM}: {map}: line {number}: {text}"));
        sound = false;
    };
    loop {
        let read = source.read().map_err(|error| {
            let text = format!("{PROGRAM}: {map}: {}", crate::map::errno_text(&error));
            fail(Sysexit::IoErr, text)
        })?;
        let (number, key, value) = match read {
            None => break,
            Some((number, Line::Entry { key, value })) => (number, key, value),
            Some((number, Line::Fault(what))) => {
                let _ = out.flush();
                fault(number, &what);
                continue;
            }
        };
        if flags.verbose {
            // Nobody reads any more: the map is made all the same.
            let _ = [b"key=`", key, b"', val=`", value, b"'\n"]
                .iter()
                .try_for_each(|part| out.write_all(part));
        }
        let inserted = if flags.nul {
            with_nul(&mut key_nul, key);
            with_nul(&mut value_nul, value);
            builder.insert(&key_nul, &value_nul, duplicates)
        } else {
            builder.insert(key, value, duplicates)
        };
        match inserted {
            Ok(Inserted::Refused) => {
                let _ = out.flush();
                fault(number, &format!("key {}: duplicate key", key.as_bstr()));
            }
            Ok(_) => progress.step(),
            Err(error) => {
                let text = format!(
                    "{PROGRAM}: {map}: line {number}: key {}: put error: {error}",
                    key.as_bstr()
                );
                return Err(fail(Sysexit::IoErr, text));
            }
        }
    }
    let _ = out.flush();
    Ok(sound)
}

/// Copies `bytes` and a NUL.
fn with_nul(to: &mut Vec<u8>, bytes: &[u8]) {
    to.clear();
    to.extend_from_slice(bytes);
    to.push(0);
}
