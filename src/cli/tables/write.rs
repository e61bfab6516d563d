//! A changed table put in place: text, database, running server.

use std::process::Stdio;

use bstr::ByteSlice;

use super::locate::{Table, Use};
use crate::admin::make::{DatabaseRequest, build_database};
use crate::admin::table::TableText;
use crate::admin::{replace_file, why_not_written};
use crate::base::Sysexit;
use crate::cli::desk::{self, Failure, NoReload, own_command};
use crate::cli::output::complain;
use crate::map::BuildError;

impl Table<'_> {
    /// Writes the text and what is made of it. The lock is held meanwhile.
    pub(super) fn write(&self, text: &TableText) -> Result<(), Failure> {
        match &self.used {
            Use::Database {
                kind,
                keep_case,
                nul,
            } => {
                let result = kind.file(&self.source);
                let (trusted, owner) = desk::map_owners(&self.loaded.config);
                // All of the database is ready before the text changes.
                let built = build_database(&DatabaseRequest {
                    name: &self.source.to_string_lossy(),
                    text: text.text(),
                    kind: *kind,
                    result: &result,
                    keep_case: *keep_case,
                    nul: *nul,
                    trusted: &trusted,
                    owner,
                })
                .map_err(|error| unwritten(&result, &error))?;
                if let Some(fault) = built.faults.iter().find(|fault| fault.is_error()) {
                    return Err((
                        Sysexit::DataErr,
                        format!("nothing is changed: another line is at fault: {fault}"),
                    ));
                }
                self.replace(text.text())?;
                built.commit().map_err(|error| unwritten(&result, &error))
            }
            Use::Aliases => self.write_aliases(text),
            Use::Text => self.replace(text.text()),
            Use::Class => {
                self.replace(text.text())?;
                self.reload();
                Ok(())
            }
        }
    }

    fn replace(&self, text: &[u8]) -> Result<(), Failure> {
        replace_file(&self.source, text, 0o644).map_err(|error| {
            let why = why_not_written(&self.source, &error);
            let text = format!("{}: not written: {why}", self.source.display());
            (Sysexit::CantCreat, text)
        })
    }

    /// The alias file and its databases; the old text comes back when they
    /// cannot be made.
    fn write_aliases(&self, text: &TableText) -> Result<(), Failure> {
        let old = std::fs::read(&self.source).ok();
        self.replace(text.text())?;
        let output = own_command(self.place)
            .args(["sendmail", "-bi", "-C"])
            .arg(&self.config_file)
            .stdin(Stdio::null())
            .output();
        let said = match output {
            Ok(output) if output.status.success() => return Ok(()),
            Ok(output) => [output.stdout, output.stderr].concat(),
            Err(error) => error.to_string().into_bytes(),
        };
        if let Some(old) = old {
            self.replace(&old)?;
        }
        let said = said.trim().to_str_lossy().into_owned();
        Err((
            Sysexit::DataErr,
            format!("newaliases refuses it, and the old text is back: {said}"),
        ))
    }

    /// Tells the running server; one that does not run reads it as it starts.
    fn reload(&self) {
        match desk::reload(&self.loaded.config) {
            Ok(()) | Err(NoReload::NoDaemon(_)) => {}
            Err(NoReload::Denied) => {
                complain(
                    "the server takes orders from root and its own user: `godwit reload` there",
                );
            }
            Err(NoReload::Faulty(text)) => complain(text),
        }
    }
}

fn unwritten(path: &std::path::Path, error: &BuildError) -> Failure {
    let why = match error {
        BuildError::Io(error) => why_not_written(path, error),
        error => error.to_string(),
    };
    (
        Sysexit::CantCreat,
        format!("{}: not written: {why}", path.display()),
    )
}
