//! `mailstats`: the counters' file and what is printed of it, as the
//! reference has both.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bstr::BString;
use expect_test::expect;
use godwit::dbfile::statistics::{Statistics, Totals, TotalsError};
use godwit::report::statistics::{plain, table};
use godwit::world::Counted;
use jiff::tz::TimeZone;

const BEGAN: u64 = 1_795_337_777;

fn time(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(BEGAN + seconds)
}

fn mailers() -> Vec<BString> {
    ["prog", "*file*", "*include*", "local", "smtp", "esmtp"]
        .map(BString::from)
        .to_vec()
}

/// The bytes of a file after some mail.
fn counted() -> Vec<u8> {
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
    let mut totals = Totals::parse(b"", time(0)).unwrap();
    totals.add(&statistics.take().unwrap());
    let bytes = totals.bytes();
    statistics.count(Counted::Rejected { mailer: 5 });
    statistics.count(Counted::Discarded { mailer: 3 });
    statistics.count(Counted::Quarantined { mailer: 3 });
    statistics.count(Counted::ConnectionIn);
    statistics.count(Counted::ConnectionOut);
    statistics.count(Counted::ConnectionRejected);
    statistics.count(Counted::Rejected { mailer: 4000 });
    let mut totals = Totals::parse(&bytes, time(60)).unwrap();
    totals.add(&statistics.take().unwrap());
    assert_eq!(statistics.take(), None);
    totals.bytes()
}

#[test]
fn counters_are_printed_as_the_reference_prints_them() {
    let totals = Totals::parse(&counted(), time(99)).unwrap();
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
    .assert_eq(&text(table(&totals, &mailers(), true, &TimeZone::UTC)));
    expect![[r#"
        1795337777 1795337876
         3        3          4        0          0        0       1       1
         5        0          0        1          5        1       0       0
         T        3          4        1          5        1       1       1
         C        1        1      1
    "#]]
    .assert_eq(&text(plain(&totals, &mailers(), false, time(99))));
}

#[test]
fn the_file_is_the_references() {
    let bytes = counted();
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
    let error = |bytes: &[u8]| Totals::parse(bytes, time(0)).unwrap_err();
    assert_eq!(error(b"garbage"), TotalsError::Magic);
    let mut bytes = counted();
    assert_eq!(error(&bytes[..700]), TotalsError::Size);
    bytes[4] = 5;
    assert_eq!(error(&bytes), TotalsError::Version(5));
    let statistics = Statistics::default();
    statistics.count(Counted::ConnectionIn);
    let taken = statistics.take().unwrap();
    statistics.count(Counted::ConnectionIn);
    statistics.give_back(&taken);
    let mut totals = Totals::parse(b"", time(0)).unwrap();
    totals.add(&statistics.take().unwrap());
    assert_eq!(totals.connections(), [2, 0, 0]);
}
