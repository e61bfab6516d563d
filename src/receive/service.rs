//! What all sessions of one listener share.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bstr::{BStr, BString, ByteSlice};
use jiff::tz::TimeZone;
use tokio::sync::watch;

use super::auth::{Auth, Security};
use super::header;
use crate::base::maillog::{Event, Subject};
use crate::cf::{Config, Opt};
use crate::envelope::ListFiles;
use crate::message::date;
use crate::queue::{Claim, Selector, Spool};
use crate::rewrite::MacroTable;
use crate::route::Site;
use crate::smtp::server::{Features, Settings};
use crate::world::{Clock, Log, Resolver, TlsServer};

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
    /// The dates of the second that was asked for last.
    stamps: Mutex<Arc<Stamps>>,
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
            stamps: Mutex::new(Arc::new(Stamps::of(0, &parts.zone))),
            macros: Arc::new(daemon_macros(&parts.site, &parts.daemon)),
            smtp: Arc::new(smtp),
            site: parts.site,
            spool: parts.spool,
            clock: parts.clock,
            resolver: parts.resolver,
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
            recipient_factor: options.number(Opt::RecipientFactor),
            class_factor: options.number(Opt::ClassFactor),
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
    let mut features = Features::USUAL;
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
    if !has(b'S') {
        features = features.with(Features::STARTTLS);
    }
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
