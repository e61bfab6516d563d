//! The queue: what is accepted is found again, whatever the disk does.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use godwit::base::QueueId;
use godwit::base::maillog::Priority;
use godwit::envelope::{Envelope, Recipient, RecipientState};
use godwit::message::{Field, Header};
use godwit::os::{Chance as SystemChance, SystemClock, SystemDisk};
use godwit::queue::{
    Body, Claim, Message, Occasion, Queue, QueueSettings, QueueWorld, Selector, Settlement, Spool,
    SpoolError, never,
};
use godwit::world::{Clock, Disk, Log};

use crate::sim_disk::{Chance, Faults, SimDisk, SimEntropy};

const SEEDS: u64 = 200;
const START: u64 = 1_800_000_000;

/// Time that goes on when it is told to.
#[derive(Clone)]
pub(crate) struct SimClock {
    seconds: Arc<Mutex<u64>>,
    start: Instant,
}

impl SimClock {
    pub(crate) fn advance(&self, seconds: u64) {
        *self.seconds.lock().unwrap() += seconds;
    }

    fn passed(&self) -> Duration {
        Duration::from_secs(*self.seconds.lock().unwrap())
    }
}

impl Default for SimClock {
    fn default() -> Self {
        Self {
            seconds: Arc::default(),
            start: Instant::now(),
        }
    }
}

impl Clock for SimClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(START) + self.passed()
    }

    fn instant(&self) -> Instant {
        self.start + self.passed()
    }
}

/// A log that is kept.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Log for Lines {
    fn level(&self) -> u8 {
        9
    }

    fn line(&self, _priority: Priority, line: &[u8]) {
        let line = String::from_utf8_lossy(line).into_owned();
        self.0.lock().unwrap().push(line);
    }
}

/// Runs what never really waits.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    let mut future = Box::pin(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("without threads nothing waits"),
    }
}

pub(crate) struct Bench {
    pub(crate) disk: SimDisk,
    pub(crate) clock: SimClock,
    log: Lines,
    seed: u64,
}

impl Bench {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            disk: SimDisk::new(seed, Faults::default()),
            clock: SimClock::default(),
            log: Lines::default(),
            seed,
        }
    }

    pub(crate) fn open(&self) -> std::io::Result<Queue> {
        let mut settings = QueueSettings::new("/q", "mail.example.org");
        let journal = settings.journal.as_mut().unwrap();
        journal.segment_bytes = 20_000;
        journal.fill_bytes = 1024;
        settings.memory_body_bytes = 200;
        settings.threads = false;
        settings.pid = 4711;
        let world = QueueWorld {
            disk: Arc::new(self.disk.clone()),
            clock: Arc::new(self.clock.clone()),
            entropy: Arc::new(SimEntropy::new(self.seed ^ self.disk.steps())),
            log: Arc::new(self.log.clone()),
        };
        Queue::open(settings, world)
    }
}

pub(crate) fn message(id: QueueId, created: SystemTime, body: Body) -> Message {
    let mut envelope = Envelope::new("sender@example.org", created);
    envelope.recipients = ["a@x.example", "b@y.example", "c@z.example"]
        .map(Recipient::mailbox)
        .to_vec();
    envelope.size = body.len();
    let header = [Field::new("Subject", format!(" {id}"))]
        .into_iter()
        .collect::<Header>();
    Message {
        id,
        envelope,
        header,
        body,
    }
}

/// The body of the message of an id: sizes on both sides of every limit.
fn body_bytes(id: QueueId) -> Vec<u8> {
    let seed = id.as_str().bytes().map(u64::from).sum::<u64>();
    let mut chance = Chance::new(seed);
    let len = if chance.one_in(4) { 900 } else { 60 };
    (0..chance.below(len))
        .map(|_| chance.next() as u8)
        .collect()
}

pub(crate) fn bytes_of(body: &Body) -> Vec<u8> {
    match body {
        Body::Memory(bytes) => bytes.to_vec(),
        Body::File(file, _) => {
            let mut bytes = Vec::new();
            (&**file).read_to_end(&mut bytes).unwrap();
            bytes
        }
    }
}

