//! Mail into mailboxes, Maildirs, files and programs: by an agent over its
//! socket, and by `mail.local`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bstr::{BString, ByteSlice};
use godwit::deliver::agent::*;
use godwit::queue::Body;
use godwit::world::BoxFuture;

use crate::need;

/// Agents as threads of this process: the same code, the same socket.
#[derive(Default)]
struct Threads {
    started: AtomicUsize,
}

impl AgentSource for Threads {
    fn agent<'a>(
        &'a self,
        user: &'a [u8],
        _purpose: Purpose,
    ) -> BoxFuture<'a, Result<UnixStream, NoAgent>> {
        self.started.fetch_add(1, Ordering::Relaxed);
        let user = user.to_str_lossy().into_owned();
        Box::pin(async move {
            let (ours, theirs) = UnixStream::pair().unwrap();
            std::thread::spawn(move || {
                let options = ServeOptions {
                    user,
                    may_be_root: true,
                    idle_max: Duration::from_secs(10),
                    lock_wait: Duration::from_millis(300),
                    own_smrsh: Vec::new(),
                };
                serve(theirs, &options)
            });
            Ok(ours)
        })
    }
}

fn text(body: &str) -> MessageText {
    MessageText {
        header: "Subject: x\nContent-Length: 99\n\n".into(),
        body: Body::Memory(body.as_bytes().to_vec().into()),
    }
}

fn path(path: &Path) -> BString {
    path.as_os_str().as_encoded_bytes().into()
}

fn mbox(file: &Path) -> Request {
    Request::Mbox(MboxJob {
        path: path(file),
        from_line: "From a@b Mon Jan  5 10:00:00 2026".into(),
        group: None,
        content_length: true,
    })
}

async fn stored(pool: &AgentPool, request: Request, text: MessageText) -> String {
    match pool
        .ask(b"dave", Purpose::Mailbox, request, Some(text))
        .await
    {
        Ok(Response::Stored(reply)) => reply.to_line().to_string(),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn mailboxes_in_mbox_form() {
    let dir = tempfile::tempdir().unwrap();
    let pool = AgentPool::new(Arc::new(Threads::default()));
    let file = dir.path().join("dave");
    let body = "x\nFrom here\nFromage\n\nFrom there";
    assert_eq!(
        stored(&pool, mbox(&file), text(body)).await,
        "250 2.1.5 dave Ok"
    );
    assert_eq!(
        stored(&pool, mbox(&file), text("")).await,
        "250 2.1.5 dave Ok"
    );
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        "From a@b Mon Jan  5 10:00:00 2026\nSubject: x\nContent-Length: 34\n\n\
         x\n>From here\nFromage\n\n>From there\n\n\
         From a@b Mon Jan  5 10:00:00 2026\nSubject: x\nContent-Length: 0\n\n\n"
    );
    let meta = fs::metadata(&file).unwrap();
    assert_eq!(meta.permissions().mode() & 0o7777, 0o600);
    assert!(!dir.path().join("dave.lock").exists());
}

#[tokio::test]
async fn mailboxes_that_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let pool = AgentPool::new(Arc::new(Threads::default()));
    let file = dir.path().join("dave");
    let said = |what: &str| format!("550 5.2.0 {}: {what}", file.display());
    symlink("/nowhere", &file).unwrap();
    assert_eq!(
        stored(&pool, mbox(&file), text("x")).await,
        said("irregular file")
    );
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(
        stored(&pool, mbox(&file), text("x")).await,
        said("too many links")
    );
    fs::remove_dir(&file).unwrap();
    fs::write(&file, "").unwrap();
    fs::hard_link(&file, dir.path().join("second")).unwrap();
    assert_eq!(
        stored(&pool, mbox(&file), text("x")).await,
        said("too many links")
    );
    fs::remove_file(dir.path().join("second")).unwrap();
    if need::root("the owner of a mailbox") {
        std::os::unix::fs::chown(&file, Some(1001), None).unwrap();
        assert_eq!(
            stored(&pool, mbox(&file), text("x")).await,
            said("wrong ownership (1001)")
        );
    }
    assert_eq!(fs::metadata(&file).unwrap().len(), 0);
}

