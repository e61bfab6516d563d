//! Options: who may ask what, what is shown of this host, TLS.

use bstr::ByteSlice;

use super::{Finding, Scope, finding};
use crate::base::Severity;
use crate::cf::Opt;

/// Words of PrivacyOptions, what they are for, and whether `goaway` has them.
const PRIVACY: [(&str, &str, bool); 5] = [
    ("noexpn", "strangers may ask who is on a list (EXPN)", true),
    (
        "novrfy",
        "strangers may ask whether a user exists (VRFY)",
        true,
    ),
    (
        "restrictmailq",
        "every user may see whose mail waits",
        false,
    ),
    (
        "restrictqrun",
        "every user may start runs of the queue",
        false,
    ),
    (
        "authwarnings",
        "messages do not say when a user set another sender",
        true,
    ),
];

/// Looks at them.
pub(super) fn look(scope: &Scope<'_>, findings: &mut Vec<Finding>) {
    privacy(scope, findings);
    let options = &scope.config.options;
    let greeting = options.text(Opt::SmtpGreetingMessage);
    if greeting.contains_str("$v") || greeting.contains_str("$Z") {
        findings.push(finding(
            Severity::Note,
            "greeting",
            "SmtpGreetingMessage",
            format!("the greeting tells the version: {greeting}"),
            "define(`confSMTP_LOGIN_MSG', `$j; $b')dnl in the .mc",
        ));
    }
    for word in options.words(Opt::DontBlameSendmail) {
        if !word.eq_ignore_ascii_case(b"safe") {
            findings.push(finding(
                Severity::Warning,
                "dont-blame",
                format!("DontBlameSendmail={word}"),
                "a check of permissions is off",
                "take it out of confDONT_BLAME_SENDMAIL, and mend what it was for",
            ));
        }
    }
    if options.number(Opt::LogLevel) < 9 {
        findings.push(finding(
            Severity::Note,
            "log-level",
            "LogLevel",
            "less than 9: the log does not say what became of every message",
            "define(`confLOG_LEVEL', `9')dnl in the .mc",
        ));
    }
    if !options.is_set(Opt::ServerCertFile) {
        findings.push(finding(
            Severity::Note,
            "no-tls",
            "ServerCertFile",
            "there is no certificate: mail, and passwords, come in clear",
            "define(`confSERVER_CERT', …) and define(`confSERVER_KEY', …) in the .mc",
        ));
    }
    for opt in [Opt::ServerCertFile, Opt::ServerKeyFile] {
        for value in options.all(opt) {
            let first = value
                .text
                .split(|byte| *byte == b',')
                .next()
                .unwrap_or_default();
            let path = first.trim().to_path_lossy();
            if !path.is_file() {
                findings.push(finding(
                    Severity::Warning,
                    "tls-file",
                    path.display().to_string(),
                    format!("{} names it, and it is not there: no TLS", opt.row().name),
                    value.origin.to_string(),
                ));
            }
        }
    }
}

fn privacy(scope: &Scope<'_>, findings: &mut Vec<Finding>) {
    let words = scope.config.options.words(Opt::PrivacyOptions);
    let has = |name: &str| {
        words
            .iter()
            .any(|word| word.eq_ignore_ascii_case(name.as_bytes()))
    };
    for (name, why, in_goaway) in PRIVACY {
        if has(name) || in_goaway && has("goaway") {
            continue;
        }
        let severity = match name {
            "authwarnings" => Severity::Note,
            _ => Severity::Warning,
        };
        findings.push(finding(
            severity,
            "privacy",
            format!("PrivacyOptions without {name}"),
            why,
            format!("add {name} to confPRIVACY_FLAGS in the .mc"),
        ));
    }
}
