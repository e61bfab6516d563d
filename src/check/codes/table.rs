//! Codes of entries of tables: what `godwit access set` and its like refuse,
//! `godwit make` finds, and `check` of a table tells.

use super::Example::{Entry, Site, Text};
use super::{CodeRow, Example, Made, SiteFile};
use crate::base::Severity::{self, Error, Warning};

const fn row(
    code: &'static str,
    severity: Severity,
    what: &'static str,
    cure: &'static str,
    example: Example,
) -> CodeRow {
    CodeRow {
        code,
        severity,
        what,
        cure,
        example,
        cured: "",
    }
}

const fn text(name: &'static str, text: &'static str) -> SiteFile {
    SiteFile {
        name,
        text,
        mode: 0o644,
        made: Made::Text,
    }
}

const fn database(name: &'static str, text: &'static str) -> SiteFile {
    SiteFile {
        name,
        text,
        mode: 0o644,
        made: Made::Database("hash"),
    }
}

/// The rows. The examples know the users root and alice, the alias staff for
/// alice, the local domain example.org, and the mailers local and esmtp.
pub(super) const ROWS: &[CodeRow] = &[
    row(
        "map-line",
        Error,
        "A line of a table's text cannot be read.",
        "Write a key, blanks, and a value.",
        Text("example.net\n"),
    ),
    row(
        "map-duplicate-key",
        Warning,
        "A key stands twice in a table; the first line counts.",
        "Take one of the two lines out.",
        Text("example.net\tREJECT\nexample.net\tOK\n"),
    ),
    row(
        "map-key",
        Error,
        "A key is empty, has blanks, or begins with #.",
        "A key is one word.",
        Entry("access", "one two", "OK"),
    ),
    row(
        "map-no-value",
        Error,
        "An entry has no value.",
        "Write the value behind the key.",
        Entry("access", "example.net", ""),
    ),
    row(
        "map-value",
        Error,
        "A value does not stand on one line, or its reply codes disagree.",
        "As in error:5.1.1:550 No such user.",
        Entry("mailer", "example.net", "error:5.1.1:450 Not now"),
    ),
    row(
        "access-key",
        Error,
        "A key of the access table is neither a domain, an address, nor the beginning of one.",
        "192.0.2.1 is one host, 192.0.2 its network.",
        Entry("access", "Connect:192.0.2.256", "REJECT"),
    ),
    row(
        "access-cidr",
        Error,
        "A key of the access table is a network with a slash, which the table does not have.",
        "Write the first numbers of the network.",
        Entry("access", "Connect:192.0.2.0/24", "REJECT"),
    ),
    row(
        "access-tag",
        Error,
        "An entry of the access table has a tag that looks like a known one with a slip.",
        "Correct the tag.",
        Site(
            "FEATURE(`access_db')dnl\n",
            &[
                text("access", "Conect:192.0.2.7\tREJECT\n"),
                database("access.db", "Conect:192.0.2.7\tREJECT\n"),
            ],
        ),
    ),
    row(
        "access-value",
        Error,
        "An entry of the access table has a value that looks like a known one with a slip.",
        "Correct the value.",
        Site(
            "FEATURE(`access_db')dnl\n",
            &[
                text("access", "Connect:192.0.2.7\tREJET\n"),
                database("access.db", "Connect:192.0.2.7\tREJET\n"),
            ],
        ),
    ),
    row(
        "alias-not-local",
        Error,
        "An alias has a domain that is not local.",
        "Use virtusertable.",
        Entry("alias", "bob@example.net", "alice"),
    ),
    row(
        "alias-no-user",
        Error,
        "An alias goes to a name that is neither a user nor an alias.",
        "Correct the name, or make the user.",
        Entry("alias", "help", "nobody-here"),
    ),
    row(
        "alias-no-list",
        Warning,
        "An alias includes a file that is not there.",
        "Make the file.",
        Entry("alias", "help", ":include:/no/such/list"),
    ),
    row(
        "alias-loop",
        Error,
        "An alias comes back to itself by way of others.",
        "A name may stand for itself and others, but not by way of another alias.",
        Entry("alias", "alice", "staff"),
    ),
    row(
        "virtuser-key",
        Error,
        "A key of the virtual users has no domain, or none that can be one.",
        "user@domain is one address, @domain all others there.",
        Entry("virtuser", "bob", "alice"),
    ),
    row(
        "virtuser-domain",
        Error,
        "Mail for a domain of the virtual users does not end here.",
        "Add the domain with `godwit local-host set'.",
        Entry("virtuser", "bob@example.net", "alice"),
    ),
    row(
        "virtuser-value",
        Error,
        "A virtual user stands for something that is not one address.",
        "For several, name an alias, and give that the list.",
        Entry("virtuser", "bob@example.org", "alice, root"),
    ),
    row(
        "virtuser-no-user",
        Error,
        "A virtual user goes to a name that is neither a user nor an alias.",
        "Correct the name, or make the user.",
        Entry("virtuser", "bob@example.org", "nobody-here"),
    ),
    row(
        "generics-key",
        Error,
        "A key of the generics table is an @ without a domain.",
        "Write user, user@domain or @domain.",
        Entry("generics", "@", "info@example.org"),
    ),
    row(
        "generics-value",
        Error,
        "A name shown to the world is not one address.",
        "Write user@domain.",
        Entry("generics", "alice", "a b@example.org"),
    ),
    row(
        "mailer-key",
        Error,
        "A key of the mailertable is no domain.",
        "For one address use virtusertable.",
        Entry("mailer", "bob@example.net", "esmtp:hub.example.net"),
    ),
    row(
        "mailer-value",
        Error,
        "A value of the mailertable names no mailer, or no host.",
        "As in esmtp:gateway.example.org.",
        Entry("mailer", "example.net", "hub.example.net"),
    ),
    row(
        "mailer-unknown",
        Error,
        "A value of the mailertable names a mailer that is not defined.",
        "Correct the name, or add the MAILER() line.",
        Entry("mailer", "example.net", "esmpt:hub.example.net"),
    ),
    row(
        "domain-name",
        Error,
        "An entry of the domaintable is no domain.",
        "Write two names of domains.",
        Entry("domain", "old..example", "example.org"),
    ),
    row(
        "host-name",
        Error,
        "A name of this host can be none.",
        "Write the name of a host or domain, or an address in brackets.",
        Entry("local-host", "alice@example.org", ""),
    ),
];
