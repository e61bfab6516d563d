//! The server half of an exchange.
//!
//! [`Server::begin`] starts a mechanism, with or without an initial response;
//! every [`Reply`] says what comes next. Passwords and verifiers are asked
//! for ([`Question`]) and given ([`Server::answer`]).
//!
//! Whether a user exists shows nowhere but in the [`Failure`], which is for
//! the log: an unknown user gets the same messages, after the same work.

use bstr::BString;

use super::hash::{Hash, hmac_md5, same, same_password};
use super::verifier::{Entry, ITERATIONS, SALT_BYTES, Verifier};
use super::{Bindings, MESSAGE_BYTES_MAX, Mechanism, Secret, split_realm};
use super::{digest, tokens};

mod scram;

use scram::Scram;

/// What an exchange needs to know of the world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// Our name: in challenges.
    pub host: BString,
    /// The realm of users who name none.
    pub realm: BString,
    /// Bytes that were never used before, 24 or more.
    pub nonce: Vec<u8>,
    /// Seconds since 1970.
    pub now: u64,
    /// A secret that stays the same while the process lives: unknown users
    /// get salts made of it.
    pub secret: Secret,
    /// What ties the exchange to TLS.
    pub bindings: Bindings,
    /// A `-PLUS` mechanism was offered, so that a client that could bind and
    /// saw none has been tampered with.
    pub offers_plus: bool,
    /// Who the client is by its certificate (EXTERNAL).
    pub external: Option<BString>,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Send this; the client's message goes to [`Server::step`].
    Challenge(Vec<u8>),
    /// Find this out; the answer goes to [`Server::answer`].
    Ask(Question),
    /// The client is who it says.
    Success(Identity),
    /// It is not, or it talks nonsense.
    Failure(Failure),
}

/// What only a user database knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Is this the user's password?
    Password {
        /// The user as given, perhaps with a realm.
        user: BString,
        /// The password.
        password: Secret,
    },
    /// What is kept of the user's password?
    Secret {
        /// The user as given, perhaps with a realm.
        user: BString,
        /// The realm that the client named beside the user.
        realm: Option<BString>,
        /// The SCRAM hash that is spoken; without it only the password
        /// itself will do.
        scram: Option<Hash>,
    },
    /// Is this token the user's?
    Token {
        /// The user.
        user: BString,
        /// The token.
        token: Secret,
    },
}

/// What a user database says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To a password or token: it is right.
    Right,
    /// It is wrong.
    Wrong,
    /// There is no such user.
    NoUser,
    /// The user's password, to a question for the secret.
    Password(Secret),
    /// The user's verifier, to a question for the secret.
    Verifier(Verifier),
    /// Nobody can say for now: why, for the log.
    Unavailable(String),
}

/// Who the client is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who proved it (`${auth_authen}`).
    pub user: BString,
    /// For whom it wants to act; empty when for itself.
    pub acts_for: BString,
}

/// Why an exchange failed, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub kind: FailureKind,
    /// The reference's words for it.
    pub detail: String,
    /// The user, as far as it was named.
    pub user: BString,
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The client breaks the protocol.
    Protocol,
    /// The secret is wrong.
    Wrong,
    /// There is no such user.
    NoUser,
    /// The user database gave no answer.
    Unavailable,
}

impl FailureKind {
    /// The words and the number of the SASL library.
    pub const fn words(self) -> (&'static str, i32) {
        match self {
            Self::Protocol => ("bad protocol / cancel", -5),
            Self::Wrong => ("authentication failure", -13),
            Self::NoUser => ("user not found", -20),
            Self::Unavailable => ("remote authentication server unavailable", -24),
        }
    }
}

/// One exchange.
#[derive(Debug)]
pub struct Server {
    mechanism: Mechanism,
    context: Context,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing was said yet, or the initial response is waited for.
    First,
    /// LOGIN: the password is waited for.
    LoginPassword(BString),
    /// PLAIN, LOGIN: a password is being looked at.
    Password(Identity, &'static str),
    /// CRAM-MD5: the response to this challenge is waited for.
    Cram(BString),
    /// CRAM-MD5: the secret is asked for.
    CramSecret(BString, BString, Vec<u8>),
    /// DIGEST-MD5: the response to this nonce is waited for.
    Digest(String),
    /// DIGEST-MD5: the secret is asked for.
    DigestSecret(Box<DigestResponse>),
    /// DIGEST-MD5: the client has read our proof.
    Last(Identity),
    Scram(Box<Scram>),
    /// XOAUTH2, OAUTHBEARER: a token is being looked at.
    Token(Identity),
    /// The same: it was refused, the client says one more thing.
    Refused(Failure),
    Over,
}

#[derive(Debug)]
struct DigestResponse {
    user: BString,
    realm: BString,
    nonce: String,
    cnonce: Vec<u8>,
    uri: Vec<u8>,
    authorize: BString,
    utf8: bool,
    response: Vec<u8>,
}

impl Server {
    /// An exchange that has not begun.
    pub fn new(mechanism: Mechanism, context: Context) -> Self {
        Self {
            mechanism,
            context,
            state: State::First,
        }
    }

