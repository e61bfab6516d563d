//! Database files: what is written is read again, by us and by others.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use godwit::dbfile::bdb::{self, Bdb};
use godwit::dbfile::cdb::{self, Cdb};
use godwit::dbfile::lmdb::{self, Lmdb};
use godwit::dbfile::ndbm::Ndbm;
use godwit::dbfile::{DbError, Duplicates, Inserted, ReadAt, Records};
use proptest::prelude::*;

use crate::need;

/// Pages kept in memory: enough for every file here.
const KEPT: usize = 1 << 24;

/// The formats that are written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
    Hash,
    Btree,
    Cdb,
    Lmdb,
}

const FORMATS: [Format; 4] = [Format::Hash, Format::Btree, Format::Cdb, Format::Lmdb];

/// The formats that hold several values of a key.
const SEVERAL: [Format; 3] = [Format::Hash, Format::Btree, Format::Cdb];

/// Keys and values.
type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

impl Format {
    fn records(self, several: bool) -> Records {
        match self {
            Format::Hash => bdb::hash_records(several),
            Format::Btree => bdb::btree_records(several),
            Format::Cdb => cdb::records(several),
            Format::Lmdb => lmdb::records(),
        }
    }

    /// Those of `pairs` whose keys the format can hold.
    fn able(self, mut pairs: Pairs) -> Pairs {
        if self == Format::Lmdb {
            pairs.retain(|(key, _)| lmdb::takes_key(key));
        }
        pairs
    }

    fn write(self, records: &Records) -> Vec<u8> {
        let mut file = Vec::new();
        match self {
            Format::Hash => bdb::write_hash(records, [7; 20], &mut file),
            Format::Btree => bdb::write_btree(records, [7; 20], &mut file),
            Format::Cdb => cdb::write(records, &mut file),
            Format::Lmdb => lmdb::write(records, &mut file),
        }
        .expect("the entries fit");
        file
    }

    fn build(self, pairs: &Pairs, duplicates: Duplicates) -> Vec<u8> {
        let mut records = self.records(duplicates == Duplicates::Keep);
        for (key, value) in pairs {
            records.insert(key, value, duplicates).expect("it fits");
        }
        self.write(&records)
    }
}

