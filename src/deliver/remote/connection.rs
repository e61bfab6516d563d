//! One connection to a server: the client machine, its socket, its clock.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use bstr::BString;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use super::content::Content;
use super::policy::Demand;
use crate::rewrite::MacroTable;
use crate::sasl::Bindings;
use crate::smtp::client::{Answer, Client, Ending, Report, Settings, Step, Transaction};
use crate::world::{Stream, TlsClient, TlsFacts, TlsFault, Verify, Wanted};

/// Bytes read in one piece.
const PIECE_BYTES: usize = 4 << 10;

/// How long a handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(120);

/// A connected server.
pub(super) struct Connection {
    stream: Box<dyn Stream>,
    client: Client,
    buffer: Vec<u8>,
    /// What is known of its TLS, if it is under TLS.
    facts: Option<Arc<TlsFacts>>,
    /// What rules are told of it.
    pub(super) macros: Option<Arc<MacroTable>>,
    /// Messages that went over it.
    pub(super) messages: u64,
    /// When it was last used.
    pub(super) since: Instant,
}

impl Connection {
    /// Greets and is greeted.
    ///
    /// # Errors
    /// Why the server would not begin.
    pub(super) async fn open(stream: Box<dyn Stream>, settings: Settings) -> Result<Self, Ending> {
        let mut connection = Self {
            stream,
            client: Client::new(settings),
            buffer: Vec::with_capacity(PIECE_BYTES),
            facts: None,
            macros: None,
            messages: 0,
            since: Instant::now(),
        };
        connection.drive(None).await;
        match (connection.client.is_idle(), connection.client.ending()) {
            (false, Some(ending)) => {
                let ending = ending.clone();
                connection.hang_up().await;
                Err(ending)
            }
            _ => Ok(connection),
        }
    }

    /// The machine, for what the server offers and calls itself.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Says something that is no part of a message; `None` when the session
    /// ended over it.
    pub(super) async fn ask(&mut self, line: &[u8]) -> Option<Answer> {
        if !self.client.is_idle() {
            return None;
        }
        self.client.ask(line);
        self.drive(None).await;
        self.client.take_aside()
    }

    /// Does the handshake, and asks the server again what it offers. After a
    /// fault nothing can be said over this connection any more.
    pub(super) async fn handshake(
        &mut self,
        tls: &dyn TlsClient,
        wanted: Wanted<'_>,
    ) -> Result<Arc<TlsFacts>, TlsFault> {
        let stream = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        let late = || TlsFault {
            reason: "timed out".to_owned(),
            is_ours: false,
        };
        let connected = timeout(HANDSHAKE_MAX, tls.connect_as(stream, wanted)).await;
        let (stream, facts) = connected.unwrap_or_else(|_| Err(late()))?;
        self.stream = stream;
        self.facts = Some(Arc::clone(&facts));
        self.client.begin_again();
        self.drive(None).await;
        Ok(facts)
    }

