//! Map classes `sequence` and `switch`: several maps, asked in order.

use std::fs;
use std::sync::OnceLock;

use bstr::{BString, ByteSlice};

use crate::base::Diagnostic;

use super::answer::{Lookup, NoMacros, Outcome, Scope};
use super::kline::Common;
use super::registry::{Ask, Backend, MapId, Maps, OpenState, Opened, Opening};

/// Maps in one sequence.
// sendmail: MAXMAPSTACK.
const MEMBERS_MAX: usize = 12;

/// A service switch file is not read further than this.
const SWITCH_BYTES_MAX: usize = 1 << 20;

/// Maps in order.
struct Sequence {
    members: Vec<MapId>,
}

/// Opens a `sequence` map: the names of maps that were defined before.
pub(crate) fn sequence(opening: &mut Opening<'_>) -> Opened {
    let definition = opening.definition;
    let mut members = Vec::new();
    // sendmail: flags have no meaning here; whatever could be a name is one.
    let between = |byte: &u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
    let names = definition.arguments.split(between);
    for name in names.filter(|name| !name.is_empty()) {
        match opening.earlier(name) {
            Some(id) if members.len() < MEMBERS_MAX => members.push(id),
            Some(_) => {
                let message = format!(
                    "Sequence map {}: too many maps ({MEMBERS_MAX} max)",
                    definition.name
                );
                opening.fault("map-sequence-long", message);
                break;
            }
            None => {
                let message = format!(
                    "Sequence map {}: unknown member map {}",
                    definition.name,
                    name.as_bstr()
                );
                opening.fault("map-unknown-member", message);
            }
        }
    }
    opened(Sequence { members })
}

/// Maps in the order of the service switch. They may be defined on later
/// lines: they are found when they are first asked.
struct Switch {
    name: BString,
    /// None when no order could be found: nothing can be asked.
    methods: Option<Vec<BString>>,
    members: OnceLock<Vec<MapId>>,
}

/// Opens a `switch` map: `NAME.files`, `NAME.dns`, … in the order that the
/// service switch gives for the service.
pub(crate) fn switch(opening: &mut Opening<'_>) -> Opened {
    // The flags mean nothing, but are looked at.
    opening.line();
    let definition = opening.definition;
    let service = definition
        .arguments
        .fields()
        .find(|word| !word.starts_with(b"-"))
        .unwrap_or_default();
    Opened {
        common: Common::default(),
        backend: Box::new(Switch {
            name: definition.name.clone(),
            methods: methods_of(opening, service),
            members: OnceLock::new(),
        }),
    }
}

fn opened(sequence: Sequence) -> Opened {
    Opened {
        common: Common::default(),
        backend: Box::new(sequence),
    }
}

/// How a service is looked up: by the switch file, or when there is none, as
/// it was always done. None when the file does not have the service.
fn methods_of(opening: &mut Opening<'_>, service: &[u8]) -> Option<Vec<BString>> {
    let file = opening.settings.service_switch.as_deref();
    let text = file.and_then(|path| fs::read(path).ok());
    let Some(text) = text.filter(|text| text.len() <= SWITCH_BYTES_MAX) else {
        return Some(match service {
            b"hosts" => vec![BString::from("dns"), BString::from("files")],
            _ => vec![BString::from("files")],
        });
    };
    let found = text.lines().find_map(|line| {
        let line = line.split_once_str("#").map_or(line, |(line, _)| line);
        let mut words = line.fields();
        (words.next() == Some(service)).then(|| words.map(BString::from).collect())
    });
    if found.is_none()
        && let Some(path) = file
    {
        let message = format!(
            "map {}: {} has no line for {}",
            opening.definition.name,
            path.display(),
            service.as_bstr()
        );
        let origin = opening.definition.origin.clone();
        opening
            .diagnostics
            .push(Diagnostic::note("map-no-service", origin, message));
    }
    found
}

/// The outcome when no member knows the key.
fn nothing(temporary: bool) -> Outcome {
    if temporary {
        Outcome::TempFail
    } else {
        Outcome::NO_HOST
    }
}

/// Asks maps in order.
fn ask_all<'a>(
    maps: &'a Maps,
    members: &'a [MapId],
    ask: Ask<'_>,
    scope: &mut Scope<'_>,
) -> Lookup<'a, Outcome> {
    let mut temporary = false;
    for (place, member) in members.iter().enumerate() {
        match maps.member(*member, ask, scope) {
            Lookup::Ready(Outcome::Found(value)) => return Lookup::Ready(Outcome::Found(value)),
            Lookup::Ready(outcome) => temporary |= outcome == Outcome::TempFail,
            Lookup::Pending(later) => {
                let arguments: Vec<BString> = ask
                    .arguments
                    .iter()
                    .map(|text| BString::from(*text))
                    .collect();
                let key: BString = ask.key.into();
                let rest = &members[place + 1..];
                let deferring = scope.deferring;
                return Lookup::Pending(Box::pin(async move {
                    match later.await {
                        Outcome::Found(value) => return Outcome::Found(value),
                        outcome => temporary |= outcome == Outcome::TempFail,
                    }
                    go_on(maps, rest, &key, &arguments, deferring, temporary).await
                }));
            }
        }
    }
    Lookup::Ready(nothing(temporary))
}

impl Backend for Sequence {
    fn lookup<'a>(
        &'a self,
        maps: &'a Maps,
        ask: Ask<'_>,
        scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        ask_all(maps, &self.members, ask, scope)
    }
}

impl Switch {
    /// The name of the member for a method.
    fn member(&self, method: &BString) -> BString {
        bstr::concat([self.name.as_slice(), b".", method]).into()
    }
}

impl Backend for Switch {
    fn lookup<'a>(
        &'a self,
        maps: &'a Maps,
        ask: Ask<'_>,
        scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        let Some(methods) = &self.methods else {
            return Lookup::Ready(Outcome::TempFail);
        };
        let members = self.members.get_or_init(|| {
            let ids = methods.iter().map(|method| maps.id(&self.member(method)));
            ids.flatten().collect()
        });
        ask_all(maps, members, ask, scope)
    }

    fn open_state(&self, maps: &Maps) -> OpenState {
        let methods = self.methods.iter().flatten();
        let mut names = methods.map(|method| self.member(method));
        match names.find(|name| maps.id(name).is_none()) {
            Some(name) => OpenState::Faulty(format!(
                "Switch map {}: unknown member map {name}",
                self.name
            )),
            None => OpenState::Open,
        }
    }
}

/// Asks the members that are left, after one that took its time. Macros can
/// no longer be set: the rule that asked is waiting.
async fn go_on(
    maps: &Maps,
    members: &[MapId],
    key: &[u8],
    arguments: &[BString],
    deferring: bool,
    mut temporary: bool,
) -> Outcome {
    let arguments: Vec<&[u8]> = arguments.iter().map(|text| text.as_slice()).collect();
    for member in members {
        let lookup = {
            let mut scope = Scope {
                macros: &mut NoMacros,
                deferring,
                queue_id: "",
            };
            let arguments = &arguments;
            maps.member(*member, Ask { key, arguments }, &mut scope)
        };
        match lookup.wait().await {
            Outcome::Found(value) => return Outcome::Found(value),
            outcome => temporary |= outcome == Outcome::TempFail,
        }
    }
    nothing(temporary)
}
