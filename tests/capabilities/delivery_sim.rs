//! Queue and delivery together, simulated: a clock that is set, a disk that
//! stops and fails, servers that refuse, put off and hang up at any byte. A
//! failure names its seed.
//!
//! What must be true: whatever was accepted is delivered or reported in the
//! end; nobody gets it twice unless a crash or a lost reply lies between; a
//! failure is reported once.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use godwit::base::Place;
use godwit::deliver::Security;
use godwit::deliver::agent::AgentPool;
use godwit::deliver::delivery::{Deliverer, DeliveryParts};
use godwit::envelope::{Envelope, Recipient};
use godwit::message::{Field, Header};
use godwit::queue::{Body, Claim, Message, Queue, Selector, Spool};
use godwit::route::Site;
use godwit::world::{BoxFuture, Clock, Dial, Endpoint, Log, Resolver, Stream};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, WriteHalf};

use crate::delivery::{People, Threads, small_site};
use crate::queue::{Bench, Lines, SimClock};
use crate::sim_disk::{Chance, Faults, SimEntropy};

const SEEDS: u64 = 200;

/// Who got which message, by address and subject.
type Counts = BTreeMap<(String, String), u64>;

#[derive(Default)]
struct Seen {
    delivered: Counts,
    /// Deliveries whose reply did not get through.
    lost: Counts,
    /// Failures reported, by the sender and the recipient that failed.
    reported: Counts,
}

/// Servers that do what chance says.
struct Servers {
    chance: Mutex<Chance>,
    /// From then on they are well.
    healthy: AtomicBool,
    seen: Mutex<Seen>,
}

impl Servers {
    fn one_in(&self, n: u64) -> bool {
        !self.healthy.load(Ordering::Relaxed) && self.chance.lock().unwrap().one_in(n)
    }

    /// After how many bytes of replies the connection breaks.
    fn breaks_after(&self) -> usize {
        match self.one_in(4) {
            true => usize::try_from(self.chance.lock().unwrap().below(400)).unwrap(),
            false => usize::MAX,
        }
    }

    fn count(&self, recipients: &[String], text: &str, got_through: bool) {
        let mut seen = self.seen.lock().unwrap();
        let subject = text.lines().find_map(|line| line.strip_prefix("Subject: "));
        let subject = subject.unwrap_or_default().to_owned();
        for recipient in recipients {
            let key = (recipient.clone(), subject.clone());
            if !got_through {
                *seen.lost.entry(key.clone()).or_default() += 1;
            }
            *seen.delivered.entry(key).or_default() += 1;
            let failed = |line: &str| {
                line.strip_prefix("Final-Recipient: RFC822; ")
                    .map(str::to_owned)
            };
            for failed in text.lines().filter_map(failed) {
                *seen
                    .reported
                    .entry((recipient.clone(), failed))
                    .or_default() += 1;
            }
        }
    }
}

struct Dialer(Arc<Servers>);

impl Dial for Dialer {
    fn connect<'a>(
        &'a self,
        _: &'a Endpoint,
        _: Duration,
    ) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        if self.0.one_in(6) {
            let refused = Err(io::ErrorKind::ConnectionRefused.into());
            return Box::pin(std::future::ready(refused));
        }
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        tokio::spawn(serve(theirs, Arc::clone(&self.0)));
        Box::pin(std::future::ready(Ok(Box::new(ours) as Box<dyn Stream>)))
    }
}

/// The writing half of a session that breaks at some byte.
struct Mouth {
    stream: WriteHalf<DuplexStream>,
    left: usize,
}

impl Mouth {
    /// Whether all of it got through.
    async fn say(&mut self, line: &str) -> bool {
        let text = format!("{line}\r\n");
        let part = text.len().min(self.left);
        self.left -= part;
        let written = self.stream.write_all(&text.as_bytes()[..part]).await;
        written.is_ok() && part == text.len()
    }
}

