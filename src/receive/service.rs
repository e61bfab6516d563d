//! What all sessions of one listener share.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bstr::{BStr, BString, ByteSlice};
use jiff::tz::TimeZone;
use tokio::sync::watch;

use super::auth::{Auth, Security};
use super::client::address_text;
use super::collect::Bounds;
use super::header;
use crate::base::maillog::{Event, Subject};
use crate::cf::{Config, Opt};
use crate::envelope::ListFiles;
use crate::message::date;
use crate::queue::{Claim, Selector, Spool};
use crate::rewrite::MacroTable;
use crate::route::Site;
use crate::smtp::server::{Features, Settings};
use crate::world::{Clock, LocalHost, Log, Resolver, TlsServer};

/// Our own addresses whose names are kept.
const INTERFACES_MAX: usize = 1000;

/// What becomes of accepted mail, and of other wishes of clients.
pub trait Intake: Send + Sync {
    /// A message that has just been accepted: deliver it, or drop the claim
    /// to leave it to a queue run. `mode` is the letter of the listener's
    /// DeliveryMode, if it has one of its own.
    fn deliver(&self, claim: Claim, mode: Option<u8>);
    /// ETRN: run what the selector says, soon.
    fn run_queue(&self, selector: Selector);
    /// Lists and `.forward` files, for EXPN.
    fn lists(&self) -> &dyn ListFiles;
}

/// One listener as sessions see it (DaemonPortOptions).
#[derive(Clone, Debug, Default)]
pub struct Daemon {
    /// `Name`: what logs and `${daemon_name}` show.
    pub name: BString,
    /// `Modifiers`, as letters.
    pub modifiers: BString,
    /// Its address, as bound.
    pub address: BString,
    /// Its family: `inet`, `inet6` or `local`.
    pub family: BString,
    /// Its port.
    pub port: BString,
    /// `DeliveryMode`, its letter.
    pub delivery_mode: Option<u8>,
    /// The load from which commands are answered with delay; 0 for never.
    pub delay_load: u32,
    /// The load from which mail may be left to the queue; 0 for never.
    pub queue_load: u32,
}

/// What a [`Service`] is made of.
pub struct ServiceParts {
    /// The configuration.
    pub site: Arc<Site>,
    /// Where messages go.
    pub spool: Arc<dyn Spool>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Names of clients.
    pub resolver: Arc<dyn Resolver>,
    /// The machine: its load, its access files.
    pub local_host: Arc<dyn LocalHost>,
    /// The mail log.
    pub log: Arc<dyn Log>,
    /// What becomes of messages.
    pub intake: Arc<dyn Intake>,
    /// The listener.
    pub daemon: Daemon,
    /// The time zone that dates are shown in.
    pub zone: TimeZone,
    /// Logins and certificates.
    pub security: Security,
    /// Becomes true when the process is to end: idle sessions are closed.
    pub stopping: watch::Receiver<bool>,
}

/// Everything that sessions of one listener share.
pub struct Service {
    pub(super) site: Arc<Site>,
    pub(super) spool: Arc<dyn Spool>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) resolver: Arc<dyn Resolver>,
    pub(super) local_host: Arc<dyn LocalHost>,
    pub(super) log: Arc<dyn Log>,
    pub(super) intake: Arc<dyn Intake>,
    pub(super) daemon: Daemon,
    pub(super) zone: TimeZone,
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) smtp: Arc<Settings>,
    /// Macros of the site and of the listener.
    pub(super) macros: Arc<MacroTable>,
    /// Certificates; `None` when there is no TLS.
    pub(super) tls: Option<Arc<dyn TlsServer>>,
    /// Logins; `None` when AUTH can never be offered.
    pub(super) auth: Option<Auth>,
    pub(super) limits: Limits,
    pub(super) privacy: Privacy,
    /// What makes a full name need quotes (MustQuoteChars).
    pub(super) must_quote: BString,
    /// The `H` lines that add fields.
    pub(super) header_lines: Vec<header::Line>,
    /// The `H` lines that check fields.
    pub(super) field_checks: header::FieldChecks,
    /// The dates of the second that was asked for last.
    stamps: Mutex<Arc<Stamps>>,
    /// The names of our own addresses.
    interfaces: Mutex<HashMap<IpAddr, BString>>,
}

