//! `godwit compile` and `godwit cf`: from `.mc` to `.cf`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use bstr::BString;
use clap::Parser;

use super::m4::RealHost;
use super::output::{complain, exit, fail};
use crate::admin::{compile_file, replace_file, told};
use crate::base::{Diagnostic, Sysexit};
use crate::mc::{Compiled, Templates};

/// Compile a sendmail.mc into a sendmail.cf.
#[derive(Parser)]
#[command(name = "godwit compile", disable_version_flag = true)]
#[command(after_help = "Examples:
  godwit compile /etc/mail/sendmail.mc -o /etc/mail/sendmail.cf
  godwit compile site.mc --templates /usr/share/sendmail/cf > site.cf

Exit status: 0 when the configuration is whole, 65 when the source is at
fault, 66 when it cannot be read, 73 when the result cannot be written.")]
struct Arguments {
    /// The source, a sendmail.mc.
    file: PathBuf,
    /// Write here, aside first and then renamed, instead of to standard output.
    #[arg(short, long, value_name = "FILE.cf")]
    output: Option<PathBuf>,
    /// Another m4 library: the directory that holds m4/cf.m4, or `site` for
    /// the path that the source itself names.
    #[arg(long, value_name = "DIR")]
    templates: Option<OsString>,
    /// Look here, too, for what the source includes, and for folders like the
    /// library's own: domain, feature, hack, mailer, ostype, siteconfig.
    #[arg(short = 'I', long = "include", value_name = "DIR")]
    include: Vec<PathBuf>,
    /// Let syscmd and esyscmd run commands; those of --templates always may.
    #[arg(long)]
    allow_syscmd: bool,
}

/// Runs it.
pub(super) fn run(arguments: Vec<OsString>) -> ExitCode {
    let name = OsString::from("godwit compile");
    let arguments = match Arguments::try_parse_from(std::iter::once(name).chain(arguments)) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return exit(if error.use_stderr() {
                Sysexit::Usage
            } else {
                Sysexit::Ok
            });
        }
    };
    let mut outside = RealHost::new(arguments.include, None);
    let compiled = match compile_file(
        &arguments.file,
        templates(arguments.templates),
        arguments.allow_syscmd,
        &mut outside,
    ) {
        Ok(compiled) => compiled,
        Err(error) => return fail(Sysexit::NoInput, error.to_string()),
    };
    report(&compiled);
    let verdict = if compiled.failed() {
        Sysexit::DataErr
    } else {
        Sysexit::Ok
    };
    match arguments.output {
        // What there is, as m4 gives it; the exit status tells what it is worth.
        None => {
            let mut out = io::stdout().lock();
            if let Err(error) = out.write_all(&compiled.text).and_then(|()| out.flush()) {
                let text = format!("standard output: {}", system_words(&error));
                return fail(Sysexit::CantCreat, text);
            }
        }
        Some(path) if compiled.failed() => {
            let text = format!("{} stays as it is", path.display());
            return fail(verdict, text);
        }
        Some(path) => {
            if let Err(error) = replace_file(&path, &compiled.text, 0o644) {
                let text = format!("{}: {}", path.display(), system_words(&error));
                return fail(Sysexit::CantCreat, text);
            }
        }
    }
    exit(verdict)
}

/// An error without the number that Rust adds to the system's words.
fn system_words(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => nix::errno::Errno::from_raw(code).desc().to_owned(),
        None => error.to_string(),
    }
}

pub(super) fn templates(asked: Option<OsString>) -> Templates {
    use std::os::unix::ffi::OsStringExt;
    match asked {
        None => Templates::BuiltIn,
        Some(word) if word == "site" => Templates::AsWritten,
        Some(directory) => Templates::Directory(BString::from(directory.into_vec())),
    }
}

/// Prints every fault, and every remark that is more than a note.
pub(super) fn report(compiled: &Compiled) {
    for fault in told(compiled) {
        complain(one_line(&fault));
    }
}

/// Sendmail's one-line form, with what to do where there is something.
pub(super) fn one_line(fault: &Diagnostic) -> String {
    let mut text = format!("{fault}");
    if !fault.is_error() {
        text = format!("{} ({})", text, fault.severity);
    }
    if !fault.help.is_empty() {
        text = format!("{}. {}", text.trim_end_matches('.'), fault.help);
    }
    text
}
