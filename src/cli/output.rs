//! What the command line prints, and how it ends.
//!
//! Text of foreign origin is bytes, so nothing here demands UTF-8. When
//! nobody is left to read, there is nobody left to tell.

use std::io::Write;
use std::process::ExitCode;

use crate::base::Sysexit;

/// Writes to standard output.
pub(super) fn print(text: impl AsRef<[u8]>) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_ref());
    let _ = out.flush();
}

/// Writes a line to standard error; a line end is added when there is none.
pub(super) fn complain(text: impl AsRef<[u8]>) {
    let text = text.as_ref();
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(text);
    if text.last() != Some(&b'\n') {
        let _ = err.write_all(b"\n");
    }
}

/// Writes a line to standard output, as `sendmail` says even what is wrong.
pub(super) fn say(text: impl AsRef<[u8]>) {
    let mut line = text.as_ref().to_vec();
    if line.last() != Some(&b'\n') {
        line.push(b'\n');
    }
    print(line);
}

/// Says what is wrong and gives the exit code for it.
pub(super) fn refuse(code: Sysexit, text: impl AsRef<[u8]>) -> ExitCode {
    say(text);
    exit(code)
}

/// Complains and gives the exit code for it.
pub(super) fn fail(code: Sysexit, text: impl AsRef<[u8]>) -> ExitCode {
    complain(text);
    exit(code)
}

/// The exit code.
pub(super) fn exit(code: Sysexit) -> ExitCode {
    ExitCode::from(code.code())
}
