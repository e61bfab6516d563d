//! Who gets in, and what never gets through: relaying in every spelling,
//! smuggling in every form, balancers, access files, limits.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::configurations::{CONFIGURATIONS, adapted, served};
use crate::dialogue::Dialogue;
use crate::mail::me;
use crate::sink::Sink;
use crate::site::{PATIENCE, Site};

fn started(extra: &str, files: &[(&str, &str)]) -> Site {
    let mut site = Site::stock(extra);
    site.write("etc/mail/local-host-names", "here.example\n");
    for (name, text) in files {
        site.write(name, text);
    }
    site.start();
    site
}

/// Every way to write an address of `elsewhere.example` that some host has
/// once relayed; `@H` is our own name, `@M` a user of ours.
const SPELLINGS: &[&str] = &[
    "<v@elsewhere.example>",
    "v@elsewhere.example",
    "<v@ELSEWHERE.example>",
    "<v@elsewhere.example.>",
    "<v%elsewhere.example@H>",
    "<v%elsewhere.example%H@H>",
    "<v%elsewhere.example@localhost>",
    "<v%elsewhere.example@[127.0.0.1]>",
    "<v%elsewhere.example@127.0.0.1>",
    "<v%elsewhere.example>",
    "<\"v%elsewhere.example\"@H>",
    "<v%[203.0.113.1]@H>",
    "<elsewhere.example!v@H>",
    "<elsewhere.example!v>",
    "<H!elsewhere.example!v>",
    "<elsewhere.example!v@localhost>",
    "<elsewhere.example!v@[127.0.0.1]>",
    "<\"elsewhere.example!v\"@H>",
    "<elsewhere.example!v%H@H>",
    "<@H:v@elsewhere.example>",
    "<@H,@H:v@elsewhere.example>",
    "<@localhost:v@elsewhere.example>",
    "<@[127.0.0.1]:v@elsewhere.example>",
    "<@H:v%elsewhere.example@H>",
    "<\"@H:v\"@elsewhere.example>",
    "<\"v@elsewhere.example\"@H>",
    "<\"v@elsewhere.example\">",
    "<v@elsewhere.example@H>",
    "<v@elsewhere.example@[127.0.0.1]>",
    "<v@H@elsewhere.example>",
    "<v@[203.0.113.1]>",
    "<v@203.0.113.1>",
    "<v@[IPv6:2001:db8::1]>",
    "<v@elsewhere.example%H>",
    "<v%elsewhere.example!H@H>",
    "<\"v\"@elsewhere.example>",
    "<v@elsewhere.example (H)>",
    "(M@H) <v@elsewhere.example>",
    "<M@H> <v@elsewhere.example>",
    "<v @ elsewhere.example>",
    "<v@\"elsewhere.example\">",
    "<<v@elsewhere.example>>",
    "<v\\@elsewhere.example>",
    "<v\\%elsewhere.example@H>",
    "<v@elsewhere.example,M@H>",
    "<x:v@elsewhere.example;@H>",
    "<postmaster@elsewhere.example>",
    "<postmaster%elsewhere.example@H>",
    "<M+v%elsewhere.example@H>",
    "<v%elsewhere.example+M@H>",
    "<v%elsewhere.example%elsewhere.example@H>",
    "<@elsewhere.example>",
    "<v@.elsewhere.example>",
    "<v@H.elsewhere.example>",
    "<v@elsewhere.example\\>",
    "<v=elsewhere.example@elsewhere.example>",
];

/// Senders that have opened doors elsewhere.
const SENDERS: &[&str] = &[
    "<s@far.example>",
    "<>",
    "<M@H>",
    "<M>",
    "<postmaster@H>",
    "<s@localhost>",
    "<s@[127.0.0.1]>",
    "<v@elsewhere.example>",
    "<\"M@H\"@far.example>",
    "<s%H@far.example>",
    "<@H:s@far.example>",
];

/// No spelling is relayed for a stranger, whoever is said to send.
fn relays_nothing(what: &str, site: &Site, host: &str, senders: &[&str]) {
    let fill = |text: &str| {
        let text = text
            .replace("@H", &format!("@{host}"))
            .replace("%H", &format!("%{host}"));
        let text = text
            .replace("H!", &format!("{host}!"))
            .replace("!H", &format!("!{host}"));
        text.replace("(H)", &format!("({host})"))
            .replace("M@", &format!("{}@", me()))
    };
    for sender in senders {
        let mut session = site.stranger();
        session.expect("EHLO client.example.com", "250");
        if !session
            .say(&format!("MAIL FROM:{}", fill(sender)))
            .starts_with("250")
        {
            continue;
        }
        for (count, spelling) in SPELLINGS.iter().enumerate() {
            // Behind a backslash is no operator: this is a user of ours, and
            // a hub that does not know its users passes it on inside.
            if matches!(what, "hub" | "null-client") && spelling.contains('\\') {
                continue;
            }
            let recipient = fill(spelling);
            let reply = session.say(&format!("RCPT TO:{recipient}"));
            let is_refused = reply.starts_with('5') || reply.starts_with('4');
            assert!(
                is_refused,
                "{what}: MAIL FROM:{sender} RCPT TO:{recipient} ({count}): {reply}"
            );
        }
        session.say("QUIT");
    }
}

