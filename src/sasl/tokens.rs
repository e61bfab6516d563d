//! Bearer tokens in XOAUTH2 and OAUTHBEARER (RFC 7628).

use bstr::ByteSlice;

use super::Mechanism;

/// What a client says in its one message.
pub(super) struct Bearer<'a> {
    /// The user it speaks for.
    pub(super) user: &'a [u8],
    /// The token.
    pub(super) token: &'a [u8],
}

/// Divides the client's message.
pub(super) fn parse(mechanism: Mechanism, message: &[u8]) -> Option<Bearer<'_>> {
    let mut fields = message.split(|byte| *byte == 1);
    let first = fields.next()?;
    let user = match mechanism {
        Mechanism::Xoauth2 => first.strip_prefix(b"user=")?,
        _ => first.strip_prefix(b"n,a=")?.strip_suffix(b",")?,
    };
    let auth = fields.find_map(|field| field.strip_prefix(b"auth="))?;
    let (scheme, token) = auth.split_once_str(" ")?;
    (scheme.eq_ignore_ascii_case(b"bearer") && !token.trim().is_empty()).then_some(Bearer {
        user,
        token: token.trim(),
    })
}

/// What a server answers when it does not believe a token; the client says
/// one more thing, and then it is over.
pub(super) fn refusal(mechanism: Mechanism) -> Vec<u8> {
    match mechanism {
        Mechanism::Xoauth2 => br#"{"status":"401","schemes":"bearer"}"#.to_vec(),
        _ => br#"{"status":"invalid_token"}"#.to_vec(),
    }
}

/// What a client says.
pub(super) fn message(
    mechanism: Mechanism,
    user: &[u8],
    token: &[u8],
    host: &[u8],
    port: u16,
) -> Vec<u8> {
    match mechanism {
        Mechanism::Xoauth2 => bstr::concat([
            b"user=".as_slice(),
            user,
            b"\x01auth=Bearer ",
            token,
            b"\x01\x01",
        ]),
        _ => bstr::concat([
            b"n,a=".as_slice(),
            user,
            b",\x01host=",
            host,
            format!("\x01port={port}\x01auth=Bearer ").as_bytes(),
            token,
            b"\x01\x01",
        ]),
    }
}
