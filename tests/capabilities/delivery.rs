//! A message all the way out: a small site, names from a table, servers that
//! live in memory, agents that are threads. What the log says of each
//! destination was recorded from the reference.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bstr::{BString, ByteSlice};
use godwit::base::Place;
use godwit::base::maillog::Priority;
use godwit::cf::{self, Origins};
use godwit::deliver::Security;
use godwit::deliver::agent::{AgentPool, AgentSource, NoAgent, Purpose, ServeOptions, serve};
use godwit::deliver::delivery::{Deliverer, DeliveryParts};
use godwit::envelope::{BodyType, Envelope, Recipient};
use godwit::map::MapWorld;
use godwit::message::{Field, Header};
use godwit::os::{Chance, SystemClock, SystemDisk};
use godwit::queue::{Body, Message, Queue, QueueSettings, QueueWorld, Selector, Spool};
use godwit::route::{Site, SiteWorld, load};
use godwit::world::{
    BoxFuture, Dial, Endpoint, Files, HostIdentity, Log, Mx, Nothing, RecordKind, ResolveError,
    Resolver, Stream, User, Users, UsersError,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

/// Names from a table: `name MX pref host`, `name A address`, ….
struct Zone(Vec<Vec<String>>);

impl Zone {
    fn read(text: &str) -> Self {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
        Self(text.lines().map(words).collect())
    }

    fn rows(&self, name: &str, kinds: &[&str]) -> Result<Vec<&[String]>, ResolveError> {
        let of_name: Vec<&Vec<String>> = self.0.iter().filter(|row| row[0] == name).collect();
        if of_name.iter().any(|row| row[1] == "SERVFAIL") {
            return Err(ResolveError::Temporary);
        }
        if let Some(cname) = of_name.iter().find(|row| row[1] == "CNAME") {
            return self.rows(&cname[2], kinds);
        }
        let found: Vec<&[String]> = of_name
            .iter()
            .filter(|row| kinds.contains(&row[1].as_str()))
            .map(|row| &row[2..])
            .collect();
        match (found.is_empty(), of_name.is_empty()) {
            (false, _) => Ok(found),
            (true, false) => Err(ResolveError::NoData),
            (true, true) => Err(ResolveError::NoSuchName),
        }
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(std::future::ready(value))
}

impl Resolver for Zone {
    fn mx<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<Mx>, ResolveError>> {
        let mx = |row: &&[String]| Mx {
            preference: row[0].parse().unwrap(),
            exchange: row[1].trim_end_matches('.').to_owned(),
        };
        ready(
            self.rows(name, &["MX"])
                .map(|rows| rows.iter().map(mx).collect()),
        )
    }

    fn addresses<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>> {
        ready(
            self.rows(name, &["AAAA", "A"])
                .map(|rows| rows.iter().filter_map(|row| row[0].parse().ok()).collect()),
        )
    }

    fn name_of(&self, _: IpAddr) -> BoxFuture<'_, Result<String, ResolveError>> {
        ready(Err(ResolveError::NoSuchName))
    }

    fn canonical<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<String, ResolveError>> {
        ready(Ok(name.to_owned()))
    }

    fn records<'a>(
        &'a self,
        _: &'a str,
        _: RecordKind,
    ) -> BoxFuture<'a, Result<Vec<BString>, ResolveError>> {
        ready(Err(ResolveError::NoSuchName))
    }
}

/// Servers in memory, by endpoint, with what each says to a command.
#[derive(Default)]
struct Peers {
    modes: Mutex<HashMap<String, HashMap<String, String>>>,
    heard: Arc<Mutex<Vec<String>>>,
    connections: Mutex<usize>,
    /// Attempts to connect, whatever came of them.
    dials: Mutex<usize>,
}

