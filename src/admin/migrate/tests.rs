use super::*;
use crate::base::Origin;
use crate::cf::{self, Config, Origins};

fn config(text: &str) -> Config {
    let origin = Origin::file_only("test.cf");
    cf::read(text.as_bytes(), Origins::File(&origin)).0
}

#[test]
fn only_what_differs_is_found() {
    let old = config(
        "DSrelay.example\nDZold\nCwa b\nKaccess hash  -T<TMPF> /etc/mail/access\n\
         O MaxHopCount=25\nO Timeout.ident=5s\nO SendMimeErrors=True\nO MaxMessageSize=10\n\
         Msmtp, P=[IPC], F=mDFMuX, A=TCP $h\nMfax, P=/bin/fax, F=l, A=fax $u\n",
    );
    let new = config(
        "DSrelay.example\nDZnew\nCwb\nCwa\nKaccess hash -T<TMPF> /etc/mail/access\n\
         O SendMimeErrors\nO MaxMessageSize=20\n\
         Msmtp, P=[IPC], F=XmDFMu, A=TCP $h\n",
    );
    let found: Vec<String> = compare(&old, &new)
        .iter()
        .map(|found| {
            format!(
                "{} {}: {} / {}",
                found.what, found.name, found.old, found.new
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            "option MaxMessageSize: 10 / 20",
            "mailer fax: P=/bin/fax F=l A=fax $u M=0 L=0 U=: / "
        ]
    );
    assert!(compare(&old, &old).is_empty());
}

#[test]
fn a_site_is_copied_and_its_includes_are_found_in_the_copy() {
    use crate::m4::Host;
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("site");
    std::fs::create_dir_all(from.join("tls")).unwrap();
    std::fs::write(from.join("sendmail.mc"), "x").unwrap();
    std::fs::write(from.join("tls/starttls.m4"), "tls").unwrap();
    let staged = stage(&from, &dir.path().join("to")).unwrap();
    assert_eq!(staged.files, 2);
    let mut host = SiteHost::new(&staged);
    let read = |host: &mut SiteHost<'_>, name: &str| host.read(name.as_bytes()).unwrap().bytes;
    assert_eq!(read(&mut host, "/etc/mail/tls/starttls.m4"), b"tls");
    assert_eq!(read(&mut host, "sendmail.mc"), b"x");
    assert_eq!(read(&mut host, "/usr/local/share/no.m4"), b"");
    assert_eq!(host.missing, ["/usr/local/share/no.m4"]);
    assert!(stage(&from, &dir.path().join("to")).is_err());
}

#[test]
fn a_report_that_finds_nothing_says_so() {
    let mut report = Report::default();
    assert!(report.is_clean() && report.text().ends_with("\nNothing differs.\n"));
    report.missing.push("<x>".to_owned());
    assert!(report.html().contains("<li>&lt;x&gt;</li>"));
    assert_eq!(report.json()["clean"], false);
}
