//! Mail to other hosts, by SMTP or LMTP.
//!
//! A host list is worked through until every recipient has a final answer:
//! what a server defers is tried at the next one, as sendmail does. When all
//! have deferred or failed to answer, the last word counts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bstr::{BStr, BString, ByteSlice};

use super::result::{Fate, Verdict};
use crate::base::{Enhanced, Sysexit};
use crate::cf::Opt;
use crate::rewrite::MacroTable;
use crate::route::{MailerId, Site};
use crate::smtp::client::{Client, Ending, Protocol, Settings, Timeouts, Transaction};
use crate::world::{Clock, Dial, Endpoint, Entropy, ResolveError, Resolver, StateStore, Stream};

mod connection;
pub(crate) mod content;
mod hosts;
mod policy;
mod pool;
mod secure;
mod source;
pub(super) mod status;
mod target;

use connection::Connection;
use content::Content;
use hosts::{Find, Host, Lookup, NoHosts, shown_address, split_list};
use policy::{Demand, Forbidden, OfDomain, Policies, Wish};
use pool::{Key, Pool};
use secure::Secured;
pub use secure::Security;
use status::Hosts;
pub(super) use target::{Target, Where};

/// Connects when neither option Timeout.connect nor the system says how long.
const CONNECT_MAX: Duration = Duration::from_secs(300);
/// A message that found too many waiting comes back after this.
const CROWDED_PAUSE: Duration = Duration::from_secs(120);
/// How long a program may take to answer QUIT.
const PROGRAM_QUIT_MAX: Duration = Duration::from_secs(5);
/// Hosts that are tried for one message.
const HOSTS_MAX: usize = 100;

/// Mail to other hosts.
pub(super) struct Remote {
    pub(super) dial: Arc<dyn Dial>,
    pub(super) entropy: Arc<dyn Entropy>,
    security: Security,
    clock: Arc<dyn Clock>,
    hosts: Hosts,
    policies: Policies,
    pool: Arc<Pool>,
}

/// A message for one host.
pub(super) struct Errand<'a> {
    pub(super) site: &'a Arc<Site>,
    pub(super) resolver: &'a dyn Resolver,
    pub(super) mailer_id: MailerId,
    pub(super) target: Target,
    pub(super) transaction: Transaction,
    pub(super) content: &'a Content,
    /// The body as it goes to a server without 8BITMIME, made when needed.
    pub(super) seven_bit: &'a (dyn Fn() -> Option<Content> + Sync),
    /// The message has not been tried before.
    pub(super) is_first: bool,
    /// Its sender would rather have it arrive than go under TLS
    /// (`TLS-Required: No`, RFC 8689, section 5).
    pub(super) tls_optional: bool,
}

/// What happened at one server.
enum Visit {
    /// It was spoken to: one verdict for each recipient of the transaction.
    Spoken(Vec<Verdict>),
    /// It was not: what that means to everybody.
    Missed(Verdict),
}

/// How a visit ended, for what is known of the host.
enum Visited {
    /// It answered.
    Answered(Verdict),
    /// It did not.
    Missed(Verdict),
}

impl Remote {
    /// `state` keeps what became of hosts.
    pub(super) fn new(
        dial: Arc<dyn Dial>,
        entropy: Arc<dyn Entropy>,
        clock: Arc<dyn Clock>,
        state: Option<Arc<dyn StateStore>>,
        security: Security,
    ) -> Self {
        Self {
            dial,
            policies: Policies::new(security.https.clone(), state.clone()),
            hosts: Hosts::new(Arc::clone(&entropy), state),
            entropy,
            security,
            clock,
            pool: Arc::default(),
        }
    }

    /// Hosts that are left alone may be tried once more, now.
    pub(super) fn forgive(&self) {
        self.hosts.forgive(self.clock.instant());
    }

