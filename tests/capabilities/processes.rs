//! The processes of the daemon: who starts whom, as whom, and what survives.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::need;

const GODWIT: &str = env!("CARGO_BIN_EXE_godwit");
const PATIENCE: Duration = Duration::from_secs(20);

/// A daemon on a private root with a small configuration.
struct Daemon {
    root: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
    /// Runs as this user and group instead of whoever runs the test.
    user: Option<u32>,
}

impl Daemon {
    fn new() -> Self {
        let root = tempfile::Builder::new()
            .prefix("godwit-daemon.")
            .tempdir()
            .unwrap();
        set_mode(root.path(), 0o755);
        for folder in ["var/run", "var/log", "var/spool", "etc/mail"] {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let daemon = Self {
            root,
            port: free_port(),
            child: None,
            user: None,
        };
        daemon.configure(daemon.port, "");
        daemon
    }

    /// The same, run by somebody who is not root.
    fn unprivileged() -> Self {
        let mut daemon = Self::new();
        if nix::unistd::geteuid().is_root() {
            daemon.user = Some(65534);
            give(daemon.root.path(), 65534);
        }
        daemon
    }

    fn configure(&self, port: u16, more: &str) {
        let text = format!(
            "V10/Berkeley\nDnMAILER-DAEMON\nDj localhost.example\n\
             O DaemonPortOptions=Name=MTA, Addr=127.0.0.1, Port={port}\n\
             O Timeout.ident=0\n{more}\
             Scanonify=3\nSparse=0\nR$*\t$#local $: $1\n\
             Mlocal, P=[FILE], F=lsDFMAw5:/|@qSXfmnz9P, T=DNS/RFC822/X-Unix, A=FILE $u\n\
             Mprog, P=/bin/sh, F=lsDFMoqeu9, A=sh -c $u\n"
        );
        std::fs::write(self.cf(), text).unwrap();
    }

    fn cf(&self) -> std::path::PathBuf {
        self.root.path().join("etc/mail/sendmail.cf")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match self.user {
            None => Command::new(GODWIT),
            Some(id) => {
                let mut command = Command::new("setpriv");
                let id = id.to_string();
                command.args(["--reuid", &id, "--regid", &id, "--clear-groups", GODWIT]);
                command
            }
        };
        command.arg("--root").arg(self.root.path()).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn start(&mut self) {
        let child = self
            .command(&["sendmail", "-bD"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        self.greeting(self.port);
    }

    /// Waits for a greeting on a port.
    #[track_caller]
    fn greeting(&self, port: u16) -> TcpStream {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        until("a greeting", || {
            let mut stream = TcpStream::connect(address).ok()?;
            stream.set_read_timeout(Some(PATIENCE)).ok()?;
            let mut code = [0; 4];
            stream.read_exact(&mut code).ok()?;
            (&code == b"220 ").then_some(stream)
        })
    }

    fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    fn engine(&self) -> u32 {
        until("an engine", || {
            children(self.pid())
                .into_iter()
                .find(|pid| command_line(*pid).contains("engine"))
        })
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.root.path().join("var/log/maillog")).unwrap_or_default()
    }

    fn stop(&mut self) -> Option<i32> {
        let mut child = self.child.take()?;
        signal(child.id(), Signal::SIGTERM);
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("the daemon does not stop\n{}", self.log());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal(child.id(), Signal::SIGTERM);
            let _ = child.wait();
        }
    }
}

#[track_caller]
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn give(path: &Path, id: u32) {
    std::os::unix::fs::lchown(path, Some(id), Some(id)).unwrap();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), id);
        }
    }
}

fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap());
    kill(pid, signal).unwrap();
}

fn children(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}

fn command_line(pid: u32) -> String {
    let text = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&text).replace('\0', " ")
}

/// Real, effective, saved and file system ids of a process.
fn user_ids(pid: u32, what: &str) -> Vec<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}

