//! Names and addresses: the hosts file and name servers, in the order that
//! the service switch gives.
//!
//! Name servers are asked through hickory; its own reading of the hosts file
//! is off, because the order is ours to keep. All names go out absolute: the
//! search list is walked here, as `canonical` documents.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bstr::BString;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ProtocolConfig, ResolveHosts, ResolverConfig,
};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{Resolver as Hickory, TokioResolver};
use tokio::sync::OnceCell;

mod vouched;

use vouched::Stub;

use super::hosts::{Hosts, Service, switch};
use super::resolv_conf::ResolvConf;
use crate::world::{BoxFuture, Mx, RecordKind, ResolveError, Resolver, Vouched, VouchedKind};

/// Answers kept, in number.
const CACHE_ANSWERS: u64 = 8192;
/// Questions that no server could answer which are remembered, in number.
const FAILURES_MAX: usize = 4096;
/// How long such a question is not asked again (RFC 2308, section 7: five
/// minutes at most).
const FAILURE_TIME: Duration = Duration::from_secs(10);
/// The longest chain of aliases that is followed (sendmail: MAXCNAMEDEPTH 10).
const CNAME_DEPTH_MAX: usize = 10;
/// Bytes of a configuration file that are read.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Which files say where names come from.
#[derive(Clone, Debug)]
pub struct ResolverSettings {
    /// resolv.conf(5); a missing file means the server on this host.
    pub resolv_conf: PathBuf,
    /// The hosts file (option HostsFile).
    pub hosts: PathBuf,
    /// Files whose `hosts` line gives the order; the first that exists holds
    /// (option ServiceSwitchFile, then nsswitch.conf).
    pub switch: Vec<PathBuf>,
    /// How long one question waits (option Timeout.resolver.retrans).
    pub timeout: Option<Duration>,
    /// How often it is repeated (option Timeout.resolver.retry).
    pub attempts: Option<usize>,
}

impl Default for ResolverSettings {
    fn default() -> Self {
        Self {
            resolv_conf: "/etc/resolv.conf".into(),
            hosts: "/etc/hosts".into(),
            switch: vec![
                "/etc/mail/service.switch".into(),
                "/etc/nsswitch.conf".into(),
            ],
            timeout: None,
            attempts: None,
        }
    }
}

/// The system's way to names. Nothing is read before the first question.
pub struct SystemResolver {
    settings: ResolverSettings,
    parts: OnceCell<Parts>,
}

struct Parts {
    hosts: Hosts,
    order: Vec<Service>,
    search: Vec<String>,
    servers: Option<TokioResolver>,
    stub: Stub,
    failures: Failures,
}

/// What could not be asked lately: without this, everybody who wants to know
/// waits as long as the first who did.
#[derive(Default)]
struct Failures(Mutex<HashMap<(Name, RecordType), Instant>>);

impl Failures {
    fn is_recent(&self, name: &Name, kind: RecordType, now: Instant) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(&(name.clone(), kind))
            .is_some_and(|then| now.saturating_duration_since(*then) < FAILURE_TIME)
    }

    fn add(&self, name: Name, kind: RecordType, now: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= FAILURES_MAX {
            known.retain(|_, then| now.saturating_duration_since(*then) < FAILURE_TIME);
        }
        if known.len() < FAILURES_MAX {
            known.insert((name, kind), now);
        }
    }
}

/// What a name server said: the records, and the name they stand at after
/// all aliases.
struct Answer {
    lookup: Lookup,
    name: String,
}

impl SystemResolver {
    /// A resolver that goes by these files.
    pub fn new(settings: ResolverSettings) -> Self {
        Self {
            settings,
            parts: OnceCell::new(),
        }
    }

    /// The files are read once, off the path of other sessions; a reload
    /// makes a new resolver.
    async fn parts(&self) -> Result<&Parts, ResolveError> {
        self.parts
            .get_or_try_init(|| async {
                let settings = self.settings.clone();
                tokio::task::spawn_blocking(move || Parts::load(&settings))
                    .await
                    .map_err(|_| ResolveError::Temporary)
            })
            .await
    }
}

/// Names that no name server is asked for (RFC 6761, 6.3).
fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let last = name.rsplit('.').next().unwrap_or_default();
    last.eq_ignore_ascii_case("localhost")
}

/// The domains to try: without any in the file, that of this host
/// (resolv.conf(5)).
fn search(listed: Vec<String>) -> Vec<String> {
    if !listed.is_empty() {
        return listed;
    }
    nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok())
        .and_then(|name| Some(name.split_once('.')?.1.to_ascii_lowercase()))
        .filter(|domain| !domain.is_empty())
        .into_iter()
        .collect()
}

