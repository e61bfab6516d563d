//! A new connection made as secure as it can be, and as the site demands:
//! STARTTLS, what the rules think of it, AUTH.
//!
//! The order is the reference's: `try_tls`, `tls_clt_features`, the
//! handshake, EHLO again, `tls_server`, `authinfo` and AUTH; `tls_rcpt` for
//! each recipient of each message.

use std::io::Read;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bstr::{BString, ByteSlice};

use super::connection::Connection;
use super::policy::Kind;
use super::{Errand, Place, Verdict, ended};
use crate::base::maillog::{Event, Priority, Ruleset, RulesetVerdict, Subject};
use crate::base::{Enhanced, Reply, Sysexit};
use crate::cf::Opt;
use crate::rewrite::MacroTable;
use crate::route::{self, tls};
use crate::sasl::{self, AuthInfo, Bindings, Mechanism};
use crate::smtp::client::Answer;
use crate::world::{
    Endpoint, Entropy, Files, Https, Log, TlsClient, TlsFacts, TlsFeatures, Wanted,
};

/// Mechanisms that are tried with one server.
const MECHANISMS_MAX: usize = 4;
/// The largest DefaultAuthInfo that is read.
const FILE_BYTES_MAX: u64 = 16 << 10;
/// Answers 334 in one exchange.
const CHALLENGES_MAX: usize = 8;

/// What connections to servers are secured with.
#[derive(Clone)]
pub struct Security {
    /// Our side of TLS; without it connections stay in the clear.
    pub tls: Option<Arc<dyn TlsClient>>,
    /// The site's files: DefaultAuthInfo.
    pub files: Arc<dyn Files>,
    /// Web servers, where domains keep policies.
    pub https: Option<Arc<dyn Https>>,
    /// Bytes that nobody can guess, for nonces; without them there is no
    /// AUTH.
    pub entropy: Option<Arc<dyn Entropy>>,
    /// The mail log.
    pub log: Arc<dyn Log>,
}

/// What became of securing a connection.
pub(super) enum Secured {
    /// It can be used.
    Ready,
    /// It is of no use; what that means to everybody.
    Useless(Box<Verdict>),
    /// The handshake failed, and the site allows the message to go in the
    /// clear over another connection.
    TryInClear,
}

impl Security {
    /// Secures a connection that was just greeted. `in_clear` says that a
    /// handshake has failed before and is not tried again.
    pub(super) async fn secure(
        &self,
        errand: &Errand<'_>,
        place: &Place<'_>,
        endpoint: &Endpoint,
        connection: &mut Connection,
        in_clear: bool,
    ) -> Secured {
        let mut macros = errand.site.layer();
        let address = match endpoint {
            Endpoint::Inet { host, .. } => host.as_bytes().as_bstr(),
            Endpoint::Local(path) => path.as_bstr(),
        };
        macros.set(b"server_name", place.host);
        macros.set(b"server_addr", address);
        macros.set(b"verify", if in_clear { "CLEAR" } else { "NONE" });
        let offers = connection.client().offered().starttls;
        let mut failed = false;
        let features = match offers && !in_clear && self.tls.is_some() {
            true => features(errand, place, &mut macros).await,
            false => TlsFeatures::default(),
        };
        if offers
            && !in_clear
            && let Some(tls) = &self.tls
            && (place.demand.is_binding() || self.may_try(errand, place, &mut macros).await)
        {
            match self.start_tls(&**tls, (place, &features), connection).await {
                Ok(Some(facts)) => tls::set_macros(&mut macros, &facts),
                // The server would not, after all: as if it had not offered.
                Ok(None) => {}
                Err(Some(verdict)) => return Secured::Useless(verdict),
                Err(None) => {
                    macros.set(b"verify", "SOFTWARE");
                    failed = true;
                }
            }
        }
        if let Some(verdict) = self.lacks(place, connection, failed) {
            return Secured::Useless(Box::new(verdict));
        }
        if failed && falls_back(errand, &features) {
            return Secured::TryInClear;
        }
        let verify = macros.text(b"verify");
        if let Some(reply) = self
            .asks(errand, place, "tls_server", &[&verify], &mut macros)
            .await
        {
            return Secured::Useless(Box::new(refused(&reply, place)));
        }
        if failed {
            // No rule objects, but this connection is broken.
            return Secured::TryInClear;
        }
        let secured = self
            .authenticate(errand, place, connection, &mut macros)
            .await;
        connection.macros = Some(Arc::new(macros));
        secured
    }

