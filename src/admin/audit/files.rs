//! Owners, modes and immutable bits: /etc/mail, maps, queues, `.forward`.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;

use super::{Finding, Fix, Scope, finding};
use crate::admin::is_immutable;
use crate::base::Severity;
use crate::cf::Opt;

/// Files of a directory that are looked at.
const FILES_MAX: usize = 10_000;

/// Looks at all of them.
pub(super) fn look(scope: &Scope<'_>, findings: &mut Vec<Finding>) {
    let mail = scope.place.path("/etc/mail");
    mode(&mail, 0o022, "mail-directory-mode", EVERYONE, findings);
    owner(scope, &mail, findings);
    for path in entries(&mail) {
        file(scope, &path, findings);
    }
    let aliases = scope.place.path("/etc/aliases");
    if aliases.exists() {
        file(scope, &aliases, findings);
    }
    queues(scope, findings);
    keys(scope, findings);
    forwards(scope, findings);
}

const EVERYONE: &str = "whoever may write there decides where mail goes, and runs programs by it";

/// A file of /etc/mail.
fn file(scope: &Scope<'_>, path: &Path, findings: &mut Vec<Finding>) {
    let Ok(facts) = fs::symlink_metadata(path) else {
        return;
    };
    if !facts.is_file() {
        return;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let holds_secrets = name.starts_with("authinfo") || name.starts_with("client-info");
    let is_map = [".db", ".cdb", ".lmdb", ".pag"]
        .iter()
        .any(|end| name.ends_with(end));
    if holds_secrets {
        let why = "it holds passwords, and others may read it";
        mode(path, 0o077, "secret-mode", why, findings);
    } else if is_map {
        mode(path, 0o022, "map-mode", EVERYONE, findings);
        if facts.mode() & 0o022 == 0 && facts.mode() & 0o007 != 0 {
            let why = "others may read it: addresses are nobody's business (maps are 0640)";
            let mut found = taken_away(path, &facts, 0o007, "map-readable", why);
            found.severity = Severity::Note;
            findings.push(found);
        }
    } else {
        mode(path, 0o022, "file-mode", EVERYONE, findings);
    }
    owner(scope, path, findings);
    if is_immutable(path) {
        findings.push(finding(
            Severity::Note,
            "immutable",
            path.display().to_string(),
            "it is immutable: rebuilding it fails until the bit is taken off",
            format!("chattr -i {}", path.display()),
        ));
    }
}

/// A mode that gives some permissions too many.
fn mode(path: &Path, too_many: u32, code: &'static str, why: &str, findings: &mut Vec<Finding>) {
    if let Ok(facts) = fs::metadata(path)
        && facts.mode() & too_many != 0
    {
        findings.push(taken_away(path, &facts, too_many, code, why));
    }
}

fn taken_away(
    path: &Path,
    facts: &Metadata,
    too_many: u32,
    code: &'static str,
    why: &str,
) -> Finding {
    let mode = facts.mode() & 0o7777 & !too_many;
    Finding {
        severity: Severity::Error,
        code,
        subject: path.display().to_string(),
        why: format!("its mode is {:04o}: {why}", facts.mode() & 0o7777),
        mend: format!("chmod {mode:04o} {}", path.display()),
        fix: Some(Fix {
            path: path.to_owned(),
            mode,
        }),
    }
}

fn owner(scope: &Scope<'_>, path: &Path, findings: &mut Vec<Finding>) {
    if let Ok(facts) = fs::symlink_metadata(path)
        && !scope.owners.contains(&facts.uid())
    {
        findings.push(finding(
            Severity::Error,
            "owner",
            path.display().to_string(),
            format!(
                "it belongs to user {}, who may change it at will",
                facts.uid()
            ),
            format!("chown root {}", path.display()),
        ));
    }
}

/// The queues: for the server alone.
fn queues(scope: &Scope<'_>, findings: &mut Vec<Finding>) {
    let text = scope.config.options.text(Opt::QueueDirectory);
    let default = scope.place.path("/var/spool/mqueue");
    let mut paths = vec![if text.is_empty() {
        default
    } else {
        queue_path(text)
    }];
    for group in &scope.config.queue_groups {
        paths.extend(group.get(b'P').map(|path| queue_path(path)));
    }
    paths.dedup();
    for path in &paths {
        let why = "others may see, or change, mail that waits (a queue is 0700)";
        mode(path, 0o077, "queue-mode", why, findings);
        owner(scope, path, findings);
    }
    let client = scope.place.path("/var/spool/clientmqueue");
    let why = "others may see, or change, mail that waits to be handed in";
    mode(&client, 0o007, "client-queue-mode", why, findings);
}

/// A queue directory without the pattern of its subdirectories.
fn queue_path(text: &[u8]) -> PathBuf {
    let path = match text.strip_suffix(b"*") {
        Some(pattern) => pattern
            .rsplit_once_str("/")
            .map_or(pattern, |(path, _)| path),
        None => text,
    };
    path.to_path_lossy().into_owned()
}

/// Private keys.
fn keys(scope: &Scope<'_>, findings: &mut Vec<Finding>) {
    for opt in [Opt::ServerKeyFile, Opt::ClientKeyFile] {
        for value in scope.config.options.all(opt) {
            for path in value.text.split(|byte| *byte == b',') {
                let path = path.trim().to_path_lossy().into_owned();
                let why = "whoever reads the key can pretend to be this host";
                mode(&path, 0o037, "key-mode", why, findings);
            }
        }
    }
}

/// `.forward` files: not for others to write, nor to read.
fn forwards(scope: &Scope<'_>, findings: &mut Vec<Finding>) {
    // Homes are the system's, also beside a private instance; there, whoever
    // tries it out does not ask for them.
    if scope.place.root().is_some() {
        return;
    }
    for line in scope.passwd.lines() {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
        let [name, _, _, _, _, home, ..] = fields.as_slice() else {
            continue;
        };
        let path = home.to_path_lossy().join(".forward");
        let Ok(facts) = fs::symlink_metadata(&path) else {
            continue;
        };
        if facts.is_file() && facts.mode() & 0o066 != 0 {
            let why = format!(
                "others may change, or read, where {}'s mail goes",
                name.as_bstr()
            );
            let mut found = taken_away(&path, &facts, 0o066, "forward-mode", &why);
            if facts.mode() & 0o022 == 0 {
                found.severity = Severity::Note;
            }
            findings.push(found);
        }
    }
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .take(FILES_MAX)
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}
