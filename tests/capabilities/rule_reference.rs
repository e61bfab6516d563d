//! Rules and recipients beside the reference, in one world: rule sets and
//! addresses that chance writes, with every trace level; every command of the
//! address test, with its exit status; every kind of alias in `-bv`.
//!
//! `GODWIT_RULE_SETS` says how many rule sets are tried (12 without it), each
//! with 40 sessions' worth of addresses.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::map_reference::{Chance, World};

/// Words of rules and addresses.
const WORDS: &[&str] = &[
    "a", "b", "one", "TWO", "local", "x.y", "val", "host", "dom", "p", "q", "3", "\"q s\"", "foo",
];
const OPERATORS: &[&str] = &[
    "<", ">", "@", ".", ":", ";", "[", "]", "!", "%", "/", "^", ",", "+",
];
const MACROS: &[&str] = &["x", "y", "n", "{long}", "j"];
const CLASSES: &[&str] = &["w", "P", "L", "{big}", "E"];
const MAPS: &[&str] = &["dq", "st", "no", "mac", "ar", "rx", "sq", "st2"];
const ADDRESSES: &[&str] = &[
    "alice@example.com",
    "a@b",
    "one",
    "TWO.three",
    "<a@b>",
    "a!b!c",
    "a%b@c.d",
    "@a:b@c",
    "\"q s\"@x",
    "user@[1.2.3.4]",
    "x.y@host.dom",
    "localhost",
    "a (c) b",
    "$| a",
    "a,b",
];
const LEVELS: &[usize] = &[1, 2, 4, 10, 12, 15, 35, 36, 12, 4];

/// What every rule set has before its rules.
const HEAD: &str = "V10/Berkeley
O OperatorChars=.:%@!^/[]+
Djhost.dom
Dxval
Dyp.q
Dn
D{long}a@b
Cwlocalhost host.dom one
CP. UUCP a.b
CLone two.three x.y
C{big}a b c.d . \"q s\" foo%bar
Kdq dequote
Kst text /case/room/words
Kst2 text -a@T -m /case/room/words
Kno null
Kmac macro
Kar arith
Krx regex -a@MATCH ^[ab]
Ksq sequence no st
Mlocal, P=/bin/true, F=l, A=x
Mprog, P=/bin/true, F=l, A=x
Msmtp, P=[IPC], F=mDFMuX, A=TCP $h
";

/// One side after the other, one ruleset after the other.
struct Writer(Chance);

impl Writer {
    fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.0.below(of.len())]
    }

    /// Whether something happens that happens `percent` times in a hundred.
    fn now_and_then(&mut self, percent: usize) -> bool {
        self.0.below(100) < percent
    }

    fn left(&mut self) -> (String, usize) {
        let (mut parts, mut wildcards) = (Vec::new(), 0);
        for _ in 0..=self.0.below(6) {
            let part = match self.0.below(100) {
                0..42 => {
                    wildcards += 1;
                    match self.0.below(7) {
                        0 | 1 => "$*".to_owned(),
                        2 | 3 => "$+".to_owned(),
                        4 => "$-".to_owned(),
                        5 => format!("$={}", self.one(CLASSES)),
                        _ => format!("$~{}", self.one(CLASSES)),
                    }
                }
                42..47 => "$@".to_owned(),
                47..53 => format!("$&{}", self.one(MACROS)),
                53..57 => format!("${}", self.one(MACROS)),
                57..60 => self.conditional(),
                60..62 => self.one(&["$|", "$#", "$1"]).to_owned(),
                62..82 => self.one(OPERATORS).to_owned(),
                _ => self.one(WORDS).to_owned(),
            };
            parts.push(part);
        }
        let between = if self.now_and_then(80) { " " } else { "" };
        (parts.join(between), wildcards)
    }

    fn conditional(&mut self) -> String {
        let (name, yes, no) = (self.one(MACROS), self.one(WORDS), self.one(WORDS));
        format!("$?{name} {yes} $| {no} $.")
    }

    fn simple(&mut self, wildcards: usize) -> String {
        match self.0.below(100) {
            0..55 if wildcards > 0 => format!("${}", 1 + self.0.below(wildcards)),
            55..57 => format!("${}", self.0.below(10)),
            57..64 => format!("$&{}", self.one(MACROS)),
            64..68 => format!("${}", self.one(MACROS)),
            68..71 => self.conditional(),
            71..84 => self.one(OPERATORS).to_owned(),
            _ => self.one(WORDS).to_owned(),
        }
    }

    fn some(&mut self, wildcards: usize) -> String {
        let count = self.0.below(4);
        let parts: Vec<String> = (0..count).map(|_| self.simple(wildcards)).collect();
        parts.join(" ")
    }

    fn right(&mut self, wildcards: usize, ruleset: usize, rulesets: usize) -> String {
        let mut parts = Vec::new();
        match self.0.below(100) {
            0..40 => parts.push("$:".to_owned()),
            40..60 => parts.push("$@".to_owned()),
            60..70 => {
                parts.push(format!(
                    "$# {}",
                    self.one(&["local", "smtp", "error", "ok"])
                ));
                parts.push(format!("$@ {}", self.some(wildcards)));
                parts.push(format!("$: {}", self.some(wildcards)));
                return parts.join(" ");
            }
            _ => {}
        }
        for _ in 0..=self.0.below(4) {
            let part = match self.0.below(100) {
                0..60 => self.simple(wildcards),
                60..74 if ruleset + 1 < rulesets => {
                    let to = ruleset + 1 + self.0.below(rulesets - ruleset - 1);
                    format!("$>r{to} {}", self.some(wildcards))
                }
                74..92 => self.lookup(wildcards),
                92..95 => "$|".to_owned(),
                _ => self.one(OPERATORS).to_owned(),
            };
            parts.push(part);
        }
        parts.join(" ")
    }

    fn lookup(&mut self, wildcards: usize) -> String {
        let mut out = format!("$( {} {}", self.one(MAPS), self.some(wildcards));
        for _ in 0..[0, 0, 0, 1, 2][self.0.below(5)] {
            let _ = write!(out, " $@ {}", self.some(wildcards));
        }
        if self.now_and_then(50) {
            let _ = write!(out, " $: {}", self.some(wildcards));
        }
        out + " $)"
    }

    /// A configuration, and how many rulesets it has.
    fn configuration(&mut self) -> (String, usize) {
        let rulesets = 6 + self.0.below(8);
        let mut out = HEAD.to_owned();
        for ruleset in 0..rulesets {
            let _ = writeln!(out, "Sr{ruleset}");
            for _ in 0..=self.0.below(5) {
                let (left, wildcards) = self.left();
                let right = self.right(wildcards, ruleset, rulesets);
                let _ = writeln!(out, "R{left}\t\t{right}");
            }
        }
        (out, rulesets)
    }

    fn address(&mut self) -> String {
        let pieces: Vec<&str> = WORDS.iter().chain(OPERATORS).copied().collect();
        let between = match self.0.below(10) {
            0..5 => "",
            5..8 => return self.one(ADDRESSES).to_owned(),
            _ => " ",
        };
        let count = 1 + self.0.below(8);
        let parts: Vec<&str> = (0..count).map(|_| self.one(&pieces)).collect();
        parts.join(between)
    }

    fn session(&mut self, rulesets: usize) -> String {
        let mut out = format!("-d21.{}\n", LEVELS[self.0.below(LEVELS.len())]);
        if self.now_and_then(30) {
            out.push_str("-d60.1\n");
        }
        for _ in 0..40 {
            let names: Vec<String> = (0..[1, 1, 1, 2, 3][self.0.below(5)])
                .map(|_| format!("r{}", self.0.below(rulesets)))
                .collect();
            let _ = writeln!(out, "{} {}", names.join(","), self.address());
            match self.0.below(50) {
                0 => out.push_str(".Dxother\n"),
                1 => out.push_str(".CPlocal\n"),
                _ => {}
            }
        }
        out
    }
}

