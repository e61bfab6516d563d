//! Programs that mail may start: through smrsh only, and none that starts
//! others at will.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::{Finding, Fix, Scope, finding};
use crate::base::Severity;

/// Shells, interpreters, editors and what else runs whatever it is told; what
/// follows a version number counts too (`python3.11`).
const UNSAFE: [&str; 34] = [
    "ash", "awk", "bash", "busybox", "csh", "dash", "ed", "emacs", "env", "ex", "expect", "find",
    "fish", "gawk", "ksh", "lua", "mawk", "nawk", "node", "perl", "php", "python", "rbash", "ruby",
    "sed", "sh", "slsh", "ssh", "tclsh", "tcsh", "uudecode", "vi", "xargs", "zsh",
];

/// Links that are followed to see what a program is.
const LINKS_MAX: usize = 8;

/// Looks at the mailer of programs and its folder.
pub(super) fn look(scope: &Scope<'_>, findings: &mut Vec<Finding>) {
    let Some(mailer) = scope.config.mailer(b"prog") else {
        return;
    };
    if !mailer.path.ends_with(b"smrsh") {
        findings.push(finding(
            Severity::Warning,
            "no-smrsh",
            format!("mailer prog: {}", mailer.path),
            "aliases and .forward files can run any program through a shell",
            "FEATURE(`smrsh')dnl in the .mc, before MAILER(`local')",
        ));
    }
    for directory in [
        "/etc/mail/smrsh",
        "/etc/smrsh",
        "/usr/adm/sm.bin",
        "/usr/lib/sm.bin",
    ] {
        let path = scope.place.path(directory);
        if path.is_dir() {
            folder(&path, findings);
        }
    }
}

fn folder(directory: &PathBuf, findings: &mut Vec<Finding>) {
    if let Ok(facts) = fs::metadata(directory)
        && facts.mode() & 0o022 != 0
    {
        let mode = facts.mode() & 0o7755;
        findings.push(Finding {
            severity: Severity::Error,
            code: "smrsh-mode",
            subject: directory.display().to_string(),
            why: "others may add programs that mail can start".to_owned(),
            mend: format!("chmod {mode:04o} {}", directory.display()),
            fix: Some(Fix {
                path: directory.clone(),
                mode,
            }),
        });
    }
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if let Some(what) = unsafe_program(entry.path()) {
            let path = entry.path();
            findings.push(finding(
                Severity::Error,
                "smrsh-program",
                path.display().to_string(),
                format!("{what} does whatever it is told: smrsh keeps nobody from anything"),
                format!("rm {}", path.display()),
            ));
        }
    }
}

/// The name under which a program is known to be unsafe.
fn unsafe_program(mut path: PathBuf) -> Option<String> {
    for _ in 0..LINKS_MAX {
        let name = path.file_name()?.to_string_lossy().into_owned();
        let bare = name.trim_end_matches(|c: char| c.is_ascii_digit() || ".-".contains(c));
        if UNSAFE.contains(&bare) || UNSAFE.contains(&name.as_str()) {
            return Some(name);
        }
        let target = fs::read_link(&path).ok()?;
        path = path.parent()?.join(target);
    }
    None
}