impl Parts {
    fn load(settings: &ResolverSettings) -> Self {
        let order = settings
            .switch
            .iter()
            .find_map(|path| read(path))
            .unwrap_or_default();
        let conf = ResolvConf::parse(&read(&settings.resolv_conf).unwrap_or_default());
        Self {
            hosts: Hosts::parse(&read(&settings.hosts).unwrap_or_default()),
            order: switch(&order),
            servers: servers(&conf, settings),
            stub: Stub {
                servers: conf
                    .servers
                    .iter()
                    .map(|at| (*at, conf.trusts_ad || at.ip().is_loopback()))
                    .collect(),
                timeout: settings.timeout.unwrap_or(conf.timeout),
                attempts: settings.attempts.unwrap_or(conf.attempts),
            },
            search: search(conf.search),
            failures: Failures::default(),
        }
    }

    async fn ask(&self, name: &str, kind: RecordType) -> Result<Answer, ResolveError> {
        let servers = self.servers.as_ref().ok_or(ResolveError::Temporary)?;
        // The library would answer for this host itself; the hosts file does.
        if is_localhost(name) {
            return Err(ResolveError::NoSuchName);
        }
        let absolute = Name::from_ascii(format!("{}.", name.trim_end_matches('.')))
            .map_err(|_| ResolveError::NoSuchName)?;
        if self.failures.is_recent(&absolute, kind, Instant::now()) {
            return Err(ResolveError::Temporary);
        }
        let lookup = match servers.lookup(absolute.clone(), kind).await.map_err(error) {
            Ok(lookup) => lookup,
            Err(error) => {
                if error == ResolveError::Temporary {
                    self.failures.add(absolute, kind, Instant::now());
                }
                return Err(error);
            }
        };
        let name = end_of_aliases(&lookup, name)?;
        Ok(Answer { lookup, name })
    }

    async fn dns_addresses(&self, name: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let (six, four) = tokio::join!(
            self.ask(name, RecordType::AAAA),
            self.ask(name, RecordType::A)
        );
        let mut found = Vec::new();
        for answer in [&six, &four].into_iter().flatten() {
            found.extend(
                answer
                    .lookup
                    .answers()
                    .iter()
                    .filter_map(|r| r.data.ip_addr()),
            );
        }
        if !found.is_empty() {
            return Ok(found);
        }
        // A server that fails on AAAA while A is known not to exist leaves
        // the question open; no such name for one type means for all.
        Err(match (six, four) {
            (Err(ResolveError::NoSuchName), _) | (_, Err(ResolveError::NoSuchName)) => {
                ResolveError::NoSuchName
            }
            (Err(ResolveError::Temporary), _) | (_, Err(ResolveError::Temporary)) => {
                ResolveError::Temporary
            }
            _ => ResolveError::NoData,
        })
    }

    /// Every service in turn; the first that knows the name answers.
    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, ResolveError> {
        let mut last = ResolveError::NoSuchName;
        for service in &self.order {
            match service {
                Service::Files => {
                    if let Some(found) = self.hosts.addresses(name) {
                        return Ok(found.to_vec());
                    }
                }
                Service::Dns => match self.dns_addresses(name).await {
                    Ok(found) => return Ok(found),
                    Err(error) => last = error,
                },
            }
        }
        Err(last)
    }

    async fn name_of(&self, address: IpAddr) -> Result<String, ResolveError> {
        let mut last = ResolveError::NoSuchName;
        for service in &self.order {
            match service {
                Service::Files => {
                    if let Some(name) = self.hosts.name_of(address) {
                        return Ok(name.to_owned());
                    }
                }
                // The library calls all of 127/8 localhost, without asking
                // anybody (RFC 6761): a client would be taken for another.
                Service::Dns if address.is_loopback() => last = ResolveError::NoSuchName,
                Service::Dns => {
                    let name = Name::from(address).to_ascii();
                    match self.ask(&name, RecordType::PTR).await {
                        Ok(answer) => {
                            for record in answer.lookup.answers() {
                                if let RData::PTR(target) = &record.data {
                                    return Ok(text_of(&target.0));
                                }
                            }
                            last = ResolveError::NoData;
                        }
                        Err(error) => last = error,
                    }
                }
            }
        }
        Err(last)
    }

