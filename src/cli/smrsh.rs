//! `smrsh`: the restricted shell for programs that mail is piped into.
//!
//! `smrsh -c COMMAND`. Only programs of one directory (`/etc/mail/smrsh`) are
//! run, and never through a shell.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use bstr::{BString, ByteSlice};

use super::output::{complain, exit, print};
use crate::base::{Place, Sysexit};
use crate::deliver::smrsh::{Found, Joint, Piece, Refusal, Word, check, echo, matches, parse};
use crate::os::{Identity, LogTarget, MailLog, SystemUsers};
use crate::world::{LogLevel, SystemLog, Users};

/// Where the programs are.
const DIRECTORY: &str = "/etc/mail/smrsh";
/// What programs get as their search path.
const PATH: &str = "/usr/bin:/bin";
/// File names that patterns are replaced by, in one command.
const NAMES_MAX: usize = 10_000;

/// Runs it on the arguments after the program's name.
pub(super) fn run(place: &Place, arguments: Vec<OsString>) -> ExitCode {
    let called = called_as(std::env::args_os().next());
    let log = MailLog::new(LogTarget::Socket("/dev/log".into()), "smrsh");
    let command = match arguments.as_slice() {
        [flag, command] if flag == "-c" => command.as_bytes(),
        _ => return usage(&called, &log),
    };
    let rebuilt = match check(command, &place.path(DIRECTORY), &look) {
        Ok(rebuilt) => rebuilt,
        Err(Refusal::Usage) => return usage(&called, &log),
        Err(Refusal::Refused { message, log: line }) => {
            complain(bstr::concat([called.as_bytes(), b": ", &message]));
            let uid = Identity::current().uid;
            let line = bstr::concat([format!("uid {uid}: ").as_bytes(), &line]);
            log.log(LogLevel::Critical, &line);
            return exit(Sysexit::Unavailable);
        }
    };
    match parse(&rebuilt) {
        Ok(links) => {
            let mut shell = Shell { status: 0 };
            let last = links.len().saturating_sub(1);
            for (at, link) in links.into_iter().enumerate() {
                let wanted = match link.joint {
                    Joint::First => true,
                    Joint::And => shell.status == 0,
                    Joint::Or => shell.status != 0,
                };
                if wanted && shell.run(&link.words, at == last) {
                    break;
                }
            }
            // A status is one byte, as the shell's `exit` cuts it.
            ExitCode::from((shell.status & 0xff) as u8)
        }
        Err(error) => {
            complain(bstr::concat([
                called.as_bytes(),
                b": ",
                error.to_string().as_bytes(),
            ]));
            ExitCode::from(2)
        }
    }
}

/// The name it was called by, when that was its own.
fn called_as(name: Option<OsString>) -> OsString {
    let own = |name: &OsString| {
        let file = Path::new(name).file_name();
        file.is_some_and(|file| file.as_bytes().contains_str("smrsh"))
    };
    name.filter(own).unwrap_or_else(|| "smrsh".into())
}

fn usage(called: &OsStr, log: &MailLog) -> ExitCode {
    complain(bstr::concat([
        b"Usage: ".as_slice(),
        called.as_bytes(),
        b" -c command",
    ]));
    log.log(LogLevel::Error, b"usage");
    exit(Sysexit::Usage)
}

fn look(path: &Path) -> Found {
    match std::fs::metadata(path) {
        Err(_) => Found::Nothing,
        Ok(meta) if !meta.is_file() => Found::NotAFile,
        Ok(meta) if meta.permissions().mode() & 0o111 == 0 => Found::NotExecutable,
        Ok(_) => Found::Program,
    }
}

/// The state between the programs of a chain.
struct Shell {
    status: i32,
}