/// Any kind of reader.
enum Reader<'f> {
    Bdb(Bdb<&'f [u8]>),
    Cdb(Cdb<&'f [u8]>),
    Lmdb(Lmdb<&'f [u8]>),
}

impl<'f> Reader<'f> {
    fn open(format: Format, file: &'f [u8]) -> Result<Self, DbError> {
        let length = file.len() as u64;
        Ok(match format {
            Format::Cdb => Reader::Cdb(Cdb::open(file, length, KEPT)?),
            Format::Lmdb => Reader::Lmdb(Lmdb::open(file, length, KEPT)?),
            _ => Reader::Bdb(Bdb::open(file, length, KEPT)?),
        })
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, DbError> {
        match self {
            Reader::Bdb(file) => file.get(key),
            Reader::Cdb(file) => file.get(key),
            Reader::Lmdb(file) => file.get(key),
        }
    }

    fn all(&self, key: &[u8]) -> Result<Vec<Vec<u8>>, DbError> {
        let mut all = Vec::new();
        let visit = &mut |value: &[u8]| {
            all.push(value.to_vec());
            ControlFlow::Continue(())
        };
        match self {
            Reader::Bdb(file) => file.find(key, visit)?,
            Reader::Cdb(file) => file.find(key, visit)?,
            Reader::Lmdb(_) => unreachable!("it has one value a key"),
        }
        Ok(all)
    }

    fn pairs(&self) -> Result<Pairs, DbError> {
        let mut all = Vec::new();
        let visit = &mut |key: &[u8], value: &[u8]| {
            all.push((key.to_vec(), value.to_vec()));
            ControlFlow::Continue(())
        };
        match self {
            Reader::Bdb(file) => file.each(visit)?,
            Reader::Cdb(file) => file.each(visit)?,
            Reader::Lmdb(file) => file.each(visit)?,
        }
        Ok(all)
    }
}

/// Pairs of every size that matters: short, around the limits of a page, long.
fn sizes() -> Pairs {
    let mut pairs: Pairs = Vec::new();
    let lengths = [
        0, 1, 30, 996, 1003, 1007, 1008, 1023, 1024, 1025, 4069, 4070, 4071, 9000, 70000,
    ];
    for (number, key_bytes) in lengths.into_iter().enumerate() {
        for (other, value_bytes) in lengths.into_iter().enumerate() {
            let mut key = format!("{number}.{other}.").into_bytes();
            key.resize(key.len() + key_bytes, b'k');
            pairs.push((key, vec![b'v'; value_bytes]));
        }
    }
    pairs
}

/// Keys that begin with other keys, as addresses and domains do.
fn nested() -> Pairs {
    let mut pairs: Pairs = Vec::new();
    for word in [".", "a", "alice", "k"] {
        for rest in ["", ".x", "@b", "0", "01", "9", "\u{7f}", "z.example.com"] {
            let key = format!("{word}{rest}");
            pairs.push((key.clone().into_bytes(), key.into_bytes()));
        }
    }
    pairs
}

/// Many short pairs.
fn many(count: usize) -> Pairs {
    (0..count)
        .map(|number| {
            let key = format!("user{number:07}@domain{}.example", number % 97);
            (key.into_bytes(), format!("mailbox{number}").into_bytes())
        })
        .collect()
}

/// Several values for some keys: few, many, long ones.
fn several() -> Pairs {
    let mut pairs = many(50);
    for number in 0..6u32 {
        pairs.push((b"few".to_vec(), format!("value {number}").into_bytes()));
    }
    for number in 0..3000u32 {
        pairs.push((b"many".to_vec(), format!("value {number:06}").into_bytes()));
    }
    for number in 0..7u8 {
        pairs.push((b"long".to_vec(), vec![number; 3000]));
    }
    pairs
}

/// So many values of one key that their tree has three levels.
fn deep() -> Pairs {
    (0..170_000u32)
        .map(|number| (b"deep".to_vec(), number.to_le_bytes().to_vec()))
        .collect()
}

fn sorted(mut pairs: Pairs) -> Pairs {
    pairs.sort();
    pairs
}

#[test]
fn what_is_written_is_read() {
    for format in FORMATS {
        for pairs in [Vec::new(), many(1), many(20_000), sizes(), nested()] {
            let pairs = format.able(pairs);
            let file = format.build(&pairs, Duplicates::Refuse);
            let reader = Reader::open(format, &file).expect("we wrote it");
            assert_eq!(
                sorted(reader.pairs().expect("sound")),
                sorted(pairs.clone())
            );
            for (key, value) in &pairs {
                assert_eq!(reader.get(key).expect("sound").as_ref(), Some(value));
            }
            assert_eq!(reader.get(b"nobody").expect("sound"), None);
            assert_eq!(reader.get(b"").expect("sound"), None);
        }
    }
}

#[test]
fn several_values_of_a_key_stay_in_order() {
    let pairs = several();
    for format in SEVERAL {
        let file = format.build(&pairs, Duplicates::Keep);
        let reader = Reader::open(format, &file).expect("we wrote it");
        for key in [&b"few"[..], b"many", b"long"] {
            let expected: Vec<Vec<u8>> = pairs
                .iter()
                .filter(|pair| pair.0 == key)
                .map(|pair| pair.1.clone())
                .collect();
            assert_eq!(reader.all(key).expect("sound"), expected);
        }
        assert_eq!(
            sorted(reader.pairs().expect("sound")),
            sorted(pairs.clone())
        );
    }
}

#[test]
fn a_second_entry_is_refused_replaces_or_stays() {
    for (duplicates, expected) in [
        (Duplicates::Refuse, (Inserted::Refused, "one", 2)),
        (Duplicates::Replace, (Inserted::Replaced, "two", 2)),
        (Duplicates::Keep, (Inserted::New, "one", 3)),
    ] {
        for format in FORMATS {
            if duplicates == Duplicates::Keep && !SEVERAL.contains(&format) {
                continue;
            }
            let mut records = format.records(duplicates == Duplicates::Keep);
            records.insert(b"key", b"one", duplicates).expect("it fits");
            records.insert(b"other", b"x", duplicates).expect("it fits");
            let second = records.insert(b"key", b"two", duplicates).expect("it fits");
            assert_eq!((second, records.len()), (expected.0, expected.2));
            let file = format.write(&records);
            let reader = Reader::open(format, &file).expect("we wrote it");
            assert_eq!(reader.get(b"key").expect("sound"), Some(expected.1.into()));
        }
    }
}

#[test]
fn an_entry_taken_out_is_gone_and_may_come_back() {
    let mut records = bdb::hash_records(false);
    let add = Duplicates::Refuse;
    for (key, value) in many(5000) {
        records.insert(&key, &value, add).expect("it fits");
    }
    for (key, _) in many(5000).iter().step_by(2) {
        assert!(records.remove(key));
        assert!(!records.remove(key));
        assert_eq!(records.get(key), None);
    }
    let (key, _) = many(1).remove(0);
    assert_eq!(
        records.insert(&key, b"new", add).expect("it fits"),
        Inserted::New
    );
    assert_eq!(records.get(&key), Some(&b"new"[..]));
    assert_eq!(records.len(), 2501);
}

/// Runs a program and gives what it wrote; it must succeed.
fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().expect("it starts");
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// The data part of what `db_dump` writes: lines of hexadecimal digits.
fn dumped(dump: &[u8]) -> Pairs {
    let text = String::from_utf8_lossy(dump);
    let lines: Vec<Vec<u8>> = text
        .lines()
        .skip_while(|line| *line != "HEADER=END")
        .skip(1)
        .take_while(|line| *line != "DATA=END")
        .map(|line| {
            let digits = line.trim().as_bytes();
            digits
                .chunks(2)
                .map(|pair| {
                    let pair = std::str::from_utf8(pair).expect("digits");
                    u8::from_str_radix(pair, 16).expect("digits")
                })
                .collect()
        })
        .collect();
    lines
        .chunks(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect()
}

#[test]
fn the_berkeley_library_accepts_our_files() {
    let what = "Berkeley DB reads our files";
    let (Some(verify), Some(dump)) = (
        need::tool("db5.3_verify", what),
        need::tool("db5.3_dump", what),
    ) else {
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("map.db");
    for format in [Format::Hash, Format::Btree] {
        let plain = [
            Vec::new(),
            many(1),
            many(300),
            many(50_000),
            sizes(),
            nested(),
        ];
        let cases = plain
            .into_iter()
            .map(|pairs| (pairs, Duplicates::Refuse))
            .chain([(several(), Duplicates::Keep), (deep(), Duplicates::Keep)]);
        for (pairs, duplicates) in cases {
            std::fs::write(&path, format.build(&pairs, duplicates)).expect("written");
            // It says nothing of keys out of order either.
            let said = run(Command::new(&verify).arg(&path));
            assert!(!said.starts_with(b"key1"), "{format:?}");
            let theirs = dumped(&run(Command::new(&dump).arg(&path)));
            assert_eq!(sorted(theirs), sorted(pairs), "{format:?}");
        }
    }
}

/// Hands pairs to `db_load`.
fn load(tool: &Path, path: &Path, options: &[&str], pairs: &Pairs) {
    use std::io::Write;
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let mut child = Command::new(tool)
        .args(options)
        .arg(path)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut text = String::new();
    for (key, value) in pairs {
        text.push_str(&format!(" {}\n {}\n", hex(key), hex(value)));
    }
    let kind = if options.contains(&"btree") {
        "btree"
    } else {
        "hash"
    };
    let header = options
        .iter()
        .filter(|option| option.contains('='))
        .map(|option| format!("{option}\n"))
        .collect::<String>();
    let text =
        format!("VERSION=3\nformat=bytevalue\ntype={kind}\n{header}HEADER=END\n{text}DATA=END\n");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(text.as_bytes()).expect("taken");
    drop(stdin);
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn we_read_the_berkeley_librarys_files() {
    let what = "we read files of Berkeley DB";
    let Some(tool) = need::tool("db5.3_load", what) else {
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let settings: &[&[&str]] = &[
        &[],
        &["-c", "db_pagesize=512"],
        &["-c", "db_pagesize=65536"],
        &["-c", "db_lorder=4321"],
        &["-c", "chksum=1"],
    ];
    for kind in ["hash", "btree"] {
        for (number, options) in settings.iter().enumerate() {
            for (name, pairs, duplicates) in [
                ("many", many(3000), &[][..]),
                ("sizes", sizes(), &[]),
                ("nested", nested(), &[]),
                ("unsorted", several(), &["-c", "duplicates=1"]),
                ("sorted", several(), &["-c", "dupsort=1"]),
                ("none", Vec::new(), &[]),
            ] {
                let path = dir.path().join(format!("{kind}-{number}-{name}.db"));
                let mut all = vec!["-t", kind];
                all.extend_from_slice(options);
                all.extend_from_slice(duplicates);
                load(&tool, &path, &all, &pairs);
                let file = std::fs::read(&path).expect("there");
                let length = file.len() as u64;
                let reader = Bdb::open(file.as_slice(), length, KEPT).expect("sound");
                let reader = Reader::Bdb(reader);
                assert_eq!(
                    sorted(reader.pairs().expect("sound")),
                    sorted(pairs.clone()),
                    "{all:?} {name}"
                );
                let mut by_key: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
                for (key, value) in pairs {
                    by_key.entry(key).or_default().push(value);
                }
                for (key, mut values) in by_key {
                    let mut found = reader.all(&key).expect("sound");
                    found.sort();
                    values.sort();
                    assert_eq!(found, values, "{all:?} {name}");
                }
            }
        }
    }
}

#[test]
fn tinycdb_and_we_read_each_other() {
    let Some(tool) = need::tool("cdb", "tinycdb and we read each other") else {
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    for (name, pairs) in [
        ("many", many(5000)),
        ("sizes", sizes()),
        ("none", Vec::new()),
    ] {
        let ours = dir.path().join(format!("{name}.cdb"));
        let theirs = dir.path().join(format!("{name}.their.cdb"));
        std::fs::write(&ours, Format::Cdb.build(&pairs, Duplicates::Keep)).expect("written");
        let dump = run(Command::new(&tool).arg("-d").arg(&ours));
        let source = dir.path().join("source");
        std::fs::write(&source, &dump).expect("written");
        run(Command::new(&tool)
            .args(["-c", "-t"])
            .arg(dir.path().join("t"))
            .arg(&theirs)
            .arg(&source));
        let file = std::fs::read(&theirs).expect("there");
        let reader = Reader::open(Format::Cdb, &file).expect("sound");
        assert_eq!(reader.pairs().expect("sound"), pairs);
        for (key, value) in &pairs {
            assert_eq!(reader.get(key).expect("sound").as_ref(), Some(value));
        }
        // The format leaves nothing open: the same records give the same bytes.
        assert_eq!(std::fs::read(&ours).expect("there"), file, "{name}");
    }
}

/// Bytes that can be read at most so often.
struct Fuel<'f> {
    file: &'f [u8],
    reads: std::sync::atomic::AtomicUsize,
}

impl ReadAt for Fuel<'_> {
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        let before = self
            .reads
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        assert!(before < 100_000, "a damaged file is read for ever");
        self.file.read_exact_at(offset, buffer)
    }
}

/// Opens a damaged file and asks it everything; only panics and endless walks
/// are faults.
fn ask_everything(format: Format, file: &[u8], keys: &Pairs) {
    let length = file.len() as u64;
    let fuel = Fuel {
        file,
        reads: Default::default(),
    };
    let (mut calls, mut bytes) = (0usize, 0usize);
    let each = &mut |key: &[u8], value: &[u8]| {
        calls += 1;
        bytes += key.len() + value.len();
        ControlFlow::Continue(())
    };
    // Nothing is kept, so that each visit of a page is counted.
    match format {
        Format::Cdb => {
            if let Ok(reader) = Cdb::open(fuel, length, 0) {
                let _ = reader.each(each);
                for (key, _) in keys {
                    let _ = reader.get(key);
                }
            }
        }
        Format::Lmdb => {
            if let Ok(reader) = Lmdb::open(fuel, length, 0) {
                let _ = reader.each(each);
                for (key, _) in keys {
                    let _ = reader.get(key);
                }
            }
        }
        _ => {
            if let Ok(reader) = Bdb::open(fuel, length, 0) {
                let _ = reader.each(each);
                for (key, _) in keys {
                    let _ = reader.get(key);
                }
            }
        }
    }
}

/// An ndbm file of one block for each few pairs.
fn ndbm(pairs: &Pairs, big_endian: bool) -> Vec<u8> {
    let mut file = Vec::new();
    for some in pairs.chunks(7) {
        let mut block = [0; 1024];
        let mut put = |index: usize, number: usize| {
            let number = u16::try_from(number).expect("below 1024");
            let bytes = if big_endian {
                number.to_be_bytes()
            } else {
                number.to_le_bytes()
            };
            block[2 * index..2 * index + 2].copy_from_slice(&bytes);
        };
        put(0, 2 * some.len());
        let (mut at, mut text) = (1024, Vec::new());
        for (index, (key, value)) in some.iter().enumerate() {
            put(2 * index + 1, at - key.len());
            at -= key.len() + value.len();
            put(2 * index + 2, at);
            text = [value, key, &text[..]].concat();
        }
        block[at..].copy_from_slice(&text);
        file.extend_from_slice(&block);
        // Blocks that no key is in are holes.
        file.resize(file.len() + 1024, 0);
    }
    file
}

#[test]
fn ndbm_files_are_read_in_either_order_of_bytes() {
    let pairs = many(300);
    for big_endian in [false, true] {
        let file = ndbm(&pairs, big_endian);
        let reader = Ndbm::open(&file, file.len() as u64).expect("it is sound");
        for (key, value) in &pairs {
            assert_eq!(reader.get(key), Some(&value[..]));
        }
        assert_eq!(reader.get(b"nobody"), None);
    }
    let gdbm = [0xcf, 0x9a, 0x57, 0x13].repeat(512);
    let refused = Ndbm::open(&gdbm, 2048);
    assert!(matches!(refused, Err(DbError::Unsupported(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_pairs_come_back(
        pairs in proptest::collection::btree_map(
            proptest::collection::vec(any::<u8>(), 0..60),
            proptest::collection::vec(any::<u8>(), 0..5000),
            0..60,
        )
    ) {
        let all: Pairs = pairs.into_iter().collect();
        for format in FORMATS {
            let pairs = format.able(all.clone());
            let file = format.build(&pairs, Duplicates::Refuse);
            let reader = Reader::open(format, &file).expect("we wrote it");
            prop_assert_eq!(sorted(reader.pairs().expect("sound")), pairs.clone());
            for (key, value) in &pairs {
                prop_assert_eq!(reader.get(key).expect("sound"), Some(value.clone()));
            }
        }
    }

    #[test]
    fn a_damaged_file_never_panics_or_loops(
        which in 0usize..4,
        several_values in any::<bool>(),
        hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
        front in proptest::collection::vec((0usize..600, any::<u8>()), 0..4),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let format = FORMATS[which];
        let mut pairs = many(120);
        pairs.push((vec![b'k'; 3000], vec![b'v'; 9000]));
        pairs.push((vec![b'k'; 500], vec![b'v'; 9000]));
        let pairs = &mut format.able(pairs);
        if several_values && SEVERAL.contains(&format) {
            for number in 0..600u32 {
                pairs.push((b"many".to_vec(), format!("v{number}").into_bytes()));
            }
        }
        let mut file = format.build(pairs, Duplicates::Keep);
        for (place, byte) in &hits {
            let place = place.index(file.len());
            file[place] = *byte;
        }
        for (place, byte) in &front {
            // Past the magic and the page size, which would only be refused.
            if *place >= 24 {
                file[*place] = *byte;
            }
        }
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len()));
        }
        ask_everything(format, &file, pairs);
    }

    #[test]
    fn a_damaged_ndbm_file_is_refused_or_read(
        big_endian in any::<bool>(),
        hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let pairs = many(100);
        let mut file = ndbm(&pairs, big_endian);
        for (place, byte) in &hits {
            let place = place.index(file.len());
            file[place] = *byte;
        }
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len()));
        }
        if let Ok(reader) = Ndbm::open(&file, file.len() as u64) {
            for (key, _) in &pairs {
                reader.get(key);
            }
        }
    }

    #[test]
    fn any_bytes_are_refused_or_read(file in proptest::collection::vec(any::<u8>(), 0..5000)) {
        let _ = Ndbm::open(&file, file.len() as u64);
        for format in FORMATS {
            ask_everything(format, &file, &many(3));
        }
    }
}
