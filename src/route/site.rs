//! One configuration, frozen and ready: typed options, compiled rules, open
//! maps, and the world they ask.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use bstr::{BString, ByteSlice};

use super::load;
use super::run::Kept;
use super::{MailerId, Target};
use crate::base::{Diagnostic, Network, Reply, is_full_path};
use crate::cf::{Config, MailerDef, Opt};
use crate::map::{Answer, Lookup, MapId, MapWorld, Maps, user_ids};
use crate::rewrite::{ClassTable, MacroTable, Program, Query, RulesetId, expand};
use crate::world::{User, Users, UsersError};

/// The alias databases of option AliasFile.
pub trait Aliases: Send + Sync {
    /// What the first database that knows `name` holds for it.
    fn lookup<'a>(&'a self, maps: &'a Maps, name: &[u8]) -> Lookup<'a>;
}

/// What a site asks outside its own files.
pub struct SiteWorld {
    /// For the maps: names, users, programs.
    pub maps: MapWorld,
    /// The user database.
    pub users: Arc<dyn Users>,
    /// Alias databases other than those of option AliasFile.
    pub aliases: Option<Box<dyn Aliases>>,
    /// Macros that come from the machine and the process: `$w`, `$j`, `$m`,
    /// `$k`, `$v`, …, set before the configuration's own.
    pub macros: Arc<MacroTable>,
    /// Members of classes that come from the machine or from files: `$=w`
    /// and every `F` line.
    pub classes: ClassTable,
}

/// A configuration that is ready to be asked.
pub struct Site {
    /// The typed configuration.
    pub config: Config,
    /// The compiled rulesets.
    pub program: Program,
    /// The open maps.
    pub maps: Maps,
    /// For each word of the rules, the map of that name.
    map_words: Vec<Option<MapId>>,
    /// The map that `$[ … $]` asks.
    host_map: Option<MapId>,
    /// DeliveryMode=deferred: maps that can be put off are.
    pub(super) deferring: bool,
    /// The open alias databases.
    aliases: Option<Box<dyn Aliases>>,
    /// The macros of configuration and machine: the layer under every
    /// session's.
    pub macros: Arc<MacroTable>,
    users: Arc<dyn Users>,
    mailer_rules: Vec<MailerRules>,
    by_name: HashMap<BString, MailerId>,
    /// Looked up when first asked for: user databases can be slow.
    default_user: OnceLock<(u32, u32)>,
    pub(super) core: Core,
    /// Hosts that say with the PROXY protocol whom they speak for: class
    /// `{ProxyHosts}`.
    pub proxy_hosts: Vec<Network>,
    /// Hosts that may say so with XCLIENT: class `{XclientHosts}`.
    pub xclient_hosts: Vec<Network>,
    /// What makes a name need quotes (MustQuoteChars).
    pub(super) must_quote: BString,
    pub(super) kept: Kept,
}

/// Rulesets that a mailer names, found once.
pub(super) struct MailerRules {
    pub(super) sender_envelope: Option<RulesetId>,
    pub(super) sender_header: Option<RulesetId>,
    pub(super) recipient_envelope: Option<RulesetId>,
    pub(super) recipient_header: Option<RulesetId>,
}

/// The rulesets that every address goes through.
pub(super) struct Core {
    pub(super) parse: Option<RulesetId>,
    pub(super) sender: Option<RulesetId>,
    pub(super) recipient: Option<RulesetId>,
    pub(super) canonify: Option<RulesetId>,
    pub(super) last: Option<RulesetId>,
    pub(super) localaddr: Option<RulesetId>,
}

/// Names that stand after `$#` without being mailers.
const BUILT_IN: &[&[u8]] = &[b"error", b"discard"];

impl Site {
    /// Makes a configuration ready: compiles its rules, opens its maps.
    ///
    /// Faults are reported and worked around as the reference does; whether
    /// any of them is a reason not to run is for the caller to say.
    pub fn open(config: Config, world: SiteWorld) -> (Self, Vec<Diagnostic>) {
        let mut macros = MacroTable::of_config(&config, Some(Arc::clone(&world.macros)));
        let mut classes = world.classes;
        load::settle(&mut macros, &mut classes);
        let (program, mut faults) = Program::compile(&config, &world.macros, &classes);
        let (maps, map_faults) = Maps::open(&config, world.maps);
        faults.extend(map_faults);
        let of = |name: &BString| (!name.is_empty()).then(|| program.ruleset(name)).flatten();
        let mailer_rules = config
            .mailers
            .iter()
            .map(|mailer| MailerRules {
                sender_envelope: of(&mailer.sender.envelope),
                sender_header: of(&mailer.sender.header),
                recipient_envelope: of(&mailer.recipient.envelope),
                recipient_header: of(&mailer.recipient.header),
            })
            .collect();
        let core = Core {
            parse: program.ruleset(b"0"),
            sender: program.ruleset(b"1"),
            recipient: program.ruleset(b"2"),
            canonify: program.ruleset(b"3"),
            last: program.ruleset(b"4"),
            localaddr: program.ruleset(b"5").filter(|id| program.has_rules(*id)),
        };
        let by_name = config
            .mailers
            .iter()
            .zip(0..)
            .filter(|(mailer, _)| !BUILT_IN.contains(&mailer.name.as_slice()))
            .map(|(mailer, place)| (mailer.name.to_ascii_lowercase().into(), MailerId(place)))
            .collect();
        let site = Self {
            map_words: program.words().map(|word| maps.id(word)).collect(),
            host_map: maps.id(b"host"),
            deferring: config.options.text(Opt::DeliveryMode).starts_with(b"d"),
            proxy_hosts: networks(&classes, b"ProxyHosts"),
            xclient_hosts: networks(&classes, b"XclientHosts"),
            default_user: OnceLock::new(),
            must_quote: must_quote(config.options.text(Opt::MustQuoteChars)),
            macros: Arc::new(macros),
            users: world.users,
            mailer_rules,
            by_name,
            core,
            program,
            maps,
            aliases: world.aliases,
            config,
            kept: Kept::default(),
        };
        (site, faults)
    }