#[tokio::test]
async fn a_lock_defers_and_a_stale_one_is_broken() {
    let dir = tempfile::tempdir().unwrap();
    let pool = AgentPool::new(Arc::new(Threads::default()));
    let file = dir.path().join("dave");
    let lock = dir.path().join("dave.lock");
    fs::write(&lock, "1").unwrap();
    let said = stored(&pool, mbox(&file), text("x")).await;
    assert!(said.starts_with("450 4.2.0 Lock "), "{said}");
    let old = std::time::SystemTime::now() - Duration::from_secs(400);
    fs::File::open(&lock).unwrap().set_modified(old).unwrap();
    assert_eq!(
        stored(&pool, mbox(&file), text("x")).await,
        "250 2.1.5 dave Ok"
    );
    assert!(!lock.exists());
}

#[tokio::test]
async fn a_message_in_a_file_comes_as_a_descriptor() {
    let dir = tempfile::tempdir().unwrap();
    let pool = AgentPool::new(Arc::new(Threads::default()));
    let body: String = (0..100_000).map(|n| format!("From line {n}\n")).collect();
    let source = dir.path().join("body");
    fs::write(&source, &body).unwrap();
    let large = || MessageText {
        header: "Subject: x\n\n".into(),
        body: Body::File(
            Arc::new(fs::File::open(&source).unwrap()),
            body.len() as u64,
        ),
    };
    let file = dir.path().join("dave");
    // Both in flight at once, between small ones.
    let (a, b, c) = tokio::join!(
        stored(&pool, mbox(&file), large()),
        stored(&pool, mbox(&file), text("small\n")),
        stored(&pool, mbox(&file), large()),
    );
    assert_eq!([a, b, c], ["250 2.1.5 dave Ok"; 3]);
    let text = fs::read(&file).unwrap();
    assert_eq!(text.find_iter(b"\n>From line 99999\n").count(), 2);
    let length = body.len() + 100_000;
    let field = format!("Subject: x\nContent-Length: {length}\n\n");
    assert_eq!(text.find_iter(field.as_bytes()).count(), 2);
}

#[tokio::test]
async fn many_messages_share_agent_and_lock() {
    let dir = tempfile::tempdir().unwrap();
    let source = Arc::new(Threads::default());
    let pool = Arc::new(AgentPool::new(Arc::clone(&source) as Arc<dyn AgentSource>));
    let file = dir.path().join("dave");
    let begin = Instant::now();
    let tasks: Vec<_> = (0..500)
        .map(|n| {
            let (pool, request) = (Arc::clone(&pool), mbox(&file));
            tokio::spawn(async move { stored(&pool, request, text(&format!("body {n}\n"))).await })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), "250 2.1.5 dave Ok");
    }
    println!("500 messages into one mailbox: {:?}", begin.elapsed());
    assert!(
        source.started.load(Ordering::Relaxed) < 5,
        "one agent does it"
    );
    let text = fs::read(&file).unwrap();
    for n in 0..500 {
        assert!(
            text.find(format!("\nbody {n}\n").as_bytes()).is_some(),
            "{n}"
        );
    }
    assert_eq!(text.find_iter(b"From a@b").count(), 500);
}