    /// The mechanism.
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Begins, with the client's initial response if it gave one.
    pub fn begin(&mut self, initial: Option<&[u8]>) -> Reply {
        match (self.mechanism, initial) {
            (Mechanism::CramMd5, None) => {
                let number = self.number();
                let (now, host) = (self.context.now, &self.context.host);
                let challenge = BString::from(format!("<{number}.{now}@{host}>"));
                self.state = State::Cram(challenge.clone());
                Reply::Challenge(challenge.into())
            }
            (Mechanism::DigestMd5, None) => self.digest_challenge(),
            // RFC 4954: the server speaks first in these.
            (Mechanism::CramMd5 | Mechanism::DigestMd5, Some(_)) => {
                self.protocol("initial response not allowed")
            }
            (Mechanism::Login, None) => Reply::Challenge(b"Username:".to_vec()),
            (_, None) => Reply::Challenge(Vec::new()),
            (_, Some(initial)) => self.step(initial),
        }
    }

    /// Takes the client's next message.
    pub fn step(&mut self, message: &[u8]) -> Reply {
        if message.len() > MESSAGE_BYTES_MAX {
            return self.protocol("message too long");
        }
        match std::mem::replace(&mut self.state, State::Over) {
            State::First => self.first(message),
            State::LoginPassword(user) => {
                let identity = Identity {
                    user: user.clone(),
                    acts_for: BString::default(),
                };
                self.state = State::Password(identity, "checkpass failed");
                Reply::Ask(Question::Password {
                    user,
                    password: message.into(),
                })
            }
            State::Cram(challenge) => self.cram(challenge, message),
            State::Digest(nonce) => self.digest(nonce, message),
            State::Last(identity) => Reply::Success(identity),
            State::Scram(scram) => self.scram(*scram, message),
            State::Refused(failure) => Reply::Failure(failure),
            State::Password(..)
            | State::CramSecret(..)
            | State::DigestSecret(_)
            | State::Token(_)
            | State::Over => self.protocol("message out of turn"),
        }
    }

    /// Takes the answer to the open question.
    pub fn answer(&mut self, answer: Answer) -> Reply {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Password(identity, detail) => match answer {
                Answer::Right => Reply::Success(identity),
                other => failed(other, identity.user, detail.to_owned()),
            },
            State::CramSecret(challenge, user, response) => {
                self.cram_answered(&challenge, user, &response, answer)
            }
            State::DigestSecret(response) => self.digest_answered(*response, answer),
            State::Scram(scram) => self.scram_answered(*scram, answer),
            State::Token(identity) => match answer {
                Answer::Right => Reply::Success(identity),
                other => {
                    let detail = "token not accepted".to_owned();
                    if let Reply::Failure(failure) = failed(other, identity.user, detail) {
                        self.state = State::Refused(failure);
                    }
                    Reply::Challenge(tokens::refusal(self.mechanism))
                }
            },
            _ => self.protocol("answer to nothing"),
        }
    }

    fn first(&mut self, message: &[u8]) -> Reply {
        match self.mechanism {
            Mechanism::Plain => self.plain(message),
            Mechanism::Login => {
                self.state = State::LoginPassword(message.into());
                Reply::Challenge(b"Password:".to_vec())
            }
            Mechanism::External => match &self.context.external {
                Some(user) => Reply::Success(Identity {
                    user: user.clone(),
                    acts_for: message.into(),
                }),
                None => self.protocol("no certificate"),
            },
            Mechanism::Xoauth2 | Mechanism::OauthBearer => {
                let Some(bearer) = tokens::parse(self.mechanism, message) else {
                    return self.protocol("no bearer token");
                };
                let (user, token) = (BString::from(bearer.user), Secret::from(bearer.token));
                self.state = State::Token(Identity {
                    user: user.clone(),
                    acts_for: BString::default(),
                });
                Reply::Ask(Question::Token { user, token })
            }
            Mechanism::ScramSha1
            | Mechanism::ScramSha1Plus
            | Mechanism::ScramSha256
            | Mechanism::ScramSha256Plus => self.scram_first(message),
            Mechanism::CramMd5 | Mechanism::DigestMd5 => self.protocol("out of turn"),
        }
    }