pub(crate) fn accept(queue: &Queue, clock: &SimClock) -> Result<Claim, (QueueId, SpoolError)> {
    let id = queue.new_id();
    let accepted = (|| {
        let mut writer = queue.body_writer(id)?;
        for piece in body_bytes(id).chunks(70) {
            writer.write(piece)?;
        }
        let body = now(writer.finish())?;
        now(queue.accept(message(id, clock.now(), body)))
    })();
    accepted.map_err(|error| {
        queue.discard(id);
        (id, error)
    })
}

fn all(queue: &Queue, now: SystemTime) -> Vec<Claim> {
    let selector = Selector {
        even_if_not_due: true,
        ..Selector::default()
    };
    queue.claim_due(now, &selector, usize::MAX)
}

fn keep(queue: &Queue, mut claim: Claim, next_try: SystemTime) -> Result<(), SpoolError> {
    let envelope = Box::new(std::mem::replace(
        &mut claim.message.envelope,
        Envelope::new("", UNIX_EPOCH),
    ));
    now(queue.settle(claim, Settlement::Keep { envelope, next_try }))
}

#[test]
fn accepted_mail_is_claimed_settled_and_gone() {
    let bench = Bench::new(1);
    let queue = bench.open().unwrap();
    assert!(queue.owns_journal());
    let claims: Vec<Claim> = (0..20)
        .map(|_| accept(&queue, &bench.clock).unwrap())
        .collect();
    let syncs = bench.disk.syncs();
    assert_eq!(queue.len(), 20);
    assert!(all(&queue, bench.clock.now()).is_empty(), "all are held");
    for claim in claims {
        now(queue.settle(claim, Settlement::Done)).unwrap();
    }
    assert!(queue.is_empty());
    assert_eq!(bench.disk.syncs(), syncs, "what is done costs no sync");
    let names = bench.disk.list(Path::new("/q")).unwrap();
    assert!(
        names.iter().all(|name| !name.starts_with("df")),
        "{names:?}"
    );
    queue.close();
    drop(queue);
    assert!(bench.open().unwrap().is_empty());
}

#[test]
fn what_must_wait_moves_into_the_directory_and_comes_back_when_due() {
    let bench = Bench::new(1);
    let queue = bench.open().unwrap();
    let mut claim = accept(&queue, &bench.clock).unwrap();
    let id = claim.message.id;
    claim.message.envelope.recipients[0].state = RecipientState::Sent;
    claim.message.envelope.attempts = 1;
    claim.message.envelope.last_attempt = Some(bench.clock.now());
    claim.message.envelope.status = Some("Deferred: Connection refused by x".into());
    let later = bench.clock.now() + Duration::from_secs(600);
    keep(&queue, claim, later).unwrap();
    let text = bench.disk.bytes(Path::new(&format!("/q/qf{id}"))).unwrap();
    assert!(text.ends_with(b".\n"));
    assert_eq!(
        bench.disk.bytes(Path::new(&format!("/q/df{id}"))).unwrap(),
        body_bytes(id)
    );
    assert_eq!(queue.next_due(), Some(later));
    let due = |queue: &Queue| queue.claim_due(bench.clock.now(), &Selector::default(), 10);
    assert!(due(&queue).is_empty());
    bench.clock.advance(600);
    let claim = due(&queue).pop().unwrap();
    assert_eq!(claim.message.envelope.recipients.len(), 2);
    assert_eq!(bytes_of(&claim.message.body), body_bytes(id));
    assert!(due(&queue).is_empty(), "it is held");
    claim.give_back(bench.clock.now());
    let claim = due(&queue).pop().expect("it was given back");
    drop(claim);
    assert!(due(&queue).is_empty(), "what was dropped rests");
    bench.clock.advance(60);
    let claim = due(&queue).pop().expect("but not for long");
    now(queue.settle(claim, Settlement::Done)).unwrap();
    assert_eq!(bench.disk.list(Path::new("/q")).unwrap(), [""; 0]);
}

