//! Reads a configuration: bytes in, [`Config`] and diagnostics out.
//!
//! Each logical line is parsed by the grammar on its own, so a fault in one
//! costs that line and no other. Messages are the reference's where it has
//! one for the case.

use bstr::{BStr, BString};
use pest::Parser;
use pest::iterators::{Pair, Pairs};

use super::config::*;
use super::lines::{Line, Origins, logical};
use super::mailer;
use super::option_names;
use super::options::Options;
use super::ruleset_name::RulesetName;
use super::text::{latin1, munch, to_bytes};
use crate::base::{Diagnostic, Origin};

#[allow(missing_docs)] // The derive writes the rules of the grammar.
mod grammar {
    #[derive(pest_derive::Parser)]
    #[grammar = "cf/cf.pest"]
    pub(super) struct CfParser;
}
use grammar::{CfParser, Rule};

/// Reads a whole configuration; never gives up.
pub fn read(bytes: &[u8], origins: Origins<'_>) -> (Config, Vec<Diagnostic>) {
    let mut reader = Reader::new(Config {
        mailers: mailer::builtin(),
        ..Config::default()
    });
    for line in logical(bytes) {
        reader.line(&line, &origins);
    }
    (reader.config, reader.faults)
}

/// Reads one more line into a configuration, as the address test does.
pub fn read_line(config: Config, line: &[u8], origin: &Origin) -> (Config, Vec<Diagnostic>) {
    let mut reader = Reader::new(config);
    let origins = [origin.clone()];
    for line in logical(line) {
        reader.line(&line, &Origins::Lines(&origins));
    }
    (reader.config, reader.faults)
}

struct Reader {
    config: Config,
    faults: Vec<Diagnostic>,
    /// Counts logical lines.
    place: Place,
    /// Index of the ruleset that rules are added to.
    current: Option<usize>,
    /// Origin of the line in hand: its first physical line.
    origin: Origin,
    /// Where a fault in it is shown: its last, as the reference does.
    shown: Origin,
}

impl Reader {
    fn new(config: Config) -> Self {
        Self {
            config,
            faults: Vec::new(),
            place: 0,
            current: None,
            origin: Origin::internal("configuration"),
            shown: Origin::internal("configuration"),
        }
    }

    fn line(&mut self, line: &Line<'_>, origins: &Origins<'_>) {
        self.place += 1;
        self.origin = origins.of(line.first);
        self.shown = match origins {
            Origins::File(_) => origins.of(line.last),
            Origins::Lines(_) => self.origin.clone(),
        };
        if line.cut {
            self.error("cf-line-length", "line too long, cut");
        }
        // Most lines are rules: they need no grammar.
        if let Some(text) = line.text.strip_prefix(b"R") {
            return self.rule(text, &line.text);
        }
        let text = latin1(&line.text);
        match CfParser::parse(Rule::line, &text) {
            Ok(pairs) => self.parsed(pairs, &line.text),
            Err(_) => self.bad_line(&line.text),
        }
    }

    fn parsed(&mut self, mut pairs: Pairs<'_, Rule>, whole: &[u8]) {
        let Some(pair) = pairs.next() else { return };
        let kind = pair.as_rule();
        let mut parts = pair.into_inner();
        match kind {
            Rule::ruleset => self.ruleset(&last(&mut parts)),
            Rule::define => self.define(&mut parts),
            Rule::class => self.class(&mut parts),
            Rule::class_file => self.class_file(&mut parts),
            Rule::trusted => {
                let words = last(&mut parts);
                self.add_class(b"t".into(), ClassSource::Words(words));
            }
            Rule::option_long => self.option_long(&mut parts),
            Rule::option_short => self.option_short(&mut parts),
            Rule::mailer => self.mailer(&mut parts),
            Rule::queue_group => self.equates(&mut parts, whole, true),
            Rule::milter => self.equates(&mut parts, whole, false),
            Rule::map => self.map(&mut parts),
            Rule::header => self.header(&mut parts),
            Rule::priority => self.priority(&mut parts),
            Rule::environment => self.environment(&mut parts),
            Rule::version => self.version(parts),
            _ => {}
        }
    }

