//! Codes of what is found in the files that a configuration names, and of
//! what lets strangers in.

use super::Example::{Mc, Site};
use super::{CodeRow, Example, Made, SiteFile};
use crate::base::Severity::{self, Error, Note, Warning};

const fn row(
    code: &'static str,
    severity: Severity,
    what: &'static str,
    cure: &'static str,
    example: Example,
    cured: &'static str,
) -> CodeRow {
    CodeRow {
        code,
        severity,
        what,
        cure,
        example,
        cured,
    }
}

/// A file with a text.
const fn file(name: &'static str, text: &'static str) -> SiteFile {
    made(name, text, 0o644, Made::Text)
}

/// A database made of a text.
const fn database(name: &'static str, text: &'static str, class: &'static str) -> SiteFile {
    made(name, text, 0o644, Made::Database(class))
}

/// A certificate or key: what the page says of it, and where the tests have
/// one.
const fn pem(name: &'static str, text: &'static str, mode: u32, from: &'static str) -> SiteFile {
    made(name, text, mode, Made::Copy(from))
}

const fn made(name: &'static str, text: &'static str, mode: u32, made: Made) -> SiteFile {
    SiteFile {
        name,
        text,
        mode,
        made,
    }
}

const ACCESS: &str = "FEATURE(`access_db')dnl\n";
const TLS: &str = "define(`confSERVER_CERT', `/etc/mail/server.crt')dnl\ndefine(`confSERVER_KEY', `/etc/mail/server.key')dnl\n";

const CERTIFICATE: SiteFile = pem("server.crt", "a certificate", 0o644, "server.crt");
const EXPIRED: SiteFile = pem(
    "server.crt",
    "a certificate that ended in 2015",
    0o644,
    "expired.crt",
);
const SOON: SiteFile = pem(
    "server.crt",
    "a certificate that ends next week",
    0o644,
    "soon.crt",
);
const KEY: SiteFile = pem("server.key", "its key", 0o600, "server.key");
const OPEN_KEY: SiteFile = pem("server.key", "its key, of mode 0644", 0o644, "server.key");
const OTHER_KEY: SiteFile = pem(
    "server.key",
    "the key of another certificate",
    0o600,
    "other.key",
);

