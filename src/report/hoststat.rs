//! `hoststat`: how the last visit to each host ended, in the reference's form.

use std::time::SystemTime;

use bstr::{BString, ByteSlice};

use crate::base::interval;
use crate::deliver::HostRecord;

/// Bytes of an answer that the short form shows.
const ANSWER_BYTES_MAX: usize = 25;

/// A line for each host, below a heading; nothing when there is none.
pub fn listing(hosts: &[(BString, HostRecord)], now: SystemTime, verbose: bool) -> BString {
    let mut text = BString::default();
    if hosts.is_empty() {
        return text;
    }
    text.extend_from_slice(
        b" -------------- Hostname --------------- How long ago ---------Results---------\n",
    );
    for (host, record) in hosts {
        let age = now.duration_since(record.when).unwrap_or_default();
        let answer = match verbose {
            true => record.text.as_bytes(),
            false => &record.text[..record.text.len().min(ANSWER_BYTES_MAX)],
        };
        let clock = interval::clock(age);
        let line = format!(" {:<39} {clock:>12} ", host.to_str_lossy());
        text.extend_from_slice(line.as_bytes());
        text.extend_from_slice(answer);
        text.push(b'\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::Enhanced;

    #[test]
    fn as_the_reference_prints_it() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let host = |name: &str, ago: u64, text: &str| {
            let record = HostRecord {
                when: now - Duration::from_secs(ago),
                status: Enhanced::new(4, 4, 1),
                text: text.into(),
            };
            (BString::from(name), record)
        };
        let hosts = [
            host("local", 1, "250 2.1.5 bob Ok"),
            host("127.0.0.1", 2, "Deferred: Connection refused"),
        ];
        let heading =
            " -------------- Hostname --------------- How long ago ---------Results---------\n";
        let first = " local                                       00:00:01 250 2.1.5 bob Ok\n";
        let short =
            " 127.0.0.1                                   00:00:02 Deferred: Connection refu\n";
        let long = short.replace("refu\n", "refused\n");
        let expected = |second: &str| BString::from(format!("{heading}{first}{second}"));
        assert_eq!(listing(&hosts, now, false), expected(short));
        assert_eq!(listing(&hosts, now, true), expected(&long));
        assert_eq!(listing(&[], now, true), "");
    }
}
