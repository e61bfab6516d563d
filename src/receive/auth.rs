//! AUTH in a session: what is offered, who is asked, what the log says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bstr::{BStr, BString};

use super::session::Session;
use super::transaction::Transaction;
use crate::base::Reply;
use crate::base::maillog::{Event, Priority, Ruleset, RulesetVerdict, Subject};
use crate::cf::{Config, Opt};
use crate::route::Verdict;
use crate::sasl::server::{Context, Failure, FailureKind, Identity};
use crate::sasl::{self, Bindings, Mechanism, Secret};
use crate::smtp::server::Features;
use crate::world::{BoxFuture, Entropy, TlsFacts, TlsServer};

/// A refused login is answered after a multiple of this, so that the time
/// says nothing of the reason.
const FAILURE_TIME: Duration = Duration::from_secs(1);

/// The user databases that logins are checked against.
pub trait Authenticator: Send + Sync {
    /// Whether a mechanism can be served.
    fn can(&self, mechanism: Mechanism) -> bool;
    /// An exchange with a client. Each answer must be bounded in time.
    fn exchange(&self, mechanism: Mechanism, context: Context) -> Box<dyn Exchange>;
}

/// The server's half of one exchange, which may be spoken by another process.
pub trait Exchange: Send + Sync {
    /// The mechanism.
    fn mechanism(&self) -> Mechanism;
    /// Begins, with the client's initial response if it gave one.
    fn begin(&mut self, initial: Option<Secret>) -> BoxFuture<'_, Said>;
    /// Takes the client's next message.
    fn step(&mut self, message: Secret) -> BoxFuture<'_, Said>;
}

/// What there is to tell the client.
#[derive(Debug)]
pub enum Said {
    /// Send this, and wait for its next message.
    Challenge(Vec<u8>),
    /// It is who it says.
    Success(Identity),
    /// It is not, or nobody can say.
    Failure(Failure),
}

/// EXTERNAL needs no user database.
struct Certified(sasl::Server);

impl Certified {
    fn said(&mut self, reply: sasl::Reply) -> Said {
        match reply {
            sasl::Reply::Challenge(text) => Said::Challenge(text),
            sasl::Reply::Success(identity) => Said::Success(identity),
            sasl::Reply::Failure(failure) => Said::Failure(failure),
            sasl::Reply::Ask(_) => Said::Failure(Failure {
                kind: FailureKind::Unavailable,
                detail: "no user database".to_owned(),
                user: BString::default(),
            }),
        }
    }
}

impl Exchange for Certified {
    fn mechanism(&self) -> Mechanism {
        self.0.mechanism()
    }

    fn begin(&mut self, initial: Option<Secret>) -> BoxFuture<'_, Said> {
        let reply = self.0.begin(initial.as_deref());
        let said = self.said(reply);
        Box::pin(async { said })
    }

    fn step(&mut self, message: Secret) -> BoxFuture<'_, Said> {
        let reply = self.0.step(&message);
        let said = self.said(reply);
        Box::pin(async { said })
    }
}

/// What listeners have to be secure with.
#[derive(Clone, Default)]
pub struct Security {
    /// The user databases; without them AUTH is offered to certificates only.
    pub authenticator: Option<Arc<dyn Authenticator>>,
    /// Certificates; without them there is no STARTTLS.
    pub tls: Option<Arc<dyn TlsServer>>,
    /// Chance; without it there is no AUTH.
    pub entropy: Option<Arc<dyn Entropy>>,
}

/// How AUTH is offered at a site.
pub(super) struct Auth {
    authenticator: Option<Arc<dyn Authenticator>>,
    entropy: Arc<dyn Entropy>,
    /// AuthMechanisms, in its order.
    mechanisms: Vec<Mechanism>,
    /// AuthOptions, its letters.
    options: BString,
    /// The realm of users who name none.
    realm: BString,
    /// What unknown users' salts are made of.
    secret: Secret,
}

impl Auth {
    pub(super) fn new(config: &Config, host: &BStr, security: &Security) -> Option<Self> {
        let entropy = security.entropy.clone()?;
        if security.authenticator.is_none() && security.tls.is_none() {
            return None;
        }
        let options = &config.options;
        let words = options.words(Opt::AuthMechanisms);
        let realm = options.text(Opt::AuthRealm);
        Some(Self {
            authenticator: security.authenticator.clone(),
            mechanisms: Mechanism::list(&bstr::join(" ", words)),
            options: bstr::concat(options.words(Opt::AuthOptions)).into(),
            realm: if realm.is_empty() { host } else { realm }.into(),
            secret: random(&*entropy, 32).into(),
            entropy,
        })
    }

