//! Logging in to send mail: every mechanism, against every kind of user
//! database, with clients that others wrote; and TLS around it.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use godwit::sasl::{AuthInfo, Bindings, Client, Mechanism};

use crate::dialogue::Dialogue;
use crate::need;
use crate::site::Site;

const MECHANISMS: &str = "define(`confAUTH_MECHANISMS', `EXTERNAL SCRAM-SHA-256 SCRAM-SHA-1 \
    DIGEST-MD5 CRAM-MD5 OAUTHBEARER XOAUTH2 PLAIN LOGIN')dnl\n\
    TRUST_AUTH_MECH(`EXTERNAL SCRAM-SHA-256 SCRAM-SHA-1 SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS \
    DIGEST-MD5 CRAM-MD5 OAUTHBEARER XOAUTH2 PLAIN LOGIN')dnl";

/// A site whose mail to elsewhere stays in the queue.
fn site(extra: &str) -> Site {
    let site = Site::stock(&format!(
        "define(`confLOG_LEVEL', `12')dnl\ndefine(`confDELIVERY_MODE', `queue')dnl\n\
         define(`confDOMAIN_NAME', `mail.example.org')dnl\n{MECHANISMS}\n{extra}"
    ));
    site.write("etc/mail/local-host-names", "here.example\n");
    site
}

