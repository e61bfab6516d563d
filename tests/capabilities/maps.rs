//! Map classes and their flags, against what the reference's `/map` shows;
//! and maps that change while they are asked.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bstr::{BString, ByteSlice};
use expect_test::expect_file;
use godwit::base::Origin;
use godwit::dbfile::Duplicates;
use godwit::map::{
    Answer, Builder, Definition, Kind, MapSettings, MapWorld, Maps, NoMacros, OpenState, Outcome,
    Scope,
};
use godwit::world::{
    BoxFuture, Clock, Ended, Files, Mx, Nothing, Program, Programs, RecordKind, ResolveError,
    Resolver, User, Users, UsersError,
};

/// Real time, and a lead that a test may give it.
#[derive(Default)]
struct TestClock(AtomicU64);

impl TestClock {
    /// Lets half a minute pass: every map looks at its file again.
    fn pass(&self) {
        self.0.fetch_add(30, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn instant(&self) -> Instant {
        Instant::now() + Duration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// Files as they are.
struct Plain;

impl Files for Plain {
    fn open(&self, path: &Path) -> io::Result<std::fs::File> {
        std::fs::File::open(path)
    }
}

/// The name system of the recordings, as far as it is asked.
struct Zone;

/// Name, type and value; a type `FAIL` never answers.
const ZONE: &[(&str, &str, &str)] = &[
    ("mail.example.org", "A", "127.0.0.1"),
    ("example.org", "TXT", "v=spf1 mx -all"),
    ("example.org", "A", "192.0.2.1"),
    ("example.com", "MX", "10 mx1.example.com"),
    ("example.com", "MX", "20 mx2.example.com"),
    ("example.com", "A", "198.51.100.1"),
    ("mx1.example.com", "A", "198.51.100.11"),
    ("www.example.com", "CNAME", "example.com"),
    ("nullmx.example.com", "MX", "0 "),
    ("txtonly.example.com", "TXT", "no address here"),
    ("1.0.0.127.in-addr.arpa", "PTR", "mail.example.org"),
    ("temp.example.com", "FAIL", ""),
];

impl Zone {
    fn ask(name: &str, kind: &str) -> Result<Vec<String>, ResolveError> {
        let name = name.to_ascii_lowercase();
        let rows: Vec<_> = ZONE.iter().filter(|row| row.0 == name).collect();
        if rows.is_empty() {
            return Err(ResolveError::NoSuchName);
        }
        if rows.iter().any(|row| row.1 == "FAIL") {
            return Err(ResolveError::Temporary);
        }
        let found: Vec<String> = rows
            .iter()
            .filter(|row| row.1 == kind)
            .map(|row| row.2.to_owned())
            .collect();
        if found.is_empty() {
            return Err(ResolveError::NoData);
        }
        Ok(found)
    }

    fn canonical_name(name: &str) -> Result<String, ResolveError> {
        match Self::ask(name, "CNAME") {
            Ok(found) => return Ok(found[0].clone()),
            Err(ResolveError::NoData) => {}
            Err(error) => return Err(error),
        }
        Self::ask(name, "A")
            .or_else(|_| Self::ask(name, "MX"))
            .map(|_| name.to_ascii_lowercase())
    }
}

fn ready<'a, T: Send + 'a>(answer: T) -> BoxFuture<'a, T> {
    Box::pin(std::future::ready(answer))
}

impl Resolver for Zone {
    fn mx<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<Mx>, ResolveError>> {
        ready(Self::ask(name, "MX").map(|found| {
            let split = |text: &String| {
                let (preference, exchange) = text.split_once(' ').expect("two words");
                Mx {
                    preference: preference.parse().expect("a number"),
                    exchange: exchange.to_owned(),
                }
            };
            found.iter().map(split).collect()
        }))
    }

    fn addresses<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>> {
        let found = Self::ask(name, "A");
        ready(found.map(|found| {
            found
                .iter()
                .map(|text| text.parse().expect("one"))
                .collect()
        }))
    }

    fn name_of(&self, address: IpAddr) -> BoxFuture<'_, Result<String, ResolveError>> {
        ready(match address.to_string().as_str() {
            "127.0.0.1" => Ok("mail.example.org".to_owned()),
            _ => Err(ResolveError::NoSuchName),
        })
    }

    fn canonical<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<String, ResolveError>> {
        ready(Self::canonical_name(&name.to_ascii_lowercase()))
    }

    fn records<'a>(
        &'a self,
        name: &'a str,
        kind: RecordKind,
    ) -> BoxFuture<'a, Result<Vec<BString>, ResolveError>> {
        let kind = format!("{kind:?}").to_ascii_uppercase();
        let texts = Self::ask(name, &kind).map(|found| {
            let last = |text: String| match kind.as_str() {
                "MX" => text.rsplit(' ').next().unwrap_or_default().into(),
                _ => text.into(),
            };
            found.into_iter().map(last).collect()
        });
        ready(texts)
    }
}