async fn serve(stream: DuplexStream, servers: Arc<Servers>) -> Option<()> {
    let (reading, stream) = tokio::io::split(stream);
    let mut lines = BufReader::new(reading).lines();
    let left = servers.breaks_after();
    let mut mouth = Mouth { stream, left };
    let greeting = match servers.one_in(12) {
        true => "421 4.3.2 not now",
        false => "220 sink ESMTP",
    };
    let mut answer = greeting.to_owned();
    let mut recipients: Vec<String> = Vec::new();
    loop {
        if !mouth.say(&answer).await {
            return None;
        }
        let line = lines.next_line().await.ok()??;
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        answer = match verb.as_str() {
            "EHLO" => "250-sink\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES".to_owned(),
            "MAIL" => {
                recipients.clear();
                "250 2.1.0 ok".to_owned()
            }
            "RCPT" => {
                let address = line.split(['<', '>']).nth(1).unwrap_or_default();
                if address.starts_with("bad") {
                    "550 5.1.1 nobody".to_owned()
                } else if servers.one_in(6) {
                    "450 4.2.0 later".to_owned()
                } else {
                    recipients.push(address.to_owned());
                    "250 2.1.5 ok".to_owned()
                }
            }
            "DATA" if recipients.is_empty() => "503 5.5.1 nobody to take it".to_owned(),
            "DATA" => {
                if !mouth.say("354 go").await {
                    return None;
                }
                let mut text = String::new();
                loop {
                    let line = lines.next_line().await.ok()??;
                    if line == "." {
                        break;
                    }
                    text.push_str(&line);
                    text.push('\n');
                }
                if servers.one_in(8) {
                    "451 4.3.0 not this time".to_owned()
                } else {
                    let reply = "250 2.0.0 taken";
                    let got_through = mouth.left >= reply.len() + 2;
                    servers.count(&recipients, &text, got_through);
                    reply.to_owned()
                }
            }
            "QUIT" => "221 2.0.0 bye".to_owned(),
            _ => "250 2.0.0 ok".to_owned(),
        };
    }
}

/// What was accepted: recipients by the number in subject and sender.
type Owed = BTreeMap<u64, Vec<String>>;

struct Simulation {
    seed: u64,
    bench: Bench,
    clock: SimClock,
    servers: Arc<Servers>,
    site: Arc<Site>,
    resolver: Arc<dyn Resolver>,
    chance: Chance,
    owed: Owed,
    /// Messages whose acceptance was not answered.
    unsure: u64,
    crashes: u64,
}

impl Simulation {
    fn new(seed: u64, site: &Arc<Site>, resolver: &Arc<dyn Resolver>) -> Self {
        let bench = Bench::new(seed);
        let clock = bench.clock.clone();
        Self {
            seed,
            bench,
            clock,
            servers: Arc::new(Servers {
                chance: Mutex::new(Chance::new(seed + 77)),
                healthy: AtomicBool::new(false),
                seen: Mutex::default(),
            }),
            site: Arc::clone(site),
            resolver: Arc::clone(resolver),
            chance: Chance::new(seed + 5000),
            owed: Owed::new(),
            unsure: 0,
            crashes: 0,
        }
    }

    fn deliverer(&self, queue: &Queue) -> Arc<Deliverer> {
        Deliverer::new(DeliveryParts {
            spool: Arc::new(queue.clone()),
            clock: Arc::new(self.clock.clone()),
            dial: Arc::new(Dialer(Arc::clone(&self.servers))),
            entropy: Arc::new(SimEntropy::new(self.seed + self.crashes)),
            users: Arc::new(People),
            log: Arc::new(Lines::default()) as Arc<dyn Log>,
            agents: Arc::new(AgentPool::new(Arc::new(Threads))),
            place: Place::default(),
            zone: jiff::tz::TimeZone::UTC,
            state: None,
            security: Security {
                https: None,
                files: Arc::new(godwit::os::SystemFiles),
                tls: None,
                entropy: None,
                log: Arc::new(Lines::default()) as Arc<dyn Log>,
            },
            retry_after: Some(Duration::from_secs(900)),
        })
    }

    /// One life of the machine.
    async fn live(&mut self, queue: &Queue) {
        let deliverer = self.deliverer(queue);
        queue.begin_run_in(godwit::queue::SortOrder::Time, None);
        for _ in 0..10 {
            if self.bench.disk.crashed() {
                return;
            }
            self.clock.advance(self.chance.below(900));
            if let Some(claim) = self.accept(queue).await {
                self.deliver(&deliverer, claim).await;
            }
            for claim in queue.claim_due(self.clock.now(), &Selector::default(), 3) {
                self.deliver(&deliverer, claim).await;
            }
        }
    }