    /// Whether the connection is less than the domain demands; the message
    /// waits then, or the log says that it would.
    fn lacks(&self, place: &Place<'_>, connection: &Connection, failed: bool) -> Option<Verdict> {
        let demand = &place.demand;
        let met = match failed {
            true => Err("validation-failure"),
            false => demand.met_by(connection.facts()),
        };
        if demand.kind == Kind::Nothing {
            return None;
        }
        let result = met.err().unwrap_or("ok");
        let line = bstr::concat([
            b"STARTTLS=client, relay=".as_slice(),
            place.host,
            format!(
                ", domain={}, policy={}, result={result}",
                demand.domain,
                demand.name()
            )
            .as_bytes(),
        ]);
        let (priority, level) = match met {
            Ok(()) => (Priority::Info, 9),
            Err(_) => (Priority::Warning, 4),
        };
        self.say(priority, level, &line);
        let why = met.err().filter(|_| demand.is_binding())?;
        let text = format!("TLS policy of {} not met: {why}", demand.domain);
        let verdict = Verdict::deferred(Enhanced::new(4, 7, 5), text.as_bytes());
        Some(verdict.at(place.host, &place.relay))
    }

    /// Which recipients the rules keep from this connection (`tls_rcpt`).
    pub(super) async fn kept_back(
        &self,
        errand: &Errand<'_>,
        place: &Place<'_>,
        macros: &Arc<MacroTable>,
        recipient: &[u8],
    ) -> Option<Verdict> {
        let mut macros = MacroTable::over(Arc::clone(macros));
        let reply = self
            .asks(errand, place, "tls_rcpt", &[recipient], &mut macros)
            .await?;
        Some(refused(&reply, place))
    }

    /// Whether STARTTLS is to be tried: `try_tls`, ClientPortOptions.
    async fn may_try(
        &self,
        errand: &Errand<'_>,
        place: &Place<'_>,
        macros: &mut MacroTable,
    ) -> bool {
        let options = errand.site.config.options.all(Opt::ClientPortOptions);
        let is_forbidden = options.iter().any(|value| forbids_tls(&value.text));
        if is_forbidden {
            return false;
        }
        let arguments: [&[u8]; 1] = [place.host];
        let refusal = self.asks(errand, place, "try_tls", &arguments, macros);
        refusal.await.is_none()
    }

