//! Any pattern against any text: it ends within its fuel, and what is found
//! lies in the text.

#![no_main]

use godwit::base::regex::{Fuel, Posix, compile_posix};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|parts: (bool, bool, &[u8], &[u8])| {
    let (basic, ignore_case, pattern, text) = parts;
    let syntax = Posix { basic, ignore_case };
    let Ok(regex) = compile_posix(pattern, syntax) else {
        return;
    };
    if let Ok(Some(found)) = regex.search(text, 0, &mut Fuel(100_000)) {
        for group in 0..=regex.groups() {
            if let Some((start, end)) = found.group(group) {
                assert!(start <= end && end <= text.len());
            }
        }
    }
});