    /// Brings a message to a host; one verdict for each recipient of the
    /// transaction, in order.
    pub(super) async fn send(&self, errand: &Errand<'_>) -> Vec<Verdict> {
        let mut round = Round::new(errand, self.clock.instant());
        match &errand.target.to {
            Where::Socket(path) => {
                let endpoint = Endpoint::Local(path.clone());
                let demand = Arc::default();
                self.visit(
                    &mut round,
                    (path.as_bstr(), demand),
                    endpoint,
                    String::new(),
                )
                .await;
            }
            Where::Hosts { list, port } => {
                for host in split_list(list.as_bstr()) {
                    if self.try_list(&mut round, host, *port).await {
                        return round.finish();
                    }
                }
                if round.may_fall_back {
                    self.fall_back(&mut round, *port).await;
                }
            }
        }
        round.finish()
    }

    /// Brings a message to a program that is spoken to over a stream; `name`
    /// is its mailer's.
    pub(super) async fn converse(
        &self,
        errand: &Errand<'_>,
        name: &BStr,
        stream: Box<dyn Stream>,
    ) -> Vec<Verdict> {
        let place = Place {
            host: name,
            relay: name.into(),
            demand: Arc::default(),
        };
        let count = errand.transaction.recipients.len();
        let mut connection = match Connection::open(stream, settings(errand)).await {
            Ok(connection) => connection,
            Err(ending) => return vec![ended(&ending, &place); count],
        };
        let left: Vec<usize> = (0..count).collect();
        let verdicts = match send(&mut connection, errand, &left).await {
            Some(report) => verdicts(&report, &place, connection.client()),
            None => vec![lost(&place); count],
        };
        connection.close(PROGRAM_QUIT_MAX).await;
        verdicts
    }

    /// The hosts of option FallbackMXhost, and of FallbackSmartHost.
    async fn fall_back(&self, round: &mut Round<'_>, port: u16) {
        let site = round.errand.site;
        for option in [Opt::FallbackMxHost, Opt::FallbackSmartHost] {
            let host = site.option_text(option);
            if !host.is_empty() && self.try_list(round, host.as_bstr(), port).await {
                return;
            }
        }
    }

    /// Tries every host that takes mail for one; `true` when nothing is left
    /// to do.
    async fn try_list(&self, round: &mut Round<'_>, host: &BStr, port: u16) -> bool {
        let site = Arc::clone(round.errand.site);
        let is_own = |name: &[u8]| is_own(&site, name);
        let lookup = Lookup {
            resolver: round.errand.resolver,
            entropy: &*self.entropy,
            is_own: &is_own,
            without_mx: round.errand.target.flags.has(b'0'),
            try_null_list: site.config.options.flag(Opt::TryNullMxList),
        };
        let hosts = match lookup.hosts(host).await {
            Ok(hosts) => hosts,
            Err(why) => {
                round.may_fall_back &= !matches!(why, NoHosts::NullMx | NoHosts::PointsBack(_));
                round.missed(no_hosts(&why, host));
                return false;
            }
        };
        let of_domain = self.demands(round.errand, host).await;
        for host in hosts {
            if round.hosts_left == 0 {
                break;
            }
            round.hosts_left -= 1;
            let demand = match demand(&of_domain, round.errand, &host, port).await {
                Ok(demand) => Arc::new(demand),
                Err(why) => {
                    round.missed(forbidden(why, host.shown.as_bstr()));
                    continue;
                }
            };
            if self.try_host(round, &lookup, (&host, demand), port).await {
                return true;
            }
        }
        false
    }

    /// What the domain of a host list demands, as far as the site wants to
    /// know.
    async fn demands(&self, errand: &Errand<'_>, host: &BStr) -> Option<OfDomain> {
        let options = &errand.site.config.options;
        let dane = options.text(Opt::Dane).to_ascii_lowercase();
        let arguments: [&[u8]; 1] = [host];
        let wish = Wish {
            dane: matches!(dane.as_slice(), b"true" | b"always"),
            dane_always: dane == b"always",
            sts: options.flag(Opt::StrictTransportSecurity),
        };
        let is_name = !host.starts_with(b"[") && !errand.tls_optional;
        if !is_name || !(wish.dane || wish.sts) {
            return None;
        }
        // `D` and `M` of clt_features: none of these with this server.
        let mut macros = errand.site.layer();
        let features = errand.site.check("clt_features", &arguments, &mut macros);
        let letters = match features.await {
            crate::route::Verdict::Other { mailer, host, user } => {
                bstr::join(" ", [&mailer, &host, &user])
            }
            _ => Vec::new(),
        };
        let wish = Wish {
            dane: wish.dane && !letters.contains(&b'D'),
            sts: wish.sts && !letters.contains(&b'M'),
            ..wish
        };
        let domain = host.to_str_lossy();
        let policies = &self.policies;
        Some(
            policies
                .of(errand.resolver, &domain, wish, self.clock.now())
                .await,
        )
    }

