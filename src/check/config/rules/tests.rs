use super::*;

fn rule(left: &str, right: &str) -> RuleText {
    RuleText {
        ruleset: "ours".into(),
        left: parts(left.as_bytes()),
        right: parts(right.as_bytes()),
        then: Then::Again,
        origin: Origin::internal("test"),
    }
}

#[test]
fn loops_that_can_be_proved_are_found_and_no_others() {
    for (left, right) in [
        ("$*", "$1"),
        ("$*", "x $1"),
        ("$+", "< $1 >"),
        ("$* < $* > $*", "$1 < $2 > $3"),
        ("$* < $+ > $*", "$1 < $2 > $3"),
        ("$+ @ $+", "$1 @ x @ $2"),
        ("$- . $-", "$1 . a"),
        ("a $* b", "A $1 B"),
        ("$=w . $*", "$1 . $2"),
        // One token each: `@` is taken by `$-`.
        ("$* $-", "$1 @"),
    ] {
        assert!(loops(&rule(left, right)), "{left} -> {right}");
    }
    for (left, right) in [
        ("$* < $* > $*", "$1 $2 $3"),
        ("$+", "$( host $1 $)"),
        ("$+ . $-", "$1"),
        ("$+ % $+", "$1 @ $2"),
        ("a $*", "$1"),
        ("$+ $*", "$2"),
        ("$=w", "$1 x"),
        ("$=w $*", "x $2"),
        ("$* x", "$&{y} x"),
        ("$- x", "$1"),
    ] {
        assert!(!loops(&rule(left, right)), "{left} -> {right}");
    }
}
