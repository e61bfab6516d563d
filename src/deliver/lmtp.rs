//! The server's side of LMTP as `mail.local` speaks it, line by line.
//!
//! A machine: lines in, replies out. Who is a user, and what becomes of a
//! message, the caller knows.

use bstr::{BStr, BString, ByteSlice};

use crate::base::{Reply, limits};

/// Recipients of one message.
const RECIPIENTS_MAX: usize = limits::EXPANDED_RECIPIENTS_MAX;

/// What the caller is to do after a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this.
    Reply(Reply),
    /// Send `354`, take the message up to its dot, deliver it to everybody
    /// in [`Session::recipients`], send one reply for each, and call
    /// [`Session::reset`].
    Data(Reply),
    /// Send this and end.
    End(Reply),
}

/// A session.
#[derive(Debug)]
pub struct Session {
    host: BString,
    sender: Option<BString>,
    recipients: Vec<BString>,
}

impl Session {
    /// With our host's name, for the greeting.
    pub fn new(host: impl Into<BString>) -> Self {
        Self {
            host: host.into(),
            sender: None,
            recipients: Vec::new(),
        }
    }

    /// What is said first.
    pub fn greeting(&self) -> Reply {
        Reply::new(220, None, format!("{} LMTP ready", self.host))
    }

    /// The sender of the message; empty for the null sender.
    pub fn sender(&self) -> &BStr {
        self.sender.as_ref().map_or(BStr::new(""), |s| s.as_bstr())
    }

    /// The recipients that were taken: login names.
    pub fn recipients(&self) -> &[BString] {
        &self.recipients
    }

    /// Forgets the message.
    pub fn reset(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }

    /// Takes one command; `is_user` gives the login name of a local part.
    pub fn line(&mut self, line: &[u8], is_user: &dyn Fn(&[u8]) -> Found) -> Action {
        let line = line.trim_ascii_end();
        let verb = line.get(..4).unwrap_or(line).to_ascii_uppercase();
        let simple = |code, enhanced, text: &str| Action::Reply(Reply::with(code, enhanced, text));
        match verb.as_slice() {
            b"LHLO" => {
                let text = format!("{}\n8BITMIME\nENHANCEDSTATUSCODES\nPIPELINING", self.host);
                Action::Reply(Reply::new(250, None, text))
            }
            b"MAIL" => Action::Reply(self.mail(&line[4..])),
            b"RCPT" => Action::Reply(self.rcpt(&line[4..], is_user)),
            b"DATA" if line.len() == 4 => match self.recipients.is_empty() {
                true => simple(503, (5, 5, 1), "No recipients"),
                false => Action::Data(Reply::new(354, None, "Go ahead")),
            },
            b"RSET" => {
                self.reset();
                simple(250, (2, 0, 0), "Ok")
            }
            b"NOOP" => simple(250, (2, 0, 0), "Ok"),
            b"VRFY" => simple(252, (2, 3, 3), "Try RCPT to attempt delivery"),
            b"QUIT" => Action::End(Reply::with(221, (2, 0, 0), "Bye")),
            _ => simple(500, (5, 5, 2), "Syntax error"),
        }
    }

    fn mail(&mut self, rest: &[u8]) -> Reply {
        if self.sender.is_some() {
            return Reply::with(503, (5, 5, 1), "Nested MAIL command");
        }
        let Some(path) = path(rest, b"FROM:") else {
            return Reply::with(501, (5, 5, 4), "Syntax error in parameters");
        };
        self.sender = Some(path.into());
        Reply::with(250, (2, 5, 0), "Ok")
    }

    fn rcpt(&mut self, rest: &[u8], is_user: &dyn Fn(&[u8]) -> Found) -> Reply {
        if self.sender.is_none() {
            return Reply::with(503, (5, 5, 1), "Need MAIL command");
        }
        if self.recipients.len() >= RECIPIENTS_MAX {
            return Reply::with(452, (4, 5, 3), "Too many recipients");
        }
        let Some(path) = path(rest, b"TO:") else {
            return Reply::with(501, (5, 5, 4), "Syntax error in parameters");
        };
        match is_user(local_part(path)) {
            Found::User(name) => {
                self.recipients.push(name);
                Reply::with(250, (2, 1, 5), "Ok")
            }
            Found::Nobody => Reply::with(550, (5, 1, 1), "User unknown"),
            Found::Unsure => Reply::with(451, (4, 3, 0), "User database error; retry later"),
        }
    }
}

/// What the user database says of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A user: his login name.
    User(BString),
    /// There is no such user.
    Nobody,
    /// It cannot be asked now.
    Unsure,
}

/// The path in `FROM:<…>`; parameters after it are passed over.
fn path<'a>(rest: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let rest = rest.trim_ascii_start();
    let given = rest.get(..word.len())?;
    if !given.eq_ignore_ascii_case(word) {
        return None;
    }
    let rest = rest[word.len()..].trim_ascii_start().strip_prefix(b"<")?;
    let end = rest.find_byte(b'>')?;
    (end <= limits::ADDRESS_BYTES_MAX).then_some(&rest[..end])
}

/// A recipient without source route, domain and detail.
fn local_part(path: &[u8]) -> &[u8] {
    let path = match (path.first(), path.find_byte(b':')) {
        (Some(b'@'), Some(colon)) => &path[colon + 1..],
        _ => path,
    };
    let end = path.find_byteset("@+").unwrap_or(path.len());
    &path[..end]
}
