//! `godwit trace`: one message's life, from log and queue: every line about
//! its id, about ids that it got on the way, and about reports of it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;

use bstr::{BStr, BString, ByteSlice};
use clap::Parser;
use serde_json::json;

use super::desk::{arguments, print_json};
use super::output::{complain, exit, fail, print};
use crate::base::{Place, QueueId, Sysexit};
use crate::daemon;
use crate::os::LogTarget;

/// Ids followed from one message to the next.
const IDS_MAX: usize = 1000;
/// Times that the log is read, each finding ids that the one before named.
const PASSES_MAX: usize = 8;
/// The longest line that is looked at.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Follow a message through the log.
#[derive(Parser)]
#[command(name = "godwit trace", disable_version_flag = true)]
#[command(after_help = "Examples:
  godwit trace 6AM8uH4k000040
  godwit trace alice@example.com
  godwit trace --log /var/log/mail.log.1 '<message-id@example.com>'

Exit status: 0; 1 the log does not know it; 66 the log cannot be read.")]
struct Arguments {
    /// The log; without it, the one that this site writes.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// One line of JSON for each line of the log.
    #[arg(long)]
    json: bool,
    /// A queue id, an address, a message id.
    #[arg(value_name = "ID|ADDRESS")]
    what: String,
}

/// The command line, for its manual page.
pub(super) fn command() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}

/// Runs it.
pub(super) fn run(place: &Place, given: Vec<OsString>) -> ExitCode {
    let arguments: Arguments = match arguments("godwit trace", given) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let log = arguments.log.clone().or_else(|| usual(place));
    let Some(log) = log else {
        return fail(
            Sysexit::NoInput,
            "godwit trace: no log file is known here; --log FILE names one",
        );
    };
    let lines = match trace(&log, arguments.what.as_bytes()) {
        Ok(lines) => lines,
        Err(error) => {
            let why = crate::map::errno_text(&error);
            let text = format!("godwit trace: {}: {why}", log.display());
            return fail(Sysexit::NoInput, text);
        }
    };
    if lines.is_empty() {
        complain(format!(
            "{}: nothing about {}",
            log.display(),
            arguments.what
        ));
        return ExitCode::from(1);
    }
    for line in lines {
        if arguments.json {
            let id = id_of(&line).map(|(id, _)| id.to_string());
            print_json(&json!({ "id": id, "line": line.to_str_lossy() }));
        } else {
            print([line.as_slice(), b"\n"].concat());
        }
    }
    exit(Sysexit::Ok)
}

/// The log of this place, or of this kind of system.
fn usual(place: &Place) -> Option<PathBuf> {
    if let LogTarget::File(path) = daemon::usual_log(place) {
        return Some(path);
    }
    ["/var/log/maillog", "/var/log/mail.log"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.is_file())
}

/// The lines about a message, in the order of the log.
fn trace(log: &std::path::Path, what: &[u8]) -> std::io::Result<Vec<BString>> {
    let mut wanted = Wanted::new(what);
    for _ in 0..PASSES_MAX {
        let before = wanted.len();
        each(log, |line| wanted.learn(line))?;
        if wanted.len() == before {
            break;
        }
    }
    let mut found = Vec::new();
    each(log, |line| {
        if id_of(line).is_some_and(|(id, _)| wanted.ids.contains(id)) {
            found.push(BString::from(line));
        }
    })?;
    Ok(found)
}

fn each(log: &std::path::Path, mut take: impl FnMut(&[u8])) -> std::io::Result<()> {
    let mut reader = BufReader::new(File::open(log)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let end = line.trim_end().len().min(LINE_BYTES_MAX);
        take(&line[..end]);
    }
}

/// What lines are wanted for.
struct Wanted {
    /// Queue ids.
    ids: BTreeSet<BString>,
    /// Message ids.
    message_ids: BTreeSet<BString>,
    /// What was asked for, when it is no queue id.
    text: Option<BString>,
}

impl Wanted {
    fn new(what: &[u8]) -> Self {
        let is_id = QueueId::parse(what).is_some();
        let mut ids = BTreeSet::new();
        if is_id {
            ids.insert(BString::from(what));
        }
        Self {
            ids,
            message_ids: BTreeSet::new(),
            text: (!is_id).then(|| what.to_ascii_lowercase().into()),
        }
    }

    fn len(&self) -> usize {
        self.ids.len() + self.message_ids.len()
    }

    /// Takes in what a line says of ids.
    fn learn(&mut self, line: &[u8]) {
        let Some((id, rest)) = id_of(line) else {
            return;
        };
        if self.ids.len() >= IDS_MAX {
            return;
        }
        let message_id = field(rest, b"msgid=");
        let is_asked = self
            .text
            .as_ref()
            .is_some_and(|text| rest.to_ascii_lowercase().contains_str(text));
        let is_known = message_id.is_some_and(|found| self.message_ids.contains(found.as_bstr()));
        if is_asked || is_known {
            self.ids.insert(id.into());
        }
        if !self.ids.contains(id) {
            return;
        }
        if let Some(found) = message_id {
            self.message_ids.insert(found.into());
        }
        // `ID: NEWID: DSN: …`, `clone: owner=`: reports and copies.
        if let Some((other, _)) = leading_id(rest) {
            self.ids.insert(other.into());
        }
        // `stat=Sent (ID Message accepted for delivery)`: handed on here.
        if let Some(at) = rest.find("stat=Sent (")
            && let Some((other, _)) = accepted_id(&rest[at + b"stat=Sent (".len()..])
        {
            self.ids.insert(other.into());
        }
    }
}

/// The queue id of a log line, and what follows it.
fn id_of(line: &[u8]) -> Option<(&BStr, &[u8])> {
    let at = line.find("]: ")?;
    leading_id(&line[at + 3..])
}

fn leading_id(text: &[u8]) -> Option<(&BStr, &[u8])> {
    let (id, rest) = text.split_once_str(": ")?;
    QueueId::parse(id)?;
    Some((id.as_bstr(), rest))
}

fn accepted_id(text: &[u8]) -> Option<(&BStr, &[u8])> {
    let (id, rest) = text.split_once_str(" ")?;
    QueueId::parse(id)?;
    Some((id.as_bstr(), rest))
}

/// The value of a field of a log line.
fn field<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let at = line.find(name)? + name.len();
    let rest = &line[at..];
    let end = rest.find_byte(b',').unwrap_or(rest.len());
    Some(&rest[..end])
}