/// A text map of the rule sets.
const TEXT_MAP: &str = "a one\nb two.three\nx.y <q>\none \"q\nhost (c) d\nTWO a@b\nfoo $1 %%1\n";

#[test]
fn rules_by_chance_do_what_the_reference_does() {
    let Some(world) = World::new("rules by chance beside the reference") else {
        return;
    };
    let count = std::env::var("GODWIT_RULE_SETS").ok();
    let count: u64 = count.and_then(|count| count.parse().ok()).unwrap_or(12);
    for number in 0..count {
        let seed = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(number + 1);
        let mut writer = Writer(Chance(seed));
        let (configuration, rulesets) = writer.configuration();
        let files = [
            ("rules.cf".to_owned(), configuration.into_bytes()),
            ("rules.in".to_owned(), writer.session(rulesets).into_bytes()),
            ("words".to_owned(), TEXT_MAP.as_bytes().to_vec()),
        ];
        // The reference shows where tokens are in its memory.
        let script = "t 'sendmail -C rules.cf -bt < rules.in > said; echo status $?; \
             sed \"s/0x[0-9a-f]*=//g\" said'\n";
        world.check(&files, script);
    }
}

/// Each line of a data file in a session of its own, with its exit status.
fn each(world: &World, what: &str) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/rule_reference");
    let read = |name: &str| std::fs::read(data.join(name)).expect("data");
    let compiled = Command::new(env!("CARGO_BIN_EXE_godwit"))
        .arg("compile")
        .arg(data.join("site.mc"))
        .output()
        .expect("it starts");
    let files: Vec<(String, Vec<u8>)> = ["aliases", "plain", "nest", "own", "bad"]
        .into_iter()
        .map(|name| (name.to_owned(), read(name)))
        .chain([("site.cf".to_owned(), compiled.stdout)])
        .chain([("words".to_owned(), TEXT_MAP.as_bytes().to_vec())])
        .chain([("lines".to_owned(), read(what))])
        .collect();
    let command = match what {
        "commands" => "printf \"%s\\n\" \"$line\" | sendmail -C site.cf -bt 2>&1",
        _ => "sendmail -C site.cf -bv \"$line\" 2>&1",
    };
    let script = format!(
        "t 'sendmail -C site.cf -bi'\n\
         while IFS= read -r line; do printf '$ %s\\n' \"$line\"; \
         {command}; echo \"[exit $?]\"; done < lines\n"
    );
    world.check(&files, &script);
}

#[test]
fn commands_of_the_address_test_say_what_the_reference_says() {
    if let Some(world) = World::new("-bt beside the reference") {
        each(&world, "commands");
    }
}

#[test]
fn recipients_of_every_kind_are_verified_as_the_reference_does() {
    if let Some(world) = World::new("-bv beside the reference") {
        each(&world, "recipients");
    }
}
