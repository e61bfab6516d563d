//! The steps of sendmail's tours: what an administrator types on the first
//! days, and what is to be seen then. Command for command, with the programs
//! themselves; `make`, `m4` and `su` are the system's.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::mail::me;
use crate::need;
use crate::sink::Sink;
use crate::site::{GODWIT, Site};

const MESSAGE: &str = "Subject: counted\r\n\r\nbody\r\n";

/// What the tours put into sendmail.mc; the world is a sink of the test's.
fn tour(extra: &str, sink: Option<&Sink>) -> Site {
    let world = sink.map_or_else(String::new, |sink| {
        format!(
            "define(`SMART_HOST', `relay:[127.0.0.1]')dnl\n\
             define(`RELAY_MAILER_ARGS', `TCP $h {}')dnl\n",
            sink.port()
        )
    });
    let site = Site::stock(&format!(
        "FEATURE(`use_cw_file')dnl\nFEATURE(`access_db', `hash -T<TMPF> -o /etc/mail/access')dnl\n\
         FEATURE(`blacklist_recipients')dnl\nFEATURE(`accept_unresolvable_domains')dnl\n\
         define(`ALIAS_FILE', `/etc/mail/aliases')dnl\n\
         define(`STATUS_FILE', `/etc/mail/statistics')dnl\n{world}{extra}"
    ));
    site.write("etc/mail/local-host-names", "server1\ntonk.com\n");
    site.write("etc/mail/access", "localhost\tRELAY\n127.0.0.1\tRELAY\n");
    site.write("etc/mail/statistics", "");
    fs::copy(
        concat!(env!("CARGO_MANIFEST_DIR"), "/etc-mail/Makefile"),
        site.path("etc/mail/Makefile"),
    )
    .expect("copied");
    site
}

