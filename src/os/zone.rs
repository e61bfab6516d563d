//! The time zone that dates are written in.
//!
//! The file of the zone is read and nothing else: looking a zone up by its
//! name in the system's database would first list the whole database.

use std::path::{Path, PathBuf};

use bstr::ByteSlice;
use jiff::tz::TimeZone;

use crate::cf::{Opt, Options};

/// The system's zone.
const LOCAL: &str = "/etc/localtime";
/// Where zones are by name.
const ZONES: &str = "/usr/share/zoneinfo";

/// The zone that a configuration asks for: without option TimeZoneSpec the
/// system's; with an empty one `$TZ`; otherwise the one it names, as `$TZ`
/// would. What cannot be found is UTC, as in libc.
pub fn time_zone(options: &Options) -> TimeZone {
    match options.all(Opt::TimeZoneSpec).last() {
        None => local(),
        Some(value) if value.text.is_empty() => usual_zone(),
        Some(value) => value.text.to_str().map_or(TimeZone::UTC, named),
    }
}

/// The zone of whoever called: `$TZ`, else the system's.
pub fn usual_zone() -> TimeZone {
    match std::env::var("TZ") {
        Ok(zone) => named(&zone),
        Err(_) => local(),
    }
}

fn local() -> TimeZone {
    read(Path::new(LOCAL)).unwrap_or(TimeZone::UTC)
}

/// What `$TZ` means (POSIX, and the names of files that libc takes).
fn named(zone: &str) -> TimeZone {
    let name = zone.strip_prefix(':').unwrap_or(zone);
    if name.is_empty() {
        return TimeZone::UTC;
    }
    let path = match Path::new(name) {
        path if path.is_absolute() => path.to_owned(),
        _ if name.split('/').any(|part| part == "..") => PathBuf::new(),
        path => Path::new(ZONES).join(path),
    };
    read(&path)
        .or_else(|| TimeZone::posix(name).ok())
        .unwrap_or(TimeZone::UTC)
}

fn read(path: &Path) -> Option<TimeZone> {
    let bytes = std::fs::read(path).ok()?;
    TimeZone::tzif("", &bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::named;

    fn offset(zone: &str) -> i32 {
        let noon: jiff::Timestamp = "2026-01-15T12:00:00Z".parse().unwrap();
        named(zone).to_offset(noon).seconds()
    }

    #[test]
    fn zones_as_libc_takes_them() {
        assert_eq!(offset("UTC"), 0);
        assert_eq!(offset("XYZ-5:30"), 5 * 3600 + 1800);
        assert_eq!(offset("EST5EDT,M3.2.0,M11.1.0"), -5 * 3600);
        for unknown in ["", ":", "../../etc/passwd", "no such zone"] {
            assert_eq!(offset(unknown), 0, "{unknown}");
        }
        if std::path::Path::new("/usr/share/zoneinfo/Asia/Tokyo").exists() {
            assert_eq!(offset("Asia/Tokyo"), 9 * 3600);
            assert_eq!(offset(":Asia/Tokyo"), 9 * 3600);
        }
    }
}
