//! Whatever a server says, in whatever pieces, a session ends and every
//! recipient has one outcome.
#![no_main]

use godwit::smtp::client::{Client, Protocol, Rcpt, Settings, Step, Timeouts, Transaction};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, Vec<Vec<u8>>)| {
    let (protocol, pieces) = input;
    let mut client = Client::new(Settings {
        protocol: match protocol % 4 {
            0 => Protocol::Extended,
            1 => Protocol::Automatic,
            2 => Protocol::Plain,
            _ => Protocol::Lmtp,
        },
        name: "me.example".into(),
        pipelining: protocol & 4 == 0,
        timeouts: Timeouts::default(),
    });
    let mut pieces = pieces.into_iter();
    let mut transactions = 0;
    loop {
        match client.step() {
            Step::Write => client.take_output(&mut Vec::new()),
            Step::Content => client.content_sent(),
            Step::Read(_) => match pieces.next() {
                Some(piece) => client.receive(&piece),
                None => client.lost(),
            },
            Step::Idle if transactions < 10 => {
                transactions += 1;
                client.begin(Transaction {
                    sender: "a@b".into(),
                    recipients: vec![Rcpt::new("c@d"), Rcpt::new("e@f")],
                    ..Transaction::default()
                });
            }
            Step::Idle => client.quit(),
            Step::Done => {
                let report = client.take_report();
                assert_eq!(report.map(|report| report.outcomes.len()), Some(2));
            }
            Step::Closed => break,
        }
    }
});
