//! A private world for the reference and for us: a network, a tree and name
//! servers of their own. A test enters it by starting itself again under
//! `unshare`; everything inside ends with it.

use std::collections::HashMap;
use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::need;

/// Says that a test runs inside, and where the reference's tree is.
const INSIDE: &str = "GODWIT_TEST_WORLD";

/// The tree, when the test runs inside already.
pub(crate) fn inside() -> Option<PathBuf> {
    std::env::var_os(INSIDE).map(PathBuf::from)
}

/// Plays the test `name` inside; `None` when something is missing.
pub(crate) fn enter(name: &str, what: &str) -> Option<()> {
    let tree = need::reference(what)?.join("root");
    let ip = need::tool("ip", what)?;
    let unshare = need::tool("unshare", what).filter(|_| need::root(what))?;
    let script = "set -e; mount --make-rprivate /; hostname mail.example.org; \
        \"$1\" link set lo up; \"$1\" address add 198.18.0.1/24 dev lo; shift; exec \"$@\"";
    let output = Command::new(unshare)
        .args(["-m", "-n", "-p", "-u", "--fork", "--kill-child"])
        .args(["/bin/sh", "-c", script, "sh"])
        .arg(ip)
        .arg(std::env::current_exe().expect("this program"))
        .args([name, "--exact", "--nocapture"])
        .env(INSIDE, &tree)
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .output()
        .expect("unshare can be started");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{name} is no test: {said}");
    Some(())
}

const USERS: &str = "root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/:/bin/sh
mail:x:8:8:mail:/var/mail:/bin/sh
smmta:x:110:110:mail transfer:/var/run:/bin/sh
smmsp:x:111:111:mail submission:/var/run:/bin/sh
alice:x:1001:1001:Alice Example:/home/alice:/bin/sh
bob:x:1002:1002:Bob B. Example:/home/bob:/bin/sh
carol:x:1003:1003:Carol \"CC\" Example:/home/carol:/bin/sh
dave:x:1004:1004:Dave & Co:/home/dave:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/sh
";

/// Makes the tree private: its own devices, mail, queue, users, names, and
/// `case` at `/case`.
pub(crate) fn furnish(tree: &Path, case: &Path) {
    let sh = |line: &str| {
        let done = Command::new("/bin/sh")
            .args(["-ec", line, "sh"])
            .args([tree, case])
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .status();
        assert!(done.expect("a shell").success(), "{line}");
    };
    sh("for d in var root home; do mkdir -p \"$1/$d\"; mount -t tmpfs -o mode=755 tmpfs \"$1/$d\"; done
        mount -t proc proc \"$1/proc\"
        mkdir -p \"$1/case\"; mount --bind \"$2\" \"$1/case\"
        mkdir -p \"$1/var/tmp\" \"$1/var/run\" \"$1/var/mail\" \"$1/var/log\" \"$1/var/spool/mqueue\" \
            \"$1/var/spool/mqueue-client\" \"$1/var/lib/sendmail\"
        chmod 1777 \"$1/var/tmp\"; chmod 700 \"$1/var/spool/mqueue\"
        mount -t tmpfs -o mode=755 tmpfs \"$1/dev\"
        for n in null zero random urandom; do : > \"$1/dev/$n\"; mount --bind /dev/$n \"$1/dev/$n\"; done
        mkdir \"$1/var/etc\"; cp -a \"$1/etc/.\" \"$1/var/etc/\"; mount --bind \"$1/var/etc\" \"$1/etc\"
        rm -rf \"$1/etc/mail\"; mkdir \"$1/etc/mail\"; : > \"$1/etc/mail/sendmail.cf\"");
    for (name, text) in [
        ("passwd", USERS.to_owned()),
        ("group", groups()),
        (
            "hosts",
            "127.0.0.1 mail.example.org localhost mail\n".into(),
        ),
        (
            "resolv.conf",
            "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n".into(),
        ),
        (
            "nsswitch.conf",
            "passwd: files\ngroup: files\nhosts: files dns\n".into(),
        ),
        ("hosts.allow", String::new()),
        ("hosts.deny", "sendmail: 127.0.0.31\n".into()),
    ] {
        let path = tree.join("etc").join(name);
        let _ = fs::remove_file(&path);
        fs::write(path, text).expect("a private file");
    }
}

fn groups() -> String {
    let row = |line: &str| {
        let words: Vec<&str> = line.split(':').collect();
        format!("{}:x:{}:\n", words[0], words[3])
    };
    USERS.lines().map(row).collect()
}

/// A command in the tree, in `/case`.
pub(crate) fn command(tree: &Path, line: &str) -> Command {
    let mut command = Command::new("chroot");
    command.arg(tree).args(["/bin/sh", "-c"]);
    command.arg(format!("cd /case && {line}"));
    command.env_clear().env("TZ", "UTC").env("LANG", "C").env(
        "PATH",
        "/usr/libexec/sendmail:/usr/sbin:/usr/bin:/sbin:/bin",
    );
    command
}

