//! Delivery agents that others have written, at the built program: how they
//! are called, and that they never stand in each other's way.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use crate::mail::me;
use crate::need;
use crate::site::Site;

/// A site whose local mailer is this program.
fn site(program: &str, arguments: &str, extra: &str) -> Site {
    let site = Site::stock(&format!(
        "FEATURE(`use_cw_file')dnl\n{extra}\n\
         define(`LOCAL_MAILER_PATH', `{program}')dnl\n\
         define(`LOCAL_MAILER_ARGS', `{arguments}')dnl"
    ));
    site.write("etc/mail/local-host-names", "here.example\n");
    site
}

/// A place under the root that the user of the tests may write in.
fn open_directory(site: &Site, name: &str) {
    let path = site.path(name);
    std::fs::create_dir_all(&path).expect("a directory");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).expect("a mode");
}

fn script(site: &Site, name: &str, text: &str) {
    site.write(name, text);
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(site.path(name), executable).expect("a mode");
}

/// Sends messages of one session to one user.
fn send_many(site: &Site, to: &str, count: usize) {
    let mut session = site.session();
    session.expect("EHLO client.example.com", "250");
    for number in 0..count {
        session.expect("MAIL FROM:<a@far.example>", "250");
        session.expect(&format!("RCPT TO:<{to}>"), "250");
        session.data(&format!("Subject: number {number}\n\nx\n"), "250");
    }
    session.expect("QUIT", "221");
}

#[test]
fn one_agent_at_a_time_for_a_mailbox() {
    let mut site = site("@ROOT@/agent", "agent $u", "");
    open_directory(&site, "var/box");
    // Two at once for one user would be seen, and bounce. Before the user
    // stands `-r SENDER`, as the flags of the usual local mailer have it.
    script(
        &site,
        "agent",
        "#!/bin/sh\ncd @ROOT@/var/box || exit 75\nshift 2\n\
         mkdir lock-$1 || { echo overlap >>overlaps; exit 70; }\n\
         sleep 0.02\ncat >>$1\nrmdir lock-$1\n",
    );
    site.start();
    let to = format!("{}@here.example", me());
    send_many(&site, &to, 80);
    // Each has one line that says Sent, and nothing waits any more.
    let log = site.until("80 messages", |site| {
        assert_eq!(site.read("var/box/overlaps"), "");
        let log = site.read("var/log/maillog");
        (log.matches("stat=Sent").count() == 80).then_some(log)
    });
    let mail = site.read(&format!("var/box/{}", me()));
    assert_eq!(mail.matches("Subject: number ").count(), 80);
    assert!(!log.contains("stat=Deferred"), "{log}");
    site.mailq("is empty");
}

#[test]
fn an_agent_that_hangs_holds_up_its_own_mailbox_only() {
    let mut site = site("@ROOT@/agent", "agent $u", "");
    open_directory(&site, "var/box");
    script(
        &site,
        "agent",
        "#!/bin/sh\ncd @ROOT@/var/box || exit 75\nshift 2\n\
         while [ $1 = daemon ] && [ -e hang ]; do sleep 0.1; done\ncat >>$1\n",
    );
    site.write("var/box/hang", "");
    site.start();
    // More than the line takes: the rest goes back to the queue.
    send_many(&site, "daemon@here.example", 100);
    let began = Instant::now();
    send_many(&site, "bin@here.example", 20);
    site.until("mail for the other", |site| {
        let mail = site.read("var/box/bin");
        (mail.matches("Subject: number ").count() == 20).then_some(())
    });
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    let agents = site.read("var/box/daemon");
    assert_eq!(agents, "");
    std::fs::remove_file(site.path("var/box/hang")).expect("the file is there");
    site.until("mail that waited", |site| {
        let mail = site.read("var/box/daemon");
        (mail.matches("Subject: number ").count() == 100).then_some(())
    });
}

#[test]
fn procmail_delivers_what_comes_at_once() {
    let Some(procmail) = need::tool("procmail", "procmail as local mailer") else {
        return;
    };
    let mut site = site(
        &procmail.display().to_string(),
        "procmail DEFAULT=@ROOT@/var/box/$u LOCKFILE=@ROOT@/var/box/$u.lock /dev/null",
        "define(`LOCAL_MAILER_FLAGS', `Pn9')dnl",
    );
    open_directory(&site, "var/box");
    site.start();
    let began = Instant::now();
    send_many(&site, &format!("{}@here.example", me()), 80);
    // The mailbox is not looked at meanwhile: procmail rests for a second
    // after every reader.
    site.until("80 messages", |site| {
        let log = site.read("var/log/maillog");
        (log.matches("stat=Sent").count() == 80).then_some(())
    });
    // Two that wait for each other's lock would take eight seconds.
    let took = began.elapsed();
    assert!(took < Duration::from_secs(7), "{took:?}");
    let mail = site.read(&format!("var/box/{}", me()));
    assert_eq!(mail.matches("Subject: number ").count(), 80);
}

