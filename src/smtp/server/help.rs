//! HELP in our own words, in the reference's form.

use bstr::BString;

use crate::base::Reply;

/// Topics and their text, a line each.
const TOPICS: &[(&str, &[&str])] = &[
    (
        "HELO",
        &["HELO <host>", "\tSay who you are, for plain SMTP."],
    ),
    (
        "EHLO",
        &[
            "EHLO <host>",
            "\tSay who you are; the answer lists the extensions.",
        ],
    ),
    (
        "MAIL",
        &[
            "MAIL FROM:<sender> [ <parameters> ]",
            "\tBegins a message. For the parameters see \"HELP DSN\" and",
            "\tthe extensions that EHLO lists.",
        ],
    ),
    (
        "RCPT",
        &[
            "RCPT TO:<recipient> [ <parameters> ]",
            "\tNames one recipient; may be repeated.",
        ],
    ),
    (
        "DATA",
        &[
            "DATA",
            "\tThe message follows; a line with a single dot ends it.",
        ],
    ),
    ("RSET", &["RSET", "\tForgets sender and recipients."]),
    ("NOOP", &["NOOP", "\tDoes nothing."]),
    ("QUIT", &["QUIT", "\tEnds the session."]),
    (
        "VRFY",
        &["VRFY <recipient>", "\tWhether there is such a recipient."],
    ),
    (
        "EXPN",
        &["EXPN <recipient>", "\tWho is behind an alias or a list."],
    ),
    ("VERB", &["VERB", "\tAsks for a more talkative session."]),
    (
        "ETRN",
        &[
            "ETRN [ <host> | @<domain> | #<queuegroup> ]",
            "\tRuns the queue for a host, a domain or a queue group.",
        ],
    ),
    (
        "DSN",
        &[
            "MAIL FROM:<sender> [ RET=FULL | RET=HDRS ] [ ENVID=<id> ]",
            "RCPT TO:<recipient> [ NOTIFY=NEVER | NOTIFY=SUCCESS,FAILURE,DELAY ]",
            "\t[ ORCPT=<type>;<address> ]",
            "\tWhich reports are wanted, and what is in them (RFC 3461).",
        ],
    ),
    ("HELP", &["HELP [ <topic> ]", "\tThis text."]),
];

/// The reply to HELP with `topic`, `None` when there is no such topic.
pub(super) fn reply(topic: &[u8], version: &BString) -> Option<Reply> {
    let mut lines: Vec<String> = Vec::new();
    if topic.is_empty() {
        lines.push(format!("This is Godwit version {version}"));
        lines.push("Topics:".into());
        for row in TOPICS.chunks(5) {
            let names: Vec<&str> = row.iter().map(|(name, _)| *name).collect();
            lines.push(format!("\t{}", names.join("\t")));
        }
        lines.push("For more about one of them say \"HELP <topic>\".".into());
        lines.push("For people, write to Postmaster at this site.".into());
    } else {
        let (_, text) = TOPICS
            .iter()
            .find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(topic))?;
        lines.extend(text.iter().map(|l| (*l).to_owned()));
    }
    lines.push("End of HELP info".into());
    Some(Reply::with(214, (2, 0, 0), lines.join("\n")))
}