    async fn try_host(
        &self,
        round: &mut Round<'_>,
        lookup: &Lookup<'_>,
        (host, demand): (&Host, Arc<Demand>),
        port: u16,
    ) -> bool {
        let addresses = match lookup.addresses(host).await {
            Ok(addresses) => addresses,
            Err(why) => {
                round.missed(no_hosts(&why, host.shown.as_bstr()));
                return false;
            }
        };
        let shown = host.shown.as_bstr();
        let began = self.clock.instant();
        if let Err(verdict) = self.hosts.ask(shown, began) {
            round.missed(*verdict);
            return false;
        }
        let mut missed = None;
        for address in addresses {
            let endpoint = Endpoint::Inet {
                host: address.to_string(),
                port,
            };
            match self
                .visit(
                    round,
                    (shown, Arc::clone(&demand)),
                    endpoint,
                    shown_address(address),
                )
                .await
            {
                Visited::Answered(verdict) => {
                    let now = self.clock.instant();
                    self.hosts.answered(shown, &verdict, now, self.clock.now());
                    missed = None;
                    if round.left.is_empty() {
                        break;
                    }
                }
                Visited::Missed(verdict) => missed = Some(verdict),
            }
        }
        let failed =
            |verdict: &Verdict| verdict.fate == Fate::Deferred && verdict.untried.is_none();
        match missed.filter(failed) {
            Some(verdict) => self.note_failure(round.errand.site, shown, &verdict, began),
            None => self.hosts.release(shown),
        }
        round.left.is_empty()
    }

    /// Nobody answered at any address of a host.
    fn note_failure(&self, site: &Site, host: &BStr, verdict: &Verdict, began: Instant) {
        let now = self.clock.instant();
        let visit = status::Visit {
            now,
            time: self.clock.now(),
            took: now.saturating_duration_since(began),
            rest_max: site.config.options.interval(Opt::TimeoutHoststatus),
        };
        self.hosts.failed(host, verdict, &visit);
    }

    /// Goes to one server with what is left.
    async fn visit(
        &self,
        round: &mut Round<'_>,
        (host, demand): (&BStr, Arc<Demand>),
        endpoint: Endpoint,
        address: String,
    ) -> Visited {
        let relay: BString = match address.as_str() {
            "" => host.into(),
            address => bstr::concat([host.as_bytes(), b" ", address.as_bytes()]).into(),
        };
        let place = Place {
            host,
            relay,
            demand,
        };
        match self.speak(round, &place, endpoint).await {
            Visit::Missed(verdict) => {
                round.missed(verdict.clone());
                Visited::Missed(verdict)
            }
            Visit::Spoken(verdicts) => {
                let last = verdicts.last().cloned().unwrap_or_else(|| lost(&place));
                round.spoken(verdicts);
                Visited::Answered(last)
            }
        }
    }

