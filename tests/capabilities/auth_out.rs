//! Mail to servers with STARTTLS and AUTH: what is demanded of them, what is
//! told them, and what becomes of mail when they fail.
//!
//! The far host is Python's ssl.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::auth::{certificates, data};
use crate::need;
use crate::site::{Site, free_port};

struct Far {
    child: Child,
    log: std::path::PathBuf,
}

impl Drop for Far {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Far {
    fn heard(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

/// A site that sends all mail to a far host, which has `certificate` and
/// `options`; `access` says what is demanded.
fn site(certificate: &str, options: &[&str], access: &str, extra: &str) -> Option<(Site, Far)> {
    let python = need::tool("python3", "STARTTLS as a client")?;
    let port = free_port();
    let mut site = Site::stock(&format!(
        "define(`confLOG_LEVEL', `12')dnl\ndefine(`SMART_HOST', `[127.0.0.1]')dnl\n\
         define(`RELAY_MAILER_ARGS', `TCP $h {port}')dnl\n\
         define(`confDOMAIN_NAME', `mail.example.org')dnl\n\
         define(`confCACERT', `/etc/mail/certs/ca.pem')dnl\n\
         define(`confCLIENT_CERT', `/etc/mail/certs/cli.pem')dnl\n\
         define(`confCLIENT_KEY', `/etc/mail/certs/cli.key')dnl\n\
         FEATURE(`access_db')dnl\n{extra}"
    ));
    certificates(&site)?;
    site.write(
        "etc/mail/access",
        &format!("Connect:127.0.0.1\tRELAY\n{access}"),
    );
    let (folder, log) = (site.path("etc/mail/certs"), site.path("far.log"));
    let mut child = Command::new(python)
        .arg(data("server.py"))
        .arg(port.to_string())
        .args([
            format!("{certificate}.pem"),
            format!("{certificate}.key"),
            "ca.pem".into(),
        ])
        .arg(&log)
        .args(options)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut ready)
        .unwrap();
    site.start();
    Some((site, Far { child, log }))
}

/// Sends a message, and waits for the end of its `to=` line.
fn stat(site: &Site) -> String {
    site.send(
        "a@mail.example.org",
        &["ok@remote.test"],
        "Subject: out\n\nx\n",
    );
    site.until("a to= line", |site| {
        let log = site.read("var/log/maillog");
        let line = log
            .lines()
            .find(|line| line.contains("to=<ok@remote.test>, ") && line.contains("stat="))?;
        Some(line[line.find("dsn=").unwrap_or(0)..].to_owned())
    })
}

#[test]
fn starttls_is_used_when_it_is_offered() {
    let Some((site, far)) = site("far", &[], "", "") else {
        return;
    };
    assert_eq!(stat(&site), "dsn=2.0.0, stat=Sent (taken id=R1)");
    let heard = far.heard();
    assert!(
        heard.contains("(TLSv1.3, client certificate: ['client.example.com'])"),
        "{heard}"
    );
    assert_eq!(
        heard.matches("C: EHLO mail.example.org").count(),
        2,
        "{heard}"
    );
    let log = site.read("var/log/maillog");
    let line = "STARTTLS=client, relay=[127.0.0.1], version=TLSv1.3, verify=OK, \
        cipher=TLS_AES_256_GCM_SHA384, bits=256/256";
    assert!(log.contains(line), "{log}");
    assert!(
        log.contains("STARTTLS=client, cert-subject=/O=Far/CN=remote.test"),
        "{log}"
    );
}

#[test]
fn what_fails_goes_in_the_clear_where_that_is_allowed() {
    for (certificate, option) in [
        ("far", "refuse"),
        ("far", "drop"),
        ("far", "garbage"),
        ("far", "none"),
        ("evil", ""),
    ] {
        let Some((site, far)) = site(certificate, &[option], "", "") else {
            return;
        };
        assert_eq!(
            stat(&site),
            "dsn=2.0.0, stat=Sent (taken id=R1)",
            "{option}: {}",
            far.heard()
        );
    }
}

#[test]
fn what_a_server_says_before_the_handshake_counts_for_nothing() {
    let Some((site, far)) = site("far", &["inject"], "", "") else {
        return;
    };
    let stat = stat(&site);
    assert!(stat.starts_with("dsn=4.4.2, stat=Deferred"), "{stat}");
    assert!(!far.heard().contains("C: MAIL"), "{}", far.heard());
}

#[test]
fn what_is_demanded_of_a_server_is_not_given_up() {
    let cases = [
        (
            "evil",
            "",
            "VERIFY",
            "dsn=4.7.0, stat=Deferred: 454 4.7.0 authentication failed",
        ),
        (
            "far",
            "none",
            "VERIFY",
            "dsn=4.7.0, stat=Deferred: 454 4.7.0 other side does not support STARTTLS",
        ),
        (
            "far",
            "",
            "ENCR:999",
            "dsn=4.7.0, stat=Deferred: 454 4.7.0 encryption too weak 256 less than 999",
        ),
        (
            "far",
            "",
            "PERM+VERIFY+CN:other.test",
            "dsn=5.7.0, stat=Service unavailable",
        ),
        (
            "far",
            "",
            "VERIFY:256",
            "dsn=2.0.0, stat=Sent (taken id=R1)",
        ),
        (
            "far",
            "drop",
            "ENCR:112",
            "dsn=4.7.0, stat=Deferred: 454 4.7.0 encryption too weak 0 less than 112",
        ),
    ];
    for (certificate, option, demand, wanted) in cases {
        let access = format!("TLS_Srv:127.0.0.1\t{demand}\nTLS_Srv:[127.0.0.1]\t{demand}\n");
        let Some((site, far)) = site(certificate, &[option], &access, "") else {
            return;
        };
        assert_eq!(
            stat(&site),
            wanted,
            "{certificate} {option} {demand}: {}",
            far.heard()
        );
        let took = far.heard().contains("C: MAIL");
        assert_eq!(took, wanted.contains("Sent"), "{demand}: {}", far.heard());
    }
    let access = "TLS_Rcpt:ok@remote.test\tVERIFY\n";
    let Some((site, far)) = site("evil", &[], access, "") else {
        return;
    };
    assert_eq!(
        stat(&site),
        "dsn=4.7.0, stat=Deferred: 454 4.7.0 authentication failed"
    );
    assert!(!far.heard().contains("C: RCPT"), "{}", far.heard());
    let access = "Try_TLS:127.0.0.1\tNO\nTry_TLS:[127.0.0.1]\tNO\n";
    let Some((site, far)) = self::site("far", &[], access, "") else {
        return;
    };
    assert_eq!(stat(&site), "dsn=2.0.0, stat=Sent (taken id=R1)");
    assert!(!far.heard().contains("STARTTLS"), "{}", far.heard());
}

#[test]
fn accounts_are_used_and_refused_ones_do_not_hold_mail_up() {
    let account = "AuthInfo:127.0.0.1\t\"U:alice\" \"P=czNjcmV0\" \"M:CRAM-MD5 PLAIN\"\n";
    let Some((site, far)) = site("far", &[], account, "") else {
        return;
    };
    assert_eq!(stat(&site), "dsn=2.0.0, stat=Sent (taken id=R1)");
    assert!(far.heard().contains("C: AUTH CRAM-MD5"), "{}", far.heard());
    let log = site.read("var/log/maillog");
    assert!(
        log.contains("AUTH=client, relay=[127.0.0.1], mech=CRAM-MD5, bits=0"),
        "{log}"
    );
    let Some((site, far)) = self::site("far", &["badauth"], account, "") else {
        return;
    };
    assert_eq!(stat(&site), "dsn=2.0.0, stat=Sent (taken id=R1)");
    let heard = far.heard();
    assert!(heard.contains("C: AUTH PLAIN"), "{heard}");
    let log = site.read("var/log/maillog");
    assert!(log.contains("mech=CRAM-MD5, failed: 535 5.7.8 no"), "{log}");
}

#[test]
fn the_default_account_holds_where_none_is_said() {
    let file = "define(`confDEF_AUTH_INFO', `/etc/mail/default-auth-info')dnl\n\
        define(`confAUTH_MECHANISMS', `CRAM-MD5')dnl";
    let Some((site, far)) = site("far", &[], "", file) else {
        return;
    };
    site.write(
        "etc/mail/default-auth-info",
        "alice\nalice\ns3cret\nremote.test\nCRAM-MD5\n",
    );
    assert_eq!(stat(&site), "dsn=2.0.0, stat=Sent (taken id=R1)");
    assert!(far.heard().contains("C: AUTH CRAM-MD5"), "{}", far.heard());
    let log = site.read("var/log/maillog");
    let line = "AUTH=client, relay=[127.0.0.1], mech=CRAM-MD5, bits=0";
    assert!(log.contains(line), "{log}");
}