#[test]
fn a_stranger_relays_through_no_configuration_in_any_spelling() {
    let play = |name: &str| {
        // Names that nobody answers for are not waited for.
        let mc = adapted(name).replace(
            "MAILER(`local')",
            "define(`confTO_RESOLVER_RETRANS', `1s')dnl\n\
             define(`confTO_RESOLVER_RETRY', `1')dnl\nMAILER(`local')",
        );
        let (site, host) = served(&mc);
        relays_nothing(name, &site, &host, &SENDERS[1..2]);
    };
    // Looking for names that do not exist takes time, not work.
    std::thread::scope(|scope| {
        // That for submission serves no strangers, and wants a user of its own.
        let served = CONFIGURATIONS
            .iter()
            .filter(|(name, _)| *name != "submission");
        for (name, _) in served {
            scope.spawn(|| play(name));
        }
    });
}

#[test]
fn a_stranger_relays_nothing_with_the_usual_features() {
    let site = started(
        "FEATURE(`use_cw_file')dnl\nFEATURE(`access_db', `hash -o /etc/mail/access')dnl\n\
         FEATURE(`virtusertable', `hash -o /etc/mail/virtusertable')dnl\n\
         FEATURE(`mailertable', `hash -o /etc/mail/mailertable')dnl\n\
         FEATURE(`relay_hosts_only')dnl\nFEATURE(`blocklist_recipients')dnl\n\
         FEATURE(`delay_checks')dnl\nFEATURE(`redirect')dnl",
        &[
            (
                "etc/mail/access",
                "To:relayed.example\tRELAY\nFrom:far.example\tOK\n",
            ),
            (
                "etc/mail/virtusertable",
                "old@here.example\tnew@here.example\n",
            ),
            ("etc/mail/mailertable", ".far.example\tsmtp:[127.0.0.9]\n"),
        ],
    );
    relays_nothing("the usual features", &site, "here.example", SENDERS);
}

/// What has passed for an end of message somewhere.
const ENDS: &[&[u8]] = &[
    b"\n.\n",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r",
    b"\r\n.\r",
    b"\r.\r\n",
    b"\r.\n",
    b"\n.\r",
    b"\r\r\n.\r\n",
    b"\r\n.\r\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\r\n .\r\n",
    b"\r\n. \r\n",
    b"\r\n..\r\n",
    b"\r\n.\t\r\n",
    b"\r\n\x80.\r\n",
    b"\x8d\x8a.\x8d\x8a",
    b"\x85.\x85",
    b"\r\n.\x0b\r\n",
    b"\x0c.\x0c",
];

/// A second message hidden behind `end`.
fn hidden(end: &[u8]) -> Vec<u8> {
    let me = me();
    bstr::concat([
        b"Subject: outer\r\n\r\nx".as_slice(),
        end,
        format!(
            "MAIL FROM:<smuggler@far.example>\r\nRCPT TO:<{me}@here.example>\r\nDATA\r\n\
             Subject: smuggled\r\n\r\ny\r\n"
        )
        .as_bytes(),
    ])
}

fn envelope(site: &Site, to: &str) -> Dialogue {
    let mut session = site.session();
    session.expect("EHLO client.example.com", "250");
    session.expect("MAIL FROM:<outer@far.example>", "250");
    session.expect(&format!("RCPT TO:<{to}>"), "250");
    session
}

/// Waits until `text` has come through, and so everything before it.
fn settled(site: &Site, sink: &Sink, text: &str) -> Vec<crate::sink::Received> {
    site.send(
        "last@far.example",
        &["v@elsewhere.example"],
        &format!("Subject: {text}\n\nx\n"),
    );
    site.until("the last message", |_| {
        let got = sink.received();
        got.iter().any(|m| m.text.contains(text)).then_some(got)
    })
}