impl Shell {
    /// Runs one program; `true` when nothing may follow.
    fn run(&mut self, words: &[Word], is_last: bool) -> bool {
        let mut names_left = NAMES_MAX;
        let mut words: Vec<BString> = words
            .iter()
            .flat_map(|word| expand(word, &mut names_left))
            .collect();
        let replaces = words.first().is_some_and(|word| word == "exec");
        if replaces {
            words.remove(0);
        }
        let Some((program, arguments)) = words.split_first() else {
            return replaces;
        };
        match program.as_bytes() {
            b"exit" | b"exec" if replaces => {
                complain(format!("smrsh: exec: {program}: not found"));
                self.status = 127;
                return true;
            }
            b"exit" => {
                self.exit(arguments);
                return true;
            }
            b"echo" => {
                print(echo(arguments));
                self.status = 0;
            }
            _ => self.start(program, arguments, is_last || replaces),
        }
        replaces
    }

    fn exit(&mut self, arguments: &[BString]) {
        let Some(first) = arguments.first() else {
            return;
        };
        match first
            .to_str()
            .ok()
            .and_then(|text| text.parse::<u32>().ok())
        {
            Some(number) => self.status = (number & 0xff) as i32,
            None => {
                complain(format!("smrsh: exit: Illegal number: {first}"));
                self.status = 2;
            }
        }
    }

    fn start(&mut self, program: &BString, arguments: &[BString], in_place: bool) {
        let mut command = Command::new(OsStr::from_bytes(program));
        command
            .args(arguments.iter().map(|word| OsStr::from_bytes(word)))
            .env_clear()
            .env("PATH", PATH);
        if let Ok(directory) = std::env::current_dir() {
            command.env("PWD", directory);
        }
        let result = match in_place {
            // Only comes back when it fails.
            true => Err(command.exec()),
            false => command.status(),
        };
        self.status = match result {
            Ok(status) => match (status.code(), status.signal()) {
                (Some(code), _) => code,
                (None, signal) => 128 + signal.unwrap_or(0),
            },
            Err(error) => {
                complain(format!("smrsh: {program}: {error}"));
                match error.kind() {
                    io::ErrorKind::NotFound => 127,
                    _ => 126,
                }
            }
        };
    }
}

/// A word with `~` and patterns replaced; a pattern that fits nothing stands
/// for itself.
fn expand(word: &Word, names_left: &mut usize) -> Vec<BString> {
    let word = match word
        .tilde()
        .and_then(|(name, end)| Some((home(&name)?, end)))
    {
        Some((home, end)) => {
            let home = home.iter().map(|byte| Piece {
                byte: *byte,
                quoted: true,
            });
            Word(home.chain(word.0[end..].iter().copied()).collect())
        }
        None => word.clone(),
    };
    if !word.is_pattern() {
        return vec![word.plain()];
    }
    let absolute = word.0.first().is_some_and(|piece| piece.byte == b'/');
    let mut found = vec![PathBuf::from(if absolute { "/" } else { "" })];
    for part in word.0.split(|piece| piece.byte == b'/') {
        if part.is_empty() {
            continue;
        }
        found = found
            .iter()
            .flat_map(|directory| names(directory, part))
            .take(*names_left)
            .collect();
    }
    *names_left = names_left.saturating_sub(found.len());
    if found.is_empty() {
        return vec![word.plain()];
    }
    found.sort();
    found
        .into_iter()
        .map(|path| BString::from(path.into_os_string().into_vec()))
        .collect()
}

/// The paths in a directory that a part of a pattern fits.
fn names(directory: &Path, part: &[Piece]) -> Vec<PathBuf> {
    let word = Word(part.to_vec());
    if !word.is_pattern() {
        let path = directory.join(OsStr::from_bytes(&word.plain()));
        return path.symlink_metadata().map(|_| path).into_iter().collect();
    }
    let listed = match directory.as_os_str().is_empty() {
        true => Path::new("."),
        false => directory,
    };
    let Ok(entries) = std::fs::read_dir(listed) else {
        return Vec::new();
    };
    entries
        .flatten()
        .map(|entry| entry.file_name())
        .filter(|name| matches(part, name.as_bytes()))
        .map(|name| directory.join(name))
        .collect()
}

fn home(name: &BString) -> Option<BString> {
    if name.is_empty() {
        // There is no HOME here.
        return None;
    }
    let user = SystemUsers::default().user(name).ok()??;
    Some(user.home.clone().into_os_string().into_vec().into())
}