    /// Whether it is under TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.facts.is_some()
    }

    /// What is known of its TLS.
    pub(super) fn facts(&self) -> Option<&TlsFacts> {
        self.facts.as_deref()
    }

    /// Whether a message may go over it that must go under TLS to the end:
    /// the server is who it should be, and promises the same.
    pub(super) fn may_require_tls(&self) -> bool {
        let is_known = |facts: &TlsFacts| match facts.verify {
            Verify::Trusted => true,
            Verify::Ok => facts.is_named,
            _ => false,
        };
        self.client.offered().require_tls && self.facts().is_some_and(is_known)
    }

    /// Its TLS in words, for what is kept of the host.
    pub(super) fn secured(&self, demand: &Demand) -> Option<BString> {
        let facts = self.facts()?;
        let text = format!(
            "{}, verify={}, policy={}",
            facts.version,
            facts.verify.as_str(),
            demand.name()
        );
        Some(text.into())
    }

    /// What ties a login to its TLS.
    pub(super) fn bindings(&self) -> Bindings {
        let exporter = self.facts.as_ref().and_then(|facts| facts.exporter.clone());
        exporter.map_or_else(Bindings::none, |data| {
            Bindings::none().with("tls-exporter", data)
        })
    }

    /// Sends a message; `None` only when the machine and this driver disagree.
    pub(super) async fn send(
        &mut self,
        transaction: Transaction,
        content: &Content,
    ) -> Option<Report> {
        self.client.begin(transaction);
        self.drive(Some(content)).await;
        self.messages += 1;
        self.since = Instant::now();
        self.client.take_report()
    }

    /// Whether another message may go over it.
    pub(super) fn is_usable(&self) -> bool {
        self.client.is_idle()
    }

    /// Whether the server has hung up, or said something, while it was idle.
    pub(super) fn is_stale(&mut self) -> bool {
        let mut byte = [0];
        let mut read = ReadBuf::new(&mut byte);
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(&mut self.stream)
            .poll_read(&mut context, &mut read)
            .is_ready()
    }

    /// Says QUIT if that makes sense, and closes.
    pub(super) async fn close(mut self, wait_max: Duration) {
        self.client.quit();
        let _ = timeout(wait_max, self.drive(None)).await;
    }

    /// After a refused beginning: the server may still want to hear QUIT.
    async fn hang_up(&mut self) {
        let quit = self.stream.write_all(b"QUIT\r\n");
        let _ = timeout(Duration::from_secs(1), quit).await;
    }

    /// Does what the machine wants until it has nothing to do.
    async fn drive(&mut self, content: Option<&Content>) {
        loop {
            match self.client.step() {
                Step::Write => self.write().await,
                Step::Read(wait_max) => self.read(wait_max).await,
                Step::Content => self.send_content(content).await,
                Step::Idle | Step::Done | Step::Closed => return,
            }
        }
    }

    async fn write(&mut self) {
        self.buffer.clear();
        self.client.take_output(&mut self.buffer);
        self.write_buffer().await;
    }

    /// Sends the buffer; `false` when that failed, and the machine knows.
    async fn write_buffer(&mut self) -> bool {
        let wait_max = self.client.content_wait_max();
        let Self { stream, buffer, .. } = self;
        let write = async {
            stream.write_all(buffer).await?;
            // TLS keeps records until it is told.
            stream.flush().await
        };
        match timeout(wait_max, write).await {
            Ok(Ok(())) => true,
            Ok(Err(_)) => {
                // What the server said before it hung up is worth hearing.
                self.hear_last_words().await;
                self.client.lost();
                false
            }
            Err(_) => {
                self.client.timed_out();
                false
            }
        }
    }

    async fn hear_last_words(&mut self) {
        let mut piece = [0; PIECE_BYTES];
        let read = timeout(Duration::from_secs(1), self.stream.read(&mut piece));
        if let Ok(Ok(count)) = read.await {
            self.client.receive(&piece[..count]);
        }
    }

    async fn read(&mut self, wait_max: Duration) {
        let mut piece = [0; PIECE_BYTES];
        match timeout(wait_max, self.stream.read(&mut piece)).await {
            Ok(Ok(0)) | Ok(Err(_)) => self.client.lost(),
            Ok(Ok(count)) => self.client.receive(&piece[..count]),
            Err(_) => self.client.timed_out(),
        }
    }

    async fn send_content(&mut self, content: Option<&Content>) {
        let Some(content) = content else {
            // Without a message there was no transaction to ask for one.
            return self.client.lost();
        };
        let mut pieces = content.pieces();
        loop {
            self.buffer.clear();
            match pieces.encode_next(&mut self.buffer) {
                Ok(more) => {
                    if !self.write_buffer().await {
                        return;
                    }
                    if !more {
                        return self.client.content_sent();
                    }
                }
                // Our own file cannot be read: the connection must break, as
                // a dot would make half a message whole.
                Err(error) => return self.broken_content(&error),
            }
        }
    }

    fn broken_content(&mut self, _error: &io::Error) {
        self.client.lost();
    }
}