#[tokio::test]
async fn a_full_disk_leaves_the_mailbox_as_it_was() {
    if !need::root("a full disk") {
        return;
    }
    let Some(mount) = need::tool("mount", "a full disk") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let mounted = Command::new(mount)
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(dir.path())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        need::left_out("a full disk", "cannot mount here");
        return;
    }
    let pool = AgentPool::new(Arc::new(Threads::default()));
    let file = dir.path().join("dave");
    let first = stored(&pool, mbox(&file), text("first\n")).await;
    let before = fs::read(&file);
    let full = stored(&pool, mbox(&file), text(&"x\n".repeat(100_000))).await;
    let after = fs::read(&file);
    let maildir = Request::Maildir {
        path: path(&dir.path().join("maildir")),
        host: "h".into(),
    };
    let full_maildir = stored(&pool, maildir, text(&"x\n".repeat(100_000))).await;
    let litter = fs::read_dir(dir.path().join("maildir/tmp")).map(Iterator::count);
    drop(Command::new("umount").arg(dir.path()).status());
    assert_eq!(first, "250 2.1.5 dave Ok");
    assert_eq!(
        full,
        format!(
            "450 4.2.0 Write {}: No space left on device",
            file.display()
        )
    );
    assert_eq!(before.unwrap(), after.unwrap());
    assert!(
        full_maildir.starts_with("450 4.2.0 Write "),
        "{full_maildir}"
    );
    assert_eq!(litter.unwrap(), 0);
}

#[tokio::test]
async fn maildirs() {
    let dir = tempfile::tempdir().unwrap();
    let pool = AgentPool::new(Arc::new(Threads::default()));
    let maildir = dir.path().join("Maildir");
    let request = || Request::Maildir {
        path: path(&maildir),
        host: "mail/ex ample.org".into(),
    };
    for _ in 0..3 {
        let said = stored(&pool, request(), text("From x\n")).await;
        assert_eq!(said, "250 2.1.5 dave Ok");
    }
    let new: Vec<_> = fs::read_dir(maildir.join("new"))
        .unwrap()
        .flatten()
        .collect();
    assert_eq!(new.len(), 3);
    for entry in new {
        let text = fs::read_to_string(entry.path()).unwrap();
        assert_eq!(text, "Subject: x\nContent-Length: 99\n\nFrom x\n");
        let name = entry.file_name().into_string().unwrap();
        assert!(
            name.ends_with(&format!(".mailexample.org,S={}", text.len())),
            "{name}"
        );
        assert_eq!(entry.metadata().unwrap().mode() & 0o7777, 0o600);
    }
    assert_eq!(fs::read_dir(maildir.join("tmp")).unwrap().count(), 0);
    assert!(maildir.join("cur").is_dir());
    assert_eq!(fs::metadata(&maildir).unwrap().mode() & 0o7777, 0o700);
}

#[tokio::test]
async fn files() {
    let dir = tempfile::tempdir().unwrap();
    let pool = AgentPool::new(Arc::new(Threads::default()));
    let file = dir.path().join("saved");
    let request = |to: &Path| {
        Request::File(FileJob {
            path: path(to),
            from_line: "From a@b now".into(),
            escape_from: true,
            safe_root: BString::default(),
            lenience: Lenience::default(),
        })
    };
    assert_eq!(
        stored(&pool, request(&file), text("From x\n")).await,
        "250 2.0.0 Sent"
    );
    let expected = "From a@b now\nSubject: x\nContent-Length: 99\n\n>From x\n\n";
    assert_eq!(fs::read_to_string(&file).unwrap(), expected);
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o600);
    let null = stored(&pool, request(Path::new("/dev/null")), text("x")).await;
    assert_eq!(null, "250 2.0.0 Sent");

    let refused = "550 5.0.0 Can't create output";
    let link = dir.path().join("link");
    symlink(dir.path().join("target"), &link).unwrap();
    let program = dir.path().join("program");
    fs::write(&program, "").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let two = dir.path().join("two");
    fs::hard_link(&file, &two).unwrap();
    for bad in [
        Path::new("/no/such/dir/x"),
        dir.path(),
        &link,
        &program,
        &two,
    ] {
        let said = stored(&pool, request(bad), text("x")).await;
        assert_eq!(said, refused, "{}", bad.display());
    }
    assert!(!dir.path().join("target").exists());

    let safe = dir.path().join("safe");
    fs::create_dir(&safe).unwrap();
    symlink(dir.path(), safe.join("out")).unwrap();
    let safely = |to: &Path| match request(to) {
        Request::File(job) => Request::File(FileJob {
            safe_root: path(&safe),
            ..job
        }),
        other => other,
    };
    let inside = stored(&pool, safely(&safe.join("x")), text("x")).await;
    assert_eq!(inside, "250 2.0.0 Sent");
    for bad in ["../x", "out/x"] {
        let said = stored(&pool, safely(&safe.join(bad)), text("x")).await;
        assert_eq!(said, refused, "{bad}");
    }
}

