//! Map class `program`: the first line that a program prints.

use std::time::Duration;

use bstr::{BString, ByteSlice};

use crate::world::Program;

use super::answer::{Lookup, Outcome, Scope};
use super::fault::Faults;
use super::kline::Common;
use super::registry::{Ask, Backend, Maps, Opened, Opening};
use super::user::user_ids;

/// EX_CONFIG: the program cannot be started.
const NOT_STARTED: i32 = 78;
/// EX_TEMPFAIL: the program says *try again*.
const TRY_AGAIN: i32 = 75;

/// Output that is looked at.
const OUTPUT_BYTES_MAX: usize = 2048;
/// How long a program may take: a lookup must come to an end.
const TIME_MAX: Duration = Duration::from_secs(300);

/// A program and its first arguments.
struct ProgramMap {
    name: BString,
    common: Common,
    program: Program,
    faults: Faults,
}

/// Opens a `program` map.
pub(crate) fn open(opening: &mut Opening<'_>) -> Option<Opened> {
    let line = opening.line();
    if line.file.is_empty() {
        opening.no_file();
        return Some(Opened::unusable(line.common));
    }
    let arguments = std::iter::once(line.file.clone())
        .chain(line.rest.fields().map(BString::from))
        .collect();
    let settings = opening.settings;
    let user = (!settings.default_user.is_empty())
        .then(|| user_ids(&settings.default_user, &*opening.world.users));
    Some(Opened {
        common: line.common.clone(),
        backend: Box::new(ProgramMap {
            name: opening.definition.name.clone(),
            common: line.common,
            program: Program {
                arguments,
                output_bytes_max: OUTPUT_BYTES_MAX,
                time_max: TIME_MAX,
                user,
                directories: settings.program_directories.clone(),
            },
            faults: Faults::default(),
        }),
    })
}

impl Backend for ProgramMap {
    fn lookup<'a>(
        &'a self,
        maps: &'a Maps,
        ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        let key: BString = ask.key.into();
        let mut program = self.program.clone();
        program.arguments.push(key.clone());
        let programs = &maps.world().programs;
        Lookup::Pending(Box::pin(async move {
            let Ok(ended) = programs.output(program).await else {
                return Outcome::NotFound(NOT_STARTED);
            };
            let line = ended.output.lines().next();
            match (ended.status, line) {
                (Some(0), Some(line)) => Outcome::Found(if self.common.match_only {
                    self.common.value(&key, None)
                } else {
                    self.common.value(line, Some(&[&key]))
                }),
                (Some(0), None) => Outcome::ABSENT,
                (Some(TRY_AGAIN), _) => Outcome::TempFail,
                // departs: nobody knows what a program that was killed would
                // have said; for the reference it found nothing.
                (None, _) => {
                    let name = &self.name;
                    let text = format!("prog_map_lookup({name}): child died");
                    self.faults.tell(maps.world(), &text);
                    Outcome::TempFail
                }
                (Some(status), _) => Outcome::NotFound(status),
            }
        }))
    }
}
