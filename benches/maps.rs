//! What is claimed of databases, measured: building, opening and asking.
//!
//! `cargo bench --bench maps [-- ENTRIES]` prints CPU seconds; the peers that
//! are there (Postfix's postmap and postalias, sendmail's makemap; installed,
//! or where the test tools put them) are run on the same source. `-- open
//! ENTRIES` opens maps of so many entries. Times are those of one run on an
//! otherwise idle machine: compare them with each other only.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use godwit::base::Origin;
use godwit::dbfile::Duplicates;
use godwit::map::{
    Answer, Builder, Definition, Kind, Lookup, MapId, MapWorld, Maps, NoMacros, Scope, Source,
    Syntax,
};
use godwit::world::{Clock, Files, Nothing};
use nix::sys::resource::{UsageWho, getrusage};

/// CPU seconds of `who`, user and system.
fn cpu(who: UsageWho) -> f64 {
    let usage = getrusage(who).unwrap();
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1_000_000.0;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

/// The CPU seconds that `work` takes in this process.
fn own<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let before = cpu(UsageWho::RUSAGE_SELF);
    let result = work();
    (result, cpu(UsageWho::RUSAGE_SELF) - before)
}

/// The most memory that any program run from here took, in MiB.
fn peak() -> i64 {
    getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss() / 1024
}

/// Where a peer's program is.
fn find(program: &str) -> PathBuf {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    let reference = std::env::var_os("GODWIT_REFERENCE").map_or(top.join("reference"), Into::into);
    let places = [top.join("postfix/bin"), reference.join("root/usr/sbin")];
    let mut found = places.iter().map(|place| place.join(program));
    found
        .find(|path| path.exists())
        .unwrap_or_else(|| program.into())
}

/// The CPU seconds of a program, if it is there.
fn peer(program: &Path, arguments: &[&str], input: &Path) -> Option<f64> {
    let before = cpu(UsageWho::RUSAGE_CHILDREN);
    let status = Command::new(program)
        .args(arguments)
        .stdin(std::fs::File::open(input).unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .ok()?;
    status
        .success()
        .then(|| cpu(UsageWho::RUSAGE_CHILDREN) - before)
}

/// Numbers in an order that looks like none.
fn shuffled(count: usize) -> impl Iterator<Item = usize> {
    // A step that has no divisor in common with the count visits all.
    let step = (count * 61 / 100) | 1;
    let step = (step..).find(|step| gcd(*step, count) == 1).unwrap();
    (0..count).map(move |number| (number * step) % count)
}

fn gcd(left: usize, right: usize) -> usize {
    if right == 0 {
        left
    } else {
        gcd(right, left % right)
    }
}

fn key(number: usize) -> String {
    format!("user{number:07}@domain{}.example", number % 997)
}

fn write_source(path: &Path, count: usize) {
    let mut text = String::with_capacity(count * 75);
    for number in shuffled(count) {
        let host = number % 31;
        writeln!(
            text,
            "{}\tmailbox{number:07}@host{host}.internal.example",
            key(number)
        )
        .unwrap();
    }
    std::fs::write(path, text).unwrap();
}

fn build(kind: Kind, path: &Path, source: &Path) {
    let mut builder = Builder::empty(kind, path, false, None).unwrap();
    let mut source = Source::new(std::fs::File::open(source).unwrap(), Syntax::default());
    while let Some((_, line)) = source.read().unwrap() {
        if let godwit::map::Line::Entry { key, value } = line {
            builder.insert(key, value, Duplicates::Refuse).unwrap();
        }
    }
    builder.finish().unwrap();
}

struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }
}

struct Plain;

impl Files for Plain {
    fn open(&self, path: &Path) -> std::io::Result<std::fs::File> {
        std::fs::File::open(path)
    }
}

fn open(kind: Kind, path: &Path) -> Maps {
    let world = MapWorld {
        clock: Arc::new(RealClock),
        files: Arc::new(Plain),
        resolver: Arc::new(Nothing),
        users: Arc::new(Nothing),
        programs: Arc::new(Nothing),
        dial: Arc::new(Nothing),
        log: Arc::new(Nothing),
        entropy: Arc::new(Nothing),
    };
    let definition = Definition {
        name: "m".into(),
        class: kind.name().into(),
        arguments: path.to_str().unwrap().into(),
        origin: Origin::internal("bench"),
    };
    Maps::from_definitions(&[definition], world).0
}