/// `godwit auth ARGUMENTS`, with `input`; what it printed.
fn godwit_auth(site: &Site, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(crate::site::godwit())
        .arg("--root")
        .arg(site.root())
        .arg("auth")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "godwit auth {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Logs in with our own client half; the last reply.
fn log_in(session: &mut Dialogue, mechanism: Mechanism, user: &str, password: &str) -> String {
    let info = AuthInfo {
        user: user.into(),
        password: Some(password.into()),
        ..AuthInfo::default()
    };
    let host = (b"mail.example.org".as_slice(), 25);
    let mut client = Client::new(mechanism, info, host, b"nonce", Bindings::none());
    let mut line = format!("AUTH {}", mechanism.name());
    if let Some(initial) = client.initial() {
        line = format!("{line} {}", STANDARD.encode(initial));
    }
    loop {
        let reply = session.say(&line);
        let Some(challenge) = reply.strip_prefix("334 ") else {
            return reply;
        };
        let challenge = STANDARD.decode(challenge.trim_end()).unwrap();
        line = match client.respond(&challenge) {
            Ok(message) => STANDARD.encode(message),
            Err(_) => "*".to_owned(),
        };
    }
}

fn hello(site: &Site) -> (Dialogue, String) {
    let mut session = site.stranger();
    let hello = session.expect("EHLO client.example.com", "250");
    (session, hello)
}

fn offered(hello: &str) -> Vec<&str> {
    let line = hello
        .lines()
        .find_map(|line| line.get(4..)?.strip_prefix("AUTH "));
    line.map_or_else(Vec::new, |line| line.split_whitespace().collect())
}

#[test]
fn nothing_is_offered_where_nobody_can_log_in() {
    let mut site = site("");
    site.start();
    let (mut session, hello) = hello(&site);
    assert!(offered(&hello).is_empty(), "{hello}");
    assert!(!hello.contains("STARTTLS"), "{hello}");
    session.expect("AUTH PLAIN", "503 5.3.3 AUTH not available");
}

#[test]
fn a_stranger_relays_once_he_has_logged_in() {
    let mut site = site("");
    godwit_auth(&site, &["add", "alice"], "s3cret, =x\n");
    let token = godwit_auth(&site, &["token", "alice", "1"], "");
    let listed = godwit_auth(&site, &["list"], "");
    assert_eq!(listed, "alice\tSCRAM-SHA-256 SCRAM-SHA-1 BEARER-SHA-256\n");
    let mode = std::fs::metadata(site.path("etc/mail/auth-users")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    site.start();
    let (mut session, hello) = hello(&site);
    let wanted = [
        "SCRAM-SHA-256",
        "SCRAM-SHA-1",
        "OAUTHBEARER",
        "XOAUTH2",
        "PLAIN",
        "LOGIN",
    ];
    assert_eq!(offered(&hello), wanted);
    session.expect("MAIL FROM:<a@here.example>", "250");
    session.expect("RCPT TO:<b@far.example>", "550 5.7.1");
    for name in wanted {
        let mechanism = Mechanism::parse(name.as_bytes()).unwrap();
        let is_token = matches!(mechanism, Mechanism::OauthBearer | Mechanism::Xoauth2);
        let secret = if is_token {
            token.trim_end()
        } else {
            "s3cret, =x"
        };
        let (mut session, _) = self::hello(&site);
        let wrong = log_in(&mut session, mechanism, "alice", "s3cret");
        assert_eq!(
            wrong.trim_end(),
            "535 5.7.0 authentication failed",
            "{name}"
        );
        let unknown = log_in(&mut session, mechanism, "nobody", secret);
        assert_eq!(unknown, wrong, "{name}");
        let right = log_in(&mut session, mechanism, "alice", secret);
        assert_eq!(right.trim_end(), "235 2.0.0 OK Authenticated", "{name}");
        session.expect("MAIL FROM:<a@here.example>", "250");
        session.expect("RCPT TO:<b@far.example>", "250 2.1.5");
        session.data(&format!("Subject: by {name}\n\nx\n"), "250");
    }
    let log = site.read("var/log/maillog");
    for line in [
        "AUTH failure (PLAIN): authentication failure (-13) SASL(-13): authentication failure: \
         Password verification failed, user=alice, relay=[127.0.0.2]",
        "AUTH failure (LOGIN): user not found (-20) SASL(-13): user not found: checkpass failed, \
         user=nobody, relay=[127.0.0.2]",
        "AUTH=server, relay=[127.0.0.2], authid=alice, mech=SCRAM-SHA-256, bits=0",
        "proto=ESMTPA, daemon=MTA, relay=[127.0.0.2]",
    ] {
        assert!(log.contains(line), "{line}\n{log}");
    }
    godwit_auth(&site, &["rm", "alice"], "");
    let (mut session, _) = self::hello(&site);
    let gone = log_in(&mut session, Mechanism::Plain, "alice", "s3cret, =x");
    assert!(gone.starts_with("535"), "{gone}");
}

#[test]
fn the_time_of_a_refusal_tells_nothing() {
    let mut site = site("");
    godwit_auth(&site, &["add", "alice"], "x\n");
    site.start();
    for user in ["alice", "nobody"] {
        let (mut session, _) = hello(&site);
        let began = std::time::Instant::now();
        log_in(&mut session, Mechanism::Plain, user, "wrong");
        let spent = began.elapsed().as_secs_f64();
        assert!(spent >= 0.99, "{user}: {spent}");
        let beyond = spent - spent.floor();
        assert!(
            beyond < 0.6,
            "{user}: answered at a whole second, not after {spent}"
        );
    }
}

#[test]
fn options_and_modifiers_say_who_must_log_in_and_how() {
    let port = crate::site::free_port();
    let mut site = site(&format!(
        "define(`confAUTH_OPTIONS', `p,y')dnl\n\
         DAEMON_OPTIONS(`Port={port}, Addr=127.0.0.1, Name=MSA, M=Ea')dnl"
    ));
    godwit_auth(&site, &["add", "alice"], "x\n");
    site.start();
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let mut session = Dialogue::open_from([127, 0, 0, 2], address);
    let hello = session.expect("EHLO c", "250");
    assert_eq!(
        offered(&hello),
        ["SCRAM-SHA-256", "SCRAM-SHA-1"],
        "p: nothing in the clear"
    );
    session.expect(
        "AUTH PLAIN AGFsaWNlAHg=",
        "504 5.3.3 AUTH mechanism PLAIN not available",
    );
    session.expect(
        "MAIL FROM:<a@here.example>",
        "530 5.7.0 Authentication required",
    );
    let right = log_in(&mut session, Mechanism::ScramSha256, "alice", "x");
    assert!(right.starts_with("235"), "{right}");
    session.expect("MAIL FROM:<a@here.example> AUTH=someone@far.example", "250");
    session.expect("RCPT TO:<b@far.example>", "250 2.1.5");
    let log = site.read("var/log/maillog");
    let line = "ruleset=trust_auth, arg1=someone@far.example, relay=[127.0.0.2], \
        reject=550 5.7.1 <a@here.example>... alice not allowed to act as someone@far.example";
    assert!(log.contains(line), "{log}");
}

/// A `saslauthd` that knows one user.
fn fake_saslauthd(path: PathBuf) {
    let listener = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut fields = Vec::new();
            for _ in 0..4 {
                let mut length = [0; 2];
                stream.read_exact(&mut length).unwrap();
                let mut field = vec![0; usize::from(u16::from_be_bytes(length))];
                stream.read_exact(&mut field).unwrap();
                fields.push(String::from_utf8(field).unwrap());
            }
            let answer = match fields.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["alice", "s3cret", "smtp", ""] => "OK",
                ["broken", ..] => "",
                _ => "NO authentication failed",
            };
            let mut out = u16::try_from(answer.len()).unwrap().to_be_bytes().to_vec();
            out.extend_from_slice(answer.as_bytes());
            // In two pieces: an answer may come so.
            stream.write_all(&out[..1]).unwrap();
            stream.write_all(&out[1..]).unwrap();
        }
    });
}

