//! XCLIENT: a host that is trusted to do so says for whom it speaks.
//!
//! Hosts of class `{XclientHosts}` are offered it, and nobody else. The
//! address they give is looked up and checked as that of a client that
//! connects; the name they give is not believed, for ours leads back to the
//! address. What the session knew of its own client is forgotten.

use std::net::SocketAddr;
use std::sync::Arc;

use super::client::{Client, Connection, Origin};
use super::session::Session;
use crate::base::Reply;
use crate::smtp::server::{Features, Server};
use crate::smtp::xclient::Named;

impl Session {
    /// Whether the host at the other end may say for whom it speaks.
    pub(super) fn may_stand_for_others(&self) -> bool {
        let Origin::Tcp(peer) = self.connection.origin else {
            return false;
        };
        let hosts = &self.service.site.xclient_hosts;
        hosts.iter().any(|hosts| hosts.contains(peer.ip()))
    }

    /// Becomes the session of the client that is named; false when that one
    /// is not let in.
    pub(super) async fn xclient(
        &mut self,
        server: &mut Server,
        argument: &[u8],
        out: &mut Vec<u8>,
    ) -> bool {
        let Some(named) = Named::parse(argument) else {
            let text = "Syntax error in XCLIENT parameters";
            server.say_reply(&Reply::with(501, (5, 5, 4), text), out);
            return true;
        };
        let service = Arc::clone(&self.service);
        let origin = match (named.address, &self.connection.origin) {
            (Some(address), _) => Origin::Tcp(SocketAddr::new(address, named.port.unwrap_or(0))),
            (None, origin) => origin.clone(),
        };
        let connection = Connection {
            origin,
            ..self.connection.clone()
        };
        self.forget();
        self.exchange = None;
        (self.discard, self.quarantine, self.is_refused) = (false, None, false);
        self.client = Client::look_up(&service, &connection).await;
        self.macros = Arc::new(self.client.macros(&service, &connection));
        server.restart(self.client.shown.clone());
        server.set_features(service.features_now());
        match self.connection_checks(server).await {
            Some(reply) if reply.code() == 421 => {
                server.say_reply(&reply, out);
                return false;
            }
            Some(reply) => self.refuse(server, reply),
            None => {}
        }
        server.set_mechanisms(self.mechanisms(server.features()));
        server.set_features(server.features().with(Features::XCLIENT));
        server.greet(&self.greeting(), out);
        true
    }
}
