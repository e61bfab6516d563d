//! The macro processor's world during a compilation: the library first, then
//! the site's own folders, then what the caller gives.

use bstr::{BString, ByteSlice};

use super::{LIBRARY, LIBRARY_ENTRY, Templates, embedded};
use crate::m4::{Finished, Found, Host, HostError, LineOrigin, Message};

/// What was said while the macros ran, in order.
pub(super) enum Event {
    /// By the macro processor.
    Message(Message),
    /// By a macro, with `errprint`.
    Said { origin: LineOrigin, text: BString },
}

/// Answers for the library, and passes everything else on.
pub(super) struct LibraryHost<'a> {
    templates: &'a Templates,
    outside: &'a mut dyn Host,
    /// Where the site keeps folders like the library's: `domain`, `feature`,
    /// `hack`, `mailer`, `ostype`.
    site: Vec<BString>,
    /// What was said.
    pub(super) events: Vec<Event>,
}

impl<'a> LibraryHost<'a> {
    /// For a source with this name: its folder is the first of the site's.
    pub(super) fn new(name: &str, templates: &'a Templates, outside: &'a mut dyn Host) -> Self {
        let beside = name.rfind('/').map(|slash| BString::from(&name[..=slash]));
        Self {
            templates,
            outside,
            site: beside.into_iter().collect(),
            events: Vec::new(),
        }
    }

    /// The library in the binary, then the site's folders.
    fn read_built_in(&mut self, name: &[u8]) -> Result<Found, HostError> {
        let is_entry = is_entry(name);
        if is_entry && name != LIBRARY_ENTRY {
            // The tree that the source names may have files of the site.
            let tree = BString::from(name.strip_suffix(b"m4/cf.m4").unwrap_or_default());
            if !tree.is_empty() && !self.site.contains(&tree) {
                self.site.push(tree);
            }
        }
        let name = if is_entry { LIBRARY_ENTRY } else { name };
        let Some(short) = name.strip_prefix(LIBRARY) else {
            return self.outside.read(name);
        };
        if let Some(bytes) = short.to_str().ok().and_then(embedded::template) {
            return Ok(Found {
                path: name.into(),
                bytes: bytes.to_vec(),
            });
        }
        for folder in &self.site {
            let path = bstr::concat([folder.as_slice(), short]);
            if let Ok(found) = self.outside.read(&path) {
                return Ok(found);
            }
        }
        self.outside.read(short)
    }
}

/// Whether a path means the library's entry.
fn is_entry(name: &[u8]) -> bool {
    name == b"m4/cf.m4" || name.ends_with(b"/m4/cf.m4")
}

impl Host for LibraryHost<'_> {
    fn read(&mut self, name: &[u8]) -> Result<Found, HostError> {
        match self.templates {
            Templates::AsWritten => self.outside.read(name),
            Templates::Directory(directory) if is_entry(name) => {
                let directory = directory.trim_end_with(|c| c == '/');
                self.outside.read(&bstr::concat([directory, b"/m4/cf.m4"]))
            }
            Templates::Directory(_) => self.outside.read(name),
            Templates::BuiltIn => self.read_built_in(name),
        }
    }

    fn message(&mut self, message: &Message) {
        self.events.push(Event::Message(message.clone()));
    }

    fn errprint(&mut self, bytes: &[u8], origin: &LineOrigin) {
        self.events.push(Event::Said {
            origin: origin.clone(),
            text: bytes.into(),
        });
    }

    fn debug(&mut self, bytes: &[u8]) {
        self.outside.debug(bytes);
    }

    fn debug_file(&mut self, name: Option<&[u8]>) -> Result<(), HostError> {
        self.outside.debug_file(name)
    }

    fn make_temp(&mut self, template: &[u8]) -> Result<BString, HostError> {
        match self.templates {
            // Ours makes none, and a source has no business to.
            Templates::BuiltIn => Err(HostError::new("temporary files are not allowed here")),
            _ => self.outside.make_temp(template),
        }
    }

    fn process_id(&mut self) -> u32 {
        self.outside.process_id()
    }

    fn run(&mut self, command: &[u8]) -> Result<Finished, HostError> {
        self.outside.run(command)
    }

    fn capture(&mut self, command: &[u8]) -> Result<(Vec<u8>, Finished), HostError> {
        self.outside.capture(command)
    }
}