#[test]
fn saslauthd_is_asked_as_the_site_has_it() {
    let mut site = site("");
    site.write(
        "etc/mail/sasl/Sendmail.conf.2",
        "pwcheck_method: saslauthd\nmech_list: LOGIN PLAIN CRAM-MD5\n",
    );
    std::fs::create_dir_all(site.path("var/run/saslauthd")).unwrap();
    site.start();
    let (mut session, hello) = hello(&site);
    assert_eq!(offered(&hello), ["PLAIN", "LOGIN"]);
    let down = log_in(&mut session, Mechanism::Login, "alice", "s3cret");
    assert_eq!(
        down.trim_end(),
        "454 4.7.0 Temporary authentication failure"
    );
    let socket = site.path("var/run/saslauthd/mux");
    fake_saslauthd(socket.clone());
    // As on a real system: root and the group sasl alone may go there.
    let folder = socket.parent().unwrap();
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o710)).unwrap();
    std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o777)).unwrap();
    let (mut session, _) = self::hello(&site);
    let broken = log_in(&mut session, Mechanism::Plain, "broken", "x");
    assert!(broken.starts_with("454"), "{broken}");
    let wrong = log_in(&mut session, Mechanism::Login, "alice", "s3creT");
    assert!(wrong.starts_with("535"), "{wrong}");
    let right = log_in(&mut session, Mechanism::Login, "alice", "s3cret");
    assert!(right.starts_with("235"), "{right}");
}

/// A program that ends with the value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_real_saslauthd_with_shadow_passwords() {
    let what = "saslauthd -a shadow";
    let (Some(daemon), Some(unshare)) =
        (need::tool("saslauthd", what), need::tool("unshare", what))
    else {
        return;
    };
    let Some(openssl) = need::tool("openssl", what).filter(|_| need::root(what)) else {
        return;
    };
    let mut site = site("");
    let hash = Command::new(openssl)
        .args(["passwd", "-6", "s3cret"])
        .output()
        .unwrap();
    let hash = String::from_utf8(hash.stdout).unwrap();
    site.write(
        "passwd",
        "root:x:0:0:root:/root:/bin/sh\nalice:x:1001:1001::/home/alice:/bin/sh\n",
    );
    site.write(
        "shadow",
        &format!(
            "root:*:19000:0:99999:7:::\nalice:{}:19000:0:99999:7:::\n",
            hash.trim()
        ),
    );
    site.write(
        "etc/mail/sasl/Sendmail.conf.2",
        "pwcheck_method: saslauthd\n",
    );
    std::fs::create_dir_all(site.path("var/run/saslauthd")).unwrap();
    let script = "mount --bind \"$1/passwd\" /etc/passwd && mount --bind \"$1/shadow\" /etc/shadow \
        && exec \"$2\" -a shadow -n 0 -d -m \"$1/var/run/saslauthd\"";
    let child = Command::new(unshare)
        .args(["-m", "sh", "-c", script, "sh"])
        .arg(site.root())
        .arg(daemon)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _running = Running(child);
    site.until("saslauthd", |site| {
        site.path("var/run/saslauthd/mux").exists().then_some(())
    });
    site.start();
    let (mut session, _) = hello(&site);
    let wrong = log_in(&mut session, Mechanism::Login, "alice", "other");
    assert!(wrong.starts_with("535"), "{wrong}");
    let right = log_in(&mut session, Mechanism::Login, "alice", "s3cret");
    assert!(right.starts_with("235"), "{right}");
    session.expect("MAIL FROM:<a@here.example>", "250");
    session.expect("RCPT TO:<b@far.example>", "250 2.1.5");
    clients(&site, &["PLAIN", "LOGIN"], &["PLAIN", "LOGIN"]);
}

/// Runs the site's server where `etc/pam.d` of the site is the system's, and
/// its shadow passwords are; as another user if one is named.
fn start_with_pam(site: &mut Site, user: Option<&str>) -> Option<()> {
    let what = "PAM without saslauthd";
    let unshare = need::tool("unshare", what).filter(|_| need::root(what))?;
    let setpriv = need::tool("setpriv", what)?;
    if cfg!(not(feature = "pam")) {
        need::left_out(what, "this build has no feature pam");
        return None;
    }
    site.write("etc/mail/sasl/Sendmail.conf.2", "pwcheck_method: pam\n");
    let script = "mount --bind \"$1/etc/pam.d\" /etc/pam.d && mount --bind \"$1/passwd\" /etc/passwd \
        && mount --bind \"$1/shadow\" /etc/shadow && { [ -z \"$2\" ] || chown -R \"$2\" \"$1\"; } \
        && exec ${2:+\"$3\" --reuid=\"$2\" --regid=\"$2\" --clear-groups} \"$4\" --root \"$1\" run";
    // Where every user gets to.
    let program = site.path("godwit");
    std::fs::copy(crate::site::godwit(), &program).unwrap();
    let mut command = Command::new(unshare);
    command
        .args(["-m", "--kill-child", "sh", "-c", script, "sh"])
        .arg(site.root())
        .arg(user.unwrap_or_default())
        .arg(setpriv)
        .arg(&program);
    site.start_by(command);
    Some(())
}