/// `make -C /etc/mail TARGETS`.
fn make(site: &Site, targets: &[&str]) -> String {
    let output = Command::new("make")
        .args(["-s", "-C"])
        .arg(site.path("etc/mail"))
        .arg(format!("GODWIT={GODWIT} --root {}", site.root().display()))
        .args(targets)
        .stdin(Stdio::null())
        .output()
        .expect("make runs");
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

/// What a stranger, or this host, is answered to MAIL and RCPT.
fn answers(site: &Site, stranger: bool, from: &str, to: &str) -> String {
    let mut session = match stranger {
        true => site.stranger(),
        false => site.session(),
    };
    session.expect("HELO client.example.com", "250");
    let mail = session.say(&format!("MAIL FROM:<{from}>"));
    match mail.starts_with("250") {
        true => session.say(&format!("RCPT TO:<{to}>")),
        false => mail,
    }
}

/// Waits until the door answers so: a map that was made is noticed.
fn until_answered(site: &Site, from: &str, to: &str, wanted: &str) {
    site.until(&format!("{from} to {to}: {wanted}"), |site| {
        answers(site, true, from, to)
            .starts_with(wanted)
            .then_some(())
    });
}

#[test]
fn names_of_this_host_are_accepted_and_others_are_not() {
    if need::tool("make", "the tour").is_none() {
        return;
    }
    let mut site = tour("", None);
    make(&site, &[]);
    site.start();
    for name in ["server1", "tonk.com"] {
        let answer = answers(&site, true, "a@b.example", &format!("{}@{name}", me()));
        assert!(answer.starts_with("250 2.1.5 "), "{answer}");
    }
    let elsewhere = answers(&site, true, "a@b.example", "dl@server2");
    assert!(
        elsewhere.starts_with("550 5.7.1 <dl@server2>... Relaying denied"),
        "{elsewhere}"
    );
    // The other name is added, and the server told.
    site.write("etc/mail/local-host-names", "server1\ntonk.com\nserver2\n");
    make(&site, &["restart"]);
    let to = format!("{}@server2", me());
    until_answered(&site, "a@b.example", &to, "250");
}

#[test]
fn access_is_changed_made_and_obeyed_without_a_restart() {
    if need::tool("make", "the tour").is_none() {
        return;
    }
    let sink = Sink::start();
    let mut site = tour("", Some(&sink));
    make(&site, &[]);
    site.start();
    let to = format!("{}@server1", me());
    // Before: a stranger may write here, and nowhere else.
    assert!(answers(&site, true, "x@qq.com", &to).starts_with("250"));
    assert!(answers(&site, true, "x@y.example", "a@example.com").starts_with("550 5.7.1"));
    assert!(answers(&site, false, "x@y.example", "a@example.com").starts_with("250"));
    site.write(
        "etc/mail/access",
        &format!(
            "localhost\tRELAY\n127.0.0.1\tRELAY\n192.168.0\tRELAY\n140.116.44.125\tRELAY\n\
             example.com\tRELAY\nqq.com\tDISCARD\n192.168.1.100\tDISCARD\n\
             dl@host.example\tREJECT\nFrom:spam@near.example\tREJECT\nFrom:bad.example\tREJECT\n\
             To:closed@server1\tREJECT\nTo:{to}\tOK\n"
        ),
    );
    let said = make(&site, &[]);
    assert!(
        said.contains("access.db: made, 12 entries; access is newer"),
        "{said}"
    );
    until_answered(&site, "dl@host.example", &to, "550 5.7.1");
    assert!(answers(&site, true, "x@y.example", "a@example.com").starts_with("250"));
    assert!(answers(&site, true, "x@y.example", "a@sub.example.com").starts_with("250"));
    assert!(answers(&site, true, "spam@near.example", &to).starts_with("550 5.7.1"));
    assert!(answers(&site, true, "x@bad.example", &to).starts_with("550 5.7.1"));
    assert!(answers(&site, true, "x@y.example", "closed@server1").starts_with("550 5.2.1"));
    // DISCARD: accepted, then silently gone.
    let mut session = site.stranger();
    session.expect("HELO client.example.com", "250");
    session.expect("MAIL FROM:<x@qq.com>", "250");
    session.expect(&format!("RCPT TO:<{to}>"), "250");
    session.data("Subject: discarded\n\nx\n", "250");
    site.send("y@z.example", &[&to], "Subject: kept\n\nx\n");
    assert!(!site.mailbox(&me(), "kept").contains("discarded"));
    assert!(site.read("var/log/maillog").contains("discard"));
    // A network: the stranger belongs to it.
    site.write("etc/mail/access", "127.0.0\tRELAY\n");
    make(&site, &["access.db"]);
    until_answered(&site, "x@y.example", "a@faraway.example", "250");
}

#[test]
fn aliases_name_people_lists_and_files_and_newaliases_counts_them() {
    let me = me();
    let sink = Sink::start();
    let mut site = tour("", Some(&sink));
    site.write(
        "etc/mail/aliases",
        &format!(
            "MAILER-DAEMON: postmaster\npostmaster: root\nbin: root\ndaemon: root\ndecode: root\n\
             me: student\nstudent: {me}\nwizards: root, me\nmethere: student@host.domain.example\n\
             admin: a@far.example, b@far.example, student\nusers: :include:/etc/mail/users\n\
             dl: {me},dl@elsewhere.example\nroot: {me}\n"
        ),
    );
    site.write(
        "etc/mail/users",
        "student\nc@far.example\n\n# comment\nd@far.example\n",
    );
    site.must(&["make"]);
    let text = site.read("etc/mail/aliases");
    let longest = text.lines().map(|line| line.split_once(": "));
    let longest = longest.flatten().map(|(_, value)| value.len()).max();
    let bytes: usize = text
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| name.len() + value.len())
        .sum();
    let summary = format!(
        "{}: 13 aliases, longest {} bytes, {bytes} bytes total\n",
        site.path("etc/mail/aliases").display(),
        longest.unwrap_or(0)
    );
    assert_eq!(site.must(&["newaliases"]), summary);
    assert_eq!(site.must(&["sendmail", "-bi"]), summary);
    site.start();
    let send = |to: &str| {
        let text = format!("Subject: for {to}\n\nx\n");
        site.send("x@y.example", &[&format!("{to}@server1")], &text);
    };
    for local in [
        "me",
        "wizards",
        "postmaster",
        "MAILER-DAEMON",
        "decode",
        "root",
    ] {
        send(local);
        site.mailbox(&me, &format!("Subject: for {local}\n"));
    }
    let gone = |count: usize| {
        let mut to = sink.wait(count)[count - 1].to.clone();
        to.sort();
        to
    };
    send("methere");
    assert_eq!(gone(1), ["student@host.domain.example"]);
    send("admin");
    site.mailbox(&me, "Subject: for admin\n");
    assert_eq!(gone(2), ["a@far.example", "b@far.example"]);
    send("users");
    site.mailbox(&me, "Subject: for users\n");
    assert_eq!(gone(3), ["c@far.example", "d@far.example"]);
    // Keeps a copy.
    send("dl");
    site.mailbox(&me, "Subject: for dl\n");
    assert_eq!(gone(4), ["dl@elsewhere.example"]);
}