impl Peers {
    fn set(&self, peer: &str, mode: &str) {
        let says = mode
            .split(';')
            .filter_map(|part| part.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        self.modes.lock().unwrap().insert(peer.to_owned(), says);
    }
}

impl Dial for Peers {
    fn connect<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        _: Duration,
    ) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        let name = match endpoint {
            Endpoint::Inet { host, .. } => host.clone(),
            Endpoint::Local(path) => path.to_string(),
        };
        *self.dials.lock().unwrap() += 1;
        let Some(says) = self.modes.lock().unwrap().get(&name).cloned() else {
            return ready(Err(io::ErrorKind::ConnectionRefused.into()));
        };
        *self.connections.lock().unwrap() += 1;
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        tokio::spawn(peer(theirs, name, says, Arc::clone(&self.heard)));
        ready(Ok(Box::new(ours) as Box<dyn Stream>))
    }
}

/// One session of a server.
async fn peer(
    stream: DuplexStream,
    name: String,
    says: HashMap<String, String>,
    heard: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    let (reading, mut writing) = tokio::io::split(stream);
    let mut lines = BufReader::new(reading).lines();
    let say = |key: &str, default: &str| says.get(key).map_or(default, |s| s).to_owned();
    let hello = "250-sink|250-PIPELINING|250-8BITMIME|250 SIZE";
    let mut answer = say("greet", &format!("220 {name} ESMTP"));
    let (mut accepted, mut recipients) = (0, Vec::new());
    loop {
        if answer == "CLOSE" {
            return None;
        }
        let text = answer.replace('|', "\r\n") + "\r\n";
        writing.write_all(text.as_bytes()).await.ok()?;
        let line = lines.next_line().await.ok()??;
        heard.lock().unwrap().push(format!("{name} {line}"));
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        answer = match verb.as_str() {
            "EHLO" | "LHLO" => say("ehlo", hello),
            "MAIL" => {
                accepted = 0;
                recipients.clear();
                say("mail", "250 ok")
            }
            "RCPT" => {
                let user = line.split(['<', '@', '>']).nth(1).unwrap_or_default();
                let default = say("rcpt", "250 ok");
                let said = say(user, &default);
                if said.starts_with('2') {
                    accepted += 1;
                    recipients.push(user.to_owned());
                }
                said
            }
            "DATA" => say("data", "354 go"),
            "QUIT" => say("quit", "221 bye"),
            _ => "250 ok".to_owned(),
        };
        if verb == "DATA" && answer.starts_with("354") {
            writing.write_all(b"354 go\r\n").await.ok()?;
            let mut text = String::new();
            loop {
                let line = lines.next_line().await.ok()??;
                if line == "." {
                    break;
                }
                text.push_str(&line);
                text.push('\n');
            }
            heard.lock().unwrap().push(format!("{name} text {text}"));
            answer = say("dot", &format!("250 2.0.0 taken by {name}"));
            if says.contains_key("lmtp") {
                let each: Vec<String> = recipients
                    .iter()
                    .map(|user| say(&format!("{user}.dot"), "250 2.1.5 Ok"))
                    .collect();
                answer = each.join("|");
            }
            assert!(accepted > 0 || text.is_empty());
        }
    }
}

/// Users of this machine: whoever runs the test answers for each.
pub(crate) struct People;

fn person(name: &str) -> Arc<User> {
    Arc::new(User {
        name: name.into(),
        uid: nix::unistd::geteuid().as_raw(),
        gid: nix::unistd::getegid().as_raw(),
        full_name: BString::default(),
        home: "/".into(),
        shell: "/bin/sh".into(),
    })
}

impl Users for People {
    fn user(&self, name: &[u8]) -> Result<Option<Arc<User>>, UsersError> {
        let known = ["alice", "bob", "sender"];
        let name = name.to_str_lossy();
        Ok(known.contains(&&*name).then(|| person(&name)))
    }

    fn user_by_id(&self, _: u32) -> Result<Option<Arc<User>>, UsersError> {
        Ok(Some(person("alice")))
    }

    fn group(&self, _: &[u8]) -> Result<Option<u32>, UsersError> {
        Ok(None)
    }
}

impl Files for People {
    fn open(&self, path: &Path) -> io::Result<std::fs::File> {
        std::fs::File::open(path)
    }
}

/// Agents as threads.
pub(crate) struct Threads;