/// Two users.
struct TwoUsers;

impl Users for TwoUsers {
    fn user(&self, name: &[u8]) -> Result<Option<Arc<User>>, UsersError> {
        let user = |name: &str, uid, full_name: &str, home: &str| {
            Some(Arc::new(User {
                name: name.into(),
                uid,
                gid: uid,
                full_name: full_name.into(),
                home: home.into(),
                shell: "/bin/sh".into(),
            }))
        };
        Ok(match name {
            b"alice" => user("alice", 1001, "Alice Example", "/home/alice"),
            b"Upper" => user("Upper", 1005, "Upper Case", "/home/Upper"),
            _ => None,
        })
    }

    fn user_by_id(&self, _uid: u32) -> Result<Option<Arc<User>>, UsersError> {
        Ok(None)
    }

    fn group(&self, _name: &[u8]) -> Result<Option<u32>, UsersError> {
        Ok(None)
    }
}

/// Programs, run on the spot.
struct Shell;

impl Programs for Shell {
    fn output(&self, program: Program) -> BoxFuture<'_, io::Result<Ended>> {
        let words: Vec<_> = program
            .arguments
            .iter()
            .map(|word| word.to_os_str_lossy().into_owned())
            .collect();
        let output = std::process::Command::new(&words[0])
            .args(&words[1..])
            .output();
        ready(output.map(|output| Ended {
            output: output.stdout.into(),
            status: output.status.code(),
        }))
    }
}

fn world(clock: Arc<TestClock>) -> MapWorld {
    MapWorld {
        clock,
        files: Arc::new(Plain),
        resolver: Arc::new(Zone),
        users: Arc::new(TwoUsers),
        programs: Arc::new(Shell),
        dial: Arc::new(Nothing),
        log: Arc::new(Nothing),
        entropy: Arc::new(Nothing),
    }
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/maps")
}

/// Reads `K` lines.
fn definitions(lines: &str) -> Vec<Definition> {
    let read = |(number, line): (usize, &str)| {
        let line = line.strip_prefix('K')?;
        let (name, rest) = line.split_once(' ')?;
        let (class, arguments) = rest.split_once(' ').unwrap_or((rest, ""));
        Some(Definition {
            name: name.into(),
            class: class.into(),
            arguments: arguments.into(),
            origin: Origin::new("t.cf", u32::try_from(number).ok()? + 1),
        })
    };
    lines.lines().enumerate().filter_map(read).collect()
}

fn scope(macros: &mut NoMacros) -> Scope<'_> {
    Scope {
        macros,
        deferring: false,
        queue_id: "",
    }
}

/// Makes a database of tab-separated lines.
fn make(kind: Kind, path: &Path, source: &str, nul: bool, several: bool) {
    let mut builder = Builder::empty(kind, path, several, None).expect("begun");
    let end = if nul { "\0" } else { "" };
    for line in source.lines() {
        let (key, value) = line.split_once('\t').expect("two columns");
        let (key, value) = (
            format!("{}{end}", key.to_lowercase()),
            format!("{value}{end}"),
        );
        let duplicates = if several {
            Duplicates::Keep
        } else {
            Duplicates::Refuse
        };
        builder
            .insert(key.as_bytes(), value.as_bytes(), duplicates)
            .expect("it fits");
    }
    builder.finish().expect("written");
}

/// What `/map NAME KEY` shows.
fn show(maps: &Maps, runtime: &tokio::runtime::Runtime, name: &str, key: &str) -> BString {
    let Some(id) = maps.id(name.as_bytes()) else {
        return format!("Map named \"{name}\" not found\n").into();
    };
    let mut out = BString::default();
    match maps.open_state(id) {
        OpenState::Open => {}
        OpenState::NotOpen => return format!("Map named \"{name}\" not open\n").into(),
        OpenState::Faulty(message) if message.is_empty() => {}
        OpenState::Faulty(message) => out = format!("{message}\n").into(),
    }
    let outcome = maps.probe(id, key.as_bytes(), &[], &mut scope(&mut NoMacros));
    let outcome = runtime.block_on(outcome.wait());
    out.extend_from_slice(format!("map_lookup: {name} ({key}) ").as_bytes());
    match &outcome {
        Outcome::Found(value) => {
            out.extend_from_slice(b"returns ");
            out.extend_from_slice(value);
        }
        _ => out.extend_from_slice(b"no match"),
    }
    out.extend_from_slice(format!(" ({})\n", outcome.code()).as_bytes());
    out
}

