//! The files that a `.mc` takes in, found without running it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use bstr::ByteSlice;

/// What is read of a `.mc` to find them.
const READ_BYTES_MAX: u64 = 1 << 20;

/// The files that `include` and `sinclude` name in a `.mc`, as far as they
/// are there; the m4 library is not one of them. Names without a directory
/// are taken from `directory`.
pub(super) fn of(source: &Path, directory: &Path) -> Vec<PathBuf> {
    let mut text = Vec::new();
    let read = File::open(source).and_then(|file| file.take(READ_BYTES_MAX).read_to_end(&mut text));
    if read.is_err() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.trim_start();
        if line.starts_with(b"dnl") || line.starts_with(b"#") {
            continue;
        }
        for at in line.find_iter("include(") {
            let rest = &line[at + b"include(".len()..];
            let Some(end) = rest.find_byte(b')') else {
                continue;
            };
            let name = rest[..end].trim_with(|c| matches!(c, '`' | '\'' | ' ' | '\t'));
            if name.is_empty() || name.ends_with(b"cf.m4") {
                continue;
            }
            let path = directory.join(name.to_path_lossy());
            if path.is_file() && !found.contains(&path) {
                found.push(path);
            }
        }
    }
    found
}
