//! What rules and logs are told of TLS.

use bstr::{BStr, BString, ByteSlice};

use crate::rewrite::MacroTable;
use crate::world::{TlsFacts, TlsFeatures};

/// What the log says of a handshake, with the LogLevel of each line. `side`
/// is `server` or `client`, `relay` the other side.
pub fn log_lines(side: &str, relay: &BStr, facts: &TlsFacts) -> [(u8, BString); 2] {
    let none = BString::default();
    let (subject, issuer) = match &facts.certificate {
        Some(certificate) => (&certificate.subject, &certificate.issuer),
        None => (&none, &none),
    };
    let first = bstr::concat([
        format!("STARTTLS={side}, relay=").as_bytes(),
        relay,
        format!(
            ", version={}, verify={}, cipher={}, bits={bits}/{bits}",
            facts.version,
            facts.verify.as_str(),
            facts.cipher,
            bits = facts.bits
        )
        .as_bytes(),
    ]);
    let second = bstr::concat([
        format!("STARTTLS={side}, cert-subject=").as_bytes(),
        &subject[..subject.len().min(256)],
        b", cert-issuer=",
        &issuer[..issuer.len().min(256)],
        format!(", verifymsg={}", facts.verify_message).as_bytes(),
    ]);
    [(9, first.into()), (12, second.into())]
}

/// Reads what `tls_srv_features` or `tls_clt_features` says: `key=value` pairs,
/// divided by semicolons; unknown keys mean nothing.
pub fn features(text: &[u8]) -> TlsFeatures {
    let mut features = TlsFeatures::default();
    let text = text.replace("\"", "");
    for part in text.split(|byte| *byte == b';') {
        // Rules may put blanks around what they take apart.
        let Some((key, value)) = part.split_once_str("=") else {
            continue;
        };
        let value: BString = value.trim().into();
        match key.trim().to_ascii_lowercase().as_slice() {
            b"certfile" => features.certificate = value,
            b"keyfile" => features.key = value,
            b"options" => features.options = value,
            b"cipherlist" => features.ciphers = value,
            b"ciphersuites" => features.suites = value,
            b"flags" => features.flags = value,
            _ => {}
        }
    }
    // One without the other is of no use.
    if features.certificate.is_empty() || features.key.is_empty() {
        features.certificate.clear();
        features.key.clear();
    }
    features
}

/// Sets the macros of a connection under TLS.
pub fn set_macros(macros: &mut MacroTable, facts: &TlsFacts) {
    let certificate = facts.certificate.clone().unwrap_or_default();
    macros.set(b"tls_version", facts.version);
    macros.set(b"cipher", facts.cipher.clone());
    macros.set(b"cipher_bits", facts.bits.to_string());
    macros.set(b"alg_bits", facts.bits.to_string());
    macros.set(b"verify", facts.verify.as_str());
    macros.set(b"cert_subject", certificate.subject);
    macros.set(b"cert_issuer", certificate.issuer);
    macros.set(b"cn_subject", certificate.subject_name);
    macros.set(b"cn_issuer", certificate.issuer_name);
    macros.set(b"cert_fp", certificate.fingerprint.clone());
    macros.set(b"cert_md5", certificate.fingerprint);
}