#[test]
fn every_class_answers_as_the_reference_does() {
    let dir = tempfile::tempdir().expect("a directory");
    let case = dir.path().to_str().expect("plain").to_owned();
    for entry in std::fs::read_dir(data().join("files")).expect("there") {
        let entry = entry.expect("there");
        std::fs::copy(entry.path(), dir.path().join(entry.file_name())).expect("copied");
    }
    let text = |name: &str| std::fs::read_to_string(data().join(name)).expect("there");
    make(
        Kind::Hash,
        &dir.path().join("h.db"),
        &text("files/h.txt"),
        false,
        false,
    );
    make(
        Kind::Hash,
        &dir.path().join("hN.db"),
        &text("files/hN.txt"),
        true,
        false,
    );
    make(
        Kind::Hash,
        &dir.path().join("hd.db"),
        &text("files/hd.txt"),
        false,
        true,
    );
    make(
        Kind::Btree,
        &dir.path().join("b.db"),
        &text("files/h.txt"),
        false,
        false,
    );
    std::fs::write(dir.path().join("garb.db"), "garbage\n").expect("written");
    std::fs::create_dir(dir.path().join("d.db")).expect("made");

    let lines = text("classes.cf").replace("/case", &case);
    let settings = MapSettings {
        service_switch: Some(dir.path().join("sw")),
        ..MapSettings::default()
    };
    let clock = Arc::new(TestClock::default());
    let (maps, faults) = Maps::with_settings(&definitions(&lines), &settings, world(clock));
    let runtime = waiting();
    let mut shown = Vec::new();
    for fault in &faults {
        shown.extend_from_slice(format!("{fault}\n").as_bytes());
    }
    for line in text("classes.q").lines() {
        let (name, key) = line.split_once(' ').expect("a map and a key");
        shown.extend_from_slice(&show(&maps, &runtime, name, key));
    }
    // The byte 0x9b is no UTF-8, and golden files are text.
    let shown = shown.replace(&case, "/case").replace(b"\x9b", "\\x9b");
    expect_file![data().join("classes.txt")].assert_eq(&shown.to_str_lossy());
}

/// Maps of some `K` lines, with nothing strict.
fn open(lines: &str, clock: &Arc<TestClock>) -> Maps {
    Maps::from_definitions(&definitions(lines), world(Arc::clone(clock))).0
}

/// What answers are waited for with.
fn waiting() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Looks a key up that is answered at once.
fn ask(maps: &Maps, name: &str, key: &str, arguments: &[&[u8]]) -> Answer {
    let id = maps.id(name.as_bytes()).expect("defined");
    let lookup = maps.lookup(id, key.as_bytes(), arguments, &mut scope(&mut NoMacros));
    match lookup {
        godwit::map::Lookup::Ready(answer) => answer,
        godwit::map::Lookup::Pending(_) => panic!("{name} takes its time"),
    }
}

fn found(text: &str) -> Answer {
    Answer::Found(text.into())
}

#[test]
fn values_take_arguments_and_temporary_failures_their_suffix() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("m.db");
    make(
        Kind::Hash,
        &path,
        "key\t%0 <%1|%2> 100%% %x %9.\n",
        false,
        false,
    );
    let path = path.display();
    let clock = Arc::new(TestClock::default());
    let maps = open(
        &format!(
            "Km hash -aX {path}\nKmm hash -m {path}\nKt hash -T.TMP /nonexistent/x\n\
             Kn hash -t /nonexistent/x\nKd hash -D {path}\nKdt hash -D -T.TMP {path}\n\
             Ks sequence t m\nKo hash -o /nonexistent/x"
        ),
        &clock,
    );
    let two: &[&[u8]] = &[b"one", b"two"];
    assert_eq!(
        ask(&maps, "m", "Key", two),
        found("Key <one|two> 100% %x .X")
    );
    assert_eq!(ask(&maps, "m", "KEY", &[]), found("KEY <|> 100% %x .X"));
    assert_eq!(ask(&maps, "mm", "KEY", two), found("KEY"));
    assert_eq!(ask(&maps, "t", "a", &[]), found("a.TMP"));
    assert_eq!(ask(&maps, "n", "a", &[]), Answer::NotFound);
    assert_eq!(ask(&maps, "o", "a", &[]), Answer::NotFound);
    assert_eq!(
        ask(&maps, "s", "key", two),
        found("key <one|two> 100% %x .X")
    );
    assert_eq!(ask(&maps, "s", "nokey", &[]), Answer::TempFail);
    let deferring = |name: &str| {
        let id = maps.id(name.as_bytes()).expect("defined");
        let mut nothing = NoMacros;
        let mut scope = Scope {
            deferring: true,
            ..scope(&mut nothing)
        };
        match maps.lookup(id, b"key", &[], &mut scope) {
            godwit::map::Lookup::Ready(answer) => answer,
            godwit::map::Lookup::Pending(_) => panic!("a local file"),
        }
    };
    assert_eq!(deferring("d"), Answer::TempFail);
    assert_eq!(deferring("dt"), found("key.TMP"));
    assert_eq!(deferring("m"), found("key <|> 100% %x .X"));
}

