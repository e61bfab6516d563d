//! What domains demand of the way their mail takes: TLSA records in a signed
//! zone (BIND signs and serves it, unbound validates it), and MTA-STS policies
//! on a web server.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::auth::{certificates, data, s_client};
use crate::need;
use crate::site::{Site, free_port};

/// A program that ends with the value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap_or(0));
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

/// Starts a program that says `ready`.
fn start(command: &mut Command) -> Running {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut ready).unwrap();
    assert_eq!(ready, "ready\n");
    Running(child)
}

/// A site that asks a validating resolver, and all that it may meet.
struct Net {
    site: Site,
    others: Vec<Running>,
}

fn net(options: &str, has_web: bool) -> Option<Net> {
    let what = "DANE and MTA-STS with a signed zone";
    for tool in ["named", "unbound", "dnssec-signzone", "openssl"] {
        need::tool(tool, what)?;
    }
    let python = need::tool("python3", what).filter(|_| need::root(what))?;
    let (mail, named, unbound) = (free_port(), free_port(), free_port());
    let mut site = Site::stock(&format!(
        "define(`confLOG_LEVEL', `12')dnl\ndefine(`confDOMAIN_NAME', `mail.example.org')dnl\n\
         define(`SMTP_MAILER_ARGS', `TCP $h {mail}')dnl\n\
         define(`ESMTP_MAILER_ARGS', `TCP $h {mail}')dnl\n\
         define(`confCACERT', `/etc/mail/certs/ca.pem')dnl\n\
         define(`confSERVER_CERT', `/etc/mail/certs/srv.pem')dnl\n\
         define(`confSERVER_KEY', `/etc/mail/certs/srv.key')dnl\n\
         define(`confHOST_STATUS_DIRECTORY', `.hoststat')dnl\n\
         FEATURE(`access_db')dnl\n{options}"
    ));
    certificates(&site)?;
    site.write("etc/mail/access", "Connect:127.0.0.1\tRELAY\n");
    site.write(
        "etc/resolv.conf",
        &format!("nameserver [127.0.0.1]:{unbound}\n"),
    );
    std::fs::create_dir_all(site.path("var/spool/mqueue/.hoststat")).unwrap();
    let folder = site.path("etc/mail");
    let far = |address: &str, certificate: &str, option: &str| {
        start(
            Command::new(&python)
                .arg(data("server.py"))
                .arg(mail.to_string())
                .args([
                    format!("{certificate}.pem"),
                    format!("{certificate}.key"),
                    "ca.pem".to_owned(),
                ])
                .arg(site.path(&format!("far-{address}.log")))
                .arg(option)
                .env("ADDRESS", address)
                .current_dir(folder.join("certs")),
        )
    };
    let zone = start(
        Command::new("sh")
            .arg(data("zone.sh"))
            .args([mail, named, unbound].map(|port| port.to_string()))
            .current_dir(&folder),
    );
    let web = || {
        start(
            Command::new(&python)
                .arg(data("policies.py"))
                .args(["127.0.0.84", "sts.pem", "sts.key"])
                .current_dir(folder.join("certs")),
        )
    };
    let mut others = vec![
        far("127.0.0.1", "far", "requiretls"),
        far("127.0.0.82", "far", "none"),
        far("127.0.0.83", "sts", ""),
        far("127.0.0.85", "old", ""),
        zone,
    ];
    others.extend(has_web.then(web));
    for port in [named, unbound] {
        site.until("a name server", |_| {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
    }
    site.start();
    Some(Net { site, others })
}

impl Net {
    /// What becomes of a message to a domain: `dsn=… stat=…`.
    fn stat(&self, domain: &str) -> String {
        let to = format!("u@{domain}");
        self.site
            .send("a@mail.example.org", &[&to], "Subject: x\n\nx\n");
        self.site.until("a to= line", |site| {
            let log = site.read("var/log/maillog");
            let mut lines = log.lines().rev();
            let line =
                lines.find(|l| l.contains(&format!("to=<{to}>, ")) && l.contains("stat="))?;
            Some(line[line.find("dsn=").unwrap_or(0)..].to_owned())
        })
    }
}

const SENT: &str = "dsn=2.0.0, stat=Sent (taken id=R1)";

#[test]
fn tlsa_records_that_a_resolver_vouches_for_are_kept_to() {
    let Some(net) = net("define(`confDANE', `true')dnl", false) else {
        return;
    };
    for (domain, wanted) in [
        ("right.dane.test", SENT),
        ("absent.dane.test", SENT),
        (
            "wrong.dane.test",
            "dsn=4.7.5, stat=Deferred: TLS policy of wrong.dane.test not met: validation-failure",
        ),
        (
            "notls.dane.test",
            "dsn=4.7.5, stat=Deferred: TLS policy of notls.dane.test not met: starttls-not-supported",
        ),
        (
            "bogus.dane.test",
            "dsn=4.7.5, stat=Deferred: TLSA lookup failed for mx-bogus.dane.test.",
        ),
    ] {
        let said = net.stat(domain);
        assert_eq!(
            said,
            wanted,
            "{domain}\n{}",
            net.site.read("var/log/maillog")
        );
    }
    // What a resolver does not vouch for it does not tell at all.
    let said = net.stat("old.test");
    assert!(said.contains("Deferred"), "{said}");
    let log = net.site.read("var/log/maillog");
    for line in [
        "relay=mx-right.dane.test., version=TLSv1.3, verify=TRUSTED",
        "relay=mx-right.dane.test., domain=right.dane.test, policy=dane, result=ok",
        "relay=mx-wrong.dane.test., version=TLSv1.3, verify=DANE_FAIL",
        "relay=mx-absent.dane.test., version=TLSv1.3, verify=OK",
    ] {
        assert!(log.contains(line), "{line}\n{log}");
    }
    // A message that must go under TLS to the end goes to a server that is who
    // it should be, and to no other.
    for (domain, wanted) in [
        ("right.dane.test", "dsn=2.0.0, stat=Sent"),
        ("absent.dane.test", "dsn=5.7.30, stat=Service unavailable"),
    ] {
        let from = "MAIL FROM:<a@mail.example.org> REQUIRETLS";
        let to = format!("RCPT TO:<strict@{domain}>");
        let text = "Subject: tls\n\nx\n.";
        let said = s_client(&net.site, &[], &[from, &to, "DATA", text]);
        assert!(said.contains("accepted for delivery"), "{said}");
        net.site.until(domain, |site| {
            let log = site.read("var/log/maillog");
            let mut lines = log.lines();
            let line = lines.find(|l| l.contains(&format!("to=<strict@{domain}>, ")))?;
            assert!(line.contains(wanted), "{line}");
            Some(())
        });
    }
    let heard = net.site.read("far-127.0.0.1.log");
    assert!(heard.contains("REQUIRETLS\n"), "{heard}");
    let hosts = net.site.must(&["hoststat", "-v"]);
    assert!(
        hosts.contains("(TLSv1.3, verify=TRUSTED, policy=dane)"),
        "{hosts}"
    );
}

#[test]
fn policies_on_web_servers_are_fetched_kept_and_kept_to() {
    let Some(mut net) = net("LOCAL_CONFIG\nO StrictTransportSecurity=True\n", true) else {
        return;
    };
    for (domain, wanted) in [
        ("sts-good.dane.test", SENT),
        (
            "sts-bad.dane.test",
            "dsn=4.7.5, stat=Deferred: TLS policy of sts-bad.dane.test not met: certificate-host-mismatch",
        ),
        ("sts-soft.dane.test", SENT),
        (
            "sts-other.dane.test",
            "dsn=4.7.5, stat=Deferred: MTA-STS policy does not name mx-absent.dane.test.",
        ),
        (
            "sts-old.dane.test",
            "dsn=4.7.5, stat=Deferred: TLS policy of sts-old.dane.test not met: certificate-expired",
        ),
        ("absent.dane.test", SENT),
    ] {
        let said = net.stat(domain);
        assert_eq!(
            said,
            wanted,
            "{domain}\n{}",
            net.site.read("var/log/maillog")
        );
    }
    let log = net.site.read("var/log/maillog");
    for line in [
        "domain=sts-good.dane.test, policy=sts, result=ok",
        "domain=sts-soft.dane.test, policy=sts-testing, result=certificate-host-mismatch",
    ] {
        assert!(log.contains(line), "{line}\n{log}");
    }
    // A policy holds over a restart, though its web server is gone.
    net.site.stop();
    drop(net.others.pop());
    net.site.write("var/log/maillog", "");
    net.site.start();
    let said = net.stat("sts-other.dane.test");
    assert!(said.contains("does not name"), "{said}");
}
