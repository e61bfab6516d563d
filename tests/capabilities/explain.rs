//! `godwit explain`: the way of addresses, refusals and what would turn them
//! round, addresses on leaving, options.

use expect_test::{Expect, expect};

use crate::site::Site;

fn site() -> Site {
    let site = Site::stock(
        "define(`confMAX_HOP', `30')dnl\n\
         FEATURE(`access_db')dnl\nFEATURE(`blocklist_recipients')dnl\nFEATURE(`use_cw_file')dnl\n\
         FEATURE(`virtusertable', `hash -o /etc/mail/virtusertable')dnl\n\
         FEATURE(`genericstable', `hash -o /etc/mail/genericstable')dnl\n\
         GENERICS_DOMAIN(`example.com')dnl\n\
         FEATURE(`mailertable', `hash -o /etc/mail/mailertable')dnl\n",
    );
    site.write(
        "etc/mail/access",
        "# x\nFrom:spam@example.net\tREJECT\nTo:lost@\tDISCARD\n",
    );
    site.write("etc/mail/local-host-names", "example.com\n");
    site.write(
        "etc/mail/virtusertable",
        "info@example.com\tstaff\nno@example.com\terror:5.1.1:550 Not here\n@example.com\t%1@far.example\n",
    );
    site.write("etc/mail/genericstable", "root\tThe.Boss@example.com\n");
    site.write("etc/mail/mailertable", "far.example\tsmtp:[192.0.2.9]\n");
    site.write("etc/mail/list", "root\n# nobody\nfriend@far.example\n");
    site.write(
        "etc/mail/aliases",
        "postmaster: root\nstaff: root, everybody\neverybody: :include:@ROOT@/etc/mail/list\n",
    );
    site.must(&["make"]);
    site
}

/// Lines of the `.cf` are the library's business, and so are its rules.
fn without_lines(text: &str) -> String {
    let mut out = String::new();
    let mut after_rule = false;
    for line in text.lines() {
        if std::mem::replace(&mut after_rule, line.contains("by the rule at "))
            && line.contains(" -> ")
        {
            continue;
        }
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("sendmail.cf:") {
            out.push_str(before);
            out.push_str("sendmail.cf:N");
            rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
        }
        out.push_str(rest);
        out.push('\n');
    }
    out
}

/// Runs it; the private root is left out of what it says.
fn check(site: &Site, arguments: &[&str], code: i32, expected: Expect) {
    let output = site.godwit(arguments);
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).replace(site.root().to_str().expect("text"), "");
    expected.assert_eq(&without_lines(&text));
    assert_eq!(output.status.code(), Some(code), "{text}");
}