/// The user database and PAM services of such a site.
fn with_pam_files(site: &Site, service: &str) {
    let hash = Command::new("openssl")
        .args(["passwd", "-6", "s3cret"])
        .output();
    let hash = hash.map_or_else(|_| "*".into(), |o| String::from_utf8(o.stdout).unwrap());
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let user = "alice:x:1001:1001::/home/alice:/bin/sh\nlocked:x:1002:1002::/:/bin/sh\n";
    site.write("passwd", &format!("{passwd}{user}"));
    let hash = hash.trim();
    // The second account ended in 1970.
    let shadow = format!(
        "root:*:19000:0:99999:7:::\nalice:{hash}:19000:0:99999:7:::\n\
         locked:{hash}:19000:0:99999:7::1:\n"
    );
    site.write("shadow", &shadow);
    site.write("etc/pam.d/smtp", service);
}

#[test]
fn pam_alone_with_shadow_passwords_as_root() {
    let mut site = site("");
    with_pam_files(
        &site,
        "auth required pam_unix.so nodelay\naccount required pam_unix.so\n",
    );
    if start_with_pam(&mut site, None).is_none() {
        return;
    }
    let (mut session, hello) = hello(&site);
    assert_eq!(offered(&hello), ["PLAIN", "LOGIN"]);
    session.expect("MAIL FROM:<a@here.example>", "250");
    session.expect("RCPT TO:<b@far.example>", "550 5.7.1");
    session.expect("RSET", "250");
    for (user, password, code) in [
        ("alice", "other", "535"),
        ("nobody-here", "s3cret", "535"),
        ("locked", "s3cret", "535"),
        ("alice", "", "535"),
        ("alice", "s3cret", "235"),
    ] {
        let reply = log_in(&mut session, Mechanism::Login, user, password);
        assert!(reply.starts_with(code), "{user} {password}: {reply}");
    }
    session.expect("MAIL FROM:<a@here.example>", "250");
    session.expect("RCPT TO:<b@far.example>", "250 2.1.5");
}

#[test]
fn pam_as_an_ordinary_user_in_its_own_time() {
    let mut site = site("");
    // A module that is a program: it takes its time.
    site.write(
        "etc/pam.d/smtp",
        "auth [success=done default=ignore] pam_exec.so expose_authtok quiet @ROOT@/check\n\
         auth required pam_deny.so\naccount required pam_permit.so\n",
    );
    let service = site.read("etc/pam.d/smtp");
    with_pam_files(&site, &service);
    site.write(
        "check",
        "#!/bin/sh\nread password\n[ \"$password\" != slow ] || sleep 2\n\
         [ \"$PAM_USER:$PAM_SERVICE:$password\" = alice:smtp:s3cret ]\n",
    );
    let check = site.path("check");
    std::fs::set_permissions(check, PermissionsExt::from_mode(0o755)).unwrap();
    if start_with_pam(&mut site, Some("65534")).is_none() {
        return;
    }
    let (mut session, _) = hello(&site);
    let right = log_in(&mut session, Mechanism::Plain, "alice", "s3cret");
    assert!(right.starts_with("235"), "{right}");
    let (mut session, _) = hello(&site);
    let wrong = log_in(&mut session, Mechanism::Plain, "bob", "s3cret");
    assert!(wrong.starts_with("535"), "{wrong}");
    // Who waits for a slow module keeps nobody else from logging in.
    let (mut waits, _) = hello(&site);
    let slow = std::thread::spawn(move || log_in(&mut waits, Mechanism::Plain, "alice", "slow"));
    let (mut session, _) = hello(&site);
    let began = std::time::Instant::now();
    let right = log_in(&mut session, Mechanism::Plain, "alice", "s3cret");
    assert!(right.starts_with("235"), "{right}");
    assert!(began.elapsed().as_secs_f64() < 1.9, "{:?}", began.elapsed());
    assert!(slow.join().unwrap().starts_with("535"));
}

/// The children of a process that run in a role.
fn children(parent: i32, role: &str) -> Vec<i32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else {
            continue;
        };
        let read = |name| std::fs::read(entry.path().join(name)).unwrap_or_default();
        let status = String::from_utf8_lossy(&read("status")).into_owned();
        let words = read("cmdline");
        if status.contains(&format!("PPid:\t{parent}\n"))
            && words.split(|b| *b == 0).nth(1) == Some(role.as_bytes())
        {
            found.push(pid);
        }
    }
    found
}

