//! Map class `userdb`: the user database, btree files with keys
//! `USER:FIELD`.

use std::path::PathBuf;

use super::answer::{Lookup, Outcome, Scope};
use super::database::{Database, Kind};
use super::fault::Faults;
use super::file::{FileFault, Live};
use super::kline::{KLine, Nul};
use super::registry::{Ask, Backend, Maps, Opened, Opening};

/// The files of UserDatabaseSpec, and the field that is asked for.
struct UserDatabase {
    line: KLine,
    files: Vec<Live<Database>>,
    faults: Faults,
}

/// Opens a `userdb` map. The file that the line names is not looked at:
/// UserDatabaseSpec says where the database is.
pub(crate) fn open(opening: &mut Opening<'_>) -> Opened {
    let line = opening.line();
    if line.file.is_empty() {
        opening.no_file();
    }
    let live = |path: &PathBuf| {
        Live::new(
            Kind::Btree.file(path),
            opening.settings.strict_directories,
            opening.world,
            Database::loader(Kind::Btree),
        )
    };
    Opened {
        common: line.common.clone(),
        backend: Box::new(UserDatabase {
            files: opening.settings.user_databases.iter().map(live).collect(),
            line,
            faults: Faults::default(),
        }),
    }
}

impl Backend for UserDatabase {
    fn lookup<'a>(
        &'a self,
        maps: &'a Maps,
        ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        let mut key = ask.key.to_ascii_lowercase();
        if let Some(field) = &self.line.value_column {
            key.push(b':');
            key.extend_from_slice(field);
        }
        for file in &self.files {
            match file.ask(&*maps.world().clock, |file| file.get(&key, Nul::Both)) {
                Ok(Some(value)) => {
                    return Lookup::Ready(Outcome::Found(self.line.common.result(ask, value)));
                }
                Ok(None) => {}
                // A database that is not there has nobody in it.
                Err(fault) if matches!(*fault, FileFault::Missing(_)) => {}
                Err(fault) => {
                    let text = format!("userdb {}: {fault}", file.path().display());
                    self.faults.tell(maps.world(), &text);
                    return Lookup::Ready(Outcome::TempFail);
                }
            }
        }
        Lookup::Ready(Outcome::ABSENT)
    }
}
