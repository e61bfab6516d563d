//! Map classes `implicit` and `stab`: the aliases in the best form there is.
//!
//! `stab` keeps an alias source in memory; `implicit` asks the hash file
//! beside it, or the cdb file, and for aliases the source itself when there
//! is no database.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use bstr::{BString, ByteSlice};

use crate::dbfile::DbError;

use super::aliases;
use super::answer::{Lookup, Outcome, Scope};
use super::database::{Database, Kind};
use super::fault::Faults;
use super::file::{FileFault, Guarded, Live};
use super::kline::KLine;
use super::patience::{AliasWait, Patient, Pause, patiently};
use super::registry::{Ask, Backend, Maps, OpenState, Opened, Opening};

/// A source that is kept in memory is not bigger.
const SOURCE_BYTES_MAX: usize = 256 << 20;

/// An alias source in memory.
pub(crate) struct Symbols(HashMap<BString, BString>);

impl Symbols {
    /// Reads a source. What cannot be read of it is left out: whoever makes
    /// a database of it hears about that.
    pub(crate) fn load(file: Guarded) -> Result<Self, DbError> {
        let bytes = file.read_all(SOURCE_BYTES_MAX)?;
        let mut all = HashMap::new();
        let mut source = aliases::Source::new(bytes.as_slice());
        while let Some((_, line)) = source.read()? {
            if let aliases::Line::Alias { name, value, .. } = line
                && !value.is_empty()
            {
                all.insert(name.trim().to_ascii_lowercase().into(), value.into());
            }
        }
        Ok(Self(all))
    }

    /// What stands behind a name.
    pub(crate) fn get(&self, name: &[u8]) -> Option<&BString> {
        self.0.get(name.to_ascii_lowercase().as_bstr())
    }
}

/// The forms of one map, best first.
struct Implicit {
    class: &'static str,
    name: BString,
    line: KLine,
    databases: Vec<Live<Database>>,
    source: Option<Live<Symbols>>,
    faults: Faults,
    alias_wait: AliasWait,
}

/// Why there is no answer.
enum Trouble {
    /// Somebody is writing the file.
    Busy,
    /// No form of the map is there.
    Nothing,
    /// Something is wrong: the line about it.
    Fault(String),
}

/// Opens an `implicit` map.
pub(crate) fn implicit(opening: &mut Opening<'_>) -> Option<Opened> {
    let for_aliases = opening.for_aliases;
    open(opening, "implicit", &[Kind::Hash, Kind::Cdb], for_aliases)
}

/// Opens a `stab` map.
pub(crate) fn stab(opening: &mut Opening<'_>) -> Option<Opened> {
    open(opening, "stab", &[], true)
}

fn open(
    opening: &mut Opening<'_>,
    class: &'static str,
    kinds: &[Kind],
    with_source: bool,
) -> Option<Opened> {
    let line = opening.line();
    if line.file.is_empty() {
        opening.no_file();
        return Some(Opened::unusable(line.common));
    }
    let path = PathBuf::from(line.file.to_os_str_lossy().into_owned());
    let strict = opening.settings.strict_directories;
    let world = opening.world;
    let alias_wait = opening.alias_wait();
    let live = |kind: &Kind| {
        let path = kind.file(Path::new(&path));
        Live::new(path, strict, world, Database::loader(*kind))
    };
    Some(Opened {
        common: line.common.clone(),
        backend: Box::new(Implicit {
            class,
            name: opening.definition.name.clone(),
            databases: kinds.iter().map(live).collect(),
            source: with_source.then(|| Live::new(path.clone(), strict, world, Symbols::load)),
            line,
            faults: Faults::default(),
            alias_wait,
        }),
    })
}

impl Implicit {
    /// Asks the first form that is there.
    fn ask(&self, maps: &Maps, key: &[u8]) -> Result<Option<Vec<u8>>, Trouble> {
        let clock = &*maps.world().clock;
        let key = match self.line.common.keep_case {
            true => key.to_vec(),
            false => key.to_ascii_lowercase(),
        };
        let (class, name) = (self.class, &self.name);
        for file in &self.databases {
            match file.ask(clock, |file| file.get(&key, self.line.nul)) {
                Ok(found) => return Ok(found),
                Err(fault) if matches!(*fault, FileFault::Missing(_)) => {}
                Err(fault) if matches!(*fault, FileFault::Busy) => return Err(Trouble::Busy),
                Err(fault) => {
                    let path = file.path().display();
                    let text = format!("{class} map \"{name}\": {path}: {fault}");
                    return Err(Trouble::Fault(text));
                }
            }
        }
        let Some(source) = &self.source else {
            return Err(Trouble::Nothing);
        };
        source
            .ask(clock, |symbols| {
                Ok(symbols.get(&key).map(|value| value.to_vec()))
            })
            .map_err(|fault| {
                let path = source.path().display();
                Trouble::Fault(format!("{class} map \"{name}\": {path}: {fault}"))
            })
    }

    /// Whether whoever makes the alias database is to be waited for.
    fn is_unfinished(&self, maps: &Maps) -> bool {
        if self.alias_wait.is_off() {
            return false;
        }
        let clock = &*maps.world().clock;
        let database = self.databases.iter().find_map(|file| {
            let finished = file.ask(clock, Database::is_finished).ok()?;
            Some((file.path().display().to_string(), finished))
        });
        // A source is always whole.
        let (path, finished) = database.unwrap_or((String::new(), true));
        self.alias_wait.waits(maps, finished, &path, &self.faults)
    }
}

impl Patient for Implicit {
    fn attempt(&self, maps: &Maps, ask: Ask<'_>, patience: bool) -> Result<Outcome, Pause> {
        let found = self.ask(maps, ask.key);
        match &found {
            Err(Trouble::Busy) if patience => return Err(Pause::Busy),
            Ok(_) if patience && self.is_unfinished(maps) => return Err(Pause::Unfinished),
            _ => {}
        }
        Ok(match found {
            Ok(Some(value)) => Outcome::Found(self.line.common.result(ask, value)),
            Ok(None) => Outcome::ABSENT,
            Err(_) if self.line.common.optional => Outcome::ABSENT,
            Err(Trouble::Busy | Trouble::Nothing) => Outcome::TempFail,
            Err(Trouble::Fault(message)) => {
                self.faults.tell(maps.world(), &message);
                Outcome::TempFail
            }
        })
    }
}

impl Backend for Implicit {
    fn lookup<'a>(
        &'a self,
        maps: &'a Maps,
        ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        patiently(self, maps, ask)
    }

    fn open_state(&self, maps: &Maps) -> OpenState {
        match self.ask(maps, b"") {
            Ok(_) => OpenState::Open,
            Err(_) if self.line.common.optional => OpenState::NotOpen,
            Err(Trouble::Fault(message)) => OpenState::Faulty(message),
            // sendmail: it says nothing when no form of the map is there.
            Err(Trouble::Busy | Trouble::Nothing) => OpenState::Open,
        }
    }
}