#[test]
fn secrets_are_kept_by_a_process_that_is_replaced_when_it_dies() {
    let mut site = site(CERTIFICATES);
    if certificates(&site).is_none() {
        return;
    }
    godwit_auth(&site, &["add", "alice"], "s3cret\n");
    site.start();
    let secret = |pid: i32| -> Vec<String> {
        std::fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| std::fs::read_link(entry.path()).ok())
            .map(|path| path.to_string_lossy().into_owned())
            .filter(|path| path.contains("auth-users") || path.ends_with(".key"))
            .collect()
    };
    for round in 0..3 {
        let logins = children(site.pid(), "logins");
        assert_eq!(logins.len(), 1, "{logins:?}");
        let (mut session, _) = hello(&site);
        let right = log_in(&mut session, Mechanism::ScramSha256, "alice", "s3cret");
        assert!(right.starts_with("235"), "{round}: {right}");
        let said = s_client(
            &site,
            &["-CAfile", "ca.pem", "-verify_return_error"],
            &["NOOP"],
        );
        assert!(said.contains("250 2.0.0 OK"), "{round}: {said}");
        let engine = children(site.pid(), "engine");
        assert_eq!(secret(engine[0]), [""; 0], "the engine holds no secret");
        let pid = nix::unistd::Pid::from_raw(logins[0]);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
        site.until("another", |site| {
            let now = children(site.pid(), "logins");
            (now.len() == 1 && now != logins).then_some(())
        });
    }
    let log = site.read("var/log/maillog");
    assert!(log.contains("ended; starting it again"), "{log}");
}

#[test]
fn sasldb_is_read_as_the_library_wrote_it() {
    let Some(saslpasswd) = need::tool("saslpasswd2", "sasldb2") else {
        return;
    };
    let mut site = site("");
    let database = site.path("etc/sasldb2");
    std::fs::create_dir_all(database.parent().unwrap()).unwrap();
    let mut child = Command::new(saslpasswd)
        .args(["-p", "-c", "-u", "mail.example.org", "-f"])
        .arg(&database)
        .arg("alice")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"s3cret").unwrap();
    assert!(child.wait().unwrap().success());
    std::fs::set_permissions(&database, PermissionsExt::from_mode(0o600)).unwrap();
    site.start();
    let (_, hello) = hello(&site);
    let wanted = [
        "SCRAM-SHA-256",
        "SCRAM-SHA-1",
        "DIGEST-MD5",
        "CRAM-MD5",
        "PLAIN",
        "LOGIN",
    ];
    assert_eq!(offered(&hello), wanted);
    for name in wanted {
        let mechanism = Mechanism::parse(name.as_bytes()).unwrap();
        for user in ["alice", "alice@mail.example.org"] {
            let (mut session, _) = self::hello(&site);
            let right = log_in(&mut session, mechanism, user, "s3cret");
            let named_realm = mechanism == Mechanism::DigestMd5 && user.contains('@');
            assert!(
                right.starts_with("235") || named_realm,
                "{name} {user}: {right}"
            );
        }
        let (mut session, _) = self::hello(&site);
        let wrong = log_in(&mut session, mechanism, "alice", "other");
        assert_eq!(
            wrong.trim_end(),
            "535 5.7.0 authentication failed",
            "{name}"
        );
        let unknown = log_in(&mut session, mechanism, "alice@elsewhere.example", "s3cret");
        assert_eq!(unknown, wrong, "{name}");
    }
    clients(
        &site,
        &["CRAM-MD5", "PLAIN", "LOGIN"],
        &["CRAM-MD5", "DIGEST-MD5", "PLAIN", "LOGIN"],
    );
}