    /// Says what is wrong with a line that the grammar refuses.
    fn bad_line(&mut self, text: &[u8]) {
        let message = match text.first() {
            Some(b'M' | b'Q' | b'X') => {
                format!("invalid configuration line \"{}\"", BStr::new(text))
            }
            Some(b'H') => format!("header syntax error, line \"{}\"", BStr::new(&text[1..])),
            _ => format!("unknown configuration line \"{}\"", BStr::new(text)),
        };
        self.error("cf-unknown-line", message);
    }

    /// `left`, TABs, `right`, TABs, `comment`
    fn rule(&mut self, text: &[u8], whole: &[u8]) {
        let (lhs, rest) = side(text);
        let Some(rest) = rest else {
            let message = format!(
                "invalid rewrite line \"{}\" (tab expected)",
                BStr::new(whole)
            );
            self.error("cf-rule-tab", message);
            return;
        };
        let (rhs, comment) = side(rest);
        let Some(current) = self.current else {
            let message = format!("missing valid ruleset for \"{}\"", BStr::new(whole));
            self.error("cf-rule-outside", message);
            return;
        };
        self.config.rulesets[current].rules.push(RuleDef {
            lhs: lhs.into(),
            rhs: rhs.into(),
            comment: comment.unwrap_or_default().into(),
            place: self.place,
            origin: self.shown.clone(),
        });
    }

    fn ruleset(&mut self, text: &[u8]) {
        match super::ruleset_name::parse(text) {
            Ok(name) => {
                let number = self.config.number_ruleset(&name);
                if let RulesetName::Name {
                    number: Some(wanted),
                    ..
                } = name
                    && wanted != number
                {
                    let shown = BStr::new(text);
                    let message =
                        format!("{shown}: ruleset changed value (old {number}, new {wanted})");
                    self.error("cf-ruleset-number", message);
                }
                let rulesets = &mut self.config.rulesets;
                let found = rulesets
                    .iter_mut()
                    .position(|ruleset| ruleset.number == number);
                let shown = match name {
                    RulesetName::Number(number) => number.to_string().into(),
                    RulesetName::Name { name, .. } => {
                        // A ruleset that had only a number gets its name.
                        if let Some(index) = found {
                            rulesets[index].name.clone_from(&name);
                        }
                        name
                    }
                };
                if let Some(index) = found
                    && !rulesets[index].rules.is_empty()
                {
                    let shown = BStr::new(text);
                    let message = format!("WARNING: Ruleset {shown} has multiple definitions");
                    self.faults.push(Diagnostic::warning(
                        "cf-ruleset-again",
                        self.shown.clone(),
                        message,
                    ));
                }
                self.current = Some(found.unwrap_or(rulesets.len()));
                if found.is_none() {
                    rulesets.push(RulesetDef {
                        name: shown,
                        number,
                        rules: Vec::new(),
                        origin: self.origin.clone(),
                    });
                }
            }
            Err(message) => {
                self.current = None;
                self.error("cf-ruleset-name", message);
            }
        }
    }

    /// A mailer or a header names a ruleset, which may come later.
    fn mention_ruleset(&mut self, name: &[u8]) {
        if let Ok(name) = super::ruleset_name::parse(name) {
            self.config.number_ruleset(&name);
        }
    }

    fn define(&mut self, parts: &mut Pairs<'_, Rule>) {
        let Some(name) = self.name(parts) else { return };
        self.config.macros.push(MacroDef {
            name,
            value: munch(&last(parts)),
            place: self.place,
            origin: self.origin.clone(),
        });
    }

    fn class(&mut self, parts: &mut Pairs<'_, Rule>) {
        let Some(name) = self.name(parts) else { return };
        let words = last(parts);
        self.add_class(name, ClassSource::Words(words));
    }

