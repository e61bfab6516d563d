//! Programs that nobody here wrote take over what we delivered: Dovecot reads
//! it over IMAP and POP3 and takes it over LMTP; fetchmail fetches it and gives
//! it back to us.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::need;
use crate::site::{PATIENCE, Site, free_port};

/// The user whose mail is read: on every Debian system, and nobody's own.
const USER: &str = "games";

/// A Dovecot of a test's own.
struct Dovecot {
    child: Child,
    imap: u16,
    pop3: u16,
}

impl Dovecot {
    /// For the mail of a site; `location` is Dovecot's mail_location.
    fn start(site: &Site, location: &str, what: &str) -> Option<Self> {
        let program = need::tool("dovecot", what)?;
        for part in ["imap-login", "pop3-login", "lmtp"] {
            if !Path::new("/usr/lib/dovecot").join(part).exists() {
                need::left_out(what, &format!("dovecot has no {part}"));
                return None;
            }
        }
        if !need::root(what) {
            return None;
        }
        let user = nix::unistd::User::from_name(USER).ok().flatten();
        let user = user.expect("the user is there");
        let (imap, pop3) = (free_port(), free_port());
        let root = site.root().display();
        site.write(
            "dovecot/users",
            &format!(
                "{USER}:{{plain}}secret:{}:{}::{root}/home::\n",
                user.uid, user.gid
            ),
        );
        std::fs::create_dir_all(site.path("home")).expect("a directory");
        std::os::unix::fs::chown(
            site.path("home"),
            Some(user.uid.as_raw()),
            Some(user.gid.as_raw()),
        )
        .expect("an owner");
        site.write(
            "dovecot/dovecot.conf",
            &format!(
                "base_dir = {root}/dovecot/run\nlog_path = {root}/dovecot/log\nssl = no\n\
                 protocols = imap pop3 lmtp\nlisten = 127.0.0.1\ndisable_plaintext_auth = no\n\
                 first_valid_uid = 1\nfirst_valid_gid = 1\nmail_privileged_group = mail\n\
                 mail_location = {location}\nauth_username_format = %n\n\
                 default_vsz_limit = 0\n\
                 passdb {{\n driver = passwd-file\n args = {root}/dovecot/users\n}}\n\
                 userdb {{\n driver = passwd-file\n args = {root}/dovecot/users\n}}\n\
                 service imap-login {{\n chroot =\n inet_listener imap {{\n port = {imap}\n }}\n\
                 inet_listener imaps {{\n port = 0\n }}\n}}\n\
                 service pop3-login {{\n chroot =\n inet_listener pop3 {{\n port = {pop3}\n }}\n\
                 inet_listener pop3s {{\n port = 0\n }}\n}}\n\
                 service lmtp {{\n unix_listener {root}/dovecot/lmtp {{\n mode = 0666\n }}\n}}\n\
                 service anvil {{\n chroot =\n}}\nservice stats {{\n chroot =\n}}\n"
            ),
        );
        let child = Command::new(program)
            .arg("-F")
            .arg("-c")
            .arg(site.path("dovecot/dovecot.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("dovecot can be started");
        let dovecot = Self { child, imap, pop3 };
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", imap)).is_err() {
            assert!(Instant::now() < end, "{}", site.read("dovecot/log"));
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(dovecot)
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(0));
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

/// Says lines to a server and gives all that it answers up to a line that
/// begins with `last`.
struct Talk {
    stream: TcpStream,
    lines: BufReader<TcpStream>,
}

impl Talk {
    fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let lines = BufReader::new(stream.try_clone().expect("a descriptor"));
        Self { stream, lines }
    }

    fn until(&mut self, last: &str) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            let got = self.lines.read_line(&mut line).expect("a line");
            assert!(got > 0, "the end instead of {last:?}: {all}");
            all += &line;
            if line.starts_with(last) {
                return all;
            }
        }
    }

    fn say(&mut self, line: &str, last: &str) -> String {
        write!(self.stream, "{line}\r\n").expect("written");
        self.until(last)
    }
}

/// What IMAP shows of the messages in the inbox.
fn imap(port: u16) -> String {
    let mut talk = Talk::open(port);
    talk.until("* OK");
    talk.say(&format!("a LOGIN {USER} secret"), "a OK");
    let select = talk.say("b SELECT INBOX", "b OK");
    let bodies = talk.say("c FETCH 1:* (BODY.PEEK[])", "c ");
    talk.say("d LOGOUT", "d OK");
    select + &bodies
}

fn pop3(port: u16) -> String {
    let mut talk = Talk::open(port);
    talk.until("+OK");
    talk.say(&format!("USER {USER}"), "+OK");
    talk.say("PASS secret", "+OK");
    let first = talk.say("RETR 1", ".\r");
    talk.say("QUIT", "+OK");
    first
}

