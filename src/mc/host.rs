//! The macro processor's world during a compilation: the library first, then
//! what the caller gives.

use bstr::{BString, ByteSlice};

use super::{LIBRARY, LIBRARY_ENTRY, Templates, embedded};
use crate::m4::{Finished, Found, Host, HostError, Message};

/// Answers for the library, and passes everything else on.
pub(super) struct LibraryHost<'a> {
    templates: &'a Templates,
    outside: &'a mut dyn Host,
    /// What the macro processor said.
    pub(super) messages: Vec<Message>,
    /// What was printed with `errprint`.
    pub(super) said: BString,
}

impl<'a> LibraryHost<'a> {
    pub(super) fn new(templates: &'a Templates, outside: &'a mut dyn Host) -> Self {
        Self {
            templates,
            outside,
            messages: Vec::new(),
            said: BString::default(),
        }
    }
}

impl Host for LibraryHost<'_> {
    fn read(&mut self, name: &[u8]) -> Result<Found, HostError> {
        let is_entry = name == b"m4/cf.m4" || name.ends_with(b"/m4/cf.m4");
        match self.templates {
            Templates::AsWritten => self.outside.read(name),
            Templates::Directory(directory) if is_entry => {
                let directory = directory.trim_end_with(|c| c == '/');
                self.outside.read(&bstr::concat([directory, b"/m4/cf.m4"]))
            }
            Templates::Directory(_) => self.outside.read(name),
            Templates::BuiltIn => {
                let name = if is_entry { LIBRARY_ENTRY } else { name };
                match name.strip_prefix(LIBRARY).and_then(built_in) {
                    Some(bytes) => Ok(Found {
                        path: name.into(),
                        bytes: bytes.to_vec(),
                    }),
                    None => self.outside.read(name),
                }
            }
        }
    }

    fn message(&mut self, message: &Message) {
        self.messages.push(message.clone());
    }

    fn errprint(&mut self, bytes: &[u8]) {
        self.said.extend_from_slice(bytes);
    }

    fn run(&mut self, command: &[u8]) -> Result<Finished, HostError> {
        self.outside.run(command)
    }

    fn capture(&mut self, command: &[u8]) -> Result<(Vec<u8>, Finished), HostError> {
        self.outside.capture(command)
    }
}

fn built_in(name: &[u8]) -> Option<&'static [u8]> {
    embedded::template(name.to_str().ok()?)
}
