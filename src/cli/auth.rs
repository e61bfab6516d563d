//! `godwit auth`: who may log in to send mail, in our own file.
//!
//! The file holds no passwords, only what recognises them (SCRAM verifiers),
//! and is readable by its owner alone. `add` and `token` take the user's name;
//! a password is read from standard input, its first line.

use std::ffi::OsString;
use std::io::{BufRead, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use bstr::{BString, ByteSlice};

use super::output::{complain, print};
use crate::base::{Place, Sysexit};
use crate::daemon::logins::VERIFIERS;
use crate::os::KernelEntropy;
use crate::sasl::hash::Hash;
use crate::sasl::verifier::{self, ITERATIONS, SALT_BYTES, Verifier};
use crate::world::Entropy;

const USAGE: &str = "usage: godwit auth add USER < PASSWORD\n       \
    godwit auth token USER [DAYS]\n       \
    godwit auth rm USER\n       \
    godwit auth list\n";
/// Bytes of a token.
const TOKEN_BYTES: usize = 32;
/// The longest password that is read.
const PASSWORD_BYTES_MAX: usize = 1024;

pub(super) fn run(place: &Place, arguments: Vec<OsString>) -> ExitCode {
    let words: Vec<String> = arguments
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let path = place.path(VERIFIERS);
    let done = match words.as_slice() {
        ["add", user] => add(&path, user),
        ["token", user] => token(&path, user, None),
        ["token", user, days] => match days.parse() {
            Ok(days) => token(&path, user, Some(days)),
            Err(_) => return usage(),
        },
        ["rm", user] => remove(&path, user),
        ["list"] => list(&path),
        _ => return usage(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            complain(format!("godwit auth: {text}"));
            ExitCode::from(Sysexit::Unavailable.code())
        }
    }
}

fn usage() -> ExitCode {
    complain(USAGE);
    ExitCode::from(Sysexit::Usage.code())
}

fn add(path: &Path, user: &str) -> Result<(), String> {
    check_name(user)?;
    let mut line = Vec::new();
    let mut input = std::io::stdin().lock();
    input
        .read_until(b'\n', &mut line)
        .map_err(|error| format!("standard input: {error}"))?;
    let password = line.trim_end_with(|c| c == '\n' || c == '\r');
    if password.is_empty() {
        return Err("no password: give it on standard input".to_owned());
    }
    if password.len() > PASSWORD_BYTES_MAX || password.contains(&0) {
        return Err("this password cannot be used".to_owned());
    }
    let made: Vec<String> = [Hash::Sha256, Hash::Sha1]
        .into_iter()
        .map(|hash| Verifier::derive(hash, password, &random(SALT_BYTES), ITERATIONS).to_text())
        .collect();
    change(path, user, |before| {
        let kept = before.into_iter().filter(|word| is_token(word));
        Some(made.iter().cloned().chain(kept).collect())
    })
}

fn token(path: &Path, user: &str, days: Option<u32>) -> Result<(), String> {
    check_name(user)?;
    let token = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(random(TOKEN_BYTES));
    let ends = days.map_or(0, |days| {
        let end = SystemTime::now() + Duration::from_secs(u64::from(days) * 86_400);
        end.duration_since(SystemTime::UNIX_EPOCH)
            .map_or(1, |since| since.as_secs())
    });
    let line = verifier::token_text(token.as_bytes(), ends);
    change(path, user, |mut before| {
        before.push(line);
        Some(before)
    })?;
    print(format!("{token}\n"));
    Ok(())
}

fn remove(path: &Path, user: &str) -> Result<(), String> {
    let text = read(path)?;
    if !verifier::lines(&text).any(|(name, _)| name == user.as_bytes()) {
        return Err(format!("{user}: no such user in {}", path.display()));
    }
    change(path, user, |_| None)
}

fn list(path: &Path) -> Result<(), String> {
    let text = read(path)?;
    for (user, rest) in verifier::lines(&text) {
        let mut ways: Vec<&str> = rest
            .fields()
            .filter_map(|word| word.split_once_str("$"))
            .filter_map(|(kind, _)| kind.to_str().ok())
            .collect();
        ways.dedup();
        print(format!("{}\t{}\n", user.as_bstr(), ways.join(" ")));
    }
    Ok(())
}

fn check_name(user: &str) -> Result<(), String> {
    let bad = |c: char| c == ':' || c == '#' || c.is_whitespace() || c.is_control();
    if user.is_empty() || user.contains(bad) {
        return Err(format!("{user:?} cannot be a user's name here"));
    }
    Ok(())
}

fn is_token(word: &str) -> bool {
    word.starts_with("BEARER-")
}

fn random(bytes: usize) -> Vec<u8> {
    let words = bytes.div_ceil(8);
    let mut out: Vec<u8> = (0..words)
        .flat_map(|_| KernelEntropy.random().to_le_bytes())
        .collect();
    out.truncate(bytes);
    out
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.map_err(|error| format!("{}: {error}", path.display())),
    }
}

/// Rewrites the user's line; every other line stays as it is. The file is
/// replaced whole, so that a reader sees the old one or the new one.
fn change(
    path: &Path,
    user: &str,
    make: impl FnOnce(Vec<String>) -> Option<Vec<String>>,
) -> Result<(), String> {
    let text = read(path)?;
    let is_users = |line: &[u8]| {
        let name = line.split_once_str(":").map(|(name, _)| name.trim());
        name == Some(user.as_bytes())
    };
    let before = verifier::lines(&text).find(|(name, _)| *name == user.as_bytes());
    let words = before.map_or_else(Vec::new, |(_, rest)| {
        rest.fields()
            .map(|word| word.to_str_lossy().into_owned())
            .collect()
    });
    let new = make(words).map(|words| BString::from(format!("{user}:{}", words.join(" "))));
    let mut out = Vec::new();
    let mut placed = new.is_none();
    for line in ByteSlice::lines(text.as_slice()) {
        if !is_users(line) {
            out.extend_from_slice(line);
        } else if let Some(new) = new.as_ref().filter(|_| !placed) {
            out.extend_from_slice(new);
            placed = true;
        } else {
            continue;
        }
        out.push(b'\n');
    }
    if let Some(new) = new.filter(|_| !placed) {
        out.extend_from_slice(&new);
        out.push(b'\n');
    }
    replace(path, &out).map_err(|error| format!("{}: {error}", path.display()))
}

fn replace(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder)?;
    let aside = path.with_extension(format!("new{}", std::process::id()));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)?;
    let written = file
        .write_all(text)
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&aside, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&aside);
    }
    written
}
