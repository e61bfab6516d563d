//! What a run of the rules did, told: the answers of maps with their lines,
//! the rule that decided, and with `-v` everything.

use bstr::{BStr, BString, ByteSlice};
use serde_json::{Value, json};

use super::places::Places;
use crate::cli::desk::OpenSite;
use crate::rewrite::{Deed, Recorder, RuleId, Said};

/// An answer that a map gave.
#[derive(Clone, Debug)]
pub(super) struct Answered {
    pub(super) map: BString,
    pub(super) key: BString,
    /// `None` when it could not be asked.
    pub(super) value: Option<BString>,
    /// The line it stands on.
    pub(super) place: Option<String>,
}

/// Tells runs of one site.
#[derive(Clone, Copy)]
pub(super) struct Story<'a> {
    pub(super) open: &'a OpenSite,
    pub(super) places: &'a Places,
}

/// Maps that the rules use as tools: their answers say nothing to people.
const TOOLS: [&[u8]; 6] = [b"arith", b"dequote", b"macro", b"regex", b"stab", b"syslog"];

impl Story<'_> {
    /// What maps answered, each answer once, in order.
    pub(super) fn answers(&self, recorder: &Recorder) -> Vec<Answered> {
        let config = &self.open.site.config;
        let mut found: Vec<Answered> = Vec::new();
        for step in recorder.steps() {
            let Deed::Lookup {
                map,
                key,
                answer: Some(said),
            } = &step.deed
            else {
                continue;
            };
            let value = match said {
                Said::Found(value) => Some(value.clone()),
                Said::Later(_) => None,
                Said::NotFound => continue,
            };
            let is_host = map.eq_ignore_ascii_case(b"host") && value.is_some();
            let is_told = found.iter().any(|old| old.map == *map && old.key == *key);
            if self.is_tool(map) || is_host || is_told {
                continue;
            }
            found.push(Answered {
                place: self.places.entry(config, map.as_bstr(), key),
                map: map.clone(),
                key: key.clone(),
                value,
            });
        }
        found
    }

    fn is_tool(&self, map: &BString) -> bool {
        let definition = self.open.site.config.map(map);
        definition.is_some_and(|definition| TOOLS.contains(&definition.class.as_slice()))
    }

    /// What maps were asked in vain, each question once.
    pub(super) fn misses(&self, recorder: &Recorder) -> Vec<(BString, BString)> {
        let mut found: Vec<(BString, BString)> = Vec::new();
        for step in recorder.steps() {
            if let Deed::Lookup {
                map,
                key,
                answer: Some(Said::NotFound),
            } = &step.deed
                && !map.eq_ignore_ascii_case(b"host")
                && !self.is_tool(map)
                // Questions about TLS, with their tag in quotes.
                && !key.starts_with(b"\"")
                && !found.contains(&(map.clone(), key.clone()))
            {
                found.push((map.clone(), key.clone()));
            }
        }
        found
    }

    /// The rule that made the mailer triple: the last that fired whose
    /// workspace begins with `$#`, else the last of all.
    pub(super) fn decided(&self, recorder: &Recorder) -> Option<RuleId> {
        let mut made = recorder.steps().iter().filter_map(|step| match &step.deed {
            Deed::Rule {
                rule,
                made: Some(made),
                ..
            } if made.starts_with(b"$#") => Some(*rule),
            _ => None,
        });
        // A rule stands before those of the rulesets that it calls: the last
        // is the innermost.
        made.next_back().or(recorder.last_rule())
    }

    /// The place of a rule.
    pub(super) fn rule_place(&self, rule: RuleId) -> String {
        self.places.of(self.open.site.program.origin(rule))
    }

    /// The text of a rule.
    pub(super) fn rule_text(&self, rule: RuleId) -> BString {
        let program = &self.open.site.program;
        let (left, right) = (program.left_side(rule), program.right_side(rule));
        BString::from(bstr::join(" -> ", [left, right]))
    }

    /// Every step of a run, for `-v`.
    pub(super) fn steps(&self, recorder: &Recorder, indent: usize) -> Vec<BString> {
        let program = &self.open.site.program;
        let mut lines = Vec::new();
        for step in recorder.steps() {
            let lead = " ".repeat(indent + 2 * step.depth);
            let text = match &step.deed {
                Deed::Ruleset {
                    ruleset,
                    input,
                    output,
                } => {
                    let name = program.ruleset_name(*ruleset);
                    match output {
                        Some(output) => format!("{name}: {input} => {output}"),
                        None => format!("{name}: {input}"),
                    }
                }
                Deed::Rule { rule, made, .. } => {
                    let made = made.clone().unwrap_or_default();
                    let text = self.rule_text(*rule);
                    format!("{}: {text}: {made}", program.origin(*rule))
                }
                Deed::Lookup { map, key, answer } => match answer {
                    Some(Said::Found(value)) => format!("map {map} {key}: {value}"),
                    Some(Said::Later(_)) => format!("map {map} {key}: cannot be asked now"),
                    Some(Said::NotFound) | None => format!("map {map} {key}: nothing"),
                },
                Deed::Macro { name, value } => {
                    let value = value.clone().unwrap_or_default();
                    format!("macro {name}: {value}")
                }
                Deed::Fault(text) => format!("fault: {text}"),
            };
            lines.push(BString::from(format!("{lead}{text}")));
        }
        if recorder.left_out() > 0 {
            lines.push(format!("{}… and {} more", " ".repeat(indent), recorder.left_out()).into());
        }
        lines
    }
}

impl Answered {
    /// The answer in one line.
    pub(super) fn line(&self) -> String {
        let Self { map, key, .. } = self;
        let value = self.value.as_deref().map(BStr::new);
        let text = match value {
            Some(value) => format!("{map}: {key} -> {value}"),
            None => format!("{map}: {key}: the map cannot be asked now"),
        };
        match &self.place {
            Some(place) => format!("{text}    {place}"),
            None => text,
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "map": self.map.to_str_lossy(),
            "key": self.key.to_str_lossy(),
            "value": self.value.as_ref().map(|value| value.to_str_lossy()),
            "place": self.place,
        })
    }
}
