//! The reference as our client and as our server: it logs in with us and we
//! with it, by every mechanism that both have, under TLS with certificates.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::auth::data;
use crate::need;

const MECHANISMS: [&str; 6] = [
    "SCRAM-SHA-256",
    "SCRAM-SHA-1",
    "DIGEST-MD5",
    "CRAM-MD5",
    "PLAIN",
    "LOGIN",
];

/// Plays the script in the reference's tree; what it printed. `None` when
/// something is missing.
fn play() -> Option<String> {
    let what = "logging in at the reference";
    let tree = need::reference(what)?.join("root");
    need::tool("openssl", what)?;
    let unshare = need::tool("unshare", what).filter(|_| need::root(what))?;
    if !tree.join("usr/sbin/saslpasswd2").exists() || !tree.join("usr/bin/python3").exists() {
        need::left_out(what, "its tree has no saslpasswd2 or no python3");
        return None;
    }
    let case = tempfile::tempdir().unwrap();
    let certificates = case.path().join("certs");
    fs::create_dir_all(certificates.join("roots")).unwrap();
    let made = Command::new("sh")
        .arg(data("certificates.sh"))
        .current_dir(&certificates)
        .status();
    assert!(made.unwrap().success());
    fs::copy(
        certificates.join("ca.pem"),
        certificates.join("roots/ca.pem"),
    )
    .unwrap();
    let hashed = Command::new("openssl")
        .args(["rehash", "roots"])
        .current_dir(&certificates)
        .status();
    assert!(hashed.unwrap().success());
    fs::copy(data("reference.sh"), case.path().join("reference.sh")).unwrap();
    fs::copy(crate::site::godwit(), case.path().join("godwit")).unwrap();
    fs::set_permissions(case.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let script = "set -e; mount --make-rprivate /; mount --bind \"$2\" \"$1/case\"; \
        mount -t tmpfs -o mode=755 tmpfs \"$1/var\"; mkdir -p \"$1/var/tmp\" \"$1/var/run\" \"$1/var/mail\"; \
        mount -t tmpfs -o mode=755 tmpfs \"$1/etc/mail\"; \
        mount -t tmpfs -o mode=755 tmpfs \"$1/dev\"; \
        for node in null random urandom; do \
            : > \"$1/dev/$node\"; mount --bind /dev/$node \"$1/dev/$node\"; done; \
        hostname mail.example.org; \
        exec chroot \"$1\" /bin/sh -c 'cd /case && exec sh reference.sh'";
    let output = Command::new(unshare)
        .args([
            "-m",
            "-n",
            "-p",
            "-u",
            "--fork",
            "--kill-child",
            "/bin/sh",
            "-c",
            script,
            "sh",
        ])
        .args([tree.as_os_str(), case.path().as_os_str()])
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(said + &String::from_utf8_lossy(&output.stderr))
}

#[test]
fn every_mechanism_both_ways() {
    let Some(said) = play() else { return };
    for mechanism in MECHANISMS {
        for wanted in [
            format!("reference to us, {mechanism}: 235 2.0.0 OK Authenticated"),
            format!("authid=alice, mech={mechanism}, bits=0"),
            format!("AUTH=client, relay=[127.0.0.1], mech={mechanism}, bits=0"),
        ] {
            assert!(said.contains(&wanted), "{wanted}\n{said}");
        }
        let line = said
            .lines()
            .find(|line| line.contains(&format!("to=<to-{mechanism}@far.example>")));
        let line = line.unwrap_or_default();
        assert!(
            line.contains("dsn=2.0.0, stat=Sent"),
            "{mechanism}: {line}\n{said}"
        );
    }
    let tls = "version=TLSv1.3, verify=OK, cipher=TLS_AES_256_GCM_SHA384, bits=256/256";
    for side in ["server", "client"] {
        let count = said
            .lines()
            .filter(|line| line.contains(&format!("STARTTLS={side}, ")) && line.contains(tls))
            .count();
        assert!(count >= MECHANISMS.len(), "{side}: {count}\n{said}");
    }
}
