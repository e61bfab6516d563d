//! `godwit check`: what is wrong or suspicious with a configuration.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use super::compile::templates;
use super::m4::RealHost;
use super::output::{complain, exit, fail, print};
use super::render::{Form, render};
use crate::admin::{Checked, HowToCheck, check_file};
use crate::base::{Place, Severity, Sysexit};
use crate::check::Surroundings;
use crate::check::codes::{self, CodeRow, Example};
use crate::os::{SystemClock, SystemFiles, SystemUsers};
use crate::world::Clock;

/// Say what is wrong with a configuration, and what to do about it.
#[derive(Parser)]
#[command(name = "godwit check", disable_version_flag = true)]
#[command(
    after_help = "Without FILE, the site's sendmail.mc and submit.mc are checked (or their .cf,
where there is no .mc), with all files that they name. Other files are checked
as texts; with --site, so are the files of this host that they name.

A code in place of FILE, such as mc-dnl, explains that code.

Exit status: 0 when there is no error, 65 when there is one (with --strict: or
a warning), 66 when a file cannot be read, 64 when the command line is wrong."
)]
struct Arguments {
    /// What to check: .mc or .cf files, or codes to explain.
    #[arg(value_name = "FILE|CODE")]
    what: Vec<OsString>,
    /// Look at the files of this host that the configuration names.
    #[arg(long, conflicts_with = "text")]
    site: bool,
    /// Look at the text alone.
    #[arg(long)]
    text: bool,
    /// Show notes too: what is worth knowing, and not wrong.
    #[arg(long, short)]
    all: bool,
    /// Warnings make the exit status 65 too.
    #[arg(long)]
    strict: bool,
    /// One JSON object a line, on standard output.
    #[arg(long)]
    json: bool,
    /// List every code.
    #[arg(long)]
    codes: bool,
    /// Explain a code.
    #[arg(long, value_name = "CODE")]
    explain: Option<String>,
    /// Another m4 library: the directory that holds m4/cf.m4, or `site` for
    /// the path that the source itself names.
    #[arg(long, value_name = "DIR")]
    templates: Option<OsString>,
    /// Let syscmd and esyscmd run commands; those of --templates always may.
    #[arg(long)]
    allow_syscmd: bool,
}

/// Runs it.
pub(super) fn run(place: &Place, arguments: Vec<OsString>) -> ExitCode {
    let name = OsString::from("godwit check");
    let arguments = match Arguments::try_parse_from(std::iter::once(name).chain(arguments)) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return exit(if error.use_stderr() {
                Sysexit::Usage
            } else {
                Sysexit::Ok
            });
        }
    };
    if arguments.codes {
        print(list());
        return exit(Sysexit::Ok);
    }
    if let Some(code) = &arguments.explain {
        return match codes::find(code) {
            Some(row) => {
                print(explanation(row));
                exit(Sysexit::Ok)
            }
            None => fail(Sysexit::Usage, no_code(code)),
        };
    }
    let (rows, files) = split(&arguments.what);
    for row in &rows {
        print(explanation(row));
    }
    let files = match (rows.is_empty(), files.is_empty()) {
        (false, true) => return exit(Sysexit::Ok),
        (_, false) => files,
        (true, true) => {
            let files = usual_files(place);
            if files.is_empty() {
                let folder = place.path("/etc/mail");
                let text = format!("no configuration in {}", folder.display());
                return fail(Sysexit::NoInput, text);
            }
            files
        }
    };
    check_all(place, &arguments, &files)
}

/// What of the arguments are codes, and what files.
fn split(what: &[OsString]) -> (Vec<&'static CodeRow>, Vec<PathBuf>) {
    let mut rows = Vec::new();
    let mut files = Vec::new();
    for word in what {
        let row = word.to_str().and_then(codes::find);
        match row.filter(|_| !Path::new(word).exists()) {
            Some(row) => rows.push(row),
            None => files.push(PathBuf::from(word)),
        }
    }
    (rows, files)
}

/// The site's configurations.
fn usual_files(place: &Place) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for cf in [place.sendmail_cf(), place.submit_cf()] {
        let mc = cf.with_extension("mc");
        files.extend([mc, cf].into_iter().find(|file| file.exists()));
    }
    files
}

