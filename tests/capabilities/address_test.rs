//! The address test on small configurations made for it: names of rulesets,
//! sides of rules that make no sense, limits, rules by chance. What is expected
//! is what the reference answered (addresses in its memory left out).

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use bstr::ByteSlice;

#[track_caller]
fn check(name: &str) {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/address_test");
    // Not below a directory that anyone may write to: maps there are refused.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("address_test-{name}"));
    fs::create_dir_all(&folder).unwrap();
    let at = folder.to_str().unwrap();
    fs::copy(data.join("words"), folder.join("map")).unwrap();
    let cf = format!("{name}.cf");
    let text = fs::read(data.join(&cf)).unwrap();
    fs::write(folder.join(&cf), text.replace("@DIR@", at)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_godwit"))
        .args(["sendmail", "-C", &cf, "-bt"])
        .current_dir(&folder)
        .stdin(fs::File::open(data.join(format!("{name}.in"))).unwrap())
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let got = output.stdout.replace(at, "@DIR@");
    let expected = fs::read(data.join(format!("{name}.out"))).unwrap();
    for (number, (got, expected)) in got.lines().zip(expected.lines()).enumerate() {
        assert_eq!(
            got.as_bstr(),
            expected.as_bstr(),
            "{name}: line {}",
            number + 1
        );
    }
    assert_eq!(got.len(), expected.len(), "{name}: all is said");
}

#[test]
fn rulesets_have_names_and_numbers() {
    check("names");
}

#[test]
fn sides_of_rules_that_make_no_sense_are_reported() {
    check("sides");
}

#[test]
fn runs_end_at_the_limits() {
    check("limits");
}

#[test]
fn rules_by_chance_do_the_same() {
    check("random");
}
