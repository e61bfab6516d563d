//! All maps of one configuration, found by name.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use bstr::{BStr, BString, ByteSlice};

use crate::base::{Diagnostic, Origin};
use crate::cf::{Config, Opt};

use super::aliases::AliasMaps;
use super::answer::{Answer, Lookup, Outcome, Scope};
use super::database::{self, Kind};
use super::kline::{Common, Definition, KLine};
#[cfg(feature = "ldap")]
use super::ldap;
use super::patience::AliasWait;
use super::socket::Connections;
use super::world::MapWorld;
use super::{
    cidr, elsewhere, implicit, names, program, redis, regex, sequence, simple, socket, syslog,
    text, user, userdb,
};

/// A map of a [`Maps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MapId(u32);

/// How the tokens of a key are put together before the map is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyStyle {
    /// What stands between two words (`-S`); the configuration's BlankSub
    /// without.
    pub space: Option<u8>,
    /// Quotes stay in the key (`-q`).
    pub keep_quotes: bool,
}

/// All maps of one configuration.
pub struct Maps {
    world: MapWorld,
    maps: Vec<Map>,
    names: HashMap<BString, MapId>,
    connections: Connections,
    aliases: AliasMaps,
}

/// One map.
struct Map {
    name: BString,
    class: BString,
    common: Common,
    backend: Box<dyn Backend>,
}

/// What is asked of a map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'k> {
    /// The key as the rule has it.
    pub(crate) key: &'k [u8],
    /// The key, then the arguments behind `$@`; nothing at all when values
    /// are wanted as they stand.
    pub(crate) arguments: &'k [&'k [u8]],
}

/// The inside of a map: what its class does.
pub(crate) trait Backend: Send + Sync {
    /// Answers one question. `-D`, `-t` and `-T` are the registry's business,
    /// all other flags the class's.
    fn lookup<'a>(
        &'a self,
        maps: &'a Maps,
        ask: Ask<'_>,
        scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome>;

    /// Whether the map can be asked at all.
    fn open_state(&self, _maps: &Maps) -> OpenState {
        OpenState::Open
    }
}

/// Whether a map can be asked, as `-bt` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenState {
    /// It can.
    Open,
    /// It cannot, and need not (`-o`).
    NotOpen,
    /// It cannot: the reference's line about it.
    Faulty(String),
}

/// What of the configuration, beside the `K` lines, maps depend on.
#[derive(Clone, Debug, Default)]
pub struct MapSettings {
    /// Refuse files in directories that group or world may write to
    /// (DontBlameSendmail without `MapInUnsafeDirPath`).
    pub strict_directories: bool,
    /// ServiceSwitchFile; none to go by the built-in order.
    pub service_switch: Option<PathBuf>,
    /// UserDatabaseSpec: files of the user database, in order.
    pub user_databases: Vec<PathBuf>,
    /// AliasWait: how long to wait for an alias database without its last
    /// entry.
    pub alias_wait: Duration,
    /// LDAPDefaultSpec: flags that every `ldap` map begins with.
    pub ldap_default_spec: BString,
    /// DefaultUser: whom programs run as, when we are root.
    pub default_user: BString,
    /// `D=` of the mailer `prog`: where programs run, the first that is there.
    pub program_directories: Vec<PathBuf>,
}

/// What a class makes of a definition.
pub(crate) struct Opened {
    /// Its flags.
    pub(crate) common: Common,
    /// What it does.
    pub(crate) backend: Box<dyn Backend>,
}

impl Opened {
    /// A map whose line is at fault: it has its name, and finds nothing.
    pub(crate) fn unusable(common: Common) -> Self {
        Self {
            common,
            backend: Box::new(Unusable),
        }
    }
}

/// A map whose line is at fault.
struct Unusable;

impl Backend for Unusable {
    fn lookup<'a>(
        &'a self,
        _maps: &'a Maps,
        _ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        Lookup::Ready(Outcome::ABSENT)
    }

    fn open_state(&self, _maps: &Maps) -> OpenState {
        OpenState::NotOpen
    }
}