#[test]
fn aliases_are_asked_in_order_and_taken_as_they_stand() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = |name: &str| dir.path().join(name).display().to_string();
    make(
        Kind::Hash,
        &dir.path().join("one.db"),
        "alice\tbob, 50%1%%\n",
        true,
        false,
    );
    make(
        Kind::Cdb,
        &dir.path().join("two.cdb"),
        "alice\tno\ncarol\tdave\n",
        false,
        false,
    );
    std::fs::write(dir.path().join("three"), "# text\nErin: frank,\n grace\n").expect("written");
    let text = format!(
        "O AliasWait=0\nO AliasFile={}, cdb:{}\nO AliasFile=hash:-o {}\nO AliasFile={}\n",
        path("one"),
        path("two"),
        path("none"),
        path("three")
    );
    let origin = Origin::file_only("t.cf");
    let (config, _) = godwit::cf::read(text.as_bytes(), godwit::cf::Origins::File(&origin));
    let (maps, faults) = Maps::open(&config, world(Arc::default()));
    assert!(faults.is_empty(), "{faults:?}");
    let ask = |name: &str| match maps.alias(name.as_bytes()) {
        godwit::map::Lookup::Ready(answer) => answer,
        godwit::map::Lookup::Pending(_) => panic!("local files"),
    };
    assert_eq!(ask("Alice"), found("bob, 50%1%%"));
    assert_eq!(ask("carol"), found("dave"));
    assert_eq!(ask("erin"), found("frank, grace"));
    assert_eq!(ask("nobody"), Answer::NotFound);
    std::fs::write(dir.path().join("two.cdb"), "garbage").expect("written");
    let (maps, _) = Maps::open(&config, world(Arc::default()));
    let ask = |name: &str| match maps.alias(name.as_bytes()) {
        godwit::map::Lookup::Ready(answer) => answer,
        godwit::map::Lookup::Pending(_) => panic!("local files"),
    };
    assert_eq!(ask("alice"), found("bob, 50%1%%"));
    assert_eq!(ask("erin"), Answer::TempFail);
}

#[test]
fn an_alias_database_is_waited_for_until_it_is_finished() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("al.db");
    let runtime = waiting();
    for class in ["hash:", ""] {
        make(Kind::Hash, &path, "alice\told\n", true, false);
        let file = dir.path().join("al");
        let text = format!("O AliasWait=2h\nO AliasFile={class}{}\n", file.display());
        let origin = Origin::file_only("t.cf");
        let (config, _) = godwit::cf::read(text.as_bytes(), godwit::cf::Origins::File(&origin));
        let clock = Arc::new(TestClock::default());
        let (maps, _) = Maps::open(&config, world(Arc::clone(&clock) as Arc<TestClock>));
        let godwit::map::Lookup::Pending(later) = maps.alias(b"alice") else {
            panic!("a database without its last entry is no answer");
        };
        make(Kind::Hash, &path, "alice\tnew\n@\t@\n", true, false);
        assert_eq!(runtime.block_on(later), found("new"));
        // When the time is over, what is there counts.
        make(Kind::Hash, &path, "alice\tolder\n", true, false);
        clock.pass();
        let godwit::map::Lookup::Pending(later) = maps.alias(b"alice") else {
            panic!("it is unfinished again");
        };
        clock.0.fetch_add(7200, Ordering::Relaxed);
        assert_eq!(runtime.block_on(later), found("older"));
    }
}

