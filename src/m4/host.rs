//! What the machine asks of the world: files, commands, temporary names, and
//! somewhere to say things.

use bstr::BString;

use super::{LineOrigin, Message};

/// The world's reason, in its own words ("No such file or directory").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostError(pub BString);

impl HostError {
    /// A reason in our words.
    pub fn new(reason: impl Into<BString>) -> Self {
        Self(reason.into())
    }
}

/// A file that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its name for messages and `__file__`: the path it was found under.
    pub path: BString,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// With this exit status.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

/// The world, as far as macros can reach it. Everything has a default that
/// refuses, so that a host gives only what it means to give.
pub trait Host {
    /// Reads a file for `include` and `sinclude`: by its name as it was
    /// asked for, then in the directories of the search path.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn read(&mut self, name: &[u8]) -> Result<Found, HostError>;

    /// Takes a message of the machine: a warning, an error.
    fn message(&mut self, message: &Message);

    /// Takes output that is final, when [`super::Settings::stream`] is set.
    fn output(&mut self, _bytes: &[u8]) {}

    /// Text for standard error (`errprint`), all output before it written,
    /// and where the call stands.
    fn errprint(&mut self, _bytes: &[u8], _origin: &LineOrigin) {}

    /// Text of `dumpdef`, traces and debugging, for standard error or where
    /// [`Host::debug_file`] said.
    fn debug(&mut self, _bytes: &[u8]) {}

    /// Sends debugging text to the named file from now on, to standard error
    /// for `None`, and nowhere for the empty name.
    ///
    /// # Errors
    /// Why it cannot be opened.
    fn debug_file(&mut self, _name: Option<&[u8]>) -> Result<(), HostError> {
        Err(HostError::new("not allowed here"))
    }

    /// Runs a command with the shell; its standard output is the machine's.
    ///
    /// # Errors
    /// Why it cannot be run.
    fn run(&mut self, _command: &[u8]) -> Result<Finished, HostError> {
        Err(HostError::new("commands are not allowed here"))
    }

    /// Runs a command with the shell and gives its standard output.
    ///
    /// # Errors
    /// Why it cannot be run.
    fn capture(&mut self, _command: &[u8]) -> Result<(Vec<u8>, Finished), HostError> {
        Err(HostError::new("commands are not allowed here"))
    }

    /// Makes an empty file out of a template that ends in `XXXXXX`, and gives
    /// its name.
    ///
    /// # Errors
    /// Why it cannot be made.
    fn make_temp(&mut self, _template: &[u8]) -> Result<BString, HostError> {
        Err(HostError::new("temporary files are not allowed here"))
    }

    /// The process id, for `maketemp` in its traditional form.
    fn process_id(&mut self) -> u32 {
        0
    }
}