/// What a class is given to open a map.
pub(crate) struct Opening<'d> {
    /// The `K` line.
    pub(crate) definition: &'d Definition,
    /// The maps defined so far.
    pub(crate) names: &'d HashMap<BString, MapId>,
    /// The rest of the configuration.
    pub(crate) settings: &'d MapSettings,
    /// The world.
    pub(crate) world: &'d MapWorld,
    /// Connections that maps share.
    pub(crate) connections: &'d Connections,
    /// The map is one of option AliasFile.
    pub(crate) for_aliases: bool,
    /// The flags that an earlier line of the same name gave.
    // sendmail: a second line for a map adds its flags to those of the first.
    pub(crate) before: Common,
    /// Complaints go here.
    pub(crate) diagnostics: &'d mut Vec<Diagnostic>,
}

impl MapSettings {
    /// What a configuration says.
    pub fn of(config: &Config) -> Self {
        let words = |opt| {
            let words = config.options.words(opt).into_iter();
            words.map(|word| word.to_os_str_lossy().into_owned().into())
        };
        let lax = config
            .options
            .words(Opt::DontBlameSendmail)
            .iter()
            .any(|word| word.eq_ignore_ascii_case(b"MapInUnsafeDirPath"));
        let switch = config.options.text(Opt::ServiceSwitchFile);
        Self {
            strict_directories: !lax,
            service_switch: (!switch.is_empty())
                .then(|| switch.to_os_str_lossy().into_owned().into()),
            user_databases: words(Opt::UserDatabaseSpec).collect(),
            alias_wait: config.options.interval(Opt::AliasWait),
            ldap_default_spec: config.options.text(Opt::LdapDefaultSpec).into(),
            default_user: config.options.text(Opt::DefaultUser).into(),
            program_directories: program_directories(config),
        }
    }
}

/// The directories that the mailer `prog` names, as far as no macro is in
/// them: there is no message yet that could fill one in.
fn program_directories(config: &Config) -> Vec<PathBuf> {
    let mailer = config.mailers.iter().find(|mailer| mailer.name == "prog");
    let directories = mailer.map(|mailer| mailer.directory.split_str(":"));
    directories
        .into_iter()
        .flatten()
        .filter(|text| !text.is_empty() && !text.contains(&b'$'))
        .map(|text| text.to_os_str_lossy().into_owned().into())
        .collect()
}

impl Opening<'_> {
    /// The line, read as every class in a file reads it; flags that nobody
    /// knows are reported.
    pub(crate) fn line(&mut self) -> KLine {
        let line = KLine::parse_onto(self.before.clone(), &self.definition.arguments, b"");
        line.report(self.definition, self.diagnostics);
        line
    }

    /// How long the map waits for its database: only alias maps do.
    pub(crate) fn alias_wait(&self) -> AliasWait {
        AliasWait::new(match self.for_aliases {
            true => self.settings.alias_wait,
            false => Duration::ZERO,
        })
    }

    /// Reports that the map cannot be used as it is defined.
    pub(crate) fn fault(&mut self, code: &'static str, message: impl Into<String>) {
        let origin = self.definition.origin.clone();
        self.diagnostics
            .push(Diagnostic::error(code, origin, message));
    }

    /// Reports that the line names no file.
    pub(crate) fn no_file(&mut self) {
        let Definition { class, name, .. } = self.definition;
        let message = format!("No file name for {class} map {name}");
        self.fault("map-no-file", message);
    }

    /// The map of this name, defined on an earlier line.
    pub(crate) fn earlier(&self, name: &[u8]) -> Option<MapId> {
        self.names.get(folded(name).as_bstr()).copied()
    }
}

/// Names of maps are the same in any case.
fn folded(name: &[u8]) -> BString {
    name.to_ascii_lowercase().into()
}

