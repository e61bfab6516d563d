//! A certificate as macros and rules see it.
//!
//! Names are written on one line, as OpenSSL does (`/O=Example/CN=host`), and
//! what would mean something else in rules is written `+HH`. A certificate is
//! foreign: nothing in it may break out of that form.

use bstr::BString;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry as oids;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::Fingerprint;
use crate::world::CertificateFacts;

/// The longest name that is taken into a macro.
const NAME_BYTES_MAX: usize = 1024;
/// Names of one certificate that are kept.
const NAMES_MAX: usize = 100;

/// Short names of attributes, as OpenSSL has them.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.42", "GN"),
    ("2.5.4.46", "dnQualifier"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

/// Reads a certificate (DER); what cannot be read is empty.
pub fn facts(der: &[u8], fingerprint: Fingerprint) -> CertificateFacts {
    let digest = match fingerprint {
        Fingerprint::Md5 => Md5::digest(der).to_vec(),
        Fingerprint::Sha1 => Sha1::digest(der).to_vec(),
        Fingerprint::Sha256 => Sha256::digest(der).to_vec(),
    };
    let mut facts = CertificateFacts {
        fingerprint: colons(&digest),
        ..CertificateFacts::default()
    };
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return facts;
    };
    facts.subject = one_line(certificate.subject());
    facts.issuer = one_line(certificate.issuer());
    facts.subject_name = common_name(certificate.subject());
    facts.issuer_name = common_name(certificate.issuer());
    if let Ok(Some(extension)) = certificate.subject_alternative_name() {
        for name in extension.value.general_names.iter().take(NAMES_MAX) {
            if let GeneralName::DNSName(name) = name {
                facts.names.push(encode(name.as_bytes()));
            }
        }
    }
    facts
}

/// `AB:CD:…`
fn colons(digest: &[u8]) -> BString {
    let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":").into()
}

fn one_line(name: &X509Name<'_>) -> BString {
    let mut out = Vec::new();
    for attribute in name.iter_attributes() {
        let oid = attribute.attr_type().to_id_string();
        let short = ATTRIBUTES.iter().find(|(known, _)| *known == oid);
        out.push(b'/');
        out.extend_from_slice(short.map_or(oid.as_str(), |(_, name)| name).as_bytes());
        out.push(b'=');
        for byte in attribute.attr_value().data {
            match byte {
                b' '..=b'~' => out.push(*byte),
                other => out.extend_from_slice(format!("\\x{other:02X}").as_bytes()),
            }
        }
        if out.len() > NAME_BYTES_MAX {
            out.truncate(NAME_BYTES_MAX);
            break;
        }
    }
    encode(&out)
}

fn common_name(name: &X509Name<'_>) -> BString {
    // OpenSSL gives the first.
    let found = name.iter_by_oid(&oids::OID_X509_COMMON_NAME).next();
    match found.map(|attribute| attribute.attr_value().data) {
        // A NUL would end the name early where others read it.
        Some(text) if text.contains(&0) => "BadCertificateContainsNUL".into(),
        Some(text) if text.len() > 256 => "BadCertificateTooLong".into(),
        Some(text) => encode(text),
        None => BString::default(),
    }
}

/// What rules cannot bear as `+HH`.
fn encode(text: &[u8]) -> BString {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        let is_bearable = byte.is_ascii_graphic() && !b"<>()\"+".contains(byte);
        if is_bearable {
            out.push(*byte);
        } else {
            out.extend_from_slice(format!("+{byte:02X}").as_bytes());
        }
    }
    out.into()
}

/// The digest that stands for a server's certificate in channel binding
/// `tls-server-end-point` (RFC 5929, section 4.1).
pub(super) fn end_point(der: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let algorithm = &certificate.signature_algorithm.algorithm;
    let is = |oid: &oids::Oid<'_>| algorithm == oid;
    let digest = if is(&oids::OID_PKCS1_SHA384WITHRSA) || is(&oids::OID_SIG_ECDSA_WITH_SHA384) {
        Sha384::digest(der).to_vec()
    } else if is(&oids::OID_PKCS1_SHA512WITHRSA) || is(&oids::OID_SIG_ECDSA_WITH_SHA512) {
        Sha512::digest(der).to_vec()
    } else {
        Sha256::digest(der).to_vec()
    };
    Some(digest)
}