    /// The rulesets of a mailer.
    pub(super) fn mailer_rules(&self, id: MailerId) -> &MailerRules {
        &self.mailer_rules[usize::from(id.0)]
    }

    /// The mailer of an id.
    pub fn mailer(&self, id: MailerId) -> &MailerDef {
        // An id is only ever made from a place in this list.
        &self.config.mailers[usize::from(id.0)]
    }

    /// The mailer of this name, in any case.
    pub fn mailer_named(&self, name: &[u8]) -> Option<MailerId> {
        self.by_name
            .get(name.to_ascii_lowercase().as_bstr())
            .copied()
    }

    /// Every mailer, in the order of the configuration.
    pub fn mailers(&self) -> impl Iterator<Item = (MailerId, &MailerDef)> {
        self.config
            .mailers
            .iter()
            .zip(0..)
            .map(|(mailer, place)| (MailerId(place), mailer))
    }

    /// A macro layer for one session or one message.
    pub fn layer(&self) -> MacroTable {
        MacroTable::over(Arc::clone(&self.macros))
    }

    /// The value of an option with the macros in it expanded.
    pub fn option_text(&self, option: Opt) -> BString {
        expand(self.config.options.text(option), &self.macros)
    }

    /// The user and group for programs and files that no user answers for
    /// (option DefaultUser).
    pub fn default_user(&self) -> (u32, u32) {
        *self.default_user.get_or_init(|| {
            let name = self.config.options.text(Opt::DefaultUser);
            user_ids(name, &*self.users)
        })
    }

    /// The map that a rule asks.
    pub(super) fn map_of(&self, query: &Query<'_>) -> Option<MapId> {
        match query.word() {
            None => self.host_map,
            Some(word) => match self.map_words.get(word) {
                Some(known) => *known,
                None => self.maps.id(query.map),
            },
        }
    }

    /// The local user of this name.
    ///
    /// # Errors
    /// The user database cannot be asked for now.
    pub fn local_user(&self, name: &[u8]) -> Result<Option<Arc<User>>, UsersError> {
        let bare = crate::message::quoting::unquote(name);
        self.users.user(&bare)
    }

    /// What the alias databases hold for the user of a target: with the
    /// detail first, then for any detail, then without.
    ///
    /// # Errors
    /// A 4xx reply when a database cannot be asked for now.
    pub async fn alias(&self, target: &Target) -> Result<Option<BString>, Reply> {
        if target.host.starts_with(b"+") {
            let full = bstr::concat([target.user.as_slice(), &target.host]);
            let any = bstr::concat([target.user.as_slice(), b"+*"]);
            for name in [full, any] {
                if let Some(found) = self.alias_of(&name).await? {
                    return Ok(Some(found));
                }
            }
        }
        self.alias_of(&target.user).await
    }

    async fn alias_of(&self, name: &[u8]) -> Result<Option<BString>, Reply> {
        let lookup = match &self.aliases {
            Some(aliases) => aliases.lookup(&self.maps, name),
            None => self.maps.alias(name),
        };
        match lookup.wait().await {
            Answer::Found(value) => Ok(Some(value)),
            Answer::NotFound => Ok(None),
            Answer::TempFail => Err(Reply::with(451, (4, 3, 0), "Alias database unavailable")),
        }
    }

    /// The owner of the list `name`, if it has one: what `owner-name` stands
    /// for when that is one plain address, else `owner-name` itself.
    pub async fn list_owner(&self, name: &[u8]) -> Option<BString> {
        let owner = bstr::concat([b"owner-".as_slice(), name]);
        let value = self.alias_of(&owner).await.ok().flatten()?;
        let plain = !value.is_empty() && value.find_byteset(b" ,:\"|/\\").is_none();
        Some(if plain { value } else { owner.into() })
    }

    /// Where the `.forward` file of a user may be, best first (option
    /// ForwardPath, with `$z` his home, `$u` his name, `$h` the detail).
    pub fn forward_paths(
        &self,
        user: &User,
        target: &Target,
        macros: &mut MacroTable,
    ) -> Vec<PathBuf> {
        use std::os::unix::ffi::OsStrExt;
        macros.set(b"z", user.home.as_os_str().as_bytes());
        macros.set(b"u", user.name.clone());
        macros.set(b"h", target.host.clone());
        let path = expand(self.config.options.text(Opt::ForwardPath), macros);
        path.split_str(":")
            .filter(|part| is_full_path(part))
            .map(|part| PathBuf::from(std::ffi::OsStr::from_bytes(part)))
            .collect()
    }
}

/// The addresses and ranges in a class; other words stand for nobody.
fn networks(classes: &ClassTable, class: &[u8]) -> Vec<Network> {
    classes
        .words(class)
        .filter_map(|word| word.to_str().ok().and_then(Network::parse))
        .collect()
}

/// The characters that always need quotes, and those of the option.
fn must_quote(option: &[u8]) -> BString {
    bstr::concat([b"@,;:\\()[]".as_slice(), option]).into()
}
