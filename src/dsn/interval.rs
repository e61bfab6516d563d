//! Intervals in words: `1 hour, 30 minutes`.

use std::time::Duration;

/// An interval in words, as reports have it.
pub fn words(interval: Duration) -> String {
    let mut rest = interval.as_secs();
    let mut parts = Vec::new();
    for (unit, seconds) in [
        ("week", 7 * 86_400),
        ("day", 86_400),
        ("hour", 3600),
        ("minute", 60),
        ("second", 1),
    ] {
        let count = rest / seconds;
        rest %= seconds;
        if count > 0 {
            let plural = if count == 1 { "" } else { "s" };
            parts.push(format!("{count} {unit}{plural}"));
        }
    }
    if parts.is_empty() {
        return "0 seconds".into();
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_read_as_the_reference_writes_them() {
        for (seconds, expected) in [
            (1, "1 second"),
            (90, "1 minute, 30 seconds"),
            (5400, "1 hour, 30 minutes"),
            (14_400, "4 hours"),
            (26 * 3600, "1 day, 2 hours"),
            (432_000, "5 days"),
            (61 * 3600, "2 days, 13 hours"),
            (8 * 86_400, "1 week, 1 day"),
            (7 * 86_400 + 1, "1 week, 1 second"),
            (
                17 * 86_400 + 4 * 3600 + 306,
                "2 weeks, 3 days, 4 hours, 5 minutes, 6 seconds",
            ),
            (140 * 86_400, "20 weeks"),
        ] {
            assert_eq!(words(Duration::from_secs(seconds)), expected);
        }
    }
}
