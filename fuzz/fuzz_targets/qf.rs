//! Control files: any text, read and written again.

#![no_main]

use godwit::queue::control_file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let Ok(file) = control_file::read(text) else {
        return;
    };
    let again = control_file::write(&file.envelope, &file.header, b"mail.example.org", None);
    let back = control_file::read(&again).expect("what is written can be read");
    assert_eq!(back.envelope.recipients.len(), file.envelope.recipients.len());
    assert_eq!(back.header.fields().len(), file.header.fields().len());
    let once_more = control_file::write(&back.envelope, &back.header, b"mail.example.org", None);
    let file = control_file::read(&once_more).expect("what is written can be read");
    let settled = control_file::write(&file.envelope, &file.header, b"mail.example.org", None);
    assert_eq!(settled, once_more, "reading and writing settles");
});
