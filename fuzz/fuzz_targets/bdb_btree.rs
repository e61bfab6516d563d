//! Any bytes as a Berkeley DB btree file: it is refused or read, without a panic
//! and in time that grows with its length.

#![no_main]

use std::ops::ControlFlow;

use godwit::dbfile::bdb::Bdb;
use libfuzzer_sys::fuzz_target;

/// Makes the first page one that is looked into.
fn disguise(bytes: &mut [u8]) {
    for (at, value) in [(12, 0x0005_3162_u32), (16, 9), (20, 512), (36, 0)] {
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    let last_page = (bytes.len() / 512).saturating_sub(1) as u32;
    bytes[32..36].copy_from_slice(&last_page.to_le_bytes());
    bytes[24..27].copy_from_slice(&[0, 9, 0]);
}

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    if bytes.len() >= 512 {
        disguise(&mut bytes);
    }
    let length = bytes.len() as u64;
    let Ok(file) = Bdb::open(bytes.as_slice(), length, 0) else {
        return;
    };
    let mut keys: Vec<Vec<u8>> = Vec::new();
    let _ = file.each(&mut |key, _| {
        if keys.len() < 20 {
            keys.push(key.to_vec());
        }
        ControlFlow::Continue(())
    });
    for key in &keys {
        let _ = file.get(key);
    }
    let _ = file.get(b"nobody");
});