/// Logs in with Python's smtplib and with curl, rightly and wrongly.
fn clients(site: &Site, of_python: &[&str], of_curl: &[&str]) {
    let port = site.address().port().to_string();
    if let Some(python) = need::tool("python3", "smtplib") {
        for mechanism in of_python {
            let log_in = |password: &str| {
                let output = Command::new(&python)
                    .arg(data("login.py"))
                    .args([
                        port.as_str(),
                        mechanism,
                        "alice",
                        password,
                        "a@here.example",
                        "b@far.example",
                    ])
                    .output()
                    .unwrap();
                String::from_utf8_lossy(&output.stdout).into_owned()
                    + &String::from_utf8_lossy(&output.stderr)
            };
            assert_eq!(
                log_in("s3cret"),
                "235 2.0.0 OK Authenticated\n",
                "smtplib {mechanism}"
            );
            assert_eq!(
                log_in("other"),
                "535 5.7.0 authentication failed\n",
                "smtplib {mechanism}"
            );
        }
    }
    if let Some(swaks) = need::tool("swaks", "swaks") {
        for mechanism in of_curl {
            let send = |password: &str| {
                let output = Command::new(&swaks)
                    .args(["--server", &format!("127.0.0.1:{port}")])
                    .args(["--helo", "c.example", "--auth", mechanism])
                    .args(["--auth-user", "alice", "--auth-password", password])
                    .args(["--from", "a@here.example", "--to", "b@far.example"])
                    .output()
                    .unwrap();
                (
                    output.status.success(),
                    String::from_utf8_lossy(&output.stdout).into_owned()
                        + &String::from_utf8_lossy(&output.stderr),
                )
            };
            let (right, said) = send("s3cret");
            // Perl's libraries for some may be missing.
            if said.contains("not available") || said.contains("unable to load") {
                need::left_out("swaks", &format!("it cannot do {mechanism} here"));
                continue;
            }
            assert!(right, "swaks {mechanism}: {said}");
            assert!(said.contains("235 2.0.0 OK Authenticated"), "{said}");
            assert!(!send("other").0, "swaks {mechanism}");
        }
    }
    if let Some(msmtp) = need::tool("msmtp", "msmtp") {
        for mechanism in of_curl {
            let send = |password: &str| {
                let mut child = Command::new(&msmtp)
                    .args(["--host=127.0.0.1", &format!("--port={port}")])
                    .args([
                        &format!("--auth={}", mechanism.to_lowercase()),
                        "--user=alice",
                    ])
                    .arg(format!("--passwordeval=echo {password}"))
                    .args(["--tls=off", "--from=a@here.example", "b@far.example"])
                    .stdin(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap();
                let mut input = child.stdin.take().unwrap();
                let _ = input.write_all(b"Subject: by msmtp\n\nx\n");
                drop(input);
                let output = child.wait_with_output().unwrap();
                (
                    output.status.success(),
                    String::from_utf8_lossy(&output.stderr).into_owned(),
                )
            };
            let (right, said) = send("s3cret");
            // It sends no password in the clear, and was built with what it was.
            if said.contains("cannot use a secure authentication method")
                || said.contains("not supported")
                || said.contains("not support")
            {
                need::left_out("msmtp", &format!("{mechanism}: {}", said.trim()));
                continue;
            }
            assert!(right, "msmtp {mechanism}: {said}");
            assert!(!send("other").0, "msmtp {mechanism}");
        }
    }
    if let Some(curl) = need::tool("curl", "curl") {
        let mail = site.path("curl.eml");
        std::fs::write(&mail, "Subject: by curl\r\n\r\nx\r\n").unwrap();
        for mechanism in of_curl {
            let send = |password: &str| {
                Command::new(&curl)
                    .args([
                        "-sS",
                        "--ssl",
                        "-k",
                        "--url",
                        &format!("smtp://127.0.0.1:{port}/c.example"),
                    ])
                    .args([
                        "--mail-from",
                        "a@here.example",
                        "--mail-rcpt",
                        "b@far.example",
                    ])
                    .args(["--user", &format!("alice:{password}")])
                    .args(["--login-options", &format!("AUTH={mechanism}")])
                    .arg("--upload-file")
                    .arg(&mail)
                    .output()
                    .unwrap()
            };
            let right = send("s3cret");
            assert!(right.status.success(), "curl {mechanism}: {right:?}");
            assert!(!send("other").status.success(), "curl {mechanism}");
        }
    }
}

pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/security")
        .join(name)
}

/// Certificates in `etc/mail/certs` of a site, made by openssl.
pub(crate) fn certificates(site: &Site) -> Option<()> {
    need::tool("openssl", "STARTTLS")?;
    let folder = site.path("etc/mail/certs");
    std::fs::create_dir_all(&folder).unwrap();
    let made = Command::new("sh")
        .arg(data("certificates.sh"))
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    Some(())
}

const CERTIFICATES: &str = "define(`confCACERT', `/etc/mail/certs/ca.pem')dnl\n\
    define(`confSERVER_CERT', `/etc/mail/certs/srv.pem')dnl\n\
    define(`confSERVER_KEY', `/etc/mail/certs/srv.key')dnl\n\
    define(`confCLIENT_CERT', `/etc/mail/certs/srv.pem')dnl\n\
    define(`confCLIENT_KEY', `/etc/mail/certs/srv.key')dnl";

