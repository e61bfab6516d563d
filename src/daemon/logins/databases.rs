//! The user databases that logins are checked against: `saslauthd`, PAM,
//! `sasldb2`, our own file of verifiers, as the SASL library's configuration
//! of the site says. Every check is bounded in time, and so many run at once
//! and no more.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bstr::{BStr, BString, ByteSlice};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;

use super::pam;
use crate::base::Place;
use crate::dbfile::bdb::Bdb;
use crate::receive::Said;
use crate::sasl::library::{self, Library, Method};
use crate::sasl::server::{Answer, Question, compare, compare_entry};
use crate::sasl::verifier::{self, Entry};
use crate::sasl::{self, Mechanism, Secret, saslauthd, split_realm};
use crate::world::Files;

/// Our own file of verifiers, made by `godwit auth`.
pub const VERIFIERS: &str = "/etc/mail/auth-users";
/// Checks at once; each may hold a connection or derive a key.
const CHECKS_MAX: usize = 32;
/// How long a check may take; a failed one takes PAM some seconds.
const CHECK_TIME: Duration = Duration::from_secs(40);
/// The largest file that is read whole.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The user databases of a site.
pub(super) struct Logins {
    library: Library,
    verifiers: PathBuf,
    files: Arc<dyn Files>,
    room: Semaphore,
    pam_room: Semaphore,
}

/// Where the site's configuration of the SASL library leads, with the paths
/// in it where the site has them.
pub(super) fn read_library(place: &Place, files: &dyn Files) -> Option<Library> {
    let text = library::FILES
        .iter()
        .find_map(|usual| read(&place.path(usual), files).ok())?;
    let mut library = Library::parse(&text);
    for path in [&mut library.saslauthd, &mut library.sasldb] {
        *path = if *path == Path::new(library::SASLDB) {
            place.path(&*path)
        } else {
            let text = path.as_os_str().as_encoded_bytes();
            place.text(BStr::new(text)).to_path_lossy().into_owned()
        };
    }
    Some(library)
}

/// What holds without a configuration of the SASL library.
fn default_library(place: &Place) -> Library {
    Library {
        sasldb: place.path(library::SASLDB),
        saslauthd: place.path(library::SASLAUTHD_SOCKET),
        ..Library::default()
    }
}

/// The files that nobody but this process needs.
pub(in crate::daemon) fn secrets(place: &Place, files: &dyn Files) -> Vec<PathBuf> {
    let library = read_library(place, files).unwrap_or_else(|| default_library(place));
    vec![place.path(VERIFIERS), library.sasldb]
}

impl Logins {
    /// The databases of a site; `None` when it has none. Says what is
    /// suspicious.
    pub(super) fn open(place: &Place, files: Arc<dyn Files>) -> (Option<Arc<Self>>, Vec<String>) {
        let mut faults = Vec::new();
        let verifiers = place.path(VERIFIERS);
        let has_verifiers = files.open(&verifiers).is_ok();
        let library = match read_library(place, &*files) {
            Some(mut library) => {
                for word in &library.unknown {
                    faults.push(format!("AUTH: pwcheck_method {word} is not known"));
                }
                if library.methods.contains(&Method::Pam) && !pam::IS_BUILT_IN {
                    let text = "AUTH: pwcheck_method pam: this program was built without PAM \
                                (feature pam); saslauthd -a pam does the same";
                    faults.push(text.to_owned());
                    library.methods.retain(|method| *method != Method::Pam);
                }
                // A file that somebody made is meant to be used.
                if has_verifiers && !library.methods.contains(&Method::Verifiers) {
                    library.methods.push(Method::Verifiers);
                }
                library
            }
            None => {
                let mut library = default_library(place);
                let has_sasldb = files.open(&library.sasldb).is_ok();
                library.methods.retain(|method| match method {
                    Method::Sasldb => has_sasldb,
                    _ => has_verifiers,
                });
                library
            }
        };
        if library.methods.is_empty() {
            return (None, faults);
        }
        let logins = Self {
            library,
            verifiers,
            files,
            room: Semaphore::new(CHECKS_MAX),
            pam_room: Semaphore::new(pam::ATTEMPTS_MAX),
        };
        (Some(Arc::new(logins)), faults)
    }

