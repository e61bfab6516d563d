//! Queues change hands: what the reference left is ours to deliver, and what
//! we left the reference delivers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use godwit::envelope::{Kind, Notify, Ret};
use godwit::os::{Chance, SystemClock, SystemDisk};
use godwit::queue::directory::{Directory, FileKind};
use godwit::queue::{
    Body, Claim, Message, Queue, QueueSettings, QueueWorld, Selector, Settlement, Spool,
    control_file, never,
};

use crate::need;
use crate::queue::Lines;

/// The reference in a world of its own: its tree, with a private /var, and
/// our folder at /case.
struct Reference {
    tree: PathBuf,
    case: tempfile::TempDir,
}

impl Reference {
    fn new(what: &str) -> Option<Self> {
        let tree = need::reference(what)?.join("root");
        need::tool("unshare", what)?;
        if !need::root(what) {
            return None;
        }
        let case = tempfile::tempdir().unwrap();
        fs::create_dir(case.path().join("mqueue")).unwrap();
        set_mode(&case.path().join("mqueue"), 0o700);
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/queue");
        for (name, mode) in [("box.cf", 0o644), ("box.sh", 0o755)] {
            fs::copy(data.join(name), case.path().join(name)).unwrap();
            set_mode(&case.path().join(name), mode);
        }
        Some(Self { tree, case })
    }

    /// Runs a shell command there. `sm` is the reference.
    fn run(&self, command: &str) -> String {
        let prepare = "set -e; mount --make-rprivate /; mount --bind \"$2\" \"$1/case\"; \
             mount -t tmpfs tmpfs \"$1/var\"; mkdir -p \"$1/var/tmp\" \"$1/var/run\"; \
             mount -t tmpfs tmpfs \"$1/dev\"; : > \"$1/dev/null\"; \
             mount --bind /dev/null \"$1/dev/null\"; set +e; \
             exec chroot \"$1\" /bin/sh -c \"cd /case; \
             sm() { /usr/libexec/sendmail/sendmail -C /case/box.cf \\\"\\$@\\\"; }; $3\"";
        let output = Command::new("unshare")
            .args([
                "-m",
                "-n",
                "-p",
                "-u",
                "--fork",
                "--kill-child",
                "/bin/sh",
                "-c",
                prepare,
                "sh",
            ])
            .args([self.tree.as_os_str(), self.case.path().as_os_str()])
            .arg(command)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr)
    }

    fn queue(&self) -> PathBuf {
        self.case.path().join("mqueue")
    }

    fn delivered(&self) -> String {
        let bytes = fs::read(self.case.path().join("box")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.queue())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "journal")
            .collect();
        names.sort();
        names
    }
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn open(directory: &Path) -> Queue {
    let world = QueueWorld {
        disk: Arc::new(SystemDisk),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(Chance),
        log: Arc::new(Lines::default()),
    };
    let mut settings = QueueSettings::new(directory, "mail.example.org");
    settings.threads = false;
    settings.journal.as_mut().unwrap().segment_bytes = 1 << 20;
    Queue::open(settings, world).unwrap()
}

fn claims(queue: &Queue, quarantined: bool) -> Vec<Claim> {
    let selector = Selector {
        even_if_not_due: true,
        quarantine: quarantined.then(|| (Vec::new(), true)),
        ..Selector::default()
    };
    queue.claim_due(SystemTime::now(), &selector, usize::MAX)
}

fn keep(queue: &Queue, mut claim: Claim, change: impl FnOnce(&mut Message)) {
    change(&mut claim.message);
    let envelope = Box::new(claim.message.envelope.clone());
    let next_try = never();
    let kept = Settlement::Keep { envelope, next_try };
    crate::queue::now(queue.settle(claim, kept)).unwrap();
}

