//! Whatever a certificate holds, nothing in it breaks out of a macro.
#![no_main]

use godwit::os::{Fingerprint, certificate_facts};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|der: &[u8]| {
    let facts = certificate_facts(der, Fingerprint::Sha256);
    let texts = [
        &facts.subject,
        &facts.issuer,
        &facts.subject_name,
        &facts.issuer_name,
    ];
    for text in texts.into_iter().chain(&facts.names) {
        let is_safe = |byte: &u8| byte.is_ascii_graphic() && !b"<>()\"".contains(byte);
        assert!(text.iter().all(is_safe));
    }
});