#[test]
fn a_new_file_is_noticed_and_a_lost_one_is_kept() {
    let dir = tempfile::tempdir().expect("a directory");
    for kind in [Kind::Hash, Kind::Btree, Kind::Cdb] {
        let path = kind.file(&dir.path().join("map"));
        let clock = Arc::new(TestClock::default());
        let lines = format!("Km {} {}\n", kind.name(), path.display());
        let maps = open(&lines, &clock);
        assert_eq!(ask(&maps, "m", "key", &[]), Answer::TempFail);
        for round in 0..5 {
            make(kind, &path, &format!("key\tvalue {round}\n"), false, false);
            clock.pass();
            assert_eq!(
                ask(&maps, "m", "key", &[]),
                found(&format!("value {round}"))
            );
        }
        std::fs::remove_file(&path).expect("removed");
        clock.pass();
        // A snapshot that is young is not kept: its file is asked for again.
        let after = ask(&maps, "m", "key", &[]);
        assert!(after == found("value 4") || after == Answer::TempFail);
    }
}

#[test]
fn a_file_that_is_being_rewritten_in_place_is_waited_for() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("map.db");
    make(Kind::Hash, &path, "key\told\n", false, false);
    let new = dir.path().join("new.db");
    make(Kind::Hash, &new, "key\tnew\n", false, false);
    let clock = Arc::new(TestClock::default());
    let maps = open(&format!("Km hash {}\n", path.display()), &clock);
    assert_eq!(ask(&maps, "m", "key", &[]), found("old"));
    // As the reference's makemap does it: lock, cut off, write.
    let file = std::fs::File::options()
        .write(true)
        .open(&path)
        .expect("there");
    file.lock().expect("locked");
    file.set_len(0).expect("cut");
    clock.pass();
    let id = maps.id(b"m").expect("defined");
    let runtime = waiting();
    let lookup = maps.lookup(id, b"key", &[], &mut scope(&mut NoMacros));
    let godwit::map::Lookup::Pending(later) = lookup else {
        panic!("half a file is no answer");
    };
    let writer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        std::os::unix::fs::FileExt::write_all_at(&file, &std::fs::read(new).expect("there"), 0)
            .expect("written");
        drop(file);
    });
    assert_eq!(runtime.block_on(later), found("new"));
    writer.join().expect("it ends");
}

#[test]
fn readers_see_the_old_map_or_the_new_one_whole() {
    const KEYS: usize = 300;
    const ROUNDS: usize = 1000;
    let dir = tempfile::tempdir().expect("a directory");
    for kind in Kind::ALL {
        let path = kind.file(&dir.path().join("map"));
        let build = |round: usize| {
            let mut builder = Builder::empty(kind, &path, false, None).expect("begun");
            for key in 0..KEYS {
                let (key, value) = (format!("key{key}"), format!("{round}:{key}"));
                let inserted = builder.insert(key.as_bytes(), value.as_bytes(), Duplicates::Refuse);
                inserted.expect("it fits");
            }
            builder.finish().expect("written");
        };
        build(0);
        let clock = Arc::new(TestClock::default());
        let maps = open(&format!("Km {} {}\n", kind.name(), path.display()), &clock);
        let done = AtomicBool::new(false);
        std::thread::scope(|threads| {
            for reader in 0..8 {
                let (maps, done) = (&maps, &done);
                threads.spawn(move || {
                    let (mut newest, mut number) = (0, reader);
                    let runtime = waiting();
                    while !done.load(Ordering::Relaxed) {
                        number = (number * 7 + 1) % KEYS;
                        let key = format!("key{number}");
                        let id = maps.id(b"m").expect("defined");
                        let mut none = NoMacros;
                        let lookup = maps.lookup(id, key.as_bytes(), &[], &mut scope(&mut none));
                        // A map whose writer has not let go of it is waited for.
                        let answer = match lookup {
                            godwit::map::Lookup::Ready(answer) => answer,
                            godwit::map::Lookup::Pending(later) => runtime.block_on(later),
                        };
                        let Answer::Found(value) = answer else {
                            panic!("{key} is in every map");
                        };
                        let (round, own) = value.split_once_str(":").expect("as built");
                        assert_eq!(own.to_str_lossy(), number.to_string().as_str());
                        let round: usize = round.to_str_lossy().parse().expect("a number");
                        assert!(round >= newest, "an old map came back");
                        newest = round;
                        std::thread::sleep(Duration::from_micros(300));
                    }
                });
            }
            for round in 1..=ROUNDS {
                build(round);
                clock.pass();
            }
            done.store(true, Ordering::Relaxed);
        });
    }
}
