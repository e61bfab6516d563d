//! What a configuration needs before its rules can be compiled: the macros
//! that the machine gives, and the members of its classes.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use bstr::{BString, ByteSlice};

use crate::base::{Diagnostic, limits};
use crate::cf::{ClassDef, ClassSource, Config};
use crate::rewrite::{ClassTable, MacroTable, load_classes};
use crate::world::{Files, HostIdentity};

/// The largest file of class members that is read, in bytes.
const CLASS_FILE_BYTES_MAX: u64 = 256 << 20;

/// Macros that are there before the configuration is read.
pub fn initial_macros(host: &HostIdentity, version: &str, pid: u32) -> MacroTable {
    let mut macros = MacroTable::new();
    macros.set(b"w", host.short());
    macros.set(b"j", host.full.as_str());
    if !host.domain().is_empty() {
        macros.set(b"m", host.domain());
    }
    macros.set(b"k", host.node.as_str());
    macros.set(b"n", "MAILER-DAEMON");
    macros.set(b"v", version);
    macros.set(b"p", pid.to_string());
    macros
}

/// The members of every class: built in, from the machine, from `C` lines,
/// from files. A file that cannot be read is reported unless it is optional.
pub fn classes(
    config: &Config,
    initial: &Arc<MacroTable>,
    host: &HostIdentity,
    files: &dyn Files,
) -> (ClassTable, Vec<Diagnostic>) {
    let mut faults = Vec::new();
    let table = load_classes(config, initial, built_in(host), |class| {
        match &class.source {
            ClassSource::Words(_) => Vec::new(),
            ClassSource::File {
                path,
                format,
                optional,
            } => match read(files, path.to_path_lossy().as_ref()) {
                Ok(text) => file(&text, format),
                Err(error) if *optional && error.kind() == std::io::ErrorKind::NotFound => {
                    Vec::new()
                }
                Err(error) => {
                    faults.push(unreadable(class, path, &error));
                    Vec::new()
                }
            },
            ClassSource::Program { command } => {
                let what = format!("class {} from the program {command}", class.name);
                faults.push(not_here(class, what));
                Vec::new()
            }
            ClassSource::Map { spec, .. } => {
                let what = format!("class {} from the map {spec}", class.name);
                faults.push(not_here(class, what));
                Vec::new()
            }
        }
    });
    (table, faults)
}

/// What becomes of macros and classes once the configuration is read: `$j` is
/// expanded and counts as a name of this host, `$m` as its domain.
pub fn settle(macros: &mut MacroTable, classes: &mut ClassTable) {
    let own = macros.text(b"j");
    if !own.is_empty() {
        classes.add(b"w", &own);
        macros.set(b"j", own);
    }
    let domain = macros.text(b"m");
    if !domain.is_empty() {
        classes.add(b"m", &domain);
    }
}

/// Classes that are there before the configuration is read.
fn built_in(host: &HostIdentity) -> ClassTable {
    let mut table = ClassTable::new();
    let of_message: [(&[u8], &[&str]); 7] = [
        (b"e", &["7bit", "8bit", "binary"]),
        (b"n", &["multipart/signed"]),
        (b"s", &["rfc822"]),
        (
            b"persistentMacros",
            &["r", "s", "_", "{if_addr}", "{daemon_flags}"],
        ),
        (
            b"checkMIMEHeaders",
            &[
                "mime-version",
                "content-type",
                "content-disposition",
                "content-id",
                "content-transfer-encoding",
            ],
        ),
        (b"checkMIMETextHeaders", &["content-description"]),
        (
            b"checkMIMEFieldHeaders",
            &["content-disposition", "content-type"],
        ),
    ];
    for (class, members) in of_message {
        table.extend(class, members.iter().map(|member| member.as_bytes()));
    }
    table.add(b"k", host.node.as_bytes());
    let names = [host.full.as_str(), host.short(), "localhost"];
    let names = names
        .into_iter()
        .chain(host.aliases.iter().map(String::as_str));
    for name in names.filter(|name| !name.is_empty()) {
        table.add(b"w", name.as_bytes());
    }
    for address in &host.addresses {
        let literal = match address {
            std::net::IpAddr::V4(v4) => format!("[{v4}]"),
            std::net::IpAddr::V6(v6) => format!("[IPv6:{v6}]"),
        };
        table.add(b"w", literal.as_bytes());
    }
    if !host.domain().is_empty() {
        table.add(b"m", host.domain().as_bytes());
    }
    table
}

/// The words of a file: the first of each line, or the whole line when the
/// format asks for that; what follows `#` at the start of a line is a comment.
fn file(text: &[u8], format: &[u8]) -> Vec<BString> {
    let whole_line = format.starts_with(b"%[^");
    text.lines()
        .take(limits::CLASS_MEMBERS_MAX)
        .map(|line| line.trim())
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        .filter_map(|line| {
            if whole_line {
                Some(line.into())
            } else {
                line.fields().next().map(BString::from)
            }
        })
        .collect()
}

fn read(files: &dyn Files, path: &Path) -> std::io::Result<Vec<u8>> {
    let file = files.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("not a regular file"));
    }
    let mut text = Vec::new();
    file.take(CLASS_FILE_BYTES_MAX).read_to_end(&mut text)?;
    Ok(text)
}

fn unreadable(class: &ClassDef, path: &BString, error: &std::io::Error) -> Diagnostic {
    let reason = match error.kind() {
        std::io::ErrorKind::NotFound => "No such file or directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "Permission denied".to_owned(),
        _ => error.to_string(),
    };
    Diagnostic::error(
        "cf-class-file",
        class.origin.clone(),
        format!("fileclass: cannot open '{path}': {reason}"),
    )
    .help("Make the file, or write -o before its name if it may be missing.")
}

fn not_here(class: &ClassDef, what: String) -> Diagnostic {
    Diagnostic::warning(
        "cf-class-source",
        class.origin.clone(),
        format!("{what} is not available here"),
    )
    .help("List the members in a file, and name that.")
}
