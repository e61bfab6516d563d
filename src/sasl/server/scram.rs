//! The server's part of SCRAM (RFC 5802).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bstr::{BString, ByteSlice};

use super::{Context, Failure, FailureKind, Identity, base64};
use crate::sasl::hash::{Hash, prepared, same};
use crate::sasl::{Bindings, Mechanism, Verifier};

/// An exchange after the client's first message.
#[derive(Debug)]
pub(super) struct Scram {
    hash: Hash,
    identity: Identity,
    /// The GS2 header, to be repeated under the client's proof.
    header: Vec<u8>,
    /// The kind of channel binding that the client named.
    binding: Option<BString>,
    first_bare: Vec<u8>,
    nonce: Vec<u8>,
    server_first: Vec<u8>,
    verifier: Option<Verifier>,
    /// Known from the start: this cannot succeed.
    doomed: Option<FailureKind>,
}

impl Scram {
    /// Reads the client's first message.
    pub(super) fn first(
        mechanism: Mechanism,
        hash: Hash,
        context: &Context,
        message: &[u8],
    ) -> Result<Self, &'static str> {
        let mut commas = message.find_iter(",");
        let (Some(first), Some(second)) = (commas.next(), commas.next()) else {
            return Err("Invalid GS2 header");
        };
        let (flag, author) = (&message[..first], &message[first + 1..second]);
        let binding = match (flag, flag.strip_prefix(b"p=")) {
            (b"n", _) if !mechanism.is_bound() => None,
            // The client could bind, and believes that we cannot.
            (b"y", _) if !mechanism.is_bound() && !context.offers_plus => None,
            (_, Some(kind)) if mechanism.is_bound() && context.bindings.get(kind).is_some() => {
                Some(BString::from(kind))
            }
            _ => return Err("Channel binding mismatch"),
        };
        let acts_for = match (author, author.strip_prefix(b"a=")) {
            (b"", _) => BString::default(),
            (_, Some(name)) => unescape(name).ok_or("Invalid username")?,
            _ => return Err("Invalid GS2 header"),
        };
        let bare = &message[second + 1..];
        let mut attributes = bare.split(|byte| *byte == b',');
        let user = attributes.next().and_then(|a| a.strip_prefix(b"n="));
        let nonce = attributes.next().and_then(|a| a.strip_prefix(b"r="));
        let (Some(user), Some(nonce)) = (user, nonce) else {
            return Err("Parse error");
        };
        let user = unescape(user).ok_or("Invalid username")?;
        let user = BString::from(prepared(&user).into_owned());
        if user.is_empty() || nonce.is_empty() || !nonce.iter().all(u8::is_ascii_graphic) {
            return Err("Parse error");
        }
        Ok(Self {
            hash,
            identity: Identity { user, acts_for },
            header: message[..=second].to_vec(),
            binding,
            first_bare: bare.to_vec(),
            nonce: bstr::concat([nonce, base64(&context.nonce).as_bytes()]),
            server_first: Vec::new(),
            verifier: None,
            doomed: None,
        })
    }

    pub(super) fn user(&self) -> &BString {
        &self.identity.user
    }

    /// The server's first message.
    pub(super) fn challenge(&mut self, verifier: Verifier, doomed: Option<FailureKind>) -> Vec<u8> {
        self.doomed = doomed;
        self.server_first = bstr::concat([
            b"r=".as_slice(),
            &self.nonce,
            b",s=",
            STANDARD.encode(&verifier.salt).as_bytes(),
            format!(",i={}", verifier.iterations).as_bytes(),
        ]);
        self.verifier = Some(verifier);
        self.server_first.clone()
    }

    /// Reads the client's last message; gives who it is and our proof.
    pub(super) fn last(
        self,
        bindings: &Bindings,
        message: &[u8],
    ) -> Result<(Identity, Vec<u8>), Failure> {
        let user = self.identity.user.clone();
        let failure = |kind, detail: &str| Failure {
            kind,
            detail: detail.to_owned(),
            user: user.clone(),
        };
        let parsed = self.parse_last(bindings, message);
        let (without_proof, proof) =
            parsed.map_err(|detail| failure(FailureKind::Protocol, detail))?;
        let Some(verifier) = &self.verifier else {
            return Err(failure(FailureKind::Protocol, "out of turn"));
        };
        let pieces: [&[u8]; 5] = [
            &self.first_bare,
            b",",
            &self.server_first,
            b",",
            without_proof,
        ];
        let signature = self.hash.mac(&verifier.stored_key, &pieces);
        let client_key: Vec<u8> = proof.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        let is_right = proof.len() == self.hash.size()
            && same(&self.hash.digest(&client_key), &verifier.stored_key);
        match self.doomed {
            Some(kind) => Err(failure(kind, "no secret in database")),
            None if is_right => {
                let proof = self.hash.mac(&verifier.server_key, &pieces);
                Ok((self.identity, format!("v={}", base64(&proof)).into_bytes()))
            }
            None => Err(failure(FailureKind::Wrong, "incorrect password")),
        }
    }

    /// `c=binding,r=nonce[,extensions],p=proof`: what the proof is about, and
    /// the proof.
    fn parse_last<'m>(
        &self,
        bindings: &Bindings,
        message: &'m [u8],
    ) -> Result<(&'m [u8], Vec<u8>), &'static str> {
        let at = message.rfind(",p=").ok_or("Parse error")?;
        let (without_proof, proof) = (&message[..at], &message[at + 3..]);
        let mut attributes = without_proof.split(|byte| *byte == b',');
        let bound = attributes.next().and_then(|a| a.strip_prefix(b"c="));
        let nonce = attributes.next().and_then(|a| a.strip_prefix(b"r="));
        let bound = bound.and_then(|b| STANDARD.decode(b).ok());
        let mut wanted = self.header.clone();
        if let Some(kind) = &self.binding {
            wanted.extend_from_slice(bindings.get(kind).unwrap_or_default());
        }
        if bound.is_none_or(|bound| !same(&bound, &wanted)) {
            return Err("Channel binding mismatch");
        }
        if nonce != Some(self.nonce.as_slice()) {
            return Err("Nonce mismatch");
        }
        let proof = STANDARD.decode(proof).map_err(|_| "Invalid proof")?;
        Ok((without_proof, proof))
    }
}

/// `=2C` is a comma, `=3D` an equals sign; no other `=` may stand there.
fn unescape(name: &[u8]) -> Option<BString> {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name;
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'=', [b'2', b'C', tail @ ..]) => {
                out.push(b',');
                tail
            }
            (b'=', [b'3', b'D', tail @ ..]) => {
                out.push(b'=');
                tail
            }
            (b'=' | 0, _) => return None,
            (byte, tail) => {
                out.push(*byte);
                tail
            }
        };
    }
    Some(out.into())
}