    /// The mechanisms that are offered in a session like this, divided by
    /// blanks.
    fn offered(&self, features: Features, tls: Option<&TlsFacts>) -> BString {
        if !features.has(Features::AUTH) {
            return BString::default();
        }
        let listed = self
            .mechanisms
            .iter()
            .flat_map(|mechanism| match mechanism {
                // Whoever offers SCRAM offers it tied to TLS, where that can be.
                Mechanism::ScramSha256 => vec![Mechanism::ScramSha256Plus, *mechanism],
                Mechanism::ScramSha1 => vec![Mechanism::ScramSha1Plus, *mechanism],
                Mechanism::ScramSha256Plus | Mechanism::ScramSha1Plus => vec![],
                _ => vec![*mechanism],
            });
        let names: Vec<&str> = listed
            .filter(|mechanism| self.may(*mechanism, features, tls))
            .map(Mechanism::name)
            .collect();
        names.join(" ").into()
    }

    fn may(&self, mechanism: Mechanism, features: Features, tls: Option<&TlsFacts>) -> bool {
        if mechanism == Mechanism::External {
            return tls.is_some_and(|tls| external(tls).is_some());
        }
        let has = |letter: u8| self.options.contains(&letter);
        let is_scram = mechanism.scram_hash().is_some();
        let hides = !mechanism.is_plaintext();
        let hidden_or_tls = hides || tls.is_some();
        let proves_itself = is_scram || mechanism == Mechanism::DigestMd5;
        let can = |auth: &Arc<dyn Authenticator>| auth.can(mechanism);
        self.authenticator.as_ref().is_some_and(can)
            && (!mechanism.is_bound() || tls.is_some_and(|tls| tls.exporter.is_some()))
            && (!has(b'p') && !features.has(Features::NO_PLAINTEXT) || hidden_or_tls)
            // Active attacks, dictionary attacks, forward secrecy, passing
            // credentials, mutual authentication: as the SASL library has it.
            && (!has(b'a') || is_scram || tls.is_some())
            && (!has(b'd') || tls.is_some())
            && (!has(b'f') || tls.is_some())
            && (!has(b'c') || !hides)
            && (!has(b'm') || proves_itself)
    }

    fn context(&self, session: &Session) -> Context {
        let now = session.service.clock.now();
        let since = now.duration_since(std::time::UNIX_EPOCH);
        let tls = session.tls.as_deref();
        Context {
            host: session.service.smtp.host.clone(),
            realm: self.realm.clone(),
            nonce: random(&*self.entropy, 24),
            now: since.map_or(0, |since| since.as_secs()),
            secret: self.secret.clone(),
            bindings: tls.map(bindings).unwrap_or_default(),
            offers_plus: tls.is_some_and(|tls| tls.exporter.is_some()),
            external: tls.and_then(external),
        }
    }
}

/// Who a client is by its certificate.
fn external(tls: &TlsFacts) -> Option<BString> {
    let certificate = tls.certificate.as_ref()?;
    (tls.verify.is_trusted() && !certificate.subject.is_empty())
        .then(|| certificate.subject.clone())
}

/// An identity as rules can bear it: what means something to them is written
/// `+HH`.
fn bearable(identity: &[u8]) -> BString {
    let mut out = Vec::with_capacity(identity.len());
    for byte in identity {
        if byte.is_ascii_graphic() && !b"+<>()\"\\".contains(byte) {
            out.push(*byte);
        } else {
            out.extend_from_slice(format!("+{byte:02X}").as_bytes());
        }
    }
    out.into()
}

fn bindings(tls: &TlsFacts) -> Bindings {
    let mut bindings = Bindings::none();
    if let Some(data) = &tls.exporter {
        bindings = bindings.with("tls-exporter", data.clone());
    }
    if let Some(data) = &tls.end_point {
        bindings = bindings.with("tls-server-end-point", data.clone());
    }
    bindings
}

fn random(entropy: &dyn Entropy, bytes: usize) -> Vec<u8> {
    let words = bytes.div_ceil(8);
    let mut out: Vec<u8> = (0..words)
        .flat_map(|_| entropy.random().to_le_bytes())
        .collect();
    out.truncate(bytes);
    out
}

impl Session {
    /// The mechanisms that are offered now.
    pub(super) fn mechanisms(&self, features: Features) -> BString {
        let auth = self.service.auth.as_ref();
        auth.map(|auth| auth.offered(features, self.tls.as_deref()))
            .unwrap_or_default()
    }

    /// AUTH with a mechanism that was offered.
    pub(super) async fn auth(&mut self, mechanism: &[u8], initial: Option<Vec<u8>>) -> Reply {
        let mechanism = Mechanism::parse(mechanism);
        let (Some(auth), Some(mechanism)) = (&self.service.auth, mechanism) else {
            return Reply::with(503, (5, 3, 3), "AUTH not available");
        };
        let context = auth.context(self);
        let mut exchange: Box<dyn Exchange> = match &auth.authenticator {
            Some(authenticator) if mechanism != Mechanism::External => {
                authenticator.exchange(mechanism, context)
            }
            _ => Box::new(Certified(sasl::Server::new(mechanism, context))),
        };
        let began = Instant::now();
        let said = exchange.begin(initial.map(Secret::from)).await;
        self.auth_goes_on(exchange, said, began).await
    }