    async fn accept(&mut self, queue: &Queue) -> Option<Claim> {
        let number = self.seed * 1000 + self.owed.len() as u64 + self.unsure;
        let sender = format!("s{number}@nomx.test");
        let mut recipients = vec![format!("a{number}@two.test")];
        for (chance, local, domain) in [
            (2, "b", "nomx.test"),
            (2, "c", "two.test"),
            (3, "bad", "two.test"),
        ] {
            if self.chance.one_in(chance) {
                recipients.push(format!("{local}{number}@{domain}"));
            }
        }
        let mut envelope = Envelope::new(sender, self.clock.now());
        envelope.recipients = recipients
            .iter()
            .map(|r| Recipient::mailbox(r.as_str()))
            .collect();
        let subject = Field::new("Subject", format!(" {number}"));
        let message = Message {
            id: queue.new_id(),
            envelope,
            header: [subject].into_iter().collect::<Header>(),
            body: Body::Memory("text\n".into()),
        };
        match queue.accept(message).await {
            Ok(claim) => {
                self.owed.insert(number, recipients);
                Some(claim)
            }
            Err(_) => {
                self.unsure += 1;
                None
            }
        }
    }

    async fn deliver(&self, deliverer: &Arc<Deliverer>, claim: Claim) {
        let mut claims = vec![claim];
        while let Some(claim) = claims.pop() {
            claims.extend(deliverer.attempt(&self.site, &*self.resolver, claim).await);
        }
    }

    /// Until nothing waits, with everything well.
    async fn finish(&self) {
        self.bench.disk.restart(Faults::default());
        self.servers.healthy.store(true, Ordering::Relaxed);
        let queue = self.bench.open().unwrap();
        let deliverer = self.deliverer(&queue);
        for _ in 0..20 {
            queue.begin_run_in(godwit::queue::SortOrder::Time, None);
            self.clock.advance(2000);
            for claim in queue.claim_due(self.clock.now(), &Selector::default(), usize::MAX) {
                self.deliver(&deliverer, claim).await;
            }
            if queue.is_empty() {
                return;
            }
        }
        panic!("seed {}: {} messages stay", self.seed, queue.len());
    }

    fn check(&self) {
        let seen = self.servers.seen.lock().unwrap();
        let get = |counts: &Counts, key: &(String, String)| counts.get(key).copied().unwrap_or(0);
        let seed = self.seed;
        for (number, recipients) in &self.owed {
            let sender = format!("s{number}@nomx.test");
            for recipient in recipients {
                let key = (recipient.clone(), number.to_string());
                let delivered = get(&seen.delivered, &key);
                let reports = get(&seen.reported, &(sender.clone(), recipient.clone()));
                let spare = self.crashes + get(&seen.lost, &key);
                if recipient.starts_with("bad") {
                    assert_eq!(delivered, 0, "seed {seed}: {recipient}");
                    let lost: u64 = seen.lost.values().sum();
                    assert!(reports >= 1, "seed {seed}: {recipient} failed in silence");
                    assert!(
                        reports <= 1 + self.crashes + lost,
                        "seed {seed}: {recipient} is reported {reports} times"
                    );
                } else {
                    assert!(delivered >= 1, "seed {seed}: {recipient} got nothing");
                    assert!(
                        delivered <= 1 + spare,
                        "seed {seed}: {recipient} got it {delivered} times"
                    );
                    assert_eq!(reports, 0, "seed {seed}: {recipient} did not fail");
                }
            }
        }
    }
}

fn check_seeds(seeds: impl Iterator<Item = u64>, faults: impl Fn(&mut Chance) -> Faults) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (site, resolver) = small_site("", "/nowhere");
    for seed in seeds {
        let mut simulation = Simulation::new(seed, &site, &resolver);
        runtime.block_on(async {
            for _ in 0..2 {
                let faults = faults(&mut simulation.chance);
                simulation.bench.disk.restart(faults);
                if let Ok(queue) = simulation.bench.open() {
                    simulation.live(&queue).await;
                }
                simulation.crashes += 1;
            }
            simulation.finish().await;
        });
        simulation.check();
    }
}

#[test]
fn all_is_delivered_or_reported_though_the_machine_stops() {
    check_seeds(0..SEEDS / 2, |chance| Faults {
        crash_at: 5 + chance.below(500),
        ..Faults::default()
    });
}

#[test]
fn all_is_delivered_or_reported_though_the_disk_fails() {
    check_seeds(SEEDS / 2..SEEDS, |chance| Faults {
        crash_at: 5 + chance.below(800),
        fail_one_in: 30,
        ..Faults::default()
    });
}
