//! Makes a [`Program`] of a configuration's rules.
//!
//! Each rule is expanded with the macros as they were where it stands, cut
//! into tokens, checked, and turned into patterns and actions.

use std::collections::HashMap;
use std::sync::Arc;

use bstr::{BStr, BString};

use super::chars::CharTable;
use super::class::ClassTable;
use super::macros::MacroTable;
use super::program::{Action, Fixed, Head, Pattern, Program, Rule, Ruleset, RulesetId, Then};
use super::rule_text::{Part, parts};
use super::symbol::{Fold, Symbols, meta};
use super::workspace::unquoted;
use crate::base::Diagnostic;
use crate::base::limits::{MAP_ARGUMENTS_MAX, RULESET_NUMBERS};
use crate::cf::{Config, Opt, RuleDef};

/// Wildcards that a right side can refer to.
const WILDCARDS_MAX: usize = 9;

impl Program {
    /// Compiles all rulesets. `initial` holds the macros that are there
    /// before the configuration is read (`w`, `j`, `k` and the like);
    /// `classes` the words of all classes, those of files too.
    ///
    /// A rule that makes no sense is reported and does what the reference
    /// makes of it, or is left out.
    pub fn compile(
        config: &Config,
        initial: &Arc<MacroTable>,
        classes: &ClassTable,
    ) -> (Program, Vec<Diagnostic>) {
        let table = CharTable::new(config.options.text(Opt::OperatorChars));
        let mut compiler = Compiler {
            program: Program {
                symbols: Symbols::new(&table),
                table,
                space: config
                    .options
                    .text(Opt::BlankSub)
                    .first()
                    .copied()
                    .unwrap_or(b' '),
                classes: Vec::new(),
                class_names: Vec::new(),
                macro_names: Vec::new(),
                rulesets: Vec::new(),
                by_name: HashMap::new(),
                by_number: HashMap::new(),
                heads: Vec::new(),
                rules: Vec::new(),
                patterns: Vec::new(),
                quick: Vec::new(),
                filters: Vec::new(),
                actions: Vec::new(),
            },
            faults: Vec::new(),
        };
        // Rules are laid out ruleset by ruleset, but macros change from line
        // to line: expand in the order of lines first.
        let expanded = expand_all(config, initial);
        for (definition, rules) in config.rulesets.iter().zip(expanded) {
            let first = compiler.next_rule();
            for (rule, sides) in definition.rules.iter().zip(rules) {
                compiler.rule(rule, first, sides);
            }
            let end = compiler.next_rule();
            compiler.ruleset(definition.name.clone(), definition.number, first, end);
        }
        compiler.empty_rulesets(config);
        compiler.program.set_classes(classes);
        compiler.find_calls();
        (compiler.program, compiler.faults)
    }
}

/// A rule's sides, cut into parts.
struct Sides {
    left: Vec<Part>,
    right: Vec<Part>,
}

fn expand_all(config: &Config, initial: &Arc<MacroTable>) -> Vec<Vec<Sides>> {
    let mut order: Vec<(usize, usize)> = Vec::new();
    let mut expanded: Vec<Vec<Sides>> = Vec::new();
    for (index, ruleset) in config.rulesets.iter().enumerate() {
        expanded.push(Vec::with_capacity(ruleset.rules.len()));
        order.extend((0..ruleset.rules.len()).map(|rule| (index, rule)));
    }
    let definition =
        |&(ruleset, rule): &(usize, usize)| -> &RuleDef { &config.rulesets[ruleset].rules[rule] };
    // Within a ruleset rules are in the order of lines already.
    order.sort_by_key(|place| definition(place).place);
    let table = CharTable::new(config.options.text(Opt::OperatorChars));
    let comments = config.version.level < 9;
    let mut macros = MacroTable::over(Arc::clone(initial));
    let mut defined = config.macros.iter().peekable();
    for place in &order {
        let rule = definition(place);
        while let Some(next) = defined.next_if(|next| next.place < rule.place) {
            macros.define(&next.name, next.value.clone());
        }
        expanded[place.0].push(Sides {
            left: parts(&rule.lhs, &macros, &table, comments),
            right: parts(&rule.rhs, &macros, &table, comments),
        });
    }
    expanded
}

struct Compiler {
    program: Program,
    faults: Vec<Diagnostic>,
}

impl Compiler {
    fn next_rule(&self) -> u32 {
        u32::try_from(self.program.rules.len()).unwrap_or(u32::MAX)
    }

    /// Finds the rulesets that right sides call by name.
    fn find_calls(&mut self) {
        let program = &mut self.program;
        for at in 1..program.actions.len() {
            if let [Action::Put(call), Action::Put(name)] = program.actions[at - 1..=at]
                && call.is(meta::CALL)
                && !name.is_operator()
                && let Some(ruleset) = program.ruleset(&unquoted(program.symbols.text(name, b"")))
            {
                program.actions[at - 1] = Action::Put(Symbols::call(ruleset.0));
            }
        }
    }

