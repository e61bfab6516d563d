//! What the site knows of its own accounts on other servers: `AuthInfo:` in
//! the access map or in a map of its own, and the file DefaultAuthInfo.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bstr::{BStr, BString, ByteSlice};

use super::{Mechanism, Secret};

/// An account of ours on a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthInfo {
    /// For whom we act (`U`).
    pub user: BString,
    /// Who we are (`I`); without it the user.
    pub id: Option<BString>,
    /// The password or token (`P`).
    pub password: Option<Secret>,
    /// The realm (`R`).
    pub realm: Option<BString>,
    /// The mechanisms to be tried (`M`); without it the site's.
    pub mechanisms: Option<Vec<Mechanism>>,
}

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthInfoFault {
    /// A part is not `X:text` or `X=base64`.
    #[error("AuthInfo: invalid part {0}")]
    Part(BString),
    /// There is neither `U` nor `I`.
    #[error("AuthInfo: no user")]
    NoUser,
}

impl AuthInfo {
    /// Reads `"U:user" "P=c2VjcmV0" "R:realm" "M:PLAIN LOGIN"`. A `:` is
    /// followed by text, a `=` by base64; the quotes may be missing.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &BStr) -> Result<Self, AuthInfoFault> {
        let mut info = Self::default();
        for part in parts(text) {
            // The rest may be a secret.
            let fault = || AuthInfoFault::Part(part[..part.len().min(1)].into());
            let [letter, kind, value @ ..] = part.as_slice() else {
                return Err(fault());
            };
            let value: BString = match kind {
                b':' => value.into(),
                b'=' => STANDARD.decode(value).map_err(|_| fault())?.into(),
                _ => return Err(fault()),
            };
            match letter.to_ascii_uppercase() {
                b'U' => info.user = value,
                b'I' => info.id = Some(value),
                b'P' => info.password = Some(value.into()),
                b'R' => info.realm = Some(value),
                b'M' => info.mechanisms = Some(Mechanism::list(&value)),
                _ => return Err(fault()),
            }
        }
        if info.user.is_empty() {
            info.user = info.id.clone().ok_or(AuthInfoFault::NoUser)?;
        }
        Ok(info)
    }

    /// Reads the file DefaultAuthInfo: user, identity, password, realm and
    /// mechanisms, each on a line of its own; `None` when it names no user.
    pub fn parse_file(text: &[u8]) -> Option<Self> {
        let mut lines = text.lines().map(|line| BString::from(line.trim()));
        let mut next = || lines.next().filter(|line| !line.is_empty());
        let user = next()?;
        Some(Self {
            user,
            id: next(),
            password: next().map(Secret::from),
            realm: next(),
            mechanisms: next().map(|line| Mechanism::list(&line)),
        })
    }

    /// Who proves it: the identity, or else the user.
    pub fn login(&self) -> &[u8] {
        self.id.as_ref().unwrap_or(&self.user)
    }

    /// The mechanism to use: the first of `ours` (or of the entry's own list)
    /// that the server offers and that can work.
    pub fn choose(
        &self,
        ours: &[Mechanism],
        offered: &[BString],
        can: impl Fn(Mechanism) -> bool,
    ) -> Option<Mechanism> {
        let list = self.mechanisms.as_deref().unwrap_or(ours);
        list.iter().copied().find(|mechanism| {
            let has_secret = self.password.is_some() || *mechanism == Mechanism::External;
            let is_offered = offered
                .iter()
                .any(|word| word.eq_ignore_ascii_case(mechanism.name().as_bytes()));
            has_secret && is_offered && can(*mechanism)
        })
    }
}

/// The parts of an entry: quoted, or divided by blanks.
fn parts(text: &[u8]) -> Vec<Vec<u8>> {
    let (mut parts, mut part, mut quoted) = (Vec::new(), Vec::new(), false);
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                // Rules may leave no blank between two parts.
                if quoted && !part.is_empty() {
                    parts.push(std::mem::take(&mut part));
                }
                quoted = !quoted;
            }
            b'\\' if quoted => part.extend(bytes.next()),
            byte if byte.is_ascii_whitespace() && !quoted => {
                if !part.is_empty() {
                    parts.push(std::mem::take(&mut part));
                }
            }
            byte => part.push(*byte),
        }
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}
