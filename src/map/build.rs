//! A database being built: entries in, a file out, whole.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use crate::dbfile::bdb::{self, Bdb, VisitPair};
use crate::dbfile::cdb::{self, Cdb};
use crate::dbfile::lmdb::{self, Lmdb};
use crate::dbfile::ndbm::Ndbm;
use crate::dbfile::{DbError, Duplicates, Inserted, ReadAt, Records};

use super::aside::{Aside, Owner};
use super::database::Kind;
use super::safety;

/// The mode of a new database, less the umask.
const MODE: u32 = 0o640;

/// Keys of an LMDB map have one value each, as Postfix has it.
const ONE_VALUE: DbError = DbError::Unsupported("keys of lmdb have one value each");

/// ndbm files are what others made.
const READ_ONLY: DbError = DbError::Unsupported("ndbm files are only read");

/// Why a database was not made or opened: `sendmail`'s words for it.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The system says no.
    #[error("{}", super::errno_text(.0))]
    Io(#[from] io::Error),
    /// The file is not what it should be.
    #[error("{0}")]
    Unsafe(&'static str),
    /// It is there, and no database of this type.
    #[error("Invalid argument")]
    NotDatabase,
    /// Its contents are damaged, or the new contents do not fit.
    #[error("{0}")]
    Database(DbError),
}

impl From<DbError> for BuildError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Io(error) => BuildError::Io(error),
            DbError::NotDatabase => BuildError::NotDatabase,
            error => BuildError::Database(error),
        }
    }
}

/// A database being built.
pub struct Builder {
    kind: Kind,
    records: Records,
    aside: Aside,
    /// The file whose entries were taken over, locked until the end.
    old: Option<File>,
}

impl Builder {
    /// Begins an empty database that is to become the file `path`; with
    /// `several`, keys may have several values. A new file belongs to `owner`.
    pub fn empty(
        kind: Kind,
        path: &Path,
        several: bool,
        owner: Option<Owner>,
    ) -> Result<Self, BuildError> {
        let records = match kind {
            Kind::Hash => bdb::hash_records(several),
            Kind::Btree => bdb::btree_records(several),
            Kind::Cdb => cdb::records(several),
            Kind::Lmdb if several => return Err(ONE_VALUE.into()),
            Kind::Lmdb => lmdb::records(),
            Kind::Dbm => return Err(READ_ONLY.into()),
        };
        Ok(Self {
            kind,
            records,
            aside: Aside::begin(path, MODE, owner)?,
            old: None,
        })
    }

    /// Begins with the entries of the file `path`. Others who do the same
    /// wait for us.
    pub fn existing(kind: Kind, path: &Path, several: bool) -> Result<Self, BuildError> {
        let file = open_locked(path)?;
        let reader = Reader::open(kind, file.try_clone()?)?;
        let mut builder = Self::empty(kind, path, several || reader.several(), None)?;
        let mut fault = None;
        reader.each(
            &mut |key, value| match builder.records.insert(key, value, Duplicates::Keep) {
                Ok(_) => ControlFlow::Continue(()),
                Err(error) => {
                    fault = Some(error);
                    ControlFlow::Break(())
                }
            },
        )?;
        if let Some(error) = fault {
            return Err(error.into());
        }
        builder.old = Some(file);
        Ok(builder)
    }

    /// Adds an entry.
    pub fn insert(
        &mut self,
        key: &[u8],
        value: &[u8],
        duplicates: Duplicates,
    ) -> Result<Inserted, BuildError> {
        if self.kind == Kind::Lmdb && !lmdb::takes_key(key) {
            return Err(lmdb::BAD_KEY.into());
        }
        Ok(self.records.insert(key, value, duplicates)?)
    }

    /// The value of a key; of several the first.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.records.get(key)
    }

    /// Takes a key out; false when it is not there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        self.records.remove(key)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Writes the file and puts it in place.
    pub fn finish(self) -> Result<(), BuildError> {
        let Self {
            kind,
            records,
            mut aside,
            old,
        } = self;
        let file_id = aside.file_id()?;
        match kind {
            Kind::Hash => bdb::write_hash(&records, file_id, &mut aside)?,
            Kind::Btree => bdb::write_btree(&records, file_id, &mut aside)?,
            Kind::Cdb => cdb::write(&records, &mut aside)?,
            Kind::Lmdb => lmdb::write(&records, &mut aside)?,
            Kind::Dbm => return Err(READ_ONLY.into()),
        }
        aside.commit()?;
        // Only now may others begin with what we have made.
        drop(old);
        Ok(())
    }
}

