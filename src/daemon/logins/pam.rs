//! PAM: each attempt in a process of its own.
//!
//! Modules of PAM are code of others: they block for seconds, start programs,
//! and may crash. So the process of logins starts this program anew for one
//! attempt, tells it service, user and password, and waits for a byte, for so
//! long and no longer. It is killed in any case.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use bstr::BString;

use crate::base::Sysexit;
use crate::daemon::frame::{Reader, Writer};
use crate::os::{Channel, end_child, start_role};
use crate::sasl::Secret;
use crate::sasl::server::Answer;

/// Attempts at once.
pub(super) const ATTEMPTS_MAX: usize = 8;
/// How long one may take; a failed one takes some modules seconds.
const ATTEMPT_TIME: Duration = Duration::from_secs(30);
/// The longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 1024;
/// Whether this program can ask PAM.
pub(super) const IS_BUILT_IN: bool = cfg!(feature = "pam");

/// A user's password, to be looked at by PAM.
pub(super) struct Attempt {
    /// The name PAM knows us by.
    pub(super) service: String,
    pub(super) user: BString,
    pub(super) password: Secret,
}

impl Attempt {
    /// Starts the process, asks it, ends it.
    pub(super) fn make(&self) -> Answer {
        // What would end a name early for a module cannot be one.
        if self.user.is_empty() || self.user.contains(&0) || self.password.contains(&0) {
            return Answer::Wrong;
        }
        self.try_make()
            .unwrap_or_else(|error| Answer::Unavailable(format!("PAM: {error}")))
    }

    fn try_make(&self) -> io::Result<Answer> {
        let (ours, theirs) = UnixStream::pair()?;
        let arguments: [&str; 0] = [];
        let child = start_role("pam", arguments, theirs.into(), false)?;
        let answered = self.ask(&ours);
        end_child(child);
        let heard = answered?;
        Ok(match heard.split_first() {
            Some((b'R', _)) => Answer::Right,
            Some((b'W', _)) => Answer::Wrong,
            Some((b'U', why)) => {
                Answer::Unavailable(format!("PAM: {}", String::from_utf8_lossy(why)))
            }
            _ => Answer::Unavailable("PAM: the attempt ended without a word".to_owned()),
        })
    }

    fn ask(&self, mut socket: &UnixStream) -> io::Result<Vec<u8>> {
        let until = Instant::now() + ATTEMPT_TIME;
        socket.set_write_timeout(Some(ATTEMPT_TIME))?;
        socket.write_all(&Secret::from(self.encode()))?;
        socket.shutdown(Shutdown::Write)?;
        let mut heard = Vec::new();
        let mut piece = [0; 256];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || heard.len() as u64 > ANSWER_BYTES_MAX {
                return Err(io::ErrorKind::TimedOut.into());
            }
            socket.set_read_timeout(Some(left))?;
            match socket.read(&mut piece) {
                Ok(0) => return Ok(heard),
                Ok(count) => heard.extend_from_slice(&piece[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.bytes(self.service.as_bytes())
            .bytes(&self.user)
            .bytes(&self.password);
        out.finish()
    }

    fn decode(text: &[u8]) -> Option<Self> {
        let mut from = Reader::new(text)?;
        let found = Self {
            service: from.bytes()?.to_string(),
            user: from.bytes()?,
            password: from.bytes()?.into(),
        };
        from.end().then_some(found)
    }
}

/// The process of one attempt: reads it from standard input and answers there.
pub fn pam() -> Sysexit {
    let Ok(socket) = Channel::from_stdin() else {
        return Sysexit::Usage;
    };
    let mut socket = UnixStream::from(socket.into_descriptor());
    let mut text = Vec::new();
    let read = (&socket).take(64 << 10).read_to_end(&mut text);
    let attempt = Attempt::decode(&Secret::from(text));
    let (Ok(_), Some(attempt)) = (read, attempt) else {
        return Sysexit::Usage;
    };
    let said = match ask_pam(&attempt) {
        Answer::Right => b"R".to_vec(),
        Answer::Unavailable(why) => format!("U{why}").into_bytes(),
        _ => b"W".to_vec(),
    };
    match socket.write_all(&said) {
        Ok(()) => Sysexit::Ok,
        Err(_) => Sysexit::IoErr,
    }
}

#[cfg(not(feature = "pam"))]
fn ask_pam(_attempt: &Attempt) -> Answer {
    Answer::Unavailable("not built in".to_owned())
}

#[cfg(feature = "pam")]
fn ask_pam(attempt: &Attempt) -> Answer {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use nonstick::{AuthnFlags, ConversationAdapter, ErrorCode, Transaction, TransactionBuilder};

    let name = OsStr::from_bytes(&attempt.user);
    let login = Login {
        user: name.to_owned(),
        password: OsStr::from_bytes(&attempt.password).to_owned(),
    };
    let asked = TransactionBuilder::new_with_service(&attempt.service)
        .username(name)
        .build(login.into_conversation())
        .and_then(|mut transaction| {
            // An account that is locked or over is no account, whatever the
            // password.
            let flags = AuthnFlags::SILENT;
            transaction.authenticate(flags)?;
            transaction.account_management(flags)
        });
    match asked {
        Ok(()) => Answer::Right,
        Err(
            error @ (ErrorCode::SystemError
            | ErrorCode::ServiceError
            | ErrorCode::BufferError
            | ErrorCode::OpenError
            | ErrorCode::SymbolError
            | ErrorCode::Abort
            | ErrorCode::AuthInfoUnavailable),
        ) => Answer::Unavailable(error.to_string()),
        Err(_) => Answer::Wrong,
    }
}

/// Answers what PAM asks: the user where it shows, the password where not.
#[cfg(feature = "pam")]
struct Login {
    user: std::ffi::OsString,
    password: std::ffi::OsString,
}

#[cfg(feature = "pam")]
impl nonstick::ConversationAdapter for Login {
    fn prompt(
        &self,
        _request: impl AsRef<std::ffi::OsStr>,
    ) -> nonstick::Result<std::ffi::OsString> {
        Ok(self.user.clone())
    }

    fn masked_prompt(
        &self,
        _request: impl AsRef<std::ffi::OsStr>,
    ) -> nonstick::Result<std::ffi::OsString> {
        Ok(self.password.clone())
    }

    fn error_msg(&self, _message: impl AsRef<std::ffi::OsStr>) {}

    fn info_msg(&self, _message: impl AsRef<std::ffi::OsStr>) {}
}
