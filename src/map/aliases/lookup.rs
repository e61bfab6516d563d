//! Asking the alias maps of option AliasFile, one after the other.

use bstr::{BString, ByteSlice};

use crate::base::{Diagnostic, Origin};
use crate::map::answer::{Answer, Lookup, NoMacros, Scope};
use crate::map::kline::Definition;
use crate::map::registry::{MapId, Maps};

/// The alias maps of a configuration, in the order they are asked.
#[derive(Clone, Debug, Default)]
pub struct AliasMaps {
    maps: Vec<MapId>,
}

/// One map of option AliasFile: `class:flags file`, or only a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasSpec {
    /// The class; `implicit` for a bare file.
    pub class: BString,
    /// Flags and file.
    pub arguments: BString,
    /// The class is written down.
    pub named: bool,
}

impl AliasSpec {
    /// Reads one or several specs, separated by commas or, before a file or
    /// class that begins anew, by white space.
    pub fn parse_list(text: &[u8]) -> Vec<Self> {
        let mut specs: Vec<Self> = Vec::new();
        for part in text.split(|byte| *byte == b',') {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            specs.push(Self::parse(part));
        }
        specs
    }

    /// Reads one spec.
    fn parse(text: &[u8]) -> Self {
        let colon = text.find_byte(b':');
        let is_class = |class: &[u8]| {
            !class.is_empty() && class.iter().all(|byte| byte.is_ascii_alphanumeric())
        };
        match colon.map(|colon| (&text[..colon], &text[colon + 1..])) {
            Some((class, arguments)) if is_class(class) => Self {
                class: class.into(),
                arguments: arguments.trim().into(),
                named: true,
            },
            _ => Self {
                class: "implicit".into(),
                arguments: text.into(),
                named: false,
            },
        }
    }
}

impl AliasMaps {
    /// Defines the maps of `specs` (each a value of option AliasFile) beside
    /// those that `maps` has.
    pub(crate) fn define(
        maps: &mut Maps,
        values: &[(BString, Origin)],
        settings: &crate::map::MapSettings,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut found = Vec::new();
        let specs = values.iter().flat_map(|(text, origin)| {
            AliasSpec::parse_list(text)
                .into_iter()
                .map(move |spec| (spec, origin))
        });
        for (number, (spec, origin)) in specs.enumerate() {
            let definition = Definition {
                name: format!("Alias{number}").into(),
                class: spec.class,
                arguments: spec.arguments,
                origin: origin.clone(),
            };
            found.extend(maps.define(&definition, settings, true, diagnostics));
        }
        Self { maps: found }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.maps.is_empty()
    }

    /// The maps.
    pub fn ids(&self) -> &[MapId] {
        &self.maps
    }

    /// What the first map that knows `name` holds for it. A map that cannot
    /// be asked is a temporary failure, whatever those behind it know: the
    /// first answer counts, and nobody knows it.
    pub fn lookup<'a>(&'a self, maps: &'a Maps, name: &[u8]) -> Lookup<'a> {
        for (place, id) in self.maps.iter().enumerate() {
            match one(maps, *id, name) {
                Lookup::Ready(Answer::NotFound) => {}
                Lookup::Ready(answer) => return Lookup::Ready(answer),
                Lookup::Pending(later) => {
                    let name = name.to_vec();
                    let rest = &self.maps[place + 1..];
                    return Lookup::Pending(Box::pin(async move {
                        let mut answer = later.await;
                        for id in rest {
                            if answer != Answer::NotFound {
                                break;
                            }
                            answer = one(maps, *id, &name).wait().await;
                        }
                        answer
                    }));
                }
            }
        }
        Lookup::Ready(Answer::NotFound)
    }
}

/// Asks one map. Lists are taken as they are: `%` means nothing in them.
fn one<'a>(maps: &'a Maps, id: MapId, name: &[u8]) -> Lookup<'a> {
    let mut scope = Scope {
        macros: &mut NoMacros,
        deferring: false,
        queue_id: "",
    };
    maps.lookup_plain(id, name, &mut scope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_name_a_class_or_only_a_file() {
        let spec = |class: &str, arguments: &str| AliasSpec {
            class: class.into(),
            arguments: arguments.into(),
            named: class != "implicit",
        };
        assert_eq!(
            AliasSpec::parse_list(b"/etc/mail/aliases, hash:-o /etc/a,ldap:"),
            [
                spec("implicit", "/etc/mail/aliases"),
                spec("hash", "-o /etc/a"),
                spec("ldap", ""),
            ]
        );
        assert_eq!(
            AliasSpec::parse_list(b"/odd:name"),
            [spec("implicit", "/odd:name")]
        );
    }
}
