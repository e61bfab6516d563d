//! The client's side of an SMTP session, word by word.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};

use crate::site::PATIENCE;

/// A session: what is said, and what was answered.
pub(crate) struct Dialogue {
    reader: BufReader<TcpStream>,
    transcript: String,
}

impl Dialogue {
    /// Connects and reads the greeting, whatever it is.
    pub(crate) fn open(address: SocketAddr) -> Self {
        let (mut session, _) = Self::open_any(address);
        let greeting = session.transcript.clone();
        assert!(greeting.starts_with("220"), "greeting: {greeting}");
        session.transcript.clear();
        session
    }

    /// The same from another address of this machine: 127.0.0.1 is trusted
    /// by every stock configuration, 127.0.0.2 is a stranger.
    pub(crate) fn open_from(from: [u8; 4], address: SocketAddr) -> Self {
        let (mut session, greeting) = Self::open_any_from(from, address);
        assert!(greeting.starts_with("220"), "greeting: {greeting}");
        session.transcript.clear();
        session
    }

    /// Connects and reads the first reply, which may be a refusal.
    pub(crate) fn open_any(address: SocketAddr) -> (Self, String) {
        Self::begin(TcpStream::connect(address).expect("the server listens"))
    }

    /// The same from another address of this machine.
    pub(crate) fn open_any_from(from: [u8; 4], address: SocketAddr) -> (Self, String) {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)
            .expect("a socket");
        let local = SocketAddr::from((from, 0));
        socket.bind(&local.into()).expect("an address of ours");
        socket.connect(&address.into()).expect("the server listens");
        Self::begin(socket.into())
    }

    /// Everything that comes until the server closes.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        // What came before an error counts.
        let _ = std::io::Read::read_to_end(&mut self.reader, &mut rest);
        String::from_utf8_lossy(&rest).into_owned()
    }

    fn begin(stream: TcpStream) -> (Self, String) {
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("an option");
        let mut session = Self {
            reader: BufReader::new(stream),
            transcript: String::new(),
        };
        let greeting = session.reply();
        (session, greeting)
    }

    /// Sends bytes as they are. That a server has hung up is for the reading
    /// to show.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        match self.reader.get_mut().write_all(bytes) {
            Err(error)
                if !matches!(
                    error.kind(),
                    ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
                ) =>
            {
                panic!("the server reads: {error}")
            }
            Ok(()) | Err(_) => {}
        }
    }

    /// Reads one reply, all its lines; empty at the end of the session.
    pub(crate) fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = Vec::new();
            let read = self.reader.read_until(b'\n', &mut line);
            let line = String::from_utf8_lossy(&line).into_owned();
            reply.push_str(&line);
            if read.is_err() || line.is_empty() || line.as_bytes().get(3) != Some(&b'-') {
                break;
            }
        }
        self.transcript.push_str(&reply);
        reply
    }

    /// Says a line and returns the reply.
    pub(crate) fn say(&mut self, line: &str) -> String {
        self.transcript.push_str(&format!(">>> {line}\n"));
        self.raw(format!("{line}\r\n").as_bytes());
        self.reply()
    }

    /// Says a line; the reply must start with `prefix`.
    pub(crate) fn expect(&mut self, line: &str, prefix: &str) -> String {
        let reply = self.say(line);
        assert!(
            reply.starts_with(prefix),
            "{line}: wanted {prefix}\n{}",
            self.transcript
        );
        reply
    }

    /// Sends a message text (LF line ends are made CR LF, dots are stuffed);
    /// the reply to its end must start with `prefix`.
    pub(crate) fn data(&mut self, text: &str, prefix: &str) -> String {
        self.expect("DATA", "354");
        let mut wire = String::new();
        for line in text.lines() {
            if line.starts_with('.') {
                wire.push('.');
            }
            wire.push_str(line);
            wire.push_str("\r\n");
        }
        self.raw(wire.as_bytes());
        self.expect(".", prefix)
    }
}
