//! A configuration, typed: what each line of a `.cf` file means.
//!
//! Nothing is resolved or expanded here. Macros stand in values as they were
//! written; `rewrite` expands them, because what a macro holds depends on
//! where in the file it is asked. For that, every definition and every rule
//! has its `place` in the order of reading.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bstr::{BStr, BString};

use super::options::Options;
use super::ruleset_name::{self, RulesetName};
use crate::base::Origin;

/// The order of lines, across continuation and all kinds of lines.
pub type Place = u32;

/// Named rulesets are numbered from below this (sendmail: MAXRWSETS).
const NAMED_FROM: u32 = 200;

/// A whole configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The `V` line; level 0 without one, as in sendmail.
    pub version: Version,
    /// `D` lines in order; a later one replaces an earlier one of its name.
    pub macros: Vec<MacroDef>,
    /// `C`, `F` and `T` lines in order; all of one name add up.
    pub classes: Vec<ClassDef>,
    /// `O` lines.
    pub options: Options,
    /// `M` lines in order, the built-in `prog`, `*file*` and `*include*`
    /// first; a later one replaces an earlier one of its name in place.
    pub mailers: Vec<MailerDef>,
    /// `K` lines in order.
    pub maps: Vec<MapDef>,
    /// `H` lines in order.
    pub headers: Vec<HeaderDef>,
    /// `P` lines.
    pub priorities: Vec<PriorityDef>,
    /// `Q` lines.
    pub queue_groups: Vec<EquatesDef>,
    /// `X` lines.
    pub milters: Vec<EquatesDef>,
    /// `E` lines: variables for programs that are started.
    pub environment: Vec<EnvironmentDef>,
    /// `S` lines with their `R` lines. A ruleset that is named again goes on.
    pub rulesets: Vec<RulesetDef>,
    /// The numbers of rulesets, as the reference would give them: those that
    /// are only named by a mailer or a header too.
    pub ruleset_numbers: HashMap<BString, u32>,
}

impl Config {
    /// The mailer of this name (any case, as sendmail's symbol table).
    pub fn mailer(&self, name: &[u8]) -> Option<&MailerDef> {
        self.mailers
            .iter()
            .find(|mailer| mailer.name.eq_ignore_ascii_case(name))
    }

    /// The map of this name.
    pub fn map(&self, name: &[u8]) -> Option<&MapDef> {
        self.maps
            .iter()
            .rev()
            .find(|map| map.name.eq_ignore_ascii_case(name))
    }

    /// The number of the ruleset of this name.
    pub fn ruleset_number(&self, name: &[u8]) -> Option<u32> {
        self.ruleset_numbers.get(BStr::new(name)).copied()
    }

    /// The ruleset of this name or number, if it has an `S` line.
    pub fn ruleset(&self, name: &[u8]) -> Option<&RulesetDef> {
        let number = match ruleset_name::parse(name).ok()? {
            RulesetName::Number(number) => number,
            RulesetName::Name { name, .. } => self.ruleset_number(&name)?,
        };
        self.rulesets
            .iter()
            .find(|ruleset| ruleset.number == number)
    }

    /// The number of a ruleset that is named: its own, or the next free one
    /// from the top down, as the reference counts.
    pub(super) fn number_ruleset(&mut self, name: &RulesetName) -> u32 {
        let (name, own) = match name {
            RulesetName::Number(number) => return *number,
            RulesetName::Name { name, number } => (name, *number),
        };
        if let Some(&number) = self.ruleset_numbers.get(name) {
            return number;
        }
        let number = own.unwrap_or_else(|| {
            let taken: HashSet<u32> = self.ruleset_numbers.values().copied().collect();
            (100..NAMED_FROM)
                .rev()
                .chain(NAMED_FROM..u32::MAX)
                .find(|number| !taken.contains(number))
                .unwrap_or(u32::MAX)
        });
        self.ruleset_numbers.insert(name.clone(), number);
        number
    }

    /// What a macro was last defined as, unexpanded.
    pub fn macro_value(&self, name: &[u8]) -> Option<&BStr> {
        self.macros
            .iter()
            .rev()
            .find(|definition| definition.name == name)
            .map(|definition| BStr::new(&definition.value))
    }
}

/// `V10/Berkeley`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// The level of the language.
    pub level: u32,
    /// The vendor, empty when none is named.
    pub vendor: BString,
}

/// `DXvalue` or `D{name}value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacroDef {
    /// The name, without braces.
    pub name: BString,
    /// The value, unexpanded.
    pub value: BString,
    /// When it takes effect.
    pub place: Place,
    /// Where it was written.
    pub origin: Origin,
}

/// `C`, `F` or `T`: members of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassDef {
    /// The name, without braces.
    pub name: BString,
    /// Where the members come from.
    pub source: ClassSource,
    /// When it takes effect.
    pub place: Place,
    /// Where it was written.
    pub origin: Origin,
}

/// Where members of a class come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClassSource {
    /// Words on the line, unexpanded; `$=y` among them adds class `y`.
    Words(BString),
    /// The words of a file.
    File {
        /// Its name.
        path: BString,
        /// The `scanf` format of its lines; `%s` when none is given.
        format: BString,
        /// `-o`: it may be missing.
        optional: bool,
    },
    /// The words a program prints (`|program args`).
    Program {
        /// The command line.
        command: BString,
    },
    /// The answers of a map (`key@class:spec`).
    Map {
        /// What is looked up; empty for all keys.
        key: BString,
        /// The map class and its arguments, after the `@`.
        spec: BString,
        /// `-o`: it may be missing.
        optional: bool,
    },
}

/// A set of mailer flags: one bit per ASCII character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlagSet(u128);