#[test]
fn nothing_but_the_end_ends_a_message() {
    let sink = Sink::start();
    let site = started(
        &format!(
            "FEATURE(`use_cw_file')dnl\n\
             define(`SMART_HOST', `relay:[127.0.0.1]')dnl\n\
             define(`RELAY_MAILER_ARGS', `TCP $h {}')dnl\n\
             define(`confMAX_DAEMON_CHILDREN', `0')dnl",
            sink.port()
        ),
        &[],
    );
    let to = "v@elsewhere.example";
    for end in ENDS {
        let shown = end.escape_ascii().to_string();
        let text = hidden(end);
        // After DATA: one answer for all of it, or the session ends.
        let mut session = envelope(&site, to);
        session.expect("DATA", "354");
        session.raw(&text);
        session.raw(b"\r\n.\r\nQUIT\r\n");
        let said = session.rest();
        assert!(!said.contains("Sender ok"), "DATA {shown}: {said}");
        assert!(
            said.matches("Message accepted").count() <= 1,
            "DATA {shown}: {said}"
        );
        // The same octets counted: the hidden commands are text or nothing.
        let mut session = envelope(&site, to);
        session.raw(format!("BDAT {} LAST\r\n", text.len()).as_bytes());
        session.raw(&text);
        session.raw(b"QUIT\r\n");
        let said = session.rest();
        assert!(!said.contains("Sender ok"), "BDAT {shown}: {said}");
        assert!(
            said.matches("Message accepted").count() <= 1,
            "BDAT {shown}: {said}"
        );
        // And cut in the middle of what is no end.
        let mut session = envelope(&site, to);
        let cut = "Subject: outer\r\n\r\nx".len() + end.len() / 2;
        session.raw(format!("BDAT {cut}\r\n").as_bytes());
        session.raw(&text[..cut]);
        session.raw(format!("BDAT {} LAST\r\n", text.len() - cut).as_bytes());
        session.raw(&text[cut..]);
        session.raw(b"QUIT\r\n");
        let said = session.rest();
        assert!(!said.contains("Sender ok"), "cut BDAT {shown}: {said}");
    }
    // A program's own message, where dots are text.
    let mut child = std::process::Command::new(crate::site::godwit())
        .arg("--root")
        .arg(site.root())
        .args(["sendmail", "-Am", "-i", "-f", "outer@far.example", to])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("sendmail can be started");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(&hidden(b"\r\n.\r\n")).expect("it reads");
    input.write_all(&hidden(b"\n.\n")).expect("it reads");
    drop(input);
    assert!(child.wait().expect("it ends").success());
    // What went on is what came: never a message of the smuggler's.
    for message in settled(&site, &sink, "the end of it") {
        assert_ne!(message.from, "smuggler@far.example", "{message:?}");
    }
    let mail = site.read(&format!("var/mail/{}", me()));
    assert!(!mail.contains("smuggled"), "{mail}");
}

#[test]
fn a_balancer_names_its_clients_and_nobody_else_may() {
    let site = started(
        "FEATURE(`access_db', `hash -o /etc/mail/access')dnl\n\
         FEATURE(`ratecontrol', `nodelay', `terminate')dnl\n\
         LOCAL_CONFIG\nC{ProxyHosts} 127.0.0.3/32\nC{XclientHosts} 127.0.0.4\n",
        &[(
            "etc/mail/access",
            "Connect:192.0.2.66\tREJECT\nConnect:127.0.0.3\tRELAY\nClientRate:192.0.2.9\t1\n",
        )],
    );
    let balanced = |header: &[u8]| {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)
            .expect("a socket");
        let local = std::net::SocketAddr::from(([127, 0, 0, 3], 0));
        socket.bind(&local.into()).expect("an address of ours");
        socket
            .connect(&site.address().into())
            .expect("the server listens");
        let mut stream = std::net::TcpStream::from(socket);
        stream.write_all(header).expect("it reads");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut text = String::new();
        for command in [
            "EHLO x",
            "MAIL FROM:<a@far.example>",
            "RCPT TO:<v@elsewhere.example>",
            "QUIT",
        ] {
            let mut space = [0; 4096];
            let count = stream.read(&mut space).unwrap_or(0);
            text.push_str(&String::from_utf8_lossy(&space[..count]));
            if stream
                .write_all(format!("{command}\r\n").as_bytes())
                .is_err()
            {
                break;
            }
        }
        let _ = stream.read_to_string(&mut text);
        text
    };
    let refused = balanced(b"PROXY TCP4 192.0.2.66 127.0.0.1 4000 25\r\n");
    assert!(refused.contains("Hello [192.0.2.66]"), "{refused}");
    assert!(refused.contains("550 5.7.1 Access denied"), "{refused}");
    // The balancer may relay; its clients may not.
    let client = balanced(b"PROXY TCP4 192.0.2.1 127.0.0.1 4000 25\r\n");
    assert!(
        client.contains("550 5.7.1 <v@elsewhere.example>... Relaying denied"),
        "{client}"
    );
    let own = balanced(b"PROXY UNKNOWN\r\n");
    assert!(own.contains("Recipient ok"), "{own}");
    let mut second = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    second.extend_from_slice(&[192, 0, 2, 66, 127, 0, 0, 1, 15, 160, 0, 25]);
    let refused = balanced(&second);
    assert!(refused.contains("Hello [192.0.2.66]"), "{refused}");
    // Clients are counted one by one, not as the balancer.
    let once = b"PROXY TCP4 192.0.2.9 127.0.0.1 4000 25\r\n";
    assert!(balanced(once).starts_with("220"));
    assert!(balanced(once).starts_with("421 4.3.2 Connection rate limit exceeded."));
    // Without its header the balancer gets nothing, and with one a stranger
    // gets no further.
    assert_eq!(balanced(b"EHLO x.example.org\r\n"), "");
    let mut stranger = site.stranger();
    stranger.expect("PROXY TCP4 127.0.0.1 127.0.0.1 1 25", "500");
    stranger.expect("XCLIENT ADDR=127.0.0.1", "500");
    // XCLIENT: the session is another's from then on.
    let (mut host, greeting) = Dialogue::open_any_from([127, 0, 0, 4], site.address());
    assert!(greeting.starts_with("220"), "{greeting}");
    let hello = host.expect("EHLO x", "250");
    assert!(
        hello.contains("250-XCLIENT NAME ADDR PORT PROTO HELO\r\n"),
        "{hello}"
    );
    host.expect("XCLIENT ADDR=nonsense", "501");
    host.expect("XCLIENT NAME=x.example ADDR=192.0.2.66", "220");
    host.expect("EHLO y", "250-");
    host.expect("MAIL FROM:<a@far.example>", "550 5.7.1 Access denied");
    host.expect("XCLIENT ADDR=192.0.2.5", "220");
    let hello = host.expect("EHLO y", "250");
    assert!(hello.contains("Hello [192.0.2.5]"), "{hello}");
    host.expect("MAIL FROM:<a@far.example>", "250");
    host.expect("RCPT TO:<v@elsewhere.example>", "550 5.7.1");
}