impl AgentSource for Threads {
    fn agent<'a>(
        &'a self,
        user: &'a [u8],
        _: Purpose,
    ) -> BoxFuture<'a, Result<UnixStream, NoAgent>> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let user = user.to_str_lossy().into_owned();
        std::thread::spawn(move || {
            let options = ServeOptions {
                user,
                may_be_root: true,
                idle_max: Duration::from_secs(10),
                lock_wait: Duration::from_secs(1),
                own_smrsh: Vec::new(),
            };
            serve(theirs, &options)
        });
        ready(Ok(ours))
    }
}

#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl Log for Lines {
    fn level(&self) -> u8 {
        9
    }

    fn line(&self, _: Priority, line: &[u8]) {
        let line = line.to_str_lossy().into_owned();
        self.0.lock().unwrap().push(line);
    }
}

/// A site that delivers.
struct Lab {
    site: Arc<Site>,
    zone: Arc<dyn Resolver>,
    peers: Arc<Peers>,
    log: Arc<Lines>,
    queue: Queue,
    deliverer: Arc<Deliverer>,
    folder: tempfile::TempDir,
}

impl Lab {
    fn new(options: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (site, zone) = small_site(options, folder.path().to_str().unwrap());
        let peers = Arc::new(Peers::default());
        for peer in ["127.0.1.1", "127.0.1.2", "127.0.1.4", "127.0.1.5", "::1"] {
            peers.set(peer, "");
        }
        peers.set("127.0.1.3", "ehlo=250 mail.example.org");
        let log = Arc::new(Lines::default());
        let world = QueueWorld {
            disk: Arc::new(SystemDisk),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(Chance),
            log: Arc::clone(&log) as Arc<dyn Log>,
        };
        let spool = folder.path().join("mqueue");
        std::fs::create_dir(&spool).unwrap();
        let queue = Queue::open(QueueSettings::new(spool, "mail.example.org"), world).unwrap();
        let deliverer = Deliverer::new(DeliveryParts {
            spool: Arc::new(queue.clone()),
            clock: Arc::new(SystemClock),
            dial: Arc::clone(&peers) as Arc<dyn Dial>,
            entropy: Arc::new(Chance),
            users: Arc::new(People),
            security: Security {
                https: None,
                files: Arc::new(godwit::os::SystemFiles),
                tls: None,
                entropy: None,
                log: Arc::clone(&log) as Arc<dyn Log>,
            },
            log: Arc::clone(&log) as Arc<dyn Log>,
            agents: Arc::new(AgentPool::new(Arc::new(Threads))),
            place: Place::default(),
            zone: jiff::tz::TimeZone::UTC,
            state: None,
            retry_after: Some(Duration::from_secs(900)),
        });
        Self {
            site,
            zone,
            peers,
            log,
            queue,
            deliverer,
            folder,
        }
    }

    /// Accepts a message and delivers it.
    async fn send(&self, recipients: &[&str]) {
        self.send_as(
            "sender@elsewhere.test",
            recipients,
            Body::Memory("x\n.dot\n".into()),
        )
        .await;
    }

    async fn send_as(&self, sender: &str, recipients: &[&str], body: Body) {
        let mut envelope = Envelope::new(sender, SystemTime::now());
        envelope.recipients = recipients.iter().map(|r| Recipient::mailbox(*r)).collect();
        envelope.size = 20;
        envelope.priority = 30014;
        let message = Message {
            id: self.queue.new_id(),
            envelope,
            header: [Field::new("Subject", " m")]
                .into_iter()
                .collect::<Header>(),
            body,
        };
        let claim = self.queue.accept(message).await.unwrap();
        let (site, zone) = (Arc::clone(&self.site), Arc::clone(&self.zone));
        self.deliverer.deliver(site, zone, claim).await;
    }

    /// The log since the last look, ids and delays left out.
    fn log(&self) -> Vec<String> {
        let lines: Vec<String> = self.log.0.lock().unwrap().drain(..).collect();
        lines
            .iter()
            .filter_map(|line| {
                let (_, line) = line.split_once(": ")?;
                let (to, rest) = line.split_once(", delay=")?;
                let (_, rest) = rest.split_once("mailer=")?;
                Some(format!("{to}, mailer={rest}"))
            })
            .collect()
    }

    fn heard(&self) -> Vec<String> {
        self.peers.heard.lock().unwrap().drain(..).collect()
    }