/// One moment as mail writes it.
pub(super) struct Stamps {
    /// Seconds since the epoch.
    second: u64,
    /// `$a`, `$b`.
    pub(super) mail: String,
    /// `$d`.
    pub(super) ctime: String,
    /// `$t`.
    pub(super) minutes: String,
}

impl Stamps {
    fn of(second: u64, zone: &TimeZone) -> Self {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        Self {
            second,
            mail: date::rfc5322(time, zone),
            ctime: date::ctime(time, zone),
            minutes: date::minutes(time, zone),
        }
    }
}

/// Limits and times that the configuration sets for incoming mail.
pub(super) struct Limits {
    pub(super) command_time: Duration,
    pub(super) data_time: Duration,
    pub(super) tls_time: Duration,
    pub(super) message_bytes_max: Option<u64>,
    pub(super) header_bytes_max: u64,
    pub(super) hops_max: usize,
    /// EightBitMode=strict: undeclared 8-bit text is refused.
    pub(super) strict_8bit: bool,
    /// RejectNUL.
    pub(super) reject_nul: bool,
    /// SevenBitInput.
    pub(super) seven_bit: bool,
    pub(super) queue_factor: i64,
    pub(super) recipient_factor: i64,
    pub(super) class_factor: i64,
}

/// PrivacyOptions that matter outside of the SMTP machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Privacy {
    pub(super) auth_warnings: bool,
    pub(super) no_body_return: bool,
    pub(super) no_receipts: bool,
}

impl Service {
    /// Prepares a listener's service.
    pub fn new(parts: ServiceParts) -> Arc<Self> {
        let config = &parts.site.config;
        let words = privacy_words(config);
        let has = |word: &str| words.iter().any(|w| w == word);
        let mut features = features(&words, &parts.daemon);
        // TLSSrvOptions=V: clients are not asked for a certificate.
        if !config
            .options
            .words(Opt::TlsSrvOptions)
            .iter()
            .any(|w| w.contains(&b'V'))
        {
            features = features.with(Features::ASK_CERTIFICATE);
        }
        let host = parts.site.macros.text(b"j");
        let auth = Auth::new(config, host.as_bstr(), &parts.security);
        let smtp = Settings {
            host,
            version: parts.site.macros.text(b"v"),
            features: with_utf8(features, config),
            message_bytes_max: positive(config, Opt::MaxMessageSize),
            recipients_max: size(config, Opt::MaxRecipientsPerMessage),
            bad_rcpt_throttle: count(config, Opt::BadRcptThrottle),
            bad_rcpt_shutdown: count(config, Opt::BadRcptShutdown),
            bad_rcpt_shutdown_share: count(config, Opt::BadRcptShutdownGood),
            asks_other: parts.site.program.ruleset(b"check_other").is_some(),
            noop_max: count(config, Opt::MaxNoopCommands),
            deliver_by_min: deliver_by_min(config),
            allow_bogus_helo: config.options.flag(Opt::AllowBogusHelo),
            ..Settings::default()
        };
        Arc::new(Self {
            auth,
            tls: parts.security.tls,
            limits: Limits::of(config),
            privacy: Privacy {
                auth_warnings: has("authwarnings") || has("goaway"),
                no_body_return: has("nobodyreturn"),
                no_receipts: has("noreceipts"),
            },
            must_quote: must_quote(config),
            header_lines: header::lines(config),
            field_checks: header::FieldChecks::of_config(config),
            stamps: Mutex::new(Arc::new(Stamps::of(0, &parts.zone))),
            macros: Arc::new(daemon_macros(&parts.site, &parts.daemon)),
            smtp: Arc::new(smtp),
            site: parts.site,
            spool: parts.spool,
            clock: parts.clock,
            resolver: parts.resolver,
            local_host: parts.local_host,
            interfaces: Mutex::default(),
            log: parts.log,
            intake: parts.intake,
            daemon: parts.daemon,
            zone: parts.zone,
            stopping: parts.stopping,
        })
    }

