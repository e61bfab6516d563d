//! Files of web servers, over HTTPS: one request to a connection, HTTP/1.1,
//! no redirections, and nothing that is longer or slower than expected.

use std::sync::Arc;
use std::time::Duration;

use bstr::ByteSlice;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::tls::{SystemTlsClient, TlsSettings};
use crate::world::{
    BoxFuture, Dial, Endpoint, Files, Https, Resolver, SystemLog, TlsClient, Verify, Wanted,
};

/// How long one request may take.
const TIME_MAX: Duration = Duration::from_secs(30);
/// Where web servers listen.
const PORT: u16 = 443;
/// The longest head of an answer.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// What is read of the answer to a document that was left.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Where systems keep the authorities they trust.
const AUTHORITIES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// Web servers as this system reaches them.
pub struct SystemHttps {
    resolver: Arc<dyn Resolver>,
    dial: Arc<dyn Dial>,
    tls: SystemTlsClient,
}

impl SystemHttps {
    /// Believes the authorities of the settings and those of the system.
    pub fn new(
        settings: &TlsSettings,
        (resolver, dial): (Arc<dyn Resolver>, Arc<dyn Dial>),
        files: Arc<dyn Files>,
        log: Arc<dyn SystemLog>,
    ) -> Self {
        let of_system = AUTHORITIES.iter().map(std::path::PathBuf::from);
        let settings = TlsSettings {
            authorities: settings.authorities.clone(),
            authority_directory: settings.authority_directory.clone(),
            more_authorities: of_system.filter(|path| path.exists()).take(1).collect(),
            ..TlsSettings::default()
        };
        Self {
            resolver,
            dial,
            tls: SystemTlsClient::new(settings, files, log),
        }
    }

    async fn exchange(
        &self,
        host: &str,
        request: &[u8],
        bytes_max: usize,
    ) -> Result<Vec<u8>, String> {
        let addresses = self.resolver.addresses(host).await;
        let addresses = addresses.map_err(|error| error.to_string())?;
        let mut last = "no address".to_owned();
        for address in addresses.into_iter().take(4) {
            let endpoint = Endpoint::Inet {
                host: address.to_string(),
                port: PORT,
            };
            let stream = match self.dial.connect(&endpoint, TIME_MAX / 3).await {
                Ok(stream) => stream,
                Err(error) => {
                    last = error.to_string();
                    continue;
                }
            };
            let wanted = Wanted {
                name: host,
                ..Wanted::default()
            };
            let (mut stream, facts) = self
                .tls
                .connect_as(stream, wanted)
                .await
                .map_err(|fault| fault.reason)?;
            if facts.verify != Verify::Ok {
                return Err(facts.verify_message.clone());
            }
            if !facts.is_named {
                return Err("the certificate is for another name".to_owned());
            }
            let talk = async {
                stream.write_all(request).await?;
                stream.flush().await?;
                let mut heard = Vec::new();
                let mut piece = [0; 4096];
                while heard.len() <= bytes_max + HEAD_BYTES_MAX {
                    match stream.read(&mut piece).await {
                        Ok(0) => break,
                        Ok(count) => heard.extend_from_slice(&piece[..count]),
                        // Many close without a word of TLS; lengths are checked.
                        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => break,
                        Err(error) => return Err(error),
                    }
                    if is_whole(&heard) {
                        break;
                    }
                }
                Ok(heard)
            };
            let heard = talk.await.map_err(|error| error.to_string())?;
            return body(&heard, bytes_max);
        }
        Err(last)
    }
}

/// Whether no more is to come.
fn is_whole(heard: &[u8]) -> bool {
    let Some((head, body)) = heard.split_once_str("\r\n\r\n") else {
        return false;
    };
    match field(head, b"content-length").and_then(|v| v.to_str().ok()?.parse::<usize>().ok()) {
        Some(length) => body.len() >= length,
        None => false,
    }
}

fn field<'h>(head: &'h [u8], name: &[u8]) -> Option<&'h [u8]> {
    head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once_str(":")?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// The body of an answer.
