//! Any bytes as a `.mc`: the compilation ends, every line of what it gives has
//! an origin, and what it gives can be read.

#![no_main]

use godwit::cf::{self, Origins};
use godwit::m4::{Found, Host, HostError, Message};
use godwit::mc::{Request, Templates, compile};
use libfuzzer_sys::fuzz_target;

/// A world with nothing but the library.
struct World;

impl Host for World {
    fn read(&mut self, _: &[u8]) -> Result<Found, HostError> {
        Err(HostError::new("No such file or directory"))
    }

    fn message(&mut self, _: &Message) {}
}

fuzz_target!(|bytes: &[u8]| {
    let request = Request {
        name: "fuzz.mc",
        text: bytes,
        templates: Templates::BuiltIn,
        allow_commands: false,
    };
    let compiled = compile(&request, &mut World);
    let lines = compiled.text.split_inclusive(|byte| *byte == b'\n').count();
    assert_eq!(compiled.origins.len(), lines);
    if !compiled.failed() {
        let _ = cf::read(&compiled.text, Origins::Lines(&compiled.origins));
    }
});