#[test]
fn a_site_masquerades_as_another_domain_but_for_root() {
    let sink = Sink::start();
    let mut site = tour(
        "MASQUERADE_AS(`163.com')dnl\nFEATURE(`masquerade_envelope')dnl\n\
         FEATURE(`masquerade_entire_domain')dnl\nEXPOSED_USER(`root')dnl\n",
        Some(&sink),
    );
    site.must(&["make"]);
    site.start();
    for (count, (user, shown)) in [
        ("dl@server1", "dl@163.com"),
        ("root@server1", "root@server1"),
    ]
    .iter()
    .enumerate()
    {
        let text = format!("From: {user}\nSubject: out\n\nx\n");
        site.send(user, &["a@far.example"], &text);
        let got = sink.wait(count + 1)[count].clone();
        assert_eq!(got.from, *shown);
        assert!(got.text.contains(&format!("From: {shown}\r\n")), "{got:?}");
    }
}

#[test]
fn virtusertable_has_four_forms_and_comes_before_aliases() {
    let me = me();
    let sink = Sink::start();
    let mut site = tour(
        "FEATURE(`virtusertable', `hash -o /etc/mail/virtusertable')dnl\n",
        Some(&sink),
    );
    site.write(
        "etc/mail/local-host-names",
        "server1\ntonk.com\nall.com\nsame.com\n",
    );
    site.write(
        "etc/mail/virtusertable",
        &format!(
            "someone@tonk.com\t{me}\ndl@tonk.com\terror:No such user\n\
             @all.com\tdl@host.example\n@same.com\t%1@host.example\n\
             both@server1\t{me}\nagain@server1\tagain@host.example\n"
        ),
    );
    // `both' is an alias as well, and is not asked; what `onward' expands to
    // is looked up in virtusertable again.
    site.write(
        "etc/mail/aliases",
        "both: wrong@host.example\nonward: again@server1\n",
    );
    site.must(&["make"]);
    site.must(&["newaliases"]);
    site.start();
    let send = |to: &str| {
        site.send("x@y.example", &[to], &format!("Subject: for {to}\n\nx\n"));
    };
    send("someone@tonk.com");
    site.mailbox(&me, "Subject: for someone@tonk.com\n");
    let refused = answers(&site, true, "x@y.example", "dl@tonk.com");
    assert!(
        // sendmail: the first word after `error:' is a code.
        refused.starts_with("553 5.3.0 <dl@tonk.com>... such user"),
        "{refused}"
    );
    send("anybody@all.com");
    assert_eq!(sink.wait(1)[0].to, ["dl@host.example"]);
    send("anybody@same.com");
    assert_eq!(sink.wait(2)[1].to, ["anybody@host.example"]);
    send("both@server1");
    site.mailbox(&me, "Subject: for both@server1\n");
    send("onward@server1");
    assert_eq!(sink.wait(3)[2].to, ["again@host.example"]);
}

#[test]
fn genericstable_rewrites_headers_and_leaves_delivery_alone() {
    let me = me();
    let sink = Sink::start();
    let mut site = tour(
        "FEATURE(`genericstable', `hash -o /etc/mail/genericstable')dnl\n\
         FEATURE(`always_add_domain')dnl\n\
         GENERICS_DOMAIN_FILE(`/etc/mail/local-host-names')dnl\n",
        Some(&sink),
    );
    site.write(
        "etc/mail/genericstable",
        &format!("{me}@server1\tdl@qq.com\n"),
    );
    site.must(&["make"]);
    site.start();
    let lee = format!("{me}@server1");
    site.send(
        &lee,
        &["a@far.example"],
        &format!("From: {lee}\nSubject: out\n\nx\n"),
    );
    let got = &sink.wait(1)[0];
    assert!(got.text.contains("From: dl@qq.com\r\n"), "{got:?}");
    // Mail for him stays here.
    site.send("x@y.example", &[&lee], "Subject: in\n\nx\n");
    site.mailbox(&me, "Subject: in\n");
}