fn site(local: &str) -> Site {
    let site = Site::new(&format!(
        "OSTYPE(`linux')dnl\ndefine(`confDONT_PROBE_INTERFACES', `True')dnl\n\
         {local}\ndefine(`confTO_IDENT', `0')dnl\nFEATURE(`use_cw_file')dnl\n\
         FEATURE(`accept_unresolvable_domains')dnl\nFEATURE(`nocanonify')dnl\nFEATURE(`no_default_msa')dnl\n\
         DAEMON_OPTIONS(`Port=@PORT@, Addr=127.0.0.1, Name=MTA')dnl\n\
         MAILER(`local')dnl\nMAILER(`smtp')dnl\n"
    ));
    site.write("etc/mail/local-host-names", "here.example\n");
    site
}

const TEXT: &str =
    "Subject: read me\nFrom: A <a@far.example>\n\nFrom the first line\n.dot\n\nlast\n";

/// Two messages, and what two protocols show of them.
fn is_read(site: &Site, dovecot: &Dovecot) {
    let to = format!("{USER}@here.example");
    site.send("a@far.example", &[&to], TEXT);
    // Messages on their way together may overtake each other.
    site.mailq("is empty");
    site.send("a@far.example", &[&to], "Subject: second\n\nx\n");
    site.mailq("is empty");
    let shown = imap(dovecot.imap);
    assert!(shown.contains("* 2 EXISTS"), "{shown}");
    assert!(
        shown.contains("Return-Path: <a@far.example>\r\n"),
        "{shown}"
    );
    assert!(shown.contains("Subject: read me\r\n"), "{shown}");
    assert!(
        shown.contains("first line\r\n.dot\r\n\r\nlast\r\n"),
        "{shown}"
    );
    assert!(shown.contains("Subject: second\r\n"), "{shown}");
    let first = pop3(dovecot.pop3);
    assert!(first.contains("Subject: read me\r\n"), "{first}");
    assert!(first.contains("first line\r\n..dot\r\n"), "{first}");
}

#[test]
fn dovecot_reads_our_mbox() {
    let mut site = site("define(`LOCAL_MAILER_PATH', `[MBOX]')dnl");
    let root = site.root().display().to_string();
    let location = format!("mbox:{root}/home/mail:INBOX={root}/var/mail/%n");
    let Some(dovecot) = Dovecot::start(&site, &location, "Dovecot on our mbox") else {
        return;
    };
    site.start();
    is_read(&site, &dovecot);
}

#[test]
fn dovecot_reads_our_maildir_and_fetchmail_gives_it_back() {
    let what = "Dovecot on our Maildir, fetchmail";
    let mut site = site(
        "define(`LOCAL_MAILER_PATH', `[MAILDIR]')dnl\n\
         define(`LOCAL_MAILER_ARGS', `MAILDIR @ROOT@/home/Maildir')dnl",
    );
    let location = format!("maildir:{}/home/Maildir", site.root().display());
    let Some(dovecot) = Dovecot::start(&site, &location, what) else {
        return;
    };
    site.start();
    is_read(&site, &dovecot);
    let Some(fetchmail) = need::tool("fetchmail", what) else {
        return;
    };
    site.write(
        "fetchmailrc",
        &format!(
            "poll 127.0.0.1 protocol pop3 port {} user {USER} password secret is {USER} here\n\
             sslproto '' smtphost 127.0.0.1/{} smtpname {USER}@here.example fetchall\n",
            dovecot.pop3,
            site.address().port()
        ),
    );
    let rc: PathBuf = site.path("fetchmailrc");
    std::fs::set_permissions(&rc, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .expect("a mode");
    let fetched = Command::new(fetchmail)
        .arg("--nodetach")
        .args(["--nosyslog", "--pidfile"])
        .arg(site.path("fetchmail.pid"))
        .arg("-f")
        .arg(&rc)
        .env("HOME", site.path("home"))
        .output()
        .expect("fetchmail can be started");
    let said = String::from_utf8_lossy(&fetched.stdout).into_owned()
        + &String::from_utf8_lossy(&fetched.stderr);
    assert!(fetched.status.success(), "{said}");
    site.mailq("is empty");
    let shown = imap(dovecot.imap);
    assert!(shown.contains("* 2 EXISTS"), "{said}\n{shown}");
    // Each has come through us twice.
    assert!(shown.matches("Received: from").count() >= 4, "{shown}");
    assert!(
        shown.contains("first line\r\n.dot\r\n\r\nlast\r\n"),
        "{shown}"
    );
}

#[test]
fn dovecot_takes_mail_over_lmtp() {
    let mut site = site(
        "define(`LOCAL_MAILER_PATH', `[IPC]')dnl\n\
         define(`LOCAL_MAILER_FLAGS', `SXmnz9')dnl\n\
         define(`LOCAL_MAILER_ARGS', `FILE @ROOT@/dovecot/lmtp')dnl\n\
         define(`LOCAL_MAILER_DSN_DIAGNOSTIC_CODE', `SMTP')dnl",
    );
    let location = format!("maildir:{}/home/Maildir", site.root().display());
    let Some(dovecot) = Dovecot::start(&site, &location, "LMTP to Dovecot") else {
        return;
    };
    site.start();
    is_read(&site, &dovecot);
    let log = site.read("var/log/maillog");
    assert!(
        log.contains("dovecot/lmtp, dsn=2.0.0, stat=Sent (<games> "),
        "{log}"
    );
}