    async fn canonical(&self, name: &str) -> Result<String, ResolveError> {
        let mut last = ResolveError::NoSuchName;
        for service in &self.order {
            match service {
                Service::Files => {
                    if let Some(found) = self.canonical_in_hosts(name) {
                        return Ok(found);
                    }
                }
                Service::Dns => match self.canonical_in_dns(name).await {
                    Ok(found) => return Ok(found),
                    Err(error) => last = error,
                },
            }
        }
        Err(last)
    }

    fn canonical_in_hosts(&self, name: &str) -> Option<String> {
        let bare = name.trim_end_matches('.');
        let found = self.hosts.canonical(bare)?;
        if found.contains('.') || bare.contains('.') {
            return Some(found.to_owned());
        }
        // A short name alone is not canonical; another on its line may be,
        // or the local domain completes it.
        self.search
            .iter()
            .map(|domain| format!("{found}.{domain}"))
            .find(|full| self.hosts.canonical(full).is_some())
            .or_else(|| Some(found.to_owned()))
    }

    /// A name with a dot is tried as it is, then (unless it ends in a dot)
    /// with every domain of the search list; one without, in the search list
    /// only. AAAA, A and MX records each make a name good.
    async fn canonical_in_dns(&self, name: &str) -> Result<String, ResolveError> {
        let bare = name.trim_end_matches('.');
        let mut candidates = Vec::new();
        if bare.contains('.') || name.ends_with('.') {
            candidates.push(bare.to_owned());
        }
        if !name.ends_with('.') {
            candidates.extend(self.search.iter().map(|domain| format!("{bare}.{domain}")));
        }
        let mut last = ResolveError::NoSuchName;
        for candidate in candidates {
            for kind in [RecordType::A, RecordType::AAAA, RecordType::MX] {
                match self.ask(&candidate, kind).await {
                    // What is its own canonical name stays as it was written.
                    Ok(answer) if answer.name.eq_ignore_ascii_case(&candidate) => {
                        return Ok(candidate);
                    }
                    Ok(answer) => return Ok(answer.name),
                    Err(ResolveError::NoSuchName) => break,
                    Err(ResolveError::NoData) => last = ResolveError::NoData,
                    Err(ResolveError::Temporary) => return Err(ResolveError::Temporary),
                }
            }
        }
        Err(last)
    }

    async fn mx(&self, name: &str) -> Result<Vec<Mx>, ResolveError> {
        let answer = self.ask(name, RecordType::MX).await?;
        let found: Vec<Mx> = answer
            .lookup
            .answers()
            .iter()
            .filter_map(|record| match &record.data {
                RData::MX(mx) => Some(Mx {
                    preference: mx.preference,
                    exchange: text_of(&mx.exchange),
                }),
                _ => None,
            })
            .collect();
        if found.is_empty() {
            return Err(ResolveError::NoData);
        }
        Ok(found)
    }

    /// One word alone is first a host of the search list, as for every program
    /// that asks the name system in the usual way (resolv.conf(5), ndots).
    async fn records(&self, name: &str, kind: RecordKind) -> Result<Vec<BString>, ResolveError> {
        let kind = record_type(kind);
        if !name.contains('.') {
            for domain in &self.search {
                match self.records_of(&format!("{name}.{domain}"), kind).await {
                    Err(ResolveError::NoSuchName | ResolveError::NoData) => {}
                    found => return found,
                }
            }
        }
        self.records_of(name, kind).await
    }

    async fn records_of(&self, name: &str, kind: RecordType) -> Result<Vec<BString>, ResolveError> {
        let answer = self.ask(name, kind).await?;
        let found: Vec<BString> = answer
            .lookup
            .answers()
            .iter()
            .filter(|record| record.record_type() == kind)
            .map(|record| as_text(&record.data))
            .collect();
        if found.is_empty() {
            return Err(ResolveError::NoData);
        }
        Ok(found)
    }
}

impl Resolver for SystemResolver {
    fn mx<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<Mx>, ResolveError>> {
        Box::pin(async move { self.parts().await?.mx(name).await })
    }

    fn addresses<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>> {
        Box::pin(async move { self.parts().await?.addresses(name).await })
    }

