//! `godwit audit`: what is unsafe on a site, and what mends it.

use std::os::unix::fs::PermissionsExt;

use crate::site::Site;

fn site(extra: &str) -> Site {
    let site = Site::stock(&format!("FEATURE(`access_db')dnl\n{extra}"));
    site.write("etc/mail/access", "");
    site.must(&["make"]);
    site
}

/// What it says of one site.
fn audit(site: &Site, arguments: &[&str]) -> (Option<i32>, String) {
    let output = site.godwit(&[&["audit"], arguments].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), text)
}

#[test]
fn a_closed_site_is_no_open_relay_and_an_open_one_is() {
    let (_, text) = audit(&site(""), &["--json"]);
    assert!(!text.contains("open-relay"), "{text}");
    let (code, text) = audit(&site("FEATURE(`promiscuous_relay')dnl\n"), &["--json"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("<user@victim.invalid>"), "{text}");
    // Only whoever claims to be from here: the classic mistake.
    let (_, text) = audit(&site("FEATURE(`relay_local_from')dnl\n"), &["--json"]);
    assert!(text.contains("open-relay"), "{text}");
}

#[test]
fn permissions_are_taken_away_when_asked() {
    let site = site("");
    let access = site.path("etc/mail/access");
    let set = |mode| std::fs::set_permissions(&access, PermissionsExt::from_mode(mode));
    let mode = || {
        std::fs::metadata(&access)
            .expect("there")
            .permissions()
            .mode()
            & 0o777
    };
    set(0o666).expect("set");
    let (code, text) = audit(&site, &[]);
    assert_eq!(code, Some(1));
    assert!(text.contains("its mode is 0666"), "{text}");
    assert!(
        text.contains(&format!("chmod 0644 {}", access.display())),
        "{text}"
    );
    let (_, text) = audit(&site, &["--fix", "--dry-run"]);
    assert!(text.contains("would be mended"), "{text}");
    assert_eq!(mode(), 0o666);
    let (_, text) = audit(&site, &["--fix"]);
    assert!(text.contains("\n  mended\n"), "{text}");
    assert_eq!(mode(), 0o644);
}