#[test]
fn the_engine_is_another_process_without_privileges() {
    let mut daemon = Daemon::new();
    daemon.start();
    let engine = daemon.engine();
    assert_ne!(engine, daemon.pid());
    let limits = std::fs::read_to_string(format!("/proc/{engine}/limits")).unwrap();
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let files: Vec<&str> = files.unwrap().split_whitespace().collect();
    assert_eq!(
        files[3], files[4],
        "a descriptor for every session: {limits}"
    );
    if need::root("the engine's user under a root parent") {
        for what in ["Uid:", "Gid:"] {
            let ids = user_ids(engine, what);
            assert!(ids.iter().all(|id| *id != 0), "{what} {ids:?}");
        }
        let groups = user_ids(engine, "Groups:");
        assert!(!groups.contains(&0), "{groups:?}");
        let capabilities = std::fs::read_to_string(format!("/proc/{engine}/status")).unwrap();
        assert!(
            capabilities.contains("CapEff:\t0000000000000000"),
            "{capabilities}"
        );
        // The queue is the engine's now.
        let queue = std::fs::metadata(daemon.root.path().join("var/spool/mqueue")).unwrap();
        assert_eq!(queue.uid(), user_ids(engine, "Uid:")[0]);
        assert_eq!(queue.mode() & 0o777, 0o700);
    }
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn an_engine_that_dies_is_started_again_and_nobody_is_turned_away() {
    let mut daemon = Daemon::new();
    daemon.start();
    let first = daemon.engine();
    signal(first, Signal::SIGKILL);
    // The connection waits in the parent's socket until the next engine is up.
    daemon.greeting(daemon.port);
    assert_ne!(daemon.engine(), first);
    assert!(
        daemon.log().contains("ended by a signal"),
        "{}",
        daemon.log()
    );
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn an_ordinary_user_runs_all_of_it() {
    if nix::unistd::geteuid().is_root() && need::tool("setpriv", "running as nobody").is_none() {
        return;
    }
    let mut daemon = Daemon::unprivileged();
    daemon.start();
    let (parent, engine) = (daemon.pid(), daemon.engine());
    assert_eq!(user_ids(parent, "Uid:"), user_ids(engine, "Uid:"));
    assert!(!user_ids(engine, "Uid:").contains(&0));
    assert!(daemon.run(&["reload"]).status.success());
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn stopping_says_goodbye_and_leaves_nothing_behind() {
    let mut daemon = Daemon::new();
    daemon.start();
    let engine = daemon.engine();
    let mut stream = daemon.greeting(daemon.port);
    stream.write_all(b"EHLO client.example\r\n").unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(daemon.stop(), Some(0));
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.contains("\r\n421 4.3.2 "), "{text}");
    assert!(text.ends_with("closing connection\r\n"), "{text}");
    assert!(!Path::new(&format!("/proc/{engine}")).exists());
    let run = daemon.root.path().join("var/run");
    let left: Vec<_> = std::fs::read_dir(run).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_broken_configuration_never_replaces_a_good_one() {
    let mut daemon = Daemon::new();
    daemon.start();
    daemon.configure(daemon.port, "O NoSuchOption=1\n");
    let output = daemon.run(&["reload"]);
    assert_eq!(output.status.code(), Some(78));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("sendmail.cf: line 6: readcf: unknown option name NoSuchOption"),
        "{said}"
    );
    // A signal finds the same fault, and the log says so.
    signal(daemon.pid(), Signal::SIGHUP);
    until("a line in the log", || {
        (daemon.log().matches("the old one stays").count() >= 2).then_some(())
    });
    daemon.greeting(daemon.port);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_reload_takes_over_at_once_and_moves_listeners() {
    let mut daemon = Daemon::new();
    daemon.start();
    let engine = daemon.engine();
    let old = daemon.greeting(daemon.port);
    let port = free_port();
    daemon.configure(port, "");
    let output = daemon.run(&["reload"]);
    assert!(output.status.success(), "{output:?}");
    daemon.greeting(port);
    assert_eq!(daemon.engine(), engine, "the engine goes on");
    until("the old port to close", || {
        TcpStream::connect(("127.0.0.1", daemon.port)).err()
    });
    // The session that was there before goes on under the old configuration.
    let mut old = old;
    old.write_all(b"NOOP\r\n").unwrap();
    let mut text = [0; 256];
    until("an answer in the old session", || {
        let read = old.read(&mut text).unwrap();
        String::from_utf8_lossy(&text[..read])
            .contains("250 2.0.0 OK")
            .then_some(())
    });
    daemon.port = port;
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn behind_the_caller_it_says_whether_it_started() {
    let mut daemon = Daemon::new();
    let output = daemon.run(&["sendmail", "-bd"]);
    assert!(output.status.success(), "{output:?}");
    // It answers as soon as the caller is told.
    TcpStream::connect(("127.0.0.1", daemon.port)).unwrap();
    let file = daemon.root.path().join("var/run/sendmail.pid");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut lines = text.lines();
    let pid: u32 = lines.next().unwrap().parse().unwrap();
    assert!(lines.next().unwrap().ends_with("-bd"), "{text}");
    assert_eq!(lines.next(), None);

    let output = daemon.run(&["sendmail", "-bd"]);
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("cannot bind: Address already in use"),
        "{said}"
    );

    signal(pid, Signal::SIGTERM);
    until("the daemon to stop", || (!file.exists()).then_some(()));
    daemon.configure(daemon.port, "O NoSuchOption=1\n");
    let output = daemon.run(&["sendmail", "-bd"]);
    assert_eq!(output.status.code(), Some(70), "{output:?}");
    daemon.child = None;
}

#[test]
fn strangers_may_ask_but_not_command() {
    if !need::root("asking as another user") || need::tool("setpriv", "asking").is_none() {
        return;
    }
    let mut daemon = Daemon::new();
    daemon.start();
    daemon.user = Some(65533);
    let output = daemon.run(&["reload"]);
    assert_eq!(output.status.code(), Some(77), "{output:?}");
    daemon.user = None;
    assert!(daemon.run(&["reload"]).status.success());
}