    async fn check(&self, question: Question, realm: &BStr) -> Answer {
        match question {
            Question::Password { user, password } => self.password(&user, &password, realm).await,
            Question::Secret {
                user,
                realm: named,
                scram,
            } => {
                let realm = named.unwrap_or_else(|| realm.into());
                self.blocking(move |kept| kept.secret(&user, &realm, scram))
                    .await
            }
            Question::Token { user, token } => {
                let realm = realm.to_owned();
                self.blocking(move |kept| kept.token(&user, &token, &realm))
                    .await
            }
        }
    }

    /// Asks one method after the other, whatever the first says, so that the
    /// time tells nothing.
    async fn password(&self, user: &BString, password: &Secret, realm: &BStr) -> Answer {
        let mut said = Answer::NoUser;
        for method in &self.library.methods {
            let answer = match method {
                Method::Saslauthd => self.ask_saslauthd(user, password).await,
                Method::Sasldb | Method::Verifiers => {
                    let (method, realm) = (*method, realm.to_owned());
                    let (user, password) = (user.clone(), password.clone());
                    self.blocking(move |kept| kept.password(method, &user, &password, &realm))
                        .await
                }
                Method::Pam => self.ask_pam(user, password).await,
            };
            said = match (said, answer) {
                (Answer::Right, _) | (_, Answer::Right) => Answer::Right,
                (Answer::Unavailable(why), _) | (_, Answer::Unavailable(why)) => {
                    Answer::Unavailable(why)
                }
                (Answer::NoUser, answer) => answer,
                (said, _) => said,
            };
        }
        said
    }

    async fn ask_saslauthd(&self, user: &[u8], password: &[u8]) -> Answer {
        let (name, realm) = split_realm(user, b"");
        let Some(question) = saslauthd::question(name, password, b"smtp", realm) else {
            return Answer::Wrong;
        };
        match self.exchange(&question).await {
            Ok(saslauthd::Said::Right) => Answer::Right,
            Ok(saslauthd::Said::Wrong) => Answer::Wrong,
            Ok(saslauthd::Said::Other) => {
                Answer::Unavailable("saslauthd: no sensible answer".to_owned())
            }
            Err(error) => {
                let path = self.library.saslauthd.display();
                Answer::Unavailable(format!("saslauthd: {path}: {error}"))
            }
        }
    }

    /// PAM runs code of others: each attempt has a process of its own.
    async fn ask_pam(&self, user: &[u8], password: &Secret) -> Answer {
        let (name, _) = split_realm(user, b"");
        let attempt = pam::Attempt {
            service: self.library.pam_service.clone(),
            user: name.into(),
            password: password.clone(),
        };
        match self.pam_room.acquire().await {
            Ok(_room) => tokio::task::spawn_blocking(move || attempt.make())
                .await
                .unwrap_or_else(|error| Answer::Unavailable(error.to_string())),
            Err(_) => Answer::Unavailable("closing".to_owned()),
        }
    }

    async fn exchange(&self, question: &[u8]) -> io::Result<saslauthd::Said> {
        let mut stream = UnixStream::connect(&self.library.saslauthd).await?;
        stream.write_all(question).await?;
        let mut heard = Vec::new();
        let mut piece = [0; 256];
        loop {
            if let Some(said) = saslauthd::answer(&heard) {
                return Ok(said);
            }
            match stream.read(&mut piece).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => heard.extend_from_slice(&piece[..count]),
            }
        }
    }

    /// Reads files and derives keys where nobody waits.
    async fn blocking(&self, act: impl FnOnce(&Kept) -> Answer + Send + 'static) -> Answer {
        let kept = Kept {
            files: Arc::clone(&self.files),
            sasldb: self
                .uses(Method::Sasldb)
                .then(|| self.library.sasldb.clone()),
            verifiers: self.uses(Method::Verifiers).then(|| self.verifiers.clone()),
        };
        tokio::task::spawn_blocking(move || act(&kept))
            .await
            .unwrap_or_else(|error| Answer::Unavailable(error.to_string()))
    }

    fn uses(&self, method: Method) -> bool {
        self.library.methods.contains(&method)
    }
}

