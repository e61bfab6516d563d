//! Reads what a load balancer says of a client (class `{ProxyHosts}`).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::smtp::proxy::{self, Source};

/// How long a balancer may take to say whom it brings.
const PATIENCE: Duration = Duration::from_secs(5);

/// The client behind a connection of `peer` to `local`: whom its PROXY header
/// names.
///
/// # Errors
/// There is no header, or none that makes sense: nobody is served then, for
/// the balancer's own address may have rights that its clients have not.
pub(super) async fn client(
    stream: &mut (impl AsyncRead + Unpin),
    peer: SocketAddr,
    local: Option<SocketAddr>,
) -> io::Result<(SocketAddr, Option<SocketAddr>)> {
    match tokio::time::timeout(PATIENCE, source(stream)).await?? {
        Source::Itself => Ok((peer, local)),
        Source::Client { peer, local } => Ok((peer, Some(local))),
    }
}

async fn source(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Source> {
    let bad = || io::Error::from(io::ErrorKind::InvalidData);
    let mut first = [0; proxy::SIGNATURE.len()];
    stream.read_exact(&mut first).await?;
    if first == proxy::SIGNATURE {
        let mut head = [0; 4];
        stream.read_exact(&mut head).await?;
        let (command, family, length) = proxy::head(head).ok_or_else(bad)?;
        let mut block = vec![0; length];
        stream.read_exact(&mut block).await?;
        return proxy::block(command, family, &block).ok_or_else(bad);
    }
    // The shortest line is longer than what has been read; what follows it is
    // the client's, so it is read byte by byte.
    let mut line = first.to_vec();
    while !line.ends_with(b"\r\n") {
        if line.len() >= proxy::LINE_BYTES_MAX || !line.starts_with(b"PROXY ") {
            return Err(bad());
        }
        line.push(stream.read_u8().await?);
    }
    line.truncate(line.len() - 2);
    proxy::line(&line).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BALANCER: &str = "192.0.2.99:1";

    async fn read(text: &[u8]) -> io::Result<(String, Vec<u8>)> {
        let mut rest = text;
        let peer = BALANCER.parse().expect("an address");
        let (peer, _) = client(&mut rest, peer, None).await?;
        Ok((peer.to_string(), rest.to_vec()))
    }

    #[tokio::test]
    async fn the_client_is_named_and_nothing_more_is_read() {
        let one = read(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\nEHLO x\r\n").await;
        let expected = ("192.0.2.1:1".to_owned(), b"EHLO x\r\n".to_vec());
        assert_eq!(one.expect("a header"), expected);
        let mut two = proxy::SIGNATURE.to_vec();
        two.extend_from_slice(&[0x21, 0x11, 0, 12, 192, 0, 2, 1, 192, 0, 2, 2, 0, 1, 0, 25]);
        two.extend_from_slice(b"EHLO x\r\n");
        assert_eq!(read(&two).await.expect("a header"), expected);
        let own = read(b"PROXY UNKNOWN\r\n").await.expect("a header");
        assert_eq!(own.0, BALANCER);
    }

    #[tokio::test]
    async fn without_a_header_nobody_is_served() {
        let long = format!("PROXY TCP4 {}\r\n", "1".repeat(200));
        let texts = [
            "",
            "PROXY",
            "EHLO x.example.org\r\n",
            "PROXY TCP4 x\r\n",
            &long,
        ];
        for text in texts {
            assert!(read(text.as_bytes()).await.is_err(), "{text}");
        }
    }
}
