//! Dates as mail writes them (RFC 5322, section 3.3) and as mailboxes do.

use std::time::SystemTime;

use jiff::{Timestamp, Zoned, tz::TimeZone};

/// `Mon, 1 Jan 2024 00:00:00 +0100 (CET)`: `$a`, `$b` and `Date:`.
///
/// `// sendmail:` a zone that has no numbers to it is said in words alone:
/// `GMT`.
pub fn rfc5322(time: SystemTime, zone: &TimeZone) -> String {
    let zoned = at(time, zone);
    let offset = zoned.offset().seconds() / 60;
    let name = zoned.strftime("%Z").to_string();
    let date = zoned.strftime("%a, %-d %b %Y %H:%M:%S");
    if offset == 0 && (name == "GMT" || name == "UTC" || name.is_empty()) {
        return format!("{date} GMT");
    }
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset.abs() / 60, offset.abs() % 60);
    let named = name.bytes().all(|b| b.is_ascii_alphabetic()) && !name.is_empty();
    if named {
        format!("{date} {sign}{hours:02}{minutes:02} ({name})")
    } else {
        format!("{date} {sign}{hours:02}{minutes:02}")
    }
}

/// `Mon Jan  1 00:00:00 2024`: `$d`, and the `From ` line of a mailbox.
pub fn ctime(time: SystemTime, zone: &TimeZone) -> String {
    at(time, zone).strftime("%a %b %e %H:%M:%S %Y").to_string()
}

/// `202401010000`: `$t`, year to minute.
pub fn minutes(time: SystemTime, zone: &TimeZone) -> String {
    at(time, zone).strftime("%Y%m%d%H%M").to_string()
}

fn at(time: SystemTime, zone: &TimeZone) -> Zoned {
    // A clock outside of what a date can say shows its epoch.
    Timestamp::try_from(time)
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_zoned(zone.clone())
}

/// Turns the date of a `From ` line (`Mon Jan  1 00:00:00 2024`) into the
/// form of RFC 5322, taking it as local time.
pub fn from_ctime(text: &[u8], zone: &TimeZone) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let civil = jiff::civil::DateTime::strptime("%a %b %e %H:%M:%S %Y", text).ok()?;
    let zoned = civil.to_zoned(zone.clone()).ok()?;
    Some(rfc5322(SystemTime::from(zoned.timestamp()), zone))
}

/// The moment a `Date:` names.
pub fn parse(text: &[u8]) -> Option<SystemTime> {
    let text = std::str::from_utf8(text).ok()?;
    let zoned = jiff::fmt::rfc2822::parse(text.trim()).ok()?;
    Some(SystemTime::from(zoned.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn time(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn forms() {
        let (utc, cet) = (TimeZone::UTC, TimeZone::get("Europe/Berlin").unwrap());
        let moment = time(1_704_067_200);
        assert_eq!(rfc5322(moment, &utc), "Mon, 1 Jan 2024 00:00:00 GMT");
        assert_eq!(
            rfc5322(moment, &cet),
            "Mon, 1 Jan 2024 01:00:00 +0100 (CET)"
        );
        assert_eq!(ctime(moment, &utc), "Mon Jan  1 00:00:00 2024");
        assert_eq!(minutes(moment, &cet), "202401010100");
        assert_eq!(parse(rfc5322(moment, &cet).as_bytes()), Some(moment));
        assert_eq!(
            from_ctime(b"Mon Jan  1 00:00:00 2024", &utc).as_deref(),
            Some("Mon, 1 Jan 2024 00:00:00 GMT")
        );
        assert_eq!(from_ctime(b"y z", &utc), None);
        assert_eq!(parse(b"not a date"), None);
    }
}
