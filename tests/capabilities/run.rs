//! `godwit run`: what a newcomer gets from one command.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::dialogue::Dialogue;
use crate::need;
use crate::site::{PATIENCE, free_port, godwit};

/// A private instance that is started as it would be by hand.
struct Instance {
    root: tempfile::TempDir,
    user: Option<u32>,
    port: u16,
    child: Option<Child>,
    said: Vec<String>,
}

impl Instance {
    /// Run by whoever runs the tests, or by this user.
    fn new(user: Option<u32>) -> Self {
        // The queue's directories must not lie where everybody may write.
        let root = tempfile::Builder::new()
            .prefix("godwit-run.")
            .tempdir_in("/var/tmp")
            .expect("a temporary directory can be made");
        use std::os::unix::fs::PermissionsExt;
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(root.path(), open).expect("a mode");
        if let Some(id) = user {
            std::os::unix::fs::chown(root.path(), Some(id), Some(id)).expect("an owner");
        }
        Self {
            root,
            user,
            port: 2525,
            child: None,
            said: Vec::new(),
        }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.root.path().join("var").join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match self.user {
            None => Command::new(godwit()),
            Some(id) => {
                let mut command = Command::new("setpriv");
                let id = id.to_string();
                command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]);
                command.arg(godwit());
                command
            }
        };
        command.arg("--root").arg(self.root.path().join("var"));
        command.args(arguments).current_dir("/");
        command
    }

    /// Starts it and reads what it says until it has said where the log is.
    fn start(&mut self) {
        let mut child = self
            .command(&["run"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the program can be started");
        let output = child.stdout.take().expect("a pipe");
        let mut lines = BufReader::new(output).lines();
        self.said.clear();
        for line in lines.by_ref() {
            let line = line.expect("text");
            let is_last = line.starts_with("log ");
            self.said.push(line);
            if is_last {
                break;
            }
        }
        self.child = Some(child);
        let text = self.said.join("\n");
        assert!(text.contains("is listening on 127.0.0.1:"), "{text}");
    }

    /// Changes the port of the configuration, as a newcomer would.
    fn take_a_free_port(&mut self) {
        self.port = free_port();
        let mc = self.path("etc/mail/sendmail.mc");
        let text = std::fs::read_to_string(&mc).expect("the configuration");
        let text = text.replace("Port=2525", &format!("Port={}", self.port));
        // Newer than what was compiled from it, whatever the clock's grain.
        std::thread::sleep(Duration::from_millis(20));
        std::fs::write(&mc, text).expect("the configuration can be changed");
    }

    /// Ctrl-C.
    fn interrupt(&mut self) {
        let mut child = self.child.take().expect("it runs");
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
        kill(pid, Signal::SIGINT).expect("our own process can be signalled");
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().expect("a child") {
                assert!(status.success(), "{status}");
                return;
            }
            assert!(Instant::now() < end, "it does not stop");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The user whose mailbox the hints name.
    fn user_name(&self) -> String {
        let line = self.said.iter().find(|line| line.starts_with("mail "));
        let path = line.and_then(|line| line.split_whitespace().nth(1));
        let name = path.and_then(|path| Path::new(path).file_name());
        name.expect("a mailbox").to_string_lossy().into_owned()
    }

    fn send(&self, subject: &str) {
        let user = self.user_name();
        let mut session = Dialogue::open(([127, 0, 0, 1], self.port).into());
        session.expect("EHLO localhost", "250");
        session.expect(&format!("MAIL FROM:<{user}@localhost>"), "250");
        session.expect(&format!("RCPT TO:<{user}@localhost>"), "250");
        session.data(&format!("Subject: {subject}\n\nhello\n"), "250");
        session.expect("QUIT", "221");
    }

    fn mailbox(&self, subject: &str) -> String {
        let path = self.path("var/mail").join(self.user_name());
        let end = Instant::now() + PATIENCE;
        loop {
            let text = std::fs::read(&path).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            if text.contains(&format!("Subject: {subject}\n")) {
                return text;
            }
            let log = std::fs::read_to_string(self.path("var/log/maillog"));
            assert!(Instant::now() < end, "no mail: {log:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn a_newcomer(user: Option<u32>) {
    let mut instance = Instance::new(user);
    // The first start makes the site; another test may have the usual port,
    // so the port is changed before anybody listens.
    let made = instance.command(&["run", "--queue", "nonsense"]).output();
    assert_eq!(
        made.expect("the program can be started").status.code(),
        Some(64)
    );
    instance.make();
    instance.take_a_free_port();
    instance.start();
    instance.send("first");
    instance.mailbox("first");
    // A message that cannot go yet waits over the restart.
    let submitted = instance
        .command(&["sendmail", "-odq", "-Am", &instance.user_name()])
        .stdin(Stdio::null())
        .status();
    assert!(submitted.expect("sendmail can be started").success());
    instance.interrupt();
    instance.start();
    let text = instance.mailbox("first");
    assert_eq!(text.matches("Subject: first").count(), 1, "{text}");
    instance.send("second");
    instance.mailbox("second");
    let queue = instance.command(&["mailq"]).output().expect("mailq");
    assert!(queue.status.success());
    instance.interrupt();
}

impl Instance {
    /// Makes the site without serving it: the usual port is held meanwhile.
    fn make(&mut self) {
        let end = Instant::now() + PATIENCE;
        let holder = loop {
            let holder = std::net::TcpListener::bind(("127.0.0.1", 2525));
            if holder.is_ok() || Instant::now() > end {
                break holder; // Somebody else holds it, which does as well.
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let output = self.command(&["run"]).stdin(Stdio::null()).output();
        let output = output.expect("the program can be started");
        drop(holder);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("made a new site in "), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains("cannot bind: Address already in use"),
            "{said}"
        );
        assert_eq!(output.status.code(), Some(69));
    }

    /// Shuts everybody else out of the directory that it lies in.
    fn close(&self) {
        use std::os::unix::fs::PermissionsExt;
        let closed = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(self.root.path(), closed).expect("a mode");
    }
}

#[test]
fn one_command_makes_a_mail_server_and_the_next_start_finds_all_of_it() {
    a_newcomer(None);
}

#[test]
fn root_may_run_it_where_nobody_else_gets_to() {
    if !need::root("running in a directory that is closed to others") {
        return;
    }
    let mut instance = Instance::new(None);
    instance.make();
    instance.close();
    instance.take_a_free_port();
    for subject in ["first", "second"] {
        instance.start();
        instance.send(subject);
        instance.mailbox(subject);
        instance.interrupt();
    }
    // The engine was somebody else all the same.
    let queue = instance.path("var/spool/mqueue");
    use std::os::unix::fs::MetadataExt;
    assert_ne!(std::fs::metadata(queue).expect("the queue").uid(), 0);
}

#[test]
fn an_ordinary_user_needs_nothing_more() {
    if !nix::unistd::geteuid().is_root() {
        return; // The test above was it.
    }
    // Somebody whose mail is his own: `nobody` is an alias.
    let user = nix::unistd::User::from_name("backup").ok().flatten();
    let Some(user) = user else {
        need::left_out("running as an ordinary user", "there is no user backup");
        return;
    };
    if need::tool("setpriv", "running as an ordinary user").is_some() {
        a_newcomer(Some(user.uid.as_raw()));
    }
}
