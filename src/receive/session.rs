//! Drives one SMTP session: stream, machine, questions, log.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bstr::{BStr, BString, ByteSlice};
use tokio::io::{AsyncRead, AsyncWrite};

use super::auth::Exchange;
use super::client::{Client, Connection, Counts, Origin};
use super::questions::Checked;
use super::service::Service;
use super::transaction::Transaction;
use super::wire::{Got, Wire};
use crate::base::maillog::{Event, Priority, Subject};
use crate::base::{QueueId, Reply};
use crate::cf::Opt;
use crate::rewrite::{MacroTable, expand};
use crate::route::Verdict;
use crate::smtp::server::{Action, Ask, Features, Found, Server};
use crate::world::{Counted, TlsFacts};

/// How long closing may take.
const CLOSE_TIME: Duration = Duration::from_secs(10);

/// What a session knows besides the machine.
pub(super) struct Session {
    pub(super) service: Arc<Service>,
    pub(super) client: Client,
    /// The connection, as it was handed over.
    pub(super) connection: Connection,
    /// Macros of the session, over those of the listener.
    pub(super) macros: Arc<MacroTable>,
    /// The message under way.
    pub(super) current: Option<Box<Transaction>>,
    /// The id of the next message, once something needs it.
    pub(super) next_id: Option<QueueId>,
    /// A check wants every message to vanish.
    pub(super) discard: bool,
    /// A check wants every message to be held.
    pub(super) quarantine: Option<BString>,
    /// MAIL, VRFY, EXPN or ETRN was given.
    pub(super) acted: bool,
    /// The connection was refused by a check.
    pub(super) is_refused: bool,
    /// The AUTH exchange under way.
    pub(super) exchange: Option<Box<dyn Exchange>>,
    /// What is known of the TLS that the session is under.
    pub(super) tls: Option<Arc<TlsFacts>>,
}

/// How a session came to its end.
pub(super) enum End {
    /// With QUIT, or by our own word.
    Closed,
    /// The client went away.
    Lost,
    /// The client said nothing for too long.
    Late,
}

impl Service {
    /// Serves one connection to its end.
    pub async fn serve<S>(self: Arc<Self>, stream: S, connection: Connection)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mut wire = Wire::new(stream);
        wire.seven_bit = self.limits.seven_bit;
        self.log.count(Counted::ConnectionIn);
        // What happens rarely is boxed, so that an idle session is small.
        let Some((mut session, mut server)) =
            Box::pin(Session::open(self, &mut wire, connection)).await
        else {
            wire.close(CLOSE_TIME).await;
            return;
        };
        let end = session.run(&mut server, &mut wire).await;
        session.finish(&server, &end);
        drop(session);
        wire.close(CLOSE_TIME).await;
    }
}

