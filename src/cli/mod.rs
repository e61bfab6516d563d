//! What the program is when it is called by one name or another.
//!
//! Called by a classic name (`sendmail`, `mailq`, …), or as `godwit NAME …`,
//! it is that program. One table says which names there are; each personality
//! stands in a file of its own and gets the arguments after its name.
//!
//! `godwit --root DIR NAME …` puts every default path under `DIR`.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub mod address_test;
mod agent;
mod audit;
mod auth;
mod check;
mod compile;
mod daemon;
mod desk;
mod editmap;
mod explain;
mod getopt;
mod hoststat;
mod m4;
mod mail_local;
mod mailq;
mod mailstats;
mod make;
mod makemap;
mod manual;
mod map_files;
mod migrate;
mod newaliases;
mod output;
mod praliases;
mod progress;
mod queue;
mod reload;
mod render;
mod run;
mod sendmail;
mod smrsh;
mod tables;
mod trace;

use output::complain;

use crate::base::{Place, Sysexit};

/// One name the program answers to.
struct Personality {
    name: &'static str,
    run: Run,
    about: &'static str,
}

/// How a personality is called; both get the arguments after the name.
enum Run {
    /// One that reads and writes only what its arguments name.
    Plain(fn(Vec<OsString>) -> ExitCode),
    /// One that knows default paths.
    Placed(fn(&Place, Vec<OsString>) -> ExitCode),
    /// A process of the daemon, started by its parent; not for people.
    Hidden(fn(&Place, Vec<OsString>) -> ExitCode),
}

/// Every name, one row each.
#[rustfmt::skip]
const PERSONALITIES: &[Personality] = &[
    Personality { name: "sendmail", run: Run::Placed(sendmail::run), about: "the classic program, flag for flag" },
    Personality { name: "run", run: Run::Placed(run::run), about: "a private mail server in the foreground" },
    Personality { name: "compile", run: Run::Plain(compile::run), about: "compile a sendmail.mc into a sendmail.cf" },
    Personality { name: "cf", run: Run::Plain(compile::run), about: "the same" },
    Personality { name: "make", run: Run::Placed(make::run), about: "brings the .cf files and databases of /etc/mail up to date" },
    Personality { name: "explain", run: Run::Placed(explain::run), about: "why an address goes there, or is refused; what an option is" },
    Personality { name: "audit", run: Run::Placed(audit::run), about: "what is unsafe here, and the command that mends it" },
    Personality { name: "queue", run: Run::Placed(queue::run), about: "what waits, and why: list, show, retry, hold, release, bounce, rm, requeue, export" },
    Personality { name: "trace", run: Run::Placed(trace::run), about: "one message's life, from log and queue" },
    Personality { name: "migrate", run: Run::Placed(migrate::run), about: "take over a site that runs on sendmail, and say what differs" },
    Personality { name: "alias", run: Run::Placed(tables::alias), about: "names that are not users: list, get, set, rm, check, edit" },
    Personality { name: "access", run: Run::Placed(tables::access), about: "who may send and relay, in the same way" },
    Personality { name: "virtuser", run: Run::Placed(tables::virtuser), about: "addresses of virtual domains" },
    Personality { name: "generics", run: Run::Placed(tables::generics), about: "names that users show to the world" },
    Personality { name: "mailer", run: Run::Placed(tables::mailer), about: "ways that are not the MX's" },
    Personality { name: "domain", run: Run::Placed(tables::domain), about: "domains that have other names" },
    Personality { name: "local-host", run: Run::Placed(tables::local_host), about: "names of this host" },
    Personality { name: "relay", run: Run::Placed(tables::relay), about: "domains that may relay" },
    Personality { name: "check", run: Run::Placed(check::run), about: "say what is wrong with a configuration, and what to do" },
    Personality { name: "reload", run: Run::Placed(reload::run), about: "make the running daemon read its configuration again" },
    Personality { name: "auth", run: Run::Placed(auth::run), about: "who may log in to send mail: add, token, rm, list" },
    Personality { name: "makemap", run: Run::Placed(makemap::run), about: "databases from lines of keys and values" },
    Personality { name: "editmap", run: Run::Placed(editmap::run), about: "asks for, sets or removes one entry of a database" },
    Personality { name: "newaliases", run: Run::Placed(newaliases::run), about: "makes the alias databases" },
    Personality { name: "praliases", run: Run::Placed(praliases::run), about: "shows the alias databases" },
    Personality { name: "hoststat", run: Run::Placed(hoststat::run), about: "how the last visit to each host ended" },
    Personality { name: "purgestat", run: Run::Placed(hoststat::run_purge), about: "forgets the old status of hosts" },
    Personality { name: "mailq", run: Run::Placed(mailq::run), about: "what waits in the queue" },
    Personality { name: "mailstats", run: Run::Placed(mailstats::run), about: "how much mail came and went, by mailer" },
    Personality { name: "manual", run: Run::Plain(manual::manual), about: "prints the manual page of a command" },
    Personality { name: "completions", run: Run::Plain(manual::completions), about: "prints completions for bash, zsh or fish" },
    Personality { name: "m4", run: Run::Plain(m4::run), about: "the macro processor alone" },
    Personality { name: "smrsh", run: Run::Placed(smrsh::run), about: "the restricted shell for programs in aliases" },
    Personality { name: "mail.local", run: Run::Placed(mail_local::run), about: "puts mail into mailboxes, also by LMTP" },
    Personality { name: "parent", run: Run::Hidden(sendmail::behind), about: "" },
    Personality { name: "engine", run: Run::Hidden(daemon::engine), about: "" },
    Personality { name: "agent", run: Run::Hidden(agent::run), about: "" },
    Personality { name: "logins", run: Run::Hidden(daemon::logins), about: "" },
    Personality { name: "pam", run: Run::Hidden(daemon::pam), about: "" },
];

