//! What a domain demands of the way its mail takes: TLSA records of its hosts
//! (DANE, RFC 7672), or a policy on its web server (MTA-STS, RFC 8461).
//!
//! TLSA records count before a policy. Policies are kept for as long as they
//! say, over a restart, too, when there is a store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bstr::ByteSlice;

use crate::smtp::sts::{self, Mode};
use crate::world::{
    Https, RecordKind, ResolveError, Resolver, StateStore, TlsFacts, Tlsa, Verify, VouchedKind,
};

/// The table of policies in the store.
const TABLE: &str = "sts";
/// Whether a domain has another policy now is asked after this.
const ASK_AGAIN: Duration = Duration::from_secs(300);
/// Domains that are remembered.
const DOMAINS_MAX: usize = 20_000;

/// What the connection to a host must be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Demand {
    /// The domain whose mail it is.
    pub(super) domain: String,
    pub(super) kind: Kind,
}

/// Who demands what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Nobody anything.
    #[default]
    Nothing,
    /// The server's certificate is one of these.
    Dane(Vec<Tlsa>),
    /// TLS; the records name no certificate that can be compared.
    DaneUnusable,
    /// A certificate for the host's name by a trusted authority.
    Sts {
        /// Else the message waits; without it, it is only noted.
        enforced: bool,
    },
}

impl Demand {
    /// The TLSA records to be compared.
    pub(super) fn tlsa(&self) -> &[Tlsa] {
        match &self.kind {
            Kind::Dane(records) => records,
            _ => &[],
        }
    }

    /// Whether the message waits when it is not met.
    pub(super) fn is_binding(&self) -> bool {
        match self.kind {
            Kind::Nothing => false,
            Kind::Sts { enforced } => enforced,
            Kind::Dane(_) | Kind::DaneUnusable => true,
        }
    }

    /// Its name in logs.
    pub(super) fn name(&self) -> &'static str {
        match self.kind {
            Kind::Nothing => "none",
            Kind::Dane(_) | Kind::DaneUnusable => "dane",
            Kind::Sts { enforced: true } => "sts",
            Kind::Sts { enforced: false } => "sts-testing",
        }
    }

    /// Whether TLS of this kind meets it.
    ///
    /// # Errors
    /// What is wrong, in the words of RFC 8460, section 4.3.
    pub(super) fn met_by(&self, facts: Option<&TlsFacts>) -> Result<(), &'static str> {
        let facts = match (&self.kind, facts) {
            (Kind::Nothing, _) => return Ok(()),
            (_, None) => return Err("starttls-not-supported"),
            (Kind::DaneUnusable, Some(_)) => return Ok(()),
            (_, Some(facts)) => facts,
        };
        match (&self.kind, facts.verify) {
            (Kind::Dane(_), Verify::Trusted) => Ok(()),
            (Kind::Dane(_), _) => Err("validation-failure"),
            (_, Verify::Ok) if facts.is_named => Ok(()),
            (_, Verify::Ok) => Err("certificate-host-mismatch"),
            _ if facts.verify_message.contains("expired") => Err("certificate-expired"),
            _ => Err("certificate-not-trusted"),
        }
    }
}

/// A host may not be visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forbidden {
    /// Its TLSA records cannot be had: they may be kept from us.
    NoTlsa,
    /// The policy does not name it.
    NotNamed,
}

/// What the site wants of these.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wish {
    /// Option DANE.
    pub(super) dane: bool,
    /// TLSA records count wherever the name of the host is from.
    pub(super) dane_always: bool,
    /// Option StrictTransportSecurity.
    pub(super) sts: bool,
}

/// The demands of one domain.
pub(super) struct OfDomain {
    domain: String,
    wish: Wish,
    /// A validating resolver vouches for its MX records.
    has_secure_mx: bool,
    policy: Option<Arc<sts::Policy>>,
}

/// Policies of domains.
pub(super) struct Policies {
    https: Option<Arc<dyn Https>>,
    store: Option<Arc<dyn StateStore>>,
    known: Mutex<HashMap<String, Kept>>,
}

/// What is known of a domain.
#[derive(Clone)]
struct Kept {
    id: String,
    policy: Option<Arc<sts::Policy>>,
    until: SystemTime,
    asked: SystemTime,
}

impl Policies {
    pub(super) fn new(https: Option<Arc<dyn Https>>, store: Option<Arc<dyn StateStore>>) -> Self {
        let mut known = HashMap::new();
        if let Some(store) = &store {
            // What cannot be read is asked for again.
            let _ = store.scan(TABLE, &mut |domain, value| {
                if let (Ok(domain), Some(kept)) = (domain.to_str(), Kept::decode(value)) {
                    known.insert(domain.to_owned(), kept);
                }
            });
        }
        Self {
            https,
            store,
            known: Mutex::new(known),
        }
    }

    /// What a domain demands.
    pub(super) async fn of(
        &self,
        resolver: &dyn Resolver,
        domain: &str,
        wish: Wish,
        now: SystemTime,
    ) -> OfDomain {
        let domain = domain.trim_end_matches('.').to_ascii_lowercase();
        let secure = match wish.dane {
            true => resolver.vouched(&domain, VouchedKind::Mx).await,
            false => Err(ResolveError::NoData),
        };
        let policy = match wish.sts {
            true => self.policy(resolver, &domain, now).await,
            false => None,
        };
        OfDomain {
            has_secure_mx: secure.is_ok_and(|answer| answer.is_secure),
            policy,
            domain,
            wish,
        }
    }

