//! From `.mc` to `.cf`: finds the m4 library, runs the macro processor, and
//! brings every fault back to the line of the `.mc` that caused it.
//!
//! The library is our own, in the binary ([`embedded`]); a site's own tree can
//! take its place ([`Templates`]). An include of any path that ends in
//! `m4/cf.m4` means the library. Nothing here does IO: other files are asked
//! of the caller's [`m4::Host`].

mod check;
pub mod embedded;
mod faults;
mod host;

use bstr::{BString, ByteSlice};

use crate::base::{Diagnostic, Origin};
use crate::m4::{self, Limits, M4, Settings, Stop};

use faults::Places;
use host::LibraryHost;

/// Which m4 library a configuration is compiled with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Templates {
    /// Ours, in the binary.
    #[default]
    BuiltIn,
    /// The tree under this directory (the one that holds `m4/cf.m4`).
    Directory(BString),
    /// Whatever path the `.mc` names.
    AsWritten,
}

/// What to compile, and how.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The file's name as messages show it.
    pub name: &'a str,
    /// Its content.
    pub text: &'a [u8],
    /// The library.
    pub templates: Templates,
    /// Whether `syscmd` and `esyscmd` run commands. A tree of the site's own
    /// always may, as it does under m4: its first lines ask who builds this.
    pub allow_commands: bool,
}

/// What came out.
#[derive(Debug)]
pub struct Compiled {
    /// The `.cf` text; not to be used when [`Compiled::failed`]. With a tree of
    /// the site's own it is what m4 writes, whatever happens.
    pub text: Vec<u8>,
    /// For each of its lines, the place that asked for it.
    pub origins: Vec<Origin>,
    /// Every fault.
    pub faults: Vec<Diagnostic>,
    /// What checks of the whole say beyond the faults; never a reason to fail.
    pub remarks: Vec<Diagnostic>,
    /// What was defined and read on the way.
    pub record: m4::Record,
    /// What the library and the `.mc` said on standard error, as m4 prints it.
    pub said: BString,
    /// The exit status that m4 ends with.
    pub status: i32,
}

impl Compiled {
    /// Whether the text must not replace a configuration that works: the
    /// macro processor failed, or what it made cannot be read.
    ///
    /// What the library complains of ([`COMPLAINT`]) leaves a configuration
    /// that is whole, and that sites live with.
    pub fn failed(&self) -> bool {
        let is_fatal = |fault: &Diagnostic| fault.is_error() && fault.code != COMPLAINT;
        self.status != 0 || self.faults.iter().any(is_fatal)
    }
}

/// The code of what the library complains of with `*** ERROR:`.
pub const COMPLAINT: &str = "mc-error";

/// What precedes the names of the library's files, in messages too.
const LIBRARY: &[u8] = b"cf-templates/";
/// The library's entry.
const LIBRARY_ENTRY: &[u8] = b"cf-templates/m4/cf.m4";

