//! Every configuration in `mc/` is not only compiled: it is served.
//!
//! What a test cannot have is changed in the text and nothing else: ports that
//! belong to the system, hosts of other sites, users and programs of other
//! systems, and what would deliver outside the private root.

use std::time::Duration;

use crate::mail::me;
use crate::sink::Sink;
use crate::site::{Site, free_port};

/// The name and text of each file of `mc/`.
pub(crate) const CONFIGURATIONS: &[(&str, &str)] = &[
    ("debian", include_str!("../../mc/debian.mc")),
    ("freebsd", include_str!("../../mc/freebsd.mc")),
    ("hub", include_str!("../../mc/hub.mc")),
    ("masquerade", include_str!("../../mc/masquerade.mc")),
    ("null-client", include_str!("../../mc/null-client.mc")),
    ("redhat", include_str!("../../mc/redhat.mc")),
    ("smart-host", include_str!("../../mc/smart-host.mc")),
    ("standalone", include_str!("../../mc/standalone.mc")),
    ("submission", include_str!("../../mc/submission.mc")),
    (
        "virtual-domains",
        include_str!("../../mc/virtual-domains.mc"),
    ),
];

fn text(name: &str) -> &'static str {
    let found = CONFIGURATIONS.iter().find(|(file, _)| *file == name);
    found.expect("a file of mc/").1
}

/// The configuration with ports of our own, and `[MBOX]` for the programs
/// that deliver on the system it was written for.
pub(crate) fn adapted(name: &str) -> String {
    let mut out = String::new();
    for line in text(name).lines() {
        if line.starts_with("FEATURE(`local_lmtp')") {
            continue;
        }
        let line = line
            .replace("`/usr/bin/procmail'", "`[MBOX]'")
            .replace("Port=smtp,", "Port=@PORT@, Addr=127.0.0.1,")
            .replace("Name=IPv4,", "Name=IPv4, Port=@PORT@, Addr=127.0.0.1,")
            .replace(
                "Name=IPv6,",
                &format!("Name=IPv6, Port={}, Addr=::1,", free_port()),
            )
            .replace(
                "Port=submission,",
                &format!("Port={}, Addr=127.0.0.1,", free_port()),
            )
            .replace(
                "Port=smtps,",
                &format!("Port={}, Addr=127.0.0.1,", free_port()),
            );
        out.push_str(&line);
        out.push('\n');
        if line.starts_with("OSTYPE(") && name == "freebsd" {
            out.push_str("FEATURE(`no_default_msa')dnl\n");
        }
        if line.starts_with("DOMAIN(") {
            out.push_str("define(`LOCAL_MAILER_PATH', `[MBOX]')dnl\n");
            out.push_str("define(`confTRUSTED_USER', `')dnl\n");
        }
        if line.contains("`[MAILDIR]'") {
            // The usual one is in the user's real home directory.
            out.push_str("define(`LOCAL_MAILER_ARGS', `MAILDIR @ROOT@/var/mail/$u')dnl\n");
        }
    }
    out
}

/// Starts the site, and gives the name by which it greets.
pub(crate) fn served(mc: &str) -> (Site, String) {
    let mut site = Site::new(mc);
    for name in ["local-host-names", "trusted-users", "virtuser-domains"] {
        site.write(&format!("etc/mail/{name}"), "");
    }
    site.write("etc/aliases", "postmaster: root\n");
    site.start();
    let mut session = site.session();
    let greeting = session.expect("NOOP", "250");
    assert!(!greeting.is_empty());
    let hello = session.expect("EHLO client.example.com", "250");
    let name = hello["250-".len()..].split_whitespace().next();
    let name = name.expect("a name").to_owned();
    session.expect("QUIT", "221");
    (site, name)
}

/// The door does its work: our own mail comes in, a stranger's does not go
/// through.
fn keeps_its_door(site: &Site, host: &str) {
    let me = me();
    let mut session = site.stranger();
    session.expect("EHLO client.example.com", "250");
    session.expect(&format!("MAIL FROM:<{me}@{host}>"), "250");
    let refusal = session.say("RCPT TO:<someone@elsewhere.example>");
    assert!(
        refusal.starts_with("550 5.7.1 <someone@elsewhere.example>... Relaying denied"),
        "{refusal}"
    );
    session.expect("QUIT", "221");
}

