//! `godwit migrate`: what a site that runs on sendmail would meet here.
//!
//! The site's files are copied into a root of their own; the `.mc` files are
//! compiled with our library; old and new configuration are compared, and both
//! are asked about every address that the site's files and log know.

mod addresses;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bstr::ByteSlice;
use clap::Parser;

use super::desk::{self, Failure, OpenSite, arguments, print_json};
use super::make::Work;
use super::output::{exit, fail, print};
use crate::admin::migrate::{Report, SiteHost, Staged, compare, stage};
use crate::admin::{compile_file, replace_file};
use crate::base::{Place, Sysexit};
use crate::daemon::Loaded;
use crate::mc::Templates;

/// Take over a site that runs on sendmail, and say what differs.
#[derive(Parser)]
#[command(name = "godwit migrate", disable_version_flag = true)]
#[command(
    after_help = "DIR is a copy of /etc/mail, or of a system with etc/mail in it (and
etc/aliases, etc/sysconfig/sendmail, var/spool/mqueue).

Examples:
  godwit migrate /etc/mail
  godwit migrate --to /srv/staged --log /var/log/maillog /backup/oldhost
  godwit --root /srv/staged run

The staged root holds report.txt, report.html and report.json.

Exit status: 0 nothing differs, 1 something does, 65 a .mc cannot be compiled,
66 there is no such site, 73 it cannot be staged."
)]
struct Arguments {
    /// Where the staged root is made; it must be empty or not there.
    #[arg(long, value_name = "DIR", default_value = "godwit-migration")]
    to: PathBuf,
    /// A mail log: its addresses are tried too.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// The report as JSON on standard output.
    #[arg(long)]
    json: bool,
    /// The site.
    #[arg(value_name = "DIR")]
    from: PathBuf,
}

/// The command line, for its manual page.
pub(super) fn command() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}

/// Runs it.
pub(super) fn run(_place: &Place, given: Vec<OsString>) -> ExitCode {
    let arguments: Arguments = match arguments("godwit migrate", given) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match migrate(&arguments) {
        Ok(report) => {
            if arguments.json {
                print_json(&report.json());
            } else {
                print(report.text());
            }
            match report.is_clean() {
                true => exit(Sysexit::Ok),
                false => ExitCode::from(1),
            }
        }
        Err((code, text)) => fail(code, format!("godwit migrate: {text}")),
    }
}

fn migrate(arguments: &Arguments) -> Result<Report, Failure> {
    let cannot = |error: std::io::Error| (Sysexit::CantCreat, error.to_string());
    if !arguments.from.is_dir() {
        let text = format!("{}: no such directory", arguments.from.display());
        return Err((Sysexit::NoInput, text));
    }
    let staged = stage(&arguments.from, &arguments.to).map_err(cannot)?;
    let mut report = Report {
        from: arguments.from.display().to_string(),
        to: staged
            .place
            .root()
            .unwrap_or(Path::new("/"))
            .display()
            .to_string(),
        files: staged.files,
        ..Report::default()
    };
    for name in ["sendmail", "submit"] {
        configuration(&staged, name, arguments.log.as_deref(), &mut report)?;
    }
    if report.compiled.is_empty() {
        let text = format!("{}: neither sendmail.mc nor sendmail.cf", report.from);
        return Err((Sysexit::NoInput, text));
    }
    let root = PathBuf::from(&report.to);
    for (name, text) in [
        ("report.txt", report.text()),
        ("report.html", report.html()),
        ("report.json", format!("{}\n", report.json())),
    ] {
        replace_file(&root.join(name), text.as_bytes(), 0o644).map_err(cannot)?;
    }
    Ok(report)
}

/// One configuration: its `.mc` compiled, its old `.cf` beside it.
fn configuration(
    staged: &Staged,
    name: &str,
    log: Option<&Path>,
    report: &mut Report,
) -> Result<(), Failure> {
    let source = staged.mail.join(format!("{name}.mc"));
    let result = staged.mail.join(format!("{name}.cf"));
    let kept = staged.mail.join(format!("{name}.cf.sendmail"));
    let had_cf = result.is_file();
    if !source.is_file() {
        if had_cf {
            let text = format!("{name}.cf: there is no {name}.mc; it is used as it is");
            report.compiled.push(text);
            if name == "sendmail" {
                build(staged, report);
            }
        }
        return Ok(());
    }
    if had_cf {
        fs::rename(&result, &kept).map_err(|error| (Sysexit::CantCreat, error.to_string()))?;
    }
    let mut host = SiteHost::new(staged);
    let compiled = compile_file(&source, Templates::BuiltIn, false, &mut host)
        .map_err(|error| (Sysexit::NoInput, error.to_string()))?;
    let text = fs::read(&source).unwrap_or_default();
    // What may be missing is included with `sinclude`.
    let required = host.missing.iter().filter(|file| {
        let optional = bstr::concat([b"sinclude(`".as_slice(), file.as_slice(), b"'"]);
        !text.contains_str(&optional)
    });
    report
        .missing
        .extend(required.map(|file| format!("{name}.mc includes {file}")));
    report.faults.extend(compiled.faults.iter().cloned());
    if compiled.failed() {
        report
            .compiled
            .push(format!("{name}.mc: cannot be compiled"));
        return Ok(());
    }
    replace_file(&result, &compiled.text, 0o644)
        .map_err(|error| (Sysexit::CantCreat, error.to_string()))?;
    report.compiled.push(match had_cf {
        true => format!("{name}.mc: compiled; the old {name}.cf is {name}.cf.sendmail"),
        false => format!("{name}.mc: compiled; there is no old {name}.cf to compare with"),
    });
    if name == "sendmail" {
        build(staged, report);
    }
    if !had_cf {
        return Ok(());
    }
    let read = |file: &Path| -> Result<Loaded, Failure> {
        desk::load(&staged.place, file).map_err(|error| (Sysexit::NoInput, error.to_string()))
    };
    let (old, new) = (read(&kept)?, read(&result)?);
    let file = format!("{name}.cf");
    let found = compare(&old.config, &new.config);
    report
        .differences
        .extend(found.into_iter().map(|found| (file.clone(), found)));
    if name == "sendmail" {
        let known = addresses::of(staged, &new, log);
        let old = OpenSite::new(old, &staged.place)?;
        let new = OpenSite::new(new, &staged.place)?;
        report.tried = known.len();
        report.treated = addresses::treated(&old, &new, &known);
    }
    Ok(())
}

/// Makes the databases anew from their texts: an old Berkeley DB of another
/// version is of no use.
fn build(staged: &Staged, report: &mut Report) {
    let mut work = Work::new(&staged.place, &staged.mail);
    work.silent = true;
    work.always = true;
    let made = work.databases(None).and_then(|()| work.aliases(true));
    if let Err((_, text)) = made {
        report.notes.push(text);
    }
    if let Some((_, text)) = work.failure() {
        report.notes.push(text.clone());
    }
}
