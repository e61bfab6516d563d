//! Whether strangers can send through here: the classic forms of an address
//! that leads on, put to the compiled rules. Nothing is sent.

use bstr::BString;

use crate::admin::audit::Finding;
use crate::base::Severity;
use crate::cli::desk::OpenSite;
use crate::route::{Resolution, Verdict};

/// A client that no configuration knows (RFC 5737).
const STRANGER: &str = "203.0.113.77";
/// Somebody who is not here.
const ELSEWHERE: &str = "victim.invalid";

/// Asks every form, for senders of every kind.
pub(super) fn look(open: &OpenSite) -> Vec<Finding> {
    let host = open.site.macros.text(b"j").to_string();
    let senders = [
        "somebody@other.invalid".to_owned(),
        String::new(),
        format!("postmaster@{host}"),
        "postmaster".to_owned(),
    ];
    let mut found: Vec<Finding> = Vec::new();
    for recipient in forms(&host) {
        for sender in &senders {
            if open.runtime.block_on(relays(open, sender, &recipient)) {
                found.push(Finding {
                    severity: Severity::Error,
                    code: "open-relay",
                    subject: format!("<{recipient}>"),
                    why: format!("strangers can send through here, from <{sender}>"),
                    mend: format!(
                        "godwit explain relay --client {STRANGER},stranger.invalid --from '{sender}' --to '{recipient}'"
                    ),
                    fix: None,
                });
                break;
            }
        }
    }
    found
}

/// The ways to write an address of another host.
fn forms(host: &str) -> Vec<String> {
    vec![
        format!("user@{ELSEWHERE}"),
        format!("user%{ELSEWHERE}@{host}"),
        format!("user%{ELSEWHERE}"),
        format!("user@{ELSEWHERE}@{host}"),
        format!("\"user@{ELSEWHERE}\""),
        format!("\"user@{ELSEWHERE}\"@{host}"),
        format!("\"user%{ELSEWHERE}\"@{host}"),
        format!("@{host}:user@{ELSEWHERE}"),
        format!("{ELSEWHERE}!user"),
        format!("{ELSEWHERE}!user@{host}"),
        format!("{host}!user@{ELSEWHERE}"),
        format!("user@{ELSEWHERE}."),
    ]
}

/// Whether the rules take it from a stranger and send it elsewhere.
async fn relays(open: &OpenSite, sender: &str, recipient: &str) -> bool {
    let site = &open.site;
    let mut macros = site.layer();
    macros.set(b"client_addr", STRANGER);
    macros.set(b"client_name", "stranger.invalid");
    macros.set(b"client_ptr", "stranger.invalid");
    macros.set(b"client_resolve", "OK");
    macros.set(b"f", sender);
    macros.set(b"s", "stranger.invalid");
    let resolved = site.resolve(recipient.as_bytes(), &mut macros).await;
    let Resolution::Mailer(target) = resolved else {
        return false;
    };
    let mailer = site.mailer(target.mailer);
    let leads_on = !mailer.flags.has(b'w') && !mailer.flags.has(b'A');
    if !leads_on {
        return false;
    }
    macros.set(b"rcpt_mailer", mailer.name.clone());
    macros.set(b"rcpt_host", target.host.clone());
    macros.set(b"rcpt_addr", target.user.clone());
    let bracketed = BString::from(format!("<{recipient}>"));
    let relay = ["stranger.invalid".as_bytes(), STRANGER.as_bytes()];
    let mut verdicts = Vec::new();
    verdicts.push(site.check("check_relay", &relay, &mut macros).await);
    verdicts.push(site.check("check_rcpt", &[&bracketed], &mut macros).await);
    verdicts.iter().all(Verdict::is_accept)
}
