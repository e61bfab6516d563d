//! Map class `syslog`: logs its key and answers with nothing, which is found.

use bstr::BString;

use crate::world::LogLevel;

use super::answer::{Lookup, Outcome, Scope};
use super::kline::{Common, Taken, flags};
use super::registry::{Ask, Backend, Maps, Opened, Opening};

/// The level that `-L` names.
struct Syslog {
    level: LogLevel,
}

/// Opens a `syslog` map: `-L`, `-D`.
pub(crate) fn open(opening: &mut Opening<'_>) -> Opened {
    let mut common = Common::default();
    let mut level = LogLevel::Info;
    let mut unknown = Vec::new();
    let mut bad_level = None;
    flags(&opening.definition.arguments, |flag, value| match flag {
        b'L' => {
            match (named(value), value.is_empty()) {
                (Some(named), _) => level = named,
                (None, true) => {}
                (None, false) => bad_level = Some(BString::from(value)),
            }
            Taken::AlsoNextWord
        }
        b'D' => {
            common.flag(flag, value);
            Taken::ThisWord
        }
        _ => {
            unknown.push(flag);
            Taken::ThisWord
        }
    });
    for flag in unknown {
        let message = format!("Illegal option {} map syslog", char::from(flag));
        opening.fault("map-unknown-flag", message);
    }
    if let Some(bad) = bad_level {
        opening.fault(
            "map-bad-level",
            format!("syslog_map_parseargs: Unknown priority {bad}"),
        );
        return Opened::unusable(common);
    }
    Opened {
        common,
        backend: Box::new(Syslog { level }),
    }
}

/// The level of this name, with or without `LOG_`.
fn named(name: &[u8]) -> Option<LogLevel> {
    let name = name.to_ascii_uppercase();
    Some(match name.strip_prefix(b"LOG_").unwrap_or(&name) {
        b"EMERG" => LogLevel::Emergency,
        b"ALERT" => LogLevel::Alert,
        b"CRIT" => LogLevel::Critical,
        b"ERR" => LogLevel::Error,
        b"WARNING" => LogLevel::Warning,
        b"NOTICE" => LogLevel::Notice,
        b"INFO" => LogLevel::Info,
        b"DEBUG" => LogLevel::Debug,
        _ => return None,
    })
}

impl Backend for Syslog {
    fn lookup<'a>(
        &'a self,
        maps: &'a Maps,
        ask: Ask<'_>,
        scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        let id = match scope.queue_id {
            "" => "NOQUEUE",
            id => id,
        };
        let mut text = format!("{id}: ").into_bytes();
        text.extend_from_slice(ask.key);
        maps.world().log.log(self.level, &text);
        Lookup::Ready(Outcome::Found(BString::default()))
    }
}
