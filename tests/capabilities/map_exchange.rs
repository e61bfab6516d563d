//! Databases that others make and read: Postfix's postmap and postalias, Perl's
//! DB_File, the tools of LMDB. What we write they find; what they write we find.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use godwit::dbfile::Duplicates;
use godwit::map::{Builder, Kind, Reader};

use crate::need;

/// A folder, and what is in the maps there.
struct Bench {
    folder: tempfile::TempDir,
    pairs: Vec<(String, String)>,
}

impl Bench {
    /// Pairs with values from nothing to several pages; Postfix reads no
    /// value that is empty.
    fn new(count: usize) -> Self {
        let pair = |number: usize| {
            let value = match number % 500 {
                7 => "long ".repeat(700) + "end",
                8 => "longer ".repeat(3000) + "end",
                _ => format!("mailbox{number}@host{}.example", number % 31),
            };
            (
                format!("user{number:05}@domain{}.example", number % 97),
                value,
            )
        };
        Self {
            folder: tempfile::tempdir().expect("a directory"),
            pairs: (0..count).map(pair).collect(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The pairs as lines of a source.
    fn source(&self, between: &str) -> String {
        let line = |(key, value): &(String, String)| format!("{key}{between}{value}\n");
        self.pairs.iter().map(line).collect()
    }

    /// Builds a map, keys and values with a NUL behind them or without.
    fn build(&self, kind: Kind, name: &str, nul: bool) -> PathBuf {
        self.build_with(kind, name, if nul { "\0" } else { "" }, false)
    }

    /// The same with any end of keys and values, and perhaps several values of
    /// a key.
    fn build_with(&self, kind: Kind, name: &str, end: &str, several: bool) -> PathBuf {
        let duplicates = if several {
            Duplicates::Keep
        } else {
            Duplicates::Refuse
        };
        let path = kind.file(&self.path(name));
        let mut builder = Builder::empty(kind, &path, several, None).expect("it can be made");
        for (key, value) in &self.pairs {
            let (key, value) = (format!("{key}{end}"), format!("{value}{end}"));
            builder
                .insert(key.as_bytes(), value.as_bytes(), duplicates)
                .expect("it fits");
        }
        builder.finish().expect("written");
        path
    }

    /// Finds every pair in a file, and no others.
    fn find_all(&self, kind: Kind, path: &Path) {
        let reader = Reader::open_path(kind, path).expect("it is sound");
        let cut = |bytes: &[u8]| {
            let text = bytes.strip_suffix(b"\0").unwrap_or(bytes);
            String::from_utf8(text.to_vec()).expect("text")
        };
        let mut found = Vec::new();
        let each = reader.each(&mut |key, value| {
            found.push((cut(key), cut(value)));
            std::ops::ControlFlow::Continue(())
        });
        each.expect("it is sound");
        // Postfix says in its files who made them.
        found.retain(|(key, _)| !key.starts_with("YP_") && key != "@");
        found.sort();
        let mut expected = self.pairs.clone();
        expected.sort();
        assert_eq!(found.len(), expected.len(), "{kind:?}");
        assert!(found == expected, "{kind:?}");
        for (key, value) in &self.pairs {
            let plain = reader.get(key.as_bytes()).expect("it is sound");
            let with_nul = || reader.get(format!("{key}\0").as_bytes());
            let value_found = plain.or_else(|| with_nul().expect("it is sound"));
            assert_eq!(value_found.map(|found| cut(&found)).as_ref(), Some(value));
        }
    }
}

/// Runs a program on some input.
fn run(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || {
        // A program need not read all of it.
        let _ = stdin.write_all(input.as_bytes());
    });
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("it wrote");
    output
}

/// What a program prints, which must succeed.
fn must(command: &mut Command, input: &str) -> String {
    let output = run(command, input);
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const KINDS: [Kind; 4] = [Kind::Hash, Kind::Btree, Kind::Cdb, Kind::Lmdb];

/// A map as Postfix names it.
fn spec(kind: Kind, path: &Path) -> String {
    format!("{}:{}", kind.name(), path.display())
}

/// Whether this Postfix has a type of map; if not, says so.
fn has(postmap: &Path, kind: Kind, bench: &Bench) -> bool {
    let probe = bench.path("probe");
    fs::write(&probe, "a b\n").expect("written");
    let done = run(Command::new(postmap).arg(spec(kind, &probe)), "");
    let has = done.status.success();
    if !has {
        let what = format!("exchange of {} with Postfix", kind.name());
        need::left_out(&what, &String::from_utf8_lossy(&done.stderr));
    }
    has
}

#[test]
fn postmap_reads_what_we_write() {
    let Some(postmap) = need::postfix("postmap", "postmap reads our files") else {
        return;
    };
    let bench = Bench::new(3000);
    for kind in KINDS {
        if !has(&postmap, kind, &bench) {
            continue;
        }
        for nul in [false, true] {
            bench.build(kind, "ours", nul);
            let map = spec(kind, &bench.path("ours"));
            let keys: String = bench
                .pairs
                .iter()
                .map(|pair| pair.0.clone() + "\n")
                .collect();
            let said = must(
                Command::new(&postmap).args(["-q", "-", &map]),
                &(keys + "nobody@x\n"),
            );
            assert!(said == bench.source("\t"), "{kind:?} {nul}");
            let none = run(Command::new(&postmap).args(["-q", "nobody", &map]), "");
            assert_eq!((none.status.code(), none.stdout.len()), (Some(1), 0));
            // The whole of it, in the file's order; Postfix does not list cdb.
            if kind == Kind::Cdb {
                continue;
            }
            let listed = must(Command::new(&postmap).args(["-s", &map]), "");
            assert!(
                sorted(&listed) == sorted(&bench.source("\t")),
                "{kind:?} {nul}"
            );
        }
    }
}

#[test]
fn we_read_what_postmap_and_postalias_write() {
    let what = "we read Postfix's files";
    let (Some(postmap), Some(postalias)) = (
        need::postfix("postmap", what),
        need::postfix("postalias", what),
    ) else {
        return;
    };
    let bench = Bench::new(3000);
    for kind in KINDS {
        if !has(&postmap, kind, &bench) {
            continue;
        }
        for (tool, between) in [(&postmap, "\t"), (&postalias, ": ")] {
            let name = format!("theirs-{}", kind.name());
            let source = bench.path(&name);
            let text = if between == ": " {
                // Of an alias list it writes what it understood.
                let line = |pair: &(String, String)| format!("\"{}\": {}\n", pair.0, pair.1);
                bench.pairs.iter().map(line).collect()
            } else {
                bench.source(between)
            };
            fs::write(&source, text).expect("written");
            must(Command::new(tool).arg(spec(kind, &source)), "");
            let file = kind.file(&source);
            if between == "\t" {
                bench.find_all(kind, &file);
            } else {
                let reader = Reader::open_path(kind, &file).expect("it is sound");
                let last = bench.pairs[2999].clone();
                let found = [last.0.clone(), last.0 + "\0"].map(|key| reader.get(key.as_bytes()));
                let found = found.into_iter().find_map(|found| found.expect("sound"));
                let found = found.expect("there");
                let found = found.strip_suffix(b"\0").unwrap_or(&found);
                assert_eq!(found.len(), last.1.len(), "{kind:?}");
            }
        }
    }
}

#[test]
fn postmap_changes_a_map_of_ours_and_we_read_it_again() {
    let Some(postmap) = need::postfix("postmap", "postmap changes our files") else {
        return;
    };
    let mut bench = Bench::new(2000);
    for kind in [Kind::Hash, Kind::Btree, Kind::Lmdb] {
        if !has(&postmap, kind, &bench) {
            continue;
        }
        let before = bench.pairs.clone();
        let file = bench.build(kind, "changed", false);
        let map = spec(kind, &bench.path("changed"));
        // Keys in the middle, at both ends; values that need pages of their own.
        let new = |number: usize| {
            let value = "new ".repeat(number % 7 * 300) + "end";
            (format!("user{:05}!{number}", number * 3), value)
        };
        let added: Vec<_> = (0..600).map(new).collect();
        let lines: String = added.iter().map(|(k, v)| format!("{k} {v}\n")).collect();
        must(Command::new(&postmap).args(["-i", &map]), &lines);
        let gone: String = before
            .iter()
            .step_by(3)
            .map(|pair| pair.0.clone() + "\n")
            .collect();
        must(Command::new(&postmap).args(["-d", "-", &map]), &gone);
        bench.pairs = before
            .iter()
            .enumerate()
            .filter(|(number, _)| number % 3 != 0)
            .map(|(_, pair)| pair.clone())
            .chain(added)
            .collect();
        bench.find_all(kind, &file);
        bench.pairs = before;
    }
}

#[test]
fn the_lmdb_tools_accept_our_files_and_we_theirs() {
    let what = "LMDB's tools and we read each other";
    let tools = ["mdb_stat", "mdb_dump", "mdb_copy", "mdb_load"];
    let tools: Vec<_> = tools.map(|name| need::tool(name, what)).into();
    let [Some(stat), Some(dump), Some(copy), Some(load)] = &tools[..] else {
        return;
    };
    for count in [0, 1, 2, 60, 61, 3000, 40_000] {
        let bench = Bench::new(count);
        let file = bench.build(Kind::Lmdb, "map", count % 2 == 0);
        let said = must(Command::new(stat).args(["-n", "-e", "-f"]).arg(&file), "");
        assert!(said.contains(&format!("  Entries: {count}\n")), "{said}");
        // A compacting copy walks the whole tree and writes it anew.
        let copied = bench.path("copied.lmdb");
        must(
            Command::new(copy).args(["-n", "-c"]).args([&file, &copied]),
            "",
        );
        bench.find_all(Kind::Lmdb, &copied);
        let text = must(Command::new(dump).arg("-n").arg(&file), "");
        let loaded = bench.path("loaded.lmdb");
        must(Command::new(load).arg("-n").arg(&loaded), &text);
        bench.find_all(Kind::Lmdb, &loaded);
    }
}

/// Perl that ties a hash to a file of DB_File: writes into it the pairs of
/// standard input (key, TAB, value), or prints what is in it.
const PERL: &str = r#"
use strict; use Fcntl; use DB_File;
my ($task, $kind, $file) = @ARGV;
my $type = $kind eq "btree" ? $DB_BTREE : $DB_HASH;
$DB_BTREE->{flags} = R_DUP if $task =~ /several/;
my %h; my $flags = $task =~ /write/ ? O_RDWR|O_CREAT : O_RDONLY;
my $db = tie(%h, "DB_File", $file, $flags, 0644, $type) or die "$!";
if ($task =~ /write/) {
  while (<STDIN>) { chomp; my ($k, $v) = split /\t/, $_, 2; $h{$k} = $v; }
} elsif ($task =~ /several/) {
  my ($k, $v) = ("", "");
  for (my $s = $db->seq($k, $v, R_FIRST); $s == 0; $s = $db->seq($k, $v, R_NEXT)) { print "$k\t$v\n"; }
} else {
  while (<STDIN>) { chomp; print "$_\t$h{$_}\n"; }
  print scalar(keys %h), "\n";
}
"#;

#[test]
fn perl_reads_our_files_and_we_perls() {
    let what = "Perl's DB_File and we read each other";
    let Some(perl) = need::tool("perl", what) else {
        return;
    };
    if !run(Command::new(&perl).args(["-MDB_File", "-e1"]), "")
        .status
        .success()
    {
        need::left_out(what, "Perl has no DB_File");
        return;
    }
    let bench = Bench::new(3000);
    for kind in [Kind::Hash, Kind::Btree] {
        let file = bench.build(kind, "ours", false);
        let call = |task: &str, file: &Path, input: &str| {
            let mut command = Command::new(&perl);
            must(
                command.args(["-e", PERL, task, kind.name()]).arg(file),
                input,
            )
        };
        let keys: String = bench
            .pairs
            .iter()
            .map(|pair| pair.0.clone() + "\n")
            .collect();
        let expected = bench.source("\t") + "3000\n";
        assert!(call("read", &file, &keys) == expected, "{kind:?}");
        let theirs = bench.path(&format!("theirs{}", kind.extension()));
        call("write", &theirs, &bench.source("\t"));
        bench.find_all(kind, &theirs);
        fs::remove_file(&theirs).expect("removed");
    }
}

#[test]
fn perl_and_we_read_several_values_of_a_key() {
    let what = "several values of a key, with Perl's DB_File";
    let Some(perl) = need::tool("perl", what) else {
        return;
    };
    let loads = run(Command::new(&perl).args(["-MDB_File", "-e1"]), "");
    if !loads.status.success() {
        return need::left_out(what, "Perl has no DB_File");
    }
    let mut bench = Bench::new(50);
    let values = |key: &'static str| (0..900).map(move |n| (key.into(), format!("value {n:04}")));
    bench.pairs.extend(values("few").take(3));
    bench.pairs.extend(values("many"));
    let theirs = bench.path("theirs.db");
    let args = ["-e", PERL, "write-several", "btree"];
    let lines = bench.source("\t");
    must(Command::new(&perl).args(args).arg(&theirs), &lines);
    let reader = Reader::open_path(Kind::Btree, &theirs).expect("it is sound");
    assert!(reader.several());
    assert_eq!(sorted(&listed(&reader)), sorted(&lines));
    let ours = bench.build_with(Kind::Btree, "ours", "", true);
    let args = ["-e", PERL, "read-several", "btree"];
    let said = must(Command::new(&perl).args(args).arg(&ours), "");
    assert_eq!(sorted(&said), sorted(&lines));
}

/// Everything in a file, as lines.
fn listed(reader: &Reader) -> String {
    let mut lines = Vec::new();
    let each = reader.each(&mut |key, value| {
        lines.extend_from_slice(&[key, b"\t", value, b"\n"].concat());
        std::ops::ControlFlow::Continue(())
    });
    each.expect("it is sound");
    String::from_utf8(lines).expect("text")
}

/// Lines, sorted.
fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn we_read_what_perls_sdbm_writes() {
    let what = "we read ndbm files of Perl's SDBM_File";
    let Some(perl) = need::tool("perl", what) else {
        return;
    };
    let loads = run(Command::new(&perl).args(["-MSDBM_File", "-e1"]), "");
    if !loads.status.success() {
        return need::left_out(what, "Perl has no SDBM_File");
    }
    let mut bench = Bench::new(5000);
    // A pair has to fit a block.
    bench.pairs.retain(|pair| pair.1.len() < 900);
    const WRITE: &str = r#"
use strict; use Fcntl; use SDBM_File; my %h;
tie(%h, "SDBM_File", $ARGV[0], O_RDWR|O_CREAT, 0644) or die "$!";
while (<STDIN>) { chomp; my ($k, $v) = split /\t/, $_, 2; $h{$k} = $v; }
"#;
    let map = bench.path("theirs");
    let lines = bench.source("\t");
    must(Command::new(&perl).args(["-e", WRITE]).arg(&map), &lines);
    let file = Kind::Dbm.file(&map);
    bench.find_all(Kind::Dbm, &file);
    let cf = bench.path("dbm.cf");
    fs::write(&cf, format!("V10\nKd dbm {}\n", map.display())).expect("written");
    let godwit = env!("CARGO_BIN_EXE_godwit");
    let asked = "/map d user00001@domain1.example\n/map d nobody\n";
    let output = run(
        Command::new(godwit)
            .args(["sendmail", "-bt", "-C"])
            .arg(&cf),
        asked,
    );
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        said.contains("returns mailbox1@host1.example (0)"),
        "{said}"
    );
    assert!(said.contains("(nobody) no match"), "{said}");
}