/// Compiles a `.mc` text; `outside` reads what is not the library's.
///
/// A file that does not include `m4/cf.m4` itself gets the library first, as
/// `m4 cf.m4 FILE.mc` would give it.
pub fn compile(request: &Request<'_>, outside: &mut dyn m4::Host) -> Compiled {
    if let Some(fault) = not_a_source(request) {
        return Compiled {
            text: Vec::new(),
            origins: Vec::new(),
            faults: vec![fault],
            remarks: Vec::new(),
            record: m4::Record::default(),
            said: BString::default(),
            status: 1,
        };
    }
    let mut early = Vec::new();
    let text = match request.templates {
        Templates::BuiltIn => unix_lines(request, &mut early),
        // Byte for byte what m4 makes of it.
        Templates::Directory(_) | Templates::AsWritten => request.text.to_vec(),
    };
    let settings = Settings {
        allow_commands: request.allow_commands || request.templates != Templates::BuiltIn,
        limits: Limits::careful(),
        record: true,
        ..Settings::default()
    };
    let mut host = LibraryHost::new(request.name, &request.templates, outside);
    let (mut output, stopped) = {
        let mut m4 = M4::new(&mut host, settings);
        let ran = run(&mut m4, request, text);
        m4.conclude(ran)
    };
    let mut places = Places::new(request.name);
    let mut faults = early;
    faults.extend(faults::faults(&host.events, &mut places));
    // A source that includes itself would say the same very often.
    faults.dedup();
    let said = faults::said(&host.events);
    let fell = !matches!(stopped, None | Some(Stop::Exit(_)));
    if fell {
        output.status = output.status.max(1);
    }
    // A tree of the site's own is its own business.
    if request.templates == Templates::BuiltIn {
        if fell {
            output = output.without_text();
        } else {
            faults.extend(check::mistakes(&output.record, &mut places));
        }
    }
    Compiled {
        origins: output
            .lines()
            .map(|(_, origin)| places.unified(&origin.asked))
            .collect(),
        status: output.status,
        text: output.bytes,
        faults,
        remarks: Vec::new(),
        record: output.record,
        said,
    }
}

fn run(m4: &mut M4<'_>, request: &Request<'_>, text: Vec<u8>) -> Result<(), m4::Stop> {
    if request.templates == Templates::BuiltIn {
        m4.define(b"_CF_DIR_", LIBRARY);
    }
    if request.templates != Templates::AsWritten && !includes_library(request.text) {
        m4.process_file(LIBRARY_ENTRY)?;
    }
    m4.process_bytes(request.name.as_bytes(), text)
}

/// The source with lines as Unix ends them; a carriage return would be part
/// of the words before it.
fn unix_lines(request: &Request<'_>, faults: &mut Vec<Diagnostic>) -> Vec<u8> {
    let text = request.text;
    let Some(first) = text.find(b"\r\n") else {
        return text.to_vec();
    };
    let line = text[..first].lines().count().max(1);
    let origin = Origin::new(request.name, u32::try_from(line).unwrap_or(u32::MAX));
    let message = "lines end with carriage returns, as on Windows; they are left out";
    faults.push(
        Diagnostic::warning("mc-carriage-return", origin, message)
            .help("Save the file with Unix line ends."),
    );
    text.replace(b"\r\n", b"\n")
}

/// Whether a line that is no comment includes a path that ends in `m4/cf.m4`.
fn includes_library(text: &[u8]) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start();
        if line.starts_with(b"#") || line.starts_with(b"dnl") {
            return false;
        }
        line.find_iter("include(").any(|at| {
            let rest = &line[at + b"include(".len()..];
            let path = rest.split(|byte| *byte == b')').next().unwrap_or_default();
            path.trim_with(|c| matches!(c, '`' | '\'' | '"' | ' '))
                .ends_with(b"cf.m4")
        })
    })
}

/// Whether this cannot be a `.mc` at all, and why.
fn not_a_source(request: &Request<'_>) -> Option<Diagnostic> {
    let origin = Origin::file_only(request.name);
    if request.text.contains(&0) {
        let line = request.text.split(|b| *b == 0).next().unwrap_or_default();
        let line = u32::try_from(line.lines().count())
            .unwrap_or(u32::MAX)
            .max(1);
        let fault = Diagnostic::error(
            "mc-nul-byte",
            origin.at_line(line),
            "a NUL byte stands in this line: this is no text file",
        );
        return Some(fault.help("Restore the file from a backup, or remove the byte."));
    }
    let looks_like_cf = request
        .text
        .lines()
        .take(400)
        .any(|line| line.starts_with(b"V") && line[1..].starts_with_str("10/"));
    looks_like_cf.then(|| {
        Diagnostic::error(
            "mc-is-cf",
            origin,
            "this is a compiled configuration (.cf), not the source of one (.mc)",
        )
        .help("Give the .mc that it was made from; a .cf is used as it is, with -C.")
    })
}

#[cfg(test)]
mod tests;
