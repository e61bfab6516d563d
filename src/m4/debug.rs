//! Debugging lines about files: path searches and changes of input.

use super::M4;
use super::input::Kind;
use super::message::text;
use super::origin::{FileId, Place};
use super::settings::DebugFlags;

impl M4<'_> {
    /// Shows where a file was found on the search path.
    pub(super) fn note_path_search(&mut self, name: &[u8], path: &[u8]) {
        if self.settings.debug.has(DebugFlags::PATH) && name != path && name != b"-" {
            let line = text!(
                "m4debug:",
                self.debug_place(),
                " path search for `",
                name,
                "' found `",
                path,
                "'\n"
            );
            self.tell(&line);
        }
    }

    /// Shows that a file is read from now on.
    pub(super) fn note_input_file(&mut self, file: FileId) {
        if self.settings.debug.has(DebugFlags::INPUT) {
            let name = self.files.name(file);
            let place = self.debug_place();
            let line = text!("m4debug:", place, " input read from ", name, "\n");
            self.tell(&line);
        }
    }

    /// Shows that a file is used up at `end`, and what is read on.
    pub(super) fn note_input_end(&mut self, end: Place) {
        self.here = end;
        let below = self.input.sources.last_mut().map(|source| {
            // The line of the last byte read, not of the next.
            match source.kind {
                Kind::File { .. } => source.place_of(source.at.saturating_sub(1)),
                _ => source.place_of(source.at),
            }
        });
        let what = match below {
            Some(Place { file, line }) => text!(
                "input reverted to ",
                self.files.name(file),
                ", line ",
                line.to_string()
            ),
            None => b"input exhausted".to_vec(),
        };
        let line = text!("m4debug:", self.debug_place(), " ", what, "\n");
        self.tell(&line);
    }
}