fn program(dir: &Path, command: &str) -> Request {
    Request::Program(ProgramJob {
        path: "/bin/sh".into(),
        argv: vec!["sh".into(), "-c".into(), command.into()],
        environment: vec!["AGENT=sendmail".into(), "TZ=UTC".into()],
        directories: vec!["/no/such/directory".into(), path(dir), "/".into()],
        from_line: "From a@b now".into(),
        form: ProgramText {
            eol: "\n".into(),
            ..ProgramText::default()
        },
        nice: 0,
        seconds_max: 2,
        output_bytes_max: 200,
    })
}

async fn run(pool: &AgentPool, request: Request, text: MessageText) -> (ProgramFate, BString) {
    match pool
        .ask(b"dave", Purpose::Programs, request, Some(text))
        .await
    {
        Ok(Response::Ended(end)) => (end.how, end.output),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn programs() {
    let dir = tempfile::tempdir().unwrap();
    let pool = AgentPool::new(Arc::new(Threads::default()));
    let (how, output) = run(&pool, program(dir.path(), "cat; exit 67"), text("body")).await;
    assert_eq!(how, ProgramFate::Exited(67));
    assert_eq!(
        output,
        "From a@b now\nSubject: x\nContent-Length: 99\n\nbody\n"
    );

    let command = "env | sort | grep -v -e ^_ -e ^SHLVL; ls -l /proc/self/fd | grep -c socket: ; echo oops >&2";
    let (how, output) = run(&pool, program(dir.path(), command), text("")).await;
    assert_eq!(how, ProgramFate::Exited(0));
    let pwd = dir.path().canonicalize().unwrap();
    // The agent's socket is not among its descriptors.
    let expected = format!("AGENT=sendmail\nPWD={}\nTZ=UTC\n0\noops\n", pwd.display());
    assert_eq!(output, expected.as_str());

    // Neither input that is not read nor endless output stops anything.
    let large = text(&"x\n".repeat(500_000));
    let (how, _) = run(&pool, program(dir.path(), "exit 3"), large.clone()).await;
    assert_eq!(how, ProgramFate::Exited(3));
    let noisy = "yes | head -c 1000000; exit 0";
    let (how, output) = run(&pool, program(dir.path(), noisy), large).await;
    assert_eq!(how, ProgramFate::Exited(0));
    assert_eq!(output.len(), 200);

    let (how, _) = run(&pool, program(dir.path(), "kill -9 $$"), text("")).await;
    assert_eq!(how, ProgramFate::Killed(9));
    // What a program leaves behind is not waited for.
    let begin = Instant::now();
    let (how, _) = run(&pool, program(dir.path(), "sleep 20 & exit 0"), text("")).await;
    assert_eq!(how, ProgramFate::Exited(0));
    assert!(begin.elapsed() < Duration::from_secs(2));

    let missing = Request::Program(ProgramJob {
        path: "/no/such/program".into(),
        ..match program(dir.path(), "") {
            Request::Program(job) => job,
            other => panic!("{other:?}"),
        }
    });
    let (how, _) = run(&pool, missing, text("")).await;
    assert_eq!(
        how,
        ProgramFate::NotStarted("No such file or directory".into())
    );
}

#[tokio::test]
async fn a_program_that_never_ends_is_killed_with_its_children() {
    let dir = tempfile::tempdir().unwrap();
    let pool = AgentPool::new(Arc::new(Threads::default()));
    let command = "sleep 50 & echo $! > child; wait; sleep 50";
    let begin = Instant::now();
    let (how, _) = run(&pool, program(dir.path(), command), text("")).await;
    assert_eq!(how, ProgramFate::TimedOut);
    assert!(begin.elapsed() < Duration::from_secs(5));
    let child = fs::read_to_string(dir.path().join("child")).unwrap();
    let stat = format!("/proc/{}/stat", child.trim());
    // A signal that was sent takes a moment to arrive.
    let ended = || fs::read_to_string(&stat).map_or(true, |state| state.contains(") Z"));
    for _ in 0..200 {
        if ended() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{child} goes on");
}

fn forward(dir: &Path, lenience: Lenience) -> Request {
    Request::Forward {
        paths: vec![path(&dir.join(".forward+x")), path(&dir.join(".forward"))],
        owner: nix::unistd::geteuid().as_raw(),
        lenience,
    }
}

#[tokio::test]
async fn forward_files_are_read_if_they_are_safe() {
    let dir = tempfile::tempdir_in("/var/tmp").unwrap();
    let pool = AgentPool::new(Arc::new(Threads::default()));
    let file = dir.path().join(".forward");
    let sticky = Lenience {
        trust_sticky: true,
        ..Lenience::default()
    };
    let ask = async |lenience| {
        let request = forward(dir.path(), lenience);
        match pool.ask(b"dave", Purpose::Programs, request, None).await {
            Ok(Response::List(list)) => format!("{} safe: {}", list.text, list.is_safe),
            Ok(Response::NoList { notes }) => notes
                .iter()
                .filter_map(|note| note.rsplit_str(": ").next().map(|n| n.to_str_lossy()))
                .collect::<Vec<_>>()
                .join(", "),
            other => format!("{other:?}"),
        }
    };
    assert_eq!(ask(sticky).await, "");
    fs::write(&file, "bob").unwrap();
    let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    for (bits, expected) in [
        (0o600, "bob safe: true"),
        (0o644, "bob safe: true"),
        (0o664, "Group writable file"),
        (0o622, "Group writable file"),
        (0o602, "World writable file"),
    ] {
        mode(bits);
        assert_eq!(ask(sticky).await, expected, "{bits:o}");
    }
    mode(0o664);
    let lenient = Lenience {
        group_writable_file: true,
        ..sticky
    };
    assert_eq!(ask(lenient).await, "bob safe: false");
    mode(0o600);
    // Without trust in sticky directories, /var/tmp will not do.
    assert_eq!(
        ask(Lenience::default()).await,
        "World writable directory, World writable directory"
    );
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(ask(sticky).await, "Regular files only");
    fs::remove_dir(&file).unwrap();
    fs::write(dir.path().join("real"), "carol").unwrap();
    symlink("real", &file).unwrap();
    assert_eq!(ask(sticky).await, "carol safe: true");
}

#[test]
fn an_agent_ends_on_nonsense() {
    for nonsense in [
        &b"GET / HTTP/1.0\r\n\r\n"[..],
        b"GA\x01\x00\xff\xff\xff\xff\0\0\0\0\0\0\0\0",
    ] {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(nonsense).unwrap();
        let options = ServeOptions {
            user: "dave".to_owned(),
            may_be_root: true,
            idle_max: Duration::from_secs(1),
            lock_wait: Duration::from_secs(1),
            own_smrsh: Vec::new(),
        };
        assert!(serve(theirs, &options).is_err());
    }
}

/// `mail.local -l` in a private root: what it says, line by line.
fn mail_local(root: &Path, arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_godwit"))
        .arg("--root")
        .arg(root)
        .arg("mail.local")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = output.stdout.replace("\r\n", "\n");
    let text = bstr::concat([&said[..], &output.stderr]);
    (output.status.code(), text.to_str_lossy().into_owned())
}

#[test]
fn mail_local_speaks_lmtp() {
    let root = tempfile::tempdir().unwrap();
    let mail = root.path().join("var/mail");
    fs::create_dir_all(&mail).unwrap();
    let me = nix::unistd::User::from_uid(nix::unistd::geteuid())
        .unwrap()
        .unwrap()
        .name;
    let input = format!(
        "LHLO x\nMAIL FROM:<>\nRCPT TO:<{me}+detail@example.org>\nRCPT TO:<no-such-user>\nDATA\n\
         Subject: l\nContent-Length: 99\n\n\nFrom x\n..dot\n.\n\
         MAIL FROM:<x y@z>\nRCPT TO:<{me}> ORCPT=x\nDATA\nonly body\n.\n\
         RSET\nNOOP\nVRFY x\nHELP\nDATA\nRCPT TO:<{me}>\nMAIL FROM:<a> BODY=8BITMIME\n\
         MAIL FROM:<b>\nRCPT TO:{me}\nQUIT\n"
    );
    let (code, said) = mail_local(root.path(), &["-l"], &input);
    let host = nix::unistd::gethostname().unwrap().into_string().unwrap();
    let said = said.replace(&host, "HOST").replace(&me, "USER");
    assert_eq!(
        said,
        "220 HOST LMTP ready\n250-HOST\n250-8BITMIME\n250-ENHANCEDSTATUSCODES\n250 PIPELINING\n\
         250 2.5.0 Ok\n250 2.1.5 Ok\n550 5.1.1 User unknown\n354 Go ahead\n250 2.1.5 USER Ok\n\
         250 2.5.0 Ok\n250 2.1.5 Ok\n354 Go ahead\n250 2.1.5 USER Ok\n\
         250 2.0.0 Ok\n250 2.0.0 Ok\n252 2.3.3 Try RCPT to attempt delivery\n\
         500 5.5.2 Syntax error\n503 5.5.1 No recipients\n503 5.5.1 Need MAIL command\n\
         250 2.5.0 Ok\n503 5.5.1 Nested MAIL command\n501 5.5.4 Syntax error in parameters\n\
         221 2.0.0 Bye\n"
    );
    assert_eq!(code, Some(0));
    let text = fs::read_to_string(mail.join(&me)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("From MAILER-DAEMON "), "{text}");
    assert_eq!(
        lines[1..7],
        [
            "Subject: l",
            "Content-Length: 14",
            "",
            "",
            ">From x",
            ".dot"
        ]
    );
    assert!(lines[8].starts_with("From x y@z "), "{text}");
    assert_eq!(
        lines[9..],
        ["only body", "Content-Length: 0", "", ""][..lines.len() - 9]
    );
}

#[test]
fn mail_local_on_the_command_line() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("var/mail")).unwrap();
    let (code, said) = mail_local(root.path(), &["no-such-user"], "x\n");
    assert_eq!(
        (code, said.as_str()),
        (Some(69), "mail.local: no-such-user: User unknown\n")
    );
    let usage = "mail.local: usage: mail.local [-7] [-b] [-d] [-l] [-f from|-r from] [-h filename] user ...\n";
    let (code, said) = mail_local(root.path(), &[], "x\n");
    assert_eq!((code, said.as_str()), (Some(69), usage));
    let (code, said) = mail_local(root.path(), &["-l", "x"], "");
    assert_eq!(code, Some(75));
    assert_eq!(
        said,
        "421 Users should not be specified in command line if LMTP required\n"
    );
    let me = nix::unistd::User::from_uid(nix::unistd::geteuid())
        .unwrap()
        .unwrap()
        .name;
    let (code, _) = mail_local(
        root.path(),
        &["-f", "joe@x", &me],
        "From old\nSubject: p\n\nx",
    );
    assert_eq!(code, Some(0));
    let text = fs::read_to_string(root.path().join("var/mail").join(&me)).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    assert!(first.starts_with("From joe@x "), "{text}");
    assert_eq!(rest, ">From old\nSubject: p\nContent-Length: 2\n\nx\n\n");
}
