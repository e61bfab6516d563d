//! The restricted shell for programs in aliases and `.forward` files: which
//! commands it takes, and what it makes of them.
//!
//! A command names programs of one directory, joined by `&&` and `||`;
//! everything else that a shell would do something with is refused. There is
//! no shell behind it: [`check`] refuses as sendmail's `smrsh` does, [`parse`]
//! takes apart what is left as a shell would, and the caller starts programs.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use bstr::{BStr, BString, ByteSlice};

mod words;

pub use words::{Piece, SyntaxError, Word, matches, parse};

/// What a program's name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A file that may be executed.
    Program,
    /// A file that may not be executed.
    NotExecutable,
    /// A directory or something else.
    NotAFile,
    /// Nothing.
    Nothing,
}

/// A command is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no command at all.
    Usage,
    /// What to say, and what to log after `uid N: `.
    Refused {
        /// For standard error, after the program's name and a colon.
        message: BString,
        /// For the log.
        log: BString,
    },
}

/// Characters that a shell would do something with.
const SPECIAL: &[u8] = b"<|>^();&`$\r\n";

/// Checks every program that `command` names, and gives the command with
/// their full paths in `directory`.
///
/// # Errors
/// A [`Refusal`], in the words of sendmail's `smrsh`.
pub fn check(
    command: &[u8],
    directory: &Path,
    look: &dyn Fn(&Path) -> Found,
) -> Result<BString, Refusal> {
    let mut rebuilt = Vec::new();
    let mut rest = command;
    loop {
        rest = rest.trim_ascii_start();
        let end = rest
            .iter()
            .position(u8::is_ascii_whitespace)
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() {
            if rebuilt.is_empty() {
                return Err(Refusal::Usage);
            }
            // An operator with nothing behind it: a fault for `parse` to find.
            return Ok(rebuilt.into());
        }
        if word == b"exec" && !after.trim_ascii_start().is_empty() {
            rebuilt.extend_from_slice(b"exec ");
            rest = after;
            continue;
        }
        if word == b"exit" || word == b"echo" {
            rebuilt.extend_from_slice(word);
        } else {
            let path = program(word, after, directory, look)?;
            rebuilt.extend_from_slice(path.as_os_str().as_bytes());
        }
        match after.find_byteset(SPECIAL).or_else(|| foreign(after)) {
            None => {
                rebuilt.extend_from_slice(after);
                return Ok(rebuilt.into());
            }
            Some(at) if matches!(after.get(at..at + 2), Some(b"&&" | b"||")) => {
                rebuilt.extend_from_slice(&after[..at + 2]);
                rest = &after[at + 2..];
            }
            Some(at) => return Err(forbidden(after[at], command)),
        }
    }
}

/// A byte that no terminal should be sent.
fn foreign(text: &[u8]) -> Option<usize> {
    text.iter()
        .position(|byte| !matches!(byte, b' '..=b'~' | b'\t'))
}

fn forbidden(byte: u8, command: &[u8]) -> Refusal {
    Refusal::Refused {
        message: bstr::concat([&b"cannot use "[..], &[byte], b" in command"]).into(),
        log: bstr::concat([&b"attempt to use "[..], &[byte], b" in command: ", command]).into(),
    }
}

/// The file behind a program's name: what follows the last slash of it, in
/// the directory.
fn program(
    word: &[u8],
    after: &[u8],
    directory: &Path,
    look: &dyn Fn(&Path) -> Found,
) -> Result<PathBuf, Refusal> {
    let start = word.rfind_byte(b'/').map_or(0, |at| at + 1);
    let name = &word[start..];
    let path = directory.join(OsStr::from_bytes(name));
    let reason = match look(&path) {
        Found::Program if !matches!(name, b"" | b"." | b"..") => return Ok(path),
        Found::NotExecutable => "",
        Found::Program | Found::NotAFile => " (not a file)",
        Found::Nothing => " (stat failed)",
    };
    // sendmail: a missing program is logged with its arguments.
    let logged: &[&[u8]] = match reason {
        " (stat failed)" => &[name, after],
        _ => &[name],
    };
    Err(Refusal::Refused {
        message: quoted(name, " not available for sendmail programs", reason),
        log: bstr::concat([
            b"attempt to use ".as_slice(),
            &quoted(&bstr::concat(logged), "", reason),
        ])
        .into(),
    })
}

fn quoted(name: &[u8], text: &str, reason: &str) -> BString {
    let parts: [&[u8]; 5] = [b"\"", name, b"\"", text.as_bytes(), reason.as_bytes()];
    bstr::concat(parts).into()
}

/// One program of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// When it runs, after what came before.
    pub joint: Joint,
    /// Its words, the program's first; `exec`, `exit` and `echo` are
    /// the caller's to do.
    pub words: Vec<Word>,
}

/// How a program is joined to what stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joint {
    /// It is the first.
    First,
    /// `&&`: if that succeeded.
    And,
    /// `||`: if that failed.
    Or,
}

/// What `echo` prints for its arguments, and whether nothing follows it
/// (backslash escapes as the shell of Debian and POSIX's XSI have them).
pub fn echo(arguments: &[BString]) -> BString {
    let (newline, arguments) = match arguments.split_first() {
        Some((first, rest)) if first == "-n" => (false, rest),
        _ => (true, arguments),
    };
    let text = bstr::join(" ", arguments);
    let mut out = Vec::with_capacity(text.len() + 1);
    let mut rest = text.as_bstr();
    while let Some(at) = rest.find_byte(b'\\') {
        out.extend_from_slice(&rest[..at]);
        let escape = rest.get(at + 1).copied();
        let plain = match escape {
            Some(b'a') => 7,
            Some(b'b') => 8,
            Some(b'c') => return out.into(),
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'v') => 11,
            Some(b'\\') => b'\\',
            _ => {
                out.push(b'\\');
                rest = BStr::new(&rest[at + 1..]);
                continue;
            }
        };
        out.push(plain);
        rest = BStr::new(&rest[at + 2..]);
    }
    out.extend_from_slice(rest);
    if newline {
        out.push(b'\n');
    }
    out.into()
}