impl Session {
    /// Looks the client up, asks the checks of a connection, greets. `None`
    /// when it is over already.
    async fn open<S>(
        service: Arc<Service>,
        wire: &mut Wire<S>,
        connection: Connection,
    ) -> Option<(Self, Server)>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let client = Client::look_up(&service, &connection).await;
        let macros = client.macros(&service, &connection);
        let mut session = Self {
            service,
            client,
            connection,
            macros: Arc::new(macros),
            current: None,
            next_id: None,
            discard: false,
            quarantine: None,
            acted: false,
            is_refused: false,
            exchange: None,
            tls: None,
        };
        let shown = session.client.shown.clone();
        let mut server = Server::new(Arc::clone(&session.service.smtp), shown);
        server.set_features(session.service.features_now());
        let refusal = session.connection_checks(&mut server).await;
        if let Some(reply) = &refusal
            && reply.code() == 421
        {
            // Before a handshake there are no words; and a client that comes
            // too often is not worth one.
            if !session.service.is_secure_from_start() {
                reply.write_to(&mut wire.out);
            }
            return None;
        }
        if session.service.is_secure_from_start() && !session.start_tls(&mut server, wire).await {
            return None;
        }
        if session.is_pushy(wire).await {
            session.refused();
            server.greet_refusing(&mut wire.out);
            return Some((session, server));
        }
        if let Some(reply) = refusal.or_else(|| session.wrappers()) {
            session.refused();
            server.refuse_all(reply);
        }
        server.set_mechanisms(session.mechanisms(server.features()));
        if session.may_stand_for_others() {
            server.set_features(server.features().with(Features::XCLIENT));
        }
        server.greet(&session.greeting(), &mut wire.out);
        Some((session, server))
    }

    /// The host's own access files (tcp wrappers).
    fn wrappers(&self) -> Option<Reply> {
        let address = self.client.ip()?;
        let name = self.client.proved_name();
        if self.service.local_host.admits(name, address) {
            return None;
        }
        let text = bstr::concat([
            b"tcpwrappers (".as_slice(),
            name.unwrap_or(b"unknown"),
            b", ",
            &self.client.address,
            b") rejection",
        ]);
        let event = Event::Other(Priority::Notice, 4, &text);
        self.service.note(Subject::NoQueue, &event);
        Some(Reply::with(550, (5, 0, 0), "Access denied"))
    }

    /// A session without a wire: one message of a local program.
    pub(super) fn local(service: Arc<Service>, user: &BStr) -> Self {
        let client = Client::local(user);
        let mut macros = MacroTable::over(Arc::clone(&service.macros));
        macros.set(b"_", client.shown.clone());
        Self {
            service,
            client,
            connection: Connection {
                origin: Origin::Local { user: user.into() },
                local: None,
                counts: Counts::default(),
            },
            macros: Arc::new(macros),
            current: None,
            next_id: None,
            discard: false,
            quarantine: None,
            acted: true,
            is_refused: false,
            exchange: None,
            tls: None,
        }
    }

    pub(super) fn refuse(&mut self, server: &mut Server, reply: Reply) {
        self.refused();
        server.refuse_all(reply);
    }

    fn refused(&mut self) {
        self.is_refused = true;
        self.service.log.count(Counted::ConnectionRejected);
    }

    /// `srv_features` and `check_relay`; the reply that refuses the
    /// connection.
    pub(super) async fn connection_checks(&mut self, server: &mut Server) -> Option<Reply> {
        let mut macros = MacroTable::clone(&self.macros);
        let (name, address) = (self.client.name.clone(), self.client.address.clone());
        let site = Arc::clone(&self.service.site);
        let features = site.check("srv_features", &[&name], &mut macros).await;
        if let Verdict::Other { mailer, host, user } = features {
            if mailer.eq_ignore_ascii_case(b"temp") {
                let text = "Please try again later.";
                return Some(Reply::with(450, (4, 3, 0), text));
            }
            let letters = bstr::join(" ", [&mailer, &host, &user]);
            server.set_features(apply_letters(server.features(), letters.as_bstr()));
        }
        if self.client.is_local {
            return None;
        }
        let checked = self
            .check("check_relay", &[&name, &address], &mut macros)
            .await;
        self.macros = Arc::new(macros);
        match checked {
            Checked::Go => {}
            Checked::Discard => self.discard = true,
            Checked::Quarantine(why) => self.quarantine = Some(why),
            Checked::Refuse(reply) => return Some(reply),
        }
        None
    }

    /// greet_pause: whether the client talks before it is greeted.
    async fn is_pushy<S>(&mut self, wire: &mut Wire<S>) -> bool
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        if self.client.is_local {
            return false;
        }
        let mut macros = MacroTable::clone(&self.macros);
        let (name, address) = (self.client.name.clone(), self.client.address.clone());
        let verdict = self
            .service
            .site
            .check("greet_pause", &[&name, &address], &mut macros)
            .await;
        let Verdict::Other { mailer, .. } = verdict else {
            return false;
        };
        // Milliseconds, five minutes at most.
        const PAUSE_MS_MAX: u64 = 300_000;
        let pause: u64 = mailer
            .to_str()
            .ok()
            .and_then(|m| m.parse().ok())
            .unwrap_or(0);
        let begun = tokio::time::Instant::now();
        if pause == 0
            || !wire
                .is_impatient(Duration::from_millis(pause.min(PAUSE_MS_MAX)))
                .await
        {
            return false;
        }
        let text = bstr::concat([
            b"rejecting commands from ".as_slice(),
            &self.client.name,
            b" [",
            &self.client.address,
            b"] due to pre-greeting traffic after ",
            begun.elapsed().as_secs().to_string().as_bytes(),
            b" seconds",
        ]);
        let subject = self.subject();
        self.service
            .note(subject, &Event::Other(Priority::Info, 5, &text));
        true
    }

    /// SmtpGreetingMessage as this moment gives it.
    pub(super) fn greeting(&self) -> BString {
        let mut macros = MacroTable::over(Arc::clone(&self.macros));
        let stamps = self.service.stamps(self.service.clock.now());
        macros.set(b"b", stamps.mail.as_str());
        let template = self
            .service
            .site
            .config
            .options
            .text(Opt::SmtpGreetingMessage);
        expand(template, &macros)
    }

    /// Reads, steps the machine and answers until it is over.
    async fn run<S>(&mut self, server: &mut Server, wire: &mut Wire<S>) -> End
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mut is_end = false;
        loop {
            if server.in_message() {
                match self.message(server, wire).await {
                    Ok(true) => continue,
                    Ok(false) => return End::Closed,
                    Err(_) => return End::Lost,
                }
            }
            server.set_slow(self.service.slow_load().is_some());
            let (taken, action) = server.step(&wire.input, is_end, &mut wire.out);
            wire.used(taken);
            self.take_notes(server);
            let outcome = match action {
                Action::Read if is_end => return End::Lost,
                Action::Read => match self.next_input(wire).await {
                    Some(outcome) => outcome,
                    None => {
                        self.say_goodbye(server, wire);
                        return End::Closed;
                    }
                },
                Action::Ask(ask) => {
                    let reply = Box::pin(self.answer(ask, server.greeted())).await;
                    server.answer(&reply, &mut wire.out);
                    continue;
                }
                Action::Reset => {
                    self.forget();
                    continue;
                }
                Action::Pause(time) => {
                    if wire.flush(self.service.limits.command_time).await.is_err() {
                        return End::Lost;
                    }
                    tokio::time::sleep(time).await;
                    // Whoever did not wait for the answer is seen to do so.
                    if let Ok(Got::End) = wire.read(Duration::ZERO).await {
                        is_end = true;
                    }
                    continue;
                }
                Action::Again => continue,
                Action::Xclient(argument) => {
                    match Box::pin(self.xclient(server, &argument, &mut wire.out)).await {
                        true => continue,
                        false => return End::Closed,
                    }
                }
                Action::StartTls => match Box::pin(self.start_tls(server, wire)).await {
                    true => continue,
                    false => return End::Closed,
                },
                Action::Close => return End::Closed,
            };
            match outcome {
                Ok(Got::Some) => {}
                Ok(Got::End) => is_end = true,
                Ok(Got::Late) => return End::Late,
                Err(_) => return End::Lost,
            }
        }
    }

    /// Sends what is to be sent and waits for the next command; `None` when
    /// the process is to end.
    async fn next_input<S>(&mut self, wire: &mut Wire<S>) -> Option<io::Result<Got>>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let time = self.service.limits.command_time;
        if let Err(error) = wire.flush(time).await {
            return Some(Err(error));
        }
        wire.rest();
        let mut stopping = self.service.stopping.clone();
        tokio::select! {
            biased;
            got = wire.read(time) => Some(got),
            Ok(_) = stopping.wait_for(|stop| *stop) => None,
        }
    }

    /// Closes a session that waits for a command (RFC 5321, section 3.8).
    fn say_goodbye<S>(&self, server: &mut Server, wire: &mut Wire<S>) {
        let host = &self.service.smtp.host;
        let text = bstr::concat([host.as_slice(), b" closing connection"]);
        let reply = Reply::with(421, (4, 3, 2), text);
        server.end(Some(&reply), &mut wire.out);
    }

    /// Takes message text; whether the session goes on.
    async fn message<S>(&mut self, server: &mut Server, wire: &mut Wire<S>) -> io::Result<bool>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let time = self.service.limits.data_time;
        loop {
            let Some(collector) = self.current.as_mut().and_then(|t| t.collector.as_mut()) else {
                return Ok(false);
            };
            let sink = collector.sink();
            let before = sink.len();
            let (taken, found) = server.message(&wire.input, sink, &mut wire.out);
            collector.grown(before);
            wire.used(taken);
            match found {
                Found::End => {
                    let ask = Ask::EndOfMessage;
                    let reply = Box::pin(self.answer(ask, server.greeted())).await;
                    server.answer(&reply, &mut wire.out);
                    return Ok(true);
                }
                Found::BareLf | Found::BareCr => {
                    self.smuggled(found);
                    return Ok(false);
                }
                Found::Chunk => return Ok(true),
                Found::More => {}
            }
            wire.flush(time).await?;
            match wire.read(time).await {
                Ok(Got::Some) => {}
                Ok(Got::End) | Err(_) => {
                    self.interrupted("unexpected close", server, wire);
                    return Ok(false);
                }
                Ok(Got::Late) => {
                    self.interrupted("read timeout", server, wire);
                    return Ok(false);
                }
            }
        }
    }

    /// Goes on under the id of a message that is taken out to be worked on.
    pub(super) fn keep_id(&mut self, transaction: &Transaction) {
        self.next_id = Some(transaction.id);
    }

    /// The id of the message under way or to come.
    pub(super) fn id(&mut self) -> QueueId {
        if let Some(current) = &self.current {
            return current.id;
        }
        *self
            .next_id
            .get_or_insert_with(|| self.service.spool.new_id())
    }

    /// The id, if there is one yet.
    pub(super) fn current_id(&self) -> Option<QueueId> {
        self.current.as_ref().map(|c| c.id).or(self.next_id)
    }

    /// What a line of the log is about now.
    pub(super) fn subject(&mut self) -> Subject {
        Subject::Message(self.id())
    }

    /// The message under way is given up: it leaves its line in the log.
    pub(super) fn forget(&mut self) {
        if let Some(transaction) = self.current.take() {
            if !transaction.is_nobody {
                self.note_from(&transaction, transaction.size(), None);
            }
            self.next_id = None;
        }
    }

    /// The message under way is done with: the next one gets its own id.
    pub(super) fn end_current(&mut self) -> Option<Box<Transaction>> {
        self.next_id = None;
        self.current.take()
    }
}