#[test]
fn the_way_of_an_address_is_told_with_its_lines() {
    let site = site();
    check(
        &site,
        &["explain", "route", "info@example.com"],
        0,
        expect![[r#"
            info@example.com
              virtuser: info@example.com -> staff    /etc/mail/virtusertable:1
            info@example.com: alias staff -> root, everybody    /etc/mail/aliases:2
              root: mailer local, user root
              everybody: alias everybody -> :include:/etc/mail/list    /etc/mail/aliases:3
                :include:/etc/mail/list: the list holds
                  root: mailer local, user root
                  friend@far.example
                    mailertable: far.example -> smtp:[192.0.2.9]    /etc/mail/mailertable:1
                  friend@far.example: mailer smtp, host [192.0.2.9], user friend@far.example
                    to [192.0.2.9] itself
        "#]],
    );
    check(
        &site,
        &["virtuser", "test", "no@example.com"],
        1,
        expect![[r#"
            no@example.com
              virtuser: no@example.com -> error:5.1.1:550 Not here    /etc/mail/virtusertable:2
            no@example.com: refused: 550 5.1.1 Not here
              by the rule at /etc/mail/sendmail.cf:N
        "#]],
    );
    check(
        &site,
        &["explain", "route", "--json", "x@example.com"],
        0,
        expect![[r#"
            {"address":"x@example.com","ends":[{"address":"x@example.com","host":"[192.0.2.9]","mailer":"smtp","user":"x@far.example"}]}
        "#]],
    );
    check(
        &site,
        &["alias", "test", "nosuchuser"],
        1,
        expect![[r#"
        nosuchuser: refused: 550 5.1.1 User unknown
    "#]],
    );
}

#[test]
fn the_ends_are_those_of_sendmail_bv() {
    let site = site();
    std::fs::create_dir_all(site.path("var/spool/mqueue")).expect("made");
    let verified = site.must(&["sendmail", "-bv", "info@example.com"]);
    let told = site.must(&["explain", "route", "--no-dns", "info@example.com"]);
    for line in verified.lines() {
        // ADDRESS... deliverable: mailer M, host H, user U
        let end = line.split_once("deliverable: ").expect("deliverable").1;
        assert!(told.contains(end), "{line}\n{told}");
    }
    assert!(verified.lines().count() > 1, "{verified}");
}

#[test]
fn a_refusal_names_its_rule_and_what_would_turn_it_round() {
    let site = site();
    let client = "--client=192.0.2.7,client.example";
    check(
        &site,
        &[
            "explain",
            "relay",
            client,
            "--from=a@b.example",
            "--to=c@d.example",
        ],
        1,
        expect![[r#"
            client.example [192.0.2.7], from <a@b.example> to <c@d.example>: refused: 550 5.7.1 Relaying denied
              check_relay: accepted
              check_mail: accepted
              check_rcpt: refused
                by the rule at /etc/mail/sendmail.cf:N
                nothing in: access To:c@d.example, access c@d.example, access To:d.example, access d.example, access To:example, access example, access Connect:192.0.2.7, access 192.0.2.7, access Connect:192.0.2, access 192.0.2, access Connect:192.0, access 192.0, access Connect:192, access 192, access Connect:client.example, access client.example, access Connect:example
              each of these alone would turn it round:
                godwit relay set d.example
                godwit access set To:d.example RELAY
                godwit access set Connect:192.0.2.7 RELAY
        "#]],
    );
    check(
        &site,
        &[
            "access",
            "test",
            client,
            "--from=spam@example.net",
            "--to=root@example.com",
        ],
        1,
        expect![[r#"
            client.example [192.0.2.7], from <spam@example.net> to <root@example.com>: refused: 550 5.7.1 Access denied
              check_relay: accepted
              check_mail: refused
                access: From:spam@example.net -> REJECT    /etc/mail/access:2
                by the rule at /etc/mail/sendmail.cf:N
              each of these alone would turn it round:
                godwit access rm From:spam@example.net
                godwit access set From:spam@example.net OK
        "#]],
    );
    check(
        &site,
        &[
            "explain",
            "relay",
            client,
            "--from=a@b.example",
            "--to=postmaster",
        ],
        0,
        expect![[r#"
            client.example [192.0.2.7], from <a@b.example> to <postmaster>: accepted
              check_relay: accepted
              check_mail: accepted
              check_rcpt: accepted
              the recipient's way: accepted
              each of these alone would turn it round:
                godwit access set Connect:192.0.2.7 REJECT
                godwit access set From:a@b.example REJECT
        "#]],
    );
    // What is said to turn it round does.
    let ask = [
        "explain",
        "relay",
        client,
        "--from=a@b.example",
        "--to=c@d.example",
    ];
    site.must(&["access", "set", "To:d.example", "RELAY"]);
    site.must(&ask);
    site.must(&["access", "rm", "To:d.example"]);
    assert_eq!(site.godwit(&ask).status.code(), Some(1));
    site.must(&["relay", "set", "d.example"]);
    site.must(&ask);
}

#[test]
fn addresses_on_leaving_are_told() {
    let site = site();
    check(
        &site,
        &[
            "explain",
            "header",
            "--from=The Root <root@example.com>",
            "--to=x@far.example",
        ],
        0,
        expect![[r#"
            by mailer smtp to [192.0.2.9]
              envelope sender     root@example.com -> root@example.com
              From:               The Root <root@example.com> -> The Root <The.Boss@example.com>
                generics: root -> The.Boss@example.com    /etc/mail/genericstable:1
              envelope recipient  x@far.example -> x@far.example
              To:                 x@far.example -> x@far.example
        "#]],
    );
}

#[test]
fn options_are_told_by_any_of_their_names() {
    let site = site();
    check(
        &site,
        &["explain", "option", "confMAX_HOP"],
        0,
        expect![[r#"
            MaxHopCount = 30    /etc/mail/sendmail.cf:N, for /etc/mail/sendmail.mc:13
              default  25
              about    Received lines after which a message is looping.
              takes    a number
              in .mc   define(`confMAX_HOP', `…')
        "#]],
    );
    check(
        &site,
        &["explain", "option", "maxhopcuont"],
        64,
        expect![[r#"
            godwit explain: no option maxhopcuont; do you mean MaxHopCount?
        "#]],
    );
    check(
        &site,
        &["explain", "option", "--json", "Timeout.ident"],
        0,
        expect![[r#"
            {"about":"Wait for the ident protocol; 0 to leave it out.","default":"5s","definition":"confTO_IDENT","option":"Timeout.ident","set":[{"place":"/etc/mail/sendmail.cf:N","source":"/etc/mail/sendmail.mc:8","value":"0"}],"takes":"a time such as 4h or 1d12h (default unit s)"}
        "#]],
    );
    check(
        &site,
        &["explain", "option", "MaxMessageSize"],
        0,
        expect![[r#"
            MaxMessageSize = 0    the default
              about    Bytes of the largest message; 0 for no limit.
              takes    a number
              in .mc   define(`confMAX_MESSAGE_SIZE', `…')
        "#]],
    );
    assert!(site.must(&["explain", "option"]).contains("AliasFile = "));
}
