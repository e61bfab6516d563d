//! Maps and their tools beside the reference's, in one world: sources that
//! chance writes, and every flag of a `K` line; same words, same status, same
//! content.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::need;

/// The reference's tree, with a private /var and our folder at /case.
pub(crate) struct World {
    tree: PathBuf,
    case: tempfile::TempDir,
}

/// The programs that are compared.
const TOOLS: [&str; 9] = [
    "makemap",
    "editmap",
    "praliases",
    "newaliases",
    "sendmail",
    "mailq",
    "mailstats",
    "hoststat",
    "purgestat",
];

/// What is said before every scenario: `t` shows a command, what it prints and
/// how it ends.
const HELPERS: &str = r#"
umask 022; LC_ALL=C; TZ=UTC; export LC_ALL TZ; cd /case/room
t() { printf '$ %s\n' "$*"; eval "$*" > /case/room/.o 2>&1 < /dev/null; r=$?
  sed '/^BDB[0-9]/d' /case/room/.o; printf '[exit %s]\n' "$r"; }
"#;

impl World {
    pub(crate) fn new(what: &str) -> Option<Self> {
        let tree = need::reference(what)?.join("root");
        need::tool("unshare", what)?;
        if !need::root(what) {
            return None;
        }
        let case = tempfile::tempdir().expect("a directory");
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
        };
        set(case.path(), 0o755);
        let bin = case.path().join("bin");
        fs::create_dir(&bin).expect("made");
        fs::copy(env!("CARGO_BIN_EXE_godwit"), case.path().join("godwit")).expect("copied");
        for tool in TOOLS {
            let path = bin.join(tool);
            let text = format!("#!/bin/sh\nexec /case/godwit {tool} \"$@\"\n");
            fs::write(&path, text).expect("written");
            set(&path, 0o755);
        }
        Some(Self { tree, case })
    }

    /// Our folder, which is /case there.
    pub(crate) fn folder(&self) -> &Path {
        self.case.path()
    }

    /// Plays a script, over fresh copies of `files`, with the reference's
    /// tools or with ours.
    pub(crate) fn play(&self, files: &[(String, Vec<u8>)], script: &str, ours: bool) -> String {
        let work = self.case.path().join("room");
        let _ = fs::remove_dir_all(&work);
        fs::create_dir(&work).expect("made");
        for (name, bytes) in files {
            fs::write(work.join(name), bytes).expect("written");
        }
        let path = if ours { "/case/bin:" } else { "" };
        let text = format!("PATH={path}/usr/sbin:/usr/bin:/sbin:/bin\n{HELPERS}t true\n{script}");
        fs::write(self.case.path().join("script"), text).expect("written");
        let prepare = "set -e; mount --make-rprivate /; mount --bind \"$2\" \"$1/case\"; \
             mount -t tmpfs -o mode=755 tmpfs \"$1/var\"; mkdir -p \"$1/var/tmp\" \"$1/var/run\" \
             \"$1/var/spool/mqueue\"; hostname mail.example.org; chmod 700 \"$1/var/spool/mqueue\"; \
             mount -t tmpfs tmpfs \"$1/etc/mail\"; chmod 755 \"$1/etc/mail\"; \
             : > \"$1/etc/mail/sendmail.cf\"; \
             mount -t tmpfs tmpfs \"$1/dev\"; : > \"$1/dev/null\"; \
             mount --bind /dev/null \"$1/dev/null\"; \
             exec chroot \"$1\" /bin/sh /case/script";
        let output = Command::new("unshare")
            .args(["-m", "-n", "-p", "-u", "--fork", "--kill-child"])
            .args(["/bin/sh", "-c", prepare, "sh"])
            .args([self.tree.as_os_str(), self.case.path().as_os_str()])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .output()
            .expect("unshare starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr)
    }

    /// Plays a script both ways and compares.
    pub(crate) fn check(&self, files: &[(String, Vec<u8>)], script: &str) {
        let theirs = self.play(files, script, false);
        assert!(theirs.contains("[exit 0]"), "the reference runs:\n{theirs}");
        let ours = self.play(files, script, true);
        if let Some(place) = first_difference(&theirs, &ours) {
            panic!("{place}");
        }
    }
}

/// Where two records part: the command, and what each said of it.
pub(crate) fn first_difference(theirs: &str, ours: &str) -> Option<String> {
    let blocks = |text: &str| -> Vec<String> {
        let lines = text.replace("\n> ", "\n$ > ");
        lines
            .split("\n$ ")
            .map(|block| format!("$ {block}"))
            .collect()
    };
    let (theirs, ours) = (blocks(theirs), blocks(ours));
    let mut found = String::new();
    for at in 0..theirs.len().max(ours.len()) {
        let (their, our) = (theirs.get(at), ours.get(at));
        if their != our {
            let none = String::from("(nothing)");
            let (their, our) = (their.unwrap_or(&none), our.unwrap_or(&none));
            let (their, our) = (&apart(their, our), &apart(our, their));
            let _ = write!(found, "\nthe reference:\n{their}\nwe:\n{our}\n");
            if found.len() > 4000 {
                break;
            }
        }
    }
    (!found.is_empty()).then_some(found)
}

