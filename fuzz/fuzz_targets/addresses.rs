//! Address lists and quoting on any bytes: the parts stand in the text.
#![no_main]

use godwit::message::{addresses, quoting};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let items = addresses::split(data);
    let length: usize = items.iter().map(|item| item.text.len()).sum();
    assert!(length <= data.len());
    let texts: Vec<&[u8]> = items.iter().map(|item| item.text).collect();
    addresses::join(&items, texts, 4);
    assert!(quoting::unquote(data).len() <= data.len());
});