impl Maps {
    /// Opens the maps of a configuration and its alias files. A line that
    /// makes no sense is reported; its name is then unknown.
    pub fn open(config: &Config, world: MapWorld) -> (Self, Vec<Diagnostic>) {
        let settings = MapSettings::of(config);
        let definitions: Vec<Definition> = config
            .maps
            .iter()
            .map(|map| Definition {
                name: map.name.clone(),
                class: map.class.clone(),
                arguments: map.args.clone(),
                origin: map.origin.clone(),
            })
            .collect();
        let (mut maps, mut diagnostics) = Self::with_settings(&definitions, &settings, world);
        let files: Vec<(BString, Origin)> = config
            .options
            .all(Opt::AliasFile)
            .iter()
            .map(|value| (value.text.clone(), value.origin.clone()))
            .collect();
        let aliases = AliasMaps::define(&mut maps, &files, &settings, &mut diagnostics);
        maps.aliases = aliases;
        (maps, diagnostics)
    }

    /// Opens maps, in the order of their lines, with nothing else configured.
    pub fn from_definitions(
        definitions: &[Definition],
        world: MapWorld,
    ) -> (Self, Vec<Diagnostic>) {
        Self::with_settings(definitions, &MapSettings::default(), world)
    }

    /// Opens maps, in the order of their lines, behind `host`,
    /// which is always there.
    pub fn with_settings(
        definitions: &[Definition],
        settings: &MapSettings,
        world: MapWorld,
    ) -> (Self, Vec<Diagnostic>) {
        let mut maps = Self {
            world,
            maps: Vec::new(),
            names: HashMap::new(),
            connections: Connections::default(),
            aliases: AliasMaps::default(),
        };
        let mut diagnostics = Vec::new();
        let built_in = Definition {
            name: "host".into(),
            class: "host".into(),
            arguments: "-a.".into(),
            origin: Origin::internal("built-in maps"),
        };
        for definition in std::iter::once(&built_in).chain(definitions) {
            maps.define(definition, settings, false, &mut diagnostics);
        }
        (maps, diagnostics)
    }

