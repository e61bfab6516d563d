//! Map class `sqlite`: a database in a file.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bstr::{BString, ByteSlice};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::{ROWS_MAX, SqlLine};
use crate::map::answer::{Lookup, Outcome, Scope};
use crate::map::fault::Faults;
use crate::map::registry::{Ask, Backend, Maps, Opened, Opening};

/// How long a lookup waits for somebody who writes.
const BUSY_MAX: Duration = Duration::from_secs(5);

/// A database that is asked.
struct Sqlite {
    name: BString,
    line: SqlLine,
    file: Arc<DatabaseFile>,
    faults: Faults,
}

/// The file, open while it stays the same.
struct DatabaseFile {
    path: PathBuf,
    query: String,
    open: Mutex<Option<(u64, u64, Connection)>>,
}

/// Opens a `sqlite` map.
pub(crate) fn open(opening: &mut Opening<'_>) -> Option<Opened> {
    let line = match SqlLine::read(opening, '?') {
        Ok(line) => line,
        Err(common) => return Some(Opened::unusable(common)),
    };
    Some(Opened {
        common: line.common.clone(),
        backend: Box::new(Sqlite {
            name: opening.definition.name.clone(),
            file: Arc::new(DatabaseFile {
                path: line.place.to_path_lossy().into_owned(),
                query: line.query.clone(),
                open: Mutex::new(None),
            }),
            line,
            faults: Faults::default(),
        }),
    })
}

impl DatabaseFile {
    /// Asks. This takes its time: it is no work for a thread that serves
    /// others.
    fn ask(&self, values: &[String]) -> Result<Vec<BString>, String> {
        let metadata =
            std::fs::metadata(&self.path).map_err(|error| crate::map::errno_text(&error))?;
        let (device, inode) = (metadata.dev(), metadata.ino());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = match open.take() {
            Some((old_device, old_inode, connection))
                if (old_device, old_inode) == (device, inode) =>
            {
                connection
            }
            _ => self.connect().map_err(|error| error.to_string())?,
        };
        // After a fault the file is opened anew.
        let rows = self
            .rows(&connection, values)
            .map_err(|error| error.to_string())?;
        *open = Some((device, inode, connection));
        Ok(rows)
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY_MAX)?;
        Ok(connection)
    }

    fn rows(&self, connection: &Connection, values: &[String]) -> rusqlite::Result<Vec<BString>> {
        let mut statement = connection.prepare(&self.query)?;
        let mut rows = statement.query(rusqlite::params_from_iter(values))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            match row.get_ref(0)? {
                ValueRef::Null => continue,
                ValueRef::Integer(number) => found.push(number.to_string().into()),
                ValueRef::Real(number) => found.push(number.to_string().into()),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => found.push(bytes.into()),
            }
            if found.len() == ROWS_MAX {
                break;
            }
        }
        Ok(found)
    }
}

impl Backend for Sqlite {
    fn lookup<'a>(
        &'a self,
        maps: &'a Maps,
        ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        let values = self.line.values(ask);
        let key: BString = ask.key.into();
        let arguments: Vec<BString> = ask.arguments.iter().map(|text| (*text).into()).collect();
        let file = Arc::clone(&self.file);
        Lookup::Pending(Box::pin(async move {
            let work = tokio::task::spawn_blocking(move || file.ask(&values));
            let found = work.await.unwrap_or_else(|error| Err(error.to_string()));
            match found {
                Ok(rows) => {
                    let arguments: Vec<&[u8]> =
                        arguments.iter().map(|text| text.as_slice()).collect();
                    let (key, arguments) = (key.as_slice(), arguments.as_slice());
                    self.line.outcome(Ask { key, arguments }, rows)
                }
                Err(_) if self.line.common.optional => Outcome::ABSENT,
                Err(error) => {
                    let path = self.file.path.display();
                    let text = format!("sqlite map \"{}\": {path}: {error}", self.name);
                    self.faults.tell(maps.world(), &text);
                    Outcome::TempFail
                }
            }
        }))
    }
}