fn check_all(place: &Place, arguments: &Arguments, files: &[PathBuf]) -> ExitCode {
    let clock = SystemClock;
    let surroundings = Surroundings {
        files: Arc::new(SystemFiles),
        users: Arc::new(SystemUsers::default()),
        place: place.clone(),
        now: clock.now(),
    };
    let mut outcome = Sysexit::Ok;
    let mut hidden = 0;
    for file in files {
        let with_site = arguments.site || (!arguments.text && is_of_site(place, file));
        let how = HowToCheck {
            templates: templates(arguments.templates.clone()),
            allow_commands: arguments.allow_syscmd,
            surroundings: with_site.then_some(&surroundings),
            clock: &clock,
        };
        let mut outside = RealHost::new(Vec::new(), None);
        match check_file(file, &how, &mut outside) {
            Ok(checked) => {
                hidden += show(arguments, &checked);
                let limit = if arguments.strict {
                    Severity::Warning
                } else {
                    Severity::Error
                };
                let bad = checked.faults.iter().any(|fault| fault.severity >= limit);
                if bad && outcome == Sysexit::Ok {
                    outcome = Sysexit::DataErr;
                }
            }
            Err(error) => {
                complain(error.to_string());
                outcome = Sysexit::NoInput;
            }
        }
    }
    if hidden > 0 && !arguments.json && std::io::stderr().is_terminal() {
        let notes = if hidden == 1 { "note" } else { "notes" };
        complain(format!("{hidden} {notes} more: --all shows them"));
    }
    exit(outcome)
}

/// Whether a file is of this host's site.
fn is_of_site(place: &Place, file: &Path) -> bool {
    let folder = |path: &Path| path.parent().and_then(|folder| folder.canonicalize().ok());
    let own = place.path("/etc/mail").canonicalize().ok();
    own.is_some() && folder(file) == own
}

/// Shows faults; gives how many notes were not shown.
fn show(arguments: &Arguments, checked: &Checked) -> usize {
    let form = if arguments.json {
        Form::Json
    } else if std::io::stderr().is_terminal() {
        let colours = std::env::var_os("NO_COLOR").is_none();
        Form::Rich { colours }
    } else {
        Form::OneLine
    };
    let mut hidden = 0;
    for fault in &checked.faults {
        if fault.severity == Severity::Note && !arguments.all && !arguments.json {
            hidden += 1;
            continue;
        }
        let text = render(fault, &checked.texts, form);
        if form == Form::Json {
            print(text);
        } else {
            complain(text);
        }
    }
    hidden
}

fn no_code(code: &str) -> String {
    let near = crate::base::nearest(code, codes::all().map(|row| row.code));
    match near {
        Some(near) => format!("there is no code {code}; did you mean {near}?"),
        None => format!("there is no code {code}; --codes lists them"),
    }
}

/// Every code with its sentence.
fn list() -> String {
    codes::all()
        .map(|row| {
            format!(
                "{:24} {:8} {}\n",
                row.code,
                row.severity.to_string(),
                row.what
            )
        })
        .collect()
}

/// The command of an example, where it is one.
fn command(example: Example) -> Option<String> {
    match example {
        Example::Entry(table, key, value) => Some(format!("godwit {table} set '{key}' '{value}'")),
        _ => None,
    }
}

/// All that the table says of a code.
fn explanation(row: &CodeRow) -> String {
    let mut text = format!(
        "{} ({})\n{}\n{}\n",
        row.code, row.severity, row.what, row.cure
    );
    let example = match row.example {
        Example::Mc(text) | Example::WholeMc(text) | Example::Cf(text) | Example::Site(text, _) => {
            text
        }
        Example::Text(text) | Example::WithLibrary(text) => text,
        Example::Entry(..) | Example::LongLine => "",
    };
    let command = command(row.example).unwrap_or_default();
    let parts = [
        ("For example", example),
        ("For example", &command),
        ("Better", row.cured),
    ];
    for (title, lines) in parts {
        if !lines.is_empty() {
            text.push_str(&format!("\n{title}:\n"));
            for line in lines.lines() {
                text.push_str(&format!("    {}\n", line.replace('\0', "\u{2400}")));
            }
        }
    }
    text
}
