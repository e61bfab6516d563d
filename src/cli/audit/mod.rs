//! `godwit audit`: what is unsafe here, why, and the command that mends it.

mod relaying;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use serde_json::json;

use super::desk::{self, Failure, OpenSite, arguments, print_json};
use super::output::{exit, fail, print};
use crate::admin::audit::{Finding, Scope, audit};
use crate::base::{Place, Severity, Sysexit};
use crate::daemon;
use crate::os;

/// Look for what is unsafe: permissions, relaying, programs, aliases.
#[derive(Parser)]
#[command(name = "godwit audit", disable_version_flag = true)]
#[command(after_help = "Examples:
  godwit audit                 everything, the worst first
  godwit audit --fix           takes away permissions that are too many
  godwit audit --fix --dry-run
  godwit audit --json

Exit status: 0 nothing but notes; 1 there are warnings or errors; 66 there is
no configuration; 78 it is at fault.")]
struct Arguments {
    /// The configuration; sendmail.cf without.
    #[arg(short = 'C', long = "config", value_name = "FILE.cf")]
    config: Option<PathBuf>,
    /// Mend what can be mended without harm: permissions are taken away.
    #[arg(long)]
    fix: bool,
    /// With --fix: say what would be done, and do nothing.
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// One line of JSON for each finding.
    #[arg(long)]
    json: bool,
}

/// The command line, for its manual page.
pub(super) fn command() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}

/// Runs it.
pub(super) fn run(place: &Place, given: Vec<OsString>) -> ExitCode {
    let arguments: Arguments = match arguments("godwit audit", given) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match look(place, &arguments) {
        Ok(code) => code,
        Err((code, text)) => fail(code, format!("godwit audit: {text}")),
    }
}

fn look(place: &Place, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let file = arguments
        .config
        .clone()
        .unwrap_or_else(|| place.sendmail_cf());
    let loaded = desk::load(place, &file).map_err(|error| {
        let why = crate::map::errno_text(&error);
        (Sysexit::NoInput, format!("{}: {why}", file.display()))
    })?;
    let (mut owners, _) = desk::map_owners(&loaded.config);
    owners.push(0);
    if let Ok(identity) = daemon::run_as(&loaded.config.options, &os::SystemUsers::new()) {
        owners.push(identity.uid);
    }
    let mut findings = audit(&Scope {
        place,
        config: &loaded.config,
        owners,
        passwd: std::fs::read("/etc/passwd").unwrap_or_default(),
    });
    let open = OpenSite::new(loaded, place)?;
    findings.extend(relaying::look(&open));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let bad = findings
        .iter()
        .filter(|finding| finding.severity > Severity::Note);
    let bad = bad.count();
    for finding in &findings {
        let fixed = fixed(finding, arguments);
        show(finding, fixed.as_deref(), arguments.json);
    }
    if !arguments.json {
        print(format!(
            "{} findings, {bad} of them warnings or errors\n",
            findings.len()
        ));
    }
    Ok(match bad {
        0 => exit(Sysexit::Ok),
        _ => ExitCode::from(1),
    })
}

/// Mends a finding, if that is wanted and can be done; what was done.
fn fixed(finding: &Finding, arguments: &Arguments) -> Option<String> {
    let fix = finding.fix.as_ref().filter(|_| arguments.fix)?;
    if arguments.dry_run {
        return Some("would be mended".to_owned());
    }
    Some(match fix.apply() {
        Ok(()) => "mended".to_owned(),
        Err(error) => format!("not mended: {}", crate::map::errno_text(&error)),
    })
}

fn show(finding: &Finding, fixed: Option<&str>, as_json: bool) {
    if as_json {
        return print_json(&json!({
            "severity": finding.severity.to_string(), "code": finding.code,
            "subject": finding.subject, "why": finding.why, "mend": finding.mend,
            "can_fix": finding.fix.is_some(), "fixed": fixed,
        }));
    }
    let mend = fixed.unwrap_or(&finding.mend);
    print(format!(
        "{}: {} [{}]\n  {}\n  {mend}\n",
        finding.severity, finding.subject, finding.code, finding.why
    ));
}
