//! A table in an editor: what comes out is taken when it is right, as a whole.

use std::ffi::OsString;
use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use super::Desk;
use crate::admin::replace_file;
use crate::admin::table::TableText;
use crate::base::{Diagnostic, Sysexit};
use crate::cli::desk::Failure;
use crate::cli::output::{complain, exit, print};

/// Edits until the text is right or is given up.
pub(super) fn run(desk: &mut Desk<'_>) -> Result<ExitCode, Failure> {
    let before = desk.table.read_or_new()?;
    let draft = draft(&desk.table.source);
    let io = |error: std::io::Error| {
        let text = format!("{}: {error}", draft.display());
        (Sysexit::CantCreat, text)
    };
    replace_file(&draft, before.text(), 0o600).map_err(io)?;
    loop {
        edit(&draft)?;
        let text = TableText::new(desk.table.kind.form(), std::fs::read(&draft).map_err(io)?);
        if text.text() == before.text() {
            let _ = std::fs::remove_file(&draft);
            print("nothing is changed\n");
            return Ok(exit(Sysexit::Ok));
        }
        let faults = desk.faults(&text);
        desk.tell(&faults);
        if faults.iter().any(Diagnostic::is_error) {
            if again() {
                continue;
            }
            return Err((
                Sysexit::DataErr,
                format!("nothing is changed; your text is in {}", draft.display()),
            ));
        }
        let _locked = desk.table.lock()?;
        if desk.table.read_or_new()?.text() != before.text() {
            return Err((
                Sysexit::TempFail,
                format!(
                    "somebody else has changed the table meanwhile; your text is in {}",
                    draft.display()
                ),
            ));
        }
        desk.table.write(&text)?;
        let _ = std::fs::remove_file(&draft);
        print(format!("{}: changed\n", desk.table.source.display()));
        return Ok(exit(Sysexit::Ok));
    }
}

/// The copy that is edited: beside the table, for its owner alone.
fn draft(source: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(source.file_name().unwrap_or_default());
    name.push(format!(".edit.{}", std::process::id()));
    source.with_file_name(name)
}

/// Runs the editor that the environment names.
fn edit(file: &Path) -> Result<(), Failure> {
    let named = ["VISUAL", "EDITOR"]
        .into_iter()
        .find_map(|name| std::env::var_os(name).filter(|value| !value.is_empty()));
    let editor = named.unwrap_or_else(|| "vi".into());
    // As other programs do: the variable may hold arguments.
    let status = Command::new("/bin/sh")
        .arg("-c")
        .arg("exec $0 \"$1\"")
        .arg(&editor)
        .arg(file)
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err((
            Sysexit::Unavailable,
            format!("the editor ended with {status}; nothing is changed"),
        )),
        Err(error) => Err((
            Sysexit::Unavailable,
            format!("{}: {error}", editor.display()),
        )),
    }
}

/// Asks whether to edit again.
fn again() -> bool {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return false;
    }
    complain("Edit again? [Y/n]");
    let mut answer = String::new();
    let read = stdin.lock().read_line(&mut answer);
    read.is_ok_and(|read| read > 0) && !answer.trim_start().starts_with(['n', 'N'])
}
