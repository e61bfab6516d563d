//! The journal alone, on a disk that loses, tears, fills up and fails.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use godwit::base::QueueId;
use godwit::queue::journal::{Entry, Journal, JournalSettings, RecordKind, Recovery, Stored, look};

use crate::sim_disk::{Chance, Faults, SimDisk, SimEntropy};

const SEEDS: u64 = 200;

fn id(n: u64) -> QueueId {
    QueueId::parse(format!("7AAbCdEf{n:06}").as_bytes()).unwrap()
}

fn settings() -> JournalSettings {
    JournalSettings {
        directory: "/q/journal".into(),
        segment_bytes: 20_000,
        fill_bytes: 1024,
    }
}

fn open(disk: &SimDisk, seed: u64) -> std::io::Result<(Journal, Recovery)> {
    let entropy = Arc::new(SimEntropy::new(seed ^ disk.steps()));
    Ok(Journal::open(Arc::new(disk.clone()), entropy, settings())?.expect("nobody else owns it"))
}

/// A message whose bytes follow from its number.
fn content(n: u64) -> (Vec<u8>, Bytes) {
    let mut chance = Chance::new(n + 1);
    let mut bytes = |max| -> Vec<u8> {
        let len = chance.below(max);
        (0..len).map(|_| chance.next() as u8).collect()
    };
    (bytes(300), bytes(2000).into())
}

fn check_content(n: u64, stored: &Stored, seed: u64) {
    let (envelope, body) = stored.read().unwrap();
    assert_eq!(
        (envelope.to_vec(), body.unwrap()),
        content(n),
        "seed {seed}"
    );
}

#[test]
fn what_is_appended_is_found_again() {
    let disk = SimDisk::new(1, Faults::default());
    let (mut journal, recovery) = open(&disk, 1).unwrap();
    assert!(recovery.messages.is_empty());
    let mut entries: Vec<Entry> = (0..5)
        .map(|n| {
            let (envelope, body) = content(n);
            Entry::message(id(n), &envelope, Some(body))
        })
        .collect();
    entries.push(Entry::message(id(9), b"large", None));
    let stored = journal.append(&mut entries, true);
    for (n, stored) in stored[..5].iter().enumerate() {
        check_content(n as u64, stored.as_ref().unwrap(), 0);
    }
    journal.append(&mut [Entry::notes(RecordKind::Done, &[id(1), id(3)])], true);
    let seen = look(&disk, Path::new("/q/journal")).unwrap();
    assert_eq!(seen.len(), 4, "a reader sees what lives");
    assert!(
        Journal::open(
            Arc::new(disk.clone()),
            Arc::new(SimEntropy::new(1)),
            settings()
        )
        .unwrap()
        .is_none(),
        "it has one owner"
    );
    journal.close().unwrap();
    let (_journal, recovery) = open(&disk, 2).unwrap();
    let ids: Vec<QueueId> = recovery.messages.iter().map(|m| m.id).collect();
    assert_eq!(ids, [id(0), id(2), id(4), id(9)]);
    assert!(recovery.messages[3].body_in_file);
    assert_eq!(recovery.damage, Vec::<String>::new());
    check_content(2, &recovery.messages[1].stored, 0);
}

#[test]
fn segments_are_used_again() {
    let disk = SimDisk::new(1, Faults::default());
    let (mut journal, _) = open(&disk, 1).unwrap();
    for n in 0..200 {
        let (envelope, body) = content(n);
        let entry = Entry::message(id(n), &envelope, Some(body));
        journal.append(&mut [entry], true).remove(0).unwrap();
        let mut done = vec![id(n)];
        if n == 100 {
            continue;
        }
        if n == 150 {
            assert!(journal.segments() > 2, "a living message keeps its segment");
            done.push(id(100));
        }
        journal.append(&mut [Entry::notes(RecordKind::Done, &done)], false);
    }
    assert!(journal.segments() <= 2);
    let files = godwit::world::Disk::list(&disk, Path::new("/q/journal")).unwrap();
    assert!(files.len() <= 6, "{files:?}");
}

#[test]
fn a_damaged_record_in_the_middle_is_reported_and_passed_over() {
    let disk = SimDisk::new(1, Faults::default());
    let (mut journal, _) = open(&disk, 1).unwrap();
    for n in 0..30 {
        let (envelope, body) = content(n);
        let entry = Entry::message(id(n), &envelope, Some(body));
        journal.append(&mut [entry], true).remove(0).unwrap();
    }
    drop(journal);
    disk.damage(Path::new("/q/journal/00000001.seg"), 4096 + 60);
    let (_, recovery) = open(&disk, 1).unwrap();
    assert_eq!(recovery.messages.len(), 29);
    assert_eq!(recovery.damage.len(), 1, "{:?}", recovery.damage);
}