    async fn speak(&self, round: &Round<'_>, place: &Place<'_>, endpoint: Endpoint) -> Visit {
        let errand = round.errand;
        let key = Key {
            mailer: errand.mailer_id,
            site: Arc::as_ptr(errand.site) as usize,
            endpoint,
            demand: Arc::clone(&place.demand),
        };
        let options = &errand.site.config.options;
        let single = options.flag(Opt::SingleThreadDelivery);
        let keep = options.number(Opt::ConnectionCacheSize) > 0;
        let Some(lease) = self.pool.lease(&key, single).await else {
            return Visit::Missed(crowded(place));
        };
        let mut reused = lease.take_idle(errand.target.messages_max);
        loop {
            let is_reused = reused.is_some();
            let opened = match reused.take() {
                Some(connection) => Ok(connection),
                None => {
                    let now = self.clock.instant();
                    let Some(wait) = round.connect_wait(now) else {
                        let error = std::io::ErrorKind::TimedOut.into();
                        return Visit::Missed(connect_failed(&error, place));
                    };
                    self.open(errand, place, &key.endpoint, wait).await
                }
            };
            let mut connection = match opened {
                Ok(connection) => connection,
                Err(verdict) => return Visit::Missed(*verdict),
            };
            if let Some(verdict) = self.loops_back(errand, place, connection.client()) {
                connection.close(Duration::from_secs(1)).await;
                return Visit::Missed(verdict);
            }
            if errand.transaction.parameters.require_tls && !connection.may_require_tls() {
                self.pool.give_back(lease, connection, keep);
                return Visit::Missed(cannot_require_tls(place));
            }
            let macros = connection.macros.clone();
            let (left, kept_back) = self.admitted(round, place, macros).await;
            if left.is_empty() {
                self.pool.give_back(lease, connection, keep);
                return Visit::Spoken(kept_back.into_iter().flatten().collect());
            }
            let report = send(&mut connection, errand, &left).await;
            match report {
                // A server that ended an idle session has not seen the
                // message: it goes over a new connection.
                Some(report) if report.untouched && is_reused => continue,
                Some(report) => {
                    let mut sent = verdicts(&report, place, connection.client()).into_iter();
                    let verdicts = kept_back
                        .into_iter()
                        .map(|kept| kept.or_else(|| sent.next()))
                        .map(|verdict| verdict.unwrap_or_else(|| lost(place)))
                        .map(|verdict| Verdict {
                            secured: connection.secured(&place.demand),
                            ..verdict
                        })
                        .collect();
                    let worn = errand.target.messages_max > 0
                        && connection.messages >= errand.target.messages_max;
                    self.pool.give_back(lease, connection, keep && !worn);
                    return Visit::Spoken(verdicts);
                }
                None => return Visit::Missed(lost(place)),
            }
        }
    }

    /// Which of the recipients that are left may go over this connection, and
    /// a verdict for each that may not.
    async fn admitted(
        &self,
        round: &Round<'_>,
        place: &Place<'_>,
        macros: Option<Arc<MacroTable>>,
    ) -> (Vec<usize>, Vec<Option<Verdict>>) {
        let errand = round.errand;
        let (mut left, mut kept_back) = (Vec::new(), Vec::new());
        for at in &round.left {
            let address = &errand.transaction.recipients[*at].address;
            let kept = match &macros {
                Some(macros) => {
                    let kept = self.security.kept_back(errand, place, macros, address);
                    kept.await
                }
                None => None,
            };
            if kept.is_none() {
                left.push(*at);
            }
            kept_back.push(kept);
        }
        (left, kept_back)
    }

    async fn open(
        &self,
        errand: &Errand<'_>,
        place: &Place<'_>,
        endpoint: &Endpoint,
        wait: Duration,
    ) -> Result<Connection, Box<Verdict>> {
        for in_clear in [false, true] {
            let connecting = match source::source(errand.site, endpoint) {
                Some(source) => self.dial.connect_from(source, endpoint, wait),
                None => self.dial.connect(endpoint, wait),
            };
            let stream = connecting
                .await
                .map_err(|error| Box::new(connect_failed(&error, place)))?;
            let mut connection = Connection::open(stream, settings(errand))
                .await
                .map_err(|ending| Box::new(ended(&ending, place)))?;
            let secured = self
                .security
                .secure(errand, place, endpoint, &mut connection, in_clear)
                .await;
            match secured {
                Secured::Ready => return Ok(connection),
                Secured::Useless(verdict) => {
                    connection.close(Duration::from_secs(1)).await;
                    return Err(verdict);
                }
                Secured::TryInClear => {}
            }
        }
        Err(Box::new(lost(place)))
    }

