//! `praliases`: shows what the alias databases hold.

use std::ffi::OsString;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;

use bstr::{BString, ByteSlice};

use super::getopt::{Getopt, Word};
use super::map_files::{Site, types};
use super::output::{complain, fail, print};
use crate::base::{Place, Sysexit};
use crate::cf::Opt;
use crate::map::aliases::AliasSpec;
use crate::map::{BuildError, KLine, Kind, Reader};

const PROGRAM: &str = "praliases";

const USAGE: &str = "usage: praliases [-C cffile] [-f aliasfile] [key ...]";

/// Runs it on the arguments after the program's name.
pub(super) fn run(place: &Place, arguments: Vec<OsString>) -> ExitCode {
    let (mut config, mut file) = (None, None);
    let mut options = Getopt::new("C:f:l", arguments);
    while let Some(word) = options.next() {
        match word {
            Word::Flag(b'C', value) => config = Some(value),
            // At once: what follows is not looked at.
            Word::Flag(b'l', _) => {
                print(types());
                return ExitCode::SUCCESS;
            }
            Word::Flag(_, value) => file = Some(value),
            Word::Fault(text) => {
                complain(format!("{PROGRAM}: {text}"));
                return fail(Sysexit::Usage, USAGE);
            }
        }
    }
    let keys = options.operands();
    let site = match Site::read(PROGRAM, place, config.as_ref()) {
        Ok(site) => site,
        Err(code) => return code,
    };
    let specs: Vec<AliasSpec> = match &file {
        Some(file) => AliasSpec::parse_list(file),
        None => site
            .config
            .options
            .all(Opt::AliasFile)
            .iter()
            .flat_map(|value| AliasSpec::parse_list(&place.text(value.text.as_bstr())))
            .collect(),
    };
    for spec in &specs {
        show(&site, spec, &keys);
    }
    ExitCode::SUCCESS
}

/// Shows one database: all of it, or some keys.
fn show(site: &Site, spec: &AliasSpec, keys: &[BString]) {
    let line = KLine::parse(&spec.arguments);
    let kinds: &[Kind] = match spec.class.as_slice() {
        b"hash" => &[Kind::Hash],
        b"btree" => &[Kind::Btree],
        b"cdb" => &[Kind::Cdb],
        b"lmdb" => &[Kind::Lmdb],
        b"dbm" => &[Kind::Dbm],
        b"implicit" if !spec.named => &[Kind::Hash, Kind::Btree, Kind::Cdb],
        _ => {
            complain(format!(
                "{PROGRAM}: Skipping non-file based alias type {}",
                spec.class
            ));
            return;
        }
    };
    if line.file.is_empty() {
        let class = match spec.named {
            true => format!("{}:", spec.class),
            false => String::new(),
        };
        complain(format!(
            "{PROGRAM}: illegal alias specification: {class}{}",
            spec.arguments
        ));
        return;
    }
    match open(site, kinds, &line.file) {
        Ok(reader) => {
            let mut out = BufWriter::new(std::io::stdout().lock());
            let shown = if keys.is_empty() {
                show_all(&reader, &mut out)
            } else {
                show_keys(&reader, keys, &mut out)
            };
            // Nobody reads any more: nobody is left to tell.
            let _ = out.flush();
            if let Err(error) = shown {
                complain(format!("{PROGRAM}: {}: {error}", line.file));
            }
        }
        Err(error) => {
            let error = match (&error, kinds) {
                (BuildError::Io(error), [_, _, ..])
                    if error.raw_os_error() != Some(nix::errno::Errno::EACCES as i32) =>
                {
                    "Unknown database type".to_owned()
                }
                (BuildError::NotDatabase, [_, _, ..]) => "Unknown database type".to_owned(),
                _ => error.to_string(),
            };
            complain(format!("{PROGRAM}: {}: open: {error}", line.file));
        }
    }
}

/// Opens the first type of database that is there.
fn open(site: &Site, kinds: &[Kind], map: &BString) -> Result<Reader, BuildError> {
    let mut first_error = None;
    for kind in kinds {
        let path = kind.file(&map.to_path_lossy());
        if path.exists() {
            site.check(&path)?;
        }
        match Reader::open_path(*kind, &path) {
            Ok(reader) => return Ok(reader),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or(BuildError::NotDatabase))
}

/// Without the NUL that ends it.
fn plain(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(b"\0").unwrap_or(bytes)
}

/// Shows everything, in the file's order.
fn show_all(reader: &Reader, out: &mut impl Write) -> Result<(), BuildError> {
    reader.each(&mut |key, value| {
        let written = [plain(key), b":", plain(value), b"\n"]
            .iter()
            .try_for_each(|part| out.write_all(part));
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    })
}

/// Shows some keys.
fn show_keys(reader: &Reader, keys: &[BString], out: &mut impl Write) -> Result<(), BuildError> {
    for key in keys {
        let with_nul = bstr::concat([key.as_slice(), b"\0"]);
        let found = match reader.get(&with_nul)? {
            Some(value) => Some(value),
            None => reader.get(key)?,
        };
        let _ = match &found {
            Some(value) => [key.as_slice(), b":", plain(value), b"\n"]
                .iter()
                .try_for_each(|part| out.write_all(part)),
            None => [key.as_slice(), b": No such key\n"]
                .iter()
                .try_for_each(|part| out.write_all(part)),
        };
    }
    Ok(())
}
