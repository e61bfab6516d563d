//! `godwit run`: a private instance in the foreground, as whoever types it,
//! ready to use.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bstr::{BString, ByteSlice};
use clap::Parser;

use super::desk::Failure;
use super::make::Work;
use super::output::{complain, exit, fail, print};
use crate::admin::make_instance;
use crate::base::{Diagnostic, Place, Sysexit};
use crate::cf::{Config, Opt};
use crate::daemon::{self, ListenPlace, Loaded, Port, Settings, Source};
use crate::os;

/// Run a private mail server in the foreground.
#[derive(Parser)]
#[command(name = "godwit run", disable_version_flag = true)]
#[command(after_help = "Everything lies under one directory: ./var, or what
`godwit --root DIR run` names. The first start makes it; change the files in
DIR/etc/mail as you like, and start again or type `godwit --root DIR reload`.

Exit status: 0 when stopped by Ctrl-C, 78 when the configuration is at fault,
69 when the port is taken.")]
struct Arguments {
    /// How often the queue is run.
    #[arg(long, value_name = "TIME", default_value = "15m")]
    queue: String,
}

/// Runs it.
pub(super) fn run(place: &Place, arguments: Vec<OsString>) -> ExitCode {
    let name = OsString::from("godwit run");
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
    let interval = match crate::base::interval::parse(&arguments.queue, 'm') {
        Ok(interval) => interval,
        Err(error) => return fail(Sysexit::Usage, format!("godwit: --queue: {error}")),
    };
    let place = match place.root() {
        Some(_) => place.clone(),
        None => Place::under(std::env::current_dir().unwrap_or_default().join("var")),
    };
    match prepare(&place) {
        Ok(()) => serve(&place, interval),
        Err((code, text)) => fail(code, text),
    }
}

/// Makes the instance, its configuration and its maps, as far as they are not
/// there or older than what they are made from.
fn prepare(place: &Place) -> Result<(), Failure> {
    let made = make_instance(place).map_err(|error| (Sysexit::CantCreat, error.to_string()))?;
    if !made.is_empty() {
        let root = place.root().unwrap_or(Path::new("/"));
        print(format!("made a new site in {}\n", root.display()));
    }
    let mut work = Work::new(place, &place.path("/etc/mail"));
    work.silent = true;
    work.configurations(None)?;
    work.databases(None)?;
    work.aliases(false)?;
    match work.failure() {
        Some(failure) => Err(failure.clone()),
        None => Ok(()),
    }
}

/// Serves until it is told to stop.
fn serve(place: &Place, interval: std::time::Duration) -> ExitCode {
    let (mut source, mut loaded) = match read(place.clone()) {
        Ok(read) => read,
        Err((code, text)) => return fail(code, text),
    };
    for fault in &loaded.faults {
        complain(fault.to_string());
    }
    if loaded.faults.iter().any(Diagnostic::is_error) {
        return exit(Sysexit::Config);
    }
    let hints = hints(place, &loaded.config);
    if let Some(root) = place.root()
        && is_closed(root, &loaded.config)
    {
        let inside = std::env::set_current_dir(root)
            .map_err(|error| (Sysexit::OsErr, format!("{}: {error}", root.display())))
            .and_then(|()| read(Place::under(".")));
        (source, loaded) = match inside {
            Ok(read) => read,
            Err((code, text)) => return fail(code, text),
        };
        complain(format!(
            "godwit: others may not enter {}: the server stays in it, and names its files from there (./etc/mail)",
            root.display()
        ));
    }
    let log = daemon::usual_log(&source.place);
    let settings = Settings {
        source,
        queue_interval: Some(interval),
        once: None,
        listens: true,
        has_stderr: true,
        log,
        tag: BString::from("sendmail"),
        command_line: BString::from("godwit run"),
    };
    match daemon::supervise(settings, &loaded, || print(hints)) {
        Ok(()) => exit(Sysexit::Ok),
        Err(stopped) => fail(stopped.code, stopped.text),
    }
}

/// Reads the configuration of a place.
fn read(place: Place) -> Result<(Source, Loaded), Failure> {
    let source = Source {
        file: place.sendmail_cf(),
        place,
        ..Source::default()
    };
    match daemon::load(&source) {
        Ok(loaded) => Ok((source, loaded)),
        Err(error) => {
            let text = format!("{}: {error}", source.file.display());
            Err((Sysexit::OsFile, text))
        }
    }
}

/// Whether the engine, which is not root, would not get to the root by its
/// path: a clone in root's own home is closed to all others.
fn is_closed(root: &Path, config: &Config) -> bool {
    os::is_root()
        && daemon::run_as(&config.options, &os::SystemUsers::new())
            .is_ok_and(|identity| !daemon::can_enter(root, &identity))
}

/// A few lines that show how to use it.
fn hints(place: &Place, config: &Config) -> String {
    let root = place.root().unwrap_or(Path::new("/")).display().to_string();
    let user = user_name();
    let address = config
        .options
        .all(Opt::DaemonPortOptions)
        .iter()
        .enumerate()
        .find_map(|(index, value)| listening(value.text.as_bstr(), index))
        .unwrap_or_else(|| "127.0.0.1:25".to_owned());
    let host = crate::daemon::site::identity(&config.options).full;
    let program = std::env::args_os().next().map_or_else(
        || "godwit".into(),
        |name| PathBuf::from(name).display().to_string(),
    );
    format!(
        "Godwit {version} is listening on {address}. Ctrl-C stops it.\n\
         \n\
         send   printf 'Subject: hello\\n\\nfirst message\\n' | \\\n\
         \x20        curl --crlf --url smtp://{address} --mail-from {user}@{host} --mail-rcpt {user}@{host} -T -\n\
         \x20      swaks --server {address} --from {user}@{host} --to {user}@{host}\n\
         queue  {program} --root {root} mailq\n\
         mail   {root}/var/mail/{user}\n\
         log    {root}/var/log/maillog\n",
        version = env!("CARGO_PKG_VERSION"),
    )
}

fn listening(text: &bstr::BStr, index: usize) -> Option<String> {
    match Port::parse(text, index).ok()?.place("").ok()? {
        ListenPlace::Inet(address) if address.ip().is_unspecified() => {
            Some(format!("127.0.0.1:{}", address.port()))
        }
        ListenPlace::Inet(address) => Some(address.to_string()),
        ListenPlace::Local(_) => None,
    }
}

/// The mailbox to try: whoever typed it; a person when root did.
fn user_name() -> String {
    let named = std::env::var("SUDO_USER").ok();
    let own = nix::unistd::User::from_uid(nix::unistd::getuid())
        .ok()
        .flatten()
        .map(|user| user.name);
    named.or(own).unwrap_or_else(|| "postmaster".to_owned())
}