#[test]
fn smrsh_runs_what_has_a_link_and_nothing_else() {
    let me = me();
    let mut site = tour("FEATURE(`smrsh', `/usr/sbin/smrsh')dnl\n", None);
    site.write(
        "etc/mail/aliases",
        "keep: \"|/any/where/tee @ROOT@/open/kept\"\nshell: \"|/bin/sh -c id\"\n\
         perl: \"|perl -e 1\"\nsed: \"|sed p\"\ncsh: \"|csh\"\ndecode: \"|/usr/bin/uudecode\"\n",
    );
    let folder = site.path("etc/mail/smrsh");
    fs::create_dir_all(&folder).expect("made");
    symlink("/usr/bin/tee", folder.join("tee")).expect("a link");
    fs::create_dir(site.path("open")).expect("made");
    fs::set_permissions(site.path("open"), fs::Permissions::from_mode(0o777)).expect("set");
    site.must(&["make"]);
    site.must(&["newaliases"]);
    site.start();
    site.send("x@y.example", &["keep@server1"], "Subject: kept\n\nx\n");
    site.until("the program's file", |site| {
        site.read("open/kept")
            .contains("Subject: kept\n")
            .then_some(())
    });
    for (count, name) in ["shell", "perl", "sed", "csh", "decode"].iter().enumerate() {
        let from = format!("{me}@server1");
        site.send(&from, &[&format!("{name}@server1")], "Subject: evil\n\nx\n");
        site.until("a bounce", |site| {
            let mail = site.read(&format!("var/mail/{me}"));
            let bounces = mail.matches("not available for sendmail programs").count();
            (bounces > count).then_some(())
        });
    }
    let audit = site.godwit(&["audit"]);
    let text = String::from_utf8_lossy(&audit.stdout);
    assert!(text.contains("decode is the program"), "{text}");
}

#[test]
fn privacy_options_are_edited_in_the_cf_itself() {
    let mut site = tour("", None);
    site.must(&["make"]);
    site.start();
    let mut session = site.stranger();
    session.expect("HELO client.example.com", "250");
    session.expect("EXPN postmaster", "250");
    session.expect(&format!("VRFY {}", me()), "25");
    let cf = site.read("etc/mail/sendmail.cf");
    let line = cf
        .lines()
        .find(|line| line.starts_with("O PrivacyOptions="))
        .expect("an option");
    let edited = cf.replace(
        line,
        "O PrivacyOptions=authwarnings,noexpn,noverb,novrfy,restrictmailq,restrictqrun",
    );
    let edited = edited
        .lines()
        .map(|line| match line.starts_with("O SmtpGreetingMessage=") {
            true => "O SmtpGreetingMessage=$j our own words; $b\n".to_owned(),
            false => format!("{line}\n"),
        })
        .collect::<String>();
    fs::write(site.path("etc/mail/sendmail.cf"), edited).expect("written");
    site.must(&["reload"]);
    let (mut session, greeting) =
        crate::dialogue::Dialogue::open_any_from([127, 0, 0, 2], site.address());
    assert!(greeting.contains(" our own words; "), "{greeting}");
    session.expect("HELO client.example.com", "250");
    session.expect("EXPN postmaster", "502 5.7.0 ");
    session.expect("VRFY postmaster", "252 2.5.2 ");
    session.expect("VERB", "502 5.7.0 ");
}

