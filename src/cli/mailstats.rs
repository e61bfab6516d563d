//! `mailstats`: how much mail came and went, by mailer.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use bstr::{BString, ByteSlice};

use super::getopt::{Getopt, Word};
use super::map_files::Site;
use super::output::{complain, exit, fail, print};
use crate::base::{Place, Sysexit};
use crate::cf::Opt;
use crate::dbfile::statistics::{FILE_BYTES, Totals, TotalsError, VERSION};
use crate::map::errno_text;
use crate::report::statistics;

const PROGRAM: &str = "mailstats";

const USAGE: &str = "usage: mailstats [-C cffile] [-c] [-P] [-f stfile] [-o] [-p]";

/// What the command line asks for.
#[derive(Default)]
struct Flags {
    config: Option<BString>,
    file: Option<PathBuf>,
    submission: bool,
    no_names: bool,
    plain: bool,
    /// `-p`: and begin anew.
    clear: bool,
}

/// Runs it on the arguments after the program's name.
pub(super) fn run(place: &Place, arguments: Vec<OsString>) -> ExitCode {
    let mut flags = Flags::default();
    let mut options = Getopt::new("C:cf:opP", arguments);
    while let Some(word) = options.next() {
        match word {
            Word::Flag(b'C', value) => flags.config = Some(value),
            Word::Flag(b'c', _) => flags.submission = true,
            Word::Flag(b'f', value) => flags.file = Some(value.to_path_lossy().into_owned()),
            Word::Flag(b'o', _) => flags.no_names = true,
            Word::Flag(b'p', _) => (flags.plain, flags.clear) = (true, true),
            Word::Flag(_, _) => flags.plain = true,
            Word::Fault(text) => {
                complain(format!("{PROGRAM}: {text}"));
                return fail(Sysexit::Usage, USAGE);
            }
        }
    }
    if !options.operands().is_empty() {
        return fail(Sysexit::Usage, USAGE);
    }
    if flags.submission && flags.config.is_none() {
        let path = place.submit_cf().into_os_string().into_encoded_bytes();
        flags.config = Some(path.into());
    }
    match Site::read(PROGRAM, place, flags.config.as_ref()) {
        Ok(site) => show(place, &site, &flags),
        Err(code) => code,
    }
}

fn show(place: &Place, site: &Site, flags: &Flags) -> ExitCode {
    let file = match &flags.file {
        Some(file) => file.clone(),
        None => {
            let text = site.config.options.text(Opt::StatusFile);
            if site.config.options.all(Opt::StatusFile).is_empty() {
                let text = format!("{PROGRAM}: no statistics file located");
                return fail(Sysexit::OsFile, text);
            }
            place.text(text).to_path_lossy().into_owned()
        }
    };
    let now = SystemTime::now();
    let bytes = match read(&file) {
        Ok(bytes) => bytes,
        Err(error) => return refuse(&file, &error),
    };
    let totals = match Totals::parse(&bytes, now) {
        Ok(totals) => totals,
        Err(error) => return wrong(&file, error),
    };
    let mailers: Vec<BString> = site.config.mailers.iter().map(|m| m.name.clone()).collect();
    print(match flags.plain {
        true => statistics::plain(&totals, &mailers, !flags.no_names, now),
        false => statistics::table(
            &totals,
            &mailers,
            !flags.no_names,
            &crate::os::time_zone(&site.config.options),
        ),
    });
    if flags.clear {
        let cleared = std::fs::OpenOptions::new()
            .write(true)
            .open(&file)
            .and_then(|file| file.set_len(0));
        if let Err(error) = cleared {
            return refuse(&file, &error);
        }
    }
    exit(Sysexit::Ok)
}

fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = FILE_BYTES as u64 + 1;
    std::fs::File::open(file)?
        .take(most)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn refuse(file: &Path, error: &std::io::Error) -> ExitCode {
    let why = errno_text(error);
    let text = match file.as_os_str().is_empty() {
        true => format!("{PROGRAM}: {why}"),
        false => format!("{PROGRAM}: {}: {why}", file.display()),
    };
    fail(Sysexit::NoInput, text)
}

fn wrong(file: &Path, error: TotalsError) -> ExitCode {
    let file = file.display();
    let text = match error {
        TotalsError::Magic => format!("{PROGRAM}: incorrect magic number in {file}"),
        TotalsError::Version(version) => {
            format!("{PROGRAM} version ({VERSION}) incompatible with {file} version ({version})")
        }
        TotalsError::Size => format!("{PROGRAM}: file size changed."),
    };
    fail(Sysexit::OsErr, text)
}