    /// UseCompressedIPv6Addresses.
    pub(super) fn compressed_ipv6(&self) -> bool {
        self.site
            .config
            .options
            .flag(Opt::UseCompressedIpv6Addresses)
    }

    /// The name of one of our own addresses, or the address in brackets;
    /// looked up once.
    pub(super) async fn interface_name(&self, ip: IpAddr) -> BString {
        let known = || {
            self.interfaces
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(name) = known().get(&ip) {
            return name.clone();
        }
        let name: BString = match self.resolver.name_of(ip).await {
            Ok(name) => name.into(),
            Err(_) => format!("[{}]", address_text(ip, self.compressed_ipv6())).into(),
        };
        let mut known = known();
        if known.len() < INTERFACES_MAX {
            known.insert(ip, name.clone());
        }
        name
    }

    /// Whether the machine is so busy that commands wait (DelayLA); then the
    /// load.
    pub(super) fn slow_load(&self) -> Option<u32> {
        let limit = self.daemon.delay_load;
        (limit > 0)
            .then(|| self.local_host.load())
            .filter(|load| *load >= limit)
    }

    /// How a message of this priority is to be delivered (DeliveryMode); one
    /// that a busy machine should not try now is left to the queue (QueueLA,
    /// QueueFactor).
    pub(super) fn delivery_mode(&self, priority: i64) -> Option<u8> {
        let limit = self.daemon.queue_load;
        if limit == 0 {
            return self.daemon.delivery_mode;
        }
        let load = self.local_host.load();
        match load.checked_sub(limit) {
            Some(beyond) if priority > self.limits.queue_factor / (i64::from(beyond) + 1) => {
                Some(b'q')
            }
            _ => self.daemon.delivery_mode,
        }
    }

    /// The dates of a moment; made once a second, however many ask.
    pub(super) fn stamps(&self, time: SystemTime) -> Arc<Stamps> {
        let second = time
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let mut stamps = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        if stamps.second != second {
            *stamps = Arc::new(Stamps::of(second, &self.zone));
        }
        Arc::clone(&stamps)
    }

    /// Writes a line to the mail log.
    pub(super) fn note(&self, subject: impl Into<Subject>, event: &Event<'_>) {
        self.log.event(subject.into(), event);
    }
}

impl Limits {
    fn of(config: &Config) -> Self {
        let options = &config.options;
        let usual = Duration::from_secs(3600);
        let time = |opt| options.interval_or_unset(opt).filter(|t| !t.is_zero());
        Self {
            command_time: time(Opt::TimeoutCommand).unwrap_or(usual),
            tls_time: time(Opt::TimeoutStarttls).unwrap_or(usual),
            data_time: time(Opt::TimeoutDatablock).unwrap_or(usual),
            message_bytes_max: positive(config, Opt::MaxMessageSize),
            header_bytes_max: positive(config, Opt::MaxHeadersLength).unwrap_or(u64::MAX),
            hops_max: size(config, Opt::MaxHopCount),
            strict_8bit: options.choice(Opt::EightBitMode) == "strict",
            reject_nul: options.flag(Opt::RejectNul),
            seven_bit: options.flag(Opt::SevenBitInput),
            queue_factor: options.number(Opt::QueueFactor),
            recipient_factor: options.number(Opt::RecipientFactor),
            class_factor: options.number(Opt::ClassFactor),
        }
    }
}

impl Limits {
    /// What a message may be.
    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            message_bytes_max: self.message_bytes_max,
            header_bytes_max: self.header_bytes_max,
            reject_nul: self.reject_nul,
        }
    }
}

fn privacy_words(config: &Config) -> Vec<String> {
    config
        .options
        .words(Opt::PrivacyOptions)
        .into_iter()
        .map(|word| word.to_str_lossy().to_ascii_lowercase())
        .collect()
}