    /// The server calls itself by our name: mail would go round in circles.
    fn loops_back(
        &self,
        errand: &Errand<'_>,
        place: &Place<'_>,
        client: &Client,
    ) -> Option<Verdict> {
        let own = errand.site.macros.text(b"j");
        let loops = client.peer_name().eq_ignore_ascii_case(&own)
            && !errand.target.flags.has(b'k')
            && !errand.target.flags.has(b'z');
        loops.then(|| {
            let text = bstr::concat([
                b"553 5.3.5 ".as_slice(),
                place.host,
                b" config error: mail loops back to me (MX problem?)",
            ]);
            let mut verdict = Verdict::failed(Enhanced::new(5, 3, 5), Sysexit::Config)
                .at(place.host, &place.relay)
                .saying(text);
            verdict.reply = Some("553 5.3.5 system config error".into());
            verdict
        })
    }
}

/// Which server is spoken to, as logs show it.
struct Place<'a> {
    host: &'a BStr,
    relay: BString,
    /// What its domain demands of the way there.
    demand: Arc<Demand>,
}

/// One message's way along the hosts.
struct Round<'a> {
    errand: &'a Errand<'a>,
    /// Recipients without a final verdict, by their place in the transaction.
    left: Vec<usize>,
    verdicts: Vec<Option<Verdict>>,
    hosts_left: usize,
    may_fall_back: bool,
    /// `Timeout.aconnect`: when the last connection must stand.
    connect_until: Option<Instant>,
}

impl<'a> Round<'a> {
    fn new(errand: &'a Errand<'a>, now: Instant) -> Self {
        let count = errand.transaction.recipients.len();
        let options = &errand.site.config.options;
        let all = options.interval(Opt::TimeoutAconnect);
        Self {
            errand,
            left: (0..count).collect(),
            verdicts: vec![None; count],
            hosts_left: HOSTS_MAX,
            may_fall_back: true,
            connect_until: (!all.is_zero()).then(|| now + all),
        }
    }

    /// How long the next connection may take; `None` when the time of all is
    /// over.
    fn connect_wait(&self, now: Instant) -> Option<Duration> {
        let wait = connect_timeout(self.errand);
        let Some(until) = self.connect_until else {
            return Some(wait);
        };
        let left = until.saturating_duration_since(now);
        (!left.is_zero()).then(|| wait.min(left))
    }

    /// A host that could not be asked. A deferral is worth more than a
    /// failure: another day this way may be open.
    fn missed(&mut self, verdict: Verdict) {
        for place in &self.left {
            let slot = &mut self.verdicts[*place];
            let known = slot.as_ref().map(|known| known.fate);
            if known != Some(Fate::Deferred) || verdict.fate == Fate::Deferred {
                *slot = Some(verdict.clone());
            }
        }
    }

    /// What a server said of those that were left.
    fn spoken(&mut self, verdicts: Vec<Verdict>) {
        let left = std::mem::take(&mut self.left);
        for (place, verdict) in left.into_iter().zip(verdicts) {
            if verdict.fate == Fate::Deferred {
                self.left.push(place);
            }
            self.verdicts[place] = Some(verdict);
        }
    }

    fn finish(self) -> Vec<Verdict> {
        let none = || Verdict::deferred(Enhanced::new(4, 4, 1), b"no host to try");
        self.verdicts
            .into_iter()
            .map(|verdict| verdict.unwrap_or_else(none))
            .collect()
    }
}

/// Sends what is left to a connected server.
async fn send(
    connection: &mut Connection,
    errand: &Errand<'_>,
    left: &[usize],
) -> Option<crate::smtp::client::Report> {
    let mut transaction = errand.transaction.clone();
    if left.len() < transaction.recipients.len() {
        transaction.recipients = left
            .iter()
            .map(|place| errand.transaction.recipients[*place].clone())
            .collect();
    }
    let offered = connection.client().offered();
    let plain = match offered.eight_bit_mime || offered.smtputf8 {
        true => None,
        false => (errand.seven_bit)(),
    };
    if plain.is_some() {
        transaction.parameters.body = None;
    }
    connection
        .send(transaction, plain.as_ref().unwrap_or(errand.content))
        .await
}

