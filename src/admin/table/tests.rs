use expect_test::expect;
use proptest::prelude::*;

use super::*;

const ACCESS: &str = "# who\nConnect:192.0.2\t\tRELAY\n\n# spam\nFrom:a@b.example\tREJECT\n# end\n";

fn set(form: Form, text: &str, key: &str, value: &str) -> String {
    let mut table = TableText::new(form, text);
    table.set(key.as_bytes(), value.as_bytes());
    String::from_utf8(table.text().to_vec()).unwrap()
}

#[test]
fn a_value_is_changed_where_it_stands() {
    expect![[r#"
        # who
        Connect:192.0.2		REJECT

        # spam
        From:a@b.example	REJECT
        # end
    "#]]
    .assert_eq(&set(Form::Pairs, ACCESS, "connect:192.0.2", "REJECT"));
    let mut table = TableText::new(Form::Pairs, ACCESS);
    assert_eq!(table.set(b"Connect:192.0.2", b"RELAY"), Change::Nothing);
    assert_eq!(
        table.remove(b"FROM:a@b.example"),
        Change::Removed("REJECT".into())
    );
    assert_eq!(table.remove(b"gone"), Change::Nothing);
    assert_eq!(
        table.text(),
        b"# who\nConnect:192.0.2\t\tRELAY\n\n# spam\n# end\n"
    );
}

#[test]
fn a_new_entry_stands_below_the_last_one() {
    expect![[r#"
        # who
        Connect:192.0.2		RELAY

        # spam
        From:a@b.example	REJECT
        # end
        To:x@y.z		DISCARD
    "#]]
    .assert_eq(&set(Form::Pairs, ACCESS, "To:x@y.z", "DISCARD"));
    assert_eq!(set(Form::Pairs, "a   b", "cc", "d"), "a   b\ncc  d\n");
    assert_eq!(set(Form::Pairs, "", "a", "b"), "a\tb\n");
    assert_eq!(set(Form::Words, "a\n# x\n", "b", ""), "a\n# x\nb\n");
    assert_eq!(set(Form::Words, "a # mine\n", "A", ""), "a # mine\n");
}

#[test]
fn aliases_keep_their_lines() {
    let text = "# all\nstaff:\talice,\n\tbob,\n\tcarol\nroot: alice\nroot:\tbob\n";
    expect![[r#"
        # all
        staff:	alice
        root: alice
        root:	bob
    "#]]
    .assert_eq(&set(Form::Aliases, text, "staff", "alice"));
    // Of two the last counts.
    expect![[r#"
        # all
        staff:	alice,
        	bob,
        	carol
        root: alice
        root:	carol
    "#]]
    .assert_eq(&set(Form::Aliases, text, "Root", "carol"));
    let mut table = TableText::new(Form::Aliases, text);
    assert_eq!(
        table.remove(b"staff"),
        Change::Removed("alice,\n\tbob,\n\tcarol".into())
    );
    assert_eq!(table.text(), b"# all\nroot: alice\nroot:\tbob\n");
    let long = ["somebody@example.org"; 6].join(", ");
    expect![[r#"
        a:	b
        list:	somebody@example.org, somebody@example.org, somebody@example.org,
        	somebody@example.org, somebody@example.org, somebody@example.org
    "#]]
    .assert_eq(&set(Form::Aliases, "a:\tb\n", "list", &long));
    let mut split = TableText::new(Form::Aliases, "x:\n  y,\n  z\n");
    assert_eq!(split.get(b"x").unwrap().value, b"y,\n  z");
    assert_eq!(split.set(b"x", b"w"), Change::Replaced("y,\n  z".into()));
    assert_eq!(split.text(), b"x:\n  w\n");
}

proptest! {
    /// Whatever the text is: a value that was set is found, nothing before it
    /// was changed, and what was taken out is gone.
    #[test]
    fn what_is_set_is_there(
        text in "([#a-c:@ \t,\n\r\"\\\\]|\u{e4}){0,60}",
        key in "[d-f]{1,5}(@[d-f]{1,3})?",
        value in "[d-f]{1,5}(, [d-f]{1,9}){0,12}",
    ) {
        for form in [Form::Pairs, Form::Aliases, Form::Words] {
            let mut table = TableText::new(form, text.as_str());
            let before: Vec<Vec<u8>> = table.entries().map(|entry| entry.key.to_vec()).collect();
            table.set(key.as_bytes(), value.as_bytes());
            let found = table.get(key.as_bytes());
            prop_assert!(found.is_some(), "{form:?} {:?}", table.text());
            let after: Vec<Vec<u8>> = table.entries().map(|entry| entry.key.to_vec()).collect();
            prop_assert_eq!(&after[..before.len()], &before[..]);
            prop_assert!(table.text().starts_with(text.as_bytes()));
            table.remove(key.as_bytes());
            prop_assert!(table.get(key.as_bytes()).is_none());
            prop_assert!(table.text().starts_with(text.as_bytes()));
        }
    }
}
