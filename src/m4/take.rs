//! Taking text in: into the argument that is being collected or, outside of
//! calls, into the output; and where it came from.

use super::input::Kind;
use super::origin::{FileId, Place, Places};
use super::output::Advance;
use super::{M4, Stop};

/// Output waits until there is this much of it.
const STREAM_BYTES: usize = 64 << 10;

impl M4<'_> {
    /// Takes `length` bytes of the top source in, that mean themselves.
    pub(super) fn take_plain(&mut self, length: usize) -> Result<(), Stop> {
        if self.frames.is_empty() {
            self.begin_token();
        }
        self.take_in(length)
    }

    /// Takes `length` bytes of the top source in, as they are.
    pub(super) fn take_in(&mut self, length: usize) -> Result<(), Stop> {
        if !self.frames.is_empty() {
            if let Some(source) = self.input.sources.last_mut() {
                let end = (source.at + length).min(source.text.bytes().len());
                self.arena
                    .extend_from_slice(&source.text.bytes()[source.at..end]);
                source.at = end;
            }
            return self.check_arguments();
        }
        if self.output.discards() {
            if let Some(source) = self.input.sources.last_mut() {
                source.at += length;
            }
            return Ok(());
        }
        if self.settings.synclines {
            return self.take_in_synced(length);
        }
        let (places, advance) = self.text_places();
        if let Some(source) = self.input.sources.last_mut() {
            let end = (source.at + length).min(source.text.bytes().len());
            let text = &source.text.bytes()[source.at..end];
            self.output.write(text, places, advance);
            source.at = end;
        }
        self.check_output()
    }

    /// As [`Self::take_in`], line by line.
    fn take_in_synced(&mut self, length: usize) -> Result<(), Stop> {
        if let Some(source) = self.input.sources.last_mut() {
            let end = (source.at + length).min(source.text.bytes().len());
            while source.at < end {
                let place = source.place_of(source.at);
                let text = &source.text.bytes()[source.at..end];
                let line = memchr::memchr(b'\n', text).map_or(text.len(), |at| at + 1);
                self.output.write_synced(&text[..line], place, &self.files);
                source.at += line;
            }
        }
        self.check_output()
    }

    /// Takes in a token that is not a slice of the top source.
    pub(super) fn take_in_text(&mut self, text: &[u8], place: Place) -> Result<(), Stop> {
        if !self.frames.is_empty() {
            self.arena.extend_from_slice(text);
            return self.check_arguments();
        }
        if self.settings.synclines {
            self.output.write_synced(text, place, &self.files);
        } else {
            let places = self.places();
            self.output.write(text, places, Advance::No);
        }
        self.check_output()
    }

    /// Copies a file's text into the current diversion.
    pub(super) fn write_file(&mut self, file: FileId, text: &[u8]) -> Result<(), Stop> {
        let mut places = self.places();
        places.written = Place { file, line: 1 };
        self.output.write(text, places, Advance::Written);
        self.check_output()
    }

    pub(super) fn check_arguments(&mut self) -> Result<(), Stop> {
        let limit = self.settings.limits.pending_bytes;
        if self.arena.len() > limit {
            return self.limit(format!("more than {limit} bytes of arguments"));
        }
        Ok(())
    }

    pub(super) fn check_output(&mut self) -> Result<(), Stop> {
        if self.settings.stream && self.output.main_bytes() >= STREAM_BYTES {
            self.flush();
        }
        let limit = self.settings.limits.output_bytes;
        if self.output.held_bytes() > limit {
            return self.limit(format!("more than {limit} bytes of output"));
        }
        Ok(())
    }

    /// Notes where the token stands that begins now, outside of arguments.
    pub(super) fn begin_token(&mut self) {
        if !self.settings.origins {
            return;
        }
        let Some(source) = self.input.sources.last_mut() else {
            return;
        };
        let place = source.place_of(source.at);
        match &mut source.kind {
            Kind::File {
                call_line,
                outermost,
                ..
            } => {
                *call_line = place.line;
                if *outermost {
                    self.asked = place;
                }
            }
            Kind::Wrapped { asked, .. } => self.asked = *asked,
            Kind::Expansion(_) | Kind::Builtin(..) => {}
        }
    }

    /// The places of what is written now.
    pub(in crate::m4) fn places(&self) -> Places {
        let written = self
            .input
            .sources
            .iter()
            .rev()
            .find_map(|source| match source.kind {
                Kind::File {
                    file, call_line, ..
                } => Some(Place {
                    file,
                    line: call_line,
                }),
                Kind::Wrapped { place, .. } => Some(place),
                _ => None,
            });
        Places {
            asked: self.asked,
            written: written.unwrap_or(self.asked),
        }
    }

    /// The places of the text on top, and how they advance.
    fn text_places(&self) -> (Places, Advance) {
        if !self.settings.origins {
            return (Places::default(), Advance::No);
        }
        let advance = match self.input.sources.last().map(|source| &source.kind) {
            Some(Kind::File { outermost, .. }) if *outermost => Advance::Both,
            Some(Kind::File { .. }) => Advance::Written,
            _ => Advance::No,
        };
        (self.places(), advance)
    }
}
