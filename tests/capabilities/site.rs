//! A running Godwit of a test's own: a private root, a free port, a log.
//!
//! The site ends with the value: the process is told to stop and waited for.

use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::dialogue::Dialogue;

/// The program under test.
pub(crate) const GODWIT: &str = env!("CARGO_BIN_EXE_godwit");

/// The same, or a copy of it where another user plays the tests.
pub(crate) fn godwit() -> PathBuf {
    std::env::var_os("GODWIT_PROGRAM").map_or_else(|| PathBuf::from(GODWIT), PathBuf::from)
}

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A site: files under a private root, and the server when it runs.
pub(crate) struct Site {
    root: tempfile::TempDir,
    port: u16,
    server: Option<Child>,
}

impl Site {
    /// A site of this `sendmail.mc` text; `@PORT@` and `@ROOT@` are filled
    /// in. Nothing runs yet.
    pub(crate) fn new(mc: &str) -> Self {
        let root = tempfile::Builder::new()
            .prefix("godwit-site.")
            .tempdir_in(base())
            .expect("a temporary directory can be made");
        // The server may run as another user, who must get to the files.
        set_mode(root.path(), 0o755);
        let site = Self {
            root,
            port: free_port(),
            server: None,
        };
        site.write("etc/mail/sendmail.mc", mc);
        // Without an alias database local mail waits, as with the reference.
        site.write("etc/mail/aliases", "postmaster: root\n");
        site
    }

    /// A site of the stock configuration for tests, with `extra` m4 lines
    /// before the mailers.
    pub(crate) fn stock(extra: &str) -> Self {
        Self::new(&format!(
            "divert(-1)\n# a site for tests\ndivert(0)dnl\n\
             VERSIONID(`test site')dnl\nOSTYPE(`linux')dnl\n\
             define(`confDONT_PROBE_INTERFACES', `True')dnl\n\
             define(`LOCAL_MAILER_PATH', `[MBOX]')dnl\n\
             define(`confTO_IDENT', `0')dnl\n\
             FEATURE(`accept_unresolvable_domains')dnl\nFEATURE(`nocanonify')dnl\nFEATURE(`no_default_msa')dnl\n\
             DAEMON_OPTIONS(`Port=@PORT@, Addr=127.0.0.1, Name=MTA')dnl\n\
             {extra}\n\
             MAILER(`local')dnl\nMAILER(`smtp')dnl\n"
        ))
    }