/// A long block's first line, and those that the other has not.
fn apart(block: &str, other: &str) -> String {
    if block.len() < 2000 {
        return block.to_owned();
    }
    let others: std::collections::HashSet<&str> = other.lines().skip(1).collect();
    let kept = block.lines().filter(|line| !others.contains(line));
    kept.map(|line| format!("{line}\n")).collect()
}

/// Chance that is the same each time.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("below a usize")
    }

    pub(crate) fn one<'t>(&mut self, of: &[&'t [u8]]) -> &'t [u8] {
        of[self.below(of.len())]
    }
}

const KEYS: &[&[u8]] = &[
    b"key",
    b"KEY",
    b"k2",
    b"dup",
    b"Dup",
    b"a@b.example",
    b"Connect:10.1",
    b"\"q x\"",
    b"%s",
    b"\xc3\x84x",
    b"\xff",
    b"x\\y",
    b"=",
    b":",
    b"#no",
    b"@",
    b"-",
    b"key=",
    b"a,b",
    b"\x0b",
];
const GAPS: &[&[u8]] = &[
    b"\t", b" ", b"  \t ", b":", b"=", b": ", b" = ", b"\r", b"\x0c", b"", b":\t", b"\0",
];
const VALUES: &[&[u8]] = &[
    b"value",
    b"two words",
    b"",
    b" ",
    b"REJECT",
    b"tail \t",
    b"cr\r",
    b"\xe4\xf6\xfc",
    b"a # b",
    b"nul\0in",
    b"%0 %1",
    b"\"quo ted\"",
    b"back\\slash",
    b"x: y",
    b"550 5.7.1 \"No\"",
    b"a,\tb",
];
const ENDS: &[&[u8]] = &[
    b"\n", b"\n", b"\n", b"\n", b"\n\n", b"\r\n", b"\n\t", b"\n ", b"",
];

/// So many lines as nobody should write them.
pub(crate) fn source(chance: &mut Chance, comments: &[&[u8]], lines: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..lines {
        match chance.below(12) {
            0 => text.extend_from_slice(chance.one(comments)),
            1 => text.extend_from_slice(b"  "),
            2 => {
                let long = 1000 + chance.below(60);
                text.extend_from_slice(b"long ");
                text.extend(std::iter::repeat_n(b'v', long));
            }
            _ => {}
        }
        for part in [KEYS, GAPS, VALUES, ENDS] {
            text.extend_from_slice(chance.one(part));
        }
    }
    text
}

#[test]
fn makemap_takes_any_source_as_the_reference_does() {
    let Some(world) = World::new("makemap beside the reference") else {
        return;
    };
    let mut chance = Chance(0x5eed_1234_9876_0001);
    let comments: &[&[u8]] = &[b"# c\n", b"#\n", b";x y\n", b"#a b\n"];
    let (mut files, mut script) = (Vec::new(), String::new());
    let flags: &[&str] = &[
        "", "-v", "-e", "-f", "-N", "-d", "-r", "-t:", "-t=", "-D;", "-e -t:", "-v -f -r",
        "-N -d -v", "-s", "-c 4096", "-i hash", "-r -e -v", "-D '' -v", "-f -d -e",
    ];
    for number in 0..40 {
        let name = format!("s{number}");
        let lines = chance.below(14) + 1;
        files.push((name.clone(), source(&mut chance, comments, lines)));
        let kind = if chance.below(3) == 0 {
            "btree"
        } else {
            "hash"
        };
        for _ in 0..2 {
            let flags = flags[chance.below(flags.len())];
            let more = flags.replace("-d", "");
            let _ = writeln!(
                script,
                "t 'makemap {flags} {kind} m < {name}'\n\
                 t 'makemap -u {kind} m | sort | od -c; /usr/sbin/makemap -u {kind} m | sort | cksum'\n\
                 t 'makemap -o {more} {kind} m < {name}'\n\
                 t 'makemap -u {kind} m | sort | od -c; /usr/sbin/makemap -u {kind} m | sort | cksum'\n\
                 rm -f m.db"
            );
        }
    }
    world.check(&files, &script);
}