    /// Opens one map and gives it its name; a later one of the same name
    /// takes its place. None when there is no such class.
    pub(crate) fn define(
        &mut self,
        definition: &Definition,
        settings: &MapSettings,
        for_aliases: bool,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<MapId> {
        let mut opening = Opening {
            definition,
            names: &self.names,
            settings,
            world: &self.world,
            connections: &self.connections,
            for_aliases,
            before: self
                .id(&definition.name)
                .map(|id| self.map(id).common.clone())
                .unwrap_or_default(),
            diagnostics,
        };
        let opened = open_class(&mut opening)?;
        let number = u32::try_from(self.maps.len()).ok()?;
        self.maps.push(Map {
            name: definition.name.clone(),
            class: definition.class.clone(),
            common: opened.common,
            backend: opened.backend,
        });
        self.names.insert(folded(&definition.name), MapId(number));
        Some(MapId(number))
    }

    /// The alias maps.
    pub fn aliases(&self) -> &AliasMaps {
        &self.aliases
    }

    /// What the alias maps hold for a local name.
    pub fn alias<'a>(&'a self, name: &[u8]) -> Lookup<'a> {
        self.aliases.lookup(self, name)
    }

    /// The map of this name.
    pub fn id(&self, name: &[u8]) -> Option<MapId> {
        self.names.get(folded(name).as_bstr()).copied()
    }

    /// All maps with their names, in the order of definition.
    pub fn iter(&self) -> impl Iterator<Item = (MapId, &BStr)> {
        (0..)
            .zip(&self.maps)
            .map(|(number, map)| (MapId(number), map.name.as_bstr()))
    }

    /// The name of a map.
    pub fn name(&self, id: MapId) -> &BStr {
        self.map(id).name.as_bstr()
    }

    /// The class of a map.
    pub fn class(&self, id: MapId) -> &BStr {
        self.map(id).class.as_bstr()
    }

    /// How a rule puts the key of this map together.
    pub fn key_style(&self, id: MapId) -> KeyStyle {
        let common = &self.map(id).common;
        KeyStyle {
            space: common.space,
            keep_quotes: common.keep_quotes,
        }
    }

    /// Looks `key` up, with the arguments that stand behind `$@` in a rule.
    pub fn lookup<'a>(
        &'a self,
        id: MapId,
        key: &[u8],
        arguments: &[&[u8]],
        scope: &mut Scope<'_>,
    ) -> Lookup<'a> {
        let common = &self.map(id).common;
        if common.not_deferring && scope.deferring {
            return Lookup::Ready(common.settle(Outcome::TempFail, key));
        }
        self.settled(id, key, self.probe(id, key, arguments, scope))
    }

    /// Looks `key` up for its value as it stands: `%` means nothing in it.
    pub(crate) fn lookup_plain<'a>(
        &'a self,
        id: MapId,
        key: &[u8],
        scope: &mut Scope<'_>,
    ) -> Lookup<'a> {
        let ask = Ask {
            key,
            arguments: &[],
        };
        let outcome = self.map(id).backend.lookup(self, ask, scope);
        self.settled(id, key, outcome)
    }

    /// What an outcome is to the one who asked.
    fn settled<'a>(&'a self, id: MapId, key: &[u8], outcome: Lookup<'a, Outcome>) -> Lookup<'a> {
        let common = &self.map(id).common;
        match outcome {
            Lookup::Ready(outcome) => Lookup::Ready(common.settle(outcome, key)),
            Lookup::Pending(later) => {
                let key = key.to_vec();
                Lookup::Pending(Box::pin(async move { common.settle(later.await, &key) }))
            }
        }
    }

    /// What the map's class answers, before `-t`, `-T` and `-D`: as `/map` of
    /// `-bt` shows it.
    pub fn probe<'a>(
        &'a self,
        id: MapId,
        key: &[u8],
        arguments: &[&[u8]],
        scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        let backend = &self.map(id).backend;
        if arguments.is_empty() {
            let arguments = &[key];
            return backend.lookup(self, Ask { key, arguments }, scope);
        }
        let mut all = smallvec::SmallVec::<[&[u8]; 10]>::new();
        all.push(key);
        all.extend_from_slice(arguments);
        let arguments = &all;
        backend.lookup(self, Ask { key, arguments }, scope)
    }

    /// The same lookup, with both what the class answered and what a rule sees
    /// of it: for `-bt`.
    pub fn lookup_shown<'a>(
        &'a self,
        id: MapId,
        key: &[u8],
        arguments: &[&[u8]],
        scope: &mut Scope<'_>,
    ) -> Lookup<'a, (Outcome, Answer)> {
        let common = &self.map(id).common;
        let outcome = if common.not_deferring && scope.deferring {
            Lookup::Ready(Outcome::TempFail)
        } else {
            self.probe(id, key, arguments, scope)
        };
        let show = move |outcome: Outcome, key: &[u8]| {
            // With `-t` a failure does not make the run temporary.
            let shown = match outcome {
                Outcome::TempFail if common.no_defer => Outcome::NotFound(outcome.code()),
                ref outcome => outcome.clone(),
            };
            (shown, common.settle(outcome, key))
        };
        match outcome {
            Lookup::Ready(outcome) => Lookup::Ready(show(outcome, key)),
            Lookup::Pending(later) => {
                let key = key.to_vec();
                Lookup::Pending(Box::pin(async move { show(later.await, &key) }))
            }
        }
    }

    /// What a member of a sequence answers.
    pub(crate) fn member<'a>(
        &'a self,
        id: MapId,
        ask: Ask<'_>,
        scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        self.map(id).backend.lookup(self, ask, scope)
    }

    /// Whether the map can be asked at all.
    pub fn open_state(&self, id: MapId) -> OpenState {
        self.map(id).backend.open_state(self)
    }

    /// The world the maps live in.
    pub(crate) fn world(&self) -> &MapWorld {
        &self.world
    }

    /// The map itself.
    fn map(&self, id: MapId) -> &Map {
        // An id is only ever made by `define`, and maps are never taken away.
        &self.maps[id.0 as usize]
    }
}