#[test]
fn a_run_on_demand_takes_what_is_selected() {
    let bench = Bench::new(1);
    let queue = bench.open().unwrap();
    let mut ids = Vec::new();
    for n in 0..4 {
        let mut claim = accept(&queue, &bench.clock).unwrap();
        claim.message.envelope.sender = format!("user{n}@example.org").into();
        if n == 3 {
            claim.message.envelope.quarantine = Some("held for inspection".into());
        }
        ids.push(claim.message.id);
        keep(&queue, claim, never()).unwrap();
    }
    assert_eq!(queue.next_due(), None);
    let due = queue.claim_due(bench.clock.now(), &Selector::default(), 10);
    assert!(due.is_empty());
    let select = |selector: Selector| -> Vec<QueueId> {
        let claims = queue.claim_due(bench.clock.now(), &selector, 10);
        claims.iter().map(|claim| claim.message.id).collect()
    };
    let any = Selector {
        even_if_not_due: true,
        ..Selector::default()
    };
    let sender = |text: &str, must| Selector {
        sender: Some((text.into(), must)),
        ..any.clone()
    };
    assert_eq!(select(any.clone()), ids[..3]);
    assert_eq!(select(sender("USER1@", true)), ids[1..2]);
    assert_eq!(select(sender("user1@", false)), [ids[0], ids[2]]);
    let quarantine = Selector {
        quarantine: Some((Vec::new(), true)),
        ..any.clone()
    };
    assert_eq!(select(quarantine), ids[3..]);
    let id = Selector {
        id: Some((ids[2].as_str().into(), true)),
        ..any
    };
    assert_eq!(select(id), ids[2..3]);
    let hf = format!("/q/hf{}", ids[3]);
    assert!(bench.disk.bytes(Path::new(&hf)).is_some());
}

#[test]
fn files_that_others_left_are_taken_over_or_put_aside() {
    let bench = Bench::new(1);
    let good = "V8\nT1800000000\nK0\nN0\nP30014\nFs\n$_root@localhost\nSbob@example.org\n\
                rRFC822; b@refused.test\nRPFD:b@refused.test\nH??Subject: a\n.\n";
    let put = |name: &str, text: &str| {
        bench
            .disk
            .put(Path::new(&format!("/q/{name}")), text.as_bytes())
    };
    put("qfAA00000AAA000001", good);
    put("dfAA00000AAA000001", "b\n");
    put("qfAA00000AAA000002", &good.replace("V8", "V9"));
    put("qfAA00000AAA000003", &good.replace(".\n", ""));
    put("qfAA00000AAA000004", &good.replace("Fs", "Xgarbage"));
    put("qfAA00000AAA000005", &(good.to_owned() + "Sroot\n"));
    put("qfAA00000AAA000006", good);
    put("core", "dumped");
    let queue = bench.open().unwrap();
    let mut claims = all(&queue, bench.clock.now());
    let ids: Vec<String> = claims.iter().map(|c| c.message.id.to_string()).collect();
    assert_eq!(ids, ["AA00000AAA000001", "AA00000AAA000006"]);
    assert_eq!(bytes_of(&claims.remove(0).message.body), b"b\n");
    assert!(claims[0].message.body.is_empty(), "its body is gone");
    let names = bench.disk.list(Path::new("/q")).unwrap();
    for name in [
        "QfAA00000AAA000002",
        "QfAA00000AAA000004",
        "QfAA00000AAA000005",
        "qfAA00000AAA000003",
    ] {
        assert!(names.iter().any(|n| n == name), "{name}: {names:?}");
    }
    let log = bench.log.all().join("\n");
    for line in [
        "AA00000AAA000002: Losing ./qfAA00000AAA000002: unsupported queue file version",
        "AA00000AAA000004: Losing ./qfAA00000AAA000004: unrecognized line",
        "AA00000AAA000005: Losing ./qfAA00000AAA000005: bogus queue line",
        "SYSERR(root): readqf: cannot open ./dfAA00000AAA000006: No such file or directory",
    ] {
        assert!(log.contains(line), "{line}\nnot in\n{log}");
    }
}

#[test]
fn a_body_that_is_not_accepted_leaves_nothing() {
    let bench = Bench::new(1);
    let queue = bench.open().unwrap();
    let ids: Vec<QueueId> = (0..3).map(|_| queue.new_id()).collect();
    let write = |id| {
        let mut writer = queue.body_writer(id).unwrap();
        writer.write(&[b'x'; 5000]).unwrap();
        writer
    };
    drop(write(ids[0]));
    let body = now(write(ids[1]).finish()).unwrap();
    assert!(matches!(body, Body::File(_, 5000)));
    queue.discard(ids[1]);
    assert_eq!(bench.disk.list(Path::new("/q")).unwrap(), [""; 0]);
}

