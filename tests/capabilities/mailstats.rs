//! `mailstats`: the counters' file and what is printed of it, as the
//! reference has both.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bstr::BString;
use expect_test::expect;
use godwit::report::statistics::{Statistics, Totals};
use godwit::world::Counted;
use jiff::tz::TimeZone;

use crate::sim_disk::{Faults, SimDisk};

const BEGAN: u64 = 1_795_337_777;

fn time(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(BEGAN + seconds)
}

fn path() -> &'static Path {
    Path::new("/var/lib/sendmail.st")
}

fn mailers() -> Vec<BString> {
    ["prog", "*file*", "*include*", "local", "smtp", "esmtp"]
        .map(BString::from)
        .to_vec()
}

fn counted() -> SimDisk {
    let disk = SimDisk::new(1, Faults::default());
    disk.put(path(), b"");
    let statistics = Statistics::default();
    for size_bytes in [10, 1024, 1025] {
        statistics.count(Counted::From {
            mailer: 3,
            size_bytes,
        });
    }
    statistics.count(Counted::To {
        mailer: 5,
        size_bytes: 5000,
    });
    statistics.flush(&disk, path(), time(0)).unwrap();
    statistics.count(Counted::Rejected { mailer: 5 });
    statistics.count(Counted::Discarded { mailer: 3 });
    statistics.count(Counted::Quarantined { mailer: 3 });
    statistics.count(Counted::ConnectionIn);
    statistics.count(Counted::ConnectionOut);
    statistics.count(Counted::ConnectionRejected);
    statistics.count(Counted::Rejected { mailer: 4000 });
    statistics.flush(&disk, path(), time(60)).unwrap();
    disk
}

#[test]
fn counters_are_printed_as_the_reference_prints_them() {
    let totals = Totals::read(&counted(), path(), time(99)).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    expect![[r#"
        Statistics from Sun Nov 22 08:56:17 2026
         M   msgsfr  bytes_from   msgsto    bytes_to  msgsrej msgsdis msgsqur  Mailer
         3        3          4K        0          0K        0       1       1  local
         5        0          0K        1          5K        1       0       0  esmtp
        =====================================================================
         T        3          4K        1          5K        1       1       1
         C        1                    1                    1
    "#]]
    .assert_eq(&text(totals.table(&mailers(), true, &TimeZone::UTC)));
    expect![[r#"
        1795337777 1795337876
         3        3          4        0          0        0       1       1
         5        0          0        1          5        1       0       0
         T        3          4        1          5        1       1       1
         C        1        1      1
    "#]]
    .assert_eq(&text(totals.plain(&mailers(), false, time(99))));
}

#[test]
fn the_file_is_the_references() {
    let bytes = counted().bytes(path()).unwrap();
    assert_eq!(bytes.len(), 1448);
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    assert_eq!(number(0), 0x0000_0004_0001_B1DE);
    assert_eq!(number(8), BEGAN);
    assert_eq!(number(16), 1448);
    assert_eq!([number(24), number(32), number(40)], [1, 1, 1]);
    // local: messages and kilobytes in.
    assert_eq!([number(48 + 3 * 8), number(248 + 3 * 8)], [3, 4]);
    // esmtp: messages and kilobytes out, refused.
    assert_eq!(
        [number(448 + 40), number(648 + 40), number(848 + 40)],
        [1, 5, 1]
    );
    assert_eq!([number(1048 + 24), number(1248 + 24)], [1, 1]);
}

#[test]
fn what_is_something_else_is_refused_and_nothing_is_lost() {
    let disk = SimDisk::new(1, Faults::default());
    disk.put(path(), b"garbage");
    let statistics = Statistics::default();
    statistics.count(Counted::ConnectionIn);
    let error = statistics.flush(&disk, path(), time(0)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "incorrect magic number in /var/lib/sendmail.st"
    );
    assert!(
        statistics
            .flush(&disk, Path::new("/nowhere"), time(0))
            .is_err()
    );
    disk.put(path(), b"");
    statistics.flush(&disk, path(), time(0)).unwrap();
    let totals = Totals::read(&disk, path(), time(0)).unwrap();
    let plain = totals.plain(&[], false, time(0));
    assert!(plain.ends_with(b" C        1        0      0\n"));
    let mut bytes = disk.bytes(path()).unwrap();
    bytes[4] = 5;
    disk.put(path(), &bytes);
    let error = Totals::read(&disk, path(), time(0)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "mailstats version (4) incompatible with /var/lib/sendmail.st version (5)"
    );
    disk.put(path(), &counted().bytes(path()).unwrap()[..700]);
    let error = Totals::read(&disk, path(), time(0)).unwrap_err();
    assert_eq!(error.to_string(), "file size changed.");
}