fn verdicts(
    report: &crate::smtp::client::Report,
    place: &Place<'_>,
    client: &Client,
) -> Vec<Verdict> {
    let passed_on_dsn = client.offered().dsn;
    let mut verdicts: Vec<Verdict> = report
        .outcomes
        .iter()
        .map(|outcome| {
            let mut verdict =
                Verdict::of_outcome(outcome, place.host, &place.relay, report.enhanced);
            verdict.passed_on_dsn = passed_on_dsn;
            verdict
        })
        .collect();
    let mut introduced = false;
    for exchange in &report.transcript {
        let mut lines: Vec<BString> = Vec::new();
        if !std::mem::replace(&mut introduced, true) {
            lines.push(talking_to(place.host));
        }
        if let Some(command) = &exchange.command {
            lines.push(bstr::concat([b">>> ".as_slice(), command]).into());
        }
        lines.extend(
            exchange
                .answer
                .lines()
                .iter()
                .map(|line| bstr::concat([b"<<< ".as_slice(), line]).into()),
        );
        // What is about everybody stands with the first it befell.
        let whose = exchange.recipient.or_else(|| {
            verdicts
                .iter()
                .position(|v| v.fate != Fate::Sent && !v.alone)
        });
        if let Some(verdict) = whose.and_then(|place| verdicts.get_mut(place)) {
            verdict.transcript.extend(lines);
        }
    }
    verdicts
}

fn talking_to(host: &BStr) -> BString {
    bstr::concat([b"... while talking to ".as_slice(), host, b":"]).into()
}

/// What a host without hosts amounts to.
fn no_hosts(why: &NoHosts, host: &BStr) -> Verdict {
    let named = |what: &str| {
        let parts: [&[u8]; 4] = [b"Name server: ", host, b": ", what.as_bytes()];
        bstr::concat(parts)
    };
    let verdict = match why {
        NoHosts::NullMx => {
            let mut verdict = Verdict::failed(Enhanced::new(5, 1, 10), Sysexit::Unavailable);
            // sendmail: what the log does not show as a reply, the report does.
            verdict.reply = Some("556 Host does not accept mail: MX 0 .".into());
            verdict
        }
        NoHosts::PointsBack(own) => {
            let parts: [&[u8]; 4] = [b"554 5.0.0 MX list for ", host, b" points back to ", own];
            Verdict::failed(Enhanced::new(5, 3, 5), Sysexit::Config).saying(bstr::concat(parts))
        }
        NoHosts::Unknown(error) => {
            let what = match error {
                ResolveError::NoData => "no data known",
                _ => "host not found",
            };
            let stat = bstr::concat([b"Host unknown (".as_slice(), &named(what), b")"]);
            Verdict::new(Fate::Failed, Enhanced::new(5, 1, 2), Sysexit::NoHost, stat)
        }
        NoHosts::Later => {
            Verdict::deferred(Enhanced::new(4, 4, 3), &named("host name lookup failure"))
        }
    };
    verdict.at(host, host)
}

/// What a domain demands of one of its hosts.
async fn demand(
    of_domain: &Option<OfDomain>,
    errand: &Errand<'_>,
    host: &Host,
    port: u16,
) -> Result<Demand, Forbidden> {
    match (of_domain, &host.find) {
        (Some(of_domain), Find::Name(name)) => of_domain.of_host(errand.resolver, name, port).await,
        _ => Ok(Demand::default()),
    }
}

/// What it means that a host may not be visited.
fn forbidden(why: Forbidden, host: &BStr) -> Verdict {
    let what = match why {
        Forbidden::NoTlsa => "TLSA lookup failed for ",
        Forbidden::NotNamed => "MTA-STS policy does not name ",
    };
    let text = bstr::concat([what.as_bytes(), host]);
    Verdict::deferred(Enhanced::new(4, 7, 5), &text).at(host, host)
}

/// A message that must go under TLS to the end, and a server that does not
/// promise it (RFC 8689, section 4.2.1).
fn cannot_require_tls(place: &Place<'_>) -> Verdict {
    let text = bstr::concat([
        b"550 5.7.30 REQUIRETLS not supported by ".as_slice(),
        place.host,
    ]);
    Verdict::failed(Enhanced::new(5, 7, 30), Sysexit::Unavailable)
        .saying(text)
        .at(place.host, &place.relay)
}

