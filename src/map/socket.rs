//! Map class `socket`: a server that is asked in netstrings.
//!
//! A request is `MAP KEY`, an answer a word and a text: `OK`, `NOTFOUND`,
//! `TEMP`, `TIMEOUT`, `PERM`. Maps of one endpoint share a connection.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bstr::{BString, ByteSlice};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Mutex;

use crate::base::interval;
use crate::world::{Endpoint, Stream};

use super::answer::{Lookup, Outcome, Scope};
use super::errno_text;
use super::kline::{Common, Taken, flags};
use super::registry::{Ask, Backend, Maps, OpenState, Opened, Opening};

/// EX_UNAVAILABLE: what `PERM` means.
const PERMANENT: i32 = 69;
/// EX_PROTOCOL: the answer makes no sense.
const NONSENSE: i32 = 76;

/// The longest answer (the protocol's own limit).
const ANSWER_BYTES_MAX: usize = 100_000;
/// How long a server may take, without `-d`.
const TIME_MAX: Duration = Duration::from_secs(120);

/// The connection to one endpoint, kept open; one question at a time.
type Shared = Arc<Mutex<Option<Box<dyn Stream>>>>;

/// The connections of a configuration.
pub(crate) type Connections = std::sync::Mutex<HashMap<Endpoint, Shared>>;

/// A server that is asked.
struct SocketMap {
    name: BString,
    common: Common,
    endpoint: Endpoint,
    time_max: Duration,
    shared: Shared,
}

/// A map whose address makes no sense.
struct NoAddress;

impl Backend for NoAddress {
    fn lookup<'a>(
        &'a self,
        _maps: &'a Maps,
        _ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        Lookup::Ready(Outcome::TempFail)
    }
}

/// Opens a `socket` map.
pub(crate) fn open(opening: &mut Opening<'_>) -> Option<Opened> {
    let line = opening.line();
    if line.file.is_empty() {
        opening.no_file();
        return Some(Opened::unusable(line.common));
    }
    let mut time_max = TIME_MAX;
    flags(&opening.definition.arguments, |flag, value| {
        if flag == b'd'
            && let Ok(text) = value.to_str()
            && let Ok(given) = interval::parse(text, 's')
        {
            time_max = given;
        }
        Taken::ThisWord
    });
    let common = line.common.clone();
    let Some(endpoint) = endpoint(&line.file) else {
        let message = format!(
            "socket map \"{}\": bad address: {}",
            opening.definition.name, line.file
        );
        opening.fault("map-socket-address", message);
        return Some(Opened {
            common,
            backend: Box::new(NoAddress),
        });
    };
    let shared = {
        let mut all = opening
            .connections
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(all.entry(endpoint.clone()).or_default())
    };
    Some(Opened {
        common: common.clone(),
        backend: Box::new(SocketMap {
            name: opening.definition.name.clone(),
            common,
            endpoint,
            time_max,
            shared,
        }),
    })
}

/// Reads `inet:PORT@HOST`, `inet6:PORT@HOST`, `local:PATH`, `unix:PATH`, or a
/// path.
pub(crate) fn endpoint(text: &[u8]) -> Option<Endpoint> {
    let (family, rest) = match text.split_once_str(":") {
        Some((family, rest)) => (family.to_ascii_lowercase(), rest),
        None => (b"unix".to_vec(), text),
    };
    match family.as_slice() {
        b"local" | b"unix" if !rest.is_empty() => Some(Endpoint::Local(rest.into())),
        b"inet" | b"inet6" => {
            let (port, host) = rest.split_once_str("@")?;
            let host = host.strip_prefix(b"[").unwrap_or(host);
            let host = host.strip_suffix(b"]").unwrap_or(host);
            Some(Endpoint::Inet {
                host: host
                    .to_str()
                    .ok()
                    .filter(|host| !host.is_empty())?
                    .to_owned(),
                port: port.to_str().ok()?.parse().ok()?,
            })
        }
        _ => None,
    }
}

impl SocketMap {
    /// One question and its answer, over the shared connection or a new one.
    async fn exchange(&self, maps: &Maps, request: &[u8]) -> io::Result<Vec<u8>> {
        let mut shared = self.shared.lock().await;
        if let Some(mut stream) = shared.take()
            && let Ok(answer) = speak(&mut *stream, request).await
        {
            *shared = Some(stream);
            return Ok(answer);
        }
        // The server may have closed an idle connection: once more.
        let dial = &maps.world().dial;
        let mut stream = dial.connect(&self.endpoint, self.time_max).await?;
        let answer = speak(&mut *stream, request).await?;
        *shared = Some(stream);
        Ok(answer)
    }