/// Runs it to its end; it must succeed.
pub(crate) fn must(tree: &Path, line: &str) -> String {
    let output = command(tree, line).output().expect("chroot");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{line}: {said}");
    said
}

/// A daemon in the foreground; it ends with the value.
pub(crate) struct Daemon(Child, PathBuf);

impl Daemon {
    /// Starts one, and waits until something listens at `port`.
    pub(crate) fn start(tree: &Path, line: &str, port: u16, log: &Path) -> Self {
        let file = fs::File::create(log).expect("a log");
        let child = command(tree, &format!("exec {line}"))
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a descriptor"))
            .stderr(file)
            .spawn()
            .expect("chroot");
        let mut daemon = Self(child, log.to_owned());
        let end = Instant::now() + crate::site::PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = daemon.0.try_wait().expect("a child of ours");
            assert!(
                ended.is_none() && Instant::now() < end,
                "{line}: {ended:?} {}",
                daemon.said()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        daemon
    }

    /// What it has said.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.1).unwrap_or_default()).into_owned()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Ok(id) = i32::try_from(self.0.id()) {
            let _ = nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(id),
                nix::sys::signal::Signal::SIGTERM,
            );
        }
        let _ = self.0.wait();
    }
}

/// Answers questions for names at port 53 from rows `name type data`, until
/// the program ends.
pub(crate) fn name_server(rows: &str) {
    let mut zone: HashMap<String, Vec<(String, String)>> = HashMap::new();
    for line in rows.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(kind), Some(data)) = (words.next(), words.next(), words.next()) {
            let row = (kind.to_owned(), data.to_owned());
            zone.entry(name.to_ascii_lowercase()).or_default().push(row);
        }
    }
    let socket = UdpSocket::bind("127.0.0.1:53").expect("a name server's port");
    std::thread::spawn(move || {
        let mut space = [0; 1500];
        while let Ok((count, from)) = socket.recv_from(&mut space) {
            if let Some(answer) = answer(&space[..count], &zone) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
}

/// One answer (RFC 1035, section 4).
fn answer(question: &[u8], zone: &HashMap<String, Vec<(String, String)>>) -> Option<Vec<u8>> {
    let (mut at, mut labels) = (12, Vec::new());
    loop {
        let length = usize::from(*question.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(question.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
    let kind = u16::from_be_bytes([*question.get(at)?, *question.get(at + 1)?]);
    let name = labels.join(".");
    let name = match name.strip_suffix(".in-addr.arpa") {
        Some(reverse) => reverse.rsplit('.').collect::<Vec<_>>().join("."),
        None => name,
    };
    let known = zone.get(&name);
    let is_within = || zone.keys().any(|key| key.ends_with(&format!(".{name}")));
    let code = match known {
        Some(rows) if rows.iter().any(|(kind, _)| kind == "TEMP") => 2,
        Some(_) => 0,
        None if is_within() => 0,
        None => 3,
    };
    let mut records = Vec::new();
    for (word, data) in known.into_iter().flatten() {
        if let Some(record) = record(word, data, kind) {
            records.push(record);
        }
    }
    let mut out = question.get(..2)?.to_vec();
    out.extend_from_slice(&[0x85, 0x80 | code, 0, 1]);
    out.extend_from_slice(&u16::try_from(records.len()).ok()?.to_be_bytes());
    out.extend_from_slice(&[0, 0, 0, 0]);
    out.extend_from_slice(question.get(12..at + 4)?);
    for record in records {
        // The name of the question, the class Internet, one minute.
        out.extend_from_slice(&[0xc0, 12]);
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
        out.extend_from_slice(&u16::try_from(record.len()).ok()?.to_be_bytes());
        out.extend_from_slice(&record);
    }
    Some(out)
}

fn record(word: &str, data: &str, kind: u16) -> Option<Vec<u8>> {
    let name = |text: &str| {
        let mut out = Vec::new();
        for label in text.split('.').filter(|label| !label.is_empty()) {
            out.push(u8::try_from(label.len()).unwrap_or(63));
            out.extend_from_slice(label.as_bytes());
        }
        out.push(0);
        out
    };
    match (word, kind) {
        ("A", 1) => Some(data.parse::<std::net::Ipv4Addr>().ok()?.octets().to_vec()),
        ("MX", 15) => Some([vec![0, 10], name(data)].concat()),
        ("PTR", 12) => Some(name(data)),
        ("TXT", 16) => Some([vec![u8::try_from(data.len()).ok()?], data.into()].concat()),
        _ => None,
    }
}