    fn class_file(&mut self, parts: &mut Pairs<'_, Rule>) {
        let Some(name) = self.name(parts) else { return };
        let mut optional = false;
        for part in parts {
            let source = match part.as_rule() {
                Rule::optional => {
                    optional = true;
                    continue;
                }
                Rule::program => ClassSource::Program {
                    command: last(&mut part.into_inner()),
                },
                Rule::from_map => {
                    let mut inner = part.into_inner();
                    ClassSource::Map {
                        key: next(&mut inner),
                        spec: last(&mut inner),
                        optional,
                    }
                }
                _ => {
                    let mut inner = part.into_inner();
                    let path = next(&mut inner);
                    let format = last(&mut inner);
                    ClassSource::File {
                        path,
                        format: if format.is_empty() {
                            b"%s".into()
                        } else {
                            format
                        },
                        optional,
                    }
                }
            };
            self.add_class(name, source);
            return;
        }
    }

    fn add_class(&mut self, name: BString, source: ClassSource) {
        self.config.classes.push(ClassDef {
            name,
            source,
            place: self.place,
            origin: self.origin.clone(),
        });
    }

    /// The name of a macro or class; says what is wrong with a bad one.
    fn name(&mut self, parts: &mut Pairs<'_, Rule>) -> Option<BString> {
        let name = next(parts);
        match super::macro_name::check(&name) {
            Ok(()) => Some(name),
            Err(message) => {
                self.error("cf-macro-name", message);
                None
            }
        }
    }

    fn option_long(&mut self, parts: &mut Pairs<'_, Rule>) {
        let name = next(parts);
        let value = last(parts);
        match option_names::find(&name) {
            Ok((opt, note)) => {
                if let Some(note) = note {
                    self.faults.push(Diagnostic::warning(
                        "cf-option-abbreviated",
                        self.shown.clone(),
                        note,
                    ));
                }
                if opt.row().extra {
                    self.faults.push(Diagnostic::note(
                        "cf-option-build",
                        self.shown.clone(),
                        format!(
                            "the reference, as distributions build it, does not know option {}",
                            opt.name()
                        ),
                    ));
                }
                self.set(|options, origin| options.set(opt, &value, origin));
            }
            Err(message) => self.error("cf-unknown-option", message),
        }
    }

    fn option_short(&mut self, parts: &mut Pairs<'_, Rule>) {
        let letter = next(parts);
        let value = last(parts);
        let shown = self.shown.clone();
        let faults = option_names::set_by_letter(
            &mut self.config.options,
            letter.first().copied().unwrap_or(b' '),
            &value,
            &self.origin,
        );
        self.faults.extend(faults.into_iter().map(|mut fault| {
            fault.origin = shown.clone();
            fault
        }));
    }

    fn set(&mut self, set: impl FnOnce(&mut Options, &Origin) -> Result<(), Box<Diagnostic>>) {
        if let Err(mut fault) = set(&mut self.config.options, &self.origin) {
            fault.origin = self.shown.clone();
            self.faults.push(*fault);
        }
    }

    fn mailer(&mut self, parts: &mut Pairs<'_, Rule>) {
        let name = next(parts);
        let body = last(parts);
        let mut messages = Vec::new();
        let mailer = mailer::read(name, &body, &self.shown, &mut messages);
        for message in messages {
            self.error("cf-mailer", message);
        }
        let Some(mailer) = mailer else { return };
        for pair in [&mailer.sender, &mailer.recipient] {
            for name in [&pair.envelope, &pair.header] {
                self.mention_ruleset(name);
            }
        }
        let mailers = &mut self.config.mailers;
        match mailers
            .iter_mut()
            .find(|old| old.name.eq_ignore_ascii_case(&mailer.name))
        {
            Some(old) => *old = mailer,
            None => mailers.push(mailer),
        }
    }

    fn equates(&mut self, parts: &mut Pairs<'_, Rule>, whole: &[u8], queue: bool) {
        let name = next(parts);
        let body = last(parts);
        if name.is_empty() {
            self.bad_line(whole);
            return;
        }
        let mut equates = Vec::new();
        let what = if queue { "queue" } else { "filter" };
        for equate in mailer::equates(&body) {
            match equate {
                Ok(pair) => equates.push(pair),
                Err(_) => {
                    let message = format!("{what} {name}: `=' expected");
                    self.error("cf-equate", message);
                    break;
                }
            }
        }
        let definition = EquatesDef {
            name,
            equates,
            origin: self.origin.clone(),
        };
        if queue {
            self.config.queue_groups.push(definition);
        } else {
            self.config.milters.push(definition);
        }
    }

