//! A far SMTP host of a test's own: takes mail, or refuses it, or hides.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use crate::site::PATIENCE;

/// One message the sink took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) text: String,
}

/// Listens until it is dropped (or the test ends).
pub(crate) struct Sink {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Sink {
    /// Listens at a free port.
    pub(crate) fn start() -> Self {
        Self::at(0)
    }

    /// Listens at this port of 127.0.0.1. Recipients that start with `temp`
    /// get 450, those that start with `perm` 550.
    pub(crate) fn at(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let address = listener.local_addr().expect("an address");
        let received = Arc::new(Mutex::new(Vec::new()));
        let store = Arc::clone(&received);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let store = Arc::clone(&store);
                thread::spawn(move || {
                    let _ = serve(&stream, &store);
                });
            }
        });
        Self { address, received }
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// What it has taken so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no thread panicked").clone()
    }

    /// Waits until it has taken `count` messages.
    pub(crate) fn wait(&self, count: usize) -> Vec<Received> {
        let end = Instant::now() + PATIENCE;
        loop {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            assert!(
                Instant::now() < end,
                "{} of {count} messages came to the sink",
                received.len()
            );
            thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

fn serve(stream: &TcpStream, store: &Mutex<Vec<Received>>) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut message = Received::default();
    out.write_all(b"220 sink.example ESMTP\r\n")?;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let upper = line.to_ascii_uppercase();
        let argument = line
            .split_once('<')
            .and_then(|(_, rest)| rest.split_once('>'))
            .map(|(address, _)| address.to_owned())
            .unwrap_or_default();
        let reply: &[u8] = if upper.starts_with("EHLO") {
            b"250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE\r\n250 DSN\r\n"
        } else if upper.starts_with("MAIL") {
            message = Received {
                from: argument,
                ..Received::default()
            };
            b"250 2.1.0 Ok\r\n"
        } else if upper.starts_with("RCPT") {
            if argument.starts_with("temp") {
                b"450 4.2.1 Try again later\r\n"
            } else if argument.starts_with("perm") {
                b"550 5.1.1 User unknown\r\n"
            } else {
                message.to.push(argument);
                b"250 2.1.5 Ok\r\n"
            }
        } else if upper.starts_with("DATA") {
            if message.to.is_empty() {
                b"503 5.0.0 Need RCPT\r\n"
            } else {
                out.write_all(b"354 Go ahead\r\n")?;
                loop {
                    let mut line = Vec::new();
                    if lines.read_until(b'\n', &mut line)? == 0 {
                        return Ok(());
                    }
                    if line == b".\r\n" {
                        break;
                    }
                    let line = line.strip_prefix(b".").unwrap_or(&line);
                    message.text.push_str(&String::from_utf8_lossy(line));
                }
                let taken = std::mem::take(&mut message);
                store.lock().expect("no thread panicked").push(taken);
                b"250 2.0.0 Taken\r\n"
            }
        } else if upper.starts_with("QUIT") {
            out.write_all(b"221 2.0.0 Bye\r\n")?;
            return Ok(());
        } else {
            b"250 2.0.0 Ok\r\n"
        };
        out.write_all(reply)?;
    }
}