    /// The private root.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// A path under the root.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name.trim_start_matches('/'))
    }

    /// Writes a file under the root, `@PORT@` and `@ROOT@` filled in.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        let parent = path.parent().expect("a file has a parent");
        fs::create_dir_all(parent).expect("the directory can be made");
        let text = text
            .replace("@PORT@", &self.port.to_string())
            .replace("@ROOT@", &self.root.path().display().to_string());
        fs::write(path, text).expect("the file can be written");
    }

    /// What a file under the root holds; empty when it is not there.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read(self.path(name))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Runs `godwit --root ROOT ARGUMENTS…` to its end.
    pub(crate) fn godwit(&self, arguments: &[&str]) -> Output {
        Command::new(godwit())
            .arg("--root")
            .arg(self.root())
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("the program can be started")
    }

    /// The same; it must succeed, and what it printed is returned.
    pub(crate) fn must(&self, arguments: &[&str]) -> String {
        let output = self.godwit(arguments);
        assert!(
            output.status.success(),
            "godwit {arguments:?}: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Starts the server and waits for its greeting.
    pub(crate) fn start(&mut self) {
        let mut command = Command::new(godwit());
        command.arg("--root").arg(self.root()).arg("run");
        self.start_by(command);
    }

    /// The same by a command that ends in becoming the server.
    pub(crate) fn start_by(&mut self, mut command: Command) {
        let log = fs::File::create(self.path("server.out")).expect("a log can be made");
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a descriptor can be copied"))
            .stderr(log)
            .spawn()
            .expect("the program can be started");
        self.server = Some(child);
        let end = Instant::now() + PATIENCE;
        loop {
            if let Ok(mut stream) = TcpStream::connect(self.address()) {
                stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                let mut byte = [0];
                if stream.read(&mut byte).is_ok_and(|n| n == 1) {
                    return;
                }
            }
            let ended = self
                .server
                .as_mut()
                .and_then(|c| c.try_wait().ok().flatten());
            assert!(
                ended.is_none() && Instant::now() < end,
                "the server does not answer ({ended:?}):\n{}",
                self.read("server.out")
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The id of the server's process.
    pub(crate) fn pid(&self) -> i32 {
        self.server
            .as_ref()
            .map_or(0, |child| i32::try_from(child.id()).unwrap_or(0))
    }

    /// Stops the server in good order and waits for it.
    pub(crate) fn stop(&mut self) {
        if self.server.is_some() {
            let pid = nix::unistd::Pid::from_raw(self.pid());
            // It may have ended by itself.
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
            self.wait();
        }
    }

    /// Kills every process of the server at once.
    pub(crate) fn crash(&mut self) {
        for pid in crate::crash::family(self.pid()) {
            // It may have ended meanwhile.
            let pid = nix::unistd::Pid::from_raw(pid);
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
        self.wait();
    }

    /// Waits until the server has ended; after a while it is killed.
    pub(crate) fn wait(&mut self) {
        let Some(mut child) = self.server.take() else {
            return;
        };
        let end = Instant::now() + PATIENCE;
        while child.try_wait().ok().flatten().is_none() {
            if Instant::now() > end {
                let _ = child.kill();
                let _ = child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// A new SMTP session with the server, greeting read.
    pub(crate) fn session(&self) -> Dialogue {
        Dialogue::open(self.address())
    }

    /// The same for a client that the site does not know.
    pub(crate) fn stranger(&self) -> Dialogue {
        Dialogue::open_from([127, 0, 0, 2], self.address())
    }

    /// Sends one message; every step must be accepted.
    pub(crate) fn send(&self, from: &str, to: &[&str], text: &str) {
        let mut session = self.session();
        session.expect("EHLO client.example.com", "250");
        session.expect(&format!("MAIL FROM:<{from}>"), "250");
        for to in to {
            session.expect(&format!("RCPT TO:<{to}>"), "250");
        }
        session.data(text, "250");
        session.expect("QUIT", "221");
    }

    /// Waits until `look` gives something.
    pub(crate) fn until<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(
                Instant::now() < end,
                "{what} did not come to pass; mailq: {}\nlog: {}\n{}",
                String::from_utf8_lossy(&self.godwit(&["mailq"]).stdout),
                self.read("var/log/maillog"),
                self.read("server.out")
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the mailbox of `user` holds `text`, and gives all of it.
    pub(crate) fn mailbox(&self, user: &str, text: &str) -> String {
        self.until(&format!("mail for {user} with {text:?}"), |site| {
            let mail = site.read(&format!("var/mail/{user}"));
            mail.contains(text).then_some(mail)
        })
    }

    /// Waits until `mailq` says so.
    pub(crate) fn mailq(&self, text: &str) -> String {
        self.until(&format!("mailq with {text:?}"), |site| {
            let queue = site.must(&["mailq"]);
            queue.contains(text).then_some(queue)
        })
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where sites are made: not in a directory that all may write to (its maps
/// would not be trusted), and where the server's own user can get to.
fn base() -> PathBuf {
    if let Some(place) = std::env::var_os("GODWIT_SITES") {
        place.into()
    } else if nix::unistd::geteuid().is_root() {
        "/var/lib".into()
    } else {
        env!("CARGO_TARGET_TMPDIR").into()
    }
}

/// A port of 127.0.0.1 that nobody listens on just now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .expect("a free port")
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the mode can be set");
}
