//! Makes everything ready that the address test needs.

use std::collections::HashSet;
use std::io::Write;
use std::sync::Arc;
use std::time::SystemTime;

use bstr::{BStr, BString};
use jiff::{Timestamp, tz::TimeZone};

use super::debug::DebugLevels;
use super::names::{group_id, user_id};
use super::sink::Sink;
use super::{AddressTest, Role};
use crate::base::{Diagnostic, QueueId, Severity, Sysexit};
use crate::cf::{Config, Opt};
use crate::daemon::site::Shared;
use crate::daemon::{self, Loaded, Source, site};
use crate::map::{MapWorld, Maps};
use crate::message::date;
use crate::os;
use crate::rewrite::{MacroTable, Memory, Program};
use crate::route::load;
use crate::world::{Files, HostIdentity, Users};

/// What the address test is told on the command line.
pub(crate) struct Settings<'a> {
    /// The configuration, and what is set over it.
    pub(crate) source: &'a Source,
    /// The name of the configuration as it was given.
    pub(crate) file: Option<&'a BStr>,
    /// `-d` flags, in order.
    pub(crate) debug: &'a [BString],
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
    Runtime(#[from] std::io::Error),
}

/// Reads the configuration, tells on `output` what is wrong with it, and makes
/// a session in the real world.
pub(crate) fn open(
    settings: &Settings<'_>,
    output: &mut dyn Write,
) -> Result<AddressTest, OpenError> {
    let source = settings.source;
    let absolute = source.file.to_string_lossy();
    let loaded = daemon::load(source).map_err(|error| OpenError::Configuration {
        file: absolute.to_string(),
        why: error.raw_os_error().map_or_else(
            || error.to_string(),
            |number| nix::errno::Errno::from_raw(number).desc().to_owned(),
        ),
    })?;
    let options = &loaded.config.options;
    let host = site::identity(options);
    let users: Arc<dyn Users> = Arc::new(os::SystemUsers::new());
    let shared = Shared {
        users: Arc::clone(&users),
        resolver: site::resolver(options, &source.place),
        log: Arc::new(os::MailLog::new(
            daemon::usual_log(&source.place),
            "sendmail",
        )),
        files: Arc::new(os::SystemFiles),
    };
    let own = nix::unistd::getuid().as_raw();
    let world = World {
        host,
        login: users
            .user_by_id(own)
            .ok()
            .flatten()
            .map_or_else(|| "postmaster".into(), |user| user.name.clone()),
        users,
        files: Arc::clone(&shared.files),
        maps: site::map_world(&shared),
    };
    let given = settings
        .file
        .map_or_else(|| absolute.to_string(), BStr::to_string);
    let mut test = AddressTest::begin(loaded, world, (&absolute, &given), output)?;
    test.sink.levels = DebugLevels::of(settings.debug);
    Ok(test)
}

/// What the address test asks outside of itself.
pub struct World {
    /// Who this host is.
    pub host: HostIdentity,
    /// Who runs the test.
    pub login: BString,
    /// Users and groups.
    pub users: Arc<dyn Users>,
    /// Files that classes are read from.
    pub files: Arc<dyn Files>,
    /// What maps ask; its resolver answers `/mx` and `/canon` too.
    pub maps: MapWorld,
}

impl AddressTest {
    /// Makes a session of a configuration, and tells on `output` what is wrong
    /// with it. `file` is its name as origins have it, and as it is shown.
    ///
    /// # Errors
    /// When there can be no runtime for what must be awaited.
    pub fn begin(
        loaded: Loaded,
        world: World,
        file: (&str, &str),
        output: &mut dyn Write,
    ) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let Loaded { config, mut faults } = loaded;
        let initial = Arc::new(initial_macros(&config, &world.host));
        let (mut classes, class_faults) =
            load::classes(&config, &initial, &world.host, &*world.files);
        faults.extend(class_faults);
        let (mut program, rule_faults) = Program::compile(&config, &initial, &classes);
        faults.extend(rule_faults);
        let resolver = Arc::clone(&world.maps.resolver);
        let now = world.maps.clock.now();
        let (maps, map_faults) = Maps::open(&config, world.maps);
        faults.extend(map_faults);
        faults.extend(unknown_users(&config, &*world.users));
        let code = tell(&mut faults, file.0, file.1, output);
        if config.options.choice(Opt::SuperSafe) == "interactive"
            && config.options.choice(Opt::DeliveryMode) != "interactive"
        {
            output.write_all(SUPER_SAFE)?;
        }
        let mut macros = MacroTable::of_config(&config, Some(initial));
        load::settle(&mut macros, &mut classes);
        about_now(&mut macros, now, &world.login);
        program.set_classes(&classes);
        Ok(Self {
            config,
            program,
            classes,
            maps,
            macros,
            resolver,
            users: world.users,
            login: world.login,
            runtime,
            sink: Sink {
                code,
                ..Sink::default()
            },
            memory: Memory::default(),
            told: HashSet::new(),
            role: Role {
                header: false,
                sender: false,
            },
        })
    }
}

/// The macros of a message that begins now, from the one who runs this.
fn about_now(macros: &mut MacroTable, now: SystemTime, login: &[u8]) {
    let zone = TimeZone::system();
    macros.set(b"b", date::rfc5322(now, &zone));
    macros.set(b"_", bstr::concat([login, b"@localhost"]));
    if let Ok(now) = Timestamp::try_from(now) {
        let id = QueueId::new(now.to_zoned(zone).datetime(), 0, std::process::id());
        macros.set(b"i", id.as_str());
    }
}

/// The macros that are there before the configuration is read.
fn initial_macros(config: &Config, host: &HostIdentity) -> MacroTable {
    let mut initial = load::initial_macros(host, site::VERSION, std::process::id());
    initial.set(b"opMode", "t");
    initial.set(b"addr_type", "e r");
    initial.set(b"deliveryMode", "i");
    initial.set(b"quarantine", "");
    // sendmail: only a process that stays tells its number.
    initial.unset(b"p");
    let flags = daemon_flags(config.options.text(Opt::DirectSubmissionModifiers));
    if !flags.is_empty() {
        initial.set(b"daemon_flags", flags);
    }
    initial
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
fn unknown_users(config: &Config, users: &dyn Users) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    for mailer in &config.mailers {
        let (user, group) = (&mailer.user.user, &mailer.user.group);
        let what = if !user.is_empty() && user_id(user, users).is_none() {
            format!("user {user}")
        } else if !group.is_empty() && group_id(group, users).is_none() {
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
/// left to `godwit check`. The configuration is named as it was given. Gives
/// the exit code that they call for.
fn tell(faults: &mut [Diagnostic], absolute: &str, given: &str, output: &mut dyn Write) -> u8 {
    let mut code = Sysexit::Ok;
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
        code = Sysexit::Software;
    }
    code.code()
}
