//! Questions whose answers a validating resolver vouches for.
//!
//! Asked with the AD bit (RFC 6840, section 5.7) over UDP, over TCP when the
//! answer does not fit. The bit is only as good as the way to the server: it
//! counts from a server on this host, and from others when resolv.conf says
//! `options trust-ad`.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::text_of;
use crate::world::{Mx, ResolveError, Tlsa, Vouched, VouchedKind};

/// The largest answer that is taken over UDP.
const PAYLOAD_MAX: u16 = 1232;
/// Aliases that are followed within an answer.
const ALIASES_MAX: usize = 10;
/// Packets of others that are passed over while an answer is waited for.
const STRAYS_MAX: usize = 16;

/// The servers that are asked.
#[derive(Clone, Debug)]
pub(super) struct Stub {
    /// With whether their word counts.
    pub(super) servers: Vec<(SocketAddr, bool)>,
    pub(super) timeout: Duration,
    pub(super) attempts: usize,
}

impl Stub {
    /// Asks each server in turn until one answers.
    pub(super) async fn ask(&self, name: &str, kind: VouchedKind) -> Result<Vouched, ResolveError> {
        let name = Name::from_ascii(format!("{}.", name.trim_end_matches('.')))
            .map_err(|_| ResolveError::NoSuchName)?;
        let kind = match kind {
            VouchedKind::Mx => RecordType::MX,
            VouchedKind::Address => RecordType::A,
            VouchedKind::Tlsa => RecordType::TLSA,
        };
        for _ in 0..self.attempts.max(1) {
            for (server, is_trusted) in &self.servers {
                let asked = timeout(self.timeout, exchange(*server, &name, kind));
                if let Ok(Some(answer)) = asked.await {
                    return read(&answer, &name, *is_trusted);
                }
            }
        }
        Err(ResolveError::Temporary)
    }
}

async fn exchange(server: SocketAddr, name: &Name, kind: RecordType) -> Option<Message> {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.metadata.authentic_data = true;
    message.add_query(Query::query(name.clone(), kind));
    let mut edns = Edns::new();
    edns.set_max_payload(PAYLOAD_MAX);
    message.set_edns(edns);
    let question = message.to_vec().ok()?;
    let is_ours = |answer: &Message| {
        answer.metadata.id == message.metadata.id
            && answer.metadata.message_type == MessageType::Response
            && answer.queries.first().is_some_and(|query| {
                query.query_type() == kind && query.name().eq_ignore_root(name)
            })
    };
    let local: SocketAddr = match server {
        SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
        SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(local).await.ok()?;
    socket.connect(server).await.ok()?;
    socket.send(&question).await.ok()?;
    let mut piece = vec![0; 4096];
    for _ in 0..STRAYS_MAX {
        let count = socket.recv(&mut piece).await.ok()?;
        let Ok(answer) = Message::from_vec(&piece[..count]) else {
            continue;
        };
        if !is_ours(&answer) {
            continue;
        }
        if !answer.metadata.truncation {
            return Some(answer);
        }
        let mut stream = TcpStream::connect(server).await.ok()?;
        let length = u16::try_from(question.len()).ok()?;
        stream.write_all(&length.to_be_bytes()).await.ok()?;
        stream.write_all(&question).await.ok()?;
        let length = usize::from(stream.read_u16().await.ok()?);
        let mut text = vec![0; length];
        stream.read_exact(&mut text).await.ok()?;
        return Message::from_vec(&text).ok().filter(is_ours);
    }
    None
}

fn read(answer: &Message, asked: &Name, is_trusted: bool) -> Result<Vouched, ResolveError> {
    match answer.metadata.response_code {
        ResponseCode::NoError => {}
        ResponseCode::NXDomain => return Err(ResolveError::NoSuchName),
        // SERVFAIL is what a validating resolver says of what is bogus.
        _ => return Err(ResolveError::Temporary),
    }
    let mut end = asked.clone();
    for _ in 0..ALIASES_MAX {
        let next = answer.answers.iter().find_map(|record| match &record.data {
            RData::CNAME(target) if record.name.eq_ignore_root(&end) => Some(target.0.clone()),
            _ => None,
        });
        match next {
            Some(name) => end = name,
            None => break,
        }
    }
    let mut found = Vouched {
        is_secure: is_trusted && answer.metadata.authentic_data,
        name: text_of(&end),
        ..Vouched::default()
    };
    let mut count = 0;
    for record in answer
        .answers
        .iter()
        .filter(|r| r.name.eq_ignore_root(&end))
    {
        match &record.data {
            RData::MX(mx) => found.exchanges.push(Mx {
                preference: mx.preference,
                exchange: text_of(&mx.exchange),
            }),
            RData::TLSA(tlsa) => found.certificates.push(Tlsa {
                usage: tlsa.cert_usage.into(),
                selector: tlsa.selector.into(),
                matching: tlsa.matching.into(),
                data: tlsa.cert_data.clone(),
            }),
            RData::A(_) => {}
            _ => continue,
        }
        count += 1;
    }
    if count == 0 {
        return Err(ResolveError::NoData);
    }
    Ok(found)
}
