//! What `mailstats` prints.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bstr::{BString, ByteSlice};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::dbfile::statistics::{KINDS, MAILERS, Totals};

/// What `mailstats` prints: for people, with the names of mailers unless
/// `-o` was given.
pub fn table(totals: &Totals, mailers: &[BString], names: bool, zone: &TimeZone) -> Vec<u8> {
    let began = Timestamp::try_from(UNIX_EPOCH + Duration::from_secs(totals.began().min(1 << 37)));
    let began = began.unwrap_or_default().to_zoned(zone.clone());
    let began = began.strftime("%a %b %e %H:%M:%S %Y");
    let mut out = Vec::new();
    // Writing to memory does not fail.
    let _ = writeln!(out, "Statistics from {began}");
    let _ = write!(
        out,
        " M   msgsfr  bytes_from   msgsto    bytes_to  msgsrej msgsdis msgsqur"
    );
    let _ = writeln!(out, "{}", if names { "  Mailer" } else { "" });
    rows(totals, &mut out, mailers, names, "K");
    out.extend_from_slice(&[b'='; 69]);
    out.push(b'\n');
    row(&mut out, " T", "K", |kind| totals.sum(kind));
    out.push(b'\n');
    let [from, to, refused] = totals.connections();
    let _ = writeln!(
        out,
        " C {from:>8} {:>11} {to:>8} {:>11}   {refused:>6}",
        "", ""
    );
    out
}

/// What `mailstats -p` and `-P` print: for programs.
pub fn plain(totals: &Totals, mailers: &[BString], names: bool, now: SystemTime) -> Vec<u8> {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut out = Vec::new();
    let _ = writeln!(out, "{} {}", totals.began(), since.as_secs());
    rows(totals, &mut out, mailers, names, "");
    row(&mut out, " T", "", |kind| totals.sum(kind));
    out.push(b'\n');
    let [from, to, refused] = totals.connections();
    let _ = writeln!(out, " C {from:>8} {to:>8} {refused:>6}");
    out
}

fn rows(totals: &Totals, out: &mut Vec<u8>, mailers: &[BString], names: bool, unit: &str) {
    for mailer in 0..MAILERS {
        if (0..KINDS).all(|kind| totals.of(kind, mailer) == 0) {
            continue;
        }
        let head = format!("{mailer:>2}");
        row(out, &head, unit, |kind| totals.of(kind, mailer));
        if names {
            let name = mailers.get(mailer).map_or(b"".as_slice(), |name| name);
            let _ = write!(out, "  {}", name.as_bstr());
        }
        out.push(b'\n');
    }
}

fn row(out: &mut Vec<u8>, head: &str, unit: &str, of: impl Fn(usize) -> u64) {
    let _ = write!(
        out,
        "{head} {:>8} {:>10}{unit} {:>8} {:>10}{unit}   {:>6}  {:>6}  {:>6}",
        of(0),
        of(1),
        of(2),
        of(3),
        of(4),
        of(5),
        of(6)
    );
}