    /// The policy that holds for a domain now.
    async fn policy(
        &self,
        resolver: &dyn Resolver,
        domain: &str,
        now: SystemTime,
    ) -> Option<Arc<sts::Policy>> {
        let kept = self.known().get(domain).cloned();
        let holds = |kept: &Kept| kept.policy.clone().filter(|_| now < kept.until);
        if let Some(kept) = &kept
            && now
                .duration_since(kept.asked)
                .is_ok_and(|age| age < ASK_AGAIN)
        {
            return holds(kept);
        }
        let mut fresh = kept.unwrap_or_else(Kept::nothing);
        fresh.asked = now;
        let name = format!("_mta-sts.{domain}");
        if let Ok(records) = resolver.records(&name, RecordKind::Txt).await
            && let Some(id) = sts::record_id(records.iter().map(|record| record.as_slice()))
            && (id != fresh.id || now >= fresh.until || fresh.policy.is_none())
            && let Some(https) = &self.https
        {
            let host = format!("mta-sts.{domain}");
            let path = "/.well-known/mta-sts.txt";
            // What cannot be fetched changes nothing (section 3.3).
            if let Ok(text) = https.get(&host, path, sts::POLICY_BYTES_MAX).await
                && let Some(policy) = sts::Policy::parse(&text)
            {
                fresh.until = now.checked_add(policy.max_age).unwrap_or(now);
                fresh.id = id;
                fresh.policy = Some(Arc::new(policy));
                if let Some(store) = &self.store {
                    let _ = store.put(TABLE, domain.as_bytes(), &fresh.encode());
                }
            }
        }
        let holds = holds(&fresh);
        let mut known = self.known();
        if known.len() >= DOMAINS_MAX {
            known.retain(|_, kept| kept.policy.is_some() && now < kept.until);
        }
        if known.len() < DOMAINS_MAX {
            known.insert(domain.to_owned(), fresh);
        }
        holds
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OfDomain {
    /// What it demands of a host.
    ///
    /// # Errors
    /// Why the host may not be visited at all.
    pub(super) async fn of_host(
        &self,
        resolver: &dyn Resolver,
        host: &str,
        port: u16,
    ) -> Result<Demand, Forbidden> {
        let demand = |kind| Demand {
            domain: self.domain.clone(),
            kind,
        };
        if self.wish.dane && (self.has_secure_mx || self.wish.dane_always || host == self.domain) {
            match tlsa(resolver, host, port).await {
                Ok(Some(records)) if records.is_empty() => return Ok(demand(Kind::DaneUnusable)),
                Ok(Some(records)) => return Ok(demand(Kind::Dane(records))),
                Ok(None) => {}
                Err(why) => return Err(why),
            }
        }
        Ok(demand(match &self.policy {
            Some(policy) if policy.mode != Mode::None => {
                let enforced = policy.mode == Mode::Enforce;
                if enforced && !policy.names(host) {
                    return Err(Forbidden::NotNamed);
                }
                Kind::Sts { enforced }
            }
            _ => Kind::Nothing,
        }))
    }
}

/// The usable TLSA records of a host, if there are secure ones.
async fn tlsa(
    resolver: &dyn Resolver,
    host: &str,
    port: u16,
) -> Result<Option<Vec<Tlsa>>, Forbidden> {
    // A host whose address nobody signed has no TLSA records that count, and
    // its servers may not even answer the question (RFC 7672, section 2.2.2).
    let address = match resolver.vouched(host, VouchedKind::Address).await {
        Ok(address) if address.is_secure => address,
        Ok(_) | Err(ResolveError::NoSuchName) => return Ok(None),
        // It may have AAAA records alone.
        Err(ResolveError::NoData) => crate::world::Vouched {
            name: host.to_owned(),
            ..Default::default()
        },
        Err(ResolveError::Temporary) => return Err(Forbidden::NoTlsa),
    };
    let mut names = vec![address.name.clone()];
    if !address.name.eq_ignore_ascii_case(host) {
        names.push(host.to_owned());
    }
    for name in names {
        let name = format!("_{port}._tcp.{}", name.trim_end_matches('.'));
        match resolver.vouched(&name, VouchedKind::Tlsa).await {
            Ok(answer) if answer.is_secure => {
                let usable = answer.certificates.into_iter().filter(Tlsa::is_usable);
                return Ok(Some(usable.collect()));
            }
            Ok(_) | Err(ResolveError::NoSuchName | ResolveError::NoData) => {}
            Err(ResolveError::Temporary) => return Err(Forbidden::NoTlsa),
        }
    }
    Ok(None)
}

impl Kept {
    fn nothing() -> Self {
        Self {
            id: String::new(),
            policy: None,
            until: UNIX_EPOCH,
            asked: UNIX_EPOCH,
        }
    }

    /// `until id`, and on the next lines the policy.
    fn encode(&self) -> Vec<u8> {
        let until = self.until.duration_since(UNIX_EPOCH).unwrap_or_default();
        let text = self.policy.as_ref().map(|policy| policy.to_text());
        let text = text.unwrap_or_default();
        format!("{} {}\n{text}", until.as_secs(), self.id).into_bytes()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (head, text) = bytes.split_once_str("\n")?;
        let (until, id) = head.to_str().ok()?.split_once(' ')?;
        let until = Duration::from_secs(until.parse().ok()?);
        Some(Self {
            id: id.to_owned(),
            policy: Some(Arc::new(sts::Policy::parse(text)?)),
            until: UNIX_EPOCH.checked_add(until)?,
            asked: UNIX_EPOCH,
        })
    }
}
