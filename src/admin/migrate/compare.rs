//! Two configurations side by side: options, mailers, maps, classes, macros,
//! queue groups, filters. What is the same is not mentioned.

use std::collections::{BTreeMap, BTreeSet};

use bstr::{BString, ByteSlice};

use crate::cf::{
    ClassSource, Config, HeaderAction, HeaderCondition, MailerDef, OPTIONS, RulesetDef,
};

/// Something that is not the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `option`, `mailer`, `map`, `class`, `macro`, `queue group`, `filter`,
    /// `header`, `ruleset`.
    pub what: &'static str,
    /// Its name.
    pub name: String,
    /// What it was; empty when it was not there.
    pub old: String,
    /// What it is; empty when it is not there any more.
    pub new: String,
}

/// Macros that say which configuration this is, not what it does.
const OWN_MACROS: [&str; 3] = ["Z", "v", "_"];

/// How rulesets begin that a site may write.
const SITE_RULESETS: [&str; 9] = [
    "local_",
    "check_",
    "queuegroup",
    "greet_pause",
    "trust_auth",
    "srv_features",
    "try_tls",
    "authinfo",
    "tls_",
];

/// The things of one kind that a configuration has, by name, and what each is.
type Describe = fn(&Config) -> BTreeMap<String, String>;