    fn waiting(&self) -> usize {
        let selector = Selector {
            even_if_not_due: true,
            ..Selector::default()
        };
        let now = SystemTime::now() + Duration::from_secs(100_000);
        self.queue.claim_due(now, &selector, 100).len()
    }
}

/// The site of these tests with more options, its mailboxes in a folder; and
/// its names.
pub(crate) fn small_site(options: &str, folder: &str) -> (Arc<Site>, Arc<dyn Resolver>) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/delivery");
    let text = std::fs::read_to_string(data.join("site.cf"))
        .unwrap()
        .replace("@OPTIONS@", options)
        .replace("@DIR@", folder);
    let (config, faults) = cf::read(
        text.as_bytes(),
        Origins::File(&godwit::base::Origin::file_only("site.cf")),
    );
    assert!(faults.iter().all(|f| !f.is_error()), "{faults:?}");
    let zone = std::fs::read_to_string(data.join("zone")).unwrap();
    let zone: Arc<dyn Resolver> = Arc::new(Zone::read(&zone));
    (Arc::new(site(config, Arc::clone(&zone))), zone)
}

fn site(config: cf::Config, zone: Arc<dyn Resolver>) -> Site {
    let host = HostIdentity {
        node: "mail.example.org".into(),
        full: "mail.example.org".into(),
        aliases: Vec::new(),
        addresses: Vec::new(),
    };
    let initial = Arc::new(load::initial_macros(&host, "VERSION", 1));
    let (classes, _) = load::classes(&config, &initial, &host, &People);
    let world = SiteWorld {
        maps: MapWorld {
            files: Arc::new(People),
            clock: Arc::new(SystemClock),
            resolver: zone,
            users: Arc::new(People),
            programs: Arc::new(Nothing),
            dial: Arc::new(Nothing),
            log: Arc::new(Nothing),
            entropy: Arc::new(Nothing),
        },
        users: Arc::new(People),
        aliases: None,
        macros: initial,
        classes,
    };
    let (site, faults) = Site::open(config, world);
    assert!(faults.iter().all(|f| !f.is_error()), "{faults:?}");
    site
}

#[tokio::test]
async fn destinations_as_recorded() {
    let table = include_str!("../data/delivery/hosts.txt");
    // Each server is met for the first time.
    let uncached = "O ConnectionCacheSize=0\n";
    let mut lab = Lab::new(uncached);
    let mut count = 0;
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with("O ") {
            lab = Lab::new(&format!("{uncached}{line}"));
            continue;
        }
        let Some((case, expected)) = line.split_once(" => ") else {
            continue;
        };
        count += 1;
        let (domain, mode) = case.split_once(' ').unwrap_or((case, ""));
        lab.peers.set("127.0.1.1", mode);
        // What happened before shall not matter.
        lab.deliverer.forgive_hosts();
        lab.send(&[&format!("x@{domain}")]).await;
        let log = lab.log();
        let last = log.iter().find(|line| line.starts_with("to=x@"));
        let Some((_, said)) = last.and_then(|line| line.split_once("pri=30014, ")) else {
            panic!("{line}: {log:?}");
        };
        assert_eq!(said, expected, "{line}");
    }
    assert!(count > 45, "the table is there: {count}");
}

#[tokio::test]
async fn recipients_share_a_job_and_are_told_apart() {
    let lab = Lab::new("");
    lab.peers
        .set("127.0.1.1", "b=450 4.2.1 busy;c=550 5.1.1 no");
    lab.peers.set("127.0.1.2", "b=450 4.2.1 busy");
    lab.send(&[
        "a@two.test",
        "b@two.test",
        "c@two.test",
        "d@nomx.test",
        "e@two.test",
    ])
    .await;
    let mut log = lab.log();
    log.sort();
    let m1 = "mailer=esmtp, pri=30014, relay=m1.two.test. [127.0.1.1]";
    let m2 = "mailer=esmtp, pri=30014, relay=m2.two.test. [127.0.1.2]";
    let d = "mailer=esmtp, pri=30014, relay=nomx.test. [127.0.1.2]";
    assert_eq!(
        log[..4],
        [
            format!(
                "to=b@two.test, {m2}, dsn=4.2.0, reply=450 4.2.1 busy, stat=Deferred: 450 4.2.1 busy"
            ),
            format!("to=c@two.test, {m1}, dsn=5.1.1, reply=550 5.1.1 no, stat=User unknown"),
            format!("to=d@nomx.test, {d}, dsn=2.0.0, stat=Sent (2.0.0 taken by 127.0.1.2)"),
            format!(
                "to=e@two.test,a@two.test, {m1}, dsn=2.0.0, stat=Sent (2.0.0 taken by 127.0.1.1)"
            ),
        ]
    );
    // b waits; the report about c is a message of its own.
    assert!(lab.waiting() >= 1);
}

