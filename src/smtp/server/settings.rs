//! What a daemon lets its clients do: limits, features, names.

use bstr::BString;

/// A set of things that are offered, allowed or demanded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features(u32);

impl Features {
    /// PIPELINING is offered.
    pub const PIPELINING: Self = Self(1);
    /// EXPN is offered and done.
    pub const EXPN: Self = Self(1 << 1);
    /// VRFY is done.
    pub const VRFY: Self = Self(1 << 2);
    /// VERB is offered and done.
    pub const VERB: Self = Self(1 << 3);
    /// DSN parameters are offered and taken.
    pub const DSN: Self = Self(1 << 4);
    /// ETRN is offered and done.
    pub const ETRN: Self = Self(1 << 5);
    /// SMTPUTF8 is offered and taken.
    pub const SMTPUTF8: Self = Self(1 << 6);
    /// MAIL needs HELO before it.
    pub const NEED_MAIL_HELO: Self = Self(1 << 7);
    /// VRFY needs HELO before it.
    pub const NEED_VRFY_HELO: Self = Self(1 << 8);
    /// EXPN needs HELO before it.
    pub const NEED_EXPN_HELO: Self = Self(1 << 9);
    /// A command of HTTP ends the session whenever it comes, not only first.
    pub const NO_HTTP: Self = Self(1 << 10);

    /// MAIL and ETRN need AUTH before them.
    pub const NEED_AUTH: Self = Self(1 << 11);
    /// STARTTLS is offered until it is done.
    pub const STARTTLS: Self = Self(1 << 12);
    /// AUTH is offered.
    pub const AUTH: Self = Self(1 << 13);
    /// Clients are asked for a certificate.
    pub const ASK_CERTIFICATE: Self = Self(1 << 14);
    /// Mechanisms that show the secret need TLS.
    pub const NO_PLAINTEXT: Self = Self(1 << 15);

    /// CHUNKING is offered, BDAT taken.
    pub const CHUNKING: Self = Self(1 << 16);
    /// LIMITS is offered (RFC 9422).
    pub const LIMITS: Self = Self(1 << 17);
    /// XCLIENT is offered and done.
    pub const XCLIENT: Self = Self(1 << 18);

    /// REQUIRETLS is offered under TLS (RFC 8689).
    pub const REQUIRE_TLS: Self = Self(1 << 19);
    /// STARTTLS is forbidden here, not only impossible.
    pub const NO_STARTTLS: Self = Self(1 << 20);
    /// MT-PRIORITY is offered and taken (RFC 6710).
    pub const MT_PRIORITY: Self = Self(1 << 21);

    /// What a configuration without privacy options offers.
    pub const USUAL: Self = Self(
        Self::PIPELINING.0
            | Self::EXPN.0
            | Self::VRFY.0
            | Self::VERB.0
            | Self::DSN.0
            | Self::ETRN.0,
    );

    /// Whether all of `what` are in the set.
    pub const fn has(self, what: Self) -> bool {
        self.0 & what.0 == what.0
    }

    /// The set with `what`, too.
    #[must_use]
    pub const fn with(self, what: Self) -> Self {
        Self(self.0 | what.0)
    }

    /// The set without `what`.
    #[must_use]
    pub const fn without(self, what: Self) -> Self {
        Self(self.0 & !what.0)
    }
}

/// What all sessions of a daemon share.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Our name (`$j`).
    pub host: BString,
    /// The version that HELP shows.
    pub version: BString,
    /// What is offered.
    pub features: Features,
    /// MaxMessageSize.
    pub message_bytes_max: Option<u64>,
    /// MaxRecipientsPerMessage; 0 for no limit.
    pub recipients_max: usize,
    /// BadRcptThrottle; 0 for never.
    pub bad_rcpt_throttle: u32,
    /// BadRcptShutdown; 0 for never.
    pub bad_rcpt_shutdown: u32,
    /// BadRcptShutdownGood: the share of refused recipients, in percent, that
    /// ends a session.
    pub bad_rcpt_shutdown_share: u32,
    /// Whether what is no command of mail (`NOOP`, `VERB`, what is unknown)
    /// is asked about: `check_other`.
    pub asks_other: bool,
    /// MaxNOOPCommands; 0 for no limit.
    pub noop_max: u32,
    /// Unknown commands before the connection is closed.
    pub bad_commands_max: u32,
    /// DeliverByMin in seconds; `None` when DELIVERBY is not offered.
    pub deliver_by_min: Option<u64>,
    /// AllowBogusHELO.
    pub allow_bogus_helo: bool,
}

impl Default for Settings {
    /// The reference's defaults.
    fn default() -> Self {
        Self {
            host: "localhost".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            features: Features::USUAL,
            message_bytes_max: None,
            recipients_max: 0,
            bad_rcpt_throttle: 0,
            bad_rcpt_shutdown: 0,
            bad_rcpt_shutdown_share: 0,
            asks_other: false,
            noop_max: 20,
            bad_commands_max: 25,
            deliver_by_min: Some(0),
            allow_bogus_helo: false,
        }
    }
}

impl Settings {
    /// The keywords that EHLO lists, in the reference's order.
    pub(super) fn keywords(
        &self,
        features: Features,
        auth: Option<String>,
        tls: bool,
    ) -> Vec<String> {
        let when = |feature, word: &str| features.has(feature).then(|| word.to_owned());
        let sized = |word: &str, number: Option<u64>| match number {
            Some(number) if number > 0 => format!("{word} {number}"),
            _ => word.to_owned(),
        };
        [
            Some("ENHANCEDSTATUSCODES".to_owned()),
            when(Features::PIPELINING, "PIPELINING"),
            when(Features::EXPN, "EXPN"),
            when(Features::VERB, "VERB"),
            Some("8BITMIME".to_owned()),
            Some(sized("SIZE", self.message_bytes_max)),
            when(Features::DSN, "DSN"),
            when(Features::SMTPUTF8, "SMTPUTF8"),
            when(Features::ETRN, "ETRN"),
            auth,
            tls.then(|| "STARTTLS".to_owned()),
            self.deliver_by_min.map(|min| sized("DELIVERBY", Some(min))),
            // Beyond the reference, and behind what it offers.
            when(Features::CHUNKING, "CHUNKING"),
            when(Features::REQUIRE_TLS, "REQUIRETLS"),
            self.limits().filter(|_| features.has(Features::LIMITS)),
            when(Features::MT_PRIORITY, "MT-PRIORITY"),
            when(Features::XCLIENT, "XCLIENT NAME ADDR PORT PROTO HELO"),
            Some("HELP".to_owned()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The keyword LIMITS, when there are any.
    fn limits(&self) -> Option<String> {
        (self.recipients_max > 0).then(|| format!("LIMITS RCPTMAX={}", self.recipients_max))
    }
}
