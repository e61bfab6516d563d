//! Compiled rulesets: what a [`Machine`](super::Machine) runs.
//!
//! A program does not change once it is made (the address test, which alone
//! adds words to classes, has its own) and is shared between threads.

use std::collections::HashMap;

use bstr::{BStr, BString, ByteSlice};

use super::chars::CharTable;
use super::class::{Class, ClassTable};
use super::quick::{ClassFilter, Quick};
use super::scan::Style;
use super::symbol::{Fold, Symbols, Token, meta};
use crate::base::Origin;
use crate::cf::ruleset_name::RulesetName;

/// A ruleset of a [`Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RulesetId(pub(super) u32);

/// A rule of a [`Program`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub(super) u32);

/// All rulesets of a configuration, compiled.
#[derive(Clone, Debug)]
pub struct Program {
    pub(super) symbols: Symbols,
    pub(super) table: CharTable,
    /// What stands between two words when tokens become text (BlankSub).
    pub(super) space: u8,
    pub(super) classes: Vec<Class>,
    pub(super) class_names: Vec<BString>,
    /// Names of the macros that rules ask for when they run (`$&x`).
    pub(super) macro_names: Vec<BString>,
    pub(super) rulesets: Vec<Ruleset>,
    pub(super) by_name: HashMap<BString, RulesetId>,
    pub(super) by_number: HashMap<u32, RulesetId>,
    pub(super) heads: Vec<Head>,
    pub(super) rules: Vec<Rule>,
    pub(super) patterns: Vec<Pattern>,
    /// The same parts, ready to be matched.
    pub(super) quick: Vec<Quick>,
    /// For each class what its words begin with.
    pub(super) filters: Vec<Option<ClassFilter>>,
    pub(super) actions: Vec<Action>,
}

/// One ruleset.
#[derive(Clone, Debug)]
pub(super) struct Ruleset {
    pub(super) name: BString,
    pub(super) number: u32,
    /// Its rules: a range of [`Program::heads`] and [`Program::rules`].
    pub(super) first: u32,
    pub(super) end: u32,
}

/// What of a left side can be checked at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    /// Bits of the words that must be in the workspace; [`Head::NEVER`] where
    /// nothing matches.
    pub(super) needs: u64,
    /// Bits of the words alone.
    pub(super) words: u64,
    /// Least number of tokens.
    pub(super) least: u16,
    /// Greatest number of tokens; [`u16::MAX`] for any.
    pub(super) most: u16,
    /// Bits of which one must be there: of what words of a class begin with.
    pub(super) any: u64,
    /// The first word, where a fixed number of tokens stands before it, and
    /// the last, where a fixed number stands behind it.
    pub(super) front: Fixed,
    pub(super) back: Fixed,
    /// Range of [`Program::patterns`].
    pub(super) patterns: (u32, u32),
}

impl Head {
    /// The bit of `$[`, which only faulty rules bring into a workspace; they
    /// make a rule be tried in vain.
    pub(super) const NEVER: u64 = meta::HOST_BEGIN.bit();
    /// Stands for no word.
    pub(super) const ANY: u32 = u32::MAX - 1;
}

/// A word at a known distance from an end of the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fixed {
    /// [`Head::ANY`] when there is none.
    pub(super) fold: u32,
    pub(super) distance: u32,
}

/// The rest of a rule.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// Range of [`Program::actions`].
    pub(super) actions: (u32, u32),
    pub(super) then: Then,
    /// Whether the right side looks something up, or calls.
    pub(super) looks_up: bool,
    pub(super) calls: bool,
    pub(super) origin: Origin,
    /// Its number within its ruleset, from 1.
    pub(super) number: u32,
}

/// What happens after a rule has rewritten the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The same rule is tried again.
    Again,
    /// `$:`: the next rule is tried.
    Next,
    /// `$@`: the ruleset ends.
    Return,
    /// `$#`: the ruleset ends with a mailer.
    Resolve,
}

/// One part of a left side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// This word.
    Word(Token),
    /// `$*`
    ZeroOrMore,
    /// `$+`
    OneOrMore,
    /// `$-`
    One,
    /// `$@`
    Nothing,
    /// `$=x`
    In(u32),
    /// `$~x`
    NotIn(u32),
    /// `$&x`: index into [`Program::macro_names`].
    Macro(u32),
    /// `$1`, which makes no sense here: it matches nothing.
    Argument(u8),
}

/// One part of a right side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// This token, operators of lookups and calls among them.
    Put(Token),
    /// `$1` to `$9`; `$0` is out of bounds when it runs.
    Copy(u8),
    /// `$&x`: index into [`Program::macro_names`].
    Macro(u32),
}

impl Program {
    /// The ruleset of this name or number, as `-bt` and mailers name it.
    pub fn ruleset(&self, name: &[u8]) -> Option<RulesetId> {
        if let Some(&id) = self.by_name.get(BStr::new(name)) {
            return Some(id);
        }
        match crate::cf::ruleset_name::parse(name).ok()? {
            RulesetName::Number(number) => self.by_number.get(&number).copied(),
            RulesetName::Name { name, .. } => self.by_name.get(&name).copied(),
        }
    }

    /// The name of a ruleset; its number when it has none.
    pub fn ruleset_name(&self, id: RulesetId) -> &BStr {
        self.rulesets[id.0 as usize].name.as_bstr()
    }

