//! The tools that make and show maps, beside the reference's: sources of
//! thousands of lines, and command lines that chance puts together.

use std::fmt::Write as _;

use crate::map_reference::{ALIAS_CF, Chance, World, alias_list, source};

/// A source with more keys than a page holds, among lines that chance wrote.
fn large(chance: &mut Chance, lines: usize) -> Vec<u8> {
    let mut text = Vec::new();
    while text.iter().filter(|byte| **byte == b'\n').count() < lines {
        let some = chance.below(3) + 1;
        text.extend(source(chance, &[b"# c\n", b";x y\n"], some));
        for _ in 0..chance.below(30) {
            let number = chance.below(4000);
            let value = "v".repeat(chance.below(40) * chance.below(12));
            let line = format!("User{number}@domain{}.example\tm{value}\n", number % 7);
            text.extend(line.bytes());
        }
    }
    text
}

#[test]
fn makemap_takes_thousands_of_lines_as_the_reference_does() {
    let Some(world) = World::new("large sources beside the reference") else {
        return;
    };
    let mut chance = Chance(0x5eed_1234_9876_0021);
    let cf = b"O DontBlameSendmail=MapInUnsafeDirPath\n".to_vec();
    let mut files = vec![("lax.cf".to_owned(), cf)];
    let mut script = String::new();
    let flags = [
        "",
        "-v",
        "-e -f",
        "-N -r",
        "-d",
        "-t:",
        "-D';'",
        "-C lax.cf -s",
        "-c 65536 -e -d",
        "-o -r",
        "-i hash -v -e",
    ];
    for (number, flags) in flags.iter().enumerate() {
        let name = format!("s{number}");
        files.push((name.clone(), large(&mut chance, 3000)));
        for kind in ["hash", "btree"] {
            let _ = writeln!(
                script,
                "rm -f m.db; makemap -e {kind} m < s0 >/dev/null 2>&1\n\
                 t 'makemap {flags} {kind} m < {name}'\n\
                 t 'makemap -u {kind} m | sort | md5sum; /usr/sbin/makemap -u {kind} m | sort | md5sum'\n\
                 t 'for k in user1@domain1.example User17@domain3.example key @; do\
                    editmap -q {kind} m $k; done'"
            );
        }
    }
    world.check(&files, &script);
}

#[test]
fn newaliases_takes_thousands_of_lines_as_the_reference_does() {
    let Some(world) = World::new("large alias lists beside the reference") else {
        return;
    };
    let mut chance = Chance(0x5eed_1234_9876_0022);
    let mut files = vec![("al.cf".to_owned(), ALIAS_CF.as_bytes().to_vec())];
    let mut script = String::new();
    for number in 0..4 {
        let mut text = Vec::new();
        for _ in 0..400 {
            let some = chance.below(2) + 1;
            text.extend(alias_list(&mut chance, some));
            if text.last() != Some(&b'\n') {
                text.push(b'\n');
            }
            for _ in 0..chance.below(20) {
                let name = chance.below(3000);
                let targets: Vec<String> = (0..chance.below(12) + 1)
                    .map(|_| format!("user{}@host{}.example", chance.below(900), chance.below(9)))
                    .collect();
                text.extend(format!("Name{name}: {}\n", targets.join(",\n\t")).bytes());
            }
        }
        let name = format!("a{number}");
        files.push((name.clone(), text));
        let _ = writeln!(
            script,
            "rm -f al.db; cp {name} al\n\
             t 'sendmail -C /case/room/al.cf -bi # {name}'\n\
             t 'praliases -C /case/room/al.cf | sort | md5sum'\n\
             t 'makemap -u hash al | sort | md5sum; /usr/sbin/makemap -u hash al | sort | md5sum'"
        );
    }
    world.check(&files, &script);
}

/// Words of command lines, some of which belong there.
const WORDS: &[&[u8]] = &[
    b"-e",
    b"-f",
    b"-N",
    b"-d",
    b"-r",
    b"-o",
    b"-v",
    b"-u",
    b"-s",
    b"-t:",
    b"-t",
    b"-D",
    b"-D;",
    b"-c",
    b"-c 10",
    b"-C lax.cf",
    b"-C none.cf",
    b"-q",
    b"-",
    b"--",
    b"hash",
    b"hash",
    b"hash",
    b"btree",
    b"dbm",
    b"nope",
    b"implicit",
    b"m",
    b"m",
    b"m",
    b"m.db",
    b"none/m",
    b"dir",
    b"link",
    b"hard",
    b"empty",
    b"text",
    b"''",
    b"extra",
    b"-i hash",
    b"-ev",
    b"-zz",
];

#[test]
fn any_command_line_ends_as_the_references_does() {
    let Some(world) = World::new("command lines of makemap and editmap beside the reference")
    else {
        return;
    };
    let mut chance = Chance(0x5eed_1234_9876_0023);
    let files = [
        ("lax.cf", &b"O DontBlameSendmail=MapInUnsafeDirPath\n"[..]),
        ("s", b"key value\nk2 two\nempty\nkey again\n"),
        ("text.db", b"no database\n"),
        ("empty.db", b""),
    ];
    let files = files.map(|(name, bytes)| (name.to_owned(), bytes.to_vec()));
    let mut script =
        String::from("mkdir dir.db; echo z > plain; ln -s plain link.db; echo z > h\n");
    script.push_str("ln h hard.db\n");
    for words in ["makemap -x -zz", "makemap -e m -l", "praliases -l -zz"] {
        let _ = writeln!(script, "t '{words} | grep -v -e ^cdb -e ^lmdb'");
    }
    for words in [
        "-v -i btree",
        "-u -i btree",
        "-v -i nope",
        "-v",
        "-C none.cf",
        "-i hash -C none.cf",
    ] {
        let _ = writeln!(script, "t 'makemap {words} \"\" m < s'");
    }
    for number in 0..300 {
        if number % 10 == 0 {
            script.push_str("rm -f m.db implicit.db btree.db; makemap hash m < lax.cf\n");
        }
        let tool = ["makemap", "makemap", "editmap", "praliases"][chance.below(4)];
        let words: Vec<_> = (0..chance.below(6) + 1)
            .map(|_| String::from_utf8_lossy(chance.one(WORDS)).into_owned())
            .collect();
        let _ = writeln!(
            script,
            "t '{tool} {} < s'",
            words.join(" ").replace('\'', "\"")
        );
    }
    world.check(&files, &script);
}
