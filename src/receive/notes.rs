//! What a session leaves in the mail log.

use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use super::session::{End, Session};
use super::transaction::Transaction;
use super::wire::Wire;
use crate::base::Reply;
use crate::base::maillog::{Accepted, Collect, Event, Priority};
use crate::smtp::server::{Found, Note, Server};

impl Session {
    /// A bare line end: what would be another end of message elsewhere.
    pub(super) fn smuggled(&self, found: Found) {
        let info: &[u8] = match found {
            Found::BareLf => b"Bare linefeed (LF) not allowed",
            _ => b"Bare carriage return (CR) not allowed",
        };
        let Some(transaction) = &self.current else {
            return;
        };
        let in_header = transaction
            .collector
            .as_ref()
            .is_some_and(super::collect::Collector::in_header);
        let event = Event::Collect(Collect {
            relay: &self.client.name,
            sender: &transaction.given,
            info,
            place: Some(if in_header { "header" } else { "body" }),
            status: Some("tempfail"),
        });
        self.service.note(transaction.id, &event);
    }

    /// The client went away or fell silent in the midst of a message.
    pub(super) fn interrupted<S>(
        &self,
        why: &'static str,
        server: &mut Server,
        wire: &mut Wire<S>,
    ) {
        let Some(transaction) = &self.current else {
            return;
        };
        let text = bstr::concat([
            b"collect: relay=".as_slice(),
            &self.client.name,
            b", from=",
            &transaction.given,
            b", info=",
            why.as_bytes(),
        ]);
        let (service, id) = (&self.service, transaction.id);
        if why == "read timeout" {
            service.note(
                id,
                &Event::SystemError {
                    user: b"root",
                    text: &text,
                },
            );
        } else {
            service.note(id, &Event::PrematureEnd(why.as_bytes()));
            service.note(id, &Event::Other(Priority::Notice, 2, &text));
        }
        server.end(Some(&Reply::with(421, (4, 4, 1), text)), &mut wire.out);
    }

    /// Logs what the machine noticed.
    pub(super) fn take_notes(&mut self, server: &mut Server) {
        for note in server.take_notes() {
            let subject = self.subject();
            let service = Arc::clone(&self.service);
            let peer = &self.client.shown;
            match note {
                Note::Attack(command, count) => service.note(
                    subject,
                    &Event::Attack {
                        peer,
                        command: command.as_bytes(),
                        count,
                    },
                ),
                Note::UserError(text) => service.note(subject, &Event::UserError(&text)),
                Note::Asked(command, rejected) => {
                    self.acted = true;
                    let event = Event::Asked {
                        peer,
                        command: &command,
                        rejected,
                    };
                    service.note(subject, &event);
                }
                other => {
                    let (priority, level, text) = self.described(&other);
                    service.note(subject, &Event::Other(priority, level, &text));
                }
            }
        }
    }

    /// The line for a rarer note.
    fn described(&self, note: &Note) -> (Priority, u8, BString) {
        let peer = &self.client.shown;
        let info = |text: Vec<u8>| (Priority::Info, 5, BString::from(text));
        match note {
            Note::EarlyTalk(command) => info(bstr::concat([
                b"rejecting server ".as_slice(),
                command.as_bytes(),
                b" from ",
                peer,
                b" due to traffic before response",
            ])),
            Note::TooLong(bytes) => info(bstr::concat([
                peer.as_slice(),
                b": SMTP violation, input too long: ",
                bytes.to_string().as_bytes(),
            ])),
            Note::OpenProxy(line) => info(bstr::concat([
                peer.as_slice(),
                b": probable open proxy: command=",
                line,
                b"\r\n",
            ])),
            Note::AuthDecode(text) => {
                let line = bstr::concat([
                    b"AUTH decode64 error [-5 for \"".as_slice(),
                    text,
                    b"\"], relay=",
                    peer,
                ]);
                (Priority::Warning, 6, line.into())
            }
            Note::RcptShutdown => info(bstr::concat([
                peer.as_slice(),
                b": Possible SMTP RCPT flood, shutting down connection.",
            ])),
            Note::Delaying(command) => {
                let service = &self.service;
                let (load, limit) = (service.local_host.load(), service.daemon.delay_load);
                info(format!("delaying={command}, load average={load} >= {limit}").into())
            }
            Note::RcptFlood => info(bstr::concat([
                peer.as_slice(),
                b": Possible SMTP RCPT flood, throttling.",
            ])),
            Note::Hole(command) => {
                let text = bstr::concat([
                    b"\"".as_slice(),
                    command,
                    b"\" command from ",
                    peer,
                    b" (",
                    &self.client.address,
                    b")",
                ]);
                (Priority::Critical, 1, text.into())
            }
            Note::Attack(..) | Note::UserError(_) | Note::Asked(..) => info(Vec::new()),
        }
    }

    /// `from=…`
    pub(super) fn note_from(
        &self,
        transaction: &Transaction,
        size: u64,
        message_id: Option<&BStr>,
    ) {
        let protocol = self.macros.text(b"r");
        let event = Event::Accepted(Accepted {
            sender: &transaction.given,
            size,
            class: transaction.envelope.class,
            recipients: transaction.envelope.recipients.len(),
            message_id: message_id.map(|id| id.as_bytes()),
            body_type: transaction.envelope.body_type.map(|b| b.as_str()),
            protocol: Some(protocol.as_slice()).filter(|p| !p.is_empty()),
            daemon: (!self.client.is_local).then_some(self.service.daemon.name.as_slice()),
            relay: &self.client.shown,
        });
        self.service.note(transaction.id, &event);
    }

    /// The last words in the log.
    pub(super) fn finish(&mut self, server: &Server, end: &End) {
        let peer = self.client.shown.clone();
        let daemon = self.service.daemon.name.clone();
        let subject = self.subject();
        let service = Arc::clone(&self.service);
        if matches!(end, End::Late) {
            let event = Event::TimedOut {
                peer: &self.client.name,
                during: b"server cmd read",
            };
            service.note(subject, &event);
        }
        let in_message = self.current.as_ref().is_some_and(|t| t.is_open);
        if in_message && !matches!(end, End::Closed) {
            let event = Event::LostInput {
                peer: &peer,
                daemon: &daemon,
                after: server.last_command().as_bytes(),
            };
            service.note(subject, &event);
        }
        self.forget();
        if !self.acted && !self.is_refused {
            let event = Event::DidNothing {
                peer: &peer,
                daemon: &daemon,
            };
            service.note(subject, &event);
        }
    }
}