#[test]
fn restrictmailq_and_a_closed_queue_keep_users_out() {
    if !need::root("restrictmailq for an ordinary user") {
        return;
    }
    let mut site = tour(
        "define(`confPRIVACY_FLAGS', `authwarnings,noexpn,novrfy,restrictmailq,restrictqrun')dnl\n",
        None,
    );
    site.must(&["make"]);
    site.start();
    // A copy that may enter the queue's folder as its group, as the set-gid
    // program of an installed system.
    let queue = site.path("var/spool/mqueue");
    let run = |words: &[&str]| {
        let output = Command::new("setpriv")
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .arg(GODWIT)
            .args(["sendmail", "-C"])
            .arg(site.path("elsewhere.cf"))
            .args(words)
            .stdin(Stdio::null())
            .output()
            .expect("setpriv runs");
        let text = [output.stdout.as_slice(), &output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    };
    // Without --root everyone but the owner is an ordinary user.
    let cf = site.read("etc/mail/sendmail.cf");
    let cf: String = cf
        .lines()
        .map(|line| match line.starts_with("O QueueDirectory=") {
            true => format!("O QueueDirectory={}\n", queue.display()),
            false => format!("{line}\n"),
        })
        .collect();
    fs::write(site.path("elsewhere.cf"), cf).expect("written");
    let mode = |mode| fs::set_permissions(&queue, fs::Permissions::from_mode(mode)).expect("set");
    mode(0o700);
    let closed = format!("can not chdir({}/): Permission denied\n", queue.display());
    let (code, said) = run(&["-bp"]);
    assert_eq!(
        (code, said.starts_with(&closed)),
        (Some(78), true),
        "{said}"
    );
    let (code, said) = run(&["-q"]);
    assert_eq!(code, Some(77), "{said}");
    assert!(
        said.contains("You do not have permission to process the queue\n"),
        "{said}"
    );
    mode(0o711);
    assert_eq!(
        run(&["-bp"]),
        (
            Some(0),
            "You are not permitted to see the queue\n\t\tTotal requests: 0\n".to_owned()
        )
    );
    assert_eq!(
        run(&["-q"]),
        (
            Some(77),
            "You do not have permission to process the queue\n".to_owned()
        )
    );
}

#[test]
fn what_waits_is_shown_and_goes_when_asked() {
    let hidden = crate::site::free_port();
    let mut site = tour(
        &format!(
            "define(`SMART_HOST', `relay:[127.0.0.1]')dnl\n\
             define(`RELAY_MAILER_ARGS', `TCP $h {hidden}')dnl\n"
        ),
        None,
    );
    site.must(&["make"]);
    site.start();
    let empty = format!(
        "{} is empty\n\t\tTotal requests: 0\n",
        site.path("var/spool/mqueue").display()
    );
    assert_eq!(site.must(&["mailq"]), empty);
    site.send("x@server1", &["a@far.example"], "Subject: later\n\nx\n");
    let queue = site.mailq("(Deferred: Connection refused by [127.0.0.1])");
    assert!(
        queue.contains("-----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient"),
        "{queue}"
    );
    assert!(queue.ends_with("\t\tTotal requests: 1\n"), "{queue}");
    let sink = Sink::at(hidden);
    assert_eq!(site.must(&["sendmail", "-q"]), "");
    assert!(sink.wait(1)[0].text.contains("Subject: later"));
    site.until("an empty queue", |site| {
        (site.must(&["mailq"]) == empty).then_some(())
    });
}

#[test]
fn sendmail_says_who_it_is() {
    let mut site = tour("define(`confDOMAIN_NAME', `$w.tonk.com')dnl\n", None);
    site.must(&["make"]);
    site.start();
    for flag in ["-d0", "-d0.1"] {
        let output = site.godwit(&["sendmail", flag]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.starts_with("Version "), "{said}");
        for part in [
            "\n Compiled with: DNSMAP ",
            " STARTTLS",
            "\n============ SYSTEM IDENTITY (after readcf) ============\n",
            "      (short domain name) $w = ",
            ".tonk.com\n",
            "         (subdomain name) $m = ",
            "              (node name) $k = ",
            "\nRecipient names must be specified\n",
        ] {
            assert!(said.contains(part), "{part}\n{said}");
        }
    }
}

#[test]
fn mail_goes_through_the_client_queue_which_is_empty_afterwards() {
    let mut site = tour("", None);
    let submit = include_str!("../../etc-mail/submit.mc").replace("2525", "@PORT@");
    site.write("etc/mail/submit.mc", &submit);
    site.must(&["make"]);
    fs::create_dir_all(site.path("var/spool/clientmqueue")).expect("made");
    site.start();
    // What `mail -s hello' calls.
    let send = |site: &Site, subject: &str| {
        use std::io::Write;
        let mut child = Command::new(GODWIT)
            .arg("--root")
            .arg(site.root())
            .args(["sendmail", "-i", &format!("{}@server1", me())])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        let text = format!("Subject: {subject}\nTo: {}@server1\n\nhello\n", me());
        stdin.write_all(text.as_bytes()).expect("taken");
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), said)
    };
    let (code, said) = send(&site, "hello");
    assert_eq!(code, Some(0), "{said}");
    site.mailbox(&me(), "Subject: hello\n");
    site.mailq("mqueue is empty\n");
    assert!(site.must(&["mailq", "-Ac"]).contains("mqueue is empty\n"));
    // Without a server it waits in the client queue, which is run later.
    site.stop();
    let (code, said) = send(&site, "patience");
    assert_eq!(code, Some(0), "{said}");
    let waits = site.must(&["mailq", "-Ac"]);
    assert!(waits.contains("\t\tTotal requests: 1\n"), "{waits}");
    site.start();
    site.must(&["sendmail", "-Ac", "-q"]);
    site.mailbox(&me(), "Subject: patience\n");
    assert!(site.must(&["mailq", "-Ac"]).contains("mqueue is empty\n"));
}

