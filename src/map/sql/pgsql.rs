//! Map class `pgsql`: a PostgreSQL server, through a Unix socket or TCP.
//!
//! Connections are not encrypted: a server that demands it refuses us.

use std::io::Read;
use std::time::Duration;

use bstr::{BString, ByteSlice};
use tokio::sync::Mutex;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, NoTls, Row, Statement};

use super::{ROWS_MAX, SqlLine};
use crate::map::answer::{Lookup, Outcome, Scope};
use crate::map::fault::Faults;
use crate::map::registry::{Ask, Backend, Maps, Opened, Opening};

/// How long a lookup may take, connecting included.
const TIME_MAX: Duration = Duration::from_secs(30);
/// A file with a password is not read further.
const SECRET_BYTES_MAX: u64 = 4096;

/// A server that is asked.
struct Pgsql {
    name: BString,
    line: SqlLine,
    config: Config,
    connection: Mutex<Option<(Client, Statement)>>,
    faults: Faults,
}

/// Opens a `pgsql` map.
pub(crate) fn open(opening: &mut Opening<'_>) -> Option<Opened> {
    let line = match SqlLine::read(opening, '$') {
        Ok(line) => line,
        Err(common) => return Some(Opened::unusable(common)),
    };
    let config = match line.place.to_str_lossy().parse::<Config>() {
        Ok(config) => config,
        Err(error) => {
            let name = &opening.definition.name;
            let message = format!("pgsql map {name}: {error}");
            opening.fault("map-sql", message);
            return Some(Opened::unusable(line.common));
        }
    };
    Some(Opened {
        common: line.common.clone(),
        backend: Box::new(Pgsql {
            name: opening.definition.name.clone(),
            line,
            config,
            connection: Mutex::new(None),
            faults: Faults::default(),
        }),
    })
}

/// The first column of a row as it is written, if it is a text or bytes.
fn first_column(row: &Row) -> Result<Option<BString>, String> {
    if let Ok(text) = row.try_get::<_, Option<&str>>(0) {
        return Ok(text.map(BString::from));
    }
    match row.try_get::<_, Option<&[u8]>>(0) {
        Ok(bytes) => Ok(bytes.map(BString::from)),
        Err(error) => Err(format!(
            "{error}: the query should give a text (CAST … AS text)"
        )),
    }
}

/// The words of a fault: the server's, when it says something.
fn words(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => said.message().to_owned(),
        None => {
            let cause = std::error::Error::source(error);
            cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
        }
    }
}

impl Pgsql {
    /// Connects, and has the query prepared.
    async fn connect(&self, maps: &Maps) -> Result<(Client, Statement), String> {
        let mut config = self.config.clone();
        if !self.line.secret.is_empty() {
            let opened = maps.world().files.open(&self.line.secret.to_path_lossy());
            let file = opened.map_err(|error| crate::map::errno_text(&error))?;
            let mut text = Vec::new();
            let read = file.take(SECRET_BYTES_MAX).read_to_end(&mut text);
            read.map_err(|error| crate::map::errno_text(&error))?;
            config.password(text.lines().next().unwrap_or_default());
        }
        let (client, connection) = config.connect(NoTls).await.map_err(|error| words(&error))?;
        // It ends when the client is dropped or the server goes; the client
        // hears of either.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        let types = vec![Type::TEXT; self.line.parameters.len()];
        let prepared = client.prepare_typed(&self.line.query, &types).await;
        let statement = prepared.map_err(|error| words(&error))?;
        Ok((client, statement))
    }

    /// Asks, over the connection there is or a new one.
    async fn ask(&self, maps: &Maps, values: &[String]) -> Result<Vec<BString>, String> {
        let mut kept = self.connection.lock().await;
        let open = kept.take().filter(|(client, _)| !client.is_closed());
        let (client, statement) = match open {
            Some(open) => open,
            None => self.connect(maps).await?,
        };
        let values: Vec<&(dyn ToSql + Sync)> = values
            .iter()
            .map(|value| value as &(dyn ToSql + Sync))
            .collect();
        let rows = match client.query(&statement, &values).await {
            Ok(rows) => rows,
            Err(error) if client.is_closed() || error.is_closed() => {
                let (client, statement) = self.connect(maps).await?;
                let asked = client.query(&statement, &values).await;
                let rows = asked.map_err(|error| words(&error))?;
                *kept = Some((client, statement));
                return columns(&rows);
            }
            Err(error) => return Err(words(&error)),
        };
        *kept = Some((client, statement));
        columns(&rows)
    }
}

/// The first columns of rows.
fn columns(rows: &[Row]) -> Result<Vec<BString>, String> {
    let rows = rows.iter().take(ROWS_MAX);
    rows.filter_map(|row| first_column(row).transpose())
        .collect()
}

impl Backend for Pgsql {
    fn lookup<'a>(
        &'a self,
        maps: &'a Maps,
        ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        let values = self.line.values(ask);
        let key: BString = ask.key.into();
        let arguments: Vec<BString> = ask.arguments.iter().map(|text| (*text).into()).collect();
        Lookup::Pending(Box::pin(async move {
            let found = tokio::time::timeout(TIME_MAX, self.ask(maps, &values)).await;
            match found.unwrap_or_else(|_| Err("no answer in time".to_owned())) {
                Ok(rows) => {
                    let arguments: Vec<&[u8]> =
                        arguments.iter().map(|text| text.as_slice()).collect();
                    let (key, arguments) = (key.as_slice(), arguments.as_slice());
                    self.line.outcome(Ask { key, arguments }, rows)
                }
                Err(_) if self.line.common.optional => Outcome::ABSENT,
                Err(error) => {
                    let text = format!("pgsql map \"{}\": {error}", self.name);
                    self.faults.tell(maps.world(), &text);
                    Outcome::TempFail
                }
            }
        }))
    }
}
