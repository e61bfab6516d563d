use std::time::{Duration, SystemTime};

use super::certificate::Certificate;

fn pem(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/check/");
    std::fs::read(format!("{folder}{name}")).unwrap_or_default()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn a_key_is_told_from_others_in_every_form() {
    let rsa = Certificate::first(&pem("server.crt")).expect("a certificate");
    let curve = Certificate::first(&pem("curve.crt")).expect("a certificate");
    for (certificate, key, same) in [
        (&rsa, "server.key", Some(true)),
        (&rsa, "server-pkcs1.key", Some(true)),
        (&rsa, "other.key", Some(false)),
        (&rsa, "curve.key", Some(false)),
        (&curve, "curve.key", Some(true)),
        (&curve, "curve-sec1.key", Some(true)),
        (&curve, "server.key", Some(false)),
        (&curve, "curve.crt", None),
    ] {
        assert_eq!(certificate.is_of(&pem(key)), same, "{key}");
    }
    // An encrypted key keeps what it is to itself.
    let encrypted = b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    assert_eq!(rsa.is_of(encrypted), None);
}

#[test]
fn the_times_of_a_certificate_are_read() {
    let expired = Certificate::first(&pem("expired.crt")).expect("a certificate");
    // 2010-01-01 and 2015-01-01.
    assert_eq!(
        (expired.not_before, expired.not_after),
        (1_262_304_000, 1_420_070_400)
    );
    assert!(!expired.holds(at(1_262_303_999)) && expired.holds(at(1_262_304_000)));
    assert!(expired.holds(at(1_420_070_400)) && !expired.holds(at(1_420_070_401)));
    assert_eq!(
        expired.left(at(1_420_070_400 - 60)),
        Duration::from_secs(60)
    );
    // Beyond 2050 years have four digits: 2060-06-30 12:30:15.
    let curve = Certificate::first(&pem("curve.crt")).expect("a certificate");
    assert_eq!(curve.not_after, 2_855_824_215);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_fail(at in 0..900_usize, byte: u8, cut in 0..900_usize) {
        let mut text = pem("server.crt");
        let length = text.len();
        text[at % length] = byte;
        let _ = Certificate::first(&text);
        text.truncate(cut % length);
        if let Some(found) = Certificate::first(&text) {
            let _ = found.is_of(&text);
        }
    }
}
