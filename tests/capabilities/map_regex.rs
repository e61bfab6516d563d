//! Map class `regex` beside the reference: patterns that chance writes, and what
//! rules see of several substrings.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::map_reference::{Chance, World};

/// A configuration without rules.
const BARE: &str = "V10/Berkeley\nCwlocalhost\nDjMail.example.org\n\
    O OperatorChars=.:%@!^/[]+\nO QueueDirectory=/var/spool/mqueue\n\
    Mlocal, P=/bin/true, F=lsDFMAw5:/|@qSPfhn9, A=true\n\
    Mprog, P=/bin/sh, F=lsDFMoqeu9, A=sh\n";

const ATOMS: &[&[u8]] = &[
    b"a",
    b"b",
    b"c",
    b"ab",
    b".",
    b"[ab]",
    b"[^a]",
    b"[b-c]",
    b"[[:alpha:]]",
    b"B",
    b"bc",
];
const TIMES: &[&[u8]] = &[
    b"", b"", b"", b"", b"*", b"+", b"?", b"{2}", b"{1,2}", b"{0,1}", b"{2,}",
];

/// A pattern of extended syntax, `depth` levels of groups at most. An anchor
/// stands only `outermost`: glibc forgets those in groups that repeat.
fn pattern(chance: &mut Chance, depth: usize, outermost: bool, out: &mut String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    for branch in 0..1 + chance.below(5) / 3 {
        if branch > 0 {
            out.push('|');
        }
        if outermost && chance.below(7) == 0 {
            out.push('^');
        }
        for _ in 0..1 + chance.below(3) {
            if depth > 0 && chance.below(3) == 0 {
                out.push('(');
                pattern(chance, depth - 1, false, out);
                out.push(')');
            } else {
                out.push_str(&text(chance.one(ATOMS)));
            }
            out.push_str(&text(chance.one(TIMES)));
        }
    }
}

#[test]
fn a_pattern_matches_what_it_matches_for_the_reference() {
    let Some(world) = World::new("patterns beside the reference") else {
        return;
    };
    let mut chance = Chance(0x5eed_1234_9876_0011);
    let (mut cf, mut questions) = (BARE.to_owned(), String::new());
    for number in 0..400 {
        let mut regex = String::new();
        // Which repetition a group within a repeated group remembers, when
        // the last one was empty, is each library's own matter.
        let (depth, flags) = [(1, "-s -d/"), (1, "-f -s -d/"), (2, "-s0"), (2, "-n")][number % 4];
        pattern(&mut chance, depth, true, &mut regex);
        let _ = writeln!(cf, "Kr{number} regex {flags} {regex}");
        for _ in 0..12 {
            let key: String = (0..chance.below(9))
                .map(|_| ["a", "b", "c", "A", "x"][chance.below(5)])
                .collect();
            let _ = writeln!(questions, "/map r{number} {key}");
        }
    }
    let files = [
        ("r.cf".to_owned(), cf.into_bytes()),
        ("r.q".to_owned(), questions.into_bytes()),
    ];
    world.check(&files, "t 'sendmail -C /case/room/r.cf -bt < r.q; true'\n");
}

#[test]
fn rules_see_of_several_substrings_what_they_see_in_the_reference() {
    let Some(world) = World::new("substrings of patterns beside the reference") else {
        return;
    };
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/maps/reference");
    let read = |name: &str| fs::read(data.join(name)).expect("there");
    let files = ["substrings.cf", "substrings.q"].map(|name| (name.to_owned(), read(name)));
    let script = "t 'sendmail -C /case/room/substrings.cf -bt < substrings.q; true'\n";
    world.check(&files, script);
}
