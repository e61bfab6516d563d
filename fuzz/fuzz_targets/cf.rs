//! Any bytes as a configuration: it is read, and so is what the printer makes
//! of it.
#![no_main]

use godwit::base::Origin;
use godwit::cf::{Origins, print, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let origin = Origin::file_only("fuzz.cf");
    let (config, _) = read(data, Origins::File(&origin));
    let _ = read(&print(&config), Origins::File(&origin));
});