#[test]
fn a_full_disk_is_full_and_frees_what_it_took() {
    let bench = Bench::new(3);
    let queue = bench.open().unwrap();
    drop(accept(&queue, &bench.clock));
    let used = 60_000;
    bench.disk.set_faults(Faults {
        capacity_bytes: used,
        ..Faults::default()
    });
    let id = queue.new_id();
    let mut writer = queue.body_writer(id).unwrap();
    let written = (0..100).try_for_each(|_| writer.write(&[b'x'; 5000]));
    assert_eq!(written, Err(SpoolError::Full));
    drop(writer);
    assert!(bench.disk.bytes_free(Path::new("/q")).unwrap() > 30_000);
    let free = Claim::new(
        message(id, bench.clock.now(), Body::Memory(Bytes::new())),
        Occasion::Accepted,
        |_, _| {},
    );
    drop(free);
    assert!(accept(&queue, &bench.clock).is_ok());
}

#[test]
fn slow_messages_leave_the_journal_and_their_segments() {
    let bench = Bench::new(7);
    let queue = bench.open().unwrap();
    let mut slow = accept(&queue, &bench.clock).unwrap();
    let id = slow.message.id;
    let patient = accept(&queue, &bench.clock).unwrap();
    let waiting = patient.message.id;
    patient.give_back(never());
    slow.message.envelope.recipients[0].state = RecipientState::Sent;
    queue.note(id, &slow.message.envelope.recipients[0]);
    let segments = || {
        let names = bench.disk.list(Path::new("/q/journal")).unwrap();
        names.iter().filter(|name| name.ends_with(".seg")).count()
    };
    for _ in 0..400 {
        let claim = accept(&queue, &bench.clock).unwrap();
        now(queue.settle(claim, Settlement::Done)).unwrap();
    }
    assert!(segments() <= 5, "{}", segments());
    for id in [id, waiting] {
        let control = bench.disk.bytes(Path::new(&format!("/q/qf{id}")));
        let control = String::from_utf8(control.expect("it has moved")).unwrap();
        assert_eq!(control.contains("a@x.example"), id == waiting, "{control}");
    }
    // What is noted after the move is remembered as well.
    slow.message.envelope.recipients[1].state = RecipientState::Sent;
    queue.note(id, &slow.message.envelope.recipients[1]);
    drop(slow);
    for _ in 0..400 {
        let claim = accept(&queue, &bench.clock).unwrap();
        now(queue.settle(claim, Settlement::Done)).unwrap();
    }
    assert!(segments() <= 5, "{}", segments());
    queue.close();
    drop(queue);
    let queue = bench.open().unwrap();
    let found = all(&queue, bench.clock.now());
    let left: Vec<(QueueId, Vec<String>)> =
        found.iter().map(|c| (c.message.id, pending(c))).collect();
    let address = |text: &str| text.to_owned();
    assert_eq!(
        left,
        [
            (id, vec![address("c@z.example")]),
            (
                waiting,
                ["a@x.example", "b@y.example", "c@z.example"]
                    .map(address)
                    .to_vec()
            )
        ]
    );
}

/// What must be true of the queue, whatever happened.
#[derive(Default)]
struct Model {
    /// Accepted and not settled as done; the recipients that are known to be
    /// done.
    owed: BTreeMap<QueueId, BTreeSet<String>>,
    /// Settled as done.
    done: BTreeSet<QueueId>,
    /// Not accepted as far as the sender knows.
    unanswered: BTreeSet<QueueId>,
}

impl Model {
    fn check(&self, claim: &Claim, seed: u64) {
        let id = claim.message.id;
        assert_eq!(
            bytes_of(&claim.message.body),
            body_bytes(id),
            "seed {seed}: {id}"
        );
        let subject = claim
            .message
            .header
            .get("subject")
            .unwrap()
            .text()
            .to_string();
        assert_eq!(subject, id.to_string(), "seed {seed}");
        assert!(claim.message.envelope.is_pending(), "seed {seed}: {id}");
        assert!(
            self.owed.contains_key(&id) || self.done.contains(&id) || self.unanswered.contains(&id),
            "seed {seed}: {id} was never there"
        );
    }
}