#[test]
fn access_files_of_the_host_are_kept() {
    let site = started("", &[("etc/hosts.deny", "sendmail: 127.0.0.2\n")]);
    let mut stranger = site.stranger();
    let hello = stranger.expect("EHLO x", "250");
    assert!(hello.ends_with("250 ENHANCEDSTATUSCODES\r\n"), "{hello}");
    stranger.expect("MAIL FROM:<a@far.example>", "550 5.0.0 Access denied");
    stranger.expect("QUIT", "221");
    site.session().expect("MAIL FROM:<a@far.example>", "250");
    let log = site.read("var/log/maillog");
    assert!(log.contains("NOQUEUE: tcpwrappers ("), "{log}");
    assert!(log.contains(", 127.0.0.2) rejection"), "{log}");
}

#[test]
fn there_are_never_more_sessions_than_allowed() {
    let site = started("define(`confMAX_DAEMON_CHILDREN', `2')dnl", &[]);
    let one = site.session();
    let two = site.session();
    let (mut third, refusal) = Dialogue::open_any(site.address());
    assert!(refusal.starts_with("421 4.3.2 "), "{refusal}");
    assert_eq!(third.rest(), "");
    drop((one, two));
    site.until("a place", |site| {
        let (_, greeting) = Dialogue::open_any(site.address());
        greeting.starts_with("220").then_some(())
    });
    let log = site.read("var/log/maillog");
    assert!(
        log.contains("rejecting connections on daemon MTA: 2 children, max 2"),
        "{log}"
    );
    assert!(
        log.contains("accepting connections again for daemon MTA"),
        "{log}"
    );
}

#[test]
fn a_unix_socket_is_a_listener_like_any_other() {
    let site = started(
        "DAEMON_OPTIONS(`Family=local, Addr=/var/run/smtp.sock, Name=local, M=E')dnl",
        &[],
    );
    let mut stream = UnixStream::connect(site.path("var/run/smtp.sock")).expect("a socket");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut text = String::new();
    for command in ["EHLO x", "ETRN y", "MAIL FROM:<a@far.example>", "QUIT"] {
        let mut space = [0; 4096];
        let count = stream.read(&mut space).expect("a reply");
        text.push_str(&String::from_utf8_lossy(&space[..count]));
        stream
            .write_all(format!("{command}\r\n").as_bytes())
            .expect("it reads");
        std::thread::sleep(Duration::from_millis(20));
    }
    stream.read_to_string(&mut text).expect("the end");
    assert!(
        text.contains("Hello localhost [[UNIX: localhost]], pleased"),
        "{text}"
    );
    assert!(
        text.contains("502 5.7.0 Sorry, we do not allow this operation"),
        "{text}"
    );
    assert!(
        text.contains("250 2.1.0 <a@far.example>... Sender ok"),
        "{text}"
    );
}
