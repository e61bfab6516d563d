//! The client half of an exchange: proves who we are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bstr::{BString, ByteSlice};

use super::hash::{Hash, hex, hmac_md5, prepared, same};
use super::{AuthInfo, Bindings, MESSAGE_BYTES_MAX, Mechanism};
use super::{digest, tokens};

/// The most rounds of key derivation that a server may make us do.
const ITERATIONS_MAX: u32 = 1_000_000;

/// Why an exchange cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientFault {
    /// The server's message makes no sense.
    #[error("the server's challenge makes no sense")]
    Nonsense,
    /// The server does not know our secret: it is another server.
    #[error("the server cannot prove who it is")]
    Impostor,
    /// There is no secret to answer with.
    #[error("no secret for this mechanism")]
    NoSecret,
}

/// One exchange.
#[derive(Debug)]
pub struct Client {
    mechanism: Mechanism,
    info: AuthInfo,
    /// The server's name.
    host: BString,
    port: u16,
    /// Bytes that were never used before.
    nonce: String,
    bindings: Bindings,
    state: State,
}

#[derive(Debug)]
enum State {
    First,
    /// LOGIN: the password comes next.
    Password,
    /// DIGEST-MD5: the server is to prove itself with this.
    Proof(String),
    /// SCRAM: our first message was sent.
    Scram {
        header: Vec<u8>,
        bare: Vec<u8>,
    },
    /// SCRAM: the server is to prove itself with this.
    Signature(Vec<u8>),
    Over,
}

impl Client {
    /// An exchange with `host` that has not begun.
    pub fn new(
        mechanism: Mechanism,
        info: AuthInfo,
        (host, port): (&[u8], u16),
        nonce: &[u8],
        bindings: Bindings,
    ) -> Self {
        Self {
            mechanism,
            info,
            host: host.into(),
            port,
            nonce: hex(nonce),
            bindings,
            state: State::First,
        }
    }

    /// The mechanism.
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// The initial response, in mechanisms where the client speaks first.
    pub fn initial(&mut self) -> Option<Vec<u8>> {
        let message = match self.mechanism {
            Mechanism::Plain => self.plain(),
            Mechanism::External => self.acts_for().to_vec(),
            Mechanism::Xoauth2 | Mechanism::OauthBearer => self.token(),
            Mechanism::CramMd5 | Mechanism::DigestMd5 | Mechanism::Login => return None,
            Mechanism::ScramSha1
            | Mechanism::ScramSha1Plus
            | Mechanism::ScramSha256
            | Mechanism::ScramSha256Plus => return Some(self.scram_first()),
        };
        self.state = State::Over;
        Some(message)
    }

    /// The answer to a challenge.
    ///
    /// # Errors
    /// When the exchange is to be cancelled.
    pub fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, ClientFault> {
        if challenge.len() > MESSAGE_BYTES_MAX {
            return Err(ClientFault::Nonsense);
        }
        match std::mem::replace(&mut self.state, State::Over) {
            State::First => match self.mechanism {
                Mechanism::Login => {
                    self.state = State::Password;
                    Ok(self.info.login().to_vec())
                }
                Mechanism::CramMd5 => self.cram(challenge),
                Mechanism::DigestMd5 => self.digest(challenge),
                // A server that wants no initial response asks with nothing.
                _ if challenge.is_empty() => self.initial().ok_or(ClientFault::Nonsense),
                _ => Err(ClientFault::Nonsense),
            },
            State::Password => self.password().map(<[u8]>::to_vec),
            State::Proof(wanted) => {
                let given = digest::Directives::parse(challenge).ok_or(ClientFault::Nonsense)?;
                if same(given.get("rspauth"), wanted.as_bytes()) {
                    Ok(Vec::new())
                } else {
                    Err(ClientFault::Impostor)
                }
            }
            State::Scram { header, bare } => self.scram(&header, &bare, challenge),
            State::Signature(wanted) => {
                let given = challenge.strip_prefix(b"v=").unwrap_or_default();
                let given = given.split(|b| *b == b',').next().unwrap_or_default();
                match STANDARD.decode(given) {
                    Ok(given) if same(&given, &wanted) => Ok(Vec::new()),
                    _ => Err(ClientFault::Impostor),
                }
            }
            // A refused token comes with an explanation that wants an answer.
            State::Over => match self.mechanism {
                Mechanism::Xoauth2 => Ok(Vec::new()),
                Mechanism::OauthBearer => Ok(vec![1]),
                _ => Err(ClientFault::Nonsense),
            },
        }
    }