impl FlagSet {
    /// The set of the characters of `text`; others than ASCII are left out.
    pub fn of(text: &[u8]) -> Self {
        let mut set = Self::default();
        text.iter().for_each(|&flag| set.insert(flag));
        set
    }

    /// Whether it holds this flag.
    pub fn has(self, flag: u8) -> bool {
        flag < 128 && self.0 & (1 << flag) != 0
    }

    /// Adds a flag.
    pub fn insert(&mut self, flag: u8) {
        if flag < 128 {
            self.0 |= 1 << flag;
        }
    }

    /// Takes a flag out.
    pub fn remove(&mut self, flag: u8) {
        if flag < 128 {
            self.0 &= !(1 << flag);
        }
    }

    /// The flags in the order of their codes.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..128).filter(move |&flag| self.has(flag))
    }
}

/// Two rulesets of a mailer: for the envelope and for headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RulesetPair {
    /// Name or number; empty for none.
    pub envelope: BString,
    /// Name or number; empty for none.
    pub header: BString,
}

/// An `M` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailerDef {
    /// Its name.
    pub name: BString,
    /// `P=`: the program, `[IPC]` or `[FILE]`.
    pub path: BString,
    /// `F=`
    pub flags: FlagSet,
    /// `S=`
    pub sender: RulesetPair,
    /// `R=`
    pub recipient: RulesetPair,
    /// `A=`: words, unexpanded, quotes taken off.
    pub argv: Vec<BString>,
    /// `E=`: what ends a line, escapes resolved.
    pub eol: BString,
    /// `M=`: bytes of the largest message; 0 for no limit.
    pub size_max: u64,
    /// `m=`: messages per connection; 0 for no limit.
    pub messages_max: u64,
    /// `r=`: recipients per envelope; 100 when not given.
    pub recipients_max: u64,
    /// `L=`: bytes of the longest line; 0 for no limit.
    pub line_max: u64,
    /// `D=`: directories to run in, divided by colons, unexpanded.
    pub directory: BString,
    /// `U=`: who runs it.
    pub user: MailerUser,
    /// `N=`
    pub nice: i32,
    /// `C=`: the character set of its 8-bit text; empty when not given.
    pub charset: BString,
    /// `T=`: the type of the MTA in reports.
    pub mta_type: BString,
    /// `T=`: the type of addresses in reports.
    pub address_type: BString,
    /// `T=`: the type of diagnostics in reports.
    pub diagnostic_type: BString,
    /// `Q=`: its queue group; empty for the default.
    pub queue_group: BString,
    /// `/=`: the directory it is confined to, unexpanded.
    pub chroot: BString,
    /// `W=`: how long its end is waited for.
    pub wait: Option<Duration>,
    /// Where it was written: of several lines the last, which the reference
    /// names when something is wrong with it.
    pub origin: Origin,
}

/// `U=user:group`, names or numbers as written; empty when not given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailerUser {
    /// The user.
    pub user: BString,
    /// The group.
    pub group: BString,
}

/// A `K` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapDef {
    /// Its name.
    pub name: BString,
    /// Its class.
    pub class: BString,
    /// Flags and what follows, as written.
    pub args: BString,
    /// When it takes effect.
    pub place: Place,
    /// Where it was written.
    pub origin: Origin,
}

/// An `H` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderDef {
    /// When the header is added.
    pub condition: HeaderCondition,
    /// The name of the field; `*` for every field without a line of its own.
    pub name: BString,
    /// What is done with it.
    pub action: HeaderAction,
    /// Where it was written.
    pub origin: Origin,
}

/// The part between question marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderCondition {
    /// None: always.
    Always,
    /// One of these mailer flags must be set.
    Flags(FlagSet),
    /// This macro must be set and not empty.
    Macro(BString),
}

/// What follows the colon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderAction {
    /// The text to add, unexpanded; lines divided by `\n`.
    Template(BString),
    /// `$>ruleset`: check the field with it.
    Check {
        /// Name of the ruleset.
        ruleset: BString,
        /// `$>+`: comments stay in.
        keep_comments: bool,
    },
}

/// `Pname=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriorityDef {
    /// The word in `Precedence:`.
    pub name: BString,
    /// What it is worth.
    pub value: i64,
    /// Where it was written.
    pub origin: Origin,
}

/// `Ename=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentDef {
    /// The variable.
    pub name: BString,
    /// Its value; `None` to pass on what the daemon was started with.
    pub value: Option<BString>,
    /// Where it was written.
    pub origin: Origin,
}

/// A name with `letter=value` parts: `Q` and `X` lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EquatesDef {
    /// Its name.
    pub name: BString,
    /// Its parts in order: the first letter of the word, and the value.
    pub equates: Vec<(u8, BString)>,
    /// Where it was written.
    pub origin: Origin,
}

impl EquatesDef {
    /// The value of the last part with this letter.
    pub fn get(&self, letter: u8) -> Option<&BStr> {
        self.equates
            .iter()
            .rev()
            .find(|(key, _)| *key == letter)
            .map(|(_, value)| BStr::new(value))
    }
}

/// A ruleset: every `S` line of one name with the rules after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesetDef {
    /// Its name; the number in decimal when it has none.
    pub name: BString,
    /// Its number, given or counted.
    pub number: u32,
    /// Its rules in order.
    pub rules: Vec<RuleDef>,
    /// Where it was first named.
    pub origin: Origin,
}

/// An `R` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleDef {
    /// The left side, unexpanded.
    pub lhs: BString,
    /// The right side, unexpanded.
    pub rhs: BString,
    /// The comment, if any.
    pub comment: BString,
    /// When it was read: macros have the value they had then.
    pub place: Place,
    /// Where it was written.
    pub origin: Origin,
}
