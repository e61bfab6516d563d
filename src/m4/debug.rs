//! Debugging lines about files: path searches and changes of input.

use super::input::Source;
use super::origin::FileId;
use super::{M4, Stop};

impl M4<'_> {
    /// Shows where a file was found on the search path.
    pub(super) fn note_path_search(&mut self, _name: &[u8], _path: &[u8]) -> Result<(), Stop> {
        Ok(())
    }

    /// Shows that a file is read from now on.
    pub(super) fn note_input_file(&mut self, _file: FileId) -> Result<(), Stop> {
        Ok(())
    }

    /// Shows that a file is used up.
    pub(super) fn note_input_end(&mut self, _source: Source) -> Result<(), Stop> {
        Ok(())
    }
}
