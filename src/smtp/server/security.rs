//! AUTH (RFC 4954) and STARTTLS (RFC 3207): their places in a session, and
//! what must be forgotten after them. What a mechanism says, and who is
//! believed, is the driver's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bstr::{BStr, BString, ByteSlice};

use super::text::{fixed, push_reply, quoted};
use super::{Action, Ask, Features, Greeted, Note, Pending, Server, State};
use crate::base::Reply;
use crate::base::limits::{SMTP_AUTH_BYTES_MAX, SMTP_COMMAND_BYTES_MAX};
use crate::smtp::command::Line;
use crate::smtp::parameter::Seen;

/// What a session has of security.
#[derive(Clone, Debug, Default)]
pub(super) struct Security {
    /// The mechanisms that are offered now, divided by blanks; empty when
    /// AUTH is not available.
    mechanisms: BString,
    /// The client has proved who it is.
    is_authenticated: bool,
    /// The stream is under TLS.
    is_secure: bool,
}

impl Server {
    /// The mechanisms that are offered from now on, divided by blanks. What
    /// is offered depends on TLS, so this is said again after it.
    pub fn set_mechanisms(&mut self, mechanisms: BString) {
        self.security.mechanisms = mechanisms;
    }

    /// Whether the client has proved who it is.
    pub fn is_authenticated(&self) -> bool {
        self.security.is_authenticated
    }

    /// The stream is under TLS from its first byte (daemon modifier `s`).
    pub fn begin_secure(&mut self) {
        self.security.is_secure = true;
    }

    /// The handshake after [`Action::StartTls`] is done: what the client said
    /// before it counts no more (RFC 3207, section 4.2).
    pub fn tls_started(&mut self) {
        self.security.is_secure = true;
        self.security.is_authenticated = false;
        self.greeted = Greeted::No;
        self.seen = Seen::default();
        self.state = State::Idle;
    }

    /// Who the client was counts no more; the stream stays as it is.
    pub(super) fn forget_security(&mut self) {
        self.security.is_authenticated = false;
    }

    /// The AUTH keyword of EHLO.
    pub(super) fn auth_keyword(&self) -> Option<String> {
        let mechanisms = &self.security.mechanisms;
        (!mechanisms.is_empty()).then(|| format!("AUTH {mechanisms}"))
    }

    /// Whether EHLO offers STARTTLS.
    pub(super) fn offers_tls(&self) -> bool {
        self.features.has(Features::STARTTLS) && !self.security.is_secure
    }

    /// Whether REQUIRETLS is offered: under TLS alone (RFC 8689, section 2).
    pub(super) fn offers_require_tls(&self) -> bool {
        self.features.has(Features::REQUIRE_TLS) && self.security.is_secure
    }

    /// The features that EHLO shows at this moment.
    pub(super) fn shown(&self) -> Features {
        match self.offers_require_tls() {
            true => self.features,
            false => self.features.without(Features::REQUIRE_TLS),
        }
    }

    /// Whether a command must wait until the client has said who it is.
    pub(super) fn lacks_auth(&self) -> bool {
        self.features.has(Features::NEED_AUTH) && !self.security.is_authenticated
    }

    /// How long the next line may be.
    pub(super) fn line_max(&self, rest: &[u8]) -> usize {
        let is_auth = matches!(self.state, State::Auth)
            || rest
                .get(..5)
                .is_some_and(|word| word.eq_ignore_ascii_case(b"AUTH "));
        if is_auth {
            SMTP_AUTH_BYTES_MAX
        } else {
            SMTP_COMMAND_BYTES_MAX
        }
    }

    /// AUTH commands that pass without a pause: one more than there are
    /// mechanisms.
    pub(super) fn auth_tries(&self) -> u32 {
        let count = self.security.mechanisms.fields().count();
        u32::try_from(count).unwrap_or(u32::MAX).saturating_add(1)
    }

    pub(super) fn auth(&mut self, line: &Line<'_>, out: &mut Vec<u8>) -> Option<Action> {
        self.last = "auth";
        if self.security.is_authenticated {
            return self.say(fixed::AUTH_TWICE, out);
        }
        if self.security.mechanisms.is_empty() {
            return self.say(fixed::NO_AUTH, out);
        }
        if line.argument.is_empty() {
            return self.say(fixed::NO_MECHANISM, out);
        }
        if self.in_transaction() {
            return self.say(fixed::AUTH_LATE, out);
        }
        let (word, rest) = line
            .argument
            .split_once_str(" ")
            .unwrap_or((line.argument, b""));
        let mut offered = self.security.mechanisms.fields();
        if !offered.any(|known| known.eq_ignore_ascii_case(word)) {
            let shown = quoted(&word[..word.len().min(32)], false);
            let text = format!("AUTH mechanism {shown} not available");
            push_reply(out, &Reply::with(504, (5, 3, 3), text), false);
            return None;
        }
        let initial = match rest.trim_ascii() {
            b"" => None,
            // An empty initial response.
            b"=" => Some(Vec::new()),
            text => match STANDARD.decode(text) {
                Ok(message) => Some(message),
                Err(_) => return self.undecodable(text.as_bstr(), out),
            },
        };
        self.state = State::Asked(Pending::Auth);
        Some(Action::Ask(Ask::Auth {
            mechanism: word.to_ascii_uppercase().into(),
            initial,
        }))
    }

    /// A line in the midst of an exchange.
    pub(super) fn auth_line(&mut self, line: &[u8], out: &mut Vec<u8>) -> Option<Action> {
        let text = line.trim_ascii();
        self.state = State::Idle;
        if text == b"*" {
            return self.say(fixed::AUTH_ABORTED, out);
        }
        match STANDARD.decode(text) {
            Ok(message) => {
                self.state = State::Asked(Pending::Auth);
                Some(Action::Ask(Ask::AuthMessage(message)))
            }
            Err(_) => self.undecodable(text.as_bstr(), out),
        }
    }

    fn undecodable(&mut self, text: &BStr, out: &mut Vec<u8>) -> Option<Action> {
        let shown = quoted(&text[..text.len().min(64)], false);
        let reply = format!("cannot BASE64 decode '{shown}'");
        self.notes.push(Note::AuthDecode(shown));
        push_reply(out, &Reply::with(501, (5, 5, 4), reply), false);
        None
    }

    /// The state after a step of an exchange was answered with `code`.
    pub(super) fn after_auth(&mut self, code: u16) -> State {
        match code {
            334 => State::Auth,
            _ => {
                self.security.is_authenticated |= code == 235;
                State::Idle
            }
        }
    }

    pub(super) fn start_tls(
        &mut self,
        line: &Line<'_>,
        is_last: bool,
        out: &mut Vec<u8>,
    ) -> Option<Action> {
        self.last = "starttls";
        if !line.argument.is_empty() {
            return self.say(fixed::NO_PARAMETERS, out);
        }
        if self.features.has(Features::NO_STARTTLS) {
            return self.say(fixed::TLS_FORBIDDEN, out);
        }
        // sendmail: says the same of TLS that never was there.
        if !self.offers_tls() {
            return self.say(fixed::NO_TLS, out);
        }
        if self.in_transaction() {
            return self.say(fixed::TLS_LATE, out);
        }
        // What came with it in the clear would count as if it came under TLS.
        if !is_last {
            self.notes.push(Note::EarlyTalk("STARTTLS"));
            self.close(fixed::PROTOCOL_ERROR, out);
            return Some(Action::Close);
        }
        out.extend_from_slice(fixed::TLS_READY.as_bytes());
        Some(Action::StartTls)
    }
}
