//! Cipher suites by the names that OpenSSL, and so rules and logs, give them.

use rustls::CipherSuite;

/// Name and bits of the suites that rustls speaks.
const SUITES: &[(CipherSuite, &str, u32)] = &[
    (
        CipherSuite::TLS13_AES_256_GCM_SHA384,
        "TLS_AES_256_GCM_SHA384",
        256,
    ),
    (
        CipherSuite::TLS13_AES_128_GCM_SHA256,
        "TLS_AES_128_GCM_SHA256",
        128,
    ),
    (
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
        "TLS_CHACHA20_POLY1305_SHA256",
        256,
    ),
    (
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        256,
    ),
    (
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        128,
    ),
    (
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        256,
    ),
    (
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        "ECDHE-RSA-AES256-GCM-SHA384",
        256,
    ),
    (
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        "ECDHE-RSA-AES128-GCM-SHA256",
        128,
    ),
    (
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        "ECDHE-RSA-CHACHA20-POLY1305",
        256,
    ),
];

/// The name of a suite, and the bits of its cipher.
pub(super) fn named(suite: CipherSuite) -> (&'static str, u32) {
    let found = SUITES.iter().find(|(known, _, _)| *known == suite);
    found.map_or(("unknown", 0), |(_, name, bits)| (*name, *bits))
}

/// The suites that OpenSSL's lists of ciphers leave of those that are spoken:
/// `ciphers` (option CipherList) for TLS 1.2, `suites` (option CipherSuites)
/// for TLS 1.3, either empty for all. With it, words that ask for what is not
/// spoken, on principle.
///
/// A word is the name of a suite, or of a part (`AESGCM`, `ECDSA`, `AES256`),
/// or several with `+` between; `!` and `-` take away. Ranks are not kept to:
/// the client's wish decides among what is equally strong.
pub fn choose(ciphers: &[u8], suites: &[u8]) -> (Vec<CipherSuite>, Vec<String>) {
    let mut unknown = Vec::new();
    let mut chosen = Vec::new();
    for (list, is_13) in [(suites, true), (ciphers, false)] {
        let ours = || {
            let of_version = move |name: &str| name.starts_with("TLS_") == is_13;
            SUITES.iter().filter(move |(_, name, _)| of_version(name))
        };
        let (mut on, mut off): (Vec<CipherSuite>, Vec<CipherSuite>) = (Vec::new(), Vec::new());
        let text = String::from_utf8_lossy(list);
        let words = text.split([':', ',', ' ']).filter(|word| !word.is_empty());
        let mut is_asked = false;
        for word in words.filter(|word| !word.starts_with('@')) {
            let bare = word.trim_start_matches(['!', '-', '+']);
            let meant: Vec<CipherSuite> = ours()
                .filter(|(_, name, _)| bare.split('+').all(|part| is_part(name, part)))
                .map(|(suite, _, _)| *suite)
                .collect();
            if word.starts_with(['!', '-']) {
                off.extend(meant);
                continue;
            }
            is_asked = true;
            if meant.is_empty() {
                unknown.push(bare.to_owned());
            }
            on.extend(meant);
        }
        let all = !is_asked || on.is_empty();
        let left = ours().map(|(suite, _, _)| *suite);
        chosen.extend(left.filter(|suite| (all || on.contains(suite)) && !off.contains(suite)));
    }
    (chosen, unknown)
}

/// Whether a word of OpenSSL's lists is about a suite.
fn is_part(name: &str, word: &str) -> bool {
    let upper = word.to_ascii_uppercase();
    match upper.as_str() {
        "ALL"
        | "HIGH"
        | "DEFAULT"
        | "COMPLEMENTOFDEFAULT"
        | "TLSV1.2"
        | "AEAD"
        | "ECDHE"
        | "EECDH"
        | "KEECDH"
        | "KECDHE"
        | "SECLEVEL" => true,
        "AESGCM" => name.contains("GCM"),
        "AES" => name.contains("AES"),
        "AES128" | "AES256" => name.contains(upper.as_str()),
        "CHACHA20" => name.contains("CHACHA20"),
        "ECDSA" | "AECDSA" => name.contains("ECDSA"),
        "ARSA" => name.contains("RSA"),
        "SHA256" | "SHA384" => name.ends_with(upper.as_str()),
        _ => name.eq_ignore_ascii_case(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_openssl() {
        let names = |ciphers: &str| -> (Vec<&str>, Vec<String>) {
            let (suites, unknown) = choose(ciphers.as_bytes(), b"TLS_AES_128_GCM_SHA256");
            let names = suites.into_iter().map(|suite| named(suite).0);
            (names.collect(), unknown)
        };
        let (all, _) = names("HIGH:!aNULL:!MD5");
        assert_eq!(all.len(), 7, "{all:?}");
        let (few, unknown) = names("ECDHE-RSA-AES256-GCM-SHA384:ECDHE+CHACHA20:RC4-SHA:!ECDSA");
        assert_eq!(
            few,
            [
                "TLS_AES_128_GCM_SHA256",
                "ECDHE-RSA-AES256-GCM-SHA384",
                "ECDHE-RSA-CHACHA20-POLY1305"
            ]
        );
        assert_eq!(unknown, ["RC4-SHA"]);
        // What leaves nothing has no effect.
        assert_eq!(names("3DES").0.len(), 7);
    }
}