fn body(heard: &[u8], bytes_max: usize) -> Result<Vec<u8>, String> {
    let (head, rest) = heard
        .split_once_str("\r\n\r\n")
        .filter(|(head, _)| head.len() <= HEAD_BYTES_MAX)
        .ok_or("no answer that makes sense")?;
    let status = head
        .strip_prefix(b"HTTP/1.")
        .and_then(|line| line.get(2..5)?.to_str().ok()?.parse::<u16>().ok())
        .ok_or("no answer that makes sense")?;
    if !(200..300).contains(&status) {
        return Err(format!("HTTP status {status}"));
    }
    let coding = field(head, b"transfer-encoding").unwrap_or_default();
    let text = match coding.eq_ignore_ascii_case(b"chunked") {
        true => unchunked(rest).ok_or("the answer was cut")?,
        false => {
            let length = field(head, b"content-length");
            let length = length.and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
            match length {
                Some(length) => rest.get(..length).ok_or("the answer was cut")?.to_vec(),
                None => rest.to_vec(),
            }
        }
    };
    if text.len() > bytes_max {
        return Err("the answer is too long".to_owned());
    }
    Ok(text)
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    loop {
        let (line, after) = rest.split_once_str("\r\n")?;
        let digits = line.split(|byte| *byte == b';').next()?.trim();
        let length = usize::from_str_radix(digits.to_str().ok()?, 16).ok()?;
        if length == 0 {
            return Some(out);
        }
        out.extend_from_slice(after.get(..length)?);
        rest = after.get(length..)?.strip_prefix(b"\r\n")?;
    }
}

fn head(method: &str, host: &str, path: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Godwit/{}\r\n\
         Accept: */*\r\nConnection: close\r\n",
        env!("CARGO_PKG_VERSION")
    )
}

/// Nothing in a name or path may end a line of the request.
fn is_sane(host: &str, path: &str) -> bool {
    let graphic = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    !host.is_empty() && graphic(host) && path.starts_with('/') && graphic(path)
}

impl Https for SystemHttps {
    fn get<'a>(
        &'a self,
        host: &'a str,
        path: &'a str,
        bytes_max: usize,
    ) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        Box::pin(async move {
            if !is_sane(host, path) {
                return Err("no such address".to_owned());
            }
            let request = head("GET", host, path) + "\r\n";
            timeout(TIME_MAX, self.exchange(host, request.as_bytes(), bytes_max))
                .await
                .unwrap_or_else(|_| Err("timed out".to_owned()))
        })
    }

    fn post<'a>(
        &'a self,
        host: &'a str,
        path: &'a str,
        kind: &'a str,
        text: &'a [u8],
    ) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            if !is_sane(host, path) {
                return Err("no such address".to_owned());
            }
            let length = text.len();
            let mut request = head("POST", host, path).into_bytes();
            request.extend_from_slice(
                format!("Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n").as_bytes(),
            );
            request.extend_from_slice(text);
            timeout(TIME_MAX, self.exchange(host, &request, ANSWER_BYTES_MAX))
                .await
                .unwrap_or_else(|_| Err("timed out".to_owned()))
                .map(drop)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn answers() {
        let body = |text: &str| body(text.as_bytes(), 10);
        let ok = |text: &str| Ok(text.as_bytes().to_vec());
        assert_eq!(
            body("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd"),
            ok("abc")
        );
        assert_eq!(body("HTTP/1.0 200 OK\r\n\r\nabc"), ok("abc"));
        let chunked =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\n\r\n";
        assert_eq!(body(chunked), ok("abc"));
        for broken in [
            "HTTP/1.1 302 Found\r\nLocation: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\n\r\n0123456789x",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nab",
            "220 mail.example.org\r\n\r\n",
            "",
        ] {
            assert!(body(broken).is_err(), "{broken:?}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_read_or_not(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let whole = [b"HTTP/1.1 200 OK\r\n".as_slice(), &text].concat();
            let _ = (body(&whole, 100), body(&text, 100), is_whole(&whole));
        }
    }
}