#[test]
fn no_message_can_forge_a_record() {
    let disk = SimDisk::new(1, Faults::default());
    let (mut journal, _) = open(&disk, 1).unwrap();
    // A body made of records, aligned, as one who knows the format writes it.
    let mut forged = Vec::new();
    for n in 10..20 {
        godwit::queue::journal::record::put(&mut forged, RecordKind::Done, id(n), b"");
    }
    let first = Entry::message(id(0), b"x", Some(forged.into()));
    journal.append(&mut [first], true).remove(0).unwrap();
    let second = Entry::message(id(12), b"x", Some(Bytes::new()));
    journal.append(&mut [second], true).remove(0).unwrap();
    drop(journal);
    disk.damage(Path::new("/q/journal/00000001.seg"), 4096 + 40);
    let (_, recovery) = open(&disk, 1).unwrap();
    let ids: Vec<QueueId> = recovery.messages.iter().map(|m| m.id).collect();
    assert_eq!(ids, [id(12)]);
}

/// What the model knows after a life of the journal.
#[derive(Default)]
struct Model {
    /// Answered 250 and not told to be done.
    owed: BTreeSet<u64>,
    /// Told to be done, durably or not.
    done: BTreeSet<u64>,
    /// Not answered 250, but perhaps on the disk.
    unanswered: BTreeSet<u64>,
    next: u64,
}

/// Appends, settles and forgets at random until the machine stops.
fn live(journal: &mut Journal, disk: &SimDisk, chance: &mut Chance, model: &mut Model) {
    let mut alive: BTreeMap<u64, Stored> = BTreeMap::new();
    for _ in 0..60 {
        if disk.crashed() {
            return;
        }
        let count = 1 + chance.below(6);
        let numbers: Vec<u64> = (model.next..model.next + count).collect();
        model.next += count;
        let mut entries: Vec<Entry> = numbers
            .iter()
            .map(|n| {
                let (envelope, body) = content(*n);
                Entry::message(id(*n), &envelope, Some(body))
            })
            .collect();
        let results = journal.append(&mut entries, true);
        for (n, result) in numbers.iter().zip(results) {
            match result {
                Ok(stored) => {
                    model.owed.insert(*n);
                    alive.insert(*n, stored);
                }
                Err(_) => {
                    model.unanswered.insert(*n);
                }
            }
        }
        while alive.len() > 8 || (!alive.is_empty() && chance.one_in(2)) {
            let at = chance.below(alive.len() as u64) as usize;
            let n = *alive.keys().nth(at).unwrap();
            alive.remove(&n);
            model.owed.remove(&n);
            model.done.insert(n);
            journal.append(&mut [Entry::notes(RecordKind::Done, &[id(n)])], false);
        }
    }
}

fn check_seed(seed: u64, faults: impl Fn(&mut Chance) -> Faults) {
    let mut chance = Chance::new(seed);
    let disk = SimDisk::new(seed, Faults::default());
    let mut model = Model::default();
    for life in 0..4 {
        disk.restart(faults(&mut chance));
        if let Ok((mut journal, _)) = open(&disk, seed + life) {
            live(&mut journal, &disk, &mut chance, &mut model);
        }
        disk.restart(Faults::default());
        let (_journal, recovery) = open(&disk, seed + life).unwrap();
        let found: BTreeMap<u64, &Stored> = recovery
            .messages
            .iter()
            .map(|m| (m.id.as_str()[8..].parse().unwrap(), &m.stored))
            .collect();
        for n in &model.owed {
            let stored = found.get(n);
            let stored = stored.unwrap_or_else(|| panic!("seed {seed}: message {n} is lost"));
            check_content(*n, stored, seed);
        }
        for n in found.keys() {
            assert!(
                model.owed.contains(n) || model.done.contains(n) || model.unanswered.contains(n),
                "seed {seed}: message {n} was never there"
            );
        }
        // What was found is ours from now on.
        model.owed.extend(found.keys());
    }
}

#[test]
fn nothing_answered_is_lost_when_the_machine_stops() {
    for seed in 0..SEEDS {
        check_seed(seed, |chance| Faults {
            crash_at: 5 + chance.below(250),
            ..Faults::default()
        });
    }
}

#[test]
fn nothing_answered_is_lost_when_calls_fail() {
    for seed in 0..SEEDS {
        check_seed(seed, |chance| Faults {
            crash_at: 5 + chance.below(400),
            fail_one_in: 20,
            ..Faults::default()
        });
    }
}

#[test]
fn nothing_answered_is_lost_when_the_disk_is_full() {
    for seed in 0..SEEDS {
        check_seed(seed, |chance| Faults {
            crash_at: 5 + chance.below(400),
            capacity_bytes: 20_000 + chance.below(100_000),
            ..Faults::default()
        });
    }
}