#[tokio::test]
async fn connections_are_used_again() {
    let lab = Lab::new("");
    for _ in 0..5 {
        lab.send(&["a@nomx.test"]).await;
    }
    assert_eq!(*lab.peers.connections.lock().unwrap(), 1);
    let heard = lab.heard();
    assert_eq!(heard.iter().filter(|l| l.ends_with("RSET")).count(), 0);
    assert_eq!(heard.iter().filter(|l| l.ends_with("DATA")).count(), 5);
    // A mailer with m=1 gets a connection for each.
    for _ in 0..3 {
        lab.send(&["a@one.test"]).await;
    }
    assert_eq!(*lab.peers.connections.lock().unwrap(), 4);
}

#[tokio::test]
async fn expensive_mailers_wait_for_a_run() {
    let lab = Lab::new("O HoldExpensive=True");
    lab.send(&["x@dear.test"]).await;
    assert_eq!(
        lab.log(),
        ["to=x@dear.test, mailer=dear, pri=30014, stat=queued"]
    );
    assert!(lab.heard().is_empty());
    let selector = Selector {
        even_if_not_due: true,
        ..Selector::default()
    };
    let mut claims = lab.queue.claim_due(SystemTime::now(), &selector, 1);
    let claim = claims.pop().unwrap();
    assert_eq!(claim.message.envelope.attempts, 0, "that was no attempt");
    let (site, zone) = (Arc::clone(&lab.site), Arc::clone(&lab.zone));
    lab.deliverer.deliver(site, zone, claim).await;
    assert!(lab.log()[0].contains("stat=Sent"));
}

#[tokio::test]
async fn a_dead_host_is_probed_by_one_message_for_all() {
    let lab = Lab::new("");
    let dials = || std::mem::take(&mut *lab.peers.dials.lock().unwrap());
    let told = "to=a@[127.0.9.9], mailer=esmtp, pri=30014, relay=[127.0.9.9] [127.0.9.9], \
                dsn=4.4.1, stat=Deferred: Connection refused by [127.0.9.9]";
    for expected in [1, 1, 0, 0] {
        lab.send(&["a@[127.0.9.9]"]).await;
        assert_eq!(dials(), expected);
        assert_eq!(lab.log(), [told]);
    }
    let soon = SystemTime::now() + Duration::from_secs(90);
    assert!(
        lab.queue.next_due().unwrap() < soon,
        "not in a quarter of an hour"
    );
    lab.deliverer.forgive_hosts();
    lab.send(&["a@[127.0.9.9]"]).await;
    lab.send(&["a@[127.0.9.9]"]).await;
    assert_eq!(dials(), 1, "a run on demand tries again");
    lab.peers.set("127.0.9.9", "");
    lab.deliverer.forgive_hosts();
    lab.log();
    lab.send(&["a@[127.0.9.9]"]).await;
    assert!(lab.log()[0].contains("stat=Sent"));
}

#[tokio::test]
async fn a_server_that_ended_the_idle_session_is_asked_anew() {
    let lab = Lab::new("");
    lab.peers.set("127.0.1.2", "quit=221 bye");
    lab.send(&["a@nomx.test"]).await;
    // The second message meets a server that says 421 to its MAIL.
    lab.peers.set("127.0.1.2", "mail=421 4.4.2 idle");
    lab.send(&["b@one.test"]).await;
    assert!(
        lab.log()
            .iter()
            .any(|l| l.contains("stat=Deferred: 421 4.4.2 idle"))
    );
}

