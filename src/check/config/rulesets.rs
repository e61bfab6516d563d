//! Rulesets: called and not defined, defined and not called.

use std::collections::HashSet;

use bstr::{BString, ByteSlice};

use super::Subject;
use crate::base::{Diagnostic, Origin};
use crate::cf::HeaderAction;
use crate::check::codes;

/// Rulesets that the program calls by itself.
const HOOKS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "parse",
    "sender",
    "recipient",
    "canonify",
    "final",
    "localaddr",
    "check_relay",
    "check_mail",
    "check_rcpt",
    "check_data",
    "check_eoh",
    "check_eom",
    "check_compat",
    "check_etrn",
    "check_expn",
    "check_vrfy",
    "check_other",
    "srv_features",
    "clt_features",
    "tls_srv_features",
    "tls_clt_features",
    "try_tls",
    "tls_client",
    "tls_server",
    "tls_rcpt",
    "authinfo",
    "trust_auth",
    "queuegroup",
    "greet_pause",
    "proxy",
    "bcc",
    "sts_sni",
    "Local_check_relay",
    "Local_check_mail",
    "Local_check_rcpt",
    "Local_Relay_Auth",
    "Local_trust_auth",
    "Local_localaddr",
    "Local_greet_pause",
    "Local_srv_features",
    "Local_clt_features",
    "Local_try_tls",
    "Local_tls_client",
    "Local_tls_server",
    "Local_tls_rcpt",
    "check_header",
    "check_body",
];

/// What is wrong with the names of rulesets.
pub(super) fn faults(subject: &Subject<'_>, faults: &mut Vec<Diagnostic>) {
    if subject.rules.is_empty() {
        return;
    }
    let calls = calls(subject);
    let config = subject.config;
    for (name, origin, who) in &calls {
        let defined = config.ruleset(name).is_some();
        // Numbers may always be called; the library's own calls are its
        // business.
        if !defined && !name.iter().all(u8::is_ascii_digit) && !subject.is_standard(name) {
            let message = format!("{who} calls the ruleset {name}");
            faults.push(codes::fault(
                "cf-ruleset-undefined",
                origin.clone(),
                message,
            ));
        }
    }
    let called: HashSet<u32> = calls
        .iter()
        .filter_map(|(name, _, _)| config.ruleset(name).map(|ruleset| ruleset.number))
        .collect();
    for ruleset in &config.rulesets {
        let name = ruleset.name.as_slice();
        let hook = HOOKS.iter().any(|hook| hook.as_bytes() == name) || ruleset.number <= 5;
        if hook
            || !subject.own.has(&ruleset.origin, b'S')
            || called.contains(&ruleset.number)
            || subject.is_standard(name)
            || name.iter().all(u8::is_ascii_digit)
        {
            continue;
        }
        let message = format!("nothing calls the ruleset {}", ruleset.name);
        let fault = codes::fault("cf-ruleset-unused", ruleset.origin.clone(), message);
        faults.push(super::did_you_mean(fault, name, HOOKS));
    }
}

/// Every call of a ruleset by name: the name, where, and who.
fn calls(subject: &Subject<'_>) -> Vec<(BString, Origin, String)> {
    let mut calls = Vec::new();
    for rule in &subject.rules {
        for pair in rule.right.windows(2) {
            if pair[0] == "$>" && !pair[1].contains(&b'$') {
                let who = format!("ruleset {}", rule.ruleset);
                let name = super::rules::unquoted(&pair[1]).into();
                calls.push((name, rule.origin.clone(), who));
            }
        }
    }
    for mailer in &subject.config.mailers {
        for pair in [&mailer.sender, &mailer.recipient] {
            for name in [&pair.envelope, &pair.header] {
                if !name.is_empty() {
                    let who = format!("mailer {}", mailer.name);
                    calls.push((name.clone(), mailer.origin.clone(), who));
                }
            }
        }
    }
    for header in &subject.config.headers {
        if let HeaderAction::Check { ruleset, .. } = &header.action
            && !ruleset.is_empty()
        {
            let name = ruleset.trim().into();
            calls.push((
                name,
                header.origin.clone(),
                format!("header {}", header.name),
            ));
        }
    }
    calls
}