fn delivers_at_home(name: &str) {
    let (site, host) = served(&adapted(name));
    keeps_its_door(&site, &host);
    let address = format!("{}@{host}", me());
    site.send(&address, &[&address], "Subject: at home\n\nhello\n");
    let mail = if name == "virtual-domains" {
        maildir(&site)
    } else {
        site.mailbox(&me(), "Subject: at home")
    };
    assert!(mail.contains("\nhello\n"), "{mail}");
}

/// The one message in the Maildir of whoever the tests deliver to.
fn maildir(site: &Site) -> String {
    site.until("a message in the Maildir", |site| {
        let new = site.path(&format!("var/mail/{}/new", me()));
        let entry = std::fs::read_dir(new).ok()?.next()?.ok()?;
        std::fs::read_to_string(entry.path()).ok()
    })
}

macro_rules! at_home {
    ($($test:ident $name:literal)*) => {$(
        #[test]
        fn $test() {
            delivers_at_home($name);
        }
    )*};
}

at_home! {
    as_on_debian "debian"
    as_on_freebsd "freebsd"
    as_on_red_hat "redhat"
    a_hub "hub"
    a_masqueraded_site "masquerade"
    a_standalone_host "standalone"
    virtual_domains "virtual-domains"
}

#[test]
fn a_smart_host_gets_what_is_not_ours() {
    let sink = Sink::start();
    let mc = adapted("smart-host")
        .replace("[relay.example.net]", "[127.0.0.1]")
        .replace("TCP $h 587", &format!("TCP $h {}", sink.port()));
    let (site, host) = served(&mc);
    keeps_its_door(&site, &host);
    let from = format!("{}@{host}", me());
    site.send(&from, &["a@far.example"], "Subject: away\n\nx\n");
    let got = sink.wait(1);
    assert_eq!(got[0].to, ["a@far.example"]);
    assert_eq!(got[0].from, format!("{}@example.org", me()));
}

#[test]
fn a_null_client_sends_everything_to_the_hub() {
    let sink = Sink::start();
    let mc = adapted("null-client")
        .replace("[hub.example.org]", "[127.0.0.1]")
        .replace(
            "FEATURE(`nullclient'",
            &format!(
                "define(`RELAY_MAILER_ARGS', `TCP $h {0}')dnl\ndefine(`SMTP_MAILER_ARGS', `TCP $h {0}')dnl\nFEATURE(`nullclient'",
                sink.port()
            ),
        );
    let (site, host) = served(&mc);
    let from = format!("{}@{host}", me());
    site.send(&from, &[&from], "Subject: to the hub\n\nx\n");
    assert!(sink.wait(1)[0].text.contains("Subject: to the hub"));
}

#[test]
fn submission_keeps_what_the_hub_cannot_take() {
    let hub = std::net::TcpStream::connect_timeout(
        &([127, 0, 0, 1], 587).into(),
        Duration::from_millis(100),
    );
    if hub.is_ok() {
        crate::need::left_out("submission while the hub is away", "port 587 is served");
        return;
    }
    let site = Site::stock("");
    site.write(
        "etc/mail/submit.mc",
        &adapted("submission").replace("[hub.example.org]", "[127.0.0.1]"),
    );
    site.must(&[
        "compile",
        &site.path("etc/mail/submit.mc").display().to_string(),
        "-o",
        &site.path("etc/mail/submit.cf").display().to_string(),
    ]);
    std::fs::create_dir_all(site.path("var/spool/clientmqueue")).expect("a queue");
    site.must(&["sendmail", "-Ac", "-odi", "someone@far.example"]);
    let queue = site.must(&["mailq", "-Ac"]);
    assert!(
        queue.contains("Connection refused by [127.0.0.1]"),
        "{queue}"
    );
    assert!(queue.contains("someone@far.example"), "{queue}");
}

#[test]
fn none_is_forgotten() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("mc");
    let Ok(entries) = std::fs::read_dir(folder) else {
        crate::need::left_out("the list of mc/", "the sources cannot be read");
        return;
    };
    let mut there: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".mc").map(str::to_owned))
        .collect();
    there.sort();
    let ours: Vec<&str> = CONFIGURATIONS.iter().map(|(name, _)| *name).collect();
    assert_eq!(there, ours);
}