    /// The number of a ruleset, as the reference counts them.
    pub fn ruleset_number(&self, id: RulesetId) -> u32 {
        self.rulesets[id.0 as usize].number
    }

    /// Whether it has any rule.
    pub fn has_rules(&self, id: RulesetId) -> bool {
        let ruleset = &self.rulesets[id.0 as usize];
        ruleset.end > ruleset.first
    }

    /// The rules of a ruleset, in order.
    pub fn rules(&self, id: RulesetId) -> impl Iterator<Item = RuleId> {
        let ruleset = &self.rulesets[id.0 as usize];
        (ruleset.first..ruleset.end).map(RuleId)
    }

    /// Every word that rules mention, by its number ([`Query::word`](super::Query::word)).
    pub fn words(&self) -> impl Iterator<Item = &[u8]> {
        self.symbols.words()
    }

    /// Where a rule was written.
    pub fn origin(&self, rule: RuleId) -> &Origin {
        &self.rules[rule.0 as usize].origin
    }

    /// The number of a rule within its ruleset, from 1.
    pub fn rule_number(&self, rule: RuleId) -> u32 {
        self.rules[rule.0 as usize].number
    }

    /// What each byte is to the tokenizer.
    pub fn table(&self) -> &CharTable {
        &self.table
    }

    /// The class of this name, as the rules see it.
    pub fn class(&self, name: &[u8]) -> Option<&Class> {
        let index = self.class_names.iter().position(|known| known == name)?;
        self.classes.get(index)
    }

    /// Takes over the classes of `table`, which may have grown: for the
    /// address test. Only classes that rules mention are kept.
    pub fn set_classes(&mut self, table: &ClassTable) {
        for (class, name) in self.classes.iter_mut().zip(&self.class_names) {
            *class = table.get(name).cloned().unwrap_or_default();
        }
        let style = Style {
            table: &self.table,
            delimiter: None,
            comments: false,
            quoting: false,
            lenient: true,
        };
        let symbols = &mut self.symbols;
        let filter = |class| ClassFilter::of(class, style, symbols);
        self.filters = self.classes.iter().map(filter).collect();
        // What asks for a word of an empty class can be passed over.
        for head in &mut self.heads {
            let (first, end) = head.patterns;
            let patterns = &self.patterns[first as usize..end as usize];
            let dead = patterns.iter().any(|pattern| match pattern {
                Pattern::In(class) => self.classes[*class as usize].is_empty(),
                Pattern::Argument(_) => true,
                _ => false,
            });
            head.needs = head.words | if dead { Head::NEVER } else { 0 };
            let classes = patterns.iter().filter_map(|pattern| match pattern {
                Pattern::In(class) => self.filters[*class as usize].as_ref(),
                _ => None,
            });
            let bits = classes.map(|filter| filter.bits);
            head.any = bits
                .min_by_key(|bits| bits.count_ones())
                .unwrap_or(u64::MAX);
        }
    }

    /// The left side of a rule, as the reference shows it: each part after a
    /// blank.
    pub fn left_side(&self, rule: RuleId) -> BString {
        let (first, end) = self.heads[rule.0 as usize].patterns;
        let mut out = BString::default();
        for pattern in &self.patterns[first as usize..end as usize] {
            out.push(b' ');
            self.show_pattern(*pattern, &mut out);
        }
        out
    }

    /// The right side of a rule, in the same way.
    pub fn right_side(&self, rule: RuleId) -> BString {
        let rule = &self.rules[rule.0 as usize];
        let mut out = BString::default();
        out.extend_from_slice(match rule.then {
            Then::Again | Then::Resolve => b"",
            Then::Next => b" $:",
            Then::Return => b" $@",
        });
        for action in &self.actions[rule.actions.0 as usize..rule.actions.1 as usize] {
            out.push(b' ');
            match *action {
                Action::Put(token) => out.extend_from_slice(self.symbols.text(token, b"")),
                Action::Copy(number) => out.extend_from_slice(&[b'$', b'0' + number]),
                Action::Macro(index) => {
                    self.show_name(b"$&", &self.macro_names[index as usize], &mut out)
                }
            }
        }
        out
    }

    /// One part of a left side as text.
    pub(super) fn show_pattern(&self, pattern: Pattern, out: &mut BString) {
        match pattern {
            Pattern::Word(token) => super::workspace::show(self.symbols.text(token, b""), out),
            Pattern::ZeroOrMore => out.extend_from_slice(b"$*"),
            Pattern::OneOrMore => out.extend_from_slice(b"$+"),
            Pattern::One => out.extend_from_slice(b"$-"),
            Pattern::Nothing => out.extend_from_slice(b"$@"),
            Pattern::In(class) => self.show_name(b"$=", &self.class_names[class as usize], out),
            Pattern::NotIn(class) => self.show_name(b"$~", &self.class_names[class as usize], out),
            Pattern::Macro(name) => self.show_name(b"$&", &self.macro_names[name as usize], out),
            Pattern::Argument(number) => out.extend_from_slice(&[b'$', b'0' + number]),
        }
    }

    fn show_name(&self, before: &[u8], name: &[u8], out: &mut BString) {
        out.extend_from_slice(before);
        if name.len() == 1 {
            out.extend_from_slice(name);
        } else {
            out.push(b'{');
            out.extend_from_slice(name);
            out.push(b'}');
        }
    }

    /// The pattern as a word, when it is one.
    pub(super) fn operator_text(fold: Fold) -> &'static [u8] {
        meta::TEXTS[fold.number()]
    }
}
