//! `hoststat` and `purgestat`, `sendmail -bh` and `-bH`: the status of hosts,
//! which the daemon has in hand; without one it is read from its store.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::SystemTime;

use bstr::{BString, ByteSlice};

use super::output::{exit, fail, print, say};
use super::sendmail;
use crate::base::{Place, Sysexit};
use crate::cf::{Opt, Options};
use crate::daemon::{self, HostsError, control};
use crate::deliver::HostRecord;
use crate::map::errno_text;
use crate::report::hoststat;

/// `hoststat`
pub(super) fn run(place: &Place, arguments: Vec<OsString>) -> ExitCode {
    sendmail::as_called(place, arguments, sendmail::Mode::Hosts)
}

/// `purgestat`
pub(super) fn run_purge(place: &Place, arguments: Vec<OsString>) -> ExitCode {
    sendmail::as_called(place, arguments, sendmail::Mode::Purge)
}

/// Lists hosts, or forgets those whose status is old.
pub(super) fn show(options: &Options, verbose: bool, purge: bool) -> ExitCode {
    if options.text(Opt::HostStatusDirectory).is_empty() {
        return exit(Sysexit::Ok);
    }
    let request = if purge { "purgestat" } else { "hoststat" };
    let answer = match control::ask(&control::path(options), request) {
        Ok(answer) => answer,
        Err(_) => match daemon::hosts(options, purge) {
            Ok(answer) => answer.into(),
            Err(HostsError::Directory(directory, error)) => {
                let why = errno_text(&error);
                let path = directory.display();
                say(format!(
                    "Warning: Cannot use HostStatusDirectory = {path}: {why}"
                ));
                return exit(Sysexit::Ok);
            }
            Err(HostsError::Store(error)) => return fail(Sysexit::OsErr, errno_text(&error)),
        },
    };
    if !purge {
        let hosts: Vec<(BString, HostRecord)> = answer
            .lines()
            .filter_map(|line| {
                let (host, record) = line.split_once_str("\t")?;
                Some((host.into(), HostRecord::decode(record)?))
            })
            .collect();
        print(hoststat::listing(&hosts, SystemTime::now(), verbose));
    }
    exit(Sysexit::Ok)
}
