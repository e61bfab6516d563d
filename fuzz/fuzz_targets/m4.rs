//! Any bytes as a program for the macro processor: it ends, within its limits,
//! and every line of its output has an origin.

#![no_main]

use godwit::m4::{Found, Host, HostError, Limits, M4, Message, Settings};
use libfuzzer_sys::fuzz_target;

/// A world of two files.
struct World;

impl Host for World {
    fn read(&mut self, name: &[u8]) -> Result<Found, HostError> {
        let bytes: &[u8] = match name {
            b"f" => b"define(`x\');a\'b`c\n",
            b"g" => b"len(",
            _ => return Err(HostError::new("No such file or directory")),
        };
        Ok(Found {
            path: name.into(),
            bytes: bytes.to_vec(),
        })
    }

    fn message(&mut self, message: &Message) {
        assert!(!message.gnu_text().is_empty());
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((options, text)) = bytes.split_first() else {
        return;
    };
    let settings = Settings {
        prefix_builtins: options & 1 != 0,
        traditional: options & 2 != 0,
        synclines: options & 4 != 0,
        record: options & 8 != 0,
        limits: Limits {
            nesting: 500,
            output_bytes: 1 << 20,
            pending_bytes: 1 << 20,
            calls: 50_000,
            defined_bytes: 1 << 20,
            messages: 1000,
            regex_steps: 100_000,
        },
        ..Settings::default()
    };
    let mut world = World;
    let mut m4 = M4::new(&mut world, settings);
    let ran = m4.process_bytes(b"fuzz", text.to_vec());
    let (output, _) = m4.conclude(ran);
    let lines = output.bytes.split_inclusive(|byte| *byte == b'\n').count();
    assert_eq!(output.lines().count(), lines);
});