impl Common {
    /// What an outcome is to a rule, with `-t` and `-T`.
    fn settle(&self, outcome: Outcome, key: &[u8]) -> Answer {
        match outcome {
            Outcome::TempFail => match &self.suffix_tempfail {
                Some(suffix) => {
                    let mut value = BString::from(key);
                    value.extend_from_slice(suffix);
                    Answer::Found(value)
                }
                None if self.no_defer => Answer::NotFound,
                None => Answer::TempFail,
            },
            outcome => outcome.into(),
        }
    }

    /// The answer of a map of this line that found `value`.
    pub(crate) fn result(&self, ask: Ask<'_>, value: Vec<u8>) -> BString {
        if self.match_only {
            return self.value(ask.key, None);
        }
        let plain = ask.arguments.is_empty() || memchr::memchr(b'%', &value).is_none();
        match (plain, self.suffix.is_empty()) {
            (true, true) => value.into(),
            (true, false) => self.value(&value, None),
            (false, _) => self.value(&value, Some(ask.arguments)),
        }
    }
}

/// Opens a map of any class; none when there is no such class.
fn open_class(opening: &mut Opening<'_>) -> Option<Opened> {
    match opening.definition.class.as_slice() {
        b"null" => Some(simple::null(opening)),
        b"arith" => Some(simple::arith(opening)),
        b"macro" => Some(simple::set_macro(opening)),
        b"dequote" => Some(simple::dequote(opening)),
        b"arpa" => Some(names::arpa(opening)),
        b"hash" => database::open(opening, Kind::Hash),
        b"btree" => database::open(opening, Kind::Btree),
        b"cdb" => database::open(opening, Kind::Cdb),
        b"lmdb" => database::open(opening, Kind::Lmdb),
        b"dbm" => database::open(opening, Kind::Dbm),
        b"cidr" => cidr::open(opening),
        b"text" => text::open(opening),
        b"regex" => regex::open(opening),
        b"user" => Some(user::open(opening)),
        b"host" => Some(names::host(opening)),
        b"dns" => Some(names::dns(opening)),
        b"bestmx" => Some(names::bestmx(opening)),
        b"program" => program::open(opening),
        b"socket" => socket::open(opening),
        b"redis" => redis::open(opening),
        b"syslog" => Some(syslog::open(opening)),
        b"sequence" => Some(sequence::sequence(opening)),
        b"switch" => Some(sequence::switch(opening)),
        b"implicit" => implicit::implicit(opening),
        b"stab" => implicit::stab(opening),
        b"userdb" => Some(userdb::open(opening)),
        #[cfg(feature = "ldap")]
        b"ldap" => ldap::open(opening),
        #[cfg(feature = "sqlite")]
        b"sqlite" => super::sql::sqlite::open(opening),
        #[cfg(feature = "pgsql")]
        b"pgsql" => super::sql::pgsql::open(opening),
        class if ELSEWHERE.contains(&class) => Some(elsewhere::open(opening)),
        class => {
            let class = class.as_bstr();
            let message = if opening.for_aliases {
                format!("setalias: unknown alias class {class}")
            } else {
                let name = &opening.definition.name;
                format!("readcf: map {name}: class {class} not available")
            };
            opening.fault("map-unknown-class", message);
            None
        }
    }
}

/// Classes that are known and not available here.
const ELSEWHERE: &[&[u8]] = &[
    b"ldap", b"sqlite", b"pgsql", b"nis", b"nisplus", b"hesiod", b"ph", b"netinfo", b"nsd",
    b"ldapx",
];