#[test]
fn smtp_is_spoken_by_hand() {
    let mut site = tour("", None);
    site.must(&["make"]);
    site.start();
    let (mut session, greeting) = crate::dialogue::Dialogue::open_any(site.address());
    assert!(greeting.starts_with("220 "), "{greeting}");
    let to = format!("{}@server1", me());
    // Without HELO the message is taken, and says so.
    session.expect(
        "mail from:<a@b.example>",
        "250 2.1.0 <a@b.example>... Sender ok",
    );
    session.expect(
        &format!("Rcpt To:<{to}>"),
        &format!("250 2.1.5 <{to}>... Recipient ok"),
    );
    session.expect("NOOP", "250 2.0.0 OK");
    session.expect("RSET", "250 2.0.0 Reset state");
    session.expect("HELP", "214");
    session.expect("MAIL FROM:<a@b.example>", "250");
    session.expect(&format!("RCPT TO:<{to}>"), "250");
    let taken = session.data("Subject: by hand\n\nx\n", "250 2.0.0 ");
    assert!(taken.contains(" Message accepted for delivery"), "{taken}");
    let bye = session.expect("QUIT", "221 2.0.0 ");
    assert!(bye.contains(" closing connection"), "{bye}");
    let mail = site.mailbox(&me(), "by hand");
    assert!(
        mail.contains("X-Authentication-Warning: ") && mail.contains(" didn't use HELO protocol\n"),
        "{mail}"
    );
}

#[test]
fn m4_makes_the_cf_and_promiscuous_relay_opens_it() {
    let Some(m4) = need::tool("m4", "m4 sendmail.mc") else {
        return;
    };
    let sink = Sink::start();
    let mut site = tour(
        "FEATURE(`promiscuous_relay')dnl\ndefine(`confMAX_MESSAGE_SIZE',`15000')dnl\n\
         define(`confMAX_HOP',`30')dnl\nFEATURE(`relay_based_on_MX')dnl\nLOCAL_DOMAIN(`host')dnl\n\
         dnl DAEMON_OPTIONS(`Port=1,Addr=127.0.0.1, Name=MTA')dnl\n",
        Some(&sink),
    );
    // `m4 sendmail.mc > sendmail.cf', with the library on disk.
    let library = concat!(env!("CARGO_MANIFEST_DIR"), "/cf-templates");
    let output = Command::new(m4)
        .arg(format!("-D_CF_DIR_={library}/"))
        .arg(format!("{library}/m4/cf.m4"))
        .arg(site.path("etc/mail/sendmail.mc"))
        .output()
        .expect("m4 runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    fs::write(site.path("etc/mail/sendmail.cf"), output.stdout).expect("written");
    site.must(&["make", "access.db", "aliases"]);
    site.start();
    assert!(answers(&site, true, "x@y.example", "a@far.example").starts_with("250"));
    let mut session = site.stranger();
    let hello = session.expect("EHLO client.example.com", "250");
    assert!(hello.contains("250-SIZE 15000"), "{hello}");
    session.expect("MAIL FROM:<x@y.example> SIZE=15001", "552 5.2.3 ");
    let local = answers(&site, true, "x@y.example", &format!("{}@host", me()));
    assert!(local.starts_with("250"), "{local}");
}

#[test]
fn mailstats_counts_what_the_running_server_does() {
    let mut site = Site::stock("define(`STATUS_FILE', `/etc/mail/statistics')dnl\n");
    site.write("etc/mail/statistics", "");
    site.must(&["make"]);
    site.start();
    site.send("root@example.com", &["root"], MESSAGE);
    site.mailbox("root", "counted");
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        let text = site.must(&["mailstats"]);
        let counts = |mailer: &str| -> Vec<String> {
            let line = text.lines().find(|line| line.ends_with(mailer));
            let words = line.unwrap_or_default().split_whitespace();
            words.map(str::to_owned).collect()
        };
        // As the reference counts: a sender by the mailer that leads back.
        let (local, esmtp) = (counts("  local"), counts("  esmtp"));
        if local.get(3).is_some_and(|to| to == "1") && esmtp.get(1).is_some_and(|from| from == "1")
        {
            assert!(
                text.contains(" T        1          1K        1          1K "),
                "{text}"
            );
            // The test's own look at the greeting counts too.
            assert!(text.contains(" C        2"), "{text}");
            return;
        }
        assert!(Instant::now() < end, "{text}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
