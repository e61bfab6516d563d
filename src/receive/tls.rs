//! STARTTLS in a session, and sessions that are under TLS from the start.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use super::questions::Checked;
use super::service::Service;
use super::session::Session;
use super::wire::Wire;
use crate::base::maillog::{Event, Priority, Subject};
use crate::rewrite::MacroTable;
use crate::route::tls;
use crate::smtp::server::{Features, Server};
use crate::world::{TlsFacts, TlsFault, TlsFeatures};

/// A handshake of a client that says nothing is waited for at most this long,
/// whatever Timeout.starttls allows: it holds a descriptor.
const HANDSHAKE_MAX: Duration = Duration::from_secs(300);

impl Service {
    /// What is offered at this moment: STARTTLS only with a certificate.
    pub(super) fn features_now(&self) -> Features {
        let is_ready = self.tls.as_ref().is_some_and(|tls| tls.is_ready());
        match is_ready {
            true => self.smtp.features,
            false => self.smtp.features.without(Features::STARTTLS),
        }
    }

    /// Whether this listener speaks TLS from the first byte.
    pub(super) fn is_secure_from_start(&self) -> bool {
        self.daemon.modifiers.contains(&b's')
    }
}

impl Session {
    /// The handshake; whether the session goes on.
    pub(super) async fn start_tls<S>(&mut self, server: &mut Server, wire: &mut Wire<S>) -> bool
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let time = self.service.limits.tls_time.min(HANDSHAKE_MAX);
        if wire.flush(time).await.is_err() {
            return false;
        }
        let Some(side) = self.service.tls.clone() else {
            return false;
        };
        let ask = server.features().has(Features::ASK_CERTIFICATE);
        let features = self.tls_features().await;
        let done = match wire.take_stream() {
            None => return false,
            Some(stream) => {
                let accepting = side.accept_as(stream, ask, &features);
                tokio::time::timeout(time, accepting).await
            }
        };
        let late = || TlsFault {
            reason: "timed out".to_owned(),
            is_ours: false,
        };
        let facts = match done.unwrap_or_else(|_| Err(late())) {
            Ok((stream, facts)) => {
                wire.secure(stream);
                facts
            }
            Err(fault) => {
                self.note_tls_fault(&fault);
                return false;
            }
        };
        self.forget();
        self.exchange = None;
        self.note_tls(&facts);
        let macros = Arc::make_mut(&mut self.macros);
        tls::set_macros(macros, &facts);
        for name in [b"auth_type".as_slice(), b"auth_authen", b"auth_ssf"] {
            macros.unset(name);
        }
        self.tls = Some(facts);
        server.tls_started();
        server.set_mechanisms(self.mechanisms(server.features()));
        self.tls_client_check(server).await
    }

    /// `tls_srv_features`: what rules say of TLS with this client.
    async fn tls_features(&self) -> TlsFeatures {
        let mut macros = MacroTable::clone(&self.macros);
        let arguments: [&[u8]; 2] = [&self.client.name, &self.client.address];
        let site = &self.service.site;
        let text = site.value("tls_srv_features", &arguments, &mut macros);
        tls::features(&text.await)
    }

    /// `tls_client`: what the site demands of this client's TLS.
    async fn tls_client_check(&mut self, server: &mut Server) -> bool {
        let mut macros = MacroTable::clone(&self.macros);
        let verify = macros.text(b"verify");
        let checked = self
            .check("tls_client", &[&verify, b"STARTTLS"], &mut macros)
            .await;
        self.macros = Arc::new(macros);
        if let Checked::Refuse(reply) = checked {
            if reply.code() == 421 {
                return false;
            }
            self.refuse(server, reply);
        }
        true
    }

    fn note_tls(&self, facts: &TlsFacts) {
        for (level, line) in tls::log_lines("server", self.client.shown.as_ref(), facts) {
            let event = Event::Other(Priority::Info, level, &line);
            self.service.note(Subject::Daemon, &event);
        }
    }

    fn note_tls_fault(&self, fault: &TlsFault) {
        let line = bstr::concat([
            b"STARTTLS=server, error: accept failed=-1, reason=".as_slice(),
            fault.reason.as_bytes(),
            b", SSL_error=1, errno=0, retry=-1, relay=",
            &self.client.shown,
        ]);
        let event = Event::Other(Priority::Warning, 6, &line);
        self.service.note(Subject::Daemon, &event);
    }
}
