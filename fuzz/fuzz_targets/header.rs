//! Headers, address lists and MIME on any bytes.
#![no_main]

use godwit::message::{addresses, block, mime};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (header, body) = block::split(data);
    let mut header = block::parse(header);
    for field in header.fields() {
        let items = addresses::split(&field.value);
        let texts: Vec<&[u8]> = items.iter().map(|item| item.text).collect();
        addresses::join(&items, texts, field.name.len());
    }
    let rules = mime::Rules {
        is_untouched: &|kind| kind == b"multipart/signed",
        is_never_base64: &|_| false,
        charset: b"unknown-8bit",
        by: b"mail.example.org",
    };
    mime::to_seven_bit(&mut header, body, &rules);
});