/// Opens a database and locks it; if it was replaced while we waited, the new
/// one.
fn open_locked(path: &Path) -> Result<File, BuildError> {
    use std::os::unix::fs::MetadataExt;
    loop {
        let file = File::open(path)?;
        // A file system without locks: nobody else holds one.
        let _ = file.lock();
        let (mine, named) = (file.metadata()?, std::fs::metadata(path)?);
        if (mine.dev(), mine.ino()) == (named.dev(), named.ino()) {
            return Ok(file);
        }
    }
}

/// A database file that is read from front to back, once.
pub struct Reader {
    inner: Inner,
}

enum Inner {
    Bdb(Bdb<Whole>),
    Cdb(Cdb<Whole>),
    Lmdb(Lmdb<Whole>),
    Ndbm(Ndbm),
}

/// A file that nobody changes while we read it.
struct Whole(File);

impl ReadAt for Whole {
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.0, buffer, offset)
    }
}

impl Reader {
    /// Opens a database file by name, and waits for those who write it.
    pub fn open_path(kind: Kind, path: &Path) -> Result<Self, BuildError> {
        let file = File::open(path)?;
        let _ = file.lock_shared();
        Self::open(kind, file)
    }

    /// Opens a database file.
    fn open(kind: Kind, file: File) -> Result<Self, BuildError> {
        const KEPT_BYTES_MAX: usize = 16 << 20;
        let length = file.metadata()?.len();
        let file = Whole(file);
        let inner = match kind {
            Kind::Cdb => Inner::Cdb(Cdb::open(file, length, KEPT_BYTES_MAX)?),
            Kind::Lmdb => Inner::Lmdb(Lmdb::open(file, length, KEPT_BYTES_MAX)?),
            Kind::Dbm => Inner::Ndbm(Ndbm::open(&file, length)?),
            Kind::Hash | Kind::Btree => {
                let file = Bdb::open(file, length, KEPT_BYTES_MAX)?;
                let expected = match kind {
                    Kind::Hash => bdb::Kind::Hash,
                    _ => bdb::Kind::Btree,
                };
                if file.kind() != expected {
                    return Err(BuildError::NotDatabase);
                }
                Inner::Bdb(file)
            }
        };
        Ok(Self { inner })
    }

    /// Whether keys may have several values.
    pub fn several(&self) -> bool {
        match &self.inner {
            Inner::Bdb(file) => file.has_duplicates(),
            Inner::Cdb(_) | Inner::Lmdb(_) | Inner::Ndbm(_) => false,
        }
    }

    /// The value of a key; of several the first.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BuildError> {
        Ok(match &self.inner {
            Inner::Bdb(file) => file.get(key)?,
            Inner::Cdb(file) => file.get(key)?,
            Inner::Lmdb(file) => file.get(key)?,
            Inner::Ndbm(file) => file.get(key).map(<[u8]>::to_vec),
        })
    }

    /// Calls `visit` with every pair, in the file's order.
    pub fn each(&self, visit: &mut VisitPair<'_>) -> Result<(), BuildError> {
        match &self.inner {
            Inner::Bdb(file) => file.each(visit)?,
            Inner::Cdb(file) => file.each(visit)?,
            Inner::Lmdb(file) => file.each(visit)?,
            Inner::Ndbm(file) => file.each(visit),
        }
        Ok(())
    }
}

/// Whether a file may be written, or read, as a map: the reference's checks.
///
/// A file that is there must be a plain one with one name; a new one must lie
/// in a directory that is root's or one of `trusted`.
pub fn check_file(path: &Path, trusted: &[u32]) -> Result<(), BuildError> {
    use std::os::unix::fs::MetadataExt;
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => {
            Err(BuildError::Unsafe("Symbolic links not allowed"))
        }
        Ok(metadata) if !metadata.is_file() => Err(BuildError::Unsafe("Regular files only")),
        Ok(metadata) if metadata.nlink() > 1 => Err(BuildError::Unsafe("Hard links not allowed")),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if safety::foreign_directory(path, trusted) {
                Err(BuildError::Io(io::Error::from_raw_os_error(
                    nix::errno::Errno::EACCES as i32,
                )))
            } else {
                Ok(())
            }
        }
        Err(error) => Err(error.into()),
    }
}
