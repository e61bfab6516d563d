//! What a test needs beyond Rust: a tool, root, the reference.
//!
//! A test that cannot have what it needs says so, counted, and passes: nothing
//! is left out silently. Each line goes to standard error at once and to a
//! file that `make test` prints at the end.

#![allow(dead_code)] // Not every need is used by every capability.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

static LEFT_OUT: AtomicUsize = AtomicUsize::new(0);

/// Says that a test, or a part of one, was left out, and why.
pub(crate) fn left_out(what: &str, why: &str) {
    let count = LEFT_OUT.fetch_add(1, Ordering::Relaxed) + 1;
    let line = format!("left out ({count}): {what}: {why}\n");
    // Straight to the descriptor: the test harness captures print macros.
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(path) = std::env::var_os("GODWIT_LEFT_OUT") {
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path);
        if let Ok(mut file) = file {
            let _ = file.write_all(line.as_bytes());
        }
    }
}

/// The program `name` in the search path (and the system directories), or
/// `None` after saying what is left out.
pub(crate) fn tool(name: &str, what: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|dir| dir.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        left_out(what, &format!("{name} is not installed"));
    }
    found
}

/// A tool of Postfix: the one that the test tools unpacked, or an installed
/// one.
pub(crate) fn postfix(name: &str, what: &str) -> Option<PathBuf> {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/postfix/bin");
    let unpacked = unpacked.join(name);
    if unpacked.is_file() {
        return Some(unpacked);
    }
    tool(name, what)
}

/// Whether the tests run as root; if not, says what is left out.
pub(crate) fn root(what: &str) -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        left_out(what, "needs root");
    }
    is_root
}

/// The folder with the reference sendmail (`GODWIT_REFERENCE`, or where the
/// test tools install it), or `None` after saying what is left out. Its root
/// directory is `root` inside.
pub(crate) fn reference(what: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("GODWIT_REFERENCE").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/reference")),
        PathBuf::from,
    );
    if folder.join("root/usr/sbin/sendmail").exists()
        || folder.join("root/usr/lib/sm.bin/sendmail").exists()
        || folder.join("root/usr/libexec/sendmail/sendmail").exists()
    {
        return Some(folder);
    }
    left_out(what, "the reference sendmail is not installed");
    None
}
