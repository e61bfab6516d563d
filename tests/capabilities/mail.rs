//! A message all the way: accepted, expanded, delivered, relayed, returned.
//!
//! Every test starts the built program on a private root. As root, the same
//! tests run with privilege separation; as an ordinary user, without.

use std::time::Duration;

use crate::sink::Sink;
use crate::site::Site;

const MESSAGE: &str = "Subject: hello\nFrom: Far Away <someone@far.example>\n\nfirst line\n.dot\n";

/// The user the tests deliver to: always there, whoever runs them.
pub(crate) fn me() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid());
    let name = user.ok().flatten().map(|user| user.name);
    match name {
        // Root's mail belongs to a person; `mail` is on every Debian system.
        Some(name) if name != "root" => name,
        _ => "mail".to_owned(),
    }
}

fn started(extra: &str, files: &[(&str, &str)]) -> Site {
    let mut site = Site::stock(extra);
    site.write(
        "etc/mail/local-host-names",
        "here.example\nvirtual.example\n",
    );
    for (name, text) in files {
        site.write(&format!("etc/mail/{name}"), text);
    }
    site.start();
    site
}

#[test]
fn mail_to_a_user_lies_in_the_mailbox_as_it_was_sent() {
    let site = started("FEATURE(`use_cw_file')dnl", &[]);
    site.send(
        "someone@far.example",
        &[&format!("{}@here.example", me())],
        MESSAGE,
    );
    let mail = site.mailbox(&me(), "first line");
    assert!(mail.starts_with("From someone@far.example "), "{mail}");
    assert!(
        mail.contains("\nReturn-Path: <someone@far.example>\n"),
        "{mail}"
    );
    assert!(
        mail.contains("Received: from client.example.com (localhost [127.0.0.1])\n\tby "),
        "{mail}"
    );
    assert!(mail.contains("\nSubject: hello\n"), "{mail}");
    assert!(mail.contains("\nMessage-Id: <"), "{mail}");
    assert!(mail.contains("\nDate: "), "{mail}");
    assert!(mail.ends_with("\nfirst line\n.dot\n\n"), "{mail}");
}

#[test]
fn aliases_and_lists_reach_everyone_once() {
    let me = me();
    let sink = Sink::start();
    let site = started(
        &format!(
            "FEATURE(`use_cw_file')dnl\nFEATURE(`mailertable', `hash -o /etc/mail/mailertable')dnl\n\
             define(`RELAY_MAILER_ARGS', `TCP $h {}')dnl",
            sink.port()
        ),
        &[
            (
                "aliases",
                &format!(
                    "three: {me}, a@far.example, b@far.example\n\
                     listed: :include:@ROOT@/etc/mail/members\n\
                     both: {me}, {me}, three\n"
                ),
            ),
            (
                "members",
                &format!("# members\n{me}\n\nc@far.example, d@far.example\n"),
            ),
            ("mailertable", "far.example\trelay:[127.0.0.1]\n"),
        ],
    );
    // The reference names expanded recipients in no promised order; so do we.
    let sorted = |message: &crate::sink::Received| {
        let mut to = message.to.clone();
        to.sort();
        to
    };
    site.send(
        "someone@near.example",
        &["three@here.example"],
        "Subject: three\n\nx\n",
    );
    site.mailbox(&me, "Subject: three");
    assert_eq!(sorted(&sink.wait(1)[0]), ["a@far.example", "b@far.example"]);
    site.send(
        "someone@near.example",
        &["listed@here.example"],
        "Subject: list\n\nx\n",
    );
    site.mailbox(&me, "Subject: list");
    assert_eq!(sorted(&sink.wait(2)[1]), ["c@far.example", "d@far.example"]);
    site.send(
        "someone@near.example",
        &["both@here.example"],
        "Subject: both\n\nx\n",
    );
    let mail = site.mailbox(&me, "Subject: both");
    assert_eq!(sorted(&sink.wait(3)[2]), ["a@far.example", "b@far.example"]);
    assert_eq!(mail.matches("Subject: both").count(), 1, "{mail}");
}

#[test]
fn programs_run_through_smrsh_or_bounce_with_the_reason() {
    let me = me();
    let site = started(
        "FEATURE(`use_cw_file')dnl\nFEATURE(`smrsh', `/usr/sbin/smrsh')dnl",
        &[(
            "aliases",
            &format!(
                "keeper: \"|tee @ROOT@/var/kept\"\n\
                 evil: \"|/bin/sh -c id\"\n\
                 sender: {me}\n"
            ),
        )],
    );
    let commands = site.path("etc/mail/smrsh");
    std::fs::create_dir_all(&commands).expect("a directory");
    let _ = std::os::unix::fs::symlink("/usr/bin/tee", commands.join("tee"));
    use std::os::unix::fs::PermissionsExt;
    let open = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(site.path("var"), open).expect("a mode");
    site.send(
        "sender@here.example",
        &["keeper@here.example"],
        "Subject: keep\n\nkept\n",
    );
    site.until("the program's file", |s| {
        s.read("var/kept").contains("\nkept\n").then_some(())
    });
    site.send(
        "sender@here.example",
        &["evil@here.example"],
        "Subject: evil\n\nx\n",
    );
    let bounce = site.mailbox(&me, "Subject: Returned mail");
    assert!(
        bounce.contains("not available for sendmail programs"),
        "{bounce}"
    );
    assert!(bounce.contains("Action: failed"), "{bounce}");
}

