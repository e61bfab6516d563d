use super::*;

#[test]
fn arith_reads_numbers_as_strtol_does() {
    for (text, value) in [
        ("12", 12),
        (" -7x", -7),
        ("010", 8),
        ("0x10", 16),
        ("", 0),
        ("abc", 0),
        ("99999999999999999999", i64::MAX),
        ("-99999999999999999999", i64::MIN),
    ] {
        assert_eq!(number(text.as_bytes()), value, "{text}");
    }
}

#[test]
fn arith_computes_as_the_reference_does() {
    let run = |operator: u8, left, right| compute(operator, left, right, || 3);
    for (operator, left, right, value) in [
        (b'+', 3, 4, Some("7")),
        (b'/', -7, 2, Some("-3")),
        (b'%', -7, 2, Some("-1")),
        (b'/', 1, 0, None),
        (b'%', 1, 0, None),
        (b'l', 3, 4, Some("TRUE")),
        (b'=', 3, 4, Some("FALSE")),
        (b'|', 9, 4, Some("13")),
        (b'&', 9, 4, Some("0")),
        (b'r', 5, 5, Some("5")),
        (b'r', 3, 9, Some("6")),
        (b'r', 9, 3, None),
        (b'/', i64::MIN, -1, Some("-9223372036854775808")),
        (b'z', 3, 3, None),
    ] {
        assert_eq!(run(operator, left, right).as_deref(), value, "{operator}");
    }
}

#[test]
fn dequote_gives_one_word_or_nothing() {
    for (key, space, value) in [
        ("\"foo\"", None, Some("foo")),
        ("\"foo bar\"", None, None),
        ("\"foo bar\"", Some(b'_'), Some("foo_bar")),
        ("foo", None, None),
        ("\"\"", None, Some("")),
        ("a\"b\"c", None, Some("abc")),
        ("\"a<b>\"", None, Some("a<b>")),
        ("\"a<b\"", None, None),
        ("\"a)b\"", None, None),
        ("\"a\\\"", None, None),
        ("a\\\"b\"c\"", None, Some("a\\\"bc")),
    ] {
        assert_eq!(
            unquote(key.as_bytes(), space).as_deref(),
            value.map(str::as_bytes),
            "{key}"
        );
    }
}
