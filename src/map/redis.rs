//! Map class `redis`: a Redis server, or one that speaks as it does (RESP 2).
//!
//! `Kname redis [-k prefix:%0] [-v field] [-n number] [-P file] ENDPOINT`: the
//! key of `-k` (the lookup's own without it) is asked with GET, or with HGET
//! for `-v`. `-n` is the number of the database, `-P` a file whose first line
//! is the password, `-c` and `-d` are the seconds that connecting and an
//! answer may take. The endpoint is written as for class `socket`. One
//! connection a map, opened when it is first needed.

use std::io::{self, Read};
use std::time::Duration;

use bstr::{BString, ByteSlice};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::Mutex;

use crate::base::interval;
use crate::world::{Endpoint, Stream};

use super::answer::{Lookup, Outcome, Scope};
use super::fault::Faults;
use super::kline::{Common, KLine, interpolated, quoted_word};
use super::registry::{Ask, Backend, Maps, Opened, Opening};
use super::socket::endpoint;

/// The longest value that is taken.
const VALUE_BYTES_MAX: usize = 1 << 20;
/// The longest line of an answer: a length, or an error's text.
const LINE_BYTES_MAX: u64 = 8192;
/// How long connecting or an answer may take, unless the line says.
const TIME_MAX: Duration = Duration::from_secs(30);
/// A file with a password is not read further.
const SECRET_BYTES_MAX: u64 = 4096;

/// A connection, with what was read ahead.
type Connection = BufReader<Box<dyn Stream>>;

/// A server that is asked.
struct Redis {
    name: BString,
    common: Common,
    endpoint: Endpoint,
    /// The key as it is asked, with `%0` to `%9` in it.
    key: BString,
    field: Option<BString>,
    database: BString,
    secret: BString,
    time_max: Duration,
    connection: Mutex<Option<Connection>>,
    faults: Faults,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("no answer in time")]
    Late(#[from] tokio::time::error::Elapsed),
    #[error("{0}")]
    Refused(BString),
}

/// Opens a `redis` map.
pub(crate) fn open(opening: &mut Opening<'_>) -> Option<Opened> {
    let mut map = Redis {
        name: opening.definition.name.clone(),
        common: opening.before.clone(),
        endpoint: Endpoint::Local(BString::default()),
        key: "%0".into(),
        field: None,
        database: BString::default(),
        secret: BString::default(),
        time_max: TIME_MAX,
        connection: Mutex::new(None),
        faults: Faults::default(),
    };
    let mut line = KLine::default();
    let mut rest = opening.definition.arguments.trim_start();
    while let Some((&flag, after)) = rest.strip_prefix(b"-").and_then(|rest| rest.split_first()) {
        let own = b"kvnPcd".contains(&flag);
        let (value, next) = quoted_word(if own { after.trim_start() } else { after });
        match flag {
            b'k' => map.key = value.into(),
            b'v' => map.field = Some(value.into()),
            b'n' => map.database = value.into(),
            b'P' => map.secret = value.into(),
            b'c' | b'd' => {
                let given = value
                    .to_str()
                    .ok()
                    .and_then(|text| interval::parse(text, 's').ok());
                map.time_max = given.unwrap_or(TIME_MAX);
            }
            _ if map.common.flag(flag, value) => {}
            _ => line.unknown.push(flag),
        }
        rest = next.trim_start();
    }
    line.report(opening.definition, opening.diagnostics);
    let common = map.common.clone();
    match endpoint(rest.trim_end()) {
        Some(endpoint) => map.endpoint = endpoint,
        None => {
            let message = format!(
                "redis map \"{}\": bad address: {}",
                map.name,
                rest.as_bstr()
            );
            opening.fault("map-redis-address", message);
            return Some(Opened::unusable(common));
        }
    }
    Some(Opened {
        common,
        backend: Box::new(map),
    })
}