    /// Whether the server may say that it is satisfied: in SCRAM and
    /// DIGEST-MD5 only after it has proved itself.
    pub fn may_succeed(&self) -> bool {
        match (&self.state, self.mechanism.scram_hash()) {
            (State::Over, _) => true,
            // RFC 5802 lets the proof come with the success itself, but SMTP
            // has no place for it there.
            (State::Signature(_) | State::Scram { .. }, _) => false,
            // sendmail: servers that leave out rspauth are borne with.
            (State::Proof(_), _) => true,
            (State::First | State::Password, _) => false,
        }
    }

    fn acts_for(&self) -> &[u8] {
        if self.info.user == self.info.login() {
            b""
        } else {
            &self.info.user
        }
    }

    fn password(&self) -> Result<&[u8], ClientFault> {
        self.info
            .password
            .as_ref()
            .map(|password| password.as_slice())
            .ok_or(ClientFault::NoSecret)
    }

    fn plain(&self) -> Vec<u8> {
        let password = self.password().unwrap_or_default();
        bstr::concat([self.acts_for(), b"\0", self.info.login(), b"\0", password])
    }

    fn token(&self) -> Vec<u8> {
        let token = self.password().unwrap_or_default();
        tokens::message(
            self.mechanism,
            self.info.login(),
            token,
            &self.host,
            self.port,
        )
    }

    fn cram(&self, challenge: &[u8]) -> Result<Vec<u8>, ClientFault> {
        let digest = hex(&hmac_md5(self.password()?, challenge));
        Ok(bstr::concat([self.info.login(), b" ", digest.as_bytes()]))
    }

    fn digest(&mut self, challenge: &[u8]) -> Result<Vec<u8>, ClientFault> {
        let given = digest::Directives::parse(challenge).ok_or(ClientFault::Nonsense)?;
        let nonce = given.get("nonce").to_vec();
        let qop = given.get("qop");
        let offers_auth = qop.is_empty()
            || qop
                .split(|b| *b == b',')
                .any(|word| word.trim_ascii().eq_ignore_ascii_case(b"auth"));
        if nonce.is_empty()
            || given.is_repeated("nonce")
            || !offers_auth
            || !given.get("algorithm").eq_ignore_ascii_case(b"md5-sess")
        {
            return Err(ClientFault::Nonsense);
        }
        let realm = match &self.info.realm {
            Some(realm) => realm.to_vec(),
            None => given.get("realm").to_vec(),
        };
        let uri = bstr::concat([b"smtp/".as_slice(), &self.host]);
        let parts = digest::Parts {
            user: self.info.login(),
            realm: &realm,
            password: self.password()?,
            nonce: &nonce,
            cnonce: self.nonce.as_bytes(),
            uri: &uri,
            authorize: self.acts_for(),
            utf8: given.get("charset").eq_ignore_ascii_case(b"utf-8"),
        };
        let mut out = bstr::concat([
            b"username=".as_slice(),
            &digest::quote(self.info.login()),
            b",realm=",
            &digest::quote(&realm),
            b",nonce=",
            &digest::quote(&nonce),
            format!(
                ",cnonce=\"{}\",nc=00000001,qop=auth,digest-uri=",
                self.nonce
            )
            .as_bytes(),
            &digest::quote(&uri),
            format!(",response={}", parts.response()).as_bytes(),
        ]);
        if parts.utf8 {
            out.extend_from_slice(b",charset=utf-8");
        }
        if !self.acts_for().is_empty() {
            out.extend_from_slice(b",authzid=");
            out.extend_from_slice(&digest::quote(self.acts_for()));
        }
        let proof = parts.rspauth();
        self.state = State::Proof(proof);
        Ok(out)
    }

