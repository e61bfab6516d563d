//! Commands beside transactions: STARTTLS and AUTH, whose dialogue is the
//! driver's.

use super::{Answer, Awaited, Client, Extensions, State};
use crate::smtp::client::answer::AnswerReader;

impl Client {
    /// Sends a line that is no part of a transaction; the session must be
    /// idle. The answer is there when [`Client::take_aside`] gives it.
    pub fn ask(&mut self, line: &[u8]) {
        assert!(self.is_idle(), "only an idle session is asked for more");
        self.aside = None;
        self.command(line, Awaited::Aside);
    }

    /// The answer to the last [`Client::ask`]; `None` when the session ended
    /// instead.
    pub fn take_aside(&mut self) -> Option<Answer> {
        self.aside.take()
    }

    /// The stream is under TLS now: nothing that the server said before
    /// counts (RFC 3207, section 4.2), and it is asked again what it offers.
    pub fn begin_again(&mut self) {
        self.reader = AnswerReader::default();
        self.offered = Extensions::default();
        self.awaited.clear();
        self.out.clear();
        self.state = State::Opening;
        let verb = self.verb;
        self.hello(verb);
    }
}
