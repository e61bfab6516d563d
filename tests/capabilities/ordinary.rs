//! The same for an ordinary user: as root, the tests of a whole mail server
//! are played once more by somebody who is not.

use std::os::unix::fs::{PermissionsExt, chown};
use std::process::Command;

use crate::need;
use crate::site::godwit;

/// What is played again.
const CAPABILITIES: [&str; 2] = ["mail::", "configurations::"];

#[test]
fn a_whole_mail_server_needs_no_root() {
    if !nix::unistd::geteuid().is_root() {
        return; // Whoever runs the tests was that somebody.
    }
    let what = "the tests of a whole server as an ordinary user";
    // Somebody whose mail is his own: `nobody` is an alias.
    let Some(user) = nix::unistd::User::from_name("backup").ok().flatten() else {
        need::left_out(what, "there is no user backup");
        return;
    };
    let Some(setpriv) = need::tool("setpriv", what) else {
        return;
    };
    let id = user.uid.as_raw();
    // Where he gets to, wherever the sources lie.
    let place = tempfile::Builder::new()
        .prefix("godwit-ordinary.")
        .tempdir_in("/var/lib")
        .expect("a temporary directory can be made");
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o755))
        .expect("the mode can be set");
    chown(place.path(), Some(id), Some(id)).expect("the owner can be set");
    let tests = place.path().join("tests");
    std::fs::copy(std::env::current_exe().expect("our own path"), &tests).expect("a copy");
    let program = place.path().join("godwit");
    std::fs::copy(godwit(), &program).expect("a copy");
    let id = id.to_string();
    let output = Command::new(setpriv)
        .args(["--reuid", &id, "--regid", &id, "--clear-groups"])
        .arg(&tests)
        .args(CAPABILITIES)
        .env("GODWIT_PROGRAM", &program)
        .env("GODWIT_SITES", place.path())
        .current_dir(place.path())
        .output()
        .expect("the tests can be started");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // A name that matches nothing would succeed as well.
    let count = said.lines().filter(|line| line.ends_with("... ok")).count();
    assert!(count >= 20, "{said}");
}
