//! Any bytes as an alias file: every line is an alias or a fault.

#![no_main]

use godwit::map::aliases::{Line, Source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut source = Source::new(bytes);
    while let Some((number, line)) = source.read().expect("in memory") {
        assert!(number > 0);
        if let Line::Alias { name, value, .. } = line {
            assert!(!name.is_empty() && !value.is_empty());
        }
    }
});