    fn map(&mut self, parts: &mut Pairs<'_, Rule>) {
        let name = next(parts);
        let class = next(parts);
        let args = last(parts);
        if class.is_empty() {
            let message = format!("makemapentry: no map class for map {name}");
            self.error("cf-map-class", message);
            return;
        }
        self.config.maps.push(MapDef {
            name,
            class,
            args,
            place: self.place,
            origin: self.origin.clone(),
        });
    }

    fn header(&mut self, parts: &mut Pairs<'_, Rule>) {
        let mut condition = HeaderCondition::Always;
        let mut name = BString::default();
        let mut body = BString::default();
        for part in parts {
            match part.as_rule() {
                Rule::condition_flags => {
                    condition = HeaderCondition::Flags(FlagSet::of(&to_bytes(part.as_str())));
                }
                Rule::condition_macro => {
                    condition = HeaderCondition::Macro(next(&mut part.into_inner()));
                }
                Rule::field => name = to_bytes(part.as_str()),
                _ => body = to_bytes(part.as_str()),
            }
        }
        let text = body.trim_ascii_start();
        let action = match text.strip_prefix(b"$>") {
            Some(check) => {
                let keep_comments = check.first() == Some(&b'+');
                let check = check.strip_prefix(b"+").unwrap_or(check);
                self.mention_ruleset(check);
                HeaderAction::Check {
                    ruleset: check.trim_ascii().into(),
                    keep_comments,
                }
            }
            None => HeaderAction::Template(text.into()),
        };
        self.config.headers.push(HeaderDef {
            condition,
            name,
            action,
            origin: self.origin.clone(),
        });
    }

    fn priority(&mut self, parts: &mut Pairs<'_, Rule>) {
        let name = next(parts);
        let value = last(parts);
        self.config.priorities.push(PriorityDef {
            name,
            value: super::text::leading_number(&value),
            origin: self.origin.clone(),
        });
    }

    fn environment(&mut self, parts: &mut Pairs<'_, Rule>) {
        let name = next(parts);
        let value = parts.next().map(|part| to_bytes(part.as_str()));
        self.config.environment.push(EnvironmentDef {
            name,
            value,
            origin: self.origin.clone(),
        });
    }

    fn version(&mut self, parts: Pairs<'_, Rule>) {
        let mut version = Version::default();
        for part in parts {
            match part.as_rule() {
                Rule::number => {
                    version.level = part.as_str().parse().unwrap_or(u32::MAX);
                }
                _ => version.vendor = to_bytes(part.as_str()),
            }
        }
        if version.level > super::LEVEL {
            let message = format!(
                "Warning: .cf version level ({}) exceeds sendmail version 8.17.1.9 functionality ({})",
                version.level,
                super::LEVEL
            );
            self.faults
                .push(Diagnostic::warning("cf-level", self.shown.clone(), message));
        }
        self.config.version = version;
    }

    fn error(&mut self, code: &'static str, message: impl Into<String>) {
        self.faults
            .push(Diagnostic::error(code, self.shown.clone(), message));
    }
}

/// The text up to the next TABs, and what stands after them.
fn side(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'\t', text) {
        None => (text, None),
        Some(end) => {
            let rest = &text[end..];
            let tabs = rest.iter().take_while(|&&byte| byte == b'\t').count();
            (&text[..end], Some(&rest[tabs..]))
        }
    }
}

/// The text of the next part; empty when there is none.
fn next(parts: &mut Pairs<'_, Rule>) -> BString {
    parts
        .next()
        .map_or_else(BString::default, |part: Pair<'_, Rule>| {
            to_bytes(part.as_str())
        })
}

/// The text of what is left, as one part.
fn last(parts: &mut Pairs<'_, Rule>) -> BString {
    next(parts)
}
