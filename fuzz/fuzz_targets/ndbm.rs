//! Any bytes as an ndbm file: it is refused or read, without a panic.

#![no_main]

use std::ops::ControlFlow;

use godwit::dbfile::ndbm::Ndbm;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = Ndbm::open(&bytes, bytes.len() as u64) else {
        return;
    };
    let mut keys: Vec<Vec<u8>> = Vec::new();
    file.each(&mut |key, _| {
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