/// What `srv_features` says in letters: upper case takes away.
fn apply_letters(mut features: Features, letters: &BStr) -> Features {
    for letter in letters.iter() {
        let feature = match letter.to_ascii_lowercase() {
            b'a' => Features::AUTH,
            b'b' => Features::VERB,
            b'c' => Features::NO_PLAINTEXT,
            b'd' => Features::DSN,
            b'e' => Features::ETRN,
            b'l' => Features::NEED_AUTH,
            b'p' => Features::PIPELINING,
            // Without a certificate there is nothing to be offered again.
            b's' if *letter == b'S' => Features::STARTTLS,
            b'v' => Features::ASK_CERTIFICATE,
            b'x' => Features::EXPN,
            // Ours, beyond the reference.
            b'k' => Features::CHUNKING,
            // Here lower case demands, too.
            b'h' => Features::NO_HTTP,
            _ => continue,
        };
        features = if letter.is_ascii_uppercase() {
            features.without(feature)
        } else {
            features.with(feature)
        };
    }
    features
}

/// The peer of a TCP connection.
impl Connection {
    /// A connection from `peer` to `local`.
    pub fn tcp(peer: SocketAddr, local: Option<SocketAddr>) -> Self {
        Self {
            origin: Origin::Tcp(peer),
            local,
            counts: Counts::default(),
        }
    }
}