fn pending(claim: &Claim) -> Vec<String> {
    let recipients = claim.message.envelope.recipients.iter();
    recipients
        .filter(|r| r.is_pending())
        .map(|r| r.address.to_string())
        .collect()
}

/// One attempt at a message: some recipients get it, some do not.
fn attempt(queue: &Queue, mut claim: Claim, bench: &Bench, chance: &mut Chance, model: &mut Model) {
    let id = claim.message.id;
    if chance.one_in(6) {
        return; // The task that held it died.
    }
    let mut done = model.owed.get(&id).cloned().unwrap_or_default();
    for at in 0..claim.message.envelope.recipients.len() {
        let recipient = &mut claim.message.envelope.recipients[at];
        if recipient.is_pending() && chance.one_in(2) {
            recipient.state = RecipientState::Sent;
            done.insert(recipient.address.to_string());
            queue.note(id, &claim.message.envelope.recipients[at]);
        }
    }
    if chance.one_in(8) {
        // It died later.
        if claim.message.envelope.is_pending() {
            model.owed.insert(id, done);
        } else {
            model.owed.remove(&id);
            model.done.insert(id);
        }
        return;
    }
    if claim.message.envelope.is_pending() {
        claim.message.envelope.attempts += 1;
        let next = bench.clock.now() + Duration::from_secs(chance.below(300));
        // Kept or not, it is still owed; in memory what was done is known.
        let _ = keep(queue, claim, next);
        model.owed.insert(id, done);
    } else if now(queue.settle(claim, Settlement::Done)).is_ok() {
        model.owed.remove(&id);
        model.done.insert(id);
    }
}

fn live(queue: &Queue, bench: &Bench, chance: &mut Chance, model: &mut Model) {
    queue.begin_run_in(godwit::queue::SortOrder::Time, None);
    for _ in 0..40 {
        if bench.disk.crashed() {
            return;
        }
        bench.clock.advance(chance.below(60));
        match accept(queue, &bench.clock) {
            Ok(claim) => {
                model.owed.insert(claim.message.id, BTreeSet::new());
                attempt(queue, claim, bench, chance, model);
            }
            Err((id, _)) => drop(model.unanswered.insert(id)),
        }
        for claim in queue.claim_due(bench.clock.now(), &Selector::default(), 3) {
            model.check(&claim, bench.seed);
            let id = claim.message.id;
            if let Some(done) = model.owed.get(&id) {
                for address in pending(&claim) {
                    assert!(
                        !done.contains(&address),
                        "seed {}: {id} goes to {address} twice",
                        bench.seed
                    );
                }
            }
            attempt(queue, claim, bench, chance, model);
        }
    }
}

fn check_seed(seed: u64, faults: impl Fn(&mut Chance) -> Faults) {
    let mut chance = Chance::new(seed + 1000);
    let bench = Bench::new(seed);
    let mut model = Model::default();
    for _ in 0..3 {
        bench.disk.restart(faults(&mut chance));
        if let Ok(queue) = bench.open() {
            live(&queue, &bench, &mut chance, &mut model);
            if chance.one_in(3) {
                queue.close();
            }
        }
        // After a crash some may get it a second time, but all get it.
        model.owed.values_mut().for_each(BTreeSet::clear);
        bench.disk.restart(Faults::default());
        let queue = bench.open().unwrap();
        let claims = all(&queue, bench.clock.now());
        let found: BTreeSet<QueueId> = claims.iter().map(|c| c.message.id).collect();
        for id in model.owed.keys() {
            assert!(
                found.contains(id),
                "seed {seed}: {id} is lost\n{:?}",
                bench.log.all()
            );
        }
        for claim in &claims {
            model.check(claim, seed);
            model.owed.entry(claim.message.id).or_default();
        }
    }
}

#[test]
fn nothing_accepted_is_lost_when_the_machine_stops() {
    for seed in 0..SEEDS {
        check_seed(seed, |chance| Faults {
            crash_at: 5 + chance.below(500),
            ..Faults::default()
        });
    }
}