    /// What an answer means.
    fn outcome(&self, key: &[u8], arguments: &[&[u8]], answer: &[u8]) -> Outcome {
        let (word, text) = match answer.find_byte(b' ') {
            Some(space) => (&answer[..space], &answer[space + 1..]),
            None => (answer, &b""[..]),
        };
        match word {
            b"OK" => Outcome::Found(if self.common.match_only {
                self.common.value(key, None)
            } else {
                let arguments = (!arguments.is_empty()).then_some(arguments);
                self.common.value(text, arguments)
            }),
            b"NOTFOUND" => Outcome::NO_HOST,
            b"TEMP" | b"TIMEOUT" => Outcome::TempFail,
            b"PERM" => Outcome::NotFound(PERMANENT),
            _ => Outcome::NotFound(NONSENSE),
        }
    }
}

/// Sends a netstring and reads one.
async fn speak(stream: &mut dyn Stream, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut message = format!("{}:", request.len()).into_bytes();
    message.extend_from_slice(request);
    message.push(b',');
    stream.write_all(&message).await?;
    stream.flush().await?;
    let mut length = 0usize;
    loop {
        match stream.read_u8().await? {
            b':' => break,
            digit @ b'0'..=b'9' if length <= ANSWER_BYTES_MAX => {
                length = length * 10 + usize::from(digit - b'0');
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
    if length > ANSWER_BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).await?;
    match stream.read_u8().await? {
        b',' => Ok(answer),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

impl Backend for SocketMap {
    fn lookup<'a>(
        &'a self,
        maps: &'a Maps,
        ask: Ask<'_>,
        _scope: &mut Scope<'_>,
    ) -> Lookup<'a, Outcome> {
        let mut request = self.name.to_vec();
        request.push(b' ');
        if self.common.keep_case {
            request.extend_from_slice(ask.key);
        } else {
            request.extend(ask.key.to_ascii_lowercase());
        }
        let key: BString = ask.key.into();
        let arguments: Vec<BString> = ask
            .arguments
            .iter()
            .map(|text| BString::from(*text))
            .collect();
        Lookup::Pending(Box::pin(async move {
            let exchange = self.exchange(maps, &request);
            match tokio::time::timeout(self.time_max, exchange).await {
                Ok(Ok(answer)) => {
                    let arguments: Vec<&[u8]> =
                        arguments.iter().map(|text| text.as_slice()).collect();
                    self.outcome(&key, &arguments, &answer)
                }
                Ok(Err(_)) | Err(_) if self.common.optional => Outcome::ABSENT,
                Ok(Err(_)) | Err(_) => Outcome::TempFail,
            }
        }))
    }

    fn open_state(&self, _maps: &Maps) -> OpenState {
        let Endpoint::Local(path) = &self.endpoint else {
            return OpenState::Open;
        };
        match std::fs::metadata(path.to_path_lossy()) {
            Ok(_) => OpenState::Open,
            Err(_) if self.common.optional => OpenState::NotOpen,
            Err(error) => OpenState::Faulty(format!(
                "socket map \"{}\": local socket name {path} unsafe: {}",
                self.name,
                errno_text(&error)
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_as_documented() {
        let inet = |host: &str, port| {
            Some(Endpoint::Inet {
                host: host.to_owned(),
                port,
            })
        };
        assert_eq!(endpoint(b"inet:2525@127.0.0.1"), inet("127.0.0.1", 2525));
        assert_eq!(endpoint(b"inet6:2525@[::1]"), inet("::1", 2525));
        assert_eq!(
            endpoint(b"local:/run/x"),
            Some(Endpoint::Local("/run/x".into()))
        );
        assert_eq!(
            endpoint(b"unix:/run/x"),
            Some(Endpoint::Local("/run/x".into()))
        );
        assert_eq!(endpoint(b"inet:25"), None);
        assert_eq!(endpoint(b"inet:x@y"), None);
        assert_eq!(endpoint(b"foo"), Some(Endpoint::Local("foo".into())));
        assert_eq!(endpoint(b"foo:bar"), None);
    }
}
