//! Map classes `hash`, `btree`, `cdb` and `lmdb`, whose files makemap makes, and
//! `dbm`, whose files others made.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use bstr::{BString, ByteSlice};

use crate::dbfile::DbError;
use crate::dbfile::bdb::{self, Bdb};
use crate::dbfile::cdb::Cdb;
use crate::dbfile::lmdb::Lmdb;
use crate::dbfile::ndbm::Ndbm;

use super::answer::{Lookup, Outcome, Scope};
use super::fault::Faults;
use super::file::{FileFault, Guarded, Live};
use super::kline::{KLine, Nul};
use super::patience::{AliasWait, Patient, Pause, patiently};
use super::registry::{Ask, Backend, Maps, OpenState, Opened, Opening};

/// Bytes of one database that are kept in memory at most.
const KEPT_BYTES_MAX: usize = 160 << 20;

/// The types of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Berkeley DB hash, `NAME.db`.
    Hash,
    /// Berkeley DB btree, `NAME.db`.
    Btree,
    /// Constant database, `NAME.cdb`.
    Cdb,
    /// LMDB, `NAME.lmdb`.
    Lmdb,
    /// ndbm, `NAME.pag`: only read.
    Dbm,
}

impl Kind {
    /// Those that can be made.
    pub const ALL: [Kind; 4] = [Kind::Hash, Kind::Btree, Kind::Cdb, Kind::Lmdb];

    /// The type's name in makemap and in `K` lines.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Hash => "hash",
            Kind::Btree => "btree",
            Kind::Cdb => "cdb",
            Kind::Lmdb => "lmdb",
            Kind::Dbm => "dbm",
        }
    }

    /// The type of this name that can be made.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name().as_bytes() == name)
    }

    /// The end of the names of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Kind::Hash | Kind::Btree => ".db",
            Kind::Cdb => ".cdb",
            Kind::Lmdb => ".lmdb",
            Kind::Dbm => ".pag",
        }
    }

    /// The file of the map `name`: the name as it is if it has the extension.
    pub fn file(self, name: &Path) -> PathBuf {
        let mut path = name.as_os_str().to_owned();
        if !path
            .as_encoded_bytes()
            .ends_with(self.extension().as_bytes())
        {
            path.push(self.extension());
        }
        path.into()
    }
}

/// An open database file.
pub(crate) struct Database {
    inner: Inner,
    /// Which keys were seen to be there: 1 without NUL, 2 with.
    seen: AtomicU8,
    /// Whether the last entry of an alias database is there.
    finished: OnceLock<bool>,
}

enum Inner {
    Bdb(Bdb<Guarded>),
    Cdb(Cdb<Guarded>),
    Lmdb(Lmdb<Guarded>),
    Ndbm(Ndbm),
}

impl Database {
    /// How a file of this type is opened.
    pub(crate) fn loader(kind: Kind) -> fn(Guarded) -> Result<Self, DbError> {
        match kind {
            Kind::Hash => |file| Self::load_bdb(file, bdb::Kind::Hash),
            Kind::Btree => |file| Self::load_bdb(file, bdb::Kind::Btree),
            Kind::Cdb => |file| {
                let length = file.length();
                Ok(Self::new(Inner::Cdb(Cdb::open(
                    file,
                    length,
                    KEPT_BYTES_MAX,
                )?)))
            },
            Kind::Lmdb => |file| {
                let length = file.length();
                Ok(Self::new(Inner::Lmdb(Lmdb::open(
                    file,
                    length,
                    KEPT_BYTES_MAX,
                )?)))
            },
            Kind::Dbm => |file| {
                let length = file.length();
                Ok(Self::new(Inner::Ndbm(Ndbm::open(&file, length)?)))
            },
        }
    }

    fn load_bdb(file: Guarded, kind: bdb::Kind) -> Result<Self, DbError> {
        let length = file.length();
        let file = Bdb::open(file, length, KEPT_BYTES_MAX)?;
        if file.kind() != kind {
            return Err(DbError::NotDatabase);
        }
        Ok(Self::new(Inner::Bdb(file)))
    }

    fn new(inner: Inner) -> Self {
        Self {
            inner,
            seen: AtomicU8::new(0),
            finished: OnceLock::new(),
        }
    }