/// A dialogue under TLS by openssl's own client, which does EHLO and STARTTLS
/// and then sends `lines`, waiting for a reply to each; what it printed.
pub(crate) fn s_client(site: &Site, options: &[&str], lines: &[&str]) -> String {
    let mut child = Command::new("openssl")
        .args([
            "s_client",
            "-starttls",
            "smtp",
            "-name",
            "client.example.com",
            "-crlf",
            "-quiet",
        ])
        .args(["-connect", &site.address().to_string()])
        .args(options)
        .current_dir(site.path("etc/mail/certs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut said = String::new();
    // With -quiet the last line of the first EHLO comes first.
    for line in std::iter::once(&"EHLO client.example.com")
        .chain(lines)
        // It would wait for the server to close.
        .chain(std::iter::once(&"QUIT"))
    {
        if input.write_all(format!("{line}\n").as_bytes()).is_err() {
            break;
        }
        let mut piece = [0; 4096];
        let mut reply = String::new();
        while !reply.lines().any(|l| {
            l.as_bytes().get(3) == Some(&b' ') && !l.ends_with("HELP") || l.starts_with("250 HELP")
        }) {
            match output.read(&mut piece) {
                Ok(count) if count > 0 => reply.push_str(&String::from_utf8_lossy(&piece[..count])),
                _ => break,
            }
        }
        said.push_str(&format!("> {line}\n{reply}"));
    }
    drop(input);
    let rest = child.wait_with_output().unwrap();
    said + &String::from_utf8_lossy(&rest.stderr)
}

#[test]
fn tls_shows_in_received_fields_and_certificates_relay() {
    let mut site = site(&format!("{CERTIFICATES}\nFEATURE(`access_db')dnl"));
    if certificates(&site).is_none() {
        return;
    }
    site.write(
        "etc/mail/access",
        "CertIssuer:/O=Example+20Trust/CN=Example+20CA\tSUBJECT\n\
         CertSubject:/O=Example/OU=Users+20+28test+29/CN=client.example.com/emailAddress=cli@example.com\tRELAY\n\
         TLS_Clt:127.0.0.9\tVERIFY\n",
    );
    site.start();
    let (mut session, hello) = hello(&site);
    assert!(hello.contains("STARTTLS"), "{hello}");
    assert!(offered(&hello).is_empty(), "{hello}");
    session.expect(
        "STARTTLS x",
        "501 5.5.2 Syntax error (no parameters allowed)",
    );
    // What comes with STARTTLS must not count.
    session.raw(b"STARTTLS\r\nMAIL FROM:<evil@here.example>\r\n");
    assert!(session.reply().starts_with("554 5.5.0"));
    let mail = [
        "MAIL FROM:<a@here.example>",
        "RCPT TO:<b@far.example>",
        "RSET",
    ];
    let said = s_client(&site, &["-cert", "cli.pem", "-key", "cli.key"], &mail);
    assert!(said.contains("AUTH EXTERNAL"), "{said}");
    assert!(!said.contains("STARTTLS\n"), "{said}");
    assert!(
        said.contains("250 2.1.5 <b@far.example>... Recipient ok"),
        "{said}"
    );
    // REQUIRETLS (RFC 8689) is there under TLS alone.
    assert!(!hello.contains("REQUIRETLS"), "{hello}");
    let (mut clear, _) = self::hello(&site);
    clear.expect("MAIL FROM:<a@here.example> REQUIRETLS", "555 5.5.4");
    let said = s_client(&site, &[], &["MAIL FROM:<a@here.example> REQUIRETLS"]);
    assert!(said.contains("250-REQUIRETLS"), "{said}");
    assert!(said.contains("250 2.1.0 <a@here.example>"), "{said}");
    for certificate in ["evil", "old"] {
        let (pem, key) = (format!("{certificate}.pem"), format!("{certificate}.key"));
        let said = s_client(&site, &["-cert", &pem, "-key", &key], &["AUTH EXTERNAL ="]);
        assert!(!said.contains("235 "), "{certificate}: {said}");
    }
    let said = s_client(
        &site,
        &["-cert", "cli.pem", "-key", "cli.key", "-tls1_2"],
        &["AUTH EXTERNAL ="],
    );
    assert!(said.contains("235 2.0.0 OK Authenticated"), "{said}");
    let text = [
        "MAIL FROM:<a@here.example>",
        "RCPT TO:<postmaster@here.example>",
        "DATA",
        "Subject: tls\n\nx\n.",
    ];
    s_client(&site, &[], &text);
    let log = site.read("var/log/maillog");
    for line in [
        "verify=OK, cipher=TLS_AES_256_GCM_SHA384, bits=256/256",
        "verify=NO, cipher=TLS_AES_256_GCM_SHA384, bits=256/256",
        "version=TLSv1.2, verify=OK, cipher=ECDHE-ECDSA-AES256-GCM-SHA384, bits=256/256",
        "STARTTLS=server, cert-subject=/O=Example/OU=Users+20+28test+29/CN=client.example.com/emailAddress=cli@example.com, \
         cert-issuer=/O=Example+20Trust/CN=Example+20CA, verifymsg=ok",
        "verifymsg=certificate has expired",
        "verifymsg=unable to get local issuer certificate",
        "mech=EXTERNAL, bits=0",
        "proto=ESMTPS, daemon=MTA",
    ] {
        assert!(log.contains(line), "{line}\n{log}");
    }
    for weak in [
        ["-tls1_1"].as_slice(),
        &["-tls1"],
        &["-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"],
    ] {
        let said = s_client(&site, weak, &[]);
        assert!(!said.contains("221 "), "{weak:?}: {said}");
    }
}

#[test]
fn certificates_and_ciphers_are_as_names_and_rules_want_them() {
    let mut site = site(
        "define(`confCACERT', `/etc/mail/certs/ca.pem')dnl\n\
         define(`confSERVER_CERT', `/etc/mail/certs/srv.pem,/etc/mail/certs/far.pem')dnl\n\
         define(`confSERVER_KEY', `/etc/mail/certs/srv.key,/etc/mail/certs/far.key')dnl\n\
         LOCAL_CONFIG\nO CRLPath=/etc/mail/certs/crls\n\
         O CipherList=ECDHE-ECDSA-CHACHA20-POLY1305:RC4-SHA:!MD5\n\
         LOCAL_RULESETS\nStls_srv_features\n\
         R$* $| 127.0.0.3\t$@ CertFile=/etc/mail/certs/evil.pem; KeyFile=/etc/mail/certs/evil.key; Options=SSL_OP_NO_TLSv1_3\n",
    );
    if certificates(&site).is_none() {
        return;
    }
    let folder = site.path("etc/mail/certs");
    let made = Command::new("sh")
        .arg(data("revoked.sh"))
        .current_dir(&folder)
        .status();
    assert!(made.unwrap().success());
    site.start();
    let log = site.read("var/log/maillog");
    let line = "STARTTLS: cipher RC4-SHA is not spoken";
    assert_eq!(log.matches(line).count(), 1, "{log}");
    for (name, wanted) in [
        ("mail.example.org", "CN = mail.example.org"),
        ("remote.test", "CN = remote.test"),
        ("other.example", "CN = mail.example.org"),
    ] {
        let said = s_client(&site, &["-servername", name], &[]);
        assert!(said.contains(wanted), "{name}: {said}");
    }
    let old = ["-tls1_2", "-cert", "cli.pem", "-key", "cli.key"];
    s_client(&site, &old, &[]);
    let featured = ["-bind", "127.0.0.3", "-servername", "remote.test"];
    let said = s_client(&site, &featured, &["NOOP"]);
    assert!(said.contains("CN = evil.example.net"), "{said}");
    let log = site.read("var/log/maillog");
    for line in [
        "version=TLSv1.2, verify=FAIL, cipher=ECDHE-ECDSA-CHACHA20-POLY1305, bits=256/256",
        "verifymsg=certificate revoked",
        "relay=[127.0.0.3], version=TLSv1.2",
    ] {
        assert!(log.contains(line), "{line}\n{log}");
    }
    // Names of other protocols mean nothing here.
    let output = Command::new("openssl")
        .args(["s_client", "-starttls", "smtp", "-alpn", "h2"])
        .args(["-connect", &site.address().to_string()])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("No ALPN negotiated"), "{said}");
}

#[test]
fn logins_under_tls_with_clients_that_others_wrote() {
    let mut site = site(&format!(
        "{CERTIFICATES}\ndefine(`confAUTH_OPTIONS', `p,y')dnl"
    ));
    if certificates(&site).is_none() {
        return;
    }
    godwit_auth(&site, &["add", "alice"], "s3cret\n");
    site.start();
    let (_, hello) = hello(&site);
    assert_eq!(offered(&hello), ["SCRAM-SHA-256", "SCRAM-SHA-1"]);
    clients(&site, &["PLAIN", "LOGIN"], &["PLAIN", "LOGIN"]);
    let log = site.read("var/log/maillog");
    assert!(log.contains("proto=ESMTPSA, daemon=MTA"), "{log}");
}

#[test]
fn certificates_are_swapped_under_load_without_a_failed_session() {
    let mut site = site(CERTIFICATES);
    let (Some(python), Some(())) = (need::tool("python3", "many sessions"), certificates(&site))
    else {
        return;
    };
    site.start();
    let child = Command::new(python)
        .arg(data("many.py"))
        .args([site.address().port().to_string(), "6".to_owned()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    // One after the other, as people do it: for a while they do not match.
    let folder = site.path("etc/mail/certs");
    std::fs::copy(folder.join("far.pem"), folder.join("srv.pem")).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(700));
    std::fs::copy(folder.join("far.key"), folder.join("srv.key")).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.trim(), "sessions: True, failed: 0, certificates: 2");
}