    /// `[authorize] NUL user NUL password`
    fn plain(&mut self, message: &[u8]) -> Reply {
        let mut parts = message.split(|byte| *byte == 0);
        let (author, user, password) = (parts.next(), parts.next(), parts.next());
        let author = author.unwrap_or_default();
        match (user, password, parts.next()) {
            (Some(user), Some(password), None) if !user.is_empty() => {
                let identity = Identity {
                    user: user.into(),
                    acts_for: author.into(),
                };
                self.state = State::Password(identity, "Password verification failed");
                Reply::Ask(Question::Password {
                    user: user.into(),
                    password: password.into(),
                })
            }
            (_, None, _) => self.protocol("Can only find author (no password)"),
            (_, _, Some(_)) => self.protocol("Oh dear, too many NULs"),
            _ => self.protocol("Can't find user"),
        }
    }

    /// `user SP digest`
    fn cram(&mut self, challenge: BString, message: &[u8]) -> Reply {
        let Some(at) = message.iter().rposition(|byte| *byte == b' ') else {
            return self.protocol("need authentication name");
        };
        let (user, response) = (&message[..at], &message[at + 1..]);
        self.state = State::CramSecret(challenge, user.into(), response.to_vec());
        Reply::Ask(Question::Secret {
            user: user.into(),
            realm: None,
            scram: None,
        })
    }

    fn cram_answered(
        &self,
        challenge: &[u8],
        user: BString,
        response: &[u8],
        answer: Answer,
    ) -> Reply {
        let known = match &answer {
            Answer::Password(password) => password.as_slice(),
            _ => b"",
        };
        let wanted = super::hash::hex(&hmac_md5(known, challenge));
        let is_right = same(wanted.as_bytes(), &response.to_ascii_lowercase());
        match answer {
            Answer::Password(_) if is_right => Reply::Success(Identity {
                user,
                acts_for: BString::default(),
            }),
            Answer::NoUser => {
                let (name, realm) = split_realm(&user, &self.context.realm);
                let (name, realm) = (BString::from(name), BString::from(realm));
                let detail = format!(
                    "user: {name}@{realm} property: cmusaslsecretCRAM-MD5 not found in sasldb"
                );
                failed(Answer::NoUser, user, detail)
            }
            other => failed(other, user, "incorrect digest response".to_owned()),
        }
    }

    fn digest_challenge(&mut self) -> Reply {
        let nonce = base64(&self.context.nonce);
        let challenge = bstr::concat([
            format!("nonce=\"{nonce}\",realm=").as_bytes(),
            &digest::quote(&self.context.realm),
            b",qop=\"auth\",charset=utf-8,algorithm=md5-sess",
        ]);
        self.state = State::Digest(nonce);
        Reply::Challenge(challenge)
    }

    fn digest(&mut self, nonce: String, message: &[u8]) -> Reply {
        let Some(given) = digest::Directives::parse(message) else {
            return self.protocol("Parse error");
        };
        let qop = given.get("qop");
        let uri = given.get("digest-uri").to_vec();
        let is_ours = given.get("nonce") == nonce.as_bytes()
            && given.get("nc") == b"00000001"
            && (qop.is_empty() || qop == b"auth")
            && uri.len() > 5
            && uri[..5].eq_ignore_ascii_case(b"smtp/")
            && !given.get("cnonce").is_empty()
            && !["username", "realm", "nonce", "cnonce", "response"]
                .into_iter()
                .any(|name| given.is_repeated(name));
        let user = BString::from(given.get("username"));
        if !is_ours || user.is_empty() {
            return self.protocol("required parameters missing");
        }
        let realm = match given.get("realm") {
            b"" => self.context.realm.clone(),
            realm => realm.into(),
        };
        let response = DigestResponse {
            user: user.clone(),
            realm: realm.clone(),
            nonce,
            cnonce: given.get("cnonce").to_vec(),
            uri,
            authorize: given.get("authzid").into(),
            utf8: given.get("charset").eq_ignore_ascii_case(b"utf-8"),
            response: given.get("response").to_ascii_lowercase(),
        };
        self.state = State::DigestSecret(Box::new(response));
        Reply::Ask(Question::Secret {
            user,
            realm: Some(realm),
            scram: None,
        })
    }

