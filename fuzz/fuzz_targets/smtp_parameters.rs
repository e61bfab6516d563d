//! Command lines, paths, the parameters of MAIL and RCPT, xtext.
#![no_main]

use godwit::smtp::command::{Line, split_path};
use godwit::smtp::parameter::{MailParameters, Offered, RcptParameters, Seen};
use godwit::smtp::xtext;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let offered = Offered {
        mt_priority: true,
        require_tls: true,
        dsn: true,
        smtputf8: true,
        auth: true,
        by_min: Some(1),
        size_max: Some(1 << 20),
    };
    let line = Line::parse(data);
    assert!(line.whole.len() <= data.len());
    for keyword in [b"FROM".as_slice(), b"TO"] {
        if let Ok((address, rest)) = split_path(line.argument, keyword) {
            assert!(address.len() + rest.len() <= data.len());
        }
    }
    let _ = MailParameters::parse(data, &offered, &mut Seen::default());
    let _ = RcptParameters::parse(data, &offered);
    assert_eq!(xtext::decode(&xtext::encode(data, b"(")), data);
    if xtext::is_xtext(data) {
        assert!(xtext::decode(data).len() <= data.len());
    }
});
