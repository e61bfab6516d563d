//! Our templates on the reference: it reads the `.cf` that they make, without a
//! word that it does not say of its own, and answers the same.
//!
//! All recorded cases, and every third of our own; with GODWIT_TEST_EVERY_CASE
//! set, every one. The reference runs in its own tree, in a network of its own with our name
//! server on port 53, over copies of all cases.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use super::{Case, Scores, archive, check_gaps, compare, latin1, names, score};
use crate::need;

/// Set where the test runs in a network of its own.
const OWN_NETWORK: &str = "GODWIT_TEST_OWN_NETWORK";
/// Set for every case of our own making, not each third.
const EVERY_CASE: &str = "GODWIT_TEST_EVERY_CASE";
const THIS_TEST: &str = "conformance::reference::the_reference_answers_the_same_on_our_rules";
/// How many cases run beside each other.
const BESIDE: usize = 3;

#[test]
fn the_reference_answers_the_same_on_our_rules() {
    let what = "our templates on the reference";
    let Some(tree) = need::reference(what).map(|folder| folder.join("root")) else {
        return;
    };
    if need::tool("unshare", what).is_none() || need::tool("ip", what).is_none() {
        return;
    }
    if !need::root(what) {
        return;
    }
    if std::env::var_os(OWN_NETWORK).is_none() {
        return again_in_a_network_of_its_own();
    }
    let scores = run(&tree);
    check_gaps("reference-gaps.txt", &scores.result_misses, scores.lines);
    assert!(scores.lines > 20_000, "many cases were run");
}

/// Runs this test once more, where port 53 of the loopback is free.
fn again_in_a_network_of_its_own() {
    let output = Command::new("unshare")
        .arg("-n")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", THIS_TEST])
        .env(OWN_NETWORK, "yes")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "the test was run: {said}");
}

fn run(tree: &Path) -> Scores {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("conformance-on-reference");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    archive::unpack("conformance.tar.xz", &folder);
    archive::unpack("conformance-more.tar.xz", &folder);
    let up = Command::new("ip")
        .args(["link", "set", "lo", "up"])
        .status();
    assert!(up.unwrap().success(), "a loopback of its own");
    let server = names::serve_at("127.0.0.1:53", &folder.join("zone"));
    let mut cases: Vec<PathBuf> = fs::read_dir(folder.join("cases"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    if std::env::var_os(EVERY_CASE).is_none() {
        let mut turn = 0..;
        cases.retain(|case| {
            !name_of(case).starts_with("x-") || turn.next().is_some_and(|at| at % 3 == 0)
        });
    }
    for case in &cases {
        let one = Case {
            folder: &folder,
            case,
            server,
        };
        let inside = format!("/case/cases/{}", name_of(case));
        one.put_path_in(&inside);
        one.compile(None, &case.join("sendmail.cf"));
    }
    play(tree, &folder, &cases);
    let scores = Mutex::new(Scores::default());
    for case in &cases {
        judge(case, &scores);
    }
    let _ = fs::remove_dir_all(&folder);
    scores.into_inner().unwrap()
}

fn name_of(case: &Path) -> String {
    case.file_name().unwrap().to_string_lossy().into_owned()
}

/// Runs the reference over all cases.
fn play(tree: &Path, folder: &Path, cases: &[PathBuf]) {
    let mut script = String::from("PATH=/usr/sbin:/usr/bin:/sbin:/bin\nTZ=UTC\nexport TZ\n");
    for turn in 0..BESIDE {
        script.push_str("(\n");
        for case in cases.iter().skip(turn).step_by(BESIDE) {
            script.push_str(&of_case(case));
        }
        script.push_str(") &\n");
    }
    script.push_str("wait\n");
    fs::write(folder.join("script"), script).unwrap();
    fs::write(folder.join("resolv.conf"), "nameserver 127.0.0.1\n").unwrap();
    let prepare = "set -e; mount --make-rprivate /; hostname mail.example.org; \
         cp -a \"$1/etc\" \"$2/etc\"; \
         for f in hosts passwd group resolv.conf; do cp \"$2/$f\" \"$2/etc/$f\"; done; \
         echo 'hosts: files dns' > \"$2/etc/nsswitch.conf\"; \
         rm -rf \"$2/etc/mail\"; mkdir \"$2/etc/mail\"; : > \"$2/etc/mail/sendmail.cf\"; \
         printf 'hosts files dns\\naliases files\\n' > \"$2/etc/mail/service.switch\"; \
         mount --bind \"$2/etc\" \"$1/etc\"; mount --bind \"$2\" \"$1/case\"; \
         mount -t tmpfs -o mode=755 tmpfs \"$1/var\"; \
         mkdir -p \"$1/var/tmp\" \"$1/var/run\" \"$1/var/spool/mqueue\"; \
         mount -t tmpfs tmpfs \"$1/dev\"; : > \"$1/dev/null\"; \
         mount --bind /dev/null \"$1/dev/null\"; exec chroot \"$1\" /bin/sh /case/script";
    let status = Command::new("unshare")
        .args(["-m", "-p", "-u", "--fork", "--kill-child"])
        .args(["/bin/sh", "-c", prepare, "sh"])
        .args([tree, folder])
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "the world of the reference: {status}");
}

/// What is done for one case: its maps, then its commands.
fn of_case(case: &Path) -> String {
    let text = fs::read_to_string(case.join("case.json")).unwrap();
    let spec: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut script = format!("cd /case/cases/{}\n", name_of(case));
    for map in spec["maps"].as_array().unwrap() {
        let (kind, name) = (map[0].as_str().unwrap(), map[1].as_str().unwrap());
        script.push_str(&format!("makemap {kind} {name} < {name} > map.out 2>&1\n"));
    }
    if spec["aliases"] == true {
        script.push_str("sendmail -C sendmail.cf -bi > aliases.out 2>&1\n");
    }
    script.push_str("sendmail -C sendmail.cf -bt < test.in > answers 2>&1\n");
    script
}

fn judge(case: &Path, scores: &Mutex<Scores>) {
    let name = name_of(case);
    let inside = format!("/case/cases/{name}");
    let input = latin1(&fs::read(case.join("test.in")).unwrap());
    let commands: Vec<&str> = input
        .strip_suffix('\n')
        .unwrap_or(&input)
        .split('\n')
        .collect();
    let golden = latin1(&fs::read(case.join("test.out")).unwrap()).replace("@DIR@", &inside);
    let recorded = compare::recorded(&golden, &commands);
    let said = latin1(&fs::read(case.join("answers")).unwrap_or_default());
    let (startup, answers) = compare::answers(&said, &commands);
    // Without a record, nothing was said when the file was read.
    let expected = fs::read(case.join("startup.out")).unwrap_or_default();
    let expected = latin1(&expected).replace("@DIR@", &inside);
    let [expected, startup] =
        [expected, startup].map(|text| compare::numberless(&compare::trimmed(&text)));
    let mut scores = scores.lock().unwrap();
    score(&mut scores, &name, 0, "(startup)", &expected, &startup);
    for (index, (command, expected)) in commands.iter().zip(&recorded).enumerate() {
        let got = answers.get(index).map_or("(nothing)", String::as_str);
        let got = compare::trimmed(got);
        let sets = matches!(command.as_bytes().first(), None | Some(b'.' | b'#'));
        // Its help is a file, and none of the rules.
        if command.starts_with('?') || sets && expected.trim().is_empty() && got.is_empty() {
            continue;
        }
        score(&mut scores, &name, index + 1, command, expected, &got);
    }
}