/// Mailers with flags and equates, and what the reference's gave their program
/// of one message: arguments, user, directory and niceness; text without dates
/// and trace.
const MAILERS: &[(&str, &str, &str)] = &[
    (
        "F=lsDFMPn",
        "-a,a@b.test,alice,-h,here,|daemon|/|0",
        "Return-Path: <a@b.test>~Date: X~From: a@b.test~Message-Id: X~X-A: é~~From here~.~last~",
    ),
    (
        "F=f",
        "-f,a@b.test,-a,a@b.test,alice,-h,here,|daemon|/|0",
        "From a@b.test X~X-A: é~~From here~.~last~",
    ),
    (
        "F=r",
        "-r,a@b.test,-a,a@b.test,alice,-h,here,|daemon|/|0",
        "From a@b.test X~X-A: é~~From here~.~last~",
    ),
    (
        "F=m",
        "-a,a@b.test,alice,bob,-h,here,|daemon|/|0",
        "From a@b.test X~X-A: é~~From here~.~last~",
    ),
    (
        "F=Eb",
        "-a,a@b.test,alice,-h,here,|daemon|/|0",
        "From a@b.test X~X-A: é~~>From here~.~last~~",
    ),
    (
        "F=nX",
        "-a,a@b.test,alice,-h,here,|daemon|/|0",
        "X-A: é~~From here~..~last~",
    ),
    (
        "F=nm, U=bin, N=5, D=/nonexistent:/tmp, E=\\r\\n, L=5",
        "-a,a@b.test,alice,bob,-h,here,|bin|/tmp|5",
        "X-A:!R~  éR~R~From!R~  he!R~ reR~.R~lastR~",
    ),
];

/// A script that writes down how it was called.
const DUMP: &str = "#!/bin/sh\nnumber=${0##*-}\n\
    { for a; do printf '%s,' \"$a\"; done; echo \"|$(id -un)|$(pwd)|$(nice)\"; \
    sed 's/\\r/R/' | tr '\\n' '~'; echo; } >@ROOT@/var/box/$number.tmp\n\
    mv @ROOT@/var/box/$number.tmp @ROOT@/var/box/$number\n";

/// A text without what differs from run to run.
fn without_times(text: &str) -> String {
    let mut kept = Vec::new();
    for line in text.split('~') {
        match line.split([':', ' ']).next().unwrap_or_default() {
            "Received" => {}
            _ if line.starts_with('\t') => {}
            name @ ("Date" | "Message-Id") => kept.push(format!("{name}: X")),
            "From" if line.starts_with("From a@b") => kept.push("From a@b.test X".to_owned()),
            _ => kept.push(line.to_owned()),
        }
    }
    kept.join("~")
}

#[test]
fn flags_and_equates_reach_the_program() {
    if !need::root("mailers that run as others") {
        return;
    }
    let mut definitions = String::new();
    let mut rules = String::new();
    for (number, (flags, ..)) in MAILERS.iter().enumerate() {
        definitions += &format!(
            "Mt{number}, P=@ROOT@/dump-{number}, {flags}, T=DNS/RFC822/X-Unix, A=box -a $g $u -h $h\n"
        );
        rules += &format!("R$+ < @ t{number}.test . > $*\t$#t{number} $@ here $: $1\n");
    }
    let mut site = Site::stock(&format!(
        "MAILER_DEFINITIONS\n{definitions}LOCAL_RULE_0\n{rules}"
    ));
    open_directory(&site, "var/box");
    for number in 0..MAILERS.len() {
        script(&site, &format!("dump-{number}"), DUMP);
    }
    site.start();
    for (number, (flags, ..)) in MAILERS.iter().enumerate() {
        let (alice, bob) = (
            format!("alice@t{number}.test"),
            format!("bob@t{number}.test"),
        );
        // Without flag `m` the program runs for each alone.
        let both = [alice.as_str(), bob.as_str()];
        let to = if flags.contains('m') {
            &both[..]
        } else {
            &both[..1]
        };
        site.send("a@b.test", to, "X-A: é\n\nFrom here\n.\nlast\n");
    }
    for (number, (flags, called, text)) in MAILERS.iter().enumerate() {
        let got = site.until(flags, |site| {
            Some(site.read(&format!("var/box/{number}"))).filter(|got| !got.is_empty())
        });
        let (how, what) = got.split_once('\n').expect("two lines");
        assert_eq!(how, *called, "{flags}");
        let what = without_times(what.trim_end());
        // Broken lines of the trace cannot be told from others.
        match flags.contains("L=") {
            true => assert!(what.ends_with(text), "{flags}: {what}"),
            false => assert_eq!(what, *text, "{flags}"),
        }
    }
}

