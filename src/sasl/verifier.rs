//! SCRAM verifiers: what a server keeps instead of a password (RFC 5802,
//! section 3), and the file that holds them.
//!
//! A line of the file is `user[@realm]:VERIFIER[ VERIFIER...]`, and a verifier
//! is `SCRAM-SHA-256$iterations:salt$stored:server`, keys and salt in base64,
//! as PostgreSQL writes them. A bearer token is kept as
//! `BEARER-SHA-256$expires$digest`: seconds since 1970 (0 for never) and the
//! digest of the token. Lines that begin with `#` and empty ones say nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bstr::ByteSlice;

use super::hash::{Hash, prepared, same};

/// Rounds of key derivation for new verifiers (RFC 7677 asks for 4096 at
/// least).
pub const ITERATIONS: u32 = 10_000;
/// The most rounds that are done for anybody: each costs time.
const ITERATIONS_MAX: u32 = 1_000_000;
/// Bytes of salt in new verifiers.
pub const SALT_BYTES: usize = 16;

/// What a server keeps of one password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    /// Which SCRAM it is for.
    pub hash: Hash,
    /// Rounds of key derivation.
    pub iterations: u32,
    /// The salt.
    pub salt: Vec<u8>,
    /// `StoredKey`: recognises the client.
    pub stored_key: Vec<u8>,
    /// `ServerKey`: proves that we are the server.
    pub server_key: Vec<u8>,
}

impl Verifier {
    /// Makes the verifier of a password.
    pub fn derive(hash: Hash, password: &[u8], salt: &[u8], iterations: u32) -> Self {
        let salted = hash.stretch(&prepared(password), salt, iterations);
        let client_key = hash.mac(&salted, &[b"Client Key"]);
        Self {
            hash,
            iterations,
            salt: salt.to_vec(),
            stored_key: hash.digest(&client_key),
            server_key: hash.mac(&salted, &[b"Server Key"]),
        }
    }

    /// Whether this is the password.
    pub fn accepts(&self, password: &[u8]) -> bool {
        let made = Self::derive(self.hash, password, &self.salt, self.iterations);
        same(&made.stored_key, &self.stored_key)
    }

    /// Reads one verifier.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (name, rest) = text.split_once_str("$")?;
        let hash = match name {
            b"SCRAM-SHA-1" => Hash::Sha1,
            b"SCRAM-SHA-256" => Hash::Sha256,
            _ => return None,
        };
        let (parameters, keys) = rest.split_once_str("$")?;
        let (iterations, salt) = parameters.split_once_str(":")?;
        let (stored, server) = keys.split_once_str(":")?;
        let iterations: u32 = iterations.to_str().ok()?.parse().ok()?;
        let found = Self {
            hash,
            iterations,
            salt: STANDARD.decode(salt).ok()?,
            stored_key: STANDARD.decode(stored).ok()?,
            server_key: STANDARD.decode(server).ok()?,
        };
        let sane = (1..=ITERATIONS_MAX).contains(&iterations)
            && found.stored_key.len() == hash.size()
            && found.server_key.len() == hash.size();
        sane.then_some(found)
    }

    /// Writes it.
    pub fn to_text(&self) -> String {
        let name = match self.hash {
            Hash::Sha1 => "SCRAM-SHA-1",
            Hash::Sha256 => "SCRAM-SHA-256",
        };
        format!(
            "{name}${}:{}${}:{}",
            self.iterations,
            STANDARD.encode(&self.salt),
            STANDARD.encode(&self.stored_key),
            STANDARD.encode(&self.server_key)
        )
    }
}

/// One line of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The verifiers of the user.
    pub verifiers: Vec<Verifier>,
    /// Digests of bearer tokens, with the second each ends at (0: never).
    pub tokens: Vec<(u64, Vec<u8>)>,
}

impl Entry {
    /// Reads what stands after `user:`; what is not understood is passed over.
    pub fn parse(text: &[u8]) -> Self {
        let mut entry = Self::default();
        for word in text.fields() {
            if let Some(verifier) = Verifier::parse(word) {
                entry.verifiers.push(verifier);
            } else if let Some(token) = parse_token(word) {
                entry.tokens.push(token);
            }
        }
        entry
    }

    /// The verifier for a hash.
    pub fn verifier(&self, hash: Hash) -> Option<&Verifier> {
        self.verifiers.iter().find(|v| v.hash == hash)
    }

    /// Whether this is the password.
    pub fn accepts(&self, password: &[u8]) -> bool {
        self.verifier(Hash::Sha256)
            .or_else(|| self.verifiers.first())
            .is_some_and(|verifier| verifier.accepts(password))
    }

    /// Whether this token is one of the user's, and holds at this second.
    pub fn accepts_token(&self, token: &[u8], now: u64) -> bool {
        let digest = Hash::Sha256.digest(token);
        let holds = |ends: u64| ends == 0 || now < ends;
        self.tokens
            .iter()
            .any(|(ends, known)| same(known, &digest) && holds(*ends))
    }
}

fn parse_token(word: &[u8]) -> Option<(u64, Vec<u8>)> {
    let rest = word.strip_prefix(b"BEARER-SHA-256$")?;
    let (ends, digest) = rest.split_once_str("$")?;
    let digest = STANDARD.decode(digest).ok()?;
    let ends = ends.to_str().ok()?.parse().ok()?;
    (digest.len() == Hash::Sha256.size()).then_some((ends, digest))
}

/// How a token is kept.
pub fn token_text(token: &[u8], ends: u64) -> String {
    let digest = STANDARD.encode(Hash::Sha256.digest(token));
    format!("BEARER-SHA-256${ends}${digest}")
}

/// The lines of a file of verifiers: each user's name and what follows it.
pub fn lines(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with(b"#"))
        .filter_map(|line| line.split_once_str(":"))
        .map(|(name, rest)| (name.trim(), rest))
}

/// The entry of a user: `name@realm` if the file has it, else `name`.
pub fn find(text: &[u8], name: &[u8], realm: &[u8]) -> Option<Entry> {
    let full = bstr::concat([name, b"@", realm]);
    let named = |wanted: &[u8]| lines(text).find(|(user, _)| *user == wanted);
    let (_, rest) = named(&full).or_else(|| named(name))?;
    Some(Entry::parse(rest))
}