    /// Rulesets that are only named have no rules, and so have numbers.
    fn empty_rulesets(&mut self, config: &Config) {
        let mut named: Vec<(&BString, &u32)> = config.ruleset_numbers.iter().collect();
        named.sort_by_key(|(_, number)| **number);
        for (name, number) in named {
            match self.program.by_number.get(number) {
                None => self.ruleset(name.clone(), *number, 0, 0),
                Some(&id) => {
                    self.program.by_name.entry(name.clone()).or_insert(id);
                }
            }
        }
        // Numbers can be called whether they are defined or not.
        for number in 0..RULESET_NUMBERS {
            if !self.program.by_number.contains_key(&number) {
                self.ruleset(number.to_string().into(), number, 0, 0);
            }
        }
    }

    fn ruleset(&mut self, name: BString, number: u32, first: u32, end: u32) {
        let id = RulesetId(u32::try_from(self.program.rulesets.len()).unwrap_or(u32::MAX));
        self.program.by_name.insert(name.clone(), id);
        self.program.by_number.insert(number, id);
        self.program.rulesets.push(Ruleset {
            name,
            number,
            first,
            end,
        });
    }

    fn rule(&mut self, rule: &RuleDef, ruleset_first: u32, sides: Sides) {
        let first_pattern = self.program.patterns.len();
        let wildcards = self.left(rule, &sides.left);
        if wildcards > WILDCARDS_MAX {
            // sendmail: such a rule is left out.
            self.fault(rule, "R line: too many wildcards");
            self.program.patterns.truncate(first_pattern);
            return;
        }
        if sides.left.is_empty() {
            self.fault(rule, "R line: null LHS");
        }
        if sides.right.is_empty() {
            self.fault(rule, "R line: null RHS");
        }
        let (then, rest) = match sides.right.first() {
            Some(Part::Operator(meta::USER)) => (Then::Next, &sides.right[1..]),
            Some(Part::Operator(meta::HOST)) => (Then::Return, &sides.right[1..]),
            Some(Part::Operator(meta::NET)) => (Then::Resolve, &sides.right[..]),
            _ => (Then::Again, &sides.right[..]),
        };
        let first_action = self.program.actions.len();
        self.right(rule, rest, wildcards);
        let actions = &self.program.actions[first_action..];
        let has = |wanted: &[Fold]| {
            actions.iter().any(|action| {
                matches!(action, Action::Put(token)
                    if token.is_operator() && wanted.contains(&token.fold))
            })
        };
        let (looks_up, calls) = (
            has(&[meta::HOST_BEGIN, meta::LOOKUP_BEGIN]),
            has(&[meta::CALL]),
        );
        let number = self.next_rule() - ruleset_first + 1;
        let mut head = head(&self.program.patterns[first_pattern..]);
        let range = |from: usize, to: usize| {
            (
                u32::try_from(from).unwrap_or(0),
                u32::try_from(to).unwrap_or(0),
            )
        };
        let quick = super::quick::prepare(&self.program.patterns[first_pattern..]);
        self.program.quick.extend(quick);
        head.patterns = range(first_pattern, self.program.patterns.len());
        self.program.heads.push(head);
        self.program.rules.push(Rule {
            actions: range(first_action, self.program.actions.len()),
            then,
            looks_up,
            calls,
            origin: rule.origin.clone(),
            number,
        });
    }

    /// Compiles a left side; gives how many wildcards it has.
    fn left(&mut self, rule: &RuleDef, parts: &[Part]) -> usize {
        let mut wildcards = 0;
        for part in parts {
            let pattern = match part {
                Part::Word(text) => Pattern::Word(self.program.symbols.word(text)),
                Part::ZeroOrMore => Pattern::ZeroOrMore,
                Part::OneOrMore => Pattern::OneOrMore,
                Part::One => Pattern::One,
                Part::In(name) => Pattern::In(self.class(name)),
                Part::NotIn(name) => Pattern::NotIn(self.class(name)),
                Part::Macro(name) => Pattern::Macro(self.macro_name(name)),
                Part::Operator(meta::HOST) => Pattern::Nothing,
                Part::Operator(fold) => {
                    // `$#` and `$|` match themselves.
                    if !matches!(*fold, meta::NET | meta::PIPE) {
                        let text = BStr::new(Program::operator_text(*fold));
                        self.fault(rule, format!("Inappropriate use of {text} on LHS"));
                    }
                    Pattern::Word(Symbols::operator(*fold))
                }
                Part::Argument(number) => {
                    self.fault(rule, "Inappropriate use of $1-$9 on LHS");
                    Pattern::Argument(*number)
                }
            };
            if is_wildcard(pattern) {
                wildcards += 1;
            }
            self.program.patterns.push(pattern);
        }
        wildcards
    }