#[test]
fn nothing_accepted_is_lost_when_calls_fail() {
    for seed in 0..SEEDS {
        check_seed(seed, |chance| Faults {
            crash_at: 5 + chance.below(800),
            fail_one_in: 25,
            ..Faults::default()
        });
    }
}

#[test]
fn nothing_accepted_is_lost_when_the_disk_is_full() {
    for seed in 0..SEEDS {
        check_seed(seed, |chance| Faults {
            crash_at: 5 + chance.below(800),
            capacity_bytes: 21_000 + chance.below(60_000),
            ..Faults::default()
        });
    }
}

fn system_queue(directory: &Path) -> Queue {
    let world = QueueWorld {
        disk: Arc::new(SystemDisk),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemChance),
        log: Arc::new(Lines::default()),
    };
    let mut settings = QueueSettings::new(directory, "mail.example.org");
    settings.journal.as_mut().unwrap().segment_bytes = 1 << 20;
    Queue::open(settings, world).unwrap()
}

/// Many sessions at once, on the real disk, with the real threads.
#[test]
fn a_crowd_shares_syncs_and_everything_is_found_again() {
    let directory = tempfile::tempdir().unwrap();
    let queue = system_queue(directory.path());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|session| {
            let queue = queue.clone();
            runtime.spawn(async move {
                for n in 0..50 {
                    let id = queue.new_id();
                    let body = Body::Memory(vec![b'x'; 1000].into());
                    let claim = queue
                        .accept(message(id, SystemTime::now(), body))
                        .await
                        .unwrap();
                    match (session + n) % 5 {
                        0 => {
                            let envelope = Box::new(claim.message.envelope.clone());
                            let next_try = never();
                            let keep = Settlement::Keep { envelope, next_try };
                            queue.settle(claim, keep).await.unwrap();
                        }
                        1 => drop(claim),
                        _ => queue.settle(claim, Settlement::Done).await.unwrap(),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        runtime.block_on(task).unwrap();
    }
    assert_eq!(queue.len(), 400);
    queue.close();
    drop(queue);
    let queue = system_queue(directory.path());
    assert_eq!(queue.len(), 400);
    let other = system_queue(directory.path());
    assert!(!other.owns_journal(), "one process owns it");
    let claims = all(&queue, SystemTime::now());
    assert_eq!(claims.len(), 400);
    let seen = all(&other, SystemTime::now());
    assert_eq!(seen.len(), 0, "what is in the directory is locked");
    for claim in claims {
        now_or_wait(&runtime, queue.settle(claim, Settlement::Done));
    }
    // Without the journal, mail goes straight into the directory, and is
    // found there by whoever looks.
    let id = other.new_id();
    let body = Body::Memory(vec![b'y'; 10].into());
    let claim = now_or_wait(&runtime, other.accept(message(id, SystemTime::now(), body)));
    assert!(directory.path().join(format!("qf{id}")).exists());
    queue.rescan().unwrap();
    assert_eq!(queue.len(), 1);
    assert_eq!(all(&queue, SystemTime::now()).len(), 0, "it is locked");
    drop(claim);
    assert_eq!(all(&other, SystemTime::now()).len(), 1);
}

/// A session that goes away while its message is written: the message may be
/// ours or not, but if it is, it is due.
#[test]
fn a_message_whose_session_went_away_is_not_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let queue = system_queue(directory.path());
    let mut accepted = 0;
    for n in 0..20 {
        let id = queue.new_id();
        let message = message(
            id,
            SystemTime::now(),
            Body::Memory(Bytes::from_static(b"x")),
        );
        let mut future = queue.accept(message);
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(claim) = future.as_mut().poll(&mut context) {
            drop(claim);
        }
        if n % 2 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(future);
        accepted += 1;
    }
    queue.close();
    assert_eq!(queue.len(), accepted);
    assert_eq!(all(&queue, SystemTime::now()).len(), accepted);
}

fn now_or_wait<T>(
    runtime: &tokio::runtime::Runtime,
    future: impl Future<Output = Result<T, SpoolError>>,
) -> T {
    runtime.block_on(future).unwrap()
}