/// The rows.
pub(super) const ROWS: &[CodeRow] = &[
    row(
        "cf-class-file",
        Error,
        "The file of a class cannot be read.",
        "Make the file, or write -o before its name if it may be missing.",
        Site("FEATURE(`use_cw_file')dnl\n", &[]),
        "",
    ),
    row(
        "site-class-empty",
        Note,
        "The file of a class has no members.",
        "Nothing, if the class may be empty.",
        Site(
            "FEATURE(`use_cw_file')dnl\n",
            &[file("local-host-names", "# names of this host\n")],
        ),
        "",
    ),
    row(
        "site-map-missing",
        Warning,
        "A map names a file that is not there: every question to it fails.",
        "Make the database, or write -o before the file's name if it may be missing.",
        Site("FEATURE(`mailertable')dnl\n", &[]),
        "FEATURE(`mailertable', `hash -o /etc/mail/mailertable')dnl\n",
    ),
    row(
        "site-map-unbuilt",
        Warning,
        "The text of a map is there, its database is not: nothing in it holds.",
        "Run `godwit make', or makemap.",
        Site(
            "FEATURE(`mailertable', `hash -o /etc/mail/mailertable')dnl\n",
            &[file("mailertable", "example.net\tesmtp:hub.example.net\n")],
        ),
        "",
    ),
    row(
        "site-map-stale",
        Warning,
        "The text of a map is newer than its database: what was changed does not hold yet.",
        "Run `godwit make', or makemap; for aliases, newaliases.",
        Site(
            ACCESS,
            &[
                database("access.db", "Connect:192.0.2.1\tREJECT\n", "hash"),
                file("access", "Connect:192.0.2.2\tREJECT\n"),
            ],
        ),
        "",
    ),
    row(
        "site-map-type",
        Error,
        "A database is not of the type that its map names.",
        "Build it again with the type of the map, or change the map's class.",
        Site(
            ACCESS,
            &[database(
                "access.db",
                "Connect:192.0.2.1\tREJECT\n",
                "btree",
            )],
        ),
        "",
    ),
    row(
        "site-mailer-program",
        Warning,
        "A mailer names a program that is not there.",
        "Install the program, or correct the path.",
        Site(
            "define(`LOCAL_MAILER_PATH', `/usr/no/such/mailer')dnl\n",
            &[],
        ),
        "",
    ),
    row(
        "cf-mailer-user",
        Error,
        "A mailer names a user or group that the system does not have.",
        "Correct U=, or make the user.",
        Site(
            "MAILER_DEFINITIONS\nMpager, P=/bin/sh, F=lsu, U=no-such-user, A=pager $u\n",
            &[],
        ),
        "",
    ),
    row(
        "site-relay-promiscuous",
        Warning,
        "The host relays mail for everybody: spammers find it within days.",
        "Name those who may relay in the access table or in relay-domains.",
        Mc("FEATURE(`promiscuous_relay')dnl\n"),
        "",
    ),
    row(
        "site-relay-mx",
        Warning,
        "The host relays for every domain whose MX names it, and anybody can make one that does.",
        "Name the domains in relay-domains or the access table.",
        Mc("FEATURE(`relay_based_on_MX')dnl\n"),
        "",
    ),
    row(
        "site-relay-forged",
        Warning,
        "The host relays by the sender's address, which anybody can write.",
        "Let users authenticate (AUTH), or name their networks in the access table.",
        Mc("FEATURE(`relay_local_from')dnl\n"),
        "",
    ),
    row(
        "site-relay-loose",
        Warning,
        "Addresses such as user%site@host are relayed without looking at the site.",
        "Take the FEATURE out.",
        Mc("FEATURE(`loose_relay_check')dnl\n"),
        "",
    ),
    row(
        "site-relay-suffix",
        Warning,
        "A class or file of relay domains names a whole top-level domain.",
        "Name the domains themselves.",
        Mc("RELAY_DOMAIN(`example.net com')dnl\n"),
        "RELAY_DOMAIN(`example.net')dnl\n",
    ),
    row(
        "site-access-relay",
        Warning,
        "An entry of the access table lets a whole top-level domain, or millions of addresses, relay.",
        "Name the hosts and networks that are yours.",
        Site(
            ACCESS,
            &[
                file("access", "Connect:com\tRELAY\n"),
                database("access.db", "Connect:com\tRELAY\n", "hash"),
            ],
        ),
        "",
    ),
    row(
        "site-prog-unrestricted",
        Note,
        "Programs in aliases and .forward files run with a full shell.",
        "Use FEATURE(`smrsh'), which lets only programs of one directory run.",
        Mc("FEATURE(`redirect')dnl\n"),
        "FEATURE(`smrsh')dnl\n",
    ),
    row(
        "site-privacy",
        Note,
        "Strangers may ask who is behind an address: neither noexpn nor novrfy is set.",
        "Add noexpn and novrfy to confPRIVACY_FLAGS.",
        Mc("FEATURE(`redirect')dnl\n"),
        "define(`confPRIVACY_FLAGS', `authwarnings,noexpn,novrfy')dnl\n",
    ),
    row(
        "site-masquerade-exposed",
        Note,
        "Mail of a user keeps the host's own name, although the site masquerades.",
        "Take the name out of EXPOSED_USER if that is not meant.",
        Mc("MASQUERADE_AS(`example.net')dnl\nEXPOSED_USER(`root webmaster')dnl\n"),
        "MASQUERADE_AS(`example.net')dnl\nEXPOSED_USER(`root')dnl\n",
    ),
    row(
        "site-tls-missing",
        Warning,
        "A file of TLS is named and not there: the host works without TLS.",
        "Put the file there, or correct the path.",
        Site(TLS, &[CERTIFICATE]),
        "",
    ),
    row(
        "site-tls-readable",
        Warning,
        "Others than the owner can read a key: sendmail does not use it, and it is no secret.",
        "Take the rights away: chmod 600, and owned by root.",
        Site(TLS, &[CERTIFICATE, OPEN_KEY]),
        "",
    ),
    row(
        "site-tls-mismatch",
        Error,
        "A key is not the one that its certificate is for.",
        "Find the key that the certificate was asked for with, or ask for a new certificate.",
        Site(TLS, &[CERTIFICATE, OTHER_KEY]),
        "",
    ),
    row(
        "site-tls-expired",
        Warning,
        "A certificate does not hold any more, or not yet.",
        "Renew the certificate.",
        Site(TLS, &[EXPIRED, KEY]),
        "",
    ),
    row(
        "site-tls-expiring",
        Warning,
        "A certificate ends within two weeks.",
        "Renew the certificate.",
        Site(TLS, &[SOON, KEY]),
        "",
    ),
];
