//! How fast mail is taken in, and what an idle session costs.
//!
//! `cargo bench --bench receive` serves a site compiled from a `.mc` on a
//! loopback port, with a real queue in a folder of the system's temporary
//! directory, and lets another process of the same binary be the clients:
//!
//! * `accept N M`: N sessions hand over M messages of 1 KB each; messages a
//!   second, CPU time a message of the serving process alone;
//! * `idle N`: N sessions that have been greeted and said EHLO; resident
//!   bytes a session.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bstr::BString;
use godwit::cf::{self, Origins};
use godwit::envelope::{ControllingUser, ListError, ListFile, ListFiles};
use godwit::map::MapWorld;
use godwit::mc::{Request, Templates, compile};
use godwit::os::{Chance, SystemClock, SystemDisk, SystemFiles};
use godwit::queue::{Claim, Queue, QueueSettings, QueueWorld, Selector, Settlement, Spool};
use godwit::receive::{Connection, Daemon, Intake, Security, Service, ServiceParts};
use godwit::route::{Site, SiteWorld, load};
use godwit::world::{
    BoxFuture, HostIdentity, Mx, Nothing, RecordKind, ResolveError, Resolver, User, Users,
    UsersError,
};

const SITE: &str = "\
OSTYPE(`linux')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confTO_IDENT', `0')dnl
undefine(`ALIAS_FILE')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
define(`SMART_HOST', `relay:[127.0.0.2]')dnl
LOCAL_DOMAIN(`bench.test')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
LOCAL_CONFIG
CR 127.0.0.1
";

/// Everybody is localhost.
struct Names;

impl Resolver for Names {
    fn mx<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<Mx>, ResolveError>> {
        Box::pin(std::future::ready(Err(ResolveError::NoSuchName)))
    }

    fn addresses<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>> {
        let localhost: IpAddr = [127, 0, 0, 1].into();
        Box::pin(std::future::ready(Ok(vec![localhost])))
    }

    fn name_of(&self, _: IpAddr) -> BoxFuture<'_, Result<String, ResolveError>> {
        Box::pin(std::future::ready(Ok("localhost".into())))
    }

    fn canonical<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<String, ResolveError>> {
        Box::pin(std::future::ready(Ok(name.to_owned())))
    }

    fn records<'a>(
        &'a self,
        _: &'a str,
        _: RecordKind,
    ) -> BoxFuture<'a, Result<Vec<BString>, ResolveError>> {
        Box::pin(std::future::ready(Err(ResolveError::NoSuchName)))
    }
}

/// Everybody exists.
struct People;

impl Users for People {
    fn user(&self, name: &[u8]) -> Result<Option<Arc<User>>, UsersError> {
        Ok(Some(Arc::new(User {
            name: name.into(),
            uid: 1000,
            gid: 1000,
            full_name: BString::default(),
            home: "/".into(),
            shell: "/bin/sh".into(),
        })))
    }

    fn user_by_id(&self, _: u32) -> Result<Option<Arc<User>>, UsersError> {
        Ok(None)
    }

    fn group(&self, _: &[u8]) -> Result<Option<u32>, UsersError> {
        Ok(None)
    }
}

/// Settles every message at once, as a delivery without work would.
struct Sink {
    spool: Queue,
    runtime: tokio::runtime::Handle,
    count: AtomicU64,
}

impl Intake for Sink {
    fn deliver(&self, claim: Claim, _: Option<u8>) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let spool = self.spool.clone();
        self.runtime.spawn(async move {
            let _ = spool.settle(claim, Settlement::Done).await;
        });
    }

    fn run_queue(&self, _: Selector) {}

    fn lists(&self) -> &dyn ListFiles {
        self
    }
}

impl ListFiles for Sink {
    fn forward<'a>(
        &'a self,
        _: &'a User,
        _: Vec<std::path::PathBuf>,
    ) -> BoxFuture<'a, Result<Option<ListFile>, ListError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn include<'a>(
        &'a self,
        _: &'a Path,
        _: Option<&'a ControllingUser>,
    ) -> BoxFuture<'a, Result<ListFile, ListError>> {
        Box::pin(std::future::ready(Err(ListError::Temporary(String::new()))))
    }
}

struct Alone;

impl godwit::m4::Host for Alone {
    fn read(&mut self, _: &[u8]) -> Result<godwit::m4::Found, godwit::m4::HostError> {
        Err(godwit::m4::HostError::new("not here"))
    }

    fn message(&mut self, _: &godwit::m4::Message) {}
}

fn site() -> Site {
    let request = Request {
        name: "bench.mc",
        text: SITE.as_bytes(),
        templates: Templates::BuiltIn,
        allow_commands: false,
    };
    let compiled = compile(&request, &mut Alone);
    assert!(
        !compiled.failed(),
        "{:?} {}",
        compiled.faults,
        compiled.said
    );
    let (config, _) = cf::read(&compiled.text, Origins::Lines(&compiled.origins));
    let host = HostIdentity {
        node: "bench.test".into(),
        full: "mta.bench.test".into(),
        aliases: Vec::new(),
        addresses: Vec::new(),
    };
    let initial = Arc::new(load::initial_macros(&host, "bench", 1));
    let files = Arc::new(SystemFiles);
    let (classes, _) = load::classes(&config, &initial, &host, &*files);
    let world = SiteWorld {
        maps: MapWorld {
            files,
            clock: Arc::new(SystemClock),
            resolver: Arc::new(Names),
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
    Site::open(config, world).0
}

/// Serves until the client process has ended; gives its output.
fn serve(arguments: &[String]) -> String {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let world = QueueWorld {
        disk: Arc::new(SystemDisk),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(Chance),
        log: Arc::new(Nothing),
    };
    let queue = Queue::open(QueueSettings::new(folder.path(), "mta.bench.test"), world).unwrap();
    let service = Service::new(ServiceParts {
        site: Arc::new(site()),
        spool: Arc::new(queue.clone()),
        clock: Arc::new(SystemClock),
        resolver: Arc::new(Names),
        local_host: Arc::new(Nothing),
        log: Arc::new(Nothing),
        intake: Arc::new(Sink {
            spool: queue,
            runtime: runtime.handle().clone(),
            count: AtomicU64::new(0),
        }),
        daemon: Daemon {
            name: "MTA".into(),
            ..Daemon::default()
        },
        zone: jiff::tz::TimeZone::UTC,
        security: Security::default(),
        stopping: tokio::sync::watch::channel(false).1,
    });
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            tokio::spawn(Arc::clone(&service).serve(stream, Connection::tcp(peer, None)));
        }
    });
    let before = cpu();
    let mut client = std::process::Command::new(std::env::current_exe().unwrap())
        .arg("client")
        .arg(port.to_string())
        .args(arguments)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = String::new();
    let mut said = BufReader::new(client.stdout.take().unwrap());
    said.read_line(&mut output).unwrap();
    if arguments[0] == "idle" {
        let count: u64 = arguments[1].parse().unwrap();
        output = format!("{} resident KiB, {} sessions", resident_kib(), count);
    }
    drop(client.stdin.take());
    let _ = said.read_to_string(&mut String::new());
    client.wait().unwrap();
    format!(
        "{} cpu={:.3}s",
        output.trim(),
        (cpu() - before).as_secs_f64()
    )
}

fn cpu() -> Duration {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF).unwrap();
    let time =
        |t: nix::sys::time::TimeVal| Duration::new(t.tv_sec() as u64, t.tv_usec() as u32 * 1000);
    time(usage.user_time()) + time(usage.system_time())
}

fn resident_kib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|l| l.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The other process.
fn client(port: u16, arguments: &[String]) {
    let count: usize = arguments[1].parse().unwrap();
    match arguments[0].as_str() {
        "accept" => accept(port, count, arguments[2].parse().unwrap()),
        "idle" => {
            let held: Vec<Talk> = (0..count).map(|_| Talk::open(port)).collect();
            println!("opened {}", held.len());
            let _ = std::io::stdin().read_to_string(&mut String::new());
        }
        other => panic!("{other}"),
    }
}

fn accept(port: u16, sessions: usize, messages: usize) {
    let start = Instant::now();
    let threads: Vec<_> = (0..sessions)
        .map(|_| {
            std::thread::spawn(move || {
                let mut talk = Talk::open(port);
                let line = format!("{}\r\n", "x".repeat(78));
                let text = format!("Subject: bench\r\n\r\n{}.\r\n", line.repeat(12));
                for _ in 0..messages {
                    talk.say("MAIL FROM:<a@bench.test>\r\n", "250");
                    talk.say("RCPT TO:<b@elsewhere.test>\r\n", "250");
                    talk.say("DATA\r\n", "354");
                    talk.say(&text, "250");
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let time = start.elapsed().as_secs_f64();
    println!(
        "{:.0} messages/s in {time:.2}s",
        (sessions * messages) as f64 / time
    );
}

struct Talk(TcpStream);

impl Talk {
    fn open(port: u16) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut talk = Self(stream);
        talk.expect("220");
        talk.say("EHLO client.bench.test\r\n", "250");
        talk
    }

    fn say(&mut self, text: &str, code: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
        self.expect(code);
    }

    fn expect(&mut self, code: &str) {
        let mut bytes = [0; 2048];
        let mut held = 0;
        loop {
            let got = self.0.read(&mut bytes[held..]).unwrap();
            assert!(got > 0, "the server went away");
            held += got;
            let text = &bytes[..held];
            let last = text[..held - 1]
                .iter()
                .rposition(|b| *b == b'\n')
                .map_or(0, |p| p + 1);
            if text.ends_with(b"\n") && text.get(last + 3) == Some(&b' ') {
                assert!(text.starts_with(code.as_bytes()), "{}", text.escape_ascii());
                return;
            }
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    if arguments.first().is_some_and(|a| a == "client") {
        return client(arguments[1].parse().unwrap(), &arguments[2..]);
    }
    if !arguments.is_empty() {
        println!("{}: {}", arguments.join(" "), serve(&arguments));
        return;
    }
    for plan in [
        "accept 1 2000",
        "accept 20 2000",
        "accept 100 400",
        "idle 1",
        "idle 4000",
    ] {
        let words: Vec<String> = plan.split(' ').map(str::to_owned).collect();
        println!("{plan}: {}", serve(&words));
    }
}
