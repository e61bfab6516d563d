//! `godwit migrate`: what a site that runs on sendmail would meet here.
//!
//! The site's files are copied into a root of their own; the `.mc` files are
//! compiled with our library; old and new configuration are compared, and both
//! are asked about every address that the site's files and log know.

mod addresses;
mod names;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

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

use names::EveryName;

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
    for pair in pairs(&staged.mail) {
        configuration(&staged, &pair, arguments.log.as_deref(), &mut report)?;
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

/// What is noted where strangers were left out.
const NOT_TRIED: &str = "what the old sendmail.cf answers strangers can only be seen in a session \
     (delay_checks): it was not compared";

/// A configuration's source and what it is made into, both in `/etc/mail`.
struct Pair {
    mc: String,
    cf: String,
}

impl Pair {
    /// Whether it is the server's: the one that maps are made for.
    fn is_main(&self) -> bool {
        self.cf == "sendmail.cf"
    }
}

/// The configurations of a site: sendmail and submit; FreeBSD's, which are
/// named after the host; those of other instances.
fn pairs(mail: &Path) -> Vec<Pair> {
    let mut stems: Vec<String> = fs::read_dir(mail)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some(name.strip_suffix(".mc")?.to_owned())
        })
        .collect();
    stems.sort();
    let has = |name: &str| stems.iter().any(|stem| stem == name);
    // sendmail: `make install' copies HOST.cf to sendmail.cf, and
    // HOST.submit.cf to submit.cf.
    let host = stems
        .iter()
        .find(|stem| has(&format!("{stem}.submit")) && !has("sendmail"));
    let result = |stem: &str| match host {
        Some(host) if stem == host => "sendmail.cf".to_owned(),
        Some(host) if stem.strip_suffix(".submit") == Some(host) => "submit.cf".to_owned(),
        _ => format!("{stem}.cf"),
    };
    let mut found: Vec<Pair> = stems
        .iter()
        .map(|stem| Pair {
            mc: format!("{stem}.mc"),
            cf: result(stem),
        })
        .collect();
    for name in ["sendmail", "submit"] {
        let cf = format!("{name}.cf");
        if mail.join(&cf).is_file() && !found.iter().any(|pair| pair.cf == cf) {
            let mc = format!("{name}.mc");
            found.push(Pair { mc, cf });
        }
    }
    // The server's first: its databases are those that all use.
    found.sort_by_key(|pair| (!pair.is_main(), pair.cf != "submit.cf"));
    found
}

/// One configuration: its `.mc` compiled, its old `.cf` beside it.
fn configuration(
    staged: &Staged,
    pair: &Pair,
    log: Option<&Path>,
    report: &mut Report,
) -> Result<(), Failure> {
    let Pair { mc, cf } = pair;
    let source = staged.mail.join(mc);
    let result = staged.mail.join(cf);
    let kept = staged.mail.join(format!("{cf}.sendmail"));
    let had_cf = result.is_file();
    if !source.is_file() {
        if had_cf {
            let text = format!("{cf}: there is no {mc}; it is used as it is");
            report.compiled.push(text);
            if pair.is_main() {
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
        .extend(required.map(|file| format!("{mc} includes {file}")));
    report.faults.extend(compiled.faults.iter().cloned());
    if compiled.failed() {
        report
            .compiled
            .push(format!("{mc}: cannot be compiled; the old {cf} stays"));
        if had_cf {
            fs::rename(&kept, &result).map_err(|error| (Sysexit::CantCreat, error.to_string()))?;
        }
        return Ok(());
    }
    replace_file(&result, &compiled.text, 0o644)
        .map_err(|error| (Sysexit::CantCreat, error.to_string()))?;
    report.compiled.push(match had_cf {
        true => format!("{mc}: compiled; the old {cf} is {cf}.sendmail"),
        false => format!("{mc}: compiled; there is no old {cf} to compare with"),
    });
    if pair.is_main() {
        build(staged, report);
    }
    if !had_cf {
        return Ok(());
    }
    let read = |file: &Path| -> Result<Loaded, Failure> {
        desk::load(&staged.place, file).map_err(|error| (Sysexit::NoInput, error.to_string()))
    };
    let (old, new) = (read(&kept)?, read(&result)?);
    let file = cf.clone();
    let found = compare(&old.config, &new.config);
    report
        .differences
        .extend(found.into_iter().map(|found| (file.clone(), found)));
    if pair.is_main() {
        let known = addresses::of(staged, &new, log);
        let old = OpenSite::with(old, Arc::new(EveryName))?;
        let new = OpenSite::with(new, Arc::new(EveryName))?;
        report.tried = known.len();
        let strangers = addresses::can_try_strangers(&old);
        if !strangers {
            report.notes.push(NOT_TRIED.to_owned());
        }
        report.treated = addresses::treated(&old, &new, &known, strangers);
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
