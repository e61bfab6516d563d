//! What a map answers, and how it may take its time.

use bstr::BString;

use crate::world::BoxFuture;

/// The answer of a map, as the rewriting language sees it.
///
/// *Not found* and *try again* are never confused: the first takes the default
/// of `$( … $: default $)`, the second makes the whole rule run temporary.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The value, flags such as `-a` applied and `%0` to `%9` filled in.
    Found(BString),
    /// There is no such key.
    NotFound,
    /// The map cannot be asked now: try again later.
    TempFail,
}

/// What a lookup came to, with the exit code that `-bt` shows after `/map`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The value.
    Found(BString),
    /// No value, with the code that this class gives (a value of
    /// `sysexits.h`, or a program's own exit status; never 75).
    NotFound(i32),
    /// Try again later (75).
    TempFail,
}

impl Outcome {
    /// The number that `map_lookup: … (N)` shows.
    pub fn code(&self) -> i32 {
        match self {
            Outcome::Found(_) => 0,
            Outcome::NotFound(code) => *code,
            Outcome::TempFail => 75,
        }
    }

    /// Plain absence, code 0, as database classes give it.
    pub(crate) const ABSENT: Outcome = Outcome::NotFound(0);
    /// Absence as classes give it that look in files and names (68).
    pub(crate) const NO_HOST: Outcome = Outcome::NotFound(68);
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Found(value) => Answer::Found(value),
            Outcome::NotFound(_) => Answer::NotFound,
            Outcome::TempFail => Answer::TempFail,
        }
    }
}

/// A lookup: answered already, or to be awaited.
///
/// Maps in memory and in local files answer at once; name servers, programs
/// and sockets are awaited by the caller, so that no thread waits for a map.
#[must_use]
pub enum Lookup<'a, T = Answer> {
    /// The answer.
    Ready(T),
    /// The answer, later.
    Pending(BoxFuture<'a, T>),
}

impl<'a, T: Send + 'a> Lookup<'a, T> {
    /// Waits for the answer.
    pub async fn wait(self) -> T {
        match self {
            Lookup::Ready(answer) => answer,
            Lookup::Pending(later) => later.await,
        }
    }

    /// Turns the answer into another one, now or later.
    pub fn map<U: Send + 'a>(self, turn: impl FnOnce(T) -> U + Send + 'a) -> Lookup<'a, U> {
        match self {
            Lookup::Ready(answer) => Lookup::Ready(turn(answer)),
            Lookup::Pending(later) => Lookup::Pending(Box::pin(async move { turn(later.await) })),
        }
    }
}

/// The macros that a running rule sees, as far as a map may change them (class
/// `macro`, and the name a `stab` of the envelope keeps).
pub trait MacroTable {
    /// Sets the macro `name` (one byte, or `{long}` without its braces), or
    /// takes it away.
    fn set(&mut self, name: &[u8], value: Option<&[u8]>);
}

/// Nothing can be set: for lookups outside a rule run.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMacros;

impl MacroTable for NoMacros {
    fn set(&mut self, _name: &[u8], _value: Option<&[u8]>) {}
}

/// What a lookup may touch and must know of the message it is for.
pub struct Scope<'a> {
    /// The macros of the running rule.
    pub macros: &'a mut dyn MacroTable,
    /// DeliveryMode is `defer`: maps with `-D` answer *try again*.
    pub deferring: bool,
    /// The queue id, for what the lookup logs (class `syslog`); empty without.
    pub queue_id: &'a str,
}
