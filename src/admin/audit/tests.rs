use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::base::Origin;
use crate::cf::{self, Origins};

fn chmod(path: &std::path::Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_is_unsafe_is_found_and_permissions_are_mended() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    for directory in ["etc/mail/smrsh", "var/spool/mqueue"] {
        fs::create_dir_all(path(directory)).unwrap();
    }
    chmod(&path("etc/mail"), 0o755);
    chmod(&path("etc/mail/smrsh"), 0o755);
    chmod(&path("var/spool/mqueue"), 0o755);
    fs::write(path("etc/mail/access"), "").unwrap();
    chmod(&path("etc/mail/access"), 0o666);
    fs::write(path("etc/mail/access.db"), "").unwrap();
    chmod(&path("etc/mail/access.db"), 0o640);
    fs::write(path("etc/mail/authinfo"), "").unwrap();
    chmod(&path("etc/mail/authinfo"), 0o644);
    std::os::unix::fs::symlink("/usr/bin/perl", path("etc/mail/smrsh/filter")).unwrap();
    std::os::unix::fs::symlink("/usr/bin/procmail", path("etc/mail/smrsh/procmail")).unwrap();
    fs::write(
        path("etc/mail/aliases"),
        "postmaster: root\ndecode: |/usr/bin/uudecode\nbin: root\nroot: me\n",
    )
    .unwrap();
    chmod(&path("etc/mail/aliases"), 0o644);
    let at = root.path().display();
    let text = format!(
        "O AliasFile={at}/etc/mail/aliases\nO QueueDirectory={at}/var/spool/mqueue\n\
         O PrivacyOptions=authwarnings,noexpn\nMprog, P=/bin/sh, F=lsD, A=sh -c $u\n"
    );
    let origin = Origin::file_only("test.cf");
    let (config, _) = cf::read(text.as_bytes(), Origins::File(&origin));
    let place = Place::under(root.path());
    let scope = Scope {
        place: &place,
        config: &config,
        owners: vec![nix::unistd::geteuid().as_raw()],
        passwd:
            b"root:x:0:0::/root:/bin/sh\nbin:x:2:2::/bin:\nnews:x:9:9::/x:\nme:x:1000:1000::/h:\n"
                .to_vec(),
    };
    let codes = |findings: &[Finding]| -> Vec<String> {
        let mut codes: Vec<String> = findings
            .iter()
            .map(|f| format!("{} {}", f.code, f.subject.replace(&at.to_string(), "")))
            .collect();
        codes.sort();
        codes
    };
    let findings = audit(&scope);
    assert_eq!(
        codes(&findings),
        [
            "alias-missing MAILER-DAEMON",
            "alias-missing abuse",
            "decode-alias /etc/mail/aliases:2",
            "file-mode /etc/mail/access",
            "greeting SmtpGreetingMessage",
            "no-smrsh mailer prog: /bin/sh",
            "no-tls ServerCertFile",
            "privacy PrivacyOptions without novrfy",
            "privacy PrivacyOptions without restrictmailq",
            "privacy PrivacyOptions without restrictqrun",
            "pseudo-accounts news",
            "queue-mode /var/spool/mqueue",
            "secret-mode /etc/mail/authinfo",
            "smrsh-program /etc/mail/smrsh/filter",
        ]
    );
    for fix in findings.iter().filter_map(|finding| finding.fix.as_ref()) {
        fix.apply().unwrap();
    }
    let left = codes(&audit(&scope));
    assert!(!left.iter().any(|code| code.contains("-mode ")), "{left:?}");
    let mode = |name: &str| fs::metadata(path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        [mode("etc/mail/access"), mode("var/spool/mqueue")],
        [0o644, 0o700]
    );
}