    /// The handshake; `Ok(None)` when the server refuses to begin it,
    /// `Err(None)` when it fails.
    async fn start_tls(
        &self,
        tls: &dyn TlsClient,
        (place, features): (&Place<'_>, &TlsFeatures),
        connection: &mut Connection,
    ) -> Result<Option<Arc<TlsFacts>>, Option<Box<Verdict>>> {
        match connection.ask(b"STARTTLS").await {
            Some(answer) if answer.code() == 220 => {}
            Some(_) => return Ok(None),
            None => return Err(Some(gone(connection, place))),
        }
        let name = place.host.to_str_lossy();
        let wanted = Wanted {
            features: Some(features),
            name: &name,
            domain: &place.demand.domain,
            tlsa: place.demand.tlsa(),
        };
        match connection.handshake(tls, wanted).await {
            Ok(facts) => {
                for (level, line) in tls::log_lines("client", place.host, &facts) {
                    self.say(Priority::Info, level, &line);
                }
                if !connection.is_usable() {
                    return Err(Some(gone(connection, place)));
                }
                Ok(Some(facts))
            }
            Err(fault) => {
                let line = format!(
                    "STARTTLS=client, error: connect failed=-1, reason={}, SSL_error=1, errno=0, \
                     retry=-1, relay={}",
                    fault.reason, place.host
                );
                self.say(Priority::Warning, 6, line.as_bytes());
                Err(None)
            }
        }
    }

    /// Asks a ruleset, and logs its refusal.
    async fn asks(
        &self,
        errand: &Errand<'_>,
        place: &Place<'_>,
        ruleset: &'static str,
        arguments: &[&[u8]],
        macros: &mut MacroTable,
    ) -> Option<Reply> {
        let route::Verdict::Reject(reply) = errand.site.check(ruleset, arguments, macros).await
        else {
            return None;
        };
        let event = Event::Ruleset(Ruleset {
            name: ruleset,
            arg1: arguments.first().copied().unwrap_or_default(),
            arg2: None,
            relay: Some(place.host),
            verdict: RulesetVerdict::Reject(&reply.to_line()),
        });
        self.log.event(Subject::Daemon, &event);
        Some(reply)
    }

    /// AUTH with what the site knows of its account there. A server that does
    /// not believe us may still take the message.
    async fn authenticate(
        &self,
        errand: &Errand<'_>,
        place: &Place<'_>,
        connection: &mut Connection,
        macros: &mut MacroTable,
    ) -> Secured {
        let offered = connection.client().offered().auth.clone();
        let Some(entropy) = self.entropy.as_ref().filter(|_| !offered.is_empty()) else {
            return Secured::Ready;
        };
        let Some(info) = self.account(errand, place, macros).await else {
            return Secured::Ready;
        };
        let options = &errand.site.config.options;
        let ours = Mechanism::list(&bstr::join(" ", options.words(Opt::AuthMechanisms)));
        let bindings = connection.bindings();
        let is_secure = connection.is_secure();
        let hides = options
            .words(Opt::AuthOptions)
            .iter()
            .any(|w| w.contains(&b'p'));
        let mut tried: Vec<Mechanism> = Vec::new();
        while tried.len() < MECHANISMS_MAX {
            let choice = info.choose(&ours, &offered, |mechanism| {
                let binds = !mechanism.is_bound() || !bindings.is_empty();
                let is_hidden = !mechanism.is_plaintext() || is_secure || !hides;
                binds && is_hidden && !tried.contains(&mechanism)
            });
            let Some(mechanism) = choice else { break };
            tried.push(mechanism);
            let nonce: Vec<u8> = (0..3)
                .flat_map(|_| entropy.random().to_le_bytes())
                .collect();
            let bound = if mechanism.is_bound() {
                bindings.clone()
            } else {
                Bindings::none()
            };
            let host = (place.host.as_bytes(), 25);
            let exchange = sasl::Client::new(mechanism, info.clone(), host, &nonce, bound);
            match exchanged(connection, exchange).await {
                Exchanged::Believed => {
                    let line = bstr::concat([
                        b"AUTH=client, relay=".as_slice(),
                        place.host,
                        format!(", mech={}, bits=0", mechanism.name()).as_bytes(),
                    ]);
                    self.say(Priority::Info, 9, &line);
                    macros.set(b"auth_type", mechanism.name());
                    macros.set(b"auth_ssf", "0");
                    return Secured::Ready;
                }
                Exchanged::Refused(why) => {
                    let line = bstr::concat([
                        b"AUTH=client, relay=".as_slice(),
                        place.host,
                        format!(", mech={}, failed: ", mechanism.name()).as_bytes(),
                        &why,
                    ]);
                    self.say(Priority::Warning, 6, &line);
                }
                Exchanged::Later(answer) => {
                    let text = bstr::join(" ", answer.lines());
                    let verdict = Verdict::deferred(Enhanced::new(4, 7, 0), &text);
                    return Secured::Useless(Box::new(verdict.at(place.host, &place.relay)));
                }
                Exchanged::Gone => return Secured::Useless(gone(connection, place)),
            }
        }
        Secured::Ready
    }

    /// The site's account on a server, by ruleset `authinfo`.
    async fn account(
        &self,
        errand: &Errand<'_>,
        place: &Place<'_>,
        macros: &mut MacroTable,
    ) -> Option<AuthInfo> {
        let address = macros.text(b"server_addr");
        let arguments: [&[u8]; 2] = [place.host, &address];
        let found = errand.site.check("authinfo", &arguments, macros).await;
        let route::Verdict::Other { mailer, .. } = found else {
            return self.default_account(errand).await;
        };
        match AuthInfo::parse(mailer.as_bstr()) {
            Ok(info) => Some(info),
            Err(fault) => {
                let line = format!("AUTH=client, relay={}, error: {fault}", place.host);
                self.say(Priority::Error, 1, line.as_bytes());
                None
            }
        }
    }

    /// The account that holds where none is said: option DefaultAuthInfo.
    async fn default_account(&self, errand: &Errand<'_>) -> Option<AuthInfo> {
        let path = errand.site.config.options.text(Opt::DefaultAuthInfo);
        if path.is_empty() {
            return None;
        }
        let (files, path) = (Arc::clone(&self.files), path.to_path_lossy().into_owned());
        let read = move || -> std::io::Result<Vec<u8>> {
            let mut text = Vec::new();
            files
                .open(&path)?
                .take(FILE_BYTES_MAX)
                .read_to_end(&mut text)?;
            Ok(text)
        };
        let text = match tokio::task::spawn_blocking(read).await {
            Ok(Ok(text)) => text,
            Ok(Err(error)) => {
                let line = format!("AUTH=client, DefaultAuthInfo, error: {error}");
                self.say(Priority::Error, 1, line.as_bytes());
                return None;
            }
            Err(_) => return None,
        };
        AuthInfo::parse_file(&text)
    }

    fn say(&self, priority: Priority, level: u8, line: &[u8]) {
        let event = Event::Other(priority, level, line);
        self.log.event(Subject::Daemon, &event);
    }
}

/// How an exchange ended.
enum Exchanged {
    Believed,
    Refused(BString),
    Later(Answer),
    Gone,
}

async fn exchanged(connection: &mut Connection, mut exchange: sasl::Client) -> Exchanged {
    let mut line = format!("AUTH {}", exchange.mechanism().name());
    if let Some(initial) = exchange.initial() {
        let text = STANDARD.encode(&initial);
        line.push(' ');
        line.push_str(if initial.is_empty() { "=" } else { &text });
    }
    for _ in 0..CHALLENGES_MAX {
        let Some(answer) = connection.ask(line.as_bytes()).await else {
            return Exchanged::Gone;
        };
        match answer.code() {
            235 if exchange.may_succeed() => return Exchanged::Believed,
            235 => return Exchanged::Refused("the server has not proved itself".into()),
            334 => {
                let challenge = STANDARD.decode(answer.text().trim());
                let response = challenge
                    .map_err(|_| sasl::client::ClientFault::Nonsense)
                    .and_then(|challenge| exchange.respond(&challenge));
                match response {
                    Ok(response) => line = STANDARD.encode(response),
                    Err(fault) => {
                        // RFC 4954: an exchange is cancelled with a star.
                        return match connection.ask(b"*").await {
                            Some(_) => Exchanged::Refused(fault.to_string().into()),
                            None => Exchanged::Gone,
                        };
                    }
                }
            }
            _ if answer.is_temporary() => return Exchanged::Later(answer),
            _ => return Exchanged::Refused(bstr::join(" ", answer.lines()).into()),
        }
    }
    Exchanged::Refused("too many challenges".into())
}

/// What it means that the rules refuse a connection or a recipient.
fn refused(reply: &Reply, place: &Place<'_>) -> Verdict {
    let status = reply.enhanced();
    let verdict = if reply.is_temporary() {
        let status = status.unwrap_or(Enhanced::new(4, 7, 0));
        Verdict::deferred(status, &reply.to_line())
    } else {
        let status = status.unwrap_or(Enhanced::new(5, 7, 0));
        Verdict::failed(status, Sysexit::Unavailable).saying(reply.to_line())
    };
    verdict.at(place.host, &place.relay)
}

fn gone(connection: &Connection, place: &Place<'_>) -> Box<Verdict> {
    Box::new(match connection.client().ending() {
        Some(ending) => ended(ending, place),
        None => super::lost(place),
    })
}

/// Whether `ClientPortOptions` has modifier `S`.
fn forbids_tls(text: &[u8]) -> bool {
    text.split(|byte| *byte == b',').any(|part| {
        let (key, value) = part.split_once_str("=").unwrap_or((part, b""));
        key.trim().first() == Some(&b'M') && value.contains(&b'S')
    })
}

/// What `tls_clt_features` says of a server.
async fn features(errand: &Errand<'_>, place: &Place<'_>, macros: &mut MacroTable) -> TlsFeatures {
    let address = macros.text(b"server_addr");
    let arguments: [&[u8]; 2] = [place.host, &address];
    let text = errand.site.value("tls_clt_features", &arguments, macros);
    tls::features(&text.await)
}

/// TLSFallbacktoClear, and what `tls_clt_features` says of this server.
fn falls_back(errand: &Errand<'_>, features: &TlsFeatures) -> bool {
    let default = errand.site.config.options.flag(Opt::TlsFallbackToClear);
    match &features.flags {
        letters if letters.contains(&b'c') => false,
        letters => default || letters.contains(&b'C'),
    }
}