    fn scram_first(&mut self) -> Vec<u8> {
        let mut header = match self.bindings.first() {
            Some((kind, _)) if self.mechanism.is_bound() => format!("p={kind},").into_bytes(),
            // We could bind; the server offered nothing that does.
            Some(_) => b"y,".to_vec(),
            None => b"n,".to_vec(),
        };
        if !self.acts_for().is_empty() {
            header.extend_from_slice(b"a=");
            header.extend_from_slice(&escape(self.acts_for()));
        }
        header.push(b',');
        let bare = bstr::concat([
            b"n=".as_slice(),
            &escape(&prepared(self.info.login())),
            b",r=",
            self.nonce.as_bytes(),
        ]);
        let message = bstr::concat([&header, &bare]);
        self.state = State::Scram { header, bare };
        message
    }

    fn scram(
        &mut self,
        header: &[u8],
        bare: &[u8],
        challenge: &[u8],
    ) -> Result<Vec<u8>, ClientFault> {
        let hash = self.mechanism.scram_hash().ok_or(ClientFault::Nonsense)?;
        let (nonce, salt, iterations) =
            parse_first(challenge, self.nonce.as_bytes()).ok_or(ClientFault::Nonsense)?;
        let mut bound = header.to_vec();
        if let Some((_, data)) = self.bindings.first().filter(|_| self.mechanism.is_bound()) {
            bound.extend_from_slice(data);
        }
        let mut message = format!("c={},r=", STANDARD.encode(bound)).into_bytes();
        message.extend_from_slice(nonce);
        let salted = hash.stretch(&prepared(self.password()?), &salt, iterations);
        let pieces: [&[u8]; 5] = [bare, b",", challenge, b",", &message];
        let proof = client_proof(hash, &salted, &pieces);
        let server_key = hash.mac(&salted, &[b"Server Key"]);
        self.state = State::Signature(hash.mac(&server_key, &pieces));
        message.extend_from_slice(b",p=");
        message.extend_from_slice(STANDARD.encode(proof).as_bytes());
        Ok(message)
    }
}

fn client_proof(hash: Hash, salted: &[u8], pieces: &[&[u8]]) -> Vec<u8> {
    let key = hash.mac(salted, &[b"Client Key"]);
    let signature = hash.mac(&hash.digest(&key), pieces);
    key.iter().zip(&signature).map(|(a, b)| a ^ b).collect()
}

/// `r=nonce,s=salt,i=iterations`
fn parse_first<'m>(message: &'m [u8], ours: &[u8]) -> Option<(&'m [u8], Vec<u8>, u32)> {
    let mut attributes = message.split(|byte| *byte == b',');
    let nonce = attributes.next()?.strip_prefix(b"r=")?;
    let salt = attributes.next()?.strip_prefix(b"s=")?;
    let iterations = attributes.next()?.strip_prefix(b"i=")?;
    let iterations: u32 = iterations.to_str().ok()?.parse().ok()?;
    let is_fresh = nonce.len() > ours.len() && nonce.starts_with(ours);
    let is_sane = (1..=ITERATIONS_MAX).contains(&iterations);
    let salt = STANDARD.decode(salt).ok()?;
    (is_fresh && is_sane).then_some((nonce, salt, iterations))
}

fn escape(name: &[u8]) -> Vec<u8> {
    name.replace(b"=", b"=3D").replace(b",", b"=2C")
}
