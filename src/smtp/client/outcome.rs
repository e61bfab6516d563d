//! What a server made of a recipient, with the status that goes into logs
//! and reports.

use bstr::BString;

use super::Answer;
use crate::base::{Enhanced, Sysexit};

/// Where a session stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Before the greeting was whole.
    Greeting,
    /// EHLO, HELO or LHLO.
    Hello,
    /// MAIL
    Mail,
    /// RCPT
    Rcpt,
    /// DATA
    Data,
    /// The text of the message was being sent.
    Content,
    /// After the final dot: the server may have taken the message.
    FinalDot,
    /// RSET
    Rset,
    /// QUIT
    Quit,
    /// Nothing was going on.
    Idle,
}

/// Why a recipient was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The server said so.
    Answer(Phase, Answer),
    /// The server said something that makes no sense there.
    Unexpected(Phase, Answer),
    /// The server's words were no replies at all.
    Garbage(Phase),
    /// The connection broke.
    Lost(Phase),
    /// The server said nothing for too long.
    TimedOut(Phase),
    /// We would not ask it: the text says why.
    Local(&'static str),
    /// The message is larger than the server takes: its limit in bytes.
    TooLarge(u64),
}

/// A recipient that was not taken: why, and how logs and reports put it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What happened.
    pub cause: Cause,
    /// The enhanced code for `dsn=` and `Status:`.
    pub status: Enhanced,
    /// What it amounts to: `User unknown`, `Service unavailable`, ….
    pub exit: Sysexit,
}

/// What became of one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server took it: its answer.
    Sent(Answer),
    /// Worth another try.
    Deferred(Refusal),
    /// Never to be tried again.
    Failed(Refusal),
}

/// Something that a transcript shows: a reply of the server that was not
/// good news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The command to show before it, if it was not shown yet.
    pub command: Option<BString>,
    /// The reply.
    pub answer: Answer,
    /// The recipient it was about, if about one.
    pub recipient: Option<usize>,
}

impl Outcome {
    /// What an answer that is no success means to a recipient.
    /// `enhanced` says whether the server promised enhanced codes.
    pub(super) fn of(phase: Phase, answer: &Answer, enhanced: bool) -> Self {
        let given = answer.enhanced().filter(|_| enhanced);
        let code = answer.code();
        let refusal = |status: Enhanced, exit| Refusal {
            cause: Cause::Answer(phase, answer.clone()),
            status: given.filter(|_| phase != Phase::Data).unwrap_or(status),
            exit,
        };
        if answer.is_temporary() {
            return Outcome::Deferred(refusal(temporary(phase, code), Sysexit::TempFail));
        }
        if answer.is_permanent() {
            let (status, exit) = permanent(phase, code);
            return Outcome::Failed(refusal(status, exit));
        }
        Outcome::Failed(Refusal {
            cause: Cause::Unexpected(phase, answer.clone()),
            status: match phase {
                Phase::Rcpt | Phase::FinalDot => Enhanced::new(5, 0, 0),
                _ => Enhanced::new(5, 5, 1),
            },
            exit: Sysexit::Protocol,
        })
    }

    /// Not now, because of what happened to the connection.
    pub(super) fn broken(cause: Cause) -> Self {
        Outcome::Deferred(Refusal {
            cause,
            status: Enhanced::new(4, 4, 2),
            exit: Sysexit::TempFail,
        })
    }

    /// Never, for a reason of our own.
    pub(super) fn refused(cause: Cause, status: Enhanced) -> Self {
        Outcome::Failed(Refusal {
            cause,
            status,
            exit: Sysexit::Unavailable,
        })
    }

    /// Whether the server took it.
    pub fn is_sent(&self) -> bool {
        matches!(self, Outcome::Sent(_))
    }
}

/// The status of a 4xx reply without an enhanced code, as sendmail gives it.
fn temporary(phase: Phase, code: u16) -> Enhanced {
    let (subject, detail) = match (phase, code) {
        (Phase::Greeting | Phase::Hello, _) => (5, 0),
        (Phase::Data, _) => (0, 0),
        (_, 450) => (2, 0),
        (_, 451) => (3, 0),
        (_, 452) => (3, 1),
        _ => (0, 0),
    };
    Enhanced::new(4, subject, detail)
}

/// The status and meaning of a 5xx reply without an enhanced code, as
/// sendmail gives them.
fn permanent(phase: Phase, code: u16) -> (Enhanced, Sysexit) {
    let (subject, detail) = match (phase, code) {
        (Phase::Greeting | Phase::Hello, _) => (5, 0),
        (Phase::Mail, 501) => (5, 2),
        (Phase::Mail, 552) => (3, 4),
        (Phase::Mail | Phase::Rcpt, 553) => (1, 3),
        (Phase::Mail | Phase::Data, _) => (0, 0),
        (Phase::Rcpt, 550) => (1, 1),
        (_, 500) => (5, 2),
        (_, 501 | 504) => (5, 4),
        (_, 502 | 503) => (5, 1),
        (_, 550) => (2, 0),
        (_, 551) => (1, 6),
        (_, 552) => (2, 2),
        (_, 553) => (1, 0),
        _ => (0, 0),
    };
    let exit = match (phase, code) {
        (Phase::Mail, 501 | 553) => Sysexit::DataErr,
        (Phase::Rcpt, 550 | 551 | 553) => Sysexit::NoUser,
        (Phase::FinalDot, code) if code / 10 != 55 => Sysexit::Protocol,
        _ => Sysexit::Unavailable,
    };
    (Enhanced::new(5, subject, detail), exit)
}
