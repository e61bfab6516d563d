//! Map classes that a configuration may name and that are not available here:
//! a line about it, and *try again* to whoever asks.

use super::answer::{Lookup, Outcome, Scope};
use super::kline::KLine;
use super::registry::{Ask, Backend, Maps, OpenState, Opened, Opening};

/// A map that cannot be asked.
struct Elsewhere {
    optional: bool,
    message: String,
}

/// Accepts a map of such a class.
pub(crate) fn open(opening: &mut Opening<'_>) -> Opened {
    let definition = opening.definition;
    let common = KLine::parse(&definition.arguments).common;
    let message = format!(
        "map {}: class {} is not available here",
        definition.name, definition.class
    );
    Opened {
        backend: Box::new(Elsewhere {
            optional: common.optional,
            message,
        }),
        common,
    }
}

impl Backend for Elsewhere {
    fn lookup<'a>(
        &'a self,
        _maps: &'a Maps,
        _ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        Lookup::Ready(if self.optional {
            Outcome::ABSENT
        } else {
            Outcome::TempFail
        })
    }

    fn open_state(&self, _maps: &Maps) -> OpenState {
        if self.optional {
            OpenState::NotOpen
        } else {
            OpenState::Faulty(self.message.clone())
        }
    }
}