/// Finds the personality in the name the program was called by, or in its
/// first argument, and runs it.
pub fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let called = arguments.next().map(PathBuf::from).unwrap_or_default();
    let mut arguments: Vec<OsString> = arguments.collect();
    let called = called.file_name().unwrap_or_default();
    // A hidden role is never taken from the name of a file.
    if let Some(row) = find(called).filter(|row| !matches!(row.run, Run::Hidden(_))) {
        return row.start(&Place::default(), arguments);
    }
    let place = match take_root(&mut arguments) {
        Ok(place) => place,
        Err(message) => {
            complain(message);
            return ExitCode::from(Sysexit::Usage.code());
        }
    };
    match arguments.first().map(OsString::as_os_str) {
        Some(word) if word == "help" || word == "--help" || word == "-h" => {
            output::print(usage());
            ExitCode::SUCCESS
        }
        Some(word) if word == "--version" || word == "-V" => {
            output::print(format!("godwit {}\n", env!("CARGO_PKG_VERSION")));
            ExitCode::SUCCESS
        }
        Some(word) => match find(word) {
            Some(row) => {
                arguments.remove(0);
                row.start(&place, arguments)
            }
            None => {
                complain(format!(
                    "godwit: no command {}; `godwit help` lists them",
                    word.to_string_lossy()
                ));
                ExitCode::from(Sysexit::Usage.code())
            }
        },
        None => {
            complain(usage());
            ExitCode::from(Sysexit::Usage.code())
        }
    }
}

fn find(name: &OsStr) -> Option<&'static Personality> {
    PERSONALITIES.iter().find(|row| name == row.name)
}

impl Personality {
    fn start(&self, place: &Place, arguments: Vec<OsString>) -> ExitCode {
        match self.run {
            Run::Plain(run) => run(arguments),
            Run::Placed(run) | Run::Hidden(run) => run(place, arguments),
        }
    }
}

/// Takes `--root DIR` or `--root=DIR` off the front.
fn take_root(arguments: &mut Vec<OsString>) -> Result<Place, String> {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let Some(first) = arguments.first() else {
        return Ok(Place::default());
    };
    let directory = if first == "--root" {
        if arguments.len() < 2 {
            return Err("godwit: --root needs a directory".to_owned());
        }
        arguments.remove(0);
        arguments.remove(0)
    } else if let Some(directory) = first.as_bytes().strip_prefix(b"--root=") {
        let directory = OsString::from_vec(directory.to_vec());
        arguments.remove(0);
        directory
    } else {
        return Ok(Place::default());
    };
    let directory = Path::new(&directory);
    std::fs::create_dir_all(directory)
        .and_then(|()| directory.canonicalize())
        .map(Place::under)
        .map_err(|error| format!("godwit: --root {}: {error}", directory.display()))
}

/// Says which names there are.
fn usage() -> String {
    let mut text = String::from("usage: godwit [--root DIR] COMMAND [ARGUMENT...]\n");
    for row in PERSONALITIES {
        if !matches!(row.run, Run::Hidden(_)) {
            text.push_str(&format!("  {:12} {}\n", row.name, row.about));
        }
    }
    text
}