/// What PrivacyOptions and the listener's modifiers leave of the features.
fn features(words: &[String], daemon: &Daemon) -> Features {
    let beyond = Features::CHUNKING
        .with(Features::MT_PRIORITY)
        .with(Features::LIMITS)
        .with(Features::REQUIRE_TLS);
    let mut features = Features::USUAL.with(beyond);
    for word in words {
        features = match word.as_str() {
            "needmailhelo" => features.with(Features::NEED_MAIL_HELO),
            "needvrfyhelo" => features.with(Features::NEED_VRFY_HELO),
            "needexpnhelo" => features.with(Features::NEED_EXPN_HELO),
            "novrfy" => features.without(Features::VRFY),
            "noexpn" => features.without(Features::EXPN.with(Features::VERB)),
            "noverb" => features.without(Features::VERB),
            "noetrn" => features.without(Features::ETRN),
            "noreceipts" => features.without(Features::DSN),
            "goaway" => features
                .with(Features::NEED_MAIL_HELO)
                .with(Features::NEED_VRFY_HELO)
                .with(Features::NEED_EXPN_HELO)
                .without(Features::VRFY.with(Features::EXPN).with(Features::VERB)),
            _ => features,
        };
    }
    let has = |letter: u8| daemon.modifiers.contains(&letter);
    if has(b'E') {
        features = features.without(Features::ETRN);
    }
    if !has(b'A') {
        features = features.with(Features::AUTH);
    }
    features = features.with(match has(b'S') {
        true => Features::NO_STARTTLS,
        false => Features::STARTTLS,
    });
    if has(b'a') {
        features = features.with(Features::NEED_AUTH);
    }
    features
}

fn with_utf8(features: Features, config: &Config) -> Features {
    if config.options.flag(Opt::SmtpUtf8) {
        features.with(Features::SMTPUTF8)
    } else {
        features
    }
}

/// `None` when a negative DeliverByMin turns DELIVERBY off.
fn deliver_by_min(config: &Config) -> Option<u64> {
    let text = config.options.text(Opt::DeliverByMin);
    (!text.starts_with(b"-")).then(|| config.options.interval(Opt::DeliverByMin).as_secs())
}

fn positive(config: &Config, opt: Opt) -> Option<u64> {
    u64::try_from(config.options.number(opt))
        .ok()
        .filter(|n| *n > 0)
}

fn size(config: &Config, opt: Opt) -> usize {
    usize::try_from(config.options.number(opt)).unwrap_or(0)
}

fn count(config: &Config, opt: Opt) -> u32 {
    u32::try_from(config.options.number(opt)).unwrap_or(0)
}

/// The macros that a listener sets for all its sessions.
fn daemon_macros(site: &Site, daemon: &Daemon) -> MacroTable {
    let mut macros = site.layer();
    // Lower case modifiers reach rulesets as they are; upper case ones with a
    // blank after them would be read as flags of their own.
    macros.set(b"daemon_flags", spaced(daemon.modifiers.as_bstr()));
    macros.set(b"daemon_name", daemon.name.clone());
    macros.set(b"daemon_addr", daemon.address.clone());
    macros.set(b"daemon_family", daemon.family.clone());
    macros.set(b"daemon_port", daemon.port.clone());
    macros.set(b"opMode", "d");
    macros.set(b"daemon_info", "SMTP");
    let mode = daemon.delivery_mode.map(char::from);
    let mode = mode.or_else(|| site.config.options.choice(Opt::DeliveryMode).chars().next());
    macros.set(b"deliveryMode", mode.map(String::from).unwrap_or_default());
    macros
}

/// `// sendmail:` flags in `${daemon_flags}` are divided by blanks, an upper
/// case one is doubled: `c f EE`.
fn spaced(modifiers: &BStr) -> BString {
    let words: Vec<BString> = modifiers
        .iter()
        .map(|letter| {
            let times = if letter.is_ascii_uppercase() { 2 } else { 1 };
            BString::from(vec![*letter; times])
        })
        .collect();
    bstr::join(" ", words).into()
}

fn must_quote(config: &Config) -> BString {
    let option = config.options.text(Opt::MustQuoteChars);
    bstr::concat([b"@,;:\\()[]".as_slice(), option]).into()
}
