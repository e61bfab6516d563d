//! `godwit queue` and `godwit trace` beside a running server.

use crate::site::Site;

const MC: &str = "FEATURE(`mailertable', `hash -o /etc/mail/mailertable')dnl\n";
const MESSAGE: &str = "Subject: waits\r\n\r\nbody of it\r\n";

/// A site whose mail for one domain waits: nobody listens there.
fn site() -> Site {
    let mut site = Site::stock(MC);
    site.write("etc/mail/mailertable", "far.example\tesmtp:[127.0.0.9]\n");
    site.must(&["make"]);
    site.start();
    site.send("root@example.com", &["friend@far.example"], MESSAGE);
    site.mailq("friend@far.example");
    site.until("a reason", |site| {
        site.must(&["queue", "list"])
            .contains("refused")
            .then_some(())
    });
    site
}

fn id(site: &Site) -> String {
    let text = site.must(&["queue", "list"]);
    text.split(' ').next().expect("an id").to_owned()
}

#[test]
fn what_waits_is_shown_held_released_and_removed() {
    let site = site();
    let id = id(&site);
    let list = site.must(&["queue", "list"]);
    assert!(
        list.contains("<root@example.com> -> <friend@far.example>"),
        "{list}"
    );
    assert!(list.ends_with("1 messages\n"), "{list}");
    let reasons = site.must(&["queue", "list", "--by", "reason"]);
    assert!(
        reasons.starts_with("     1  ") && reasons.contains("refused"),
        "{reasons}"
    );
    let ages = site.must(&["queue", "list", "--by", "age"]);
    assert!(ages.contains("far.example      1     1     0"), "{ages}");
    let json = site.must(&["queue", "list", "--json", "--host", "example"]);
    assert!(
        json.contains("\"size_bytes\":") && json.contains(&id),
        "{json}"
    );
    assert_eq!(
        site.godwit(&["queue", "show", "--from", "nobody"])
            .status
            .code(),
        Some(1)
    );
    let shown = site.must(&["queue", "show", &id]);
    assert!(shown.contains("\nSubject: waits\n"), "{shown}");
    let text = site.must(&["queue", "export", &id]);
    assert!(text.ends_with("\n\nbody of it\n"), "{text}");
    assert_eq!(site.godwit(&["queue", "rm"]).status.code(), Some(64));
    site.until("held", |site| {
        let output = site.godwit(&["queue", "hold", &id, "--why", "to be looked at"]);
        output.status.success().then_some(())
    });
    assert!(
        site.must(&["mailq", "-qQ"])
            .contains("QUARANTINE: to be looked at")
    );
    assert!(!site.must(&["mailq"]).contains(&id));
    assert_eq!(
        site.must(&["queue", "release", "--held"]),
        format!("{id}: released\n")
    );
    site.mailq(&id);
    let dry = site.must(&["queue", "rm", "-n", "--to", "friend"]);
    assert_eq!(dry, format!("{id}: would be removed\n"));
    site.until("removed", |site| {
        let output = site.godwit(&["queue", "rm", "--to", "friend"]);
        output.stdout.ends_with(b": removed\n").then_some(())
    });
    assert!(site.must(&["mailq"]).contains("is empty"));
    assert!(!site.path(&format!("var/spool/mqueue/df{id}")).exists());
}

#[test]
fn a_retry_is_asked_of_the_server() {
    let site = site();
    let id = id(&site);
    let tries = |site: &Site| {
        let log = site.read("var/log/maillog");
        log.matches("stat=Deferred").count()
    };
    let before = tries(&site);
    assert_eq!(
        site.must(&["queue", "retry", &id]),
        format!("{id}: is tried\n")
    );
    site.until("another try", |site| (tries(site) > before).then_some(()));
    site.until("requeued", |site| {
        let output = site.godwit(&["queue", "requeue", &id]);
        output.status.success().then_some(())
    });
}

#[test]
fn a_message_is_followed_through_the_log() {
    let site = site();
    let id = id(&site);
    let by_id = site.must(&["trace", &id]);
    assert!(by_id.contains("from=<root@example.com>"), "{by_id}");
    assert!(by_id.contains("to=<friend@far.example>"), "{by_id}");
    assert_eq!(site.must(&["trace", "friend@far.example"]), by_id);
    assert_eq!(
        site.godwit(&["trace", "nobody@nowhere"]).status.code(),
        Some(1)
    );
}

#[test]
fn a_message_is_given_back_to_its_sender() {
    let me = crate::mail::me();
    let mut site = Site::stock(&format!("{MC}FEATURE(`use_cw_file')dnl\n"));
    site.write("etc/mail/mailertable", "far.example\tesmtp:[127.0.0.9]\n");
    site.write("etc/mail/local-host-names", "here.example\n");
    site.must(&["make"]);
    site.start();
    let from = format!("{me}@here.example");
    let send = |site: &Site, to: &str| {
        site.send(&from, &[to], MESSAGE);
        site.mailq(to);
    };
    send(&site, "friend@far.example");
    send(&site, "other@far.example");
    site.until("a reason for both", |site| {
        let list = site.must(&["queue", "list"]);
        (list.matches("refused").count() == 2).then_some(())
    });
    let dry = site.must(&["queue", "bounce", "-n", "--to", "friend"]);
    assert!(
        dry.ends_with(": would be returned to its sender\n"),
        "{dry}"
    );
    let said = site.must(&[
        "queue",
        "bounce",
        "--to",
        "friend",
        "--why",
        "Gone, all gone",
    ]);
    assert!(said.ends_with(": is returned to its sender\n"), "{said}");
    let report = site.mailbox(&me, "Subject: Returned mail: see transcript for details");
    for part in [
        "Action: failed",
        "Final-Recipient: RFC822; friend@far.example",
        "Diagnostic-Code: SMTP; 550 5.0.0 Gone, all gone",
        "Subject: waits",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }
    // In quarantine it can be given back as well; the other one waits on.
    site.until("held", |site| {
        let hold = ["queue", "hold", "--to", "other"];
        site.godwit(&hold).status.success().then_some(())
    });
    site.must(&["queue", "bounce", "--held", "--why", "Never to be sent"]);
    let report = site.mailbox(&me, "Never to be sent");
    assert!(report.contains("RFC822; other@far.example"), "{report}");
    site.until("an empty queue", |site| {
        let left = site.must(&["queue", "list"]);
        left.ends_with("0 messages\n").then_some(())
    });
    assert!(site.read("var/log/maillog").contains("stat=Gone, all gone"));
    site.stop();
    assert_eq!(
        site.godwit(&["queue", "bounce", "--all"]).status.code(),
        Some(1)
    );
}