/// What differs between the old configuration and the new one.
pub fn compare(old: &Config, new: &Config) -> Vec<Difference> {
    let mut found = Vec::new();
    options(old, new, &mut found);
    let parts: [(&'static str, Describe); 8] = [
        ("macro", macros),
        ("class", classes),
        ("map", maps),
        ("mailer", mailers),
        ("queue group", queue_groups),
        ("filter", filters),
        ("header", headers),
        ("ruleset", rulesets),
    ];
    for (what, describe) in parts {
        let (old, new) = (describe(old), describe(new));
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for name in names {
            let (was, is) = (old.get(name), new.get(name));
            if was != is {
                found.push(Difference {
                    what,
                    name: name.clone(),
                    old: was.cloned().unwrap_or_default(),
                    new: is.cloned().unwrap_or_default(),
                });
            }
        }
    }
    found
}

/// Options whose effective values differ: set to the default is as not set.
fn options(old: &Config, new: &Config, found: &mut Vec<Difference>) {
    for row in OPTIONS {
        let value = |config: &Config| -> BString {
            let values: Vec<BString> = match config.options.all(row.opt) {
                [] => vec![row.default.into()],
                all => all.iter().map(|value| normal(&value.text)).collect(),
            };
            bstr::join("; ", values).into()
        };
        let (was, is) = (value(old), value(new));
        let is_flag = row.kind == crate::cf::Kind::Bool;
        let same = match is_flag {
            true => old.options.flag(row.opt) == new.options.flag(row.opt),
            false => was == is,
        };
        if !same {
            found.push(Difference {
                what: "option",
                name: row.name.to_owned(),
                old: was.to_string(),
                new: is.to_string(),
            });
        }
    }
}

/// White space says nothing in a value.
fn normal(text: &[u8]) -> BString {
    bstr::join(" ", text.fields()).into()
}

fn macros(config: &Config) -> BTreeMap<String, String> {
    config
        .macros
        .iter()
        .map(|definition| (definition.name.to_string(), definition.value.to_string()))
        .filter(|(name, _)| !OWN_MACROS.contains(&name.as_str()))
        .collect()
}

/// The words and files of each class.
fn classes(config: &Config) -> BTreeMap<String, String> {
    let mut parts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for class in &config.classes {
        let into = parts.entry(class.name.to_string()).or_default();
        match &class.source {
            ClassSource::Words(words) => {
                into.extend(words.fields().map(|word| word.as_bstr().to_string()));
            }
            ClassSource::File { path, .. } => drop(into.insert(path.to_string())),
            ClassSource::Program { command } => drop(into.insert(format!("|{command}"))),
            ClassSource::Map { key, spec, .. } => drop(into.insert(format!("{key}@{spec}"))),
        }
    }
    parts
        .into_iter()
        .map(|(name, words)| (name, words.into_iter().collect::<Vec<_>>().join(" ")))
        .collect()
}

fn maps(config: &Config) -> BTreeMap<String, String> {
    let maps = config.maps.iter();
    maps.map(|map| {
        let text = format!("{} {}", map.class, normal(&map.args));
        (map.name.to_string().to_ascii_lowercase(), text)
    })
    .collect()
}

/// What a mailer is; its rulesets have names of the library's own.
fn mailers(config: &Config) -> BTreeMap<String, String> {
    let describe = |mailer: &MailerDef| {
        let flags: String = mailer.flags.iter().map(char::from).collect();
        let argv = bstr::join(" ", &mailer.argv);
        format!(
            "P={} F={flags} A={} M={} L={} U={}:{}",
            mailer.path,
            argv.as_bstr(),
            mailer.size_max,
            mailer.line_max,
            mailer.user.user,
            mailer.user.group
        )
    };
    let mailers = config.mailers.iter();
    mailers
        .map(|mailer| (mailer.name.to_string(), describe(mailer)))
        .collect()
}

fn queue_groups(config: &Config) -> BTreeMap<String, String> {
    equates(&config.queue_groups)
}

fn filters(config: &Config) -> BTreeMap<String, String> {
    equates(&config.milters)
}

/// What is added to headers or checked in them, field by field.
fn headers(config: &Config) -> BTreeMap<String, String> {
    let mut parts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for header in &config.headers {
        let condition = match &header.condition {
            HeaderCondition::Always => String::new(),
            HeaderCondition::Flags(flags) => {
                let flags: String = flags.iter().map(char::from).collect();
                format!("?{flags}? ")
            }
            HeaderCondition::Macro(name) => format!("?${{{name}}}? "),
        };
        let action = match &header.action {
            HeaderAction::Template(text) => normal(text).to_string(),
            HeaderAction::Check { ruleset, .. } => format!("$>{ruleset}"),
        };
        let name = header.name.to_string().to_ascii_lowercase();
        parts
            .entry(name)
            .or_default()
            .insert(format!("{condition}{action}"));
    }
    parts
        .into_iter()
        .map(|(name, lines)| (name, lines.into_iter().collect::<Vec<_>>().join("; ")))
        .collect()
}

/// Which rulesets that a site may write have rules of its own. How many is
/// not compared: what they do is, address by address.
fn rulesets(config: &Config) -> BTreeMap<String, String> {
    let has_rules = |name: &BString| {
        let name = name.to_ascii_lowercase();
        let ruleset = |set: &&RulesetDef| set.name.to_ascii_lowercase() == name;
        let found = config.rulesets.iter().find(ruleset);
        found.is_some_and(|set| !set.rules.is_empty())
    };
    let of_site = |set: &&RulesetDef| {
        let name = set.name.to_ascii_lowercase();
        // FEATURE(`msp') writes it; each library has its own way.
        name != b"local_localaddr"
            && SITE_RULESETS
                .iter()
                .any(|own| name.starts_with(own.as_bytes()))
    };
    let sets = config.rulesets.iter().filter(of_site);
    sets.filter(|set| has_rules(&set.name))
        .map(|set| {
            (
                set.name.to_string().to_ascii_lowercase(),
                "has rules".to_owned(),
            )
        })
        .collect()
}

fn equates(lines: &[crate::cf::EquatesDef]) -> BTreeMap<String, String> {
    lines
        .iter()
        .map(|line| {
            let parts: Vec<String> = line
                .equates
                .iter()
                .map(|(letter, value)| format!("{}={value}", char::from(*letter)))
                .collect();
            (line.name.to_string(), parts.join(", "))
        })
        .collect()
}