#[test]
fn virtusertable_sends_each_form_its_way() {
    let me = me();
    let sink = Sink::start();
    let site = started(
        &format!(
            "FEATURE(`use_cw_file')dnl\n\
             FEATURE(`virtusertable', `hash -o /etc/mail/virtusertable')dnl\n\
             FEATURE(`mailertable', `hash -o /etc/mail/mailertable')dnl\n\
             define(`RELAY_MAILER_ARGS', `TCP $h {}')dnl",
            sink.port()
        ),
        &[
            (
                "virtusertable",
                &format!(
                    "someone@virtual.example\t{me}\n\
                     none@virtual.example\terror:nouser No such user here\n\
                     coded@virtual.example\terror:5.7.0:550 Go away\n\
                     @virtual.example\t%1@far.example\n\
                     user@here.example\t{me}@virtual.example\n"
                ),
            ),
            ("mailertable", "far.example\trelay:[127.0.0.1]\n"),
        ],
    );
    site.send(
        "x@near.example",
        &["someone@virtual.example"],
        "Subject: v1\n\nx\n",
    );
    site.mailbox(&me, "Subject: v1");
    let mut session = site.session();
    session.expect("HELO client.example.com", "250");
    session.expect("MAIL FROM:<x@near.example>", "250");
    session.expect(
        "RCPT TO:<none@virtual.example>",
        "553 5.3.0 <none@virtual.example>... No such user here",
    );
    session.expect("RCPT TO:<coded@virtual.example>", "550 5.7.0 ");
    site.send(
        "x@near.example",
        &["other@virtual.example"],
        "Subject: v2\n\nx\n",
    );
    assert_eq!(sink.wait(1)[0].to, ["other@far.example"]);
}

#[test]
fn a_masqueraded_site_shows_one_name_and_generics_their_own() {
    let sink = Sink::start();
    let site = started(
        &format!(
            "FEATURE(`use_cw_file')dnl\nMASQUERADE_AS(`face.example')dnl\n\
             FEATURE(`masquerade_envelope')dnl\nEXPOSED_USER(`root')dnl\n\
             FEATURE(`genericstable', `hash -o /etc/mail/genericstable')dnl\n\
             GENERICS_DOMAIN(`here.example')dnl\n\
             define(`SMART_HOST', `relay:[127.0.0.1]')dnl\n\
             define(`RELAY_MAILER_ARGS', `TCP $h {}')dnl",
            sink.port()
        ),
        &[("genericstable", "lee\tlee.public@generic.example\n")],
    );
    let send = |from: &str| {
        site.send(
            from,
            &["a@far.example"],
            &format!("From: {from}\nSubject: out\n\nx\n"),
        );
    };
    let name = "here.example";
    send(&format!("lee@{name}"));
    send(&format!("joe@{name}"));
    send(&format!("root@{name}"));
    let got = sink.wait(3);
    let of = |part: &str| {
        got.iter()
            .find(|m| m.text.contains(part))
            .unwrap_or_else(|| panic!("no message with {part}: {got:?}"))
    };
    assert_eq!(
        of("From: lee.public@generic.example").from,
        "lee.public@generic.example"
    );
    assert_eq!(of("From: joe@face.example").from, "joe@face.example");
    assert_eq!(
        of(&format!("From: root@{name}")).from,
        format!("root@{name}")
    );
}

#[test]
fn what_cannot_go_waits_is_shown_and_goes_on_demand() {
    let hidden = crate::site::free_port();
    let site = started(
        &format!(
            "FEATURE(`use_cw_file')dnl\n\
             define(`SMART_HOST', `relay:[127.0.0.1]')dnl\n\
             define(`RELAY_MAILER_ARGS', `TCP $h {hidden}')dnl"
        ),
        &[],
    );
    site.send(
        "x@here.example",
        &["a@far.example"],
        "Subject: later\n\nx\n",
    );
    let queue = site.mailq("Deferred: Connection refused by [127.0.0.1]");
    assert!(queue.contains("<x@here.example>"), "{queue}");
    assert!(queue.contains("<a@far.example>"), "{queue}");
    assert!(queue.contains("Total requests: 1"), "{queue}");
    let sink = Sink::at(hidden);
    site.must(&["sendmail", "-q"]);
    assert!(sink.wait(1)[0].text.contains("Subject: later"));
    site.until("an empty queue", |s| {
        s.must(&["mailq"]).contains("is empty").then_some(())
    });
}