#[tokio::test]
async fn lmtp_over_a_socket() {
    let lab = Lab::new("");
    lab.peers.set(
        "/lmtp/socket",
        "lmtp=1;ehlo=250-l|250-ENHANCEDSTATUSCODES|250 PIPELINING;bob.dot=452 4.2.2 full;x=550 5.1.1 no",
    );
    lab.send(&["alice@lmtp.test", "bob@lmtp.test", "x@lmtp.test"])
        .await;
    let mut log = lab.log();
    log.sort();
    let head = "mailer=lmtp, pri=30014, relay=/lmtp/socket";
    assert_eq!(
        log[..3],
        [
            format!("to=alice@lmtp.test, {head}, dsn=2.1.5, stat=Sent (Ok)"),
            format!(
                "to=bob@lmtp.test, {head}, dsn=4.2.2, reply=452 4.2.2 full, stat=Deferred: 452 4.2.2 full"
            ),
            format!("to=x@lmtp.test, {head}, dsn=5.1.1, reply=550 5.1.1 no, stat=User unknown"),
        ]
    );
}

#[tokio::test]
async fn failures_come_back_as_reports() {
    let lab = Lab::new("");
    lab.peers.set("127.0.1.2", "x=550 5.1.1 no such user here");
    lab.send_as(
        "alice@mail.example.org",
        &["x@nomx.test", "ok@nomx.test"],
        Body::Memory("hi\n".into()),
    )
    .await;
    let mailbox = lab.folder.path().join("alice");
    for _ in 0..200 {
        if mailbox.exists() && lab.waiting() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let text = std::fs::read_to_string(&mailbox).unwrap();
    for line in [
        "From MAILER-DAEMON ",
        "\nSubject: Returned mail: see transcript for details\n",
        "\nx@nomx.test\n    (reason: 550 5.1.1 no such user here)\n",
        "\n... while talking to nomx.test.:\n>>> DATA\n<<< 550 5.1.1 no such user here\n\
         550 5.1.1 x@nomx.test... User unknown\n",
        "\nFinal-Recipient: RFC822; x@nomx.test\n",
        "\nStatus: 5.1.1\nRemote-MTA: DNS; nomx.test\n\
         Diagnostic-Code: SMTP; 550 5.1.1 no such user here\n",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("ok@nomx.test\n    (reason"));
    assert_eq!(lab.waiting(), 0);
    // No report is made of a report that cannot be delivered to nobody.
    lab.send_as("", &["x@nomx.test"], Body::Memory("hi\n".into()))
        .await;
    assert!(lab.log().iter().any(|l| l.contains("stat=User unknown")));
    // The postmaster is nobody here: what should tell him is put aside.
    let lost = || {
        let names = std::fs::read_dir(lab.folder.path().join("mqueue")).unwrap();
        let names = names.map(|name| name.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("Qf")).count()
    };
    for _ in 0..200 {
        if lost() > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((lost(), lab.waiting()), (1, 0));
}

/// What a server got of a message: `BODY=` or nothing, the fields that tell of
/// MIME, the body.
fn got(lab: &Lab) -> String {
    let heard = lab.heard();
    let declared = heard.iter().any(|line| line.ends_with("BODY=8BITMIME"));
    let text = heard.iter().find_map(|line| line.split_once(" text "));
    let (_, text) = text.unwrap();
    let (header, body) = text.split_once("\n\n").unwrap();
    let word = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        let (value, _) = value.split_once(" by ").unwrap_or((value, ""));
        let is_mime = !["From", "Subject", "Received"].contains(&name);
        is_mime.then(|| format!("{name}: {value}"))
    };
    let mut lines: Vec<String> = declared.then(|| "BODY".to_owned()).into_iter().collect();
    lines.extend(header.lines().filter_map(word));
    lines.push(body.trim_end().to_owned());
    lines.join("|")
}

#[tokio::test]
async fn eight_bit_text_as_the_reference_sends_it() {
    const PLAIN: &str = "the caf\u{e9} is over there\n";
    const LABELS: &str = "MIME-Version: 1.0|Content-Type: text/plain; charset=";
    const QUOTED: &str = "|Content-Transfer-Encoding: quoted-printable\
        |X-MIME-Autoconverted: from 8bit to quoted-printable|the caf=C3=A9 is over there";
    let as_is = "the caf\u{e9} is over there".to_owned();
    let unknown = format!("{LABELS}unknown-8bit{QUOTED}");
    let latin = format!("{LABELS}iso-8859-1{QUOTED}");
    let kept = format!("{LABELS}iso-8859-1|Content-Transfer-Encoding: 8bit|{as_is}");
    let marked = format!("BODY|{LABELS}unknown-8bit|Content-Transfer-Encoding: 8bit|{as_is}");
    // EightBitMode, declared, MIME, server has 8BITMIME; as recorded.
    for (mode, declared, mime, offered, want) in [
        ("p", false, false, false, as_is.clone()),
        ("p", false, true, false, latin.clone()),
        ("p", true, false, false, unknown.clone()),
        ("p", true, true, false, latin.clone()),
        ("p", false, false, true, as_is.clone()),
        ("p", false, true, true, kept.clone()),
        ("p", true, false, true, format!("BODY|{as_is}")),
        ("p", true, true, true, format!("BODY|{kept}")),
        ("m", false, false, false, unknown.clone()),
        ("m", false, false, true, marked.clone()),
        ("m", true, false, true, marked),
        ("m", false, true, true, format!("BODY|{kept}")),
        ("s", true, false, false, unknown),
        ("s", true, false, true, format!("BODY|{as_is}")),
    ] {
        let lab = Lab::new(&format!("O EightBitMode={mode}"));
        if !offered {
            lab.peers.set("127.0.1.2", "ehlo=250 sink");
        }
        let mut envelope = Envelope::new("sender@elsewhere.test", SystemTime::now());
        envelope.recipients.push(Recipient::mailbox("a@nomx.test"));
        envelope.has_8bit = true;
        envelope.body_type = declared.then_some(BodyType::EightBitMime);
        let mut header = Header::new();
        header.push(Field::new("Subject", " m"));
        if mime {
            header.push(Field::new("MIME-Version", " 1.0"));
            header.push(Field::new(
                "Content-Type",
                " text/plain; charset=iso-8859-1",
            ));
            header.push(Field::new("Content-Transfer-Encoding", " 8bit"));
        }
        let message = Message {
            id: lab.queue.new_id(),
            envelope,
            header,
            body: Body::Memory(PLAIN.into()),
        };
        let claim = lab.queue.accept(message).await.unwrap();
        let (site, zone) = (Arc::clone(&lab.site), Arc::clone(&lab.zone));
        lab.deliverer.deliver(site, zone, claim).await;
        assert_eq!(got(&lab), want, "{mode} {declared} {mime} {offered}");
    }
}

#[tokio::test]
async fn large_bodies_stream_from_their_file() {
    let lab = Lab::new("");
    let body: String = (0..200_000).map(|n| format!(".line {n}\n")).collect();
    let file = lab.folder.path().join("body");
    std::fs::write(&file, &body).unwrap();
    let file = Arc::new(std::fs::File::open(&file).unwrap());
    // Straight to the remote end: the queue has its own way with files.
    let mut envelope = Envelope::new("sender@elsewhere.test", SystemTime::now());
    envelope.recipients.push(Recipient::mailbox("a@nomx.test"));
    let message = Message {
        id: lab.queue.new_id(),
        envelope,
        header: [Field::new("Subject", " m")]
            .into_iter()
            .collect::<Header>(),
        body: Body::Memory("".into()),
    };
    let mut claim = lab.queue.accept(message).await.unwrap();
    claim.message.body = Body::File(file, body.len() as u64);
    let (site, zone) = (Arc::clone(&lab.site), Arc::clone(&lab.zone));
    lab.deliverer.deliver(site, zone, claim).await;
    let heard = lab.heard();
    let text = heard.iter().find(|l| l.contains(" text ")).unwrap();
    assert_eq!(text.matches("\n..line ").count(), 200_000);
    assert!(text.ends_with("\n..line 199999\n"));
}