/// What a failed connection amounts to, in sendmail's words.
fn connect_failed(error: &std::io::Error, place: &Place<'_>) -> Verdict {
    use std::io::ErrorKind::{ConnectionRefused, ConnectionReset, TimedOut};
    let by = |what: &str| bstr::concat([what.as_bytes(), place.host]);
    let text = match error.kind() {
        ConnectionRefused => by("Connection refused by "),
        TimedOut => by("Connection timed out with "),
        ConnectionReset => by("Connection reset by "),
        _ => {
            let words = super::mailbox::words(error);
            bstr::concat([place.host.as_bytes(), b": ", words.as_bytes()])
        }
    };
    Verdict::deferred(Enhanced::new(4, 4, 1), &text).at(place.host, &place.relay)
}

/// A server that would not begin.
fn ended(ending: &Ending, place: &Place<'_>) -> Verdict {
    let mut verdict = Verdict::of_outcome(&ending.outcome, place.host, &place.relay, false);
    if let Some(exchange) = &ending.exchange {
        verdict.transcript.push(talking_to(place.host));
        if let Some(command) = &exchange.command {
            let line = bstr::concat([b">>> ".as_slice(), command]);
            verdict.transcript.push(line.into());
        }
        for line in exchange.answer.lines() {
            let line = bstr::concat([b"<<< ".as_slice(), line]);
            verdict.transcript.push(line.into());
        }
    }
    verdict
}

/// Too many messages wait for this server, and none gets its turn.
fn crowded(place: &Place<'_>) -> Verdict {
    let text = bstr::concat([b"too many messages wait for ".as_slice(), place.host]);
    let mut verdict = Verdict::deferred(Enhanced::new(4, 4, 5), &text).at(place.host, &place.relay);
    verdict.untried = Some(CROWDED_PAUSE);
    verdict
}

fn lost(place: &Place<'_>) -> Verdict {
    Verdict::deferred(Enhanced::new(4, 4, 2), b"").at(place.host, &place.relay)
}

/// Whether a name is one of this host's (class `w`).
fn is_own(site: &Site, name: &[u8]) -> bool {
    let name = name.strip_suffix(b".").unwrap_or(name);
    match site.program.class(b"w") {
        Some(class) => class.contains(name),
        // A configuration whose rules never ask for it.
        None => site.macros.text(b"j").eq_ignore_ascii_case(name),
    }
}

/// How long a connection may take: `Timeout.iconnect` for a message that is
/// tried for the first time, else `Timeout.connect`.
fn connect_timeout(errand: &Errand<'_>) -> Duration {
    let options = &errand.site.config.options;
    let set = |option| {
        let time = options.interval_or_unset(option);
        time.filter(|time| !time.is_zero())
    };
    let first = set(Opt::TimeoutIconnect).filter(|_| errand.is_first);
    let wait = first.or_else(|| set(Opt::TimeoutConnect));
    wait.map_or(CONNECT_MAX, |time| time.min(CONNECT_MAX))
}

fn settings(errand: &Errand<'_>) -> Settings {
    let flags = errand.target.flags;
    let protocol = match () {
        () if flags.has(b'z') => Protocol::Lmtp,
        () if flags.has(b'2') => Protocol::Plain,
        () if flags.has(b'a') => Protocol::Extended,
        () => Protocol::Automatic,
    };
    let options = &errand.site.config.options;
    let hello = match protocol {
        Protocol::Lmtp => Opt::TimeoutLhlo,
        _ => Opt::TimeoutHelo,
    };
    Settings {
        protocol,
        name: errand.site.macros.text(b"j"),
        pipelining: true,
        timeouts: Timeouts {
            initial: options.interval(Opt::TimeoutInitial),
            helo: options.interval(hello),
            mail: options.interval(Opt::TimeoutMail),
            rcpt: options.interval(Opt::TimeoutRcpt),
            datainit: options.interval(Opt::TimeoutDatainit),
            datablock: options.interval(Opt::TimeoutDatablock),
            datafinal: options.interval(Opt::TimeoutDatafinal),
            rset: options.interval(Opt::TimeoutRset),
            quit: options.interval(Opt::TimeoutQuit),
        },
    }
}
