//! Emacs's syntax; what is found is GNU m4's answer
//! (`tests/data/m4/patterns.cases` has more).

use proptest::prelude::*;

use super::super::{Fuel, compile};

fn find(pattern: &str, text: &str) -> Option<(usize, usize)> {
    let regex = compile(pattern.as_bytes()).expect("it compiles");
    let found = regex.search(text.as_bytes(), 0, &mut Fuel(1_000_000));
    let found = found.expect("it ends")?;
    Some((found.start(), found.end()))
}

fn groups(pattern: &str, text: &str) -> Vec<Option<(usize, usize)>> {
    let regex = compile(pattern.as_bytes()).expect("it compiles");
    let found = regex.search(text.as_bytes(), 0, &mut Fuel(1_000_000));
    let found = found.expect("it ends").expect("it matches");
    (1..=regex.groups())
        .map(|group| found.group(group))
        .collect()
}

#[test]
fn leftmost_and_longest() {
    assert_eq!(find("a\\|ab\\|abc", "xabcx"), Some((1, 4)));
    assert_eq!(find("b*", "abb"), Some((0, 0)));
    assert_eq!(find("b+", "abb"), Some((1, 3)));
    assert_eq!(find("x", "abb"), None);
    assert_eq!(find("^b", "a\nb"), Some((2, 3)));
    assert_eq!(find("\\`b", "a\nb"), None);
}

#[test]
fn groups_on_the_way_to_the_longest() {
    assert_eq!(
        groups("\\(a\\|ab\\)\\(c\\|bcd\\)", "abcd"),
        [Some((0, 1)), Some((1, 4))]
    );
    assert_eq!(groups("\\(a?\\)*b", "aaab"), [Some((2, 3))]);
    assert_eq!(
        groups("\\(\\(a\\)?b\\)*", "abb"),
        [Some((2, 3)), Some((0, 1))]
    );
}

#[test]
fn patterns_that_cannot_be() {
    for (pattern, reason) in [
        ("\\(", "Unmatched ( or \\("),
        ("\\)", "Unmatched ) or \\)"),
        ("[a", "Unmatched [, [^, [:, [., or [="),
        ("[", "Invalid regular expression"),
        ("a\\", "Trailing backslash"),
        ("\\(a\\1\\)", "Invalid back reference"),
        ("[a-b-c]", "Invalid range end"),
    ] {
        assert_eq!(compile(pattern.as_bytes()).err(), Some(reason), "{pattern}");
    }
    let huge = "a".to_owned() + &"+".repeat(40);
    assert_eq!(
        compile(huge.as_bytes()).err(),
        Some("Regular expression too big")
    );
}

#[test]
fn fuel_runs_out() {
    let regex = compile(b"\\(a*\\)\\1*b").expect("it compiles");
    let text = "a".repeat(2000);
    assert!(regex.search(text.as_bytes(), 0, &mut Fuel(1000)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_pattern_ends(
        pattern in "(\\\\[(|)1-3bBw<]|[ab.*+?^$]|\\[[ab^-]\\])*",
        text in "[ab \n]{0,20}",
    ) {
        if let Ok(regex) = compile(pattern.as_bytes()) {
            let mut fuel = Fuel(200_000);
            if let Ok(Some(found)) = regex.search(text.as_bytes(), 0, &mut fuel) {
                prop_assert!(found.start() <= found.end() && found.end() <= text.len());
                for group in 1..=regex.groups() {
                    if let Some((start, end)) = found.group(group) {
                        prop_assert!(start <= end && end <= text.len());
                    }
                }
            }
        }
    }
}