    fn name_of(&self, address: IpAddr) -> BoxFuture<'_, Result<String, ResolveError>> {
        Box::pin(async move { self.parts().await?.name_of(address).await })
    }

    fn canonical<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<String, ResolveError>> {
        Box::pin(async move { self.parts().await?.canonical(name).await })
    }

    fn records<'a>(
        &'a self,
        name: &'a str,
        kind: RecordKind,
    ) -> BoxFuture<'a, Result<Vec<BString>, ResolveError>> {
        Box::pin(async move { self.parts().await?.records(name, kind).await })
    }

    fn vouched<'a>(
        &'a self,
        name: &'a str,
        kind: VouchedKind,
    ) -> BoxFuture<'a, Result<Vouched, ResolveError>> {
        Box::pin(async move {
            let parts = self.parts().await?;
            // What the hosts file knows nobody signed.
            if kind == VouchedKind::Address && parts.hosts.addresses(name).is_some() {
                return Ok(Vouched::default());
            }
            parts.stub.ask(name, kind).await
        })
    }
}

fn read(path: &Path) -> Option<String> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .ok()?
        .take(FILE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn servers(conf: &ResolvConf, settings: &ResolverSettings) -> Option<TokioResolver> {
    let name_servers = conf
        .servers
        .iter()
        .map(|server| {
            let connection = |protocol| {
                let mut connection = ConnectionConfig::new(protocol);
                connection.port = server.port();
                connection
            };
            NameServerConfig::new(
                server.ip(),
                true,
                vec![
                    connection(ProtocolConfig::Udp),
                    connection(ProtocolConfig::Tcp),
                ],
            )
        })
        .collect();
    let config = ResolverConfig::from_name_servers(name_servers);
    let mut builder = Hickory::builder_with_config(config, TokioRuntimeProvider::default());
    let options = builder.options_mut();
    options.use_hosts_file = ResolveHosts::Never;
    options.timeout = settings.timeout.unwrap_or(conf.timeout);
    options.attempts = settings.attempts.unwrap_or(conf.attempts);
    options.cache_size = CACHE_ANSWERS;
    options.edns0 = true;
    builder.build().ok()
}

fn error(error: NetError) -> ResolveError {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => ResolveError::NoSuchName,
            ResponseCode::NoError => ResolveError::NoData,
            _ => ResolveError::Temporary,
        },
        NetError::Dns(DnsError::ResponseCode(ResponseCode::NXDomain)) => ResolveError::NoSuchName,
        _ => ResolveError::Temporary,
    }
}

/// Follows the aliases among the answers from `name`.
fn end_of_aliases(lookup: &Lookup, name: &str) -> Result<String, ResolveError> {
    let mut at = name.trim_end_matches('.').to_ascii_lowercase();
    for _ in 0..=CNAME_DEPTH_MAX {
        let next = lookup
            .answers()
            .iter()
            .find_map(|record| match &record.data {
                RData::CNAME(target) if text_of(&record.name) == at => Some(text_of(&target.0)),
                _ => None,
            });
        match next {
            Some(next) => at = next,
            None => return Ok(at),
        }
    }
    // sendmail: a loop of aliases is a fault that may pass.
    Err(ResolveError::Temporary)
}

/// Lower case, no trailing dot; the root is empty.
fn text_of(name: &Name) -> String {
    let mut text = name.to_ascii().to_ascii_lowercase();
    text.truncate(text.trim_end_matches('.').len());
    text
}

fn record_type(kind: RecordKind) -> RecordType {
    match kind {
        RecordKind::A => RecordType::A,
        RecordKind::Aaaa => RecordType::AAAA,
        // hickory has no name for AFSDB (RFC 1183, type 18).
        RecordKind::Afsdb => RecordType::Unknown(18),
        RecordKind::Cname => RecordType::CNAME,
        RecordKind::Mx => RecordType::MX,
        RecordKind::Ns => RecordType::NS,
        RecordKind::Ptr => RecordType::PTR,
        RecordKind::Srv => RecordType::SRV,
        RecordKind::Txt => RecordType::TXT,
    }
}

fn as_text(data: &RData) -> BString {
    match data {
        RData::TXT(text) => text.txt_data.concat().into(),
        RData::MX(mx) => text_of(&mx.exchange).into(),
        RData::SRV(srv) => text_of(&srv.target).into(),
        RData::CNAME(name) => text_of(&name.0).into(),
        RData::NS(name) => text_of(&name.0).into(),
        RData::PTR(name) => text_of(&name.0).into(),
        other => other.to_string().into(),
    }
}

/// For `Arc<dyn Resolver>` at the places that take one.
impl From<SystemResolver> for Arc<dyn Resolver> {
    fn from(resolver: SystemResolver) -> Self {
        Arc::new(resolver)
    }
}

#[cfg(test)]
mod tests;