/// A command as it is sent: its words, each with its length.
fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Sends a command and reads its answer; none is the server's *nil*.
async fn speak(connection: &mut Connection, words: &[&[u8]]) -> Result<Option<BString>, Trouble> {
    connection.write_all(&command(words)).await?;
    connection.flush().await?;
    let mut line = Vec::new();
    let mut limited = (&mut *connection).take(LINE_BYTES_MAX);
    limited.read_until(b'\n', &mut line).await?;
    let nonsense = || Trouble::Io(io::ErrorKind::InvalidData.into());
    let line = line.strip_suffix(b"\r\n").ok_or_else(nonsense)?;
    match line.split_first().ok_or_else(nonsense)? {
        (b'+' | b':', text) => Ok(Some(text.into())),
        (b'-', text) => Err(Trouble::Refused(text.into())),
        (b'$', b"-1") => Ok(None),
        (b'$', digits) => {
            let length: Option<usize> = digits.to_str().ok().and_then(|text| text.parse().ok());
            let length = length
                .filter(|length| *length <= VALUE_BYTES_MAX)
                .ok_or_else(nonsense)?;
            let mut value = vec![0; length + 2];
            connection.read_exact(&mut value).await?;
            value.truncate(length);
            Ok(Some(value.into()))
        }
        _ => Err(nonsense()),
    }
}

impl Redis {
    /// Opens a connection, and says who we are.
    async fn connect(&self, maps: &Maps) -> Result<Connection, Trouble> {
        let stream = maps
            .world()
            .dial
            .connect(&self.endpoint, self.time_max)
            .await?;
        let mut connection = BufReader::new(stream);
        if !self.secret.is_empty() {
            let file = maps.world().files.open(&self.secret.to_path_lossy())?;
            let mut text = Vec::new();
            file.take(SECRET_BYTES_MAX).read_to_end(&mut text)?;
            let password = ByteSlice::lines(text.as_slice()).next().unwrap_or_default();
            speak(&mut connection, &[b"AUTH", password]).await?;
        }
        if !self.database.is_empty() {
            speak(&mut connection, &[b"SELECT", &self.database]).await?;
        }
        Ok(connection)
    }

    /// One question, over the connection there is or a new one.
    async fn ask(&self, maps: &Maps, key: &[u8]) -> Result<Option<BString>, Trouble> {
        let words: &[&[u8]] = match &self.field {
            Some(field) => &[b"HGET", key, field],
            None => &[b"GET", key],
        };
        let mut kept = self.connection.lock().await;
        // What is not put back is closed: half an answer may be in it.
        if let Some(mut connection) = kept.take() {
            match speak(&mut connection, words).await {
                Err(Trouble::Io(_)) => {}
                Err(trouble) => return Err(trouble),
                Ok(answer) => {
                    *kept = Some(connection);
                    return Ok(answer);
                }
            }
        }
        let mut connection = self.connect(maps).await?;
        let answer = speak(&mut connection, words).await?;
        *kept = Some(connection);
        Ok(answer)
    }
}

impl Backend for Redis {
    fn lookup<'a>(
        &'a self,
        maps: &'a Maps,
        ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        let folded = match self.common.keep_case {
            true => ask.key.to_vec(),
            false => ask.key.to_ascii_lowercase(),
        };
        let mut words: Vec<&[u8]> = ask.arguments.to_vec();
        match words.first_mut() {
            Some(first) => *first = &folded,
            None => words.push(&folded),
        }
        let asked = interpolated(&self.key, &words);
        let key: BString = ask.key.into();
        let arguments: Vec<BString> = ask.arguments.iter().map(|text| (*text).into()).collect();
        Lookup::Pending(Box::pin(async move {
            let answer = tokio::time::timeout(self.time_max, self.ask(maps, &asked)).await;
            match answer.unwrap_or_else(|late| Err(late.into())) {
                Ok(Some(value)) => {
                    let arguments: Vec<&[u8]> =
                        arguments.iter().map(|text| text.as_slice()).collect();
                    let ask = Ask {
                        key: &key,
                        arguments: &arguments,
                    };
                    Outcome::Found(self.common.result(ask, value.into()))
                }
                Ok(None) => Outcome::ABSENT,
                Err(trouble) => {
                    let text = format!("redis map \"{}\": {trouble}", self.name);
                    self.faults.tell(maps.world(), &text);
                    match self.common.optional {
                        true => Outcome::ABSENT,
                        false => Outcome::TempFail,
                    }
                }
            }
        }))
    }
}