impl Logins {
    /// Whether a mechanism can be served.
    pub(super) fn can(&self, mechanism: Mechanism) -> bool {
        self.library.can(mechanism)
    }

    /// Answers a question, within its time.
    async fn ask(&self, question: Question, realm: &BStr) -> Answer {
        let check = async {
            match self.room.acquire().await {
                Ok(_room) => self.check(question, realm).await,
                Err(_) => Answer::Unavailable("closing".to_owned()),
            }
        };
        tokio::time::timeout(CHECK_TIME, check)
            .await
            .unwrap_or_else(|_| Answer::Unavailable("no answer in time".to_owned()))
    }

    /// Answers what an exchange asks, until there is something to tell the
    /// client.
    pub(super) async fn drive(
        &self,
        exchange: &mut sasl::Server,
        mut reply: sasl::Reply,
        realm: &BStr,
    ) -> Said {
        loop {
            reply = match reply {
                sasl::Reply::Ask(question) => exchange.answer(self.ask(question, realm).await),
                sasl::Reply::Challenge(text) => return Said::Challenge(text),
                sasl::Reply::Success(identity) => return Said::Success(identity),
                sasl::Reply::Failure(failure) => return Said::Failure(failure),
            };
        }
    }
}

/// What is kept in files.
struct Kept {
    files: Arc<dyn Files>,
    sasldb: Option<PathBuf>,
    verifiers: Option<PathBuf>,
}

impl Kept {
    fn password(&self, method: Method, user: &[u8], password: &[u8], realm: &[u8]) -> Answer {
        let (name, realm) = split_realm(user, realm);
        if method == Method::Sasldb {
            return match self.sasldb_password(name, realm) {
                Ok(known) => compare(known.as_deref(), password),
                Err(why) => Answer::Unavailable(why),
            };
        }
        match self.entry(name, realm) {
            Ok(entry) => compare_entry(entry.as_ref(), password),
            Err(why) => Answer::Unavailable(why),
        }
    }

    fn secret(&self, user: &[u8], realm: &[u8], scram: Option<crate::sasl::hash::Hash>) -> Answer {
        let (name, realm) = split_realm(user, realm);
        let looked = || {
            if let Some(hash) = scram
                && let Some(entry) = self.entry(name, realm)?
                && let Some(verifier) = entry.verifier(hash)
            {
                return Ok(Answer::Verifier(verifier.clone()));
            }
            let known = self.sasldb_password(name, realm)?;
            Ok(known.map_or(Answer::NoUser, |password| Answer::Password(password.into())))
        };
        looked().unwrap_or_else(Answer::Unavailable)
    }

    fn token(&self, user: &[u8], token: &[u8], realm: &[u8]) -> Answer {
        let (name, realm) = split_realm(user, realm);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_secs());
        match self.entry(name, realm) {
            Ok(Some(entry)) if entry.accepts_token(token, now) => Answer::Right,
            Ok(Some(_)) => Answer::Wrong,
            Ok(None) => Answer::NoUser,
            Err(why) => Answer::Unavailable(why),
        }
    }

    fn entry(&self, name: &[u8], realm: &[u8]) -> Result<Option<Entry>, String> {
        let Some(path) = &self.verifiers else {
            return Ok(None);
        };
        let text = read(path, &*self.files).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(verifier::find(&text, name, realm))
    }

    fn sasldb_password(&self, name: &[u8], realm: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let Some(path) = &self.sasldb else {
            return Ok(None);
        };
        let words = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
        let bytes = read(path, &*self.files).map_err(|error| words(&error))?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let database = Bdb::open(bytes, length, 1 << 20).map_err(|error| words(&error))?;
        database
            .get(&library::sasldb_key(name, realm))
            .map_err(|error| words(&error))
    }
}

fn read(path: &Path, files: &dyn Files) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    files
        .open(path)?
        .take(FILE_BYTES_MAX)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