/// Speaks LMTP on its standard input and output; one recipient is refused,
/// one has no room.
const LMTP: &str = r#"#!/bin/sh
say() { printf '%s\r\n' "$1"; }
say '220 program LMTP'
while IFS= read -r line; do
	case $line in
	LHLO*) say '250-program'; say '250 PIPELINING';;
	MAIL*) to=; say '250 2.1.0 ok';;
	RCPT*dave*) say '550 5.1.1 no dave';;
	RCPT*bob*) to="$to bob"; say '250 2.1.5 ok';;
	RCPT*) to="$to other"; say '250 2.1.5 ok';;
	DATA*) say '354 go'
		while IFS= read -r line; do
			case $line in .?) break;; esac
			printf '%s\n' "$line" >>@ROOT@/var/box/mail
		done
		for one in $to; do
			case $one in bob) say '450 4.2.2 full';; *) say '250 2.0.0 stored';; esac
		done;;
	QUIT*) say '221 bye'; exit 0;;
	*) say '500 what';;
	esac
done
"#;

#[test]
fn lmtp_is_spoken_with_a_program() {
    let me = me();
    let mut site = Site::stock(
        "FEATURE(`use_cw_file')dnl\n\
         MAILER_DEFINITIONS\n\
         Mstore, P=@ROOT@/lmtp, F=lsDFMmnqz, E=\\r\\n, T=DNS/RFC822/SMTP, A=lmtp\n\
         Mabsent, P=@ROOT@/no-such-program, F=lsDFMmnqz, E=\\r\\n, T=DNS/RFC822/SMTP, A=lmtp\n\
         LOCAL_RULE_0\n\
         R$+ < @ store.test . > $*\t$#store $: $1@store.test\n\
         R$+ < @ absent.test . > $*\t$#absent $: $1@absent.test",
    );
    site.write("etc/mail/local-host-names", "here.example\n");
    open_directory(&site, "var/box");
    script(&site, "lmtp", LMTP);
    site.start();
    site.send(
        &format!("{me}@here.example"),
        &["carol@store.test", "bob@store.test", "dave@store.test"],
        "Subject: spoken\n\n.dot\n",
    );
    let bounce = site.mailbox(&me, "Action: failed");
    assert!(bounce.contains("RFC822; dave@store.test"), "{bounce}");
    assert!(bounce.contains("550 5.1.1 no dave"), "{bounce}");
    let queue = site.mailq("450 4.2.2 full");
    assert!(queue.contains("bob@store.test"), "{queue}");
    assert!(!queue.contains("carol"), "{queue}");
    let mail = site.read("var/box/mail");
    assert!(mail.contains("Subject: spoken\r\n\r\n..dot\r\n"), "{mail}");
    let log = site.read("var/log/maillog");
    let sent = log
        .lines()
        .find(|line| line.contains("to=<carol@store.test>"));
    assert!(
        sent.is_some_and(|line| line.contains("stat=Sent (2.0.0 stored)")),
        "{log}"
    );
    site.send("a@b.test", &["x@absent.test"], "Subject: absent\n\nx\n");
    site.mailq("Cannot exec");
}

#[test]
fn members_who_have_it_do_not_get_it_again_after_a_crash() {
    let me = me();
    let mut site = Site::stock("FEATURE(`use_cw_file')dnl");
    site.write("etc/mail/local-host-names", "here.example\n");
    site.write(
        "etc/mail/aliases",
        &format!("postmaster: root\nstaff: {me}, \"|@ROOT@/hang\"\n"),
    );
    open_directory(&site, "var/box");
    script(
        &site,
        "hang",
        "#!/bin/sh\necho >>@ROOT@/var/box/tries\n\
         while [ -e @ROOT@/var/box/hang ]; do sleep 0.1; done\ncat >>@ROOT@/var/box/heard\n",
    );
    site.write("var/box/hang", "");
    site.start();
    site.send(
        "a@far.example",
        &["staff@here.example"],
        "Subject: once\n\nx\n",
    );
    site.mailbox(&me, "Subject: once");
    // The outcome is written a moment after the mailbox.
    std::thread::sleep(Duration::from_millis(700));
    site.crash();
    site.start();
    site.until("the next try", |site| {
        (site.read("var/box/tries").len() >= 2).then_some(())
    });
    std::fs::remove_file(site.path("var/box/hang")).expect("the file is there");
    site.mailq("is empty");
    assert!(site.read("var/box/heard").contains("Subject: once"));
    let mail = site.read(&format!("var/mail/{me}"));
    assert_eq!(mail.matches("Subject: once").count(), 1, "{mail}");
}