    /// The next message of the exchange.
    pub(super) async fn auth_message(&mut self, message: &[u8]) -> Reply {
        let Some(mut exchange) = self.exchange.take() else {
            return Reply::with(503, (5, 3, 3), "AUTH not available");
        };
        let began = Instant::now();
        let said = exchange.step(message.into()).await;
        self.auth_goes_on(exchange, said, began).await
    }

    /// Tells the client what the exchange has come to.
    async fn auth_goes_on(
        &mut self,
        exchange: Box<dyn Exchange>,
        said: Said,
        began: Instant,
    ) -> Reply {
        let mechanism = exchange.mechanism();
        match said {
            Said::Challenge(challenge) => {
                self.exchange = Some(exchange);
                Reply::new(334, None, STANDARD.encode(challenge))
            }
            Said::Success(identity) => self.believed(mechanism, &identity),
            Said::Failure(failure) => {
                self.note_failure(mechanism, &failure);
                let spent = began.elapsed();
                let whole = spent.as_secs() + 1;
                let until = FAILURE_TIME * u32::try_from(whole).unwrap_or(u32::MAX);
                tokio::time::sleep(until.saturating_sub(spent)).await;
                match failure.kind {
                    // departs: the reference says 535 here, too, and the
                    // client asks its user for another password.
                    FailureKind::Unavailable => {
                        Reply::with(454, (4, 7, 0), "Temporary authentication failure")
                    }
                    _ => Reply::with(535, (5, 7, 0), "authentication failed"),
                }
            }
        }
    }

    fn believed(&mut self, mechanism: Mechanism, identity: &Identity) -> Reply {
        let user = bearable(&identity.user);
        let line = bstr::concat([
            b"AUTH=server, relay=".as_slice(),
            &self.client.shown,
            b", authid=",
            &user[..user.len().min(128)],
            format!(", mech={}, bits=0", mechanism.name()).as_bytes(),
        ]);
        let event = Event::Other(Priority::Info, 9, &line);
        self.service.note(Subject::Daemon, &event);
        let protocol = if self.tls.is_some() {
            "ESMTPSA"
        } else {
            "ESMTPA"
        };
        let macros = Arc::make_mut(&mut self.macros);
        macros.set(b"auth_type", mechanism.name());
        macros.set(b"auth_authen", user);
        macros.set(b"auth_ssf", "0");
        macros.set(b"r", protocol);
        Reply::with(235, (2, 0, 0), "OK Authenticated")
    }

    fn note_failure(&mut self, mechanism: Mechanism, failure: &Failure) {
        let (words, number) = failure.kind.words();
        // sendmail: an unknown user is -20 outside and -13 inside.
        let inner = if failure.kind == FailureKind::NoUser {
            -13
        } else {
            number
        };
        let user = &failure.user[..failure.user.len().min(128)];
        let line = bstr::concat([
            format!(
                "AUTH failure ({}): {words} ({number}) SASL({inner}): {words}: {}, user=",
                mechanism.name(),
                failure.detail
            )
            .as_bytes(),
            user,
            b", relay=",
            &self.client.shown,
        ]);
        let subject = self.subject();
        let event = Event::Other(Priority::Warning, 9, &line);
        self.service.note(subject, &event);
    }

    /// `AUTH=` of MAIL: believed when `trust_auth` has nothing against it
    /// (RFC 4954, section 5).
    pub(super) async fn author(&mut self, transaction: &mut Transaction, given: &BStr) {
        transaction.macros.set(b"auth_author", given);
        transaction.envelope.auth = Some("<>".into());
        if given == "<>" {
            return;
        }
        let site = Arc::clone(&self.service.site);
        let verdict = site
            .check("trust_auth", &[given], &mut transaction.macros)
            .await;
        match verdict {
            Verdict::Reject(reply) => {
                let shown = super::questions::about(&transaction.given, &reply).to_line();
                let event = Event::Ruleset(Ruleset {
                    name: "trust_auth",
                    arg1: given,
                    arg2: None,
                    relay: Some(&self.client.shown),
                    verdict: RulesetVerdict::Reject(&shown),
                });
                self.service.note(Subject::Daemon, &event);
            }
            Verdict::Discard | Verdict::Quarantine(_) => {}
            Verdict::Accept | Verdict::Other { .. } => {
                transaction.envelope.auth = Some(given.into());
            }
        }
    }

    /// The protocol's name for Received fields and logs (`$r`).
    pub(super) fn protocol(&self, extended: bool, is_authenticated: bool) -> &'static str {
        match (extended, self.tls.is_some(), is_authenticated) {
            (false, _, _) => "SMTP",
            (true, false, false) => "ESMTP",
            (true, true, false) => "ESMTPS",
            (true, false, true) => "ESMTPA",
            (true, true, true) => "ESMTPSA",
        }
    }
}
