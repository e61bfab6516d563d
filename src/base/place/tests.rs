use bstr::BStr;

use super::Place;

#[track_caller]
fn check(text: &str, moved: &str) {
    let place = Place::under("/r");
    assert_eq!(place.text(BStr::new(text)), moved);
    assert_eq!(place.text(BStr::new(moved)), moved, "twice is once");
    assert_eq!(Place::default().text(BStr::new(text)), text);
}

#[test]
fn a_sites_paths_move_and_others_stay() {
    check("/etc/mail/access", "/r/etc/mail/access");
    check(
        "hash -T<TMPF> -o /etc/mail/access",
        "hash -T<TMPF> -o /r/etc/mail/access",
    );
    check(
        "hash:/etc/aliases, /etc/mail/list",
        "hash:/r/etc/aliases, /r/etc/mail/list",
    );
    check("/etc/aliases.d", "/r/etc/aliases.d");
    check("/var/spool/mqueue/q*", "/r/var/spool/mqueue/q*");
    check("/etc/mailer", "/etc/mailer");
    check("/variable", "/variable");
    check("/usr/lib/sm.bin", "/usr/lib/sm.bin");
    check("/home/x/var/mail", "/home/x/var/mail");
    check("local:/var/run/milter.sock", "local:/r/var/run/milter.sock");
}