#[test]
fn editmap_leaves_what_the_reference_leaves() {
    let Some(world) = World::new("editmap beside the reference") else {
        return;
    };
    let mut chance = Chance(0x5eed_1234_9876_0002);
    let base = b"key value\nk2 two\ndup one\n%s x\na,b c\n".to_vec();
    let files = vec![("base".to_owned(), base)];
    let mut script = String::from("makemap hash m < base; makemap btree b < base\n");
    let quoted = |text: &[u8]| {
        let text = String::from_utf8_lossy(text).replace('\0', "");
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    };
    for round in 0..60 {
        let kind = ["hash m", "btree b", "hash m", "hash new"][chance.below(4)];
        let flags = ["", "-N", "-f", "-N -f"][chance.below(4)];
        let key = quoted(chance.one(&KEYS[..9]));
        let value = quoted(chance.one(&VALUES[..6]));
        let task = match chance.below(4) {
            0 => format!("-x {kind} {key}"),
            1 => format!("-u {kind} {key} {value}"),
            2 => format!("-u {kind} {key} {value} more"),
            _ => format!("-q {kind} {key}"),
        };
        let _ = writeln!(script, "t 'editmap {flags} {task}'");
        if round % 6 == 5 {
            let _ = writeln!(script, "t 'makemap -u {kind} | sort'");
        }
    }
    world.check(&files, &script);
}

/// A configuration in which every name is local, and no address with `@`.
pub(crate) const ALIAS_CF: &str = "V10/Berkeley\nCwlocalhost\nDjmail.example.org\n\
    O OperatorChars=.:%@!^/[]+\nO AliasFile=/case/room/al\n\
    O QueueDirectory=/var/spool/mqueue\n\
    Mlocal, P=/bin/true, F=lsDFMAw5:/|@qSPfhn9, A=true\n\
    Mprog, P=/bin/sh, F=lsDFMoqeu9, A=sh\n\
    S3\nR$* < $* > $*\t$: $2\n\
    S0\nR$* @ $*\t$#error $@ 5.1.1 $: \"553 not here\"\nR$+\t$#local $: $1\n";

const NAMES: &[&[u8]] = &[
    b"alice",
    b"Alice",
    b"bob",
    b"owner-list",
    b"list",
    b"\"quo ted\"",
    b"a.b",
    b"<angle>",
    b"with space",
    b"x@y.example",
    b"/file",
    b"|prog",
    b":include:/x",
    b"\\back",
    b"(com) c",
    b"d (com)",
    b"@",
    b"e,f",
    b"postmaster",
    b"",
    b"c\x01d",
    b"\x7f",
    b"e\x85f",
    b"|prog<gh>",
    b"x@y\tz",
];
const COLONS: &[&[u8]] = &[b": ", b":", b" :\t", b"", b":  ", b"::"];
const LISTS: &[&[u8]] = &[
    b"bob",
    b"bob, carol",
    b"/dev/null",
    b"|\"/bin/cat x\"",
    b":include:/case/list",
    b"\\alice",
    b"a,\n b,\n\tc",
    b"\"x y\"@z",
    b"",
    b"alice # c",
    b"bob,,carol",
    b"x\r",
    b"<ab>",
    b"a@b.example (com)",
    b"list:;",
    b"error:5.1.1 no",
    b"a\n# c\n b",
];

/// So many entries of an alias list as nobody should write them.
pub(crate) fn alias_list(chance: &mut Chance, lines: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..lines {
        match chance.below(14) {
            0 => text.extend_from_slice(b"# comment\n"),
            1 => text.extend_from_slice(b" \n"),
            2 => text.extend_from_slice(b"\n"),
            3 => text.extend_from_slice(b" cont\n"),
            _ => {}
        }
        for part in [NAMES, COLONS, LISTS, ENDS] {
            text.extend_from_slice(chance.one(part));
        }
    }
    text
}

#[test]
fn newaliases_and_praliases_take_any_source_as_the_reference_does() {
    let Some(world) = World::new("newaliases beside the reference") else {
        return;
    };
    let mut chance = Chance(0x5eed_1234_9876_0003);
    let mut files = vec![("al.cf".to_owned(), ALIAS_CF.as_bytes().to_vec())];
    let mut script = String::new();
    for number in 0..60 {
        let lines = chance.below(9) + 1;
        let text = alias_list(&mut chance, lines);
        let name = format!("a{number}");
        files.push((name.clone(), text));
        let _ = writeln!(
            script,
            "rm -f al.db; cp {name} al\n\
             t 'sendmail -C /case/room/al.cf -bi # {name}'\n\
             t 'praliases -C /case/room/al.cf | sort'\n\
             t 'praliases -C /case/room/al.cf alice BOB nobody @'\n\
             t 'makemap -u hash al | sort | od -c; /usr/sbin/makemap -u hash al | sort | cksum'"
        );
    }
    world.check(&files, &script);
}

#[test]
fn every_flag_of_a_map_means_what_it_means_to_the_reference() {
    let Some(world) = World::new("flags of K lines beside the reference") else {
        return;
    };
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/maps/reference");
    let read = |name: &str| fs::read(data.join(name)).expect("there");
    let files = ["flags.cf", "flags.q", "flags.sh"].map(|name| (name.to_owned(), read(name)));
    let script = "sh ./flags.sh; t 'sendmail -C /case/room/flags.cf -bt < flags.q; true'\n";
    // `t` gives a command no input: the shell that it calls does.
    world.check(&files, script);
}
