//! Makes everything ready that the address test needs.

use std::collections::HashSet;
use std::io::Write;
use std::sync::Arc;

use bstr::BStr;

use super::names::{group_id, user_id};
use super::sink::Sink;
use super::{AddressTest, Role};
use crate::base::{Diagnostic, Severity};
use crate::cf::{Config, Opt};
use crate::daemon::site::Shared;
use crate::daemon::{self, Source, site};
use crate::map::Maps;
use crate::os;
use crate::rewrite::{MacroTable, Program};
use crate::route::load;

/// What the address test is told on the command line.
pub(crate) struct Settings<'a> {
    /// The configuration, and what is set over it.
    pub(crate) source: &'a Source,
    /// The name of the configuration as it was given.
    pub(crate) file: Option<&'a BStr>,
    /// `-d` flags, in order.
    pub(crate) debug: &'a [bstr::BString],
}

/// Why it cannot begin.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The configuration cannot be read.
    #[error("{file}: line 0: cannot open: {why}")]
    Configuration {
        /// Its name.
        file: String,
        /// The system's words.
        why: String,
    },
    /// No runtime for what must be awaited.
    #[error("cannot start: {0}")]
    Runtime(std::io::Error),
}

/// Reads the configuration, tells on `output` what is wrong with it, and makes
/// a session.
pub(crate) fn open(
    settings: &Settings<'_>,
    output: &mut dyn Write,
) -> Result<AddressTest, OpenError> {
    let source = settings.source;
    let loaded = daemon::load(source).map_err(|error| OpenError::Configuration {
        file: source.file.display().to_string(),
        why: error.raw_os_error().map_or_else(
            || error.to_string(),
            |number| nix::errno::Errno::from_raw(number).desc().to_owned(),
        ),
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(OpenError::Runtime)?;
    let daemon::Loaded { config, mut faults } = loaded;
    let host = site::identity(&config.options);
    let mut initial = load::initial_macros(&host, site::VERSION, std::process::id());
    initial.set(b"opMode", "t");
    initial.set(b"addr_type", "e r");
    let flags = daemon_flags(config.options.text(Opt::DirectSubmissionModifiers));
    if !flags.is_empty() {
        initial.set(b"daemon_flags", flags);
    }
    let initial = Arc::new(initial);
    let shared = Shared {
        users: Arc::new(os::SystemUsers::new()),
        resolver: site::resolver(&config.options, &source.place),
        log: Arc::new(os::MailLog::new(
            daemon::usual_log(&source.place),
            host.node.as_str(),
            "sendmail",
        )),
        files: Arc::new(os::SystemFiles),
    };
    let (mut classes, class_faults) = load::classes(&config, &initial, &host, &*shared.files);
    faults.extend(class_faults);
    let (program, rule_faults) = Program::compile(&config, &initial, &classes);
    faults.extend(rule_faults);
    let resolver = Arc::clone(&shared.resolver);
    let (maps, map_faults) = Maps::open(&config, site::map_world(&shared));
    faults.extend(map_faults);
    faults.extend(unknown_users(&config));
    let absolute = source.file.to_string_lossy();
    let file = settings
        .file
        .map_or_else(|| absolute.to_string(), BStr::to_string);
    tell(&mut faults, &absolute, &file, output);
    if config.options.choice(Opt::SuperSafe) == "interactive"
        && config.options.choice(Opt::DeliveryMode) != "interactive"
    {
        let _ = output.write_all(SUPER_SAFE);
    }
    let mut macros = MacroTable::of_config(&config, Some(initial));
    load::settle(&mut macros, &mut classes);
    let mut program = program;
    program.set_classes(&classes);
    let mut sink = Sink::default();
    for flag in settings.debug {
        sink.levels.set(flag);
    }
    Ok(AddressTest {
        config,
        program,
        classes,
        maps,
        macros,
        resolver,
        runtime,
        sink,
        told: HashSet::new(),
        role: Role {
            header: false,
            sender: false,
        },
    })
}

/// What is said of two options that do not go together.
const SUPER_SAFE: &[u8] = b"WARNING: SuperSafe=interactive should only be used with
         DeliveryMode=interactive
";

/// Modifiers as `${daemon_flags}` has them: apart, capitals twice.
fn daemon_flags(modifiers: &[u8]) -> String {
    let flags = modifiers
        .iter()
        .filter(|byte| byte.is_ascii_alphabetic())
        .map(|&byte| {
            let flag = char::from(byte);
            if byte.is_ascii_uppercase() {
                format!("{flag}{flag}")
            } else {
                flag.to_string()
            }
        });
    flags.collect::<Vec<_>>().join(" ")
}

/// Mailers that are to run as somebody who is not there.
fn unknown_users(config: &Config) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    for mailer in &config.mailers {
        let (user, group) = (&mailer.user.user, &mailer.user.group);
        let what = if !user.is_empty() && user_id(BStr::new(user)).is_none() {
            format!("user {user}")
        } else if !group.is_empty() && group_id(BStr::new(group)).is_none() {
            format!("group {group}")
        } else {
            continue;
        };
        faults.push(Diagnostic::error(
            "cf-mailer-user",
            mailer.origin.clone(),
            format!("readcf: mailer U= flag: unknown {what}"),
        ));
    }
    faults
}

/// Tells what is wrong, in the order of lines. Warnings that only we have are
/// left to `godwit check`. The configuration is named as it was given.
fn tell(faults: &mut [Diagnostic], absolute: &str, given: &str, output: &mut dyn Write) {
    faults.sort_by_key(|fault| fault.origin.line());
    for fault in faults.iter() {
        let message = match (fault.code, fault.severity) {
            ("cf-ruleset-again", _) => {
                let _ = writeln!(output, "{}", fault.message);
                continue;
            }
            ("cf-option-build", _) => match fault.message.rsplit(' ').next() {
                Some(name) => format!("readcf: unknown option name {name}"),
                None => continue,
            },
            // The reference shows such a line as it has it inside.
            ("cf-rule-tab", _) => fault.message.replace('$', "\u{1}"),
            (_, Severity::Error) => fault.message.clone(),
            _ => continue,
        };
        let file = match fault.origin.file() {
            file if file == absolute => given,
            file => file,
        };
        let line = fault.origin.line();
        let _ = writeln!(output, "{file}: line {line}: {message}");
    }
}