    fn right(&mut self, rule: &RuleDef, parts: &[Part], wildcards: usize) {
        let mut lookup = OpenLookup::default();
        for part in parts {
            let action = match part {
                Part::Word(text) => Action::Put(self.program.symbols.word(text)),
                Part::Operator(fold) => {
                    if let Some(fault) = lookup.operator(*fold) {
                        self.fault(rule, fault);
                    }
                    Action::Put(Symbols::operator(*fold))
                }
                Part::Macro(name) => Action::Macro(self.macro_name(name)),
                Part::Argument(number) => {
                    let index = usize::from(*number);
                    if index == 0 || index > wildcards {
                        self.fault(rule, format!("replacement ${number} out of bounds"));
                    }
                    Action::Copy(*number)
                }
                Part::ZeroOrMore | Part::OneOrMore | Part::One | Part::In(_) | Part::NotIn(_) => {
                    let text = part.text();
                    self.fault(rule, format!("Inappropriate use of {text} on RHS"));
                    Action::Put(self.program.symbols.word(&text))
                }
            };
            self.program.actions.push(action);
        }
        if lookup.end.is_some() {
            self.fault(rule, "missing map closing token");
        }
    }

    fn class(&mut self, name: &[u8]) -> u32 {
        let names = &mut self.program.class_names;
        let index = names
            .iter()
            .position(|known| *known == name)
            .unwrap_or_else(|| {
                names.push(name.into());
                self.program.classes.push(super::class::Class::default());
                names.len() - 1
            });
        u32::try_from(index).unwrap_or(0)
    }

    fn macro_name(&mut self, name: &[u8]) -> u32 {
        let names = &mut self.program.macro_names;
        let index = names
            .iter()
            .position(|known| *known == name)
            .unwrap_or_else(|| {
                names.push(name.into());
                names.len() - 1
            });
        u32::try_from(index).unwrap_or(0)
    }

    fn fault(&mut self, rule: &RuleDef, message: impl Into<String>) {
        self.faults
            .push(Diagnostic::error("cf-rule", rule.origin.clone(), message));
    }
}

/// A lookup of a right side that has begun: one within another is not
/// resolved, nor one that has no end or too many arguments.
#[derive(Default)]
struct OpenLookup {
    /// What ends it.
    end: Option<Fold>,
    arguments: usize,
}

impl OpenLookup {
    /// Takes in an operator; says what is wrong with it.
    fn operator(&mut self, fold: Fold) -> Option<&'static str> {
        let nested = self.end.is_some().then_some("cannot nest map lookups");
        match fold {
            meta::HOST_BEGIN => {
                self.end = Some(meta::HOST_END);
                nested
            }
            meta::LOOKUP_BEGIN => {
                self.end = Some(meta::LOOKUP_END);
                nested
            }
            meta::HOST if self.end.is_some() => {
                self.arguments += 1;
                let many = self.arguments > MAP_ARGUMENTS_MAX;
                many.then_some("too many arguments for map lookup")
            }
            fold if self.end == Some(fold) => {
                *self = Self::default();
                None
            }
            _ => None,
        }
    }
}

fn is_wildcard(pattern: Pattern) -> bool {
    !matches!(
        pattern,
        Pattern::Word(_) | Pattern::Nothing | Pattern::Macro(_) | Pattern::Argument(_)
    )
}

/// What of a left side can be checked before it is tried.
fn head(patterns: &[Pattern]) -> Head {
    let mut head = Head {
        needs: 0,
        words: 0,
        least: 0,
        most: 0,
        any: u64::MAX,
        front: fixed(patterns.iter()),
        back: fixed(patterns.iter().rev()),
        patterns: (0, 0),
    };
    for pattern in patterns {
        let (least, open) = match pattern {
            Pattern::Word(token) => {
                head.words |= token.fold.bit();
                (1, false)
            }
            Pattern::ZeroOrMore => (0, true),
            Pattern::OneOrMore | Pattern::In(_) => (1, true),
            Pattern::One | Pattern::NotIn(_) | Pattern::Argument(_) => (1, false),
            Pattern::Nothing => (0, false),
            // A macro may hold any number of tokens.
            Pattern::Macro(_) => (0, true),
        };
        head.least = head.least.saturating_add(least);
        head.most = if open {
            u16::MAX
        } else {
            head.most.saturating_add(least)
        };
    }
    head
}

/// The first word with a fixed number of tokens before it.
fn fixed<'p>(patterns: impl Iterator<Item = &'p Pattern>) -> Fixed {
    let mut distance = 0;
    for pattern in patterns {
        match pattern {
            Pattern::Word(token) => {
                let Fold(fold) = token.fold;
                return Fixed { fold, distance };
            }
            Pattern::One | Pattern::NotIn(_) | Pattern::Argument(_) => distance += 1,
            Pattern::Nothing => {}
            Pattern::ZeroOrMore | Pattern::OneOrMore | Pattern::In(_) | Pattern::Macro(_) => break,
        }
    }
    Fixed {
        fold: Head::ANY,
        distance: 0,
    }
}