#[test]
fn what_the_reference_left_is_ours_and_can_be_given_back() {
    let Some(reference) = Reference::new("a queue of the reference's, taken over") else {
        return;
    };
    let said = reference.run(
        "printf 'Subject: plain\\n\\nbody\\n.\\nlast\\n' | sm -i -odq -fbob@example.org x@remote.test; \
         printf 'Subject: m\\303\\274ller\\nX-Folded: one\\n\\ttwo\\n  three\\n\\n8bit \\351 no end' | \
           sm -odq -B8BITMIME -N success,delay -R hdrs -V ENV+20ID -fcarol@example.org a@x.test b@y.test '\"c d\"@z.test'; \
         printf 'Precedence: bulk\\nSubject: null\\n\\n' | sm -odq -f '<>' x@remote.test; \
         printf 'Subject: held\\n\\nheld\\n' | sm -odq -fbob@example.org h@remote.test; \
         sm -Q'by hand' -qRh@remote.test",
    );
    assert_eq!(said, "");
    let texts: Vec<(String, Vec<u8>)> = reference
        .names()
        .into_iter()
        .filter(|name| name.starts_with("qf") || name.starts_with("hf"))
        .map(|name| {
            (
                name.clone(),
                fs::read(reference.queue().join(name)).unwrap(),
            )
        })
        .collect();
    assert_eq!(texts.len(), 4, "{:?}", reference.names());
    for (name, text) in &texts {
        let file = control_file::read(text).unwrap();
        let again = control_file::write(&file.envelope, &file.header, b"mail.example.org", None);
        assert_eq!(
            String::from_utf8_lossy(&again),
            String::from_utf8_lossy(text),
            "{name}"
        );
    }
    let queue = open(&reference.queue());
    let held = claims(&queue, true);
    assert_eq!(held.len(), 1);
    assert_eq!(
        held[0].message.envelope.quarantine.as_ref().unwrap(),
        "by hand"
    );
    drop(held);
    let waiting = claims(&queue, false);
    assert_eq!(waiting.len(), 3);
    // While we hold them, the reference leaves them alone.
    let said = reference.run("sm -qf -v");
    assert_eq!(said.matches(": locked").count(), 3, "{said}");
    assert_eq!(reference.delivered(), "");
    for claim in waiting {
        let envelope = &claim.message.envelope;
        if envelope.sender == "carol@example.org" {
            assert_eq!(envelope.ret, Some(Ret::Headers));
            assert_eq!(envelope.envid.as_ref().unwrap(), "ENV+20ID");
            let notify = envelope.recipients[0].notify;
            let expected = Notify {
                given: true,
                success: true,
                failure: false,
                delay: true,
            };
            assert_eq!(notify, expected);
            assert!(envelope.has_8bit);
            assert!(
                matches!(&claim.message.body, Body::Memory(b) if &b[..] == b"8bit \xe9 no end")
            );
        }
        keep(&queue, claim, |message| {
            message.envelope.attempts += 1;
            message.envelope.last_attempt = Some(SystemTime::now());
            message.envelope.status = Some("Deferred: not today".into());
            let first = &mut message.envelope.recipients[0];
            assert_eq!(first.kind, Kind::Mailbox);
        });
    }
    drop(queue);
    let said = reference.run("sm -bp");
    assert_eq!(said.matches("(Deferred: not today)").count(), 3, "{said}");
    let said = reference.run("sm -qf -v");
    let delivered = reference.delivered();
    for line in [
        "To x@remote.test\n",
        "To a@x.test\n",
        "To b@y.test\n",
        "To \"c d\"@z.test\n",
        "Subject: plain\n",
        "\nbody\n.\nlast\n",
        "X-Folded: one\n\ttwo\n  three\n",
        "Subject: null\n",
    ] {
        assert!(
            delivered.contains(line),
            "{line:?} not in {delivered}\n{said}"
        );
    }
    let left = reference.names();
    assert!(
        left.iter()
            .all(|name| name[1..].starts_with('f') && !name.starts_with("qf")),
        "{left:?}"
    );
}

#[test]
fn what_we_left_the_reference_delivers() {
    let Some(reference) = Reference::new("a queue of ours, delivered by the reference") else {
        return;
    };
    let queue = open(&reference.queue());
    let mut ids = Vec::new();
    for n in 0..5u8 {
        let id = queue.new_id();
        let mut writer = queue.body_writer(id).unwrap();
        // One of them large enough for a file of its own.
        let lines = if n == 4 { 40_000 } else { 3 };
        for line in 0..lines {
            writer
                .write(format!("line {line} of {n}\n").as_bytes())
                .unwrap();
        }
        let body = crate::queue::now(writer.finish()).unwrap();
        assert_eq!(matches!(body, Body::File(..)), n == 4);
        let mut message = crate::queue::message(id, SystemTime::now(), body);
        message.envelope.recipients[1].bracketed = true;
        message.envelope.created -= Duration::from_secs(60);
        let claim = crate::queue::now(queue.accept(message)).unwrap();
        keep(&queue, claim, |_| {});
        ids.push(id);
    }
    let directory = Directory::new(Arc::new(SystemDisk), reference.queue(), 0o600);
    let mut found = directory.list(FileKind::Control).unwrap();
    found.sort();
    ids.sort();
    assert_eq!(found, ids);
    // The reference takes them from a queue that we have open.
    let said = reference.run("sm -qf -v");
    assert_eq!(reference.names(), [""; 0], "{said}");
    let delivered = reference.delivered();
    for n in 0..5 {
        assert_eq!(
            delivered.matches(&format!("\nline 2 of {n}\n")).count(),
            3,
            "{said}"
        );
    }
    assert!(delivered.contains("\nline 39999 of 4\n"));
    for id in &ids {
        assert_eq!(delivered.matches(&format!("Subject: {id}\n")).count(), 3);
    }
    queue.rescan().unwrap();
    assert!(queue.is_empty());
}