    fn digest_answered(&mut self, given: DigestResponse, answer: Answer) -> Reply {
        let parts = digest::Parts {
            user: &given.user,
            realm: &given.realm,
            password: match &answer {
                Answer::Password(password) => password,
                _ => b"",
            },
            nonce: given.nonce.as_bytes(),
            cnonce: &given.cnonce,
            uri: &given.uri,
            authorize: &given.authorize,
            utf8: given.utf8,
        };
        let is_right = same(parts.response().as_bytes(), &given.response);
        match answer {
            Answer::Password(_) if is_right => {
                let proof = format!("rspauth={}", parts.rspauth());
                self.state = State::Last(Identity {
                    user: given.user,
                    acts_for: given.authorize,
                });
                Reply::Challenge(proof.into_bytes())
            }
            Answer::NoUser => {
                let detail = "unable to canonify user and get auxprops".to_owned();
                failed(Answer::NoUser, given.user, detail)
            }
            other => {
                let detail = "client response doesn't match what we generated (tried bogus)";
                failed(other, given.user, detail.to_owned())
            }
        }
    }

    fn scram_first(&mut self, message: &[u8]) -> Reply {
        let Some(hash) = self.mechanism.scram_hash() else {
            return self.protocol("not a SCRAM mechanism");
        };
        match Scram::first(self.mechanism, hash, &self.context, message) {
            Ok(scram) => {
                let user = scram.user().clone();
                self.state = State::Scram(Box::new(scram));
                Reply::Ask(Question::Secret {
                    user,
                    realm: None,
                    scram: Some(hash),
                })
            }
            Err(detail) => self.protocol(detail),
        }
    }

    fn scram_answered(&mut self, mut scram: Scram, answer: Answer) -> Reply {
        let Some(hash) = self.mechanism.scram_hash() else {
            return self.protocol("not a SCRAM mechanism");
        };
        // An unknown user costs as much as a known one, and its salt is the
        // same each time.
        let salt = self.salt(scram.user());
        let derive = |password: &[u8]| Verifier::derive(hash, password, &salt, ITERATIONS);
        let (verifier, failure) = match answer {
            Answer::Password(password) => (derive(&password), None),
            Answer::Verifier(verifier) if verifier.hash == hash => {
                let _same_work = derive(b"");
                (verifier, None)
            }
            Answer::Unavailable(why) => {
                let user = scram.user().clone();
                return failed(Answer::Unavailable(why), user, String::new());
            }
            _ => (derive(&self.context.nonce), Some(FailureKind::NoUser)),
        };
        let challenge = scram.challenge(verifier, failure);
        self.state = State::Scram(Box::new(scram));
        Reply::Challenge(challenge)
    }

    fn scram(&mut self, scram: Scram, message: &[u8]) -> Reply {
        match scram.last(&self.context.bindings, message) {
            Ok((identity, proof)) => {
                self.state = State::Last(identity);
                Reply::Challenge(proof)
            }
            Err(failure) => Reply::Failure(failure),
        }
    }

    /// The salt of a user for whom no salt is kept.
    fn salt(&self, user: &[u8]) -> Vec<u8> {
        let mut salt = Hash::Sha256.mac(&self.context.secret, &[b"salt ", user]);
        salt.truncate(SALT_BYTES);
        salt
    }

    /// A number out of the nonce.
    fn number(&self) -> u64 {
        let bytes = self.context.nonce.iter().take(8);
        bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn protocol(&mut self, detail: &str) -> Reply {
        self.state = State::Over;
        Reply::Failure(Failure {
            kind: FailureKind::Protocol,
            detail: detail.to_owned(),
            user: BString::default(),
        })
    }
}

fn failed(answer: Answer, user: BString, detail: String) -> Reply {
    let (kind, detail) = match answer {
        Answer::NoUser => (FailureKind::NoUser, detail),
        Answer::Unavailable(why) => (FailureKind::Unavailable, why),
        _ => (FailureKind::Wrong, detail),
    };
    Reply::Failure(Failure { kind, detail, user })
}

/// Whether a password is the user's, when the password itself is kept; an
/// unknown user costs the same.
pub fn compare(known: Option<&[u8]>, given: &[u8]) -> Answer {
    let is_same = same_password(known.unwrap_or_default(), given);
    match known {
        Some(_) if is_same => Answer::Right,
        Some(_) => Answer::Wrong,
        None => Answer::NoUser,
    }
}

/// The same with an entry of a verifier file.
pub fn compare_entry(entry: Option<&Entry>, given: &[u8]) -> Answer {
    match entry {
        Some(entry) if entry.accepts(given) => Answer::Right,
        Some(_) => Answer::Wrong,
        None => {
            let _same_work = Verifier::derive(Hash::Sha256, given, b"nobody's salt", ITERATIONS);
            Answer::NoUser
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
