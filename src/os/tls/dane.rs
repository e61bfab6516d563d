//! A server's certificate against the TLSA records of its domain (RFC 7672).

use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest, Sha256, Sha512};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::peer::{provider, words};
use crate::world::Tlsa;

/// Whether a chain is what one of the records says.
///
/// # Errors
/// Why it is not, for the log.
pub(super) fn verify(
    chain: &[CertificateDer<'_>],
    records: &[Tlsa],
    names: &[&str],
    now: UnixTime,
) -> Result<(), String> {
    let Some((leaf, rest)) = chain.split_first() else {
        return Err("no certificate".to_owned());
    };
    let usable = || records.iter().filter(|record| record.is_usable());
    // The server's own: neither name nor dates count (section 3.1.1).
    if usable().any(|record| record.usage == 3 && is_meant(record, leaf)) {
        return Ok(());
    }
    let mut why = "TLSA records match no certificate".to_owned();
    for record in usable().filter(|record| record.usage == 2) {
        // The record may be the authority's certificate itself.
        let whole = CertificateDer::from(record.data.as_slice());
        let given = (record.selector == 0 && record.matching == 0).then_some(&whole);
        let meant = rest.iter().filter(|der| is_meant(record, der));
        for authority in meant.chain(given) {
            match leads_to(leaf, rest, authority, names, now) {
                Ok(()) => return Ok(()),
                Err(error) => why = words(&error),
            }
        }
    }
    Err(why)
}

/// Whether a record is about a certificate.
fn is_meant(record: &Tlsa, der: &CertificateDer<'_>) -> bool {
    let key;
    let selected: &[u8] = if record.selector == 0 {
        der
    } else {
        let Ok((_, certificate)) = X509Certificate::from_der(der) else {
            return false;
        };
        key = certificate.public_key().raw.to_vec();
        &key
    };
    match record.matching {
        0 => record.data == selected,
        1 => record.data == Sha256::digest(selected).as_slice(),
        _ => record.data == Sha512::digest(selected).as_slice(),
    }
}

/// Whether a certificate leads to this authority, and is for one of these
/// names.
fn leads_to(
    leaf: &CertificateDer<'_>,
    rest: &[CertificateDer<'_>],
    authority: &CertificateDer<'_>,
    names: &[&str],
    now: UnixTime,
) -> Result<(), webpki::Error> {
    let anchor = anchor_from_trusted_cert(authority)?;
    let end = EndEntityCert::try_from(leaf)?;
    let algorithms = provider().signature_verification_algorithms.all;
    let usage = KeyUsage::server_auth();
    end.verify_for_usage(algorithms, &[anchor], rest, now, usage, None, None)?;
    is_for(leaf, names)
}

/// Whether a certificate is for one of these names.
///
/// # Errors
/// What the library says of the last.
pub(super) fn is_for(leaf: &CertificateDer<'_>, names: &[&str]) -> Result<(), webpki::Error> {
    let end = EndEntityCert::try_from(leaf)?;
    let mut last = webpki::Error::UnknownIssuer;
    for name in names {
        let Ok(name) = ServerName::try_from(name.trim_end_matches('.')) else {
            continue;
        };
        match end.verify_is_valid_for_subject_name(&name) {
            Ok(()) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}