    /// The value of exactly this key.
    fn get_exact(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DbError> {
        match &self.inner {
            Inner::Bdb(file) => file.get(key),
            Inner::Cdb(file) => file.get(key),
            Inner::Lmdb(file) => file.get(key),
            Inner::Ndbm(file) => Ok(file.get(key).map(<[u8]>::to_vec)),
        }
    }

    /// Whether the entry `@` is there, which whoever makes an alias database
    /// puts into it last.
    pub(crate) fn is_finished(&self) -> Result<bool, DbError> {
        if let Some(finished) = self.finished.get() {
            return Ok(*finished);
        }
        let finished = self.get_exact(b"@\0")?.is_some() || self.get_exact(b"@")?.is_some();
        Ok(*self.finished.get_or_init(|| finished))
    }

    /// The value of a key that may stand with a NUL behind it, cut at its
    /// first NUL.
    ///
    /// Once a key was found one way, the other is not tried any more: the
    /// file's maker has one habit.
    // sendmail: MF_TRY0NULL and MF_TRY1NULL.
    pub(crate) fn get(&self, key: &[u8], nul: Nul) -> Result<Option<Vec<u8>>, DbError> {
        let habit = match nul {
            Nul::Without => 1,
            Nul::With => 2,
            Nul::Neither => return Ok(None),
            Nul::Both => self.seen.load(Ordering::Relaxed),
        };
        let mut found = None;
        if habit != 2 {
            found = self.get_exact(key)?;
            if found.is_some() && habit == 0 {
                self.seen.store(1, Ordering::Relaxed);
            }
        }
        if found.is_none() && habit != 1 {
            let mut with_nul = Vec::with_capacity(key.len() + 1);
            with_nul.extend_from_slice(key);
            with_nul.push(0);
            found = self.get_exact(&with_nul)?;
            if found.is_some() && habit == 0 {
                self.seen.store(2, Ordering::Relaxed);
            }
        }
        if let Some(value) = &mut found
            && let Some(end) = memchr::memchr(0, value)
        {
            value.truncate(end);
        }
        Ok(found)
    }
}

/// A map in a database file.
struct DatabaseMap {
    name: BString,
    kind: Kind,
    line: KLine,
    file: Arc<Live<Database>>,
    faults: Faults,
    alias_wait: AliasWait,
}

/// Opens a map of class `hash`, `btree`, `cdb`, `lmdb` or `dbm`.
pub(crate) fn open(opening: &mut Opening<'_>, kind: Kind) -> Option<Opened> {
    let line = opening.line();
    if line.file.is_empty() {
        opening.no_file();
        return Some(Opened::unusable(line.common));
    }
    let path = kind.file(Path::new(line.file.to_path_lossy().as_ref()));
    let file = Live::new(
        path,
        opening.settings.strict_directories,
        opening.world,
        Database::loader(kind),
    );
    Some(Opened {
        common: line.common.clone(),
        backend: Box::new(DatabaseMap {
            name: opening.definition.name.clone(),
            kind,
            line,
            file: Arc::new(file),
            faults: Faults::default(),
            alias_wait: opening.alias_wait(),
        }),
    })
}

impl DatabaseMap {
    /// One question; the fault when the file gives no answer.
    fn ask(&self, maps: &Maps, key: &[u8]) -> Result<Option<Vec<u8>>, Arc<FileFault>> {
        let nul = self.line.nul;
        if self.line.common.keep_case || !key.iter().any(u8::is_ascii_uppercase) {
            return self
                .file
                .ask(&*maps.world().clock, |file| file.get(key, nul));
        }
        let key = key.to_ascii_lowercase();
        self.file
            .ask(&*maps.world().clock, |file| file.get(&key, nul))
    }

    /// Whether whoever makes the alias database is to be waited for.
    fn is_unfinished(&self, maps: &Maps) -> bool {
        if self.alias_wait.is_off() {
            return false;
        }
        let finished = self.file.ask(&*maps.world().clock, Database::is_finished);
        let path = self.file.path().display().to_string();
        // A file that gives no answer is complained about elsewhere.
        let finished = finished.unwrap_or(true);
        self.alias_wait.waits(maps, finished, &path, &self.faults)
    }

    /// What an answer of the file means.
    fn outcome(&self, maps: &Maps, ask: Ask<'_>, found: FileAnswer) -> Outcome {
        match found {
            Ok(Some(value)) => Outcome::Found(self.line.common.result(ask, value)),
            Ok(None) => Outcome::ABSENT,
            Err(fault) => {
                if matches!(*fault, FileFault::Missing(_)) && self.line.common.optional {
                    return Outcome::ABSENT;
                }
                self.faults.tell(maps.world(), &self.complaint(&fault));
                Outcome::TempFail
            }
        }
    }

    /// What the reference says of a fault.
    fn complaint(&self, fault: &FileFault) -> String {
        let path = self.file.path().display();
        let (class, name) = (self.kind.name(), &self.name);
        match fault {
            FileFault::Missing(error) => {
                let error = super::errno_text(error);
                format!("{class} map \"{name}\": missing map file {path}: {error}")
            }
            FileFault::Unsafe(reason) => {
                format!("{class} map \"{name}\": unsafe map file {path}: {reason}")
            }
            FileFault::Bad(DbError::NotDatabase) => {
                format!("Cannot open {class} database {path}: Invalid argument")
            }
            FileFault::Bad(error) => format!("{class} map \"{name}\": {path}: {error}"),
            FileFault::Busy => format!("{class} map \"{name}\": {path}: being rewritten"),
        }
    }
}

/// What a file says to a question.
type FileAnswer = Result<Option<Vec<u8>>, Arc<FileFault>>;

impl Patient for DatabaseMap {
    fn attempt(&self, maps: &Maps, ask: Ask<'_>, patience: bool) -> Result<Outcome, Pause> {
        let found = self.ask(maps, ask.key);
        if patience {
            match &found {
                Err(fault) if matches!(**fault, FileFault::Busy) => return Err(Pause::Busy),
                Ok(_) if self.is_unfinished(maps) => return Err(Pause::Unfinished),
                _ => {}
            }
        }
        Ok(self.outcome(maps, ask, found))
    }
}

impl Backend for DatabaseMap {
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
            Err(fault) => OpenState::Faulty(self.complaint(&fault)),
        }
    }
}
