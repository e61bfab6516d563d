//! What the machine says about its input: data first, GNU's line on demand.

use bstr::{BString, ByteSlice};

use super::origin::{LineOrigin, Place};
use super::settings::FatalWarnings;
use super::{M4, Stop};

/// How much a message weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Announced as a warning, and the exit status stays 0 (without `-E`).
    Warning,
    /// A fault of one call, which expands to nothing or to a default; the
    /// exit status stays 0.
    Fault,
    /// A fault, and the exit status becomes 1.
    Error,
    /// The run ends with it.
    Fatal,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// How much it weighs.
    pub weight: Weight,
    /// What is wrong, in GNU's words.
    pub text: BString,
    /// The place GNU m4 names; line 0 when it names none.
    pub file: BString,
    /// The line of `file`.
    pub line: u32,
    /// The same place and the outermost one, for maps back to the source.
    pub origin: LineOrigin,
    /// The program's name at the head of the line.
    pub program: String,
}

impl Message {
    /// The line as GNU m4 prints it, without the newline.
    pub fn gnu_text(&self) -> BString {
        let mut line = BString::from(self.program.as_str());
        line.push(b':');
        if self.line > 0 {
            line.extend_from_slice(&self.file);
            line.extend_from_slice(format!(":{}:", self.line).as_bytes());
        }
        line.push(b' ');
        if self.weight == Weight::Warning {
            line.extend_from_slice(b"Warning: ");
        }
        line.extend_from_slice(&self.text);
        line
    }
}

/// Joins pieces of bytes into one text.
macro_rules! text {
    ($($piece:expr),+ $(,)?) => {{
        let mut text: Vec<u8> = Vec::new();
        $( text.extend_from_slice(AsRef::<[u8]>::as_ref(&$piece)); )+
        text
    }};
}
pub(super) use text;

impl M4<'_> {
    /// Says something about `place`.
    pub(super) fn say_at(
        &mut self,
        weight: Weight,
        place: Place,
        text: Vec<u8>,
    ) -> Result<(), Stop> {
        let mut origin = self.files.line_origin(self.places());
        let exact = self.files.origin(place);
        if place.line > 0 {
            origin.written = (exact != origin.asked).then_some(exact);
        }
        let message = Message {
            weight,
            text: BString::from(text),
            file: self.files.name(place.file).to_owned(),
            line: place.line,
            origin,
            program: self.settings.program.clone(),
        };
        self.flush();
        self.host.message(&message);
        self.messages += 1;
        let limit = self.settings.limits.messages;
        if self.messages > limit && weight != Weight::Fatal {
            return self.limit(format!("more than {limit} messages"));
        }
        let fatal = match weight {
            Weight::Fatal => true,
            // A file of the command line that is missing stops nothing.
            _ => self.settings.fatal_warnings == FatalWarnings::Stop && place.line > 0,
        };
        if fatal || weight == Weight::Error || self.settings.fatal_warnings != FatalWarnings::No {
            self.status = 1;
        }
        if fatal {
            return Err(Stop::Fatal(message.text.to_str_lossy().into_owned()));
        }
        Ok(())
    }

    /// Says something about the call that is being expanded.
    pub(super) fn say(&mut self, weight: Weight, text: Vec<u8>) -> Result<(), Stop> {
        self.say_at(weight, self.here, text)
    }

    /// A warning about the call that is being expanded.
    pub(super) fn warn(&mut self, text: Vec<u8>) -> Result<(), Stop> {
        self.say(Weight::Warning, text)
    }

    /// A fault of the call that is being expanded.
    pub(super) fn fault(&mut self, text: Vec<u8>) -> Result<(), Stop> {
        self.say(Weight::Fault, text)
    }
}