#[test]
fn the_door_refuses_whom_it_must() {
    let site = started(
        "FEATURE(`use_cw_file')dnl\nFEATURE(`access_db', `hash -o /etc/mail/access')dnl\n\
         FEATURE(`blocklist_recipients')dnl",
        &[(
            "access",
            "From:bad@far.example\tREJECT\n\
             From:gone.example\tDISCARD\n\
             From:coded.example\tERROR:5.7.1:550 Not from there\n\
             From:fine.example\tOK\n\
             To:closed@here.example\tREJECT\n\
             To:relayed.example\tRELAY\n",
        )],
    );
    let mut session = site.stranger();
    session.expect("EHLO client.example.com", "250");
    session.expect(
        "MAIL FROM:<x@near.example>",
        "250 2.1.0 <x@near.example>... Sender ok",
    );
    session.expect(
        "RCPT TO:<no-such-user@here.example>",
        "550 5.1.1 <no-such-user@here.example>... User unknown",
    );
    session.expect(
        "RCPT TO:<x@elsewhere.example>",
        "550 5.7.1 <x@elsewhere.example>... Relaying denied",
    );
    session.expect("RCPT TO:<x@relayed.example>", "250");
    session.expect("RCPT TO:<closed@here.example>", "550 5.2.1");
    session.expect("RSET", "250");
    session.expect(
        "MAIL FROM:<bad@far.example>",
        "550 5.7.1 <bad@far.example>... Access denied",
    );
    session.expect(
        "MAIL FROM:<x@coded.example>",
        "550 5.7.1 <x@coded.example>... Not from there",
    );
    session.expect("MAIL FROM:<x@fine.example>", "250");
    session.expect("RSET", "250");
    session.expect("MAIL FROM:<x@gone.example>", "250");
    session.expect(&format!("RCPT TO:<{}@here.example>", me()), "250");
    session.data("Subject: vanishes\n\nx\n", "250");
    session.expect("QUIT", "221");
    std::thread::sleep(Duration::from_millis(300));
    let mail = site.read(&format!("var/mail/{}", me()));
    assert!(!mail.contains("vanishes"), "{mail}");
}

#[test]
fn a_refused_client_hears_it_first() {
    let site = started(
        "FEATURE(`access_db', `hash -o /etc/mail/access')dnl",
        &[("access", "Connect:127.0.0.2\tREJECT\n")],
    );
    let mut session = site.stranger();
    session.expect("EHLO client.example.com", "250");
    let refusal = session.say("MAIL FROM:<x@near.example>");
    assert!(refusal.starts_with("550 5.7.1 Access denied"), "{refusal}");
}

#[test]
fn a_relayed_client_may_send_anywhere() {
    let sink = Sink::start();
    let site = started(
        &format!(
            "FEATURE(`access_db', `hash -o /etc/mail/access')dnl\n\
             define(`SMART_HOST', `relay:[127.0.0.1]')dnl\n\
             define(`RELAY_MAILER_ARGS', `TCP $h {}')dnl",
            sink.port()
        ),
        &[("access", "Connect:127.0.0.2\tRELAY\n")],
    );
    let mut session = site.stranger();
    session.expect("EHLO client.example.com", "250");
    session.expect("MAIL FROM:<x@near.example>", "250");
    session.expect("RCPT TO:<y@elsewhere.example>", "250");
    session.data("Subject: relayed\n\n.\n..\nx\n", "250");
    let got = sink.wait(1);
    assert_eq!(got[0].from, "x@near.example");
    assert!(got[0].text.ends_with("\r\n\r\n.\r\n..\r\nx\r\n"), "{got:?}");
}

#[test]
fn a_far_refusal_comes_back_as_a_report() {
    let me = me();
    let sink = Sink::start();
    let site = started(
        &format!(
            "FEATURE(`use_cw_file')dnl\n\
             define(`SMART_HOST', `relay:[127.0.0.1]')dnl\n\
             define(`RELAY_MAILER_ARGS', `TCP $h {}')dnl",
            sink.port()
        ),
        &[],
    );
    site.send(
        &format!("{me}@here.example"),
        &["perm@far.example", "ok@far.example"],
        "Subject: bounces\n\nx\n",
    );
    let report = site.mailbox(&me, "Returned mail: see transcript for details");
    assert!(
        report.contains("Final-Recipient: RFC822; perm@far.example"),
        "{report}"
    );
    assert!(report.contains("Status: 5.1.1"), "{report}");
    assert!(
        report.contains("Diagnostic-Code: SMTP; 550 5.1.1 User unknown"),
        "{report}"
    );
    assert_eq!(sink.wait(1)[0].to, ["ok@far.example"]);
}