fn found(maps: &Maps, id: MapId, key: &str) -> bool {
    let mut scope = Scope {
        macros: &mut NoMacros,
        deferring: false,
        queue_id: "",
    };
    let lookup = maps.lookup(id, key.as_bytes(), &[], &mut scope);
    matches!(lookup, Lookup::Ready(Answer::Found(_)))
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let count = words.iter().find_map(|word| word.parse().ok());
    let dir = std::env::temp_dir().join(format!("godwit-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let source = dir.join("source");
    if words.iter().any(|word| word == "open") {
        let count = count.unwrap_or(10_000_000);
        write_source(&source, count);
        for kind in Kind::ALL {
            openings(kind, &dir, &source, count);
        }
    } else {
        let count = count.unwrap_or(1_000_000);
        write_source(&source, count);
        // The tools first: what they took at most is not told apart later.
        tools(&dir, &source);
        for kind in Kind::ALL {
            one(kind, &dir, &source, count);
        }
        peers(&dir, &source);
    }
    std::fs::remove_dir_all(&dir).unwrap();
}

/// Makes maps and aliases with our own tools.
fn tools(dir: &Path, source: &Path) {
    let godwit = Path::new(env!("CARGO_BIN_EXE_godwit"));
    for kind in Kind::ALL {
        let map = dir.join("tool");
        let words = [
            "makemap",
            "-C",
            "/dev/null",
            kind.name(),
            map.to_str().unwrap(),
        ];
        let seconds = peer(godwit, &words, source).unwrap();
        println!(
            "makemap {}: {seconds:.3} CPU s, {} MiB",
            kind.name(),
            peak()
        );
    }
    let list = alias_list(dir, source);
    let cf = dir.join("sendmail.cf");
    let mc = dir.join("site.mc");
    let lines = "OSTYPE(`linux')dnl\nMAILER(`local')dnl\nMAILER(`smtp')dnl\n";
    std::fs::write(&mc, lines).unwrap();
    let compile = ["compile", mc.to_str().unwrap(), "-o", cf.to_str().unwrap()];
    peer(godwit, &compile, source).unwrap();
    let text = std::fs::read_to_string(&cf).unwrap();
    let lines = text
        .lines()
        .map(|line| match line.starts_with("O AliasFile=") {
            true => format!(
                "O AliasFile=hash:{}\nO DontBlameSendmail=MapInUnsafeDirPath",
                list.display()
            ),
            false => line.to_owned(),
        });
    let text: Vec<String> = lines.collect();
    std::fs::write(&cf, text.join("\n") + "\n").unwrap();
    let words = ["newaliases", "-C", cf.to_str().unwrap()];
    let seconds = peer(godwit, &words, source).unwrap();
    println!("newaliases: {seconds:.3} CPU s, {} MiB", peak());
}

/// The source as an alias list.
fn alias_list(dir: &Path, source: &Path) -> PathBuf {
    let text = std::fs::read_to_string(source).unwrap();
    let line = |line: &str| {
        let (key, value) = line.split_once('\t').unwrap();
        format!("{}: {value}\n", key.split_once('@').unwrap().0)
    };
    let list = dir.join("aliases");
    std::fs::write(&list, text.lines().map(line).collect::<String>()).unwrap();
    list
}

/// Opens a map several times, and tells the times to the first answer.
fn openings(kind: Kind, dir: &Path, source: &Path, count: usize) {
    let path = kind.file(&dir.join("map"));
    build(kind, &path, source);
    std::thread::sleep(Duration::from_millis(200));
    let mut times: Vec<f64> = (0..9)
        .map(|round| {
            let begun = Instant::now();
            let maps = open(kind, &path);
            let id = maps.id(b"m").unwrap();
            assert!(found(&maps, id, &key(round * count / 9)));
            begun.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!(
        "open {} of {count}: {:.3} ms to the first answer, at most {:.3}",
        kind.name(),
        times[4],
        times[8]
    );
    std::fs::remove_file(&path).unwrap();
}

/// Builds, opens and asks one type.
fn one(kind: Kind, dir: &Path, source: &Path, count: usize) {
    let name = kind.name();
    let path: PathBuf = kind.file(&dir.join("map"));
    let ((), seconds) = own(|| build(kind, &path, source));
    println!("build {name}: {count} entries, {seconds:.3} CPU s");
    // A file that was written just now is not trusted to stay as it is.
    std::thread::sleep(Duration::from_millis(200));
    let begun = Instant::now();
    let maps = open(kind, &path);
    let id = maps.id(b"m").unwrap();
    assert!(found(&maps, id, &key(1)));
    println!(
        "open {name}: first answer after {:.3} ms",
        begun.elapsed().as_secs_f64() * 1000.0
    );
    let asked = count.min(1_000_000);
    let keys: Vec<String> = shuffled(count).take(asked).map(key).collect();
    for round in ["first", "next"] {
        let (all, seconds) = own(|| keys.iter().filter(|key| found(&maps, id, key)).count());
        assert_eq!(all, asked);
        println!(
            "ask {name}, {round} time: {:.0} a CPU second",
            asked as f64 / seconds
        );
    }
    let (none, seconds) = own(|| {
        keys.iter()
            .filter(|key| found(&maps, id, &key[1..]))
            .count()
    });
    assert_eq!(none, 0);
    println!(
        "ask {name} for nothing: {:.0} a CPU second",
        asked as f64 / seconds
    );
}

/// Builds the same with what others have.
fn peers(dir: &Path, source: &Path) {
    let copy = |name: &str| {
        let path = dir.join(name);
        std::fs::copy(source, &path).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let big = "268435456";
    let aliases = alias_list(dir, source);
    let cf = dir.join("sendmail.cf").to_str().unwrap().to_owned();
    let runs: [(&str, Vec<String>); 7] = [
        (
            "makemap",
            vec!["-C".into(), cf.clone(), "hash".into(), copy("mh")],
        ),
        (
            "makemap",
            vec![
                "-c".into(),
                big.into(),
                "-C".into(),
                cf.clone(),
                "hash".into(),
                copy("mc"),
            ],
        ),
        ("makemap", vec!["-C".into(), cf, "btree".into(), copy("mb")]),
        ("postmap", vec![format!("hash:{}", copy("ph"))]),
        ("postmap", vec![format!("cdb:{}", copy("pc"))]),
        ("postmap", vec![format!("lmdb:{}", copy("pl"))]),
        ("postalias", vec![format!("hash:{}", aliases.display())]),
    ];
    for (program, arguments) in runs {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match peer(&find(program), &words, source) {
            Some(seconds) => println!("peer {program} {}: {seconds:.3} CPU s", words.join(" ")),
            None => println!("peer {program} {}: not here", words.join(" ")),
        }
    }
}
